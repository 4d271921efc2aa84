"""The exhaustive search: every member is seen, or ruled out by a lower bound that the front has reached.

Designs, choices, units and overlaps are fixed first, for floors depend on them; then loops, then keeps, one tensor at a
time. Of what is fixed next the one with the least bound comes first, so that the front is good early. Extents come
all at once. Options that are no better than others of the same tensor are left out, and loops that are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from .bounds import Frame
from .found import Found, Front, Hit
from .judge import judged
from .refusals import Refusals
from .space import Search, Site
from .trail import Trail

AT_ONCE = 1 << 12  # members that are judged at once
SHRINK = 4  # times fewer extents are worth a frame of their own
FIRST = 4  # of a structure, those with the least bounds, before all others


@dataclass(frozen=True)
class Step:
    """How far a search has come."""

    size: int
    seen: int
    pruned: int
    best: Hit | None


@dataclass(frozen=True, eq=False)
class Below:
    """Members of a frame with some of its extents, of which more is fixed; `low` has a row of bounds for each."""

    frame: Frame
    fixed: tuple[int, ...]
    cells: Any
    low: Any

    @property
    def places(self) -> Any:
        """Of its extents, the places among those of the frame."""
        return np.searchsorted(self.frame.cells, self.cells)

    def child(self, option: int) -> Below:
        """Those with an option of the next opening."""
        fixed = (*self.fixed, option)
        low = self.frame.bounds(fixed)[self.places]
        return Below(self.frame, fixed, self.cells, np.maximum(self.low, low))

    def only(self, alive: Any) -> Below:
        """Those with these extents; where few are left, the others are not computed any more."""
        if alive.all():
            return self
        cells, low = self.cells[alive], self.low[alive]
        frame = self.frame
        if len(cells) * SHRINK <= len(frame.cells):
            frame = Frame(frame.search, frame.site, frame.fixed, cells)
        return Below(frame, self.fixed, cells, low)


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
        """All members of which only loops, keeps and extents are free; the mapping's own loops and keeps come first."""
        space = site.space
        cells = np.arange(space.cells)
        whole = Frame(self.search, site, fixed, cells)
        if not self.prune:
            for options in product(*(range(n) for n in space.shape[len(fixed) : space.structures])):
                self._see(Below(whole, (*fixed, *options), cells, None))
            return
        members = prod(space.shape[len(fixed) : space.structures])
        some = np.flatnonzero(~self.front.covers(whole.low))
        self.pruned += (space.cells - len(some)) * members
        if len(some):
            frame = Frame(self.search, site, fixed, some)
            first = (*fixed, *(0 for _ in space.shape[len(fixed) : space.structures]))
            self._see(Below(frame, first, some, frame.bounds(first)))
            covered = self.front.covers(frame.low)
            self.pruned += int(np.count_nonzero(covered)) * (members - 1)
            if members > 1 and not covered.all():
                self.below(Below(frame, fixed, some, frame.low).only(~covered), first)

    def below(self, node: Below, seen: tuple[int, ...]) -> None:
        """All members with these options, but those of the structure that was seen; the least bounds come first."""
        space, depth = node.frame.site.space, len(node.fixed)
        if depth == space.structures:
            if node.fixed != seen:
                self._see(node)
            return
        inside = prod(space.shape[depth + 1 : space.structures])
        idle = node.frame.nests.without_use(node.fixed, space.shape[depth])[:, node.places]
        children = []
        for option, useless in enumerate(idle):
            members = inside - (seen[: depth + 1] == (*node.fixed, option))
            self.pruned += int(np.count_nonzero(useless)) * members
            if not useless.all():
                children.append(node.child(option).only(~useless))
        for child in sorted(children, key=lambda each: (tuple(each.low.min(axis=0)), each.fixed)):
            covered = self.front.covers(child.low)
            members = inside - (seen[: depth + 1] == child.fixed)
            self.pruned += int(np.count_nonzero(covered)) * members
            if members and not covered.all():
                self.below(child.only(~covered), seen)

    def _see(self, node: Below) -> None:
        """Judges the members of a structure, those with the least bounds first; what they rule out is left."""
        cells, low, first = node.cells, node.low, 0
        if low is not None:
            order = np.lexsort(low.T[::-1])
            cells, low = cells[order], low[order]
        while first < len(cells):
            some = slice(first, first + (FIRST if first == 0 and low is not None else AT_ONCE))
            first, chosen = some.stop, cells[some]
            if low is not None:
                covered = self.front.covers(low[some])
                self.pruned += int(np.count_nonzero(covered))
                chosen = chosen[~covered]
            if len(chosen):
                self._judge(node, chosen)

    def _judge(self, node: Below, cells: Any) -> None:
        if self.budget is not None:
            cells = cells[: self.budget - self.seen]
            if not len(cells):
                raise _Spent
        if self.judged < self.trail.judged:
            for hit in self.trail.hits.get(self.judged, []):
                self.front.add(hit)
        else:
            hits, refusals = self._hits(node, cells)
            self.trail.add([hit for hit in hits if self.front.add(hit)], refusals)
        self.judged += 1
        self.seen += len(cells)
        self.progress(Step(self.search.size, self.seen, self.pruned, self.front.best if self.front.hits else None))

    def _hits(self, node: Below, cells: Any) -> tuple[list[Hit], Refusals]:
        """Members that the front does not cover, the best first, and why others do not fit."""
        site, structure = node.frame.site, node.fixed
        result = judged(self.search, site, structure, cells, node.frame.nests)
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
        return Frame(self.search, site, fixed, np.arange(site.space.cells)).low.min(axis=0)

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
