"""The exponential: its error over everything it can be asked, and model, series and pipelined unit bit for bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from rtl.exponential import WEIGHT_FRACTION_BITS, Exponential
from rtl.polynomial import CUBIC, QUARTIC, Polynomial
from specs import SpecError
from tests.rtl.lockstep import lockstep, with_drain

SCALES = [1.0, 0.37, 1 / 16, 7.04e-4, 3.3e-6]  # halvings a step
POLYNOMIALS = [CUBIC, QUARTIC]


def corners(exponential: Exponential) -> np.ndarray[Any, Any]:
    """Differences at which something changes: seams of the fraction, halvings, saturation, ends of the word."""
    top = (1 << exponential.score_bits) - 1
    seams = [x / exponential.halvings_per_score for x in (*np.arange(0, 33, 0.5), 26.9, 27.49, 27.51, 31.99, 1000.0)]
    near = [round(seam) + offset for seam in seams for offset in (-1, 0, 1)]
    return np.array([x for x in (*near, 1, 2, 3, (1 << 28) - 1, 1 << 28, top - 1, top) if 0 <= x <= top])


@pytest.mark.parametrize(("polynomial", "most"), [(CUBIC, 1.14e-4), (QUARTIC, 5.5e-6)])
def test_mantissa_over_all_fractions(polynomial: Polynomial, most: float) -> None:
    """p(0) is exactly 1, p never rises, also over the seam, and its relative error is the one that is claimed."""
    half = polynomial.one >> 1
    last = int(polynomial.compute(-half))
    assert polynomial.compute(0) == polynomial.one
    worst = []
    for start in range(-half, half, 1 << 20):
        fraction = np.arange(start, min(start + (1 << 20), half))
        mantissa = polynomial.compute(fraction)
        assert (np.diff(mantissa) <= 0).all() and mantissa[0] <= last
        last = int(mantissa[-1])
        worst.append(np.abs(mantissa / (2.0 ** (-fraction / polynomial.one) * polynomial.one) - 1).max())
    assert 2 * last >= polynomial.compute(-half)
    assert 0.98 * most < max(worst) < most


def test_errors_of_corrections_grow_slowly_with_their_halvings() -> None:
    """|e(x)| / x of the lanes' polynomial, over all factors from 1/8 of a halving to a whole one."""
    x = np.arange(QUARTIC.one >> 3, QUARTIC.one + 1, 7)
    halvings = (x + (QUARTIC.one >> 1)) >> QUARTIC.fraction_bits
    got = QUARTIC.compute(x - (halvings << QUARTIC.fraction_bits)) / QUARTIC.one * 0.5**halvings
    error = np.abs(got / 2.0 ** (-x / QUARTIC.one) - 1)
    assert 8.4e-6 < (error / (x / QUARTIC.one)).max() < 9e-6


@pytest.mark.parametrize(("polynomial", "most"), [(CUBIC, 1.14e-4), (QUARTIC, 5.5e-6)])
@pytest.mark.parametrize("scale", SCALES)
def test_weight_is_the_exponential_within_its_budget(scale: float, polynomial: Polynomial, most: float) -> None:
    exponential = Exponential.of(28, scale, polynomial)
    differences = np.unique(np.concatenate([corners(exponential), np.geomspace(1, 40 / scale, 5000).astype(np.int64)]))
    differences = differences[differences < 1 << 27]
    exact = np.exp2(-differences * scale)
    got = exponential.compute(differences, np.zeros_like(differences)) / (1 << WEIGHT_FRACTION_BITS)
    # polynomial and mantissa; the rounding of x, and x by that of the multiplier; half a unit of the weight
    unit = 2.0 ** -(polynomial.fraction_bits + 1)
    bound = exact * (most + math.log(2) * unit + math.log(2) * differences * scale * unit) + 2**-27
    assert (np.abs(got - exact) <= bound).all()


def test_weight_of_no_difference_is_exactly_one() -> None:
    blocks = [Exponential.of(20, scale, polynomial) for scale in SCALES for polynomial in POLYNOMIALS]
    assert all(block.compute(5, 5) == 1 << WEIGHT_FRACTION_BITS for block in blocks)


@pytest.mark.parametrize("polynomial", POLYNOMIALS)
@pytest.mark.parametrize("scale", SCALES)
def test_weight_never_rises_with_the_difference(scale: float, polynomial: Polynomial) -> None:
    exponential = Exponential.of(27, scale, polynomial)
    weights = exponential.compute(np.arange(min(1 << 22, int(40 / scale) + 100)), 0)
    assert (np.diff(weights) <= 0).all()


@given(st.floats(2.0**-20, 1.0), st.sampled_from(POLYNOMIALS), st.data())
def test_weight_never_rises_for_any_scale(scale: float, polynomial: Polynomial, data: st.DataObject) -> None:
    exponential = Exponential.of(28, scale, polynomial)
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
@pytest.mark.parametrize("polynomial", POLYNOMIALS)
@pytest.mark.parametrize("scale", SCALES)
def test_series_of_native_operations_equals_the_model(scale: float, polynomial: Polynomial, score_bits: int) -> None:
    exponential = Exponential.of(score_bits, scale, polynomial)
    random = np.random.default_rng(score_bits).integers(0, 1 << score_bits, 2000)
    near = np.random.default_rng(1).integers(0, min(1 << score_bits, int(33 / scale) + 1), 2000)
    differences = np.concatenate([corners(exponential), random, near])
    assert (exponential.execute(differences) == exponential.compute(differences, 0)).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("polynomial", POLYNOMIALS)
def test_every_operand_and_result_of_the_series_fits_the_ports(polynomial: Polynomial, scale: float) -> None:
    exponential = Exponential.of(32, scale, polynomial)
    mac, series = exponential.mac, exponential.series
    degree = len(polynomial.coefficients)
    assert [step.into for step in series] == ["x", *["horner"] * degree, "weight"]
    assert all(step.addend < 1 << (mac.addend_bits - 1) for step in series)
    assert series[0].narrow == exponential.multiplier < 1 << (mac.narrow_bits - 1)
    assert exponential.difference_bits < mac.wide_bits
    fraction = np.linspace(-polynomial.one >> 1, (polynomial.one >> 1) - 1, 1 << 16).astype(np.int64)
    horner = np.full_like(fraction, polynomial.coefficients[-1])
    for step in series[1:-1]:
        horner = (horner * fraction + step.addend) >> step.shift
        assert np.abs(horner).max() < 1 << (step.bits - 1) <= 1 << (mac.narrow_bits - 1) < 1 << (mac.wide_bits - 1)


@pytest.mark.parametrize("mac_latency", [1, 2, 3])
@pytest.mark.parametrize("polynomial", POLYNOMIALS)
@pytest.mark.parametrize(("score_bits", "scale"), [(22, 7.04e-4), (8, 0.37), (32, 3.3e-6), (3, 1.0)])
def test_pipelined_unit_equals_the_model_in_every_cycle(
    score_bits: int, scale: float, polynomial: Polynomial, mac_latency: int
) -> None:
    exponential = Exponential.of(score_bits, scale, polynomial, mac_latency)
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


@pytest.mark.parametrize("mac_latency", [1, 3])
@pytest.mark.parametrize("polynomial", POLYNOMIALS)
def test_one_multiplier_adder_does_the_series_step_after_step(polynomial: Polynomial, mac_latency: int) -> None:
    """As in an element: it waits for each result, keeps x and the last one in registers, and decodes its operands."""
    exponential = Exponential.of(22, 7.04e-4, polynomial, mac_latency)
    unit, one = exponential.mac.create(), polynomial.one
    differences = [0, 1, 700, 1420, *np.random.default_rng(0).integers(0, 40000, 20).tolist(), (1 << 22) - 1]
    weights = []

    async def bench(ctx: Any) -> None:
        for difference in differences:
            registers = {"difference": difference, "x": 0, "horner": 0}
            for step in exponential.series:
                x = registers["x"]
                registers["fraction"] = (x + one // 2) % one - one // 2
                registers["place"] = (1 << 27) >> ((x + one // 2) // one)
                wide, narrow = (registers[name] if isinstance(name, str) else name for name in (step.wide, step.narrow))
                for port, value in ((unit.wide, wide), (unit.narrow, narrow), (unit.addend, step.addend)):
                    ctx.set(port, value)
                await ctx.tick().repeat(mac_latency)
                result = ctx.get(unit.sum) >> step.shift
                registers[step.into] = min(result, (1 << step.bits) - 1) if step.saturates else result
            weights.append(registers["weight"])

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert weights == exponential.compute(differences, 0).tolist()


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
