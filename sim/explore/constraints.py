"""Constraints over the numbers of many points: where they hold, and where they have no value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from specs import Expression, ExpressionError


def held(constraint: Expression, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Where a constraint holds, and where it has no value, by what is wrong there, such as a division by zero.

    `values` are numbers and arrays that go together. A constraint is evaluated at once, and cell by cell if that fails:
    what has no value somewhere may hold elsewhere.

    >>> from specs import parse_expression
    >>> held(parse_expression("6 / a <= 3"), {"a": np.array([1, 2])})
    (array([False,  True]), {})
    >>> held(parse_expression("6 / a <= 3"), {"a": np.array([0, 2])})
    (array([False,  True]), {'division by zero': array([ True, False])})
    """
    try:
        return constraint.evaluate(values.__getitem__), {}
    except ExpressionError:
        cells = dict(zip(values, np.broadcast_arrays(*values.values()), strict=True))
    shape = np.shape(next(iter(cells.values()), 0))
    holds = np.zeros(shape, dtype=bool)
    failed: dict[str, Any] = {}
    for cell in np.ndindex(shape):
        try:
            holds[cell] = constraint.evaluate({name: each[cell].item() for name, each in cells.items()}.__getitem__)
        except ExpressionError as error:
            failed.setdefault(str(error), np.zeros(shape, dtype=bool))[cell] = True
    return holds, failed
