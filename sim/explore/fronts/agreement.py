"""What a cheap model is worth: the front that it shares with a true one, and what is lost by what it picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .pareto import front


@dataclass(frozen=True)
class Overlap:
    """Points on the front of a cheap model, of a true one, and of both."""

    cheap: int
    true: int
    both: int

    @property
    def found(self) -> float:
        """The share of the true front that the cheap model finds."""
        return self.both / self.true if self.true else float("nan")

    @property
    def right(self) -> float:
        """The share of the cheap model's front that is on the true one."""
        return self.both / self.cheap if self.cheap else float("nan")

    @property
    def jaccard(self) -> float:
        """Points on both fronts, of those on either."""
        either = self.cheap + self.true - self.both
        return self.both / either if either else float("nan")


def overlap(cheap: ArrayLike, true: ArrayLike) -> Overlap:
    """How much the fronts of the same n points by two models, values [n, k] each, have in common.

    >>> overlap([[1, 4], [2, 2], [4, 1]], [[1, 4], [2, 5], [4, 1]])
    Overlap(cheap=3, true=2, both=2)
    """
    one, other = front(cheap), front(true)
    return Overlap(int(one.sum()), int(other.sum()), int((one & other).sum()))


@dataclass(frozen=True)
class Regret:
    """The point that a cheap model picks, the best by the true one, and how much worse the pick is.

    Where the cheap model cannot tell its best points apart there are several `ties`; the pick is the one of least cost.
    """

    pick: int
    best: int
    regret: float  # the true value of the pick over the least, less 1
    least: float  # the same of the best of the ties,
    most: float  # and of the worst
    ties: int


def regret(cheap: ArrayLike, true: ArrayLike, cost: ArrayLike) -> Regret:
    """What is lost by taking the point with the least `cheap` value instead of that with the least `true` one.

    All are of the same points, one at least; of equal points the one of least cost, then the first, is taken. Raises
    ValueError if there is none.

    >>> regret([1.0, 1.0, 3.0], [6.0, 5.0, 4.0], cost=[1, 2, 3])
    Regret(pick=0, best=2, regret=0.5, least=0.25, most=0.5, ties=2)
    """
    values, truth, costs = np.asarray(cheap), np.asarray(true), np.asarray(cost)
    if not values.size:
        raise ValueError("no point to pick; give one at least")
    ties = np.flatnonzero(values == values.min())
    pick, best = _cheapest(ties, costs), _cheapest(np.flatnonzero(truth == truth.min()), costs)
    lost = truth[ties] / truth[best] - 1
    return Regret(pick, best, float(truth[pick] / truth[best] - 1), float(lost.min()), float(lost.max()), len(ties))


def shortlist(cheap: ArrayLike, true: ArrayLike, cost: ArrayLike) -> Any:
    """What is lost, [n], by taking the truly best of the cheap model's first, first two, ... first n points.

    >>> shortlist([1.0, 2.0, 3.0], [6.0, 4.0, 5.0], cost=[1, 1, 1]).tolist()
    [0.5, 0.0, 0.0]
    """
    truth = np.asarray(true)
    order = np.lexsort((np.asarray(cost), np.asarray(cheap)))
    return np.minimum.accumulate(truth[order]) / truth.min() - 1


def _cheapest(points: Any, costs: Any) -> int:
    return int(points[np.argmin(costs[points])])
