"""The multiplier-adder of a processing element and of a lane: wide · narrow + addend, pipelined.

It is the one native operation that multiplies. Scores, weighted values, corrections and every step of the exponential
go through it, so its ports are as wide as the widest of them and no wider: by default 29 × 18 bits, which two 18 × 18
multipliers of an ECP5 make. Its product is an operator, which synthesis puts into such blocks, or additions, which it
puts into logic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from specs import SpecError, unknown

from .pipeline import delayed

__all__ = ["MULTIPLIERS", "Mac", "MacUnit"]

MULTIPLIERS = ("dsp", "logic")


@dataclass(frozen=True)
class Mac:
    """A multiplier-adder of signed words, one result a cycle, each `latency` cycles after its operands.

    >>> mac = Mac(latency=2)
    >>> int(mac.compute(-3, 5, 100)), mac.sum_bits
    (85, 49)
    """

    wide_bits: int = 29
    narrow_bits: int = 18
    addend_bits: int = 48
    latency: int = 1  # at least 1; from 2 on, the product has a register of its own
    multiplier: str = "dsp"  # or "logic": the same bits and the same latency

    def __post_init__(self) -> None:
        """Refuse another multiplier. SpecError."""
        if self.multiplier not in MULTIPLIERS:
            raise SpecError(unknown("multiplier", self.multiplier, MULTIPLIERS))

    @property
    def sum_bits(self) -> int:
        """Bits of a sum that can never overflow."""
        return max(self.wide_bits + self.narrow_bits, self.addend_bits) + 1

    def compute(self, wide: Any, narrow: Any, addend: Any = 0) -> Any:
        """The sum, elementwise and exact: in int64 where it fits, otherwise in Python's integers."""
        number = np.int64 if self.sum_bits <= 64 else object
        return np.asarray(wide, number) * np.asarray(narrow, number) + np.asarray(addend, number)

    def create(self) -> MacUnit:
        """The hardware."""
        return MacUnit(self)


class MacUnit(wiring.Component):
    """`sum` is wide · narrow + addend of `latency` cycles before; a new operation may start every cycle.

    `next` is what `sum` will be in the next cycle, for those who store it in a register of their own.
    """

    def __init__(self, parameters: Mac) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "wide": In(signed(parameters.wide_bits)),
                "narrow": In(signed(parameters.narrow_bits)),
                "addend": In(signed(parameters.addend_bits)),
                "next": Out(signed(parameters.sum_bits)),
                "sum": Out(signed(parameters.sum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Registers: of the operands from a latency of 3 on, of the product from 2 on, of the sum always."""
        m = Module()
        latency = self.parameters.latency
        wide, narrow, addend = (
            delayed(m, port, max(0, latency - 2), name)
            for name, port in (("wide", self.wide), ("narrow", self.narrow), ("addend", self.addend))
        )
        multiplied = wide * narrow if self.parameters.multiplier == "dsp" else _product(wide, narrow)
        product = Signal(signed(self.parameters.wide_bits + self.parameters.narrow_bits))
        if latency >= 2:
            m.d.sync += product.eq(multiplied)
            addend = delayed(m, addend, 1, "addend_of_product")
        else:
            m.d.comb += product.eq(multiplied)
        m.d.comb += self.next.eq(product + addend)
        m.d.sync += self.sum.eq(self.next)
        return m


def _product(wide: Value, narrow: Value) -> Value:
    """The product of two signed values, by additions alone: pairs of partial products, then pairs of their sums."""
    partial = [Mux(bit, wide, 0) for bit in narrow[:-1]]
    sums = [*partial, Mux(narrow[-1], -wide, 0)]  # the highest bit of a signed number counts negative
    places = 1  # from one sum to the next
    while len(sums) > 1:
        pairs = [low + (high << places) for low, high in zip(sums[::2], sums[1::2], strict=False)]
        sums = [*pairs, *sums[2 * len(pairs) :]]
        places *= 2
    return sums[0]
