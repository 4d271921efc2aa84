"""Systolic matrix products by the cycle model: SCALE-Sim's formulas, an element-by-element array, and the laws of rung 1."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import mapping, schedule
from sim import simulate
from sim.lowering import lower
from sim.packing import Packed, pack
from sim.running import EVERYTHING, run
from tests.sim.systolic_reference import Fold, Trace, output_stationary, weight_stationary
from workloads import workload

STATIONARY = ("output", "weight", "input")


def product(m: int, n: int, k: int, rows: int, cols: int, name: str, overlap: str = "off") -> tuple[str, str, str]:
    """The references of a matrix product on a systolic array."""
    return f"gemm:M={m},N={n},K={k}", f"systolic:rows={rows},cols={cols}", f"{name}-stationary:fold_overlap={overlap}"


def made(m: int, n: int, k: int, rows: int, cols: int, name: str, overlap: str = "off") -> Packed:
    work, host, by = product(m, n, k, rows, cols, name, overlap)
    _, bound = schedule(workload(work), machine(host), mapping(by))
    return pack(lower(bound))


def makespan(packed: Packed) -> int:
    return int(run(packed).cycles[0])


def folds(packed: Packed, jump: bool) -> list[Fold]:
    """The folds of a run, from the events of their entries."""
    stream = next(e for e in packed.program.entries if e.operations)
    records = run(packed, jump, EVERYTHING, 10_000).records
    preloads = {r.tile: r.start for r in records if r.entry != stream.name}
    return [
        Fold(
            preloads.get(r.tile),
            r.start,
            r.start + int(stream.marks["last beat"][0, 1]),
            r.start + int(stream.done[0, 1]),
        )
        for r in sorted(records, key=lambda r: r.tile)
        if r.entry == stream.name
    ]


@pytest.mark.parametrize(
    ("gemm", "side", "name", "cycles"),
    [
        ((1024, 1024, 64), 32, "output", 129024),
        ((1024, 1024, 64), 32, "weight", 71552),
        ((1024, 1024, 64), 256, "output", 9184),
        ((1024, 1024, 64), 256, "weight", 7160),
        ((1024, 64, 1024), 32, "output", 69504),
        ((1024, 64, 1024), 256, "output", 6136),
    ],
)
def test_scale_sims_examples_are_one_cycle_short(gemm: tuple[int, int, int], side: int, name: str, cycles: int) -> None:
    m, n, k = gemm
    assert simulate(*product(m, n, k, side, side, name), model="cycle").cycles == cycles


@settings(max_examples=320, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(STATIONARY),
)
def test_folds_follow_scale_sims_formula_plus_one(m: int, n: int, k: int, rows: int, cols: int, name: str) -> None:
    along_rows, along_cols, beats = {"output": (m, n, k), "weight": (k, n, m), "input": (k, m, n)}[name]
    count_ = ceil(along_rows / rows) * ceil(along_cols / cols)
    fill = rows if name == "output" else 2 * rows
    assert makespan(made(m, n, k, rows, cols, name)) == count_ * (beats + fill + cols - 2)


small = st.integers(1, 9)


def reference(a: np.ndarray, b: np.ndarray, rows: int, cols: int, name: str, overlap: bool) -> Trace:
    if name == "output":
        return output_stationary(a, b, rows, cols, overlap)
    if name == "weight":
        return weight_stationary(a, b, rows, cols, overlap)
    turned = weight_stationary(b.T, a.T, rows, cols, overlap)  # (A·B)ᵀ = Bᵀ·Aᵀ
    return Trace(turned.folds, turned.product.T)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(small, small, small, st.integers(1, 4), st.integers(1, 4), st.sampled_from(STATIONARY), st.booleans())
def test_every_event_of_every_fold_is_the_element_by_element_arrays(
    m: int, n: int, k: int, rows: int, cols: int, name: str, overlap: bool
) -> None:
    rng = np.random.default_rng(m * 1000 + n * 100 + k)
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    seen = reference(a, b, rows, cols, name, overlap)
    np.testing.assert_allclose(seen.product, a @ b, rtol=1e-12, atol=1e-12)
    packed = made(m, n, k, rows, cols, name, "on" if overlap else "off")
    assert folds(packed, jump=True) == seen.folds
    assert folds(packed, jump=False) == seen.folds
    assert makespan(packed) == seen.folds[-1].done


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 500),
    st.integers(1, 500),
    st.integers(1, 500),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(STATIONARY),
    st.sampled_from(["off", "on"]),
    st.sampled_from(["", ",dram.bandwidth=1GiB/s"]),
)
def test_stalls_gap_and_counts_obey_the_laws_of_the_ladder(
    m: int, n: int, k: int, rows: int, cols: int, name: str, overlap: str, memory: str
) -> None:
    work, host, by = product(m, n, k, rows, cols, name, overlap)
    cycle, analytic = simulate(work, host + memory, by, model="cycle"), simulate(work, host + memory, by)
    assert (cycle.actions, cycle.traffic_bytes) == (analytic.actions, analytic.traffic_bytes)
    assert cycle.cycles >= analytic.cycles
    assert cycle.stall_cycles is not None and cycle.gap_cycles is not None
    busy = sum(cycle.cycles_by_einsum["array"].values())
    assert sum(cycle.stall_cycles["array"].values()) == cycle.cycles - busy
    assert sum(cycle.gap_cycles.values()) == cycle.cycles - analytic.cycles


def test_overlapped_folds_hide_the_drain_but_for_the_last() -> None:
    assert makespan(made(64, 64, 100, 8, 8, "output", "on")) == 64 * 100 + 14
    assert makespan(made(4, 64, 64, 8, 8, "weight", "on")) == 8 + 63 * 8 + 4 + 14  # loads are longer than streams


def test_a_trillion_folds_take_a_moment() -> None:
    assert makespan(made(2**22, 2**22, 2**10, 4, 4, "output")) == 2**40 * (1024 + 6)


def test_blocks_take_so_many_times_as_long_with_their_stalls_and_gaps() -> None:
    work = "attention:queries=8,keys=8,d_model=64,d_ff=64,part=end-to-end"
    one, many = (simulate(f"{work},blocks={n}", "fusemax-edge", "fusemax-binding", "cycle") for n in (1, 12))
    assert many.cycles == 12 * one.cycles
    assert many.stall_cycles is not None and one.stall_cycles is not None
    assert many.stall_cycles == {
        unit: {cause: 12 * cycles for cause, cycles in causes.items()} for unit, causes in one.stall_cycles.items()
    }
    assert many.energy_j == pytest.approx(12 * one.energy_j)  # type: ignore[operator]
    assert many.utilization == pytest.approx(one.utilization)
