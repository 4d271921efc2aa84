"""The cycle model of attention: the laws of the ladder on drawn machines, mappings and sizes, and what users see."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import count, mapping, schedule
from sim import Engine, simulate
from sim.cycle import GAP_TERMS, cycle_latency, packed
from sim.events import events, record, slices
from sim.lowering import lower
from sim.packing import pack
from sim.running import EVERYTHING, run
from sim.streams import drawn as drawn_stops
from sim.streams import stops_of
from sim.trace import STALL, totals
from specs import Infeasible, SpecError
from workloads import workload

CLOUD = ("bert:seq_len=16Ki", "fusemax-cloud", "fusemax-binding")


@st.composite
def cases(draw: Any) -> tuple[str, str, str]:
    """References of a small attention on a small machine."""
    rows, cols = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    arch = {
        "array_2d.rows": rows,
        "array_2d.cols": cols,
        "array_2d.registers": 64,
        "array_1d.registers": 512,
        "array_2d.return_path": draw(st.sampled_from(["broadcast", "wrap"])),
        "buffer.size": draw(st.sampled_from(["1KiB", "2KiB", "16KiB"])),
        "dram.bandwidth": draw(st.sampled_from(["500MiB/s", "2GiB/s", "400GiB/s"])),
    }
    if draw(st.booleans()):
        arch["dram.latency"] = f"{draw(st.integers(0, 60))}ns"
    if draw(st.booleans()):
        arch["buffer.ports"] = draw(st.sampled_from(["1RW", "1R1W", "2RW", "2R1W"]))
        if draw(st.booleans()):
            arch["buffer.banks"] = draw(st.integers(1, 4))
    if draw(st.booleans()):
        for unit, native in (("array_2d", "mac"), ("array_2d", "max"), ("array_1d", "mac"), ("array_1d", "add")):
            arch[f"{unit}.operations.{native}.latency"] = draw(st.integers(1, 4))
    work = {
        "batch": draw(st.integers(1, 2)),
        "kv_heads": draw(st.integers(1, 2)),
        "head_dim": draw(st.integers(1, 5)),
        "value_dim": draw(st.integers(1, 5)),
        "queries": draw(st.integers(1, 30)),
        "keys": draw(st.integers(1, 30)),
    }
    work["heads"] = work["kv_heads"] * draw(st.integers(1, 2))
    if draw(st.booleans()):
        work["causal"] = "true"
    if draw(st.booleans()):
        work["window"] = draw(st.integers(1, 12))
    name = draw(st.sampled_from(["fusemax-binding", "fusemax-binding", "fusemax-architecture", "fusemax-cascade"]))
    by = f"{name}:interleave={draw(st.integers(1, 16))},fold_overlap={draw(st.sampled_from(['on', 'off']))}"
    return f"attention:{_listed(work)}", f"fusemax-cloud:{_listed(arch)}", by


def _listed(values: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def drawn(case: tuple[str, str, str]) -> Any:
    """The schedule of a case; those that do not fit are not looked at."""
    work, host, by = case
    try:
        return schedule(workload(work), machine(host), mapping(by))[1]
    except Infeasible:
        assume(False)


@settings(max_examples=250, deadline=None)
@given(cases())
def test_jumped_is_stepped_and_every_tile_that_is_counted_is_done(case: tuple[str, str, str]) -> None:
    bound = drawn(case)
    try:
        latency = cycle_latency(bound, count(bound))
    except Infeasible:
        assume(False)
    except SpecError as error:  # a query tile that sees no key has no last key tile to be divided after
        assert "never visited" in str(error)
        return
    one, other = record(bound), record(bound, jump=False)
    assert sorted(one.records, key=repr) == sorted(other.records, key=repr)
    assert one.cycles[0] == other.cycles[0] == latency.cycles
    assert np.array_equal(one.outcome.stalls, other.outcome.stalls)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_laws_of_the_ladder(case: tuple[str, str, str]) -> None:
    bound = drawn(case)
    counts = count(bound)
    try:
        found, analytic = simulate(*case, model="cycle"), simulate(*case)
    except (Infeasible, SpecError):
        assume(False)
    assert (found.actions, found.traffic_bytes) == (analytic.actions, analytic.traffic_bytes)
    assert found.stall_cycles is not None and found.gap_cycles is not None
    for unit in ("array_2d", "array_1d"):
        assert counts.unit_cycles(unit) <= found.cycles
        assert sum(found.stall_cycles[unit].values()) == found.cycles - counts.unit_cycles(unit)
        assert all(cycles > 0 for cycles in found.stall_cycles[unit].values())
    assert all(seconds <= found.latency_s for seconds in found.memory_s.values())
    assert sum(found.gap_cycles.values()) == found.cycles - analytic.cycles


@settings(max_examples=60, deadline=None)
@given(cases())
def test_slices_of_a_trace_nest_and_add_up_to_the_units_work(case: tuple[str, str, str]) -> None:
    bound = drawn(case)
    counts = count(bound)
    try:
        stalls = cycle_latency(bound, counts).stall_cycles
    except (Infeasible, SpecError):
        assume(False)
    assert stalls is not None
    done = record(bound)
    seen = list(slices(done))
    busy, still = totals(seen), totals(seen, STALL)
    for unit in ("array_2d", "array_1d"):
        assert busy.get(unit, 0) == counts.unit_cycles(unit) + stalls[unit].get("ragged tiles", 0)
        drained = int(done.cycles[0]) - max(each.end for each in seen if each.track == unit)
        assert busy.get(unit, 0) + still.get(unit, 0) + drained == done.cycles[0]


STREAMS = ["Q", "K", "V", "AV"]


@settings(max_examples=80, deadline=None)
@given(cases(), st.integers(0, 1000))
def test_recorded_stalls_are_kept_by_steps_and_jumps(case: tuple[str, str, str], seed: int) -> None:
    bound = drawn(case)
    stops = drawn_stops(seed, STREAMS)
    one, other = record(bound, stops=stops), record(bound, jump=False, stops=stops)
    assert sorted(one.records, key=repr) == sorted(other.records, key=repr)
    free = run(pack(lower(bound, stops=stops)))
    assert free.cycles[0] == one.cycles[0] == other.cycles[0]
    assert np.array_equal(free.outcome.stalls, other.outcome.stalls)
    for each in one.records:
        if each.entry.startswith(("fill", "drain")):
            tensor = each.entry.split()[1]
            assert not any(begin <= each.start < end for begin, end in stops[tensor])


def test_a_stalled_stream_by_hand() -> None:
    """K, which begins at cycle 1 and takes two, stands still from 2 to 12: scores begin ten cycles later."""
    work, host = "attention:queries=4,keys=4,head_dim=2,value_dim=2", "fusemax-cloud:array_2d.rows=4,array_2d.cols=4"
    arch = f"{host},dram.bandwidth={8 * 940_000_000}B/s"  # a word of a row in a cycle: 16 bytes take two
    bound = schedule(workload(work), machine(arch), mapping("fusemax-binding:interleave=1"))[1]
    starts = {r.entry: r.start for r in record(bound).records}
    stopped = {r.entry: r.start for r in record(bound, stops={"K": ((3, 13),)}).records}
    assert (starts["fill Q"], starts["fill K"], starts["QK"]) == (0, 2, 4)
    assert (stopped["fill Q"], stopped["fill K"], stopped["QK"]) == (0, 2, 14)
    moved = {r.entry: r.start for r in record(bound, stops={"K": ((2, 12),)}).records}
    assert (moved["fill K"], moved["QK"]) == (12, 14)


def test_stalls_are_read_from_a_seed_or_a_file(tmp_path: Path) -> None:
    assert stops_of("5", STREAMS) == drawn_stops(5, STREAMS) != drawn_stops(6, STREAMS)
    path = tmp_path / "stalls.json"
    path.write_text('{"Q": [[3, 5], [9, 12]], "K": []}')
    assert stops_of(str(path), STREAMS) == {"Q": ((3, 5), (9, 12))}
    path.write_text('{"Q": [[5, 3]], "X": [[1, 2]]}')
    with pytest.raises(SpecError) as raised:
        stops_of(str(path), STREAMS)
    assert str(raised.value).splitlines() == [
        "--stalls: unknown stream 'X'; allowed: Q, K, V, AV",
        "--stalls: stream 'Q': found [5, 3]; give stretches [from, to) of cycles up to 1,099,511,627,776, in order, such as "
        "[[10, 20], [30, 31]]",
    ]
    path.write_text('{"Q": [[3, 5]], "Q": [[9, 12]]}')
    with pytest.raises(SpecError, match="stream 'Q' is named twice"):
        stops_of(str(path), STREAMS)
    for wrong, why in ((tmp_path / "none.json", "does not exist"), (tmp_path, "is no file"), ("-3", "does not exist")):
        with pytest.raises(SpecError, match=f"takes a seed .* or a JSON file of at most 16 MiB; '{wrong}' {why}"):
            stops_of(str(wrong), STREAMS)
    late = simulate(CLOUD[0], *CLOUD[1:], model="cycle", engine=Engine(stops={"K": ((1 << 39, 1 << 40),)}))
    assert (
        "the recorded stalls begin at cycle 549,755,813,888, when the run is over: nothing stood still"
        in late.assumptions
    )
    found = simulate(CLOUD[0], *CLOUD[1:], model="cycle", engine=Engine(stops=stops_of("5", STREAMS)))
    assert found.gap_cycles is not None and found.gap_cycles["outside stream"] > 0


@pytest.mark.parametrize(("length", "most"), [("1Ki", 1.06), ("16Ki", 1.0004), ("256Ki", 1.0001), ("1Mi", 1.00001)])
def test_the_published_design_keeps_its_unit_busy(length: str, most: float) -> None:
    """+Binding is bound by its 1D array; only with few tiles for each head do fetches show."""
    found = simulate(f"bert:seq_len={length}", *CLOUD[1:], model="cycle")
    analytic = simulate(f"bert:seq_len={length}", *CLOUD[1:])
    assert analytic.cycles <= found.cycles <= most * analytic.cycles
    assert found.bound_by == "array_1d"


def test_one_tile_by_hand() -> None:
    """Four rows and columns, two words a head, one tile: the critical path through both arrays, cycle by cycle."""
    case = (
        "attention:queries=4,keys=4,head_dim=2,value_dim=2",
        "fusemax-cloud:array_2d.rows=4,array_2d.cols=4,dram.bandwidth=100000GiB/s",
        "fusemax-binding:interleave=1",
    )
    done = record(schedule(workload(case[0]), machine(case[1]), mapping(case[2]))[1])
    starts = {r.entry: r.start for r in done.records}
    assert starts == {
        "fill Q": 0, "fill K": 1, "fill V": 2,  # a cycle each
        "QK": 2, "LM": 4,  # two beats; row 3 takes the maximum at 7
        "RM": 8,  # it is at lane 0 in the next cycle
        "PRM": 9, "SPD": 16,  # an exponential of one add and six macs
        "SLN": 10,  # RM is there at 9 and in every row at 10
        "SLD": 17, "SLNV": 18,  # row 3 adds the denominator's share at 20
        "RD": 21,
        "SPNV+RNV": 22,  # the lane is free; its first add at 23 takes what row 3 has given at 22
        "AV": 26, "drain AV": 28,
    }  # fmt: skip
    assert done.cycles[0] == 28 + 3  # lane 3 divides three cycles after lane 0


def test_results_in_rows_wait_for_the_last_lane() -> None:
    """The same tile: its first row is whole when lane 3 has divided, three cycles after lane 0."""
    case = (
        "attention:queries=4,keys=4,head_dim=2,value_dim=2",
        "fusemax-cloud:array_2d.rows=4,array_2d.cols=4,dram.bandwidth=100000GiB/s,array_1d.handover=rows",
        "fusemax-binding:interleave=1",
    )
    done = record(schedule(workload(case[0]), machine(case[1]), mapping(case[2]))[1])
    starts = {r.entry: r.start for r in done.records}
    assert (starts["AV"], starts["drain AV"], done.cycles[0]) == (26, 31, 32)


@pytest.mark.parametrize(
    ("arch", "by", "error"),
    [
        (
            "fusemax-cloud",
            "fusemax-binding:interleave=64",
            "interleave 64 keeps 64 tiles in 'array_2d', each with 2 words of an element at once (QK, SLN): 128 words, but "
            "there are 16 registers; an interleave of at most 8 fits, or 128 registers",
        ),
        (
            "fusemax-cloud:array_2d.registers=1",
            "fusemax-binding:interleave=1",
            "interleave 1 keeps 1 tiles in 'array_2d', each with 2 words of an element at once (QK, SLN): 2 words, but "
            "there are 1 registers; it takes 2 registers",
        ),
    ],
)
def test_what_the_registers_do_not_hold_is_refused(arch: str, by: str, error: str) -> None:
    with pytest.raises(Infeasible) as raised:
        simulate(CLOUD[0], arch, by, model="cycle")
    assert str(raised.value) == error


@pytest.mark.parametrize(
    "arch", ["buffer.ports=0RW", "array_2d.operations.mac.latency=0", "buffer.row=0b", "buffer.ports=1R"]
)
def test_nonsense_is_refused(arch: str) -> None:
    with pytest.raises(SpecError):
        simulate(CLOUD[0], f"fusemax-cloud:{arch}", CLOUD[2], model="cycle")


def test_more_tiles_in_flight_are_never_slower() -> None:
    cycles = [
        simulate(CLOUD[0], CLOUD[1], f"fusemax-binding:interleave={n}", model="cycle").cycles for n in range(1, 9)
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > 2.8 * cycles[-1]


def test_more_ports_are_never_slower() -> None:
    cycles = [
        simulate(CLOUD[0], f"fusemax-cloud:buffer.ports={ports}", CLOUD[2], model="cycle").cycles
        for ports in ("1RW", "1R1W", "2R1W", "3R2W")
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[-1] <= 1.02 * simulate(*CLOUD, model="cycle").cycles


OPERATIONS = (
    "array_2d.operations.mac", "array_2d.operations.max", "array_2d.operations.add", "array_1d.operations.mac",
    "array_1d.operations.max", "array_1d.operations.add", "array_1d.operations.divide",
)  # fmt: skip


@pytest.mark.parametrize("latency", [1, 2, 4])
def test_a_shorter_way_and_more_tiles_in_flight_are_never_slower(latency: int) -> None:
    """The order of the entries is chosen by a rule; it may not make a better machine the slower one."""
    slow = ",".join(f"{operation}.latency={latency}" for operation in OPERATIONS)
    cycles = {
        path: [
            simulate(
                "bert:seq_len=4Ki,batch=1,heads=1",
                f"fusemax-cloud:array_2d.registers=64,array_1d.registers=128,array_2d.return_path={path},{slow}",
                f"fusemax-binding:interleave={tiles}",
                model="cycle",
            ).cycles
            for tiles in (1, 2, 3, 4, 6, 8, 12)
        ]
        for path in ("broadcast", "wrap")
    }
    assert all(one <= 1.001 * other for one, other in zip(cycles["broadcast"], cycles["wrap"], strict=True))
    for each in cycles.values():
        assert all(more <= 1.001 * fewer for fewer, more in pairwise(each))


def test_sums_in_place_take_registers() -> None:
    """Sixteen dependent macs of sixteen cycles keep an element busy with as many sums as there are tiles in a row: 8."""
    slow = "systolic:rows=8,cols=8,array.operations.mac.latency=16,array.registers={}"
    case = ("gemm:M=64,N=64,K=64", "output-stationary:interleave=16")
    with pytest.raises(
        Infeasible, match=r"'C' has 8 sums under way at once .* there are 7 registers; .* at most 7 fits"
    ):
        simulate(case[0], slow.format(7), case[1], model="cycle")
    assert simulate(case[0], slow.format(8), case[1], model="cycle").cycles > 0
    assert simulate(case[0], slow.format(4), "output-stationary:interleave=4", model="cycle").cycles > 0


def test_queries_that_see_nothing_are_refused_with_the_reason() -> None:
    work = "attention:queries=8,keys=4,head_dim=2,value_dim=2,causal=true"
    with pytest.raises(SpecError, match="some of rank 'p' may see nothing of 'm', as where it is longer"):
        simulate(work, "fusemax-cloud:array_2d.rows=4,array_2d.cols=4", "fusemax-binding", model="cycle")


def test_every_run_of_a_record_steps_as_little_at_any_length() -> None:
    """The gap's terms are runs of their own; none of them may lose the jump."""
    stepped = {}
    for length in ("16Ki", "1Mi"):
        made = schedule(workload(f"bert:seq_len={length}"), machine(CLOUD[1]), mapping(CLOUD[2]))[1]
        relaxed: frozenset[str] = frozenset()
        runs = []
        for term in GAP_TERMS[:-2]:
            relaxed |= {term}
            runs.append(int(run(pack(lower(made, relaxed))).outcome.stepped[0]))
        stepped[length] = sum(runs)
    assert stepped["1Mi"] <= 1.5 * stepped["16Ki"]


def test_points_in_one_call_are_the_points_one_by_one() -> None:
    sizes = np.array([4, 8, 16, 32]) * 2**20
    bandwidths = np.array([50, 100, 400, 800]) * 2**30
    host = machine(CLOUD[1]).with_values({"buffer.size": sizes, "dram.bandwidth": bandwidths})
    many = schedule(workload(CLOUD[0]), host, mapping(CLOUD[2]))[1]
    cycles = run(packed(many), threads=2).cycles.tolist()
    for i, (size, bandwidth) in enumerate(zip(sizes, bandwidths, strict=True)):
        arch = f"fusemax-cloud:buffer.size={size}B,dram.bandwidth={bandwidth}B/s"
        assert simulate(CLOUD[0], arch, CLOUD[2], model="cycle").cycles == cycles[i]


@pytest.mark.slow
def test_a_full_size_run_stepped_through_is_the_jumped_one() -> None:
    case = ("bert:seq_len=64Ki,batch=1,heads=1", *CLOUD[1:])
    assert (
        simulate(*case, model="cycle", engine=Engine(jump=False)).cycles
        == simulate(*case, model="cycle").cycles
        == 9_061_525
    )


def test_events_have_the_vocabulary_that_hardware_shares() -> None:
    work, host, by = (
        "attention:queries=4,keys=8,head_dim=2,value_dim=3",
        "fusemax-cloud:array_2d.rows=4,array_2d.cols=4",
        CLOUD[2],
    )
    bound = schedule(workload(work), machine(host), mapping(f"{by}:interleave=2"))[1]
    found = events(record(bound, EVERYTHING))
    assert found == sorted(found)
    names = {e.event for e in found}
    assert names == {
        "first beat", "last beat", "reduction result", "state written", "operand tile accepted", "result accepted",
        "tile done", "stall begin", "stall end",
    }  # fmt: skip
    assert {e.detail for e in found if e.event == "state written"} == {"RM", "RD", "SPNV+RNV"}
    begun = [e for e in found if e.event == "first beat" and e.detail == "QK"]
    assert [e.index for e in begun] == [0, 1]


def test_a_trace_is_written(tmp_path: Path) -> None:
    from sim.events import write

    bound = schedule(workload("bert:seq_len=1Ki,batch=1,heads=1"), machine(CLOUD[1]), mapping(CLOUD[2]))[1]
    cycles = write(bound, tmp_path / "run.json", (0, 10**6), "a run")
    written = json.loads((tmp_path / "run.json").read_text())
    ends = [e["ts"] + e["dur"] for e in written["traceEvents"] if e["ph"] == "X"]
    assert max(ends) <= cycles
