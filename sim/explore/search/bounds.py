"""Lower bounds on the objectives of all members that complete a partly fixed one: those of its floors.

A number is bounded if it grows with counts. All times, energies and bytes do; shares such as utilisation do not.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from arch import table
from mappings import count
from mappings.choices import chosen_way
from mappings.floor import Floor, floor
from mappings.operands import with_operand_types
from mappings.sequence import nests_of, workload_of
from specs import Loaded, SpecError
from workloads import cascade, ceil_div, least, most

from ...analytic import latency
from ...pim.energy import least_energy_j
from ...pim.lowering import EXCLUDED
from ...pim.outside import UNIT as BANKS
from ...pim.product import CHANNELS
from ...simulate import analyse_all
from ..columns import measured
from .least import Values
from .nests import Nests
from .space import Search, Site
from .taken import Unsure

GROWING = ("latency_s", "cycles", "energy_j", "area_mm2", "read_bytes", "written_bytes", "unit_cycles")
SUMS = ("energy_j",)  # of many numbers, which may differ in their last bits with the order of the sum
MARGIN = 1 - 1e-9
READ = frozenset({"partition", "bind"})  # by floors, of what an option of a choice may have


def bounds(search: Search, site: Site, fixed: Sequence[int], cells: Any) -> Any:
    """For each of these extents a row with a lower bound on each objective, whatever the openings that are not fixed;
    infinite ones where they do not fit, or make no sense.

    `fixed` are the options of the first openings. Nothing is known of an objective that does not grow with counts.
    """
    return Frame(search, site, tuple(fixed[: site.space.framed]), cells).bounds(fixed)


@dataclass(eq=False)
class Frame:
    """Members that are alike in what is done where, with these extents: what bounds need of them again and again."""

    search: Search
    site: Site
    fixed: tuple[int, ...]
    cells: Any

    @cached_property
    def nests(self) -> Nests:
        """The nests, for options beyond those of the frame."""
        growing = all(name.partition(".")[0] in GROWING for name in self.search.objectives)
        only_alike = bool(self.search.sweep.constraints) or not growing
        return Nests(self.site, self.cells, self.search.objectives, only_alike)

    @cached_property
    def floors(self) -> list[tuple[int, Floor]]:
        """The floors of the nests of which enough is fixed; none of members that make no sense."""
        try:
            return _floors(self.site, self.fixed, self.cells)
        except SpecError:
            return []

    @cached_property
    def low(self) -> Any:
        """The bounds of floors."""
        try:
            with np.errstate(all="ignore"):
                return self._rows({number: (values, False) for number, values in self._least.items()})
        except SpecError:  # of members that make no sense
            return np.full((len(self.cells), len(self.search.objectives)), -np.inf)

    def bounds(self, fixed: Sequence[int]) -> Any:
        """The bounds of floors, and with what is fixed beyond the frame those that read loops and keeps."""
        if len(fixed) < self.site.space.framed or self.site.machine.device is not None:
            return self.low
        low = self.low
        try:
            found: dict[int, tuple[Values, Any]] = {number: (each, False) for number, each in self._least.items()}
        except SpecError:
            found = {}
        with np.errstate(all="ignore"):
            for number in range(self.site.nests):
                try:
                    bound = self.nests.bound(number, fixed)
                except (Unsure, SpecError):
                    continue
                if bound is None:
                    return np.full_like(low, np.inf)
                values, none = bound
                known = found.get(number, ({}, False))[0]
                found[number] = ({name: most(each, known.get(name, each)) for name, each in values.items()}, none)
            return np.maximum(low, self._rows(found))

    @cached_property
    def _least(self) -> dict[int, Values]:
        """Of each nest the least of each objective, by its floor. Raises SpecError."""
        if self.site.machine.device is not None:
            return {}
        growing = [name for name in self.search.objectives if name.partition(".")[0] in GROWING]
        found = {}
        for number, one in self.floors:
            analysis = analyse_all([one], "analytic")
            values = {name: measured(analysis, name) for name in growing}
            found[number] = {name: value for name, value in values.items() if value is not None}
        return found

    def _rows(self, nests: Mapping[int, tuple[Values, Any]]) -> Any:
        """The bounds that follow from those of nests, of which each has what does not fit."""
        found = np.full((len(self.cells), len(self.search.objectives)), -np.inf)
        banks = self.site.machine.device is not None and bool(self.floors)
        known = _in_banks(self.site, [one for _, one in self.floors]) if banks else self._sums(nests)
        for i, name in enumerate(self.search.objectives):
            if name in known:
                margin = MARGIN if name.partition(".")[0] in SUMS and not banks else 1.0
                found[:, i] = np.asarray(known[name], dtype=np.float64) * margin
        unfit = [condition for _, one in self.floors for condition, _ in one.infeasible]
        for condition in (*unfit, *(none for _, none in nests.values())):
            found[np.broadcast_to(condition, len(self.cells))] = np.inf
        return found

    def _sums(self, nests: Mapping[int, tuple[Values, Any]]) -> Values:
        """What runs in turn adds up, as often as all of it is repeated; area does not."""
        found: Values = {}
        for number in sorted(nests):
            for name, value in nests[number][0].items():
                alike = name.partition(".")[0] == "area_mm2"
                found[name] = found[name] + value if name in found and not alike else value
        times = self.site.workload.repeated.times
        return {name: value if name.startswith("area_mm2") else value * times for name, value in found.items()}


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


def _floors(site: Site, fixed: Sequence[int], cells: Any) -> list[tuple[int, Floor]]:
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
        found.append((i, floor(part, work, site.machine, _overlapped(way, site), free)))
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
