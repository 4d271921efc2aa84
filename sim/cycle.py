"""Cycle latency: the engine's time for a schedule, what the time goes into, and the gap to the analytic model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings import Counts, Schedule

from .analytic import Latency
from .analytic import latency as analytic_latency
from .lowering import CONSTRAINTS, Folds, folds, program

MEMORY = "memory"

ASSUMPTIONS = (
    "a ragged fold takes as long as a full one",
    "results leave the array without holding up the next fold",
    "memories deliver operands in time, within their bandwidth over the whole run",
)


@dataclass(frozen=True)
class Fold:
    """The events of one fold, in cycles: preload accepted, first and last beat of element (0, 0), last result, done."""

    preload: int | None
    first_beat: int
    last_beat: int
    done: int


def cycle_latency(schedule: Schedule, counts: Counts) -> Latency:
    """The engine's latency; memories bound it as a roofline.

    `stall_cycles` attributes the time that the unit is idle, `gap_cycles` the difference to the analytic model: each
    term is what the time falls by when one more constraint is relaxed, in the order of `lowering.CONSTRAINTS`.
    """
    fold = folds(schedule, counts)
    total = makespan(fold)
    gap = _gap(fold, total)
    base = analytic_latency(schedule, counts)
    seconds = total / schedule.machine.clock_hz
    memory_s = max(base.memory_s.values(), default=0.0)
    bound = base.bound_by if memory_s > seconds else fold.unit
    cycles = max(total, base.cycles)
    hidden = (cycles - total) - (base.cycles - base.compute_cycles)  # under the memory's time, in either model
    return replace(
        base,
        cycles=cycles,
        latency_s=max(seconds, memory_s),
        compute_cycles=total,
        bound_by=bound,
        stall_cycles={fold.unit: gap | ({MEMORY: cycles - total} if cycles > total else {})},
        gap_cycles=gap | ({MEMORY: hidden} if hidden else {}),
        assumptions=ASSUMPTIONS,
    )


def makespan(fold: Folds, jump: bool = True) -> int:
    """Cycles from the first preload or beat to the end of the last fold."""
    from .engine import run

    return run(program(fold), fold.count, jump).last_starts[-1] + fold.length + fold.tail


def _gap(fold: Folds, total: int) -> dict[str, int]:
    terms: dict[str, int] = {}
    for constraint in CONSTRAINTS:
        fold = fold.without(constraint)
        relaxed = makespan(fold)
        if total != relaxed:
            terms[constraint] = total - relaxed
        total = relaxed
    return terms


def events(fold: Folds, jump: bool = True) -> list[Fold]:
    """The events of every fold, in order."""
    from .engine import run

    starts = run(program(fold), fold.count, jump, record=True).starts
    assert starts is not None
    return [
        Fold(
            int(row[0]) if fold.preload else None,
            int(row[-1]),
            int(row[-1]) + fold.beats - 1,
            int(row[-1]) + fold.length + fold.tail,
        )
        for row in starts
    ]
