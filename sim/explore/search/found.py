"""What a search has found: the members of the front, how many were seen, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .refusals import Refusals


@dataclass(frozen=True)
class Hit:
    """A member on the front: of which design, the options of its openings, and its objectives."""

    site: int
    place: tuple[int, ...]
    values: tuple[float, ...]


@dataclass
class Front:
    """Members of which none is at least as good as another in all objectives; of equal ones the first that came.

    >>> front = Front()
    >>> [front.add(Hit(0, (i,), values)) for i, values in enumerate([(2.0, 2.0), (2.0, 2.0), (1.0, 3.0), (1.0, 1.0)])]
    [True, False, True, True]
    >>> [hit.place for hit in front.hits]
    [(3,)]
    """

    hits: list[Hit] = field(default_factory=list)
    version: int = 0

    def add(self, hit: Hit) -> bool:
        """Take a member in, unless one that is there is as good; whether it was."""
        if any(_as_good(each.values, hit.values) for each in self.hits):
            return False
        self.hits = [each for each in self.hits if not _as_good(hit.values, each.values)] + [hit]
        self.version += 1
        return True

    def covers(self, bounds: Any) -> Any:
        """Of rows of lower bounds, those that no member can improve the front with."""
        covered = np.zeros(len(bounds), dtype=bool)
        for hit in self.hits:
            covered |= (np.array(hit.values) <= bounds).all(axis=1)
        return covered

    @property
    def best(self) -> Hit:
        """The least in the first objective, of equals in the next."""
        return min(self.hits, key=lambda hit: hit.values)


@dataclass(frozen=True)
class Found:
    """The end of a search among `size` members; those that bounds rule out are `pruned`."""

    method: str
    size: int
    seen: int
    pruned: int
    hits: tuple[Hit, ...]
    refusals: Refusals

    def __add__(self, other: Found) -> Found:
        """Both, one after the other, among the same members; some may have been seen twice."""
        front = Front()
        for hit in (*self.hits, *other.hits):
            front.add(hit)
        hits = tuple(sorted(front.hits, key=lambda hit: hit.values))
        method, seen = f"{self.method}, then {other.method}", self.seen + other.seen
        return Found(method, self.size, seen, self.pruned, hits, self.refusals + other.refusals)

    @property
    def proven(self) -> bool:
        """Whether every member was seen or ruled out by a bound."""
        return self.method == "exhaustive" and self.seen + self.pruned == self.size

    @property
    def verdict(self) -> str:
        """How sure it is."""
        if not self.hits:
            return "no mapping is feasible" if self.proven else f"none of {self.seen} seen is feasible"
        return "optimal" if self.proven else f"best of {self.seen} seen"

    @property
    def best(self) -> Hit:
        return min(self.hits, key=lambda hit: hit.values)


def _as_good(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))
