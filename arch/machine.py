"""A machine as values: memories, units and their operations, with every number reachable by its path.

`machine(reference)` reads one from the library or a file. Numbers may be replaced by arrays of design points;
nothing here computes with them beyond products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from specs import Library, Loaded, Place, Problem, SpecError, unknown

from .spec import ArchSpec, MemorySpec, OperationSpec, SpatialSpec, UnitSpec, axes, faults

Whole = Any  # an int, or an int64 array of design points
Number = Any  # a float or an int, or an array of design points

ARCHS = Library("arch", Path(__file__).parent / "library", ArchSpec)

_MEMORY_NUMBERS = {"size": "size_bytes", "bandwidth": "bandwidth_bytes_per_s", "row": "row_bits"}


@dataclass(frozen=True)
class Memory:
    """A level that holds tensors."""

    name: str
    size_bytes: Whole | None  # None: unlimited
    bandwidth_bytes_per_s: Number | None  # None: unlimited
    row_bits: Whole  # moved by one action


@dataclass(frozen=True)
class UnitOperation:
    """What a unit does for one operation: native operations and counts, {its own name: 1} if native."""

    name: str
    sequence: Mapping[str, int]
    interval: int = 1  # cycles between two of them on one element
    latency: int = 1  # cycles from operands to result

    @property
    def native(self) -> bool:
        """Whether the unit has the operation itself."""
        return self.name in self.sequence


@dataclass(frozen=True)
class Unit:
    """Something that computes: a grid of elements, each of which does one native operation at a time."""

    name: str
    axes: Mapping[str, Whole]  # in order: {"rows": 256, "cols": 256} or {"lanes": 256}
    operations: Mapping[str, UnitOperation]
    registers: Whole | None  # words per element; None: not stated

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

    def slots(self, operation: str) -> int:
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
    assumptions: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    place: Place | None = None

    def paths(self) -> tuple[str, ...]:
        """The paths of all numbers, as the file writes them.

        >>> machine("systolic").paths()[-3:]
        ('array.rows', 'array.cols', 'array.registers')
        """
        paths = ["clock"]
        paths += [f"{name}.{number}" for name in self.memories for number in _MEMORY_NUMBERS]
        for name, unit in self.units.items():
            paths += [f"{name}.{number}" for number in (*unit.axes, "registers")]
        return tuple(paths)

    def value(self, path: str) -> Number | None:
        """The number at a path; None where a memory is unlimited or registers are not stated.

        A short path (`rows`) or a whole one (`units.array.rows`) will do where it names one number. Raises
        KeyError that lists the legal paths.

        >>> edge = machine("fusemax-edge")
        >>> edge.value("array_2d.rows"), edge.value("buffer.size"), edge.value("clock")
        (32, 524288, 940000000)
        """
        component, number = self._split(path)
        if component in self.memories:
            return getattr(self.memories[component], _MEMORY_NUMBERS[number])
        if component in self.units:
            unit = self.units[component]
            return unit.registers if number == "registers" else unit.axes[number]
        return self.clock_hz

    def with_values(self, values: Mapping[str, Any]) -> Machine:
        """The same machine with some numbers replaced, by path and in base units; arrays are design points.

        What the file ties together (`lanes: = array_2d.cols`) is not tied here. Raises KeyError as `value`.

        >>> machine("systolic").with_values({"rows": 8}).units["array"].axes
        {'rows': 8, 'cols': 32}
        """
        memories, units, clock = dict(self.memories), dict(self.units), self.clock_hz
        for path, value in values.items():
            component, number = self._split(path)
            if component in memories:
                memories[component] = replace(memories[component], **{_MEMORY_NUMBERS[number]: value})
            elif component in units and number == "registers":
                units[component] = replace(units[component], registers=value)
            elif component in units:
                unit = units[component]
                units[component] = replace(unit, axes={**unit.axes, number: value})
            else:
                clock = value
        return replace(self, clock_hz=clock, memories=memories, units=units)

    def _split(self, path: str) -> tuple[str, str]:
        """The component and the number of a path; the component of the clock is empty."""
        legal = self.paths()
        short = path.removeprefix("memories.").removeprefix("units.")
        found = [short] if short in legal else [each for each in legal if each.endswith(f".{short}")]
        if not found:
            raise KeyError(unknown("path", path, legal, where=f"in arch '{self.name}'"))
        if len(found) > 1:
            raise KeyError(f"ambiguous path '{path}' in arch '{self.name}': it may be {', '.join(found)}")
        component, _, number = found[0].rpartition(".")
        return component, number


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
    ('flat-cloud', 'fusemax-cloud', 'fusemax-edge', 'systolic')
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
        assumptions=spec.assumptions,
        source=spec.source,
        place=loaded.place(()),
    )


def _memory(name: str, memory: MemorySpec) -> Memory:
    return Memory(name, memory.size, memory.bandwidth, memory.row)


def _unit(name: str, unit: UnitSpec) -> Unit:
    operations = {each: _operation(each, operation) for each, operation in unit.operations.items()}
    return Unit(name, axes(unit), operations, unit.registers)


def _operation(name: str, operation: OperationSpec) -> UnitOperation:
    sequence = {name: 1} if operation.sequence is None else dict(operation.sequence)
    return UnitOperation(name, sequence, operation.interval, operation.latency)


# How the file of each kind becomes a machine.
BUILDERS: dict[str, Callable[[Loaded[Any]], Machine]] = {"spatial": _spatial}
