"""The design facts of a bound schedule as one value: what the cycle engine times by, and hardware is made by.

Sizes of units, timing of native operations, sequences of them, ways between rows, tiles, number types. How much work
there is (sizes of ranks, loops) is not among them: the same hardware does it all. Numbers may be arrays of design
points; `as_dict` and `digest` are of a single one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from specs import Problem, SpecError
from workloads import TensorType, is_array, most

if TYPE_CHECKING:
    from arch import Hardware, Unit

    from .schedule import Operation, Schedule

Whole = Any  # an int, or an int64 array of design points


@dataclass(frozen=True)
class Native:
    """A native operation: cycles between two of them on one element, and from operands to result."""

    interval: Whole
    latency: Whole


@dataclass(frozen=True)
class UnitParameters:
    """A unit: elements along its axes, native operations, and sequences of them that stand for others.

    `stated_hop` are the cycles from one row to the next, None where they follow from what passes down the rows.
    """

    axes: Mapping[str, Whole]
    natives: Mapping[str, Native]
    sequences: Mapping[str, Mapping[str, int]]
    stated_hop: Whole | None = None
    return_path: str = "broadcast"
    handover: str = "wavefront"

    @property
    def return_cycles(self) -> Whole:
        """Cycles from below the columns of an array to its first row."""
        return self.axes["rows"] if self.return_path == "wrap" else 1


@dataclass(frozen=True)
class OperationParameters:
    """What an operation does where: native operations of one point in order, parts on axes and in steps of a tile.

    `gathers`: partial results come together down the rows. As in `Operation`, a point takes `slots` and is `pipelined`.
    """

    unit: str
    actions: Mapping[str, int]
    slots: Whole
    pipelined: bool
    spatial: Mapping[str, str]
    steps: tuple[str, ...]
    gathers: bool


@dataclass(frozen=True)
class Parameters:
    """What is fixed when hardware is made for a schedule; `hardware` is what the machine states of it beside.

    >>> from arch import machine
    >>> from mappings import mapping, schedule
    >>> from workloads import workload
    >>> work, host = workload("gemm:M=8,N=8,K=16"), machine("systolic:rows=4,cols=4")
    >>> found = schedule(work, host, mapping("output-stationary"))[1].parameters
    >>> dict(found.units["array"].axes), found.hop("array"), len(found.digest)
    ({'rows': 4, 'cols': 4}, 1, 64)
    """

    cascade: str
    units: Mapping[str, UnitParameters]
    operations: Mapping[str, OperationParameters]
    extents: Mapping[str, Whole]  # indices of each part that a tile spans, on an axis or in steps
    types: Mapping[str, TensorType]
    interleave: Whole  # tiles in flight
    hardware: Hardware | None = None

    def hop(self, unit: str) -> Whole:
        """Cycles from one row of a unit to the next: stated, or those of the slowest operation that gathers."""
        stated = self.units[unit].stated_hop
        if stated is not None:
            return stated
        slowest: Whole = 1
        for name, operation in self.operations.items():
            if operation.unit == unit and operation.gathers:
                slowest = most(slowest, self.handed_on_after(name))
        return slowest

    def handed_on_after(self, operation: str) -> Whole:
        """Cycles until an operation has a partial result for the next row: those of its last native operation."""
        done = self.operations[operation]
        return self.units[done.unit].natives[list(done.actions)[-1]].latency

    def natives(self, operation: str) -> tuple[Native, ...]:
        """The native operations of a point, one after the other; what is pipelined is one, as slow as the slowest."""
        done = self.operations[operation]
        natives = self.units[done.unit].natives
        found = tuple(natives[name] for name, count in done.actions.items() for _ in range(count))
        return (Native(done.slots, sum(each.latency for each in found)),) if done.pipelined else found

    def immediate(self) -> Parameters:
        """The same with every result there as soon as its operation is over: each latency is the interval."""
        units = {
            name: replace(
                unit, natives={each: Native(native.interval, native.interval) for each, native in unit.natives.items()}
            )
            for name, unit in self.units.items()
        }
        return replace(self, units=units)

    def as_dict(self) -> dict[str, Any]:
        """All values in plain types, as JSON has them. Raises ValueError for several design points."""
        return {
            "cascade": self.cascade,
            "units": {name: self._unit_dict(name) for name in self.units},
            "operations": {name: _operation_dict(each) for name, each in self.operations.items()},
            "extents": _whole(self.extents),
            "types": {
                name: {"storage": each.storage.name, "accumulation": each.accumulation.name}
                for name, each in self.types.items()
            },
            "interleave": _whole(self.interleave),
            "hardware": None if self.hardware is None else asdict(self.hardware),
        }

    @property
    def digest(self) -> str:
        """A hash of all values: equal for equal ones, in every run and on every machine. Raises as `as_dict`."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _unit_dict(self, name: str) -> dict[str, Any]:
        unit = self.units[name]
        ways = {"hop": self.hop(name), "return_cycles": unit.return_cycles} if "rows" in unit.axes else {}
        return {
            "axes": _whole(unit.axes),
            "natives": {
                each: _whole({"interval": native.interval, "latency": native.latency})
                for each, native in unit.natives.items()
            },
            "sequences": {each: _in_order(steps) for each, steps in unit.sequences.items()},
            **_whole(ways),
            "handover": unit.handover,
        }


def parameters_of(schedule: Schedule) -> Parameters:
    """The parameters of a schedule. Raises `SpecError` for a hop that is over before there is something to hand on."""
    operations = {name: _operation(schedule, each) for name, each in schedule.operations.items()}
    parts = dict.fromkeys(part for each in operations.values() for part in (*each.spatial.values(), *each.steps))
    found = Parameters(
        cascade=schedule.cascade,
        units={name: _unit(unit) for name, unit in schedule.machine.units.items()},
        operations=operations,
        extents={part: schedule.families[schedule.family_of[part]].extent(part) for part in parts},
        types=schedule.types,
        interleave=schedule.interleave,
        hardware=schedule.machine.hardware,
    )
    for name, operation in found.operations.items():
        hop = found.units[operation.unit].stated_hop
        if hop is None or not operation.gathers:
            continue
        needed = found.handed_on_after(name)
        if not is_array(hop, needed) and hop < needed:
            message = (
                f"hop {hop} of '{operation.unit}' is shorter than the {needed} cycles after which "
                f"'{name}' has a partial result for the next row; give a hop of at least {needed}"
            )
            raise SpecError([Problem(message)])
    return found


def _unit(unit: Unit) -> UnitParameters:
    native = unit.native_operations
    return UnitParameters(
        axes=unit.axes,
        natives={name: Native(unit.operations[name].interval, unit.operations[name].latency) for name in native},
        sequences={name: each.sequence for name, each in unit.operations.items() if name not in native},
        stated_hop=unit.hop,
        return_path=unit.return_path,
        handover=unit.handover,
    )


def _operation(schedule: Schedule, operation: Operation) -> OperationParameters:
    return OperationParameters(
        unit=operation.unit,
        actions=operation.actions,
        slots=operation.slots,
        pipelined=operation.pipelined,
        spatial=operation.spatial,
        steps=operation.steps,
        gathers=any(not schedule.indexes(operation, part) for part in operation.spatial.values()),
    )


def _operation_dict(operation: OperationParameters) -> dict[str, Any]:
    return {
        "unit": operation.unit,
        "actions": _in_order(operation.actions),
        "slots": _whole(operation.slots),
        "pipelined": operation.pipelined,
        "spatial": dict(operation.spatial),
        "steps": list(operation.steps),
        "gathers": operation.gathers,
    }


def _in_order(counts: Mapping[str, int]) -> list[list[Any]]:
    """Names and counts whose order counts, which keys of JSON do not have."""
    return [[name, _whole(count)] for name, count in counts.items()]


def _whole(value: Any) -> Any:
    """A number, or each number of a mapping, as Python's own."""
    if isinstance(value, Mapping):
        return {name: _whole(each) for name, each in value.items()}
    if is_array(value):
        raise ValueError("these are the parameters of several design points; only those of one have a plain form")
    return int(value)
