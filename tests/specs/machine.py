"""A small machine description that uses every feature of a spec: its models and a file of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from specs import (
    Bandwidth,
    Count,
    Energy,
    Fraction,
    Frequency,
    Misplaced,
    NonNegativeCount,
    Size,
    Spec,
    Width,
)

MACHINE = """\
arch: toy
clock: 940 MHz
memories:
  dram:
    bandwidth: 400 GiB/s
  buffer:
    size: 16 MiB
    width: = array.cols * 16 b
    policy: lru
units:
  array: {kind: systolic, rows: 256, cols: 256}
  vector:
    kind: vector
    lanes: = array.cols
energies: [1.5 pJ, 3 pJ]
notes:
  - "read[p] + write[q]"
"""


class Memory(Spec):
    size: Size | None = None
    bandwidth: Bandwidth | None = None
    width: Width = 64
    policy: Literal["lru", "fifo", "random"] = "lru"


class Systolic(Spec):
    kind: Literal["systolic"]
    rows: Count
    cols: Count
    skew: NonNegativeCount = 0


class Vector(Spec):
    kind: Literal["vector"]
    lanes: Count
    busy: Fraction = 1.0


class Cache(Spec):
    ways: int = Field(default=4, ge=1, le=64)
    hashed: bool = False
    scale: float = 1.0


class Machine(Spec):
    ties: ClassVar[bool] = True

    arch: str
    clock: Frequency
    memories: dict[str, Memory]
    units: dict[str, Annotated[Systolic | Vector, Field(discriminator="kind")]]
    cache: Cache = Cache()
    energies: tuple[Energy, ...] = ()
    limit: Count | Literal["none"] = "none"
    notes: list[str] = Field(default_factory=list)

    @field_validator("notes")
    @classmethod
    def brackets_match(cls, notes: list[str]) -> list[str]:
        for index, note in enumerate(notes):
            if "]" in note and "[" not in note:
                raise Misplaced("found ']' without '['", path=(index,), offset=note.index("]"))
        return notes
