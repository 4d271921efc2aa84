"""The Pareto front by comparing each of its points with all others: exact, and slow for large fronts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def front(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of n points, (n, k) objectives that are to be small, no other point dominates.

    Equal points are on the front together. A point with a NaN or an infinity is never on it.

    >>> front(np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 3.0], [1.0, 3.0]])).tolist()
    [True, True, False, True]
    """
    left = np.flatnonzero(np.isfinite(values).all(axis=1))
    left = left[np.lexsort(values[left].T)]
    found: list[NDArray[Any]] = []
    while left.size:
        best = values[left[0]]
        rest = values[left]
        found.append(left[(rest == best).all(axis=1)])  # the first of what is left: nothing there dominates it
        left = left[(rest < best).any(axis=1)]
    mask = np.zeros(len(values), bool)
    mask[np.concatenate(found, dtype=np.int64) if found else []] = True
    return mask
