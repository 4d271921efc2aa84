"""How the cost of an operation goes with the width of its number type, where a table has no row for the type.

A multiplier is an array of partial products, so what multiplies goes with the square of the width; adders and
comparators go with the width. Between two rows of a family (floating point or integer) of different widths the
cost is a power of the width through both. Published pairs bear the laws out: in Horowitz's energies (ISSCC 2014)
multiplications grow 3.4 times from fp16 to fp32 and 15.5 times from int8 to int32 (the square: 4 and 16), additions
2.3 and 3.3 times (2 and 4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from .cost import ASSUMPTION
from .tablespec import OperationRow

WIDTHS: Mapping[str, int] = {  # bits
    "fp64": 64, "fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8,
    "int32": 32, "int16": 16, "int8": 8,
}  # fmt: skip
FIXED = re.compile(r"fix(8|16|32|64)\.[1-9][0-9]?")  # fixed point: `fix32.26`, an integer of 32 bits
LINEAR = ("add", "max", "min")  # in proportion to the width; the others by its square


def width_of(type: str | None) -> int | None:
    """The bits of a number type; None of an unknown one, or of none.

    >>> width_of("bf16"), width_of("fix32.26"), width_of("fp9")
    (16, 32, None)
    """
    fixed = FIXED.fullmatch(type or "")
    return int(fixed[1]) if fixed else WIDTHS.get(type or "")


def row_for(
    operation: str, rows: Sequence[OperationRow], type: str | None, cost: Callable[[OperationRow], float]
) -> tuple[OperationRow, float, list[str]]:
    """The row that stands for a number type, the factor from its cost to the type's, and the assumption, if any.

    `cost` reads the energy or the area off a row. Without a type the first row stands. A type of unknown width
    costs what the first row does.
    """
    for row in rows:
        if type is None or type in row.types:
            return row, 1.0, []
    assert type is not None
    known: dict[str, OperationRow] = {}
    for row in rows:
        for each in row.types:
            if each in WIDTHS:
                known.setdefault(each, row)
    width = width_of(type)
    if width is None or not known:
        standing = rows[0].types[0] if rows[0].types else "the table's type"
        return rows[0], 1.0, [f"{ASSUMPTION} {operation} in {type} costs what it costs in {standing}"]
    family = {each: row for each, row in known.items() if _is_integer(each) == _is_integer(type)} or known
    nearest = min(family, key=lambda each: abs(math.log2(WIDTHS[each] / width)))
    row, at = family[nearest], WIDTHS[nearest]
    if at == width:
        return row, 1.0, [f"{ASSUMPTION} {operation} in {type} as in {nearest}, of the same width"]
    below = max((each for each in family if WIDTHS[each] < width), key=WIDTHS.__getitem__, default=None)
    above = min((each for each in family if WIDTHS[each] > width), key=WIDTHS.__getitem__, default=None)
    if below is not None and above is not None:
        low, high = cost(family[below]), cost(family[above])
        power = math.log(high / low) / math.log(WIDTHS[above] / WIDTHS[below])
        factor = low * (width / WIDTHS[below]) ** power / cost(row)
        return row, factor, [f"{ASSUMPTION} {operation} in {type} between {below} and {above}, by a power of the width"]
    power, law = (1, "in proportion to the width") if operation in LINEAR else (2, "by the square of the width")
    return row, (width / at) ** power, [f"{ASSUMPTION} {operation} in {type} from {nearest}, {law}"]


def _is_integer(type: str) -> bool:
    return type.startswith(("int", "fix"))
