"""Kendall's τ in n log n steps, held against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.explore.fronts.ranks import kendall_tau

values = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=40)


def by_definition(one: np.ndarray, other: np.ndarray) -> float:
    """Every pair, one by one: n² steps."""
    signs = [np.sign(each[:, None] - each[None, :])[np.triu_indices(len(each), 1)] for each in (one, other)]
    apart = [int(np.abs(each).sum()) for each in signs]
    return float(np.sum(signs[0] * signs[1])) / math.sqrt(apart[0] * apart[1]) if all(apart) else math.nan


@given(values)
def test_it_is_the_definition(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs, dtype=float).T
    assert kendall_tau(one, other) == pytest.approx(by_definition(one, other), nan_ok=True)


@given(values)
def test_sides_signs_and_scales(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs, dtype=float).T
    tau = kendall_tau(one, other)
    assert kendall_tau(other, one) == pytest.approx(tau, nan_ok=True)
    assert kendall_tau(one, -other) == pytest.approx(-tau, nan_ok=True)
    assert kendall_tau(np.exp(one), 3 * other + 1) == pytest.approx(tau, nan_ok=True)


def test_by_hand() -> None:
    assert kendall_tau([1, 2, 3], [10, 20, 30]) == 1
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / math.sqrt(2 * 3))  # one pair is tied on one side
    assert math.isnan(kendall_tau([1, 1], [1, 2]))


def test_a_hundred_thousand_points() -> None:
    order = np.random.default_rng(1).permutation(100_000)
    assert abs(kendall_tau(np.arange(100_000), order)) < 0.01
    assert kendall_tau(order, order) == 1


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        kendall_tau([1, 2], [1, 2, 3])
