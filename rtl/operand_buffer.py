"""The buffer of operand tiles: filled by a stream of words, read by every lane at an address of its own.

A word holds bytes of several lanes, or of several indices of a lane, and begins anywhere among them. The memories are
one byte wide and so many that a word touches each at most once, and each is read by one lane alone.
"""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory, ReadPort, WritePort
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .gearing import Gearing
from .position import Position, address, memory_depth, rotated

__all__ = ["OperandBuffer"]


class OperandBuffer(wiring.Component):
    """`lanes` × `depth` numbers of int8 for each of `slots` tiles.

    `write`: a word is stored at the end of a cycle with `valid`; `first` marks the first word of a tile, and `slot` is
    the same for all of its words. `data[lane]` is the number at `address[lane]` in the same cycle.
    """

    def __init__(self, lanes: int, depth: int, slots: int, word_bytes: int) -> None:
        self.gearing = Gearing(lanes, depth, word_bytes)
        self.slots = slots
        slot = bits_for(slots - 1)
        super().__init__(
            {
                "write": In(data.StructLayout({"valid": 1, "first": 1, "slot": slot, "word": 8 * word_bytes})),
                "address": In(data.StructLayout({"slot": slot, "index": bits_for(depth - 1)})).array(lanes),
                "data": Out(signed(8)).array(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        writes, reads = [], []
        for number in self.gearing.used:
            memory = Memory(shape=signed(8), depth=memory_depth(self.gearing, self.slots), init=[])
            m.submodules[f"memory_{number}"] = memory
            writes.append(memory.write_port())
            reads.append(memory.read_port(domain="comb"))
        self._write(m, writes)
        self._read(m, reads)
        return m

    def _write(self, m: Module, ports: list[WritePort]) -> None:
        """The word, turned to where it begins in its row."""
        gearing, write = self.gearing, self.write
        position = m.submodules.position = Position(gearing)
        m.d.comb += [position.first.eq(write.first), position.take.eq(write.valid)]
        # Bytes beyond the word are not stored. With the word once more in them, nothing is left of the rotation where
        # a row is a whole number of words.
        repeated = write.word.replicate(-(-gearing.row_bytes // gearing.word_bytes))[: 8 * gearing.row_bytes]
        turned = rotated(m, repeated, position.phase, 8 * gearing.step_bytes, "turned")
        mask: Value = Const((1 << gearing.word_bytes) - 1, gearing.row_bytes)
        mask = rotated(m, mask, position.phase, gearing.step_bytes, "mask")
        for number, port in zip(gearing.used, ports, strict=True):
            m.d.comb += [
                port.addr.eq(address(gearing, write.slot, position.row_of(number))),
                port.data.eq(turned.word_select(number, 8)),
                port.en.eq(write.valid & mask[number] & position.has(number)),
            ]

    def _read(self, m: Module, ports: list[ReadPort]) -> None:
        """Each lane reads its memories at one row; the low bits of its index choose among them."""
        gearing = self.gearing
        for lane, (wanted, found) in enumerate(zip(self.address, self.data, strict=True)):
            own = ports[lane :: gearing.lanes]
            row = wanted.index[gearing.choice_bits :]
            m.d.comb += [port.addr.eq(address(gearing, wanted.slot, row)) for port in own]
            m.d.comb += found.eq(Array(port.data for port in own)[wanted.index[: gearing.choice_bits]])
