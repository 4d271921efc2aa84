"""Closed-form counts of a schedule: operation slots, actions, and words, bytes and rows at every level.

Sums over the classes of visits of `visits.py`. Nothing here depends on a timing model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any

from specs import Problem, SpecError
from workloads import LARGEST, ceil_div, is_array

from .schedule import Access, Operation, Schedule, Spill
from .visits import Arithmetic, Class, Space, arithmetic, beyond, too_large_product, too_large_sum

Whole = Any
Names = tuple[str, ...]


@dataclass(frozen=True)
class AccessCount:
    """The count of one access: visits, words moved, and rows (actions) of the level's row width.

    `spilled` words of it are not moved there, since what they belong to did not fit.
    """

    access: Access
    visits: Whole
    words: Whole
    rows: Whole
    bits: int
    spilled: Whole = 0

    @property
    def size_bytes(self) -> Whole:
        return ceil_div(self.words * self.bits, 8)


@dataclass(frozen=True)
class OperationCount:
    """The count of one operation.

    `points` are the real ones (masked and ragged points left out), `slots` the operation slots they use, `cycles` those
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

    def filled_rows(self, level: str, action: str, row_bits: Whole, spilled: bool = False) -> Whole:
        """Rows that the words of a level would fill, tensor by tensor; with those that did not fit if `spilled`."""
        bits: dict[str, Whole] = {}
        for each in self.accesses:
            if (each.access.level, each.access.action) == (level, action):
                words = each.words + each.spilled if spilled else each.words
                bits[each.access.tensor] = bits.get(each.access.tensor, 0) + words * each.bits
        return sum(ceil_div(number, row_bits) for number in bits.values())

    def only(self, names: Collection[str]) -> Counts:
        """The counts of these operations and of what moves for them, as if there were no others."""
        operations = {name: counted for name, counted in self.operations.items() if name in names}
        return counts_of(operations, tuple(each for each in self.accesses if each.access.operation in names))

    def unit_cycles(self, unit: str) -> Whole:
        return sum(o.cycles for o in self.operations.values() if o.operation.unit == unit)

    def unit_slots(self, unit: str) -> Whole:
        return sum(o.slots for o in self.operations.values() if o.operation.unit == unit)


def count(schedule: Schedule) -> Counts:
    """Counts of every operation and access of a schedule, made once and remembered by it.

    Raises `SpecError` if a count is beyond 2^63.
    """
    return schedule.counts


def count_all(schedule: Schedule, registers: bool = True) -> Counts:
    """Counts anew; without what registers see, arrivals and accumulations are 0."""
    bound = _bound(schedule)
    counting = _Counting(schedule, arithmetic(bound))
    counted = counting.operation if registers else counting.work
    operations = {name: counted(o) for name, o in schedule.operations.items()}
    counting.check_units(operations.values())
    accesses = tuple(each for access in schedule.accesses() for each in counting.with_spill(access))
    result = counts_of(operations, accesses)
    _refuse_beyond(result)
    return result


def beyond_of(schedule: Schedule) -> Whole:
    """Whether a count is beyond 2^63 - 1, or at which of the design points."""
    found: list[Whole] = [False]

    def times(a: Whole, b: Whole) -> Whole:
        if is_array(a, b):
            found.append(too_large_product(a, b))
            return a * b  # wrapped where it is beyond, which is known by now
        found.append(a * b > LARGEST)
        return min(a * b, LARGEST)

    def total(values: Iterable[Whole]) -> Whole:
        parts = list(values)
        if is_array(*parts):
            found.append(too_large_sum(parts))
            return sum(parts)
        found.append(sum(parts) > LARGEST)
        return min(sum(parts), LARGEST)

    counting = _Counting(schedule, Arithmetic(times, total))
    counting.check_units([counting.operation(operation) for operation in schedule.operations.values()])
    for access in schedule.accesses():
        counting.with_spill(access)
    return reduce(or_, found)


def count_moves(
    schedule: Schedule, tensors: Collection[str], memo: dict[object, list[Class]] | None = None
) -> tuple[AccessCount, ...]:
    """The counts of the accesses to some tensors. Raises `SpecError` as `count`.

    Schedules with the same parts and mask may share a `memo`.
    """
    counting = _Counting(schedule, arithmetic(_bound(schedule)), {} if memo is None else memo)
    own = (access for access in schedule.accesses() if access.tensor in tensors)
    found = tuple(each for access in own for each in counting.with_spill(access))
    _refuse_beyond(counts_of({}, found))
    return found


def counts_of(operations: Mapping[str, OperationCount], accesses: tuple[AccessCount, ...]) -> Counts:
    """The counts of these operations and accesses."""
    moved: dict[tuple[str, str, str], Whole] = {}
    for counted in accesses:
        access = counted.access
        key = (access.level, access.tensor, access.action)
        moved[key] = moved.get(key, 0) + counted.size_bytes
    return Counts(operations, accesses, moved)


def _refuse_beyond(counts: Counts) -> None:
    """Refuse numbers that 64 bits do not hold, as arrays of them are; arrays were checked as they were made."""
    for name, each in counts.operations.items():
        values = {"operation slots": each.slots, "cycles": each.cycles, "points": each.points}
        values |= {"values that enter registers": each.arrivals, "accumulations": each.accumulations}
        values |= {f"'{native}'": number for native, number in each.actions.items()}
        for what, value in values.items():
            _refuse(f"the number of {what} of '{name}'", value)
    for (level, tensor, action), value in counts.moved.items():
        _refuse(f"the number of bytes of '{tensor}' in '{level}' ({action})", value)
    for access in counts.accesses:
        of = access.access
        _refuse(f"the number of bits of '{of.tensor}' in '{of.level}' ({of.action})", access.words * access.bits)
    for unit in dict.fromkeys(each.operation.unit for each in counts.operations.values()):
        _refuse(f"the number of cycles of '{unit}'", counts.unit_cycles(unit))


def _refuse(what: str, value: Whole) -> None:
    if not is_array(value) and value > LARGEST:
        raise SpecError([Problem(beyond(what, value))])


def _bound(schedule: Schedule) -> int:
    """A number that no count exceeds: all points of the largest space, times what a point can cost."""
    sizes = {name: _largest(family.size) for name, family in schedule.families.items()}
    spaces = []
    for operation in schedule.operations.values():
        point = max(operation.slots, 64, *operation.actions.values(), 1)
        space = point
        for name in {schedule.family_of[p] for p in _ranks(operation)}:
            space *= sizes[name]
        spaces.append(space)
    return max(spaces, default=1)


def _largest(size: Whole) -> int:
    return int(size.max()) if is_array(size) else int(size)


@dataclass(frozen=True)
class _Counting:
    """A schedule that is being counted, and how its counts are computed."""

    schedule: Schedule
    by: Arithmetic
    memo: dict[object, list[Class]] = field(default_factory=dict)

    def space(self, ranks: Names, loops: Names, steps: Names, masked: bool, beat: Names = ()) -> Space:
        return Space(self.schedule, self.by, ranks, loops, steps, masked, beat, self.memo)

    def check_units(self, counted: Collection[OperationCount]) -> None:
        """Add up what each unit does: its counts may be too large where those of its operations are not."""
        for unit in dict.fromkeys(each.operation.unit for each in counted):
            own = [each for each in counted if each.operation.unit == unit]
            self.by.total(each.slots for each in own)
            self.by.total(each.cycles for each in own)

    def operation(self, operation: Operation) -> OperationCount:
        work = self.work(operation)
        arrivals, accumulations = self._arrivals(operation), self._accumulations(operation, work.points)
        return replace(work, arrivals=arrivals, accumulations=accumulations)

    def work(self, operation: Operation) -> OperationCount:
        """The count of an operation, without what registers see of it."""
        ranks, times = _ranks(operation), self.by.times
        space = self.space(ranks, operation.loops, operation.steps, operation.masked)
        beats = self.by.total(visits for visits, _ in space.classes(()))
        points = space.points()
        return OperationCount(
            operation,
            points,
            times(points, operation.slots),
            times(beats, operation.slots),
            {native: times(points, n) for native, n in operation.actions.items()},
            0,
            0,
        )

    def _arrivals(self, operation: Operation) -> Whole:
        """Values that enter registers: each operand not made on this unit in this iteration, when a beat renews it."""
        made_here = {n for n in operation.forwarded if self.schedule.operations[n].unit == operation.unit}
        by_nest: dict[Names, int] = {}
        for tensor, _ in dict.fromkeys((r.tensor, r.version) for r in operation.einsum.reads):
            if tensor in made_here:
                continue
            access = next((a for a in operation.accesses if a.tensor == tensor and a.action == "read"), None)
            nest = self._forwarded_nest(operation, tensor) if access is None else (*access.loops, *access.steps)
            by_nest[nest] = by_nest.get(nest, 0) + 1
        total: Whole = 0
        placed, beat = tuple(operation.spatial.values()), operation.loops + operation.steps
        for nest, operands in by_nest.items():
            loops = tuple(p for p in operation.loops if p in nest)
            steps = tuple(p for p in operation.steps if p in nest)
            space = self.space(_ranks(operation), loops, steps, operation.masked, beat)
            total = total + operands * space.total(placed)
        return total

    def _forwarded_nest(self, operation: Operation, tensor: str) -> Names:
        """An operand from another unit, in the same iteration, is renewed as its own parts demand."""
        made = _ranks(self.schedule.operations[tensor])
        last = max((i for i, p in enumerate(operation.steps) if p in made), default=-1)
        return operation.loops + operation.steps[: last + 1]

    def _accumulations(self, operation: Operation, points: Whole) -> Whole:
        """Points of a reduction that add to an earlier one: all but the first of each result in each tile."""
        if not operation.einsum.reduction:
            return 0
        target = set(operation.einsum.target_ranks)
        kept = {p for p, family in self.schedule.family_of.items() if p in target or family in target}
        results = tuple(p for p in _ranks(operation) if p in kept or p in operation.loops)
        return points - self.space(results, (), (), operation.masked).points()

    def with_spill(self, access: Access) -> tuple[AccessCount, ...]:
        """The count of an access; if some of its words did not fit into their level, also that at the levels outside.

        An operation, or a transfer further in, finds those words outside. They need not be filled into the level or
        drained from it.
        """
        here, spills = self.access(access), self.schedule.spills
        if access.inner is not None and access.inner in spills:
            here = _without(here, spills[access.inner])
        found: list[AccessCount] = []
        while here.access.level in spills and here.access.level != access.inner:
            spill = spills[here.access.level]
            part_of_it = access.inner is not None or bool(found)  # of a tensor that comes in parts no word is lost
            words = spill.share(here.words, up=part_of_it)
            row_bits = self.schedule.machine.memories[spill.outer].row_bits
            rows = ceil_div(words * here.bits, row_bits)
            found.append(_without(here, spill, part_of_it))
            here = AccessCount(replace(access, level=spill.outer), here.visits, words, rows, here.bits)
        return (*found, here)

    def access(self, access: Access) -> AccessCount:
        bits = self.schedule.types[access.tensor].storage.bits
        visits, words, rows = self._tally(access, access.loops, access.steps, access.ranks)
        if access.elided is not None:
            loops = tuple(p for p in access.loops if p not in access.elided)
            steps = tuple(p for p in access.steps if p not in access.elided)
            ranks = access.ranks if access.masked else tuple(p for p in access.ranks if p not in access.elided)
            first = self._tally(access, loops, steps, ranks)
            visits, words, rows = visits - first[0], words - first[1], rows - first[2]
        return AccessCount(access, visits, words, rows, bits)

    def _tally(self, access: Access, loops: Names, steps: Names, ranks: Names) -> tuple[Whole, Whole, Whole]:
        """Visits, words and rows of an access under these loops and steps."""
        bits = self.schedule.types[access.tensor].storage.bits
        row_bits = self.schedule.machine.memories[access.level].row_bits
        classes = self.space(ranks, loops, steps, access.masked).classes(access.parts)
        total, times = self.by.total, self.by.times
        words = total(times(visits, words) for visits, words in classes)
        times(words, bits)  # which all of them have together
        rows = total(times(visits, ceil_div(words * bits, row_bits)) for visits, words in classes)
        return total(visits for visits, _ in classes), words, rows


def _without(counted: AccessCount, spill: Spill, up: bool = False) -> AccessCount:
    """What is moved of an access if the spilled part of it, rounded `up` or down, is not."""
    words, rows = spill.share(counted.words, up), spill.share(counted.rows, up)
    left = {"words": counted.words - words, "rows": counted.rows - rows}
    return replace(counted, **left, spilled=counted.spilled + words)


def _ranks(operation: Operation) -> Names:
    return tuple(dict.fromkeys((*operation.loops, *operation.steps, *operation.spatial.values())))
