"""Cycle latency: the engine's time for a schedule, what the time goes into, and the gap to the analytic model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mappings import Counts, Schedule
from specs import Problem, SpecError

from .analytic import Latency
from .analytic import latency as analytic_latency
from .labels import label
from .lowering import lower
from .packing import Packed, pack
from .program import CAUSES, CHAIN, DRAIN, MEMORY, PORT, PRELOAD, REGISTERS, ROUND_TRIP, SPACE, STREAM, Program
from .registers import check_registers
from .running import Run, run
from .streams import Stops

RAGGED = "ragged tiles"
WAITING, COMPOSITION = "waiting for each other", "composition of unit loads"

# Constraints in the order in which the gap is taken apart; what is left is the analytic model's composition of loads.
GAP_TERMS = (STREAM, PORT, MEMORY, SPACE, PRELOAD, ROUND_TRIP, DRAIN, CHAIN, REGISTERS, WAITING, COMPOSITION)


def cycle_latency(
    schedule: Schedule, counts: Counts, jump: bool = True, threads: int = 1, stops: Stops | None = None
) -> Latency:
    """The engine's latency, its outside streams standing still in the recorded `stops`.

    Numbers may be arrays of design points; then there are no stalls and no gap.

    `stall_cycles` attributes the time that each unit is idle, `gap_cycles` the difference to the analytic model: each
    term is what the time falls by when one more constraint is relaxed, in the order of `GAP_TERMS`.
    """
    done = run(pack(lower(schedule, stops=stops)), jump, threads=threads)
    ragged = check_work(schedule, counts, done)
    check_registers(schedule, done)
    base = analytic_latency(schedule, counts)
    single = done.packed.points == 1
    cycles: Any = int(done.cycles[0]) if single else done.cycles
    stalls = (
        {unit: _some({**done.stalls(unit), RAGGED: ragged.get(unit, [0])}) for unit in schedule.machine.units}
        if single
        else None
    )
    return replace(
        base,
        cycles=cycles,
        latency_s=cycles / schedule.machine.clock_hz,
        compute_cycles=cycles,
        bound_by=_bound(base, done, ragged, schedule),
        stall_cycles=stalls,
        gap_cycles=_gap(schedule, base, cycles, stops) if single else None,
        assumptions=(*_assumptions(schedule, done.packed.program), *_unmet(stops, cycles)),
    )


def _unmet(stops: Stops | None, cycles: Any) -> tuple[str, ...]:
    """A note on recorded stalls that come too late to matter."""
    begins = [stretch[0] for stretches in (stops or {}).values() for stretch in stretches]
    if not begins or np.any(np.asarray(cycles) > min(begins)):
        return ()
    return (f"the recorded stalls begin at cycle {min(begins):,}, when the run is over: nothing stood still",)


def packed(schedule: Schedule) -> Packed:
    """A schedule, or an array of them, as the engine's kernel takes it: bound once, run as often as one likes."""
    return pack(lower(schedule))


def check_work(schedule: Schedule, counts: Counts, done: Run) -> dict[str, Any]:
    """Cycles that units spend on ragged tiles beyond what is counted; everything that is counted must be done.

    So a record's counts never belong to another run than its cycles. Raises `SpecError` for loops that the engine does
    not follow.
    """
    ragged: dict[str, Any] = {}
    for entry in done.packed.program.entries:
        for name in entry.operations:
            counted = counts.operations[name]
            slots, tiles = _slots(schedule, name), done.tiles(entry.name)
            beyond = tiles * slots - counted.cycles
            if np.any(beyond < 0) or np.any(beyond >= tiles * slots):
                message = (
                    f"model 'cycle' does '{name}' for {int(np.max(tiles))} tiles of {int(np.max(slots))} cycles, but "
                    f"{int(np.max(counted.cycles))} cycles are counted: some of its tiles are never visited; "
                )
                band = schedule.band
                remedy = (
                    f"under the mask some of rank '{band.row}' may see nothing of '{band.column}', as where it is "
                    f"longer: leave those out, or use --model analytic"
                    if band is not None
                    else "use --model analytic"
                )
                raise SpecError([Problem(message + remedy)])
            ragged[str(entry.unit)] = ragged.get(str(entry.unit), 0) + beyond
    return ragged


def _slots(schedule: Schedule, name: str) -> Any:
    """Cycles of one tile of an operation."""
    from .facts import Facts

    operation = schedule.operations[name]
    return np.asarray(Facts(schedule).steps(operation.steps) * operation.slots)


def _some(causes: dict[str, Any]) -> dict[str, int]:
    return {cause: int(cycles[0]) for cause, cycles in causes.items() if cycles[0]}


def _bound(base: Latency, done: Run, ragged: Mapping[str, Any], schedule: Schedule) -> Any:
    """The busiest unit or memory; if the busiest unit is idle longer for one cause than it works, that cause.

    A name, or `Labels` for arrays of design points.
    """
    loads = {unit: base.unit_cycles[unit] for unit in schedule.machine.units}
    loads |= {memory: seconds * schedule.machine.clock_hz for memory, seconds in base.memory_s.items()}
    causes = (*CAUSES, RAGGED)
    points = done.packed.points
    found = np.argmax(_rows(loads.values(), points), axis=0)
    for i, unit in enumerate(schedule.machine.units):
        idle = _rows((*done.stalls(unit).values(), ragged.get(unit, 0)), points)
        longest = np.argmax(idle, axis=0)
        mostly = (found == i) & (idle[longest, np.arange(points)] > _rows([loads[unit]], points)[0])
        found = np.where(mostly, len(loads) + longest, found)
    return label((*loads, *causes), found[0] if points == 1 else found)


def _rows(values: Iterable[Any], points: int) -> Any:
    """Numbers, or arrays of design points, one above the other."""
    return np.stack([np.broadcast_to(np.ravel(value), points) for value in values])


def _gap(schedule: Schedule, base: Latency, cycles: int, stops: Stops | None) -> dict[str, int]:
    terms: dict[str, int] = {}
    relaxed: frozenset[str] = frozenset()
    for term in GAP_TERMS:
        if term == COMPOSITION:
            left = int(base.compute_cycles)
        else:
            relaxed |= {term}
            done = run(pack(lower(schedule, relaxed, stops)))
            left = _loads(done) if term == WAITING else int(done.cycles[0])
        change = cycles - left
        if term == MEMORY:
            change -= int(base.cycles) - int(base.compute_cycles)  # what the analytic model waits for memories as well
        if change:
            terms[term] = change
        cycles = left
    return terms


def _loads(done: Run) -> int:
    """Cycles of the busiest unit, if none ever waited; its last results included."""
    program = done.packed.program
    loads: dict[str, int] = {}
    tails: dict[str, int] = {}
    for entry in program.entries:
        if entry.unit is not None:
            hold, end = int(entry.holds[entry.unit][0, 1]), int(entry.done[0, 1])
            loads[entry.unit] = loads.get(entry.unit, 0) + int(done.tiles(entry.name)[0]) * hold
            tails[entry.unit] = end - hold
    return max(loads[unit] + tails[unit] for unit in loads)


def _assumptions(schedule: Schedule, program: Program) -> tuple[str, ...]:
    """What the model takes for granted, and what the machine does not state."""
    notes = ["a ragged tile takes as long as a full one"]
    for memory in schedule.machine.memories.values():
        missing = [
            what
            for what, value in (
                ("bandwidth", memory.bandwidth_bytes_per_s),
                ("ports", memory.ports),
                ("latency", memory.latency_s),
            )
            if value is None
        ]
        if missing:
            notes.append(
                f"'{memory.name}' states no {', '.join(missing)}: no limit on it and no time for it is modelled"
            )
    for unit in schedule.machine.units.values():
        if all(np.all(np.asarray(unit.operations[o].latency) == 1) for o in unit.native_operations):
            notes.append(f"every native operation of '{unit.name}' has its result after one cycle")
    if any(wait.kind == "ring" for wait in program.waits):
        notes.append("values in registers, and results below a column, have room for the tiles between their two ends")
    return tuple(notes)
