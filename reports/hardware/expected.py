"""What has to happen in hardware, and when: the engine's starts, and the software model's values at every register.

Both sides tell the same things. *Events* are those of docs/cycle.md, at the first element. *Payloads* are values: every
score and weight in its element, every value of a column or a lane, each in the first cycle in which it may be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rtl.beats import Beat, array_works, beats, lane_works
from rtl.compare import Event
from rtl.harness import Log
from rtl.top import ARRAY, LANES, STREAMS, plain, shows_elements
from sim.events import STALL_BEGIN, STALL_END, TILE_DONE, events

from .generation import Hardware
from .work import Work

FIRST_BEAT, LAST_BEAT, REDUCTION, STATE = "first beat", "last beat", "reduction result", "state written"
ACCEPTED, GIVEN = "operand tile accepted", "result accepted"
ARRIVALS = {"LM": "arrived_maximum", "SLD": "arrived_sum", "SLNV": "arrived_product"}
STATES = {"RM": "running_maximum", "RD": "denominator", "SPNV+RNV": "numerator"}
IN_LANES = {
    "RM": "running_maximum", "PRM": "factor", "SPD": "decayed", "RD": "denominator",
    "SPNV": "scaled", "RNV": "numerator", "AV": "output",
}  # fmt: skip


@dataclass(frozen=True)
class Values:
    """What a probe shows: in which cycles, of which index, which values; sorted by cycle."""

    cycles: np.ndarray
    index: np.ndarray
    values: np.ndarray

    @staticmethod
    def of(cycles: list[np.ndarray], index: list[np.ndarray], values: list[np.ndarray]) -> Values:
        """All of several pieces."""
        if not cycles:
            empty = np.empty(0, np.int64)
            return Values(empty, empty, empty)
        when = np.concatenate(cycles)
        order = np.argsort(when, kind="stable")
        return Values(when[order], np.concatenate(index)[order], np.concatenate(values)[order])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and all(
            np.array_equal(mine, its)
            for mine, its in (
                (self.cycles, other.cycles), (self.index, other.index), (self.values, other.values)
            )
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- events


def engine_events(hardware: Hardware) -> list[Event]:
    """The engine's, with the line, or the cause, as part of the event."""
    return [Event(e.cycle, f"{e.event}: {e.detail}", e.unit, e.index) for e in events(hardware.run)]


def rtl_events(hardware: Hardware, log: Log, work: Work) -> list[Event]:
    """The same from a log of the hardware. What shows no tile is that of the next one in order."""
    design = hardware.design
    found: list[Event] = []
    for unit, works in ((ARRAY, array_works(design)), (LANES, lane_works(design))):
        for line in works:
            for end, event in (("first", FIRST_BEAT), ("last", LAST_BEAT)):
                for cycle, (number,) in log.probes[f"{end}_{plain(line)}"].rows():
                    found.append(Event(cycle, f"{event}: {line}", unit, number))
        causes = hardware.plan.causes(unit)
        for cycle, (idle, cause, number) in log.probes[f"stall_{unit}"].rows():
            found.append(Event(cycle - idle, f"{STALL_BEGIN}: {causes[cause]}", unit, number))
            found.append(Event(cycle, f"{STALL_END}: {causes[cause]}", unit, number))
    for line, name in ARRIVALS.items():
        found += _in_turn(_last_of(hardware, log, f"{name}[0]"), f"{REDUCTION}: {line}", ARRAY)
    for line, name in STATES.items():
        found += _in_turn(_last_of(hardware, log, f"{name}[0]"), f"{STATE}: {line}", LANES)
    found += _in_turn(_last_of(hardware, log, f"numerator[{design.columns - 1}]"), f"{TILE_DONE}: SPNV+RNV", LANES)
    return found + list(_transfers(hardware, log, work))


def _last_of(hardware: Hardware, log: Log, probe: str) -> list[int]:
    """The cycles in which a probe shows the last feature, or anything where it has none."""
    track = log.probes[probe]
    if "index" not in track.columns:
        return [int(cycle) for cycle in track.cycles]
    last = track.columns["index"] == hardware.design.formats.value_dim - 1
    return [int(cycle) for cycle in track.cycles[last]]


def _in_turn(cycles: list[int], event: str, unit: str) -> Iterator[Event]:
    for number, cycle in enumerate(cycles):
        yield Event(cycle, event, unit, number)


def _transfers(hardware: Hardware, log: Log, work: Work) -> Iterator[Event]:
    """A tile has passed when its last word has, at the end of that cycle."""
    for line in hardware.plan.lines:
        if not line.transfer:
            continue
        tensor = line.name.split()[1]
        passed = log.streams[STREAMS[tensor]].cycles[line.cycles - 1 :: line.cycles]
        event = GIVEN if tensor == "AV" else ACCEPTED
        for cycle, tile in zip(passed.tolist(), work.chosen(line.tiles), strict=False):
            yield Event(cycle + 1, f"{event}: {line.name}", line.resource, tile.number)


# ----------------------------------------------------------------------------------------------------------- payloads


def model_values(hardware: Hardware, work: Work) -> Mapping[str, Values]:
    """By probe, what the software model says, in the cycles that follow from the engine's starts."""
    design = hardware.design
    starts: dict[str, list[tuple[int, int]]] = {}
    for each in hardware.run.records:
        starts.setdefault(each.entry, []).append((each.start, each.tile))
    found: dict[str, Values] = {}
    down = np.arange(design.rows) * design.hop
    for tensor, probe in (("QK", "score"), ("SLN", "weight")) if shows_elements(design) else ():
        last = beats(array_works(design)[tensor])[-1]
        begin, values = _of_line(work, starts[tensor], tensor)
        there = begin + last.cycle + last.native.latency
        zero = np.zeros_like(begin)
        for r in range(design.rows):
            for c in range(design.columns):
                found[f"{probe}[{r}][{c}]"] = Values(there + down[r] + c, zero, values[:, r, c])
    for tensor, probe in ARRIVALS.items():
        line = beats(array_works(design)[tensor])
        begin, values = _of_line(work, starts[tensor], tensor)
        for c in range(design.columns):
            found[f"{probe}[{c}]"] = _landed(begin + down[-1] + c, line, values[..., c])
    for tensor, probe in IN_LANES.items():
        name = "SPNV+RNV" if tensor in ("SPNV", "RNV") else tensor
        line = beats(lane_works(design)[name])
        if name != tensor:
            line = tuple(beat for beat in line if beat.native == lane_works(design)[name].natives[tensor == "RNV"])
        begin, values = _of_line(work, starts[name], tensor)
        for c in range(design.columns):
            found[f"{probe}[{c}]"] = _landed(begin + c, line, values[..., c])
            if tensor == "RM":  # and back at the top of its column
                found[f"returned_maximum[{c}]"] = _landed(begin + c + design.return_cycles, line, values[..., c])
    return found


def rtl_values(log: Log, names: Mapping[str, Values]) -> Mapping[str, Values]:
    """What the probes of a log show."""
    found = {}
    for name in names:
        columns = log.probes[name].columns
        index = columns["index"] if "index" in columns else np.zeros(len(log.probes[name]), np.int64)
        found[name] = Values(log.probes[name].cycles, index, columns["value"])
    return found


def _of_line(work: Work, starts: list[tuple[int, int]], tensor: str) -> tuple[np.ndarray, np.ndarray]:
    """The starts of a line, and the values of their tiles [start, ...]."""
    begin = np.array([cycle for cycle, _ in starts], np.int64)
    return begin, np.stack([work.of(work.tiles[number], tensor) for _, number in starts])


def _landed(begin: np.ndarray, line: tuple[Beat, ...], values: np.ndarray) -> Values:
    """Values [start], or [start, feature], as the beats of a line make them."""
    if values.ndim == 1:
        there = begin + line[-1].cycle + line[-1].native.latency
        return Values.of([there], [np.zeros_like(there)], [values])
    cycles = [begin + beat.cycle + beat.native.latency for beat in line]
    index = [np.full_like(begin, beat.chain) for beat in line]
    return Values.of(cycles, index, [values[:, beat.chain] for beat in line])
