"""Quantities with units: `940 MHz`, `16 MiB`, `400 GiB/s`, `16Ki`. No unit is implied.

`parse_quantity` and `show_quantity` are inverse to each other. The annotated types (`Count`, `Frequency`,
`Size`, ...) are what a pydantic model writes for its fields; the model then holds plain numbers in base
units (Hz, bytes, bits, bytes per second, seconds, joules, mm2, watts, volts, amperes).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction as Exact
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from specs.problems import shorten
from specs.scalars import show_scalar
from specs.units import (
    LONGEST_NUMBER,
    NUMBER_PATTERN,
    Dimension,
    decimal_text,
    dimension_named,
    limit_problem,
    measure,
    plain_number,
)

_QUANTITY = re.compile(rf"({NUMBER_PATTERN})\s*(.*)", re.DOTALL)
_NOT_FINITE = re.compile(r"[+-]?\.?(nan|inf|infinity)\b", re.IGNORECASE)


def parse_quantity(text: str, dimension: str) -> int | float:
    """The value in the base unit of the dimension; an int where the dimension counts things and the value
    is whole.

    Dimensions: count, frequency (Hz), size (bytes), width (bits), bandwidth (bytes per second), time (s),
    energy (J), area (mm2), power (W), voltage (V), current (A), fraction. Raises ValueError that says what was
    found and what is allowed. How large a value may be is the annotated types' matter: `specs.units.LIMITS`.

    >>> parse_quantity("16 MiB", "size"), parse_quantity("1.41GHz", "frequency")
    (16777216, 1410000000)
    >>> parse_quantity("940", "frequency")
    Traceback (most recent call last):
    ...
    ValueError: missing unit: found '940', expected a frequency such as '940 MHz'
    """
    kind = dimension_named(dimension)
    stripped = text.strip()
    match = _QUANTITY.fullmatch(stripped)
    if match is None or len(stripped) > LONGEST_NUMBER + 16:
        if _NOT_FINITE.match(stripped):
            raise ValueError(f"expected a finite number, found '{shorten(stripped)}'")
        raise ValueError(f"found '{shorten(text)}', expected {kind.expected}")
    return plain_number(measure(match[1], match[2], kind), kind, show_scalar(text))


def show_quantity(value: int | float, dimension: str) -> str:
    """The shortest text with a unit that `parse_quantity` reads back to the same number.

    >>> show_quantity(16777216, "size"), show_quantity(940e6, "frequency"), show_quantity(1.2e-12, "energy")
    ('16 MiB', '940 MHz', '1.2 pJ')
    >>> show_quantity(16384, "count"), show_quantity(1000, "count"), show_quantity(0.9, "fraction")
    ('16Ki', '1000', '0.9')
    """
    kind = dimension_named(dimension)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, found '{value}'")
    gap = " " if kind.base else ""
    if kind.exact and value == int(value):
        value = int(value)  # read back as an int, so written with all its digits
    texts = [f"{value!r}{gap}{kind.base}"]
    exact = Exact(value) if isinstance(value, int) else Exact(repr(value))
    for unit in kind.shown:
        digits = decimal_text(exact / kind.units[unit])
        if digits is not None and (kind.base or "." not in digits):  # 1536 reads better than 1.5Ki
            texts.append(f"{digits}{gap}{unit}")
    if value == 0:
        return texts[0] if not kind.base else f"0 {kind.base}"
    return min(reversed(texts), key=len)  # of equally short ones, that with the largest unit


class BaseInt(int):
    """A whole number that is already in base units, made by `in_base_units`."""


class BaseFloat(float):
    """A number that is already in base units, made by `in_base_units`."""


def in_base_units(value: int | float) -> BaseInt | BaseFloat:
    """Marks a number as being in base units, so that a quantity field takes it without a unit.

    For values that a program computed; a spec file cannot write one.

    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Frequency).validate_python(in_base_units(940_000_000))
    940000000
    """
    return BaseInt(value) if isinstance(value, int) else BaseFloat(value)


@dataclass(frozen=True)
class Quantity:
    """The annotation that makes a model field a quantity of one dimension, within limits.

    Use the ready types below; `Annotated[float, Quantity("energy", zero=True)]` makes another.
    """

    dimension: str
    zero: bool = False  # zero is allowed
    whole: bool = False  # whole base units only
    most: int | float | None = None  # a tighter limit than the dimension's

    def read(self, found: Any) -> int | float:
        """The checked number for a value found in a spec. Raises ValueError."""
        kind = dimension_named(self.dimension)
        value = self._number(found, kind)
        problem = limit_problem(value, show_scalar(found), kind)
        if problem:
            raise ValueError(problem)
        if value < 0 or (value == 0 and not self.zero):
            bound = "must not be negative" if self.zero else "must be greater than zero"
            raise ValueError(f"{bound}: found {show_scalar(found)}")
        if self.whole and not isinstance(value, int):
            raise ValueError(f"must be a whole number of bytes: found {show_scalar(found)}")
        if self.most is not None and value > self.most:
            raise ValueError(f"must be at most {self.most}: found {show_scalar(found)}")
        return value

    def _number(self, found: Any, kind: Dimension) -> int | float:
        if isinstance(found, BaseInt | BaseFloat):
            if isinstance(found, BaseFloat) and not math.isfinite(found):
                raise ValueError(f"expected a finite number, found {float(found)}")
            return plain_number(Exact(int(found) if isinstance(found, BaseInt) else float(found)), kind)
        if isinstance(found, str):
            return parse_quantity(found, self.dimension)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ValueError(f"found {show_scalar(found)}, expected {kind.expected}")
        if isinstance(found, float) and not math.isfinite(found):
            raise ValueError(f"expected a finite number, found {found}")
        if not kind.bare:
            raise ValueError(f"missing unit: found {_quoted(found)}, expected {kind.expected}")
        return plain_number(Exact(found), kind)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kind = dimension_named(self.dimension)
        examples = kind.example.split("' or '")
        text = {"type": "string", "pattern": kind.pattern(), "examples": examples}
        unit = f", held in {kind.base}" if kind.base else ""
        title = f"{kind.article} {kind.name}{unit}".removeprefix(f"{kind.article} ")
        if not kind.bare:
            return {**text, "description": title}
        lower = {"minimum": 0} if self.zero else {"exclusiveMinimum": 0}
        most = kind.limits.most if self.most is None else self.most
        upper = {"maximum": int(most) if most == int(most) else float(most)}
        number = {"type": "integer" if kind.whole else "number", **lower, **upper}
        return {"anyOf": [number, text], "description": title, "examples": examples}


def _quoted(number: int | float) -> str:
    text = show_scalar(number)
    return f"'{text}'"


Count = Annotated[int, Quantity("count")]
NonNegativeCount = Annotated[int, Quantity("count", zero=True)]
Frequency = Annotated[float, Quantity("frequency")]
Size = Annotated[int, Quantity("size", whole=True)]
Width = Annotated[int, Quantity("width")]
Bandwidth = Annotated[float, Quantity("bandwidth")]
Time = Annotated[float, Quantity("time")]
Energy = Annotated[float, Quantity("energy")]
Area = Annotated[float, Quantity("area")]
Power = Annotated[float, Quantity("power")]
Voltage = Annotated[float, Quantity("voltage")]
Current = Annotated[float, Quantity("current")]
Fraction = Annotated[float, Quantity("fraction", most=1)]
