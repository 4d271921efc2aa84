"""Axes of a sweep: their values, settled in base units, and axes that are tied to others by arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from specs import Expression, ExpressionError, Loaded, Problem, Quantity, in_base_units, parse_expression
from specs.paths import Slot, find
from specs.scalars import show_scalar
from specs.ties import as_term
from specs.units import DIMENSIONS

from .spec import RangeSpec, SweepSpec

MOST_VALUES = 1 << 24  # of one axis


@dataclass(frozen=True, eq=False)
class Axis:
    """The values of one key: of a free axis one after the other, of a tied one over the free axes that it depends on.

    `values` are int64 or float64 in base units, or objects (texts, true and false); its dimensions are those of `over`,
    indices of free axes.
    """

    path: str
    values: Any
    over: tuple[int, ...]
    tied: bool
    slot: Slot

    @property
    def part(self) -> str:
        """`workload`, `arch` or `mapping`."""
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        """The key of that part, as references have it."""
        return self.path.partition(".")[2]

    @property
    def is_number(self) -> bool:
        return bool(self.values.dtype != object)

    def value(self, place: Sequence[int]) -> Any:
        """The value where each free axis is at an index."""
        return self.values[tuple(place[i] for i in self.over)]

    def text(self, place: Sequence[int]) -> str:
        """The value as a reference spells it."""
        return spelled(self.value(place), self.slot.quantity)

    def over_all(self, axes: int) -> Any:
        """The values with a dimension for each of so many free axes, of length 1 where they do not depend on it."""
        shape = [1] * axes
        for i, size in zip(self.over, self.values.shape, strict=True):
            shape[i] = size
        return self.values.reshape(shape)


def spelled(value: Any, quantity: Quantity | None) -> str:
    """A settled value as a reference spells it, so that it is read back to the same number.

    >>> spelled(65536, Quantity("size")), spelled(1.25e-08, Quantity("time")), spelled(True, None)
    ('65536 B', '1.25e-08 s', 'true')
    """
    plain = value.item() if hasattr(value, "item") else value
    text = plain if isinstance(plain, str) else str(plain).lower() if isinstance(plain, bool) else repr(plain)
    return f"{text} {DIMENSIONS[quantity.dimension].base}".rstrip() if quantity else text


def settled(values: Any, quantity: Quantity | None) -> Any:
    """Computed numbers, in base units, as a spec would hold them. Raises ValueError for what it would refuse.

    >>> settled(np.array([2.0, 4.0]), Quantity("count"))
    array([2, 4])
    """
    flat, places = np.unique(values, return_inverse=True)
    read = [each if quantity is None else quantity.read(in_base_units(each)) for each in flat.tolist()]
    return _array(read)[places].reshape(np.shape(values))


def free_values(
    given: RangeSpec | list[Any], slot: Slot, loaded: Loaded[SweepSpec], path: str
) -> tuple[Any, list[Problem]]:
    """The values of a free axis, and what is wrong with them."""
    if isinstance(given, RangeSpec):
        try:
            return _range(given, slot.quantity), []
        except _Wrong as error:
            return None, [Problem(f"{path}: {error}", loaded.place(("axes", path, *error.at)))]
    problems, values = [], []
    for i, value in enumerate(given):
        try:
            values.append(slot.quantity.read(value) if slot.quantity else value)
        except ValueError as error:
            problems.append(Problem(f"{path}: {error}", loaded.place(("axes", path, i))))
    if not given:
        problems.append(Problem(f"{path}: an axis without values; give at least one", loaded.place(("axes", path))))
    for i, value in enumerate(values):
        if value in values[:i] and len(values) < 1 << 12:
            problems.append(Problem(f"{path}: {show_scalar(value)} is given twice", loaded.place(("axes", path, i))))
    return (None if problems else _array(values)), problems


def _array(values: Sequence[Any]) -> Any:
    """Integers, floats where one is not whole, or objects where one is no number."""
    if all(type(value) is int and abs(value) < 1 << 63 for value in values):
        return np.array(values, dtype=np.int64)
    if all(type(value) in (int, float) for value in values):
        return np.array(values, dtype=np.float64)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [value if isinstance(value, str) else spelled(value, None) for value in values]
    return texts


class _Wrong(ValueError):
    """What is wrong with a range, and the key of it."""

    def __init__(self, message: str, *at: str) -> None:
        self.at = at
        super().__init__(message)


def _range(given: RangeSpec, quantity: Quantity | None) -> Any:
    """The values of a range as an array. Raises `_Wrong`."""
    first, last = _end(given.first, quantity, "from"), _end(given.last, quantity, "to")
    if first >= last:
        raise _Wrong(f"'from' ({given.first}) must be less than 'to' ({given.last})", "from")
    try:
        if given.steps is not None:
            return _stepped(first, last, given.steps, quantity)
        return _array([_read(value, quantity) for value in _multiplied(given, first, last, quantity)])
    except _Wrong:
        raise
    except ValueError as error:
        raise _Wrong(str(error), "times" if given.steps is None else "steps") from None


def _multiplied(given: RangeSpec, first: Fraction, last: Fraction, quantity: Quantity | None) -> list[Fraction]:
    values, factor = [first], Fraction(repr(given.times))
    if first <= 0:
        raise _Wrong(f"a factor needs values greater than zero, found {given.first}", "from")
    most = (
        last.numerator * first.denominator
    ).bit_length()  # the factor's numerator, 2 at least, divides this as often
    while values[-1] < last and len(values) <= most:
        values.append(values[-1] * factor)
    if values[-1] < last:
        raise _Wrong(
            f"no power of {given.times} leads from {given.first} to {given.last}; give 'steps' instead", "times"
        )
    if values[-1] != last:
        near = f"{_shown(values[-2], quantity)} and {_shown(values[-1], quantity)} are next to it"
        raise _Wrong(f"no power of {given.times} leads from {given.first} to {given.last}; {near}", "to")
    return values


def _stepped(first: Fraction, last: Fraction, steps: int, quantity: Quantity | None) -> Any:
    """As many values in equal steps, each as near as a float comes; what holds for the first two holds for all."""
    if steps > MOST_VALUES:
        raise _Wrong(f"expected at most {MOST_VALUES} steps, found {steps}", "steps")
    step = (last - first) / (steps - 1)
    whole = all(isinstance(_read(value, quantity), int) for value in (first, first + step))
    if whole:
        return np.arange(steps, dtype=np.int64) * int(step) + int(first)
    divisor = first.denominator * step.denominator
    start, each = int(first * divisor), int(step * divisor)
    return np.array([(start + i * each) / divisor for i in range(steps)], dtype=np.float64)


def _end(text: int | float | str, quantity: Quantity | None, key: str) -> Fraction:
    try:
        value = quantity.read(text) if quantity else text
    except ValueError as error:
        raise _Wrong(str(error), key) from None
    if isinstance(value, str):
        raise _Wrong(f"a range is of numbers, found {show_scalar(value)}; give a list", key)
    return Fraction(value)


def _read(value: Fraction, quantity: Quantity | None) -> int | float:
    number = value.numerator if value.denominator == 1 else float(value)
    return quantity.read(in_base_units(number)) if quantity else number


def _shown(value: Fraction, quantity: Quantity | None) -> str:
    return spelled(value.numerator if value.denominator == 1 else float(value), quantity)


def tied_axes(
    ties: Mapping[str, str],
    free: Sequence[Axis],
    slots: Mapping[str, Slot],
    loaded: Loaded[SweepSpec],
    names: Sequence[str],
) -> tuple[list[Axis], list[Problem]]:
    """The axes that are tied to others, `free` or tied, and what is wrong with them.

    `names` are those of all axes, of which some may be wrong themselves.
    """
    problems: dict[str, Problem] = {}
    parsed: dict[str, Expression] = {}

    def report(path: str, message: str, offset: int = 0) -> None:
        problems[path] = Problem(f"{path}: {message}", loaded.place(("axes", path), offset))

    for path, text in ties.items():
        try:
            parsed[path] = parse_expression(text)
        except ExpressionError as error:
            report(path, str(error), error.offset)
    found = {axis.path: axis for axis in free}
    for path in _in_order(parsed, names, problems, loaded.place):
        try:
            found[path] = _tied(path, parsed[path], found, names, slots[path], len(free))
        except ExpressionError as error:
            report(path, str(error), error.offset)
        except KeyError:
            pass  # what it is tied to is itself wrong, which is reported there
        except ValueError as error:
            report(path, str(error))
    return [found[path] for path in ties if path in found], list(dict.fromkeys(problems.values()))


def _tied(path: str, tie: Expression, found: Mapping[str, Axis], names: Sequence[str], slot: Slot, free: int) -> Axis:
    bits = slot.quantity is not None and slot.quantity.dimension == "width"
    needed: list[Axis] = []
    for name in sorted(tie.names()):
        try:
            needed.append(found[find(name, names, "among the axes")])
        except ValueError as error:
            raise ExpressionError(str(error), tie.text.index(name)) from None
    over = tuple(sorted({i for axis in needed for i in axis.over}))

    def lookup(name: str) -> Any:
        axis = found[find(name, names)]
        if not axis.is_number:
            raise ExpressionError(f"'{name}' is not a number")
        return as_term(axis.over_all(free), axis.slot.quantity, bits)

    value = tie.evaluate(lookup, bits)
    if tie.is_condition:
        raise ExpressionError("a comparison is not a number")
    values = settled(np.asarray(value), slot.quantity)
    whole = np.broadcast_to(values, np.broadcast_shapes(values.shape, *(axis.over_all(free).shape for axis in needed)))
    return Axis(path, whole.reshape([whole.shape[i] for i in over]), over, True, slot)


def _in_order(
    ties: Mapping[str, Expression], names: Sequence[str], problems: dict[str, Problem], place: Any
) -> list[str]:
    """Ties after those that they need; those in a circle are left out with a problem."""
    needs: dict[str, set[str]] = {}
    for path, tie in ties.items():
        needs[path] = set()
        for name in tie.names():
            try:
                needs[path].add(find(name, names))
            except ValueError:
                continue  # reported when the tie is evaluated
        needs[path] &= ties.keys()
    while True:
        try:
            return list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))[:-1]
            first = min(range(len(circle)), key=lambda i: place(("axes", circle[i])).order)
            circle = circle[first:] + circle[:first]
            problem = Problem(f"axes tied in a circle: {' -> '.join([*circle, circle[0]])}", place(("axes", circle[0])))
            for path in circle:
                problems[path] = problem
                needs.pop(path)
            for need in needs.values():
                need.difference_update(circle)
