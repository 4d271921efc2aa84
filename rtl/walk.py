"""The tiles of a line, one after the other, by counters.

All there is to know of a tile follows from its row, a key tile, and its position among the query tiles that see it.
Under a causal mask a row has the query tiles from `low` on, which grows with the rows, by additions only: the last key
that a query tile sees is `columns` further for each query tile.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .plan import Loops, Tiles

COUNT_BITS = 16  # of repeats, blocks and slots; key tiles are as many as there may be keys for


@dataclass(frozen=True)
class Extent:
    """What walks of one array have in common: its shape, and how far its numbers go."""

    rows: int
    columns: int
    max_keys: int = 1 << 16
    tile_bits: int = 32  # of a tile's number

    @property
    def key_bits(self) -> int:
        """Bits of a key's number, signed, some rows and columns beyond the last one."""
        return (4 * self.max_keys + 2 * self.rows + 2 * self.columns).bit_length() + 1

    @property
    def row_bits(self) -> int:
        """Bits of how many key tiles there are."""
        return (-(-self.max_keys // self.rows)).bit_length()

    @property
    def loops(self) -> data.StructLayout:
        """The loops of a run as settings; `tiles` are key tiles, `queries` those of a block, for a causal mask only."""
        key = signed(self.key_bits)
        return data.StructLayout(
            {
                **{"repeats": COUNT_BITS, "blocks": COUNT_BITS, "slots": COUNT_BITS, "tiles": self.row_bits},
                **{"keys": key, "offset": key, "queries": key, "causal": 1},
            }
        )

    def settings(self, loops: Loops) -> dict[str, int]:
        """The settings for a run.

        >>> Extent(4, 4).settings(Loops(1, 1, 2, keys=30))["tiles"]
        8
        """
        return {
            "repeats": loops.repeats, "blocks": loops.blocks, "slots": loops.slots,
            "tiles": -(-loops.keys // self.rows), "keys": loops.keys, "offset": loops.offset,
            "queries": loops.slots * self.columns if loops.causal else 0, "causal": int(loops.causal),
        }  # fmt: skip


class Walk(wiring.Component):
    """`there`: a tile is shown, `step` goes on to the next one; `load` goes to the first, before anything else.

    Rows that have none of its tiles take a cycle each, in which `number` says that the next tile is no earlier. `keys`
    of the tile's rows are keys, and row r is seen by column c if r <= c + `diagonal`. `copy` changes with each row,
    `row_tiles` is how many tiles the row has; outputs that are called as kinds of tiles say whether it is one.
    """

    def __init__(self, extent: Extent, tiles: Tiles) -> None:
        self.extent, self.tiles = extent, tiles
        self.kinds = (Tiles.ROW_BEGINS, Tiles.ROW_ENDS, Tiles.FIRST, Tiles.LAST)
        super().__init__(
            {
                "loops": In(extent.loops),
                "load": In(1),
                "step": In(1),
                "there": Out(1),
                "over": Out(1),
                "number": Out(extent.tile_bits),
                "slot": Out(COUNT_BITS),
                "row_tiles": Out(COUNT_BITS),
                "copy": Out(1),
                "keys": Out(range(extent.rows + 1)),
                "diagonal": Out(range(-extent.columns, extent.rows)),
                **{kind.name.lower(): Out(1) for kind in self.kinds},
            }
        )

    def is_kind(self, kind: Tiles) -> Value:
        """Whether the tile is of a kind."""
        if kind is Tiles.EACH:
            return self.there
        if kind is Tiles.LATER:
            return ~getattr(self, Tiles.FIRST.name.lower())
        return getattr(self, kind.name.lower())

    def elaborate(self, platform: object) -> Module:
        m, extent, loops = Module(), self.extent, self.loops
        key = signed(extent.key_bits)
        repeat, block, tile = Signal(COUNT_BITS), Signal(COUNT_BITS), Signal(extent.row_bits)
        first_key, base, low_last = Signal(key), Signal(key), Signal(key)  # last key that query tile 0, or low, sees
        low, position, row_number = Signal(COUNT_BITS), Signal(COUNT_BITS), Signal(extent.tile_bits)
        seen = Signal(key)  # the last key that the tile's last query sees
        last_row, next_key = Signal(), Signal(key)
        m.d.comb += [
            next_key.eq(first_key + extent.rows),
            last_row.eq(
                (tile == loops.tiles - 1) | (loops.causal & (next_key > base + loops.queries - extent.columns))
            ),
        ]
        next_low, next_last = self._advanced(m, low, low_last, next_key)
        high, length = Signal(COUNT_BITS), Signal(COUNT_BITS)  # query tiles below `high` see no later key
        m.d.comb += [
            high.eq(Mux(last_row, loops.slots, next_low)),
            self.row_tiles.eq(loops.slots - low),
            length.eq(self._length(tile, high - low)),
            self.there.eq(~self.over & (length != 0)),
            self.number.eq(row_number + Mux(length == 0, self.row_tiles, position)),  # of what is shown next, at least
            self.slot.eq(low + position),
            self.first.eq(tile == 0),
            self.last.eq(self.slot < high),
            self.row_begins.eq(position == 0),
            self.row_ends.eq(position == self.row_tiles - 1),
        ]
        self._mask(m, first_key, seen)
        ends = Signal()  # of this row's tiles
        m.d.comb += ends.eq((length == 0) | (self.step & (position == length - 1)))
        with m.If(self.step):
            m.d.sync += [position.eq(position + 1), seen.eq(seen + extent.columns)]
        with m.If(ends & ~self.over):
            begin = Signal(key)
            m.d.comb += begin.eq(
                Mux(last_row, Mux(block == loops.blocks - 1, self._start(), base + loops.queries), base)
            )
            m.d.sync += [
                self.copy.eq(~self.copy),
                row_number.eq(row_number + self.row_tiles),
                position.eq(0),
                tile.eq(Mux(last_row, 0, tile + 1)),
                first_key.eq(Mux(last_row, 0, next_key)),
                base.eq(begin),
                low.eq(Mux(last_row, 0, next_low)),
                low_last.eq(Mux(last_row, begin, next_last)),
                seen.eq(Mux(last_row, begin, next_last)),
            ]
            with m.If(last_row):
                m.d.sync += block.eq(Mux(block == loops.blocks - 1, 0, block + 1))
                with m.If(block == loops.blocks - 1):
                    m.d.sync += [repeat.eq(repeat + 1), self.over.eq(repeat == loops.repeats - 1)]
        with m.If(self.load):
            m.d.sync += [signal.eq(0) for signal in (repeat, block, tile, first_key, low, position, row_number)]
            m.d.sync += [self.copy.eq(0), self.over.eq(0)]
            m.d.sync += [signal.eq(self._start()) for signal in (base, low_last, seen)]
        return m

    def _start(self) -> Value:
        """The last key that the first query tile sees."""
        return self.loops.offset + self.extent.columns - 1

    def _length(self, tile: Value, finished: Value) -> Value:
        """How many of the row's tiles are of this walk."""
        if self.tiles is Tiles.ROW_BEGINS:
            return Const(1, COUNT_BITS)
        if self.tiles is Tiles.FIRST:
            return Mux(tile == 0, self.row_tiles, 0)
        return finished if self.tiles is Tiles.LAST else self.row_tiles

    def _advanced(self, m: Module, low: Signal, low_last: Signal, first_key: Signal) -> tuple[Value, Value]:
        """The first query tile that sees a key, and the last key that it sees: a row skips a few at most."""
        extent = self.extent
        for _ in range(-(-extent.rows // extent.columns)):
            blind = Signal(name="blind")
            m.d.comb += blind.eq(self.loops.causal & (low_last < first_key))
            next_low, next_last = Signal.like(low, name="next_low"), Signal.like(low_last, name="next_last")
            m.d.comb += [next_low.eq(low + blind), next_last.eq(low_last + Mux(blind, extent.columns, 0))]
            low, low_last = next_low, next_last
        return low, low_last

    def _mask(self, m: Module, first_key: Signal, seen: Signal) -> None:
        """Rows of the tile that are keys, and which columns see which."""
        extent = self.extent
        left, ahead = Signal(signed(extent.key_bits)), Signal(signed(extent.key_bits + 1))
        m.d.comb += [
            left.eq(self.loops.keys - first_key),
            self.keys.eq(Mux(left >= extent.rows, extent.rows, left)),
            ahead.eq(seen - (extent.columns - 1) - first_key),
            self.diagonal.eq(
                Mux(
                    ~self.loops.causal | (ahead >= extent.rows - 1),
                    extent.rows - 1,
                    Mux(ahead <= -extent.columns, -extent.columns, ahead),
                )
            ),
        ]
