"""The file of a mapping: partitioning, loop order, spacetime, what is kept where, and how units overlap."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from specs import Size
from workloads import TypeSpec


class BindSpec(BaseModel):
    """Einsums on one unit, and the part of a rank on each of its axes; `steps` orders the parts taken in time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str
    einsums: list[str]
    spatial: dict[str, str] = {}
    steps: list[str] = []


class EpochSpec(BaseModel):
    """Einsums whose units overlap, and waits: extra cycles per operation slot of an Einsum, on no unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    einsums: list[str] = []
    wait: dict[str, int | str] = {}


class MappingSpec(BaseModel):
    """The file of a mapping. Extents may be expressions over machine and workload keys: `= array_2d.rows`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    mapping: str
    summary: str = ""
    source: list[str] = []
    cascade: str
    partition: dict[str, dict[str, int | str]] = {}
    loops: list[str]
    fuse: str | None = None
    stages: list[list[str]] = []
    bind: list[BindSpec]
    keep: dict[str, dict[str, str]] = {}
    budget: dict[str, Size] = {}
    overlap: Literal["none", "units", "epochs"] = "none"
    epochs: list[EpochSpec] = []
    fold_overlap: Literal["off", "on"] = "off"
    interleave: int | str = 1
    types: dict[str, str | TypeSpec] = {}
    accounting: str = "hardware"
    assumptions: list[str] = []
