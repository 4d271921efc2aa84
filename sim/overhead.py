"""What a machine takes beside its actions, for a schedule and the time that it takes: five components by name.

`control` and `wires` go with the work, `clock`, `leakage` and the outermost memory's `background` with the time that a
timing model found. Prices and their laws are `arch.overhead`'s; a component of which the table says nothing is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from arch import Cost, Machine, Table, total
from arch.overhead import background_w, clock_pj, control_share, leakage_w, wire_pj
from mappings import Counts
from mappings.visits import wide_times

from .analytic import Latency
from .energy import PICO, Energy

Number = Any

BITS_PER_BYTE = 8


def with_overhead(
    spent: Energy, machine: Machine, counts: Counts, latency: Latency, table: Table, areas: Mapping[str, Cost]
) -> Energy:
    """The energy with that of control, clock, leakage, wires and DRAM background; `areas` are the table's.

    >>> from sim import simulate
    >>> spent = simulate("bert:seq_len=1Ki", "fusemax-cloud:energy=tpu-7nm", "fusemax-binding").energy_by_component_j
    >>> {name: round(1e3 * spent[name], 1) for name in ("array_2d", "control", "clock", "leakage", "wires")}
    {'array_2d': 63.9, 'control': 4.3, 'clock': 9.7, 'leakage': 0.1, 'wires': 9.2}
    """
    elements = sum(unit.elements for unit in machine.units.values())
    outermost, *on_chip = machine.memories
    operations = sum(
        number for name, done in spent.actions.items() if name in machine.units for number in done.values()
    )
    moved = sum(counts.level_bytes(name, action) for name in on_chip for action in ("read", "write"))
    element_cycles = wide_times(elements, latency.cycles)
    worked_j = sum(spent.by_component_j.get(name, 0.0) for name in machine.units)

    control, clock, wires = control_share(table), clock_pj(machine, table), wire_pj(machine, table, areas)
    leakage, background = total(leakage_w(machine, table, areas).values()), background_w(machine, table)
    standing = f"{outermost}.background"
    costs = {"control": control, "clock": clock, "leakage": leakage, "wires": wires, standing: background}
    joules = {
        "control": _joules(control, worked_j),
        "clock": _joules(clock, element_cycles * PICO),
        "leakage": _joules(leakage, latency.latency_s),
        "wires": _joules(wires, moved * (BITS_PER_BYTE * PICO)),
        standing: _joules(background, latency.latency_s),
    }
    return replace(
        spent,
        by_component_j={**spent.by_component_j, **joules},
        actions={**spent.actions, "control": {"operation": operations}, "wires": {"byte": moved}},
        idle_actions={
            "clock": {"element_cycle": element_cycles},
            "leakage": {"second": latency.latency_s},
            standing: {"second": latency.latency_s},
        },
        notes=(*spent.notes, *_notes(costs.items())),
    )


def _joules(cost: Cost, number: Number) -> Number:
    """What the number of actions takes; None where they have no price."""
    return None if cost.value is None else cost.value * number


def _notes(costs: Iterable[tuple[str, Cost]]) -> list[str]:
    return [f"{name}: {cost.how}" for name, cost in costs if cost.how != "table"]
