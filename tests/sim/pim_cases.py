"""Schedules of matrix-vector products in DRAM banks for tests: drawn ones, what they do by a walk, and their time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from arch.dram import Activation, DramTiming
from mappings import Schedule
from sim.dram import Command
from sim.dram.channel import run, trace
from sim.pim.lowering import Task, lower
from sim.simulate import bound

QUIET = "refresh=off,activation=none"


@dataclass(frozen=True)
class Case:
    """A product of M × N on a machine under the mapping `bank-parallel`, by its references."""

    m: int
    n: int
    arch: str
    mapping: str = "bank-parallel"

    @property
    def workload(self) -> str:
        return f"gemv:M={self.m},N={self.n}"

    @property
    def references(self) -> tuple[str, str, str]:
        return self.workload, self.arch, self.mapping

    def schedule(self) -> Schedule:
        return bound(*self.references)

    def task(self) -> Task:
        (task,) = lower(self.schedule())
        return task


@st.composite
def cases(draw: Any, refresh: bool = False) -> Case:
    """Small products, ragged in every way, and banks of any accumulators and buffers."""
    keys = {
        "channels": draw(st.integers(1, 4)),
        "accumulators": draw(st.sampled_from([1, 2, 4])),
        "buffer": f"{draw(st.sampled_from([1, 5, 16, 32, 64])) * 32}B",
    }
    name = draw(st.sampled_from(["gddr6-aim", "hbm3-pim"]))
    keys["refresh"] = draw(st.sampled_from(["all-bank", "per-bank", "off"])) if refresh else "off"
    keys["activation"] = draw(st.sampled_from(["none", "stretched-ccd", *(["tfaw-act4"] if refresh else [])]))
    arch = f"{name}:{','.join(f'{key}={value}' for key, value in keys.items())}"
    rows, io = draw(st.sampled_from(["packed", "padded"])), draw(st.sampled_from(["included", "excluded"]))
    return Case(draw(st.integers(1, 400)), draw(st.integers(1, 3000)), arch, f"bank-parallel:rows={rows},io={io}")


def macs(task: Task) -> list[tuple[int, int]]:
    """Row and column of every MAC that a channel issues, in order."""
    row, found = -1, []
    for each in trace(run(task.device, task.program, expand=True).issued):
        if each.command in (Command.ACT16, Command.ACT4):
            row = each.place
        elif each.command is Command.MAC:
            found.append((row, each.place))
    return found


def laid(case: Case, task: Task) -> Iterator[tuple[int, int]]:
    """Row and column of every column of every output, in order: by arithmetic on what the mapping says."""
    organisation = task.device.organisation
    outputs = -(-case.m // (task.channels * organisation.banks))
    row_columns, first_row = organisation.columns, 0
    for width in widths(case, task):
        pitch = -(-width // row_columns) * row_columns if "padded" in case.mapping else width
        for number in range(outputs):
            for column in range(width):
                row, place = divmod(number * pitch + column, row_columns)
                yield first_row + row, place
        first_row += -(-outputs * pitch // row_columns)


def widths(case: Case, task: Task) -> list[int]:
    """Columns of the parts of the vector, each as large as the buffer; one, where nothing comes and goes."""
    columns = -(-case.n // task.device.multipliers)
    room = columns if "excluded" in case.mapping else task.device.buffer_bytes // task.device.organisation.column_bytes
    return [min(room, columns - at) for at in range(0, columns, room)]


# --------------------------------------------------------------------------------------------------------- closed forms


@dataclass(frozen=True)
class Row:
    """An open row: ticks from its activation to its last MAC, its last command and that one's end; ticks of reads."""

    last_mac: int
    last: int
    end: int
    reads: int


def phases(case: Case, task: Task) -> dict[str, int]:
    """`cycles_by_phase` without refresh, as sums over chunks and rows."""
    timing, short = task.device.timing, task.device.timing.ccd_short
    turn = max(short, timing.rtw or 0)  # from the last read of an accumulator to the next vector's first column
    chunks = [list(_rows(task, *each)) for each in _chunks(case, task)]
    compute = 1 - short  # the first row opens a tick after the last column is sent, which takes longer
    writes = widths(case, task)[0] * short
    for number, rows in enumerate(chunks):
        compute += sum(_period(timing, row.last_mac, row.last + 1) for row in rows[:-1]) + rows[-1].end
        if number + 1 < len(chunks):
            sent = rows[-1].last + turn + (widths(case, task)[number + 1] - 1) * short
            compute += _period(timing, rows[-1].last_mac, sent + 1) - (sent + short)
            writes += sent + short - rows[-1].end
    reads = sum(row.reads for rows in chunks for row in rows)
    found = {"buffer write": writes, "compute": compute - reads, "accumulator read": reads}
    if timing.mode_switch is not None:
        last = chunks[-1][-1]
        found["mode switch"] = 2 * timing.mode_switch + last.last + 1 - last.end
    found["other units"] = waited_for_sums(case, task)
    return {name: ticks for name, ticks in found.items() if ticks}


def waited_for_sums(case: Case, task: Task) -> int:
    """Ticks for which adding the sums of parts outlasts the MACs: of all channels' results, a word of lanes at a time."""
    adder = case.schedule().machine.units["array_1d"]
    words = -(-(len(widths(case, task)) - 1) * case.m // int(adder.elements))
    return max(0, words * adder.operations["add"].interval - len(list(laid(case, task))) * pace(task))


def pace(task: Task) -> int:
    """Ticks from MAC to MAC."""
    timing = task.device.timing
    stretched = task.device.activation is Activation.STRETCHED_CCD
    return max(timing.ccd_long, timing.ccd_mac_stretched if stretched else timing.ccd_mac)


def columns_of_a_read(task: Task) -> int:
    """Of an accumulator of each bank: 16 bits each, in columns of 256."""
    return -(-task.device.organisation.banks * 16 // (8 * task.device.organisation.column_bytes))


def _period(timing: DramTiming, last_mac: int, closed: int) -> int:
    """Ticks from an activation to the next, with the row closed no sooner than tick `closed`."""
    return max(timing.rc, max(timing.ras, last_mac + timing.rtp, closed) + timing.rp)


def _chunks(case: Case, task: Task) -> Iterator[tuple[list[int], int]]:
    """Of each part of the vector the rows of its MACs, in order, and how many make an output."""
    places = list(laid(case, task))
    at, outputs = 0, len(places) // sum(widths(case, task))
    for width in widths(case, task):
        yield [row for row, _ in places[at : at + outputs * width]], width
        at += outputs * width


def _rows(task: Task, rows: list[int], width: int) -> Iterator[Row]:
    """Each row of a part: MACs at their pace, and reads of the accumulators where they are full."""
    timing, short = task.device.timing, task.device.timing.ccd_short
    tick = last_mac = last = reads = 0
    for number, row in enumerate(rows, 1):
        if number == 1 or row != rows[number - 2]:
            tick = timing.rcd_mac
            reads = 0
        last = last_mac = tick
        tick += pace(task)
        outputs, rest = divmod(number, width)
        if not rest and (outputs % task.device.accumulators == 0 or number == len(rows)):
            last += ((outputs - 1) % task.device.accumulators + 1) * columns_of_a_read(task) * short
            reads += max(last + short - tick, 0)
            tick = max(tick, last + short)
        if number == len(rows) or rows[number] != row:
            yield Row(last_mac, last, tick, reads)
