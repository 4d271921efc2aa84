"""One element: scores, weights and what it adds to a column, by hand and over drawn operands and latencies."""

from __future__ import annotations

import math
from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.design import ArrayOp, Design, Latencies
from rtl.element import Element
from rtl.formats import Formats

ONE = 1 << 26
QUICK, SLOW = Latencies(), Latencies(mac=3, add=2, max=2)
SEEN_BY_ALL = {"keys": 4, "diagonal": 3}
latencies = st.builds(Latencies, *[st.integers(1, 3)] * 3)


def design_of(array: Latencies, head_dim: int = 8, halving: float = 256) -> Design:
    """Of 4 × 4 elements, where a weight halves with so many units of the difference."""
    formats = Formats(head_dim, 8, key_tile=4, max_keys=64, score_scale=math.log(2) / halving)
    return Design(formats, rows=4, columns=4, array=array, hop=3)


def shown(element: Element, beats: dict[int, dict[str, Any]], cycles: int) -> list[dict[str, int]]:
    """What the element shows in each cycle: `below`, and the probes where they are valid.

    A beat is its operands and the fields of its command; `op` is the name of its operation.
    """
    found: list[dict[str, int]] = []

    async def bench(context: Any) -> None:
        for cycle in range(cycles):
            beat = dict(beats.get(cycle, {"op": "IDLE"}))
            above = {name: beat.pop(name, 0) for name in ("maximum", "sum", "product")}
            context.set(element.above, above)
            context.set(element.left, beat.pop("left", 0))
            context.set(element.top, beat.pop("top", 0))
            context.set(element.command, {**beat, "op": getattr(ArrayOp, beat["op"])})
            seen = {name: context.get(element.below[name]) for name in above}
            for name in ("score", "weight"):
                if context.get(getattr(element, name).valid):
                    seen[name] = context.get(getattr(element, name).value)
            found.append(seen)
            await context.tick()

    simulator = Simulator(element)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def score_beats(products: list[tuple[int, int]], mac: int, **fields: int) -> dict[int, dict[str, Any]]:
    """A score from cycle 0 on, each product as soon as it may come."""
    last = len(products) - 1
    return {
        number * mac: {"op": "SCORE", "left": k, "top": q, "first": number == 0, "last": number == last, **fields}
        for number, (k, q) in enumerate(products)
    }


def weight_beats(start: int, maximum: int, design: Design) -> tuple[dict[int, dict[str, Any]], int]:
    """A weight, each step as soon as it may come, and the cycle from which on it is there."""
    beats, cycle = {start: {"op": "WEIGHT", "step": 0, "top": maximum}}, start + design.array.add
    for step in range(1, design.weight_steps):
        beats[cycle] = {"op": "WEIGHT", "step": step}
        cycle += design.array.mac
    return beats, cycle


@pytest.mark.parametrize("array", [QUICK, SLOW])
def test_by_hand(array: Latencies) -> None:
    """3 · 4 + 5 · 6 = 42; 256 below the maximum is a weight of 1/2; then 1/2 + 100 units and -3 · 1/2 + 1000 units."""
    design = design_of(array)
    beats = score_beats([(3, 4), (5, 6)], array.mac, **SEEN_BY_ALL)
    scored = 2 * array.mac
    beats |= {scored: {"op": "MAXIMUM", "maximum": 41}, scored + 1: {"op": "MAXIMUM", "maximum": 43}}
    weight, weighed = weight_beats(scored + 2, 42 + 256, design)
    beats |= weight
    beats |= {weighed: {"op": "SUM", "sum": 100}, weighed + 1: {"op": "PRODUCT", "left": -3, "product": 1000}}
    seen = shown(Element(design, 0, 0, probes=True), beats, weighed + 8)
    assert [(cycle, each["score"]) for cycle, each in enumerate(seen) if "score" in each] == [(scored, 42)]
    assert [(cycle, each["weight"]) for cycle, each in enumerate(seen) if "weight" in each] == [(weighed, ONE // 2)]
    assert [seen[scored + array.max - 1 + i]["maximum"] for i in range(2)] == [42, 43]
    assert seen[weighed + array.add - 1]["sum"] == ONE // 2 + 100
    assert seen[weighed + 1 + array.mac - 1]["product"] == -3 * ONE // 2 + 1000


@settings(max_examples=25, deadline=None)
@given(latencies, st.integers(-128, 127), st.integers(-128, 127), st.integers(0, (1 << 29) - 1), st.integers(8, 20000))
def test_weight_is_that_of_the_exponential(array: Latencies, k: int, q: int, rise: int, head_dim: int) -> None:
    """Up to differences that saturate."""
    design = design_of(array, head_dim, halving=1 << 16)
    score, highest = k * q, design.formats.words["QK"].high
    maximum = min(score + rise, highest)
    weight, weighed = weight_beats(array.mac, maximum, design)
    beats = score_beats([(k, q)], array.mac, **SEEN_BY_ALL) | weight
    seen = shown(Element(design, 0, 0, probes=True), beats, weighed + 1)
    assert seen[-1]["weight"] == design.formats.weight().compute(maximum, score)


def test_difference_that_saturates_leaves_nothing() -> None:
    """One more than fits: its low bits are those of a weight of 1."""
    design = design_of(QUICK, head_dim=20000, halving=1 << 20)
    weight, weighed = weight_beats(1, 1 << 28, design)
    seen = shown(Element(design, 0, 0, probes=True), score_beats([(0, 0)], 1, **SEEN_BY_ALL) | weight, weighed + 1)
    assert design.formats.words["QK"].bits > 29
    assert seen[-1]["weight"] == 0


@settings(max_examples=25, deadline=None)
@given(latencies, st.integers(0, 3), st.integers(0, 3), st.integers(0, 4), st.integers(-4, 3))
def test_only_visible_keys_have_scores_and_weights(
    array: Latencies, row: int, column: int, keys: int, diagonal: int
) -> None:
    """Where no key is visible, the running maximum is the lowest score itself, and a weight of 1 would come out."""
    design = design_of(array)
    visible = row < keys and row <= column + diagonal
    beats = score_beats([(1, 7), (1, 8)], array.mac, keys=keys, diagonal=diagonal)
    weight, weighed = weight_beats(2 * array.mac, 15 if visible else design.formats.lowest, design)
    seen = shown(Element(design, row, column, probes=True), beats | weight, weighed + 1)
    assert seen[2 * array.mac]["score"] == (15 if visible else design.formats.lowest)
    assert seen[-1]["weight"] == (ONE if visible else 0)


def test_multiplier_adder_is_as_wide_as_its_widest_operation() -> None:
    """Over the series' 34 bits the addend grows with the keys of a tile: 26 + 7 + log2 keys + 1."""
    for keys, addend_bits in ((1, 34), (4, 36), (256, 42)):
        formats = Formats(64, 64, key_tile=keys, max_keys=1 << 16)
        mac = Element(Design(formats, rows=keys, columns=1), 0, 0).mac
        assert (mac.wide_bits, mac.narrow_bits, mac.addend_bits) == (29, 18, addend_bits)
