"""What is done outside of the banks, by the machine's other units: nests of their own, sums of parts, new keys.

A unit's time is its operation slots: what it does lasts no shorter than that, and its latency is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arch import Machine
from arch.machine import Unit
from mappings import Operation, Schedule, count
from sim.analytic import compute_cycles
from workloads import ceil_div

UNIT = "banks"


@dataclass(frozen=True)
class Outside:
    """Native operations of units, and the ticks that these take."""

    ticks: int = 0
    operations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def plus(self, other: Outside, times: int = 1) -> Outside:
        """This, and `times` times the other."""
        units = dict.fromkeys((*self.operations, *other.operations))
        added = {unit: _sum(self.operations.get(unit, {}), other.operations.get(unit, {}), times) for unit in units}
        return Outside(self.ticks + times * other.ticks, added)


NOTHING = Outside()


def nest_outside(schedule: Schedule) -> Outside:
    """A nest whose operations are all on other units than the banks."""
    counts = count(schedule)
    found: dict[str, dict[str, int]] = {}
    for counted in counts.operations.values():
        unit = found.setdefault(counted.operation.unit, {})
        for action, number in counted.actions.items():
            unit[action] = unit.get(action, 0) + int(number)
    return Outside(int(compute_cycles(schedule, counts)), found)


def unit_with(machine: Machine, operation: str) -> Unit | None:
    """A unit outside of the banks that has an operation."""
    return next((u for u in machine.units.values() if u.name != UNIT and operation in u.operations), None)


def work_of(machine: Machine, operation: str, number: int) -> Outside:
    """`number` operations. Of a machine that has no unit for them they take nothing."""
    unit = unit_with(machine, operation)
    if unit is None or not number:
        return NOTHING
    took = ceil_div(number, unit.elements) * unit.slots(operation)
    native = {name: each * number for name, each in unit.cost(operation).items()}
    return Outside(int(took), {unit.name: native})


def points_of(schedule: Schedule, operation: Operation) -> int:
    """Points of an operation: products, of a product."""
    return int(count(schedule).operations[operation.name].points)


def _sum(left: Mapping[str, int], right: Mapping[str, int], times: int) -> dict[str, int]:
    names = dict.fromkeys((*left, *right))
    return {name: left.get(name, 0) + times * right.get(name, 0) for name in names}
