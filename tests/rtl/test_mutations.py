"""One thing altered, in the hardware or in the engine's run, and never both: every time it is noticed, and told how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from reports.hardware.generation import Hardware, hardware_of
from reports.hardware.planning import engine_run
from reports.hardware.verification import compared, stimulus, verified
from reports.hardware.work import Work
from rtl.design import Design
from rtl.division import Division
from rtl.failures import LimitReached
from rtl.formats import Formats
from rtl.harness import run
from rtl.plan import Line, Plan, Token
from rtl.stalls import Stops
from rtl.top import Top
from sim.simulate import bound
from specs import SpecError

PLAIN = "rows=3,cols=2"
WORK = "queries=4,keys=9,head_dim=2,value_dim=2"
EVENTS, VALUES, BOTH, STUCK, NOTHING = "events", "values", "events and values", "stuck", "nothing"
UNITS = {"array": "array_2d", "lanes": "array_1d"}


@cache
def schedule_of(arch: str = PLAIN, work: str = WORK, interleave: int = 2) -> Any:
    return bound(f"attention:{work}", f"fusemax-fpga:{arch}", f"fusemax-binding:interleave={interleave}")


@cache
def hardware(arch: str = PLAIN, work: str = WORK, interleave: int = 2) -> Hardware:
    return hardware_of(schedule_of(arch, work, interleave))


def difference(
    expected: Hardware, design: Design | None = None, plan: Plan | None = None, stops: Stops | None = None
) -> str:
    """What is noticed of hardware of another design or plan, held to the engine's run and the model."""
    top = Top(design or expected.design, plan or expected.plan, expected.extent, probes=True)
    try:
        found = verified(expected, stops=stops, top=top)
    except LimitReached:
        return STUCK
    differ = [name for name, it in ((EVENTS, found.events.differences), (VALUES, found.payload_mismatches)) if it]
    assert found.passed == (not differ)
    return " and ".join(differ) or NOTHING


def test_nothing_altered_is_no_difference() -> None:
    assert difference(hardware()) == NOTHING
    assert difference(hardware(*SLOW_ROWS)) == NOTHING
    assert difference(hardware(*FULL_RINGS)) == NOTHING


# ------------------------------------------------------------------------------------------ another design in hardware

SLOW_ROWS = (f"{PLAIN},array_2d.hop=2", WORK)  # with time for an operation of two cycles in each row
FULL_RINGS = ("rows=2,cols=2", "queries=6,keys=4,head_dim=6,value_dim=1", 3)


@pytest.mark.parametrize("operation", ["mac", "add", "max"])
@pytest.mark.parametrize("unit", UNITS)
def test_a_latency_in_hardware(unit: str, operation: str) -> None:
    expected = hardware(*SLOW_ROWS)
    slower = replace(getattr(expected.design, unit), **{operation: 2})
    assert difference(expected, replace(expected.design, **{unit: slower})) == BOTH


@dataclass(frozen=True)
class QuickDivision(Formats):
    """Two bits of a quotient in a cycle: 14 cycles for one instead of 26."""

    @property
    def division(self) -> Division:
        return replace(super().division, bits_per_cycle=2)


def test_the_latency_and_interval_of_a_division_in_hardware() -> None:
    design = hardware().design
    quick = QuickDivision(**{name: getattr(design.formats, name) for name in Formats.__dataclass_fields__})
    assert (design.formats.division.latency, quick.division.latency) == (26, 14)
    assert difference(hardware(), replace(design, formats=quick)) == BOTH


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ({"hop": 2}, BOTH),  # results are below the columns late
        ({"return_cycles": 2}, VALUES),  # a maximum comes late: beats are where they were, weights are others
        ({"return_cycles": 3}, VALUES),  # `wrap` in three rows
    ],
    ids=["hop", "return path", "wrap"],
)
def test_ways_in_hardware(change: Mapping[str, Any], noticed: str) -> None:
    assert difference(hardware(), replace(hardware().design, **change)) == noticed


def test_a_wrap_that_is_a_wire_in_hardware() -> None:
    """The next maximum does not begin before the last one is read: only the top of the column tells of an early one."""
    expected = hardware(f"{PLAIN},return_path=wrap")
    assert expected.design.return_cycles == 3
    assert difference(expected, replace(expected.design, return_cycles=1)) == VALUES


@pytest.mark.parametrize("ring", ["QK", "SLNV"])
def test_a_ring_one_place_shorter(ring: str) -> None:
    """Values are overwritten before they are read; nothing is late."""
    expected = hardware(*FULL_RINGS)
    assert expected.design.places[ring] == 2
    assert difference(expected, replace(expected.design, places={**expected.design.places, ring: 1})) == VALUES


@pytest.mark.parametrize("tensor", ["K", "V", "AV"])
def test_a_copy_fewer(tensor: str) -> None:
    """Results are overwritten where they wait for the outside."""
    stops = {"AV": ((0, 260),)} if tensor == "AV" else {}
    expected = hardware_of(schedule_of(), stops)
    assert difference(expected, stops=stops) == NOTHING
    fewer = replace(expected.design, copies={**expected.design.copies, tensor: 1})
    assert difference(expected, fewer, stops=stops) == VALUES


# -------------------------------------------------------------------------------------------- another plan in hardware


def with_line(plan: Plan, line: Line) -> Plan:
    return replace(plan, lines=tuple(line if each.name == line.name else each for each in plan.lines))


def with_token(plan: Plan, old: Token, new: Token) -> Plan:
    return replace(plan, tokens=tuple(new if each == old else each for each in plan.tokens))


def token_of(plan: Plan, consumer: str, producer: str) -> Token:
    """The last one: of two for a state, that of its first tile."""
    return next(token for token in plan.tokens[::-1] if (token.consumer, token.producer) == (consumer, producer))


@pytest.mark.parametrize("name", [line.name for line in hardware().plan.lines if not line.transfer])
def test_a_line_that_holds_its_unit_a_cycle_longer(name: str) -> None:
    plan = hardware().plan
    longer = replace(plan.line(name), cycles=plan.line(name).cycles + 1)
    assert difference(hardware(), plan=with_line(plan, longer)) in (EVENTS, BOTH)


@pytest.mark.parametrize("name", ["QK", "SLN", "PRM", "SLNV", "SPNV+RNV", "AV"])
def test_a_line_that_holds_its_unit_a_cycle_shorter(name: str) -> None:
    plan = hardware().plan
    shorter = replace(plan.line(name), cycles=plan.line(name).cycles - 1)
    assert difference(hardware(), plan=with_line(plan, shorter)) in (EVENTS, BOTH)


SLOW_MAXIMUM = (
    f"rows=2,cols=2,dram.bandwidth=3200MB/s,{UNITS['lanes']}.operations.max.latency=30",
    "queries=2,keys=8,head_dim=1,value_dim=1",
    1,
)
SLOW_FACTOR = (
    f"rows=2,cols=2,array_2d.hop=2,dram.bandwidth=3200MB/s,{UNITS['lanes']}.operations.mac.latency=3",
    "queries=2,keys=8,head_dim=2,value_dim=2,heads=2",
    1,
)
BINDING = {  # designs in which a line waits for another at last, and how it shows that the wait is a cycle shorter
    ("QK", "fill K"): ((), BOTH),
    ("RM", "LM"): ((), BOTH),
    ("SLN", "RM"): ((), BOTH),
    ("RD", "SLD"): ((), BOTH),
    ("drain AV", "AV"): ((), BOTH),
    ("fill K", "QK"): ((), EVENTS),
    ("fill V", "SLNV"): ((), EVENTS),
    ("RM", "SLN"): (FULL_RINGS, BOTH),
    ("PRM", "RM"): (SLOW_MAXIMUM, BOTH),
    ("SPD", "PRM"): (SLOW_FACTOR, BOTH),
    ("RD", "SPD"): (SLOW_FACTOR, BOTH),
}


@pytest.mark.parametrize("pair", BINDING, ids=" ".join)
def test_a_token_that_comes_a_cycle_early(pair: tuple[str, str]) -> None:
    arguments, noticed = BINDING[pair]
    expected = hardware(*arguments)
    token = token_of(expected.plan, *pair)
    early = with_token(expected.plan, token, replace(token, cycles=token.cycles - 1))
    assert difference(expected, plan=early) == noticed


@pytest.mark.parametrize(
    ("pair", "noticed"),
    [
        (("QK", "LM"), STUCK),  # a score would wait until it has been read itself
        (("RM", "PRM"), STUCK),
        (("SPD", "RD"), STUCK),  # its ring's place, not its state
        (("fill K", "QK"), EVENTS),  # a tile is fetched late, but soon enough
        (("fill V", "SLNV"), EVENTS),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else each,
)
def test_a_place_fewer_for_the_control(pair: tuple[str, str], noticed: str) -> None:
    plan = hardware().plan
    token = token_of(plan, *pair)
    assert isinstance(token.ahead, int)
    assert difference(hardware(), plan=with_token(plan, token, replace(token, ahead=token.ahead - 1))) == noticed


def test_the_cause_of_a_stall() -> None:
    """SLN waits for the round trip; the hardware calls it an operand."""
    plan = hardware().plan
    token = token_of(plan, "SLN", "RM")
    assert token.cause == "round trip"
    assert difference(hardware(), plan=with_token(plan, token, replace(token, cause="operand"))) == EVENTS


# ----------------------------------------------------------------------------------------------- another engine's run


def against(expected: Hardware, arch: str, work: str = WORK, interleave: int = 2) -> str:
    """What is noticed of the same hardware, held to the engine's run of another machine."""
    return difference(replace(expected, run=engine_run(schedule_of(arch, work, interleave))))


@pytest.mark.parametrize("operation", ["mac", "add", "max"])
@pytest.mark.parametrize("unit", UNITS)
def test_a_latency_in_the_engine(unit: str, operation: str) -> None:
    assert against(hardware(*SLOW_ROWS), f"{SLOW_ROWS[0]},{UNITS[unit]}.operations.{operation}.latency=2") == BOTH


@pytest.mark.parametrize("operation", ["mac", "add", "max"])
@pytest.mark.parametrize("unit", UNITS)
def test_an_interval_in_the_engine_is_noticed_and_refused(unit: str, operation: str) -> None:
    native = f"{UNITS[unit]}.operations.{operation}"
    arch = f"{PLAIN},{native}.latency=2"
    expected = hardware(arch, WORK, 1)
    assert difference(expected) == NOTHING
    # A unit that compares for two cycles stands still a cycle later; nothing else begins in the second one here.
    noticed = EVENTS if operation == "max" else BOTH
    assert against(expected, f"{arch},{native}.interval=2", WORK, 1) == noticed
    with pytest.raises(SpecError, match=f"begins a {operation} in every cycle; found an interval of 2"):
        hardware(f"{arch},{native}.interval=2", WORK, 1)


@pytest.mark.parametrize(("name", "cycles", "noticed"), [("interval", 27, BOTH), ("latency", 28, EVENTS)])
def test_the_division_in_the_engine_is_noticed_and_refused(name: str, cycles: int, noticed: str) -> None:
    arch = f"{PLAIN},array_1d.operations.divide.{name}={cycles}"
    assert against(hardware(), arch) == noticed
    with pytest.raises(SpecError, match=f"divides at an interval of 26 and a latency of 27; found .*{name} {cycles}"):
        hardware(arch)


@pytest.mark.parametrize("way", ["array_2d.hop=2", "return_path=wrap"])
def test_ways_in_the_engine(way: str) -> None:
    assert against(hardware(), f"{PLAIN},{way}") == BOTH


@pytest.mark.parametrize(("stop", "noticed"), [((0, 4), BOTH), ((3, 4), EVENTS)], ids=["first tile", "later tile"])
def test_a_stall_of_the_outside_that_only_the_engine_has(stop: tuple[int, int], noticed: str) -> None:
    """The first tile of K is waited for, a later one is early enough."""
    assert difference(replace(hardware(), run=engine_run(schedule_of(), {"K": (stop,)}))) == noticed


def test_operations_that_take_longer_than_a_hop_are_refused() -> None:
    design = hardware().design
    for operation in ("mac", "add", "max"):
        with pytest.raises(SpecError, match="hop 1: a partial result takes 2 cycles; allowed: hop from 2"):
            difference(hardware(), replace(design, array=replace(design.array, **{operation: 2})))


# --------------------------------------------------------------------------------------------------- another model


def altered(work: Work, tensor: int, index: tuple[int, ...]) -> Work:
    """The same inputs but for one, by one."""
    inputs = [each.copy() for each in work.inputs]
    inputs[tensor][index] ^= 1
    other = Work(work.hardware, work.seed)
    other.__dict__["inputs"] = tuple(inputs)
    return other


@pytest.mark.parametrize(("tensor", "index"), [(0, (0, 0, 3, 1)), (1, (0, 8, 1)), (2, (0, 8, 1))], ids=["Q", "K", "V"])
def test_one_bit_of_one_input_of_the_model(tensor: int, index: tuple[int, ...]) -> None:
    work = Work(hardware())
    log = run(hardware().top(probes=True), stimulus(hardware(), work))
    found = compared(hardware(), altered(work, tensor, index), log, "amaranth")
    assert found.events.differences == 0 and found.payload_mismatches > 0 and not found.passed
    assert compared(hardware(), work, log, "amaranth").passed


def test_a_constant_of_the_model() -> None:
    """Weights are those of another scale of scores; scores and their maxima are the same."""
    expected = hardware()
    formats = replace(expected.design.formats, score_scale=expected.design.formats.logit_per_score * 1.001)
    found = verified(expected, top=replace(expected, design=replace(expected.design, formats=formats)).top(True))
    assert found.events.differences == 0 and found.payload_differences is not None
    assert found.payload_differences.first is not None
    assert found.payload_differences.first.event in ("weight", "factor")


# -------------------------------------------------------------------------------------------------- how it is told


def test_the_first_difference_is_shown_with_its_neighbours() -> None:
    expected = hardware()
    token = token_of(expected.plan, "drain AV", "AV")
    early = with_token(expected.plan, token, replace(token, cycles=token.cycles - 1))
    found = verified(expected, top=Top(expected.design, early, expected.extent, probes=True))
    lines = str(found.events).splitlines()
    assert lines[1].startswith("differ: ") and lines[2] == f"first: cycle {found.events.first.cycle:,}"  # type: ignore[union-attr]
    assert [line.split()[:2] for line in lines[5:] if line.startswith(">")] == [[">", "rtl"]]
    assert sum(line.startswith("  both") for line in lines) >= 4
    assert found.as_dict()["first_mismatch"]["event"] == "result accepted: drain AV"
    assert np.all(np.diff([row.event.cycle for row in found.events.rows]) >= 0)
