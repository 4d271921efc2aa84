"""Numbers that the cycle engine needs of a schedule on a spatial machine: extents, skew, and blocks of work.

Those that are of the design, whatever its work, are the schedule's `Parameters`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from arch import Unit
from mappings import Native, Operation, Parameters, Schedule
from workloads import ceil_div, least

from .chains import Block
from .program import CHAIN, DRAIN, STREAM
from .streams import Stops

Number = Any


def column(value: Number) -> Any:
    """A number as a column: a row per design point."""
    return np.asarray(value, dtype=np.int64).reshape(-1, 1)


@dataclass(frozen=True)
class Facts:
    """A schedule with recorded stalls, seen without the constraints whose causes are `relaxed`."""

    schedule: Schedule
    relaxed: frozenset[str] = frozenset()
    stops: Stops = field(default_factory=dict)

    @cached_property
    def parameters(self) -> Parameters:
        """The design; where the latency of chains is relaxed, a result is there when its operation is over."""
        found = self.schedule.parameters
        return found.immediate() if CHAIN in self.relaxed else found

    def extent(self, part: str) -> Number:
        """Indices of a part, no more than its rank has."""
        family = self.schedule.families[self.schedule.family_of[part]]
        return least(family.extent(part), ceil_div(family.size, family.part(part).chunk))

    def product(self, parts: Iterable[str]) -> Number:
        """Indices of several parts together."""
        total: Number = 1
        for part in parts:
            total = total * self.extent(part)
        return total

    def steps(self, parts: Iterable[str]) -> Number:
        """Steps that a whole tile takes over several parts."""
        total: Number = 1
        for part in parts:
            total = total * self.schedule.families[self.schedule.family_of[part]].extent(part)
        return total

    def bits(self, tensor: str) -> int:
        """Bits of a stored word."""
        return self.parameters.types[tensor].storage.bits

    def kept_by(self, operation: Operation, part: str) -> bool:
        """Whether the result of an operation is indexed by a part."""
        return self.schedule.indexes(operation, part)

    def stopped(self, tensor: str) -> tuple[tuple[int, int], ...]:
        """The stretches in which a tensor's outside stream stands still."""
        return () if STREAM in self.relaxed else self.stops.get(tensor, ())

    def unit(self, name: str) -> Unit:
        """A unit of the machine."""
        unit: Unit = self.schedule.machine.units[name]
        return unit

    def gathers(self, operation: Operation) -> bool:
        """Whether results are gathered down the rows of an array: a spatial part is reduced."""
        return self.parameters.operations[operation.name].gathers

    def descent(self, unit: Unit) -> Number:
        """Cycles from the first row of a unit to its last."""
        if "rows" not in unit.axes or DRAIN in self.relaxed:
            return 0
        return (unit.axes["rows"] - 1) * self.parameters.hop(unit.name)

    def skew(self, unit: Unit) -> Number:
        """Cycles from the first element of a unit to its last."""
        if DRAIN in self.relaxed:
            return 0
        return self.descent(unit) + (list(unit.axes.values())[-1] - 1)

    def natives(self, operation: Operation) -> tuple[Native, ...]:
        """The native operations of a point, one after the other; what is pipelined is one, as slow as the slowest."""
        return self.parameters.natives(operation.name)

    def block(self, operations: tuple[Operation, ...]) -> Block:
        """The work of one element for one tile of operations that are done value by value."""
        last = operations[-1]
        reduced = [not self.kept_by(last, part) for part in last.steps]
        inside = len(reduced) - reduced[::-1].index(True) if any(reduced) else 0
        sequence = tuple(native for operation in operations for native in self.natives(operation))
        return Block(
            repeats=self.steps(p for p, r in zip(last.steps[:inside], reduced, strict=False) if not r),
            rounds=self.steps(p for p, r in zip(last.steps, reduced, strict=True) if r),
            chains=self.steps(last.steps[inside:]),
            sequence=sequence,
        )
