"""Laws of the analytic model, and cases that a person can check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import MAPPINGS, MappingSpec, bind, count, mapping, schedule
from sim import Analysis, analyse, latency, simulate
from sim.analytic import memory_cycles
from specs import Infeasible, SpecError, read_text, validate
from tests.mappings.drawing import Drawn, cascade_text, make_cascade, triples
from workloads import quotient, workload


def test_one_tile_row_of_bert_by_hand() -> None:
    """E = F = 64, four key tiles: 154 cycles a tile on the 1D array, 137 on the 2D array (facts of the paper)."""
    record = simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding")
    tiles = 64 * 12 * 4 * 4
    assert record.cycles == 154 * tiles
    assert record.utilization == {"array_2d": 137 / 154, "array_1d": 1.0}
    assert record.latency_s == pytest.approx(2.013140e-3, rel=1e-6)
    assert sum(record.traffic_bytes["dram"].values()) == 402653184
    assert record.bound_by == "array_1d"


def test_the_round_trip_of_the_maximum_is_no_units_work() -> None:
    record = simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-architecture")
    tiles = 64 * 12 * 4 * 4
    assert record.cycles == (65 + 256 + 1 + 8 + 128) * tiles
    assert record.busy["array_1d"] == pytest.approx(154 / 458)


def test_a_narrow_memory_bounds() -> None:
    record = simulate("bert:seq_len=1Ki", "fusemax-cloud:dram.bandwidth=40GiB/s", "fusemax-binding")
    assert record.bound_by == "dram"
    assert record.latency_s == 402653184 / (40 * 2**30)
    assert record.cycles == -(-402653184 * 940_000_000 // (40 * 2**30))


def test_overlap_orders_the_latencies() -> None:
    """Units that overlap are never slower than epochs, and epochs never slower than no overlap."""
    text = MAPPINGS.path("fusemax-binding").read_text()
    cycles = {}
    for overlap in ("none", "units", "epochs"):
        head, tail = text.split("overlap: epochs\n")
        epochs = tail if overlap == "epochs" else tail[tail.index("interleave:") :]
        made_of = read_text(f"{head}overlap: {overlap}\n{epochs}", "m.yaml")
        loaded = validate(made_of, MappingSpec, "mapping")
        _, made = schedule(workload("bert:seq_len=4Ki"), machine("fusemax-cloud"), loaded)
        cycles[overlap] = analyse(made).latency.cycles
    assert cycles["units"] <= cycles["epochs"] <= cycles["none"]


@settings(max_examples=40)
@given(triples())
def test_no_unit_and_no_memory_is_faster_than_its_load(drawn: Drawn) -> None:
    counts = count(drawn.schedule)
    found = latency(drawn.schedule, counts)
    for unit, load in found.unit_cycles.items():
        assert counts.unit_slots(unit) <= load * drawn.machine.units[unit].elements
        assert load <= found.cycles
    for seconds in found.memory_s.values():
        assert seconds <= found.latency_s
    assert found.latency_s * drawn.machine.clock_hz <= found.cycles * (1 + 1e-12)


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(1, 3000), st.booleans(), st.integers(1, 500))
def test_renaming_every_rank_and_tensor_changes_no_cost(queries: int, keys: int, causal: bool, window: int) -> None:
    work = workload(f"attention:heads=4,kv_heads=2,queries={queries},keys={keys},causal={str(causal).lower()}")
    text = MAPPINGS.path("fusemax-binding").read_text()
    plain, other = make_cascade("attention-1pass"), make_cascade("attention-1pass", renamed=True)
    assert plain.einsums[0].name != other.einsums[0].name
    costs = []
    for found, file in ((plain, text), (other, renamed(text))):
        loaded = validate(read_text(file, "m.yaml"), MappingSpec, "mapping")
        analysis = analyse(bind(found, work, machine("fusemax-cloud"), loaded))
        costs.append((analysis.latency, analysis.energy.by_component_j, analysis.area_mm2))
    assert costs[0] == costs[1]


def renamed(text: str) -> str:
    """A mapping with the names that `cascade_text(..., renamed=True)` gives."""
    import re

    from tests.mappings.drawing import RENAMED

    assert cascade_text("attention-1pass", True) != cascade_text("attention-1pass")
    return re.sub(r"\b(" + "|".join(RENAMED) + r")\b", lambda match: RENAMED[match[1]], text)


SWEPT = st.fixed_dictionaries(
    {
        "side": st.sampled_from([16, 100, 128, 256]),
        "buffer": st.sampled_from([2**22, 2**24, 3 * 2**23]),
        "bandwidth": st.integers(10, 3000).map(lambda g: g * 2**30),
        "queries": st.integers(1, 5000),
        "keys": st.integers(1, 5000),
        "batch": st.integers(1, 64),
        "window": st.integers(1, 5000),
    }
)


def at(point: Mapping[str, Any], causal: bool, windowed: bool, name: str) -> Analysis:
    """The analysis of one point, or of arrays of points."""
    base = machine("flat-cloud" if name == "fusemax-cascade" else "fusemax-cloud")
    built = base.with_values(
        {
            "array_2d.rows": point["side"],
            "array_2d.cols": point["side"],
            "array_1d.lanes": point["side"],
            "buffer.size": point["buffer"],
            "dram.bandwidth": point["bandwidth"],
        }
    )
    work = workload("attention:queries=1,keys=1,heads=4,kv_heads=2")
    sizes = {key: point[key] for key in ("queries", "keys", "batch")}
    settings_ = {"causal": causal, "window": point["window"] if windowed else None}
    work = replace(work, values={**work.values, **sizes}, settings=settings_)
    _, made = schedule(work, built, mapping(name))
    return analyse(made)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(SWEPT, min_size=2, max_size=6),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["fusemax-binding", "fusemax-cascade", "fusemax-architecture", "fusemax-decode"]),
)
def test_arrays_of_points_equal_the_points_one_by_one(
    points: list[dict[str, int]], causal: bool, windowed: bool, name: str
) -> None:
    together = at({key: np.array([p[key] for p in points]) for key in points[0]}, causal, windowed, name)
    unfit = np.zeros(len(points), dtype=bool)
    for condition, _ in together.schedule.infeasible:
        unfit |= condition
    for i, point in enumerate(points):
        try:
            one = at(point, causal, windowed, name)
        except Infeasible:
            assert unfit[i]
            continue
        assert not unfit[i]
        each = np.broadcast_to
        assert each(together.latency.latency_s, len(points))[i] == pytest.approx(one.latency.latency_s, rel=1e-12)
        assert each(together.latency.bound_by, len(points))[i] == one.latency.bound_by
        assert each(together.energy.total_j, len(points))[i] == pytest.approx(one.energy.total_j, rel=1e-9)
        assert each(together.area_mm2, len(points))[i] == pytest.approx(one.area_mm2, rel=1e-12)
        for einsum in one.counts.operations:
            assert each(together.share(einsum), len(points))[i] == pytest.approx(one.share(einsum), rel=1e-12)


def test_counts_beyond_64_bits_are_refused_for_one_point_and_for_arrays() -> None:
    with pytest.raises(SpecError) as caught:
        simulate("bert:seq_len=16Gi", "fusemax-cloud", "fusemax-binding")
    assert str(caught.value) == (
        "the number of operation slots of 'QK' is 14507109835375550096474112, beyond 2^63 - 1 = 9223372036854775807; "
        "make the workload smaller"
    )
    big = {
        "side": np.array([256, 256]),
        "buffer": 2**24,
        "bandwidth": 2**38,
        "queries": np.array([1024, 2**34]),
        "keys": np.array([1024, 2**34]),
        "batch": 64,
        "window": 1,
    }
    with pytest.raises(SpecError, match=r"a count of a design point, beyond 2\^63 - 1"):
        at(big, False, False, "fusemax-binding")


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown model 'cycles'; did you mean 'cycle'\\? allowed: analytic, cycle"):
        simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding", model="cycles")


@given(
    st.lists(st.tuples(st.integers(0, 2**52), st.integers(1, 2**59)), min_size=1, max_size=8),
    st.sampled_from([940_000_000, 2**30, 1e9 + 1 / 3, 123_456_789.5]),
    st.booleans(),
)
def test_cycles_of_a_memory_are_exact_for_arrays(points: list[tuple[int, int]], clock: float, whole: bool) -> None:
    rates = [rate if whole else rate / 1024 for _, rate in points]
    kept = [i for i, (moved, _) in enumerate(points) if moved * clock / rates[i] < 2**62]
    moved, rate = np.array([points[i][0] for i in kept], dtype=np.int64), np.array([rates[i] for i in kept])
    expected_cycles = [memory_cycles(points[i][0], clock, rates[i]) for i in kept]
    if kept:
        assert memory_cycles(moved, clock, rate).tolist() == expected_cycles


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(1, 2**62)), min_size=1, max_size=8))
def test_quotients_of_arrays_are_those_of_their_elements(points: list[tuple[int, int]]) -> None:
    tops, bottoms = (np.array(each, dtype=np.int64) for each in zip(*points, strict=True))
    assert quotient(tops, bottoms).tolist() == [top / bottom for top, bottom in points]
