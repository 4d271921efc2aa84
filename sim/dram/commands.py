"""The commands of a DRAM channel with processing in it, and what an issued one is.

Bank b is of bank group b // banks_per_group. A command names its bank, or -1 if there is nothing to name.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from arch.dram import Organisation

__all__ = ["Command", "Issued", "banks_of"]


class Command(IntEnum):
    """What goes over the command bus. Those that use a column of a row stand together, reads before writes."""

    ACT = 0  # open a row in one bank
    ACT4 = 1  # in four: `bank` to `bank + 3`
    ACT16 = 2  # in all banks, however many
    PRE = 3  # close one bank
    PREA = 4  # all
    RD = 5  # a column of one bank, to the outside
    COPY_OUT = 6  # a column of one bank, to the global buffer
    MAC_ONE = 7  # multiply a column by the global buffer and accumulate: in one bank,
    MAC_SAME = 8  # in the same bank of every group (`bank` is its number within a group),
    MAC = 9  # in all banks
    EWMUL = 10  # element-wise product, in all banks
    WR = 11  # a column of one bank, from the outside
    COPY_IN = 12  # a column of one bank, from the global buffer
    WRGB = 13  # write a column of the global buffer
    RDMAC = 14  # read the accumulators of all banks
    AF = 15  # activation function on the accumulators of all banks
    MODE = 16  # switch between a memory's work and processing in it
    REFab = 17  # refresh all banks
    REFpb = 18  # one bank

    @property
    def uses_row(self) -> bool:
        """Whether its banks have to be open.

        >>> Command.MAC.uses_row, Command.WRGB.uses_row
        (True, False)
        """
        return Command.RD <= self <= Command.COPY_IN

    @property
    def of_all_banks(self) -> bool:
        """Whether it works in all banks with a row open in each."""
        return self in (Command.MAC, Command.EWMUL)


class Issued(NamedTuple):
    """A command of a trace. `place` is the row of an activation, the column of a command that uses one, or -1."""

    tick: int
    command: Command
    bank: int
    place: int

    def __str__(self) -> str:
        return f"{self.command.name} (bank {self.bank}, {self.place})" if self.bank >= 0 else self.command.name


_ONE = {Command.ACT, Command.PRE, Command.RD, Command.COPY_OUT, Command.MAC_ONE, Command.WR, Command.COPY_IN}
_NONE = {Command.WRGB, Command.RDMAC, Command.AF, Command.MODE}


def banks_of(command: Command, bank: int, organisation: Organisation) -> range:
    """The banks whose rows a command opens, closes, uses or refreshes.

    >>> organisation = Organisation(1, 4, 4, 16384, 2048, 32)
    >>> list(banks_of(Command.MAC_SAME, 1, organisation)), list(banks_of(Command.ACT4, 8, organisation))
    ([1, 5, 9, 13], [8, 9, 10, 11])
    """
    if command in _ONE or command is Command.REFpb:
        return range(bank, bank + 1)
    if command is Command.ACT4:
        return range(bank, bank + 4)
    if command is Command.MAC_SAME:
        return range(bank, organisation.banks, organisation.banks_per_group)
    return range(0) if command in _NONE else range(organisation.banks)
