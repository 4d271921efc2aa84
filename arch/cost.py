"""A number from a table, how it came about, and where it is from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ASSUMPTION = "assumption:"


@dataclass(frozen=True)
class Cost:
    """An energy in pJ, an area in µm² or a power in W, a number or an array of design points.

    `how` is "table", or else "interpolated: ...", "extrapolated: ..." or "assumption: ...", or several of
    these joined by "; ", each true of a part or of some of the points; the rest are rows of the table. A cost
    that no row gives has the value None and says "missing: ..." with the reason.
    """

    value: Any
    how: str
    source: str

    def times(self, factor: Any) -> Cost:
        """The cost of `factor` of them.

        >>> Cost(2.0, "table", "a paper").times(3).value
        6.0
        """
        return Cost(None if self.value is None else self.value * factor, self.how, self.source)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum, with the union of the hows and sources; missing if a part is missing.

    >>> total([Cost(1.0, "table", "a"), Cost(2.0, "assumption: half of b", "c")])
    Cost(value=3.0, how='assumption: half of b', source='a; c')
    >>> total([Cost(1.0, "table", "a"), Cost(None, "missing: b has no size", "")])
    Cost(value=None, how='missing: b has no size', source='a')
    """
    parts = list(costs)
    hows, source = join(part.how for part in parts), join(part.source for part in parts)
    if any(part.value is None for part in parts):
        return Cost(None, join(part.how for part in parts if part.value is None), source)
    return Cost(sum((part.value for part in parts), 0.0), hows or "table", source)


def join(texts: Iterable[str]) -> str:
    """The texts' parts, each once, in order; empty ones dropped, and "table" if there is another.

    >>> join(["table", "a; b", "a", ""]), join(["table", "table"])
    ('a; b', 'table')
    """
    parts = dict.fromkeys(part for text in texts for part in text.split("; ") if part)
    return "; ".join([part for part in parts if part != "table"] or parts)
