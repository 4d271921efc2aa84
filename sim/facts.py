"""Numbers that the cycle engine needs of a schedule on a spatial machine: extents, latencies, hops and skew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from arch import Unit
from mappings import Operation, Schedule
from specs import Problem, SpecError
from workloads import ceil_div, is_array, least, most

from .chains import Block, Native
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
        return self.schedule.types[tensor].storage.bits

    def kept_by(self, operation: Operation, part: str) -> bool:
        """Whether the result of an operation is indexed by a part."""
        target = operation.einsum.target_ranks
        return part in target or self.schedule.family_of[part] in target

    def stopped(self, tensor: str) -> tuple[tuple[int, int], ...]:
        """The stretches in which a tensor's outside stream stands still."""
        return () if STREAM in self.relaxed else self.stops.get(tensor, ())

    def unit(self, name: str) -> Unit:
        """A unit of the machine."""
        unit: Unit = self.schedule.machine.units[name]
        return unit

    def gathers(self, operation: Operation) -> bool:
        """Whether results are gathered down the rows of an array: a spatial part is reduced."""
        return any(not self.kept_by(operation, part) for part in operation.spatial.values())

    def latency(self, unit: Unit, native: str) -> Number:
        """Cycles from the operands of a native operation to its result."""
        operation = unit.operations[native]
        return operation.interval if CHAIN in self.relaxed else operation.latency

    @cached_property
    def hops(self) -> dict[str, Number]:
        """Cycles from one row of an array to the next: given, or those of the slowest operation that gathers."""
        found: dict[str, Number] = {}
        for operation in self.schedule.operations.values():
            unit = self.unit(operation.unit)
            if not self.gathers(operation):
                continue
            needed = self.latency(unit, list(operation.actions)[-1])
            if unit.hop is not None and not is_array(unit.hop, needed) and unit.hop < needed:
                message = (
                    f"hop {unit.hop} of '{unit.name}' is shorter than the {needed} cycles after which "
                    f"'{operation.name}' has a partial result for the next row; give a hop of at least "
                    f"{needed}"
                )
                raise SpecError([Problem(message)])
            found[unit.name] = most(found.get(unit.name, 1), needed if unit.hop is None else unit.hop)
        return found

    def hop(self, unit: Unit) -> Number:
        """Cycles from one row of a unit to the next."""
        return self.hops.get(unit.name, 1 if unit.hop is None else unit.hop)

    def descent(self, unit: Unit) -> Number:
        """Cycles from the first row of a unit to its last."""
        if "rows" not in unit.axes or DRAIN in self.relaxed:
            return 0
        return (unit.axes["rows"] - 1) * self.hop(unit)

    def skew(self, unit: Unit) -> Number:
        """Cycles from the first element of a unit to its last."""
        if DRAIN in self.relaxed:
            return 0
        return self.descent(unit) + (list(unit.axes.values())[-1] - 1)

    def natives(self, operation: Operation) -> tuple[Native, ...]:
        """The native operations of a point, one after the other; what is pipelined is one, as slow as the slowest."""
        unit = self.unit(operation.unit)
        found = tuple(
            Native(unit.operations[native].interval, self.latency(unit, native))
            for native, count in operation.actions.items()
            for _ in range(count)
        )
        if not operation.pipelined:
            return found
        return (Native(operation.slots, sum(native.latency for native in found)),)

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
