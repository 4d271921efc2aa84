"""The file of an energy and area table: rows of published numbers, each with its source.

A source that begins with `assumption:` gives the reasoning instead of a publication; costs from its row say
so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from specs import Area, Bandwidth, Count, Energy, Misplaced, Quantity, Size, Spec, Width

from .commands import PricedCommand
from .commandspec import CommandRow, CurrentsRow, PinRow, StandbyRow
from .operations import OperationName
from .source import Source

# What a table may say costs nothing; it must say so.
EnergyOrNone = Annotated[float, Quantity("energy", zero=True)]
PowerOrNone = Annotated[float, Quantity("power", zero=True)]
Share = Annotated[float, Quantity("fraction", zero=True)]


class BackgroundRow(Spec):
    """What DRAM of that bandwidth takes whatever it moves: standby and refresh; other bandwidths are in proportion."""

    bandwidth: Bandwidth
    power: PowerOrNone
    source: Source


class DramRow(Spec):
    """The energy of moving `bits` to or from DRAM; other amounts are in proportion."""

    bits: Width
    read: Energy
    write: Energy
    background: BackgroundRow | None = None
    source: Source


class SramEnergyRow(Spec):
    """The energy of one action on an SRAM of that size; what an action moves is the `row` of the table."""

    size: Size
    read: Energy
    write: Energy
    source: Source


class SramAreaRow(Spec):
    """The area of an SRAM, banked for an array of that side (words moved at once) or whatever the banking."""

    side: Count | None = None
    size: Size
    area: Area
    source: Source


class PortArea(Spec):
    """What each port of an SRAM beyond the first adds to its area, in areas of one with a single port."""

    each: Annotated[float, Field(gt=0)]
    source: Source


class SramSpec(Spec):
    """On-chip buffers. A side with one area row is in proportion to bytes, with several affine in bytes."""

    row: Width
    energy: Annotated[list[SramEnergyRow], Field(min_length=1)]
    area: tuple[SramAreaRow, ...] = ()
    ports: PortArea | None = None

    @model_validator(mode="after")
    def _consistent_rows(self) -> SramSpec:
        _distinct("energy", [row.size for row in self.energy], "size")
        _distinct("area", [(row.side, row.size) for row in self.area], "side and size")
        for index, row in enumerate(self.area):
            if (row.side is None) != (self.area[0].side is None):
                raise Misplaced("either all rows of area have a side or none", ("area", index))
        return self


class RegisterEnergyRow(Spec):
    """The energy of one word's access to a register file of that depth."""

    depth: Count
    read: Energy
    write: Energy
    source: Source


class RegisterArea(Spec):
    """max(least_depth, depth)·(per_word + bits·per_bit) + ports·per_address_bit·⌈log2 depth⌉."""

    bits: Count
    per_bit: Area
    per_word: Area | None = None
    least_depth: Count = 1
    ports: Count = 1
    per_address_bit: Area | None = None
    source: Source


class RegisterSpec(Spec):
    """Register files; `word` is what one access moves."""

    word: Width
    energy: Annotated[list[RegisterEnergyRow], Field(min_length=1)]
    area: RegisterArea | None = None

    @model_validator(mode="after")
    def _one_energy_for_address_bits(self) -> RegisterSpec:
        _distinct("energy", [row.depth for row in self.energy], "depth")
        first: dict[int, RegisterEnergyRow] = {}
        for index, row in enumerate(self.energy):
            other = first.setdefault((row.depth - 1).bit_length(), row)
            if (other.read, other.write) != (row.read, row.write):
                depths = f"{other.depth} and {row.depth}"
                message = f"depths {depths} have as many address bits but different energies"
                raise Misplaced(message, ("energy", index))
        return self


class OperationRow(Spec):
    """One operation's energy, and the area of its hardware, which may lie inside that of another operation.

    `types` are the number types of the row; the first row of an operation stands for types that have none. The area may
    have a source of its own.
    """

    types: tuple[str, ...] = ()
    energy: Energy
    area: Area | None = None
    inside: OperationName | None = None
    source: Source
    area_source: Source | None = None


class ControlRow(Spec):
    """Control, as a share of the energy of the operations that it steers."""

    share: Share
    source: Source


class ClockRow(Spec):
    """The energy of clocking one bit for a cycle, and the words of each element that are clocked in every cycle."""

    energy: EnergyOrNone
    words: Count
    source: Source


class SramLeakage(Spec):
    """What an SRAM of that size leaks; other sizes are in proportion."""

    size: Size
    power: PowerOrNone
    source: Source


class LogicLeakage(Spec):
    """What that area of logic and registers leaks; other areas are in proportion."""

    area: Area
    power: PowerOrNone
    source: Source


class LeakageSpec(Spec):
    """Leakage of memories on the chip and of units."""

    sram: SramLeakage
    logic: LogicLeakage


class WireRow(Spec):
    """The energy of moving a bit over a millimetre."""

    energy: EnergyOrNone
    source: Source


class PlainArea(Spec):
    """An area that a machine has besides its components."""

    area: Area
    source: Source


class TableSpec(Spec):
    """An energy and area table."""

    table: str
    summary: str = ""
    source: tuple[str, ...] = ()
    dram: DramRow | None = None
    sram: SramSpec | None = None
    register_file: RegisterSpec | None = None
    operations: dict[OperationName, Annotated[list[OperationRow], Field(min_length=1)]] = Field(default_factory=dict)
    control: ControlRow | None = None
    clock: ClockRow | None = None
    leakage: LeakageSpec | None = None
    wires: WireRow | None = None
    column: PlainArea | None = None  # for each column of a two-dimensional array
    machine: PlainArea | None = None  # once
    commands: dict[PricedCommand, CommandRow] = Field(default_factory=dict)  # of a DRAM device
    pins: PinRow | None = None
    standby: StandbyRow | None = None
    currents: CurrentsRow | None = None

    @model_validator(mode="after")
    def _prices_something(self) -> TableSpec:
        if not self.operations and not self.commands and self.currents is None:
            raise Misplaced("missing key 'operations' in table; a table of DRAM commands has 'commands' or 'currents'")
        plain = {name for name, row in self.commands.items() if row.sequence is None}
        if self.currents is not None:
            plain |= set(self.currents.priced) - self.commands.keys()
        for name, row in self.commands.items():
            for step in row.sequence or ():
                if step not in plain:
                    why = f"'{name}' is made of '{step}', which has no energy of its own"
                    known = ", ".join(sorted(plain)) or "none"
                    raise Misplaced(f"{why}; those that have: {known}", ("commands", name, "as", step), key=True)
        return self


def _distinct(key: str, marks: Sequence[object], what: str) -> None:
    for index, mark in enumerate(marks):
        if mark in marks[:index]:
            raise Misplaced(f"two rows have the same {what}", (key, index))
