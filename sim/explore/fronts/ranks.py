"""How far two rankings of the same points agree: Kendall's τ, in n log n steps."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray


def kendall_tau(one: ArrayLike, other: ArrayLike) -> float:
    """Kendall's τ-b: (pairs in the same order - pairs in the opposite one) / √(pairs apart in one · in the other).

    `one` and `other` are values of the same n points, without NaN. 1 is the same order, -1 the opposite one; pairs that
    are tied on both sides count nowhere. NaN if all values of a side are equal. Raises ValueError for other shapes.

    After W. R. Knight, A computer method for calculating Kendall's tau with ungrouped data, JASA 61, 1966.

    >>> kendall_tau([1, 2, 3, 4], [1, 2, 4, 3])     # five pairs of six in the same order
    0.6666666666666666
    """
    first, second = np.asarray(one), np.asarray(other)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"values of shapes {first.shape} and {second.shape}: give one value for each point, as [n]")
    a, b = _ranks(first), _ranks(second)
    order = np.lexsort((b, a))
    pairs = len(a) * (len(a) - 1) // 2
    tied_a, tied_b, tied_both = _tied(a), _tied(b), _tied(a * (b.max(initial=0) + 1) + b)
    apart = math.sqrt((pairs - tied_a) * (pairs - tied_b))
    if not apart:
        return math.nan
    opposite = int(_inversions(b[order]))
    return (pairs - tied_a - tied_b + tied_both - 2 * opposite) / apart


def _ranks(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Places among the distinct values."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _tied(codes: NDArray[np.int64]) -> int:
    """Pairs of equal codes."""
    counts = np.unique(codes, return_counts=True)[1]
    return int(np.sum(counts * (counts - 1) // 2))


@numba.njit(cache=True, nogil=True)
def _inversions(values):  # type: ignore[no-untyped-def]
    """Pairs of which the first is larger, by sorting with merges."""
    size = len(values)
    here, there = values.copy(), np.empty_like(values)
    found, width = 0, 1
    while width < size:
        for start in range(0, size, 2 * width):
            middle, end = min(start + width, size), min(start + 2 * width, size)
            i, j = start, middle
            for at in range(start, end):
                if i < middle and (j >= end or here[i] <= here[j]):
                    there[at] = here[i]
                    i += 1
                else:
                    there[at] = here[j]
                    j += 1
                    found += middle - i
        here, there = there, here
        width *= 2
    return found
