"""Lower bounds on the objectives of all members that complete a partly fixed one: those of its floors.

A number is bounded if it grows with counts. All times, energies and bytes do; shares such as utilisation do not.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from arch import table
from mappings import count
from mappings.choices import chosen_way
from mappings.floor import Floor, floor
from mappings.operands import with_operand_types
from mappings.sequence import nests_of, workload_of
from specs import Loaded, SpecError
from workloads import cascade, ceil_div, least

from ...analytic import latency
from ...pim.energy import least_energy_j
from ...pim.lowering import EXCLUDED
from ...pim.outside import UNIT as BANKS
from ...pim.product import CHANNELS
from ...simulate import analyse_all
from ..columns import measured
from .space import Search, Site

GROWING = ("latency_s", "cycles", "energy_j", "area_mm2", "read_bytes", "written_bytes", "unit_cycles")
SUMS = ("energy_j",)  # of many numbers, which may differ in their last bits with the order of the sum
MARGIN = 1 - 1e-9
READ = frozenset({"partition", "bind"})  # by floors, of what an option of a choice may have


def bounds(search: Search, site: Site, fixed: Sequence[int], cells: Any) -> Any:
    """For each of these extents a row with a lower bound on each objective, whatever the openings that are not fixed;
    infinite ones where they do not fit.

    `fixed` are the options of the first openings. Nothing is known of an objective that does not grow with counts.
    """
    none = np.full((len(cells), len(search.objectives)), -np.inf)
    try:
        with np.errstate(all="ignore"):
            floors = _floors(site, fixed, cells)
            found = _values(search, site, floors, none) if floors else none
            for condition, _ in (each for one in floors for each in one.infeasible):
                found[np.broadcast_to(condition, len(cells))] = np.inf
            return found
    except SpecError:  # of a member that makes no sense
        return none


def _values(search: Search, site: Site, floors: Sequence[Floor], none: Any) -> Any:
    found = none.copy()
    if site.machine.device is not None:
        known = _in_banks(site, floors)
        for i, name in enumerate(search.objectives):
            if name in known:
                found[:, i] = known[name]
        return found
    analysis = analyse_all(floors, "analytic", repeated=site.workload.repeated)
    for i, name in enumerate(search.objectives):
        value = measured(analysis, name) if name.partition(".")[0] in GROWING else None
        if value is not None:
            margin = MARGIN if name.partition(".")[0] in SUMS else 1.0
            found[:, i] = np.asarray(value, dtype=np.float64) * margin
    return found


def _in_banks(site: Site, floors: Sequence[Floor]) -> dict[str, Any]:
    """Bounds on the time and energy of work in banks, by objective.

    A channel issues a MAC for each beat of an operation: its banks do no more at once, and all channels with a part of
    the operation do the same. Time is the load of the units; energy that of the MACs, and of standing by for so long.
    """
    machine, times = site.machine, site.workload.repeated.times
    timed = [each for each in floors if not _left_out(site, each)]
    seconds = sum(np.asarray(latency(each, count(each)).latency_s) for each in timed) * times * MARGIN
    macs = sum(np.asarray(_macs(each, name)) for each in floors for name in each.operations) * times
    spent = least_energy_j(machine, macs * MARGIN, seconds, table(machine.energy))
    known = {"latency_s": seconds, "cycles": np.floor(seconds * machine.clock_hz), "energy_j": sum(spent.values())}
    return known | {f"energy_j.{name}": joules for name, joules in spent.items()}


def _macs(floor: Floor, name: str) -> Any:
    """MACs that all channels issue for an operation at least; none for one that is not in banks."""
    counted = count(floor).operations[name]
    operation = counted.operation
    if operation.unit != BANKS or not operation.slots:
        return 0
    beats, part = counted.cycles // operation.slots, operation.spatial.get(CHANNELS)
    if part is None:
        return beats
    channels = []
    for each in (floor, *floor.others):
        family = each.families[each.family_of[part]]
        channels.append(least(family.extent(part), ceil_div(family.size, family.part(part).chunk)))
    return beats * functools.reduce(least, channels)


def _left_out(site: Site, floor: Floor) -> bool:
    """Whether a nest takes no time: one outside of the banks, where only the time of MACs is asked for."""
    outside = all(operation.unit != BANKS for operation in floor.operations.values())
    return outside and site.space.base.model.io == EXCLUDED


def _floors(site: Site, fixed: Sequence[int], cells: Any) -> list[Floor]:
    """The floors of the nests of which enough is fixed."""
    space, found = site.space, []
    fixed = fixed[: space.structures]
    loaded = space.part(fixed, cells)
    whole = cascade(loaded.model.cascade)
    left = [opening for opening in space.openings[len(fixed) :] if not opening.is_extents]
    to_choose = {opening.path[0] for opening in left if opening.kind == "choose"}
    for i, (part, nest) in enumerate(nests_of(with_operand_types(loaded, whole, site.machine), whole)):
        own = [opening for opening in left if opening.nest in (None, i)]
        way = _settled(nest, to_choose)
        if way is None or any(opening.kind in ("overlap", "partition") for opening in own):
            continue
        free = frozenset(opening.path[0] for opening in own if opening.kind == "bind")
        work = workload_of(site.mapped, part, whole)
        found.append(floor(part, work, site.machine, _overlapped(way, site), free))
    return found


def _settled(nest: Loaded[Any], to_choose: Collection[str]) -> Loaded[Any] | None:
    """The nest with an option of each choice; None if one that is left open changes what floors read."""
    spec = nest.model
    chosen = {name: option for name, option in spec.choose.items() if name not in to_choose}
    left = {name: options for name, options in spec.choices.items() if name not in chosen}
    if any(READ & option.model_fields_set for options in left.values() for option in options.values()):
        return None
    first = {name: next(iter(options)) for name, options in left.items()}
    return chosen_way(replace(nest, model=spec.model_copy(update={"choose": chosen | first})))


def _overlapped(nest: Loaded[Any], site: Site) -> Loaded[Any]:
    """The nest as bounds read it: what is not timed by its overlap takes as long as its busiest unit at least."""
    if site.model == "analytic" and site.machine.device is None:
        return nest
    return replace(nest, model=nest.model.model_copy(update={"overlap": "units"}))
