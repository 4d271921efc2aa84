"""What lanes are told when, as a controller could: every beat at a drawn cycle that its operands and places allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from random import Random

from rtl.design import Design, LaneOp
from rtl.model import Attention

Beat = tuple[str, int, int]  # a lane's operation or an arriving tensor, number of the tile, step or feature
Event = tuple[int, str, int, int, int]  # cycle, probe, column, feature, value


@dataclass(frozen=True)
class Tile:
    """A query tile meets a key tile; `before` is the number of the tile that used the same states last."""

    query_tile: int
    key_tile: int
    slot: int
    before: int | None


def tiles_of(query_tiles: int, key_tiles: int, slots: int) -> list[Tile]:
    """As many query tiles as there are slots go by turns through the key tiles, then the next ones.

    >>> [(tile.query_tile, tile.key_tile, tile.before) for tile in tiles_of(3, 2, 2)]
    [(0, 0, None), (1, 0, None), (0, 1, 0), (1, 1, 1), (2, 0, 2), (2, 1, 4)]
    """
    found: list[Tile] = []
    last: dict[int, int] = {}
    for first in range(0, query_tiles, slots):
        for key_tile in range(key_tiles):
            for query_tile in range(first, min(first + slots, query_tiles)):
                slot = query_tile % slots
                found.append(Tile(query_tile, key_tile, slot, last.get(slot)))
                last[slot] = len(found) - 1
    return found


@dataclass(frozen=True)
class Program:
    """Beats of lane 0, drawn by `seed`, for tiles of a run whose queries are whole tiles of the design's columns."""

    design: Design
    run: Attention
    tiles: list[Tile]
    seed: int

    @property
    def features(self) -> int:
        return self.design.formats.value_dim

    @property
    def last_step(self) -> int:
        return self.design.factor_steps - 1

    def ends(self, number: int) -> bool:
        """Whether a tile is the last of its query tile."""
        return self.tiles[number].key_tile == len(self.run["LM"]) - 1

    @cached_property
    def cycles(self) -> dict[Beat, int]:
        """The cycle of every beat; that of an arrival is the one at whose end it is stored."""
        random, found = Random(self.seed), dict[Beat, int]()
        needs = {beat: list(self._needs(beat)) for beat in self._beats()}
        for chain in self._chains(random):
            for (before, gap), (beat, _) in pairwise(chain):
                needs[beat].append((before, gap))
        sorter = TopologicalSorter({beat: [other for other, _ in bounds] for beat, bounds in needs.items()})
        sorter.prepare()
        ready, taken = list[Beat](), set[tuple[str, int]]()
        while sorter.is_active():
            ready += sorter.get_ready()
            beat = ready.pop(random.randrange(len(ready)))
            port = "command" if beat[0] in LaneOp.__members__ else beat[0]
            cycle = max((found[other] + gap for other, gap in needs[beat]), default=0)
            cycle = max(0, cycle + random.choice((0, 0, 0, 0, 1, 6)))
            while (port, cycle) in taken:
                cycle += 1
            taken.add((port, cycle))
            found[beat] = cycle
            sorter.done(beat)
        return found

    def _beats(self) -> Iterator[Beat]:
        for number in range(len(self.tiles)):
            yield from ((name, number, 0) for name in ("LM", "SLD", "MAXIMUM", "DECAY", "DENOMINATOR"))
            yield from (("FACTOR", number, step) for step in range(self.last_step + 1))
            names = ["SLNV", "SCALE", "NUMERATOR", *(["DIVIDE"] if self.ends(number) else [])]
            yield from ((name, number, index) for name in names for index in range(self.features))

    def _chains(self, random: Random) -> Iterator[list[tuple[Beat, int]]]:
        """Beats that go one after the other, each with the least number of cycles to the next."""
        count, latencies = len(self.tiles), self.design.lanes
        yield [(("FACTOR", number, step), 1) for number in range(count) for step in range(self.last_step + 1)]
        divisions = [beat for beat in self._beats() if beat[0] == "DIVIDE"]
        yield [(beat, self.design.formats.division.latency) for beat in divisions]
        windows: list[tuple[Beat, int]] = []
        for number in range(count):
            index = 0
            while index < self.features:
                end = min(self.features, index + random.randint(1, max(latencies.mac, latencies.add)))
                windows += [((op, number, i), 1) for op in ("SCALE", "NUMERATOR") for i in range(index, end)]
                index = end
        yield windows

    def _needs(self, beat: Beat) -> Iterator[tuple[Beat, int]]:
        """Beats that come before one, and how many cycles at least; a place may be written as it is read last.

        Below 0 it may begin earlier, since it writes later.
        """
        name, number, index = beat
        tile, mac, add = self.tiles[number], self.design.lanes.mac, self.design.lanes.add
        before, fresh = tile.before, tile.key_tile == 0
        factor: Beat = ("FACTOR", number, self.last_step)
        match name:
            case "LM":
                yield from self._evicted("LM", number, [("MAXIMUM", 0)], 0)
            case "MAXIMUM":
                yield ("LM", number, 0), 1
                yield from self._evicted("RM", number, [("FACTOR", 0)], 1 - self.design.lanes.max)
                if before is not None:
                    yield ("MAXIMUM", before, 0), 1 if fresh else self.design.lanes.max
            case "FACTOR" if index == 0:
                yield ("MAXIMUM", number, 0), self.design.lanes.max
            case "FACTOR":
                yield ("FACTOR", number, index - 1), add if index == 1 else mac
                if index == self.last_step:
                    readers = [("DECAY", 0), *(("SCALE", i) for i in range(self.features))]
                    yield from self._evicted("PRM", number, readers, 1 - mac)
            case "DECAY":
                yield factor, mac
                yield from self._evicted("SPD", number, [("DENOMINATOR", 0)], 1 - mac)
                if before is not None and not fresh:
                    yield ("DENOMINATOR", before, 0), add
            case "SLD":
                yield from self._evicted("SLD", number, [("DENOMINATOR", 0)], 0)
            case "DENOMINATOR":
                yield from ((("DECAY", number, 0), mac), (("SLD", number, 0), 1))
                if fresh and before is not None:
                    yield from ((("DIVIDE", before, i), 1 - add) for i in range(self.features))
            case "SCALE":
                yield factor, mac
                if before is not None and not fresh:
                    yield ("NUMERATOR", before, index), add
            case "SLNV":
                yield from self._evicted("SLNV", number, [("NUMERATOR", index)], 0)
            case "NUMERATOR":
                yield from ((("SCALE", number, index), mac), (("SLNV", number, index), 1))
                if fresh and before is not None:
                    yield ("DIVIDE", before, index), 1 - add
            case "DIVIDE":
                yield from ((("NUMERATOR", number, index), add), (("DENOMINATOR", number, 0), add))

    def _evicted(
        self, tensor: str, number: int, readers: list[tuple[str, int]], gap: int
    ) -> Iterator[tuple[Beat, int]]:
        """The last reads of what lay in the place."""
        if (other := number - self.design.places[tensor]) >= 0:
            yield from (((name, other, index), gap) for name, index in readers)

    @cached_property
    def commands(self) -> dict[int, dict[str, int]]:
        """Fields of the command, by cycle."""
        found = {}
        for (name, number, index), cycle in self.cycles.items():
            if name in LaneOp.__members__:
                tile, op = self.tiles[number], LaneOp.__members__[name]
                found[cycle] = {
                    "op": op,
                    "step": index if op == LaneOp.FACTOR else 0,
                    "fresh": tile.key_tile == 0,
                    "turn": number % self.design.turns,
                    "index": 0 if op == LaneOp.FACTOR else index,
                    "query": tile.slot,
                    "copy": tile.query_tile % self.design.copies["AV"],
                }
        return found

    def value(self, tensor: str, number: int, index: int, column: int) -> int:
        """What a tile has for a query; states as it leaves them."""
        tile, tensors = self.tiles[number], self.run[tensor]
        query = tile.query_tile * self.design.columns + column
        if tensor == "AV":
            return int(tensors[index, query])
        of_tile = tensors[tile.key_tile + (tensor in ("RM", "RD", "RNV"))]
        return int(of_tile[index, query] if of_tile.ndim == 2 else of_tile[query])

    def arrivals(self, tensor: str, column: int) -> dict[int, dict[str, int]]:
        """Fields of the values that leave a column, by cycle."""
        return {
            cycle + column: {
                "turn": number % self.design.turns,
                "index": index,
                "value": self.value(tensor, number, index, column),
            }
            for (name, number, index), cycle in self.cycles.items()
            if name == tensor
        }

    @cached_property
    def events(self) -> list[Event]:
        """All that the probes have to show."""
        lanes, division = self.design.lanes, self.design.formats.division.latency
        shown = {  # by beat: the probe, its tensor, and cycles from the beat
            "MAXIMUM": ("running_maximum", "RM", lanes.max),
            "FACTOR": ("factor", "PRM", lanes.mac),
            "DECAY": ("decayed", "SPD", lanes.mac),
            "DENOMINATOR": ("denominator", "RD", lanes.add),
            "SCALE": ("scaled", "SPNV", lanes.mac),
            "NUMERATOR": ("numerator", "RNV", lanes.add),
            "DIVIDE": ("output", "AV", division + 1),
            "LM": ("arrived_maximum", "LM", 1),
            "SLD": ("arrived_sum", "SLD", 1),
            "SLNV": ("arrived_product", "SLNV", 1),
        }
        found = []
        for (name, number, index), cycle in self.cycles.items():
            if name == "FACTOR" and index != self.last_step:
                continue
            probe, tensor, latency = shown[name]
            feature = 0 if name == "FACTOR" else index
            for column in range(self.design.columns):
                value = self.value(tensor, number, feature, column)
                found.append((cycle + latency + column, probe, column, feature, value))
        return sorted(found)

    @cached_property
    def results(self) -> list[tuple[int, int, int, int, int]]:
        """Cycle, column, copy, feature and value of every output, in the cycle at whose end it is stored."""
        copies = self.design.copies["AV"]
        return sorted(
            (
                cycle + self.design.formats.division.latency + column,
                column,
                self.tiles[number].query_tile % copies,
                index,
                self.value("AV", number, index, column),
            )
            for (name, number, index), cycle in self.cycles.items()
            if name == "DIVIDE"
            for column in range(self.design.columns)
        )

    def tops(self, column: int) -> dict[int, tuple[int, int]]:
        """By cycle, the place at the top of a column that has a new maximum from then on, and the maximum."""
        path = self.design.lanes.max + self.design.return_cycles + column
        return {
            cycle + path: (number % self.design.places["RM"], self.value("RM", number, 0, column))
            for (name, number, _), cycle in self.cycles.items()
            if name == "MAXIMUM"
        }

    @property
    def length(self) -> int:
        """Cycles until everything has been seen."""
        return max(self.cycles.values()) + self.design.formats.division.latency + self.design.columns + 20
