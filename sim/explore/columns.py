"""The columns of a sweep's table: which there are for its machines, and how each is read off an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from arch import Machine

from ..simulate import Analysis

Number = Any

PLAIN: Mapping[str, Callable[[Analysis], Number]] = {
    "cycles": lambda found: found.latency.cycles,
    "latency_s": lambda found: found.latency.latency_s,
    "energy_j": lambda found: found.energy.total_j,
    "area_mm2": lambda found: found.area_mm2,
}
OF_UNITS: Mapping[str, Callable[[Analysis, str], Number]] = {
    "utilization": lambda found, unit: found.utilization(unit),
    "busy": lambda found, unit: found.busy(unit),
    "unit_cycles": lambda found, unit: found.latency.unit_cycles.get(unit, 0),
}
OF_LEVELS: Mapping[str, Callable[[Analysis, str], Number]] = {
    "read_bytes": lambda found, level: found.counts.level_bytes(level, "read"),
    "written_bytes": lambda found, level: found.counts.level_bytes(level, "write"),
}
OF_COMPONENTS: Mapping[str, Callable[[Analysis, str], Number]] = {
    "energy_j": lambda found, component: found.energy.by_component_j.get(component),
    "area_mm2": lambda found, component: found.area_by_component_mm2.get(component),
}
WHOLE = ("cycles", "unit_cycles", "read_bytes", "written_bytes")  # int64; all others are float64
BY_DEFAULT = ("utilization",)  # beside the objectives


def result_columns(machines: Iterable[Machine]) -> tuple[str, ...]:
    """Every number that a sweep over these machines has: of the whole, by unit, by level and by component.

    >>> from arch import machine
    >>> [name for name in result_columns([machine("systolic")]) if name.startswith(("cycles", "utilization", "read"))]
    ['cycles', 'utilization.array', 'read_bytes.dram', 'read_bytes.buffer']
    """
    hosts = list(machines)
    names = [*PLAIN]
    names += [f"{head}.{unit}" for head in OF_UNITS for host in hosts for unit in host.units]
    names += [f"{head}.{level}" for head in OF_LEVELS for host in hosts for level in host.memories]
    names += [f"energy_j.{each}" for host in hosts for each in _energy_components(host)]
    names += [f"area_mm2.{each}" for host in hosts for each in (*host.units, *list(host.memories)[1:], "machine")]
    return tuple(dict.fromkeys(names))


def chosen_columns(known: Iterable[str], objectives: Iterable[str], everything: bool) -> tuple[str, ...]:
    """The numbers in the table: the objectives and utilisations, or all of them; objectives first."""
    first = list(dict.fromkeys(objectives))
    return tuple(first + [n for n in known if n not in first and (everything or n.startswith(BY_DEFAULT))])


def measured(found: Analysis, name: str) -> Number:
    """The number of a column, or an array of them; None where a machine has none."""
    head, _, rest = name.partition(".")
    if not rest:
        return PLAIN[head](found)
    machine = found.schedule.machine
    if head in OF_UNITS:
        return OF_UNITS[head](found, rest) if rest in machine.units else None
    if head in OF_LEVELS:
        return OF_LEVELS[head](found, rest) if rest in machine.memories else None
    return OF_COMPONENTS[head](found, rest)


def is_whole(name: str) -> bool:
    """Whether a column holds integers."""
    return name.partition(".")[0] in WHOLE


def _energy_components(machine: Machine) -> list[str]:
    """The components of a machine's energy, in the order of its records."""
    outermost = next(iter(machine.memories))
    if machine.device is not None:
        return ["dram", "banks", "dram.pins", "dram.background", *(unit for unit in machine.units if unit != "banks")]
    names = [*machine.memories]
    for unit in machine.units.values():
        names += [unit.name, *([f"{unit.name}.registers"] if unit.registers is not None else [])]
    return [*names, "control", "clock", "leakage", "wires", f"{outermost}.background"]
