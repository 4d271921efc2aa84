"""The nests of members that are alike in what is done where; those used last stay taken apart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arch import table
from specs import SpecError

from ...simulate import Analysis, analyse_all
from .least import ANALYTIC, LeastOf, Values
from .prices import Prices
from .space import Site
from .taken import Taken, Unsure

MOST = 1 << 21  # cells times options of nests that are remembered at once


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
        self._taken: OrderedDict[tuple[int, tuple[int, ...]], LeastOf | None] = OrderedDict()
        keeps = sum(len(each.options) for each in self.site.space.openings if each.kind == "keep")
        self._room = max(1, MOST // (len(self.cells) * (1 + keeps)))
        self._last: tuple[tuple[int, ...], Analysis | SpecError] | None = None

    def bound(self, number: int, fixed: Sequence[int]) -> tuple[Values, Any] | None:
        """As `LeastOf.bound` of a nest. Raises Unsure, also if not all of it but keeps is fixed."""
        return self._of(number, fixed).bound(fixed)

    def without_use(self, fixed: tuple[int, ...], options: int) -> Any:
        """Of so many options of the next opening, a row for each, the cells that others are as good for.

        Of loops under which the same can be done the first is enough. What is not known to be of no use is of some.
        """
        opening = self.site.space.openings[len(fixed)]
        found = np.zeros((options, len(self.cells)), dtype=bool)
        if self.site.model != ANALYTIC or opening.kind not in ("loops", "interleave", "keep"):
            return found
        number = opening.nest or 0
        try:
            if opening.kind == "keep":
                taken = self._of(number, fixed).taken
                own = tuple(fixed[i] for i in taken.opened[opening.path[1]] if i < len(fixed))
                for option in range(options):
                    found[option] = np.logical_not(taken.useful(opening.path[1], (*own, option)))
                return found
            seen = set()
            for option in range(options):
                signature = self._of(number, (*fixed, option)).taken.signature()
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
            made = self._of(number, structure).taken.member(structure)
            if isinstance(made, SpecError):
                return made
            found.append(made)
        try:
            return analyse_all(found, ANALYTIC, repeated=site.workload.repeated, prices=self.prices)
        except SpecError:
            raise Unsure from None

    def _of(self, number: int, fixed: Sequence[int]) -> LeastOf:
        """A nest, with what is fixed of it."""
        space = self.site.space
        own = [opening.nest in (None, number) for opening in space.openings[: space.looped]]
        if any(own[len(fixed) :]) or self.site.machine.device is not None:
            raise Unsure
        options = tuple(option if mine else 0 for option, mine in zip(fixed, own, strict=False))
        options += (0,) * (space.looped - len(options))
        key = (number, options)
        if key not in self._taken:
            taken = Taken(self.site, self.cells, options, number, self.only_alike)
            self._taken[key] = LeastOf(taken, self.objectives, self.prices) if taken.can_be_taken else None
            while len(self._taken) > self._room:
                self._taken.popitem(last=False)
        self._taken.move_to_end(key)
        found = self._taken[key]
        if found is None:
            raise Unsure
        return found
