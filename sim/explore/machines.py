"""Machines with arrays of design points: what a reference that sets the axes' keys means, for many values at once.

What the file ties to a key goes with it. Keys that are no plain numbers of a machine cannot be arrays, and neither can
those of operations, whose times decide how a schedule is counted: points are then taken one by one along their axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from arch import Machine
from specs import Problem, SpecError
from specs.paths import dotted
from specs.ties import follow_ties

from .axes import settled
from .keys import Keys

SPATIAL = "spatial"


def can_vary(host: Machine, keys: Keys, key: str) -> bool:
    """Whether a number of a machine, and all that is tied to it, may be an array."""
    slot = keys.slot(key)
    if host.kind != SPATIAL or slot.quantity is None or not _is_plain(host, slot.dotted):
        return False
    return all(_is_plain(host, dotted(path)) for path in follow_ties(keys.data, keys.slots, keys.legal, {slot.path: 1}))


def varied_machine(host: Machine, keys: Keys, values: Mapping[str, Any]) -> Machine:
    """A machine, whose keys these are, with arrays of values by key; single values are its own already.

    Raises SpecError for what a reference would refuse.

    >>> import numpy as np
    >>> from arch import machine
    >>> from sim.explore.keys import arch_keys
    >>> keys = arch_keys("fusemax-cloud")
    >>> made = varied_machine(machine("fusemax-cloud"), keys, {"array_2d.cols": np.array([8, 16])})
    >>> made.units["array_1d"].axes["lanes"], made.memories["buffer"].row_bits
    (array([ 8, 16]), array([128, 256]))
    """
    given = {keys.slot(key).path: value for key, value in values.items()}
    numbers = {dotted(path): value for path, value in given.items() if np.ndim(value)}
    for path, value in follow_ties(keys.data, keys.slots, keys.legal, given).items():
        if not np.ndim(value):
            continue
        slot = keys.slots[dotted(path)]
        try:
            numbers[slot.dotted] = settled(value, slot.quantity)
        except ValueError as error:
            raise SpecError(
                [Problem(f"{slot.dotted} of '{keys.reference}', which is tied to an axis: {error}")]
            ) from None
    return host.with_values(numbers)


def _is_plain(host: Machine, path: str) -> bool:
    short = path.removeprefix("memories.").removeprefix("units.")
    return short in host.paths() and ".operations." not in path
