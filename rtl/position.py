"""The present word of a tile in rows of memories: where it begins, and what that means for each memory.

Nothing is divided: the phase and the row advance by constants from word to word, which `gearing.py` has.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .gearing import Gearing

__all__ = ["Position", "address", "memory_depth", "rotated"]


class Position(wiring.Component):
    """The word number 0 in a cycle with `first`, otherwise the one after the last that was taken.

    A cycle with `take` takes the present word. The word begins in `row` at byte `phase` · step_bytes. After the last
    word of a tile, the next one to be taken is a first one.
    """

    def __init__(self, gearing: Gearing) -> None:
        self.gearing = gearing
        super().__init__(
            {
                "first": In(1),
                "take": In(1),
                "phase": Out(bits_for(gearing.phases - 1)),
                "row": Out(bits_for(gearing.words * gearing.word_bytes // gearing.row_bytes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, gearing = Module(), self.gearing
        phase, row = Signal.like(self.phase), Signal.like(self.row)
        after, wraps = Signal(range(2 * gearing.phases)), Signal()
        m.d.comb += [
            self.phase.eq(Mux(self.first, 0, phase)),
            self.row.eq(Mux(self.first, 0, row)),
            after.eq(self.phase + gearing.phases_per_word),
            wraps.eq(after >= gearing.phases),
        ]
        with m.If(self.take):
            m.d.sync += [phase.eq(Mux(wraps, after - gearing.phases, after)), row.eq(self.row + wraps)]
        return m

    def row_of(self, memory: int) -> Value:
        """The row in which the word has, or would have, an element of a memory."""
        return self.row + (self.phase >= self.gearing.first_phase_behind(memory))

    def has(self, memory: int) -> Value:
        """Whether a memory has an element of the tile in that row: there is none in what fills up the last word."""
        return self.row_of(memory) < self.gearing.rows_of(memory)


def address(gearing: Gearing, tile: Value, row: Value) -> Value:
    """Where a row of one of several tiles lies in a memory."""
    return Cat(row[: gearing.row_bits], tile)


def memory_depth(gearing: Gearing, tiles: int) -> int:
    """Depth of a memory for so many tiles, at least two: no address has no bits."""
    return max(2, tiles << gearing.row_bits)


def rotated(m: Module, value: Value, phase: Value, phase_bits: int, name: str) -> Value:
    """A value turned by phase · `phase_bits` towards its high bits, or towards its low ones where that is negative."""
    for place, bit in enumerate(phase):
        turned = Signal(len(value), name=f"{name}_{place}")
        m.d.comb += turned.eq(Mux(bit, value.rotate_left(phase_bits << place), value))
        value = turned
    return value
