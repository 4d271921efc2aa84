"""What of a mapping is free, in the words of its file: the key `open` of a search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from specs import Count

Free = Literal["any"]
Names = Free | Annotated[list[str], Field(min_length=1)]
Extents = Free | Annotated[list[int | str], Field(min_length=1)]
Orders = Free | Annotated[list[list[str]], Field(min_length=1)]


class OpenNestSpec(BaseModel):
    """What of one nest is free: `any`, or a list of what it may be.

    Of `partition` the extents of parts (`any`: divisors of what is left of the rank), of `loops` their order, of `bind`
    the unit of an Einsum (`any`: of those that the nest uses and that can), of `keep` the loop that a tensor is kept
    for at a level (`any`: each loop, the whole run, or `none`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: dict[str, dict[str, Extents]] = {}
    loops: Orders | None = None
    bind: dict[str, Names] = {}
    keep: dict[str, dict[str, Names]] = {}
    overlap: Free | Annotated[list[Literal["none", "units", "epochs"]], Field(min_length=1)] | None = None
    interleave: Annotated[list[Count], Field(min_length=1)] | None = None


class OpenSpec(OpenNestSpec):
    """What of a mapping is free; of one that is a sequence, nest by nest. `choose`: the options of its choices."""

    choose: Free | dict[str, Names] = {}
    sequence: list[OpenNestSpec] = []
