"""Which rows are kept: the laws of fronts and of the best, by brute force and whatever the parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sim.explore.runs.keep import Keep
from sim.explore.runs.work import Tally, tally
from tests.explore.made_up import OBJECTIVES

FEW = st.sampled_from([0.0, 0.5, 1.0, 2.0, None])
ROWS = st.lists(st.tuples(FEW, FEW, FEW, st.booleans()), min_size=1, max_size=40)
RULES = st.sampled_from([Keep("front", OBJECTIVES), Keep("front", OBJECTIVES[:2]), Keep("top", OBJECTIVES, 3)])


def table(rows: list[tuple[float | None, float | None, float | None, bool]]) -> pa.Table:
    columns = {name: pa.array([row[i] for row in rows], pa.float64()) for i, name in enumerate(OBJECTIVES)}
    feasible = [row[3] for row in rows]
    reason = pa.array([None if each else "no room" for each in feasible], pa.string()).dictionary_encode()
    return pa.table({"point": range(len(rows)), **columns, "feasible": feasible, "reason": reason})


def dominated(values: tuple[float, ...], others: list[tuple[float, ...]]) -> bool:
    return any(all(a <= b for a, b in zip(o, values, strict=True)) and o != values for o in others)


@given(ROWS, st.integers(1, 3))
def test_the_front_is_what_nothing_dominates(rows: list, count: int) -> None:
    full = [(point, row[:count]) for point, row in enumerate(rows) if row[3] and None not in row[:count]]
    expected = [point for point, values in full if not dominated(values, [other for _, other in full])]
    assert Keep("front", OBJECTIVES[:count]).of(table(rows))["point"].to_pylist() == expected


@given(ROWS, st.integers(1, 5))
def test_the_best_are_the_least_of_the_first_objective_and_the_first_of_equals(rows: list, count: int) -> None:
    known = sorted((row[0], point) for point, row in enumerate(rows) if row[3] and row[0] is not None)
    found = Keep("top", OBJECTIVES, count).of(table(rows))["point"].to_pylist()
    assert found == sorted(point for _, point in known[:count])


@given(ROWS, RULES, st.lists(st.integers(0, 40), max_size=3))
def test_what_is_kept_of_parts_is_kept_of_the_whole(rows: list, keep: Keep, cuts: list[int]) -> None:
    whole = table(rows)
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [keep.of(whole.slice(a, b - a)) for a, b in pairwise(edges)]
    assert keep.merged(reversed(parts)).to_pylist() == keep.of(whole).to_pylist()


@given(ROWS, RULES, st.integers(0, 40), st.booleans())
def test_rows_by_two_models_are_kept_as_if_apart(rows: list, keep: Keep, first: int, merge: bool) -> None:
    models = pa.array(["analytic" if i < first else "cycle" for i in range(len(rows))]).dictionary_encode()
    whole = table(rows).append_column("model", models)
    apart = [row for part in (whole.slice(0, first), whole.slice(first)) for row in keep.of(part).to_pylist()]
    assert (keep.merged([whole]) if merge else keep.of(whole)).to_pylist() == apart


@given(ROWS, st.integers(0, 40))
def test_tallies_add_up(rows: list, cut: int) -> None:
    whole = table(rows)
    one, other = whole.slice(0, cut), whole.slice(cut)
    added = tally(one, one.num_rows, OBJECTIVES) + tally(other, other.num_rows, OBJECTIVES)
    direct = tally(whole, whole.num_rows, OBJECTIVES)
    assert (added.points, added.rows, added.feasible, added.least) == (
        direct.points, direct.rows, direct.feasible, direct.least,
    )  # fmt: skip
    assert added.why == direct.why


def test_fronts_of_many_parts_are_put_together_a_few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr("sim.explore.runs.keep.GATHERED", 10)
    values = np.random.default_rng(0).random((200, 3)).round(1)
    whole = table([(float(a), float(b), float(c), True) for a, b, c in values])
    keep = Keep("front", OBJECTIVES)
    parts = [keep.of(whole.slice(a, 8)) for a in range(0, 200, 8)]
    assert keep.merged(parts).to_pylist() == keep.of(whole).to_pylist()


def test_a_tally_by_hand() -> None:
    rows = table([(2.0, 1.0, None, True), (1.0, 9.0, 3.0, False), (1.5, 9.0, None, True)])
    assert tally(rows, 3, OBJECTIVES) == Tally(3, 3, 2, {"latency_s": 1.5, "energy_j": 1.0})
    assert tally(rows.slice(1, 1), 1, OBJECTIVES) == Tally(1, 1, 0, {}, {"no room": 1})
    assert tally(rows.slice(1, 1), 1, OBJECTIVES).why == "no room"
