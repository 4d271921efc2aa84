"""The law of rung 0: closed-form counts equal a brute-force interpreter's, and its numbers equal the oracle's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mappings import count
from mappings.interpreter import interpret
from tests.mappings.drawing import Drawn, triples
from workloads.oracle import evaluate, make_grid


def drawn_inputs(drawn: Drawn, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    family_of = drawn.cascade.family_of
    inputs = {}
    for name, tensor in drawn.cascade.tensors.items():
        if tensor.role == "input":
            families = dict.fromkeys(family_of[r] for r in tensor.ranks)
            inputs[name] = rng.uniform(-2, 2, [drawn.sizes[f] for f in families])
    return inputs


def oracle_outputs(drawn: Drawn, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    inner = {p.name: p.extent for f in drawn.schedule.families.values() for p in f.parts if p.extent is not None}
    grid = make_grid(drawn.cascade, drawn.sizes, inner)
    return evaluate(drawn.cascade, inputs, grid, drawn.schedule.band)


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(triples())
def test_counts_equal_the_interpreters_and_its_numbers_the_oracles(drawn: Drawn) -> None:
    inputs = drawn_inputs(drawn)
    brute = interpret(drawn.schedule, drawn.cascade, inputs)
    counts = count(drawn.schedule)
    expected = oracle_outputs(drawn, inputs)
    for name in drawn.cascade.outputs:
        np.testing.assert_allclose(brute.outputs[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
    for name, counted in counts.operations.items():
        found = (counted.points, counted.cycles, counted.arrivals, counted.accumulations)
        tally = brute.tally
        assert found == (
            tally.points[name],
            tally.cycles[name],
            tally.arrivals[name],
            tally.accumulations[name],
        ), name
    for counted_access in counts.accesses:
        access = counted_access.access
        contacts = (counted_access.visits, counted_access.words, counted_access.rows)
        assert contacts == (brute.tally.visits[access], brute.tally.words[access], brute.tally.rows[access]), access
