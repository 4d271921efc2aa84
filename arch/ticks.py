"""Times of a data sheet: whole ticks of the command clock, or times such as `350 ns`.

A time becomes ticks by rounding up, for a command may come later and not earlier. What is not more than a millionth of
a tick over a whole number of them is that number: `1 / 0.66 ns` is no finite decimal.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from specs import Quantity
from specs.scalars import show_scalar
from specs.units import DIMENSIONS

MOST_TICKS = 1 << 20
SLACK = Fraction(1, 10**6)  # of a tick

_TIME = Quantity("time")


def read_ticks(found: Any) -> int | Fraction:
    """Ticks as an int, a time in seconds as a fraction. Raises ValueError that says what was found and is allowed.

    >>> read_ticks(54), read_ticks("54"), read_ticks("350 ns")
    (54, 54, Fraction(7, 20000000))
    >>> read_ticks(2.5)
    Traceback (most recent call last):
    ...
    ValueError: expected whole ticks such as 54, or a time such as '350 ns', found 2.5
    """
    if isinstance(found, str) and found.strip().isdecimal() and len(found) <= 20:
        found = int(found)
    if isinstance(found, str) and any(found.strip().endswith(unit) for unit in DIMENSIONS["time"].units):
        return Fraction(repr(_TIME.read(found)))
    whole = isinstance(found, int | float) and not isinstance(found, bool) and found == found // 1
    if not whole:
        raise ValueError(f"expected whole ticks such as 54, or a time such as '350 ns', found {show_scalar(found)}")
    if not 0 < found <= MOST_TICKS:
        bound = "must be greater than zero" if found <= 0 else f"must be at most {MOST_TICKS} ticks"
        raise ValueError(f"{bound}: found {show_scalar(found)}")
    return int(found)


def in_ticks(value: int | Fraction, clock_hz: float) -> int:
    """The ticks of a value of `read_ticks`, of a clock of that frequency.

    >>> in_ticks(54, 2e9), in_ticks(read_ticks("350 ns"), 1.3e9), in_ticks(read_ticks("350 ns"), 1.301e9)
    (54, 455, 456)
    """
    if isinstance(value, int):
        return value
    return max(1, math.ceil(value * Fraction(repr(clock_hz)) - SLACK))


Ticks = Annotated[
    int | Fraction,
    PlainValidator(read_ticks),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_TICKS},
                {"type": "string", "pattern": DIMENSIONS["time"].pattern(), "examples": ["350 ns"]},
            ],
            "description": "ticks of the clock, or a time",
        }
    ),
]
