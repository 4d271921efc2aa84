"""The file of a mapping: partitioning, loop order, spacetime, what is kept where, and how units overlap.

A mapping is one loop nest over a whole cascade, or a sequence of nests, each over some of its Einsums.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from specs import Count, Size
from workloads import TypeSpec

Split = Literal["published", "search"]


class BindSpec(BaseModel):
    """Einsums on one unit, and the part of a rank on each of its axes; `steps` orders the parts taken in time.

    The operations of a point follow each other in a pipeline for those in `pipelined`: a point takes one slot.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str
    einsums: list[str]
    spatial: dict[str, str] = {}
    steps: list[str] = []
    pipelined: list[str] = []


class EpochSpec(BaseModel):
    """Einsums whose units overlap, and waits: extra cycles per operation slot of an Einsum, on no unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    einsums: list[str] = []
    wait: dict[str, int | str] = {}


class PublishedSpec(BaseModel):
    """Extents that the authors of a dataflow chose for a workload, instead of the fitted ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: dict[str, Count]
    extents: dict[str, Count]


class NestSpec(BaseModel):
    """One loop nest. Extents may be expressions over machine and workload keys: `= array_2d.rows`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

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
    published: list[PublishedSpec] = []


class AboutSpec(BaseModel):
    """What every mapping says of itself; `layers` names the mapping of the linear layers around it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    mapping: str
    summary: str = ""
    source: list[str] = []
    cascade: str
    layers: str | None = None
    split: Split = "published"
    types: dict[str, str | TypeSpec] = {}
    accounting: str = "hardware"
    assumptions: list[str] = []


class MappingSpec(NestSpec, AboutSpec):
    """A mapping that is one nest."""


class StepSpec(NestSpec):
    """One nest of a sequence, and the Einsums that it does."""

    einsums: list[str]


class ChoiceSpec(BaseModel):
    """Nests that do the same Einsums: of those that fit, the one with the fewest bytes to and from outermost memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    einsums: list[str]
    either: Annotated[list[NestSpec], Field(min_length=2)]


def _ways(data: Any) -> str:
    choice = "either" in data if isinstance(data, Mapping) else isinstance(data, ChoiceSpec)
    return "several ways" if choice else "one way"


AnyStep = Annotated[
    Annotated[StepSpec, Tag("one way")] | Annotated[ChoiceSpec, Tag("several ways")], Discriminator(_ways)
]


class SequenceSpec(AboutSpec):
    """A mapping that does a cascade nest after nest; each begins when the one before has ended."""

    sequence: Annotated[list[AnyStep], Field(min_length=1)]


def _form(data: Any) -> str:
    sequence = "sequence" in data if isinstance(data, Mapping) else isinstance(data, SequenceSpec)
    return "several nests" if sequence else "one nest"


AnyMapping = Annotated[
    Annotated[MappingSpec, Tag("one nest")] | Annotated[SequenceSpec, Tag("several nests")], Discriminator(_form)
]
