"""The space of mappings around a given one: all that differ from it in what was opened.

A member is a mapping that `bind` takes or refuses; what is refused is for those to count who walk through the space.
Openings that are only extents, numbers, come last: a member may have arrays of them, many mappings at once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from specs import Loaded

from .spec import BindSpec, SequenceSpec

Place = tuple[int, ...]  # of each opening the index of its option

FRAME = ("choose", "bind", "overlap", "partition")
NOT_KEPT, WHOLE_RUN = "none", "*"


@dataclass(frozen=True)
class Opening:
    """One thing of a mapping that is free, and its options.

    `kind` is the key of the mapping's file, `path` leads to it below; `nest` is that of a sequence (None: of a mapping
    that is one nest, or of what all nests share). Of a partition `path` is the rank and its open parts, and an option
    has an extent for each of these.
    """

    kind: str
    path: tuple[str, ...]
    options: tuple[Any, ...]
    nest: int | None = None
    single: bool = False  # extents that are tried one by one, for want of room

    @property
    def name(self) -> str:
        """How tables call it.

        >>> Opening("keep", ("buffer", "Q"), ("*", "none"), 1).name
        'sequence.1.keep.buffer.Q'
        """
        first = () if self.nest is None else ("sequence", str(self.nest))
        return ".".join((*first, self.kind, *self.path))

    @property
    def is_extents(self) -> bool:
        """Whether arrays of its options stand in the mapping: they are numbers, and there is room."""
        if self.kind != "partition" or self.single:
            return False
        return all(isinstance(n, int) for option in self.options for n in option)

    def text(self, option: int) -> str:
        """An option as tables show it."""
        value = self.options[option]
        if isinstance(value, tuple):
            return " ".join(str(each) for each in value)
        return str(value)


@dataclass(frozen=True, eq=False)
class Space:
    """All mappings around `base` that differ in these openings, those of extents last; in a fixed order.

    >>> from mappings import mapping
    >>> space = Space(mapping("output-stationary"), (Opening("loops", (), (("m1", "n1"), ("n1", "m1"))),))
    >>> space.size, [member.model.loops for member in space.members()]
    (2, [['m1', 'n1'], ['n1', 'm1']])
    """

    base: Loaded[Any]
    openings: tuple[Opening, ...]

    @cached_property
    def size(self) -> int:
        """How many members there are, whether `bind` takes them or not."""
        return math.prod(len(opening.options) for opening in self.openings)

    @cached_property
    def structures(self) -> int:
        """How many openings come before those of extents."""
        return sum(not opening.is_extents for opening in self.openings)

    @cached_property
    def framed(self) -> int:
        """How many openings come first that say what is done where: floors depend on them, and on extents."""
        return sum(not opening.is_extents and opening.kind in FRAME for opening in self.openings)

    @cached_property
    def looped(self) -> int:
        """How many openings come first that are not keeps: with them loops are fixed."""
        return sum(not opening.is_extents and opening.kind != "keep" for opening in self.openings)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many options each opening has."""
        return tuple(len(opening.options) for opening in self.openings)

    @cached_property
    def cells(self) -> int:
        """How many members each structure has: those that differ in extents only."""
        return math.prod(self.shape[self.structures :])

    def place(self, index: int) -> Place:
        """The options of a member; the last opening varies fastest."""
        found: list[int] = []
        for length in reversed(self.shape):
            index, option = divmod(index, length)
            found.append(option)
        return tuple(reversed(found))

    def index(self, place: Sequence[int]) -> int:
        """The number of a member."""
        total = 0
        for option, length in zip(place, self.shape, strict=True):
            total = total * length + option
        return total

    def member(self, place: Sequence[int]) -> Loaded[Any]:
        """The mapping with these options."""
        return self._with(list(zip(self.openings, place, strict=True)))

    def part(self, structure: Sequence[int], cells: Any | None = None) -> Loaded[Any]:
        """The mapping with the first openings at these options, and with the extents of many cells at once.

        `cells` are numbers below `self.cells`, an array; without them the other openings stay as they are.
        """
        found = self._with(list(zip(self.openings, structure, strict=False)))
        if cells is None or self.structures == len(self.openings):
            return found
        import numpy as np

        options = np.unravel_index(cells, self.shape[self.structures :])
        for opening, chosen in zip(self.openings[self.structures :], options, strict=True):
            table = np.array(opening.options, dtype=np.int64)
            found = _set(found, opening, tuple(table[chosen].T))
        return found

    def changed(self, nest: Loaded[Any], chosen: Mapping[int, int]) -> Loaded[Any]:
        """A nest of a member with its openings of these numbers at these options."""
        for number, option in chosen.items():
            opening = self.openings[number]
            changed = _changed(nest.model, opening, opening.options[option])
            nest = replace(nest, model=nest.model.model_copy(update=changed))
        return nest

    def members(self) -> Iterator[Loaded[Any]]:
        """Every member in order."""
        return (self.member(self.place(index)) for index in range(self.size))

    def drawn(self, source: random.Random) -> Place:
        """A member at random; all are equally likely."""
        return tuple(source.randrange(length) for length in self.shape)

    def neighbours(self, place: Sequence[int]) -> Iterator[Place]:
        """The members that differ in one opening."""
        for i, length in enumerate(self.shape):
            for option in range(length):
                if option != place[i]:
                    yield (*place[:i], option, *place[i + 1 :])

    def _with(self, chosen: Sequence[tuple[Opening, int]]) -> Loaded[Any]:
        found = self.base
        for opening, option in chosen:
            found = _set(found, opening, opening.options[option])
        return found


def _set(loaded: Loaded[Any], opening: Opening, value: Any) -> Loaded[Any]:
    """The mapping with one thing set."""
    spec = loaded.model
    if opening.kind == "choose":
        return replace(loaded, model=spec.model_copy(update={"choose": spec.choose | {opening.path[0]: value}}))
    if opening.nest is None:
        return replace(loaded, model=spec.model_copy(update=_changed(spec, opening, value)))
    assert isinstance(spec, SequenceSpec)
    nests = list(spec.sequence)
    nests[opening.nest] = nests[opening.nest].model_copy(update=_changed(nests[opening.nest], opening, value))
    return replace(loaded, model=spec.model_copy(update={"sequence": nests}))


def _changed(nest: Any, opening: Opening, value: Any) -> dict[str, Any]:
    """The keys of a nest that change, with their values."""
    if opening.kind == "partition":
        rank, *parts = opening.path
        given = dict(zip(parts, value, strict=True))
        return {"partition": nest.partition | {rank: {**nest.partition[rank], **given}}}
    if opening.kind == "keep":
        level, tensor = opening.path
        return _kept(nest, level, tensor, value)
    if opening.kind == "bind":
        return {"bind": _bound(nest.bind, opening.path[0], value)}
    return {opening.kind: list(value) if isinstance(value, tuple) else value}


def _kept(nest: Any, level: str, tensor: str, loop: str) -> dict[str, Any]:
    """What is kept, with a tensor for a loop; what is not kept has no copies."""
    held = {name: each for name, each in nest.keep.get(level, {}).items() if name != tensor or loop != NOT_KEPT}
    if loop != NOT_KEPT:
        held[tensor] = loop
        return {"keep": nest.keep | {level: held}}
    copies: Mapping[str, int] = nest.copies.get(level, {})
    if tensor not in copies:
        return {"keep": nest.keep | {level: held}}
    left = {name: number for name, number in copies.items() if name != tensor}
    return {"keep": nest.keep | {level: held}, "copies": nest.copies | {level: left}}


def _bound(bindings: Sequence[BindSpec], einsum: str, unit: str) -> list[BindSpec]:
    """The bindings with an Einsum on a unit, under the first binding of it; there it is not pipelined."""
    if any(einsum in binding.einsums and binding.unit == unit for binding in bindings):
        return list(bindings)
    found, to_place = [], True
    for binding in bindings:
        names = [name for name in binding.einsums if name != einsum]
        pipelined = [name for name in binding.pipelined if name != einsum]
        if binding.unit == unit and to_place:
            names, to_place = [*names, einsum], False
        found.append(binding.model_copy(update={"einsums": names, "pipelined": pipelined}))
    return found
