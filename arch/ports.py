"""The ports of a memory: `2R1W` is two ports that read and one that writes. What they serve is not known here."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from specs.scalars import show_scalar

KINDS = ("R", "W", "RW")  # reads, writes, either
MOST_PORTS = 64

_COUNTED = r"([0-9]{1,9})(RW|R|W)"


def read_ports(text: object) -> tuple[str, ...]:
    """The kind of each port, those that only read first and those that do either last, however the text orders them.

    Raises ValueError that says what was found and what is allowed.

    >>> read_ports("2R1W"), read_ports("1W2R"), read_ports("1RW")
    (('R', 'R', 'W'), ('R', 'R', 'W'), ('RW',))
    >>> read_ports("2R")
    Traceback (most recent call last):
    ...
    ValueError: found '2R', which has no port that writes; add a W or an RW port, as in '1R1W'
    """
    found = f"found {show_scalar(text)}"
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_COUNTED})+", text):
        expected = "counts of ports that read (R), write (W) or do either (RW), such as '1RW' or '2R1W'"
        raise ValueError(f"{found}, expected {expected}")
    counted = [(int(count), kind) for count, kind in re.findall(_COUNTED, text)]
    counts = {kind: count for count, kind in counted}
    for kind in KINDS:
        if (0, kind) in counted:
            raise ValueError(f"{found}, which counts no {kind} port; give at least 1 of a kind, or leave the kind out")
        if sum(each == kind for _, each in counted) > 1:
            raise ValueError(f"{found}, which counts {kind} ports more than once; give each kind one count")
    if sum(counts.values()) > MOST_PORTS:
        raise ValueError(f"{found}, which is {sum(counts.values())} ports; give at most {MOST_PORTS} in all")
    for kind, does, needed in (("R", "reads", "an R"), ("W", "writes", "a W")):
        if not counts.keys() & {kind, "RW"}:
            raise ValueError(f"{found}, which has no port that {does}; add {needed} or an RW port, as in '1R1W'")
    return tuple(kind for kind in KINDS for _ in range(counts.get(kind, 0)))


Ports = Annotated[
    tuple[str, ...],
    PlainValidator(read_ports),
    WithJsonSchema({"type": "string", "pattern": "^(?:[0-9]+(?:RW|R|W))+$", "examples": ["1RW", "2R1W"]}),
]
