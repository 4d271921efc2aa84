"""Everything that is fixed when hardware is generated, as one value; every block is made from it.

A *turn* is the number of a tile, counted by each line of the program for itself, as far as rings need it: a tensor that
passes from one operation to another has `places[tensor]` of them, and tile number n lies in place n mod that. A *query
slot* is where a query tile's operand and states lie for as long as its keys go by; a *copy* is one of the places of a
tile that is fetched or drained while another one is in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

from .formats import Formats
from .gearing import Gearing
from .result_buffer import ELEMENT_BYTES

__all__ = ["RINGS", "ArrayOp", "Design", "LaneOp", "Latencies"]

RINGS = ("QK", "LM", "RM", "SLN", "PRM", "SLD", "SPD", "SLNV")  # what passes through places in registers


class ArrayOp(enum.Enum, shape=unsigned(3)):  # type: ignore[call-arg]
    """What an element does in a beat, and the Einsum that it is for."""

    IDLE = 0
    SCORE = 1  # QK: one product of the sum over features
    MAXIMUM = 2  # LM: the larger of its score and what comes from above
    WEIGHT = 3  # SLN: step 0 subtracts, step n is number n - 1 of the exponential's series
    SUM = 4  # SLD: its weight is added to what comes from above
    PRODUCT = 5  # SLNV: its weight times a value is added to what comes from above


class LaneOp(enum.Enum, shape=unsigned(3)):  # type: ignore[call-arg]
    """What a lane does in a beat, and the Einsum that it is for."""

    IDLE = 0
    MAXIMUM = 1  # RM
    FACTOR = 2  # PRM: step 0 subtracts, step n is number n - 1 of the exponential's series
    DECAY = 3  # SPD: the denominator so far, corrected
    DENOMINATOR = 4  # RD
    SCALE = 5  # SPNV: the numerator so far, corrected
    NUMERATOR = 6  # RNV
    DIVIDE = 7  # AV


@dataclass(frozen=True)
class Latencies:
    """Cycles from the operands of a native operation to its result; of each but `divide` one may start every cycle."""

    mac: int = 1
    add: int = 1
    max: int = 1


@dataclass(frozen=True)
class Design:
    """An array of rows × columns with a lane below each column.

    >>> design = Design(Formats(head_dim=8, value_dim=8, key_tile=4, max_keys=64), rows=4, columns=4)
    >>> design.turns, design.array_command.as_shape().width > 0
    (2, True)
    """

    formats: Formats
    rows: int
    columns: int
    array: Latencies = Latencies()
    lanes: Latencies = Latencies()
    hop: int = 1  # cycles from one row to the next
    return_cycles: int = 1  # from a lane to the first row
    places: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(RINGS, 2))  # of each ring, powers of two
    query_slots: int = 4
    copies: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(("K", "V", "AV"), 2))
    word_bytes: int = 8  # of a beat of the streams
    multiplier: str = "dsp"  # or "logic"
    max_queries: int = 1 << 30  # of one head

    @property
    def tile_keys(self) -> int:
        """Keys that are fetched for a tile: of fewer than there are rows, the other rows have none."""
        return min(self.rows, self.formats.max_keys)

    @property
    def tile_queries(self) -> int:
        """Queries that are fetched for a tile, and results that are given."""
        return min(self.columns, self.max_queries)

    def tile(self, tensor: str) -> Gearing:
        """The tile that a stream carries: of Q, K, V or AV.

        >>> Design(Formats(head_dim=8, value_dim=6, key_tile=4, max_keys=64), rows=4, columns=2).tile("AV")
        Gearing(lanes=2, depth=6, word_bytes=8, element_bytes=4)
        """
        lanes = self.tile_keys if tensor in ("K", "V") else self.tile_queries
        depth = self.formats.head_dim if tensor in ("Q", "K") else self.formats.value_dim
        return Gearing(lanes, depth, self.word_bytes, ELEMENT_BYTES if tensor == "AV" else 1)

    @property
    def turns(self) -> int:
        """Turns that have to be told apart: as many as the largest ring has places."""
        return max(self.places.values())

    @property
    def weight_steps(self) -> int:
        """Native operations of a weight: the subtraction and the series."""
        return 1 + len(self.formats.weight().series)

    @property
    def factor_steps(self) -> int:
        """Native operations of a correction's factor."""
        return 1 + len(self.formats.factor().series)

    @cached_property
    def array_command(self) -> data.StructLayout:
        """What element (0, 0) does in a cycle; element (r, c) does it r · hop + c cycles later.

        `first` and `last` are of a SCORE: whether the sum begins and ends with it. `index` is the feature, `query` and
        `copy` say where its operands lie. Row r is a key of the sequence if r < `keys`, and column c sees it if
        r <= c + `diagonal`.
        """
        return data.StructLayout(
            {
                "op": ArrayOp,
                "step": range(self.weight_steps),
                "first": 1,
                "last": 1,
                "turn": _index(self.turns),
                "index": _index(max(self.formats.head_dim, self.formats.value_dim)),
                "query": _index(self.query_slots),
                "copy": _index(max(self.copies["K"], self.copies["V"])),
                "keys": range(self.rows + 1),
                "diagonal": range(-self.columns, self.rows),
            }
        )

    @cached_property
    def lane_command(self) -> data.StructLayout:
        """What lane 0 does in a cycle; lane c does it c cycles later.

        `fresh`: with the first key tile, when there is no state yet. `index` is the feature, `query` says where the
        states lie, `copy` where an output goes.
        """
        return data.StructLayout(
            {
                "op": LaneOp,
                "step": range(self.factor_steps),
                "fresh": 1,
                "turn": _index(self.turns),
                "index": _index(self.formats.value_dim),
                "query": _index(self.query_slots),
                "copy": _index(self.copies["AV"]),
            }
        )

    def arrival(self, tensor: str) -> data.StructLayout:
        """A value that leaves a column or a lane: in the cycle at whose end the taker stores it, if `valid`."""
        return data.StructLayout(
            {
                "valid": 1,
                "turn": _index(self.turns),
                "index": _index(self.formats.value_dim),
                "value": self.formats.words[tensor].shape,
            }
        )

    @cached_property
    def output(self) -> data.StructLayout:
        """An element of AV that leaves a lane: in the cycle at whose end it is stored, if `valid`."""
        return data.StructLayout(
            {
                "valid": 1,
                "copy": _index(self.copies["AV"]),
                "index": _index(self.formats.value_dim),
                "value": self.formats.words["AV"].shape,
            }
        )


def _index(count: int) -> int:
    """Bits of a number below `count`, at least one: no port has none."""
    return max(1, (count - 1).bit_length())
