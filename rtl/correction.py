"""The correction of a running state when the maximum moves: state · factor, to the nearest unit of the state.

A factor of exactly 1 changes nothing. No correction makes a state larger in magnitude, so states stay within the sum
of what was added to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .exponential import WEIGHT_BITS, WEIGHT_FRACTION_BITS
from .mac import Mac

__all__ = ["Correction", "CorrectionUnit"]

HALF = 1 << (WEIGHT_FRACTION_BITS - 1)


@dataclass(frozen=True)
class Correction:
    """floor(state · factor + 1/2) for signed states of `state_bits` and factors in units of 2^-26, at most 1.

    >>> Correction(state_bits=45).compute([1000, -1000, 3], [1 << 26, 1 << 25, 1 << 25]).tolist()
    [1000, -500, 2]
    """

    state_bits: int
    mac_latency: int = 1

    @property
    def latency(self) -> int:
        """Cycles from the operands to the corrected state; one may start every cycle."""
        return self.mac_latency

    @property
    def mac(self) -> Mac:
        """The multiplier-adder of a lane: states are wide, factors narrow, the addend rounds or carries a state."""
        return Mac(self.state_bits, WEIGHT_BITS + 1, self.state_bits + WEIGHT_FRACTION_BITS, self.mac_latency)

    def compute(self, state: Any, factor: Any) -> Any:
        """The corrected states, int64, elementwise and exact."""
        state, factor = np.asarray(state, np.int64), np.asarray(factor, np.int64)
        # state = high · 2^26 + low, and high · 2^26 · factor needs no rounding: two products of less than 64 bits.
        high, low = state >> WEIGHT_FRACTION_BITS, state & ((1 << WEIGHT_FRACTION_BITS) - 1)
        return high * factor + ((low * factor + HALF) >> WEIGHT_FRACTION_BITS)

    def create(self) -> CorrectionUnit:
        """The hardware."""
        return CorrectionUnit(self)


class CorrectionUnit(wiring.Component):
    """`corrected` is the product of `latency` cycles before, rounded; a new pair may come every cycle."""

    def __init__(self, parameters: Correction) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "state": In(signed(parameters.state_bits)),
                "factor": In(unsigned(WEIGHT_BITS)),
                "corrected": Out(signed(parameters.state_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """One multiplier-adder; half a unit is the addend."""
        m = Module()
        mac = m.submodules.mac = self.parameters.mac.create()
        m.d.comb += [
            mac.wide.eq(self.state),
            mac.narrow.eq(self.factor),
            mac.addend.eq(HALF),
            self.corrected.eq(mac.sum >> WEIGHT_FRACTION_BITS),
        ]
        return m
