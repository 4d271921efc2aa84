"""The program of a schedule on an array, as values; `packing` turns it into the tables of the engine's kernel.

Numbers are int64 arrays with one row per design point, or a single row that holds for all of them. Tables have a
column for each number of tiles in a group, from none on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Number = Any  # int, or int64 array [point]
Table = Any  # int64 array [point or 1, tiles]

# Causes of idle time, in the order of the kernel's numbers; the last is the time after a unit's last operation.
OPERAND, ROUND_TRIP, MEMORY, PORT, SPACE, REGISTERS, CHAIN, PRELOAD, STREAM, DRAIN = (
    "operand", "round trip", "memory", "port", "buffer space", "registers", "operation latency", "preload",
    "outside stream", "fill and drain",
)  # fmt: skip
CAUSES = (OPERAND, ROUND_TRIP, MEMORY, PORT, SPACE, REGISTERS, CHAIN, PRELOAD, STREAM, DRAIN)


@dataclass(frozen=True)
class Entry:
    """One line of a sweep's program: an operation (or several merged), a fill, a drain or a preload.

    `holds` are the resources that it occupies from its start, and for how long; `first` and `last` the loops that must
    be at their first or last iteration for a tile to have it; `extra` the cycles of its unit beyond operation slots;
    `marks` its events, by name, in cycles after its start (docs/cycle.md); `stops` the stretches in which its stream
    stands still.
    """

    name: str
    operations: tuple[str, ...]
    unit: str | None
    holds: Mapping[str, Table]
    done: Table
    beats: Table
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    extra: Mapping[str, Table] = field(default_factory=dict)
    marks: Mapping[str, Table] = field(default_factory=dict)
    stops: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.holds:
            raise ValueError(f"entry '{self.name}' holds no resource; what takes no time holds one for no cycles")

    @property
    def conditional(self) -> bool:
        """Whether only some tiles have it."""
        return bool(self.first or self.last)


@dataclass(frozen=True)
class Wait:
    """`consumer` starts `lag` cycles before `lead` cycles after `producer` at the earliest.

    These are those of the first tile of a group: each further one is given `given_pace` cycles later, and taken
    `taken_pace` cycles later.

    kind "same": the producer's start for the same tiles. "ring": the reuse of registers, for the tiles that had them
    before. "slot": whoever last touched the slot of the tile; `strides` number the slots by loops, `copies` of each
    are used in turn, as `turn` (a fill) goes on. `reach` is how many tiles lie between, at least.
    """

    consumer: str
    producer: str
    kind: str
    lead: Table
    lag: Table
    cause: str
    reach: Number = 0
    strides: Mapping[str, Number] = field(default_factory=dict)
    slots: Number = 1
    copies: Number = 1
    turn: str | None = None
    given_pace: Number = 0
    taken_pace: Number = 0

    def between(self, tiles: Any) -> Any:
        """Cycles from the producer's start to the consumer's, for groups of the same tiles."""
        more = np.maximum(tiles - 1, 0) * np.maximum(column(self.given_pace) - column(self.taken_pace), 0)
        return self.lead - self.lag + more


@dataclass(frozen=True)
class Sweep:
    """A loop nest below the common loops, with its program. Groups of `group` tiles, `flights` of them at once."""

    loops: tuple[str, ...]
    masked: bool
    entries: tuple[Entry, ...]
    group: Number = 1
    flights: Number = 1


@dataclass(frozen=True)
class Program:
    """Everything that the engine needs of a schedule."""

    chunks: Mapping[str, Number]  # loop: elements that one iteration covers
    family_of: Mapping[str, str]  # loop: rank
    sizes: Mapping[str, Number]  # rank: elements
    loops: Mapping[str, tuple[str, ...]]  # rank: its loops, outermost first
    prefix: tuple[str, ...]
    sweeps: tuple[Sweep, ...]
    waits: tuple[Wait, ...]
    resources: Mapping[str, str]  # resource: the cause of waiting for it
    band: tuple[str, str, Number | None, Number | None] | None = None  # row, column, least and greatest column - row

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(e for s in self.sweeps for e in s.entries)


def column(value: Number) -> Any:
    return np.asarray(value, dtype=np.int64).reshape(-1, 1)
