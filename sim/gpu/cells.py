"""What a cell of a table of measurements may hold: functions from what was found to a value, or a ValueError."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from specs.problems import shorten
from specs.units import LARGEST_COUNT

Cell = Callable[[Any], Any]
T = TypeVar("T")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")  # float() takes 1_000 and other digits too


def whole(found: Any, least: int = 1) -> int:
    """A whole number of at least `least`.

    >>> whole("512"), whole(8)
    (512, 8)
    >>> whole("8.5")
    Traceback (most recent call last):
    ...
    ValueError: found '8.5', expected a whole number of at least 1
    """
    try:
        value = int(_plain(found)) if isinstance(found, str) or float(found).is_integer() else None
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or isinstance(found, bool) or not least <= value <= LARGEST_COUNT:
        raise ValueError(f"found '{_shown(found)}', expected a whole number of at least {least}")
    return value


def natural(found: Any) -> int:
    """A whole number, or 0."""
    return whole(found, least=0)


def positive(found: Any) -> float:
    """A finite number greater than 0.

    >>> positive("63.4")
    63.4
    """
    try:
        value = math.nan if isinstance(found, bool) else float(_plain(found))
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"found '{_shown(found)}', expected a number greater than 0")
    return value


def text(found: Any) -> str:
    """Text that is not empty."""
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"found '{_shown(found)}', expected a text")
    return found.strip()


def one_of(meanings: Mapping[str, T]) -> Callable[[Any], T]:
    """A word of those, as what it means.

    >>> one_of({"0": False, "1": True})("1")
    True
    >>> one_of({"0": False, "1": True})("yes")
    Traceback (most recent call last):
    ...
    ValueError: found 'yes', expected one of: 0, 1
    """

    def read(found: Any) -> T:
        if str(found) not in meanings:
            raise ValueError(f"found '{_shown(found)}', expected one of: {', '.join(meanings)}")
        return meanings[str(found)]

    return read


def _plain(found: Any) -> Any:
    """What is no text as it is, and a text that is a number in plain digits. Raises ValueError of any other text."""
    if isinstance(found, str) and not NUMBER.fullmatch(found.strip(" ")):
        raise ValueError(found)
    return found


def _shown(found: Any) -> str:
    return "" if found is None else shorten(str(found))
