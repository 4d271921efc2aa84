"""The controllers of attention's arrays: what begins when, by the rules of docs/cycle.md, written out for one cascade.

Each unit, the channel of the outermost memory and each port does its entries in a given order. What an entry of
attention reads, how a value gets there and which registers it lies in is listed here by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import ceil

from mappings import Schedule

from .array_issue import Issued, Work, issue, slowed, works

TWO, ONE = "array_2d", "array_1d"


@dataclass(frozen=True)
class Tile:
    """One iteration of all loops, in their order."""

    batch: int
    head: int
    p2: int
    m1: int
    member: int  # of the query heads that share keys
    p1: int
    number: int = 0

    @property
    def query_tile(self) -> tuple[int, ...]:
        return self.batch, self.head, self.p2, self.member, self.p1

    @property
    def key_tile(self) -> tuple[int, ...]:
        return self.batch, self.head, self.p2, self.m1

    @property
    def slot(self) -> tuple[int, int]:
        """Where in the buffer the query tile and its state lie."""
        return self.member, self.p1


@dataclass(frozen=True)
class Order:
    """What an array is given: tiles in a group; each entry's age, and its place within a round."""

    group: int
    ages: Mapping[str, int]
    places: Mapping[str, int]


@dataclass(frozen=True)
class Ring:
    """A value in registers from one entry to another: room for the groups between them, and one more."""

    producer: str
    reader: str

    @property
    def name(self) -> str:
        return f"{self.producer}>{self.reader}"


# Values that stay in registers of an element or lane, or below a column.
RINGS = tuple(
    Ring(*name.split(">"))
    for name in (
        "QK>LM", "QK>SLN", "LM>RM", "RM>SLN", "RM>PRM", "SLN>SLD", "SLN>SLNV", "PRM>SPD", "PRM>SPNV+RNV", "SPD>RD",
        "SLD>RD", "SLNV>SPNV+RNV",
    )
)  # fmt: skip
STATES = {"RM": "RM", "SPD": "RD", "SPNV+RNV": "SPNV+RNV"}  # who reads the state of the key tile before, made by whom
LATE = {("SLNV", "SPNV+RNV"): 1}  # operands that are taken by another native operation than the first
CHAINED = {("SLNV", "SPNV+RNV"), ("SPNV+RNV", "SPNV+RNV"), ("SPNV+RNV", "AV")}  # values of which each chain takes one


@dataclass(frozen=True)
class Host:
    """The numbers of a machine and of the tiles of a schedule."""

    schedule: Schedule

    @cached_property
    def units(self) -> dict[str, object]:
        return dict(self.schedule.machine.units)

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {name: int(family.size) for name, family in self.schedule.families.items()}

    @cached_property
    def rows(self) -> int:
        return int(self.schedule.machine.units[TWO].axes["rows"])

    @cached_property
    def cols(self) -> int:
        return int(self.schedule.machine.units[TWO].axes["cols"])

    @cached_property
    def query_tiles(self) -> int:
        """Query tiles that the buffer holds of each head."""
        part = self.schedule.families["p"].part("p1")
        return int(self.schedule.families["p"].part("p2").chunk) // int(part.chunk)

    @cached_property
    def works(self) -> dict[str, Work]:
        return works(dict(self.schedule.machine.units), self.sizes["e"], self.sizes["f"])

    @cached_property
    def hop(self) -> int:
        unit = self.schedule.machine.units[TWO]
        gathered = [self.works[name].natives[-1].latency for name in ("LM", "SLD", "SLNV")]
        return max(gathered) if unit.hop is None else int(unit.hop)

    @property
    def descent(self) -> int:
        return (self.rows - 1) * self.hop

    @property
    def wraps(self) -> bool:
        return self.schedule.machine.units[TWO].return_path == "wrap"

    def skew(self, unit: str) -> int:
        return self.cols - 1 + (self.descent if unit == TWO else 0)

    def latency(self, memory: str) -> int:
        seconds = self.schedule.machine.memories[memory].latency_s
        return 0 if seconds is None else ceil(round(float(seconds) * float(self.schedule.machine.clock_hz), 6))

    def bits(self, tensor: str) -> int:
        return int(self.schedule.types[tensor].storage.bits)

    def words(self, tensor: str) -> int:
        """Words of a full tile that moves."""
        along_rows, along_cols = min(self.rows, self.sizes["m"]), min(self.cols, self.sizes["p"])
        return {
            "Q": self.sizes["e"] * along_cols,
            "K": self.sizes["e"] * along_rows,
            "V": self.sizes["f"] * along_rows,
            "AV": self.sizes["f"] * along_cols,
        }[tensor]

    def channel_cycles(self, tensor: str, tiles: int) -> int:
        """Cycles of the outermost memory for so many tiles."""
        machine = self.schedule.machine
        bandwidth = machine.memories["dram"].bandwidth_bytes_per_s
        if bandwidth is None:
            return 0
        moved = -(-self.words(tensor) * tiles * self.bits(tensor) // 8)
        return ceil(Fraction(moved) * Fraction(machine.clock_hz) / Fraction(bandwidth))

    @cached_property
    def moves(self) -> tuple[bool, bool]:
        """Whether fills, and drains, take any time."""
        memories = self.schedule.machine.memories
        limited = memories["dram"].bandwidth_bytes_per_s is not None or self.latency("dram") > 0
        return limited or memories["buffer"].ports is not None, limited

    @cached_property
    def copies(self) -> dict[str, int]:
        """Copies of the tiles of keys and values: two where there is room, the smallest first."""
        size = self.schedule.machine.memories["buffer"].size_bytes
        kept = {k.tensor: int(k.size_bytes) for k in self.schedule.kept if k.level == "buffer"}
        spare = None if size is None else int(size) - sum(kept.values())
        found = {}
        for tensor in sorted(("K", "V"), key=lambda t: kept[t]):
            fits = spare is None or kept[tensor] <= spare
            found[tensor] = 2 if fits else 1
            if fits and spare is not None:
                spare -= kept[tensor]
        return found

    # ------------------------------------------------------------------------------------------------------- ports

    def port_rows(self, name: str, tiles: int) -> dict[str, int]:
        """Rows of the buffer that an entry touches, by port. Only for memories where that is no choice."""
        memory = self.schedule.machine.memories["buffer"]
        if memory.ports is None:
            return {}
        assert memory.ports in (("RW",), ("R", "W")) and int(memory.banks) == 1
        e, f = self.sizes["e"], self.sizes["f"]
        along_rows, along_cols = min(self.rows, self.sizes["m"]), min(self.cols, self.sizes["p"])
        whole = {tensor: self._rows(tensor, self.words(tensor)) for tensor in ("Q", "K", "V")}
        touched = {
            "fill Q": {"W": whole["Q"]},
            "fill K": {"W": whole["K"]},
            "fill V": {"W": whole["V"]},
            "QK": {"R": e * (self._rows("Q", along_cols) + self._rows("K", along_rows))},
            "RM": {"R": self._rows("RM", along_cols), "W": self._rows("RM", along_cols)},
            "PRM": {"R": self._rows("RM", along_cols)},
            "SPD": {"R": self._rows("RD", along_cols)},
            "RD": {"W": self._rows("RD", along_cols)},
            "SLNV": {"R": f * self._rows("V", along_rows)},
            "SPNV+RNV": {"R": f * self._rows("RNV", along_cols), "W": f * self._rows("RNV", along_cols)},
            "AV": {"R": f * self._rows("RNV", along_cols) + self._rows("RD", along_cols)},
        }.get(name, {})
        found: dict[str, int] = {}
        for action, rows in touched.items():
            port = next(port for port in memory.ports if action in port)
            found[port] = found.get(port, 0) + rows * tiles
        return found

    def _rows(self, tensor: str, words: int) -> int:
        return -(-words * self.bits(tensor) // int(self.schedule.machine.memories["buffer"].row_bits))

    # ------------------------------------------------------------------------------------------------------- tiles

    def visible(self, query: int, key: int) -> bool:
        band = self.schedule.band
        if band is None:
            return True
        return (band.low is None or key - query >= band.low) and (band.high is None or key - query <= band.high)

    @cached_property
    def tiles(self) -> list[Tile]:
        """Every tile with a query that sees a key, in the order of the loops."""
        sizes, block = self.sizes, self.cols * self.query_tiles
        spaces = (
            range(sizes["b"]), range(sizes["n"]), range(-(-sizes["p"] // block)), range(-(-sizes["m"] // self.rows)),
            range(sizes["g"]), range(self.query_tiles),
        )  # fmt: skip
        found: list[Tile] = []
        for indices in product(*spaces):
            tile = Tile(*indices, number=len(found))
            if any(self.visible(q, k) for q in self.queries(tile) for k in self.keys(tile)):
                found.append(tile)
        return found

    def queries(self, tile: Tile) -> range:
        low = (tile.p2 * self.query_tiles + tile.p1) * self.cols
        return range(low, min(low + self.cols, self.sizes["p"]))

    def keys(self, tile: Tile) -> range:
        low = tile.m1 * self.rows
        return range(low, min(low + self.rows, self.sizes["m"]))


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
class Controllers:
    """All lines in order, and their starts."""

    host: Host
    order: Order
    given: Mapping[tuple[str, int], int] | None = None  # starts by entry and first tile, if they are not to be found
    begun: dict[tuple[str, int], Begun] = field(default_factory=dict)
    free: dict[str, int] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[tuple[Tile, ...]]:
        """Consecutive tiles of the innermost loop."""
        rows: dict[tuple[int, ...], list[Tile]] = {}
        for tile in self.host.tiles:
            rows.setdefault((*tile.key_tile, tile.member), []).append(tile)
        size = self.order.group
        return [tuple(row[i : i + size]) for row in rows.values() for i in range(0, len(row), size)]

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
    def fetch_of(self) -> dict[tuple[str, Tile], int]:
        """Number of the fetch of keys or values that a tile uses."""
        keys = {key: i for i, key in enumerate(dict.fromkeys(tile.key_tile for tile in self.host.tiles))}
        return {(tensor, tile): keys[tile.key_tile] for tile in self.host.tiles for tensor in ("K", "V")}

    @cached_property
    def first_users(self) -> dict[str, set[Tile]]:
        """Tiles at which something is fetched."""
        keys: dict[tuple[int, ...], Tile] = {}
        for tile in self.host.tiles:
            keys.setdefault(tile.key_tile, tile)
        fetched = set(keys.values())
        return {"fill Q": set(self.host.tiles) - set(self.before), "fill K": fetched, "fill V": fetched}

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
        if name in ("AV", "drain AV"):
            return tile in self.final
        return tile in self.first_users.get(name, {tile})

    def run(self) -> list[Begun]:
        return [self.begin(line) for line in self.lines()]

    # -------------------------------------------------------------------------------------------------------- starts

    def begin(self, line: Line) -> Begun:
        """Starts a line as soon as all that it needs is there."""
        host, count = self.host, len(line.tiles)
        ports = host.port_rows(line.name, count)
        slowest = max(ports.values(), default=0)
        held = {f"port {port}": rows for port, rows in ports.items()}
        limits = [0]
        if line.name in host.works:
            work = host.works[line.name]
            issued = slowed(issue(work, count), slowest)
            limits += [
                *self.operands(line),
                *self.registers(line, issued),
                *self.memory(line),
                *self.state(line, issued),
            ]
            overlap = host.schedule.fold_overlap
            held[work.unit] = issued.busy if overlap else issued.last + host.skew(work.unit)
            found = Begun(line, 0, issued, issued.busy, issued.last)
        else:
            tensor = line.name.split()[1]
            busy = host.channel_cycles(tensor, count)
            held["dram"] = busy
            busy = max(busy, slowest)
            limits += self.results(line, busy) if tensor == "AV" else self.space(line)
            late = 0 if tensor == "AV" else host.latency("dram")
            found = Begun(line, 0, None, busy, busy + late)
        limits += [self.free.get(resource, 0) for resource in held]
        start = max(limits) if self.given is None else self.given[line.name, line.tiles[0].number]
        begun = Begun(line, start, found.issued, found.busy, found.done)
        for resource, cycles in held.items():
            self.free[resource] = begun.start + cycles
        self.begun[line.name, line.group] = begun
        return begun

    def operands(self, line: Line) -> Iterator[int]:
        """Values from other entries: the first one is there when it is taken, and so is the last."""
        for ring in RINGS:
            if ring.reader == line.name:
                for tile in line.tiles:
                    yield from self.values(line, tile, ring.producer, tile, self.way(ring))
        latency = self.host.latency("buffer")
        for tile in line.tiles:
            if line.name in STATES:
                earlier = [t for t in self.host.tiles if t.number < tile.number and t.slot == tile.slot]
                if earlier:  # at the first key tile another query tile's: the initial value is put in its place
                    yield from self.values(line, tile, STATES[line.name], earlier[-1], latency)
            if line.name == "AV":
                for state in ("SPNV+RNV", "RD"):
                    yield from self.values(line, tile, state, tile, latency)

    def way(self, ring: Ring) -> int:
        """Cycles from a result in the first element, or at lane 0, to where it is taken."""
        if ring.producer in ("LM", "SLD", "SLNV"):
            return self.host.descent
        if ring == Ring("RM", "SLN"):
            return self.host.rows if self.host.wraps else 1
        return 0

    def values(self, line: Line, tile: Tile, producer: str, made: Tile, way: int) -> Iterator[int]:
        """The start that each value of a tile asks for, made and taken at the quickest pace."""
        maker = self.begun[producer, self.group_of[made]]
        assert maker.issued is not None
        work = self.host.works[line.name]
        native = LATE.get((producer, line.name), 0)
        taken = issue(work, len(line.tiles)).begins(native)
        count = work.chains if (producer, line.name) in CHAINED else 1
        for value in range(count):
            given = maker.line.tiles.index(made) * count + value
            wanted = line.tiles.index(tile) * count + value
            yield (
                maker.start
                + maker.issued.first
                + given * maker.issued.work.natives[-1].interval
                + way
                - taken
                - wanted * work.natives[native].interval
            )

    def room(self, ring: Ring) -> int:
        return self.order.ages[ring.reader] - self.order.ages[ring.producer] + 1

    def registers(self, line: Line, issued: Issued) -> Iterator[int]:
        """A value lands when the readers of what was there have ended; a sum in place lies there at once."""
        for ring in RINGS:
            reader = self.begun.get((ring.reader, line.group - self.room(ring)))
            if ring.producer == line.name and reader is not None:
                lands = 0 if issued.work.rounds > 1 else min(issued.results) + self.way(ring)
                yield reader.end - lands
        taken = self.begun.get(("drain AV", self.group_of_turn("AV", line.turn - 2)))
        if line.name == "AV" and taken is not None:
            yield taken.end - issued.first

    def state(self, line: Line, issued: Issued) -> Iterator[int]:
        """A state lands where an earlier one was when the division that reads that one's last value has ended."""
        for tile in line.tiles if line.name in ("SPNV+RNV", "RD") else ():
            earlier = [t for t in self.host.tiles if t.number < tile.number and t.slot == tile.slot]
            if earlier and earlier[-1].query_tile != tile.query_tile:
                reader = self.begun.get(("AV", self.group_of[earlier[-1]]))
                if reader is not None:
                    yield reader.end - min(issued.results)

    def group_of_turn(self, name: str, turn: int) -> int:
        """The group that had an entry the so-many-th time."""
        return next((b.line.group for (n, _), b in self.begun.items() if n == name and b.line.turn == turn), -1)

    def memory(self, line: Line) -> Iterator[int]:
        """Fetched tiles are there completely."""
        tensors = {"QK": ("Q", "K"), "SLNV": ("V",)}.get(line.name, ())
        if not self.host.moves[0]:
            return
        for tensor in tensors:
            for tile in line.tiles:
                fill = self.begun[f"fill {tensor}", self.fetched_at(tensor, tile)]
                yield fill.start + fill.done

    def fetched_at(self, tensor: str, tile: Tile) -> int:
        """The group in which what a tile uses is fetched."""
        for other in self.first_users[f"fill {tensor}"]:
            same = other.query_tile == tile.query_tile if tensor == "Q" else other.key_tile == tile.key_tile
            if same:
                return self.group_of[other]
        raise AssertionError("nothing is used without a fetch")

    def space(self, line: Line) -> Iterator[int]:
        """A tile is fetched when whoever reads the tile that was there has ended."""
        tensor = line.name.split()[1]
        user = "SLNV" if tensor == "V" else "QK"
        for tile in line.tiles:
            for other in self.host.tiles:
                if other.number < tile.number and self.displaces(tensor, tile, other):
                    yield self.begun[user, self.group_of[other]].end

    def displaces(self, tensor: str, tile: Tile, other: Tile) -> bool:
        """Whether a fetch comes to where the one of another tile was."""
        if tensor == "Q":
            return tile.slot == other.slot and tile.query_tile != other.query_tile
        copies = self.host.copies[tensor]
        return self.fetch_of[tensor, tile] - copies == self.fetch_of[tensor, other]

    def results(self, line: Line, busy: int) -> Iterator[int]:
        """Results go when the first is there, and the last one is there in the last cycle."""
        maker = self.begun["AV", line.group]
        assert maker.issued is not None
        yield maker.start + maker.issued.first
        yield maker.start + maker.issued.last - max(busy - 1, 0)
