"""Binding: cascade × machine × mapping → a checked schedule.

Structure comes first (which part is where, the loop tree, the accesses), numbers second (extents, the fitted part, what
fits). Numbers may be arrays of design points; the structure is one for all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs import Loaded, Problem, SpecError, unknown
from workloads import (
    Cascade,
    TensorType,
    Workload,
    check_pins,
    is_array,
    least,
    plain_pins,
    tensor_types,
    unknown_type,
)

from .excess import Excess, Misfit
from .extents import Missing, evaluate, families, fit
from .faults import Faults
from .footprint import check_room, footprints, spills_of, tiles_of, too_large
from .published import fitted_extent
from .schedule import Epoch, Family, InBanks, Operation, Pick, Schedule, Spill, Wait
from .spec import MappingSpec
from .structure import structure
from .units import check_units


def bind(cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec]) -> Schedule:
    """The schedule of a cascade on a machine under a mapping.

    Raises `SpecError` for a mapping that makes no sense, `Infeasible` for one that does not fit. With arrays of design
    points nothing is raised for size; `schedule.infeasible` tells where and why.
    """
    schedule = bind_all(cascade, workload, machine, loaded)
    if not varies(machine, workload):
        for condition, reason in schedule.infeasible:
            if not is_array(condition) and condition:
                assert isinstance(reason, Excess)
                raise Misfit(schedule.reason(reason), reason)
    return schedule


def bind_all(cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec]) -> Schedule:
    """The schedule, whether it fits or not: `schedule.infeasible` tells. Raises `SpecError` as `bind`."""
    check_units(loaded, machine)
    spec = loaded.model
    faults = Faults(loaded)
    lookup = lookup_of(machine, workload)
    _check_numbers(faults, lookup)
    found = faults.collect(lambda: structure(cascade, machine, loaded), None)
    faults.stop()
    assert found is not None
    plan = found
    check_room(loaded, plan, list(machine.memories))
    sizes = workload.sizes(cascade)
    types = _types(cascade, workload, machine, loaded)

    def make(extent: Any) -> dict[str, Family]:
        return families(plan.divided, sizes, lookup, loaded, extent)

    def room(made: Mapping[str, Family]) -> dict[str, Any]:
        return footprints(tiles_of(plan, made, types, loaded, lookup, ragged=False))

    limits = limits_of(spec, machine)
    fitted = next((d.fitted for d in plan.divided.values() if d.fitted), None)
    extent: Any = 1
    notes: tuple[str, ...] = ()
    if fitted is not None:
        extent, notes = fitted_extent(loaded, lookup, fitted, fit(plan.divided, make, room, _hard(spec, limits)))
    made = make(extent)
    tiles = tiles_of(plan, made, types, loaded, lookup)
    spills = spills_of(spec, tiles, limits)
    excesses = (*too_wide(plan.operations, made, machine), *too_large(spec, tiles, limits))
    return Schedule(
        cascade=cascade.name,
        mapping=loaded.name,
        machine=machine,
        families=made,
        operations=plan.operations,
        root=plan.root,
        dependencies=plan.dependencies,
        kept=tiles,
        types=types,
        band=cascade.band(sizes, workload.settings),
        overlap=spec.overlap,
        fold_overlap=spec.fold_overlap == "on",
        epochs=_epochs(loaded, lookup),
        accounting=spec.accounting,
        interleave=evaluate(spec.interleave, lookup, loaded, "interleave"),
        infeasible=excesses,
        assumptions=(*machine.assumptions, *spec.assumptions, *notes, *_overflowing(spills)),
        spills=spills,
        in_banks=_in_banks(cascade, spec),
    )


def varies(machine: Any, workload: Workload) -> bool:
    """Whether any number of a machine or a workload is an array of design points."""
    memories = (value for memory in machine.memories.values() for value in vars(memory).values())
    units = (value for unit in machine.units.values() for value in (*unit.axes.values(), *vars(unit).values()))
    sizes = (*workload.values.values(), *workload.settings.values())
    return is_array(machine.clock_hz, *memories, *units, *sizes)


def _in_banks(cascade: Cascade, spec: MappingSpec) -> InBanks:
    grows = spec.grows if spec.grows in cascade.rank_sizes else None  # this part of the cascade may lack it
    return InBanks(spec.rows, spec.io, grows, spec.append, spec.room)


def _types(cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec]) -> dict[str, TensorType]:
    """The type of every tensor: the workload's, the machine's, the mapping's, then the cascade's own."""
    wrong = [Problem(unknown_type(found), machine.place) for _, found, _ in check_pins(machine.types)]
    if wrong:
        raise SpecError(wrong)
    return tensor_types(cascade, workload.types, machine.types, plain_pins(loaded.model.types))


def _check_numbers(faults: Faults, lookup: Any) -> None:
    """Every number and expression of a mapping by itself: extents, waits and the interleave."""
    loaded, spec = faults.loaded, faults.loaded.model
    for rank, parts in spec.partition.items():
        for part, extent in parts.items():
            if isinstance(extent, str) and extent.lstrip().startswith("="):
                faults.collect(functools.partial(_whole, loaded, lookup, extent, 1, "partition", rank, part), None)
    for i, epoch in enumerate(spec.epochs):
        for name, cycles in epoch.wait.items():
            faults.collect(functools.partial(_whole, loaded, lookup, cycles, 0, "epochs", i, "wait", name), None)
    faults.collect(functools.partial(_whole, loaded, lookup, spec.interleave, 1, "interleave"), None)


def _whole(loaded: Loaded[MappingSpec], lookup: Any, text: int | str, least_value: int, *path: str | int) -> None:
    """Checks that a value is a whole number, at least `least_value` and at most 2^31."""
    value = evaluate(text, lookup, loaded, *path)
    if is_array(value):
        wrong = value[(value != value // 1) | (value < least_value) | (value > 2**31)]
        if not wrong.size:
            return
        value = wrong[0].item()
    if value != int(value) or not least_value <= value <= 2**31:
        name = path[-1] if path[0] != "epochs" else f"wait for {path[-1]}"
        message = f"'{name}' must be a whole number from {least_value} to 2^31, found {value}"
        raise SpecError([Problem(message, loaded.place(path))])


@dataclass(frozen=True)
class Names:
    """Keys of a workload, then numbers of a machine, by name."""

    machine: Any
    workload: Workload

    @property
    def varied(self) -> bool:
        masks = self.workload.settings.values()
        return bool(self.workload.types) or any(is_array(value) or value not in (None, False) for value in masks)

    def __call__(self, name: str) -> Any:
        if name in self.workload.values:
            return self.workload.values[name]
        try:
            return self.machine.value(name)
        except KeyError:
            parts = (*self.machine.memories, *self.machine.units)
            kind = Missing if "." in name and name.split(".")[0] not in parts else KeyError
            raise kind(unknown("name", name, [*self.machine.paths(), *self.workload.values])) from None


def lookup_of(machine: Any, workload: Workload) -> Names:
    """What the names in expressions and conditions of a mapping mean: keys of the workload, numbers of the machine."""
    return Names(machine, workload)


def limits_of(spec: MappingSpec, machine: Any) -> dict[str, Any]:
    """The bytes that a mapping may use of each memory; None where there is no limit."""
    return {m.name: _limit(m, spec.budget.get(m.name)) for m in machine.memories.values()}


def _limit(memory: Any, budget: Any) -> Any:
    if budget is None or memory.size_bytes is None:
        return memory.size_bytes if budget is None else budget
    return least(memory.size_bytes, budget)


def _hard(spec: MappingSpec, limits: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes of the levels in which everything must fit."""
    return {level: None if level in spec.spill else limit for level, limit in limits.items()}


def _overflowing(spills: Mapping[str, Spill]) -> list[str]:
    return [
        f"{each.over_bytes} of {each.of_bytes} B do not fit into '{level}' and stay in '{each.outer}'"
        for level, each in spills.items()
        if not is_array(each.over_bytes)
    ]


def _epochs(loaded: Loaded[MappingSpec], lookup: Any) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(
            tuple(epoch.einsums),
            tuple(
                Wait(name, evaluate(text, lookup, loaded, "epochs", i, "wait", name))
                for name, text in epoch.wait.items()
            ),
        )
        for i, epoch in enumerate(loaded.model.epochs)
    )


def too_wide(operations: Mapping[str, Operation], made: Mapping[str, Family], machine: Any) -> list[tuple[Any, Excess]]:
    """A part that is spatial needs as many elements on its axis as it has indices."""
    placed = {(o.unit, axis, part) for o in operations.values() for axis, part in o.spatial.items()}
    family_of = {part.name: family for family in made.values() for part in family.parts}
    found: list[tuple[Any, Excess]] = []
    for unit, axis, part in sorted(placed):
        extent, room = family_of[part].extent(part), machine.units[unit].axes[axis]
        why = functools.partial(_why_too_wide, unit, axis, part, extent, room)
        found.append((extent > room, Excess(f"axis '{axis}' of '{unit}'", extent, room, why)))
    return found


def _why_too_wide(unit: str, axis: str, part: str, extent: Any, room: Any, pick: Pick) -> str:
    return f"part '{part}' has {pick(extent)} indices, but axis '{axis}' of '{unit}' has {pick(room)}"
