"""The exhaustive search: every member is seen, or ruled out by a lower bound that the front has reached.

Designs, choices, units and overlaps are fixed first, for bounds depend on them; of what is fixed next the one with the
least bound comes first, so that the front is good early. Extents come last, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from .bounds import bounds
from .found import Found, Front, Hit
from .judge import judged
from .refusals import Refusals
from .space import Search, Site
from .trail import Trail

AT_ONCE = 1 << 12  # members that are judged at once
FIRST = 4  # of a structure, those with the least bounds, before all others


@dataclass(frozen=True)
class Step:
    """How far a search has come."""

    size: int
    seen: int
    pruned: int
    best: Hit | None


class _Spent(Exception):
    """The budget is spent."""


@dataclass
class _Walk:
    """A search under way."""

    search: Search
    budget: int | None
    progress: Callable[[Step], None]
    prune: bool
    trail: Trail
    front: Front = field(default_factory=Front)
    seen: int = 0
    pruned: int = 0
    judged: int = 0  # times

    def run(self) -> None:
        roots = [(self._bound(site, ()), site) for site in self.search.sites()]
        for low, site in sorted(roots, key=lambda each: (tuple(each[0]), each[1].number)):
            if self._ruled_out(low, site.space.size):
                continue
            self.descend(site, ())

    def descend(self, site: Site, fixed: tuple[int, ...]) -> None:
        """All members with these options of the first openings."""
        space = site.space
        if len(fixed) == space.framed:
            self.frame(site, fixed)
            return
        children = [(*fixed, option) for option in range(space.shape[len(fixed)])]
        lows = [tuple(self._bound(site, child)) for child in children]
        for low, child in sorted(zip(lows, children, strict=True)):
            members = int(np.prod([1, *space.shape[len(child) :]], dtype=object))
            if not self._ruled_out(np.array(low), members):
                self.descend(site, child)

    def frame(self, site: Site, fixed: tuple[int, ...]) -> None:
        """All members of which only loops, keeps and extents are free: their bounds are those of extents."""
        space = site.space
        low = bounds(self.search, site, fixed, np.arange(space.cells)) if self.prune else None
        order = np.arange(space.cells) if low is None else np.lexsort(low.T[::-1])
        alive, version = order, -1
        rest = product(*(range(n) for n in space.shape[len(fixed) : space.structures]))
        for options in rest:
            if low is not None and version != self.front.version:
                alive, version = order[~self.front.covers(low[order])], self.front.version
            self._see(site, (*fixed, *options), alive, low)
            self.pruned += space.cells - len(alive)

    def _see(self, site: Site, structure: Sequence[int], cells: Any, low: Any) -> None:
        """Judges the members of a structure with these extents; what better ones rule out meanwhile is left."""
        first = 0
        while first < len(cells):
            some = cells[first : first + (FIRST if first == 0 and low is not None else AT_ONCE)]
            first += len(some)
            if low is not None:
                covered = self.front.covers(low[some])
                self.pruned += int(np.count_nonzero(covered))
                some = some[~covered]
            if len(some):
                self._judge(site, structure, some)

    def _judge(self, site: Site, structure: Sequence[int], cells: Any) -> None:
        if self.budget is not None:
            cells = cells[: self.budget - self.seen]
            if not len(cells):
                raise _Spent
        if self.judged < self.trail.judged:
            for hit in self.trail.hits.get(self.judged, []):
                self.front.add(hit)
        else:
            hits, refusals = self._hits(site, structure, cells)
            self.trail.add([hit for hit in hits if self.front.add(hit)], refusals)
        self.judged += 1
        self.seen += len(cells)
        self.progress(Step(self.search.size, self.seen, self.pruned, self.front.best if self.front.hits else None))

    def _hits(self, site: Site, structure: Sequence[int], cells: Any) -> tuple[list[Hit], Refusals]:
        """Members that the front does not cover, the best first, and why others do not fit."""
        result = judged(self.search, site, structure, cells)
        new = np.flatnonzero(np.isfinite(result.values[:, 0]) & ~self.front.covers(result.values))
        hits = []
        for row in new[np.lexsort(result.values[new].T[::-1])]:
            place = (*structure, *_rest(site, int(cells[row])))
            hits.append(Hit(site.number, place, tuple(result.values[row].tolist())))
        return hits, result.refusals

    def _bound(self, site: Site, fixed: tuple[int, ...]) -> Any:
        """A bound on all members with these options: of each objective the least over all extents."""
        if not self.prune:
            return np.full(len(self.search.objectives), -np.inf)
        return bounds(self.search, site, fixed, np.arange(site.space.cells)).min(axis=0)

    def _ruled_out(self, low: Any, members: int) -> bool:
        if not self.prune or not self.front.covers(np.reshape(low, (1, -1)))[0]:
            return False
        self.pruned += members
        return True


def exhaustive(
    search: Search,
    budget: int | None = None,
    progress: Callable[[Step], None] = lambda step: None,
    prune: bool = True,
    stored: Path | None = None,
) -> Found:
    """The front of all members of a search; with a `budget`, of so many at most. Without `prune` all are seen.

    A search that is `stored` in a file goes on from there; whatever ends it, so does the same call.

    >>> from sim.explore.search.space import search
    >>> found = exhaustive(search("examples/search_split.yaml"))
    >>> found.verdict, found.seen + found.pruned == found.size
    ('optimal', True)
    """
    trail = Trail.of(stored)
    walk = _Walk(search, budget, progress, prune, trail)
    try:
        with suppress(_Spent):
            walk.run()
    finally:
        trail.save()
    hits = tuple(sorted(walk.front.hits, key=lambda hit: hit.values))
    return Found("exhaustive", search.size, walk.seen, walk.pruned, hits, trail.refusals)


def _rest(site: Site, cell: int) -> tuple[int, ...]:
    """The options of extents of a cell."""
    shape = site.space.shape[site.space.structures :]
    return tuple(int(each) for each in np.unravel_index(cell, shape)) if shape else ()
