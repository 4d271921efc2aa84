"""Which port of a memory serves which stream of rows: a choice made once, the longest stream first.

A tensor lies in one bank. Streams of an entry (an operation's operand, a result, a fill) go to the port of that bank
that has the least to do so far, among those that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arch import Memory


@dataclass(frozen=True)
class Stream:
    """Rows of one tensor that an entry reads or writes for each tile."""

    entry: str
    tensor: str
    action: str  # "read" or "write"
    rows: int


def port_names(memory: Memory) -> list[str]:
    """The resources of a memory's ports; none where they are not limited."""
    if memory.ports is None:
        return []
    return [_name(memory, bank, port) for bank in range(memory.banks) for port in range(len(memory.ports))]


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
