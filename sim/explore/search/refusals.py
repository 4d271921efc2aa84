"""Why members of a search do not fit: which limit refuses how many, and how near the nearest comes to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Refusal:
    """A limit, the members that it refuses, and the arithmetic of the one that is nearest to it."""

    count: int
    over: float  # of the nearest: what is needed by what there is
    why: str

    def __add__(self, other: Refusal) -> Refusal:
        near = other if other.over < self.over else self
        return Refusal(self.count + other.count, near.over, near.why)


@dataclass(frozen=True)
class Refusals:
    """Refusals by the limit's name, and members that make no sense.

    >>> one = Refusals({"'buffer'": Refusal(3, 2.0, "needs 8 of 4 B")})
    >>> (one + Refusals({"'buffer'": Refusal(1, 1.5, "needs 6 of 4 B")})).by_limit
    {"'buffer'": Refusal(count=4, over=1.5, why='needs 6 of 4 B')}
    """

    by_limit: Mapping[str, Refusal] = field(default_factory=dict)
    illegal: int = 0
    example: str = ""  # of what makes no sense

    def __add__(self, other: Refusals) -> Refusals:
        found = dict(self.by_limit)
        for name, refusal in other.by_limit.items():
            found[name] = found[name] + refusal if name in found else refusal
        return Refusals(found, self.illegal + other.illegal, self.example or other.example)

    @classmethod
    def total(cls, parts: Iterable[Refusals]) -> Refusals:
        """All of them together."""
        return sum(parts, cls())

    @property
    def tightest(self) -> str:
        """The limit that refuses most, with the arithmetic of the nearest member; empty if there is none."""
        if not self.by_limit:
            return f"bind takes none of {self.illegal} mappings: {self.example}" if self.illegal else ""
        name = max(self.by_limit, key=lambda each: (self.by_limit[each].count, self.by_limit[each].over))
        worst = self.by_limit[name]
        times = f", {worst.over:.4g} times what there is" if np.isfinite(worst.over) else ""
        return f"{name} refuses {worst.count} mappings; the nearest{times}: {worst.why}"


def refusal(needed: Any, limit: Any, where: Any, why: Any) -> Refusal:
    """The refusal by a limit of the members `where` it does not hold; `why` is of the index of a member."""
    over = np.where(where, np.divide(needed, limit, where=limit > 0, out=np.full(np.shape(where), np.inf)), np.inf)
    nearest = int(np.argmin(over))
    return Refusal(int(np.count_nonzero(where)), float(over[nearest]), why(nearest))
