"""What happens when: the events of a run, and its slices of time for a trace.

The vocabulary is that of docs/cycle.md, shared with generated hardware: `(cycle, event, unit, index)`, cycle 0 being
the first after the start is accepted, at the first element of an array. A tile's index is its number in the order of
the loops; a group of several tiles has the index of its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mappings import Schedule
from specs import Problem, SpecError

from .lowering import lower
from .packing import pack
from .program import Entry, Program
from .running import EVERYTHING, Record, Run, run
from .streams import Stops
from .trace import BUSY, STALL, Instant, Slice, refuse, write_trace

MOST_RECORDS = 1 << 21
TILE_DONE, STALL_BEGIN, STALL_END = "tile done", "stall begin", "stall end"


@dataclass(frozen=True, order=True)
class Event:
    """Something that happens at a unit (or a memory) in a cycle, to a tile; `detail` is the Einsum, tensor or cause."""

    cycle: int
    event: str
    unit: str
    index: int
    detail: str


def record(
    schedule: Schedule, window: tuple[int, int] = EVERYTHING, jump: bool = True, stops: Stops | None = None
) -> Run:
    """A run of a schedule with the starts that lie in a window of cycles.

    Raises `SpecError` if there are more of them than a trace can hold.
    """
    packed = pack(lower(schedule, stops=stops))
    done = run(packed, jump, window, MOST_RECORDS)
    if not done.records:
        length = int(done.cycles[0])
        message = f"nothing starts between cycles {window[0]:,} and {window[1]:,}; the run has {length:,} cycles"
        raise SpecError([Problem(message)])
    if len(done.records) == MOST_RECORDS:
        message = (
            f"more than {MOST_RECORDS:,} operations start between cycles {window[0]:,} and "
            f"{min(window[1], int(done.cycles[0])):,}; choose a smaller window, such as --window 0:100000"
        )
        raise SpecError([Problem(message)])
    return done


def events(done: Run) -> list[Event]:
    """All events of a run's records, in order."""
    program = done.packed.program
    entries = {e.name: e for e in program.entries}
    last = {s.entries[-1].name if not s.entries[-1].conditional else _last_plain(s.entries) for s in program.sweeps}
    found = []
    for each in done.records:
        entry = entries[each.entry]
        where = _track(entry, program)
        for name, offsets in entry.marks.items():
            cycle = each.start + int(offsets[0, each.tiles]) + each.late
            found.append(Event(cycle, name, where, each.tile, entry.name))
        if each.entry in last:
            found.append(Event(each.start + int(entry.done[0, each.tiles]), TILE_DONE, where, each.tile, entry.name))
    for stall in _stalls(done, entries):
        found.append(Event(stall.start, STALL_BEGIN, stall.track, stall.arguments["tile"], stall.name))
        found.append(Event(stall.end, STALL_END, stall.track, stall.arguments["tile"], stall.name))
    return sorted(found)


def _last_plain(entries: tuple[Entry, ...]) -> str:
    """The last entry that every tile has."""
    return next((e.name for e in reversed(entries) if not e.conditional), entries[-1].name)


def _track(entry: Entry, program: Program) -> str:
    """Where an entry is seen: its unit, or the first thing that it holds."""
    return entry.unit or next(iter(entry.holds), "memory")


def slices(done: Run) -> Iterator[Slice]:
    """What holds each unit, channel and port, and why units wait, in the window of a run."""
    program = done.packed.program
    entries = {e.name: e for e in program.entries}
    for each in done.records:
        entry = entries[each.entry]
        arguments: Mapping[str, object] = {"tile": each.tile, "tiles": each.tiles}
        for resource, cycles in entry.holds.items():
            end = each.start + int(cycles[0, each.tiles]) + each.late
            if end == each.start:
                continue
            yield Slice(resource, entry.name, each.start, end, arguments, BUSY)
            if resource != entry.unit:
                continue
            for cause, extra in reversed(list(entry.extra.items())):  # beyond the operation slots
                begin = end - int(np.broadcast_to(extra, (1, cycles.shape[1]))[0, each.tiles])
                if begin < end:
                    yield Slice(resource, cause, begin, end, {"tile": each.tile}, STALL)
                end = begin
    yield from _stalls(done, entries)


def _stalls(done: Run, entries: Mapping[str, Entry]) -> Iterator[Slice]:
    """The time between two entries of a unit, and what the second waited for."""
    by_unit: dict[str, list[Record]] = {}
    for each in done.records:
        unit = entries[each.entry].unit
        if unit is not None:
            by_unit.setdefault(unit, []).append(each)
    first = done.window[0]
    for unit, records in by_unit.items():
        free = 0 if first == 0 else None  # what came before the window is not known
        for each in sorted(records, key=lambda r: r.start):
            if free is not None and each.start > free:
                yield Slice(unit, each.cause, free, each.start, {"tile": each.tile}, STALL)
            free = each.start + int(entries[each.entry].holds[unit][0, each.tiles])


def write(schedule: Schedule, path: Path, window: tuple[int, int], title: str, stops: Stops | None = None) -> int:
    """Writes the trace of a window of a run; how many cycles the run has. Raises as `record` and `write_trace`."""
    refuse(path)
    done = record(schedule, window, stops=stops)
    instants = [
        Instant(e.unit, e.event, e.cycle, {"index": e.index, "of": e.detail})
        for e in events(done)
        if e.event not in (STALL_BEGIN, STALL_END)
    ]
    write_trace(path, slices(done), instants, clock_hz=schedule.machine.clock_hz, title=title)
    return int(done.cycles[0])
