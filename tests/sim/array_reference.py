"""Attention on FuseMax's arrays, element by element and cycle by cycle: slow and plain, to hold the cycle engine against.

Controllers (`array_control.py`) say when each entry begins in element (0, 0). Everything else happens here: every
element does its native operations, takes each operand from a neighbour in this very cycle, from registers or from the
buffer, and hands results on. A value has a tag (whose it is); an operand that is not there, or no longer there, is an
`AssertionError` with the element and the cycle. The numbers are real, so the output can be checked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mappings import Schedule
from sim.events import Event
from sim.program import Record

from .array_control import ONE, RINGS, TWO, Begun, Controllers, Host, Line, Order, Ring, Tile
from .array_issue import Beat

NEVER = -math.inf  # the maximum of nothing
Key = tuple[Any, ...]


@dataclass
class Arrays:
    """Both arrays, the buffer and the channel.

    `places` is everything that holds a value: wires between neighbours, registers of elements and lanes, the buffer.
    `coming` are values on their way, by the cycle in which they are there. With `skewed_fills` a fetched tile comes
    into the buffer as the wavefront uses it, row r `r · hop` cycles later; without, all at once. With `skewed_returns`
    a value on the return path comes to the first row and goes down as the wavefront does; without, to all rows at once
    (or along the rows from below).
    """

    host: Host
    control: Controllers
    inputs: Mapping[str, np.ndarray]
    skewed_fills: bool = True
    skewed_returns: bool = True
    places: dict[Key, tuple[Any, float]] = field(default_factory=dict)
    coming: dict[int, list[tuple[Key, Any, float]]] = field(default_factory=lambda: defaultdict(list))
    running: dict[Key, tuple[float, int]] = field(default_factory=dict)  # chains in an element: value, when it is there
    free: dict[Key, int] = field(default_factory=dict)  # elements: when they may start a native operation
    end: int = 0
    happened: dict[tuple[str, Line], list[int]] = field(default_factory=lambda: defaultdict(list))
    output: np.ndarray = field(default_factory=lambda: np.zeros(0))

    # ------------------------------------------------------------------------------------------------------ the clock

    def run(self, lines: list[Begun]) -> None:
        sizes = self.host.sizes
        self.output = np.zeros(tuple(sizes[rank] for rank in "bngfp"))
        agenda: dict[int, list[tuple[Begun, Beat, int, int]]] = defaultdict(list)
        drains: dict[int, list[tuple[Begun, int, int, int]]] = defaultdict(list)
        for begun in lines:
            if begun.issued is not None:
                rows = self.host.rows if begun.issued.work.unit == TWO else 1
                for beat in begun.issued.beats:
                    for r in range(rows):
                        for c in range(self.host.cols):
                            agenda[begun.start + beat.time + r * self.host.hop + c].append((begun, beat, r, c))
            elif begun.line.name == "drain AV":
                self.end = max(self.end, begun.end)
                self.happened["result accepted", begun.line].append(begun.end)
                values = [(j, f) for j in range(len(begun.line.tiles)) for f in range(sizes["f"])]
                for i, (j, f) in enumerate(values):  # the first as it begins, the last in its last cycle
                    at = begun.start + max(begun.busy - 1, 0) * i // max(len(values) - 1, 1)
                    for c in range(self.host.cols):
                        drains[at + c].append((begun, j, f, c))
            else:
                self.end = max(self.end, begun.start + begun.done)
                self.happened["operand tile accepted", begun.line].append(begun.start + begun.done)
                self.fetch(begun)
        cycle = 0
        while agenda or self.coming or drains:
            for key, tag, value in self.coming.pop(cycle, []):
                assert key[0] != "AV" or key not in self.places, f"cycle {cycle}: {tag} comes before {key} was taken"
                self.places[key] = (tag, value)
            for begun, beat, r, c in agenda.pop(cycle, []):
                self.element(cycle, begun, beat, r, c)
            for begun, j, f, c in drains.pop(cycle, []):
                self.drain(cycle, begun, j, f, c)
            cycle += 1

    def events(self) -> set[Event]:
        """What happened, each at the first element or lane, in the vocabulary of docs/cycle.md."""
        return {
            Event(
                min(cycles) if event == "first beat" else max(cycles),
                event,
                self.host.works[line.name].unit if line.name in self.host.works else "dram",
                line.tiles[0].number,
                line.name,
            )
            for (event, line), cycles in self.happened.items()
        }

    def send(self, cycle: int, key: Key, tag: Any, value: float) -> None:
        """A value that is at a place from a cycle on."""
        self.coming[cycle].append((key, tag, value))

    def take(self, cycle: int, key: Key, tag: Any) -> float:
        """The value at a place, which must be the one that is meant."""
        found, value = self.places.get(key, (None, math.nan))
        assert found == tag, f"cycle {cycle}: {key} has {found}, not {tag}"
        return value

    # ------------------------------------------------------------------------------------------------------- memories

    def fetch(self, begun: Begun) -> None:
        """Tiles come into the buffer."""
        there, host = begun.start + begun.done, self.host
        tensor = begun.line.name.split()[1]
        for tile in begun.line.tiles:
            for key, tag, value, late in self.words(tensor, tile):
                self.send(there + (late if self.skewed_fills else 0), key, tag, value)
        assert host.moves[0]

    def words(self, tensor: str, tile: Tile) -> list[tuple[Key, Any, float, int]]:
        """A tile's words in the buffer: where, whose, what, and how much later than the first they are used."""
        host, control = self.host, self.control
        if tensor == "Q":
            queries, tag = host.queries(tile), tile.query_tile
            return [
                (("Q", tile.slot, c, e), tag, self.query(tile, e, c) if c < len(queries) else 0.0, c)
                for c in range(host.cols)
                for e in range(host.sizes["e"])
            ]
        fetch = control.fetch_of[tensor, tile]
        copy, keys = fetch % host.copies[tensor], host.keys(tile)
        values = self.inputs[tensor][tile.batch, tile.head]
        return [
            ((tensor, copy, r, i), fetch, float(values[i, keys[r]]) if r < len(keys) else 0.0, r * host.hop)
            for r in range(host.rows)
            for i in range(values.shape[0])
        ]

    def query(self, tile: Tile, e: int, c: int) -> float:
        return float(self.inputs["Q"][tile.batch, tile.head, tile.member, e, self.host.queries(tile)[c]])

    def read(self, cycle: int, tensor: str, tile: Tile, at: int, word: int) -> float:
        """A word of a fetched tile, from the buffer; of memories that take no time it is always there."""
        if tensor == "Q":
            key: Key = ("Q", tile.slot, at, word)
            tag: Any = tile.query_tile
        else:
            tag = self.control.fetch_of[tensor, tile]
            key = (tensor, tag % self.host.copies[tensor], at, word)
        if not self.host.moves[0]:
            return next(v for k, _, v, _ in self.words(tensor, tile) if k == key)
        return self.take(cycle, key, tag)

    def state(self, cycle: int, name: str, tile: Tile, c: int, word: int, start: float) -> float:
        """What the key tile before left in the buffer."""
        if tile not in self.control.before:
            return start
        return self.take(cycle, (name, tile.slot, c, word), self.control.before[tile])

    def keep(self, cycle: int, name: str, tile: Tile, c: int, word: int, value: float) -> None:
        self.send(cycle + self.host.latency("buffer"), (name, tile.slot, c, word), tile, value)

    def drain(self, cycle: int, begun: Begun, j: int, f: int, c: int) -> None:
        """A result below a lane goes to memory, and frees its place."""
        key, tile = ("AV", begun.line.turn % 2, c, j, f), begun.line.tiles[j]
        self.store(tile, c, f, self.take(cycle, key, tile))
        del self.places[key]

    def store(self, tile: Tile, c: int, f: int, value: float) -> None:
        queries = self.host.queries(tile)
        if c < len(queries):
            self.output[tile.batch, tile.head, tile.member, f, queries[c]] = value

    # -------------------------------------------------------------------------------------------------------- elements

    def element(self, cycle: int, begun: Begun, beat: Beat, r: int, c: int) -> None:
        """One native operation in one element."""
        assert begun.issued is not None
        work, line = begun.issued.work, begun.line
        here = (work.unit, r, c)
        assert self.free.get(here, 0) <= cycle, f"cycle {cycle}: {here} is busy when {line.name} {line.group} comes"
        native = work.natives[beat.native]
        self.free[here] = cycle + native.interval
        chain = (line.name, line.group, beat.tile, beat.chain, *here)
        value, ready = self.running.pop(chain, (0.0, 0))
        assert ready <= cycle, f"cycle {cycle}: {chain} has no value before {ready}"
        tile = line.tiles[beat.tile]
        there = cycle + native.latency
        self.end = max(self.end, there)
        if r == c == 0:
            self.happened["first beat", line].append(cycle)
            self.happened["last beat", line].append(cycle)
        if line.name == "SPNV+RNV" and c == self.host.cols - 1:
            self.happened["tile done", line].append(there)
        first = beat.native == 0 and beat.round == 0
        last = beat.native == len(work.natives) - 1 and beat.round == work.rounds - 1
        value = self.operate(cycle, there, begun, beat, tile, value, first, last, r, c)
        if last and c == 0 and line.name in ("LM", "SLD", "SLNV") and r == self.host.rows - 1:
            self.happened["reduction result", line].append(there)
        if last and c == 0 and line.name in ("RM", "RD", "SPNV+RNV"):
            self.happened["state written", line].append(there)
        if not last:
            self.running[chain] = (value, there)

    def operate(
        self,
        cycle: int,
        there: int,
        begun: Begun,
        beat: Beat,
        tile: Tile,
        value: float,
        first: bool,
        last: bool,
        r: int,
        c: int,
    ) -> float:
        line, j, f = begun.line, beat.tile, beat.chain
        at = (cycle, line.group, j)
        match line.name:
            case "QK":
                value += self.product(begun, beat, tile, cycle, r, c)
                if first and not last:
                    self.spoil(line.group, j, r, c)
                if last:
                    score = value if self.seen(tile, r, c) else NEVER
                    self.register(there, "QK", TWO, r, c, line.group, j, 0, score)
            case "LM":
                score = self.registered(*at, Ring("QK", "LM"), r, c)
                self.gather(cycle, there, begun, beat, r, c, max, NEVER, score)
            case "RM":
                above = self.registered(*at, Ring("LM", "RM"), 0, c)
                before = self.state(cycle, "RM", tile, c, 0, NEVER)
                value = max(before, above)
                self.keep(there, "RM", tile, c, 0, value)
                self.register(there, "RM", ONE, 0, c, line.group, j, 0, value, difference(before, value))
            case "SLN":
                if first:
                    score = self.registered(*at, Ring("QK", "SLN"), r, c)
                    value = difference(score, self.registered(*at, Ring("RM", "SLN"), r, c))
                if last:
                    self.register(there, "SLN", TWO, r, c, line.group, j, 0, math.exp(value))
            case "PRM":
                if first:
                    value = self.registered(*at, Ring("RM", "PRM"), 0, c)
                if last:
                    self.register(there, "PRM", ONE, 0, c, line.group, j, 0, math.exp(value))
            case "SLD":
                weight = self.registered(*at, Ring("SLN", "SLD"), r, c)
                self.gather(cycle, there, begun, beat, r, c, lambda a, b: a + b, 0.0, weight)
            case "SPD":
                value = self.registered(*at, Ring("PRM", "SPD"), 0, c) * self.state(cycle, "RD", tile, c, 0, 0.0)
                self.register(there, "SPD", ONE, 0, c, line.group, j, 0, value)
            case "RD":
                value = self.registered(*at, Ring("SPD", "RD"), 0, c) + self.registered(*at, Ring("SLD", "RD"), 0, c)
                self.keep(there, "RD", tile, c, 0, value)
            case "SLNV":
                weight = self.registered(*at, Ring("SLN", "SLNV"), r, c)
                word = self.streamed(begun, beat, tile, "V", f, cycle, r, c)
                self.gather(cycle, there, begun, beat, r, c, lambda a, b: a + b, 0.0, weight * word)
            case "SPNV+RNV":
                if first:
                    value = self.registered(*at, Ring("PRM", "SPNV+RNV"), 0, c)
                    value *= self.state(cycle, "RNV", tile, c, f, 0.0)
                if last:
                    value += self.registered(*at, Ring("SLNV", "SPNV+RNV"), 0, c, f)
                    self.keep(there, "RNV", tile, c, f, value)
            case "AV":
                above, below = self.final(cycle, "RNV", tile, c, f), self.final(cycle, "RD", tile, c, 0)
                value = 0.0 if above == below == 0 else above / below
                if self.host.moves[1]:
                    self.send(there, ("AV", line.turn % 2, c, j, f), tile, value)
                else:
                    self.store(tile, c, f, value)
        return value

    def final(self, cycle: int, name: str, tile: Tile, c: int, word: int) -> float:
        return self.take(cycle, (name, tile.slot, c, word), tile)

    def seen(self, tile: Tile, r: int, c: int) -> bool:
        """Whether a key exists and is visible to a query; queries beyond the last see what they like."""
        keys, queries = self.host.keys(tile), self.host.queries(tile)
        return r < len(keys) and (c >= len(queries) or self.host.visible(queries[c], keys[r]))

    # ------------------------------------------------------------------------------------ registers, wires, return path

    def register(
        self,
        there: int,
        name: str,
        unit: str,
        r: int,
        c: int,
        group: int,
        j: int,
        f: int,
        value: float,
        other: float = 0,
    ) -> None:
        """A result goes to the registers of all that read it; `other` to those that want what it does to the state."""
        host = self.host
        for ring in RINGS:
            if ring.producer != name:
                continue
            place = group % self.control.room(ring)
            if ring == Ring("RM", "SLN"):
                for row in range(host.rows):
                    back = host.rows - row if host.wraps else 1
                    if self.skewed_returns:
                        back = (host.rows if host.wraps else 1) + row * host.hop
                    self.send(there + back, (ring.name, row, c, place, j, f), group, value)
            else:
                self.send(there, (ring.name, r, c, place, j, f), group, other if ring.reader == "PRM" else value)

    def registered(self, cycle: int, group: int, j: int, ring: Ring, r: int, c: int, f: int = 0) -> float:
        return self.take(cycle, (ring.name, r, c, group % self.control.room(ring), j, f), group)

    def spoil(self, group: int, j: int, r: int, c: int) -> None:
        """A sum that is begun in place takes the registers of its result."""
        for ring in RINGS:
            if ring.producer == "QK":
                self.places[ring.name, r, c, group % self.control.room(ring), j, 0] = ("a sum in place", math.nan)

    def gather(
        self, cycle: int, there: int, begun: Begun, beat: Beat, r: int, c: int, combine: Any, nothing: float, own: float
    ) -> None:
        """A partial result comes from the row above, and goes to the one below, or below the array."""
        line = begun.line
        tag = (line.name, line.group, beat.tile, beat.chain)
        above = self.take(cycle, ("partial", r, c), (*tag, cycle)) if r > 0 else nothing
        value = combine(above, own)
        if r < self.host.rows - 1:
            arrival = cycle + self.host.hop
            assert there <= arrival, f"cycle {cycle}: {tag} comes to the next row at {arrival}, but is made at {there}"
            self.send(arrival, ("partial", r + 1, c), (*tag, arrival), value)
        else:
            self.register(there, line.name, TWO, 0, c, line.group, beat.tile, beat.chain, value)

    def product(self, begun: Begun, beat: Beat, tile: Tile, cycle: int, r: int, c: int) -> float:
        """A query comes from above, a key from the left; both go on."""
        tag = (begun.line.group, beat.tile, beat.round)
        if r == 0:
            query = self.read(cycle, "Q", tile, c, beat.round)
        else:
            query = self.take(cycle, ("query", r, c), (*tag, cycle))
        self.send(cycle + self.host.hop, ("query", r + 1, c), (*tag, cycle + self.host.hop), query)
        return query * self.streamed(begun, beat, tile, "K", beat.round, cycle, r, c)

    def streamed(
        self, begun: Begun, beat: Beat, tile: Tile, tensor: str, word: int, cycle: int, r: int, c: int
    ) -> float:
        """A key or value comes from the left and goes on to the right."""
        tag = (begun.line.group, beat.tile, beat.chain, beat.round)
        if c == 0:
            value = self.read(cycle, tensor, tile, r, word)
        else:
            value = self.take(cycle, (f"{tensor} wire", r, c), (*tag, cycle))
        self.send(cycle + 1, (f"{tensor} wire", r, c + 1), (*tag, cycle + 1), value)
        return value


def difference(one: float, other: float) -> float:
    """The exponent's argument: nothing stays nothing."""
    return NEVER if one == NEVER else one - other


@dataclass(frozen=True)
class Reference:
    """What a run shows: the start of every entry of every tile, its end, and the output by batch, heads, words, queries."""

    records: tuple[Record, ...]
    cycles: int
    output: np.ndarray
    events: frozenset[Event] = frozenset()


def attention(
    schedule: Schedule,
    order: Order,
    inputs: Mapping[str, np.ndarray],
    starts: Mapping[tuple[str, int], int] | None = None,
    skewed_fills: bool = True,
    skewed_returns: bool = True,
) -> Reference:
    """Runs attention in one pass on both arrays; with `starts` (by entry and first tile) given by someone else."""
    host = Host(schedule)
    control = Controllers(host, order, starts)
    lines = control.run()
    arrays = Arrays(host, control, inputs, skewed_fills, skewed_returns)
    arrays.run(lines)
    records = tuple(Record(b.line.name, b.line.tiles[0].number, len(b.line.tiles), b.start) for b in lines)
    return Reference(records, arrays.end, arrays.output, frozenset(arrays.events()))
