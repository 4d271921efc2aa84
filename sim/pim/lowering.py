"""From schedules on a machine of DRAM banks to what each of its channels does.

An operation is a product of a matrix, of which each bank has its own rows, and vectors, which come to the banks through
the global buffer of their channel. The matrix is the operand that is indexed by what lies on channels and banks. Of
several vectors one comes after the other, and the rows of the matrix are opened again for each. All channels do the
same at the same time, each with its own part of the matrix; a part that is smaller is done as if it were as large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arch.dram import Device
from arch.pimdevice import datasheet_keys
from mappings import Access, Operation, Schedule
from sim.dram import BusRun, Command, Repeat, Segment
from specs import Infeasible, Problem, SpecError

from .layout import PACKED, PADDED, Layout

UNIT, CHANNELS, BANKS, LANES = "banks", "channels", "banks", "lanes"
INCLUDED, EXCLUDED = "included", "excluded"
LAYOUTS, TRANSFERS = (PACKED, PADDED), (INCLUDED, EXCLUDED)


@dataclass(frozen=True)
class Task:
    """What one channel does for an operation, and how many channels do it.

    `chunks` are the parts of a vector that come to the global buffer, in columns, each with its part of the matrix.
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


@dataclass(frozen=True)
class _Product:
    """Of each bank: `outputs` results for each of `vectors`, each result a dot product of `columns` columns."""

    outputs: int
    vectors: int
    columns: int


def lower(*schedules: Schedule) -> tuple[Task, ...]:
    """The tasks of schedules, one after the other, each with rows of its own.

    Raises `SpecError` for operations that banks do not do, `Infeasible` for a matrix that does not fit into them.
    """
    found: list[Task] = []
    for schedule in schedules:
        device = schedule.machine.device
        if device is None or UNIT not in schedule.machine.units:
            name = schedule.machine.name
            message = f"machine '{name}' has no units in its banks; take one with MAC among its commands"
            raise SpecError([Problem(message, schedule.machine.place)])
        for operation in schedule.operations.values():
            found.append(_task(schedule, device, operation, first_row=sum(task.rows for task in found)))
    return tuple(found)


def whole_program(tasks: tuple[Task, ...], blocks: int = 1) -> tuple[Segment, ...]:
    """All tasks in one program, `blocks` times, each time with other rows.

    Raises `Infeasible` where the matrices of all blocks take more rows than a bank has.
    """
    rows, organisation = sum(task.rows for task in tasks), tasks[0].device.organisation
    if rows * blocks > organisation.rows:
        parts = " + ".join(f"{task.rows} of '{task.operation}'" for task in tasks)
        several = f"{blocks} blocks" if blocks > 1 else "a block"
        raise Infeasible(
            f"{several} of {rows} rows in each bank ({parts}) take {rows * blocks} rows, and a bank has "
            f"{organisation.rows}; give more channels"
        )
    body = tuple(segment for task in tasks for segment in task.program)
    return body if blocks == 1 else (Repeat(blocks, body, rows),)


def _task(schedule: Schedule, device: Device, operation: Operation, first_row: int) -> Task:
    product = _extents(schedule, operation)
    _check_types(schedule, operation)
    organisation = device.organisation
    columns, outputs = product.columns, product.outputs
    channels = _extent(schedule, operation.spatial[CHANNELS]) if CHANNELS in operation.spatial else 1
    assumptions: tuple[str, ...] = ()
    chunks: tuple[Layout, ...]
    if schedule.transfers == EXCLUDED:
        chunks = (Layout(schedule.row_layout, outputs, columns, organisation.columns, first_row),)
        program = _for_each(product.vectors, chunks[0].program())
    else:
        chunks = _chunks(schedule.row_layout, outputs, columns, device, first_row)
        program = _with_transfers(chunks, product.vectors, device)
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


def _extents(schedule: Schedule, operation: Operation) -> _Product:
    """Iterations of a bank: of its part of the matrix, of vectors, and of what is summed. Raises `SpecError`."""
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
    of_matrix, of_vector = (access.parts for access in _operands(operation))
    extents = {part: _extent(schedule, part) for part in (*operation.loops, *operation.steps)}
    kept = [part for part in extents if schedule.indexes(operation, part)]
    both = [part for part in kept if part in of_matrix and part in of_vector and extents[part] > 1]
    if both:
        message = f"'{operation.name}' has another matrix for each '{both[0]}', and banks multiply vectors with one"
        raise SpecError([Problem(message)])
    return _Product(
        outputs=_product([extents[part] for part in kept if part in of_matrix]),
        vectors=_product([extents[part] for part in kept if part not in of_matrix]),
        columns=_product([extent for part, extent in extents.items() if part not in kept]),
    )


def _check_types(schedule: Schedule, operation: Operation) -> None:
    """Refuse operands of another type than the multipliers take. Raises `SpecError`."""
    taken = schedule.machine.units[UNIT].operand_type
    stored = {read.tensor: schedule.types[read.tensor].storage.name for read in operation.einsum.reads}
    wrong = [f"'{tensor}' as {found}" for tensor, found in stored.items() if found != taken]
    if taken is not None and wrong:
        message = (
            f"'{operation.name}' reads {' and '.join(wrong)}, and the multipliers of '{schedule.machine.name}' take "
            f"{taken}; leave these types out of 'precision' and 'types', or make them {taken}"
        )
        raise SpecError([Problem(message)])


def matrix_of(operation: Operation) -> str:
    """The tensor that is the matrix of an operation. Raises `SpecError` if neither operand is."""
    return _operands(operation)[0].tensor


def _operands(operation: Operation) -> tuple[Access, Access]:
    """The matrix and the vectors. Raises `SpecError` if neither operand is a matrix.

    The matrix is indexed by what lies on channels and banks; if both are, it has more of the result's parts.
    """
    placed = [part for axis, part in operation.spatial.items() if axis != LANES]
    reads = [access for access in operation.accesses if access.cause == "operand"]
    kept = {part for access in operation.accesses if access.action == "write" for part in access.parts}
    reads.sort(key=lambda each: -len(kept.intersection(each.parts)))
    found = [access for access in reads if all(part in access.parts for part in placed)]
    if len(reads) != 2 or not found:
        message = (
            f"'{operation.name}' has no operand that is indexed by all that lies on channels and banks "
            f"({', '.join(placed)}); a product of a matrix and vectors has one"
        )
        raise SpecError([Problem(message)])
    matrix = found[0]
    (vector,) = (access for access in reads if access is not matrix)
    return matrix, vector


def _extent(schedule: Schedule, part: str) -> int:
    family = schedule.families[schedule.family_of[part]]
    return int(min(family.extent(part), -(-family.size // family.part(part).chunk)))


def _product(extents: list[int]) -> int:
    total = 1
    for extent in extents:
        total *= extent
    return total


def _chunks(kind: str, outputs: int, columns: int, device: Device, first_row: int) -> tuple[Layout, ...]:
    """The matrix in parts, side by side, for parts of the vector that fit into the global buffer."""
    organisation = device.organisation
    room = device.buffer_bytes // organisation.column_bytes
    found: list[Layout] = []
    row = first_row
    for at in range(0, columns, room):
        found.append(Layout(kind, outputs, min(room, columns - at), organisation.columns, row))
        row += found[-1].rows
    return tuple(found)


def _with_transfers(chunks: tuple[Layout, ...], vectors: int, device: Device) -> tuple[Segment, ...]:
    """Into the mode of processing and out of it; for each part of a vector its MACs, and results as they come."""
    switch = () if device.timing.mode_switch is None else (BusRun(Command.MODE),)
    parts = tuple(
        segment
        for chunk in chunks
        for segment in (BusRun(Command.WRGB, chunk.columns), *chunk.program(device.accumulators))
    )
    return (*switch, *_for_each(vectors, parts), *switch)


def _for_each(vectors: int, program: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The program of one vector, for several: on the same rows."""
    return program if vectors == 1 else (Repeat(vectors, program),)


def not_modelled(device: Device) -> tuple[str, ...]:
    """The times that a device does not state, by their keys in its file: nothing waits for them."""
    found: Mapping[str, object] = vars(device.timing)
    return tuple(key for name, key in datasheet_keys().items() if found[name] is None)
