"""The laws by which a table's rows are continued: pure functions of numbers or of arrays of design points.

All pass through their rows exactly, are the same on a number as on an array element, and keep their last
piece beyond the first and last row. `x` rows ascend. Nothing here knows what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Number = Any  # a float or an int, or an array of design points
Array = Any


def power_law(x: Number, xs: Sequence[float], ys: Sequence[float]) -> Number:
    """Between two rows y = y0·(x/x0)^k, a line on log-log paper; one row is a constant. For x, xs, ys > 0.

    >>> power_law(4.0, [1, 16], [10.0, 40.0]), power_law(64.0, [1, 16], [10.0, 40.0])
    (20.0, 80.0)
    """
    if np.ndim(x):  # one by one: a power of an array need not have the last bit of a power of its elements
        values, places = np.unique(x, return_inverse=True)
        powers = [power_law(value, xs, ys) for value in values.tolist()]
        return np.array(powers, dtype=float)[places].reshape(np.shape(x))
    x, at, after, below, above = _pieces(x, xs, ys)
    exponent = np.log(above / below) / np.log(after / at) if len(xs) > 1 else np.zeros_like(x)
    return _leave(_through(x, xs, ys, below * (x / at) ** exponent))


def straight_lines(x: Number, xs: Sequence[float], ys: Sequence[float]) -> Number:
    """Between two rows y = y0 + k·(x − x0); one row is a constant.

    >>> straight_lines(3, [2, 4], [1.0, 2.0]), straight_lines(6, [2, 4], [1.0, 2.0])
    (1.5, 3.0)
    """
    x, at, after, below, above = _pieces(x, xs, ys)
    slope = (above - below) / (after - at) if len(xs) > 1 else np.zeros_like(x)
    return _leave(_through(x, xs, ys, below + slope * (x - at)))


def address_bits(depth: Number) -> Number:
    """⌈log2 depth⌉: the address bits of a memory of `depth` words; 0 for a single word.

    >>> address_bits(12), address_bits(16), address_bits(1)
    (4.0, 4.0, 0.0)
    """
    return _leave(np.ceil(np.log2(np.maximum(depth, 1))))


def nearest_row(x: Number, xs: Sequence[float]) -> Array:
    """The index of the row nearest to x on a logarithmic scale, the smaller of two as near.

    >>> int(nearest_row(100, [64, 128])), int(nearest_row(7, [16, 32]))
    (1, 0)
    """
    distance = np.abs(np.log2(np.asarray(x, dtype=float))[..., None] - np.log2(np.asarray(xs, dtype=float)))
    return np.argmin(distance, axis=-1)


def coverage(x: Number, xs: Sequence[float]) -> tuple[bool, bool, bool]:
    """Whether any x lies on a row, between rows, beyond them.

    >>> coverage(np.array([2, 9]), [2, 4])
    (True, False, True)
    """
    x = np.asarray(x, dtype=float)
    on = np.isin(x, np.asarray(xs, dtype=float))
    beyond = (x < xs[0]) | (x > xs[-1])
    return bool(on.any()), bool((~on & ~beyond).any()), bool(beyond.any())


def _pieces(x: Number, xs: Sequence[float], ys: Sequence[float]) -> tuple[Array, Array, Array, Array, Array]:
    """x, and the ends of the piece it falls on: x0, x1, y0, y1."""
    x, rows, values = (np.asarray(each, dtype=float) for each in (x, xs, ys))
    last = max(len(rows) - 2, 0)
    index = np.clip(np.searchsorted(rows, x, side="right") - 1, 0, last)
    after = np.minimum(index + 1, len(rows) - 1)
    return x, rows[index], rows[after], values[index], values[after]


def _through(x: Array, xs: Sequence[float], ys: Sequence[float], y: Array) -> Array:
    """y, with the rows' own values where x is a row."""
    rows, values = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    index = np.minimum(np.searchsorted(rows, x), len(rows) - 1)
    return np.where(rows[index] == x, values[index], y)


def _leave(value: Any) -> Number:
    """A float where no array came in."""
    return float(value) if np.ndim(value) == 0 else value
