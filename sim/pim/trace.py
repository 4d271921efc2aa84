"""The trace of schedules in DRAM banks: the commands of one channel, as text or for a viewer. All channels do the same.

In the text a line is a command (`sim.dram.text`). A viewer shows a track for each bank, with its open rows and
refreshes, and one for the channel; what is open or refreshed at an end of the window is cut there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from arch.dram import Device
from mappings import Schedule
from sim.dram import Issued
from sim.dram.channel import run, trace
from sim.dram.text import slices, write_text
from sim.trace import Slice, placed, refuse, write_trace
from specs import Problem, SpecError
from workloads import Repeated

from .lowering import lower
from .whole import whole

SUFFIXES = (".txt", ".json", ".vcd")
MOST_COMMANDS = 1 << 21


def write(schedules: Sequence[Schedule], repeated: Repeated, path: Path, window: tuple[int, int], title: str) -> int:
    """Writes the commands of a window of ticks, of schedules in turn and as often as said; how many ticks there are.

    Raises `SpecError` as `commands` and `sim.trace.refuse`, OSError that names `path`.
    """
    refuse(path, SUFFIXES)
    device = schedules[0].machine.device
    assert device is not None
    found, ticks = commands(schedules, repeated, window[1])
    inside = [each for each in found if window[0] <= each.tick < window[1]]
    if not inside:
        message = f"nothing is issued between ticks {window[0]:,} and {window[1]:,}; the run has {ticks:,} ticks"
        raise SpecError([Problem(message)])
    if path.suffix == ".txt":
        with placed(path) as out:
            write_text(out, inside)
    else:
        _view(device, found, path, (window[0], min(window[1], ticks)), schedules[0].machine.clock_hz, title)
    return ticks


def commands(schedules: Sequence[Schedule], repeated: Repeated, end: int) -> tuple[list[Issued], int]:
    """All commands before tick `end`, and how many ticks there are. Raises `SpecError` if they are too many."""
    tasks = lower(*schedules)
    device, program = tasks[0].device, whole(tasks, repeated).program
    done = run(device, program)
    wanted = min(sum(done.counts.values()), max(end, 0))  # no more than one a tick
    if wanted > MOST_COMMANDS:
        message = (
            f"up to {wanted:,} commands before tick {end:,}, which a trace goes through, and it holds "
            f"{MOST_COMMANDS:,}; let the window end sooner, such as --window 0:100000"
        )
        raise SpecError([Problem(message)])
    return trace(run(device, program, expand=True, most=wanted).issued), done.ticks


def _view(
    device: Device, found: Sequence[Issued], path: Path, window: tuple[int, int], clock_hz: float, title: str
) -> None:
    """A trace for a viewer, of what lies in the window."""
    first, end = window
    rows, instants = slices(device, [each for each in found if each.tick < end], end)
    cut = [_cut(each, first, end) for each in rows if each.end > first]
    happened = [each for each in instants if each.cycle >= first]
    write_trace(path, cut, happened, clock_hz=clock_hz, title=title)


def _cut(stretch: Slice, first: int, end: int) -> Slice:
    return replace(stretch, start=max(stretch.start, first), end=min(stretch.end, end))
