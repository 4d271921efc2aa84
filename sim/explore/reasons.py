"""Why points do not fit: what is said of each, asked once for all of which the same is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mappings.schedule import Pick

Indices = NDArray[np.intp]


def by_reason(reason: Callable[[Pick], str], cells: Sequence[Indices]) -> Iterator[tuple[str, Indices]]:
    """What is said of the points at these indices, one array a dimension, and of which of them by their numbers.

    A reason depends on nothing but what it picks. So where all values are as at one point that it was asked of, it
    would pick the same there, and say the same.

    >>> needed = np.array([[3], [5]])
    >>> found = by_reason(lambda pick: f"needs {pick(needed)}", np.nonzero(np.ones((2, 4))))
    >>> sorted((text, points.tolist()) for text, points in found)
    [('needs 3', [0, 1, 2, 3]), ('needs 5', [4, 5, 6, 7])]
    """
    groups: list[tuple[Indices, list[Any]]] = [(np.arange(len(cells[0])), [])]  # points, and in what they are alike
    while groups:
        points, alike = groups.pop()
        asked: list[Any] = []
        text = reason(_pick(asked, [int(axis[points[0]]) for axis in cells]))
        new = [each for i, each in enumerate(asked) if not any(each is other for other in (*alike, *asked[:i]))]
        if new:
            here = [axis[points] for axis in cells]
            groups += [(points[each], alike + new) for each in _equal([_at(value, here) for value in new])]
        else:
            yield text, points


def _pick(asked: list[Any], cell: Sequence[Any]) -> Pick:
    """What picks the values at a point, and notes of which arrays."""

    def pick(value: Any) -> Any:
        if not np.ndim(value):
            return int(value)
        asked.append(value)
        return _at(value, cell).item()

    return pick


def _at(value: Any, cell: Sequence[Any]) -> Any:
    """The value of an array at a point, or at points; it is repeated along dimensions that it lacks or has one of."""
    along = cell[len(cell) - value.ndim :]
    return value[tuple(at if size > 1 else at * 0 for at, size in zip(along, value.shape, strict=True))]


def _equal(columns: Sequence[Any]) -> list[Indices]:
    """Groups of rows in which every column has one value."""
    group = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, here = np.unique(column, return_inverse=True)
        _, group = np.unique(group * (here.max() + 1) + here, return_inverse=True)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
