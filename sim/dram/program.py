"""What a channel is to do, in order: runs of like commands, waits, and repetitions of them. Nothing of timing.

Activations, precharges and refreshes are no part of a program: they follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arch.dram import Organisation
from specs import Infeasible, SpecError

from .commands import Command, banks_of

__all__ = ["DEEPEST", "BusRun", "Repeat", "RowRun", "Segment", "Wait", "commands_of", "pack"]

DEEPEST = 8  # repetitions inside of each other
REPEAT, WAIT = -1, -2  # instead of a command

# The columns of a packed program. Of a repetition: the bits of the banks that it uses, row_step, how many rows its body
# has, times. Of a wait: its ticks as COUNT.
COMMAND, BANK, ROW, COLUMN, COUNT, COLUMNS = range(6)


@dataclass(frozen=True)
class RowRun:
    """`count` commands on columns `column`, `column + 1`, ... of a row, in one bank, the same of all groups, or all.

    Of a command of all banks there may be none: then the row is opened in all of them, and nothing issued.
    """

    command: Command
    row: int
    count: int
    bank: int = -1  # where the command names one
    column: int = 0


@dataclass(frozen=True)
class BusRun:
    """`count` commands that need no row: WRGB, RDMAC, AF, MODE."""

    command: Command
    count: int = 1


@dataclass(frozen=True)
class Wait:
    """Nothing of the program for `ticks` from the end of what is before: it waits for something outside."""

    ticks: int


@dataclass(frozen=True)
class Repeat:
    """`segments`, `times` times; all rows in them are `row_step` higher each time."""

    times: int
    segments: tuple[Segment, ...]
    row_step: int = 0


Segment = RowRun | BusRun | Wait | Repeat


def pack(program: Sequence[Segment], organisation: Organisation) -> Any:
    """The program as a table [segment, column] of int64; a body stands below its `Repeat`.

    SpecError for a segment that makes no sense, `Infeasible` for rows and columns that are not there.

    >>> organisation = Organisation(1, 4, 4, 16384, 2048, 32)
    >>> pack([Repeat(78, (RowRun(Command.MAC, 0, 64),), row_step=1), Wait(100)], organisation).tolist()
    [[-1, 65535, 1, 1, 78], [9, -1, 0, 0, 64], [-2, -1, -1, -1, 100]]
    """
    rows = list(_rows(program, organisation, 0, 0, 0))
    return np.array(rows, np.int64).reshape(len(rows), COLUMNS)


def commands_of(program: Sequence[Segment]) -> int:
    """Commands of a program, without what opens, closes and refreshes. A wait is none.

    >>> commands_of([BusRun(Command.WRGB, 64), Wait(9), Repeat(3, (RowRun(Command.MAC, 0, 64),), row_step=1)])
    256
    """
    found = 0
    for each in program:
        if isinstance(each, Repeat):
            found += each.times * commands_of(each.segments)
        elif not isinstance(each, Wait):
            found += each.count
    return found


def _rows(
    program: Sequence[Segment], organisation: Organisation, depth: int, low: int, high: int
) -> Iterator[list[int]]:
    """Rows of the table; `low` and `high` are how much lower and higher the rows of enclosing repetitions get."""
    for each in program:
        if isinstance(each, Repeat):
            if each.times < 1 or depth == DEEPEST:
                raise SpecError(f"expected at least one time, and at most {DEEPEST} repetitions deep, found {each}")
            climb = (each.times - 1) * each.row_step
            body = list(_rows(each.segments, organisation, depth + 1, low + min(climb, 0), high + max(climb, 0)))
            yield [REPEAT, _used(each.segments, organisation), each.row_step, len(body), each.times]
            yield from body
        elif isinstance(each, Wait):
            if each.ticks < 0:
                raise SpecError(f"expected a wait of no fewer than 0 ticks, found {each}")
            yield [WAIT, -1, -1, -1, each.ticks]
        elif isinstance(each, BusRun):
            if not Command.WRGB <= each.command <= Command.MODE or each.count < 1:
                raise SpecError(f"expected WRGB, RDMAC, AF or MODE, at least once, found {each}")
            yield [each.command, -1, -1, -1, each.count]
        else:
            _check(each, organisation, each.row + low, each.row + high)
            yield [each.command, each.bank, each.row, each.column, each.count]


def _check(run: RowRun, organisation: Organisation, low: int, high: int) -> None:
    """Refuse a run of which not everything is there; its rows are `low` to `high`."""
    all_banks = run.command.of_all_banks
    if not run.command.uses_row or run.count < (0 if all_banks else 1) or run.column < 0:
        raise SpecError(
            f"expected a command that uses a row, at least once (or 0 times, in all banks, to open them), found {run}"
        )
    banks = organisation.banks_per_group if run.command is Command.MAC_SAME else organisation.banks
    if all_banks != (run.bank == -1) or not (all_banks or 0 <= run.bank < banks):
        raise SpecError(f"expected bank {'-1' if all_banks else f'0 to {banks - 1}'}, found {run}")
    if low < 0 or high >= organisation.rows:
        raise Infeasible(f"rows {low} to {high} of {run}: a bank has {organisation.rows}")
    if run.column + run.count > organisation.columns:
        raise Infeasible(f"{run.column} + {run.count} columns of {run}: a row has {organisation.columns}")


def _used(segments: Sequence[Segment], organisation: Organisation) -> int:
    """A bit for each bank in which segments use a row."""
    used = 0
    for each in segments:
        if isinstance(each, Repeat):
            used |= _used(each.segments, organisation)
        elif isinstance(each, RowRun):
            used |= sum(1 << bank for bank in banks_of(each.command, each.bank, organisation))
    return used
