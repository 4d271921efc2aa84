"""FLOPs and bytes of a call of attention: closed forms against counting, and laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sim.gpu.point import BYTES, Point
from sim.gpu.run import seconds_of

from .gpu_cases import points, sees


def counted_pairs(point: Point) -> int:
    return sum(sees(point, query, key) for query in range(point.q_len) for key in range(point.kv_len))


@given(points())
def test_pairs_are_those_that_are_counted(point: Point) -> None:
    assert point.pairs == counted_pairs(point)


@given(points(longest=5))
def test_flops_are_those_of_both_products_term_by_term(point: Point) -> None:
    forward = replace(point, direction="fwd")
    values = point.value_dim or point.head_dim
    flops = 0
    for _ in range(point.batch * point.q_heads):
        for query in range(point.q_len):
            for key in range(point.kv_len):
                if sees(point, query, key):
                    flops += sum(2 for _ in range(point.head_dim)) + sum(2 for _ in range(values))
    assert forward.least_flops == flops
    assert replace(point, direction="fwd+bwd").least_flops == 3.5 * flops


@given(points())
def test_bytes_are_those_of_every_element_that_is_touched(point: Point) -> None:
    forward = replace(point, direction="fwd")
    width = point.head_dim + (point.value_dim or point.head_dim)
    seen = {key for query in range(point.q_len) for key in range(point.kv_len) if sees(point, query, key)}
    # of a group of query heads, keys and values are read once
    elements = point.batch * width * (point.q_len * point.q_heads + len(seen) * point.kv_heads)
    assert forward.least_bytes == BYTES[point.dtype] * elements
    assert replace(point, direction="fwd+bwd").least_bytes == 3 * forward.least_bytes


@given(points())
def test_the_published_convention_is_half_of_a_causal_square_and_exact_elsewhere(point: Point) -> None:
    half = point.causal and point.window is None and point.q_len == point.kv_len and point.phase == "prefill"
    full = replace(point, causal=False, window=None).least_flops
    assert point.flops == (full / 2 if half else point.least_flops)
    assert point.flops <= point.least_flops <= full


@given(points())
def test_a_mask_never_adds_work(point: Point) -> None:
    full = replace(point, causal=False, window=None)
    assert point.least_flops <= full.least_flops and point.least_bytes <= full.least_bytes
    if point.window is not None and point.window >= point.kv_len:
        assert point.pairs == replace(point, window=None).pairs


@given(points())
def test_a_tflop_per_s_and_its_time_are_the_same_thing(point: Point) -> None:
    for tflop_per_s in (0.3, 74.0, 756.0):
        seconds = seconds_of(point.flops, tflop_per_s)
        assert point.flops / seconds / 1e12 == pytest.approx(tflop_per_s, rel=1e-12)


def test_by_hand() -> None:
    # FlashAttention's own: 16Ki tokens of 16 heads of 128 are 2048 wide; 4 · 16384² · 2048 FLOPs, half of them causal
    square = Point("prefill", 1, 16384, 16384, 16, 16, 128, "fp16")
    assert square.flops == square.least_flops == 4 * 16384**2 * 2048
    assert replace(square, causal=True).flops == 2 * 16384**2 * 2048
    assert replace(square, causal=True).least_flops == 2 * 16384 * 16385 * 2048
    assert square.least_bytes == 4 * 16384 * 2048 * 2  # Q, K, V and the result, two bytes each
    # one query of 64 heads against 1Ki keys of 8: 2 · 64 · 64 for Q and the result, 2 · 1024 · 8 · 64 for K and V
    decode = Point("decode", 1, 1, 1024, 64, 8, 64, "bf16")
    assert decode.least_bytes == 2 * (2 * 64 * 64 + 2 * 1024 * 8 * 64)
    assert replace(decode, window=256).least_bytes == 2 * (2 * 64 * 64 + 2 * 256 * 8 * 64)
    assert replace(decode, kv_dtype="fp8").least_bytes == 2 * 2 * 64 * 64 + 2 * 1024 * 8 * 64


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="q_heads: found 6 heads of queries to 4 of keys, expected a multiple"):
        Point("prefill", 1, 8, 8, 6, 4, 64, "bf16")
    with pytest.raises(ValueError, match="q_len: found 9 queries to 8 keys; with a mask, expected at most as many"):
        Point("prefill", 1, 9, 8, 4, 4, 64, "bf16", causal=True)
