"""What judges traces of DRAM commands, and how they are written."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from arch.dram import Activation, Device, DramTiming, Refresh
from sim.dram import Command, Issued, Segment, check_trace, commands_of, read_text, run, slices, trace, write_text
from sim.trace import write_trace
from specs import SpecError
from tests.sim.dram_cases import GDDR6, C, cases, rows_of_macs, without_waits

FULL = DramTiming(
    rcd_read=20, rcd_write=22, rcd_mac=24, rp=10, ras=30, rc=44, ccd_short=2, ccd_long=3, ccd_mac=4,
    ccd_mac_stretched=6, rtp=5, rrd_short=3, rrd_long=6, faw=40, write_latency=4, burst=2, wr=11, wtr=7, rtw=8, rfc=90,
    rfc_bank=50, refi=800, mode_switch=13,
)  # fmt: skip
STRICT = Device(GDDR6, FULL, Refresh.OFF)

# A trace that keeps everything to the tick, but for the last command, which comes a tick early.
EARLY: dict[str, list[tuple[int, Command, int, int]]] = {
    "BUS": [(5, C.AF, -1, -1), (5, C.MODE, -1, -1)],
    "RCD": [(0, C.ACT, 0, 0), (23, C.MAC_ONE, 0, 0)],
    "RP": [(0, C.ACT, 0, 0), (40, C.PRE, 0, -1), (49, C.ACT, 0, 1)],
    "RAS": [(0, C.ACT, 0, 0), (29, C.PRE, 0, -1)],
    "RC": [(0, C.ACT, 0, 0), (30, C.PRE, 0, -1), (43, C.ACT, 0, 1)],
    "RTP": [(0, C.ACT, 0, 0), (30, C.RD, 0, 0), (34, C.PRE, 0, -1)],
    "WR": [(0, C.ACT, 0, 0), (22, C.WR, 0, 0), (38, C.PRE, 0, -1)],
    "WTR": [(0, C.ACT, 0, 0), (24, C.WR, 0, 0), (36, C.RD, 0, 1)],
    "RTW": [(0, C.ACT, 0, 0), (24, C.RD, 0, 0), (31, C.WR, 0, 1)],
    "RRD short": [(0, C.ACT, 0, 0), (2, C.ACT, 4, 0)],
    "RRD long": [(0, C.ACT, 0, 0), (5, C.ACT, 1, 0)],
    "FAW": [*((6 * k, C.ACT, 4 * k, 0) for k in range(4)), (39, C.ACT, 1, 0)],
    "CCD short": [(0, C.WRGB, -1, -1), (1, C.AF, -1, -1)],
    "CCD long": [(0, C.ACT, 0, 0), (6, C.ACT, 1, 0), (40, C.RD, 0, 0), (42, C.RD, 1, 0)],
    "CCD mac": [(0, C.ACT16, -1, 0), (24, C.MAC, -1, 0), (27, C.MAC, -1, 1)],
    "mode switch": [(0, C.MODE, -1, -1), (12, C.AF, -1, -1)],
    "RFC": [(800, C.REFab, -1, -1), (889, C.ACT, 3, 0)],
    "RFCpb": [(800, C.REFpb, 0, -1), (849, C.ACT, 0, 0)],
}


@pytest.mark.parametrize("name", EARLY)
def test_a_command_one_tick_early_is_found_by_the_name_of_its_constraint(name: str) -> None:
    commands = [Issued(*each) for each in EARLY[name]]
    assert {each.constraint for each in check_trace(STRICT, commands)} == {name}
    later = [*commands[:-1], commands[-1]._replace(tick=commands[-1].tick + 1)]
    assert check_trace(STRICT, later) == []


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_command_could_have_come_a_tick_earlier(case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    device = replace(device, refresh=Refresh.OFF)
    commands = trace(run(device, without_waits(program), expand=True).issued)[:40]
    for place, each in enumerate(commands[1:], 1):
        early = each._replace(tick=each.tick - 1)
        found = check_trace(device, [*commands[:place], early])
        assert found and all(violation.command == early for violation in found)


def test_a_violation_says_what_where_and_by_how_much() -> None:
    (found,) = check_trace(STRICT, [Issued(*each) for each in EARLY["RP"]])
    assert str(found) == "49: ACT (bank 0, 1) breaks RP: needs 10, found 9"


def test_activations_of_all_banks_are_exempt_from_faw_only_where_the_device_says_so() -> None:
    commands = [Issued(0, C.ACT16, -1, 0)]
    assert check_trace(STRICT, commands) == []
    four = replace(STRICT, activation=Activation.FOUR_BANKS)
    assert [each.constraint for each in check_trace(four, commands)] == ["FAW"]


Change = Callable[[list[Issued]], list[Issued]]


def without(command: Command) -> Change:
    """All but the first command of that name."""

    def change(commands: list[Issued]) -> list[Issued]:
        place = next(k for k, each in enumerate(commands) if each.command is command)
        return commands[:place] + commands[place + 1 :]

    return change


SEEDED: dict[str, tuple[Change, str]] = {
    "no precharge": (without(C.PREA), "closed bank"),
    "no activation": (without(C.ACT16), "open bank"),
    "no refresh": (lambda commands: [each for each in commands if each.command is not C.REFab], "REFI"),
    "refresh of open banks": (
        lambda commands: [e._replace(command=C.REFab) if e.command is C.PREA else e for e in commands], "closed bank",
    ),
    "banks on different rows": (
        lambda commands: [
            e._replace(command=C.ACT, bank=0) if e.command is C.ACT16 and e.place == 1 else e for e in commands
        ], "open bank",
    ),
    "column that is not there": (
        lambda commands: [e._replace(place=64) if e.command is C.MAC else e for e in commands], "column",
    ),
    "row that is not there": (
        lambda commands: [e._replace(place=16384) if e.command is C.ACT16 else e for e in commands], "row",
    ),
    "refresh of the wrong kind": (
        lambda commands: [e._replace(command=C.REFpb, bank=1) if e.command is C.REFab else e for e in commands], "turn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEDED)
def test_a_broken_trace_is_found(name: str) -> None:
    device = replace(STRICT, refresh=Refresh.ALL_BANK, most_postponed=1)
    commands = trace(run(device, rows_of_macs(20, 64), expand=True).issued)
    assert check_trace(device, commands) == []
    change, constraint = SEEDED[name]
    assert constraint in {each.constraint for each in check_trace(device, change(commands))}


def test_a_mac_with_banks_on_several_rows_is_found() -> None:
    rows = [Issued(6 * k + 16 * (k // 4), C.ACT, 4 * (k % 4) + k // 4, int(k == 9)) for k in range(16)]
    found = check_trace(replace(STRICT, timing=replace(FULL, faw=None)), [*rows, Issued(200, C.MAC, -1, 0)])
    assert [each.constraint for each in found] == ["one row"]


# ---------------------------------------------------------------------------------------------------------------- text


@settings(max_examples=30, deadline=None)
@given(cases())
def test_a_trace_survives_its_text(case: tuple[Device, list[Segment]]) -> None:
    commands = trace(run(*case, expand=True).issued)
    out = io.StringIO()
    write_text(out, commands)
    assert list(read_text(out.getvalue().splitlines())) == commands


def test_a_line_that_is_no_command_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        list(read_text(["0 ACT16 - 7", "1 JUMP - -"]))
    assert str(error.value) == "line 2: expected a tick, a command, a bank or -, a row, column or -, found '1 JUMP - -'"


@settings(max_examples=20, deadline=None)
@given(cases())
def test_slices_of_a_bank_are_its_open_rows(tmp_path_factory: Any, case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    done = run(device, program, expand=True)
    commands = trace(done.issued)
    found, instants = slices(device, commands, done.ticks)
    write_trace(tmp_path_factory.mktemp("dram") / "trace.json", found, instants, clock_hz=2e9, title="channel")
    active = {tick for each in found if each.name.startswith("row") for tick in range(each.start, each.end)}
    assert len(active) == done.active_ticks
    assert len(instants) == commands_of(program)
