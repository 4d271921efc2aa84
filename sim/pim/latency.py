"""The time of a schedule in DRAM banks: its channels' programs, run command by command."""

from __future__ import annotations

from collections.abc import Mapping

from mappings import Counts, Schedule
from sim.analytic import Latency
from sim.dram import Command
from sim.dram.channel import Outcome, run

from .commands import Commands
from .lowering import EXCLUDED, UNIT, Task, lower, not_modelled

COMPUTE = "compute"
PHASES = {
    Command.MODE: "mode switch",
    Command.WRGB: "buffer write",
    Command.MAC: COMPUTE,
    Command.RDMAC: "accumulator read",
}
BEATS, ROWS = "column commands", "row cycles"


def command_latency(schedule: Schedule, counts: Counts, jump: bool = True) -> Latency:
    """The latency of a schedule; `cycles` are ticks of the command clock.

    Without transfers, time is from the first activation to the end of the last MAC.
    """
    tasks = lower(schedule)
    found = [run(task.device, task.program, jump=jump) for task in tasks]
    excluded = schedule.transfers == EXCLUDED
    ticks = sum(each.mac_ticks if excluded else each.ticks for each in found)
    clock_hz = schedule.machine.clock_hz
    phases: dict[str, int] = {}
    for each in found:
        for command, spent in each.ticks_by_command.items():
            phases[PHASES[command]] = phases.get(PHASES[command], 0) + spent
    if excluded:
        phases = {COMPUTE: ticks}
    return Latency(
        cycles=ticks,
        latency_s=ticks / clock_hz,
        compute_cycles=ticks,
        unit_cycles={UNIT: counts.unit_cycles(UNIT)},
        memory_s={},  # weights do not go over the pins
        bound_by=_bound(tasks, found, phases),
        assumptions=tuple(dict.fromkeys(note for task in tasks for note in task.assumptions)),
        phase_cycles=phases,
        commands=_commands(tasks, found),
        not_modelled=not_modelled(tasks[0].device),
    )


def _bound(tasks: tuple[Task, ...], found: list[Outcome], phases: Mapping[str, int]) -> str:
    """What takes the most time: a phase, or of the computing one the beats of MACs or all that opens rows for them."""
    beats = sum(
        each.counts.get(Command.MAC, 0) * task.device.timing.ccd_mac for task, each in zip(tasks, found, strict=True)
    )
    compute = phases.get(COMPUTE, 0)
    loads = {**phases, BEATS: min(beats, compute), ROWS: compute - min(beats, compute)}
    loads.pop(COMPUTE, None)
    return max(loads, key=lambda name: loads[name])


def _commands(tasks: tuple[Task, ...], found: list[Outcome]) -> Commands:
    """What all channels issue, and how long their rows are open."""
    issued: dict[str, int] = {}
    for task, each in zip(tasks, found, strict=True):
        for command, number in each.counts.items():
            issued[command.name] = issued.get(command.name, 0) + number * task.channels
    pairs = list(zip(tasks, found, strict=True))
    organisation = tasks[0].device.organisation
    active = sum((each.active_ticks + each.refreshing_ticks) * task.channels for task, each in pairs)
    ticks = sum(each.ticks for each in found) * organisation.channels  # those that have nothing to do stand by
    return Commands(issued, active, ticks - active, organisation.column_bytes)
