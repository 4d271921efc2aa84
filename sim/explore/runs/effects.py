"""What a run's table comes to, part by part: what each axis does to each objective, and the best over two of them.

Only some columns are read, and a part is in memory at a time; points that are not feasible, or lack an objective, are
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from specs import Infeasible

from .keep import column
from .reading import Stored
from .work import FEASIBLE

if TYPE_CHECKING:
    import pyarrow

MOST_CELLS = 64  # of an axis; beyond, neighbouring values share one
BINS = (120, 90)


@dataclass(frozen=True)
class Space:
    """The feasible points of a run: how many, the values of every axis in order, and the range of every objective."""

    stored: Stored
    objectives: tuple[str, ...]
    points: int
    values: Mapping[str, list[Any]]
    low: Mapping[str, float]
    high: Mapping[str, float]

    @property
    def varied(self) -> list[str]:
        """The axes that have more than one value."""
        return [name for name, values in self.values.items() if len(values) > 1]

    def is_log(self, objective: str) -> bool:
        """Whether an objective is taken by its logarithm: all of it is greater than zero."""
        return self.low[objective] > 0

    def scaled(self, objective: str, values: Any) -> Any:
        """An objective as effects and bins take it."""
        return np.log(values) if self.is_log(objective) else np.asarray(values, dtype=np.float64)


def space_of(stored: Stored) -> Space:
    """The feasible points of a run. Raises Infeasible if there is none."""
    values: dict[str, set[Any]] = {name: set() for name in stored.axes}
    low = dict.fromkeys(stored.objectives, np.inf)
    high = dict.fromkeys(stored.objectives, -np.inf)
    points = 0
    for table in _feasible(stored, stored.axes, stored.objectives):
        points += table.num_rows
        for name in stored.axes:
            values[name] |= set(table[name].unique().to_pylist())
        for name in stored.objectives if table.num_rows else ():
            here = column(table, name)
            low[name], high[name] = min(low[name], float(here.min())), max(high[name], float(here.max()))
    if not points:
        raise Infeasible("none of the points that are there is feasible and has all objectives")
    ordered = {name: sorted(known, key=_order) for name, known in values.items()}
    return Space(stored, stored.objectives, points, ordered, low, high)


@dataclass(frozen=True)
class Effect:
    """What an axis does to an objective: the share of its variance that lies between the means of the axis's values.

    That is the first-order index, of the logarithm where the objective is greater than zero; `low` and `high` are the
    least and greatest mean (geometric ones then). On a whole grid the shares of free axes add up to 1 at most; what is
    left is interplay. Axes that are tied to each other have the same share.
    """

    share: float
    low: float
    high: float


def effects(space: Space) -> dict[str, dict[str, Effect]]:
    """By objective and by axis that has more than one value."""
    counts = {name: np.zeros(len(values)) for name, values in space.values.items()}
    sums = {(one, name): np.zeros(len(space.values[name])) for one in space.objectives for name in space.values}
    middle = {one: float(np.mean(space.scaled(one, [space.low[one], space.high[one]]))) for one in space.objectives}
    squares = dict.fromkeys(space.objectives, 0.0)
    for table in _feasible(space.stored, list(space.values), space.objectives):
        scaled = {one: space.scaled(one, column(table, one)) - middle[one] for one in space.objectives}
        for one, values in scaled.items():
            squares[one] += float(np.sum(values * values))
        for name, known in space.values.items():
            codes = codes_of(table[name], known)
            counts[name] += np.bincount(codes, minlength=len(known))
            for one, values in scaled.items():
                sums[one, name] += np.bincount(codes, values, minlength=len(known))
    return {
        one: {
            name: _effect(space, one, counts[name], sums[one, name], squares[one], middle[one]) for name in space.varied
        }
        for one in space.objectives
    }


def _effect(space: Space, objective: str, counts: Any, sums: Any, squares: float, middle: float) -> Effect:
    """From counts, sums and the sum of squares, all less the middle, to the share and the ends of the means."""
    mean = sums.sum() / counts.sum()
    whole = squares - counts.sum() * mean**2
    means = sums / counts
    between = float(np.sum(counts * (means - mean) ** 2))
    ends = [float(means.min()) + middle, float(means.max()) + middle]
    low, high = (float(np.exp(end)) if space.is_log(objective) else end for end in ends)
    return Effect(min(1.0, between / whole) if whole > 0 else 0.0, low, high)


@dataclass(frozen=True)
class Best:
    """The least of an objective over two axes, whatever the others are: [values of one, values of the other].

    NaN where no point is feasible. An axis of more than `MOST_CELLS` values has a cell for several neighbours, and
    `one` and `other` are the first of each.
    """

    objective: str
    axes: tuple[str, str]
    one: list[Any]
    other: list[Any]
    least: Any


def best(space: Space, objective: str, one: str, other: str) -> Best:
    """The least of an objective over two axes."""
    first, second = _cells(space.values[one]), _cells(space.values[other])
    least = np.full((len(first), len(second)), np.inf)
    for table in _feasible(space.stored, [one, other], [objective]):
        places = tuple(
            codes_of(table[name], space.values[name]) * len(cells) // len(space.values[name])
            for name, cells in ((one, first), (other, second))
        )
        np.minimum.at(least, places, column(table, objective))
    return Best(objective, (one, other), first, second, np.where(np.isfinite(least), least, np.nan))


def _cells(values: list[Any]) -> list[Any]:
    """The first value of each cell."""
    cells = min(len(values), MOST_CELLS)
    return [values[-(-i * len(values) // cells)] for i in range(cells)]


@dataclass(frozen=True)
class Density:
    """How many points lie in each bin of two objectives, [x, y], and the edges of bins."""

    x: str
    y: str
    counts: Any
    x_edges: Any
    y_edges: Any


def densities(space: Space, pairs: Sequence[tuple[str, str]]) -> list[Density]:
    """How the points lie in pairs of objectives; bins are of equal width, or of equal ratio."""
    edges = {pair: [_edges(space, name, size) for name, size in zip(pair, BINS, strict=True)] for pair in pairs}
    counts = {pair: np.zeros(BINS, dtype=np.int64) for pair in pairs}
    for table in _feasible(space.stored, [], space.objectives):
        for pair, found in counts.items():
            values = [column(table, name) for name in pair]
            here = [np.searchsorted(e[1:-1], v, side="right") for e, v in zip(edges[pair], values, strict=True)]
            np.add.at(found, tuple(here), 1)
    return [Density(*pair, counts[pair], *edges[pair]) for pair in pairs]


def _edges(space: Space, objective: str, bins: int) -> Any:
    low, high = space.low[objective], space.high[objective]
    if low == high:
        return np.linspace(low - abs(low) / 100 - 1e-300, high + abs(high) / 100 + 1e-300, bins + 1)
    return np.geomspace(low, high, bins + 1) if space.is_log(objective) else np.linspace(low, high, bins + 1)


def codes_of(values: pyarrow.ChunkedArray, known: list[Any]) -> Any:
    """The place of every value among the known ones, which are in order."""
    import pyarrow.compute as compute

    return compute.index_in(values.cast(_plain(values)), _array(known, values)).to_numpy().astype(np.int64)


def _array(known: list[Any], values: pyarrow.ChunkedArray) -> pyarrow.Array:
    import pyarrow

    return pyarrow.array(known, type=_plain(values))


def _plain(values: pyarrow.ChunkedArray) -> Any:
    import pyarrow

    return values.type.value_type if pyarrow.types.is_dictionary(values.type) else values.type


def _feasible(stored: Stored, axes: Sequence[str], objectives: Sequence[str]) -> Iterator[pyarrow.Table]:
    """The feasible points that have these objectives, part by part."""
    names = list(dict.fromkeys([*axes, *objectives]))
    for table in stored.read([*names, FEASIBLE]):
        mask = column(table, FEASIBLE).astype(bool)
        for name in objectives:
            mask &= np.isfinite(column(table, name).astype(np.float64))
        yield table.select(names).filter(mask)


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
