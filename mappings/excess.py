"""What does not fit: what needs more than there is, with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specs import Infeasible

from .schedule import Pick, Reason


@dataclass(frozen=True)
class Excess:
    """A limit, and what is needed of it: numbers, or arrays of design points. Called, it says why a point does not fit.

    `what` names the limit: a memory, or an axis of a unit.
    """

    what: str
    needed: Any
    limit: Any
    words: Reason

    def __call__(self, pick: Pick) -> str:
        return self.words(pick)


class Misfit(Infeasible):
    """A design does not fit, and this is what it exceeds."""

    def __init__(self, reason: str, excess: Excess) -> None:
        super().__init__(reason)
        self.excess = excess
