"""Boxes partition the grid, in order, and none is larger than a chunk."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.explore.grid import Grid

SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple)


@given(SIZES, st.integers(1, 200))
def test_boxes_hold_every_point_once_and_in_order(sizes: tuple[int, ...], chunk: int) -> None:
    grid = Grid(sizes, chunk)
    places = [place for box in grid.boxes() for place in box.places()]
    assert places == [grid.place(point) for point in range(math.prod(sizes))]
    assert all(1 <= box.points <= chunk for box in grid.boxes())
    ends = list(itertools.accumulate((box.points for box in grid.boxes()), initial=0))
    assert [box.first for box in grid.boxes()] == ends[:-1]


def test_a_grid_of_a_trillion_points_is_cut_without_listing_it() -> None:
    grid = Grid((1, 1, 10**6, 10**6))
    assert (grid.points, grid.chunks) == (10**12, 8 * 10**6)
    last = grid.box(grid.chunks - 1)
    assert last.first + last.points == grid.points
    with pytest.raises(IndexError):
        grid.box(grid.chunks)
