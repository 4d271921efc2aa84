"""The generated controller begins every line in the engine's cycle, and a plan that differs by a cycle is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reports.hardware import engine_run, planned
from rtl.control import Control
from rtl.plan import Line, Plan, Token
from sim.running import Run
from sim.simulate import bound
from specs import Infeasible, SpecError

Start = tuple[int, str, int]  # cycle, line, tile


def starts(plan: Plan, cycles: int) -> list[Start]:
    """What the controller begins within so many cycles."""
    control = Control(plan)
    found: list[Start] = []

    async def watch(context: Any) -> None:
        context.set(control.run, 1)
        for cycle in range(cycles):
            for i, line in enumerate(plan.lines):
                if context.get(control.go[i]):
                    found.append((cycle, line.name, context.get(control.tile[i])))
            await context.tick()
        assert context.get(control.done) == 1

    simulator = Simulator(control)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return sorted(found)


def engines(done: Run) -> list[Start]:
    return sorted((each.start, each.entry, each.tile) for each in done.records)


def done_of(arch: str, work: str, interleave: int = 2) -> Run:
    return engine_run(bound(f"attention:{work}", f"fusemax-cloud:{arch}", f"fusemax-binding:interleave={interleave}"))


SMALL = "array_2d.rows=4,array_2d.cols=4,array_1d.lanes=4"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), st.integers(1, 8), st.integers(1, 14), st.integers(1, 24),
    st.integers(1, 2), st.booleans(), st.integers(1, 3), st.sampled_from([0.5, 1, 4, 400]),
    st.sampled_from(["1MiB", "400B", "1200B"]), st.sampled_from(["broadcast", "wrap"]),
)  # fmt: skip
def test_every_line_begins_in_the_engines_cycle(
    rows: int, columns: int, e: int, f: int, queries: int, keys: int, heads: int, shared: bool, interleave: int,
    bandwidth: float, size: str, path: str,
) -> None:  # fmt: skip
    arch = f"array_2d.rows={rows},array_2d.cols={columns},array_1d.lanes={columns},dram.bandwidth={bandwidth}GiB/s"
    work = f"queries={queries},keys={keys},head_dim={e},value_dim={f},heads={heads},kv_heads={1 if shared else heads}"
    try:
        done = done_of(f"{arch},buffer.size={size},array_2d.return_path={path}", work, interleave)
    except Infeasible:
        assume(False)
    assert starts(planned(done), int(done.cycles[0]) + 4) == engines(done)


def test_starts_by_hand() -> None:
    """Two tiles of eight cycles; the second unit takes each three cycles after it began."""
    lines = (Line("make", "array", 8), Line("take", "lanes", 2))
    plan = Plan({"tile": 2}, lines, (Token("take", "make", 3, 1, {"tile": 1}),))
    assert starts(plan, 12) == [(0, "make", 0), (3, "take", 0), (8, "make", 1), (11, "take", 1)]


def test_older_lines_come_a_round_later() -> None:
    lines = (Line("young", "unit", 1, 0, 1), Line("old", "unit", 1, 1, 0))
    plan = Plan({"tile": 3}, lines, ())
    names = [name for _, name, _ in starts(plan, 8)]
    assert names == ["young", "old", "young", "old", "young", "old"]


@pytest.mark.parametrize("change", ["hold", "token"])
def test_a_cycle_more_is_noticed(change: str) -> None:
    done = done_of(SMALL, "queries=8,keys=16,head_dim=8,value_dim=8")
    plan, expected = planned(done), engines(done)
    cycles = int(done.cycles[0]) + 400
    assert starts(plan, cycles) == expected
    others = [
        replace(plan, lines=(*plan.lines[:i], replace(line, cycles=line.cycles + 1), *plan.lines[i + 1 :]))
        for i, line in enumerate(plan.lines if change == "hold" else ())
    ]
    others += [
        replace(plan, tokens=(*plan.tokens[:i], replace(token, cycles=token.cycles + 1), *plan.tokens[i + 1 :]))
        for i, token in enumerate(plan.tokens if change == "token" else ())
    ]
    noticed = sum(starts(other, cycles) != expected for other in others)
    assert noticed >= {"hold": 8, "token": 8}[change]


def test_what_the_control_does_not_do_is_refused() -> None:
    with pytest.raises(SpecError, match="does no masks yet; give a workload without causal and window"):
        planned(done_of(SMALL, "queries=8,keys=16,head_dim=8,causal=true"))
    with pytest.raises(SpecError, match="has no ports; give memories without them"):
        planned(done_of(f"{SMALL},buffer.ports=2R1W", "queries=8,keys=16,head_dim=8"))
    with pytest.raises(SpecError, match="'b' would begin 1 cycles before 'a'"):
        Plan({"tile": 1}, (Line("a", "u", 1), Line("b", "v", 1)), (Token("b", "a", -1, 1),))
    with pytest.raises(SpecError, match="line 'a' takes 0 cycles, expected 1 or more"):
        Plan({"tile": 1}, (Line("a", "u", 0),), ())
