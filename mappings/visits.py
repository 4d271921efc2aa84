"""Iteration spaces in closed form: how often a tile is visited, and how much a visit touches.

A rank of size N cut into chunks of c has ⌊N/c⌋ visits to a whole chunk and one to a ragged one; a band mask over two
ranks has up to four classes of chunk pairs (`workloads.visited_pairs`). Classes of different ranks multiply.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from specs import Problem, SpecError
from workloads import LARGEST, ceil_div, is_array, least, visited, visited_pairs

from .schedule import Schedule

Whole = Any
Class = tuple[Whole, Whole]  # (visits, words per visit)


@dataclass(frozen=True)
class Arithmetic:
    """How counts multiply and add up."""

    times: Callable[[Whole, Whole], Whole]
    total: Callable[[Iterable[Whole]], Whole]


@dataclass(frozen=True)
class Space:
    """An iteration space to be counted.

    Chunk pairs of a mask are skipped at the granularity of `loops`; `steps` cut what is inside of a tile further.
    """

    schedule: Schedule
    by: Arithmetic
    ranks: tuple[str, ...]
    loops: tuple[str, ...]
    steps: tuple[str, ...]
    masked: bool
    beat: tuple[str, ...] = ()  # words are those of the first beat of a visit, cut by these loops and steps
    memo: dict[object, list[Class]] = field(default_factory=dict)  # shared by all spaces of a schedule

    def classes(self, parts: tuple[str, ...]) -> list[Class]:
        """Visits and words per visit for a tensor that carries `parts`; visits repeat by loops and steps."""
        key = (self.ranks, self.loops, self.steps, self.masked, self.beat, parts)
        if key not in self.memo:
            self.memo[key] = self._product(self._groups(parts))
        return self.memo[key]

    def total(self, parts: tuple[str, ...]) -> Whole:
        """Words of all visits."""
        return self.by.total(self.by.times(visits, words) for visits, words in self.classes(parts))

    def points(self) -> Whole:
        """Real points: every index of `ranks` that exists and, under a mask, is visible. Loops play no part."""
        grains = {}
        total: Whole = 1
        for name, family in self.schedule.families.items():
            own = [p for p in family.parts if p.name in self.ranks]
            if own and own[0] is not family.parts[0]:  # without its outermost part a rank has no ragged end
                for part in own:
                    total = self.by.times(total, family.extent(part.name))
            elif own:
                grains[name] = own[-1].chunk
        band = self.schedule.band if self.masked else None
        pair = (band.row, band.column) if band else ()
        factors = [ceil_div(self.schedule.families[n].size, grain) for n, grain in grains.items() if n not in pair]
        if band:
            rows, columns = self.schedule.families[band.row].size, self.schedule.families[band.column].size
            factors.append(visited(band, rows, grains.get(band.row, rows), columns, grains.get(band.column, columns)))
        for factor in sorted(factors, key=is_array):
            total = self.by.times(total, factor)
        return total

    def _groups(self, parts: tuple[str, ...]) -> list[list[Class]]:
        schedule = self.schedule
        carried: dict[str, list[str]] = {}
        for part in dict.fromkeys((*self.ranks, *self.loops, *self.steps, *parts)):
            carried.setdefault(schedule.family_of[part], []).append(part)
        band = schedule.band if self.masked else None
        pair = (band.row, band.column) if band else ()
        groups = [self._family(name, own, parts) for name, own in carried.items() if name not in pair]
        if band:
            groups.append(self._pair(parts))
        return groups

    def _cuts(self, name: str, parts: tuple[str, ...]) -> tuple[Whole, Whole, Whole, Whole]:
        """Elements of one rank per tile, per visit, of a visit that are touched, and per word."""
        family = self.schedule.families[name]
        tile = visit = family.size
        for part in family.parts:
            if part.name in self.loops:
                tile = visit = part.chunk
            elif part.name in self.steps:
                visit = part.chunk
        own = [p for p in family.parts if p.name in parts]
        word = least(own[-1].chunk, visit) if own else visit
        touched = visit
        for part in family.parts:
            if part.name in self.beat:
                touched = least(part.chunk, visit)
        return tile, visit, touched, word

    def _family(self, name: str, own: list[str], parts: tuple[str, ...]) -> list[Class]:
        family = self.schedule.families[name]
        if family.parts[0].name not in own:  # without its outermost part a rank has no ragged end
            visits: Whole = 1
            words: Whole = 1
            for part in own:
                if part in self.loops or part in self.steps:
                    visits = visits * family.extent(part)
                elif part in parts:
                    words = words * family.extent(part)
            return [(visits, words)]
        inside = [p.name for p in family.parts]
        key = (name, *(tuple(p for p in inside if p in group) for group in (self.loops, self.steps, self.beat, parts)))
        if key not in self.memo:
            _, *cuts = self._cuts(name, parts)
            self.memo[key] = _cut(family.size, *cuts)
        return self.memo[key]

    def _pair(self, parts: tuple[str, ...]) -> list[Class]:
        band = self.schedule.band
        assert band is not None
        rows, columns = self.schedule.families[band.row], self.schedule.families[band.column]
        row_tile, *row_cuts = self._cuts(band.row, parts)
        column_tile, *column_cuts = self._cuts(band.column, parts)
        found = []
        for pair in visited_pairs(band, rows.size, row_tile, columns.size, column_tile):
            if not is_array(pair.count) and pair.count == 0:
                continue
            inner = self._product([_cut(pair.rows, *row_cuts), _cut(pair.columns, *column_cuts)])
            found += [(pair.count * visits, words) for visits, words in inner]
        return found or [(0, 0)]

    def _product(self, groups: list[list[Class]]) -> list[Class]:
        """All combinations of classes: visits multiply, words multiply; plain numbers first, arrays last."""
        result: list[Class] = [(1, 1)]
        for group in sorted(groups, key=lambda g: is_array(*(x for pair in g for x in pair))):
            if len(group) == 1 and not is_array(*group[0]) and group[0] == (1, 1):
                continue
            result = [(self.by.times(v, visits), self.by.times(w, words)) for v, w in result for visits, words in group]
        return result


def _cut(size: Whole, visit: Whole, touched: Whole, word: Whole) -> list[Class]:
    """A stretch of `size` elements cut into visits, each with its words: the whole ones, then the ragged one."""
    if visit is size or (not is_array(size, visit) and visit >= size):
        return [(_any(size), ceil_div(least(size, touched), word))]
    whole = [(size // visit, ceil_div(touched, word))]
    left = size % visit
    if not (left.any() if is_array(left) else left):  # nothing is ragged, at any design point
        return whole
    return [*whole, (ceil_div(left, visit), ceil_div(least(left, touched), word))]


def _any(size: Whole) -> Whole:
    """1 where there is anything at all, else 0."""
    return (size > 0) * 1 if is_array(size) else int(size > 0)


def arithmetic(bound: int) -> Arithmetic:
    """How counts that are at most `bound` are computed: checked only if they might wrap."""
    return Arithmetic(operator.mul, sum) if bound <= LARGEST else Arithmetic(checked_times, checked_total)


def checked_times(a: Whole, b: Whole) -> Whole:
    """A product that refuses to wrap: arrays of int64 are checked against 2^63."""
    product = a * b
    if is_array(product) and too_large_product(a, b).any():
        raise SpecError([Problem(beyond("a count of a design point"))])
    return product


def checked_total(values: Iterable[Whole]) -> Whole:
    """A sum that refuses to wrap."""
    parts = list(values)
    total = sum(parts)
    if is_array(total) and too_large_sum(parts).any():
        raise SpecError([Problem(beyond("a count of a design point"))])
    return total


def too_large_product(a: Whole, b: Whole) -> Any:
    """Where a product of arrays is beyond 2^63 - 1, to float64's precision."""
    import numpy as np

    return np.asarray(np.multiply(a, b, dtype=np.float64) >= float(LARGEST))


def too_large_sum(parts: Sequence[Whole]) -> Any:
    """Where a sum of arrays is beyond 2^63 - 1, to float64's precision."""
    import numpy as np

    return np.asarray(sum(np.asarray(each, dtype=np.float64) for each in parts) >= float(LARGEST))


def wide_times(a: Whole, b: Whole) -> Whole:
    """A product that never wraps: arrays of it are floating-point where 64 bits do not hold all of it."""
    if not is_array(a, b):
        return a * b
    import numpy as np

    product = np.multiply(a, b, dtype=np.float64)
    return product if np.any(product >= float(LARGEST)) else a * b


def beyond(what: str, value: Whole | None = None) -> str:
    """The sentence that refuses a count that no 64-bit record can hold."""
    found = f" is {value}" if value is not None else ""
    return f"{what}{found}, beyond 2^63 - 1 = {LARGEST}; make the workload smaller"
