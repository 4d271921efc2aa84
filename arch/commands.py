"""The commands of a DRAM device by name, and which of them a machine may have besides those of a plain memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from specs import unknown

# Processing in memory; ACT, PRE, PREA, RD, WR, REFab and REFpb are those of any memory.
PIM_COMMANDS: Mapping[str, str] = {
    "ACT4": "opens a row in each of four banks",
    "ACT16": "opens a row in all banks of a channel",
    "MAC": "multiplies and accumulates a column of all banks of a channel",
    "MAC_same": "the same of one bank of every group",
    "MAC_one": "the same of one bank",
    "WRGB": "writes a column of the global buffer",
    "RDMAC": "reads an accumulator of every bank",
    "AF": "applies an activation function to the accumulators",
    "EWMUL": "multiplies two columns element by element",
    "COPY": "copies a column between a bank and the global buffer",
    "TMOD": "switches between a memory's work and processing",
}

# What a table may price. An ACT is one bank's row, closing it included: an ACT4 is four of them.
PRICED_COMMANDS = ("ACT", "RD", "WR", "MAC", "WRGB", "RDMAC", "AF", "EWMUL", "COPY", "REFab", "REFpb")

# What a mapping may bind to the banks of a machine that has the command.
OPERATIONS_OF: Mapping[str, str] = {"MAC": "mac", "EWMUL": "mul", "AF": "max"}


def known_pim_command(name: str) -> str:
    """The name of a command of processing in memory. Raises ValueError that lists them.

    >>> known_pim_command("MACC")
    Traceback (most recent call last):
    ...
    ValueError: unknown command 'MACC'; did you mean 'MAC'? allowed: ACT4, ACT16, MAC, MAC_same, MAC_one, WRGB, RDMAC,
    ...
    """
    if name not in PIM_COMMANDS:
        raise ValueError(unknown("command", name, PIM_COMMANDS))
    return name


def known_priced_command(name: str) -> str:
    """The name of a command that a table may price. Raises ValueError that lists them.

    >>> known_priced_command("ACT")
    'ACT'
    """
    if name not in PRICED_COMMANDS:
        raise ValueError(unknown("command", name, PRICED_COMMANDS))
    return name


def _enum(names: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(names)})


PimCommand = Annotated[str, AfterValidator(known_pim_command), _enum(tuple(PIM_COMMANDS))]
PricedCommand = Annotated[str, AfterValidator(known_priced_command), _enum(PRICED_COMMANDS)]
