"""What a machine takes beside its actions: control, clock, leakage, wires and the background of its DRAM.

- control: a share of the energy of the operations that it steers.
- clock: for each cycle and element, the words that are clocked whatever happens, in proportion to their bits. Register
  files are not among them: what an access to one takes is in the access.
- leakage: of memories on the chip in proportion to their bytes, of units in proportion to their area.
- wires: for each bit that a memory on the chip gives or takes, in proportion to a side of the units, laid out as one
  square: an operand passes all elements of a row or a column. The way within a memory is in its access.
- background: of the outermost memory, in proportion to its bandwidth.

A table says what each takes, 0 included; of what it does not mention the cost is missing. Numbers of a machine may be
arrays of design points. Nothing here knows what a machine does with its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cost import ASSUMPTION, Cost, join, total
from .machine import Machine
from .table import Table
from .widths import width_of

Number = Any  # a float or an int, or an array of design points

PICO = 1e-12
UM_PER_MM = 1e3
UM2_PER_MM2 = 1e6


def control_share(table: Table) -> Cost:
    """What control takes, as a share of the energy of operations (not in pJ).

    >>> from arch import table
    >>> control_share(table("fusemax-45nm"))
    Cost(value=0.0, how='table', source='arXiv 2406.10491, artifact (the authors charge none)')
    """
    row = table.spec.control
    return _silent(table, "control") if row is None else _stated(row.share, row.source)


def clock_pj(machine: Machine, table: Table) -> Cost:
    """The energy of an element's clock in one cycle: the table's words, of the type that the machine fixes for all.

    Of a machine that fixes none, the words are as wide as the table's registers.

    >>> from arch import machine, table
    >>> clock_pj(machine("fusemax-cloud"), table("fusemax-45nm")).value
    0.0
    """
    row, file = table.spec.clock, table.spec.register_file
    if row is None:
        return _silent(table, "clock")
    width = width_of(machine.types.get("*"))
    if width is None and file is None and row.energy:
        return Cost(None, f"missing: table '{table.name}' has no register_file, whose word is what is clocked", "")
    bits = width or (0 if file is None else file.word)
    return _stated(row.words * bits * row.energy / PICO, row.source)


def leakage_w(machine: Machine, table: Table, areas: Mapping[str, Cost]) -> dict[str, Cost]:
    """The power that each memory on the chip and each unit leaks; `areas` are those of `machine_area_um2`.

    >>> from arch import machine, machine_area_um2, table
    >>> cloud, prices = machine("fusemax-cloud"), table("horowitz-45nm")
    >>> found = leakage_w(cloud, prices, machine_area_um2(cloud, prices))
    >>> {name: round(cost.value, 2) for name, cost in found.items()}
    {'buffer': 3.27, 'array_2d': 10.7, 'array_1d': 0.12}
    """
    spec = table.spec.leakage
    if spec is None:
        silent = _silent(table, "leakage")
        return {name: silent for name in (*list(machine.memories)[1:], *machine.units)}
    found: dict[str, Cost] = {}
    for memory in list(machine.memories.values())[1:]:
        if not spec.sram.power:
            found[memory.name] = _stated(0.0, spec.sram.source)
        elif memory.size_bytes is None:
            found[memory.name] = Cost(None, f"missing: memory '{memory.name}' has no size", "")
        else:
            found[memory.name] = _stated(memory.size_bytes * (spec.sram.power / spec.sram.size), spec.sram.source)
    for name in machine.units:
        if not spec.logic.power:
            found[name] = _stated(0.0, spec.logic.source)
        elif areas[name].value is None:
            found[name] = Cost(None, areas[name].how, "")
        else:
            each = spec.logic.power / (spec.logic.area * UM2_PER_MM2)
            found[name] = _stated(areas[name].value * each, spec.logic.source)
    return found


def wire_pj(machine: Machine, table: Table, areas: Mapping[str, Cost]) -> Cost:
    """The energy of a bit between a memory on the chip and the units; `areas` as in `leakage_w`.

    >>> from arch import machine, machine_area_um2, table
    >>> cloud, prices = machine("fusemax-cloud"), table("horowitz-45nm")
    >>> round(wire_pj(cloud, prices, machine_area_um2(cloud, prices)).value, 2)  # 22.3 mm
    2.7
    """
    row = table.spec.wires
    if row is None:
        return _silent(table, "wires")
    if not row.energy:
        return _stated(0.0, row.source)
    units = total(areas[name] for name in machine.units)
    if units.value is None:
        return Cost(None, units.how, "")
    return _stated(units.value**0.5 / UM_PER_MM * (row.energy / PICO), row.source)


def background_w(machine: Machine, table: Table) -> Cost:
    """The power that the outermost memory takes, whatever it moves.

    >>> from arch import machine, table
    >>> round(background_w(machine("fusemax-cloud"), table("tpu-7nm")).value, 3)
    1.095
    """
    memory = next(iter(machine.memories.values()))
    row = table.spec.dram.background if table.spec.dram is not None else None
    if row is None:
        return _silent(table, "dram.background")
    if not row.power:
        return _stated(0.0, row.source)
    if memory.bandwidth_bytes_per_s is None:
        return Cost(None, f"missing: memory '{memory.name}' states no bandwidth, which its background goes with", "")
    return _stated(memory.bandwidth_bytes_per_s * (row.power / row.bandwidth), row.source)


def _silent(table: Table, section: str) -> Cost:
    return Cost(None, f"missing: table '{table.name}' has no '{section}', and only a table may say that it is 0", "")


def _stated(value: Number, source: str) -> Cost:
    return Cost(value, join([source]) if source.startswith(ASSUMPTION) else "table", source)
