"""The file of a machine: its keys, their units, and what may stand together.

The kinds of machines are members of one union, told apart by `kind`; what they share is `MachineSpec`, and how units
are written `arch.unitspec`. Spatial machines are here, those of processing in memory in `arch.pimspec`. A further kind
is a class and a member of `ArchSpec`. Of energy tables only the names are known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from specs import Bandwidth, Count, Misplaced, Quantity, Size, Spec, Width

from .machinespec import MachineSpec
from .pimspec import PimSpec
from .ports import Ports
from .table import known_table
from .unitspec import ComponentName, Path, UnitSpec, reserved, settable, unit_faults

Banks = Annotated[int, Quantity("count", most=1 << 20)]  # of one memory
Latency = Annotated[float, Quantity("time", zero=True)]  # of one memory


class MemorySpec(Spec):
    """One memory. A size or a bandwidth that is not given is unlimited; `row` is what one action moves.

    Each port of each bank serves a row a cycle; without `ports` as many rows as are asked for.
    """

    size: Size | None = None
    bandwidth: Bandwidth | None = None
    row: Width
    latency: Latency | None = None
    ports: Ports | None = None
    banks: Banks = 1

    @field_validator("banks")
    @classmethod
    def _banks_of_ports(cls, banks: int, others: ValidationInfo) -> int:
        if others.data.get("ports", ()) is None:
            why = "banks multiply ports, and a memory without 'ports' serves all that is asked for"
            raise Misplaced(f"{why}; give 'ports', such as '1RW', or leave out 'banks'", key=True)
        return banks


class HardwareSpec(Spec):
    """What hardware of the machine is generated for: the largest sizes that it takes, and what multiplies in it."""

    head_dim: Count = 64
    value_dim: Count = 64
    max_keys: Count = 4096
    multiplier: Literal["dsp", "logic"] = "dsp"


class SpatialSpec(MachineSpec):
    """A spatial machine: memories, outermost first, and arrays."""

    kind: Literal["spatial"]
    energy: Annotated[str, AfterValidator(known_table)]
    memories: Annotated[dict[ComponentName, MemorySpec], Field(min_length=1)]
    units: Annotated[dict[ComponentName, UnitSpec], Field(min_length=1)]
    hardware: HardwareSpec | None = None

    @classmethod
    def legal_paths(cls, data: Any) -> list[str]:
        """The keys that an argument or a tie may name."""
        return settable(cls, data)


ArchSpec = Annotated[SpatialSpec | PimSpec, Field(discriminator="kind")]


def faults(spec: SpatialSpec) -> Iterator[tuple[str, Path]]:
    """What does not fit together in a machine whose parts are each in order: sentences, and paths of keys."""
    yield from reserved("memories", spec.memories)
    yield from unit_faults(spec.units, spec.memories)
