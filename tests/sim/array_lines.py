"""Controllers of FuseMax's two arrays: what begins when, by the rules of docs/cycle.md.

Each unit, the channel of the outermost memory and each port does its entries in a given order. What the entries of a
cascade read, how a value gets there and which registers it lies in is listed by hand in a module for each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from .array_issue import Issued, issue, slowed
from .array_machine import GATHERED, Host, Tile


@dataclass(frozen=True)
class Order:
    """What an array is given: tiles in a group; each entry's age, and its place within a round.

    `early` are the registers (producer, reader) with a place more, which are let out no earlier than the reader begins.
    """

    group: int
    ages: Mapping[str, int]
    places: Mapping[str, int]
    early: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Ring:
    """A value in registers from one entry to another: room for the groups between them, and one more."""

    producer: str
    reader: str

    @property
    def name(self) -> str:
        return f"{self.producer}>{self.reader}"


def rings(*names: str) -> tuple[Ring, ...]:
    return tuple(Ring(*name.split(">")) for name in names)


@dataclass(frozen=True)
class Line:
    """An entry for the tiles of a group that have it."""

    name: str
    group: int
    tiles: tuple[Tile, ...]
    turn: int  # how many lines of the entry came before


@dataclass(frozen=True)
class Begun:
    """A line that has begun: for an operation its beats; for a transfer how long it takes the channel."""

    line: Line
    start: int
    issued: Issued | None
    busy: int
    done: int  # after the start: in the first element, or of a transfer

    @property
    def end(self) -> int:
        """When it has taken its last operand."""
        return self.start + self.busy


@dataclass
class Controllers(ABC):
    """All lines in order, and their starts. What depends on the cascade is its own controllers'."""

    host: Host
    order: Order
    given: Mapping[tuple[str, int], int] | None = None  # starts by entry and first tile, if they are not to be found
    begun: dict[tuple[str, int], Begun] = field(default_factory=dict)
    stalls: list[tuple[str, int, int, int]] = field(
        default_factory=list
    )  # of a unit: from, to, the tile that came then
    free: dict[str, int] = field(default_factory=dict)

    RINGS: ClassVar[tuple[Ring, ...]] = ()  # values that stay in registers of an element or lane, or below a column
    STATES: ClassVar[Mapping[str, str]] = {}  # who reads the state of the key tile before, made by whom
    FINAL: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # states by who makes them, and who reads their last values
    LATE: ClassVar[Mapping[tuple[str, str], int]] = {}  # operands that are taken by a later native operation
    LAST: ClassVar[tuple[str, ...]] = ()  # entries of tiles with the last keys only
    FETCHED: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # tensors that an entry takes from the buffer

    # ------------------------------------------------------------------------------------- what a cascade has to say

    @property
    @abstractmethod
    def first_users(self) -> dict[str, set[Tile]]:
        """Tiles at which something is fetched."""

    @abstractmethod
    def shares(self, tensor: str, tile: Tile, other: Tile) -> bool:
        """Whether two tiles use one fetch of a tensor."""

    @abstractmethod
    def displaces(self, tensor: str, tile: Tile, other: Tile) -> bool:
        """Whether a fetch comes to where the one of another tile was."""

    @abstractmethod
    def pairs(self, producer: str, reader: str, given: int, wanted: int) -> Iterable[tuple[int, int]]:
        """The numbers of values of a tile, as they are made and as they are taken; the tile's places in both groups."""

    @abstractmethod
    def asked(self, producer: str, reader: str, chain: int) -> int:
        """The chain of a producer whose value a reader's chain takes."""

    # --------------------------------------------------------------------------------------------------------- tiles

    @property
    @abstractmethod
    def groups(self) -> list[tuple[Tile, ...]]:
        """Consecutive tiles of the innermost loop."""

    @cached_property
    def group_of(self) -> dict[Tile, int]:
        return {tile: i for i, group in enumerate(self.groups) for tile in group}

    @cached_property
    def before(self) -> dict[Tile, Tile]:
        """The tile of the same queries with the keys before, if there is one."""
        last: dict[tuple[int, ...], Tile] = {}
        found = {}
        for tile in self.host.tiles:
            if tile.query_tile in last:
                found[tile] = last[tile.query_tile]
            last[tile.query_tile] = tile
        return found

    @cached_property
    def final(self) -> set[Tile]:
        """Tiles with the last keys of their queries."""
        return set(self.host.tiles) - set(self.before.values())

    @cached_property
    def displaced(self) -> dict[Tile, Tile]:
        """The tile whose state lies where a tile's own comes: the last one before it in the same slot."""
        last: dict[tuple[int, int], Tile] = {}
        found = {}
        for tile in self.host.tiles:
            if tile.slot in last:
                found[tile] = last[tile.slot]
            last[tile.slot] = tile
        return found

    # --------------------------------------------------------------------------------------------------------- order

    def lines(self) -> Iterator[Line]:
        """Round after round: an entry of age a does group i - a in round i."""
        order, turns = self.order, dict.fromkeys(self.order.ages, 0)
        for number in range(len(self.groups) + max(order.ages.values())):
            for name in sorted(order.ages, key=lambda n: order.places[n]):
                group = number - order.ages[name]
                if not 0 <= group < len(self.groups):
                    continue
                tiles = tuple(t for t in self.groups[group] if self.has(name, t))
                if tiles:
                    yield Line(name, group, tiles, turns[name])
                    turns[name] += 1

    def has(self, name: str, tile: Tile) -> bool:
        if name in self.LAST:
            return tile in self.final
        return tile in self.first_users.get(name, {tile})

    def run(self) -> list[Begun]:
        return [self.begin(line) for line in self.lines()]

    # -------------------------------------------------------------------------------------------------------- starts

    def begin(self, line: Line) -> Begun:
        """Starts a line as soon as all that it needs is there."""
        host, count = self.host, len(line.tiles)
        held = {f"port {port}": rows for port, rows in host.port_rows(line.name, count).items()}
        held |= host.streamed(line.name, count)
        slowest = max(held.values(), default=0)
        if line.name in host.works:
            work = host.works[line.name]
            issued = slowed(issue(work, count), slowest)
            limits = [
                *self.operands(line),
                *self.registers(line, issued),
                *self.memory(line),
                *self.state(line, issued),
            ]
            held[work.unit] = issued.busy if host.schedule.fold_overlap else issued.last + host.skew(work.unit)
            found = Begun(line, 0, issued, issued.busy, issued.last)
        else:
            tensor = line.name.split()[1]
            busy = host.channel_cycles(tensor, count)
            held["dram"] = busy
            busy = max(busy, slowest)
            limits = list(self.results(line, busy) if tensor == "AV" else self.space(line))
            late = 0 if tensor == "AV" else host.latency("dram")
            found = Begun(line, 0, None, busy, busy + late)
        limits += [0, *(self.free.get(resource, 0) for resource in held)]
        start = max(limits) if self.given is None else self.given[line.name, line.tiles[0].number]
        begun = Begun(line, start, found.issued, found.busy, found.done)
        unit = host.works[line.name].unit if line.name in host.works else None
        if unit is not None and begun.start > self.free.get(unit, 0):
            self.stalls.append((unit, self.free.get(unit, 0), begun.start, line.tiles[0].number))
        for resource, cycles in held.items():
            self.free[resource] = begun.start + cycles
        self.begun[line.name, line.group] = begun
        return begun

    def operands(self, line: Line) -> Iterator[int]:
        """Values from other entries: each is there when it is taken."""
        latency = self.host.latency("buffer")
        for tile in line.tiles:
            for ring in self.RINGS:
                if ring.reader == line.name:
                    yield from self.values(line, tile, ring.producer, tile, self.way(ring))
            if line.name in self.STATES and tile in self.displaced:
                # at the first key tile another query tile's: the initial value is put in its place
                yield from self.values(line, tile, self.STATES[line.name], self.displaced[tile], latency)
            for state, readers in self.FINAL.items():
                if line.name in readers:
                    yield from self.values(line, tile, state, tile, latency)

    def way(self, ring: Ring) -> int:
        """Cycles from a result in the first element, or at lane 0, to where it is taken."""
        if ring.producer in GATHERED:
            return self.host.descent
        if ring == Ring("RM", "SLN"):
            return self.host.rows if self.host.wraps else 1
        return 0

    def values(self, line: Line, tile: Tile, producer: str, made: Tile, way: int) -> Iterator[int]:
        """The start that each value of a tile asks for, made and taken at the quickest pace."""
        maker = self.begun[producer, self.group_of[made]]
        assert maker.issued is not None
        work = self.host.works[line.name]
        native = self.LATE.get((producer, line.name), 0)
        taken = issue(work, len(line.tiles)).begins(native)
        places = maker.line.tiles.index(made), line.tiles.index(tile)
        for given, wanted in self.pairs(producer, line.name, *places):
            yield (
                maker.start
                + maker.issued.first
                + given * maker.issued.work.natives[-1].interval
                + way
                - taken
                - wanted * work.natives[native].interval
            )

    def room(self, ring: Ring) -> int:
        more = (ring.producer, ring.reader) in self.order.early
        return self.order.ages[ring.reader] - self.order.ages[ring.producer] + 1 + more

    def registers(self, line: Line, issued: Issued) -> Iterator[int]:
        """A value lands when the readers of what was there have ended; a sum in place lies there at once."""
        for ring in self.RINGS:
            reader = self.begun.get((ring.reader, line.group - self.room(ring)))
            if ring.producer == line.name and reader is not None:
                lands = 0 if issued.work.rounds > 1 else issued.lands + self.way(ring)
                yield reader.end - lands
                if (ring.producer, ring.reader) in self.order.early:
                    yield reader.start
        taken = self.begun.get(("drain AV", self.group_of_turn("AV", line.turn - 2)))
        if line.name == "AV" and taken is not None:
            yield taken.end - (0 if self.host.in_rows else issued.first)

    def state(self, line: Line, issued: Issued) -> Iterator[int]:
        """A state lands where an earlier one was when whoever reads that one's last value has ended."""
        for tile in line.tiles if line.name in self.FINAL else ():
            other = self.displaced.get(tile)
            if other is not None and other.query_tile != tile.query_tile:
                for name in self.FINAL[line.name]:
                    reader = self.begun.get((name, self.group_of[other]))
                    if reader is not None:
                        yield reader.end - issued.lands

    def group_of_turn(self, name: str, turn: int) -> int:
        """The group that had an entry the so-many-th time."""
        return next((b.line.group for (n, _), b in self.begun.items() if n == name and b.line.turn == turn), -1)

    # ------------------------------------------------------------------------------------------------------ transfers

    def memory(self, line: Line) -> Iterator[int]:
        """Fetched tiles are there completely."""
        for tensor in self.FETCHED.get(line.name, ()) if self.host.moves[0] else ():
            for tile in line.tiles:
                fill = self.begun[f"fill {tensor}", self.fetched_at(tensor, tile)]
                yield fill.start + fill.done

    def fetched_at(self, tensor: str, tile: Tile) -> int:
        """The group in which what a tile uses is fetched."""
        for other in self.first_users[f"fill {tensor}"]:
            if self.shares(tensor, tile, other):
                return self.group_of[other]
        raise AssertionError("nothing is used without a fetch")

    def space(self, line: Line) -> Iterator[int]:
        """A tile is fetched when whoever reads the tile that was there has ended."""
        tensor = line.name.split()[1]
        user = next(name for name, tensors in self.FETCHED.items() if tensor in tensors)
        for tile in line.tiles:
            for other in self.host.tiles:
                if other.number < tile.number and self.displaces(tensor, tile, other):
                    yield self.begun[user, self.group_of[other]].end

    def results(self, line: Line, busy: int) -> Iterator[int]:
        """Results go when the first is there, and the last one is there in the last cycle; in rows, in the last lane."""
        maker = self.begun["AV", line.group]
        assert maker.issued is not None
        skew = self.host.skew(maker.issued.work.unit) if self.host.in_rows else 0
        yield maker.start + maker.issued.first + skew
        yield maker.start + maker.issued.last + skew - max(busy - 1, 0)
