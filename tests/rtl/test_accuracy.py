"""The array's attention against float64 attention of the same int8 inputs: the limits, and the budget as a law."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.exponential import WEIGHT_FRACTION_BITS, Exponential
from rtl.polynomial import CUBIC, QUARTIC, Polynomial
from tests.rtl.attention_cases import (
    HALVING,
    Errors,
    Inputs,
    budget,
    cases,
    errors,
    plateau,
    random_inputs,
    shelf,
    stairs,
    steered,
)

if TYPE_CHECKING:
    from tests.conftest import Golden

OUTPUT_LIMIT, PROBABILITY_LIMIT = 1e-3, 1e-4  # relative L2 error, and |Δp|
KEYS, TILES = (64, 1024, 8192), (1, 8, 64)
NAMES = tuple(cases(64, 1))


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("tiles", TILES)
def test_errors_are_within_the_limits(keys: int, tiles: int) -> None:
    for name, inputs in cases(keys, tiles).items():
        found = errors(inputs)
        assert found.query <= OUTPUT_LIMIT and found.probability <= PROBABILITY_LIMIT, (name, found)


def test_table_of_errors(golden: Golden, request: pytest.FixtureRequest) -> None:
    """The largest over all counts of keys and tiles, as docs/rtl.md quotes them."""
    lines = [f"{'case':<26} {'L2':>8} {'max |dp|':>8} {'corrections':>11}"]
    found: dict[str, list[Errors]] = {name: [] for name in NAMES}
    for keys in KEYS:
        for tiles in TILES:
            for name, inputs in cases(keys, tiles).items():
                found[name].append(errors(inputs))
    for name, each in found.items():
        query, probability = max(e.query for e in each), max(e.probability for e in each)
        lines.append(f"{name:<26} {query:8.1e} {probability:8.1e} {max(e.corrections for e in each):11}")
        document = (request.config.rootpath / "docs" / "rtl.md").read_text(encoding="utf-8")
        assert f"\n| {name} | {query:.1e} | {probability:.1e} | " in document
    golden.check("\n".join(lines) + "\n")


def mantissa_error(polynomial: Polynomial) -> float:
    """The largest relative error over every 2^16th of the range, or all of it."""
    half = polynomial.one >> 1
    fraction = np.arange(-half, half, max(1, polynomial.one >> 20))
    return float(np.abs(polynomial.compute(fraction) / polynomial.one * 2.0 ** (fraction / polynomial.one) - 1).max())


def scale_error(polynomial: Polynomial) -> float:
    """The largest relative error of the scale, over many."""
    scales = 2.0 ** np.random.default_rng(0).uniform(-20, 0, 20000)
    return max(abs(Exponential.of(20, scale, polynomial).halvings_per_score / scale - 1) for scale in scales)


def test_table_of_terms(golden: Golden) -> None:
    """Each term of the budget alone, as docs/rtl.md quotes them; the runs are 8192 keys in 64 tiles on stairs."""
    worst = dict.fromkeys(("factors by 13 halvings", "a state", "an output, in units of V"), 0.0)
    for step in np.linspace(0.01, 1.5, 60):
        inputs = steered(stairs(8192, 64, step), 64)
        run, one = inputs.run(), 1 << WEIGHT_FRACTION_BITS
        factor, rise = run["PRM"][1:, 0] / one, np.diff(run["RM"][1:, 0]) * inputs.formats.logit_per_score / HALVING
        ratio = np.cumprod(factor / 2.0**-rise)[np.cumsum(rise) <= 13]
        exact = np.zeros(1, np.longdouble)
        for prm, sld in zip(run["PRM"], run["SLD"], strict=True):
            exact = exact * prm[0] / one + sld[0]
        output = run["AV"][:, 0] * 2.0**-16 - run["RNV"][-1, :, 0] / run["RD"][-1, 0]
        found = (np.abs(ratio - 1).max(initial=0), abs(run["RD"][-1, 0] / exact - 1).max(), np.abs(output).max())
        worst = {name: max(old, float(new)) for (name, old), new in zip(worst.items(), found, strict=True)}
    terms = {
        "polynomial of a weight": mantissa_error(CUBIC),
        "polynomial of a factor": mantissa_error(QUARTIC),
        "scale of weights": scale_error(CUBIC),
        "scale of factors": scale_error(QUARTIC),
        "weights just lost, 8192": errors(cases(8192, 64)["all but one just lost"]).probability,
        **worst,
    }
    assert max(terms.values()) <= 1.2e-4 and terms["weights just lost, 8192"] <= PROBABILITY_LIMIT
    golden.check("".join(f"{name:<26} {value:8.1e}\n" for name, value in terms.items()))


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("shape", [stairs, plateau, shelf])
def test_no_step_of_the_stairs_breaks_the_limits(shape: Callable[[int, int, float], Any], keys: int) -> None:
    """Corrections by the same step each are the worst: every rounding and the polynomial err the same way."""
    for step in np.linspace(0.01, 1.5, 60):
        found = errors(steered(shape(keys, 64, step), 64))
        assert found.query <= OUTPUT_LIMIT and found.probability <= PROBABILITY_LIMIT, (step, found)


def test_factors_by_the_cubic_would_break_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why lanes do one step more than elements."""
    monkeypatch.setattr("rtl.formats.QUARTIC", CUBIC)
    assert errors(steered(shelf(8192, 64, 0.32), 64)).probability > 1.3e-4


def test_constant_scores_have_no_error_at_all() -> None:
    found = errors(steered(np.zeros(8192), 64))  # a mean of 8192 integers is a multiple of 2^-13
    assert found.query == found.probability == 0


def logit_lists() -> st.SearchStrategy[list[float]]:
    """Logits by key: a few levels, many of them, in any order."""
    level = st.one_of(st.floats(-30, 0), st.sampled_from([0.0, -HALVING / 2, -HALVING, -27 * HALVING]))
    return st.lists(level, min_size=1, max_size=80)


@settings(max_examples=150)
@given(logit_lists(), st.integers(1, 80), st.integers(0, 3))
def test_any_scores_stay_within_the_budget(logits: list[float], tiles: int, seed: int) -> None:
    inputs = steered(logits, min(tiles, len(logits)), seed)
    assert over_budget(inputs) <= 0


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 99), st.floats(0.1, 8), st.booleans())
def test_any_inputs_stay_within_the_budget(keys: int, tiles: int, seed: int, spread: float, causal: bool) -> None:
    assert over_budget(random_inputs(keys, min(tiles, keys), seed, spread, causal)) <= 0


def over_budget(inputs: Inputs) -> float:
    """The most by which Σ|Δp| of a query, or an output made of it and rounded once more, is over the budget."""
    run, (probabilities, output) = inputs.run(), inputs.exact()
    most = budget(inputs)
    weights = np.abs(run.probabilities - probabilities).sum(axis=1) - most
    outputs = np.abs(run.output - output) - (128 * most + 2.0**-16)[:, None]
    return float(max(weights.max(), outputs.max()))


@settings(max_examples=60)
@given(logit_lists(), st.integers(1, 80), st.integers(1, 80))
def test_other_tile_sizes_change_the_result_within_both_budgets(logits: list[float], one: int, other: int) -> None:
    first, second = (steered(logits, min(tiles, len(logits))) for tiles in (one, other))
    apart = np.abs(first.run().output - second.run().output)
    assert (apart <= (128 * (budget(first) + budget(second)) + 2.0**-15)[:, None]).all()
