"""A Value Change Dump, the text that waveform viewers read (IEEE 1364-2005, section 18): wires of bits, and events.

Knows nothing of simulations; `trace` says what a wire means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby
from operator import itemgetter
from typing import TextIO

WIRE, EVENT = "wire", "event"
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15}  # in a second
_FIRST_CODE, _CODES = 33, 94  # an identifier code is written with the characters from ! to ~


@dataclass(frozen=True)
class Variable:
    """A wire of `width` bits, which starts at 0, or an event, which has no value: it happens."""

    scope: str
    name: str
    width: int = 1
    kind: str = WIRE


def write_dump(
    out: TextIO,
    title: str,
    timescale: str,
    comment: Iterable[str],
    variables: Sequence[Variable],
    changes: Iterable[tuple[int, int, int]],
) -> None:
    """Write a dump: a scope `title`, in it the scopes of the variables, which are grouped by scope, and the changes.

    A change is a time, an index into `variables` and a value; times never fall, and of several values that a wire gets
    at one time the last one holds. Titles, scopes and names are `words`, lines of the comment have no `$end`.
    """
    out.write("$version einfuse $end\n$comment\n")
    out.writelines(f"  {line}\n" for line in comment)
    out.write(f"$end\n$timescale {timescale} $end\n$scope module {title} $end\n")
    codes = [_code(index) for index in range(len(variables))]
    for scope, members in groupby(zip(variables, codes, strict=True), key=lambda member: member[0].scope):
        out.write(f"$scope module {scope} $end\n")
        out.writelines(f"$var {each.kind} {each.width} {code} {each.name} $end\n" for each, code in members)
        out.write("$upscope $end\n")
    out.write("$upscope $end\n$enddefinitions $end\n")
    _write_changes(out, variables, codes, changes)


def _write_changes(
    out: TextIO, variables: Sequence[Variable], codes: Sequence[str], changes: Iterable[tuple[int, int, int]]
) -> None:
    values = [-1] * len(variables)  # an event's stays, so that it is written whenever it happens
    is_wire = [each.kind == WIRE for each in variables]
    is_vector = [each.width > 1 for each in variables]
    start = [(0, index, 0) for index, wire in enumerate(is_wire) if wire]
    for time, group in groupby(chain(start, changes), key=itemgetter(0)):
        wires, events = [], []
        for index, value in {index: value for _, index, value in group}.items():
            if not is_wire[index]:
                events.append(f"1{codes[index]}\n")
            elif value != values[index]:
                values[index] = value
                wires.append(f"b{value:b} {codes[index]}\n" if is_vector[index] else f"{value}{codes[index]}\n")
        if time == 0:
            wires = ["$dumpvars\n", *wires, "$end\n"]
        if wires or events:
            out.write(f"#{time}\n")
            out.writelines(wires)
            out.writelines(events)


def _code(index: int) -> str:
    """A short name for a variable in the changes.

    >>> [_code(index) for index in (0, 93, 94)]
    ['!', '~', '!!']
    """
    code = ""
    while index >= 0:
        index, digit = divmod(index, _CODES)
        code += chr(_FIRST_CODE + digit)
        index -= 1
    return code


def words(texts: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A word for each text, as a scope or variable needs it: letters, digits and underscores, all words different.

    >>> words(["dram", "port 0 (R)", "port 0 R", "2D"], taken=["dram"])
    {'dram': 'dram_2', 'port 0 (R)': 'port_0_R', 'port 0 R': 'port_0_R_2', '2D': '_2D'}
    """
    found: dict[str, str] = {}
    used = set(taken)
    for text in texts:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
        if not plain or plain[0].isdigit():
            plain = f"_{plain}"
        word, number = plain, 1
        while word in used:
            number += 1
            word = f"{plain}_{number}"
        used.add(word)
        found[text] = word
    return found


def quoted(text: str) -> str:
    """A text for a comment: a JSON string in ASCII, without the dollar sign that could end the comment.

    >>> quoted("Σ $end")
    '"\\\\u03a3 \\\\u0024end"'
    """
    return json.dumps(text).replace("$", "\\u0024")


def timescale(period_s: Fraction) -> str | None:
    """A period as a unit of time of the format; None for one that is not 1, 10 or 100 of s, ms, ... or fs.

    >>> timescale(Fraction(1, 10**8)), timescale(Fraction(1, 940 * 10**6))
    ('10 ns', None)
    """
    for unit, in_a_second in _UNITS.items():
        if period_s * in_a_second in (1, 10, 100):
            return f"{period_s * in_a_second} {unit}"
    return None
