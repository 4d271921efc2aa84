"""The exponential of a difference that is not positive, as a series of multiplier-adder operations.

exp(s - m) = 2^-x with x = (m - s) · halvings_per_score ≥ 0. Write x = i + f with i = round(x) and -1/2 ≤ f < 1/2; then
2^-x = 2^-f · 2^-i: a polynomial (see `polynomial`) and a shift. A processing element has one multiplier and no shifter
beside it: the shift is one more product, by the power of two that i selects. So the whole series is `mac` after `mac`,
shifts by constants are wires, and the same steps run in an element one after the other, in a lane, or in a pipelined
unit. They give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from specs import SpecError

from .mac import Mac
from .pipeline import delayed
from .polynomial import CUBIC, Polynomial

__all__ = ["WEIGHT_BITS", "WEIGHT_FRACTION_BITS", "Exponential", "ExponentialUnit", "Step", "saturated", "wires"]

HALVINGS_BITS = 5  # x saturates below 32, where the result has been 0 for long
# Weights of half a unit and less are lost: at worst 2^13 keys · 2^-27 = 6.1e-5 of a sum of 1. Two bits less, and that
# alone would be 2.4e-4.
WEIGHT_FRACTION_BITS = 26
WEIGHT_BITS = WEIGHT_FRACTION_BITS + 1  # 1 is a weight too, the largest
PLACE_BITS = WEIGHT_FRACTION_BITS + 2  # a power of two, 2^(27 - i); the last is worth half a unit of a weight
DIFFERENCE_BITS = PLACE_BITS  # unsigned, in the same port; a larger difference saturates
LEAST_SCALE, GREATEST_SCALE = 2.0**-32, 1.0  # halvings for a step of one in a score


@dataclass(frozen=True)
class Step:
    """One native operation: register `into` becomes (wide · narrow + addend) >> shift.

    An operand is a constant, one of the registers `difference` and `horner`, or is decoded from the register `x`
    without an operation: `fraction` (its bits below one, signed) and `place` (the power of two 2^(27 - i), or 0 below
    half a unit of the weight).
    """

    wide: str | int
    narrow: str | int
    addend: int
    shift: int
    into: str
    bits: int  # of the result
    signed: bool
    saturates: bool = False  # the result is the largest one where it would have more bits


@dataclass(frozen=True)
class Exponential:
    """2^-((maximum - score) · halvings_per_score) in units of 2^-26, of signed scores of `score_bits`.

    >>> exponential = Exponential.of(score_bits=20, halvings_per_score=1 / 256)
    >>> exponential.compute(1000, [1000, 1000 - 256, 1000 - 257, 1000 - 27 * 256, 1000 - 28 * 256]).tolist()
    [67108864, 33554432, 33463808, 1, 0]
    >>> exponential.latency, len(exponential.series)
    (6, 5)
    """

    score_bits: int
    multiplier: int  # of fraction_bits + 1 bits, the first of them 1
    shift: int  # halvings_per_score is multiplier / 2^(fraction_bits + shift)
    polynomial: Polynomial = CUBIC
    mac_latency: int = 1

    @classmethod
    def of(
        cls, score_bits: int, halvings_per_score: float, polynomial: Polynomial = CUBIC, mac_latency: int = 1
    ) -> Exponential:
        """The multiplier and shift nearest to a scale. SpecError if it is outside of what the series can hold."""
        if not LEAST_SCALE <= halvings_per_score <= GREATEST_SCALE:
            raise SpecError(
                f"a step of one in a score halves its weight {halvings_per_score:g} times; allowed: {LEAST_SCALE:g} to "
                f"{GREATEST_SCALE:g} times; change score_scale, which is ln 2 = 0.693 times that"
            )
        mantissa, exponent = math.frexp(halvings_per_score)  # mantissa in [1/2, 1)
        bits = polynomial.fraction_bits
        multiplier, shift = round(math.ldexp(mantissa, bits + 1)), 1 - exponent
        if multiplier == 2 << bits:
            multiplier, shift = 1 << bits, shift - 1
        reach = math.ldexp(multiplier, DIFFERENCE_BITS - bits - shift)
        if score_bits > DIFFERENCE_BITS and reach < 1 << HALVINGS_BITS:
            raise SpecError(
                f"a difference of scores of {score_bits} bits saturates at 2^{DIFFERENCE_BITS}, and at "
                f"{halvings_per_score:g} halvings a step that is 2^-{reach:.3g}, which is not yet 0; allowed: at least "
                f"{(1 << HALVINGS_BITS) / (1 << DIFFERENCE_BITS):g} halvings a step; take a larger score_scale or a "
                "smaller head_dim"
            )
        return cls(score_bits, multiplier, shift, polynomial, mac_latency)

    @property
    def halvings_per_score(self) -> float:
        """The scale after rounding; within 2^-(fraction_bits + 1) of itself of the one asked for."""
        return math.ldexp(self.multiplier, -self.polynomial.fraction_bits - self.shift)

    @property
    def x_bits(self) -> int:
        """Bits of x, unsigned."""
        return HALVINGS_BITS + self.polynomial.fraction_bits

    @property
    def mac(self) -> Mac:
        """The least multiplier-adder that can do the series."""
        bits = self.polynomial.fraction_bits
        return Mac(PLACE_BITS + 1, bits + 2, 2 * bits + 2, self.mac_latency)

    @property
    def difference_bits(self) -> int:
        """Bits of maximum - score, which is not negative."""
        return min(self.score_bits, DIFFERENCE_BITS)

    @property
    def series(self) -> tuple[Step, ...]:
        """What follows the subtraction, which is the cascade's own: native operations, each on the result before."""
        polynomial, up = self.polynomial, self.polynomial.fraction_bits
        *lower, first = polynomial.coefficients
        operands: list[str | int] = [first, *["horner"] * len(lower)]
        addends = [(coefficient << up) + (polynomial.one >> 1) for coefficient in (*reversed(lower), polynomial.one)]
        return (
            Step("difference", self.multiplier, 1 << self.shift >> 1, self.shift, "x", self.x_bits, False, True),
            *(
                Step(operand, "fraction", addend, up, "horner", up + 2, True)
                for operand, addend in zip(operands, addends, strict=True)
            ),
            Step("place", "horner", polynomial.one, up + 1, "weight", WEIGHT_BITS, False),
        )

    @property
    def latency(self) -> int:
        """Cycles from the operands to the weight of the pipelined unit: the subtraction and the series."""
        return 1 + len(self.series) * self.mac_latency

    def compute(self, maximum: Any, score: Any, visible: Any = True) -> Any:
        """The weights, int64, elementwise; 0 where not `visible`.

        ValueError where a visible score is above the maximum.
        """
        difference = np.asarray(maximum, np.int64) - np.asarray(score, np.int64)
        if np.any((difference < 0) & visible):
            raise ValueError("a score is above the running maximum, which has to be taken first")
        difference = np.clip(difference, 0, (1 << self.difference_bits) - 1)
        x = np.minimum((difference * self.multiplier + (1 << self.shift >> 1)) >> self.shift, (1 << self.x_bits) - 1)
        polynomial, up = self.polynomial, self.polynomial.fraction_bits
        halvings = (x + (polynomial.one >> 1)) >> up
        mantissa = polynomial.compute(x - (halvings << up))
        # To the nearest unit of 2^-26; from 28 halvings on nothing is left, since a mantissa is below 1.42.
        weight = ((mantissa << PLACE_BITS >> halvings) + 2 * polynomial.one) >> (up + 2)
        return np.where(visible, weight, 0)

    def execute(self, difference: Any) -> Any:
        """The series itself, operation after operation, on differences that are not negative."""
        registers = {"difference": np.minimum(np.asarray(difference, np.int64), (1 << self.difference_bits) - 1)}
        for step in self.series:
            wide, narrow = (_number(operand, registers, self.polynomial) for operand in (step.wide, step.narrow))
            result = self.mac.compute(wide, narrow, step.addend) >> step.shift
            registers[step.into] = np.minimum(result, (1 << step.bits) - 1) if step.saturates else result
        return registers["weight"]

    def create(self) -> ExponentialUnit:
        """The pipelined unit, one weight a cycle."""
        return ExponentialUnit(self)


def _number(operand: str | int, registers: dict[str, Any], polynomial: Polynomial) -> Any:
    """An operand of the series in NumPy."""
    if operand == "fraction":
        low = registers["x"] & (polynomial.one - 1)
        return np.where(low < polynomial.one >> 1, low, low - polynomial.one)
    if operand == "place":
        halvings = (registers["x"] + (polynomial.one >> 1)) >> polynomial.fraction_bits
        return (1 << (PLACE_BITS - 1)) >> halvings
    return operand if isinstance(operand, int) else registers[operand]


def wires(operand: str | int, registers: dict[str, Value], polynomial: Polynomial) -> Value:
    """An operand of the series in hardware."""
    bits = polynomial.fraction_bits
    if operand == "fraction":
        return registers["x"][:bits].as_signed()
    if operand == "place":
        halvings = registers["x"][bits:] + registers["x"][bits - 1]
        return Const(1 << (PLACE_BITS - 1), PLACE_BITS) >> halvings
    return Const(operand, signed(bits + 2)) if isinstance(operand, int) else registers[operand]


class ExponentialUnit(wiring.Component):
    """`weight` is the exponential of the operands of `latency` cycles before; a new pair may come every cycle."""

    def __init__(self, parameters: Exponential) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "maximum": In(signed(parameters.score_bits)),
                "score": In(signed(parameters.score_bits)),
                "visible": In(1),
                "weight": Out(unsigned(WEIGHT_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """A subtractor, then one multiplier-adder for each step of the series."""
        m = Module()
        parameters = self.parameters
        difference = Signal(unsigned(parameters.difference_bits))
        whole = Signal(unsigned(parameters.score_bits))
        m.d.comb += whole.eq(self.maximum - self.score)
        m.d.sync += difference.eq(saturated(whole, parameters.difference_bits))
        registers: dict[str, Value] = {"difference": difference}
        for index, step in enumerate(parameters.series):
            mac = parameters.mac.create()
            m.submodules[f"step_{index}"] = mac
            m.d.comb += [
                mac.wide.eq(wires(step.wide, registers, parameters.polynomial)),
                mac.narrow.eq(wires(step.narrow, registers, parameters.polynomial)),
                mac.addend.eq(step.addend),
            ]
            if "x" in registers:
                registers["x"] = delayed(m, registers["x"], parameters.mac_latency, f"x_{index}")
            result = Signal(signed(step.bits) if step.signed else unsigned(step.bits), name=f"{step.into}_{index}_now")
            total = mac.sum >> step.shift
            m.d.comb += result.eq(saturated(total, step.bits) if step.saturates else total)
            registers[step.into] = result
        visible = delayed(m, self.visible, parameters.latency, "visible")
        m.d.comb += self.weight.eq(Mux(visible, registers["weight"], 0))
        return m


def saturated(value: Value, bits: int) -> Value:
    """A value that is not negative, or the largest of `bits` bits where it needs more."""
    return Mux(value[bits:].any(), (1 << bits) - 1, value[:bits]) if len(value) > bits else value
