"""Numbers as people read them: four significant digits, an SI or binary prefix, thousands in groups.

Text only; the numbers themselves are in SI units everywhere else.
"""

from __future__ import annotations

_PREFIXES = (
    (1e18, "E"),
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
)
_SMALL = ((1e-9, "n"), (1e-12, "p"))
_BINARY = ((1 << 60, "Ei"), (1 << 50, "Pi"), (1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki"))


def si(value: float | None, unit: str) -> str:
    """A value with four significant digits and an SI prefix.

    >>> si(0.0020131404, "s"), si(1234567.0, "J"), si(0, "W"), si(None, "J")
    ('2.013 ms', '1.235 MJ', '0 W', '-')
    """
    if value is None:
        return "-"
    if value == 0:
        return f"0 {unit}"
    for scale, prefix in (*_PREFIXES, *_SMALL):
        if abs(value) >= scale * 0.99995 or (scale, prefix) == _SMALL[-1]:
            return f"{significant(value / scale)} {prefix}{unit}"
    raise AssertionError("the last prefix takes every value")


def rate(value_hz: float) -> str:
    """A clock rate, as it is written in a spec.

    >>> rate(940_000_000), rate(1.25e9)
    ('940 MHz', '1.25 GHz')
    """
    number, _, unit = si(value_hz, "Hz").partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def objective(column: str, value: float) -> str:
    """The value of a column, whose name ends in its unit.

    >>> objective("latency_s", 0.0020131404), objective("energy_j", 12.0), objective("area_mm2", 3.14159)
    ('2.013 ms', '12.00 J', '3.142 mm²')
    """
    ending = column.rpartition("_")[2]
    if ending in ("s", "j"):
        return si(value, ending if ending == "s" else "J")
    return f"{significant(value)} mm²" if ending == "mm2" else significant(value)


def duration(value_s: float) -> str:
    """Seconds; a long time stays in seconds, in groups of thousands.

    >>> duration(0.0020131404), duration(1891.8274331)
    ('2.013 ms', '1,892 s')
    """
    return f"{whole(round(value_s))} s" if value_s >= 1000 else si(value_s, "s")


def significant(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, never in powers of ten between 1e-4 and 1e6.

    >>> significant(2.0), significant(0.88961), significant(123456.7)
    ('2.000', '0.8896', '123457')
    """
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    import math

    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def data(size_bytes: int | float | None) -> str:
    """An amount of data with a binary prefix, exact where it can be.

    >>> data(402653184), data(1536), data(100), data(1000003)
    ('384 MiB', '1.5 KiB', '100 B', '976.6 KiB')
    """
    if size_bytes is None:
        return "-"
    for scale, prefix in _BINARY:
        if size_bytes >= scale:
            number = size_bytes / scale
            text = f"{number:.3f}".rstrip("0").rstrip(".")
            return f"{text if len(text) <= 5 else significant(number)} {prefix}B"
    return f"{significant(size_bytes) if isinstance(size_bytes, float) else size_bytes} B"


def whole(value: int) -> str:
    """A count in groups of thousands.

    >>> whole(1892352)
    '1,892,352'
    """
    return f"{value:,}"


def count(value: int) -> str:
    """A size of a rank or loop: with a binary suffix where that is exact and shorter.

    >>> count(65536), count(768), count(1000)
    ('64Ki', '768', '1000')
    """
    for scale, suffix in ((1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")):
        if value >= scale and value % scale == 0:
            return f"{value // scale}{suffix}"
    return str(value)


def setting(value: object) -> str:
    """The value of an axis, in base units with a prefix: a binary one where that is exact.

    >>> setting(65536), setting(53687091200.0), setting(940e6), setting(2.5), setting("flat"), setting(None)
    ('64Ki', '50Gi', '940M', '2.5', 'flat', '-')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if value == int(value) and (abs(value) < 10_000 or value % 1024 == 0):
        return count(int(value))
    number, _, prefix = si(value, "").partition(" ")
    return (number.rstrip("0").rstrip(".") if "." in number else number) + prefix


def percent(fraction: float | None) -> str:
    """A fraction as a percentage.

    >>> percent(0.88961), percent(1.0), percent(0.00012)
    ('89.0 %', '100.0 %', '0.01 %')
    """
    if fraction is None:
        return "-"
    value = 100 * fraction
    return f"{value:.2f} %" if 0 < abs(value) < 0.1 else f"{value:.1f} %"


def error(relative: float) -> str:
    """A relative error: 0, a power of ten where it is round-off, else a percentage.

    >>> error(0.0), error(2.3e-16), error(0.0034)
    ('0', '2e-16', '0.34 %')
    """
    if relative == 0:
        return "0"
    return f"{relative:.0e}" if abs(relative) < 1e-4 else f"{100 * relative:.2f} %"
