"""Generated arrays do what the engine says, in its cycles, and make the software model's values: drawn designs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from reports.hardware.expected import engine_events
from reports.hardware.generation import Hardware, hardware_of
from reports.hardware.verification import verified, verify
from rtl.stalls import Stops, burst_stalls, random_stalls
from sim.simulate import bound
from specs import Infeasible, SpecError
from tests.rtl.tools import needs_verilator

MOST_ELEMENTS, MOST_CYCLES = 16, 400  # so that a case takes a second or two
STALLED_CYCLES = 400
STREAMS = ("Q", "K", "V", "AV")
PHASES = (Phase.explicit, Phase.generate)  # a case that fails is small already, and takes long to make smaller
STALLS: Mapping[str, Callable[..., Stops]] = {"none": lambda *_: {}, "random": random_stalls, "burst": burst_stalls}
REFUSED = ("cycles before its last lane has them", "whose values it takes")  # what drawn sizes and latencies may meet
LATENCIES = ("array_2d.mac", "array_2d.add", "array_2d.max", "array_1d.mac", "array_1d.add", "array_1d.max")

Strategies = Mapping[str, st.SearchStrategy[Any]]


@dataclass(frozen=True)
class Case:
    """What was drawn, the hardware of it, and its stalls."""

    drawn: Mapping[str, Any]
    hardware: Hardware
    stops: Stops


def a_number(*numbers: Any) -> st.SearchStrategy[Any]:
    """One of them; the first is what is drawn first of all."""
    return st.sampled_from(numbers)


def slower(latencies: tuple[int, ...]) -> str:
    """Latencies of the units as parameters of the machine."""
    named = (each.split(".") for each in LATENCIES)
    return "".join(f",{u}.operations.{op}.latency={n}" for (u, op), n in zip(named, latencies, strict=True))


ANY: Strategies = {
    "rows": a_number(4, 2, 3, 1, 5, 6, 7, 8),
    "columns": a_number(3, 2, 4, 1, 5, 6, 7, 8),
    "queries": st.integers(1, 19),
    "keys": st.integers(1, 26),
    "head_dim": a_number(3, 1, 2, 4),
    "value_dim": a_number(2, 1, 3),
    "heads": a_number(1, 2),
    "shared": st.booleans(),
    "causal": st.booleans(),
    "words": a_number(2, 1, 3, 4, 8),  # of 4 bytes, that come in a cycle
    "way": a_number("", ",return_path=wrap", ",array_2d.hop=2", ",array_2d.hop=3"),
    "buffer": a_number("", ",buffer.size=300B", ",buffer.size=600B"),
    "latencies": st.just(""),
    "interleave": a_number(2, 1, 3),
    "seed": st.integers(0, 1 << 16),
}

# What a kind of cases always has.
KINDS: Mapping[str, Strategies] = {
    "causal": {"causal": st.just(True), "queries": st.integers(5, 9), "keys": st.integers(5, 16)},
    "three tiles in flight": {
        "interleave": st.just(3), "columns": st.just(2), "queries": st.integers(5, 9), "causal": st.just(False),
        "buffer": st.just(""),
    },
    "blocks under a mask": {
        "causal": st.just(True), "columns": st.just(2), "rows": a_number(3, 2), "queries": a_number(8, 7),
        "keys": st.integers(8, 12), "buffer": a_number(",buffer.size=70B", ",buffer.size=100B"),
        "head_dim": a_number(1, 2), "value_dim": st.just(1),
    },
    "ragged": {
        "rows": a_number(3, 6), "columns": st.just(2), "queries": a_number(5, 3, 7), "keys": a_number(7, 8, 10, 11),
    },
    "fewer than the array has": {
        "rows": st.just(5), "columns": st.just(3), "queries": st.integers(1, 2), "keys": st.integers(1, 4),
    },
    "unlike dimensions": {"head_dim": a_number(4, 1), "value_dim": a_number(3, 2)},
    "wrap": {"rows": st.integers(2, 8), "way": st.just(",return_path=wrap")},
    "hop": {"rows": st.integers(2, 8), "way": a_number(",array_2d.hop=2", ",array_2d.hop=3")},
    "small buffers": {"buffer": a_number(",buffer.size=100B", ",buffer.size=200B")},
    "shared heads": {"heads": a_number(2, 3), "shared": st.just(True), "causal": st.just(False)},
    "latencies": {
        "latencies": st.tuples(*[a_number(2, 3, 1)] * len(LATENCIES)).map(slower),
        "way": a_number("", ",return_path=wrap"),
        "interleave": st.just(1),
    },
}  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, kind: str, stalls: str) -> Case:
    """A small design of a kind, with its work and stalls."""
    drawn = {name: draw(KINDS[kind].get(name, strategy)) for name, strategy in ANY.items()}
    assume(drawn["rows"] * drawn["columns"] <= MOST_ELEMENTS)
    causal, keys = drawn["causal"], drawn["keys"]
    kv_heads = 1 if drawn["shared"] and not causal else drawn["heads"]
    work = (
        f"queries={drawn['queries']},keys={max(keys, drawn['queries']) if causal else keys},"
        f"head_dim={drawn['head_dim']},value_dim={drawn['value_dim']},heads={drawn['heads']},kv_heads={kv_heads}"
        f"{',causal=true' if causal else ''}"
    )
    arch = f"rows={drawn['rows']},cols={drawn['columns']},dram.bandwidth={400 * drawn['words']}MB/s"
    arch += drawn["way"] + drawn["buffer"] + drawn["latencies"]
    mapping = f"fusemax-binding:interleave={drawn['interleave']}"
    stops = STALLS[stalls](drawn["seed"], STREAMS, STALLED_CYCLES)
    try:
        hardware = hardware_of(bound(f"attention:{work}", f"fusemax-fpga:{arch}", mapping), stops)
    except Infeasible:
        assume(False)
    except SpecError as error:
        assume(not any(words in str(error) for words in REFUSED))
        raise
    assume(hardware.run.cycles[0] <= MOST_CYCLES)
    return Case(drawn, hardware, stops)


def has(kind: str, case: Case) -> bool:
    """Whether the hardware and its work are of a kind, as they turned out."""
    design, loops = case.hardware.design, case.hardware.loops
    queries = case.hardware.count("p")
    return {
        "causal": loops.causal,
        "three tiles in flight": int(case.hardware.run.packed.program.sweeps[0].flights) == 3,
        "blocks under a mask": loops.causal and loops.blocks > 1,
        "ragged": loops.keys % design.rows > 0 and queries % design.columns > 0,
        "fewer than the array has": loops.keys < design.rows and queries < design.columns,
        "unlike dimensions": design.formats.head_dim != design.formats.value_dim,
        "wrap": design.return_cycles == design.rows > 1,
        "hop": design.hop > 1,
        "small buffers": "buffer.size" in case.drawn["buffer"],
        "shared heads": case.hardware.count("g") > 1,
        "latencies": max(*vars(design.array).values(), *vars(design.lanes).values()) > 1,
    }[kind]


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_events_and_values_are_those_of_engine_and_model(kind: str, stalls: str) -> None:
    seen: list[bool] = []

    @settings(max_examples=3, deadline=None, phases=PHASES, suppress_health_check=[*HealthCheck])
    @given(cases(kind, stalls))
    def holds(case: Case) -> None:
        found = verified(case.hardware, stops=case.stops)
        told = f"{case.drawn}\n{found.events}\n{found.payload_differences}"
        assert (found.events.differences, found.payload_mismatches) == (0, 0), told
        assert found.sim_cycles == found.rtl_cycles, told
        assert bool(case.stops) == (stalls != "none")
        seen.append(has(kind, case))

    holds()
    assert len(seen) == 3 and all(seen)


@pytest.mark.parametrize(
    ("rows", "columns", "more"),
    [
        (8, 8, "queries=9,keys=11,head_dim=2,value_dim=3"),
        (8, 5, "queries=7,keys=18,head_dim=3,value_dim=1,heads=2,kv_heads=1"),
        (5, 8, "queries=11,keys=13,head_dim=1,value_dim=2,causal=true"),
        (7, 6, "queries=6,keys=15,head_dim=4,value_dim=2"),
    ],
)
def test_larger_arrays(rows: int, columns: int, more: str) -> None:
    """All elements of them are shown, under bursts of stalls."""
    stops = burst_stalls(rows, STREAMS, STALLED_CYCLES)
    found = verify(
        bound(f"attention:{more}", f"fusemax-fpga:rows={rows},cols={columns}", "fusemax-binding"), stops=stops
    )
    assert found.passed, f"{found.events}\n{found.payload_differences}"
    assert found.payloads > rows * columns * 2


def test_attention_on_four_by_four_elements() -> None:
    """Two query tiles by eight key tiles. Fetches: 2 of Q, 8 each of K and V; 2 results; so 20 tiles pass."""
    work = "attention:queries=8,keys=32,head_dim=8,value_dim=8"
    found = verify(bound(work, "fusemax-fpga:rows=4,cols=4", "fusemax-binding"))
    events = [event.event.split(":")[0] for event in engine_events(found.hardware)]
    counted = {name: events.count(name) for name in sorted(set(events))}
    starts, stalls = 16 * 10 + 2, counted.pop("stall begin")
    assert counted == {
        "first beat": starts, "last beat": starts, "operand tile accepted": 2 + 8 + 8, "reduction result": 3 * 16,
        "result accepted": 2, "stall end": stalls, "state written": 3 * 16, "tile done": 16,
    }  # fmt: skip
    assert (found.events.counts, found.events.differences) == ((524, 524), 0)
    assert (found.payloads, found.payload_mismatches) == (2600 + 16 * 4, 0)  # with maxima at the tops of 4 columns
    assert (found.sim_cycles, found.rtl_cycles) == (905, 905)
    assert found.passed and found.as_dict()["first_mismatch"] is None


def test_queries_without_a_mask_may_be_many_more_than_keys() -> None:
    """No setting counts them: two heads of 15 queries, in six tiles of 7, with two keys for both."""
    work = "attention:queries=15,keys=2,head_dim=1,value_dim=2,heads=2,kv_heads=1"
    found = verify(bound(work, "fusemax-fpga:rows=1,cols=7", "fusemax-binding:interleave=3"))
    assert found.hardware.loops.slots == 6 and found.passed, str(found.events)


LONG = {
    "8": ("rows=8,cols=8", "queries=750,keys=750,head_dim=6,value_dim=8,causal=true", True),
    "16": ("rows=16,cols=16,dram.bandwidth=1600MB/s", "queries=500,keys=2500,head_dim=8,value_dim=4", False),
}


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("size", LONG)
def test_a_hundred_thousand_cycles(size: str) -> None:
    """With Verilator: causal, ragged and with stalls on 8 × 8 elements, plain on 16 × 16, every register of them."""
    arch, work, stalled = LONG[size]
    stops = burst_stalls(1, STREAMS, 100_000) if stalled else {}
    schedule = bound(f"attention:{work}", f"fusemax-fpga:{arch}", "fusemax-binding")
    found = verify(schedule, "verilator", stops)
    assert found.passed, f"{found.events}\n{found.payload_differences}"
    assert found.rtl_cycles >= 100_000 and found.hardware.design.rows == int(size)
    assert found.events.counts[0] > 80_000 and found.payloads > 1_000_000
