"""Attention in DRAM banks moves the oracle's values: scores, sums of values, appended keys and values, all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.pim.appends import Append
from tests.sim.pim_products import (
    InBanks,
    banks_make,
    drawn,
    error_bound,
    in_turn,
    oracle,
    oracle_part,
    products,
    together,
)
from workloads import cascade
from workloads.oracle import evaluate, make_grid

ATTENTION = cascade("attention-deferred-division")
KEYS = ("concatenated", "by-head", "head-per-channel")
VALUES = ("head-per-channel", "keys-over-channels", "key-by-key")
QUIET = "refresh=off,activation=none"
References = tuple[str, str, str]


@st.composite
def references(draw: Any) -> References:
    """Small attention on small machines, ragged in every way; buffers and accumulators that are just enough, and more."""
    name = draw(st.sampled_from(["gddr6-aim", "hbm3-pim"]))
    shape = {
        "batch": draw(st.integers(1, 2)),
        "kv_heads": draw(st.integers(1, 3)),
        "queries": draw(st.integers(1, 2)),
        "keys": draw(st.integers(1, 150)),
        "head_dim": draw(st.integers(1, 60)),
        "value_dim": draw(st.integers(1, 40)),
    }
    shape["heads"] = shape["kv_heads"] * draw(st.integers(1, 3))
    mapped = {"choose.keys": draw(st.sampled_from(KEYS)), "choose.values": draw(st.sampled_from(VALUES))}
    mapped["rows"] = draw(st.sampled_from(["packed", "padded"]))
    mapped["append"] = str(min(draw(st.sampled_from([0, 1, 3, 16])), shape["keys"]))
    if draw(st.booleans()):
        mapped["room"] = str(shape["keys"] + draw(st.integers(0, 90)))
    vectors = shape["heads"] // shape["kv_heads"] * shape["queries"]
    features = -(-shape["value_dim"] // {"gddr6-aim": 16, "hbm3-pim": 32}[name])
    host = {
        "channels": draw(st.integers(1, 4)),
        "organisation.row": draw(st.sampled_from(["64B", "256B", "1KiB"])),
        "buffer": f"{max(vectors, draw(st.sampled_from([1, 5, 16, 32, 64]))) * 32}B",
        "accumulators": max(features, draw(st.sampled_from([1, 2, 4, 16]))),
        "refresh": draw(st.sampled_from(["off", "all-bank", "per-bank"])),
        "REFI": 900,
        "postponed": draw(st.sampled_from(["true", "false"])),
        "activation": draw(st.sampled_from(["none", "stretched-ccd", "tfaw-act4"])),
    }
    return f"attention:{_listed(shape)}", f"{name}:{_listed(host)}", f"bank-parallel-attention:{_listed(mapped)}"


def _listed(values: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def on_banks(nests: Any, einsum: str) -> InBanks:
    (found,) = (nest for nest in nests if isinstance(nest, InBanks) and nest.operation.name == einsum)
    return found


def check(product: InBanks, values: dict[str, Any]) -> int:
    """Every part of the result has the oracle's bits, and their sum is near the exact one; how many parts there are."""
    parts = banks_make(product, values)
    storage = product.schedule.types[product.operation.name].storage
    for part, found in parts.items():
        assert np.array_equal(storage.rounded(found), oracle_part(product, values, part))
    if len(parts) == 1:
        assert np.array_equal(storage.rounded(found), oracle(product, values, product.schedule.types))
    assert (np.abs(together(parts) - oracle(product, values)) <= error_bound(product, values)).all()
    return len(parts)


# ------------------------------------------------------------------------------------------------------------- by hand


def test_a_score_and_two_values_by_hand() -> None:
    """One head of two keys, the second one appended: q · k = 5 and 8, and weights 1/2, 1 of values (2, 4), (8, 16)."""
    work = "attention:queries=1,keys=2,head_dim=2,value_dim=2"
    nests = products(work, f"gddr6-aim:channels=1,{QUIET}", "bank-parallel-attention:choose.keys=by-head")
    query, keys = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [2.0, 3.0]])  # [e], [e, m]: keys (1, 2) and (2, 3)
    found = banks_make(on_banks(nests, "QK"), {"Q": query.reshape(1, 1, 1, 2, 1), "K": keys.reshape(1, 1, 2, 2)})
    assert together(found).ravel().tolist() == [5.0, 8.0]
    weights, values = np.array([0.5, 1.0]), np.array([[2.0, 8.0], [4.0, 16.0]])  # [m], [f, m]
    found = banks_make(on_banks(nests, "SNV"), {"SN": weights.reshape(1, 1, 1, 2, 1), "V": values.reshape(1, 1, 2, 2)})
    assert together(found).ravel().tolist() == [9.0, 18.0]


def test_a_long_sum_over_two_channels_loses_less() -> None:
    """2^24 and 31 ones: key by key all ones are lost; of two channels the second has sixteen of them for itself."""
    work, arch = "attention:queries=1,keys=32,head_dim=1,value_dim=1", f"gddr6-aim:channels=2,{QUIET}"
    weights, values = np.ones((1, 1, 1, 32, 1)), np.ones((1, 1, 1, 32))
    values[0, 0, 0, 0] = 2.0**24
    for layout, parts in (("key-by-key", [2.0**24]), ("keys-over-channels", [2.0**24, 16.0])):
        nests = products(work, arch, f"bank-parallel-attention:choose.values={layout}")
        made = banks_make(on_banks(nests, "SNV"), {"SN": weights, "V": values})
        assert [part.item() for part in made.values()] == parts


# ---------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=80, deadline=None)
@given(references(), st.integers(0, 2**32 - 1))
def test_scores_are_the_oracles(case: References, seed: int) -> None:
    """Keys in any layout, and queries of all heads that share them: one sum, or of each part of a query one."""
    product = on_banks(products(*case), "QK")
    parts = check(product, drawn(product, np.random.default_rng(seed)))
    assert parts == product.task.placement.parts


@settings(max_examples=80, deadline=None)
@given(references(), st.integers(0, 2**32 - 1))
def test_sums_of_values_are_the_oracles(case: References, seed: int) -> None:
    """Values in any layout: one sum, or of each channel and each part of the weights one."""
    product = on_banks(products(*case), "SNV")
    parts = check(product, drawn(product, np.random.default_rng(seed)))
    over = product.walk.used("channels") if "keys-over-channels" in case[2] else 1
    assert parts == product.task.placement.parts * over


@settings(max_examples=70, deadline=None)
@given(references(), st.integers(0, 2**32 - 1))
def test_attention_is_the_oracles(case: References, seed: int) -> None:
    """Bit for bit where sums are one part; else as far off as sums in another order make it."""
    nests, generator = products(*case), np.random.default_rng(seed)
    scores, sums = on_banks(nests, "QK"), on_banks(nests, "SNV")
    values = drawn(scores, generator) | drawn(sums, generator, ("V",))
    sizes = {rank: int(family.size) for nest in (scores, sums) for rank, family in nest.schedule.families.items()}
    types = {name: kind for nest in nests for name, kind in _schedule(nest).types.items()}
    theirs = evaluate(ATTENTION, values, make_grid(ATTENTION, sizes), types=types)
    ours = in_turn(nests, values)
    alike = scores.task.placement.parts == 1, sums.task.placement.parts == 1 and "over-channels" not in case[2]
    if alike[0]:
        assert all(np.array_equal(ours[name], theirs[name]) for name in ("QK", "GM", "SN", "SD"))
    if all(alike):
        assert np.array_equal(ours["AV"], theirs["AV"])
    off = 0.0 if alike[0] else 4 * float(error_bound(scores, values).max())  # of two scores' difference
    assert (np.abs(ours["AV"] - theirs["AV"]) <= _bound(values["V"], sizes["m"], off, alike[0])).all()


def _schedule(nest: Any) -> Any:
    return nest.schedule if isinstance(nest, InBanks) else nest


def _bound(values: Any, keys: int, off: float, same_weights: bool) -> float:
    """How far a mean of values may be off: by weights, which are off by a factor and a rounding to 8 bits, above and
    below the line; by sums in fp32; and by a rounding of the result."""
    weights = 0.0 if same_weights else float(np.expm1(off)) + 2.0**-8
    return float(np.abs(values).max()) * (2 * weights + 4 * keys * 2.0**-23 + 2.0**-8)


# ------------------------------------------------------------------------------------------------------------ coverage


@pytest.mark.parametrize("name", ["gddr6-aim", "hbm3-pim"])
@pytest.mark.parametrize(("append", "room"), [(1, 37), (3, 37), (3, 70), (16, 70), (37, 64)])
@pytest.mark.parametrize(("buffer", "row"), [(4, "256B"), (6, "64B"), (64, "1KiB")])
def test_every_layout(name: str, append: int, room: int, buffer: int, row: str) -> None:
    """Two of a batch, two heads of two queries each; a buffer of one column, less than a head, and all."""
    work = "attention:batch=2,heads=4,kv_heads=2,queries=2,keys=37,head_dim=35,value_dim=18"
    arch = f"{name}:channels=3,buffer={32 * buffer}B,organisation.row={row},accumulators=4,refresh=off"
    for layouts in zip(KEYS, VALUES, strict=True):
        settled = ",".join(f"choose.{kind}={each}" for kind, each in zip(("keys", "values"), layouts, strict=True))
        nests = products(work, arch, f"bank-parallel-attention:{settled},append={append},room={room}")
        for einsum in ("QK", "SNV"):
            product = on_banks(nests, einsum)
            check(product, drawn(product, np.random.default_rng(append)))


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("einsum", ["QK", "SNV"])
def test_without_a_write_a_mac_finds_no_number(keys: str, values: str, einsum: str) -> None:
    """A check of the check: the last write of the channel is left out."""
    settled = f"choose.keys={keys},choose.values={values},append=3"
    work = "attention:heads=4,kv_heads=2,queries=1,keys=37,head_dim=20,value_dim=18"
    nests = products(work, f"gddr6-aim:channels=1,accumulators=2,{QUIET}", f"bank-parallel-attention:{settled}")
    product = on_banks(nests, einsum)
    operands = drawn(product, np.random.default_rng(1))
    banks_make(product, operands)
    append = product.task.append
    assert isinstance(append, Append)
    less = replace(append, program=append.program[:-1], channels={0: append.program[:-1]})
    with pytest.raises((AssertionError, KeyError)):
        banks_make(replace(product, task=replace(product.task, append=less)), operands)
