"""What runs one after the other: counts, times and energies of its parts, added up, or of one part many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mappings import Counts
from mappings.visits import checked_times
from workloads import is_array

from .analytic import Latency
from .energy import Energy
from .labels import Labels, labels
from .pim.commands import Commands

Number = Any

OTHERS = "work of other units"  # a cause of idle time: the nest under way has nothing for a unit


def add_counts(parts: Sequence[Counts]) -> Counts:
    """The counts of nests that do different Einsums.

    >>> from arch import machine
    >>> from mappings import count, mapping, schedules
    >>> from workloads import workload
    >>> _, made = schedules(workload("bert:seq_len=1Ki"), machine("flat-cloud"), mapping("unfused"))
    >>> list(add_counts([count(each) for each in made]).operations)
    ['QK', 'GM', 'SN', 'SD', 'A', 'AV']
    """
    operations = {name: counted for part in parts for name, counted in part.operations.items()}
    return Counts(operations, tuple(a for part in parts for a in part.accesses), sums(part.moved for part in parts))


def add_latencies(parts: Sequence[Latency]) -> Latency:
    """The time of parts that begin when the one before has ended; it is bound by what bounds them longest."""
    stalls = [_while_others(part) for part in parts if part.stall_cycles is not None]
    gaps = [part.gap_cycles for part in parts if part.gap_cycles is not None]
    return Latency(
        cycles=sum(part.cycles for part in parts),
        latency_s=sum(part.latency_s for part in parts),
        compute_cycles=sum(part.compute_cycles for part in parts),
        unit_cycles=sums(part.unit_cycles for part in parts),
        memory_s=sums(part.memory_s for part in parts),
        bound_by=_bound(parts),
        stall_cycles=_nested(stalls) if len(stalls) == len(parts) else None,
        gap_cycles=sums(gaps) if len(gaps) == len(parts) else None,
        assumptions=merged(part.assumptions for part in parts),
        phase_cycles=sums(part.phase_cycles or {} for part in parts) or None,
        commands=_add_commands([part.commands for part in parts if part.commands is not None]),
        not_modelled=parts[0].not_modelled,
    )


def _add_commands(parts: Sequence[Commands]) -> Commands | None:
    if not parts:
        return None
    return Commands(
        sums(part.issued for part in parts),
        sum(part.active_ticks for part in parts),
        sum(part.precharged_ticks for part in parts),
        parts[0].column_bytes,
        _nested([part.operations for part in parts]),
    )


def add_energies(parts: Sequence[Energy]) -> Energy:
    """The energy of all parts; what one of them could not price has no sum."""
    unpriced = {name for part in parts for name, joules in part.by_component_j.items() if joules is None}
    priced = sums({n: j for n, j in part.by_component_j.items() if n not in unpriced} for part in parts)
    return Energy(
        {name: priced.get(name) for part in parts for name in part.by_component_j},
        _nested([part.actions for part in parts]),
        merged(part.notes for part in parts),
        _nested([part.idle_actions for part in parts]),
    )


def repeat_counts(part: Counts, times: int) -> Counts:
    """The counts of what is done `times` times. Raises `SpecError` for arrays of which 64 bits do not hold all.

    >>> from arch import machine
    >>> from mappings import count, mapping, schedule
    >>> from workloads import workload
    >>> _, made = schedule(workload("bert:seq_len=1Ki"), machine("fusemax-cloud"), mapping("fusemax-binding"))
    >>> repeat_counts(count(made), 3).unit_cycles("array_2d") // count(made).unit_cycles("array_2d")
    3
    """
    if times == 1:
        return part
    operations = {
        name: replace(
            each,
            points=checked_times(each.points, times),
            slots=checked_times(each.slots, times),
            cycles=checked_times(each.cycles, times),
            actions={native: checked_times(number, times) for native, number in each.actions.items()},
            arrivals=checked_times(each.arrivals, times),
            accumulations=checked_times(each.accumulations, times),
        )
        for name, each in part.operations.items()
    }
    accesses = tuple(
        replace(
            each,
            visits=checked_times(each.visits, times),
            words=checked_times(each.words, times),
            rows=checked_times(each.rows, times),
            spilled=checked_times(each.spilled, times),
        )
        for each in part.accesses
    )
    return Counts(operations, accesses, {key: checked_times(number, times) for key, number in part.moved.items()})


def repeat_latency(part: Latency, times: int) -> Latency:
    """The time of a part that begins anew whenever it has ended, `times` times."""
    if times == 1:
        return part
    commands = part.commands
    return replace(
        part,
        cycles=part.cycles * times,
        latency_s=part.latency_s * times,
        compute_cycles=part.compute_cycles * times,
        unit_cycles=_times(part.unit_cycles, times),
        memory_s=_times(part.memory_s, times),
        stall_cycles=None if part.stall_cycles is None else _times_nested(part.stall_cycles, times),
        gap_cycles=None if part.gap_cycles is None else _times(part.gap_cycles, times),
        phase_cycles=None if part.phase_cycles is None else _times(part.phase_cycles, times),
        commands=None if commands is None else replace(
            commands,
            issued=_times(commands.issued, times),
            active_ticks=commands.active_ticks * times,
            precharged_ticks=commands.precharged_ticks * times,
            operations=_times_nested(commands.operations, times),
        ),
    )  # fmt: skip


def repeat_energy(part: Energy, times: int) -> Energy:
    """The energy of what is done `times` times."""
    if times == 1:
        return part
    joules = {name: None if j is None else j * times for name, j in part.by_component_j.items()}
    return Energy(joules, _times_nested(part.actions, times), part.notes, _times_nested(part.idle_actions, times))


def merged(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All sentences, each once, in the order in which they come first."""
    return tuple(dict.fromkeys(sentence for part in parts for sentence in part))


def _while_others(part: Latency) -> dict[str, dict[str, int]]:
    """Stalls of a part; a unit that has nothing to do in it waits for the other parts' turn."""
    assert part.stall_cycles is not None
    return {
        unit: dict(causes) if part.unit_cycles[unit] else {OTHERS: sum(causes.values())}
        for unit, causes in part.stall_cycles.items()
    }


def sums(parts: Iterable[Mapping[Any, Number]]) -> dict[Any, Number]:
    """By key the sum over all parts that have it.

    >>> sums([{"dram": 1, "buffer": 2}, {"dram": 3}])
    {'dram': 4, 'buffer': 2}
    """
    found: dict[Any, Number] = {}
    for part in parts:
        for key, number in part.items():
            found[key] = found[key] + number if key in found else number
    return found


def _times(part: Mapping[Any, Number], times: int) -> dict[Any, Number]:
    return {key: number * times for key, number in part.items()}


def _times_nested(part: Mapping[str, Mapping[str, Number]], times: int) -> dict[str, dict[str, Number]]:
    return {key: _times(numbers, times) for key, numbers in part.items()}


def _nested(parts: Sequence[Mapping[str, Mapping[str, Number]]]) -> dict[str, dict[str, Number]]:
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: sums(part[key] for part in parts if key in part) for key in keys}


def _bound(parts: Sequence[Latency]) -> Any:
    """The unit, memory or wait that bounds the parts for the longest time, in all."""
    if not is_array(*(part.latency_s for part in parts)):
        seconds = sums({part.bound_by: part.latency_s} for part in parts)
        return max(seconds, key=lambda name: seconds[name])
    import numpy as np

    bounds = [labels(part.bound_by) for part in parts]
    names = tuple(dict.fromkeys(name for each in bounds for name in each.names))
    codes = [np.array([names.index(name) for name in each.names])[each.codes] for each in bounds]
    taken = [
        sum(np.where(other == code, part.latency_s, 0.0) for other, part in zip(codes, parts, strict=True))
        for code in codes
    ]
    longest = np.argmax(np.stack(np.broadcast_arrays(*taken)), axis=0)  # the first of equals, as for a single point
    return Labels(names, np.choose(longest, codes))
