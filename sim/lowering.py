"""From the schedule of a spatial machine to the program of the cycle engine (docs/cycle.md).

Units, memories with a bandwidth, and ports are resources. Operations, fills, drains and preloads are entries; they wait
for operands, for buffer space and for registers. Times are those of the first element of an array: element (r, c) does
everything `r · hop + c` cycles later, which is the same for all that its neighbours hand on.
"""

from __future__ import annotations

from mappings import Schedule
from specs import Problem, SpecError

from .entries import lines_of
from .facts import Facts
from .ports import with_ports
from .program import MEMORY, OPERAND, PORT, PRELOAD, Program, Sweep
from .repeats import merge
from .streams import Stops
from .sweeps import sweeps
from .waits import waits_of


def lower(schedule: Schedule, relaxed: frozenset[str] = frozenset(), stops: Stops | None = None) -> Program:
    """The program of a schedule under recorded stalls, without the constraints whose causes are `relaxed`.

    Raises `SpecError` for what the engine does not time.
    """
    for level, spill in schedule.spills.items():
        message = (
            f"model 'cycle' does not time what does not fit into '{level}' and stays in '{spill.outer}' "
            f"({spill.over_bytes} of {spill.of_bytes} B); use model 'analytic', or a larger '{level}'"
        )
        raise SpecError([Problem(message)])
    facts = Facts(schedule, relaxed, stops or {})
    prefix, plans = sweeps(schedule)
    looped = {part for plan in plans for part in plan.path}
    parts = [p for f in schedule.families.values() for p in f.parts if p.name in looped]
    ranks = list(dict.fromkeys(p.family for p in parts))
    band = schedule.band
    if band is not None and not {band.row, band.column} <= set(ranks):
        message = f"model 'cycle' wants a loop over '{band.row}' and one over '{band.column}', which are masked"
        raise SpecError([Problem(message)])
    lines = with_ports(facts, lines_of(facts, plans))
    built = tuple(
        Sweep(plan.path[len(prefix) :], each.masked, tuple(line.entry for line in each.lines), each.group, each.flights)
        for plan, each in zip(plans, lines, strict=True)
    )
    used = dict.fromkeys(r for s in built for e in s.entries for r in e.holds)
    program = Program(
        chunks={p.name: p.chunk for p in parts},
        family_of={p.name: p.family for p in parts},
        sizes={f: schedule.families[f].size for f in ranks},
        loops={f: tuple(p.name for p in parts if p.family == f) for f in ranks},
        prefix=prefix,
        sweeps=built,
        waits=waits_of(facts, prefix, lines),
        resources={name: _cause(schedule, name) for name in (*schedule.machine.units, *used)},
        band=None if band is None else (band.row, band.column, band.low, band.high),
    )
    return merge(program)


def _cause(schedule: Schedule, resource: str) -> str:
    """What a unit waits for when it waits for a resource."""
    memories = schedule.machine.memories
    if resource in memories:
        return MEMORY
    if resource.endswith(" loader"):
        return PRELOAD
    return PORT if any(resource.startswith(f"{memory} ") for memory in memories) else OPERAND
