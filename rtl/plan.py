"""The control of an array as values: which lines each resource does in which order, and what each of them waits for.

A *line* is one entry of a unit's or a stream's program (an operation, a fill, a drain) with the tiles it is for. It is
done for one tile after the other in the order of the loops; `first` and `last` loops stand still at their first or last
iteration. A resource does its lines round after round: in round i a line of age a does tile i - a, and within a round
lines go by their place. A line begins as soon as its resource is free, it is its turn, and every token is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from specs import SpecError


@dataclass(frozen=True)
class Line:
    """An entry of a program: what it holds, for how many cycles, and its age and place in a round."""

    name: str
    resource: str
    cycles: int
    age: int = 0
    place: int = 0
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Token:
    """`consumer` begins no earlier than `cycles` after a start of `producer`: number `offset + Σ factor · index`.

    Starts are counted from 1, and `factors` go by loop with the consumer's indices; numbers below 1 ask for nothing.
    """

    consumer: str
    producer: str
    cycles: int
    offset: int
    factors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The control of an array for loops of these counts, outermost first.

    >>> line = Line("QK", "array_2d", 8)
    >>> Plan({"m1": 3, "p1": 2}, (line,), ()).strides
    {'m1': 2, 'p1': 1}
    """

    loops: Mapping[str, int]
    lines: tuple[Line, ...]
    tokens: tuple[Token, ...]

    def __post_init__(self) -> None:
        names = [line.name for line in self.lines]
        problems = [
            f"loop '{name}' has {count} iterations, expected 1 or more"
            for name, count in self.loops.items()
            if count < 1
        ]
        problems += [
            f"line '{line.name}' takes {line.cycles} cycles, expected 1 or more"
            for line in self.lines
            if line.cycles < 1
        ]
        problems += [f"line '{name}' stands twice" for name in dict.fromkeys(names) if names.count(name) > 1]
        for token in self.tokens:
            problems += [
                f"token of '{name}', which is no line" for name in (token.consumer, token.producer) if name not in names
            ]
            if token.cycles < 0:
                problems.append(f"'{token.consumer}' would begin {-token.cycles} cycles before '{token.producer}'")
        if problems:
            raise SpecError("; ".join(problems))

    @cached_property
    def strides(self) -> dict[str, int]:
        """Tiles from one iteration of a loop to the next."""
        found, stride = {}, 1
        for name, count in reversed(list(self.loops.items())):
            found[name] = stride
            stride *= count
        return {name: found[name] for name in self.loops}

    @property
    def tiles(self) -> int:
        """Tiles in all."""
        total = 1
        for count in self.loops.values():
            total *= count
        return total

    def free(self, line: Line) -> tuple[str, ...]:
        """The loops that a line iterates over, outermost first."""
        return tuple(name for name in self.loops if name not in line.first | line.last)
