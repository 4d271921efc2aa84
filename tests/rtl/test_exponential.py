"""The exponential: its error over everything it can be asked, and model, series and pipelined unit bit for bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.exponential import C1, C2, C3, FRACTION_BITS, ONE, WEIGHT_FRACTION_BITS, Exponential
from rtl.mac import Mac
from specs import SpecError
from tests.rtl.lockstep import lockstep, with_drain

SCALES = [1.0, 0.37, 1 / 16, 7.04e-4, 3.3e-6]  # halvings a step
HALF = 1 << (FRACTION_BITS - 1)


def corners(exponential: Exponential) -> np.ndarray[Any, Any]:
    """Differences at which something changes: seams of the fraction, halvings, saturation, ends of the word."""
    top = (1 << exponential.score_bits) - 1
    seams = [x / exponential.halvings_per_score for x in (*np.arange(0, 33, 0.5), 26.9, 27.49, 27.51, 31.99, 1000.0)]
    near = [round(seam) + offset for seam in seams for offset in (-1, 0, 1)]
    return np.array([x for x in (*near, 1, 2, 3, (1 << 28) - 1, 1 << 28, top - 1, top) if 0 <= x <= top])


def test_mantissa_over_all_fractions() -> None:
    """p(0) is exactly 1, p never rises, also over the seam, and its relative error is the one that is claimed."""
    fraction = np.arange(-HALF, HALF, dtype=np.int64)
    mantissa = np.full_like(fraction, C3)
    for coefficient in (C2, C1, ONE):
        mantissa = (mantissa * fraction + (coefficient << FRACTION_BITS) + HALF) >> FRACTION_BITS
    error = mantissa / (2.0 ** (-fraction / ONE) * ONE) - 1
    assert mantissa[HALF] == ONE
    assert (np.diff(mantissa) <= 0).all() and 2 * mantissa[-1] >= mantissa[0]
    assert 1.1e-4 < np.abs(error).max() < 1.14e-4


@pytest.mark.parametrize("scale", SCALES)
def test_weight_is_the_exponential_within_its_budget(scale: float) -> None:
    exponential = Exponential.of(28, scale)
    differences = np.unique(np.concatenate([corners(exponential), np.geomspace(1, 40 / scale, 5000).astype(np.int64)]))
    differences = differences[differences < 1 << 27]
    exact = np.exp2(-differences * scale)
    got = exponential.compute(differences, np.zeros_like(differences)) / (1 << WEIGHT_FRACTION_BITS)
    # polynomial and mantissa, and the rounding of x; x by the multiplier; half a unit of the weight
    bound = exact * (1.14e-4 + math.log(2) * 2**-17 + math.log(2) * differences * scale * 2**-17) + 2**-27
    assert (np.abs(got - exact) <= bound).all()


def test_weight_of_no_difference_is_exactly_one() -> None:
    assert all(Exponential.of(20, scale).compute(5, 5) == 1 << WEIGHT_FRACTION_BITS for scale in SCALES)


@pytest.mark.parametrize("scale", SCALES)
def test_weight_never_rises_with_the_difference(scale: float) -> None:
    exponential = Exponential.of(27, scale)
    weights = exponential.compute(np.arange(min(1 << 22, int(40 / scale) + 100)), 0)
    assert (np.diff(weights) <= 0).all()


@given(st.floats(2.0**-20, 1.0), st.data())
def test_weight_never_rises_for_any_scale(scale: float, data: st.DataObject) -> None:
    exponential = Exponential.of(28, scale)
    first, second = sorted(data.draw(st.lists(st.integers(0, (1 << 27) - 1), min_size=2, max_size=2)))
    assert exponential.compute(first, 0) >= exponential.compute(second, 0) >= exponential.compute((1 << 28) - 1, 0)


def test_saturated_differences_flush_to_nothing() -> None:
    """What has less than half a unit is 0; a floor of even 2^-16 would add 6e-2 over 8192 keys."""
    exponential = Exponential.of(32, 1 / 64)
    assert exponential.compute([1800, 1 << 27, (1 << 28) + 1, (1 << 31) - 1], 0).tolist() == [0] * 4
    assert exponential.compute((1 << 31) - 1, -(1 << 31)) == 0
    assert exponential.compute(27 * 64, 0) == 1


def test_what_is_not_visible_has_no_weight() -> None:
    exponential = Exponential.of(20, 0.01)
    assert exponential.compute(7, [7, 7, 9000], [True, False, False]).tolist() == [1 << 26, 0, 0]


def test_score_above_the_maximum_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a score is above the running maximum, which has to be taken first$"):
        Exponential.of(20, 0.01).compute(7, 8)


@pytest.mark.parametrize("score_bits", [2, 8, 20, 28, 29, 32])
@pytest.mark.parametrize("scale", SCALES)
def test_series_of_native_operations_equals_the_model(scale: float, score_bits: int) -> None:
    exponential = Exponential.of(score_bits, scale)
    random = np.random.default_rng(score_bits).integers(0, 1 << score_bits, 2000)
    near = np.random.default_rng(1).integers(0, min(1 << score_bits, int(33 / scale) + 1), 2000)
    differences = np.concatenate([corners(exponential), random, near])
    assert (exponential.execute(differences) == exponential.compute(differences, 0)).all()


def test_every_operand_and_result_of_the_series_fits_the_ports() -> None:
    """Interval arithmetic by hand: f within half of a one, every constant, the largest place and mantissa."""
    mac = Mac()
    for scale in SCALES:
        series = Exponential.of(32, scale).series
        assert [step.into for step in series] == ["x", "horner", "horner", "horner", "weight"]
        assert all(step.addend < 1 << (mac.addend_bits - 1) for step in series)
        assert series[0].narrow == Exponential.of(32, scale).multiplier < 1 << (mac.narrow_bits - 1)
    fraction = np.arange(-HALF, HALF, dtype=np.int64)
    horner = np.full_like(fraction, C3)
    for step in series[1:4]:
        horner = (horner * fraction + step.addend) >> step.shift
        assert np.abs(horner).max() < 1 << (step.bits - 1) <= 1 << (mac.narrow_bits - 1)


@pytest.mark.parametrize("mac_latency", [1, 2, 3])
@pytest.mark.parametrize(("score_bits", "scale"), [(22, 7.04e-4), (8, 0.37), (32, 3.3e-6), (3, 1.0)])
def test_pipelined_unit_equals_the_model_in_every_cycle(score_bits: int, scale: float, mac_latency: int) -> None:
    exponential = Exponential.of(score_bits, scale, mac_latency)
    random = np.random.default_rng(mac_latency)
    lowest = -(1 << (score_bits - 1))
    difference = np.concatenate(
        [corners(exponential), random.integers(0, min(1 << score_bits, int(27 / scale) + 2), 300)]
    )
    maximum = lowest + difference + (random.random(len(difference)) * ((1 << score_bits) - difference)).astype(np.int64)
    score = maximum - difference
    visible = random.random(len(difference)) < 0.9
    latency = exponential.latency
    inputs = {"maximum": maximum, "score": score, "visible": visible}
    seen = lockstep(exponential.create(), {k: with_drain(v, latency) for k, v in inputs.items()}, ["weight"])["weight"]
    assert (seen[latency:] == exponential.compute(maximum, score, visible)).all()
    assert (seen[:latency] == 0).all()


@pytest.mark.parametrize("scale", [2.0**-33, 1.5, 0.0])
def test_scale_outside_of_the_series_is_refused(scale: float) -> None:
    with pytest.raises(SpecError) as error:
        Exponential.of(20, scale)
    assert str(error.value) == (
        f"a step of one in a score halves its weight {scale:g} times; allowed: 2.32831e-10 to 1 times; "
        "change score_scale, which is ln 2 = 0.693 times that"
    )


def test_saturated_difference_that_is_not_nothing_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        Exponential.of(29, 2.0**-24)
    assert str(error.value) == (
        "a difference of scores of 29 bits saturates at 2^28, and at 5.96046e-08 halvings a step that is 2^-16, which "
        "is not yet 0; allowed: at least 1.19209e-07 halvings a step; take a larger score_scale or a smaller head_dim"
    )
    assert Exponential.of(29, 2.0**-23).compute((1 << 28) - 1, 0) == 0
