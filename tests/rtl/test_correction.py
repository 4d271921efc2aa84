"""Corrections: exact by Python's integers, and the component equal to the model in every cycle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.correction import Correction
from tests.rtl.lockstep import lockstep, with_drain

ONE = 1 << 26


@given(st.integers(-(1 << 59), (1 << 59) - 1), st.integers(0, ONE))
def test_model_rounds_to_the_nearest_and_never_away(state: int, factor: int) -> None:
    corrected = int(Correction(60).compute(state, factor))
    assert corrected == (state * factor + ONE // 2) // ONE
    assert abs(corrected) <= abs(state)


@given(st.integers(-(1 << 59), (1 << 59) - 1))
def test_factor_of_one_changes_nothing_and_of_zero_leaves_nothing(state: int) -> None:
    assert Correction(60).compute(state, [ONE, 0]).tolist() == [state, 0]


@pytest.mark.parametrize("mac_latency", [1, 2, 4])
@pytest.mark.parametrize("state_bits", [35, 47, 60])
def test_component_equals_the_model_in_every_cycle(state_bits: int, mac_latency: int) -> None:
    correction = Correction(state_bits, mac_latency)
    random = np.random.default_rng(state_bits)
    low, high = -(1 << (state_bits - 1)), (1 << (state_bits - 1)) - 1
    state = np.array([low, low, low, high, high, -1, -1, 1, *random.integers(low, high, 120)])
    factor = np.array([0, 1, ONE, ONE, ONE - 1, ONE // 2, ONE, ONE // 2, *random.integers(0, ONE + 1, 120)])
    inputs = {name: with_drain(v, mac_latency) for name, v in (("state", state), ("factor", factor))}
    seen = lockstep(correction.create(), inputs, ["corrected"])["corrected"]
    assert (seen[mac_latency:] == correction.compute(state, factor)).all()
