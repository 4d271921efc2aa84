"""What the channels of a device issued: a value that models hand to prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Commands:
    """All channels' commands by name, and the ticks that they had a row open or refreshed, or had none.

    `operations` are what units outside of the banks do on their elements, by unit and native operation.
    """

    issued: Mapping[str, int]
    active_ticks: int
    precharged_ticks: int
    column_bytes: int  # of a column command
    operations: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict
    )  # native ones of units outside of the banks
