"""Every width and scale of the generated array, derived from the sizes of a design.

Inputs are int8, scores exact integers, weights in units of 2^-26, sums of them exact integers again. So a width follows
from the largest number there can be, and nothing that is added ever overflows; what cannot be held is refused with the
arithmetic before anything is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from amaranth.hdl import Shape

from specs import Problem, SpecError

from .correction import Correction
from .division import Division
from .exponential import WEIGHT_FRACTION_BITS, Exponential
from .polynomial import CUBIC, QUARTIC, Polynomial

__all__ = ["Formats", "Word"]

INPUT_BITS = 8
LARGEST_INPUT = 1 << (INPUT_BITS - 1)  # in magnitude: -128
SCORE_LIMIT_BITS = 32  # scores leave the array as int32
OUTPUT_FRACTION_BITS = 16
INTEGER_BITS = 8  # of a quotient's magnitude: an average of values is at most 128, and see MOST_KEYS
ONE = 1 << WEIGHT_FRACTION_BITS

# |RNV| ≤ 128 · RD holds before corrections. Each rounds by at most half a unit: RNV up by 1/2, 128 · RD down by 64. The
# largest key of all has a weight of 1, so RD ≥ 2^26, and |AV| ≤ 128 + 64.5 · keys / 2^26, to be less than 2^8.
MOST_KEYS = 1 << 26


@dataclass(frozen=True)
class Word:
    """A number of the array: an integer of so many bits, in units of 2^-fraction_bits.

    >>> Word(8, True).low, Word(8, True).high, str(Word(27, False, 26))
    (-128, 127, 'u27 · 2^-26')
    """

    bits: int
    signed: bool
    fraction_bits: int = 0

    @property
    def low(self) -> int:
        """The least integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest integer."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def shape(self) -> Shape:
        """The word in hardware."""
        return Shape(self.bits, self.signed)

    def holds(self, numbers: Any) -> bool:
        """Whether every integer fits."""
        numbers = np.asarray(numbers)
        return numbers.size == 0 or (int(numbers.min()) >= self.low and int(numbers.max()) <= self.high)

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.bits}" + (
            f" · 2^-{self.fraction_bits}" if self.fraction_bits else ""
        )


@dataclass(frozen=True)
class Formats:
    """The formats of one design: its sizes in, a `Word` for every tensor of the cascade out.

    >>> formats = Formats(head_dim=64, value_dim=64, key_tile=256, max_keys=8192)
    >>> print(formats.words["QK"], formats.words["SLN"], formats.words["RD"], formats.words["RNV"], sep=", ")
    s22, u27 · 2^-26, u40 · 2^-26, s47 · 2^-26
    >>> formats.lowest, round(formats.weight().halvings_per_score * 2**11, 4)      # 1 / ln 2
    (-2097152, 1.4427)
    """

    head_dim: int
    value_dim: int
    key_tile: int  # keys that are reduced together: rows of the array
    max_keys: int = 1 << 16
    score_scale: float | None = None  # of exp(score_scale · (q · k)); left out: inputs in 1/16, over √head_dim
    state_bits: int = 64  # of a word that the buffers keep for a running state

    def __post_init__(self) -> None:
        """Refuse what cannot be held, everything at once. SpecError."""
        complaints = [
            f"{name} {value}: it is not a positive integer"
            for name in ("head_dim", "value_dim", "key_tile", "max_keys", "state_bits")
            if not isinstance(value := getattr(self, name), int) or value < 1
        ]
        scale = self.score_scale
        if scale is not None and not (math.isfinite(scale) and scale > 0):
            complaints.append(f"score_scale {scale}: it is not a positive number")
        if not complaints:
            complaints = [sentence for sentence in (self._score_fault(), *self._state_faults()) if sentence]
        if complaints:
            raise SpecError([Problem(sentence) for sentence in complaints])
        self.weight()  # refuses a scale out of range

    def _score_fault(self) -> str | None:
        product = LARGEST_INPUT**2
        most, limit = self.head_dim * product, (1 << (SCORE_LIMIT_BITS - 1)) - 1
        if most <= limit:
            return None
        return (
            f"head_dim {self.head_dim}: a score may reach {self.head_dim} · 128 · 128 = {most}, more than int32's "
            f"{limit}; allowed: head_dim 1 to {limit // product}"
        )

    def _state_faults(self) -> list[str]:
        faults = []
        if self.state_bits > 64:
            faults.append(f"state_bits {self.state_bits}: allowed: 1 to 64")
        if self.max_keys > MOST_KEYS:
            faults.append(
                f"max_keys {self.max_keys}: roundings of {self.max_keys} corrections may lift an output to "
                f"128 + 64.5 · {self.max_keys} / 2^26 = {128 + 64.5 * self.max_keys / ONE:.0f}; "
                f"allowed: max_keys 1 to {MOST_KEYS}"
            )
        elif self.state_bits < (needed := self.words["RNV"].bits):
            room = self.state_bits - _numerator_bits(1)
            mend = f"max_keys 1 to {1 << room}, or state_bits {needed}" if room >= 0 else f"state_bits from {needed}"
            faults.append(
                f"max_keys {self.max_keys}: a numerator needs {WEIGHT_FRACTION_BITS} (weight) + {INPUT_BITS - 1} "
                f"(value) + {_doublings(self.max_keys)} (keys) + 1 (sign) = {needed} bits, and a state has "
                f"{self.state_bits}; allowed: {mend}"
            )
        return faults

    @property
    def logit_per_score(self) -> float:
        """What one unit of a score is worth in the exponent of e."""
        return self.score_scale if self.score_scale is not None else 2.0**-8 / math.sqrt(self.head_dim)

    @property
    def lowest(self) -> int:
        """The score of a key that is not visible, and the maximum before any key: less than every score."""
        return self.words["QK"].low

    @cached_property
    def words(self) -> Mapping[str, Word]:
        """The word of every tensor of the cascade, by name."""
        value = Word(INPUT_BITS, True)
        # 128 · 128 · head_dim is a score; 2^(bits - 1) is not, so the least word of a score is free to mean none.
        score = Word(1 + (self.head_dim * LARGEST_INPUT**2).bit_length(), True)
        weight = Word(ONE.bit_length(), False, WEIGHT_FRACTION_BITS)
        tile = min(self.key_tile, self.max_keys)
        tile_sum, total = (
            Word((keys * ONE).bit_length(), False, WEIGHT_FRACTION_BITS) for keys in (tile, self.max_keys)
        )
        tile_dot, dot = (Word(_numerator_bits(keys), True, WEIGHT_FRACTION_BITS) for keys in (tile, self.max_keys))
        output = Word(self.division.quotient_bits, True, OUTPUT_FRACTION_BITS)
        return {
            **{"Q": value, "K": value, "V": value},
            **{"QK": score, "LM": score, "RM": score},
            **{"SLN": weight, "PRM": weight, "SLD": tile_sum, "SPD": total, "RD": total},
            **{"SLNV": tile_dot, "SPNV": dot, "RNV": dot, "AV": output},
        }

    def weight(self, mac_latency: int = 1) -> Exponential:
        """The block that makes SLN, in the elements."""
        return self._exponential(CUBIC, mac_latency)

    def factor(self, mac_latency: int = 1) -> Exponential:
        """The block that makes PRM, in the lanes."""
        return self._exponential(QUARTIC, mac_latency)

    def _exponential(self, polynomial: Polynomial, mac_latency: int) -> Exponential:
        return Exponential.of(self.words["QK"].bits, self.logit_per_score / math.log(2), polynomial, mac_latency)

    def correction(self, mac_latency: int = 1) -> Correction:
        """The block that makes SPD and SPNV: states are as wide as a numerator, which holds a denominator too."""
        return Correction(_numerator_bits(self.max_keys), mac_latency)

    @property
    def division(self) -> Division:
        """The block that makes AV."""
        numerator, denominator = _numerator_bits(self.max_keys), (self.max_keys * ONE).bit_length()
        return Division(numerator, denominator, INTEGER_BITS, OUTPUT_FRACTION_BITS)


def _doublings(keys: int) -> int:
    """Bits by which a sum of so many equal terms is longer than one of them."""
    return (keys - 1).bit_length()


def _numerator_bits(keys: int) -> int:
    """Bits of a sum of weight · value over so many keys: -128 · 2^24 · keys is the least there is."""
    return WEIGHT_FRACTION_BITS + INPUT_BITS - 1 + _doublings(keys) + 1
