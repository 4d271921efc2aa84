"""Lanes: every tensor against the model, bit for bit and to the cycle, in any order that its operands allow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.design import RINGS, Design, LaneOp, Latencies
from rtl.formats import Formats
from rtl.harness_verilator import as_verilog
from rtl.lane import PROBES, lane_mac
from rtl.lanes import Lanes, lanes_probes
from rtl.manifest import manifest
from rtl.model import attention
from specs import SpecError
from tests.rtl.lane_program import Event, Program, tiles_of

ONE = 1 << 26
PORTS = {"LM": "maximum", "SLD": "sum", "SLNV": "product"}
Told = Mapping[int, Mapping[str, int]]  # by cycle, the fields of a port


@dataclass
class Seen:
    """What lanes show in a run."""

    events: list[Event] = field(default_factory=list)
    results: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    returned: list[list[int]] = field(default_factory=list)  # by cycle and column


def played(design: Design, commands: Told, arrivals: Mapping[tuple[str, int], Told], asked: list[list[int]]) -> Seen:
    """Lanes are given commands, arrivals by tensor and column, and in each cycle the turns that are asked for.

    A port that is not told anything has its last fields, without `valid`.
    """
    lanes, seen = Lanes(design, probes=True), Seen()

    def tell(context: Any, port: Any, fields: Mapping[str, int]) -> None:
        for name, value in fields.items():
            context.set(getattr(port, name), value)

    def look(context: Any, cycle: int) -> None:
        for column in range(design.columns):
            for name in PROBES:
                probe = getattr(lanes, name)[column]
                if context.get(probe.valid):
                    index = context.get(probe.index) if hasattr(probe, "index") else 0
                    seen.events.append((cycle, name, column, index, context.get(probe.value)))
            result = lanes.result[column]
            if context.get(result.valid):
                fields = (context.get(getattr(result, name)) for name in ("copy", "index", "value"))
                seen.results.append((cycle, column, *fields))
        seen.returned.append([context.get(lanes.returned[column]) for column in range(design.columns)])

    async def bench(context: Any) -> None:
        for cycle, turns in enumerate(asked):
            tell(context, lanes.command, commands.get(cycle, {"op": LaneOp.IDLE}))
            for (tensor, column), told in arrivals.items():
                port = getattr(lanes, PORTS[tensor])[column]
                tell(context, port, {"valid": 1, **told[cycle]} if cycle in told else {"valid": 0})
            for column, turn in enumerate(turns):
                context.set(lanes.asked[column], turn)
            look(context, cycle)
            await context.tick()

    simulator = Simulator(lanes)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    seen.events.sort()
    seen.results.sort()
    return seen


def turns_asked(program: Program) -> list[list[int]]:
    """A drawn turn for each cycle and column."""
    random, design = Random(program.seed), program.design
    return [[random.randrange(design.turns) for _ in range(design.columns)] for _ in range(program.length)]


def seen_of(program: Program, design: Design) -> Seen:
    """What lanes of a design show when they are given a program, which may be for another one."""
    columns = range(program.design.columns)
    arrivals = {(tensor, column): program.arrivals(tensor, column) for tensor in PORTS for column in columns}
    return played(design, program.commands, arrivals, turns_asked(program))


def expected_of(program: Program) -> Seen:
    """What lanes have to show; before any maximum has come back, the tops are 0."""
    design, asked = program.design, turns_asked(program)
    returned = [[0] * design.columns for _ in asked]
    for column in range(design.columns):
        tops, at_top = program.tops(column), [0] * design.places["RM"]
        for cycle, turns in enumerate(asked):
            if cycle in tops:
                place, maximum = tops[cycle]
                at_top[place] = maximum
            returned[cycle][column] = at_top[turns[column] % design.places["RM"]]
    return Seen(program.events, program.results, returned)


def program_of(
    design: Design, sizes: tuple[int, int, int], seed: int, causal: bool = False, wide: bool = True
) -> Program:
    """A program for drawn inputs of so many query tiles, key tiles and keys; of all of int8, or of few near 0."""
    query_tiles, key_tiles, keys = sizes
    formats, random, most = design.formats, np.random.default_rng(seed), 127 if wide else 12
    q = random.integers(-most - 1, most + 1, (query_tiles * design.columns, formats.head_dim))
    k, v = (random.integers(-most - 1, most + 1, (keys, dim)) for dim in (formats.head_dim, formats.value_dim))
    run = attention(formats, q, k, v, causal=causal)
    assert len(run["LM"]) == key_tiles
    return Program(design, run, tiles_of(query_tiles, key_tiles, design.query_slots), seed)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    latency, place = st.integers(1, 3), st.sampled_from([1, 2, 4])
    key_tile = draw(st.integers(1, 4))
    design = Design(
        Formats(draw(st.integers(1, 3)), draw(st.integers(1, 6)), key_tile, max_keys=64),
        rows=key_tile,
        columns=draw(st.integers(1, 4)),
        lanes=Latencies(draw(latency), draw(latency), draw(latency)),
        return_cycles=draw(st.integers(1, 4)),
        places={tensor: draw(place) for tensor in RINGS},
        query_slots=draw(st.integers(1, 3)),
        copies={"K": 2, "V": 2, "AV": draw(st.integers(1, 2))},
    )
    key_tiles = draw(st.integers(1, 3))
    keys = draw(st.integers((key_tiles - 1) * key_tile + 1, key_tiles * key_tile))
    sizes = (draw(st.integers(1, 3)), key_tiles, keys)
    return program_of(design, sizes, draw(st.integers(0, 1 << 20)), draw(st.booleans()), draw(st.booleans()))


@settings(max_examples=25, deadline=None)
@given(programs())
def test_every_tensor_is_the_models_in_its_cycle(program: Program) -> None:
    assert seen_of(program, program.design) == expected_of(program)


SMALL = Design(
    Formats(head_dim=2, value_dim=3, key_tile=2, max_keys=16),
    rows=2,
    columns=2,
    lanes=Latencies(2, 2, 2),
    return_cycles=2,
    query_slots=2,
)


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("what", ["mac", "add", "max", "return_cycles"])
def test_a_cycle_more_or_less_is_noticed(what: str, change: int) -> None:
    program = program_of(SMALL, (2, 2, 4), seed=1)
    if what == "return_cycles":
        other = replace(SMALL, return_cycles=SMALL.return_cycles + change)
    else:
        other = replace(SMALL, lanes=replace(SMALL.lanes, **{what: getattr(SMALL.lanes, what) + change}))
    seen, expected = seen_of(program, other), expected_of(program)
    assert (seen.returned == expected.returned) == (what in ("mac", "add"))
    assert (seen.events == expected.events) == (what == "return_cycles")


def test_fully_masked_tiles_keep_what_was_there() -> None:
    """Causal, four queries and four keys: no query of the first tile sees the second tile of keys."""
    program = program_of(replace(SMALL, rows=2), (2, 2, 4), seed=2, causal=True)
    assert (program.run["LM"][1, :2] == SMALL.formats.lowest).all()
    assert (program.run["PRM"][1, :2] == ONE).all()
    assert seen_of(program, SMALL) == expected_of(program)


OPS = [LaneOp.MAXIMUM, *[LaneOp.FACTOR] * 7, LaneOp.DECAY, LaneOp.DENOMINATOR, LaneOp.SCALE, LaneOp.NUMERATOR]
Shown = dict[str, list[tuple[int, int]]]  # by probe, cycles and values


def by_hand(design: Design, tiles: list[tuple[bool, int, int, int]], divisions: list[int]) -> tuple[Seen, Shown]:
    """One lane with latencies of 1: tile number n, (fresh, LM, SLD, SLNV), arrives in cycle 20 n, then come its beats.

    The outputs begin in the cycles `divisions`.
    """
    commands: dict[int, dict[str, int]] = {cycle: {"op": LaneOp.DIVIDE} for cycle in divisions}
    arrivals: dict[tuple[str, int], dict[int, dict[str, int]]] = {(tensor, 0): {} for tensor in PORTS}
    for number, (fresh, *values) in enumerate(tiles):
        first, turn = 20 * number, number % 2
        for tensor, value in zip(PORTS, values, strict=True):
            arrivals[tensor, 0][first] = {"turn": turn, "value": value}
        for place, op in enumerate(OPS):
            step = place - 1 if op == LaneOp.FACTOR else 0
            commands[first + 1 + place] = {"op": op, "step": step, "fresh": fresh, "turn": turn}
    seen = played(design, commands, arrivals, [[0]] * (20 * len(tiles) + 30))
    shown = {
        name: [(cycle, value) for cycle, probe, _, _, value in seen.events if probe == name]
        for name in ("running_maximum", "factor", "decayed", "denominator", "scaled", "numerator", "output")
    }
    return seen, shown


def test_tiles_by_hand() -> None:
    """A masked tile, then maxima 5 and 7 at one halving a step: factors 1, 0 and 1/4.

    Denominators 0, 1 and 1/4 + 1, numerators 0, 4 and 4/4 + 2, and 3 / 1.25 = 2.4. Then another query in the same
    slot, with a masked tile: its states are 0, whatever was there, and so is its output.
    """
    design = Design(Formats(1, 1, 1, 16, score_scale=math.log(2)), rows=1, columns=1)
    low = design.formats.lowest
    tiles = [(True, low, 0, 0), (False, 5, ONE, 4 * ONE), (False, 7, ONE, 2 * ONE), (True, low, 0, 0)]
    seen, shown = by_hand(design, tiles, divisions=[53, 79])
    assert shown == {
        "running_maximum": [(2, low), (22, 5), (42, 7), (62, low)],
        "factor": [(9, ONE), (29, 0), (49, ONE // 4), (69, ONE)],
        "decayed": [(10, 0), (30, 0), (50, ONE // 4), (70, 0)],
        "denominator": [(11, 0), (31, ONE), (51, ONE // 4 + ONE), (71, 0)],
        "scaled": [(12, 0), (32, 0), (52, ONE), (72, 0)],
        "numerator": [(13, 0), (33, 4 * ONE), (53, 3 * ONE), (73, 0)],
        "output": [(80, round(2.4 * 2**16)), (106, 0)],
    }
    assert seen.results == [(79, 0, 0, 0, round(2.4 * 2**16)), (105, 0, 0, 0, 0)]
    tops = [row[0] for row in seen.returned]  # of turn 0: the first and the third tile
    assert tops == [0] * 3 + [low] * 40 + [7] * 67


def test_a_difference_beyond_28_bits_saturates() -> None:
    """Of scores of 31 bits; 2^28 and 2^29 + 1 have none or one in their low 28 bits, and leave nothing."""
    design = Design(Formats(1 << 15, 1, 1, 16), rows=1, columns=1)
    low = -(1 << 29)
    maxima = [low, low + (1 << 28), low + (1 << 28) + (1 << 29) + 1]
    _, shown = by_hand(design, [(number == 0, maximum, 0, 0) for number, maximum in enumerate(maxima)], [])
    assert [value for _, value in shown["factor"]] == [0, 0, 0]
    assert [value for _, value in shown["running_maximum"]] == maxima


def test_multiplier_adder_is_as_wide_as_a_numerator() -> None:
    mac = lane_mac(SMALL)
    assert (mac.wide_bits, mac.narrow_bits) == (SMALL.formats.words["RNV"].bits, 28)


@pytest.mark.parametrize("probes", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_lanes_are_verilog_and_have_probes_where_they_are_wanted(probes: bool, count: int) -> None:
    lanes = Lanes(replace(SMALL, places=dict.fromkeys(RINGS, count), query_slots=count), probes)
    assert len(manifest(lanes).probes) == probes * len(lanes_probes(SMALL)) * SMALL.columns
    text = as_verilog(lanes)
    assert "module top(" in text and "[-1:0]" not in text


def test_a_way_back_without_a_register_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^return_cycles 0: allowed: 1 or more"):
        Lanes(replace(SMALL, return_cycles=0))
