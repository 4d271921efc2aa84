"""The DRAM channel: fast as tick by tick, the jump, closed forms, laws and refusals, over drawn devices."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from arch.dram import Activation, Device, DramTiming, Refresh
from sim.dram import BusRun, Command, Repeat, RowRun, Segment, Wait, check_trace, commands_of, run, trace
from sim.dram import engine as kernel
from sim.dram import program as packed
from specs import Infeasible, SpecError
from tests.sim.dram_cases import AIM, GDDR6, QUIET, C, cases, devices, programs, rows_of_macs
from tests.sim.dram_reference import Reference


def period(timing: DramTiming, macs: int, ccd: int) -> int:
    """Ticks from a row's activation to the next one's."""
    return max(timing.rc, max(timing.ras, timing.rcd_mac + (macs - 1) * ccd + timing.rtp) + timing.rp)


def test_codes_and_columns_are_the_same_in_the_kernel() -> None:
    assert all(getattr(kernel, each.name) == each for each in Command)
    assert len(Command) == kernel.COMMANDS
    names = ("REPEAT", "WAIT", "DEEPEST", "COMMAND", "BANK", "ROW", "COLUMN", "COUNT")
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
    spent: Counter[Command | None] = Counter()
    for number, command in enumerate(plain.owner):
        spent[command] += max(plain.ends[: number + 1]) - max(plain.ends[:number], default=0)
    assert done.wait_ticks == spent.pop(None)
    assert Counter(done.ticks_by_command) == spent


@settings(max_examples=400, deadline=None)
@given(cases(most=60))
def test_jumped_as_stepped(case: tuple[Device, list[Segment]]) -> None:
    device, program = case
    assert run(device, program) == run(device, program, jump=False)


def test_a_thousand_million_rows_by_their_closed_form() -> None:
    device = replace(QUIET, organisation=replace(GDDR6, rows=10**9))
    stale = RowRun(C.RD, row=77, count=1, bank=5)  # stays open beside what is repeated
    macs = RowRun(C.MAC_ONE, row=0, count=64, bank=2)
    alone, beside = (run(device, [*before, Repeat(10**9, (macs,), row_step=1)]) for before in ([], [stale]))
    assert alone.mac_ticks == (10**9 - 1) * 226 + 56 + 64 * 2
    assert alone.counts[C.MAC_ONE] == beside.counts[C.MAC_ONE] == 64 * 10**9
    assert beside.active_ticks > alone.active_ticks


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
    assert within.ticks / quiet == pytest.approx(1.092, abs=0.001)
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 64), min_size=1, max_size=40), st.integers(1, 400), st.integers(1, 2000), st.data())
def test_more_refresh_between_rows_of_macs_takes_no_less(macs: list[int], rfc: int, more: int, data: Any) -> None:
    """Refreshes may be as late as a row is long, so that none comes in mid-row."""
    activation = data.draw(st.sampled_from(Activation))
    program = [RowRun(C.MAC, row, count) for row, count in enumerate(macs)]

    def ticks(**changed: int) -> int:
        timing = replace(AIM, **({"rfc": rfc, "refi": rfc + more + 20} | changed))
        return run(Device(GDDR6, timing, Refresh.ALL_BANK, True, activation, most_postponed=100_000), program).ticks

    step = data.draw(st.integers(1, 19))
    assert ticks(rfc=rfc + step) >= ticks()
    assert ticks(rp=AIM.rp + step, rc=AIM.rc + step) >= ticks(rc=AIM.rc + step)
    assert ticks(refi=rfc + more + 20 + step) <= ticks()


def test_longer_refresh_of_a_mixed_program_may_take_less() -> None:
    """Ten ticks less with a RFC of 100 than with 80, though nothing is interrupted in mid-row."""
    device = machine("gddr6-aim:channels=1,REFI=300,most_postponed=100000").device
    assert device is not None
    program = [
        RowRun(C.MAC, 1, 32),
        RowRun(C.MAC, 0, 9),
        RowRun(C.MAC_ONE, 1, 38, 10),
        RowRun(C.RD, 1, 8, 2),
        RowRun(C.WR, 0, 5, 7),
        RowRun(C.WR, 0, 36, 0),
    ]
    assert [run(replace(device, timing=replace(device.timing, rfc=rfc)), program).ticks for rfc in (80, 100)] == [
        893,
        883,
    ]


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
    assert sum(done.ticks_by_command.values()) + done.wait_ticks == done.ticks
    assert done.active_ticks + done.precharged_ticks + done.refreshing_ticks == done.ticks


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
        (RowRun(C.RD, 0, 0, bank=3), SpecError, "at least once (or 0 times, in all banks, to open them)"),
        (RowRun(C.MAC, 0, -1), SpecError, "at least once (or 0 times, in all banks, to open them)"),
        (RowRun(C.MAC, 16384, 0), Infeasible, "a bank has 16384"),
        (Wait(-1), SpecError, "expected a wait of no fewer than 0 ticks, found Wait(ticks=-1)"),
        (RowRun(C.WRGB, 0, 1), SpecError, "expected a command that uses a row"),
        (BusRun(C.RD), SpecError, "expected WRGB, RDMAC, AF or MODE"),
        (Repeat(0, (BusRun(C.AF),)), SpecError, "expected at least one time"),
    ],
)
def test_segments_that_make_no_sense_are_refused(segment: Segment, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as found:
        run(QUIET, [segment])
    assert text in str(found.value)


def test_programs_beyond_whole_numbers_of_64_bits_are_refused() -> None:
    with pytest.raises(Infeasible) as found:
        run(QUIET, [Repeat(10**9, (Repeat(10**9, (BusRun(C.AF, 64),)),))])
    assert str(found.value).startswith("64000000000000000000 commands of up to ")
    for segment in (Wait(1 << 62), RowRun(C.MAC, 0, 0)):
        with pytest.raises(Infeasible, match=r"^0 commands .* times go up to 4611686018427387904$"):
            run(QUIET, [Repeat(10**9, (Repeat(10**9, (segment,)),))])


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
