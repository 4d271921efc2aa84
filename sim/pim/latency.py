"""The time of schedules in DRAM banks: the program of a channel, run command by command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arch.dram import Device
from mappings import Counts, Schedule
from sim.analytic import Latency
from sim.dram import Command
from sim.dram.channel import Outcome, run
from workloads import ONCE, Repeated

from .assumed import assumed
from .commands import Commands
from .lowering import EXCLUDED, lower, mac_interval, not_modelled
from .outside import UNIT
from .whole import Whole, whole

COMPUTE = "compute"
PHASES = {
    Command.MODE: "mode switch",
    Command.WRGB: "buffer write",
    Command.MAC: COMPUTE,
    Command.RDMAC: "accumulator read",
    Command.WR: "append",
}
WAITS = "other units"
REFRESHES = (Command.REFab, Command.REFpb)
BEATS, ROWS = "column commands", "row cycles"


def command_latency(
    schedules: Sequence[Schedule], counts: Counts, jump: bool = True, repeated: Repeated = ONCE
) -> Latency:
    """The latency of schedules that run in turn, of all blocks and tokens; `cycles` are ticks of the command clock.

    All of it is one program, so that rows and refreshes go on from one matrix to the next. Without transfers, time is
    from the first activation to the end of the last MAC. `counts` are of all that is done.
    """
    tasks = lower(*schedules)
    device, machine = tasks[0].device, schedules[0].machine
    all_of_it = whole(tasks, repeated)
    found = run(device, all_of_it.program, jump=jump)
    excluded = schedules[0].in_banks.transfers == EXCLUDED
    ticks = found.mac_ticks if excluded else found.ticks
    phases = {COMPUTE: ticks} if excluded else _phases(found)
    notes = [note for task in tasks for note in task.assumptions]
    notes += assumed(command.name for command in found.counts)
    channels = [task.channels for task in tasks if task.channels]
    if min(channels) < max(channels):
        notes.append(f"results on {min(channels)} channels take as many commands as those on {max(channels)}")
    busy = _unit_cycles(schedules[0], counts, all_of_it)
    return Latency(
        cycles=ticks,
        latency_s=ticks / machine.clock_hz,
        compute_cycles=ticks,
        unit_cycles=busy,
        memory_s={},  # weights do not go over the pins
        bound_by=_bound(device, found, phases, busy),
        assumptions=tuple(dict.fromkeys(notes)),
        phase_cycles=phases,
        commands=_commands(device, all_of_it, found, jump),
        not_modelled=not_modelled(device),
    )


def _phases(found: Outcome) -> dict[str, int]:
    phases: dict[str, int] = {}
    for command, spent in found.ticks_by_command.items():
        phases[PHASES[command]] = phases.get(PHASES[command], 0) + spent
    return phases | ({WAITS: found.wait_ticks} if found.wait_ticks else {})


def _unit_cycles(schedule: Schedule, counts: Counts, all_of_it: Whole) -> dict[str, int]:
    """Busy cycles of each unit; of those outside, with the sums and products that no operation of a schedule is."""
    found = {UNIT: int(counts.unit_cycles(UNIT))}
    for name, unit in schedule.machine.units.items():
        if name != UNIT:
            done = all_of_it.outside.operations.get(name, {})
            slots = sum(number * unit.operations[each].interval for each, number in done.items())
            found[name] = max(int(counts.unit_cycles(name)), -(-slots // int(unit.elements)))
    return found


def _bound(device: Device, found: Outcome, phases: Mapping[str, int], busy: Mapping[str, int]) -> str:
    """What takes the most time: a phase, or of the computing one the beats of MACs or all that opens rows for them.

    Of what is waited for it is the busiest unit outside of the banks.
    """
    compute = phases.get(COMPUTE, 0)
    beats = min(found.counts.get(Command.MAC, 0) * mac_interval(device), compute)
    loads = {**phases, BEATS: beats, ROWS: compute - beats}
    loads.pop(COMPUTE, None)
    most = max(loads, key=lambda name: loads[name])
    return max((name for name in busy if name != UNIT), key=lambda name: busy[name]) if most == WAITS else most


def _commands(device: Device, all_of_it: Whole, timed: Outcome, jump: bool) -> Commands:
    """What all channels issue, and how long their rows are open; those that have nothing to do stand by.

    A channel with less to write waits for the others, and is refreshed as they are.
    """
    organisation = device.organisation
    issued: dict[str, int] = {}
    active = 0
    for number, program in all_of_it.shares:
        own = timed if program == all_of_it.program else run(device, program, jump=jump)
        counts = {**own.counts, **{each: n for each, n in timed.counts.items() if each in REFRESHES}}
        for command, n in counts.items():
            issued[command.name] = issued.get(command.name, 0) + n * number
        active += (own.active_ticks + own.refreshing_ticks) * number
    in_order = {command.name: issued[command.name] for command in Command if command.name in issued}
    return Commands(
        in_order,
        active,
        timed.ticks * organisation.channels - active,
        organisation.column_bytes,
        all_of_it.outside.operations,
    )


def quickest(schedule: Schedule) -> tuple[int, int]:
    """What is least of the way that a nest with choices takes: its time, appends included, and then its rows."""
    tasks = lower(schedule)
    if not tasks:  # done outside of the banks, whose time is left out
        return 0, 0
    tokens = max((task.append.indices for task in tasks if task.append), default=1)
    return run(tasks[0].device, whole(tasks, Repeated(tokens=tokens)).program).ticks, sum(task.rows for task in tasks)
