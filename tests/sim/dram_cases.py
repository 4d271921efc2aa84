"""Devices and programs for tests of the DRAM channel: an AiM-like one, and drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from arch.dram import Activation, Device, DramTiming, Organisation, Refresh
from sim.dram import BusRun, Command, Repeat, RowRun, Segment, Wait

C = Command
AIM = DramTiming(36, 36, 56, 32, 54, 89, 2, 2, 2, 2, 12, 11, 11, 42, rfc=210, refi=3333)
GDDR6 = Organisation(channels=8, bank_groups=4, banks_per_group=4, rows=16384, row_bytes=2048, column_bytes=32)
QUIET = Device(GDDR6, AIM, Refresh.OFF)


def rows_of_macs(count: int, macs: int, last: int = 0) -> list[Segment]:
    """`count` rows of `macs`, and one of `last` of them."""
    rest: list[Segment] = [RowRun(C.MAC, count, last)] if last else []
    return [Repeat(count, (RowRun(C.MAC, 0, macs),), row_step=1), *rest]


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
def runs(draw: Any, organisation: Organisation) -> RowRun | BusRun | Wait:
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return Wait(draw(st.one_of(st.integers(0, 30), st.integers(0, 900))))
    if kind == 1:
        return RowRun(draw(st.sampled_from([C.MAC, C.EWMUL])), draw(st.integers(8, 10)), 0)
    if kind < 4:
        return BusRun(draw(st.sampled_from(ROWLESS)), draw(st.integers(1, 6)))
    command = draw(st.sampled_from([*ROWED, C.MAC, C.MAC, C.MAC]))
    banks = organisation.banks_per_group if command is C.MAC_SAME else organisation.banks
    bank = -1 if command.of_all_banks else draw(st.integers(0, banks - 1))
    count = draw(st.sampled_from([1, 2, 5, 24]))
    return RowRun(command, draw(st.integers(8, 10)), count, bank, draw(st.integers(0, 32 - count)))


def without_waits(program: Sequence[Segment]) -> list[Segment]:
    """A program in which nothing waits for the outside."""
    return [
        replace(each, segments=tuple(without_waits(each.segments))) if isinstance(each, Repeat) else each
        for each in program
        if not isinstance(each, Wait)
    ]


@st.composite
def programs(draw: Any, organisation: Organisation, most: int) -> list[Segment]:
    """A few runs, openings and waits, some of them repeated, and repetitions of repetitions."""

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
