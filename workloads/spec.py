"""The file of a cascade as it is written, and the list of what is wrong with it.

What the file means is for `checking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from specs import Loaded, Problem

from .types import TypePin


class TypeSpec(BaseModel):
    """Storage and accumulation type of a tensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage: str
    accumulation: str = "fp32"


def plain_pins(types: Mapping[str, str | TypeSpec]) -> dict[str, TypePin]:
    """Type pins as plain values."""
    return {name: pin if isinstance(pin, str) else pin.model_dump(exclude_unset=True) for name, pin in types.items()}


class CascadeSpec(BaseModel):
    """The file of a cascade; `workloads/README.md` explains it by example."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    cascade: str
    summary: str = ""
    source: list[str] = []
    ranks: dict[str, str]
    each: list[str] = []
    share: dict[str, list[str]] = {}
    partition: dict[str, list[str]] = {}
    inputs: list[str]
    mask: dict[str, str] = {}
    types: dict[str, str | TypeSpec] = {}
    einsums: list[str]
    output: str | list[str]

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,) if isinstance(self.output, str) else tuple(self.output)


@dataclass
class Faults:
    """What is wrong with one file, collected while it is checked."""

    loaded: Loaded[CascadeSpec]
    problems: list[Problem] = field(default_factory=list)

    @property
    def spec(self) -> CascadeSpec:
        return self.loaded.model

    def report(self, message: str, *path: str | int, offset: int = 0, key: bool = False) -> None:
        """One problem at the value of a path, at a character of it, or at its key."""
        self.problems.append(Problem(message, self.loaded.place(path, offset=offset, key=key)))

    def line(self, i: int) -> int | None:
        """The line on which Einsum i stands."""
        return self.loaded.place(("einsums", i)).line
