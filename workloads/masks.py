"""The mask of a cascade: inequalities between two ranks, from text to checked clauses."""

from __future__ import annotations

import re
from collections.abc import Collection

from specs import Expression as SizeExpression
from specs import ExpressionError, Misplaced, parse_expression, unknown

from .cascade import MaskClause
from .spec import Faults

_CLAUSE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(<=|>=|<|>)(?!=)(.*)", re.DOTALL)


def mask_clauses(faults: Faults) -> tuple[MaskClause, ...]:
    """The clauses of a cascade's mask, all over the same two ranks."""
    clauses: list[MaskClause] = []
    for key, text in faults.spec.mask.items():
        try:
            clause = _clause(key, text, faults.spec.ranks)
        except Misplaced as fault:
            faults.report(str(fault), "mask", key, offset=fault.offset)
            continue
        first = clauses[0] if clauses else clause
        if (first.row, first.column) != (clause.row, clause.column):
            found = f"'{clause.column}' by '{clause.row}'"
            message = f"mask '{key}' bounds {found}, but '{first.key}' bounds '{first.column}' by '{first.row}'"
            faults.report(message, "mask", key)
        clauses.append(clause)
    return tuple(clauses)


def _clause(key: str, text: str, ranks: Collection[str]) -> MaskClause:
    match = _CLAUSE.match(text)
    if not match:
        example = "'m <= p + 1'; the sign is <=, <, >= or >"
        raise Misplaced(f"a mask bounds one rank by another, such as {example}")
    column, sign, right = match.groups()
    if column not in ranks:
        raise Misplaced(unknown("rank", column, ranks), offset=match.start(1))
    try:
        bound = parse_expression(right)
    except ExpressionError as error:
        raise Misplaced(str(error), offset=match.start(3) + error.offset) from None
    legal = {*ranks, *(r.upper() for r in ranks), key}
    for name in sorted(bound.names() - legal):
        place = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", right)
        offset = match.start(3) + (place.start() if place else 0)
        raise Misplaced(unknown("name", name, sorted(legal)), offset=offset)
    rows = sorted(bound.names() & set(ranks))
    if len(rows) != 1 or rows == [column] or not _is_offset(bound, rows[0]):
        message = f"mask '{key}' must bound '{column}' by one other rank plus a constant"
        raise Misplaced(message, offset=match.start(3) + len(right) - len(right.lstrip()))
    return MaskClause(key, rows[0], column, "high" if "<" in sign else "low", bound, "=" in sign)


def _is_offset(bound: SizeExpression, row: str) -> bool:
    """Whether the bound grows one for one with the row, tried where its other names have two sets of values."""
    try:
        for other in (7, 1000):
            values = [
                bound.evaluate(lambda name, r=r, other=other: r if name == row else other)  # type: ignore[misc]
                for r in (0, 1, 2000)
            ]
            if bound.is_condition or values[1] - values[0] != 1 or values[2] - values[0] != 2000:
                return False
    except ExpressionError:
        return False
    return True
