"""The file of a mapping: partitioning, loop order, spacetime, what is kept where, and how units overlap.

A mapping is one loop nest over a whole cascade, or a sequence of nests, each over some of its Einsums.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from specs import Count, Size
from specs.paths import slots
from workloads import TypeSpec

Split = Literal["published", "search"]


class BindSpec(BaseModel):
    """Einsums on one unit, and the part of a rank on each of its axes; `steps` orders the parts taken in time.

    `loops` are those of these Einsums below the loop that fusion ends at, instead of the nest's. The operations of a
    point follow each other in a pipeline for those in `pipelined`: a point takes one slot.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str
    einsums: list[str]
    loops: list[str] = []
    spatial: dict[str, str] = {}
    steps: list[str] = []
    pipelined: list[str] = []


class EpochSpec(BaseModel):
    """Einsums whose units overlap, and waits: extra cycles per operation slot of an Einsum, on no unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    einsums: list[str] = []
    wait: dict[str, int | str] = {}


class PublishedSpec(BaseModel):
    """What the authors of a dataflow chose for a workload: extents instead of fitted ones, and options of choices.

    `when` says for which values of keys of the workload and the machine, or of expressions of them; besides, for whole
    attention (no mask) in the types of the mapping.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: dict[str, Count]
    extents: dict[str, Count] = {}
    choose: dict[str, str] = {}


class OptionSpec(BaseModel):
    """One option of a choice: what it adds to its nest, key by key; loops stand instead of the nest's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    partition: dict[str, dict[str, int | str]] = {}
    loops: list[str] = []
    bind: list[BindSpec] = []
    keep: dict[str, dict[str, str]] = {}
    in_place: list[Annotated[list[str], Field(min_length=2)]] = []
    copies: dict[str, dict[str, Count]] = {}
    reserve: dict[str, dict[str, int | str]] = {}


class NestSpec(BaseModel):
    """One loop nest. Extents may be expressions over machine and workload keys: `= array_2d.rows`.

    Tensors listed `in_place` take each other's room. `copies` are the tiles of a kept tensor at a level at once,
    `reserve` the bytes there for a tensor that streams past. What does not fit into a level of `spill` stays outside.
    Of each of its `choices` the nest takes one option.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    partition: dict[str, dict[str, int | str]] = {}
    loops: list[str]
    fuse: str | None = None
    stages: list[list[str]] = []
    bind: list[BindSpec]
    keep: dict[str, dict[str, str]] = {}
    budget: dict[str, Size] = {}
    in_place: list[Annotated[list[str], Field(min_length=2)]] = []
    copies: dict[str, dict[str, Count]] = {}
    reserve: dict[str, dict[str, int | str]] = {}
    spill: list[str] = []
    overlap: Literal["none", "units", "epochs"] = "none"
    epochs: list[EpochSpec] = []
    fold_overlap: Literal["off", "on"] = "off"
    interleave: int | str = 1
    choices: dict[str, Annotated[dict[str, OptionSpec], Field(min_length=1)]] = {}
    published_for: dict[str, Count] = {}  # conditions of all that is published
    published: list[PublishedSpec] = []


class AboutSpec(BaseModel):
    """What every mapping says of itself; `layers` names the mapping of the linear layers around it.

    `split: search` leaves aside what the authors of a dataflow chose; `choose` settles choices, by their names. Of
    machines with units in their DRAM banks, `rows` says how matrices lie there, one result after the other or each from
    a row's beginning, and `io` whether time is that of the MACs alone or with what comes and goes. Matrices there that
    have the rank `grows` grow along it with each token; so many tokens `append` to them at once (0: none does), and
    there is `room` for so many indices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    mapping: str
    summary: str = ""
    source: list[str] = []
    cascade: str
    layers: str | None = None
    split: Split = "published"
    choose: dict[str, str] = {}
    types: dict[str, str | TypeSpec] = {}
    rows: Literal["packed", "padded"] = "packed"
    io: Literal["included", "excluded"] = "included"
    grows: str | None = None
    append: Annotated[int, Field(ge=0, le=1 << 12, strict=True)] = 1
    room: Count | None = None
    accounting: str = "hardware"
    assumptions: list[str] = []

    @classmethod
    def legal_paths(cls, data: Any) -> list[str]:
        """The keys that an argument may set: those of the file, and `choose` for every choice in it."""
        nests = data.get("sequence") or [data]
        names = [name for nest in nests if isinstance(nest, Mapping) for name in nest.get("choices") or {}]
        found = [path for path in slots(cls, data) if not _is_alternative(path)]
        return [*found, *(path for path in (f"choose.{name}" for name in dict.fromkeys(names)) if path not in found)]


def _is_alternative(path: str) -> bool:
    """Whether a path lies in something that a mapping may turn out to be, which only its file says."""
    return any(step in ("published", "choices") for step in path.split(".")[:-1])


class MappingSpec(NestSpec, AboutSpec):
    """A mapping that is one nest."""


class StepSpec(NestSpec):
    """One nest of a sequence, and the Einsums that it does."""

    einsums: list[str]


class SequenceSpec(AboutSpec):
    """A mapping that does a cascade nest after nest; each begins when the one before has ended."""

    sequence: Annotated[list[StepSpec], Field(min_length=1)]


def _form(data: Any) -> str:
    sequence = "sequence" in data if isinstance(data, Mapping) else isinstance(data, SequenceSpec)
    return "several nests" if sequence else "one nest"


AnyMapping = Annotated[
    Annotated[MappingSpec, Tag("one nest")] | Annotated[SequenceSpec, Tag("several nests")], Discriminator(_form)
]
