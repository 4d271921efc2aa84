"""A nest of which loops are fixed, taken apart by tensor: what each option of a tensor's keeps moves, and takes up.

What a nest's operations do is known with its loops, and what each tensor moves depends on its own keeps alone
(`mappings/apart.py`). So one option of each tensor gives a member without binding it, and options can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from hashlib import blake2b
from itertools import permutations, product
from typing import Any

import numpy as np

from mappings.apart import (
    Apart,
    Joined,
    Share,
    apart,
    check_rest,
    is_plain,
    is_separable,
    joined,
    kept_of,
    numbers_of,
    share_of,
)
from mappings.choices import chosen_way
from mappings.operands import with_operand_types
from mappings.sequence import nests_of, workload_of
from specs import Loaded, SpecError
from workloads import Cascade, Workload, cascade

from .space import Site

MOST_COMPARED = 1 << 21  # numbers of pairs of options


class Unsure(Exception):
    """A nest cannot be taken apart, or not with arrays: its members are to be judged one by one."""


@dataclass(eq=False)
class Taken:
    """One nest with its loops, without its open keeps; members differ in extents, of which there are these cells."""

    site: Site
    cells: Any
    fixed: tuple[int, ...]  # the options of all openings before keeps
    number: int
    only_alike: bool  # what is worse may be what a constraint asks for: only what is alike has no use

    def __post_init__(self) -> None:
        self._useful: dict[str, dict[tuple[int, ...], Any]] = {}
        self.opened: dict[str, tuple[int, ...]] = {}  # tensor: the numbers of its openings
        self._shares: dict[tuple[str, tuple[int, ...]], Share | SpecError] = {}
        for i, opening in enumerate(self.site.space.openings):
            if opening.kind == "keep" and opening.nest in (None, self.number):
                tensor = opening.path[1]
                self.opened[tensor] = (*self.opened.get(tensor, ()), i)

    @cached_property
    def nest(self) -> Apart | SpecError:
        """All of it but the open tensors; or what is wrong with that, whatever its extents. Raises Unsure."""
        part, nest, work = self._loaded
        way, machine = _way(nest), self.site.machine
        try:
            return apart(part, work, machine, way, tuple(self.opened))
        except SpecError:
            try:
                check_rest(part, machine, way, tuple(self.opened))
            except SpecError as error:
                return error
            raise Unsure from None

    @property
    def apart(self) -> Apart:
        if isinstance(self.nest, SpecError):
            raise Unsure
        return self.nest

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
            chosen = dict(zip(self.opened[tensor], options, strict=True))
            self._shares[key] = self._shared(tensor, _way(self.site.space.changed(self._loaded[1], chosen)))
        return self._shares[key]

    def _shared(self, tensor: str, way: Loaded[Any]) -> Share | SpecError:
        try:
            plan, only = kept_of(self.apart, way, tensor)
        except SpecError as error:
            return error
        try:
            return share_of(self.apart, plan, only, tensor)
        except SpecError:
            raise Unsure from None

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

    def useful(self, tensor: str, options: tuple[int, ...]) -> Any:
        """Of each cell, whether an open tensor with these first options can be better than with others.

        It cannot if others move no more and take no more room: all results grow with these numbers. Of options that are
        alike the first is useful. Raises Unsure.
        """
        if tensor not in self._useful:
            self._useful[tensor] = self._compared(tensor)
        own = [useful for each, useful in self._useful[tensor].items() if each[: len(options)] == options]
        return reduce(np.logical_or, own)

    def _compared(self, tensor: str) -> dict[tuple[int, ...], Any]:
        shape = [range(self.site.space.shape[i]) for i in self.opened[tensor]]
        shares = {options: self.share(tensor, options) for options in product(*shape)}
        found: dict[tuple[int, ...], Any] = {key: np.array(True) for key in shares}
        tables = {key: numbers_of(share) for key, share in shares.items() if not isinstance(share, SpecError)}
        names = list(dict.fromkeys(name for numbers in tables.values() for name in numbers))
        if not is_plain(self.apart) or len(tables) ** 2 * len(names) * len(self.cells) > MOST_COMPARED:
            return found
        rows = [(key, [np.asarray(each.get(name, 0)) for name in names]) for key, each in tables.items()]
        for (i, (_, one)), (j, (key, other)) in permutations(enumerate(rows), 2):
            found[key] = found[key] & ~_as_good(one, other, i < j, self.only_alike)
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
        found: list[Any] = [tuple(tuple(_plain(value) for value in each) for each in work), _signed(nest.rest)]
        for tensor, numbers in self.opened.items():
            shape = [range(self.site.space.shape[i]) for i in numbers]
            shares = [self.share(tensor, options) for options in product(*shape)]
            found.append(frozenset(_signed(share) for share in shares if not isinstance(share, SpecError)))
        return tuple(found)


def _way(nest: Loaded[Any]) -> Loaded[Any]:
    """The nest with its choices. Raises Unsure if it is not separable."""
    if not set(nest.model.choices) <= set(nest.model.choose):
        raise Unsure
    way = chosen_way(nest)
    if not is_separable(way.model):
        raise Unsure
    return way


def _as_good(one: Sequence[Any], other: Sequence[Any], first: bool, only_alike: bool) -> Any:
    """Where numbers are no more than others; of what is alike only the first is as good."""
    less, alike = np.array(True), np.array(True)
    for a, b in zip(one, other, strict=True):
        less, alike = less & (a <= b), alike & (a == b)
    if only_alike:
        return alike & first
    return less if first else less & ~alike


def _signed(share: Share) -> frozenset[Any]:
    """The numbers of a share, to be compared with those of others."""
    return frozenset((name, _plain(value)) for name, value in numbers_of(share).items())


def _plain(value: Any) -> Any:
    """A number, or a digest of an array."""
    return blake2b(np.asarray(value, dtype=np.int64).tobytes()).digest() if isinstance(value, np.ndarray) else value
