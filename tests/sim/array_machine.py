"""The numbers of FuseMax's two arrays that every cascade on them needs: sizes, hops, latencies, channels, copies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil

from mappings import Schedule

from .array_issue import Work

TWO, ONE = "array_2d", "array_1d"
GATHERED = ("LM", "SLD", "SLNV")  # results that are reduced down the rows


@dataclass(frozen=True)
class Tile:
    """One iteration of all loops, in their order; decode has no loops over queries."""

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
class Host(ABC):
    """A machine, and the tiles of a schedule on it. What depends on the cascade is its own host's."""

    schedule: Schedule

    # ------------------------------------------------------------------------------------- what a cascade has to say

    @property
    @abstractmethod
    def works(self) -> dict[str, Work]:
        """The entries of units in the order of the cascade."""

    @property
    @abstractmethod
    def tiles(self) -> list[Tile]:
        """Every tile with a query that sees a key, in the order of the loops."""

    @abstractmethod
    def words(self, tensor: str) -> int:
        """Words of a full tile that moves."""

    @abstractmethod
    def rows_of(self, name: str) -> dict[str, int]:
        """Rows of the buffer that an entry reads (R) and writes (W) for a tile."""

    def streamed(self, name: str, tiles: int) -> dict[str, int]:
        """Cycles of the outermost memory for operands that come straight from it."""
        return {}

    # ------------------------------------------------------------------------------------------------------- machine

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
    def lanes(self) -> int:
        return int(self.schedule.machine.units[ONE].axes["lanes"])

    @cached_property
    def hop(self) -> int:
        unit = self.schedule.machine.units[TWO]
        gathered = [self.works[name].natives[-1].latency for name in GATHERED]
        return max(gathered) if unit.hop is None else int(unit.hop)

    @property
    def descent(self) -> int:
        return (self.rows - 1) * self.hop

    @property
    def wraps(self) -> bool:
        return self.schedule.machine.units[TWO].return_path == "wrap"

    @property
    def in_rows(self) -> bool:
        return self.schedule.machine.units[ONE].handover == "rows"

    def shape(self, unit: str) -> tuple[int, int]:
        """Rows and columns of a unit."""
        return (self.rows, self.cols) if unit == TWO else (1, self.lanes)

    def skew(self, unit: str) -> int:
        rows, cols = self.shape(unit)
        return cols - 1 + (rows - 1) * self.hop

    def latency(self, memory: str) -> int:
        seconds = self.schedule.machine.memories[memory].latency_s
        return 0 if seconds is None else ceil(round(float(seconds) * float(self.schedule.machine.clock_hz), 6))

    def bits(self, tensor: str) -> int:
        return int(self.schedule.types[tensor].storage.bits)

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

    def copies_of(self, *tensors: str) -> dict[str, int]:
        """Copies of the tiles of tensors: two where there is room, the smallest first."""
        size = self.schedule.machine.memories["buffer"].size_bytes
        kept = {k.tensor: int(k.size_bytes) for k in self.schedule.kept if k.level == "buffer"}
        spare = None if size is None else int(size) - sum(kept.values())
        found = {}
        for tensor in sorted(tensors, key=lambda t: kept[t]):
            fits = spare is None or kept[tensor] <= spare
            found[tensor] = 2 if fits else 1
            if fits and spare is not None:
                spare -= kept[tensor]
        return found

    # --------------------------------------------------------------------------------------------------------- ports

    def port_rows(self, name: str, tiles: int) -> dict[str, int]:
        """Rows of the buffer that an entry touches, by port. Only for memories where that is no choice."""
        memory = self.schedule.machine.memories["buffer"]
        if memory.ports is None:
            return {}
        assert memory.ports in (("RW",), ("R", "W")) and int(memory.banks) == 1
        found: dict[str, int] = {}
        for action, rows in self.rows_of(name).items():
            port = next(port for port in memory.ports if action in port)
            found[port] = found.get(port, 0) + rows * tiles
        return found

    def buffer_rows(self, tensor: str, words: int) -> int:
        return -(-words * self.bits(tensor) // int(self.schedule.machine.memories["buffer"].row_bits))
