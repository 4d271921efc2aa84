"""The arithmetic of the oracle on arrays: elementwise operations, sums in a number type, sums of products.

Conventions for empty fibers: `-inf - -inf = -inf`, so that an exponential of it is 0, and `0 / 0 = 0`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .types import NumberType

Array = Any  # an ndarray of any dtype


def accumulate(terms: Array, number_type: NumberType) -> Array:
    """The sum along the last axis, one term after the other, rounded at every step."""
    if number_type.name == "fp32":
        steps = np.add.accumulate(terms.astype(np.float32), axis=-1)
        return steps[..., -1].astype(np.float64)
    total = np.zeros(terms.shape[:-1])
    if number_type.is_integer:
        terms = np.ldexp(number_type.in_units(terms), -number_type.fraction_bits)
        steps = np.add.accumulate(terms, axis=-1)
        if (number_type.rounded(steps) == steps).all():
            return steps[..., -1]
    for k in range(terms.shape[-1]):
        total = number_type.rounded(total + terms[..., k])
    return total


def contract(left: Array, right: Array, shape: tuple[int, ...], kept: int, valid: Array | None) -> Array:
    """Sum of products over the axes from `kept` on; operands have one axis per rank, of extent 1 where they lack it.

    Where whole results do not exist, they are set to 0 afterwards; points within a sum are masked in the operand that
    grows the less by it.
    """
    if valid is not None and any(extent != 1 for extent in valid.shape[kept:]):
        left, right = sorted((left, right), key=lambda a: _size(a.shape, valid.shape) / a.size)
        left = np.where(valid, left, 0.0)
        if not np.isfinite(right).all():  # 0 · inf would be NaN at a point that does not exist
            right = np.where(valid, right, 0.0)

    def squeezed(a: Array) -> tuple[Array, list[int]]:
        axes = [i for i, extent in enumerate(a.shape) if extent != 1]
        return a.reshape([a.shape[i] for i in axes]), axes

    out = [i for i in range(kept) if left.shape[i] != 1 or right.shape[i] != 1]
    total = np.einsum(*squeezed(left), *squeezed(right), out, optimize=True)
    result = total.reshape([shape[i] if i in out else 1 for i in range(kept)])
    if valid is not None and all(extent == 1 for extent in valid.shape[kept:]):
        result = np.where(valid.reshape(valid.shape[:kept]), result, 0.0)
    return np.broadcast_to(result, shape[:kept])


def _size(*shapes: tuple[int, ...]) -> int:
    return int(np.prod(np.broadcast_shapes(*shapes)))


def elementwise(operation: str, *arguments: Array) -> Array:
    """One operation of the notation on arrays, with the conventions of empty fibers.

    >>> float(elementwise("subtract", np.float64("-inf"), np.float64("-inf")))
    -inf
    >>> float(elementwise("divide", np.float64(0), np.float64(0)))
    0.0
    """
    with np.errstate(all="ignore"):
        match operation:
            case "add":
                return arguments[0] + arguments[1]
            case "subtract":
                left, right = np.broadcast_arrays(*arguments)
                return np.where(np.isneginf(left) & np.isneginf(right), -np.inf, left - right)
            case "multiply":
                return arguments[0] * arguments[1]
            case "divide":
                left, right = np.broadcast_arrays(*arguments)
                return np.where((left == 0) & (right == 0), 0.0, left / right)
            case "negate":
                return -arguments[0]
            case "max":
                return np.maximum(*arguments)
            case "min":
                return np.minimum(*arguments)
            case _:
                return getattr(np, operation)(*arguments)
