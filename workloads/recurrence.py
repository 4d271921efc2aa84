"""Recurrence: which Einsums need each other through running states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cascade import Einsum


def tied(by_name: Mapping[str, Einsum], name: str) -> list[str]:
    """The Einsums in a loop with one, itself included, in the order of the text; none if it is in no loop."""
    needed = reachable(by_name, name) if name in by_name else set()
    if name not in needed:
        return []
    needers: dict[str, list[str]] = {other: [] for other in needed}
    for other in needed:
        for read in by_name[other].reads:
            if read.tensor in needed:
                needers[read.tensor].append(other)
    found, frontier = {name}, [name]
    while frontier:
        for other in needers[frontier.pop()]:
            if other not in found:
                found.add(other)
                frontier.append(other)
    return [other for other in by_name if other in found]


def reachable(by_name: Mapping[str, Einsum], name: str) -> set[str]:
    """The Einsums that one needs, directly or not; itself only if it is in a loop."""
    found: set[str] = set()
    frontier = [name]
    while frontier:
        for read in by_name[frontier.pop()].reads:
            if read.tensor in by_name and read.tensor not in found:
                found.add(read.tensor)
                frontier.append(read.tensor)
    return found
