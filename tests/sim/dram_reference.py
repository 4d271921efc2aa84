"""A DRAM channel tick by tick, by the rules of docs/pim.md: at every tick each constraint is looked at anew.

Whatever was issued is kept, and every rule searches it. Nothing is known ahead, and nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from arch.dram import Activation, Device, Refresh
from sim.dram import BusRun, Command, Issued, RowRun, Segment, Wait

C = Command
OPENING = {C.ACT, C.ACT4, C.ACT16}
CLOSING = {C.PRE, C.PREA}
REFRESHING = {C.REFab, C.REFpb}
BANK_READS = {C.RD, C.COPY_OUT, C.MAC_ONE, C.MAC_SAME, C.MAC, C.EWMUL}
BANK_WRITES = {C.WR, C.COPY_IN}
OF_ALL = {C.MAC, C.EWMUL}
COLUMN = BANK_READS | BANK_WRITES | {C.WRGB, C.RDMAC, C.AF}


def steps(program: Sequence[Segment], shift: int = 0) -> Iterator[RowRun | BusRun | Wait]:
    """Runs and waits in order, repetitions written out."""
    for each in program:
        if isinstance(each, RowRun):
            yield replace(each, row=each.row + shift)
        elif isinstance(each, BusRun | Wait):
            yield each
        else:
            for time in range(each.times):
                yield from steps(each.segments, shift + time * each.row_step)


@dataclass
class Reference:
    """A channel and what happened there, tick by tick."""

    device: Device
    tick: int = 0
    refreshes: int = 0
    rows: dict[int, int] = field(default_factory=dict)
    issued: list[Issued] = field(default_factory=list)
    states: list[str] = field(default_factory=list)  # of each tick
    ends: list[int] = field(default_factory=list)  # of the program's commands and waits
    owner: list[Command | None] = field(default_factory=list)  # of a wait: None
    mac_end: int = -1

    def run(self, program: Sequence[Segment]) -> None:
        for each in steps(program):
            if isinstance(each, Wait):
                self.wait(each.ticks)
                continue
            if isinstance(each, RowRun):
                self.open(each, boundary=True)
            for number in range(each.count):
                column = each.column + number if isinstance(each, RowRun) else -1
                bank = each.bank if isinstance(each, RowRun) else -1
                if not self.issue(each.command, bank, column, self.last_moment):
                    self.refresh()
                    if isinstance(each, RowRun):
                        self.open(each, boundary=False)
                    self.issue(each.command, bank, column)
                end = self.issued[-1].tick + self.pace(each.command)
                self.ends.append(end)
                self.owner.append(each.command)
                if each.command in (C.MAC, C.MAC_SAME, C.MAC_ONE):
                    self.mac_end = end

    def wait(self, ticks: int) -> None:
        """Until its end, from the latest one before it, a refresh goes at any tick at which it can and must."""
        end = max(self.ends, default=0) + ticks
        while self.tick < end:
            must = self.device.refresh is not Refresh.OFF and self.last_moment() <= self.tick
            if must and self.bus_is_free():
                self.refresh()
            else:
                self.states.append(self.state())
                self.tick += 1
        self.ends.append(end)
        self.owner.append(None)

    # ------------------------------------------------------------------------------------------------- the controller

    def banks(self, command: Command, bank: int) -> set[int]:
        organisation = self.device.organisation
        if command in (C.WRGB, C.RDMAC, C.AF, C.MODE):
            return set()
        if command is C.ACT4:
            return {bank, bank + 1, bank + 2, bank + 3}
        if command is C.MAC_SAME:
            return {group * organisation.banks_per_group + bank for group in range(organisation.bank_groups)}
        return {bank} if bank >= 0 else set(range(organisation.banks))

    def open(self, run: RowRun, boundary: bool) -> None:
        wanted = sorted(self.banks(run.command, run.bank))
        if all(self.rows.get(bank) == run.row for bank in wanted):
            return
        whole = run.command in OF_ALL
        if boundary:
            if whole and self.rows:
                self.issue(C.PREA, -1, -1)
            for bank in wanted:
                if self.rows.get(bank, run.row) != run.row:
                    self.issue(C.PRE, bank, -1)
        watch = self.due if boundary else None
        if not self.activate(run, wanted, watch):
            self.refresh()
            self.activate(run, wanted, None)

    def activate(self, run: RowRun, wanted: list[int], watch: Callable[[], int] | None) -> bool:
        """All activations of a row; False if a refresh has to go before the first."""
        if run.command in OF_ALL and not self.rows:
            if self.device.activation is Activation.FOUR_BANKS:
                todo = [(C.ACT4, bank) for bank in range(0, self.device.organisation.banks, 4)]
            else:
                todo = [(C.ACT16, -1)]
        else:
            todo = [(C.ACT, bank) for bank in wanted if bank not in self.rows]
        for number, (command, bank) in enumerate(todo):
            if not self.issue(command, bank, run.row, watch if number == 0 else None):
                return False
        return True

    def due(self) -> int:
        refi, banks = self.device.timing.refi or 0, self.device.organisation.banks
        number = self.refreshes + 1
        return number * refi // banks if self.device.refresh is Refresh.PER_BANK else number * refi

    def last_moment(self) -> int:
        late = self.device.most_postponed * (self.device.timing.refi or 0) if self.device.postponed else 0
        return self.due() + late

    def refresh(self) -> None:
        """The next refresh, and those that are due by then."""
        while True:
            if self.device.refresh is Refresh.ALL_BANK:
                if self.rows:
                    self.issue(C.PREA, -1, -1)
                self.issue(C.REFab, -1, -1)
            else:
                bank = self.refreshes % self.device.organisation.banks
                if bank in self.rows:
                    self.issue(C.PRE, bank, -1)
                self.issue(C.REFpb, bank, -1)
            self.refreshes += 1
            if self.due() > self.issued[-1].tick:
                return

    def issue(self, command: Command, bank: int, place: int, watch: Callable[[], int] | None = None) -> bool:
        """Waits, tick by tick; False if the time that is watched comes first."""
        watched = watch is not None and self.device.refresh is not Refresh.OFF
        while True:
            if watched and watch is not None and watch() <= self.tick:
                return False
            if self.allowed(command, bank):
                break
            self.states.append(self.state())
            self.tick += 1
        self.issued.append(Issued(self.tick, command, bank, place))
        for each in self.banks(command, bank):
            if command in OPENING:
                assert each not in self.rows
                self.rows[each] = place
            elif command in CLOSING:
                self.rows.pop(each, None)
        self.states.append(self.state())
        self.tick += 1
        return True

    # ------------------------------------------------------------------------------------------------- the constraints

    def allowed(self, command: Command, bank: int) -> bool:
        """Whether every constraint holds at this tick."""
        return all(self.apart(each, command, bank) for each in self.recent()) and self.within_window(command, bank)

    def bus_is_free(self) -> bool:
        """Whether no mode switch is under way."""
        switch = self.device.timing.mode_switch or 0
        return all(each.command is not C.MODE or self.tick - each.tick >= switch for each in self.recent())

    def recent(self) -> Iterator[Issued]:
        """What was issued not too long ago to matter, the last first."""
        horizon = self.horizon
        for each in reversed(self.issued):
            if self.tick - each.tick >= horizon:
                return
            yield each

    def apart(self, each: Issued, command: Command, bank: int) -> bool:
        """Whether this tick is late enough after an issued command."""
        t, passed, first = self.device.timing, self.tick - each.tick, each.command
        mine, its = self.banks(command, bank), self.banks(first, each.bank)
        per_group = self.device.organisation.banks_per_group
        group = bool({b // per_group for b in mine} & {b // per_group for b in its})
        data = (t.write_latency or 0) + (t.burst or 0)
        needs: list[int | None] = [1]
        if first is C.MODE:
            needs.append(t.mode_switch)
        if first in OPENING and command in OPENING:
            needs += [t.rrd_short, t.rrd_long if group else 0]
        if first in COLUMN and command in COLUMN:
            needs += [t.ccd_short, t.ccd_long if group else 0]
        if first in OF_ALL and command in OF_ALL:
            stretched = self.device.activation is Activation.STRETCHED_CCD
            needs.append(t.ccd_mac_stretched if stretched else t.ccd_mac)
        if first in BANK_WRITES and command in BANK_READS and t.wtr is not None:
            needs.append(data + t.wtr)
        if first in (C.RD, C.RDMAC) and command in (C.WR, C.WRGB):
            needs.append(t.rtw)
        if mine & its:
            if command in OPENING or command in REFRESHING:
                needs.append({C.PRE: t.rp, C.PREA: t.rp, C.REFab: t.rfc, C.REFpb: t.rfc_bank}.get(first))
                needs.append(t.rc if first in OPENING else 0)
            if first in OPENING and command in COLUMN:
                write, read = command in BANK_WRITES, command in (C.RD, C.COPY_OUT)
                needs.append(t.rcd_write if write else t.rcd_read if read else t.rcd_mac)
            if command in CLOSING:
                needs.append(t.ras if first in OPENING else t.rtp if first in BANK_READS else 0)
                needs.append(data + t.wr if first in BANK_WRITES and t.wr is not None else 0)
        return passed >= max(each or 0 for each in needs)

    @cached_property
    def horizon(self) -> int:
        """Ticks after which no command is of consequence."""
        t = self.device.timing
        return 1 + sum(
            each or 0
            for each in (t.rcd_mac, t.rcd_read, t.rcd_write, t.rc, t.rp, t.ras, t.rtp, t.rfc, t.rfc_bank, t.mode_switch)
        ) + sum(
            each or 0
            for each in (t.faw, t.rrd_long, t.write_latency, t.burst, t.wr, t.wtr, t.rtw, t.ccd_long, t.ccd_mac, t.ccd_mac_stretched)
        )  # fmt: skip

    def within_window(self, command: Command, bank: int) -> bool:
        """FAW: of the activations in the last ticks, this one included, there are at most four."""
        if command not in (C.ACT, C.ACT4):
            return True
        count = len(self.banks(command, bank))
        for each in self.recent():
            if each.command in (C.ACT, C.ACT4) and self.tick - each.tick < (self.device.timing.faw or 0):
                count += len(self.banks(each.command, each.bank))
        return count <= 4

    def pace(self, command: Command) -> int:
        """Ticks from a command to another like it."""
        t = self.device.timing
        if command is C.MODE:
            return max(1, t.mode_switch or 0)
        if command in OF_ALL:
            stretched = self.device.activation is Activation.STRETCHED_CCD
            return max(1, t.ccd_short, t.ccd_long, t.ccd_mac_stretched if stretched else t.ccd_mac)
        return max(1, t.ccd_short, t.ccd_long if command in BANK_READS | BANK_WRITES else 0)

    # ------------------------------------------------------------------------------------------------------- accounts

    def state(self) -> str:
        """What this tick counts as."""
        t = self.device.timing
        if self.rows:
            return "active"
        for each in self.recent():
            busy = t.rfc if each.command is C.REFab else t.rfc_bank if each.command is C.REFpb else 0
            if self.tick - each.tick < (busy or 0):
                return "refreshing"
        return "precharged"

    def finish(self) -> None:
        """Ticks up to the end of all, and up to the last that was issued."""
        self.ends.append(max(self.tick, *self.ends, 0))
        self.owner.append(None)
        while self.tick < max(self.ends, default=0):
            self.states.append(self.state())
            self.tick += 1
