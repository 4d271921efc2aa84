"""The polynomials behind an exponential: 2^-f for fractions f around 0, in fixed point.

Why f is centred: where the maximum does not move, x = 0 and the result has to be exactly 1, or every key tile would
shrink what came before it. Over -1/2 ≤ f < 1/2 a cubic with p(0) = 1 is off by 1.1e-4 at most, and by the square of f
near 0; over 0 ≤ f < 1 it would be off by 2e-3 · f there. The two ends meet, p(1/2) ≥ p(-1/2) / 2, so the result never
rises with x.

Why there are two polynomials: a weight is used once, so its relative error counts once. A correction's factor meets all
that came before, and there may be one a tile: at X halvings in total, errors e(x) of each add up to X · |e(x)| / x.
Where many keys share a low score, factors by the cubic would cost 1.4e-4 of a probability. That is worth one more step
in the lanes, of which there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CUBIC", "QUARTIC", "Polynomial"]


@dataclass(frozen=True)
class Polynomial:
    """2^-f on [-1/2, 1/2) as 1 + c1·f + c2·f² + ..., everything in units of 2^-fraction_bits.

    >>> [round(int(CUBIC.compute(int(f * CUBIC.one))) / CUBIC.one, 4) for f in (-0.5, -0.25, 0, 0.25)]
    [1.4141, 1.1893, 1.0, 0.841]
    """

    fraction_bits: int  # of x, too
    coefficients: tuple[int, ...]  # c1 first

    @property
    def one(self) -> int:
        """The integer that stands for 1."""
        return 1 << self.fraction_bits

    def compute(self, fraction: Any) -> Any:
        """Horner's rule, each step rounded to the nearest: int64, elementwise."""
        half = self.one >> 1
        *lower, result = (self.one, *self.coefficients)
        for coefficient in reversed(lower):
            result = (result * fraction + (coefficient << self.fraction_bits) + half) >> self.fraction_bits
        return result


# Minimax of the relative error under p(0) = 1, and of the integers nearby those with the least error after roundings:
# 1.14e-4. For weights, in the elements.
CUBIC = Polynomial(16, (-45437, 15873, -3593))
# Minimax of |e(x)| / x, which is what corrections add up: 8.6e-6, and |e| ≤ 5.5e-6. For factors, in the lanes.
QUARTIC = Polynomial(24, (-11628962, 4030974, -936680, 159040))
