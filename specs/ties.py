"""Values of a spec that are tied to others: `lanes: = array_2d.cols`.

A tie is resolved on the plain data, before the model sees it: names are keys of the same file, written in
full or short, and ties may depend on ties. What a tie computes is in base units. Amounts of data are bytes
throughout, and bits throughout in a tie for a width, so that `= array.cols * 16 b` means the same in a size
and in a width; other dimensions are not checked against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any

from specs.expression import Expression, is_expression, parse_expression
from specs.marks import Key
from specs.paths import MISSING, Slot, dotted, find
from specs.problems import Place, Problem
from specs.quantity import Quantity, in_base_units, parse_quantity
from specs.scalars import show_scalar
from specs.terms import ExpressionError

PlaceOf = Callable[[Key, int], Place]


class _Known(Exception):
    """A value that a tie needs is itself wrong, which is already reported."""


def resolve_ties(
    data: Any,
    slots: Mapping[str, Slot],
    legal: Iterable[str],
    place: PlaceOf,
    failed: Mapping[Key, Problem] = MappingProxyType({}),
) -> tuple[dict[Key, Any], dict[Key, Problem]]:
    """The value of every tie in the data, and the problem of every tie that has none, each by path.

    `slots` are the paths of the model, `legal` the keys that a name may mean, `place(path, offset)` the
    position of a character of a value, `failed` the values that are known to be wrong; they are among the problems.
    """
    legal = list(legal)
    written = {path: text for path, text in _leaves(data) if is_expression(text) and _takes_number(slots, path)}
    problems = dict(failed)
    ties: dict[Key, Expression] = {}
    for path, text in written.items():
        try:
            ties[path] = parse_expression(text)
        except ExpressionError as error:
            problems[path] = Problem(f"{dotted(path)}: {error}", place(path, error.offset))
    needs = {path: _needs(tie, slots, legal) & ties.keys() for path, tie in ties.items()}
    order = _order(needs, problems, place)
    values: dict[Key, Any] = {}
    for path in order:
        slot = slots[dotted(path)]
        bits = slot.quantity is not None and slot.quantity.dimension == "width"

        def lookup(name: str, bits: bool = bits) -> Any:
            try:
                other = slots.get(find(name, legal))
            except ValueError as error:
                raise ExpressionError(str(error)) from None
            if other is None:
                raise ExpressionError(f"'{name}' is not a value")
            if other.path in problems:
                raise _Known
            return _number(other, data, values, bits)

        try:
            values[path] = _result(ties[path].evaluate(lookup, bits), slot)
        except ExpressionError as error:
            problems[path] = Problem(f"{dotted(path)}: {error}", place(path, error.offset))
        except _Known:
            problems[path] = problems[next(p for p in _needs(ties[path], slots, legal) if p in problems)]
    return values, problems


def follow_ties(data: Any, slots: Mapping[str, Slot], legal: Iterable[str], given: Mapping[Key, Any]) -> dict[Key, Any]:
    """What the ties of data come to where some numbers are `given`: arrays of design points, in base units.

    Only of ties that need a given number, by path, unchecked; a number that is given is tied no longer. The data is
    known to be in order. Raises ExpressionError.

    >>> from specs.quantity import Count
    >>> slots = {name: Slot((name,), Count) for name in ("rows", "cols")}
    >>> follow_ties({"rows": 4, "cols": "= 2 * rows"}, slots, slots, {("rows",): 8})
    {('cols',): 16}
    """
    legal = list(legal)
    ties = {
        path: parse_expression(text)
        for path, text in _leaves(data)
        if is_expression(text) and _takes_number(slots, path) and path not in given
    }
    needs = {path: _needs(tie, slots, legal) for path, tie in ties.items()}
    plain, _ = resolve_ties(data, slots, legal, lambda path, offset: Place(""))
    found: dict[Key, Any] = dict(given)
    for path in TopologicalSorter(needs).static_order():
        if path in ties and needs[path] & found.keys():
            quantity = slots[dotted(path)].quantity
            bits = quantity is not None and quantity.dimension == "width"

            def lookup(name: str, bits: bool = bits) -> Any:
                slot = slots[find(name, legal)]
                if slot.path in found:
                    return as_term(found[slot.path], slot.quantity, bits)
                return _number(slot, data, plain, bits)

            found[path] = ties[path].evaluate(lookup, bits)
    return {path: value for path, value in found.items() if path not in given}


def as_term(number: Any, quantity: Quantity | None, bits: bool) -> Any:
    """A number, or an array, of a quantity as the arithmetic of a tie takes it: amounts of data in bytes, or in bits.

    >>> as_term(16, Quantity("width"), bits=False), as_term(16, Quantity("size"), bits=True)
    (Fraction(2, 1), 128)
    """
    dimension = None if quantity is None else quantity.dimension
    if bits and dimension in ("size", "bandwidth"):
        return number * 8
    if bits or dimension != "width":
        return number
    if not hasattr(number, "dtype"):
        return Fraction(number) / 8
    return number // 8 if (number % 8 == 0).all() else number / 8


def _result(value: Any, slot: Slot) -> Any:
    if isinstance(value, bool):
        raise ExpressionError("a comparison is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError(f"the result is not a finite number: {value}")
    return in_base_units(value) if slot.quantity else value


def _number(slot: Slot, data: Any, values: Mapping[Key, Any], bits: bool) -> Any:
    """The value at a slot as a number in base units."""
    found = values[slot.path] if slot.path in values else _at(data, slot.path)
    if found is MISSING:
        found = slot.default
    if found is MISSING or found is None:
        raise ExpressionError(f"'{slot.dotted}' is not set")
    dimension = slot.quantity.dimension if slot.quantity else None
    if isinstance(found, str) and dimension:
        try:
            found = parse_quantity(found, dimension)
        except ValueError as error:
            raise ExpressionError(f"'{slot.dotted}': {error}") from None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ExpressionError(f"'{slot.dotted}' is not a number: it is {show_scalar(found)}")
    if isinstance(found, float) and not math.isfinite(found):
        raise ExpressionError(f"'{slot.dotted}' is not a finite number")
    return as_term(int(found) if isinstance(found, int) else float(found), slot.quantity, bits)


def _order(needs: Mapping[Key, set[Key]], problems: dict[Key, Problem], place: PlaceOf) -> list[Key]:
    """Ties after those they need. Ties in a circle, and those that need them, are left out with a problem."""
    left = {path: set(need) for path, need in needs.items()}
    while True:
        try:
            return list(TopologicalSorter(left).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))[:-1]  # graphlib lists it against the direction of need
            first = min(range(len(circle)), key=lambda index: place(circle[index], 0).order)
            circle = circle[first:] + circle[:first]
            names = " -> ".join(dotted(path) for path in [*circle, circle[0]])
            problem = Problem(f"values tied in a circle: {names}", place(circle[0], 0))
            for path in circle:
                problems[path] = problem
                left.pop(path)
            for need in left.values():
                need.difference_update(circle)


def _needs(tie: Expression, slots: Mapping[str, Slot], legal: list[str]) -> set[Key]:
    needed = set()
    for name in tie.names():
        try:
            slot = slots.get(find(name, legal))
        except ValueError:
            continue  # reported with its place when the tie is evaluated
        if slot is not None:
            needed.add(slot.path)
    return needed


def _takes_number(slots: Mapping[str, Slot], path: Key) -> bool:
    slot = slots.get(dotted(path))
    return slot is not None and slot.is_number


def _leaves(data: Any) -> list[tuple[Key, Any]]:
    """Every scalar of the data with its path."""
    found: list[tuple[Key, Any]] = []
    waiting: list[tuple[Key, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), inner) for index, inner in enumerate(value)]
        else:
            found.append((path, value))
    return found[::-1]


def _at(data: Any, path: Key) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return data
