"""The division: the model against Python's integers, the component against the model, to the cycle."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.division import Division
from tests.rtl.lockstep import lockstep, with_drain

WIDEST = Division(numerator_bits=60, denominator_bits=53)


def nearest(numerator: int, denominator: int, fraction_bits: int) -> int:
    """The quotient by exact fractions, halves away from 0; 0 over 0."""
    if denominator == 0:
        return 0
    magnitude = int(abs(Fraction(numerator, denominator)) * 2**fraction_bits + Fraction(1, 2))
    return -magnitude if numerator < 0 else magnitude


@given(st.integers(0, (1 << 53) - 1), st.fractions(-200, 200, max_denominator=1 << 20))
def test_model_is_exact(denominator: int, ratio: Fraction) -> None:
    numerator = int(denominator * ratio)
    assert WIDEST.compute(numerator, denominator) == nearest(numerator, denominator, 16)


@given(st.integers(0, 1 << 48), st.integers(-(1 << 55), 1 << 55))
def test_opposite_numerators_have_opposite_quotients(denominator: int, numerator: int) -> None:
    if abs(numerator) < denominator * 255:
        assert WIDEST.compute(numerator, denominator) == -WIDEST.compute(-numerator, denominator)


def test_halves_go_away_from_zero_and_nothing_over_nothing_is_nothing() -> None:
    division = Division(10, 8, integer_bits=3, fraction_bits=1)
    assert division.compute([3, -3, 1, 5, -7], [4, 4, 4, 0, 1]).tolist() == [2, -2, 1, 0, -14]


def test_quotient_beyond_its_bits_is_refused() -> None:
    for numerator, denominator in ((1024, 4), (4095, 16)):  # 256, and 255.94 that rounds to it with two fraction bits
        with pytest.raises(ValueError, match=r"^a quotient is 2\^8 or more; it has 8 bits before the point$"):
            Division(20, 12, 8, 2).compute(numerator, denominator)


@pytest.mark.parametrize(
    "division",
    [
        Division(47, 40),
        Division(33, 26, bits_per_cycle=2),
        Division(60, 53, bits_per_cycle=3),
        Division(12, 9, integer_bits=3, fraction_bits=4, bits_per_cycle=8),
        Division(12, 9, integer_bits=3, fraction_bits=4, bits_per_cycle=16),
    ],
    ids=str,
)
def test_component_equals_the_model_and_takes_its_latency(division: Division) -> None:
    random = np.random.default_rng(0)
    most = (1 << division.denominator_bits) - 1
    denominator = [0, 1, 1, most, most, 3, *(int(2**x) for x in random.uniform(0, division.denominator_bits, 25))]
    ratio = [1.0, 0.49, -0.5, 0.5, -0.5, 0.25, *random.uniform(-0.5, 0.5, 25)]
    high = (1 << (division.numerator_bits - 1)) - 1
    quotients = (int(r * d * (1 << division.integer_bits)) for r, d in zip(ratio, denominator, strict=True))
    numerator = [max(-high - 1, min(high, quotient)) for quotient in quotients]
    latency, count = division.latency, len(numerator)
    # Back to back: each starts in the cycle of the quotient before. Between starts the operands are garbage.
    held: dict[str, list[int]] = {"start": [], "numerator": [], "denominator": []}
    for n, d in zip(numerator, denominator, strict=True):
        held["start"] += [1] + [0] * (latency - 1)
        held["numerator"] += [n] + [-1] * (latency - 1)
        held["denominator"] += [d] + [1] * (latency - 1)
    inputs = {name: with_drain(values, latency) for name, values in held.items()}
    seen: dict[str, Any] = lockstep(division.create(), inputs, ["done", "ready", "quotient"])
    assert np.flatnonzero(seen["done"]).tolist() == [latency * (i + 1) for i in range(count)]
    assert np.flatnonzero(seen["ready"])[: count + 1].tolist() == [latency * i for i in range(count + 1)]
    assert (seen["quotient"][seen["done"] == 1] == division.compute(numerator, denominator)).all()


def test_start_while_busy_is_ignored_and_the_quotient_stays() -> None:
    division = Division(20, 12)
    idle = 10
    inputs = {
        "start": with_drain([1] * division.latency, idle),
        "numerator": with_drain([700, *range(1, division.latency)], idle),
        "denominator": with_drain([9] * division.latency, idle),
    }
    seen = lockstep(division.create(), inputs, ["done", "quotient"])
    assert np.flatnonzero(seen["done"]).tolist() == [division.latency]
    assert set(seen["quotient"][division.latency :]) == {int(division.compute(700, 9))}
