"""The parts of an expression, and what each evaluates to: numbers and names, operators, functions, rounding.

Knows nothing of how an expression is written; values come from `specs.arithmetic`, exact where they are whole.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from specs import arithmetic
from specs.problems import shorten

Lookup = Callable[[str], Any]


class ExpressionError(ValueError):
    """What is wrong in an expression, and at which character of its text (`offset`, from 0)."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


class Node(Protocol):
    """A part of an expression."""

    def names(self) -> frozenset[str]: ...
    def value(self, lookup: Lookup, bits: bool) -> arithmetic.Value: ...


@dataclass(frozen=True)
class Number:
    """A constant; one that measures data counts bytes (per second)."""

    amount: int | Fraction
    data: bool = False

    def names(self) -> frozenset[str]:
        return frozenset()

    def value(self, lookup: Lookup, bits: bool) -> arithmetic.Value:
        return self.amount * 8 if bits and self.data else self.amount


@dataclass(frozen=True)
class Name:
    """A value from outside."""

    text: str
    offset: int

    def names(self) -> frozenset[str]:
        return frozenset({self.text})

    def value(self, lookup: Lookup, bits: bool) -> arithmetic.Value:
        try:
            return arithmetic.enter(lookup(self.text))
        except ExpressionError as error:
            raise ExpressionError(str(error), self.offset) from None
        except KeyError:
            raise ExpressionError(f"unknown name '{shorten(self.text)}'", self.offset) from None
        except (TypeError, ValueError) as error:
            raise ExpressionError(f"'{shorten(self.text)}': {error}", self.offset) from None


@dataclass(frozen=True)
class Call:
    """An operator or function applied to parts. `operation` is a key of `OPERATIONS`."""

    operation: str
    parts: tuple[Node, ...]
    offset: int

    def names(self) -> frozenset[str]:
        return frozenset().union(*(part.names() for part in self.parts))

    def value(self, lookup: Lookup, bits: bool) -> arithmetic.Value:
        values = []
        for part in self.parts:
            values.append(part.value(lookup, bits))
        try:
            return functools.reduce(OPERATIONS[self.operation], values[1:], values[0])
        except ZeroDivisionError:
            raise ExpressionError("division by zero", self.offset) from None
        except (OverflowError, ValueError) as error:
            message = f"'{self.operation}' has no finite result: {error}"
            raise ExpressionError(message, self.offset) from None


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": arithmetic.add,
    "-": lambda a, b: arithmetic.add(a, arithmetic.negate(b)),
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "//": arithmetic.floor_divide,
    "%": arithmetic.remainder,
    "min": arithmetic.least,
    "max": arithmetic.greatest,
    "<=": functools.partial(arithmetic.compare, relation=operator.le),
    ">=": functools.partial(arithmetic.compare, relation=operator.ge),
    "==": functools.partial(arithmetic.compare, relation=operator.eq),
    "!=": functools.partial(arithmetic.compare, relation=operator.ne),
    "<": functools.partial(arithmetic.compare, relation=operator.lt),
    ">": functools.partial(arithmetic.compare, relation=operator.gt),
}
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
ROUNDINGS: dict[str, Callable[[Any], Any]] = {"ceil": arithmetic.ceil, "floor": arithmetic.floor}
FUNCTIONS = ("ceil", "floor", "min", "max")


@dataclass(frozen=True)
class Rounding:
    """`ceil` or `floor` of one part."""

    operation: str
    part: Node
    offset: int

    def names(self) -> frozenset[str]:
        return self.part.names()

    def value(self, lookup: Lookup, bits: bool) -> arithmetic.Value:
        inner = self.part.value(lookup, bits)
        try:
            return ROUNDINGS[self.operation](inner)
        except (OverflowError, ValueError):
            raise ExpressionError(f"'{self.operation}' of a number that is not finite", self.offset) from None
