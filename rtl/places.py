"""Where values lie until they are read: by turn in a ring, by query in a state, and by feature where there are many."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Places"]


class Places(wiring.Component):
    """`count` numbers with `features` values each; in each cycle one may be stored and one is read.

    A value that is stored in a cycle is read from the next one on. Of a number only the bits that tell places apart
    count: where `count` is a power of two, a turn lies in place turn mod count. At first everything is 0.
    """

    def __init__(self, shape: Any, count: int, features: int = 1) -> None:
        self.number_bits, self.index_bits = (count - 1).bit_length(), (features - 1).bit_length()
        self.depth = count << self.index_bits
        address = max(1, self.number_bits + self.index_bits)  # a single place has an address too: 0
        super().__init__(
            {
                "valid": In(1),
                "written": In(address),
                "input": In(shape),
                "shown": In(address),
                "output": Out(shape),
            }
        )

    def store(self, module: Module, valid: Any, value: Any, number: Value, index: Value) -> None:
        """Connect what is stored at the end of a cycle if `valid`."""
        module.d.comb += [self.valid.eq(valid), self.input.eq(value), self.written.eq(self._address(number, index))]

    def read(self, module: Module, number: Value, index: Value) -> Any:
        """Connect what is read; the value, in the same cycle."""
        module.d.comb += self.shown.eq(self._address(number, index))
        return self.output

    def _address(self, number: Value, index: Value) -> Value:
        """The number above the feature, in the bits that each of them needs."""
        return Cat(index[: self.index_bits], number[: self.number_bits])

    def elaborate(self, platform: Any) -> Module:
        """A memory, or a register where there is one place: a memory of one would have an address of no bits."""
        m = Module()
        if self.depth == 1:
            with m.If(self.valid):
                m.d.sync += self.output.eq(self.input)
            return m
        memory = m.submodules.memory = Memory(shape=self.input.shape(), depth=self.depth, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.valid),
            write.addr.eq(self.written),
            write.data.eq(self.input),
            read.addr.eq(self.shown),
            self.output.eq(read.data),
        ]
        return m
