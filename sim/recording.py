"""From what was counted, timed and priced to the result record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arch import Machine
from specs.version import version

from .record import Record
from .sequence import merged

if TYPE_CHECKING:
    from .simulate import Analysis


def clock_name(machine: Machine) -> str:
    """Which clock a cycle is of.

    >>> from arch import machine
    >>> clock_name(machine("fusemax-cloud")), clock_name(machine("gddr6-aim"))
    ('fusemax-cloud', 'command clock of gddr6-aim')
    """
    return machine.name if machine.device is None else f"command clock of {machine.name}"


def _several(found: Analysis) -> tuple[str, ...]:
    """What a number of a record is of, if it is not of one block and token."""
    blocks, tokens = found.repeated.blocks, found.repeated.tokens
    notes = [f"{blocks} blocks, one after the other, each as large as the others"] if blocks > 1 else []
    notes += [f"{tokens} tokens, one after the other, each with as many keys as the others"] if tokens > 1 else []
    return tuple(notes)


def record_of(found: Analysis, model: str, references: Mapping[str, str], hashes: Mapping[str, str]) -> Record:
    """The record of an analysis by a model; `references` and `hashes` say of what."""
    schedule, counts = found.schedule, found.counts
    machine = schedule.machine
    units, levels = list(machine.units), list(machine.memories)
    einsums = {unit: [n for n, o in counts.operations.items() if o.operation.unit == unit] for unit in units}
    by_tensor: dict[str, dict[str, dict[str, int]]] = {level: {} for level in levels}
    for (level, tensor, action), moved in counts.moved.items():
        by_tensor[level].setdefault(tensor, {"read": 0, "write": 0})[action] += moved
    return Record(
        workload=references["workload"],
        cascade=schedule.cascade,
        arch=references["arch"],
        mapping=references["mapping"],
        model=model,
        clock={"name": clock_name(machine), "hz": machine.clock_hz},
        cycles=found.latency.cycles,
        latency_s=found.latency.latency_s,
        energy_j=found.energy.total_j,
        energy_by_component_j=found.energy.by_component_j,
        area_mm2=found.area_mm2,
        area_by_component_mm2=found.area_by_component_mm2,
        traffic_bytes={
            level: {action: counts.level_bytes(level, action) for action in ("read", "write")} for level in levels
        },
        traffic_by_tensor_bytes=by_tensor,
        actions=found.energy.actions,
        idle_actions=found.energy.idle_actions,
        utilization={unit: found.utilization(unit) for unit in units},
        busy={unit: found.busy(unit) for unit in units},
        utilization_by_einsum={unit: {n: found.share(n) for n in einsums[unit]} for unit in units},
        cycles_by_einsum={unit: {n: counts.operations[n].cycles for n in einsums[unit]} for unit in units},
        memory_s=found.latency.memory_s,
        bound_by=found.latency.bound_by,
        stall_cycles=found.latency.stall_cycles,
        gap_cycles=found.latency.gap_cycles,
        cycles_by_phase=found.latency.phase_cycles,
        not_modelled=found.latency.not_modelled,
        overrides={each.path: {"given": each.given, "stated": each.stated} for each in machine.overrides} or None,
        feasible={"ok": True, "reason": None},
        assumptions=merged(
            [*(each.assumptions for each in found.schedules), found.latency.assumptions, _several(found)]
        ),
        accounting=schedule.accounting,
        provenance={
            "version": version(),
            "specs": dict(hashes),
            "tables": [machine.energy],
            "interpolated": list(found.notes),
        },
    )
