"""A program run on one channel of a device: how long it takes, what was issued, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arch.dram import Device
from specs import Infeasible

from .commands import Command, Issued
from .program import Repeat, Segment, Wait, commands_of, pack
from .timing import pack_device

__all__ = ["Outcome", "run", "run_packed", "trace"]

LAST_TICK = 1 << 62


@dataclass(frozen=True)
class Outcome:
    """Of one channel. Every tick is active, precharged or refreshing, and of one command of the program or one wait.

    A tick is active if a bank is open, refreshing if all are closed and some refreshed, otherwise precharged.
    `first_act` and `last_mac_end` are -1 if there is none.
    """

    ticks: int  # to the end of the last command or wait
    first_act: int
    last_mac_end: int
    counts: Mapping[Command, int]  # of what was issued at all
    ticks_by_command: Mapping[Command, int]  # of the program: from the end of the one before to its own
    wait_ticks: int  # of waits, and at the end of the program what goes on after the last of its ends
    active_ticks: int
    precharged_ticks: int
    refreshing_ticks: int
    issued: Any = None  # [command, (tick, command, bank, row or column)], if asked for

    @property
    def mac_ticks(self) -> int:
        """From the first activation to the end of the last MAC; 0 without a MAC."""
        return max(self.last_mac_end - self.first_act, 0)


def run(
    device: Device,
    program: Sequence[Segment],
    *,
    jump: bool = True,
    expand: bool = False,
    most: int | None = None,
) -> Outcome:
    """Runs a program from tick 0 on, all banks closed, as docs/pim.md says; `expand` gives every command's tick.

    With `most`, no more than so many commands, the first ones, are expanded.

    SpecError and `Infeasible` as `pack` and `timing.check` raise them. Commands that are expanded are stepped through.

    >>> from arch.dram import DramTiming, Organisation, Refresh
    >>> from sim.dram import Command, Repeat, RowRun
    >>> timing = DramTiming(36, 36, 56, 32, 54, 89, 2, 2, 2, 2, 12, 11, 11, 42)
    >>> device = Device(Organisation(8, 4, 4, 16384, 2048, 32), timing, Refresh.OFF)
    >>> rows = Repeat(78, (RowRun(Command.MAC, row=0, count=64),), row_step=1)
    >>> run(device, [rows, RowRun(Command.MAC, row=78, count=8)]).mac_ticks
    17700
    """
    packed = pack_device(device)
    longest = int(packed.sum()) * (device.organisation.banks + 4)
    ticks = _at_most(program, longest)
    if ticks >= LAST_TICK:
        raise Infeasible(
            f"{commands_of(program)} commands of up to {longest} ticks each, {ticks} ticks with waits and openings: "
            f"times go up to {LAST_TICK}"
        )
    return run_packed(packed, pack(program, device.organisation), jump=jump, expand=expand, most=most)


def run_packed(
    device: Any, program: Any, *, jump: bool = True, expand: bool = False, most: int | None = None
) -> Outcome:
    """The same of what is packed already, and known not to be too long."""
    from . import engine

    found = engine.run_program(device, program, jump, np.empty((0, 4), np.int64))
    issued = None
    if expand:
        commands = int(found[engine.COUNTS : engine.TICKS].sum())
        issued = np.empty((commands if most is None else min(commands, most), 4), np.int64)
        engine.run_program(device, program, False, issued)
    return Outcome(
        ticks=int(found[engine.SEEN]),
        first_act=int(found[engine.FIRST_ACT]),
        last_mac_end=int(found[engine.LAST_MAC]),
        counts=_by_command(found[engine.COUNTS :]),
        ticks_by_command=_by_command(found[engine.TICKS :]),
        wait_ticks=int(found[engine.WAITED]),
        active_ticks=int(found[engine.ACTIVE]),
        precharged_ticks=int(found[engine.PRECHARGED]),
        refreshing_ticks=int(found[engine.REFRESHING]),
        issued=issued,
    )


def trace(issued: Any) -> list[Issued]:
    """The commands of `Outcome.issued`, as values."""
    return [Issued(tick, Command(command), bank, place) for tick, command, bank, place in issued.tolist()]


def _at_most(program: Sequence[Segment], longest: int) -> int:
    """Ticks that a program takes at most, where one command or opening takes up to `longest`."""
    ticks = 0
    for each in program:
        if isinstance(each, Repeat):
            ticks += each.times * _at_most(each.segments, longest)
        elif isinstance(each, Wait):
            ticks += each.ticks + longest  # a refresh may outlast it
        else:
            ticks += max(each.count, 1) * longest
    return ticks


def _by_command(numbers: Any) -> dict[Command, int]:
    return {command: int(numbers[command]) for command in Command if numbers[command]}
