"""Closed-form counts of a schedule: operation slots, actions, and words, bytes and rows at every level.

Every count is a sum over *classes* of visits: a rank of size N cut into chunks of c has ⌊N/c⌋ visits to a whole chunk and
one to a ragged one; a band mask over two ranks has up to four classes of chunk pairs (`workloads.visited_pairs`). Within a
visit a rank contributes the indices that the visit touches. Nothing here depends on a timing model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from specs import Problem, SpecError
from workloads import LARGEST, ceil_div, is_array, least, visited, visited_pairs

from .schedule import Access, Operation, Schedule

Whole = Any


@dataclass(frozen=True)
class AccessCount:
    """The count of one access: visits, words moved, and rows (actions) of the level's row width."""

    access: Access
    visits: Whole
    words: Whole
    rows: Whole

    bits: int

    @property
    def size_bytes(self) -> Whole:
        return ceil_div(self.words * self.bits, 8)


@dataclass(frozen=True)
class OperationCount:
    """The count of one operation.

    `points` are the real ones (masked and ragged points left out), `slots` the operation slots they use, `cycles` the slots
    that its unit is busy: whole tiles, each as many beats as its steps. `arrivals` are operand values that come into a
    register of the unit from outside of it, `accumulations` the points whose result is added to a value in a register.
    """

    operation: Operation
    points: Whole
    slots: Whole
    cycles: Whole
    actions: Mapping[str, Whole]
    arrivals: Whole
    accumulations: Whole


@dataclass(frozen=True)
class Counts:
    """All counts of a schedule."""

    operations: Mapping[str, OperationCount]
    accesses: tuple[AccessCount, ...]
    moved: Mapping[tuple[str, str, str], Whole] = field(default_factory=dict)  # (level, tensor, action): bytes

    def level_bytes(self, level: str, action: str) -> Whole:
        """Bytes read from, or written to, a level."""
        return sum(v for (where, _, what), v in self.moved.items() if where == level and what == action)

    def level_rows(self, level: str, action: str) -> Whole:
        """Row actions of a level."""
        return sum(a.rows for a in self.accesses if a.access.level == level and a.access.action == action)

    def unit_cycles(self, unit: str) -> Whole:
        return sum(o.cycles for o in self.operations.values() if o.operation.unit == unit)

    def unit_slots(self, unit: str) -> Whole:
        return sum(o.slots for o in self.operations.values() if o.operation.unit == unit)


@dataclass(frozen=True)
class _Space:
    """An iteration space to be counted.

    Chunk pairs of a mask are skipped at the granularity of `loops`; `steps` cut what is inside of a tile further.
    """

    schedule: Schedule
    ranks: tuple[str, ...]
    loops: tuple[str, ...]
    steps: tuple[str, ...]
    masked: bool
    beat: tuple[str, ...] = ()  # words are those of the first beat of a visit, cut by these loops and steps

    def classes(self, parts: tuple[str, ...]) -> Iterator[tuple[Whole, Whole]]:
        """(number of visits, words per visit) for a tensor that carries `parts`; visits repeat by loops and steps."""
        groups = self._groups(parts)
        yield from _product(groups)

    def _groups(self, parts: tuple[str, ...]) -> list[list[tuple[Whole, Whole]]]:
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

    def _family(self, name: str, own: list[str], parts: tuple[str, ...]) -> list[tuple[Whole, Whole]]:
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
        _, *cuts = self._cuts(name, parts)
        return _cut(family.size, *cuts)

    def _pair(self, parts: tuple[str, ...]) -> list[tuple[Whole, Whole]]:
        band = self.schedule.band
        assert band is not None
        rows, columns = self.schedule.families[band.row], self.schedule.families[band.column]
        row_tile, *row_cuts = self._cuts(band.row, parts)
        column_tile, *column_cuts = self._cuts(band.column, parts)
        found = []
        for pair in visited_pairs(band, rows.size, row_tile, columns.size, column_tile):
            if not is_array(pair.count) and pair.count == 0:
                continue
            inner = _product([_cut(pair.rows, *row_cuts), _cut(pair.columns, *column_cuts)])
            found += [(pair.count * visits, words) for visits, words in inner]
        return found or [(0, 0)]


def _cut(size: Whole, visit: Whole, touched: Whole, word: Whole) -> list[tuple[Whole, Whole]]:
    """A stretch of `size` elements cut into visits, each with its words: the whole ones, then the ragged one."""
    if visit is size or (not is_array(size, visit) and visit >= size):
        return [(_any(size), ceil_div(least(size, touched), word))]
    whole = [(size // visit, ceil_div(touched, word))]
    left = size % visit
    if not is_array(left) and left == 0:
        return whole
    return [*whole, (ceil_div(left, visit), ceil_div(least(left, touched), word))]


def _any(size: Whole) -> Whole:
    """1 where there is anything at all, else 0."""
    return (size > 0) * 1 if is_array(size) else int(size > 0)


def _product(groups: list[list[tuple[Whole, Whole]]]) -> list[tuple[Whole, Whole]]:
    """All combinations of classes: visits multiply, words multiply."""
    result: list[tuple[Whole, Whole]] = [(1, 1)]
    for group in groups:
        if len(group) == 1 and not is_array(*group[0]) and group[0] == (1, 1):
            continue
        result = [(times(v, visits), times(w, words)) for v, w in result for visits, words in group]
    return result


def times(a: Whole, b: Whole) -> Whole:
    """A product that refuses to wrap: int64 arrays are checked against 2^63."""
    product = a * b
    if is_array(product):
        import numpy as np

        if np.any(np.multiply(a, b, dtype=np.float64) > float(LARGEST)):
            raise SpecError([Problem(beyond("a count of this sweep"))])
    return product


def beyond(what: str, value: Whole | None = None) -> str:
    """The sentence that refuses a count that no 64-bit record can hold."""
    found = f" is {value}" if value is not None else ""
    return f"{what}{found}, beyond 2^63 - 1 = {LARGEST}; make the workload smaller"


def _total(classes: list[tuple[Whole, Whole]]) -> Whole:
    return sum(times(visits, words) for visits, words in classes)


def count(schedule: Schedule) -> Counts:
    """Counts every operation and access of a schedule.

    Raises `SpecError` if a count is beyond 2^63.
    """
    operations = {name: _count_operation(schedule, o) for name, o in schedule.operations.items()}
    accesses = tuple(_count_access(schedule, a) for a in schedule.accesses())
    moved: dict[tuple[str, str, str], Whole] = {}
    for counted in accesses:
        access = counted.access
        key = (access.level, access.tensor, access.action)
        moved[key] = moved.get(key, 0) + counted.size_bytes
    result = Counts(operations, accesses, moved)
    _refuse_beyond(result)
    return result


def _refuse_beyond(counts: Counts) -> None:
    for name, counted in counts.operations.items():
        for value, what in ((counted.slots, "operation slots"), (counted.cycles, "cycles")):
            if not is_array(value) and value > LARGEST:
                raise SpecError([Problem(beyond(f"the number of {what} of '{name}'", value))])
    for (level, tensor, action), value in counts.moved.items():
        if not is_array(value) and value > LARGEST:
            what = f"the number of bytes of '{tensor}' in '{level}' ({action})"
            raise SpecError([Problem(beyond(what, value))])


def _count_operation(schedule: Schedule, operation: Operation) -> OperationCount:
    ranks = _ranks(operation)
    space = _Space(schedule, ranks, operation.loops, operation.steps, operation.masked)
    beats = sum(visits for visits, _ in space.classes(()))
    points = _points(schedule, operation.masked, ranks)
    placed = tuple(operation.spatial.values())
    return OperationCount(
        operation,
        points,
        times(points, operation.slots),
        times(beats, operation.slots),
        {native: times(points, n) for native, n in operation.actions.items()},
        _arrivals(schedule, operation, ranks, placed),
        _accumulations(schedule, operation, points),
    )


def _ranks(operation: Operation) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*operation.loops, *operation.steps, *operation.spatial.values())))


def _points(schedule: Schedule, masked: bool, ranks: tuple[str, ...]) -> Whole:
    """Real points of a space: every index that exists and, under a mask, is visible."""
    grains = {}
    total: Whole = 1
    for name, family in schedule.families.items():
        own = [p for p in family.parts if p.name in ranks]
        if own and own[0] is not family.parts[0]:  # without its outermost part a rank has no ragged end
            for part in own:
                total = times(total, family.extent(part.name))
        elif own:
            grains[name] = own[-1].chunk
    band = schedule.band if masked else None
    pair = (band.row, band.column) if band else ()
    for name, grain in grains.items():
        if name not in pair:
            total = times(total, ceil_div(schedule.families[name].size, grain))
    if band:
        rows, columns = schedule.families[band.row].size, schedule.families[band.column].size
        seen = visited(band, rows, grains.get(band.row, rows), columns, grains.get(band.column, columns))
        total = times(total, seen)
    return total


def _arrivals(schedule: Schedule, operation: Operation, ranks: tuple[str, ...], placed: tuple[str, ...]) -> Whole:
    """Values that enter registers: per operand not made on this unit in this iteration, once per beat that renews it."""
    made_here = {
        name for name in operation.forwarded if schedule.operations[name].unit == operation.unit
    }
    by_operand: dict[tuple[str, ...], int] = {}
    for read in dict.fromkeys((r.tensor, r.version) for r in operation.einsum.reads):
        if read[0] in made_here:
            continue
        access = next((a for a in operation.accesses if a.tensor == read[0] and a.action == "read"), None)
        if access is None:  # from another unit, in this iteration: renewed as its own parts demand
            nest = _forwarded_nest(schedule, operation, read[0])
        else:
            nest = (*access.loops, *access.steps)
        by_operand[nest] = by_operand.get(nest, 0) + 1
    total: Whole = 0
    for nest, operands in by_operand.items():
        loops = tuple(p for p in operation.loops if p in nest)
        steps = tuple(p for p in operation.steps if p in nest)
        space = _Space(schedule, ranks, loops, steps, operation.masked, operation.loops + operation.steps)
        total = total + operands * _total(list(space.classes(placed)))
    return total


def _forwarded_nest(schedule: Schedule, operation: Operation, tensor: str) -> tuple[str, ...]:
    made = _ranks(schedule.operations[tensor])
    steps = operation.steps
    last = max((i for i, p in enumerate(steps) if p in made), default=-1)
    return operation.loops + steps[: last + 1]


def _accumulations(schedule: Schedule, operation: Operation, points: Whole) -> Whole:
    """Points of a reduction that add to an earlier one: all but the first of each result in each tile."""
    if not operation.einsum.reduction:
        return 0
    kept = {*_target_parts(schedule, operation), *operation.loops}
    results = tuple(p for p in _ranks(operation) if p in kept)
    return points - _points(schedule, operation.masked, results)


def _target_parts(schedule: Schedule, operation: Operation) -> tuple[str, ...]:
    target = set(operation.einsum.target_ranks)
    found = []
    for family in schedule.families.values():
        for part in family.parts:
            if part.name in target or family.name in target:
                found.append(part.name)
    return tuple(found)


def _count_access(schedule: Schedule, access: Access) -> AccessCount:
    bits = schedule.types[access.tensor].storage.bits
    memory = schedule.machine.memories[access.level]
    visits, words, rows = _tally(schedule, access, access.loops, access.steps, bits, memory.row_bits)
    if access.elided is not None:
        loops = tuple(p for p in access.loops if p not in access.elided)
        steps = tuple(p for p in access.steps if p not in access.elided)
        first = _tally(schedule, access, loops, steps, bits, memory.row_bits, access.elided)
        visits, words, rows = visits - first[0], words - first[1], rows - first[2]
    return AccessCount(access, visits, words, rows, bits)


def _tally(
    schedule: Schedule, access: Access, loops: tuple[str, ...], steps: tuple[str, ...], bits: int, row_bits: Whole,
    dropped: tuple[str, ...] = (),
) -> tuple[Whole, Whole, Whole]:  # fmt: skip
    """Visits, words and rows of an access under loops and steps; dropped loops are not iterated."""
    ranks = tuple(p for p in access.ranks if p not in dropped) if not access.masked else access.ranks
    classes = list(_Space(schedule, ranks, loops, steps, access.masked).classes(access.parts))
    visits = sum(v for v, _ in classes)
    rows = sum(times(v, ceil_div(w * bits, row_bits)) for v, w in classes)
    return visits, _total(classes), rows
