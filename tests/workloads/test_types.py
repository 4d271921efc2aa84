"""The oracle in declared types: rounding by hand, and what narrow running state does to long sequences."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workloads.attention import Shape, by_cascade, direct, draw_inputs
from workloads import TYPES, cascade, check_pins, number_type, tensor_types
from workloads.oracle import evaluate, make_grid
from workloads.types import tensor_type


def denominator(keys: int, state: str) -> float:
    """The running denominator of flat scores, with tiles of 256 keys."""
    shape = Shape(keys=keys, head_dim=1, value_dim=1, m0=256)
    inputs = {name: np.ones(n).reshape(1, 1, *s) for name, n, s in (("K", keys, (1, -1)), ("V", keys, (1, -1)))}
    inputs["Q"] = np.zeros((1, 1, 1, 1, 1))
    types = tensor_types(cascade("attention-1pass"), {"RD": state})
    return float(by_cascade("attention-1pass", shape, inputs, types=types)["RD"].item())


def test_a_two_byte_denominator_stops_at_64ki_keys_of_equal_score():
    """Each tile adds 256. From 2^16 on, neighbouring bf16 values (8 significant bits) are 2^9 apart, so that adding
    256 lands half way, and ties go to the even neighbour, which is 2^16 itself.
    """
    assert denominator(65536 - 256, "bf16") == 65536 - 256
    assert denominator(65536, "bf16") == 65536
    assert denominator(65536 + 256, "bf16") == 65536
    assert denominator(2**20, "bf16") == 65536


def test_a_four_byte_denominator_counts_every_key():
    assert denominator(65536 + 256, "fp32") == 65536 + 256
    assert denominator(2**20, "fp32") == 2**20


def test_the_state_is_four_bytes_unless_told():
    types = tensor_types(cascade("attention-1pass"))
    assert {name: str(types[name]) for name in ("Q", "QK", "RM", "RD", "RNV", "AV")} == {
        "Q": "bf16 (accumulated in fp32)",
        "QK": "bf16 (accumulated in fp32)",
        "RM": "fp32 (accumulated in fp32)",
        "RD": "fp32 (accumulated in fp32)",
        "RNV": "fp32 (accumulated in fp32)",
        "AV": "bf16 (accumulated in fp32)",
    }


def test_the_first_pin_that_names_a_tensor_wins_and_a_star_names_all():
    c = cascade("attention-1pass")
    types = tensor_types(c, {"RD": "fp16"}, {"*": "int8", "RM": "bf16"}, {"RM": "fp64", "RNV": "fp64"})
    assert [types[name].storage.name for name in ("RD", "RM", "RNV", "Q")] == ["fp16", "bf16", "int8", "int8"]


def gemm(a: np.ndarray, b: np.ndarray, pins: dict) -> np.ndarray:
    c = cascade("gemm")
    grid = make_grid(c, {"m": a.shape[0], "n": b.shape[1], "k": a.shape[1]})
    return evaluate(c, {"A": a, "B": b}, grid, types=tensor_types(c, pins))["C"]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_int8_times_int8_in_int32_is_exact(m, n, k, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))
    found = gemm(a, b, {"*": "int8", "C": {"storage": "int32", "accumulation": "int32"}})
    np.testing.assert_array_equal(found, a @ b)


def test_an_int32_accumulator_saturates_instead_of_wrapping():
    big = np.full((1, 3), 2.0**30)
    pins = {"*": "int32"}
    assert gemm(big, np.ones((3, 1)), pins).item() == 2**31 - 1
    # It saturates at each step: 3 · 2^30 is cut to 2^31 - 1 before 2^30 is taken off again.
    row, column = np.array([[2.0**30] * 3 + [-(2.0**30)]]), np.ones((4, 1))
    assert gemm(row, column, pins).item() == 2**31 - 1 - 2**30


def test_one_product_in_bf16():
    """(1 + 2^-7)² = 1 + 2^-6 + 2^-14: the last term is an eighth of the last place's half, and is dropped."""
    x = np.array([[1 + 2.0**-7]])
    assert gemm(x, x, {"*": "bf16"}).item() == 1 + 2.0**-6
    # 1.5 · (1 + 2^-7) = 1.5 + 3 · 2^-8: half way, to the even of 1.5 + 2^-7 and 1.5 + 2^-6.
    assert gemm(np.array([[1.5]]), x, {"*": "bf16"}).item() == 1.5 + 2.0**-6
    # An input is rounded before it is used: 1 + 2^-9 is 1 in bf16.
    assert gemm(np.array([[1 + 2.0**-9]]), np.array([[3.0]]), {"*": "bf16"}).item() == 3.0


def test_a_bf16_accumulator_rounds_at_each_step():
    """256 + 1 is half way between 256 and 258 and goes back to 256, so ones added one by one are lost."""
    row, ones = np.array([[256.0, 1, 1, 1, 1]]), np.ones((5, 1))
    assert gemm(row, ones, {"*": {"storage": "bf16", "accumulation": "bf16"}}).item() == 256
    assert gemm(row, ones, {"*": {"storage": "bf16", "accumulation": "fp32"}}).item() == 260
    assert gemm(row[:, ::-1], ones, {"*": {"storage": "bf16", "accumulation": "bf16"}}).item() == 260


def test_an_fp32_accumulator_adds_one_term_after_the_other():
    """2^24 + 1 is half way to the next float32 and goes back, where a sum in pairs would keep the ones."""
    row, ones = np.array([[2.0**24] + [1.0] * 8]), np.ones((9, 1))
    assert gemm(row, ones, {"*": "fp32"}).item() == 2**24
    assert gemm(row, ones, {"*": "fp64"}).item() == 2**24 + 8


@pytest.mark.parametrize(
    ("name", "value", "rounded"),
    [
        ("fp8", 448.0, 448.0),
        ("fp8", 464.0, 448.0),
        ("fp8", 1e9, 448.0),
        ("fp8", -math.inf, -448.0),
        ("fp8", 2.0**-9, 2.0**-9),  # the smallest value above 0
        ("fp8", 2.0**-10, 0.0),  # half of it: to even
        ("fp8", 1.5 * 2.0**-10, 2.0**-9),
        ("fp8", 1 + 2.0**-4, 1.0),  # half of the last place: to even
        ("fp8", 1 + 2.0**-4 + 2.0**-40, 1.125),  # rounded once; by way of float32 it would be 1
        ("bf16", 1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-7),
        ("bf16", 1e39, math.inf),
        ("bf16", 2.0**-133, 2.0**-133),  # the smallest value above 0
        ("fp16", 65520.0, math.inf),
        ("fp16", 65519.0, 65504.0),
        ("fp32", 1 + 2.0**-24, 1.0),
        ("int8", 127.5, 127.0),
        ("int8", 2.5, 2.0),
        ("int8", -200.0, -128.0),
        ("int32", math.inf, 2.0**31 - 1),
    ],
)
def test_rounding_and_saturation(name, value, rounded):
    assert float(TYPES[name].rounded(value)) == rounded


@pytest.mark.parametrize(
    ("name", "value", "rounded"),
    [
        ("fix32.26", 1.0, 1.0),
        ("fix32.26", 2.0**-26, 2.0**-26),  # one unit
        ("fix32.26", 2.0**-27, 0.0),  # half of it: to even
        ("fix32.26", 3 * 2.0**-27, 2.0**-25),
        ("fix32.26", 33.0, 32 - 2.0**-26),  # 2^31 - 1 units
        ("fix32.26", -33.0, -32.0),
        ("fix32.16", 1 / 3, 21845 * 2.0**-16),
        ("fix8.7", math.inf, 127 / 128),
        ("fix64.26", 2.0**36 + 2.0**-17, 2.0**36 + 2.0**-17),  # 53 bits: all that float64 has
        ("fix64.26", 1e300, (2.0**63 - 2**10) * 2.0**-26),  # the greatest float64 below 2^63 units
        ("fix64.26", -1e308, -(2.0**37)),
    ],
)
def test_fixed_point_by_hand(name, value, rounded):
    assert float(number_type(name).rounded(value)) == rounded


@given(st.sampled_from([8, 16, 32, 64]), st.data(), st.floats(-(2.0**70), 2.0**70))
def test_fixed_point_is_an_integer_of_its_units(bits, data, value):
    """By Python's integers: `round` goes to even, and every float64 is a fraction."""
    fraction_bits = data.draw(st.integers(1, bits - 1))
    found = number_type(f"fix{bits}.{fraction_bits}")
    units = round(Fraction(value) * 2**fraction_bits)
    expected = min(max(units, -(1 << bits - 1)), (1 << bits - 1) - 1)
    held = Fraction(float(found.rounded(value))) * 2**fraction_bits
    assert held == expected or (bits == 64 and units > held > 2**63 - 2**11)
    assert (found.bits, found.numpy().itemsize, found.is_integer) == (bits, bits // 8, True)


def test_a_sum_of_fixed_point_numbers_is_in_their_units_and_saturates():
    row, ones = np.array([[0.5, 0.25, -0.125]]), np.ones((3, 1))
    assert gemm(row, ones, {"*": "fix16.8"}).item() == 0.625
    assert gemm(row, ones, {"*": "fix16.2"}).item() == 0.75  # -0.125 is half a unit, which goes to 0
    assert gemm(100 * row, ones, {"*": "fix16.8"}).item() == 62.5
    assert gemm(row, ones, {"*": {"storage": "fix16.8", "accumulation": "fix8.7"}}).item() == 0.625
    # It saturates at each step, before the last term is taken off again.
    assert gemm(2 * row, ones, {"*": {"storage": "fix16.8", "accumulation": "fix8.7"}}).item() == 127 / 128 - 0.25


@pytest.mark.parametrize(
    "name", ["fix32.0", "fix32.32", "fix24.8", "fix8.8", "fix8", "fix8.07", "fix", "int64", "fix64.64"]
)
def test_what_is_no_type_is_told(name):
    ((path, found, legal),) = check_pins({"A": name})
    assert (path, found) == (("A",), name) and "fix<8|16|32|64>.<1 to bits - 1>" in legal
    with pytest.raises(KeyError, match=f"unknown type '{name}'"):
        number_type(name)


def test_attention_in_the_types_of_the_generated_array_is_near_attention():
    """Scores are integers there; weights, sums and states keep 26 bits after the point, an output 16."""
    names = {"int8": "Q K V", "int32": "QK LM RM", "fix32.26": "SLN PRM", "fix32.16": "AV"}
    pins = {"*": "fix64.26"} | {tensor: kind for kind, tensors in names.items() for tensor in tensors.split()}
    shape = Shape(queries=6, keys=40, head_dim=8, value_dim=8, m0=8, causal=True)
    inputs = {name: np.clip(np.rint(value), -128, 127) for name, value in draw_inputs(shape, 11, 2.0).items()}
    found = by_cascade("attention-1pass", shape, inputs, types=tensor_types(cascade("attention-1pass"), pins))["AV"]
    np.testing.assert_allclose(found, direct(shape, inputs), atol=2.0**-16, rtol=0)


@pytest.mark.parametrize("name", TYPES)
def test_nan_stays_nan_and_rounding_twice_changes_nothing(name):
    number_type = TYPES[name]
    assert math.isnan(float(number_type.rounded(math.nan)))
    values = np.random.default_rng(5).normal(size=1000) * np.logspace(-45, 40, 1000)
    once = number_type.rounded(values)
    np.testing.assert_array_equal(number_type.rounded(once), once)
    assert number_type.bits == number_type.numpy().itemsize * 8


@given(st.floats(width=32, allow_nan=False))
def test_bf16_agrees_with_ml_dtypes_where_it_rounds_once(value):
    expected = float(np.float32(value).astype(ml_dtypes.bfloat16))
    assert float(TYPES["bf16"].rounded(value)) == expected


@given(st.floats(width=32, min_value=-448, max_value=448))
def test_fp8_agrees_with_ml_dtypes_within_its_range(value):
    expected = float(np.float32(value).astype(ml_dtypes.float8_e4m3fn))
    assert float(TYPES["fp8"].rounded(value)) == expected


@pytest.mark.parametrize("name", ["attention-3pass", "attention-2pass", "attention-1pass", "attention-1pass-decode"])
@pytest.mark.parametrize(("storage", "error"), [("fp32", 1e-5), ("fp16", 5e-3), ("bf16", 4e-2), ("fp8", 0.3)])
def test_attention_in_declared_types_is_near_attention(name, storage, error):
    shape = Shape(queries=6, keys=40, head_dim=8, value_dim=8, m0=8, causal=True, window=20)
    inputs = draw_inputs(shape, 11, 5.0)
    found = by_cascade(name, shape, inputs, types=tensor_types(cascade(name), {"*": storage}))["AV"]
    expected = direct(shape, inputs)
    assert 0 < np.linalg.norm(found - expected) <= error * np.linalg.norm(expected)


@pytest.mark.parametrize("storage", [*TYPES, "fix8.4", "fix32.26", "fix64.26"])
def test_a_query_without_keys_gives_zero_in_every_type(storage):
    """Also where the type has no infinity, so that the running maximum starts at its least value."""
    shape = Shape(queries=4, keys=2, m0=2, causal=True)
    inputs = draw_inputs(shape, 2, 3.0)
    for name in ("attention-3pass", "attention-2pass", "attention-1pass", "attention-1pass-decode"):
        types = tensor_types(cascade(name), {"*": storage})
        found = by_cascade(name, shape, inputs, types=types)["AV"]
        assert (found[..., :2] == 0).all(), name
        assert np.isfinite(found).all(), name


def test_fp64_types_change_nothing():
    shape = Shape(queries=4, keys=9, causal=True)
    inputs = draw_inputs(shape, 4, 10.0)
    types = tensor_types(cascade("attention-1pass"), {"*": "fp64"})
    found = by_cascade("attention-1pass", shape, inputs, types=types)["AV"]
    np.testing.assert_array_equal(found, by_cascade("attention-1pass", shape, inputs)["AV"])


def test_pins():
    assert str(tensor_type({"storage": "int8"})) == "int8 (accumulated in int32)"
    legal = "fp64, fp32, fp16, bf16, fp8, int32, int16, int8, fix<8|16|32|64>.<1 to bits - 1>"
    assert check_pins({"A": "fp9", "B": {"storage": "bf16", "accumulation": "f32"}, "C": "int8"}) == [
        (("A",), "fp9", legal),
        (("B", "accumulation"), "f32", legal),
    ]
