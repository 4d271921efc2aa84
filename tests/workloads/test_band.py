"""Closed forms for what a mask leaves visible, and for points and operations, equal to counting one by one."""

from __future__ import annotations

from collections import Counter
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workloads.attention import Shape, shapes
from workloads import CASCADES, Band, cascade, live_between_passes, operations, points, visited, visited_pairs
from workloads.oracle import make_grid
from workloads.whole import floor_sum, round_down, round_up

near = st.integers(-25, 25)
far = st.sampled_from([-(2**61), -(10**6), 10**6, 2**61])
bounds = st.none() | near | far
sizes = st.integers(1, 20)
chunks = st.integers(1, 30)  # a chunk may be larger than the size


def brute_force(band: Band, rows: int, row_chunk: int, columns: int, column_chunk: int) -> Counter[tuple[int, int]]:
    """Visited pairs of chunks by their height and width."""
    found: Counter[tuple[int, int]] = Counter()
    for row in range(0, rows, row_chunk):
        height = min(row_chunk, rows - row)
        for column in range(0, columns, column_chunk):
            width = min(column_chunk, columns - column)
            found[height, width] += any(
                (band.low is None or c - r >= band.low) and (band.high is None or c - r <= band.high)
                for r in range(row, row + height)
                for c in range(column, column + width)
            )
    return +found


@settings(max_examples=500)
@given(bounds, bounds, sizes, chunks, sizes, chunks)
def test_visited_pairs_equal_counting(low, high, rows, row_chunk, columns, column_chunk):
    band = Band("p", "m", low, high)
    found: Counter[tuple[int, int]] = Counter()
    for each in visited_pairs(band, rows, row_chunk, columns, column_chunk):
        assert each.count >= 0
        found[each.rows, each.columns] += each.count
    expected = brute_force(band, rows, row_chunk, columns, column_chunk)
    # A chunk larger than the size is a ragged one, and the only one.
    assert +found == expected
    assert visited(band, rows, row_chunk, columns, column_chunk) == expected.total()


@settings(max_examples=60)
@given(st.lists(st.tuples(near | far, near | far, sizes, chunks, sizes, chunks), min_size=2, max_size=20))
def test_arrays_of_design_points_equal_one_at_a_time(cases):
    low, high, rows, row_chunk, columns, column_chunk = (np.array(column) for column in zip(*cases, strict=True))
    classes = visited_pairs(Band("p", "m", low, high), rows, row_chunk, columns, column_chunk)
    for k, (one_low, one_high, *rest) in enumerate(cases):
        single = visited_pairs(Band("p", "m", one_low, one_high), *rest)
        assert [int(np.broadcast_to(c.count, len(cases))[k]) for c in classes] == [c.count for c in single]


@given(near | far, st.lists(sizes, min_size=2, max_size=9), chunks)
def test_some_parameters_may_be_arrays_and_others_not(high, rows, chunk):
    band = Band("p", "m", None, high)
    found = visited(band, np.array(rows), chunk, 13, 4)
    assert list(np.broadcast_to(found, len(rows))) == [visited(band, r, chunk, 13, 4) for r in rows]


def test_python_integers_do_not_overflow():
    """The triangle of 2^40 keys by as many queries."""
    n = 2**40
    assert visited(Band("p", "m", None, 0), n, 1, n, 1) == n * (n + 1) // 2
    assert visited(Band("p", "m", None, 0), n, 2**10, n, 2**10) == 2**30 * (2**30 + 1) // 2
    assert visited(Band("p", "m", 3, 2), n, 1, n, 1) == 0


@settings(max_examples=300)
@given(st.integers(-3, 60), st.integers(1, 50), st.integers(0, 60), st.integers(0, 200))
def test_floor_sum_is_the_sum(n, divisor, slope, start):
    expected = sum((slope * i + start) // divisor for i in range(n))
    assert floor_sum(n, divisor, slope, start) == expected
    ones = np.ones(2, dtype=np.int64)
    assert list(floor_sum(n * ones, divisor * ones, slope, start)) == [expected, expected]


@given(st.integers(-(2**80), 2**80), st.fractions(), st.floats(-1e15, 1e15))
def test_rounding_to_whole_numbers(whole, fraction, number):
    assert round_down(whole) == round_up(whole) == whole
    for value in (fraction, number):
        assert round_down(value) <= value <= round_up(value)
        assert round_up(value) - round_down(value) == (value != int(value))
    assert list(round_down(np.array([1.5, -1.5]))) == [1, -2]


def enumerate_points(name: str, shape: Shape) -> dict[str, int]:
    """Points of every Einsum's iteration space: one by one, tiles that do not exist or see nothing left out."""
    c = cascade(name)
    grid = make_grid(c, shape.sizes(), {"m0": shape.m0, "m2": shape.m2})
    group = c.parts["m"]
    visible = shape.visible()
    found = {}
    for einsum in c.einsums:
        keys = [part for part in group if part in einsum.ranks]
        rest = prod(grid.extents[r] for r in einsum.ranks if r not in (*keys, "p"))
        has_queries = "p" in einsum.ranks
        total = 0
        for p in range(shape.queries if has_queries else 1):
            if not keys:
                total += 1
            elif keys[0] != group[0]:
                total += prod(grid.extents[part] for part in keys)
            else:
                chunk = grid.chunk(keys[-1])
                starts = range(0, shape.keys, chunk)
                if has_queries:
                    total += sum(bool(visible[p, start : start + chunk].any()) for start in starts)
                else:
                    total += len(starts)
        found[einsum.name] = int(total) * rest
    return found


@pytest.mark.parametrize("name", [n for n in CASCADES.names() if n.startswith("attention")])
@settings(max_examples=60)
@given(shape=shapes())
def test_points_and_operations_equal_counting(name, shape):
    c = cascade(name)
    extents = {"m0": shape.m0, "m2": shape.m2}
    band = c.band(shape.sizes(), {"causal": shape.causal, "window": shape.window})
    expected = enumerate_points(name, shape)
    found = operations(c, shape.sizes(), extents, band)
    for einsum in c.einsums:
        n = expected[einsum.name]
        assert points(c, einsum.ranks, shape.sizes(), extents, band) == n
        assert found[einsum.name] == {kind: k * n for kind, k in einsum.operations.items()}


def test_operations_of_a_small_attention_by_hand():
    """2 queries, 4 keys, width 3, values of 5, one head: QK is 2·4·3 mac, AV 2·4·5 mac, and so on."""
    c = cascade("attention-3pass")
    shape = Shape(queries=2, keys=4, head_dim=3, value_dim=5)
    assert operations(c, shape.sizes(), {}) == {
        "QK": {"mac": 24},
        "GM": {"max": 8},
        "SN": {"add": 8, "exp": 8},
        "SD": {"add": 8},
        "A": {"divide": 8},
        "AV": {"mac": 40},
    }


def test_the_band_of_a_mask_follows_the_settings():
    c = cascade("attention-1pass")
    sizes_of = {"m": 6, "p": 4}
    assert c.band(sizes_of, {}) is None
    assert c.band(sizes_of, {"causal": False, "window": None}) is None
    assert c.band(sizes_of, {"causal": True}) == Band("p", "m", None, 2)
    assert c.band(sizes_of, {"window": 3}) == Band("p", "m", 0, None)
    assert c.band({"m": 4, "p": 6}, {"causal": True, "window": 3}) == Band("p", "m", -4, -2)
    arrays = c.band({"m": np.array([6, 4]), "p": np.array([4, 6])}, {"causal": True, "window": 3})
    assert arrays is not None
    assert (arrays.low.tolist(), arrays.high.tolist()) == ([0, -4], [2, -2])


def test_what_stays_live_between_passes():
    """Three passes keep the scores twice and the statistics once; one pass keeps its running state."""
    sizes_of = {"m": 8, "p": 2, "e": 3, "f": 5}
    three = live_between_passes(cascade("attention-3pass"), "m", sizes_of, {})
    assert [(t.tensor, t.made_in_pass, t.last_used_in_pass, t.words, t.grows_with_rank) for t in three] == [
        ("QK", 1, 2, 16, True),
        ("SN", 2, 3, 16, True),
        ("GM", 1, 2, 2, False),
        ("SD", 2, 3, 2, False),
    ]
    one = live_between_passes(cascade("attention-1pass"), "m", sizes_of, {"m0": 4})
    assert [(t.tensor, t.words, t.grows_with_rank) for t in one] == [
        ("RM", 2, False),
        ("RD", 2, False),
        ("RNV", 10, False),
    ]
