"""From the loop tree of a schedule to sweeps: which operations are done tile by tile in one traversal.

Operations of the deepest body are done for every tile. An operation outside of some of its loops joins the same
traversal if it needs no traversal of its own: what stands before them is done with the first tile of those loops, what
stands after them with the last one. Bodies that traverse a loop once more are sweeps that follow, inside of the loops
that all of them share.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mappings import Nest, Schedule
from specs import Problem, SpecError


@dataclass(frozen=True)
class Placed:
    """An operation in a sweep, and the loops that must be at their first or last iteration for it to be done."""

    name: str
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SweepPlan:
    """One traversal: all its loops from the root on, and its operations in program order."""

    path: tuple[str, ...]
    operations: tuple[Placed, ...]


@dataclass(frozen=True)
class _Body:
    """Operations that stand side by side, and the nests around them from the root on."""

    nests: tuple[Nest, ...]
    names: tuple[str, ...]

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(str(n.part) for n in self.nests)


def sweeps(schedule: Schedule) -> tuple[tuple[str, ...], tuple[SweepPlan, ...]]:
    """The loops that all sweeps share, and the sweeps in order. Raises `SpecError` for trees that branch twice."""
    clusters: list[list[_Body]] = []
    for body in _bodies(schedule.root, ()):
        if clusters and _plan([*clusters[-1], body]) is not None:
            clusters[-1].append(body)
        else:
            clusters.append([body])
    anchors = [max(cluster, key=lambda b: len(b.nests)) for cluster in clusters]
    shared = min((_shared(a, b) for a in anchors for b in anchors), default=0) if len(anchors) > 1 else 0
    for one, next_ in pairwise(anchors):
        if _shared(one, next_) > shared:
            message = (
                f"model 'cycle' times loops that branch once; in '{schedule.mapping}' '{one.names[0]}' and "
                f"'{next_.names[0]}' share loops that other operations do not; use --model analytic"
            )
            raise SpecError([Problem(message)])
    plans = [_plan(cluster) for cluster in clusters]
    return anchors[0].path[:shared], tuple(p for p in plans if p is not None)


def _bodies(nest: Nest, around: tuple[Nest, ...]) -> list[_Body]:
    found: list[_Body] = []
    loose: list[str] = []
    for item in nest.body:
        if isinstance(item, Nest):
            if loose:
                found.append(_Body(around, tuple(loose)))
                loose = []
            found += _bodies(item, (*around, item))
        else:
            loose.append(item)
    return [*found, _Body(around, tuple(loose))] if loose else found


def _shared(a: _Body, b: _Body) -> int:
    count = 0
    for one, other in zip(a.nests, b.nests, strict=False):
        if one is not other:
            break
        count += 1
    return count


def _plan(bodies: list[_Body]) -> SweepPlan | None:
    """All bodies in the traversal of the deepest one; None if one of them needs its own."""
    anchor = max(bodies, key=lambda b: len(b.nests))
    at = bodies.index(anchor)
    placed: list[Placed] = []
    for i, body in enumerate(bodies):
        common = _shared(anchor, body)
        if body is not anchor:
            rest = body.path[common:]
            left = anchor.path[common:]
            if not left or left[0] in rest or not set(rest) <= set(left):
                return None
        missing = frozenset(anchor.path) - frozenset(body.path)
        for name in body.names:
            placed.append(Placed(name, missing if i < at else frozenset(), missing if i > at else frozenset()))
    return SweepPlan(anchor.path, tuple(placed))
