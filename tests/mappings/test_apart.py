"""Nests taken apart by tensor: put together again, they are what binding makes of the whole."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import count, mapping
from mappings.apart import apart, is_separable, joined, kept_of, numbers_of, share_of
from mappings.bind import bind_all
from specs import Loaded, SpecError
from workloads import cascade, workload

HOST = machine("tests/explore/three-memories.yaml:outer.size=400B")
ORDERS = [
    ["m2", "n2", "k1", "m1", "n1"], ["k1", "m2", "n2", "n1", "m1"], ["n2", "k1", "m2", "m1", "n1"],
]  # fmt: skip
PRODUCT: Loaded[Any] = mapping("tests/explore/two-level-product.yaml")
GEMM, WORK = cascade("gemm"), workload("gemm:M=30,N=50,K=9")
KEPT = st.sampled_from(["none", "*", *ORDERS[0]])
KEEPS = st.fixed_dictionaries({(level, name): KEPT for level in ("outer", "buffer") for name in "ABC"})


def nest(order: list[str], keeps: dict[tuple[str, str], str], extents: Any = 4) -> Loaded[Any]:
    """The product with these loops and keeps."""
    keep: dict[str, dict[str, str]] = {"outer": {}, "buffer": {}}
    for (level, name), loop in keeps.items():
        if loop != "none":
            keep[level][name] = loop
    parts = PRODUCT.model.partition | {"m": {"m2": "rest", "m1": 4, "m0": extents}}
    return replace(PRODUCT, model=PRODUCT.model.model_copy(update={"loops": order, "keep": keep, "partition": parts}))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ORDERS), KEEPS)
def test_shares_put_together_are_what_binding_makes_of_the_whole(order: list[str], keeps: Any) -> None:
    """Counts, bytes, rows and what does not fit; and it makes no sense only if one tensor's keeps make none."""
    whole = nest(order, keeps, np.array([1, 2, 4]))
    alone = apart(GEMM, WORK, HOST, whole, ("A", "B", "C"))
    shares, wrong = [], False
    for name in "ABC":
        try:
            shares.append(share_of(alone, *kept_of(alone, whole, name), name))
        except SpecError:
            wrong = True
    try:
        expected = bind_all(GEMM, WORK, HOST, whole)
    except SpecError:
        assert wrong
        return
    assert not wrong
    made = joined(alone, shares)
    known, found = count(expected), count(made)
    assert known.moved.keys() == found.moved.keys()
    assert all(np.all(known.moved[key] == found.moved[key]) for key in known.moved)
    for level, action in itertools.product(HOST.memories, ("read", "write")):
        assert np.all(known.level_rows(level, action) == found.level_rows(level, action))
        assert np.all(known.filled_rows(level, action, 64) == found.filled_rows(level, action, 64))
    operation, other = known.operations["C"], found.operations["C"]
    for name in ("points", "slots", "cycles", "arrivals", "accumulations"):
        assert np.all(getattr(operation, name) == getattr(other, name))
    unfit = [np.any([np.broadcast_to(where, 3) for where, _ in each.infeasible], axis=0) for each in (expected, made)]
    assert (unfit[0] == unfit[1]).all()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ORDERS), KEEPS, KEEPS)
def test_what_a_tensor_moves_depends_on_its_own_keeps_alone(order: list[str], keeps: Any, others: Any) -> None:
    """Other keeps of other tensors: the same accesses, counted by binding the whole."""
    mixed = {key: loop if key[1] == "A" else others[key] for key, loop in keeps.items()}
    try:
        one, two = (count(bind_all(GEMM, WORK, HOST, nest(order, each))) for each in (keeps, mixed))
    except SpecError:
        return
    own = [
        {a.access: (a.visits, a.words, a.rows) for a in each.accesses if a.access.tensor == "A"} for each in (one, two)
    ]
    assert own[0] == own[1]


def test_by_hand() -> None:
    """A in the buffer for the whole run: 30 × 9 words come once, and take 540 B."""
    whole = nest(ORDERS[0], {("buffer", "A"): "*"})
    alone = apart(GEMM, WORK, HOST, whole, ("A",))
    share = share_of(alone, *kept_of(alone, whole, "A"), "A")
    assert share.moved["dram", "A", "read"] == share.moved["buffer", "A", "write"] == 540
    assert numbers_of(share)["room", "buffer"] == 540


def test_where_a_level_spills_or_a_part_is_fitted_tensors_are_not_apart() -> None:
    """What of them is moved there depends on all that is kept."""
    found: list[Loaded[Any]] = [PRODUCT, mapping("tests/explore/spilling-product.yaml"), mapping("fusemax-binding")]
    assert [is_separable(each.model) for each in found] == [True, False, False]
