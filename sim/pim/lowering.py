"""From a schedule on a machine of DRAM banks to what each of its channels does.

An operation is a product of a matrix, of which each bank has its own rows, and a vector, which comes to the banks
through the global buffer of their channel. All channels do the same at the same time, each with its own part of the
matrix; a part that is smaller is done as if it were as large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arch.dram import Device
from arch.pimdevice import datasheet_keys
from mappings import Operation, Schedule
from sim.dram import BusRun, Command, Segment
from specs import Infeasible, Problem, SpecError

from .layout import PACKED, PADDED, Layout

UNIT, CHANNELS, BANKS, LANES = "banks", "channels", "banks", "lanes"
INCLUDED, EXCLUDED = "included", "excluded"
LAYOUTS, TRANSFERS = (PACKED, PADDED), (INCLUDED, EXCLUDED)


@dataclass(frozen=True)
class Task:
    """What one channel does for an operation, and how many channels do it.

    `chunks` are the parts of the vector that come to the global buffer, in columns, each with its part of the matrix.
    """

    operation: str
    channels: int
    device: Device
    chunks: tuple[Layout, ...]
    program: tuple[Segment, ...]
    assumptions: tuple[str, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Rows of each bank that the matrix takes."""
        return sum(chunk.rows for chunk in self.chunks)


def lower(schedule: Schedule) -> tuple[Task, ...]:
    """The tasks of a schedule, one after the other.

    Raises `SpecError` for operations that banks do not do, `Infeasible` for a matrix that does not fit into them.
    """
    device = schedule.machine.device
    if device is None or UNIT not in schedule.machine.units:
        message = f"machine '{schedule.machine.name}' has no units in its banks; take one with MAC among its commands"
        raise SpecError([Problem(message, schedule.machine.place)])
    return tuple(_task(schedule, device, operation) for operation in schedule.operations.values())


def _task(schedule: Schedule, device: Device, operation: Operation) -> Task:
    kept, summed = _extents(schedule, operation)
    organisation = device.organisation
    columns, outputs = _product(summed), _product(kept)
    channels = _extent(schedule, operation.spatial[CHANNELS]) if CHANNELS in operation.spatial else 1
    assumptions: tuple[str, ...] = ()
    chunks: tuple[Layout, ...]
    if schedule.transfers == EXCLUDED:
        chunks = (Layout(schedule.row_layout, outputs, columns, organisation.columns),)
        program = chunks[0].program()
    else:
        chunks = _chunks(schedule.row_layout, outputs, columns, device)
        program = _with_transfers(chunks, device)
        if len(chunks) > 1:
            assumptions = (f"sums of the {len(chunks)} parts of '{operation.name}' are added outside of the memory",)
    task = Task(operation.name, channels, device, chunks, program, assumptions)
    if task.rows > organisation.rows:
        raise Infeasible(
            f"'{operation.name}' on '{schedule.machine.name}': {outputs} results of {columns} columns in each bank "
            f"take {task.rows} rows of {organisation.columns} columns, and a bank has {organisation.rows}; give more "
            f"channels"
        )
    return task


def _extents(schedule: Schedule, operation: Operation) -> tuple[list[int], list[int]]:
    """Iterations of what is kept of a bank's results, and of what is summed up column by column. Raises `SpecError`."""
    faults = []
    if list(operation.actions) != ["mac"]:
        faults.append(f"does {', '.join(operation.actions)}")
    for axis, part in operation.spatial.items():
        if schedule.indexes(operation, part) == (axis == LANES):
            faults.append(f"has '{part}', {'a part of its result' if axis == LANES else 'which is summed'}, on {axis}")
    if LANES not in operation.spatial:
        faults.append("has nothing on lanes")
    if faults:
        message = (
            f"'{operation.name}' {' and '.join(faults)}; banks sum products over their lanes, and each channel and "
            f"bank has results of its own"
        )
        raise SpecError([Problem(message)])
    parts = (*operation.loops, *operation.steps)
    kept = [_extent(schedule, part) for part in parts if schedule.indexes(operation, part)]
    return kept, [_extent(schedule, part) for part in parts if not schedule.indexes(operation, part)]


def _extent(schedule: Schedule, part: str) -> int:
    family = schedule.families[schedule.family_of[part]]
    return int(min(family.extent(part), -(-family.size // family.part(part).chunk)))


def _product(extents: list[int]) -> int:
    total = 1
    for extent in extents:
        total *= extent
    return total


def _chunks(kind: str, outputs: int, columns: int, device: Device) -> tuple[Layout, ...]:
    """The matrix in parts, side by side, for parts of the vector that fit into the global buffer."""
    organisation = device.organisation
    room = device.buffer_bytes // organisation.column_bytes
    found: list[Layout] = []
    row = 0
    for at in range(0, columns, room):
        found.append(Layout(kind, outputs, min(room, columns - at), organisation.columns, row))
        row += found[-1].rows
    return tuple(found)


def _with_transfers(chunks: tuple[Layout, ...], device: Device) -> tuple[Segment, ...]:
    """Into the mode of processing and out of it; for each part its vector, its MACs, and results as they come."""
    switch = () if device.timing.mode_switch is None else (BusRun(Command.MODE),)
    parts = [
        segment
        for chunk in chunks
        for segment in (BusRun(Command.WRGB, chunk.columns), *chunk.program(device.accumulators))
    ]
    return (*switch, *parts, *switch)


def not_modelled(device: Device) -> tuple[str, ...]:
    """The times that a device does not state, by their keys in its file: nothing waits for them."""
    found: Mapping[str, object] = vars(device.timing)
    return tuple(key for name, key in datasheet_keys().items() if found[name] is None)
