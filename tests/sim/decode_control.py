"""The controllers of decode: what its entries read, in which order, and its tiles, by the rules of docs/cycle.md.

Splits of the keys lie along the columns, and the queries of a group are done one after the other. Then lanes are query
heads or words of the values, and go through the splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import ClassVar

from .array_issue import Work, natives
from .array_lines import Controllers, Ring, rings
from .array_machine import ONE, TWO, Host, Tile

# The steps that the chains of an entry go through, the last one fastest: g, a query head of the group; p, a query;
# f, a word of the value, which is h, l where l may lie on the lanes.
STEPS = {
    "QK": "gp", "LM": "gp", "RM": "gp", "SLN": "gp", "PRM": "gp", "SLD": "gp", "SPD+RD": "gp",
    "SLNV": "hlgp", "SPNV+RNV": "ghlp",
    "GM": "p", "CM": "gp", "CD": "p", "CN": "ghp", "AV": "ghp",
}  # fmt: skip
ON_LANES = {"GM": "g", "CD": "g", "CN": "l", "AV": "l"}  # all others have a split on each lane
COMBINED = ("GM", "CD", "CN")  # which go through the splits, one chain after the other


@dataclass(frozen=True)
class DecodeHost(Host):
    """Splits along the columns, keys of a split along the rows."""

    @cached_property
    def split(self) -> int:
        """Keys of a split in a tile."""
        return min(self.rows, ceil(self.sizes["m"] / self.cols))

    @cached_property
    def counts(self) -> dict[str, int]:
        """Steps, by letter."""
        low = min(self.sizes["f"], self.lanes)
        return {"g": self.sizes["g"], "p": self.sizes["p"], "h": ceil(self.sizes["f"] / low), "l": low}

    def chains(self, name: str) -> int:
        return prod(self.counts[letter] for letter in STEPS[name])

    def indices(self, name: str, chain: int) -> dict[str, int]:
        """The steps of a chain."""
        found = {}
        for letter in reversed(STEPS[name]):
            chain, found[letter] = divmod(chain, self.counts[letter])
        return found

    def number(self, name: str, indices: Mapping[str, int]) -> int:
        """The chain at these steps."""
        at = 0
        for letter in STEPS[name]:
            at = at * self.counts[letter] + indices[letter]
        return at

    @cached_property
    def works(self) -> dict[str, Work]:
        two, one = (self.schedule.machine.units[unit] for unit in (TWO, ONE))
        exp = ("add", "exp")
        listed = [
            # a key stays where it is for all queries, so that all of them take turns
            Work("QK", TWO, natives(two, "mac"), self.sizes["e"], self.chains("QK"), turns=self.chains("QK")),
            Work("LM", TWO, natives(two, "max"), chains=self.chains("LM")),
            Work("RM", ONE, natives(one, "max"), chains=self.chains("RM")),
            Work("SLN", TWO, natives(two, *exp), chains=self.chains("SLN")),
            Work("PRM", ONE, natives(one, *exp), chains=self.chains("PRM")),
            Work("SLD", TWO, natives(two, "add"), chains=self.chains("SLD")),
            Work("SPD+RD", ONE, natives(one, "mul", "add"), chains=self.chains("SPD+RD")),
            Work("SLNV", TWO, natives(two, "mac"), chains=self.chains("SLNV")),
            Work("SPNV+RNV", ONE, natives(one, "mul", "add"), chains=self.chains("SPNV+RNV")),
            Work("CM", ONE, natives(one, *exp), chains=self.chains("CM")),
            Work("AV", ONE, natives(one, "divide"), chains=self.chains("AV")),
        ]
        for name in COMBINED:
            operation = natives(one, "max" if name == "GM" else "mac")
            listed.append(Work(name, ONE, operation, self.cols, self.chains(name), turns=1))
        return {work.name: work for work in listed}

    @cached_property
    def splits(self) -> int:
        """Splits that have keys."""
        return min(self.cols, ceil(self.sizes["m"] / self.split))

    def words(self, tensor: str) -> int:
        queries, values = self.sizes["g"] * self.sizes["p"], self.counts["h"] * self.counts["l"]
        return {
            "Q": self.sizes["e"] * queries,
            "K": self.sizes["e"] * self.splits * self.split,
            "V": values * self.splits * self.split,
            "AV": values * queries,
        }[tensor]

    def rows_of(self, name: str) -> dict[str, int]:
        """A row for each chain, or for each split of a chain where lanes are heads or words."""
        queries, rows = self.sizes["g"] * self.sizes["p"], self.buffer_rows
        each = {tensor: rows(tensor, self.splits) for tensor in ("RM", "RD", "RNV")}
        values = self.chains("SPNV+RNV") * each["RNV"]
        combined = {name: self.chains(name) * self.splits for name in COMBINED}
        return {
            "fill Q": {"W": rows("Q", self.words("Q"))},
            "QK": {"R": self.sizes["e"] * queries * rows("Q", 1)},
            "RM": {"R": queries * each["RM"], "W": queries * each["RM"]},
            "PRM": {"R": queries * each["RM"]},
            "SPD+RD": {"R": queries * each["RD"], "W": queries * each["RD"]},
            "SPNV+RNV": {"R": values, "W": values},
            "GM": {"R": combined["GM"] * rows("RM", self.sizes["g"])},
            "CM": {"R": queries * each["RM"]},
            "CD": {"R": combined["CD"] * rows("RD", self.sizes["g"])},
            "CN": {"R": combined["CN"] * rows("RNV", self.counts["l"])},
        }.get(name, {})

    def streamed(self, name: str, tiles: int) -> dict[str, int]:
        tensor = {"QK": "K", "SLNV": "V"}.get(name)
        return {} if tensor is None else {"dram": self.channel_cycles(tensor, tiles)}

    @cached_property
    def tiles(self) -> list[Tile]:
        spaces = self.sizes["b"], self.sizes["n"], ceil(self.sizes["m"] / (self.cols * self.split))
        return [Tile(b, n, 0, m1, 0, 0, i) for i, (b, n, m1) in enumerate(product(*map(range, spaces)))]

    def key(self, tile: Tile, r: int, c: int) -> int | None:
        """The key in an element."""
        key = (tile.m1 * self.cols + c) * self.split + r
        return key if r < self.split and key < self.sizes["m"] else None


@dataclass
class DecodeControllers(Controllers):
    """What the entries of decode read, and from where."""

    host: DecodeHost
    _pairs: dict[tuple[str, str], tuple[tuple[int, int], ...]] = field(default_factory=dict)

    RINGS: ClassVar[tuple[Ring, ...]] = rings(
        "QK>LM", "QK>SLN", "LM>RM", "RM>SLN", "RM>PRM", "SLN>SLD", "SLN>SLNV", "PRM>SPD+RD", "PRM>SPNV+RNV",
        "SLD>SPD+RD", "SLNV>SPNV+RNV", "GM>CM", "CM>CD", "CM>CN", "CN>AV", "CD>AV",
    )  # fmt: skip
    STATES: ClassVar[Mapping[str, str]] = {name: name for name in ("RM", "SPD+RD", "SPNV+RNV")}
    FINAL: ClassVar[Mapping[str, tuple[str, ...]]] = {"RM": ("GM", "CM"), "SPD+RD": ("CD",), "SPNV+RNV": ("CN",)}
    LATE: ClassVar[Mapping[tuple[str, str], int]] = {("SLD", "SPD+RD"): 1, ("SLNV", "SPNV+RNV"): 1}
    LAST: ClassVar[tuple[str, ...]] = ("GM", "CM", "CD", "CN", "AV", "drain AV")
    FETCHED: ClassVar[Mapping[str, tuple[str, ...]]] = {"QK": ("Q",)}

    @cached_property
    def groups(self) -> list[tuple[Tile, ...]]:
        assert self.order.group == 1  # of key tiles each needs the state of the one before
        return [(tile,) for tile in self.host.tiles]

    @cached_property
    def copies(self) -> int:
        """Places for a head's queries in the buffer."""
        return self.host.copies_of("Q")["Q"]

    def head(self, tile: Tile) -> int:
        return tile.batch * self.host.sizes["n"] + tile.head

    @cached_property
    def first_users(self) -> dict[str, set[Tile]]:
        return {"fill Q": set(self.host.tiles) - set(self.before)}

    def shares(self, tensor: str, tile: Tile, other: Tile) -> bool:
        return self.head(tile) == self.head(other)

    def displaces(self, tensor: str, tile: Tile, other: Tile) -> bool:
        return self.head(tile) - self.copies == self.head(other)

    def pairs(self, producer: str, reader: str, given: int, wanted: int) -> tuple[tuple[int, int], ...]:
        """Of all values; lanes do what they do side by side."""
        if (producer, reader) not in self._pairs:
            host, letters = self.host, sorted(set(STEPS[producer] + STEPS[reader]))
            all_steps = product(*(range(host.counts[letter]) for letter in letters))
            places = [dict(zip(letters, steps, strict=True)) for steps in all_steps]
            self._pairs[producer, reader] = tuple((host.number(producer, i), host.number(reader, i)) for i in places)
        return self._pairs[producer, reader]

    def asked(self, producer: str, reader: str, chain: int) -> int:
        return self.host.number(producer, self.host.indices(reader, chain))
