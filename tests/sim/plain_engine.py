"""The recurrence of the cycle engine in plain Python: every tile of every sweep, one entry after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sim.program import Entry, Program, Sweep, Wait
from sim.running import Record, Run

Tile = dict[str, int]  # loop: iteration


@dataclass
class Plain:
    """A run: what the engine is asked for of ages and order, and all that follows from it."""

    program: Program
    ages: dict[str, int]
    places: dict[str, int]
    free: dict[str, int] = field(default_factory=dict)
    starts: dict[tuple[str, int], tuple[int, int, int]] = field(
        default_factory=dict
    )  # (entry, group): start, tiles, the first
    slots: dict[tuple[int, int], int] = field(default_factory=dict)  # (wait, slot): time
    turns: dict[str, int] = field(default_factory=dict)
    turn_of: dict[tuple[str, int], int] = field(default_factory=dict)
    groups: dict[int, list[list[Tile]]] = field(default_factory=dict)
    pushed: dict[int, int] = field(default_factory=dict)
    numbers: dict[int, dict[int, int]] = field(default_factory=dict)  # sweep: group: its first tile's number
    records: list[Record] = field(default_factory=list)
    stalls: dict[str, int] = field(default_factory=dict)
    end: int = 0
    visited: dict[tuple[str, ...], list[Tile]] = field(default_factory=dict)  # every tile of a path, found once
    known: dict[tuple[str, tuple[int, ...]], bool] = field(default_factory=dict)  # whether a tile has an entry

    @classmethod
    def of(cls, done: Run) -> Plain:
        program = done.packed.program
        names = [e.name for e in program.entries]
        ages = dict(zip(names, done.outcome.ages[0].tolist(), strict=True))
        places = dict(zip(names, done.outcome.places[0].tolist(), strict=True))
        plain = cls(program, ages, places)
        plain.run()
        return plain

    def run(self) -> None:
        sweeps = self.program.sweeps
        for outer in self.tiles(self.program.prefix, {}, self.program.prefix):
            for number, sweep in enumerate(sweeps):
                for row in self.rows(sweep, outer):
                    for group in row:
                        self.push(number, sweep, group)
                if len(sweeps) > 1:
                    self.flush(number, sweep)
        if len(sweeps) == 1:
            self.flush(0, sweeps[0])

    # ----------------------------------------------------------------------------------------------------- the loops

    def elements(self, family: str, tile: Tile) -> range:
        low, high = 0, self.program.sizes[family]
        for loop in self.program.loops[family]:
            if loop not in tile:
                break
            low += tile[loop] * self.program.chunks[loop]
            high = min(high, low + self.program.chunks[loop])
        return range(low, max(low, high))

    def visible(self, tile: Tile, masked: bool) -> bool:
        if any(not self.elements(family, tile) for family in self.program.loops):
            return False
        if not masked or self.program.band is None:
            return True
        rows, columns, low, high = self.program.band
        return any(
            (low is None or c - r >= low) and (high is None or c - r <= high)
            for r in self.elements(rows, tile)
            for c in self.elements(columns, tile)
        )

    def tiles(self, loops: tuple[str, ...], outer: Tile, path: tuple[str, ...], masked: bool = True) -> Iterator[Tile]:
        """Every visited tile of some loops inside of an outer one, in order."""
        counts = [-(-self.program.sizes[self.program.family_of[n]] // self.program.chunks[n]) for n in loops]
        for indices in product(*(range(c) for c in counts)):
            tile = outer | dict(zip(loops, indices, strict=True))
            inner = [n for n in loops if self.loop_above(n) in loops or self.loop_above(n) in outer]
            if any(tile[n] * self.program.chunks[n] >= self.program.chunks[self.loop_above(n)] for n in inner):
                continue
            if self.visible(tile, masked):
                yield tile

    def loop_above(self, loop: str) -> str:
        own = self.program.loops[self.program.family_of[loop]]
        return own[own.index(loop) - 1] if own.index(loop) else ""

    def rows(self, sweep: Sweep, outer: Tile) -> Iterator[list[list[Tile]]]:
        """The rows of the innermost loop, each as groups."""
        rows: dict[tuple[int, ...], list[Tile]] = {}
        for tile in self.tiles(sweep.loops, outer, (*self.program.prefix, *sweep.loops), sweep.masked):
            rows.setdefault(tuple(tile[n] for n in sweep.loops[:-1]), []).append(tile)
        for row in rows.values():
            yield [row[i : i + sweep.group] for i in range(0, len(row), sweep.group)]

    def takes(self, entry: Entry, tile: Tile, sweep: Sweep) -> bool:
        """Whether a tile has an entry."""
        key = entry.name, tuple(tile.values())
        if key not in self.known:
            self.known[key] = self.at_edges(entry, tile, sweep)
        return self.known[key]

    def at_edges(self, entry: Entry, tile: Tile, sweep: Sweep) -> bool:
        """Whether a tile is at the edges that an entry asks for, among all visited tiles."""
        for wanted, last in ((entry.first, False), (entry.last, True)):
            if not wanted:
                continue
            order = [n for loops in self.program.loops.values() for n in loops if n in wanted]
            path = (*self.program.prefix, *sweep.loops)
            others = {n: tile[n] for n in path if n not in wanted}
            alike = [
                [t[n] for n in order]
                for t in self.every(path, sweep.masked)
                if all(t[n] == i for n, i in others.items())
            ]
            edge = max(alike) if last else min(alike)
            if [tile[n] for n in order] != edge:
                return False
        return True

    def every(self, path: tuple[str, ...], masked: bool) -> list[Tile]:
        if path not in self.visited:
            self.visited[path] = list(self.tiles(path, {}, path, masked))
        return self.visited[path]

    # ------------------------------------------------------------------------------------------------------ a group

    def flush(self, number: int, sweep: Sweep) -> None:
        for _ in range(max(self.ages[e.name] for e in sweep.entries)):
            self.push(number, sweep, [])

    def push(self, number: int, sweep: Sweep, group: list[Tile]) -> None:
        groups = self.groups.setdefault(number, [])
        groups.append(group)
        self.numbers.setdefault(number, {})[len(groups) - 1] = self.pushed.get(number, 0)
        self.pushed[number] = self.pushed.get(number, 0) + len(group)
        newest = len(groups) - 1
        for entry in sweep.entries:
            if entry.unit is None and any(self.takes(entry, t, sweep) for t in group):
                self.turns[entry.name] = 1 - self.turns.get(entry.name, 0)
            self.turn_of[entry.name, newest] = self.turns.get(entry.name, 0)
        for entry in sorted(sweep.entries, key=lambda e: self.places[e.name]):
            mine = newest - self.ages[entry.name]
            if mine >= 0:
                taken = [(i, t) for i, t in enumerate(groups[mine]) if self.takes(entry, t, sweep)]
                if taken:
                    self.start(number, entry, mine, taken)

    def start(self, number: int, entry: Entry, group: int, taken: list[tuple[int, Tile]]) -> None:
        count = len(taken)
        times = [0, *(self.free.get(r, 0) for r in entry.holds)]
        for i, wait in enumerate(self.program.waits):
            if wait.consumer == entry.name:
                times += self.waited(i, wait, group, taken)
        start = max(times)
        if entry.unit is not None:
            self.stalls[entry.unit] = self.stalls.get(entry.unit, 0) + start - self.free.get(entry.unit, 0)
        for resource, cycles in entry.holds.items():
            self.free[resource] = start + int(cycles[0, count])
        self.starts[entry.name, group] = (start, count, taken[0][0])
        for i, wait in enumerate(self.program.waits):
            if wait.producer == entry.name and wait.kind == "slot":
                for at, (_, tile) in enumerate(taken):
                    given = start + int(wait.lead[0, count]) + at * int(wait.given_pace)
                    self.slots[i, self.slot(wait, tile, group)] = given
        self.end = max(self.end, start + int(entry.done[0, count]))
        self.records.append(Record(entry.name, self.numbers[number][group] + taken[0][0], count, start))

    def waited(self, i: int, wait: Wait, group: int, taken: list[tuple[int, Tile]]) -> list[int]:
        lag = int(wait.lag[0, len(taken)])
        if wait.kind == "slot":
            slots = [self.slot(wait, tile, group) for _, tile in taken]
            pace = int(wait.taken_pace)
            return [self.slots[i, s] - lag - at * pace for at, s in enumerate(slots) if (i, s) in self.slots]
        back = group
        early = wait.kind == "ring" and int(wait.lead[0, 1]) < int(wait.lag[0, 1])
        if wait.kind == "ring":
            back -= self.ages[wait.producer] - self.ages[wait.consumer] + 1 + early
        if (wait.producer, back) not in self.starts:
            return []
        start, tiles, first = self.starts[wait.producer, back]
        ahead = taken[0][0] - first
        given, paces = start + int(wait.lead[0, tiles]), (int(wait.given_pace), int(wait.taken_pace))
        found = [given + (ahead + at) * paces[0] - lag - at * paces[1] for at in range(len(taken))]
        return [*found, start] if early else found

    def slot(self, wait: Wait, tile: Tile, group: int) -> int:
        slot = sum(int(stride) * tile[loop] for loop, stride in wait.strides.items())
        if int(wait.copies) > 1:
            slot = 2 * slot + self.turn_of[str(wait.turn), group]
        return slot


def by_start(records: Any) -> list[tuple[str, int, int, int]]:
    """Records without their causes, in an order of their own."""
    return sorted((r.entry, r.tile, r.tiles, r.start) for r in records)
