"""The model of the whole attention: laws, cases by hand, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.formats import Formats
from rtl.model import STACKED, attention
from specs import SpecError
from tests.rtl.attention_cases import Inputs, random_inputs, steered
from workloads import cascade

ONE = 1 << 26


@st.composite
def drawn(draw: st.DrawFn) -> Inputs:
    """Small runs of every kind: ragged, causal, narrow and wide scores, more queries than keys."""
    keys, tile = draw(st.integers(1, 20)), draw(st.integers(1, 8))
    inputs = random_inputs(keys, 1, draw(st.integers(0, 999)), draw(st.floats(0.05, 10)), draw(st.booleans()))
    inputs = replace(inputs, q=np.random.default_rng(keys).integers(-128, 128, (draw(st.integers(1, 9)), 16)))
    return replace(inputs, formats=replace(inputs.formats, key_tile=tile))


def test_tensors_are_those_of_the_cascade() -> None:
    names = {einsum.name for einsum in cascade("attention-1pass").einsums}
    assert names == {*STACKED, "AV"}


@given(drawn())
def test_every_number_fits_its_word(inputs: Inputs) -> None:
    run, words = inputs.run(), inputs.formats.words
    assert [name for name, tensor in run.tensors.items() if not words[name].holds(tensor)] == []


@given(drawn())
def test_einsums_hold_between_what_is_kept(inputs: Inputs) -> None:
    """The exact ones of the cascade, written once more, on whole arrays."""
    run, tile = inputs.run(), inputs.formats.key_tile
    assert (run["LM"] == run["QK"].max(axis=1)).all()
    assert (run["RM"][1:] == np.maximum.accumulate(run["LM"])).all()
    assert (run["SLD"] == run["SLN"].sum(axis=1)).all()
    assert (run["RD"][1:] == run["SPD"] + run["SLD"]).all()
    values = np.zeros((len(run["QK"]) * tile, inputs.v.shape[1]), np.int64)
    values[: run.keys] = inputs.v
    assert (run["SLNV"] == np.einsum("tkf,tkq->tfq", values.reshape(-1, tile, inputs.v.shape[1]), run["SLN"])).all()
    assert (run["RNV"][1:] == run["SPNV"] + run["SLNV"]).all()
    still = np.diff(run["RM"], axis=0) == 0
    assert (run["PRM"][still] == ONE).all()
    assert (run["SPD"][still] == run["RD"][:-1][still]).all()


@given(drawn(), st.randoms(use_true_random=False))
def test_order_of_keys_within_a_tile_changes_nothing(inputs: Inputs, random: Any) -> None:
    inputs = replace(inputs, causal=False)
    order = np.arange(len(inputs.k))
    for first in range(0, len(order), inputs.formats.key_tile):
        tile = list(order[first : first + inputs.formats.key_tile])
        random.shuffle(tile)
        order[first : first + inputs.formats.key_tile] = tile
    plain, mixed = inputs.run(), replace(inputs, k=inputs.k[order], v=inputs.v[order]).run()
    for name in set(plain.tensors) - {"QK", "SLN"}:
        assert (plain[name] == mixed[name]).all(), name


@given(drawn(), st.integers(-128, 127), st.integers(1, 127))
def test_a_constant_added_to_all_scores_of_a_query_changes_nothing(inputs: Inputs, factor: int, same: int) -> None:
    """One feature is the same in all keys, so Q there adds a constant; only the first factor, of nothing, may differ."""
    k = inputs.k.copy()
    k[:, 0] = same
    q, moved = inputs.q.copy(), inputs.q.copy()
    q[:, 0], moved[:, 0] = 0, factor
    plain, shifted = replace(inputs, q=q, k=k).run(), replace(inputs, q=moved, k=k).run()
    for name in ("SLN", "SLD", "SPD", "RD", "SLNV", "SPNV", "RNV", "AV"):
        assert (plain[name] == shifted[name]).all(), name
    begun = plain["RM"][:-1] > inputs.formats.lowest
    assert (plain["PRM"][begun] == shifted["PRM"][begun]).all()


@given(drawn())
def test_queries_do_not_know_of_each_other(inputs: Inputs) -> None:
    inputs = replace(inputs, causal=False)
    whole = inputs.run()["AV"]
    alone = [replace(inputs, q=inputs.q[[query]]).run()["AV"][:, 0] for query in range(len(inputs.q))]
    assert (whole == np.stack(alone, axis=1)).all()


def test_queries_without_keys_give_nothing() -> None:
    inputs = random_inputs(keys=2, tiles=1, causal=True)  # of four queries, the last two see a key
    run = inputs.run()
    assert run["RD"][-1, :2].tolist() == [0, 0] and (run["AV"][:, :2] == 0).all()
    assert run.output[2].tolist() == inputs.v[0].tolist()
    assert (run["QK"][..., :2] == inputs.formats.lowest).all()


def test_one_key_returns_its_values_exactly() -> None:
    inputs = random_inputs(keys=1, tiles=1)
    assert (inputs.run().output == inputs.v).all()


def test_corrections_by_hand() -> None:
    """Three tiles of one key, one halving apart, upwards: weights 1/4, 1/2 and 1 of 40, 80 and 120."""
    inputs = steered(np.log(2) * np.arange(3), tiles=3)
    run = replace(inputs, v=np.repeat([[40], [80], [120]], 16, axis=1)).run()
    assert (run["SLN"] == ONE).all() and (run["PRM"][1:] == ONE // 2).all()
    assert run["RD"][:, 0].tolist() == [0, ONE, 3 * ONE // 2, 7 * ONE // 4]
    assert run["RNV"][:, 0, 0].tolist() == [0, 40 * ONE, 100 * ONE, 170 * ONE]
    assert run["AV"][0, 0] == round(170 / 1.75 * 65536)


def test_largest_state_there_can_be_fits() -> None:
    formats = Formats(head_dim=1, value_dim=1, key_tile=64, max_keys=256)
    run = attention(formats, [[-128]], [[-128]] * 256, [[-128]] * 256)
    assert run["RNV"][-1, 0, 0] == formats.words["RNV"].low and run["QK"].max() == 16384
    assert run.output.tolist() == [[-128.0]]


@pytest.mark.parametrize(
    ("q", "k", "v", "message"),
    [
        ([[1, 2, 3]], [[1, 2]], [[1]], "Q has the shape (1, 3); it has to be [queries, 2], not empty"),
        ([[1, 2]], np.zeros((0, 2), int), [[1]], "K has the shape (0, 2); it has to be [keys, 2], not empty"),
        ([[1, 2]], [[1, 2]], [1], "V has the shape (1,); it has to be [keys, 1], not empty"),
        (
            [[1, 128]],
            [[1, 2]],
            [[1]],
            "Q has numbers that are not int8; allowed: integers from -128 to 127; quantise it",
        ),
        (
            [[1.0, 2]],
            [[1, 2]],
            [[1]],
            "Q has numbers that are not int8; allowed: integers from -128 to 127; quantise it",
        ),
        ([[1, 2]], [[1, 2]], [[1], [2]], "K has 1 keys and V has 2; they have to be as many"),
        (
            [[1, 2]],
            [[1, 2]] * 9,
            [[1]] * 9,
            "keys 9: the widths hold sums over max_keys 8; allowed: 1 to 8 keys; make the formats with max_keys=9",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(q: Any, k: Any, v: Any, message: str) -> None:
    with pytest.raises(SpecError) as error:
        attention(Formats(head_dim=2, value_dim=1, key_tile=4, max_keys=8), q, k, v)
    assert str(error.value) == message
