"""The multiplier-adder: for any operands the component shows what the model computes, a latency later."""

from __future__ import annotations

import numpy as np
import pytest

from rtl.mac import Mac
from tests.rtl.lockstep import lockstep, with_drain


@pytest.mark.parametrize("latency", [1, 2, 3, 5])
@pytest.mark.parametrize("widths", [(29, 18, 48), (8, 8, 22), (60, 28, 87), (2, 3, 1)])
def test_component_equals_the_model_in_every_cycle(widths: tuple[int, int, int], latency: int) -> None:
    mac = Mac(*widths, latency=latency)
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
