"""Lower bounds that read loops and keeps: of each tensor the least over its own options, and all of these added up.

Energy and bytes are sums over operations and tensors, so the sum of what each takes at least is a lower bound; with all
keeps fixed it is what a member takes. Time is at least that of the operations on their units, and of each memory that
of the least bytes of all tensors; what goes on with time takes as much of it at least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from arch import machine_area_um2
from mappings import Counts
from mappings.apart import Apart, Share, is_plain
from mappings.bind import limits_of
from mappings.footprint import footprints
from specs import SpecError

from ...accounting import accounting
from ...analytic import Latency, latency
from ...energy import Energy, energy
from ...overhead import with_overhead
from ...sequence import sums
from .prices import Prices
from .taken import Taken

ANALYTIC = "analytic"
ADDED = ("energy_j", "read_bytes", "written_bytes")  # numbers that are sums over operations and tensors
TIMES = ("latency_s", "cycles", "unit_cycles")
NO_TIME, NO_COUNTS, NO_ENERGY = Latency(0, 0.0, 0, {}, {}, ""), Counts({}, ()), Energy({}, {}, ())

Values = dict[str, Any]  # by objective; a number, or an array over cells


@dataclass(frozen=True)
class Least:
    """Of some tensors the least of each objective that is a sum, and for each memory of bytes moved and of room."""

    values: Mapping[str, Any]
    moved: Mapping[str, Any]
    room: Mapping[str, Any]


@dataclass(eq=False)
class LeastOf:
    """What a nest takes at least, of which some options are fixed."""

    taken: Taken
    objectives: tuple[str, ...]
    prices: Prices

    def __post_init__(self) -> None:
        self._known: dict[tuple[str, tuple[int, ...]], Least | None] = {}

    def bound(self, fixed: Sequence[int]) -> tuple[Values, Any] | None:
        """The least of each objective with these options, and where nothing fits; None if nothing makes sense.

        Raises Unsure.
        """
        nest = self.taken.nest
        if isinstance(nest, SpecError):
            return None
        least = [self._rest]
        for tensor, numbers in self.taken.opened.items():
            found = self._least(tensor, tuple(fixed[i] for i in numbers if i < len(fixed)))
            if found is None:
                return None
            least.append(found)
        time = self._time(nest, sums(each.moved for each in least))
        added = sums(each.values for each in least)
        return self._values(time, added), self._too_large(nest, sums(each.room for each in least))

    def _values(self, time: Latency, added: Values) -> Values:
        """Objectives of that time, whose parts that tensors have a share in are `added` up."""
        work, known = self._with_time(self._spent, NO_COUNTS, time) if self.has_energy else NO_ENERGY, Values()
        for name in self.objectives:
            head, _, rest = name.partition(".")
            if head == "unit_cycles":
                known[name] = time.unit_cycles.get(rest, 0)
            elif head in TIMES:
                known[name] = getattr(time, head)
            elif head in ADDED:
                own = _added(work, NO_COUNTS, name)
                if own is not None:
                    known[name] = own + added[name]
        return known

    def _time(self, nest: Apart, moved: Mapping[str, Any]) -> Latency:
        """At least what units take for their operations; by the analytic model also each memory for its bytes."""
        if self.taken.site.model != ANALYTIC:
            return latency(replace(nest.base, overlap="units"), Counts(nest.work, ()))
        return latency(nest.base, Counts(nest.work, (), {(name, "", "read"): each for name, each in moved.items()}))

    def _too_large(self, nest: Apart, room: Mapping[str, Any]) -> Any:
        limits = limits_of(nest.spec, self.taken.site.machine)
        found: Any = False
        for level, needed in room.items():
            if limits[level] is not None and is_plain(nest):
                found = found | (needed > limits[level])
        return found

    def _least(self, tensor: str, options: tuple[int, ...]) -> Least | None:
        """The least of an open tensor, of which these are the first options; None if none of the others makes sense."""
        key, numbers = (tensor, options), self.taken.opened[tensor]
        if key not in self._known:
            if len(options) == len(numbers):
                share = self.taken.share(tensor, options)
                self._known[key] = None if isinstance(share, SpecError) else self._of(share)
            else:
                more = range(self.taken.site.space.shape[numbers[len(options)]])
                self._known[key] = _fewest([self._least(tensor, (*options, option)) for option in more])
        return self._known[key]

    @cached_property
    def _rest(self) -> Least:
        return self._of(self.taken.apart.rest)

    @cached_property
    def has_energy(self) -> bool:
        return any(name.partition(".")[0] == "energy_j" for name in self.objectives)

    @cached_property
    def _spent(self) -> Energy:
        """The energy of operations, without what memories and time take."""
        base = self.taken.apart.base
        return energy(base, Counts(self.taken.apart.work, ()), self.prices, accounting(base.accounting))

    def _with_time(self, spent: Energy, counts: Counts, time: Latency) -> Energy:
        machine = self.taken.site.machine
        return with_overhead(spent, machine, counts, time, self.prices, machine_area_um2(machine, self.prices))

    def _of(self, share: Share) -> Least:
        """Of one share the objectives that are sums, bytes and room; its energy is that of memories and wires."""
        counts, base, levels = (
            Counts({}, share.accesses, share.moved),
            self.taken.apart.base,
            self.taken.site.machine.memories,
        )
        spent = NO_ENERGY
        if self.has_energy:
            spent = energy(base, counts, self.prices, accounting(base.accounting))
            spent = self._with_time(spent, counts, NO_TIME)
        added = [name for name in self.objectives if name.partition(".")[0] in ADDED]
        values = {name: _added(spent, counts, name) for name in added}
        moved = {name: counts.level_bytes(name, "read") + counts.level_bytes(name, "write") for name in levels}
        taken = footprints(share.kept)
        room = {name: taken.get(name, 0) for name in levels}
        return Least({name: 0 if each is None else each for name, each in values.items()}, moved, room)


def _added(spent: Energy, counts: Counts, name: str) -> Any:
    """A number that is a sum; None if it is not known."""
    head, _, rest = name.partition(".")
    if head == "energy_j":
        return spent.by_component_j.get(rest) if rest else spent.total_j
    return counts.level_bytes(rest, "read" if head == "read_bytes" else "write")


def _fewest(options: Sequence[Least | None]) -> Least | None:
    """Of each number the least."""
    some = [each for each in options if each is not None]
    if not some:
        return None

    def of(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {name: reduce(np.minimum, [each[name] for each in tables]) for name in tables[0]}

    return Least(of([e.values for e in some]), of([e.moved for e in some]), of([e.room for e in some]))
