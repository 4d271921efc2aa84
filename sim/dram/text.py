"""A trace of commands as text, and as slices for a viewer: a track for each bank, and one for the channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from arch.dram import Device
from sim.trace import Instant, Slice
from specs import SpecError

from .commands import Command, Issued, banks_of

__all__ = ["read_text", "slices", "write_text"]

CHANNEL = "channel"


def write_text(out: TextIO, commands: Iterable[Issued]) -> None:
    """A line for each command: tick, command, bank, row or column; - for what it does not have.

    >>> import sys
    >>> write_text(sys.stdout, [Issued(0, Command.ACT16, -1, 7), Issued(56, Command.RD, 3, 0)])
    0 ACT16 - 7
    56 RD 3 0
    """
    for tick, command, bank, place in commands:
        out.write(f"{tick} {command.name} {_word(bank)} {_word(place)}\n")


def read_text(lines: Iterable[str]) -> Iterator[Issued]:
    """The commands of such lines. SpecError with the number of a line that is none.

    >>> list(read_text(["56 RD 3 0"]))
    [Issued(tick=56, command=<Command.RD: 5>, bank=3, place=0)]
    """
    for number, line in enumerate(lines, 1):
        try:
            tick, command, bank, place = line.split()
            yield Issued(int(tick), Command[command], _number(bank), _number(place))
        except (ValueError, KeyError):
            raise SpecError(
                f"line {number}: expected a tick, a command, a bank or -, a row, column or -, found {line.strip()!r}"
            ) from None


def slices(device: Device, commands: Iterable[Issued], end: int) -> tuple[list[Slice], list[Instant]]:
    """Rows that are open and refreshes as slices of their banks, up to `end`, and the other commands as instants.

    Those that use no bank, or all, are on the track of the channel.
    """
    found: list[Slice] = []
    instants: list[Instant] = []
    opened: dict[int, Issued] = {}
    for each in commands:
        banks = banks_of(each.command, each.bank, device.organisation)
        if each.command in (Command.ACT, Command.ACT4, Command.ACT16):
            opened.update(dict.fromkeys(banks, each))
        elif each.command in (Command.PRE, Command.PREA):
            found += [_open_row(bank, opened.pop(bank), each.tick) for bank in banks if bank in opened]
        elif each.command in (Command.REFab, Command.REFpb):
            timing = device.timing
            busy = (timing.rfc if each.command is Command.REFab else timing.rfc_bank) or 1
            found += [Slice(_track(bank), each.command.name, each.tick, each.tick + busy) for bank in banks]
        else:
            track = _track(each.bank) if len(banks) == 1 else CHANNEL
            instants.append(Instant(track, each.command.name, each.tick, {"column": each.place}))
    found += [_open_row(bank, act, end) for bank, act in opened.items()]
    return found, instants


def _open_row(bank: int, act: Issued, end: int) -> Slice:
    return Slice(_track(bank), f"row {act.place}", act.tick, end, {"by": act.command.name})


def _track(bank: int) -> str:
    return f"bank {bank}"


def _word(number: int) -> str:
    return str(number) if number >= 0 else "-"


def _number(word: str) -> int:
    return -1 if word == "-" else int(word)
