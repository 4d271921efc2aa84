"""Plain YAML scalars, by the core schema of YAML 1.2: null, bool, int, float, and everything else is text.

Nothing else gets a type: `2024-01-01`, `1:30`, `yes` and `1_000` stay text. The rules are those of section
10.3.2 of the YAML 1.2.2 specification.
"""

from __future__ import annotations

import math
import re

from specs.problems import shorten

Scalar = None | bool | int | float | str

LONGEST_NUMBER = 400  # characters; Python refuses to print integers of more than 4300 digits

_WORDS: dict[str, Scalar] = {"": None, "~": None}
_WORDS |= {word: None for word in ("null", "Null", "NULL")}
_WORDS |= {word: True for word in ("true", "True", "TRUE")}
_WORDS |= {word: False for word in ("false", "False", "FALSE")}
_WORDS |= {sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")}
_WORDS |= {"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")}
_WORDS |= {word: math.nan for word in (".nan", ".NaN", ".NAN")}

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def read_scalar(text: str) -> Scalar:
    """The value of a plain scalar.

    Raises ValueError for a number too long or too large to hold.

    >>> [read_scalar(text) for text in ("12", "0x10", "0o17", "1e-3", "true", "~")]
    [12, 16, 15, 0.001, True, None]
    >>> [read_scalar(text) for text in ("yes", "16 MiB", "2024-01-01")]
    ['yes', '16 MiB', '2024-01-01']
    """
    if text in _WORDS:
        return _WORDS[text]
    if _DECIMAL.fullmatch(text):
        return int(_short(text), 10)
    if _BASED.fullmatch(text):
        return int(_short(text), 0)
    if _FLOAT.fullmatch(text):
        number = float(_short(text))
        if math.isinf(number):
            raise ValueError(f"number out of range: found '{text}', the largest is about 1.8e308")
        return number
    return text


def show_scalar(value: object) -> str:
    """How a message names a value that was found.

    >>> [show_scalar(value) for value in ("940", 940, True, None, {"a": 1}, [1])]
    ["'940'", '940', 'true', 'null', 'a mapping', 'a list']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return f"'{shorten(value)}'"
    if isinstance(value, int) and value.bit_length() > 4 * LONGEST_NUMBER:
        return f"an integer of {value.bit_length()} bits"
    return shorten(repr(value))


def _short(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"number too long: found {len(text)} characters, at most {LONGEST_NUMBER} are read")
    return text
