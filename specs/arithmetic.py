"""Exact arithmetic, alike on numbers and elementwise on NumPy arrays.

Whole numbers stay exact: a quotient of integers is kept as a fraction until it is asked for, so that
`ceil(a / b)` is right for integers of any size, and integer arrays that would pass 2^63 go on as Python
integers instead of wrapping round. Floats behave as floats. NumPy is imported only when an array appears.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Value = Any  # int, float, Fraction, Ratio, or a float array

INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True)
class Ratio:
    """An exact quotient, elementwise. Both parts are integer arrays or ints; `denominator` is positive."""

    numerator: Any
    denominator: Any


def enter(value: Any) -> Value:
    """Take an outside number or array in. Raises TypeError for anything else.

    >>> enter(True), enter(0.5)
    (1, 0.5)
    """
    if hasattr(value, "dtype"):
        return _enter_array(value)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | Fraction):
        return value
    raise TypeError(f"expected a number, found {type(value).__name__}")


def leave(value: Value) -> Any:
    """Give a result out: an int or integer array where it is whole, floats elsewhere.

    >>> leave(Fraction(6, 3)), leave(Fraction(1, 4)), leave(2.0)
    (2, 0.25, 2.0)
    """
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, Ratio):
        if _everywhere(value.numerator % value.denominator == 0):
            return _narrow(value.numerator // value.denominator)
        return _floats(value)
    return _narrow(value) if _is_array(value) else value


def add(a: Value, b: Value) -> Value:
    """a + b"""
    if not _exact_arrays(a, b):
        return _plain(a, b, lambda x, y: x + y)
    p, q = _ratio(a), _ratio(b)
    top = _sum(_product(p.numerator, q.denominator), _product(q.numerator, p.denominator))
    return Ratio(top, _product(p.denominator, q.denominator))


def multiply(a: Value, b: Value) -> Value:
    """a * b"""
    if not _exact_arrays(a, b):
        return _plain(a, b, lambda x, y: x * y)
    p, q = _ratio(a), _ratio(b)
    return Ratio(_product(p.numerator, q.numerator), _product(p.denominator, q.denominator))


def divide(a: Value, b: Value) -> Value:
    """a / b, exact for whole numbers. Raises ZeroDivisionError if any divisor is zero."""
    if not _exact_arrays(a, b):
        if isinstance(a, int) and isinstance(b, int):
            return Fraction(a, b)
        a, b = _level(a, b)
        if _anywhere(b == 0):
            raise ZeroDivisionError
        return a / b
    p, q = _ratio(a), _ratio(b)
    if _anywhere(q.numerator == 0):
        raise ZeroDivisionError
    top, bottom = _product(p.numerator, q.denominator), _product(p.denominator, q.numerator)
    sign = _sign(bottom)
    return Ratio(_product(top, sign), _product(bottom, sign))


def negate(a: Value) -> Value:
    """-a"""
    return multiply(-1, a)


def floor(a: Value) -> Value:
    """The largest whole number that is at most a."""
    if isinstance(a, Ratio):
        return Ratio(a.numerator // a.denominator, 1)
    if _is_array(a):
        return _whole(_numpy().floor(a))
    return math.floor(a)


def ceil(a: Value) -> Value:
    """The smallest whole number that is at least a.

    >>> ceil(divide(10**30 + 1, 10**30))
    2
    """
    return negate(floor(negate(a)))


def floor_divide(a: Value, b: Value) -> Value:
    """a // b: the floor of the exact quotient."""
    return floor(divide(a, b))


def remainder(a: Value, b: Value) -> Value:
    """a % b: what floor division leaves, with the sign of b."""
    return add(a, negate(multiply(b, floor_divide(a, b))))


def least(a: Value, b: Value) -> Value:
    """The smaller of the two, elementwise."""
    return _choose(a, b, "minimum", min)


def greatest(a: Value, b: Value) -> Value:
    """The larger of the two, elementwise."""
    return _choose(a, b, "maximum", max)


def compare(a: Value, b: Value, relation: Callable[[Any, Any], Any]) -> Any:
    """`relation(a, b)` with one of the six comparisons of `operator`; a bool or an array of bools."""
    if not _exact_arrays(a, b):
        result = _plain(a, b, relation)
        return result if _is_array(result) else bool(result)
    p, q = _ratio(a), _ratio(b)
    left, right = _product(p.numerator, q.denominator), _product(q.numerator, p.denominator)
    return _numpy().asarray(relation(left, right), dtype=bool)


def _choose(a: Value, b: Value, name: str, scalar: Callable[[Any, Any], Any]) -> Value:
    if _exact_arrays(a, b):
        p, q = _ratio(a), _ratio(b)
        left, right = _product(p.numerator, q.denominator), _product(q.numerator, p.denominator)
        return Ratio(getattr(_numpy(), name)(left, right), _product(p.denominator, q.denominator))
    a, b = _level(a, b)
    return getattr(_numpy(), name)(a, b) if _is_array(a) or _is_array(b) else scalar(a, b)


def _plain(a: Value, b: Value, operation: Callable[[Any, Any], Any]) -> Value:
    """Numbers, or arrays of floats: here the operators of Python and NumPy mean what we mean."""
    return operation(*_level(a, b))


def _level(a: Value, b: Value) -> tuple[Value, Value]:
    """Both as floats if one is an array; else as they are."""
    if any(_is_array(value) or isinstance(value, Ratio) for value in (a, b)):
        return _floats(a), _floats(b)
    return a, b


def _exact_arrays(a: Value, b: Value) -> bool:
    """Whether an exact array takes part and no float does."""
    exact = isinstance(a, Ratio) or isinstance(b, Ratio)
    return exact and not any(isinstance(x, float) or _is_array(x) for x in (a, b))


def _ratio(value: Value) -> Ratio:
    if isinstance(value, Ratio):
        return value
    exact = Fraction(value)
    return Ratio(exact.numerator, exact.denominator)


def _floats(value: Value) -> Any:
    if isinstance(value, Ratio):
        top, bottom = value.numerator, value.denominator
        small = _bound(top) < 1 << 53 and _bound(bottom) < 1 << 53
        if not small:  # only Python rounds the quotient of large integers correctly
            top = _numpy().asarray(top).astype(object)
        return _numpy().asarray(top / bottom, dtype=float)
    return float(value) if isinstance(value, Fraction) else value


def _product(a: Any, b: Any) -> Any:
    if isinstance(a, int) and a == 1:
        return b
    if isinstance(b, int) and b == 1:
        return a
    return _fitting(a, b, _bound(a) * _bound(b), lambda x, y: x * y)


def _sum(a: Any, b: Any) -> Any:
    return _fitting(a, b, _bound(a) + _bound(b), lambda x, y: x + y)


def _fitting(a: Any, b: Any, bound: int, operation: Callable[[Any, Any], Any]) -> Any:
    """Integers or integer arrays; as Python integers if the result, or a part, may pass 2^63."""
    if max(bound, _bound(a), _bound(b)) > INT64_MAX:
        a, b = (x.astype(object) if _is_array(x) else x for x in (a, b))
    return operation(a, b)


def _bound(value: Any) -> int:
    """The largest magnitude in it, as a Python integer."""
    if not _is_array(value):
        return abs(int(value))
    return max(abs(int(value.max())), abs(int(value.min()))) if value.size else 0


def _sign(value: Any) -> Any:
    if not _is_array(value):
        return 1 if value > 0 else -1
    return _numpy().where(value > 0, 1, -1)


def _enter_array(value: Any) -> Value:
    numpy = _numpy()
    array = numpy.asarray(value)
    if array.dtype.kind == "f":
        return array.astype(float)
    if array.dtype.kind == "b":
        return Ratio(array.astype(numpy.int64), 1)
    if array.dtype.kind in "iu":
        fits = _bound(array) <= INT64_MAX
        return Ratio(array.astype(numpy.int64 if fits else object), 1)
    if array.dtype.kind == "O" and all(isinstance(each, int) for each in array.flat):
        return Ratio(array, 1)
    raise TypeError(f"expected an array of numbers, found one of {array.dtype}")


def _whole(array: Any) -> Value:
    """A float array of whole numbers as integers. Raises OverflowError for infinities."""
    numpy = _numpy()
    if not numpy.isfinite(array).all():
        raise OverflowError("not a finite number")
    if array.size and numpy.abs(array).max() >= 2.0**63:
        return Ratio(numpy.frompyfunc(int, 1, 1)(array), 1)
    return Ratio(array.astype(numpy.int64), 1)


def _narrow(array: Any) -> Any:
    """Python integers back to 64 bits where all fit; an array of one number without axes stays an array."""
    numpy = _numpy()
    array = numpy.asarray(array)
    if array.dtype == object and _bound(array) <= INT64_MAX:
        return array.astype(numpy.int64)
    return array


def _everywhere(mask: Any) -> bool:
    return bool(mask.all()) if hasattr(mask, "all") else bool(mask)


def _anywhere(mask: Any) -> bool:
    return bool(mask.any()) if hasattr(mask, "any") else bool(mask)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype")


def _numpy() -> Any:
    import numpy

    return numpy
