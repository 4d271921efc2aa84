"""What the files of every kind of machine hold."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from specs import Frequency, Spec


class MachineSpec(Spec):
    """What the files of every kind of machine hold; which tables `energy` may name is the kind's matter."""

    ties: ClassVar[bool] = True

    arch: str
    kind: str
    summary: str = ""
    source: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    clock: Frequency
    energy: str
    types: dict[str, str] = Field(default_factory=dict)
