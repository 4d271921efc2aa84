"""What the channels of a device issued: a value that models hand to prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Commands:
    """All channels' commands by name, and the ticks that they had a row open or refreshed, or had none."""

    issued: Mapping[str, int]
    active_ticks: int
    precharged_ticks: int
    column_bytes: int  # of a column command
