"""A matrix in DRAM banks times several vectors, in turn, together and by sixteen, gives the oracle's values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.pim_products import InBanks, banks_make, drawn, error_bound, oracle, oracle_part, products, together

ORDERS = ("in-turn", "together", "by-sixteen")
References = tuple[str, str, str]


@st.composite
def references(draw: Any) -> References:
    """Small products of two matrices, with a buffer that holds a column of each vector that is taken at once."""
    name, order = draw(st.sampled_from(["gddr6-aim", "hbm3-pim"])), draw(st.sampled_from(ORDERS))
    m, n, k = draw(st.integers(1, 120)), draw(st.integers(1, 20)), draw(st.integers(1, 400))
    at_once = {"in-turn": 1, "together": n, "by-sixteen": min(n, 16)}[order]
    keys = {
        "channels": draw(st.integers(1, 4)),
        "organisation.row": draw(st.sampled_from(["64B", "256B", "1KiB"])),
        "buffer": f"{max(at_once, draw(st.sampled_from([1, 5, 16, 32, 64]))) * 32}B",
        "accumulators": draw(st.sampled_from([1, 2, 4])),
        "refresh": draw(st.sampled_from(["off", "all-bank", "per-bank"])),
        "activation": draw(st.sampled_from(["none", "stretched-ccd", "tfaw-act4"])),
    }
    arch = f"{name}:{','.join(f'{key}={value}' for key, value in keys.items())}"
    rows = draw(st.sampled_from(["packed", "padded"]))
    return f"gemm:M={m},N={n},K={k}", arch, f"bank-parallel-gemm:choose.vectors={order},rows={rows}"


def product_of(case: References) -> InBanks:
    (product,) = products(*case)
    assert isinstance(product, InBanks)
    return product


def check(product: InBanks, values: dict[str, Any]) -> dict[Any, Any]:
    parts = banks_make(product, values)
    for part, found in parts.items():
        assert np.array_equal(found, oracle_part(product, values, part))
    assert (np.abs(together(parts) - oracle(product, values)) <= error_bound(product, values)).all()
    return parts


@pytest.mark.parametrize("order", ORDERS)
def test_two_vectors_by_hand(order: str) -> None:
    """(1, 2; 3, 4) times (1, 10; 1, 100) is (3, 210; 7, 430)."""
    case = "gemm:M=2,N=2,K=2", "gddr6-aim:channels=1,refresh=off", f"bank-parallel-gemm:choose.vectors={order}"
    left, right = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 10.0], [1.0, 100.0]])
    product = product_of(case)
    assert (product.walk.matrix, product.walk.vector) == ("A", "B")
    values = {"A": left, "B": right}
    found = together(banks_make(product, values))
    assert found.tolist() == [[3.0, 210.0], [7.0, 430.0]]


@settings(max_examples=80, deadline=None)
@given(references(), st.integers(0, 2**32 - 1))
def test_several_vectors_give_the_oracles_bits(case: References, seed: int) -> None:
    """Each part of a vector is a sum in the oracle's order; of one part that is the oracle's result."""
    product = product_of(case)
    values = drawn(product, np.random.default_rng(seed))
    parts = check(product, values)
    assert len(parts) == product.task.placement.parts
    if len(parts) == 1:
        assert np.array_equal(together(parts), oracle(product, values, product.schedule.types))


@settings(max_examples=40, deadline=None)
@given(references(), st.integers(0, 2**32 - 1))
def test_the_order_of_vectors_changes_no_bit_of_a_whole_sum(case: References, seed: int) -> None:
    work, arch, _ = case
    _, n, k = (int(each.split("=")[1]) for each in work.split(","))
    columns = -(-k // 16)
    arch = f"{arch.split(',')[0]},buffer={32 * n * columns}B,organisation.row={32 * columns}B,refresh=off"
    found = []
    for order in ORDERS:
        product = product_of((work, arch, f"bank-parallel-gemm:choose.vectors={order}"))
        parts = check(product, drawn(product, np.random.default_rng(seed)))
        assert len(parts) == 1
        found.append(together(parts))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
