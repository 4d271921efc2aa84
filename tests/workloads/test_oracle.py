"""Every cascade of the library computes what its name says, on any shape, tile and mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.workloads.attention import CASCADES, Shape, by_cascade, direct, draw_inputs, shapes
from tests.workloads.writing import check
from workloads import cascade
from workloads.oracle import evaluate, make_grid

seeds = st.integers(0, 2**32 - 1)
MANY_QUERIES = Shape(queries=9, keys=5, m0=2, causal=True)  # the first four queries see no key
WINDOWED = Shape(queries=5, keys=17, m0=4, causal=True, window=3)  # whole tiles before the window
FEW_KEYS = Shape(queries=2, keys=3, m0=2, m2=4, causal=True)  # most splits have no key


@pytest.mark.parametrize("name", CASCADES)
@settings(max_examples=120)
@example(shape=MANY_QUERIES, seed=1, largest=50.0)
@example(shape=WINDOWED, seed=1, largest=50.0)
@example(shape=FEW_KEYS, seed=1, largest=50.0)
@given(shape=shapes(), seed=seeds, largest=st.floats(0.01, 50))
def test_a_cascade_is_softmax_attention(name, shape, seed, largest):
    inputs = draw_inputs(shape, seed, largest)
    expected = direct(shape, inputs)
    found = by_cascade(name, shape, inputs)["AV"]
    assert found.shape == expected.shape
    error = np.linalg.norm(found - expected)
    assert error <= 1e-12 * np.linalg.norm(expected)
    assert (found[..., ~shape.visible().any(axis=1)] == 0).all()


@pytest.mark.parametrize("name", CASCADES)
@settings(max_examples=40)
@example(shape=MANY_QUERIES, seed=1)
@example(shape=WINDOWED, seed=1)
@given(shape=shapes(), seed=seeds)
def test_scores_of_ten_thousand_stay_finite(name, shape, seed):
    tensors = by_cascade(name, shape, draw_inputs(shape, seed, 1e4))
    assert np.isfinite(tensors["AV"]).all()
    assert not any(np.isnan(value).any() for value in tensors.values())


@pytest.mark.parametrize("name", CASCADES)
def test_scores_of_minus_and_plus_ten_thousand_pick_the_largest(name):
    shape = Shape(keys=5, head_dim=1, value_dim=1, m0=2)
    scores = np.array([-1e4, 1e4, -1e4, 9e3, 1e4])
    inputs = {"Q": np.ones((1, 1, 1, 1, 1)), "K": scores.reshape(1, 1, 1, 5), "V": np.arange(5.0).reshape(1, 1, 1, 5)}
    assert by_cascade(name, shape, inputs)["AV"].item() == (1 + 4) / 2


@pytest.mark.parametrize("name", CASCADES)
def test_a_query_without_keys_gives_zero_even_beside_extreme_scores(name):
    inputs = draw_inputs(MANY_QUERIES, 3, 1e4)
    tensors = by_cascade(name, MANY_QUERIES, inputs)
    assert (tensors["AV"][..., :4] == 0).all()
    assert (tensors["AV"][..., 4:] != 0).any()


@given(st.integers(1, 6), st.integers(1, 12), seeds, st.floats(0, 1e4))
def test_softmax(m, n, seed, scale):
    x = np.random.default_rng(seed).uniform(-scale, scale, (m, n))
    c = cascade("softmax")
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    found = evaluate(c, {"X": x}, make_grid(c, {"m": m, "n": n}))["Y"]
    np.testing.assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), rtol=1e-13, atol=1e-300)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), seeds)
def test_gemm_and_gemv(m, n, k, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    gemm, gemv = cascade("gemm"), cascade("gemv")
    product = evaluate(gemm, {"A": a, "B": b}, make_grid(gemm, {"m": m, "n": n, "k": k}))["C"]
    np.testing.assert_allclose(product, a @ b, rtol=1e-12, atol=1e-12)
    column = evaluate(gemv, {"W": a, "x": b[:, 0]}, make_grid(gemv, {"m": m, "n": k}))["y"]
    np.testing.assert_allclose(column, a @ b[:, 0], rtol=1e-12, atol=1e-12)


@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 5), seeds)
def test_a_state_keeps_its_value_beyond_a_ragged_end(m, m0, p, seed):
    """A running maximum per lane: lanes past the end must not see the padding, whose scores are 0."""
    lanes = check(
        """
        cascade: lane-maximum
        ranks: {m: M, p: P}
        partition: {m: [m1, m0]}
        inputs: [X]
        einsums:
          - RM[0,m0,p] = -inf
          - RM[m1+1,m0,p] = max(RM[m1,m0,p], X[m1,m0,p])
          - Y[p] = max{m0} RM[M1,m0,p]
        output: Y
        """
    )
    x = -np.random.default_rng(seed).uniform(1, 2, (m, p))
    found = evaluate(lanes, {"X": x}, make_grid(lanes, {"m": m, "p": p}, {"m0": m0}))["Y"]
    np.testing.assert_array_equal(found, x.max(axis=0))


def test_two_states_that_need_each_other():
    """Fibonacci numbers: both states are read before one of them is defined."""
    fibonacci = check(
        """
        cascade: fibonacci
        ranks: {m: M, p: P}
        inputs: [X]
        einsums:
          - A[0,p] = 0
          - B[0,p] = 1
          - A[m+1,p] = B[m,p] * X[m,p]
          - B[m+1,p] = A[m,p] + B[m,p]
          - Y[p] = A[M,p] + B[M,p]
        output: Y
        """
    )
    found = evaluate(fibonacci, {"X": np.ones((10, 1))}, make_grid(fibonacci, {"m": 10, "p": 1}))
    assert (found["A"].item(), found["B"].item(), found["Y"].item()) == (55, 89, 144)


def test_values_at_an_index_and_at_the_next():
    """Y[m] reads a prefix sum before and after each step: their difference is the input again."""
    prefix = check(
        """
        cascade: prefix
        ranks: {m: M}
        inputs: [X]
        einsums:
          - S[0] = 0
          - S[m+1] = S[m] + X[m]
          - Y[m] = S[m+1] - S[m]
        output: Y
        """
    )
    x = np.array([3.0, 1.0, 4.0])
    np.testing.assert_array_equal(evaluate(prefix, {"X": x}, make_grid(prefix, {"m": 3}))["Y"], x)


def test_the_oracle_refuses_other_inputs():
    c = cascade("gemm")
    grid = make_grid(c, {"m": 2, "n": 2, "k": 3})
    with pytest.raises(ValueError, match=r"^found inputs A, expected A, B$"):
        evaluate(c, {"A": np.ones((2, 3))}, grid)
    with pytest.raises(ValueError, match=r"^B\[k,n\] has shape \(2, 2\), expected \(3, 2\)$"):
        evaluate(c, {"A": np.ones((2, 3)), "B": np.ones((2, 2))}, grid)
