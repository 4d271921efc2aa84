"""A program as the engine's kernel takes it: whole numbers in tables, a row for each design point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from . import engine
from .engine import RING, SAME_GROUP, SLOT
from .program import CAUSES, Entry, Number, Program, Table, Wait, column

KINDS = {"same": SAME_GROUP, "ring": RING, "slot": SLOT}


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
        reach = tuple(np.ravel(wait.reach).tolist())
        return wait.consumer, wait.producer, wait.kind, wait.cause, reach, strides, turn

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

    def _edges(self) -> list[tuple[int, int, Number, Number]]:
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
            if np.all(np.asarray(wait.reach) > 0) and wait.consumer == wait.producer:
                continue
            group = self.program.sweeps[self.sweep_of[wait.consumer]].group
            fetched = self.by_name[wait.producer].unit is None  # ahead of time: only the order counts
            delay = 1 if fetched else _at(wait.between(np.arange(self.columns)), group)
            found.append((self.place[wait.consumer], self.place[wait.producer], wait.reach, delay))
        return sorted(found, key=lambda edge: (*edge[:2], int(np.max(edge[2]))))


def _later(one: Wait, other: Wait) -> Wait:
    """Of two waits for the same thing the one that asks for more; leads may be negative."""
    return replace(one, lead=np.maximum(one.lead - one.lag, other.lead - other.lag), lag=0 * one.lag)


def _at(table: Table, tiles: Number) -> Any:
    """The column of a table for groups of this many tiles."""
    columns = column(tiles)
    rows = max(table.shape[0], columns.shape[0])
    return np.take_along_axis(
        np.broadcast_to(table, (rows, table.shape[1])), np.broadcast_to(columns, (rows, 1)), axis=1
    )[:, 0]


def _bounds(owners: Sequence[int], count: int) -> list[int]:
    """Where the rows of each entry begin, in a table sorted by entry."""
    return [int(i) for i in np.searchsorted(np.array(owners, dtype=np.int64), np.arange(count + 1))]
