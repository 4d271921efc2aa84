"""How sentences say ranges of numbers, lists and lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import quantities
from ..study import Ratios, Study


def span(values: Iterable[float], unit: str, digits: int = 2) -> str:
    """A range of values, or the one value where they agree.

    >>> span([3.021, 2.0], "times"), span([11.0, 11.0], "%", 0)
    ('2.00 to 3.02 times', '11 %')
    """
    found = list(values)
    low, high = f"{min(found):.{digits}f}", f"{max(found):.{digits}f}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def listed(names: Sequence[str]) -> str:
    """Names with commas and an `and`.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ours(label: str) -> str:
    """Whose accounting it is, before the word accounting."""
    return "our" if label == "ours" else label


def across(study: Study, ratios: Iterable[Ratios], of: str) -> str:
    """A range of ratios over all tables that price them, and those tables; the tables that do not are said too."""
    found = list(ratios)
    values = [value for each in found for value in each.values]
    if not values:
        return f"a part of the energy of {of} that no table can price"
    names = [name for name in study.tables if any(each.by_table[name] is not None for each in found)]
    missing = [name for name in study.tables if name not in names]
    without = f", while {listed(missing)} cannot price it" if missing else ""
    by = f"tables {', '.join(names)}" if len(names) > 1 else f"table {', '.join(names)}"
    return f"{span(values, f'of the energy of {of}')} over {by}{without}"


def tokens(study: Study, lengths: Sequence[str]) -> str:
    """Lengths of the paper as a range if they follow each other, else as a list.

    A range is written by its ends.
    """
    every = list(study.paper.lengths)
    places = [every.index(length) for length in lengths]
    shown = [quantities.count(study.paper.lengths[length]) for length in lengths]
    follows = len(places) > 1 and places == list(range(places[0], places[0] + len(places)))
    return f"{shown[0]} to {shown[-1]} tokens" if follows else f"{listed(shown)} tokens"
