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
from workloads import ceil_div, choose, is_array, most, quotient

from .labels import label
from .pim.commands import Commands

Number = Any

ASSUMPTIONS = ("no fill, drain or skew, no port limit and no operation latency",)


@dataclass(frozen=True)
class Latency:
    """Times of a schedule: `cycles` rounded up to whole ones, `latency_s` not rounded.

    `unit_cycles` and `memory_s` are the loads that bound it; `bound_by` names what does (`Labels` for arrays of
    design points).
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
    cycles, seconds = compute, quotient(compute, clock_hz)
    units = {name: counts.unit_cycles(name) for name in schedule.machine.units}
    loads = units | _waits(schedule, counts)
    bound: Any = 0  # an index into the names of loads and memories
    busiest: Number = -1
    for i, load in enumerate(loads.values()):
        bound = choose(load > busiest, i, bound)
        busiest = most(busiest, load)
    memory_s: dict[str, Number] = {}
    for memory in schedule.machine.memories.values():
        bandwidth = memory.bandwidth_bytes_per_s
        if bandwidth is None:
            continue
        moved = counts.level_bytes(memory.name, "read") + counts.level_bytes(memory.name, "write")
        memory_s[memory.name] = quotient(moved, bandwidth)
        bound = choose(memory_s[memory.name] > seconds, len(loads) + len(memory_s) - 1, bound)
        seconds = most(seconds, memory_s[memory.name])
        cycles = most(cycles, memory_cycles(moved, clock_hz, bandwidth))
    bound_by = label((*loads, *memory_s), bound)
    return Latency(cycles, seconds, compute, units, memory_s, bound_by, assumptions=ASSUMPTIONS)


def fastest(schedule: Schedule) -> tuple[Number, ...]:
    """What is least of the way that a nest with choices takes: its latency, then its bytes."""
    return (latency(schedule, count(schedule)).latency_s, *fewest_bytes(schedule))


def memory_cycles(moved: Number, clock_hz: Number, bandwidth: Number) -> Number:
    """Cycles that a memory takes, rounded up exactly.

    >>> import numpy as np
    >>> memory_cycles(2**40, 940_000_000, 3 * 2**30), memory_cycles(np.array([3, 4]), 10, 3)
    (320853333334, array([10, 14]))
    """
    if is_array(moved, clock_hz, bandwidth):
        return _cycles_of_points(moved, clock_hz, bandwidth)
    if isinstance(clock_hz, int) and isinstance(bandwidth, int):
        return ceil_div(moved * clock_hz, bandwidth)
    from fractions import Fraction
    from math import ceil

    return ceil(Fraction(moved) * Fraction(clock_hz) / Fraction(bandwidth))


def _cycles_of_points(moved: Number, clock_hz: Number, bandwidth: Number) -> Number:
    """The same for arrays: a guess in float64 that is off by one at most, mended by what is left over of it.

    That is small, and so right though products wrap around 2^64. Points too large for this are taken one by one.
    """
    import numpy as np

    moved, clock_hz, bandwidth = (np.asarray(each) for each in (moved, clock_hz, bandwidth))
    near = moved.astype(np.float64) * clock_hz / bandwidth
    found = np.ceil(near).astype(np.int64)
    clocks, clock_bits = _without_fractions(clock_hz)
    widths, width_bits = _without_fractions(bandwidth)
    large = near >= 2.0**50
    if float(np.max(widths)) * 2.0**clock_bits < 2.0**61:
        with np.errstate(over="ignore"):
            whole = widths << clock_bits
            left = (moved * clocks << width_bits) - found * whole
        found += left > 0
        found -= left <= -whole
    else:
        large = np.ones_like(large)
    for i in np.flatnonzero(large):
        point = (np.broadcast_to(each, near.shape).flat[i].item() for each in (moved, clock_hz, bandwidth))
        found.flat[i] = memory_cycles(*point)
    return found


def _without_fractions(values: Any) -> tuple[Any, int]:
    """Integers, and the bits by which they are the values shifted left; at most 62 bits."""
    import numpy as np

    if values.dtype.kind == "i":
        return values, 0
    bits = next((n for n in range(63) if (np.ldexp(values, n) % 1 == 0).all()), 62)
    return np.minimum(np.ldexp(values, bits), 2.0**62).astype(np.int64), bits
