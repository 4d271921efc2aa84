"""What GPUs can do at most: peaks and bandwidths from a data file, each with its source.

A value that nobody read in its source is marked (`verified: false`), and is used only where there is no other, and then
said.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field, model_validator

from specs import Bandwidth, Frequency, Misplaced, Size, Spec, load_file

from .point import BYTES

CHIPS_FILE = Path(__file__).parent / "chips.yaml"


def _known_type(dtype: str) -> str:
    if dtype not in BYTES:
        raise ValueError(f"found '{dtype}', expected one of: {', '.join(BYTES)}")
    return dtype


class PeakRow(Spec):
    """A peak of dense products, in 10¹² FLOPs a second, and the clock at which it is reached."""

    tflop_per_s: Annotated[float, Field(gt=0)]
    clock: Frequency | None = None
    verified: bool
    source: str

    @property
    def value(self) -> float:
        return self.tflop_per_s * 1e12


class BandwidthRow(Spec):
    """A bandwidth of the memory."""

    bandwidth: Bandwidth
    verified: bool
    source: str

    @property
    def value(self) -> float:
        return self.bandwidth


class SizeRow(Spec):
    """The size of the last cache."""

    size: Size
    verified: bool
    source: str

    @property
    def value(self) -> float:
        return self.size


class ChipSpec(Spec):
    """A chip: what sources call it, and what is stated of it, by type of operand."""

    names: Annotated[list[str], Field(min_length=1)]
    peak: dict[Annotated[str, AfterValidator(_known_type)], Annotated[list[PeakRow], Field(min_length=1)]]
    memory: Annotated[list[BandwidthRow], Field(min_length=1)]
    cache: list[SizeRow] = Field(default_factory=list)


class ChipsSpec(Spec):
    """The file of all chips."""

    chips: str
    summary: str
    entries: dict[str, ChipSpec]

    @model_validator(mode="after")
    def _names_are_of_one_chip(self) -> ChipsSpec:
        seen: dict[str, str] = {}
        for chip, spec in self.entries.items():
            for index, name in enumerate(spec.names):
                if name in seen:
                    raise Misplaced(f"'{name}' names '{seen[name]}' already", ("entries", chip, "names", index))
                seen[name] = chip
        return self


Row = TypeVar("Row", PeakRow, BandwidthRow, SizeRow)


@dataclass(frozen=True)
class Stated(Generic[Row]):
    """A value in base units (FLOPs a second, bytes a second, bytes), with its source."""

    value: float
    source: str
    verified: bool
    clock_hz: float | None = None  # at which a peak is reached

    @property
    def note(self) -> str:
        """The source, and whether it was read."""
        return self.source if self.verified else f"{self.source}; unverified"


@dataclass(frozen=True)
class Chip:
    """The best stated values of a chip: the first verified one of each, or else the first. None: nothing is stated."""

    name: str
    names: tuple[str, ...]
    peaks: dict[str, Stated[PeakRow]]
    memory: Stated[BandwidthRow]
    cache: Stated[SizeRow] | None


def best(rows: Sequence[Row]) -> Stated[Row]:
    """The first verified row, or else the first.

    >>> rows = [PeakRow(tflop_per_s=t, verified=v, source=s) for t, v, s in ((2, False, "a"), (1, True, "b"))]
    >>> best(rows).source, best(rows[:1]).note
    ('b', 'a; unverified')
    """
    found = next((row for row in rows if row.verified), rows[0])
    return Stated(found.value, found.source, found.verified, getattr(found, "clock", None))


def read_chips(path: Path = CHIPS_FILE) -> tuple[Chip, ...]:
    """All chips of a file. Raises SpecError."""
    spec: ChipsSpec = load_file(path, ChipsSpec, "chips").model
    return tuple(
        Chip(
            name,
            (name, *(each for each in row.names if each != name)),
            {dtype: best(peaks) for dtype, peaks in row.peak.items()},
            best(row.memory),
            best(row.cache) if row.cache else None,
        )
        for name, row in spec.entries.items()
    )


@functools.cache
def chips() -> tuple[Chip, ...]:
    """The chips that ship with einfuse."""
    return read_chips()


def chip_named(name: str, among: Sequence[Chip] | None = None) -> Chip | None:
    """The chip that a source calls so; None if the file has no such name.

    >>> chip_named("NVIDIA H200").name, chip_named("H300")
    ('H200-SXM', None)
    """
    return next((chip for chip in (chips() if among is None else among) if name in chip.names), None)
