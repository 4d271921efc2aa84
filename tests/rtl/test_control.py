"""The generated hardwareler begins every line in the engine's cycle, and a plan that differs by a cycle is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

from reports.hardware.planning import engine_run, loops_of, planned
from rtl.control import Control
from rtl.plan import Line, Loops, Plan, Tiles, Token
from rtl.stalls import Stops, burst_stalls, random_stalls
from rtl.walk import Extent
from sim.events import STALL_BEGIN, STALL_END, events
from sim.running import Run
from sim.simulate import bound
from specs import Infeasible, SpecError

Start = tuple[int, str, int]  # cycle, line, tile
Stall = tuple[int, int, str, str]  # from, to, unit, cause


class Channel:
    """What the outside of a controller does: words of a transfer pass in every cycle that its stream does not stall."""

    def __init__(self, plan: Plan, stops: Stops) -> None:
        self.plan, self.stops = plan, stops
        self.left: dict[int, int] = {}
        self.tile: dict[int, int] = {}

    def stalled(self, line: Line, cycle: int) -> bool:
        return any(begin <= cycle < end for begin, end in self.stops.get(line.name.split()[1], ()))


def played(plan: Plan, loops: Loops, extent: Extent, cycles: int, stops: Stops) -> tuple[list[Start], list[Stall]]:
    """What the controller begins within so many cycles, and how its units stand still."""
    control, channel = Control(plan, extent), Channel(plan, stops)
    starts: list[Start] = []
    stalls: list[Stall] = []

    async def watch(context: Any) -> None:
        context.set(control.loops, extent.settings(loops))
        context.set(control.start, 1)
        await context.tick()
        context.set(control.start, 0)
        transfers = [i for i, line in enumerate(plan.lines) if line.transfer]
        for cycle in range(cycles):
            flows = {i: not channel.stalled(plan.lines[i], cycle) for i in transfers}
            for i, line in enumerate(plan.lines):
                if context.get(control.go[i]):
                    tile = context.get(control.shown[i]).number
                    if line.transfer:
                        channel.left[i], channel.tile[i] = line.cycles, tile
                    else:
                        starts.append((cycle, line.name, tile))
            for i in transfers:
                left = channel.left.get(i, 0) if flows[i] else 0
                if left:
                    channel.left[i] = left - 1
                    if left == plan.lines[i].cycles:
                        starts.append((cycle, plan.lines[i].name, channel.tile[i]))
                context.set(control.ended[i], left == 1)
            for u, unit in enumerate(plan.resources):
                if context.get(control.stalled[u]) and unit != "dram":
                    cause = plan.causes(unit)[context.get(control.cause[u])]
                    stalls.append((cycle - context.get(control.idle[u]), cycle, unit, cause))
            await context.tick()
        assert context.get(control.done) == 1

    simulator = Simulator(control)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return sorted(starts), sorted(stalls)


def engines(done: Run) -> tuple[list[Start], list[Stall]]:
    """The same of the engine."""
    starts = sorted((each.start, each.entry, each.tile) for each in done.records)
    told = events(done)
    ends = [event for event in told if event.event == STALL_END]
    stalls = []
    for begin in (event for event in told if event.event == STALL_BEGIN):
        end = min(e.cycle for e in ends if e.unit == begin.unit and e.cycle > begin.cycle)
        stalls.append((begin.cycle, end, begin.unit, begin.detail))
    return starts, sorted(stalls)


def done_of(arch: str, work: str, interleave: int = 2, stops: Stops | None = None) -> Run:
    machine = f"fusemax-cloud:{arch},array_1d.handover=rows"
    case = (f"attention:{work}", machine, f"fusemax-binding:interleave={interleave}")
    return engine_run(bound(*case), stops)


def extent_of(rows: int, columns: int, done: Run) -> Extent:
    return Extent(rows, columns, max_keys=loops_of(done.packed.program).keys)


def of_run(rows: int, columns: int, done: Run, stops: Stops) -> tuple[list[Start], list[Stall]]:
    """What the controller of a run begins, and how its units stand still."""
    loops, cycles = loops_of(done.packed.program), int(done.cycles[0]) + 4
    return played(planned(done), loops, extent_of(rows, columns, done), cycles, stops)


PHASES = (Phase.explicit, Phase.generate)  # a case that fails is small already, and takes long to make smaller
SMALL = "array_2d.rows=4,array_2d.cols=4,array_1d.lanes=4"
DIVIDER = "array_1d.operations.divide.interval=26,array_1d.operations.divide.latency=27"


@settings(max_examples=60, deadline=None, phases=PHASES)
@example(4, 4, 8, 8, 16, 32, 1, False, 2, 8, "1MiB", "broadcast", True, "none", 0)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), st.integers(1, 8), st.integers(1, 14), st.integers(1, 24),
    st.integers(1, 2), st.booleans(), st.integers(1, 3), st.sampled_from([0.5, 1, 4, 400]),
    st.sampled_from(["1MiB", "400B", "1200B"]), st.sampled_from(["broadcast", "wrap"]), st.booleans(),
    st.sampled_from(["none", "random", "burst"]), st.integers(0, 1000),
)  # fmt: skip
def test_every_line_begins_in_the_engines_cycle(
    rows: int, columns: int, e: int, f: int, queries: int, keys: int, heads: int, shared: bool, interleave: int,
    bandwidth: float, size: str, path: str, causal: bool, stalls: str, seed: int,
) -> None:  # fmt: skip
    arch = f"array_2d.rows={rows},array_2d.cols={columns},array_1d.lanes={columns},dram.bandwidth={bandwidth}GiB/s"
    kv = 1 if shared and not causal else heads
    work = f"queries={queries},keys={keys},head_dim={e},value_dim={f},heads={heads},kv_heads={kv}"
    if causal:
        work = f"{work.replace(f'keys={keys}', f'keys={max(keys, queries)}')},causal=true"
    streams = ("Q", "K", "V", "AV")
    drawn: dict[str, Any] = {"random": random_stalls, "burst": burst_stalls}
    stops = drawn[stalls](seed, streams, 400) if stalls in drawn else {}
    try:
        arch = f"{arch},buffer.size={size},array_2d.return_path={path}{',' + DIVIDER if seed % 2 else ''}"
        done = done_of(arch, work, interleave, stops)
    except Infeasible:
        assume(False)
    assert of_run(rows, columns, done, stops) == engines(done)


def test_starts_by_hand() -> None:
    """Two tiles of eight cycles; the second unit takes each three cycles after it began."""
    lines = (Line("make", "array", 8), Line("take", "lanes", 2))
    plan = Plan(lines, (Token("take", "make", 3),))
    starts, stalls = played(plan, Loops(1, 1, 2, 4), Extent(4, 4), 12, {})
    assert starts == [(0, "make", 0), (3, "take", 0), (8, "make", 1), (11, "take", 1)]
    assert stalls == [(0, 3, "lanes", "operand"), (5, 11, "lanes", "operand")]


def test_older_lines_come_a_round_later() -> None:
    lines = (Line("young", "unit", 1, 0, 1), Line("old", "unit", 1, 1, 0))
    starts, _ = played(Plan(lines, ()), Loops(1, 1, 3, 4), Extent(4, 4), 8, {})
    assert [name for _, name, _ in starts] == ["young", "old", "young", "old", "young", "old"]


@pytest.mark.parametrize("change", ["hold", "token"])
def test_a_cycle_more_is_noticed(change: str) -> None:
    done = done_of(SMALL, "queries=8,keys=16,head_dim=8,value_dim=8")
    plan, expected = planned(done), engines(done)
    loops, extent, cycles = loops_of(done.packed.program), extent_of(4, 4, done), int(done.cycles[0]) + 400
    assert played(plan, loops, extent, cycles, {}) == expected
    others = [
        replace(plan, lines=(*plan.lines[:i], replace(line, cycles=line.cycles + 1), *plan.lines[i + 1 :]))
        for i, line in enumerate(plan.lines if change == "hold" else ())
    ]
    others += [
        replace(plan, tokens=(*plan.tokens[:i], replace(token, cycles=token.cycles + 1), *plan.tokens[i + 1 :]))
        for i, token in enumerate(plan.tokens if change == "token" else ())
    ]
    noticed = sum(played(other, loops, extent, cycles, {}) != expected for other in others)
    assert noticed >= {"hold": 8, "token": 8}[change]


def test_what_the_control_does_not_do_is_refused() -> None:
    with pytest.raises(SpecError, match="does causal masks only; give a workload without a window"):
        planned(done_of(SMALL, "queries=8,keys=16,head_dim=8,causal=true,window=4"))
    with pytest.raises(SpecError, match="no causal masks over grouped heads; give as many kv_heads as heads"):
        planned(done_of(SMALL, "queries=8,keys=16,head_dim=8,causal=true,heads=2,kv_heads=1"))
    with pytest.raises(SpecError, match="has no ports; give memories without them"):
        planned(done_of(f"{SMALL},buffer.ports=2R1W", "queries=8,keys=16,head_dim=8"))
    with pytest.raises(SpecError, match="'b' would begin 1 cycles before 'a'"):
        Plan((Line("a", "u", 1), Line("b", "v", 1)), (Token("b", "a", -1),))
    with pytest.raises(SpecError, match="line 'a' takes 0 cycles, expected 1 or more"):
        Plan((Line("a", "u", 0),), ())


def test_lines_have_the_tiles_of_their_entries() -> None:
    plan = planned(done_of(SMALL, "queries=8,keys=16,head_dim=8,value_dim=8"))
    kinds = {line.name: line.tiles for line in plan.lines if line.tiles is not Tiles.EACH}
    fetched = {"fill Q": Tiles.FIRST, "fill K": Tiles.ROW_BEGINS, "fill V": Tiles.ROW_BEGINS}
    assert kinds == {**fetched, "AV": Tiles.LAST, "drain AV": Tiles.LAST}
