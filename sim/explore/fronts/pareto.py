"""The Pareto front of points in one to four objectives, exactly, and the best few by one.

Smaller is better throughout; negate what is to be large. The kernels, and why they are right, are in dominance.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_OBJECTIVES = 4
MOST_POINTS = 2**30  # a kernel's tag is twice the point's number, in 32 bits
EXACT_INTEGERS = 2**53  # up to here, every integer is a float64
FEW = 4096  # points that are not worth a filter
SAMPLE = 256  # points that anchors come from, each of which is held against each
ANCHORS, LEAST_SHARE = 16, 0.01  # at most so many, and each dominates so much more of the sample
CUTS = {2: 1024, 3: 256, 4: 32}  # of an axis, by objectives: the table of cells fits into a cache
CUT_SAMPLE = 2**14  # points that cuts are quantiles of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Kernel = Callable[..., Any]


@dataclass(frozen=True)
class _Team:
    """Threads, and how many they are."""

    pool: ThreadPoolExecutor
    threads: int


def front(values: ArrayLike, threads: int = 1) -> Mask:
    """Which points are dominated by none, none being nowhere above and somewhere below them: a mask of n.

    `values` [n, k] are n points in k objectives, 1 to 4. Rows with a NaN or an infinity are never on the front, and
    dominate nothing. Equal points are on it together or not at all. Takes O(n log n) time with up to three objectives,
    O(n log² n) with four, and memory for up to five copies of `values`.

    Raises `ValueError` for another shape, and for integers that float64 does not hold.

    >>> front([[1, 5], [2, 2], [2, 2], [5, 1], [3, 2], [0, float("inf")]]).tolist()
    [True, True, True, True, False, False]
    """
    points = _points(values)
    if threads < 1:
        raise ValueError(f"{threads} threads: give 1 or more")
    if points.shape[1] == 1:
        finite = np.isfinite(points[:, 0])
        return finite & (points[:, 0] == np.min(points[:, 0], initial=np.inf, where=finite))
    mask = np.zeros(len(points), np.bool_)
    with ThreadPoolExecutor(threads) as pool:
        team = _Team(pool, threads)
        left, numbers = _filtered(points, team)
        mask[numbers] = _exact(left, team)
    return mask


def merge(fronts: Sequence[ArrayLike], threads: int = 1) -> tuple[Mask, ...]:
    """Which points of the fronts of parts are on the front of the whole: a mask for each part.

    The parts need not be fronts, nor have equally many points. Raises `ValueError` as `front` does.

    >>> [mask.tolist() for mask in merge([[[1, 5], [4, 4]], [[2, 3]]])]
    [[True, False], [True]]
    """
    parts = [_points(values) for values in fronts]
    if not parts:
        return ()
    if len({part.shape[1] for part in parts}) > 1:
        found = ", ".join(str(part.shape[1]) for part in parts)
        raise ValueError(f"the parts have {found} objectives: give the same objectives of all of them")
    bounds = np.cumsum([0, *map(len, parts)]).tolist()
    mask = front(np.concatenate(parts), threads)
    return tuple(mask[first:last] for first, last in pairwise(bounds))


def top_k(values: ArrayLike, k: int) -> Numbers:
    """The numbers of the k points with the least values, the best first; of equals the lower number is better.

    `values` [n] are of one objective. NaN and infinities are never among the best, so that there may be fewer than k.
    Raises `ValueError` for another shape, integers that float64 does not hold, and k below 0.

    >>> top_k([3, 1, float("nan"), 1, 2], 3).tolist()
    [1, 3, 4]
    """
    column = _floats(values)
    if column.ndim != 1:
        raise ValueError(f"values of shape {column.shape}: give one value for each point, as [n]")
    if k < 0:
        raise ValueError(f"the best {k} points: give 0 or more")
    numbers = np.flatnonzero(np.isfinite(column))
    if 0 < k < len(numbers):
        numbers = numbers[column[numbers] <= np.partition(column[numbers], k - 1)[k - 1]]
    return numbers[np.argsort(column[numbers], kind="stable")[:k]]


# ------------------------------------------------------------------------------------------------------------ the input


def _floats(values: ArrayLike) -> Floats:
    """Values as float64, without a copy if they are."""
    given = np.asarray(values)
    if given.dtype.kind not in "buif" or given.dtype.itemsize > 8:
        raise ValueError(f"values of type {given.dtype}: give integers, float32 or float64")
    if given.dtype.kind in "iu" and np.any((given > EXACT_INTEGERS) | (given < -EXACT_INTEGERS)):
        raise ValueError("integers beyond 2^53, which float64 does not tell apart: scale them")
    return np.asarray(given, np.float64)


def _points(values: ArrayLike) -> Floats:
    """Points [n, k] as float64."""
    points = _floats(values)
    if points.ndim != 2 or not 1 <= points.shape[1] <= MOST_OBJECTIVES:
        raise ValueError(
            f"values of shape {points.shape}: give [points, objectives], 1 to {MOST_OBJECTIVES} objectives"
        )
    if len(points) > MOST_POINTS:
        raise ValueError(f"{len(points)} points: give {MOST_POINTS} at most, or merge the fronts of parts")
    return points


# ---------------------------------------------------------------------------------------------------------- the filters


def _filtered(points: Floats, team: _Team) -> tuple[Floats, Numbers]:
    """Points that are finite and that no anchor and no cell rules out, and their numbers."""
    from . import dominance  # numba takes a second to import

    spared = np.empty(len(points), np.bool_)
    _spread(team, dominance.spare_by_anchors, len(points), points, _anchors(points), spared)
    numbers = np.flatnonzero(spared)
    points = np.ascontiguousarray(points[numbers])
    if len(points) > FEW:
        spared = _spared_by_cells(points, team)
        points, numbers = points[spared], numbers[spared]
    return points, numbers


def _anchors(points: Floats) -> Floats:
    """A few points of a sample, each of which dominates the most that those before it leave."""
    sample = np.array(points[:: -(-len(points) // SAMPLE)]) if len(points) > FEW else np.empty((0, points.shape[1]))
    sample = sample[np.isfinite(sample).all(axis=1)]
    columns = sample.T[:, :, None], sample.T[:, None, :]
    dominated = np.all(columns[0] <= columns[1], axis=0) & np.any(columns[0] < columns[1], axis=0)
    chosen: list[int] = []
    while len(chosen) < min(ANCHORS, len(sample)):
        shares = dominated.sum(axis=1)
        best = int(shares.argmax())
        if shares[best] < LEAST_SHARE * len(sample):
            break
        chosen.append(best)
        dominated[:, dominated[best]] = False
    return sample[chosen]


def _spared_by_cells(points: Floats, team: _Team) -> Mask:
    """Which of the finite points are not ruled out by the lowest last objectives of a grid over the others."""
    from . import dominance

    axes = points.shape[1] - 1
    most = CUTS[points.shape[1]]
    side = 2 * most + 2
    cuts, counts = np.zeros((axes, most)), np.empty(axes, np.int64)
    sample = np.sort(points[:: -(-len(points) // CUT_SAMPLE), :axes], axis=0)
    for axis in range(axes):
        distinct = np.unique(sample[np.linspace(0, len(sample) - 1, most).astype(np.int64), axis])
        cuts[axis, : len(distinct)], counts[axis] = distinct, len(distinct)
    cells = np.empty(len(points), np.int32)
    tables = np.full((team.threads, side**axes), np.inf)
    _spread(team, dominance.lowest_of_cells, len(points), points, cuts, counts, cells, tables)
    lowest = tables.min(axis=0).reshape((side,) * axes)
    for axis in range(axes):
        np.minimum.accumulate(lowest, axis=axis, out=lowest)
    spared = np.empty(len(points), np.bool_)
    _spread(team, dominance.spare_by_cells, len(points), points, cells, side, lowest.ravel(), spared)
    return spared


# ---------------------------------------------------------------------------------------------------- the exact front


def _exact(points: Floats, team: _Team) -> Mask:
    """Which of the finite points are on the front."""
    from . import dominance

    size = len(points)
    points = _fewest_ties_first(points)
    keys, orders = np.empty((2, size), np.uint64), np.empty((2, size), np.int32)
    bits = (points[:, 0] + 0.0).view(np.uint64)  # + 0.0: no negative zeros
    keys[0] = np.where(bits >> 63, ~bits, bits | np.uint64(1 << 63))
    order = dominance.lexicographic(points, keys, orders)
    rows, groups = np.empty((2, size, points.shape[1] - 1)), keys[0].view(np.int64)
    different = dominance.gather_rows(points, order, rows[0], groups)
    found = np.zeros(different, np.bool_)
    if points.shape[1] == 2:
        dominance.front_of_two(rows[0, :different], found)
    else:
        found[_reduced(rows, different, team)] = True
    mask = np.empty(size, np.bool_)
    mask[order] = found[groups]
    return mask


def _fewest_ties_first(points: Floats) -> Floats:
    """The points with the objective in front that has the most values in a sample: ties are slower to sort."""
    values = [len(np.unique(column)) for column in points[:: -(-len(points) // SAMPLE) or 1].T]
    best = int(np.argmax(values))
    return np.take(points, [best, *(k for k in range(len(values)) if k != best)], axis=1) if best else points


def _reduced(rows: Floats, size: int, team: _Team) -> Numbers:
    """The numbers of the first `size` rows that are on the front; of `rows` as in `dominance.reduce_node`."""
    from . import dominance

    tags = np.empty((2, size), np.int32)
    tags[0] = 2 * np.arange(size, dtype=np.int32)
    levels = max(size // dominance.LEAF, 1).bit_length()
    split = min(team.threads.bit_length() - 1, levels)  # 2^split nodes have threads of their own
    height = levels - split
    shared = rows, tags, size, levels
    counts = list(team.pool.map(partial(dominance.reduce_node, *shared, height), range(2**split)))
    while len(counts) > 1:
        height += 1
        join = partial(dominance.join_halves, *shared, height)
        counts = list(team.pool.map(join, range(len(counts) // 2), counts[::2], counts[1::2]))
    return tags[levels & 1, : counts[0]] >> 1


def _spread(team: _Team, kernel: Kernel, points: int, *arguments: Any) -> None:
    """Calls a kernel in each thread, for its share of the points and under its number."""
    bounds = [points * number // team.threads for number in range(team.threads + 1)]
    shares = zip(range(team.threads), pairwise(bounds), strict=True)
    for done in [team.pool.submit(kernel, *arguments, *share, number) for number, share in shares]:
        done.result()
