"""The time of schedules in DRAM banks: the program of a channel, run command by command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arch.dram import Activation, Device
from mappings import Counts, Schedule
from sim.analytic import Latency
from sim.dram import Command
from sim.dram.channel import Outcome, run

from .commands import Commands
from .lowering import EXCLUDED, UNIT, lower, not_modelled, whole_program

COMPUTE = "compute"
PHASES = {
    Command.MODE: "mode switch",
    Command.WRGB: "buffer write",
    Command.MAC: COMPUTE,
    Command.RDMAC: "accumulator read",
}
BEATS, ROWS = "column commands", "row cycles"


def command_latency(schedules: Sequence[Schedule], counts: Counts, jump: bool = True, blocks: int = 1) -> Latency:
    """The latency of schedules that run in turn, all of them `blocks` times; `cycles` are ticks of the command clock.

    All of it is one program, so that rows and refreshes go on from one matrix to the next. Without transfers, time is
    from the first activation to the end of the last MAC. `counts` are of all that is done.
    """
    tasks = lower(*schedules)
    device = tasks[0].device
    found = run(device, whole_program(tasks, blocks), jump=jump)
    excluded = schedules[0].transfers == EXCLUDED
    machine = schedules[0].machine
    ticks = found.mac_ticks if excluded else found.ticks
    phases: dict[str, int] = {}
    for command, spent in found.ticks_by_command.items():
        phases[PHASES[command]] = phases.get(PHASES[command], 0) + spent
    if excluded:
        phases = {COMPUTE: ticks}
    channels = [task.channels for task in tasks]
    notes = [note for task in tasks for note in task.assumptions]
    if min(channels) < max(channels):
        notes.append(f"results on {min(channels)} channels take as many commands as those on {max(channels)}")
    return Latency(
        cycles=ticks,
        latency_s=ticks / machine.clock_hz,
        compute_cycles=ticks,
        unit_cycles={UNIT: counts.unit_cycles(UNIT)},
        memory_s={},  # weights do not go over the pins
        bound_by=_bound(device, found, phases),
        assumptions=tuple(dict.fromkeys(notes)),
        phase_cycles=phases,
        commands=_commands(found, max(channels), device),
        not_modelled=not_modelled(device),
    )


def _bound(device: Device, found: Outcome, phases: Mapping[str, int]) -> str:
    """What takes the most time: a phase, or of the computing one the beats of MACs or all that opens rows for them."""
    stretched = device.activation is Activation.STRETCHED_CCD
    interval = device.timing.ccd_mac_stretched if stretched else device.timing.ccd_mac
    compute = phases.get(COMPUTE, 0)
    beats = min(found.counts.get(Command.MAC, 0) * interval, compute)
    loads = {**phases, BEATS: beats, ROWS: compute - beats}
    loads.pop(COMPUTE, None)
    return max(loads, key=lambda name: loads[name])


def _commands(found: Outcome, channels: int, device: Device) -> Commands:
    """What so many channels issue, and how long their rows are open; those that have nothing to do stand by."""
    organisation = device.organisation
    active = (found.active_ticks + found.refreshing_ticks) * channels
    return Commands(
        {command.name: number * channels for command, number in found.counts.items()},
        active,
        found.ticks * organisation.channels - active,
        organisation.column_bytes,
    )
