"""The multiplier-adder: for any operands the component shows what the model computes, a latency later."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.back import rtlil
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.mac import MULTIPLIERS, Mac
from specs import SpecError
from tests.rtl.lockstep import lockstep, with_drain


@pytest.mark.parametrize("multiplier", MULTIPLIERS)
@pytest.mark.parametrize("latency", [1, 2, 3, 5])
@pytest.mark.parametrize("widths", [(29, 18, 48), (8, 8, 22), (60, 28, 87), (2, 3, 1), (3, 1, 2)])
def test_component_equals_the_model_in_every_cycle(widths: tuple[int, int, int], latency: int, multiplier: str) -> None:
    mac = Mac(*widths, latency=latency, multiplier=multiplier)
    random = np.random.default_rng(latency)
    operands = {}
    for name, bits in zip(("wide", "narrow", "addend"), widths, strict=True):
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        drawn = [low + int(fraction * (high - low)) for fraction in random.random(100)]
        operands[name] = np.array([low, high, low, high, low, high, low, high, 0, -1, *drawn], object)
    operands["narrow"][:8] = np.repeat(operands["narrow"][[0, 1, 0, 1]], 2)  # all corners of wide and narrow, and of
    operands["addend"][:8] = np.repeat(operands["addend"][[0, 1]], 4)  # the addend
    inputs = {name: with_drain(values, latency) for name, values in operands.items()}
    seen = lockstep(mac.create(), inputs, ["sum", "next"])
    expected = mac.compute(operands["wide"], operands["narrow"], operands["addend"])
    assert (seen["sum"][latency:] == expected).all()
    assert (seen["sum"][:latency] == 0).all()
    assert (seen["next"][:-1] == seen["sum"][1:]).all()


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
def test_additions_make_the_product_of_any_widths(wide_bits: int, narrow_bits: int, seed: int) -> None:
    mac = Mac(wide_bits, narrow_bits, 4, multiplier="logic")
    random = np.random.default_rng(seed)
    wide, narrow = (random.integers(-(1 << bits - 1), 1 << bits - 1, 60) for bits in (wide_bits, narrow_bits))
    wide[:2], narrow[:4] = -(1 << wide_bits - 1), -(1 << narrow_bits - 1)
    inputs = {"wide": with_drain(wide, 1), "narrow": with_drain(narrow, 1)}
    assert (lockstep(mac.create(), inputs, ["sum"])["sum"][1:] == mac.compute(wide, narrow)).all()


def test_three_times_minus_three_by_hand() -> None:
    """101 is -3 in three bits: 1 · 3 + 0 · 6 - 1 · 12 is -9."""
    inputs = {"wide": [3, 0], "narrow": [-3, 0], "addend": [1, 0]}
    assert lockstep(Mac(3, 3, 3, multiplier="logic").create(), inputs, ["sum"])["sum"].tolist() == [0, -8]


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize(("multiplier", "cells"), [("dsp", 1), ("logic", 0)])
def test_only_the_operator_is_a_multiplication_for_synthesis(multiplier: str, cells: int, latency: int) -> None:
    assert rtlil.convert(Mac(latency=latency, multiplier=multiplier).create()).count("cell $mul ") == cells


def test_another_multiplier_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^unknown multiplier 'dps'; did you mean 'dsp'\? allowed: dsp, logic$"):
        Mac(multiplier="dps")
