"""The final division: a numerator by a denominator, restoring, some quotient bits a cycle.

It comes once for each query and feature, after the last key tile, so it is sequential and small: one subtractor of the
denominator's width for each bit of a cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Divider", "Division"]


@dataclass(frozen=True)
class Division:
    """numerator / denominator in units of 2^-fraction_bits, to the nearest, halves away from 0; anything / 0 is 0.

    The rounded quotient has to be below 2^integer_bits in magnitude.

    >>> division = Division(numerator_bits=20, denominator_bits=12, integer_bits=8, fraction_bits=2)
    >>> division.compute([100, -100, 127, 5], [3, 3, 2, 0]).tolist()      # 33.33, -33.33, 63.5 and nothing
    [133, -133, 254, 0]
    >>> division.latency
    12
    """

    numerator_bits: int  # signed
    denominator_bits: int  # unsigned
    integer_bits: int = 8
    fraction_bits: int = 16
    bits_per_cycle: int = 1

    @property
    def quotient_bits(self) -> int:
        """Bits of the signed result."""
        return self.integer_bits + self.fraction_bits + 1

    @property
    def steps(self) -> int:
        """Quotient bits that are computed: those of the magnitude, and one more to round by."""
        return self.integer_bits + self.fraction_bits + 1

    @property
    def cycles(self) -> int:
        """Cycles in which quotient bits are computed."""
        return -(-self.steps // self.bits_per_cycle)

    @property
    def latency(self) -> int:
        """Cycles from the operands to the quotient; another division may start in the cycle of the quotient."""
        return 1 + self.cycles

    def compute(self, numerator: Any, denominator: Any) -> Any:
        """The quotients, int64, elementwise and exact. ValueError where a quotient would be too large."""
        numerator, denominator = np.broadcast_arrays(np.asarray(numerator, np.int64), np.asarray(denominator, np.int64))
        magnitude, divisor = np.abs(numerator), np.maximum(denominator, 1)
        whole, rest = magnitude // divisor, magnitude % divisor
        whole = np.where(denominator == 0, 0, np.minimum(whole, 1 << self.integer_bits))
        for _ in range(self.fraction_bits + 1):  # bit by bit: the rest shifted at once may need more than 64 bits
            rest = rest << 1
            whole = (whole << 1) + (rest >= divisor)
            rest = np.where(rest >= divisor, rest - divisor, rest)
        rounded = (whole + 1) >> 1
        if np.any((rounded >> (self.integer_bits + self.fraction_bits) > 0) & (denominator != 0)):
            raise ValueError(
                f"a quotient is 2^{self.integer_bits} or more; it has {self.integer_bits} bits before the point"
            )
        return np.where(denominator == 0, 0, np.sign(numerator) * rounded)

    def create(self) -> Divider:
        """The hardware."""
        return Divider(self)


class Divider(wiring.Component):
    """A `start` while `ready` takes the operands; `latency` cycles later `done` is 1 for one cycle.

    `quotient` stays until the next start.
    """

    def __init__(self, parameters: Division) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "start": In(1),
                "ready": Out(1),
                "numerator": In(signed(parameters.numerator_bits)),
                "denominator": In(unsigned(parameters.denominator_bits)),
                "done": Out(1),
                "quotient": Out(signed(parameters.quotient_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Remainder and quotient shift together, most significant bit first; the low numerator bits follow in."""
        m = Module()
        parameters = self.parameters
        magnitude = Signal(unsigned(parameters.numerator_bits))
        m.d.comb += magnitude.eq(Mux(self.numerator < 0, -self.numerator, self.numerator))

        # |n| < d · 2^integer_bits, so |n| >> integer_bits is a remainder: less than d.
        remainder = Signal(unsigned(parameters.denominator_bits))
        divisor = Signal(unsigned(parameters.denominator_bits))
        bits = parameters.cycles * parameters.bits_per_cycle  # a last cycle may compute bits that are not used
        following = Signal(unsigned(parameters.integer_bits))  # numerator bits still to come, then zeros
        quotient = Signal(unsigned(bits))
        negative = Signal()
        left = Signal(range(parameters.cycles + 1))
        m.d.comb += self.ready.eq(left == 0)
        m.d.sync += self.done.eq(left == 1)

        with m.If(left != 0):
            rest, shifted, found = remainder, following, quotient
            for place in range(parameters.bits_per_cycle):
                trial = Signal(unsigned(parameters.denominator_bits + 1), name=f"trial_{place}")
                fits = Signal(name=f"fits_{place}")
                left_over = Signal(unsigned(parameters.denominator_bits), name=f"left_over_{place}")
                m.d.comb += [
                    trial.eq(Cat(shifted[-1], rest)),
                    fits.eq(trial >= divisor),
                    left_over.eq(Mux(fits, trial - divisor, trial)),
                ]
                rest = left_over
                shifted = Cat(0, shifted)[: parameters.integer_bits]
                found = Cat(fits, found)[:bits]
            m.d.sync += [remainder.eq(rest), following.eq(shifted), quotient.eq(found), left.eq(left - 1)]
        with m.Elif(self.start):
            m.d.sync += [
                remainder.eq(magnitude >> parameters.integer_bits),
                following.eq(magnitude),
                divisor.eq(self.denominator),
                negative.eq(self.numerator < 0),
                left.eq(parameters.cycles),
            ]

        rounded = (quotient[bits - parameters.steps :] + 1) >> 1
        m.d.comb += self.quotient.eq(Mux(divisor == 0, 0, Mux(negative, -rounded, rounded)))
        return m
