"""The controllers of prefill attention: what its entries read, and its tiles, by the rules of docs/cycle.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar

from .array_issue import Work, natives
from .array_lines import Controllers, Ring, rings
from .array_machine import ONE, TWO, Host, Tile

CHAINED = {("SLNV", "SPNV+RNV"), ("SPNV+RNV", "SPNV+RNV"), ("SPNV+RNV", "AV")}  # values of which each chain takes one


@dataclass(frozen=True)
class PrefillHost(Host):
    """Queries along the columns, keys along the rows."""

    @cached_property
    def query_tiles(self) -> int:
        """Query tiles that the buffer holds of each head."""
        part = self.schedule.families["p"].part("p1")
        return int(self.schedule.families["p"].part("p2").chunk) // int(part.chunk)

    @cached_property
    def works(self) -> dict[str, Work]:
        two, one = (self.schedule.machine.units[unit] for unit in (TWO, ONE))
        f = self.sizes["f"]
        listed = (
            Work("QK", TWO, natives(two, "mac"), rounds=self.sizes["e"]),
            Work("LM", TWO, natives(two, "max")),
            Work("RM", ONE, natives(one, "max")),
            Work("SLN", TWO, natives(two, "add", "exp")),
            Work("PRM", ONE, natives(one, "add", "exp")),
            Work("SLD", TWO, natives(two, "add")),
            Work("SPD", ONE, natives(one, "mul")),
            Work("RD", ONE, natives(one, "add")),
            Work("SLNV", TWO, natives(two, "mac"), chains=f),
            Work("SPNV+RNV", ONE, natives(one, "mul", "add"), chains=f),
            Work("AV", ONE, natives(one, "divide"), chains=f),
        )
        return {work.name: work for work in listed}

    def words(self, tensor: str) -> int:
        along_rows, along_cols = min(self.rows, self.sizes["m"]), min(self.cols, self.sizes["p"])
        return {
            "Q": self.sizes["e"] * along_cols,
            "K": self.sizes["e"] * along_rows,
            "V": self.sizes["f"] * along_rows,
            "AV": self.sizes["f"] * along_cols,
        }[tensor]

    @cached_property
    def copies(self) -> dict[str, int]:
        return self.copies_of("K", "V")

    def rows_of(self, name: str) -> dict[str, int]:
        e, f = self.sizes["e"], self.sizes["f"]
        along_rows, along_cols = min(self.rows, self.sizes["m"]), min(self.cols, self.sizes["p"])
        rows = self.buffer_rows
        whole = {tensor: rows(tensor, self.words(tensor)) for tensor in ("Q", "K", "V")}
        return {
            "fill Q": {"W": whole["Q"]},
            "fill K": {"W": whole["K"]},
            "fill V": {"W": whole["V"]},
            "QK": {"R": e * (rows("Q", along_cols) + rows("K", along_rows))},
            "RM": {"R": rows("RM", along_cols), "W": rows("RM", along_cols)},
            "PRM": {"R": rows("RM", along_cols)},
            "SPD": {"R": rows("RD", along_cols)},
            "RD": {"W": rows("RD", along_cols)},
            "SLNV": {"R": f * rows("V", along_rows)},
            "SPNV+RNV": {"R": f * rows("RNV", along_cols), "W": f * rows("RNV", along_cols)},
            "AV": {"R": f * rows("RNV", along_cols) + rows("RD", along_cols)},
        }.get(name, {})

    # ------------------------------------------------------------------------------------------------------- tiles

    def visible(self, query: int, key: int) -> bool:
        band = self.schedule.band
        if band is None:
            return True
        return (band.low is None or key - query >= band.low) and (band.high is None or key - query <= band.high)

    @cached_property
    def tiles(self) -> list[Tile]:
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


@dataclass
class PrefillControllers(Controllers):
    """What the entries of prefill read, and from where."""

    host: PrefillHost

    RINGS: ClassVar[tuple[Ring, ...]] = rings(
        "QK>LM", "QK>SLN", "LM>RM", "RM>SLN", "RM>PRM", "SLN>SLD", "SLN>SLNV", "PRM>SPD", "PRM>SPNV+RNV", "SPD>RD",
        "SLD>RD", "SLNV>SPNV+RNV",
    )  # fmt: skip
    STATES: ClassVar[Mapping[str, str]] = {"RM": "RM", "SPD": "RD", "SPNV+RNV": "SPNV+RNV"}
    FINAL: ClassVar[Mapping[str, tuple[str, ...]]] = {"SPNV+RNV": ("AV",), "RD": ("AV",)}
    LATE: ClassVar[Mapping[tuple[str, str], int]] = {("SLNV", "SPNV+RNV"): 1}
    LAST: ClassVar[tuple[str, ...]] = ("AV", "drain AV")
    FETCHED: ClassVar[Mapping[str, tuple[str, ...]]] = {"QK": ("Q", "K"), "SLNV": ("V",)}

    @cached_property
    def groups(self) -> list[tuple[Tile, ...]]:
        rows: dict[tuple[int, ...], list[Tile]] = {}
        for tile in self.host.tiles:
            rows.setdefault((*tile.key_tile, tile.member), []).append(tile)
        size = self.order.group
        return [tuple(row[i : i + size]) for row in rows.values() for i in range(0, len(row), size)]

    @cached_property
    def fetch_of(self) -> dict[tuple[str, Tile], int]:
        """Number of the fetch of keys or values that a tile uses."""
        keys = {key: i for i, key in enumerate(dict.fromkeys(tile.key_tile for tile in self.host.tiles))}
        return {(tensor, tile): keys[tile.key_tile] for tile in self.host.tiles for tensor in ("K", "V")}

    @cached_property
    def first_users(self) -> dict[str, set[Tile]]:
        keys: dict[tuple[int, ...], Tile] = {}
        for tile in self.host.tiles:
            keys.setdefault(tile.key_tile, tile)
        fetched = set(keys.values())
        return {"fill Q": set(self.host.tiles) - set(self.before), "fill K": fetched, "fill V": fetched}

    def shares(self, tensor: str, tile: Tile, other: Tile) -> bool:
        return other.query_tile == tile.query_tile if tensor == "Q" else other.key_tile == tile.key_tile

    def displaces(self, tensor: str, tile: Tile, other: Tile) -> bool:
        if tensor == "Q":
            return tile.slot == other.slot and tile.query_tile != other.query_tile
        copies = self.host.copies[tensor]
        return self.fetch_of[tensor, tile] - copies == self.fetch_of[tensor, other]

    def pairs(self, producer: str, reader: str, given: int, wanted: int) -> Iterator[tuple[int, int]]:
        count = self.host.works[reader].chains if (producer, reader) in CHAINED else 1
        for value in range(count):
            yield given * count + value, wanted * count + value

    def asked(self, producer: str, reader: str, chain: int) -> int:
        return chain if (producer, reader) in CHAINED else 0
