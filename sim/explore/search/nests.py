"""Nests of which loops are fixed, taken apart by tensor: bounds that read loops and keeps, and members put together.

What a nest's operations do is known, and what each tensor moves depends on its own keeps (`mappings/apart.py`). So the
least over each tensor's own options, added up, is a lower bound, and one option of each gives a member. Energy and
bytes are sums; time is at least that of the busiest unit, and of each memory that of the sum of its bytes.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import permutations, product
from typing import Any

import numpy as np

from arch import Cost, Table, machine_area_um2, table
from mappings import Counts
from mappings.apart import (
    Apart,
    Joined,
    Share,
    apart,
    check_share,
    is_plain,
    is_separable,
    joined,
    numbers_of,
    share_of,
)
from mappings.bind import limits_of
from mappings.choices import chosen_way
from mappings.footprint import footprints
from mappings.operands import with_operand_types
from mappings.sequence import nests_of, workload_of
from specs import Loaded, SpecError
from workloads import Cascade, Workload, cascade

from ...accounting import accounting
from ...analytic import Latency, latency
from ...energy import Energy, energy
from ...overhead import with_overhead
from ...simulate import Analysis, analyse_all
from .space import Site

ANALYTIC = "analytic"
ADDED = ("energy_j", "read_bytes", "written_bytes")  # numbers that are sums over operations and tensors
TIMES = ("latency_s", "cycles", "unit_cycles")
MOST = 1 << 21  # cells times options of nests that are remembered at once
NO_TIME, NO_COUNTS, NO_ENERGY = Latency(0, 0.0, 0, {}, {}, ""), Counts({}, ()), Energy({}, {}, ())

Values = dict[str, Any]  # by objective; a number, or an array over cells


class Unsure(Exception):
    """A nest cannot be taken apart, or not with arrays: its members are to be judged one by one."""


@dataclass(frozen=True)
class Prices(Table):
    """A table that remembers what it was asked."""

    known: dict[Any, Cost] = field(default_factory=dict, compare=False, repr=False)

    def energy_pj(self, component: str, action: str, **attributes: Any) -> Cost:
        key = (component, action, *attributes.items())
        if key not in self.known:
            self.known[key] = super().energy_pj(component, action, **attributes)
        return self.known[key]

    def area_um2(self, component: str, **attributes: Any) -> Cost:
        key = (component, *attributes.items())
        if key not in self.known:
            self.known[key] = super().area_um2(component, **attributes)
        return self.known[key]


@dataclass(frozen=True)
class Least:
    """Of some tensors the least of each objective that is a sum, and for each memory of bytes moved and of room."""

    values: Mapping[str, Any]
    moved: Mapping[str, Any]
    room: Mapping[str, Any]


@dataclass(eq=False)
class Taken:
    """One nest with its loops, without its open keeps; members differ in extents, of which there are these cells."""

    site: Site
    cells: Any
    fixed: tuple[int, ...]  # the options of all openings before keeps
    number: int
    objectives: tuple[str, ...]
    prices: Prices
    only_alike: bool  # what is worse may be what a constraint asks for: only what is alike has no use

    def __post_init__(self) -> None:
        self._useful: dict[str, dict[tuple[int, ...], Any]] = {}
        self.opened: dict[str, tuple[int, ...]] = {}  # tensor: the numbers of its openings
        self._shares: dict[tuple[str, tuple[int, ...]], Share | SpecError] = {}
        self._known: dict[tuple[str, tuple[int, ...]], Least | None] = {}
        for i, opening in enumerate(self.site.space.openings):
            if opening.kind == "keep" and opening.nest in (None, self.number):
                tensor = opening.path[1]
                self.opened[tensor] = (*self.opened.get(tensor, ()), i)

    # ------------------------------------------------------------------ shares

    @cached_property
    def nest(self) -> Apart | SpecError:
        """All of it but the open tensors; or what is wrong with that, whatever its extents. Raises Unsure."""
        part, nest, work = self._loaded
        way = _way(nest)
        try:
            return apart(part, work, self.site.machine, way, tuple(self.opened))
        except SpecError:
            return self._wrong(way, [name for name in part.tensors if name not in self.opened])

    @property
    def can_be_taken(self) -> bool:
        """Whether the nest can be taken apart, or makes no sense."""
        try:
            return self.nest is not None
        except Unsure:
            return False

    def share(self, tensor: str, options: tuple[int, ...]) -> Share | SpecError:
        """What an open tensor moves with these options; or what is wrong with them. Raises Unsure."""
        key = (tensor, options)
        if key not in self._shares:
            nest = self._apart
            chosen = dict(zip(self.opened[tensor], options, strict=True))
            way = _way(self.site.space.changed(self._loaded[1], chosen))
            try:
                self._shares[key] = share_of(nest, way, tensor)
            except SpecError:
                self._shares[key] = self._wrong(way, [tensor])
        return self._shares[key]

    def _wrong(self, way: Loaded[Any], tensors: Sequence[str]) -> SpecError:
        """What no extent mends."""
        try:
            check_share(self._loaded[0], self.site.machine, way, tensors)
        except SpecError as error:
            return error
        raise Unsure

    @cached_property
    def _loaded(self) -> tuple[Cascade, Loaded[Any], Workload]:
        """The nest with all extents, and its part of the cascade and of the workload."""
        site = self.site
        try:
            loaded = site.space.part(self.fixed, self.cells)
            whole = cascade(loaded.model.cascade)
            part, nest = nests_of(with_operand_types(loaded, whole, site.machine), whole)[self.number]
        except SpecError:
            raise Unsure from None
        return part, nest, workload_of(site.mapped, part, whole)

    # ------------------------------------------------------------------ members

    def member(self, structure: Sequence[int]) -> Joined | SpecError:
        """The schedule with these options, or what is wrong with them. Raises Unsure."""
        if isinstance(self.nest, SpecError):
            return self.nest
        if not is_plain(self.nest):
            raise Unsure
        shares = [self.nest.rest]
        for tensor, numbers in self.opened.items():
            share = self.share(tensor, tuple(structure[i] for i in numbers))
            if isinstance(share, SpecError):
                return share
            shares.append(share)
        return joined(self.nest, shares)

    # ------------------------------------------------------------------ what is as good

    def useful(self, tensor: str, options: tuple[int, ...]) -> Any:
        """Of each cell, whether an open tensor with these first options can be better than with others.

        It cannot if others move no more and take no more room: all results grow with these numbers. Of options that are
        alike the first is useful. Raises Unsure.
        """
        if tensor not in self._useful:
            self._useful[tensor] = self._compared(tensor)
        own = [useful for each, useful in self._useful[tensor].items() if each[: len(options)] == options]
        return functools.reduce(np.logical_or, own)

    def _compared(self, tensor: str) -> dict[tuple[int, ...], Any]:
        shape = [range(self.site.space.shape[i]) for i in self.opened[tensor]]
        shares = {options: self.share(tensor, options) for options in product(*shape)}
        found: dict[tuple[int, ...], Any] = dict.fromkeys(shares, True)
        tables = {key: numbers_of(share) for key, share in shares.items() if not isinstance(share, SpecError)}
        names = list(dict.fromkeys(name for numbers in tables.values() for name in numbers))
        if not is_plain(self._apart) or len(tables) ** 2 * len(names) * len(self.cells) > MOST:
            return found
        rows = {key: [np.asarray(each.get(name, 0)) for name in names] for key, each in tables.items()}
        for (i, one), (j, other) in permutations(enumerate(rows.values()), 2):
            key = list(rows)[j]
            less = functools.reduce(np.logical_and, [a <= b for a, b in zip(one, other, strict=True)], True)
            if i > j or self.only_alike:
                alike = functools.reduce(np.logical_and, [a == b for a, b in zip(one, other, strict=True)], True)
                less = alike & (i < j) if self.only_alike else less & ~alike
            found[key] = found[key] & ~less
        return found

    def signature(self) -> tuple[Any, ...] | None:
        """What is the same for loops under which the same can be done; None if they make no sense. Raises Unsure."""
        nest = self.nest
        if isinstance(nest, SpecError):
            return None
        if not is_plain(nest):
            raise Unsure
        work = [
            (name, each.operation.unit, each.points, each.slots, each.cycles, each.arrivals, each.accumulations)
            for name, each in nest.work.items()
        ]
        found = [tuple(tuple(_plain(value) for value in each) for each in work), _signed(nest.rest)]
        for tensor, numbers in self.opened.items():
            shape = [range(self.site.space.shape[i]) for i in numbers]
            shares = [self.share(tensor, options) for options in product(*shape)]
            found.append(frozenset(_signed(share) for share in shares if not isinstance(share, SpecError)))
        return tuple(found)

    # ------------------------------------------------------------------ bounds

    def bound(self, fixed: Sequence[int]) -> tuple[Values, Any] | None:
        """The least of each objective with these options, and where nothing fits; None if nothing makes sense.

        Raises Unsure.
        """
        nest = self.nest
        if isinstance(nest, SpecError):
            return None
        least = [self._rest]
        for tensor, numbers in self.opened.items():
            found = self._least(tensor, tuple(fixed[i] for i in numbers if i < len(fixed)))
            if found is None:
                return None
            least.append(found)
        time = self._time(nest, _sums(each.moved for each in least))
        added = _sums(each.values for each in least)
        return self._values(time, added), self._too_large(nest, _sums(each.room for each in least))

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
        if self.site.model != ANALYTIC:
            return latency(replace(nest.base, overlap="units"), Counts(nest.work, ()))
        return latency(nest.base, Counts(nest.work, (), {(name, "", "read"): each for name, each in moved.items()}))

    def _too_large(self, nest: Apart, room: Mapping[str, Any]) -> Any:
        limits = limits_of(nest.spec, self.site.machine)
        found: Any = False
        for level, needed in room.items():
            if limits[level] is not None and is_plain(nest):
                found = found | (needed > limits[level])
        return found

    def _least(self, tensor: str, options: tuple[int, ...]) -> Least | None:
        """The least of an open tensor, of which these are the first options; None if none of the others makes sense."""
        key, numbers = (tensor, options), self.opened[tensor]
        if key not in self._known:
            if len(options) == len(numbers):
                share = self.share(tensor, options)
                self._known[key] = None if isinstance(share, SpecError) else self._of(share)
            else:
                more = range(self.site.space.shape[numbers[len(options)]])
                self._known[key] = _fewest([self._least(tensor, (*options, option)) for option in more])
        return self._known[key]

    @property
    def _apart(self) -> Apart:
        if isinstance(self.nest, SpecError):
            raise Unsure
        return self.nest

    @cached_property
    def _rest(self) -> Least:
        return self._of(self._apart.rest)

    @cached_property
    def has_energy(self) -> bool:
        return any(name.partition(".")[0] == "energy_j" for name in self.objectives)

    @cached_property
    def _spent(self) -> Energy:
        """The energy of operations, without what memories and time take."""
        base = self._apart.base
        return energy(base, Counts(self._apart.work, ()), self.prices, accounting(base.accounting))

    def _with_time(self, spent: Energy, counts: Counts, time: Latency) -> Energy:
        machine = self.site.machine
        return with_overhead(spent, machine, counts, time, self.prices, machine_area_um2(machine, self.prices))

    def _of(self, share: Share) -> Least:
        """Of one share the objectives that are sums, bytes and room; its energy is that of memories and wires."""
        counts, base, levels = Counts({}, share.accesses, share.moved), self._apart.base, self.site.machine.memories
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


def _way(nest: Loaded[Any]) -> Loaded[Any]:
    """The nest with its choices. Raises Unsure if it is not separable."""
    if not set(nest.model.choices) <= set(nest.model.choose):
        raise Unsure
    way = chosen_way(nest)
    if not is_separable(way.model):
        raise Unsure
    return way


def _signed(share: Share) -> frozenset[Any]:
    """The numbers of a share, to be compared with those of others."""
    return frozenset((name, _plain(value)) for name, value in numbers_of(share).items())


def _plain(value: Any) -> Any:
    """A number, or a digest of an array."""
    return blake2b(np.asarray(value, dtype=np.int64).tobytes()).digest() if isinstance(value, np.ndarray) else value


def _added(spent: Energy, counts: Counts, name: str) -> Any:
    """A number that is a sum; None if it is not known."""
    head, _, rest = name.partition(".")
    if head == "energy_j":
        return spent.by_component_j.get(rest) if rest else spent.total_j
    return counts.level_bytes(rest, "read" if head == "read_bytes" else "write")


def _sums(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = found[name] + value if name in found else value
    return found


def _fewest(options: Sequence[Least | None]) -> Least | None:
    """Of each number the least."""
    some = [each for each in options if each is not None]
    if not some:
        return None

    def of(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {name: functools.reduce(np.minimum, [each[name] for each in tables]) for name in tables[0]}

    return Least(of([e.values for e in some]), of([e.moved for e in some]), of([e.room for e in some]))


@dataclass(eq=False)
class Nests:
    """The nests of members with these extents, taken apart; those used last are remembered."""

    site: Site
    cells: Any
    objectives: tuple[str, ...]
    only_alike: bool = False

    def __post_init__(self) -> None:
        named = table(self.site.machine.energy)
        self.prices = Prices(named.name, named.spec)
        self._taken: OrderedDict[tuple[int, tuple[int, ...]], Taken | None] = OrderedDict()
        keeps = sum(
            length for length, each in zip(self.site.space.shape, self._openings, strict=True) if each == "keep"
        )
        self._room = max(1, MOST // (len(self.cells) * (1 + keeps)))
        self._last: tuple[tuple[int, ...], Analysis | SpecError] | None = None

    @property
    def _openings(self) -> list[str]:
        return [opening.kind for opening in self.site.space.openings]

    def bound(self, number: int, fixed: Sequence[int]) -> tuple[Values, Any] | None:
        """As that of a nest. Raises Unsure, also if not all of it but keeps is fixed."""
        taken = self._of(number, fixed)
        return taken.bound(fixed)

    def without_use(self, fixed: tuple[int, ...], options: int) -> Any:
        """Of so many options of the next opening, a row for each, the cells that others are as good for.

        None if that is not known. Loops under which the same can be done are alike; so are options of a tensor's keeps.
        """
        opening = self.site.space.openings[len(fixed)]
        found = np.zeros((options, len(self.cells)), dtype=bool)
        if self.site.model != ANALYTIC or opening.kind not in ("loops", "interleave", "keep"):
            return found
        number = opening.nest or 0
        try:
            if opening.kind == "keep":
                taken = self._of(number, fixed)
                own = tuple(fixed[i] for i in taken.opened[opening.path[1]] if i < len(fixed))
                for option in range(options):
                    found[option] = np.logical_not(taken.useful(opening.path[1], (*own, option)))
                return found
            seen = set()
            for option in range(options):
                signature = self._of(number, (*fixed, option)).signature()
                found[option] = signature in seen
                if signature is not None:
                    seen.add(signature)
        except (Unsure, SpecError):
            return np.zeros((options, len(self.cells)), dtype=bool)
        return found

    def analysis(self, structure: tuple[int, ...]) -> Analysis | SpecError:
        """The members with these options, or what is wrong with them. Raises Unsure."""
        if self._last is None or self._last[0] != structure:
            self._last = (structure, self._analysed(structure))
        return self._last[1]

    def _analysed(self, structure: tuple[int, ...]) -> Analysis | SpecError:
        site, found = self.site, []
        if site.model != ANALYTIC or site.machine.device is not None or site.mapped is not site.workload:
            raise Unsure
        for number in range(site.nests):
            made = self._of(number, structure).member(structure)
            if isinstance(made, SpecError):
                return made
            found.append(made)
        try:
            return analyse_all(found, ANALYTIC, repeated=site.workload.repeated, prices=self.prices)
        except SpecError:
            raise Unsure from None

    def _of(self, number: int, fixed: Sequence[int]) -> Taken:
        """A nest, with what is fixed of it."""
        space = self.site.space
        own = [opening.nest in (None, number) for opening in space.openings[: space.looped]]
        if any(own[len(fixed) :]) or self.site.machine.device is not None:
            raise Unsure
        options = tuple(option if mine else 0 for option, mine in zip(fixed, own, strict=False))
        options += (0,) * (space.looped - len(options))
        key = (number, options)
        if key not in self._taken:
            taken = Taken(self.site, self.cells, options, number, self.objectives, self.prices, self.only_alike)
            self._taken[key] = taken if taken.can_be_taken else None
            while len(self._taken) > self._room:
                self._taken.popitem(last=False)
        self._taken.move_to_end(key)
        found = self._taken[key]
        if found is None:
            raise Unsure
        return found
