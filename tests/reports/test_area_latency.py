"""The front of area and latency: no point on it is beaten, every point off it is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.area_latency import front
from reports.style import spread

POINTS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=30)


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a point is at most as large in both numbers and smaller in one."""
    return one != other and one[0] <= other[0] and one[1] <= other[1]


@given(POINTS)
def test_a_point_is_on_the_front_if_no_other_beats_it(points: list[tuple[float, float]]) -> None:
    assert front(points) == [not any(beats(other, point) for other in points) for point in points]


@given(POINTS, st.randoms())
def test_the_front_does_not_depend_on_the_order(points: list[tuple[float, float]], random: object) -> None:
    paired = dict(zip(points, front(points), strict=True))
    shuffled = sorted(points, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert dict(zip(shuffled, front(shuffled), strict=True)) == paired


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.1, 10))
def test_labels_keep_their_order_and_their_distance(values: list[float], least: float) -> None:
    places = spread(sorted(values), least)
    assert all(b - a >= least * (1 - 1e-9) for a, b in pairwise(places))
    assert sum(places) == pytest.approx(sum(values), rel=1e-9, abs=1e-9)


def test_labels_that_do_not_overlap_stay_where_they_are() -> None:
    assert spread([1.0, 2.0, 4.0], 1.0) == [1.0, 2.0, 4.0]
