"""Waits, openings of a row in all banks, and deep repetitions of a DRAM channel: by hand, in closed form, by laws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch.dram import Activation, Device, Refresh
from sim.dram import BusRun, Command, Outcome, Repeat, RowRun, Segment, Wait, commands_of, run, trace
from sim.dram.program import DEEPEST
from specs import SpecError
from tests.sim.dram_cases import AIM, GDDR6, QUIET, C, devices, programs

Line = tuple[int, str, int, int]
OFTEN = replace(QUIET, timing=replace(AIM, rfc=210, refi=300), refresh=Refresh.ALL_BANK, postponed=False)
WRITES = [RowRun(C.WR, 3, 1, bank) for bank in range(16)]


def stepped(device: Device, program: list[Segment]) -> tuple[Outcome, list[Line]]:
    """What was counted, and every command; the jump gives the same."""
    done = run(device, program, expand=True)
    assert run(device, program, jump=False) == replace(done, issued=None) == run(device, program)
    assert sum(done.ticks_by_command.values()) + done.wait_ticks == done.ticks
    assert done.active_ticks + done.precharged_ticks + done.refreshing_ticks == done.ticks
    return done, [(each.tick, each.command.name, each.bank, each.place) for each in trace(done.issued)]


# --------------------------------------------------------------------------------------------------------------- waits


def test_a_wait_by_hand() -> None:
    done, lines = stepped(QUIET, [BusRun(C.AF, 3), Wait(10), BusRun(C.AF), Wait(5)])
    assert [tick for tick, *_ in lines] == [0, 2, 4, 16]  # the third ends at 6
    assert (done.ticks, done.wait_ticks, dict(done.ticks_by_command)) == (23, 15, {C.AF: 8})
    assert dict(done.counts) == {C.AF: 4} and done.precharged_ticks == 23


def test_a_row_stays_open_over_a_wait_and_another_is_opened_after_it() -> None:
    mac = [RowRun(C.MAC, row, 1) for row in (0, 0, 1)]
    done, lines = stepped(QUIET, [mac[0], Wait(100), mac[1], Wait(0), mac[2]])
    assert lines == [
        (0, "ACT16", -1, 0), (56, "MAC", -1, 0),  # over at 58
        (158, "MAC", -1, 0),  # over at 160
        (170, "PREA", -1, -1), (202, "ACT16", -1, 1), (258, "MAC", -1, 0),  # RTP, RP and RCD later
    ]  # fmt: skip
    assert (done.ticks, done.wait_ticks, dict(done.ticks_by_command)) == (260, 100, {C.MAC: 160})
    assert done.active_ticks == 170 + 58


def test_refreshes_within_a_wait_by_hand() -> None:
    mac = RowRun(C.MAC, 0, 1)
    done, lines = stepped(OFTEN, [mac, Wait(600), BusRun(C.AF), mac])
    assert lines == [
        (0, "ACT16", -1, 0), (56, "MAC", -1, 0),  # over at 58, so the wait is at 658
        (300, "PREA", -1, -1), (332, "REFab", -1, -1),  # until 542, and the row stays closed
        (600, "REFab", -1, -1),  # until 810
        (658, "AF", -1, -1), (810, "ACT16", -1, 0), (866, "MAC", -1, 0),
    ]  # fmt: skip
    assert (done.ticks, done.wait_ticks, done.counts[C.ACT16]) == (868, 600, 2)
    assert (done.active_ticks, done.refreshing_ticks) == (300 + 58, 2 * 210)


def test_a_wait_is_not_longer_for_a_refresh_that_outlasts_it() -> None:
    mac = RowRun(C.MAC, 0, 1)
    done, lines = stepped(OFTEN, [mac, Wait(250), mac])
    assert lines[2:] == [(300, "PREA", -1, -1), (332, "REFab", -1, -1), (542, "ACT16", -1, 0), (598, "MAC", -1, 0)]
    assert (done.wait_ticks, done.ticks_by_command[C.MAC]) == (250, 58 + 600 - 308)
    last, lines = stepped(OFTEN, [mac, Wait(250)])  # until 308, and there is nothing to count the refresh for
    assert lines[2:] == [(300, "PREA", -1, -1), (332, "REFab", -1, -1)]
    assert (last.ticks, last.wait_ticks, last.active_ticks) == (333, 275, 300)


def test_a_wait_costs_its_refreshes_only() -> None:
    """Ticks by the million would take minutes; so would iterations by the thousand million."""
    assert run(QUIET, [Wait(10**15)]).precharged_ticks == 10**15
    body = (BusRun(C.AF, 3), Wait(7))
    assert run(QUIET, [Repeat(10**9, body)]).ticks == 13 * 10**9
    refreshed = replace(QUIET, refresh=Refresh.ALL_BANK, postponed=False)
    done = run(refreshed, [Wait(3333 * 10**5)])
    assert done.counts[C.REFab] == 10**5 - 1  # the last is due at the end, when the wait is over
    assert done.refreshing_ticks == 210 * (10**5 - 1)
    rows = (RowRun(C.MAC, 0, 64), Wait(3333 - 184 - 200), RowRun(C.RD, 5, 3, 2))
    done = run(refreshed, [Repeat(10**9, rows, 0)])
    assert done.wait_ticks == 10**9 * (3333 - 184 - 200)
    assert done.counts[C.REFab] == pytest.approx(done.ticks / 3333, rel=1e-8)


def waits_of(program: list[Segment] | tuple[Segment, ...]) -> int:
    """Ticks that a program asks to wait."""
    ticks = 0
    for each in program:
        if isinstance(each, Repeat):
            ticks += each.times * waits_of(each.segments)
        elif isinstance(each, Wait):
            ticks += each.ticks
    return ticks


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_waits_take_what_they_were_asked_for_and_two_are_their_sum(data: Any) -> None:
    device = data.draw(devices())
    before, after = (data.draw(programs(device.organisation, 8)) for _ in range(2))
    first, second = (data.draw(st.integers(0, 300)) for _ in range(2))
    program = [*before, Wait(first), Wait(second), *after, BusRun(C.AF)]
    done, lines = stepped(device, program)
    assert done.wait_ticks == waits_of(program)
    whole, same = stepped(device, [*before, Wait(first + second), *after, BusRun(C.AF)])
    assert lines == same and replace(done, issued=None) == replace(whole, issued=None)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_after_a_long_wait_everything_is_later_by_what_it_is_longer(data: Any) -> None:
    device = replace(data.draw(devices()), refresh=Refresh.OFF)
    before, after = (data.draw(programs(device.organisation, 3)) for _ in range(2))
    more, there = data.draw(st.integers(1, 500)), len(run(device, before, expand=True).issued)
    (_, lines), (_, later) = (stepped(device, [*before, Wait(t), *after]) for t in (400, 400 + more))
    assert later == lines[:there] + [(tick + more, *rest) for tick, *rest in lines[there:]]


# ------------------------------------------------------------------------------------------------------------ openings


OPENING = RowRun(C.MAC, 3, 0)


def test_writes_to_many_banks_after_an_opening_by_hand() -> None:
    done, lines = stepped(QUIET, [OPENING, *WRITES])
    assert lines == [(0, "ACT16", -1, 3), *((36 + 2 * bank, "WR", bank, 0) for bank in range(16))]
    assert (done.ticks, dict(done.ticks_by_command)) == (68, {C.WR: 68})
    assert commands_of([OPENING, *WRITES]) == 16
    alone, _ = stepped(QUIET, [*WRITES])
    assert (alone.ticks, alone.counts[C.ACT]) == (16 * 37 + 1, 16)  # RCD and a tick each: one by one


def test_an_opening_by_four_banks_at_a_time_by_hand() -> None:
    _, lines = stepped(replace(QUIET, activation=Activation.FOUR_BANKS), [OPENING, WRITES[0], WRITES[15]])
    assert lines == [
        (0, "ACT4", 0, 3), (42, "ACT4", 4, 3), (84, "ACT4", 8, 3), (126, "ACT4", 12, 3),
        (127, "WR", 0, 0), (162, "WR", 15, 0),
    ]  # fmt: skip


def test_an_opening_closes_what_is_in_the_way_and_nothing_where_its_row_is_open() -> None:
    _, lines = stepped(QUIET, [RowRun(C.RD, 1, 1, 5), OPENING, OPENING, RowRun(C.EWMUL, 3, 0), RowRun(C.MAC, 3, 1)])
    assert lines == [
        (0, "ACT", 5, 1), (36, "RD", 5, 0), (54, "PREA", -1, -1), (89, "ACT16", -1, 3), (145, "MAC", -1, 0),
    ]  # fmt: skip


def test_an_opening_is_a_row_boundary() -> None:
    """A refresh that is due goes before the row is opened, however long it might be postponed."""
    _, lines = stepped(replace(OFTEN, postponed=True, most_postponed=8), [Wait(301), OPENING, WRITES[4]])
    assert lines == [(301, "REFab", -1, -1), (511, "ACT16", -1, 3), (547, "WR", 4, 0)]


def test_a_wait_after_an_opening_has_begun_before_it() -> None:
    done, lines = stepped(QUIET, [BusRun(C.AF), OPENING, Wait(100), WRITES[0]])
    assert lines == [(0, "AF", -1, -1), (1, "ACT16", -1, 3), (102, "WR", 0, 0)]
    assert (done.wait_ticks, dict(done.ticks_by_command)) == (100, {C.AF: 2, C.WR: 2})


def test_an_opening_may_outlast_a_wait_and_then_no_refresh_goes_in_it() -> None:
    """One is due at 300, within the wait, which is over at 350, before the bus is free."""
    program: list[Segment] = [Wait(250), OPENING, Wait(100)]
    done, lines = stepped(replace(OFTEN, activation=Activation.FOUR_BANKS), program)
    assert lines == [(250 + 42 * k, "ACT4", 4 * k, 3) for k in range(4)]
    assert (done.ticks, done.wait_ticks, done.active_ticks) == (377, 377, 127)


def test_a_program_that_ends_with_an_opening_ends_a_tick_after_it() -> None:
    done, lines = stepped(QUIET, [RowRun(C.RD, 1, 1, 5), OPENING])
    assert lines[-1] == (89, "ACT16", -1, 3)
    assert (done.ticks, done.wait_ticks, dict(done.ticks_by_command)) == (90, 52, {C.RD: 38})
    assert (done.active_ticks, done.precharged_ticks) == (54 + 1, 35)


@settings(max_examples=60, deadline=None)
@given(devices(), st.integers(1, 5), st.integers(1, 4), st.sampled_from([C.MAC, C.EWMUL]))
def test_what_is_opened_is_not_opened_again(device: Device, times: int, count: int, by: Command) -> None:
    device, banks = replace(device, refresh=Refresh.OFF), device.organisation.banks
    writes = [RowRun(C.WR, 0, count, bank) for bank in range(banks)]
    done, lines = stepped(device, [Repeat(times, (RowRun(by, 0, 0), *writes), row_step=1)])
    names = Counter(name for _, name, *_ in lines)
    four = device.activation is Activation.FOUR_BANKS
    opened = {"ACT4": times * banks // 4} if four else {"ACT16": times}
    assert names == Counter({**opened, "PREA": times - 1, "WR": times * banks * count})
    assert done.wait_ticks == 0


# --------------------------------------------------------------------------------------------------------- repetitions


def nested(depth: int, times: int) -> Segment:
    """Repetitions inside of each other, with one AF in the middle."""
    return BusRun(C.AF) if depth == 0 else Repeat(times, (nested(depth - 1, times),))


def test_repetitions_go_eight_deep() -> None:
    assert DEEPEST == 8
    assert run(QUIET, [nested(8, 20)]).ticks == 2 * 20**8
    stepped(replace(QUIET, organisation=replace(GDDR6, channels=1)), [nested(8, 3)])
    with pytest.raises(SpecError, match="at most 8 repetitions deep"):
        run(QUIET, [nested(9, 2)])


@settings(max_examples=30, deadline=None)
@given(devices(), st.lists(st.integers(1, 4), min_size=8, max_size=8), st.integers(0, 90))
def test_deep_repetitions_jump_as_they_step(device: Device, times: list[int], ticks: int) -> None:
    body: tuple[Segment, ...] = (RowRun(C.MAC, 8, 2),)
    for depth, number in enumerate(times):
        body = (
            (Repeat(number, body, depth % 2), RowRun(C.WR, 7, 1, 1))
            if depth % 3
            else (Repeat(number, body), Wait(ticks))
        )
    stepped(device, list(body))
