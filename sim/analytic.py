"""Analytic latency: unit loads composed by the mapping's overlap, then the roofline of each memory.

One code path for one point and for arrays of design points. No fill, drain, skew, port or operation latency: those are
the cycle engine's. Epochs take, one after the other, the load of their busiest unit over the whole run: a published
accounting, not a bound; the bounds are each unit's load and each memory's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mappings import Counts, Schedule, count, fewest_bytes
from workloads import ceil_div, choose, is_array, most

from .pim.commands import Commands

Number = Any

ASSUMPTIONS = ("no fill, drain or skew, no port limit and no operation latency",)


@dataclass(frozen=True)
class Latency:
    """Times of a schedule: `cycles` rounded up to whole ones, `latency_s` not rounded.

    `unit_cycles` and `memory_s` are the loads that bound it; `bound_by` names what does (an array of names for arrays
    of design points).
    """

    cycles: Number
    latency_s: Number
    compute_cycles: Number
    unit_cycles: Mapping[str, Number]
    memory_s: Mapping[str, Number]
    bound_by: Any
    stall_cycles: Mapping[str, Mapping[str, int]] | None = None
    gap_cycles: Mapping[str, int] | None = None
    assumptions: tuple[str, ...] = ()
    phase_cycles: Mapping[str, int] | None = None  # of DRAM channels, by what they do
    commands: Commands | None = None  # that such channels issued
    not_modelled: tuple[str, ...] | None = None  # constraints that such a device does not state


def compute_cycles(schedule: Schedule, counts: Counts) -> Number:
    """Cycles of the units alone, composed by the mapping's overlap: `none`, `units` or `epochs`."""
    if schedule.overlap == "none":
        return sum(o.cycles for o in counts.operations.values())
    if schedule.overlap == "units":
        return _largest([counts.unit_cycles(unit) for unit in schedule.machine.units])
    total: Number = sum(_waits(schedule, counts).values())
    for epoch in schedule.epochs:
        loads: dict[str, Number] = {}
        for name in epoch.operations:
            counted = counts.operations[name]
            unit = counted.operation.unit
            loads[unit] = loads.get(unit, 0) + counted.cycles
        total = total + (_largest(list(loads.values())) if loads else 0)
    return total


def _waits(schedule: Schedule, counts: Counts) -> dict[str, Number]:
    """Cycles of the epochs' waits, by what is waited for."""
    found: dict[str, Number] = {}
    for epoch in schedule.epochs if schedule.overlap == "epochs" else ():
        for wait in epoch.waits:
            name = f"wait for {wait.operation}"
            found[name] = found.get(name, 0) + counts.operations[wait.operation].cycles * wait.cycles
    return found


def _largest(values: list[Number]) -> Number:
    result = values[0]
    for value in values[1:]:
        result = most(result, value)
    return result


def latency(schedule: Schedule, counts: Counts) -> Latency:
    """Latency and what bounds it.

    A memory bounds it if its bytes take longer than the units; else the largest load does: a unit's, or the waits for
    an operation.
    """
    clock_hz = schedule.machine.clock_hz
    compute = compute_cycles(schedule, counts)
    cycles, seconds = compute, compute / clock_hz
    units = {name: counts.unit_cycles(name) for name in schedule.machine.units}
    bound: Any = None
    busiest: Number = -1
    for name, load in (units | _waits(schedule, counts)).items():
        bound = name if bound is None else choose(load > busiest, name, bound)
        busiest = most(busiest, load)
    memory_s: dict[str, Number] = {}
    for memory in schedule.machine.memories.values():
        bandwidth = memory.bandwidth_bytes_per_s
        if bandwidth is None:
            continue
        moved = counts.level_bytes(memory.name, "read") + counts.level_bytes(memory.name, "write")
        memory_s[memory.name] = moved / bandwidth
        bound = choose(memory_s[memory.name] > seconds, memory.name, bound)
        seconds = most(seconds, memory_s[memory.name])
        cycles = most(cycles, memory_cycles(moved, clock_hz, bandwidth))
    return Latency(cycles, seconds, compute, units, memory_s, bound, assumptions=ASSUMPTIONS)


def fastest(schedule: Schedule) -> tuple[Number, ...]:
    """What is least of the way that a nest with choices takes: its latency, then its bytes."""
    return (latency(schedule, count(schedule)).latency_s, *fewest_bytes(schedule))


def memory_cycles(moved: Number, clock_hz: Number, bandwidth: Number) -> Number:
    """Cycles that a memory takes, rounded up: exact for whole numbers, in float64 for arrays."""
    if is_array(moved, clock_hz, bandwidth):
        import numpy as np

        return np.ceil(np.asarray(moved, dtype=np.float64) * clock_hz / bandwidth).astype(np.int64)
    if isinstance(clock_hz, int) and isinstance(bandwidth, int):
        return ceil_div(moved * clock_hz, bandwidth)
    from fractions import Fraction
    from math import ceil

    return ceil(Fraction(moved) * Fraction(clock_hz) / Fraction(bandwidth))
