"""From the schedule of one operation on a wavefront-pipelined array to a program of the cycle engine.

A *fold* is one visit of the tile loops. Its beats pass through the array as a wavefront: element (r, c) does beat b
`b + r + c` cycles after element (0, 0) does beat 0, so the array is one resource, timed at element (0, 0). An operand
that stays in its element for the whole fold is shifted in along the rows before (*preload*: as many cycles as there are
rows). A fold ends when the last element has done its last beat: `beats + rows + cols - 2` cycles after its first. A
ragged fold takes as long as a full one.

`fold_overlap: off` starts a fold when the one before has ended; `on` when element (0, 0) is free, the next preload
going into a second set of registers meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings import Counts, Operation, Schedule
from specs import Problem, SpecError

from .engine import Dependency, Program

PRELOAD, DRAIN = "preload", "fill and drain"


@dataclass(frozen=True)
class Folds:
    """Folds of one operation: how many, and the cycles of each phase of one."""

    operation: str
    unit: str
    count: int
    beats: int  # cycles that element (0, 0) is occupied
    preload: int
    skew: int  # from element (0, 0) to the last one
    tail: int  # from the last beat of an element to its result
    overlap: bool

    @property
    def length(self) -> int:
        """From the first beat of a fold to its end."""
        return self.beats + self.skew

    def without(self, constraint: str) -> Folds:
        """The same folds with one of `CONSTRAINTS` relaxed."""
        if constraint == PRELOAD:
            return replace(self, preload=0)
        return replace(self, skew=0) if constraint == DRAIN else replace(self, tail=0)


CONSTRAINTS = (PRELOAD, DRAIN, "operation latency")  # in the order in which the gap is taken apart


def folds(schedule: Schedule, counts: Counts) -> Folds:
    """The folds of a schedule with one operation; `SpecError` for schedules that the engine does not time."""
    if len(schedule.operations) != 1:
        names = ", ".join(schedule.operations)
        message = (
            f"model 'cycle' times mappings of one Einsum so far; '{schedule.mapping}' has {len(schedule.operations)} "
            f"({names}); use --model analytic"
        )
        raise SpecError([Problem(message)])
    (operation,) = schedule.operations.values()
    counted = counts.operations[operation.name]
    visits = 1
    for part in operation.loops:
        visits *= schedule.families[schedule.family_of[part]].extent(part)
    beats, rest = divmod(counted.cycles, visits)
    if rest or operation.masked:
        message = f"model 'cycle' times equal folds; a loop of '{operation.name}' cuts its steps into unequal ones"
        raise SpecError([Problem(message)])
    unit = schedule.machine.units[operation.unit]
    rows = unit.axes.get("rows", 1)
    return Folds(
        operation.name,
        operation.unit,
        visits,
        beats,
        rows if _has_stationary_operand(operation) else 0,
        sum(axis - 1 for axis in unit.axes.values()) if len(unit.axes) == 2 else 0,
        max(unit.operations[native].latency for native in operation.actions) - 1,
        schedule.fold_overlap,
    )


def _has_stationary_operand(operation: Operation) -> bool:
    """Whether an operand stays in its elements while steps go by: it lies on every axis and no step renews it."""
    placed = set(operation.spatial.values())
    return bool(operation.steps) and any(
        access.cause == "operand" and not access.steps and placed <= set(access.parts) for access in operation.accesses
    )


def program(fold: Folds) -> Program:
    """The program of one fold: a preload, if there is one, then the stream."""
    array, loader = 0, 1
    if not fold.preload:
        return Program((array,), (fold.beats if fold.overlap else fold.length,), ())
    if not fold.overlap:
        return Program((array, array), (fold.preload, fold.length), (Dependency(1, 0, 0, fold.preload),))
    waits = (
        Dependency(1, 0, 0, fold.preload),
        Dependency(0, 1, 1, 0),  # the second set of registers is free once the fold before has begun
    )
    return Program((loader, array), (fold.preload, fold.beats), waits)
