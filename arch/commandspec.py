"""What a table says of a DRAM device: the energy of its commands, or the currents that they are computed from."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from specs import Count, Current, Misplaced, Quantity, Size, Spec, Time, Voltage

from .commands import PricedCommand
from .source import Source

EnergyOrNone = Annotated[float, Quantity("energy", zero=True)]
PowerOrNone = Annotated[float, Quantity("power", zero=True)]
Times = Annotated[float, Field(gt=0, le=1 << 20)]  # how often a command is in another


class CommandRow(Spec):
    """The energy of one command on that many bytes, or `as` those of others; other bytes are in proportion.

    The bytes of an ACT are a row of one bank, those of a MAC the columns of all banks that it reads, those of a refresh
    all that its banks hold.
    """

    energy: EnergyOrNone | None = None
    sequence: dict[PricedCommand, Times] | None = Field(default=None, alias="as")
    bytes: Size | None = None
    source: Source

    @model_validator(mode="after")
    def _one_price(self) -> CommandRow:
        if (self.energy is None) == (self.sequence is None):
            raise Misplaced("a command has either 'energy' or 'as'", key=True)
        return self


class PinRow(Spec):
    """The energy of moving one bit over the pins of the device."""

    energy: EnergyOrNone
    source: Source


class StandbyRow(Spec):
    """What a channel takes whatever is done, with a row open in some bank (`active`) and with none."""

    active: PowerOrNone
    precharged: PowerOrNone
    source: Source


class CurrentsRow(Spec):
    """Currents of a channel by the names of a data sheet, and the ticks that its tests of them take.

    IDD0 flows while a row is opened and closed every RC, IDD2N while all banks are closed, IDD3N while they are open,
    IDD4R and IDD4W while data are read and written without a gap, IDD5AB during an all-bank refresh.
    """

    voltage: Voltage
    tick: Time
    RC: Count
    RAS: Count
    RFC: Count
    burst: Count
    row: Size
    column: Size
    IDD0: Current
    IDD2N: Current
    IDD3N: Current
    IDD4R: Current
    IDD4W: Current
    IDD5AB: Current
    source: Source

    priced: ClassVar[tuple[str, ...]] = ("ACT", "RD", "WR", "REFab")

    @model_validator(mode="after")
    def _more_than_standby(self) -> CurrentsRow:
        for key in ("IDD4R", "IDD4W", "IDD5AB"):
            if getattr(self, key) < self.IDD3N:
                why = f"{key} is less than IDD3N, which flows while nothing is done with open rows"
                raise Misplaced(why, (key,))
        if self.RC < self.RAS:
            raise Misplaced(f"RC = {self.RC} is less than RAS = {self.RAS}", ("RC",))
        if self.IDD0 * self.RC < self.IDD3N * self.RAS + self.IDD2N * (self.RC - self.RAS):
            why = "IDD0 · RC is less than IDD3N · RAS + IDD2N · (RC - RAS), what standby takes in that time"
            raise Misplaced(why, ("IDD0",))
        return self
