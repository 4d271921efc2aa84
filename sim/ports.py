"""The rows of memories that entries touch, and which port serves which: a choice made once, the longest stream first.

A tensor lies in one bank. Streams of an entry (an operation's operand, a result, a fill) go to the port of that bank
that has the least to do so far, among those that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arch import Memory
from workloads import ceil_div

from .entries import TURNS, Line, Lines, marks_of
from .facts import Facts, column
from .program import PORT


@dataclass(frozen=True)
class Stream:
    """Rows of one tensor that an entry reads or writes for each tile."""

    entry: str
    tensor: str
    action: str  # "read" or "write"
    rows: int


def _name(memory: Memory, bank: int, port: int) -> str:
    assert memory.ports is not None
    where = f" bank {bank}" if memory.banks > 1 else ""
    return f"{memory.name}{where} port {port} ({memory.ports[port]})"


def assign(memory: Memory, streams: Sequence[Stream]) -> dict[Stream, str]:
    """The port of each stream."""
    assert memory.ports is not None
    rows_of: dict[str, int] = {}
    for stream in streams:
        rows_of[stream.tensor] = rows_of.get(stream.tensor, 0) + stream.rows
    loads = [0] * memory.banks
    bank_of: dict[str, int] = {}
    for tensor in sorted(rows_of, key=lambda t: -rows_of[t]):
        bank_of[tensor] = loads.index(min(loads))
        loads[bank_of[tensor]] += rows_of[tensor]
    busy = [[0] * len(memory.ports) for _ in range(memory.banks)]
    found: dict[Stream, str] = {}
    for stream in sorted(streams, key=lambda s: -s.rows):
        bank = bank_of[stream.tensor]
        able = [i for i, kind in enumerate(memory.ports) if ("R" if stream.action == "read" else "W") in kind]
        port = min(able, key=lambda i: busy[bank][i])
        busy[bank][port] += stream.rows
        found[stream] = _name(memory, bank, port)
    return found


def with_ports(facts: Facts, found: list[Lines]) -> list[Lines]:
    """The same lines, holding the ports of the memories that limit them."""
    for memory in facts.schedule.machine.memories.values():
        if memory.ports is None or PORT in facts.relaxed:
            continue
        streams: dict[tuple[int, int], list[tuple[Stream, Any]]] = {}
        for s, lines in enumerate(found):
            for i, line in enumerate(lines.lines):
                streams[s, i] = [
                    (Stream(f"{s}.{i}.{j}", tensor, action, int(np.max(rows))), rows)
                    for j, (tensor, action, rows) in enumerate(_rows(facts, line, memory.name))
                ]
        ports = assign(memory, [stream for each in streams.values() for stream, _ in each])
        found = [
            replace(
                lines,
                lines=tuple(
                    _with_rows(facts, line, [(ports[stream], rows) for stream, rows in streams[s, i]])
                    for i, line in enumerate(lines.lines)
                ),
            )
            for s, lines in enumerate(found)
        ]
    return found


def _rows(facts: Facts, line: Line, level: str) -> list[tuple[str, str, Any]]:
    """The rows of a level that one tile of a line touches, by tensor and direction."""
    around = set(line.path)
    row_bits = facts.schedule.machine.memories[level].row_bits
    accesses = [a for o in line.operations for a in o.accesses]
    if line.transfer is not None and len(line.transfer.accesses) > 1:
        accesses = list(line.transfer.accesses)
    found = []
    for access in accesses:
        if access.level != level:
            continue
        beats = facts.product(access.steps)
        words = facts.product(p for p in access.parts if p not in around and p not in access.steps)
        found.append((access.tensor, access.action, beats * ceil_div(words * facts.bits(access.tensor), row_bits)))
    return found


def _with_rows(facts: Facts, line: Line, rows: list[tuple[str, Any]]) -> Line:
    """The line, holding ports for these rows; an operation whose rows take longer than it does goes at their pace."""
    if not rows:
        return line
    entry, tiles = line.entry, np.arange(line.entry.done.shape[-1])
    holds = dict(entry.holds)
    for port, count in rows:
        holds[port] = holds.get(port, 0) + column(count) * tiles
    longest = line.release
    for port, _ in rows:
        longest = np.maximum(longest, holds[port])
    late = longest - line.release
    marks = {event: offset + late for event, offset in entry.marks.items()}
    if line.timing is not None:
        marks = marks_of(facts, line.operations, line.timing, longest - line.timing.occupancy)
    extra = dict(entry.extra)
    if entry.unit is not None:
        holds[entry.unit] = holds[entry.unit] + late
        extra[PORT] = extra.get(PORT, 0) + late
    if TURNS in holds:
        holds[TURNS] = holds[TURNS] + late
    return replace(
        line,
        entry=replace(entry, holds=holds, done=entry.done + late, extra=extra, marks=marks),
        given_first=line.given_first + late,
        given_last=line.given_last + late,
        release=longest,
    )
