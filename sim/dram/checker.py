"""Whether a trace keeps a device's timing: every pair of commands, every row, every refresh. Knows no program.

Independent of the engine: it has a rule for each constraint, and looks back at what was issued. Of each command to each
bank the last one is enough, since it is the one that a rule binds most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from arch.dram import Activation, Device, Refresh

from .commands import Command, Issued, banks_of

__all__ = ["Violation", "check_trace"]

ACTIVATIONS = frozenset({Command.ACT, Command.ACT4, Command.ACT16})
PRECHARGES = frozenset({Command.PRE, Command.PREA})
REFRESHES = frozenset({Command.REFab, Command.REFpb})
MACS = frozenset({Command.MAC_ONE, Command.MAC_SAME, Command.MAC, Command.EWMUL})
READS = MACS | {Command.RD, Command.COPY_OUT}  # out of a bank
WRITES = frozenset({Command.WR, Command.COPY_IN})  # into a bank
COLUMNS = READS | WRITES | {Command.WRGB, Command.RDMAC, Command.AF}
DATA_OUT, DATA_IN = frozenset({Command.RD, Command.RDMAC}), frozenset({Command.WR, Command.WRGB})
WINDOW = 4  # activations within FAW


@dataclass(frozen=True)
class Violation:
    """A command that broke a constraint. `required` and `found` are ticks, or words where it is about a row."""

    tick: int
    command: Issued
    constraint: str
    required: int | str
    found: int | str

    def __str__(self) -> str:
        return f"{self.tick}: {self.command} breaks {self.constraint}: needs {self.required}, found {self.found}"


def check_trace(device: Device, commands: Iterable[Issued]) -> list[Violation]:
    """All violations, in the order of the trace.

    >>> from arch.dram import DramTiming, Organisation
    >>> timing = DramTiming(36, 36, 56, 32, 54, 89, 2, 2, 2, 2, 12, 11, 11, 42)
    >>> device = Device(Organisation(8, 4, 4, 16384, 2048, 32), timing, Refresh.OFF)
    >>> trace = [Issued(0, Command.ACT16, -1, 7), Issued(55, Command.MAC, -1, 0)]
    >>> print(*check_trace(device, trace))
    55: MAC breaks RCD: needs 56, found 55
    """
    checker = _Checker(device)
    return [found for each in commands for found in checker.found(each)]


@dataclass
class _Checker:
    """A trace up to some command."""

    device: Device
    last: dict[tuple[Command, int], int] = field(default_factory=dict)  # tick
    rows: dict[int, int] = field(default_factory=dict)  # of the banks that are open
    window: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))  # ticks of the last activations
    refreshes: int = 0
    late: int = 0  # the refresh that a command has already gone before, in its last moment
    now: int = -1

    def found(self, this: Issued) -> Iterator[Violation]:
        """What a command breaks; then it counts as issued."""
        if this.tick <= self.now:
            yield Violation(this.tick, this, "BUS", self.now + 1, this.tick)
        for (command, bank), tick in self.last.items():
            for name, ticks in _rules(self.device, command, bank, this.command, this.bank):
                if this.tick - tick < ticks:
                    yield Violation(this.tick, this, name, ticks, this.tick - tick)
        yield from self._rows(this)
        if this.command in ACTIVATIONS:
            yield from self._window(this)
        if self.device.refresh is not Refresh.OFF:
            yield from self._refresh(this)
        self.now = max(self.now, this.tick)
        self.last[this.command, this.bank] = this.tick

    def _rows(self, this: Issued) -> Iterator[Violation]:
        """Whether its banks are as a command needs them, and how it leaves them."""
        organisation = self.device.organisation
        banks = banks_of(this.command, this.bank, organisation)
        if this.command in ACTIVATIONS | REFRESHES:
            opened = [bank for bank in banks if bank in self.rows]
            if opened:
                yield Violation(this.tick, this, "closed bank", "closed", f"bank {opened[0]} open")
        if this.command in ACTIVATIONS:
            self.rows.update(dict.fromkeys(banks, this.place))
            if not 0 <= this.place < organisation.rows:
                yield Violation(this.tick, this, "row", f"0 to {organisation.rows - 1}", this.place)
        if this.command in PRECHARGES:
            for bank in banks:
                self.rows.pop(bank, None)
        if this.command in READS | WRITES:
            rows = {self.rows.get(bank) for bank in banks}
            if None in rows:
                yield Violation(this.tick, this, "open bank", "open", "closed")
            elif len(rows) > 1:
                yield Violation(this.tick, this, "one row", "the same in all banks", "several")
            if not 0 <= this.place < organisation.columns:
                yield Violation(this.tick, this, "column", f"0 to {organisation.columns - 1}", this.place)

    def _window(self, this: Issued) -> Iterator[Violation]:
        """FAW: no more than four activations; one of all banks is exempt unless four at a time are asked for."""
        if this.command is Command.ACT16 and self.device.activation is not Activation.FOUR_BANKS:
            return
        faw = self.device.timing.faw or 0
        for _ in banks_of(this.command, this.bank, self.device.organisation):
            if len(self.window) == WINDOW and this.tick - self.window[0] < faw:
                yield Violation(this.tick, this, "FAW", faw, this.tick - self.window[0])
                return
            self.window.append(this.tick)

    def _refresh(self, this: Issued) -> Iterator[Violation]:
        """REFI: a refresh comes in its turn and before the second command of a program after its last moment."""
        device, timing, banks = self.device, self.device.timing, self.device.organisation.banks
        per_bank = device.refresh is Refresh.PER_BANK
        if this.command in REFRESHES:
            turn = self.refreshes % banks if per_bank else -1
            if this.bank != turn or per_bank != (this.command is Command.REFpb):
                yield Violation(this.tick, this, "turn", f"bank {turn}", f"bank {this.bank}")
            self.refreshes += 1
        elif this.command in COLUMNS or this.command is Command.MODE:
            number, interval = self.refreshes + 1, timing.refi or 0
            last_moment = number * interval // (banks if per_bank else 1)
            last_moment += device.most_postponed * interval if device.postponed else 0
            if this.tick >= last_moment:
                if self.late == number:
                    yield Violation(this.tick, this, "REFI", last_moment, this.tick)
                self.late = number


@lru_cache(maxsize=1 << 16)
def _rules(device: Device, first: Command, first_bank: int, then: Command, bank: int) -> tuple[tuple[str, int], ...]:
    """Constraints between a command and a later one, by name, with the ticks that have to lie between them."""
    organisation = device.organisation
    before, after = (set(banks_of(*each, organisation)) for each in ((first, first_bank), (then, bank)))
    groups = ({each // organisation.banks_per_group for each in banks} for banks in (before, after))
    rules = list(_channel_rules(device, first, then, bool(set.intersection(*groups))))
    if before & after:
        rules += _bank_rules(device, first, then)
    return tuple((name, ticks) for name, ticks in rules if ticks is not None)


def _channel_rules(device: Device, first: Command, then: Command, same_group: bool) -> Iterator[tuple[str, int | None]]:
    """Constraints between commands to any banks."""
    timing = device.timing
    if first in ACTIVATIONS and then in ACTIVATIONS:
        yield "RRD short", timing.rrd_short
        if same_group:
            yield "RRD long", timing.rrd_long
    if first in COLUMNS and then in COLUMNS:
        yield "CCD short", timing.ccd_short
        if same_group:
            yield "CCD long", timing.ccd_long
        if {first, then} <= {Command.MAC, Command.EWMUL}:
            stretched = device.activation is Activation.STRETCHED_CCD
            yield "CCD mac", timing.ccd_mac_stretched if stretched else timing.ccd_mac
    if first in WRITES and then in READS:
        yield "WTR", _after_data(device, timing.wtr)
    if first in DATA_OUT and then in DATA_IN:
        yield "RTW", timing.rtw
    if first is Command.MODE:
        yield "mode switch", timing.mode_switch


def _bank_rules(device: Device, first: Command, then: Command) -> Iterator[tuple[str, int | None]]:
    """Constraints between commands that have a bank in common. A refresh is to them the opening of a row."""
    timing = device.timing
    if then in ACTIVATIONS | REFRESHES:
        if first in ACTIVATIONS:
            yield "RC", timing.rc
        if first in PRECHARGES:
            yield "RP", timing.rp
        if first is Command.REFab:
            yield "RFC", timing.rfc
        if first is Command.REFpb:
            yield "RFCpb", timing.rfc_bank
    if first in ACTIVATIONS and then in READS | WRITES:
        yield "RCD", timing.rcd_mac if then in MACS else timing.rcd_write if then in WRITES else timing.rcd_read
    if then in PRECHARGES:
        if first in ACTIVATIONS:
            yield "RAS", timing.ras
        if first in READS:
            yield "RTP", timing.rtp
        if first in WRITES:
            yield "WR", _after_data(device, timing.wr)


def _after_data(device: Device, ticks: int | None) -> int | None:
    """Ticks after the end of a write's data, from the write command."""
    timing = device.timing
    return None if ticks is None else (timing.write_latency or 0) + (timing.burst or 0) + ticks
