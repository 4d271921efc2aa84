"""A machine as values: memories, units and their operations, with every number reachable by its path.

`machine(reference)` reads one from the library or a file. Numbers may be replaced by arrays of design points, but for
what hardware is generated for; nothing here computes with them beyond products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from specs import Library, Loaded, Place, Problem, SpecError, unknown

from .dram import Device
from .pimdevice import device_of, host_bandwidth, operations_of
from .pimfaults import pim_faults, pim_unit_faults
from .pimspec import PimSpec
from .spec import ArchSpec, HardwareSpec, MemorySpec, SpatialSpec, faults
from .unitspec import OperationSpec, UnitSpec, axes

Whole = Any  # an int, or an int64 array of design points
Number = Any  # a float or an int, or an array of design points

ARCHS = Library("arch", Path(__file__).parent / "library", ArchSpec)

_MEMORY_NUMBERS = {
    "size": "size_bytes",
    "bandwidth": "bandwidth_bytes_per_s",
    "row": "row_bits",
    "latency": "latency_s",
    "banks": "banks",
}
_OPERATION_NUMBERS = ("interval", "latency")


@dataclass(frozen=True)
class Memory:
    """A level that holds tensors."""

    name: str
    size_bytes: Whole | None  # None: unlimited
    bandwidth_bytes_per_s: Number | None  # None: unlimited
    row_bits: Whole  # moved by one action
    latency_s: Number | None = None  # from a request to its data; None: not stated
    ports: tuple[str, ...] | None = None  # of each bank: ("R", "R", "W"), each a row a cycle; None: no limit
    banks: Whole = 1  # all rows of a tensor lie in one


@dataclass(frozen=True)
class UnitOperation:
    """What a unit does for one operation: native operations and counts, {its own name: 1} if native."""

    name: str
    sequence: Mapping[str, int]
    interval: Whole = 1  # cycles between two of them on one element
    latency: Whole = 1  # cycles from operands to result

    @property
    def native(self) -> bool:
        """Whether the unit has the operation itself."""
        return self.name in self.sequence


@dataclass(frozen=True)
class Unit:
    """Something that computes: a grid of elements, each of which does one native operation at a time."""

    name: str
    axes: Mapping[str, Whole]  # in order: {"rows": 256, "cols": 256}, {"lanes": 256} or of channels, banks and lanes
    operations: Mapping[str, UnitOperation]
    registers: Whole | None  # words per element; None: not stated
    return_path: str = "broadcast"  # from below the columns to all rows after a cycle, or "wrap": a cycle for each row
    hop: Whole | None = None  # cycles from one row to the next; None: as the operation that reduces down the rows
    handover: str = "wavefront"  # of results to memory: at the first element's pace, or "rows" of all elements
    operand_type: str | None = None  # the number type of all that it reads; None: any

    @property
    def elements(self) -> Whole:
        """How many elements the axes span.

        >>> machine("fusemax-edge").units["array_2d"].elements
        1024
        """
        return math.prod(self.axes.values())

    @property
    def native_operations(self) -> tuple[str, ...]:
        """The operations that have hardware of their own."""
        return tuple(name for name, operation in self.operations.items() if operation.native)

    def cost(self, operation: str) -> dict[str, int]:
        """The native operations that one `operation` takes. Raises KeyError with the legal names.

        >>> machine("fusemax-cloud").units["array_2d"].cost("exp")
        {'mac': 6}
        """
        return dict(self._operation(operation).sequence)

    def slots(self, operation: str) -> Whole:
        """The cycles for which one `operation` occupies its element: counts × intervals of its native ones.

        >>> machine("fusemax-cloud").units["array_2d"].slots("exp")
        6
        """
        steps = self._operation(operation).sequence
        return sum(count * self.operations[each].interval for each, count in steps.items())

    def _operation(self, name: str) -> UnitOperation:
        if name not in self.operations:
            raise KeyError(unknown("operation", name, self.operations, where=f"on unit '{self.name}'"))
        return self.operations[name]


@dataclass(frozen=True)
class Hardware:
    """What hardware of a machine is generated for; it takes these sizes and smaller ones."""

    head_dim: int  # features of queries and keys
    value_dim: int  # and of values
    max_keys: int  # of one query
    multiplier: str  # "dsp": blocks that the device has, or "logic"


@dataclass(frozen=True)
class Override:
    """A value that an argument set, beside what the file states; None where it states nothing."""

    path: str
    given: Any
    stated: Any


@dataclass(frozen=True)
class Machine:
    """A machine with its numbers settled, in base units: Hz, bytes, bits, bytes per second."""

    name: str
    kind: str
    summary: str
    clock_hz: Number
    memories: Mapping[str, Memory]  # outermost first
    units: Mapping[str, Unit]
    energy: str  # the name of a table
    types: Mapping[str, str] = field(default_factory=dict)  # types that the machine fixes
    hardware: Hardware | None = None  # None: not stated
    assumptions: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    place: Place | None = None
    device: Device | None = None  # of a machine of kind `pim`
    overrides: tuple[Override, ...] = ()  # of its data sheet

    def paths(self) -> tuple[str, ...]:
        """The paths of all numbers, as the file writes them; the timing of native operations comes last.

        >>> [path for path in machine("systolic").paths() if path.startswith("array.")]
        ['array.rows', 'array.cols', 'array.registers', 'array.hop', 'array.operations.mac.interval',
        'array.operations.mac.latency', 'array.operations.add.interval', 'array.operations.add.latency']
        """
        paths = ["clock"]
        paths += [f"{name}.{number}" for name in self.memories for number in _MEMORY_NUMBERS]
        for name, unit in self.units.items():
            paths += [f"{name}.{number}" for number in (*unit.axes, *_unit_numbers(unit))]
        for name, unit in self.units.items():
            native = [f"{name}.operations.{operation}" for operation in unit.native_operations]
            paths += [f"{operation}.{number}" for operation in native for number in _OPERATION_NUMBERS]
        return tuple(paths)

    def value(self, path: str) -> Number | None:
        """The number at a path; None where a memory is unlimited or a number is not stated.

        A short path (`rows`) or a whole one (`units.array.rows`) will do where it names one number. Raises
        KeyError that lists the legal paths.

        >>> edge = machine("fusemax-edge")
        >>> edge.value("array_2d.rows"), edge.value("buffer.size"), edge.value("clock")
        (32, 524288, 940000000)
        """
        match self._steps(path):
            case [unit, _, operation, number]:
                return getattr(self.units[unit].operations[operation], number)
            case [memory, number] if memory in self.memories:
                return getattr(self.memories[memory], _MEMORY_NUMBERS[number])
            case [unit, axis] if axis in self.units[unit].axes:
                return self.units[unit].axes[axis]
            case [unit, number]:
                return getattr(self.units[unit], number)
        return self.clock_hz

    def with_values(self, values: Mapping[str, Any]) -> Machine:
        """The same machine with some numbers replaced, by path and in base units; arrays are design points.

        What the file ties together (`lanes: = array_2d.cols`) is not tied here, and what it may not say together (a
        latency below its interval) is not refused. Raises KeyError as `value`, and ValueError for a machine with a
        device, whose numbers depend on each other: its reference takes them.

        >>> machine("systolic").with_values({"rows": 8}).units["array"].axes
        {'rows': 8, 'cols': 32}
        """
        if self.device is not None and any(repr(self.value(path)) != repr(value) for path, value in values.items()):
            raise ValueError(f"the numbers of a device are set in its reference, as in '{self.name}:channels=8'")
        memories, units, clock = dict(self.memories), dict(self.units), self.clock_hz
        for path, value in values.items():
            match self._steps(path):
                case [name, _, operation, number]:
                    unit = units[name]
                    changed = replace(unit.operations[operation], **{number: value})
                    units[name] = replace(unit, operations={**unit.operations, operation: changed})
                case [name, number] if name in memories:
                    memories[name] = replace(memories[name], **{_MEMORY_NUMBERS[number]: value})
                case [name, axis] if axis in units[name].axes:
                    units[name] = replace(units[name], axes={**units[name].axes, axis: value})
                case [name, number]:
                    units[name] = replace(units[name], **{number: value})
                case _:
                    clock = value
        return replace(self, clock_hz=clock, memories=memories, units=units)

    def _steps(self, path: str) -> list[str]:
        """The whole path that a short one means, step by step."""
        legal = self.paths()
        short = path.removeprefix("memories.").removeprefix("units.")
        found = [short] if short in legal else [each for each in legal if each.endswith(f".{short}")]
        if not found:
            raise KeyError(unknown("path", path, legal, where=f"in arch '{self.name}'"))
        if len(found) > 1:
            raise KeyError(f"ambiguous path '{path}' in arch '{self.name}': it may be {', '.join(found)}")
        return found[0].split(".")


def _unit_numbers(unit: Unit) -> tuple[str, ...]:
    """The numbers of a unit beside its axes."""
    return ("registers", "hop") if "rows" in unit.axes else ("registers",)


def machine(reference: str) -> Machine:
    """The machine of a reference: `NAME[:key=value,...]` from the library, or a file.

    Raises SpecError with every problem, each at its place.

    >>> tall = machine("fusemax-cloud:array_2d.cols=128,buffer.size=32MiB")
    >>> tall.units["array_1d"].axes, tall.memories["buffer"].size_bytes
    ({'lanes': 128}, 33554432)
    """
    loaded = ARCHS.load(reference)
    return BUILDERS[loaded.model.kind](loaded)


def machine_names() -> tuple[str, ...]:
    """The machines of the library.

    >>> machine_names()
    ('flat-cloud', 'flat-edge', 'fusemax-cloud', 'fusemax-edge', 'fusemax-fpga', 'gddr6', 'gddr6-aim', 'hbm3',
    'hbm3-pim', 'systolic')
    """
    return tuple(ARCHS.names())


def _spatial(loaded: Loaded[SpatialSpec]) -> Machine:
    spec = loaded.model
    problems = [Problem(message, loaded.place(path, key=True)) for message, path in faults(spec)]
    if problems:
        raise SpecError(problems)
    return Machine(
        name=loaded.name,
        kind=spec.kind,
        summary=spec.summary,
        clock_hz=spec.clock,
        memories={name: _memory(name, memory) for name, memory in spec.memories.items()},
        units={name: _unit(name, unit) for name, unit in spec.units.items()},
        energy=spec.energy,
        types=dict(spec.types),
        hardware=_hardware(spec.hardware),
        assumptions=spec.assumptions,
        source=spec.source,
        place=loaded.place(()),
    )


def _pim(loaded: Loaded[PimSpec]) -> Machine:
    """A device's memory, what computes outside of its banks and, if it can multiply, its banks themselves.

    The lanes of `banks` each take an element of a column.
    """
    spec = loaded.model
    problems = [Problem(message, _place(loaded, paths)) for message, paths in pim_faults(spec)]
    problems += [Problem(message, loaded.place(path, key=True)) for message, path in pim_unit_faults(spec)]
    if problems:
        raise SpecError(problems)
    device = device_of(spec)
    shape = device.organisation
    banks, column_bits = shape.channels * shape.banks, shape.column_bytes * 8
    size = banks * shape.rows * shape.row_bytes
    operations = {each: UnitOperation(each, {each: 1}, *timed) for each, timed in operations_of(device).items()}
    grid = {"channels": shape.channels, "banks": shape.banks, "lanes": device.multipliers}
    in_banks = {"banks": Unit("banks", grid, operations, None, operand_type=spec.multiplier_type)} if operations else {}
    return Machine(
        name=loaded.name,
        kind=spec.kind,
        summary=spec.summary,
        clock_hz=spec.clock,
        memories={"dram": Memory("dram", size, host_bandwidth(device, spec.clock), column_bits, banks=banks)},
        units=in_banks | {name: _unit(name, unit) for name, unit in spec.units.items()},
        energy=spec.energy,
        types=dict(spec.types),
        assumptions=spec.assumptions,
        source=spec.source,
        place=loaded.place(()),
        device=device,
        overrides=tuple(Override(path, value, _stated(loaded, path)) for path, value in loaded.overrides.items()),
    )


def _place(loaded: Loaded[Any], paths: Sequence[tuple[str | int, ...]]) -> Place:
    """The place of the first path that an argument set, or of the first."""
    changed = [path for path in paths if ".".join(map(str, path)) in loaded.overrides]
    return loaded.place([*changed, *paths][0])


def _stated(loaded: Loaded[Any], path: str) -> Any:
    value = loaded.document.value
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _memory(name: str, memory: MemorySpec) -> Memory:
    return Memory(name, memory.size, memory.bandwidth, memory.row, memory.latency, memory.ports, memory.banks)


def _hardware(hardware: HardwareSpec | None) -> Hardware | None:
    return None if hardware is None else Hardware(**dict(hardware))


def _unit(name: str, unit: UnitSpec) -> Unit:
    operations = {each: _operation(each, operation) for each, operation in unit.operations.items()}
    return Unit(name, axes(unit), operations, unit.registers, unit.return_path, unit.hop, unit.handover)


def _operation(name: str, operation: OperationSpec) -> UnitOperation:
    sequence = {name: 1} if operation.sequence is None else dict(operation.sequence)
    latency = operation.interval if operation.latency is None else operation.latency
    return UnitOperation(name, sequence, operation.interval, latency)


# How the file of each kind becomes a machine.
BUILDERS: dict[str, Callable[[Loaded[Any]], Machine]] = {"spatial": _spatial, "pim": _pim}
