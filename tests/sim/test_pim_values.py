"""Values that move through DRAM banks are those of the oracle in the declared types."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.dram.channel import run, trace
from tests.sim.pim_cases import QUIET, Case, cases, widths
from tests.sim.pim_values import LANES, multiply
from workloads import cascade
from workloads.oracle import evaluate, make_grid
from workloads.types import tensor_types

GEMV = cascade("gemv")


def drawn(case: Case, seed: int) -> tuple[Any, Any]:
    """A matrix and a vector, as they are stored, whose sums depend on the order of their terms."""
    rounded = case.schedule().types["W"].storage.rounded
    generator = np.random.default_rng(seed)
    scale = 2.0 ** generator.integers(-9, 9, (case.m, case.n))
    return rounded(generator.normal(size=scale.shape) * scale), rounded(generator.normal(size=case.n))


def executed(case: Case, matrix: Any, vector: Any, tree: bool = False) -> list[Any]:
    task = case.task()
    issued = trace(run(task.device, task.program, expand=True).issued)
    return multiply(task, issued, matrix, vector, tree)


def oracle(matrix: Any, vector: Any, types: Any) -> Any:
    """The sum over n, one product after the other from the first on, in fp32; then as y is stored."""
    m, n = matrix.shape
    return evaluate(GEMV, {"W": matrix, "x": vector}, make_grid(GEMV, {"m": m, "n": n}), types=types)["y"]


def included(case: Case) -> Case:
    """The same with operands that come and results that go: the others move no values."""
    return Case(case.m, case.n, case.arch, case.mapping.replace("excluded", "included"))


def test_three_numbers_by_hand() -> None:
    """2^24 + 1 is 2^24 in fp32: term by term both ones are lost, in an adder tree they meet first."""
    matrix, vector = np.array([[0.0, 2.0**12, 1.0, 1.0]]), np.array([1.0, 2.0**12, 1.0, 1.0])
    case = Case(1, 4, f"gddr6-aim:channels=1,{QUIET}")
    assert executed(case, matrix, vector)[0].tolist() == [2.0**24]
    assert executed(case, matrix, vector, tree=True)[0].tolist() == [2.0**24 + 2]


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1))
def test_one_part_gives_the_oracles_bits(case: Case, seed: int) -> None:
    """With a vector that fits into the buffer each output is one sum, in the oracle's order, stored as declared."""
    device = case.task().device
    room = device.buffer_bytes // device.organisation.column_bytes * LANES
    case = included(Case(min(case.m, 200), min(case.n, room), case.arch, case.mapping))
    matrix, vector = drawn(case, seed)
    (sums,) = executed(case, matrix, vector)
    types = case.schedule().types
    assert types["W"].storage.name == types["x"].storage.name == ("bf16" if "gddr6" in case.arch else "fp16")
    assert types["y"].accumulation.name == "fp32"
    assert np.array_equal(types["y"].storage.rounded(sums), oracle(matrix, vector, types))


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1))
def test_each_part_gives_the_oracles_bits(case: Case, seed: int) -> None:
    """Parts of the vector that come one after the other make sums of their own, which are added outside."""
    case = included(Case(min(case.m, 200), min(case.n, 600), case.arch, case.mapping))
    matrix, vector = drawn(case, seed)
    found, at = executed(case, matrix, vector), 0
    operands = case.schedule().types["W"].storage.name
    types = tensor_types(GEMV, {"W": operands, "x": operands, "y": "fp32"})
    for sums, width in zip(found, widths(case, case.task()), strict=True):
        span = slice(at * LANES, (at + width) * LANES)
        assert np.array_equal(sums, oracle(matrix[:, span], vector[span], types))
        at += width
    in_all, exact = reduce(np.add, found), matrix @ vector
    error = np.abs(matrix) @ np.abs(vector) * case.n * 2.0**-23
    assert (np.abs(in_all - exact) <= error).all()


@pytest.mark.parametrize("tree", [False, True])
def test_another_order_differs_in_the_last_places_only(tree: bool) -> None:
    case = Case(300, 700, f"gddr6-aim:channels=2,{QUIET}")
    matrix, vector = drawn(case, 1)
    (sums,) = executed(case, matrix, vector, tree)
    theirs = oracle(matrix, vector, tensor_types(GEMV, {"W": "bf16", "x": "bf16", "y": "fp32"}))
    assert np.array_equal(sums, theirs) != tree
    assert (np.abs(sums - theirs) <= np.abs(matrix) @ np.abs(vector) * 700 * 2.0**-23).all()
