"""The DRAM channel: fast as tick by tick, the jump, the checker, closed forms, and laws, over drawn devices."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch.dram import Activation, Device, DramTiming, Organisation, Refresh
from sim.dram import (
    BusRun,
    Command,
    Issued,
    Repeat,
    RowRun,
    Segment,
    check_trace,
    commands_of,
    read_text,
    run,
    slices,
    trace,
    write_text,
)
from sim.dram import engine as kernel
from sim.dram import program as packed
from sim.trace import write_trace
from specs import Infeasible, SpecError
from tests.sim.dram_reference import Reference

C = Command
AIM = DramTiming(36, 36, 56, 32, 54, 89, 2, 2, 2, 2, 12, 11, 11, 42, rfc=210, refi=3333)
GDDR6 = Organisation(channels=8, bank_groups=4, banks_per_group=4, rows=16384, row_bytes=2048, column_bytes=32)
QUIET = Device(GDDR6, AIM, Refresh.OFF)


def rows_of_macs(count: int, macs: int, last: int = 0) -> list[Segment]:
    """`count` rows of `macs`, and one of `last` of them."""
    rest: list[Segment] = [RowRun(C.MAC, count, last)] if last else []
    return [Repeat(count, (RowRun(C.MAC, 0, macs),), row_step=1), *rest]


def period(timing: DramTiming, macs: int, ccd: int) -> int:
    """Ticks from a row's activation to the next one's."""
    return max(timing.rc, max(timing.ras, timing.rcd_mac + (macs - 1) * ccd + timing.rtp) + timing.rp)


# --------------------------------------------------------------------------------------------------------------- drawn


@st.composite
def timings(draw: Any) -> DramTiming:
    """Any consistent table, most of it short, with constraints that are not stated."""

    def ticks(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    def perhaps(low: int, high: int) -> int | None:
        return draw(st.one_of(st.none(), st.integers(low, high)))

    rp, ras, short = ticks(1, 12), ticks(1, 24), ticks(1, 3)
    long = short + ticks(0, 3)
    every = long + ticks(0, 3)
    rrd = ticks(1, 6)
    return DramTiming(
        rcd_read=ticks(1, 14), rcd_write=ticks(1, 14), rcd_mac=ticks(1, 20), rp=rp, ras=ras, rc=rp + ras + ticks(0, 6),
        ccd_short=short, ccd_long=long, ccd_mac=every, ccd_mac_stretched=every + ticks(0, 4), rtp=ticks(1, 8),
        rrd_short=rrd, rrd_long=rrd + ticks(0, 4), faw=perhaps(1, 40), write_latency=perhaps(0, 5), burst=perhaps(1, 4),
        wr=perhaps(0, 10), wtr=perhaps(0, 10), rtw=perhaps(0, 8), rfc=perhaps(1, 60), rfc_bank=perhaps(1, 40),
        refi=ticks(65, 200), mode_switch=perhaps(0, 20),
    )  # fmt: skip


@st.composite
def devices(draw: Any) -> Device:
    groups, banks = draw(st.sampled_from([(1, 4), (2, 2), (2, 4), (4, 2), (4, 4)]))
    return Device(
        Organisation(channels=1, bank_groups=groups, banks_per_group=banks, rows=64, row_bytes=512, column_bytes=16),
        draw(timings()),
        draw(st.sampled_from([*Refresh, Refresh.ALL_BANK, Refresh.PER_BANK])),
        draw(st.booleans()),
        draw(st.sampled_from(Activation)),
        draw(st.integers(0, 3)),
    )


ROWED = [each for each in Command if each.uses_row]
ROWLESS = [C.WRGB, C.RDMAC, C.AF, C.MODE]


@st.composite
def runs(draw: Any, organisation: Organisation) -> RowRun | BusRun:
    if draw(st.integers(0, 3)) == 0:
        return BusRun(draw(st.sampled_from(ROWLESS)), draw(st.integers(1, 6)))
    command = draw(st.sampled_from([*ROWED, C.MAC, C.MAC, C.MAC]))
    banks = organisation.banks_per_group if command is C.MAC_SAME else organisation.banks
    bank = -1 if command.of_all_banks else draw(st.integers(0, banks - 1))
    count = draw(st.sampled_from([1, 2, 5, 24]))
    return RowRun(command, draw(st.integers(8, 10)), count, bank, draw(st.integers(0, 32 - count)))


@st.composite
def programs(draw: Any, organisation: Organisation, most: int) -> list[Segment]:
    """A few runs, some of them repeated, and repetitions of repetitions."""

    def bodies(depth: int) -> tuple[Segment, ...]:
        found: list[Segment] = []
        for _ in range(draw(st.integers(1, 3 if depth else 5))):
            if depth < 2 and draw(st.integers(0, 2)) == 0:
                step, times = draw(st.integers(-1, 1)), draw(st.integers(1, most))
                step = step if (times - 1) * abs(step) < (5 if depth else 4) else 0
                found.append(Repeat(times, bodies(depth + 1), step))
            else:
                found.append(draw(runs(organisation)))
        return tuple(found)

    return list(bodies(0))


@st.composite
def cases(draw: Any, most: int = 3) -> tuple[Device, list[Segment]]:
    device = draw(devices())
    return device, draw(programs(device.organisation, most))


def test_codes_and_columns_are_the_same_in_the_kernel() -> None:
    assert all(getattr(kernel, each.name) == each for each in Command)
    assert len(Command) == kernel.COMMANDS
    names = ("REPEAT", "DEEPEST", "COMMAND", "BANK", "ROW", "COLUMN", "COUNT")
    assert all(getattr(kernel, name) == getattr(packed, name) for name in names)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_every_command_at_the_tick_of_the_reference(case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    done = run(device, program, expand=True)
    plain = Reference(device)
    plain.run(program)
    plain.finish()
    assert trace(done.issued) == plain.issued
    assert check_trace(device, plain.issued) == []
    assert done.counts == Counter(each.command for each in plain.issued)
    assert done.ticks == max(plain.ends) and done.last_mac_end == plain.mac_end
    assert (done.active_ticks, done.precharged_ticks, done.refreshing_ticks) == tuple(
        plain.states[: done.ticks].count(state) for state in ("active", "precharged", "refreshing")
    )
    spent: Counter[Command] = Counter()
    for number, command in enumerate(plain.owner):
        spent[command] += max(plain.ends[: number + 1]) - max(plain.ends[:number], default=0)
    assert Counter(done.ticks_by_command) == spent


@settings(max_examples=400, deadline=None)
@given(cases(most=60))
def test_jumped_as_stepped(case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    assert run(device, program) == run(device, program, jump=False)


@settings(max_examples=40, deadline=None)
@given(devices(), st.integers(1, 32), st.integers(200, 2000), st.integers(-1, 1))
def test_jumped_as_stepped_over_long_stretches(device: Device, macs: int, times: int, step: int) -> None:
    device = replace(device, organisation=replace(device.organisation, rows=4000))
    body = (RowRun(C.MAC, 2000, macs), RowRun(C.RD, 5, 1, 2), BusRun(C.RDMAC))
    program: list[Segment] = [
        RowRun(C.WR, 7, 2, 1),
        Repeat(times, body, 0),
        Repeat(times, body[:1], step),
        RowRun(C.MAC, 1, 3),
    ]
    done = run(device, program)
    assert done == run(device, program, jump=False)
    issued = run(device, program, expand=True).issued
    assert sum(done.counts.values()) == len(issued)
    assert check_trace(device, trace(issued[:2000])) == []


# -------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(
    ("rows", "macs", "last", "ticks"),
    [(78, 64, 8, 17_700), (100, 50, 0, 19_758), (81, 64, 16, 18_394), (13, 64, 32, 3_058)],
)
def test_a_matrix_vector_product_takes_its_closed_form(rows: int, macs: int, last: int, ticks: int) -> None:
    done = run(QUIET, rows_of_macs(rows, macs, last))
    assert done.mac_ticks == ticks
    assert done.counts[C.MAC] == rows * macs + last
    assert done.counts[C.ACT16] == done.counts[C.PREA] + 1 == rows + bool(last)


def test_unequal_chunks_per_row_take_the_sum_of_their_periods() -> None:
    program = [Repeat(50, (RowRun(C.MAC, 0, 64), RowRun(C.MAC, 1, 36)), row_step=2)]
    assert run(QUIET, program).mac_ticks == 50 * period(AIM, 64, 2) + 49 * period(AIM, 36, 2) + 56 + 36 * 2


@pytest.mark.parametrize(
    ("activation", "ticks"), [(Activation.NONE, 226), (Activation.FOUR_BANKS, 352), (Activation.STRETCHED_CCD, 226)]
)
def test_row_period(activation: Activation, ticks: int) -> None:
    device = replace(QUIET, activation=activation)
    more, fewer = (run(device, rows_of_macs(rows, 64)).mac_ticks for rows in (12, 11))
    assert more - fewer == ticks


def test_four_banks_at_a_time_by_hand() -> None:
    device = replace(QUIET, activation=Activation.FOUR_BANKS)
    issued = trace(run(device, rows_of_macs(2, 2), expand=True).issued)
    assert [(each.tick, each.command.name, each.bank, each.place) for each in issued] == [
        (0, "ACT4", 0, 0), (42, "ACT4", 4, 0), (84, "ACT4", 8, 0), (126, "ACT4", 12, 0),
        (182, "MAC", -1, 0), (184, "MAC", -1, 1), (196, "PREA", -1, -1),
        (228, "ACT4", 0, 1), (270, "ACT4", 4, 1), (312, "ACT4", 8, 1), (354, "ACT4", 12, 1),
        (410, "MAC", -1, 0), (412, "MAC", -1, 1),
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(devices(), st.integers(1, 20), st.integers(1, 32), st.integers(1, 32))
def test_closed_form_of_any_table(device: Device, rows: int, macs: int, last: int) -> None:
    activation = Activation.STRETCHED_CCD if device.activation is Activation.STRETCHED_CCD else Activation.NONE
    timing = replace(device.timing, rp=device.timing.rp + 12, rc=device.timing.rc + 12)  # rows apart, not columns
    device = replace(device, timing=timing, refresh=Refresh.OFF, activation=activation)
    ccd = timing.ccd_mac_stretched if activation is Activation.STRETCHED_CCD else timing.ccd_mac
    ticks = rows * period(timing, macs, ccd) + timing.rcd_mac + last * ccd
    assert run(device, rows_of_macs(rows, macs, last)).mac_ticks == ticks


def test_refresh_between_rows_and_in_mid_row() -> None:
    program = rows_of_macs(16_000, 64)
    quiet = run(QUIET, program).ticks
    between = run(replace(QUIET, refresh=Refresh.ALL_BANK), program)
    within = run(replace(QUIET, refresh=Refresh.ALL_BANK, postponed=False), program)
    assert between.ticks / quiet == pytest.approx(1.067, abs=0.01)
    assert within.ticks > between.ticks
    for done in (between, within):
        assert done.counts[C.REFab] == pytest.approx(done.ticks / AIM.refi, abs=2)  # type: ignore[operator]
        assert done.refreshing_ticks == done.counts[C.REFab] * 210
        assert done.active_ticks + done.precharged_ticks + done.refreshing_ticks == done.ticks


def test_refresh_in_mid_row_by_hand() -> None:
    timing = replace(AIM, refi=250, rfc=210)
    device = replace(QUIET, timing=timing, refresh=Refresh.ALL_BANK, postponed=False)
    issued = trace(run(device, [BusRun(C.AF, 80), RowRun(C.MAC, 0, 30)], expand=True).issued)[80:]
    found = [(each.tick, each.command.name) for each in issued]
    # the row opens at 159, MACs go from 215 to before 250, the row closes RTP after the last of them
    assert found[:2] == [(159, "ACT16"), (215, "MAC")] and found[18:23] == [
        (249, "MAC"), (261, "PREA"), (293, "REFab"), (503, "ACT16"), (559, "MAC")
    ]  # fmt: skip


def test_a_refresh_waits_for_the_end_of_a_row_and_is_forced_in_the_end() -> None:
    device = replace(QUIET, refresh=Refresh.ALL_BANK, most_postponed=2)
    long = run(device, [Repeat(100, (RowRun(C.MAC, 0, 64),), row_step=0)], expand=True)
    refreshes = [each.tick for each in trace(long.issued) if each.command is C.REFab]
    assert refreshes[0] == 3 * 3333 + 12 - 1 + 32  # the last MAC a tick before, RTP, RP
    assert refreshes[1:3] == [refreshes[0] + 210, refreshes[0] + 420]  # all that were due


# ---------------------------------------------------------------------------------------------------------------- laws


NUMBERS = [name for name in DramTiming.__dataclass_fields__ if name != "refi"]


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_no_longer_constraint_makes_a_channel_faster(name: str, data: Any) -> None:
    device = replace(data.draw(devices()), refresh=Refresh.OFF)
    program = data.draw(programs(device.organisation, 3))
    longer = replace(device.timing, **{name: (getattr(device.timing, name) or 0) + data.draw(st.integers(1, 9))})
    assert run(replace(device, timing=longer), program).ticks >= run(device, program).ticks


def test_more_refresh_between_rows_takes_longer() -> None:
    """In mid-row it also matters where in the rows refreshes happen to fall."""

    def ticks(**changed: int) -> int:
        device = Device(GDDR6, replace(AIM, **changed), Refresh.ALL_BANK)
        return run(device, rows_of_macs(4_000, 64)).ticks

    by_rfc = [ticks(rfc=rfc) for rfc in range(60, 400, 20)]
    by_refi = [ticks(refi=refi) for refi in range(9000, 999, -500)]
    for found in (by_rfc, by_refi):
        assert all(less < more for less, more in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(cases(most=20))
def test_what_is_asked_for_is_issued_and_time_adds_up(case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    done = run(device, program)
    own = (C.ACT, C.ACT4, C.ACT16, C.PRE, C.PREA, C.REFab, C.REFpb)
    assert sum(n for command, n in done.counts.items() if command not in own) == commands_of(program)
    assert sum(done.ticks_by_command.values()) == done.ticks
    assert done.active_ticks + done.precharged_ticks + done.refreshing_ticks == done.ticks


# ------------------------------------------------------------------------------------------------------------- checker

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
    commands = trace(run(device, program, expand=True).issued)[:40]
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


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("segment", "error", "text"),
    [
        (RowRun(C.MAC, 16384, 1), Infeasible, "a bank has 16384"),
        (Repeat(3, (RowRun(C.MAC, 16382, 1),), 1), Infeasible, "rows 16382 to 16384"),
        (RowRun(C.MAC, 0, 2, column=63), Infeasible, "63 + 2 columns"),
        (RowRun(C.RD, 0, 1), SpecError, "expected bank 0 to 15"),
        (RowRun(C.MAC_SAME, 0, 1, bank=4), SpecError, "expected bank 0 to 3"),
        (RowRun(C.MAC, 0, 1, bank=3), SpecError, "expected bank -1"),
        (RowRun(C.WRGB, 0, 1), SpecError, "expected a command that uses a row"),
        (BusRun(C.RD), SpecError, "expected WRGB, RDMAC, AF or MODE"),
        (Repeat(0, (BusRun(C.AF),)), SpecError, "expected at least one time"),
    ],
)
def test_segments_that_make_no_sense_are_refused(segment: Segment, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as found:
        run(QUIET, [segment])
    assert text in str(found.value)


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (replace(QUIET, refresh=Refresh.ALL_BANK, timing=replace(AIM, refi=210)), "takes 210 of every 210 ticks"),
        (replace(QUIET, refresh=Refresh.PER_BANK, timing=replace(AIM, refi=16)), "takes 16 of every 16 ticks"),
        (replace(QUIET, refresh=Refresh.PER_BANK, timing=replace(AIM, refi=None)), "refresh 'per-bank' needs refi"),
        (replace(QUIET, organisation=replace(GDDR6, bank_groups=0)), "expected 1 to 62 banks"),
        (
            replace(
                QUIET, activation=Activation.FOUR_BANKS, organisation=replace(GDDR6, bank_groups=3, banks_per_group=2)
            ),
            "takes banks in fours, found 6",
        ),
    ],
)
def test_devices_that_cannot_run_are_refused(device: Device, text: str) -> None:
    with pytest.raises((SpecError, Infeasible)) as found:
        run(device, [BusRun(C.AF)])
    assert text in str(found.value)
