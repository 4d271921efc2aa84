"""Whole-number arithmetic that reads the same for Python integers (exact, of any size) and int64 arrays.

An array holds one number per design point.
"""

from __future__ import annotations

from typing import Any

Whole = Any  # an int, or an int64 array of design points

LARGEST = 2**63 - 1


def is_array(*values: Any) -> bool:
    """Whether any value is an array of design points."""
    for value in values:  # asked for very often, and `any` would take twice the time
        if type(value) is int:
            continue
        if hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
            return True
    return False


def part_of(number: Whole, part: Whole, whole: Whole) -> Whole:
    """⌊number · part / whole⌋ for part ≤ whole, exact for arrays of int64 as well, whose product may not fit.

    >>> part_of(10, 1, 3)
    3
    >>> import numpy as np
    >>> part_of(np.array([8589934591]), 8606777344, 8640331776)
    array([8556575874])
    """
    if not is_array(number, part, whole):
        return number * part // whole
    import numpy as np

    number, part, whole = (np.asarray(each, dtype=np.int64) for each in (number, part, whole))
    times, rest = number // whole, number % whole
    guess = np.floor(rest * (part / whole.astype(np.float64))).astype(np.int64)
    with np.errstate(over="ignore"):
        left = rest * part - guess * whole  # wraps alike on both sides: the difference is small, and right
    return times * part + guess + left // whole


def ceil_div(a: Whole, b: Whole) -> Whole:
    """The least whole number that is at least a / b, for b > 0.

    >>> ceil_div(7, 2), ceil_div(8, 2)
    (4, 4)
    """
    return -(-a // b)


EXACT = 2**53  # whole numbers up to it are floats


def quotient(a: Whole, b: Any) -> Any:
    """a / b as a float, that nearest to the exact quotient for whole numbers of any size; the same for arrays.

    >>> import numpy as np
    >>> a, b = 2**53 + 1, 3
    >>> quotient(a, b) == float(quotient(np.array([a]), b)[0]), float(np.array([a])[0] / b) == a / b
    (True, False)
    """
    found = a / b
    if not is_array(a, b):
        return found
    import numpy as np

    whole = all(np.asarray(each).dtype.kind in "iu" for each in (a, b))
    if not whole or (_largest(a) <= EXACT and _largest(b) <= EXACT):
        return found
    tops, bottoms = np.broadcast_arrays(a, b)
    large = np.flatnonzero((np.abs(tops) > EXACT) | (np.abs(bottoms) > EXACT))
    for i, top, bottom in zip(large, tops.flat[large].tolist(), bottoms.flat[large].tolist(), strict=True):
        found.flat[i] = top / bottom
    return found


def _largest(a: Whole) -> int:
    import numpy as np

    return int(np.max(np.abs(a), initial=0))


def least(a: Whole, b: Whole) -> Whole:
    """The smaller of two, elementwise for arrays."""
    if is_array(a, b):
        import numpy as np

        return np.minimum(a, b)
    return min(a, b)


def most(a: Whole, b: Whole) -> Whole:
    """The larger of two, elementwise for arrays."""
    if is_array(a, b):
        import numpy as np

        return np.maximum(a, b)
    return max(a, b)


def choose(condition: Any, a: Whole, b: Whole) -> Whole:
    """`a` where the condition holds, else `b`."""
    if is_array(condition, a, b):
        import numpy as np

        return np.where(condition, a, b)
    return a if condition else b


def round_down(a: Any) -> Whole:
    """The largest whole number that is at most a.

    >>> round_down(3.5), round_down(-3.5), round_down(2**70)
    (3, -4, 1180591620717411303424)
    """
    return (a // 1).astype("int64") if is_array(a) else int(a // 1)


def round_up(a: Any) -> Whole:
    """The smallest whole number that is at least a.

    >>> round_up(3.5), round_up(-3.5), round_up(4)
    (4, -3, 4)
    """
    return -round_down(-a)


def floor_sum(n: Whole, divisor: Whole, slope: Whole, start: Whole) -> Whole:
    """The sum of ⌊(slope·i + start) / divisor⌋ over i = 0 … n-1, for slope, start ≥ 0; 0 where n ≤ 0.

    Euclid's algorithm on the pair (divisor, slope): a lattice-point count, in as many rounds as a gcd takes.

    >>> floor_sum(4, 3, 2, 1) == sum((2 * i + 1) // 3 for i in range(4))
    True
    """
    if is_array(n, divisor, slope, start):
        return _floor_sums(n, divisor, slope, start)
    total = 0
    if n <= 0:
        return 0
    while True:
        total += (n - 1) * n // 2 * (slope // divisor) + n * (start // divisor)
        slope, start = slope % divisor, start % divisor
        top = slope * n + start
        if top < divisor:
            return total
        n, start, divisor, slope = top // divisor, top % divisor, slope, divisor


def _floor_sums(n: Whole, divisor: Whole, slope: Whole, start: Whole) -> Whole:
    import numpy as np

    n, divisor, slope, start = (np.array(a, dtype=np.int64) for a in np.broadcast_arrays(n, divisor, slope, start))
    n = np.maximum(n, 0)
    total = np.zeros_like(n)
    while n.any():
        total += (n - 1) * n // 2 * (slope // divisor) + n * (start // divisor)
        slope, start = slope % divisor, start % divisor
        top = slope * n + start
        n, start = np.where(top >= divisor, top // divisor, 0), top % divisor
        divisor, slope = np.where(slope > 0, slope, 1), divisor
    return total
