"""The program of a schedule on an array, as values; `pack` turns it into the tables of the engine's kernel.

Numbers are int64 arrays with one row per design point, or a single row that holds for all of them. Tables have a
column for each number of tiles in a group, from none on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from . import engine
from .engine import RING, SAME_GROUP, SLOT, Outcome, run_points

Number = Any  # int, or int64 array [point]
Table = Any  # int64 array [point or 1, tiles]

KINDS = {"same": SAME_GROUP, "ring": RING, "slot": SLOT}

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
    reach: int = 0
    strides: Mapping[str, Number] = field(default_factory=dict)
    slots: Number = 1
    copies: Number = 1
    turn: str | None = None
    given_pace: Number = 0
    taken_pace: Number = 0

    def between(self, tiles: Any) -> Any:
        """Cycles from the producer's start to the consumer's, for groups of the same tiles."""
        more = np.maximum(tiles - 1, 0) * np.maximum(_column(self.given_pace) - _column(self.taken_pace), 0)
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


@dataclass(frozen=True)
class Packed:
    """A program as the kernel takes it: a row of numbers for each design point."""

    program: Program
    rows: Any
    points: int


def pack(program: Program) -> Packed:
    """The tables of the kernel, for as many design points as the numbers have."""
    return _Packing(program).packed()


@dataclass(frozen=True)
class _Packing:
    program: Program

    @cached_property
    def place(self) -> dict[str, int]:
        return {e.name: i for i, e in enumerate(self.program.entries)}

    @cached_property
    def by_name(self) -> dict[str, Entry]:
        return {e.name: e for e in self.program.entries}

    @cached_property
    def sweep_of(self) -> dict[str, int]:
        return {e.name: i for i, s in enumerate(self.program.sweeps) for e in s.entries}

    @property
    def columns(self) -> int:
        return int(self.program.entries[0].done.shape[-1])

    @cached_property
    def waits(self) -> list[Wait]:
        """The waits that can bind, by consumer; several for the same thing are one where groups are single tiles."""
        found: dict[Any, Wait] = {}
        for i, wait in enumerate(self.program.waits):
            if not self._implied(wait):
                found_key = self._merging(wait, i)
                known = found.get(found_key)
                found[found_key] = wait if known is None else _later(known, wait)
        return sorted(found.values(), key=lambda w: self.place[w.consumer])

    def _merging(self, wait: Wait, number: int) -> Any:
        if self.columns > 2:
            return number
        strides = tuple((name, id(stride)) for name, stride in wait.strides.items())
        plain = tuple((n, s) for n, s in wait.strides.items() if isinstance(s, int))
        strides = plain if len(plain) == len(strides) else strides
        turn = wait.turn if np.any(np.asarray(wait.copies) > 1) else None
        return wait.consumer, wait.producer, wait.kind, wait.cause, wait.reach, strides, turn

    def _implied(self, wait: Wait) -> bool:
        """Whether the order on a unit says as much: the consumer comes after the producer has left it."""
        one, other = self.by_name[wait.producer], self.by_name[wait.consumer]
        if wait.kind == "slot" or one.unit is None or one.unit != other.unit:
            return False
        whole = replace(wait, taken_pace=0)  # the consumer may take the last tile alone
        return bool(np.all(whole.between(np.arange(self.columns)) <= one.holds[one.unit]))

    def packed(self) -> Packed:
        program, entries = self.program, self.program.entries
        resources = list(program.resources)
        holds = [(self.place[e.name], resources.index(r), cycles) for e in entries for r, cycles in e.holds.items()]
        heard = sorted((self.place[w.producer], i) for i, w in enumerate(self.waits) if w.kind == "slot")
        edges = self._edges()
        stops = [(i, stop) for i, e in enumerate(entries) for stop in e.stops]
        owners = [
            [e for e, *_ in holds],
            [self.place[w.consumer] for w in self.waits],
            [e for e, _ in heard],
            [e for e, *_ in edges],
            [e for e, _ in stops],
        ]
        bounds = [_bounds(each, len(entries)) for each in owners]
        depth = max(len(s.loops) for s in program.sweeps)
        width = max((len(each) for each in program.loops.values()), default=1)
        wide = engine.STRIDES + len(self.loops) + 2 * self.columns
        none = np.zeros((1, self.columns), dtype=np.int64)
        tables = {
            engine.LOOPS: [
                n for name in self.loops for n in (self.families.index(program.family_of[name]), program.chunks[name])
            ],
            engine.FAMILIES: [
                n for f in self.families for n in (program.sizes[f], *self._loops(program.loops[f], width))
            ],
            engine.SWEEPS: self._sweeps(depth),
            engine.PREFIX: [self.loops.index(n) for n in program.prefix],
            engine.ENTRIES: [
                n for i, e in enumerate(entries) for n in self._entry(e, [(b[i], b[i + 1]) for b in bounds])
            ],
            engine.HOLDS: [n for _, r, cycles in holds for n in (r, cycles)],
            engine.CAUSES: [CAUSES.index(c) for c in program.resources.values()],
            engine.WAITS: [n for w in self.waits for n in self._wait(w)],
            engine.HEARD: [w for _, w in heard],
            engine.EDGES: [n for _, before, reach, delay in edges for n in (before, reach, delay)],
            engine.CYCLES: [t for e in entries for t in (e.done, *(e.extra.get(cause, none) for cause in CAUSES))],
            engine.BAND: self._band(),
            engine.STOPS: [n for _, stop in stops for n in stop],
        }
        counts = {
            engine.LOOP_COUNT: len(self.loops),
            engine.FAMILY_COUNT: len(self.families),
            engine.FAMILY_COLUMNS: engine.OWN_LOOPS + width,
            engine.SWEEP_COUNT: len(program.sweeps),
            engine.SWEEP_COLUMNS: engine.OWN + depth,
            engine.PREFIX_COUNT: len(program.prefix),
            engine.ENTRY_COUNT: len(entries),
            engine.RESOURCE_COUNT: len(resources),
            engine.CAUSE_COUNT: len(CAUSES),
            engine.WAIT_COUNT: len(self.waits),
            engine.WAIT_COLUMNS: wide,
            engine.TILES: self.columns,
            engine.CALM: max((stop[1] for _, stop in stops), default=0),
        }
        rows = self._rows(tables, counts)
        return Packed(program, rows, rows.shape[0])

    @cached_property
    def loops(self) -> list[str]:
        return list(self.program.chunks)

    @cached_property
    def families(self) -> list[str]:
        return list(self.program.sizes)

    def _loops(self, names: Sequence[str], size: int) -> list[int]:
        """Numbers of loops, filled up with -1."""
        return [*(self.loops.index(n) for n in names), *[-1] * (size - len(names))]

    def _bits(self, names: frozenset[str]) -> int:
        return sum(1 << self.loops.index(n) for n in names)

    def _sweeps(self, depth: int) -> list[Any]:
        starts = np.cumsum([0, *(len(s.entries) for s in self.program.sweeps)]).tolist()
        return [
            n
            for i, s in enumerate(self.program.sweeps)
            for n in (
                *(int(s.masked), starts[i], starts[i + 1], len(s.loops), s.group, s.flights),
                *self._loops(s.loops, depth),
            )
        ]

    def _entry(self, entry: Entry, bounds: list[tuple[int, int]]) -> list[int]:
        unit = -1 if entry.unit is None else list(self.program.resources).index(entry.unit)
        extra = any(np.any(cycles) for cycles in entry.extra.values())
        return [
            *(self._bits(entry.first), self._bits(entry.last), unit),
            *(n for pair in bounds for n in pair),
            int(extra),
        ]

    def _wait(self, wait: Wait) -> list[Any]:
        turn = -1 if wait.turn is None else self.place[wait.turn]
        return [
            *(KINDS[wait.kind], self.place[wait.producer], CAUSES.index(wait.cause), turn, wait.copies, wait.slots),
            *(wait.given_pace, wait.taken_pace),
            *(wait.strides.get(name, 0) for name in self.loops),
            *(wait.lead, wait.lag),
        ]

    def _band(self) -> list[Any]:
        if self.program.band is None:
            return [-1, -1, 0, 0, 0, 0]
        row, column, low, high = self.program.band
        edges = [n for edge in (low, high) for n in (int(edge is not None), 0 if edge is None else edge)]
        return [self.families.index(row), self.families.index(column), *edges]

    def _rows(self, tables: Mapping[int, list[Any]], counts: Mapping[int, int]) -> Any:
        """The header and all tables one after the other, for each design point."""
        at, places, blocks = engine.HEADER, [], []
        for table in range(engine.TABLES):
            places.append(at)
            for value in tables[table]:
                block = np.asarray(value, dtype=np.int64)
                blocks.append(block if block.ndim == 2 else block.reshape(-1, 1))
                at += blocks[-1].shape[1]
        header = [*places, *(counts[n] for n in sorted(counts))]
        blocks.insert(0, np.array([header], dtype=np.int64))
        points = max(len(block) for block in blocks)
        if points == 1:
            return np.concatenate(blocks, axis=1)
        return np.concatenate([np.broadcast_to(block, (points, block.shape[1])) for block in blocks], axis=1)

    def _edges(self) -> list[tuple[int, int, int, Number]]:
        """What the order of each sweep's program respects: (entry, entry before, reach, cycles between)."""
        found = []
        pairs = {(wait.consumer, wait.producer) for wait in self.program.waits if wait.kind == "same"}
        for wait in self.program.waits:
            if self.sweep_of[wait.consumer] != self.sweep_of[wait.producer]:
                continue
            if wait.kind == "ring":  # whoever reads a value does not come before its maker
                if (wait.producer, wait.consumer) not in pairs:
                    found.append((self.place[wait.producer], self.place[wait.consumer], 0, 0))
                continue
            if wait.reach > 0 and wait.consumer == wait.producer:
                continue
            group = self.program.sweeps[self.sweep_of[wait.consumer]].group
            fetched = self.by_name[wait.producer].unit is None  # ahead of time: only the order counts
            delay = 1 if fetched else _at(wait.between(np.arange(self.columns)), group)
            found.append((self.place[wait.consumer], self.place[wait.producer], wait.reach, delay))
        return sorted(found, key=lambda edge: edge[:3])


def _later(one: Wait, other: Wait) -> Wait:
    """Of two waits for the same thing the one that asks for more; leads may be negative."""
    return replace(one, lead=np.maximum(one.lead - one.lag, other.lead - other.lag), lag=0 * one.lag)


def _column(value: Number) -> Any:
    return np.asarray(value, dtype=np.int64).reshape(-1, 1)


def _at(table: Table, tiles: Number) -> Any:
    """The column of a table for groups of this many tiles."""
    columns = _column(tiles)
    rows = max(table.shape[0], columns.shape[0])
    return np.take_along_axis(
        np.broadcast_to(table, (rows, table.shape[1])), np.broadcast_to(columns, (rows, 1)), axis=1
    )[:, 0]


def _bounds(owners: Sequence[int], count: int) -> list[int]:
    """Where the rows of each entry begin, in a table sorted by entry."""
    return [int(i) for i in np.searchsorted(np.array(owners, dtype=np.int64), np.arange(count + 1))]


@dataclass(frozen=True)
class Record:
    """One start: `tiles` of the sweep from `tile` on (numbered in the order of the loops) begin an entry at a cycle."""

    entry: str
    tile: int
    tiles: int
    start: int
    cause: str = OPERAND  # of what it waited for, if its unit was idle


@dataclass(frozen=True)
class Run:
    """What a run of a program gives, with arrays over design points; `records` of a single point, if asked for."""

    packed: Packed
    cycles: Any
    outcome: Outcome
    records: tuple[Record, ...] = ()
    window: tuple[int, int] = (1, 0)

    def tiles(self, entry: str) -> Any:
        """How many tiles have had an entry."""
        return self.outcome.tiles[:, [e.name for e in self.packed.program.entries].index(entry)]

    def age(self, entry: str) -> Any:
        """How many groups an entry lags behind the first one of its sweep."""
        return self.outcome.ages[:, [e.name for e in self.packed.program.entries].index(entry)]

    def stalls(self, resource: str) -> dict[str, Any]:
        """Idle cycles of a resource by cause."""
        row = list(self.packed.program.resources).index(resource)
        return {cause: self.outcome.stalls[:, row, i] for i, cause in enumerate(CAUSES)}


EVERYTHING = (0, engine.FAR)
NOTHING = (1, 0)


def run(packed: Packed, jump: bool = True, window: tuple[int, int] = NOTHING, most: int = 0, threads: int = 1) -> Run:
    """Runs all design points; of a single one, up to `most` starts inside of a window of cycles are recorded."""
    points, entries = packed.points, len(packed.program.entries)
    resources = len(packed.program.resources)
    outcome = Outcome(
        cycles=np.zeros(points, np.int64),
        tiles=np.zeros((points, entries), np.int64),
        stalls=np.zeros((points, resources, len(CAUSES)), np.int64),
        ages=np.zeros((points, entries), np.int64),
        places=np.zeros((points, entries), np.int64),
        stepped=np.zeros(points, np.int64),
    )
    records = np.zeros((most, 5), np.int64)
    if not jump:
        kept = _interruptible(packed, records, window, outcome)
    elif threads == 1 or points == 1:
        kept = run_points(packed.rows, 0, points, jump, records, *window, outcome)
    else:
        from concurrent.futures import ThreadPoolExecutor

        size = max(1, -(-points // (8 * threads)))
        with ThreadPoolExecutor(threads) as pool:
            jobs = [
                pool.submit(run_points, packed.rows, at, min(points, at + size), jump, records, *window, outcome)
                for at in range(0, points, size)
            ]
            kept = max(job.result() for job in jobs)
    names = [e.name for e in packed.program.entries]
    found = tuple(Record(names[e], int(t), int(n), int(start), CAUSES[w]) for e, t, n, start, w in records[:kept])
    return Run(packed, outcome.cycles, outcome, found, window)


def _interruptible(packed: Packed, records: Any, window: tuple[int, int], outcome: Outcome) -> int:
    """A run that steps through everything may take long: it has a thread of its own, so that it can be interrupted."""
    kept: list[int] = []

    def work() -> None:
        kept.append(run_points(packed.rows, 0, packed.points, False, records, *window, outcome))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    return kept[0]
