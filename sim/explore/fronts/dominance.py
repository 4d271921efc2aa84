"""Kernels of the Pareto front: filters that cost a few operations a point, and the exact front of what they leave.

A point dominates another that it is nowhere above and somewhere below. Whatever is dominated by any point is dominated
by one of the front, so that points may be removed in any order, by any point, and the front stays what it was.

The exact front is Kung's: of points in lexicographic order only earlier ones dominate later ones. Halves are reduced to
their fronts; then the later half loses what the earlier one dominates in the objectives but the first, for which
both halves are in order of the second. With three objectives that is one merge, with the least third objective of the
earlier half so far. With four it is the same once more: halves in order of the second objective, merged by the
third, with the least fourth so far.

Trees of halves are walked from the left, leaf by leaf, and two siblings are joined as soon as both are there, so that
what is at work stays in the cache. A level is read from one of two buffers and written into the other. Node b of the
level that has 2^(levels - l) nodes holds points n · b / 2^(levels - l) to n · (b + 1) / 2^(levels - l).

Kernels and their helpers stand in this one file, since numba's cache does not see edits elsewhere.
"""

from __future__ import annotations

import numba
import numpy as np

LEAF = 16  # points at most, of which each is held against each

# helpers are called from kernels only: without entry points for Python they compile in a fraction of the time
_inner = numba.njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]


# ---------------------------------------------------------------------------------------------------------- the filters


@numba.njit(cache=True, nogil=True)
def spare_by_anchors(points, anchors, spared, first, last, _):  # type: ignore[no-untyped-def]
    """Spares the points `first` to `last` that are finite and that no anchor dominates; the thread is no matter."""
    objectives = points.shape[1]
    for p in range(first, last):
        spare = True
        for k in range(objectives):
            spare &= np.isfinite(points[p, k])
        a = 0
        while spare and a < len(anchors):
            above, below = False, False
            for k in range(objectives):
                above |= anchors[a, k] > points[p, k]
                below |= anchors[a, k] < points[p, k]
            spare = above or not below
            a += 1
        spared[p] = spare


@numba.njit(cache=True, nogil=True)
def lowest_of_cells(points, cuts, counts, cells, tables, first, last, number):  # type: ignore[no-untyped-def]
    """Notes the cell of every point, and in the thread's table the least last objective of every cell.

    `cuts` [objective, cut] are in order, `counts` [objective] of them. Along an objective, values equal to cut c are in
    cell 2 c + 2, those between it and the next cut in 2 c + 3, those below all cuts in 1. Cell 0 stays empty.
    """
    side, axes = 2 * cuts.shape[1] + 2, points.shape[1] - 1
    for p in range(first, last):
        cell = 0
        for k in range(axes):
            value = points[p, k]
            low, left = 0, counts[k]
            while left > 1:  # the cuts below the value; without branches, which nothing would foretell
                half = left >> 1
                low += half * (cuts[k, low + half - 1] < value)
                left -= half
            low += cuts[k, low] < value
            equal = low < counts[k] and cuts[k, low] == value
            cell = cell * side + 2 * low + 1 + equal
        cells[p] = cell
        tables[number, cell] = min(tables[number, cell], points[p, axes])


@numba.njit(cache=True, nogil=True)
def spare_by_cells(points, cells, side, lowest, spared, first, last, _):  # type: ignore[no-untyped-def]
    """Spares points `first` to `last`, unless the cells below or beside tell that some point dominates them.

    `lowest` is of all cells up to each. Of its own cell a point reaches what equals a cut, for all values there are
    the same; what lies between two cuts it reaches only up to the lower one, and is above all of that.
    """
    axes = points.shape[1] - 1
    for p in range(first, last):
        rest, place, stride, strict = cells[p], 0, 1, False
        for _ in range(axes):
            number = rest % side
            rest //= side
            strict |= number & 1 == 1
            place += (number - (number & 1)) * stride
            stride *= side
        value = points[p, axes]
        dominated = lowest[place] < value or (strict and lowest[place] == value)
        if not (strict or dominated):
            stride = 1
            for _ in range(axes):
                dominated |= lowest[place - stride] <= value
                stride *= side
        spared[p] = not dominated


# ------------------------------------------------------------------------------------------------------------ the order


@numba.njit(cache=True, nogil=True)
def lexicographic(points, keys, order):  # type: ignore[no-untyped-def]
    """The numbers of the points in lexicographic order.

    `keys` [2, n] hold, in their first buffer, integers in the order of the first objective; they and `order` [2, n] are
    what it works in. A radix sort by bytes, then each run of points with the same first objective by the others.
    """
    size, old = len(points), 0
    counts = np.zeros((8, 256), np.int64)
    for p in range(size):
        order[0, p] = p
        for digit in range(8):
            counts[digit, keys[0, p] >> np.uint64(8 * digit) & np.uint64(255)] += 1
    for digit in range(8):
        if counts[digit].max() < size:
            place = np.cumsum(counts[digit]) - counts[digit]
            for p in range(size):
                value = keys[old, p] >> np.uint64(8 * digit) & np.uint64(255)
                keys[1 - old, place[value]], order[1 - old, place[value]] = keys[old, p], order[old, p]
                place[value] += 1
            old = 1 - old
    first = 0
    while first < size:
        last = first + 1
        while last < size and keys[old, last] == keys[old, first]:
            last += 1
        if last > first + 1:
            _order_run(points, order[old], order[1 - old], first, last)
        first = last
    return order[old]


@_inner
def _order_run(points, order, other, first, last):  # type: ignore[no-untyped-def]
    """A merge sort by the objectives but the first."""
    width = 1
    while width < last - first:
        for left in range(first, last, 2 * width):
            middle, right = min(left + width, last), min(left + 2 * width, last)
            i, j = left, middle
            for place in range(left, right):
                if i < middle and (j == right or not _after(points, order[i], order[j])):
                    other[place] = order[i]
                    i += 1
                else:
                    other[place] = order[j]
                    j += 1
        order[first:last] = other[first:last]
        width *= 2


@_inner
def _after(points, p, q):  # type: ignore[no-untyped-def]
    """Whether p comes after q by the objectives but the first."""
    for k in range(1, points.shape[1]):
        if points[p, k] != points[q, k]:
            return points[p, k] > points[q, k]
    return False


@numba.njit(cache=True, nogil=True)
def gather_rows(points, order, rows, groups):  # type: ignore[no-untyped-def]
    """Copies different points, without their first objective, in the given order; how many they are.

    `groups` [n] gets which row each place of the order has become.
    """
    count = 0
    for place in range(len(order)):
        p = order[place]
        if place == 0 or points[p, 0] != points[order[place - 1], 0] or _after(points, p, order[place - 1]):
            for k in range(rows.shape[1]):
                rows[count, k] = points[p, k + 1]
            count += 1
        groups[place] = count - 1
    return count


# ---------------------------------------------------------------------------------------------------- the exact front


@numba.njit(cache=True, nogil=True)
def front_of_two(rows, found):  # type: ignore[no-untyped-def]
    """Finds who is on the front, by the second objective of different points in lexicographic order."""
    lowest = np.inf
    for p in range(len(rows)):
        found[p] = rows[p, 0] < lowest
        lowest = min(lowest, rows[p, 0])


@numba.njit(cache=True, nogil=True)
def reduce_node(rows, tags, points, levels, height, node):  # type: ignore[no-untyped-def]
    """Reduces a node, `height` levels above the leaves, to its front; how many points that has.

    `rows` [2, point, objective but the first] and `tags` [2, point], twice the point's number, begin with so many
    `points`, different and in lexicographic order, in their first buffer. The front then stands where the node begins,
    in buffer `height` modulo 2, in order of the second objective.
    """
    if rows.shape[2] == 2:
        return _reduce_pairs(rows, tags, points, levels, height, node, True)
    first, last = _begin(points, levels - height, node), _begin(points, levels - height, node + 1)
    pairs, notes, kept = _scratch(last - first)
    waiting = np.zeros(height + 1, np.int64)
    for leaf in range(node << height, (node + 1) << height):
        begin = _begin(points, levels, leaf)
        count = _reduce_leaf(rows[0], tags[0], begin, _begin(points, levels, leaf + 1), True)
        place, level = leaf, 0
        while level < height and place & 1:
            left = _begin(points, levels - level, place - 1)
            right = _begin(points, levels - level, place)
            count = _join_triples(rows, tags, level & 1, left, waiting[level], right, count, pairs, notes, kept)
            place >>= 1
            level += 1
        waiting[level] = count
    return waiting[height]


@numba.njit(cache=True, nogil=True)
def join_halves(rows, tags, points, levels, height, node, left_count, right_count):  # type: ignore[no-untyped-def]
    """Joins the fronts of the two halves of a node into its own; how many points that has."""
    left = _begin(points, levels - height + 1, 2 * node)
    right = _begin(points, levels - height + 1, 2 * node + 1)
    old = (height - 1) & 1
    if rows.shape[2] == 2:
        return _join_pairs(rows, tags, old, left, left_count, right, right_count, True)
    pairs, notes, kept = _scratch(left_count + right_count)
    return _join_triples(rows, tags, old, left, left_count, right, right_count, pairs, notes, kept)


@_inner
def _begin(points, height, node):  # type: ignore[no-untyped-def]
    """The first point of a node, of 2^height that share the points."""
    return (points * node) >> height


@_inner
def _scratch(size):  # type: ignore[no-untyped-def]
    """What one join of triples works in: pairs, their tags, and who was kept."""
    return np.empty((2, size, 2), np.float64), np.empty((2, size), np.int32), np.empty(size, np.bool_)


@_inner
def _reduce_leaf(rows, tags, first, last, every):  # type: ignore[no-untyped-def]
    """Puts rows that no earlier one is nowhere above in order of their first column; how many are left.

    If `every`, all rows remove later ones and may be removed. Otherwise those with an odd tag may be, by the others.
    """
    end = first
    columns = rows.shape[1]
    for p in range(first, last):
        tag, head = tags[p], rows[p, 0]
        place, above = first, False
        while place < end and rows[place, 0] <= head and not above:
            if every or (tag & 1 and not tags[place] & 1):
                above = True
                for k in range(1, columns):
                    above &= rows[place, k] <= rows[p, k]
            place += 1
        if above:
            continue
        values = (head, rows[p, 1], rows[p, columns - 1])
        for q in range(end, place, -1):
            tags[q] = tags[q - 1]
            for k in range(columns):
                rows[q, k] = rows[q - 1, k]
        tags[place] = tag
        for k in range(columns):
            rows[place, k] = values[k]
        end += 1
    return end - first


@_inner
def _reduce_pairs(pairs, tags, points, levels, height, node, every):  # type: ignore[no-untyped-def]
    """`reduce_node` of the first `points` rows of two columns; `every` as for a leaf."""
    waiting = np.zeros(height + 1, np.int64)
    for leaf in range(node << height, (node + 1) << height):
        first, last = _begin(points, levels, leaf), _begin(points, levels, leaf + 1)
        count = _reduce_leaf(pairs[0], tags[0], first, last, every)
        place, level = leaf, 0
        while level < height and place & 1:
            left, right = _begin(points, levels - level, place - 1), _begin(points, levels - level, place)
            count = _join_pairs(pairs, tags, level & 1, left, waiting[level], right, count, every)
            place >>= 1
            level += 1
        waiting[level] = count
    return waiting[height]


@_inner
def _join_pairs(pairs, tags, old, left, left_count, right, right_count, every):  # type: ignore[no-untyped-def]
    """Merges two halves by the first column; the later one loses what is not below the lowest second so far."""
    rows, marks, to, notes = pairs[old], tags[old], pairs[1 - old], tags[1 - old]
    i, j, place, lowest = left, right, left, np.inf
    left_end, right_end = left + left_count, right + right_count
    while i < left_end and j < right_end:
        early = rows[i, 0] <= rows[j, 0]
        p = i if early else j
        value, tag = rows[p, 1], marks[p]
        to[place, 0], to[place, 1], notes[place] = rows[p, 0], value, tag
        below, late = value < lowest, tag & 1 == 1
        place += early | below | (not (late | every))
        lowest = value if below & early & (every | (not late)) else lowest
        i += early
        j += not early
    for p in range(i, left_end):
        to[place, 0], to[place, 1], notes[place] = rows[p, 0], rows[p, 1], marks[p]
        place += 1
    for p in range(j, right_end):
        to[place, 0], to[place, 1], notes[place] = rows[p, 0], rows[p, 1], marks[p]
        place += not (every or marks[p] & 1) or rows[p, 1] < lowest
    return place - left


@_inner
def _join_triples(rows, tags, old, left, left_count, right, right_count, pairs, notes, kept):  # type: ignore[no-untyped-def]
    """Merges two halves by the first column; the later one loses what pairs of the others of the earlier one remove."""
    was, marks, to, left_marks = rows[old], tags[old], rows[1 - old], tags[1 - old]
    i, j, size = left, right, left_count + right_count
    left_end, right_end = left + left_count, right + right_count
    for place in range(size):
        early = i < left_end and (j == right_end or was[i, 0] <= was[j, 0])
        p = i if early else j
        to[left + place, 0], to[left + place, 1], to[left + place, 2] = was[p, 0], was[p, 1], was[p, 2]
        left_marks[left + place] = marks[p]
        pairs[0, place, 0], pairs[0, place, 1] = was[p, 1], was[p, 2]
        notes[0, place] = 2 * place + (not early)
        kept[place] = False
        i += early
        j += not early
    levels = 0
    while size >> levels > LEAF:
        levels += 1
    count = _reduce_pairs(pairs, notes, size, levels, levels, 0, False)
    for p in range(count):
        kept[notes[levels & 1, p] >> 1] = True
    place = left
    for p in range(left, left + size):
        if kept[p - left]:
            to[place, 0], to[place, 1], to[place, 2] = to[p, 0], to[p, 1], to[p, 2]
            left_marks[place] = left_marks[p]
            place += 1
    return place - left
