"""The file of a machine of kind `pim`: a DRAM device in the words of its data sheet, with processing in it or without.

Ticks are cycles of `clock`. A time that is left out is not known: nothing waits for it. What the numbers must be to
each other is `arch.pimfaults`'s matter.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from specs import Misplaced, Quantity, Size, Spec, unknown

from .commands import PimCommand
from .dram import MOST_POSTPONED, Activation, Refresh
from .machinespec import MachineSpec
from .table import known_command_table
from .ticks import Ticks
from .unitspec import ComponentName, UnitSpec, settable
from .widths import WIDTHS, width_of

Channels = Annotated[int, Quantity("count", most=1 << 12)]
Banks = Annotated[int, Quantity("count", most=1 << 6)]  # of a group, and groups of a channel
Rows = Annotated[int, Quantity("count", most=1 << 20)]  # of a bank
Bytes = Annotated[int, Quantity("size", whole=True, most=1 << 16)]  # of a row, of a column
Several = Annotated[int, Quantity("count", most=1 << 12)]  # accumulators or multipliers of a bank
Late = Annotated[int, Quantity("count", most=1 << 20)]  # refresh commands


def _known_type(name: str) -> str:
    if width_of(name) is None:
        raise ValueError(unknown("number type", name, WIDTHS))
    return name


class OrganisationSpec(Spec):
    """Banks of a channel, rows of a bank, bytes of a row, and bytes that one column command reads of it."""

    bank_groups: Banks
    banks_per_group: Banks
    rows: Rows
    row: Bytes
    column: Bytes


class TimingSpec(Spec):
    """Ticks, or times that become ticks by rounding up. `short`: between bank groups, `long`: within one.

    Of a machine without `RCD_mac`, `CCD_mac` and `CCD_mac_stretched` a MAC takes what a RD within a group does.
    """

    RCD_read: Ticks
    RCD_write: Ticks
    RCD_mac: Ticks | None = None
    RP: Ticks
    RAS: Ticks
    RC: Ticks
    CCD_short: Ticks
    CCD_long: Ticks
    CCD_mac: Ticks | None = None
    CCD_mac_stretched: Ticks | None = None
    RTP: Ticks
    RRD_short: Ticks
    RRD_long: Ticks
    FAW: Ticks | None = None
    WL: Ticks | None = None
    burst: Ticks | None = None
    WR: Ticks | None = None
    WTR: Ticks | None = None
    RTW: Ticks | None = None
    RFC: Ticks | None = None
    RFC_bank: Ticks | None = None
    REFI: Ticks | None = None
    mode_switch: Ticks | None = None

    # The names in `arch.dram.DramTiming` of keys that are not their own in small letters.
    named: ClassVar[dict[str, str]] = {"WL": "write_latency"}


class PimSpec(MachineSpec):
    """A DRAM device: `channels` of one organisation, its timing, what it can do, and how it is run.

    `buffer` is the global buffer of a channel, `accumulators` and `multipliers` are those of a bank, `units` compute
    outside of the banks.
    """

    kind: Literal["pim"]
    energy: Annotated[str, AfterValidator(known_command_table)]
    channels: Channels
    organisation: OrganisationSpec
    timing: TimingSpec
    commands: tuple[PimCommand, ...] = ()
    refresh: Literal["all-bank", "per-bank", "off"] = "all-bank"
    postponed: Annotated[bool, Field(strict=True)] = True
    most_postponed: Late = MOST_POSTPONED
    activation: Literal["tfaw-act4", "stretched-ccd", "none"] = "none"
    accumulators: Several | None = None
    buffer: Size | None = None
    multipliers: Several | None = None
    multiplier_type: Annotated[str, AfterValidator(_known_type)] | None = None
    units: dict[ComponentName, UnitSpec] = Field(default_factory=dict)

    @field_validator("commands")
    @classmethod
    def _each_once(cls, commands: tuple[str, ...]) -> tuple[str, ...]:
        for index, command in enumerate(commands):
            if command in commands[:index]:
                raise Misplaced(f"'{command}' is given twice; leave one of them out", (index,))
        return commands

    @classmethod
    def legal_paths(cls, data: Any) -> list[str]:
        """The keys that an argument or a tie may name."""
        return settable(cls, data)

    @property
    def refreshes(self) -> Refresh:
        """`refresh` as a value of the device."""
        return Refresh(self.refresh)

    @property
    def activates(self) -> Activation:
        """`activation` as a value of the device."""
        return Activation(self.activation)

    def stated(self) -> dict[str, Any]:
        """The times that the file states, by their keys."""
        return {key: value for key in TimingSpec.model_fields if (value := getattr(self.timing, key)) is not None}
