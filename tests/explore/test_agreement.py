"""Fronts of two models, and the regret of what one of them picks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.explore.fronts.agreement import Overlap, overlap, regret, shortlist

columns = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=30)


@given(columns)
def test_a_model_that_agrees_loses_nothing(rows: list[tuple[int, int, int]]) -> None:
    one, other, cost = np.array(rows, dtype=float).T
    found = regret(one, one, cost)
    assert (found.regret, found.least, found.most, found.pick) == (0, 0, 0, found.best)
    assert shortlist(one, one, cost)[0] == 0
    fronts = overlap(np.stack([one, other], 1), np.stack([one, other], 1))
    assert fronts.found == fronts.right == fronts.jaccard == 1


@given(columns)
def test_regret_lies_within_its_ties_and_ends_at_none(rows: list[tuple[int, int, int]]) -> None:
    cheap, true, cost = np.array(rows, dtype=float).T
    found = regret(cheap, true, cost)
    assert 0 <= found.least <= found.regret <= found.most
    assert cheap[found.pick] == cheap.min() and true[found.best] == true.min()
    assert cost[found.pick] == cost[cheap == cheap.min()].min()
    lost = shortlist(cheap, true, cost)
    assert lost[0] == pytest.approx(found.regret) and lost[-1] == 0 and np.all(np.diff(lost) <= 0)


def test_by_hand() -> None:
    found = regret([2.0, 2.0, 5.0], [30.0, 20.0, 10.0], [7, 9, 1])
    assert (found.pick, found.best, found.ties) == (0, 2, 2)
    assert (found.regret, found.least, found.most) == (2.0, 1.0, 2.0)
    assert overlap([[1, 9], [9, 1], [2, 2]], [[1, 9], [9, 1], [9, 9]]) == Overlap(3, 2, 2)
    assert Overlap(3, 2, 2).found == 1 and Overlap(3, 2, 2).right == pytest.approx(2 / 3)
    assert Overlap(3, 2, 2).jaccard == pytest.approx(2 / 3)


def test_nothing_to_pick_is_refused() -> None:
    with pytest.raises(ValueError, match="no point to pick"):
        regret([], [], [])
