"""Energy of a schedule: actions of every component times the table's energy per action.

Registers, by default, are counted as the hardware uses them: an operation reads its operands from the register file of
its element and writes its result there; an operand that comes from outside is written on arrival; the first value of an
accumulation is not read. An accounting may count otherwise (`sim/accounting/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arch import Cost, Table, Unit
from mappings import Counts, Operation, OperationCount, Schedule
from workloads import NumberType

from .accounting import AccountingSpec

Number = Any
PICO = 1e-12

OPERANDS: Mapping[str, int] = {
    "mac": 3,
    "add": 2,
    "mul": 2,
    "max": 2,
    "min": 2,
    "divide": 2,
}  # others take one


@dataclass(frozen=True)
class Energy:
    """Joules by component, the actions behind them, and how the table came to each price (where it was no row).

    `actions` are work, `idle_actions` go on with time, whatever is done.
    """

    by_component_j: Mapping[str, Number]  # None: not priced
    actions: Mapping[str, Mapping[str, Number]]
    notes: tuple[str, ...]
    idle_actions: Mapping[str, Mapping[str, Number]] = field(default_factory=dict)

    @property
    def total_j(self) -> Number:
        """The sum; None if a component has actions that the table cannot price."""
        parts = list(self.by_component_j.values())
        return None if any(part is None for part in parts) else sum(parts)


def energy(schedule: Schedule, counts: Counts, table: Table, rules: AccountingSpec) -> Energy:
    """The energy of what memories, units and registers do; what a machine takes beside it is `sim.overhead`'s."""
    joules: dict[str, Number] = {}
    actions: dict[str, dict[str, Number]] = {}
    notes: list[str] = []
    unpriced: dict[str, str] = {}

    def add(component: str, action: str, number: Number, price: Cost, counted: bool = True) -> None:
        actions.setdefault(component, {})
        actions[component][action] = actions[component].get(action, 0) + number
        if counted:
            joules[component] = joules.get(component, 0.0) + number * price.value * PICO
            if price.how != "table":
                notes.append(f"{component}: {price.how}")

    for memory in schedule.machine.memories.values():
        for action in ("read", "write"):
            rows = (
                counts.filled_rows(memory.name, action, memory.row_bits, rules.spilled == "in both")
                if rules.rows == "filled"
                else counts.level_rows(memory.name, action)
            )
            price = _memory_price(table, memory, action, outermost=memory is _first(schedule))
            if price is not None:
                add(memory.name, action, rows, price)
            else:
                actions.setdefault(memory.name, {})[action] = rows
                unpriced[memory.name] = f"{memory.name}: missing: memory '{memory.name}' has no size"
    for counted in counts.operations.values():
        unit = schedule.machine.units[counted.operation.unit]
        number_type = compute_type(schedule, counted.operation)
        for native, number in counted.actions.items():
            price = table.energy_pj(native, "compute", type=number_type.name)
            add(unit.name, native, number, price, counted=native not in rules.dropped)
        if unit.registers is not None:
            share = unit.elements if rules.register_files == "one element" else 1
            for action, number in register_accesses(counted, unit).items():
                price = table.energy_pj("register_file", action, depth=unit.registers, word_bits=number_type.bits)
                add(f"{unit.name}.registers", action, number // share, price)
    return Energy({**joules, **dict.fromkeys(unpriced)}, actions, tuple(dict.fromkeys([*notes, *unpriced.values()])))


def compute_type(schedule: Schedule, operation: Operation) -> NumberType:
    """The type that an operation computes in: the widest that one of its operands is stored in.

    A sum's accumulator may be wider; tables price a `mac` with the accumulator that goes with its operands.
    """
    operands = [schedule.types[read.tensor].storage for read in operation.einsum.reads]
    return max(operands, key=lambda each: each.bits)


def _first(schedule: Schedule) -> Any:
    return next(iter(schedule.machine.memories.values()))


def _memory_price(table: Table, memory: Any, action: str, outermost: bool) -> Cost | None:
    """The price of one row of a memory; None where a memory has no size to be priced by."""
    if outermost:
        return table.energy_pj("dram", action, bits=memory.row_bits)
    if memory.size_bytes is None:
        return None
    return table.energy_pj("sram", action, size_bytes=memory.size_bytes, row_bits=memory.row_bits)


def register_accesses(counted: OperationCount, unit: Unit) -> dict[str, Number]:
    """Reads and writes of the register files of a unit for one operation, over all elements."""
    einsum = counted.operation.einsum
    reads_per_point = writes_per_point = 0
    for kind, number in einsum.operations.items():
        sequence = unit.cost(kind)
        steps = sum(sequence.values())
        one = OPERANDS.get(kind, 1) if steps == 1 else sum(n * OPERANDS.get(each, 1) for each, n in sequence.items())
        reads_per_point += number * one
        writes_per_point += number * steps
    reads = counted.points * reads_per_point
    if einsum.reduction:
        reads = reads - (counted.points - counted.accumulations)  # the first value of a sum has nothing to be added to
    return {"read": reads, "write": counted.points * writes_per_point + counted.arrivals}
