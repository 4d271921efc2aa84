"""The laws between rows: through the rows exactly, monotone, and the same on numbers and arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch.laws import address_bits, coverage, nearest_row, power_law, straight_lines

LAWS = (power_law, straight_lines)
positive = st.floats(1e-3, 1e9)


@st.composite
def ascending_rows(draw):
    exponents = st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True)
    xs = sorted(1 << exponent for exponent in draw(exponents))
    ys = sorted(draw(st.lists(st.floats(0.1, 1e4), min_size=len(xs), max_size=len(xs))))
    return xs, ys


@pytest.mark.parametrize("law", LAWS)
@given(rows=ascending_rows())
def test_a_law_passes_through_its_rows_exactly(law, rows):
    xs, ys = rows
    assert [law(x, xs, ys) for x in xs] == ys
    assert list(law(np.array(xs), xs, ys)) == ys


@pytest.mark.parametrize("law", LAWS)
@given(rows=ascending_rows(), points=st.lists(positive, min_size=1, max_size=20))
def test_an_array_holds_the_values_of_its_numbers(law, rows, points):
    together = law(np.array(points), *rows)
    assert list(together) == pytest.approx([law(point, *rows) for point in points], rel=1e-13)


@pytest.mark.parametrize("law", LAWS)
@given(rows=ascending_rows(), points=st.lists(positive, min_size=2, max_size=20))
def test_rows_that_do_not_fall_give_a_law_that_does_not_fall(law, rows, points):
    values = law(np.array(sorted(points)), *rows)
    tolerance = 1e-9 * np.abs(values[:-1])
    assert (np.diff(values) >= -tolerance - 1e-9).all()


@given(scale=st.floats(1.01, 100), exponent=st.floats(0.1, 2), point=positive)
def test_two_rows_of_a_power_law_give_it_everywhere(scale, exponent, point):
    rows = [1.0, scale], [3.0, 3.0 * scale**exponent]
    assert power_law(point, *rows) == pytest.approx(3.0 * point**exponent, rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_one_row_is_a_constant(law):
    assert [law(x, [7], [2.5]) for x in (1, 7, 100)] == [2.5, 2.5, 2.5]


@given(st.integers(1, 1 << 40))
def test_address_bits_are_those_that_count_the_words(depth):
    assert address_bits(depth) == (depth - 1).bit_length()


def test_the_nearest_row_is_nearest_in_ratio():
    assert list(nearest_row(np.array([1, 22, 23, 90, 91, 1000]), [16, 32, 64, 128])) == [0, 0, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (4, (True, False, False)),
        (5, (False, True, False)),
        (1, (False, False, True)),
        ([4, 5, 99], (True,) * 3),
    ],
)
def test_coverage_tells_rows_from_between_and_beyond(points, expected):
    assert coverage(points, [4, 8]) == expected
