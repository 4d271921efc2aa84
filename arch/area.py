"""The area of a machine from its components, by the rule of FuseMax's area sweep (arXiv 2406.10491).

A unit takes, for each element, a register file of its depth and the hardware of each native operation once
(an adder that lies inside the mac is not counted again); a two-dimensional one also a driver for each
column. Memories on the chip are SRAM banked for their rows, of one port unless they state more. Whatever the
table adds for the machine as a whole stands under `machine`. Hardware is for the type that the machine fixes for
all tensors (`types: {"*": int8}`); of a machine that fixes none, for the table's.
"""

from __future__ import annotations

from .cost import Cost, total
from .machine import Machine, Memory, Unit
from .table import Table
from .widths import width_of

WORD_BITS = 16  # a row of SRAM feeds one word to each column: of 16 bits, if the machine fixes no type


def machine_area_um2(machine: Machine, table: Table) -> dict[str, Cost]:
    """The area in µm² of each unit, each memory but the outermost, and the rest (`machine`).

    A part that the table has no area of, or a memory without a size, has the value None and the reason;
    `total` of the values then has it too. Numbers of the machine may be arrays of design points.

    >>> from arch import machine, table
    >>> parts = machine_area_um2(machine("fusemax-cloud"), table("fusemax-45nm"))
    >>> {name: round(part.value / 1e6, 2) for name, part in parts.items()}
    {'array_2d': 1207.95, 'array_1d': 10.8, 'buffer': 43.5, 'machine': 0.0}
    >>> machine_area_um2(machine("systolic"), table("fusemax-45nm"))["buffer"].how
    "missing: memory 'buffer' has no size"
    """
    if machine.device is not None:
        return {"machine": Cost(None, f"missing: no area of '{machine.name}' is sourced", "")}
    on_chip = list(machine.memories.values())[1:]
    type = machine.types.get("*")
    areas = {name: _unit_area(unit, table, type) for name, unit in machine.units.items()}
    areas |= {memory.name: _memory_area(memory, table, type) for memory in on_chip}
    return areas | {"machine": table.area_um2("machine")}


def _unit_area(unit: Unit, table: Table, type: str | None) -> Cost:
    native = unit.native_operations
    element = [table.area_um2("register_file", depth=unit.registers, word_bits=width_of(type))]
    element += [table.area_um2(operation, beside=native, type=type) for operation in native]
    parts = [part.times(unit.elements) for part in element]
    if len(unit.axes) == 2:
        parts.append(table.area_um2("column").times(unit.axes["cols"]))
    return total(parts)


def _memory_area(memory: Memory, table: Table, type: str | None) -> Cost:
    if memory.size_bytes is None:
        return Cost(None, f"missing: memory '{memory.name}' has no size", "")
    return table.area_um2(
        "sram",
        size_bytes=memory.size_bytes,
        side=memory.row_bits / (width_of(type) or WORD_BITS),
        ports=len(memory.ports or ("RW",)),
    )
