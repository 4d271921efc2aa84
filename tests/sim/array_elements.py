"""Elements, lanes, wires, registers and the buffer of FuseMax's two arrays, cycle by cycle: slow and plain.

Controllers say when each entry begins in element (0, 0). Everything else happens here: every element does its native
operations, takes each operand from a neighbour in this very cycle, from registers or from the buffer, and hands results
on. A value has a tag (whose it is); an operand that is not there, or no longer there, is an `AssertionError` with the
element and the cycle. The numbers are real, so the output can be checked.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.events import Event
from sim.running import Record

from .array_issue import Beat, Work
from .array_lines import Begun, Controllers, Line, Ring
from .array_machine import GATHERED, TWO, Host, Tile

NEVER = -math.inf  # the maximum of nothing
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Now:
    """One native operation in one element: `value` is what its chain has so far, `there` when the result is there."""

    cycle: int
    there: int
    begun: Begun
    beat: Beat
    r: int
    c: int
    value: float

    @property
    def line(self) -> Line:
        return self.begun.line

    @property
    def tile(self) -> Tile:
        return self.begun.line.tiles[self.beat.tile]

    @property
    def first(self) -> bool:
        return self.beat.native == 0 and self.beat.round == 0

    @property
    def last(self) -> bool:
        assert self.begun.issued is not None
        work = self.begun.issued.work
        return self.beat.native == len(work.natives) - 1 and self.beat.round == work.rounds - 1


@dataclass
class Elements(ABC):
    """Both arrays, the buffer and the channel. What the entries of a cascade do is its own elements'.

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

    # ------------------------------------------------------------------------------------- what a cascade has to say

    @property
    @abstractmethod
    def does(self) -> Mapping[str, Callable[[Now], float]]:
        """What each entry does with the value of a chain."""

    @property
    def result_lanes(self) -> int:
        """Lanes that have results for the outermost memory."""
        return self.host.lanes

    def idle(self, work: Work, c: int) -> bool:
        """Whether a lane has nothing to do for an entry but to keep time."""
        return False

    @abstractmethod
    def words(self, tensor: str, tile: Tile) -> list[tuple[Key, Any, float, int]]:
        """A tile's words in the buffer: where, whose, what, and how much later than the first they are used."""

    @abstractmethod
    def store(self, tile: Tile, c: int, chain: int, value: float) -> None:
        """A result comes to the outermost memory."""

    # ------------------------------------------------------------------------------------------------------ the clock

    def run(self, lines: list[Begun]) -> None:
        self.output = np.zeros(tuple(self.host.sizes[rank] for rank in "bngfp"))
        agenda: dict[int, list[tuple[Begun, Beat, int, int]]] = defaultdict(list)
        drains: dict[int, list[tuple[Begun, int, int, int]]] = defaultdict(list)
        for begun in lines:
            if begun.issued is not None:
                rows, cols = self.host.shape(begun.issued.work.unit)
                for beat in begun.issued.beats:
                    for r in range(rows):
                        for c in range(cols):
                            agenda[begun.start + beat.time + r * self.host.hop + c].append((begun, beat, r, c))
            elif begun.line.name == "drain AV":
                self.end = max(self.end, begun.end)
                self.happened["result accepted", begun.line].append(begun.end)
                values = [(j, f) for j in range(len(begun.line.tiles)) for f in range(self.host.works["AV"].chains)]
                for i, (j, f) in enumerate(values):  # the first as it begins, the last in its last cycle
                    at = begun.start + max(begun.busy - 1, 0) * i // max(len(values) - 1, 1)
                    for c in range(self.result_lanes):
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
        there = cycle + native.latency
        self.end = max(self.end, there)
        now = Now(cycle, there, begun, beat, r, c, value)
        self.notes(now)
        value = 0.0 if self.idle(work, c) else self.does[line.name](now)
        if not now.last:
            self.running[chain] = (value, there)

    def notes(self, now: Now) -> None:
        """Events of a native operation."""
        line, (rows, cols) = now.line, self.host.shape(self.host.works[now.line.name].unit)
        if now.r == now.c == 0:
            self.happened["first beat", line].append(now.cycle)
            self.happened["last beat", line].append(now.cycle)
        if line.name == "SPNV+RNV" and now.c == cols - 1:
            self.happened["tile done", line].append(now.there)
        if now.last and now.c == 0 and line.name in GATHERED and now.r == rows - 1:
            self.happened["reduction result", line].append(now.there)
        if now.last and now.c == 0 and line.name in self.control.STATES.values():
            self.happened["state written", line].append(now.there)

    # ------------------------------------------------------------------------------------------------------- memories

    def fetch(self, begun: Begun) -> None:
        """Tiles come into the buffer."""
        there = begun.start + begun.done
        for tile in begun.line.tiles:
            for key, tag, value, late in self.words(begun.line.name.split()[1], tile):
                self.send(there + (late if self.skewed_fills else 0), key, tag, value)
        assert self.host.moves[0]

    def state(self, now: Now, maker: str, start: float) -> float:
        """What the key tile before left in the buffer."""
        if now.tile not in self.control.before:
            return start
        word = self.control.asked(maker, now.line.name, now.beat.chain)
        return self.take(now.cycle, (maker, now.tile.slot, now.c, word), self.control.before[now.tile])

    def keep(self, now: Now, value: float) -> None:
        """A new state goes to the buffer."""
        key = (now.line.name, now.tile.slot, now.c, now.beat.chain)
        self.send(now.there + self.host.latency("buffer"), key, now.tile, value)

    def final(self, now: Now, maker: str, c: int, word: int) -> float:
        """The last value of a state, from the buffer."""
        return self.take(now.cycle, (maker, now.tile.slot, c, word), now.tile)

    def result(self, now: Now, value: float) -> None:
        """A result waits below its lane until the outermost memory takes it."""
        if self.host.moves[1]:
            key = ("AV", now.line.turn % 2, now.c, now.beat.tile, now.beat.chain)
            self.send(now.there, key, now.tile, value)
        else:
            self.store(now.tile, now.c, now.beat.chain, value)

    def drain(self, cycle: int, begun: Begun, j: int, f: int, c: int) -> None:
        """A result below a lane goes to memory, and frees its place."""
        key, tile = ("AV", begun.line.turn % 2, c, j, f), begun.line.tiles[j]
        self.store(tile, c, f, self.take(cycle, key, tile))
        del self.places[key]

    # ------------------------------------------------------------------------------------ registers, wires, return path

    def register(self, now: Now, value: float, other: float = 0) -> None:
        """A result goes to the registers of all that read it; `other` to those that want what it does to the state."""
        host, name = self.host, now.line.name
        row = 0 if name in GATHERED else now.r  # below the column
        for ring in self.control.RINGS:
            if ring.producer != name:
                continue
            where = (now.line.group % self.control.room(ring), now.beat.tile, now.beat.chain)
            if ring == Ring("RM", "SLN"):
                for r in range(host.rows):
                    back = host.rows - r if host.wraps else 1
                    if self.skewed_returns:
                        back = (host.rows if host.wraps else 1) + r * host.hop
                    self.send(now.there + back, (ring.name, r, now.c, *where), now.line.group, value)
            else:
                own = other if ring.reader == "PRM" else value
                self.send(now.there, (ring.name, row, now.c, *where), now.line.group, own)

    def registered(self, now: Now, producer: str, lane: int | None = None, word: int | None = None) -> float:
        """An operand from registers: of this element or column, unless a lane is named, and this chain's own word."""
        ring = Ring(producer, now.line.name)
        row = now.r if self.host.works[ring.reader].unit == TWO else 0
        column = now.c if lane is None else lane
        wanted = self.control.asked(producer, ring.reader, now.beat.chain) if word is None else word
        place = now.line.group % self.control.room(ring)
        return self.take(now.cycle, (ring.name, row, column, place, now.beat.tile, wanted), now.line.group)

    def spoil(self, now: Now) -> None:
        """A sum that is begun in place takes the registers of its result."""
        for ring in self.control.RINGS:
            if ring.producer == now.line.name:
                place = now.line.group % self.control.room(ring)
                key = (ring.name, now.r, now.c, place, now.beat.tile, now.beat.chain)
                self.places[key] = ("a sum in place", math.nan)

    def gather(self, now: Now, combine: Callable[[float, float], float], nothing: float, own: float) -> None:
        """A partial result comes from the row above, and goes to the one below, or below the array."""
        line, r, c = now.line, now.r, now.c
        tag = (line.name, line.group, now.beat.tile, now.beat.chain)
        above = self.take(now.cycle, ("partial", r, c), (*tag, now.cycle)) if r > 0 else nothing
        value = combine(above, own)
        if r < self.host.rows - 1:
            arrival = now.cycle + self.host.hop
            late = f"cycle {now.cycle}: {tag} comes to the next row at {arrival}, but is made at {now.there}"
            assert now.there <= arrival, late
            self.send(arrival, ("partial", r + 1, c), (*tag, arrival), value)
        else:
            self.register(now, value)


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
    stalls: frozenset[tuple[str, int, int, int]] = frozenset()  # of a unit: from, to, the tile that came then


def reference(elements: Elements) -> Reference:
    """A run of both arrays, as their controllers say."""
    lines = elements.control.run()
    elements.run(lines)
    records = tuple(Record(b.line.name, b.line.tiles[0].number, len(b.line.tiles), b.start) for b in lines)
    happened, stalls = frozenset(elements.events()), frozenset(elements.control.stalls)
    return Reference(records, elements.end, elements.output, happened, stalls)
