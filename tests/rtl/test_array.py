"""The array: every score, weight and column result is the model's, in the cycle that its command says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array import Array
from rtl.design import RINGS, Design, Latencies
from rtl.formats import Formats
from rtl.harness_verilator import as_verilog
from specs import SpecError
from tests.rtl.array_beats import Work, expected, observed


def work_of(design: Design, keys: int, causal: bool, seed: int) -> Work:
    """Inputs over the whole range, both ends often."""
    random = np.random.default_rng(seed)

    def drawn(count: int, width: int) -> np.ndarray:
        return random.integers(-160, 160, (count, width)).clip(-128, 127)

    formats = design.formats
    q, k, v = drawn(design.columns, formats.head_dim), drawn(keys, formats.head_dim), drawn(keys, formats.value_dim)
    return Work(design, q, k, v, causal, seed)


@st.composite
def works(draw: st.DrawFn) -> Work:
    """Ragged, causal, with score scales from weights that are all or nothing to those that are nearly equal."""
    latencies = Latencies(*(draw(st.integers(1, 3)) for _ in range(3)))
    rows, columns, head_dim, value_dim = (draw(st.integers(1, most)) for most in (5, 5, 6, 6))
    scale = draw(st.sampled_from([2.0**-9, 2.0**-12, 2.0**-15]))
    design = Design(
        Formats(head_dim, value_dim, key_tile=rows, max_keys=32, score_scale=scale),
        rows, columns, latencies, hop=draw(st.integers(max(vars(latencies).values()), 3)),
        places=dict.fromkeys(RINGS, 1) | {ring: draw(st.sampled_from([1, 2, 4])) for ring in ("QK", "SLN")},
    )  # fmt: skip
    return work_of(design, draw(st.integers(1, 5 * rows)), draw(st.booleans()), draw(st.integers(0, 999)))


@settings(max_examples=25, deadline=None)
@given(works())
def test_every_result_is_the_models_in_its_cycle(work: Work) -> None:
    assert observed(Array(work.design, probes=True), work) == expected(work)


def test_one_tile_by_hand() -> None:
    """Keys 3 and 5, queries 2 and -4, hop 2: one beat each of SCORE, MAXIMUM, six of WEIGHT, SUM and PRODUCT."""
    formats = Formats(head_dim=1, value_dim=1, key_tile=2, max_keys=2, score_scale=math.log(2) / 4)
    design = Design(formats, rows=2, columns=2, hop=2, places=dict.fromkeys(RINGS, 1))
    work = Work(design, np.array([[2], [-4]]), np.array([[3], [5]]), np.array([[10], [-1]]), False, seed=22)
    assert [beat.op for _, beat in sorted(work.cycles.items())][:2] == ["SCORE", "MAXIMUM"]
    at = {(beat.op, beat.number): cycle for cycle, beat in work.cycles.items()}
    seen = {(event.port, event.place): event for event in observed(Array(design, probes=True), work)}
    scores = {place: event.value for (port, place), event in seen.items() if port == "score"}
    assert scores == {(0, 0): 6, (0, 1): -12, (1, 0): 10, (1, 1): -20}
    assert [seen["score", place].cycle - at["SCORE", 0] for place in ((0, 0), (0, 1), (1, 0), (1, 1))] == [1, 2, 3, 4]
    # The maxima are 10 and -12; 4 less is half the weight, so they are 1/2, 1 and 1, 1/4.
    one = 1 << 26
    assert [seen["maximum", (c,)][::5] for c in (0, 1)] == [(at["MAXIMUM", 0] + 2, 10), (at["MAXIMUM", 0] + 3, -12)]
    assert [seen["sum", (c,)][::5] for c in (0, 1)] == [
        (at["SUM", 0] + 2, one // 2 + one),
        (at["SUM", 0] + 3, one + one // 4),
    ]
    assert [seen["product", (c,)].value for c in (0, 1)] == [10 * one // 2 - one, 10 * one - one // 4]


@pytest.mark.parametrize("change", ["hop", "mac", "add", "max"])
def test_a_cycle_more_is_noticed(change: str) -> None:
    design = Design(Formats(3, 2, key_tile=3, max_keys=32, score_scale=2.0**-12), 3, 2, Latencies(2, 2, 2), hop=3)
    work = work_of(design, keys=8, causal=True, seed=1)
    assert observed(Array(design, probes=True), work) == expected(work)
    other = (
        replace(design, hop=4)
        if change == "hop"
        else replace(design, array=replace(design.array, **{change: getattr(design.array, change) + 1}))
    )
    assert observed(Array(other, probes=True), work) != expected(work)


def test_probes_cost_nothing_where_they_are_not_asked_for() -> None:
    design = Design(Formats(2, 2, key_tile=2, max_keys=4), rows=2, columns=2)
    names = {"command", "heads", "rows", "left", "top", "maximum", "sum", "product"}
    assert set(Array(design).signature.members) == names
    assert set(Array(design, probes=True).signature.members) == names | {"score", "weight"}


def test_verilog_has_one_multiplier_an_element() -> None:
    design = Design(Formats(2, 2, key_tile=3, max_keys=4), rows=3, columns=2, places=dict.fromkeys(RINGS, 4), hop=2)
    assert as_verilog(Array(design)).count(" * ") == 6


def test_rows_that_come_too_early_are_refused() -> None:
    design = Design(Formats(2, 2, key_tile=2, max_keys=4), rows=2, columns=2, array=Latencies(mac=3), hop=2)
    with pytest.raises(SpecError, match=r"hop 2: a partial result takes 3 cycles; allowed: hop from 3"):
        Array(design)
    assert Array(replace(design, rows=1)).design.hop == 2  # nothing is handed on
