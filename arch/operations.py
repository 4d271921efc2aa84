"""The words for what a unit can do, shared by machines and tables."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from specs import unknown

# A mapping lowers a cascade's operations to these.
OPERATIONS = ("mac", "mul", "add", "max", "min", "exp", "divide", "sqrt", "tanh", "log")


def known_operation(name: str) -> str:
    """The name of an operation. Raises ValueError that lists the operations.

    >>> known_operation("macc")
    Traceback (most recent call last):
    ...
    ValueError: unknown operation 'macc'; did you mean 'mac'? allowed: mac, mul, add, max, min, exp, divide,
    ...
    """
    if name not in OPERATIONS:
        raise ValueError(unknown("operation", name, OPERATIONS))
    return name


OperationName = Annotated[
    str, AfterValidator(known_operation), WithJsonSchema({"type": "string", "enum": list(OPERATIONS)})
]
