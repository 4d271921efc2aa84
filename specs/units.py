"""The table of dimensions and units, and how a number with a unit is read and written.

A quantity is read into the base unit of its dimension: Hz, bytes, bits, bytes per second, seconds, joules,
mm2, watts, volts, amperes. Arithmetic on the way is exact, so 0.3 MB is 300000 bytes and not 299999.99999999994.

`LIMITS` is the one table of what a spec may say: generous, but physical, so that no number in it overflows what is
computed from it.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from specs.problems import enumerate_words, nearest, shorten

LARGEST_EXPONENT = 400  # decimal; a double ends near 308
LONGEST_NUMBER = 400  # characters

NUMBER_PATTERN = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

_BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SMALL = {"m": 3, "u": 6, "n": 9, "p": 12, "f": 15}


def _small(unit: str, prefixes: str) -> dict[str, Fraction]:
    return {unit: Fraction(1)} | {p + unit: Fraction(1, 10 ** _SMALL[p]) for p in prefixes}


def _bytes(unit: Fraction, per: str = "") -> dict[str, Fraction]:
    """Bytes and bits, in either family of prefixes; `unit` is the size of a byte."""
    table = {"B" + per: unit}
    table |= {f"{p}B{per}": unit * n for p, n in _BINARY.items()}
    table |= {f"{p}B{per}": unit * n for p, n in _DECIMAL.items()}
    table |= {"b" + per: unit / 8}
    if per:
        table |= {f"{p}b{per}": unit * n / 8 for p, n in _DECIMAL.items()}
        table |= {f"{p}b{per}": unit * n / 8 for p, n in _BINARY.items()}
    return table


@dataclass(frozen=True)
class Dimension:
    """What a quantity measures: the factor of each unit to the base unit, and how its values are held.

    `whole` values are whole numbers or refused; `exact` values are int where they are whole and float
    elsewhere; the others are float always. `shown` are the units that rendering may choose.
    """

    name: str
    article: str
    base: str
    units: Mapping[str, Fraction]
    example: str
    shown: tuple[str, ...]
    exact: bool = False
    whole: bool = False
    bare: bool = False  # a number without a unit is allowed

    @property
    def limits(self) -> Limits:
        """How small and how large a value of a spec may be."""
        return LIMITS[self.name]

    @property
    def expected(self) -> str:
        """The phrase of a message: "a frequency such as '940 MHz'"."""
        return f"{self.article} {self.name} such as '{self.example}'"

    def pattern(self) -> str:
        """A regular expression (of JSON Schema's dialect) that every legal text matches."""
        units = "|".join(sorted((re.escape(unit) for unit in self.units), key=len, reverse=True))
        return f"^\\s*{NUMBER_PATTERN}\\s*(?:{units}){'?' if self.bare else ''}\\s*$"


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest magnitude in base units, and how a message says so. Zero is a field's matter."""

    least: Fraction
    most: Fraction
    words: str


def _limits(least: Fraction | int, most: Fraction | int, words: str) -> Limits:
    return Limits(Fraction(least), Fraction(most), words)


LARGEST_COUNT = (1 << 63) - 1

# dimension   base  smallest             largest          in words
LIMITS: dict[str, Limits] = {
    "count": _limits(1, LARGEST_COUNT, "a count is at most 9223372036854775807 (2^63 - 1)"),
    "frequency": _limits(1, 10**12, "a frequency is from 1 Hz to 1000 GHz"),
    "size": _limits(Fraction(1, 8), LARGEST_COUNT, "a size is from 1 b to 9223372036854775807 B (2^63 - 1)"),
    "width": _limits(1, 1 << 40, "a width is from 1 b to 1099511627776 b (2^40)"),
    "bandwidth": _limits(1, 10**18, "a bandwidth is from 1 B/s to 1000000 TB/s"),
    "time": _limits(Fraction(1, 10**18), 10**9, "a time is from 1e-6 ps to 1e9 s"),
    "energy": _limits(Fraction(1, 10**24), 10**9, "an energy is from 1e-9 fJ to 1e9 J"),
    "area": _limits(Fraction(1, 10**12), 10**12, "an area is from 1e-6 um2 to 1e12 mm2"),
    "power": _limits(Fraction(1, 10**15), 10**12, "a power is from 1e-9 uW to 1e12 W"),
    "voltage": _limits(Fraction(1, 10**9), 10**6, "a voltage is from 1e-6 mV to 1e6 V"),
    "current": _limits(Fraction(1, 10**12), 10**6, "a current is from 1e-6 uA to 1e6 A"),
    "fraction": _limits(Fraction(1, 10**18), 10**18, "a fraction is from 1e-18 to 1"),
}

_BYTE = Fraction(1)
_AREA = {"mm2": Fraction(1), "mm²": Fraction(1), "um2": Fraction(1, 10**6), "um²": Fraction(1, 10**6)}
_SUFFIXES = {suffix: Fraction(factor) for suffix, factor in _BINARY.items()}
_HERTZ = {"Hz": Fraction(1), "kHz": Fraction(10**3), "MHz": Fraction(10**6), "GHz": Fraction(10**9)}
_SIZES = ("B", "kB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB")

DIMENSIONS: dict[str, Dimension] = {
    each.name: each
    for each in (
        Dimension("count", "a", "", _SUFFIXES, "16Ki", ("Ki", "Mi", "Gi", "Ti"), exact=True, whole=True, bare=True),
        Dimension("frequency", "a", "Hz", _HERTZ, "940 MHz", tuple(_HERTZ), exact=True),
        Dimension("size", "a", "B", _bytes(_BYTE), "16 MiB", _SIZES, exact=True),
        Dimension("width", "a", "b", {"b": _BYTE, "B": _BYTE * 8}, "16 b", ("b",), exact=True, whole=True),
        Dimension(
            "bandwidth",
            "a",
            "B/s",
            _bytes(_BYTE, "/s"),
            "400 GiB/s",
            tuple(f"{unit}/s" for unit in _SIZES),
            exact=True,
        ),
        Dimension("time", "a", "s", _small("s", "munp"), "12.5 ns", ("ps", "ns", "us", "ms", "s")),
        Dimension("energy", "an", "J", _small("J", "munpf"), "1.2 pJ", ("fJ", "pJ", "nJ", "uJ", "mJ", "J")),
        Dimension("area", "an", "mm2", _AREA, "1.5 mm2", ("um2", "mm2")),
        Dimension("power", "a", "W", _small("W", "mu"), "35 mW", ("uW", "mW", "W")),
        Dimension("voltage", "a", "V", _small("V", "m"), "1.35 V", ("mV", "V")),
        Dimension("current", "a", "A", _small("A", "mu"), "71 mA", ("uA", "mA", "A")),
        Dimension("fraction", "a", "", {"%": Fraction(1, 100)}, "0.9' or '90%", (), bare=True),
    )
}


def dimension_named(name: str) -> Dimension:
    """The dimension of that name; raises KeyError with the legal names."""
    if name not in DIMENSIONS:
        raise KeyError(f"unknown dimension '{name}'; allowed: {', '.join(DIMENSIONS)}")
    return DIMENSIONS[name]


def exact_number(text: str) -> Fraction:
    """The exact value of a decimal number. Raises ValueError for one too long or too large to hold.

    >>> exact_number("1.5e3"), exact_number("0.1")
    (Fraction(1500, 1), Fraction(1, 10))
    """
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"number too long: found {len(text)} characters, at most {LONGEST_NUMBER} are read")
    _, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > LARGEST_EXPONENT:
        raise ValueError(f"number out of range: found '{shorten(text)}'")
    return Fraction(text)


def measure(number: str, unit: str, dimension: Dimension) -> Fraction:
    """The exact value in the base unit of a number text and a unit text. Raises ValueError: see
    `unit_problem`.

    >>> measure("0.3", "MB", DIMENSIONS["size"])
    Fraction(300000, 1)
    """
    try:
        value = exact_number(number)
    except ValueError as error:
        raise ValueError(f"{error}; {dimension.limits.words}") from None
    if not unit:
        if not dimension.bare:
            raise ValueError(f"missing unit: found '{number}', expected {dimension.expected}")
        return value
    if unit not in dimension.units:
        raise ValueError(unit_problem(unit, dimension))
    return value * dimension.units[unit]


def unit_problem(unit: str, dimension: Dimension) -> str:
    """The sentence for a unit that the dimension does not have.

    >>> unit_problem("GiB/s", DIMENSIONS["size"])
    "wrong unit: 'GiB/s' is a bandwidth, expected a size such as '16 MiB'"
    >>> unit_problem("MHzz", DIMENSIONS["frequency"])
    "unknown unit 'MHzz'; did you mean 'MHz'? expected a frequency such as '940 MHz'"
    """
    for other in DIMENSIONS.values():
        if unit in other.units:
            owner = "a count" if other.name == "count" else f"{other.article} {other.name}"
            return f"wrong unit: '{unit}' is {owner}, expected {dimension.expected}"
    guess = nearest(unit, dimension.units)
    hint = f"; did you mean '{guess}'?" if guess else f"; allowed: {enumerate_words(dimension.units)};"
    return f"unknown unit '{shorten(unit)}'{hint} expected {dimension.expected}"


def plain_number(value: Fraction, dimension: Dimension, found: str = "") -> int | float:
    """The exact value, written `found`, as the dimension holds it.

    Raises ValueError where it must be whole and is not, and for one beyond the range of floats.

    >>> plain_number(Fraction(3, 2), DIMENSIONS["size"]), plain_number(Fraction(3), DIMENSIONS["time"])
    (1.5, 3.0)
    """
    if dimension.exact and value.denominator == 1 and abs(value) <= _LARGEST_FLOAT:
        return value.numerator
    if dimension.whole and value.denominator != 1:
        what = "number" if not dimension.base else "number of bits"
        raise ValueError(f"expected a whole {what} such as '{dimension.example}', found {_rough(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError(f"number out of range: found {found or _rough(value)}; {dimension.limits.words}")
    return number


_LARGEST_FLOAT = Fraction(sys.float_info.max)


def limit_problem(value: Fraction | int | float, found: str, dimension: Dimension) -> str | None:
    """The sentence for a value, written `found`, beyond the limits of its dimension; None within them.

    >>> limit_problem(10**13, "'10 THz'", DIMENSIONS["frequency"])
    "number out of range: found '10 THz'; a frequency is from 1 Hz to 1000 GHz"
    """
    limits = dimension.limits
    magnitude: Fraction = abs(Fraction(value))
    least, most = limits.least, limits.most
    if isinstance(value, float):
        least, most = Fraction(float(least)), Fraction(float(most))  # as near as the value can come to them
    if magnitude == 0 or least <= magnitude <= most:
        return None
    return f"number out of range: found {found}; {limits.words}"


def _rough(value: Fraction) -> str:
    """A value in a few digits, whatever its size."""
    try:
        return f"{float(value):g}"
    except OverflowError:
        return f"a number of {len(str(abs(int(value))))} digits"


def decimal_text(value: Fraction) -> str | None:
    """The exact decimal digits of a value; None where they do not end.

    >>> decimal_text(Fraction(3, 8)), decimal_text(Fraction(-12)), decimal_text(Fraction(1, 3))
    ('0.375', '-12', None)
    """
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
