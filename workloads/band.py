"""Counting chunks of two ranks that a band mask leaves visible, in closed form.

The rows are cut into chunks of `row_chunk`, the columns into chunks of `column_chunk`, the last of each ragged. A
pair of chunks is visited if some point (row, column) of it has `low <= column - row <= high`. For a chunk of rows
the visible columns are an interval, so the number of visited column chunks is a difference of two floors; summed
over the row chunks this is a lattice-point count (`floor_sum`), with the ends clamped where the band leaves the
rectangle.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cascade import Band
from .whole import Whole, ceil_div, choose, floor_sum, least, most


@dataclass(frozen=True)
class PairClass:
    """`count` visited pairs of chunks that hold `rows` × `columns` elements each."""

    count: Whole
    rows: Whole
    columns: Whole


def visited_pairs(
    band: Band, rows: Whole, row_chunk: Whole, columns: Whole, column_chunk: Whole
) -> tuple[PairClass, ...]:
    """The visited pairs of chunks, by whether the row chunk and the column chunk are whole or ragged.

    Four queries and four keys, causal, in chunks of two: the pair above the diagonal is not visited.

    >>> [(c.count, c.rows, c.columns) for c in visited_pairs(Band("p", "m", None, 0), 4, 2, 4, 2) if c.count]
    [(3, 2, 2)]
    """
    reach = rows + columns
    low = -reach if band.low is None else most(least(band.low, reach), -reach)
    high = reach if band.high is None else most(least(band.high, reach), -reach)
    whole_rows, ragged_rows = rows // row_chunk, rows % row_chunk
    ragged_columns = columns % column_chunk
    exists = low <= high
    result = []
    for first, count, height in ((0, whole_rows, row_chunk), (whole_rows * row_chunk, 1, ragged_rows)):
        total, last = _column_chunks(first, count, height, columns, column_chunk, low, high)
        keep = exists & (height > 0)
        total, last = choose(keep, total, 0), choose(keep & (ragged_columns > 0), last, 0)
        result.append(PairClass(total - last, height, column_chunk))
        result.append(PairClass(last, height, ragged_columns))
    return tuple(result)


def _column_chunks(
    first: Whole, count: Whole, height: Whole, columns: Whole, chunk: Whole, low: Whole, high: Whole
) -> tuple[Whole, Whole]:
    """Visits of `count` row chunks of one height from row `first` on: to all column chunks, and to the last."""
    height = most(height, 1)
    start, end = first + low, first + height - 1 + high  # the visible columns of the first row chunk
    top = columns - 1
    # Row chunk i sees columns start + i·height … end + i·height; keep those i that meet 0 … top.
    begin = most(ceil_div(-end, height), 0)
    stop = least((top - start) // height + 1, count)  # one beyond the last
    stop = most(stop, begin)
    # ⌊min(end + i·height, top) / chunk⌋, summed
    inside = most(least((top - end) // height + 1, stop), begin)
    upper = floor_sum(inside - begin, chunk, height, most(end + begin * height, 0))
    upper = upper + (stop - inside) * (top // chunk)
    # ⌊max(start + i·height, 0) / chunk⌋, summed
    positive = most(least(most(ceil_div(-start, height), begin), stop), begin)
    lower = floor_sum(stop - positive, chunk, height, most(start + positive * height, 0))
    total = upper - lower + (stop - begin)
    reaches_last = most(ceil_div(top // chunk * chunk - end, height), begin)
    return total, most(stop - reaches_last, 0)


def visited(band: Band, rows: Whole, row_chunk: Whole, columns: Whole, column_chunk: Whole) -> Whole:
    """How many pairs of chunks are visited in all.

    >>> visited(Band("p", "m", -1, 0), 4, 1, 4, 1)
    7
    """
    return sum(c.count for c in visited_pairs(band, rows, row_chunk, columns, column_chunk))
