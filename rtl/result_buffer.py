"""The buffer of result tiles: every lane stores its elements when it has them, a stream takes them word by word.

A word holds bytes of several lanes, or of several indices of a lane, and begins anywhere among them, within an element
too. The memories are one element wide and so many that a word needs each at most once; each is written by one lane
alone.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .gearing import Gearing
from .position import Position, address, memory_depth, rotated

__all__ = ["ELEMENT_BYTES", "ResultBuffer"]

ELEMENT_BYTES = 4


class ResultBuffer(wiring.Component):
    """`lanes` × `depth` numbers of int32 for each of `copies` tiles.

    `write[lane]`: a number is stored at the end of a cycle with `valid`. `word` is the present word of the tile that
    `read` names, in the same cycle: word number 0 with `first`, otherwise the one after the last that was taken. A
    cycle with `take` takes it. What fills up the last word is 0.
    """

    def __init__(self, lanes: int, depth: int, copies: int, word_bytes: int) -> None:
        self.gearing = Gearing(lanes, depth, word_bytes, ELEMENT_BYTES)
        self.copies = copies
        copy, index = bits_for(copies - 1), bits_for(depth - 1)
        element = {"valid": 1, "copy": copy, "index": index, "value": signed(8 * ELEMENT_BYTES)}
        super().__init__(
            {
                "write": In(data.StructLayout(element)).array(lanes),
                "read": In(data.StructLayout({"take": 1, "first": 1, "copy": copy})),
                "word": Out(8 * word_bytes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, gearing = Module(), self.gearing
        position = m.submodules.position = Position(gearing)
        m.d.comb += [position.first.eq(self.read.first), position.take.eq(self.read.take)]
        row = Cat(self._element(m, number, position) for number in range(gearing.memories))
        turned = rotated(m, row, position.phase, -8 * gearing.step_bytes, "turned")
        m.d.comb += self.word.eq(turned[: len(self.word)])
        return m

    def _element(self, m: Module, number: int, position: Position) -> Value:
        """A memory, and what it has for the present word."""
        gearing = self.gearing
        if number not in gearing.used:
            return Const(0, 8 * ELEMENT_BYTES)
        memory = Memory(shape=signed(8 * ELEMENT_BYTES), depth=memory_depth(gearing, self.copies), init=[])
        m.submodules[f"memory_{number}"] = memory
        choice, lane = divmod(number, gearing.lanes)
        store, write = self.write[lane], memory.write_port()
        read = memory.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(address(gearing, store.copy, store.index[gearing.choice_bits :])),
            write.data.eq(store.value),
            write.en.eq(store.valid & (store.index[: gearing.choice_bits] == choice)),
            read.addr.eq(address(gearing, self.read.copy, position.row_of(number))),
        ]
        return Mux(position.has(number), read.data, 0)
