"""Two lists of events, held against each other: how many differ, and where they first do.

Within a cycle the order does not count, but how often does: an event that one list has twice and the other once is a
difference. An event that is a cycle late is two: one is missing, one is too many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import NamedTuple

from specs.problems import shorten

WIDTH = 80
OWNER, EVENT, UNIT = 14, 22, 14  # the widest that these columns get
NEIGHBOURS = 4  # rows before and after the first difference
BOTH = "both"


class Event(NamedTuple):
    """Something that happens in a cycle at a unit, to the thing with an index, with a payload.

    A tuple, since there are millions: it is hashed and compared without Python.
    """

    cycle: int
    event: str
    unit: str
    index: int  # type: ignore[assignment]  # nobody asks where in the tuple something is
    payload: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the comparison: an event, who has it, and how often."""

    event: Event
    owner: str
    times: int


@dataclass(frozen=True)
class Comparison:
    """What two lists have in common and what not; `rows` are those around the first difference."""

    names: tuple[str, str]
    counts: tuple[int, int]  # events of each
    missing: int  # events of the first that the second lacks
    surplus: int  # events of the second that the first lacks
    first: Event | None
    rows: tuple[Row, ...]

    @property
    def differences(self) -> int:
        """How many events have no counterpart."""
        return self.missing + self.surplus

    def __str__(self) -> str:
        one, other = (shorten(name, OWNER) for name in self.names)
        counts = f"events: {self.counts[0]:,} of {one}, {self.counts[1]:,} of {other}"
        if self.first is None:
            return f"{counts}; equal"
        told = f"differ: {self.differences:,}; {self.missing:,} only in {one}, {self.surplus:,} only in {other}"
        return "\n".join([counts, told, f"first: cycle {self.first.cycle:,}", "", *_table(self.rows, self.first)])


def compare(
    one: Iterable[Event],
    other: Iterable[Event],
    names: tuple[str, str] = ("simulator", "rtl"),
    neighbours: int = NEIGHBOURS,
) -> Comparison:
    """Hold two lists of events, in any order, against each other.

    >>> first, second = Event(0, "first beat", "array", 0), Event(7, "last beat", "array", 0)
    >>> print(compare([first, second], [first, Event(8, "last beat", "array", 0)]))
    events: 2 of simulator, 2 of rtl
    differ: 2; 1 only in simulator, 1 only in rtl
    first: cycle 7
    <BLANKLINE>
      in         cycle  event       unit   index  payload
      both           0  first beat  array      0
    > simulator      7  last beat   array      0
      rtl            8  last beat   array      0
    """
    left, right = Counter(one), Counter(other)
    missing, surplus = left - right, right - left
    counts = (left.total(), right.total())
    if not missing and not surplus:
        return Comparison(names, counts, 0, 0, None, ())
    first = min([*missing, *surplus])
    every = left.keys() | right.keys()
    before = nlargest(neighbours, (event for event in every if event < first))
    after = nsmallest(neighbours, (event for event in every if event > first))
    rows = []
    for event in (*reversed(before), first, *after):
        shared = min(left[event], right[event])
        for owner, times in ((BOTH, shared), (names[0], missing[event]), (names[1], surplus[event])):
            if times:
                rows.append(Row(event, owner, times))
    return Comparison(names, counts, missing.total(), surplus.total(), first, tuple(rows))


def _table(rows: tuple[Row, ...], first: Event) -> list[str]:
    """The rows as text; a sign before the first difference. What is too long is cut."""
    owners = [row.owner + (f" ×{row.times}" if row.times > 1 else "") for row in rows]
    columns: list[list[str]] = [
        ["in", *(shorten(owner, OWNER) for owner in owners)],
        ["cycle", *(str(row.event.cycle) for row in rows)],
        ["event", *(shorten(row.event.event, EVENT) for row in rows)],
        ["unit", *(shorten(row.event.unit, UNIT) for row in rows)],
        ["index", *(str(row.event.index) for row in rows)],
        ["payload", *(" ".join(map(str, row.event.payload)) for row in rows)],
    ]
    numbers = (1, 4)
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for i, cells in enumerate(zip(*columns, strict=True)):
        marked = i > 0 and rows[i - 1].event == first and rows[i - 1].owner != BOTH
        placed = [
            c.rjust(w) if n in numbers else c.ljust(w) for n, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        line = f"{'>' if marked else ' '} {'  '.join(placed)}".rstrip()
        lines.append(line if len(line) <= WIDTH else line[: WIDTH - 3] + "...")
    return lines
