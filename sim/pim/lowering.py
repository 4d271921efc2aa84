"""From schedules on a machine of DRAM banks to what each of its channels does.

An operation on the banks is a product of a matrix, of which each bank has its own rows, and vectors, which come to the
banks through the global buffer of their channel. All channels do the same at the same time, each with its own part of
the matrix; a part that is smaller is done as if it were as large. For what other units do the channels wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from arch.dram import Activation, Device
from arch.pimdevice import datasheet_keys
from mappings import Operation, Schedule
from sim.dram import BusRun, Command, Segment, Wait
from specs import Infeasible, Problem, SpecError

from .appends import Append, append_of
from .assumed import OF_NO_DEVICE
from .layout import PACKED, PADDED, Layout
from .outside import NOTHING, UNIT, Outside, nest_outside, points_of, unit_with, work_of
from .product import BANKS, CHANNELS, Product, extent_of, product_of
from .tiles import RESULT_BYTES, Placement, placement_of, read_columns

ALONE = "io=excluded is of the MACs alone: nothing is appended, and nothing done outside takes time"
INCLUDED, EXCLUDED = "included", "excluded"
LAYOUTS, TRANSFERS = (PACKED, PADDED), (INCLUDED, EXCLUDED)


@dataclass(frozen=True)
class Task:
    """What one channel does for an operation on the banks, and how many channels do it.

    `append` comes before it, of the last of as many tokens as append at once. `before` is for each of those before it
    what is done outside with keys that the banks do not have yet, `outside` what every token takes there.
    """

    operation: str
    channels: int
    device: Device
    placement: Placement
    in_banks: tuple[Segment, ...]
    append: Append | None = None
    outside: Outside = NOTHING
    before: tuple[Outside, ...] = ()
    busy: int = 0  # ticks of its MACs, in which the units outside are at work as well
    assumptions: tuple[str, ...] = field(default=())

    @property
    def program(self) -> tuple[Segment, ...]:
        """Of a token that finds all keys in the banks."""
        return self.waited(self.outside)

    def waited(self, outside: Outside) -> tuple[Segment, ...]:
        """What is done in the banks, and a wait for as long as what is done outside takes longer than the MACs."""
        ticks = outside.ticks - self.busy
        return (*self.in_banks, *((Wait(ticks),) if ticks > 0 else ()))

    @property
    def chunks(self) -> tuple[Layout, ...]:
        """The parts of the matrix that are gone through with one filling of the buffer, in order."""
        return tuple(tile.layout for tile in self.placement.tiles())

    @property
    def rows(self) -> int:
        """Rows of each bank that the matrix takes."""
        return self.placement.rows


def lower(*schedules: Schedule) -> tuple[Task, ...]:
    """The tasks of schedules, one after the other, each with rows of its own; without a row, what is done outside.

    Raises `SpecError` for operations that banks do not do, `Infeasible` for a matrix that does not fit into them.
    """
    found: list[Task] = []
    for schedule in schedules:
        device = schedule.machine.device
        if device is None or UNIT not in schedule.machine.units:
            name = schedule.machine.name
            message = f"machine '{name}' has no units in its banks; take one with MAC among its commands"
            raise SpecError([Problem(message, schedule.machine.place)])
        in_banks = [operation.unit == UNIT for operation in schedule.operations.values()]
        if any(in_banks) and not all(in_banks):
            names = " ".join(schedule.operations)
            message = f"{names}: one nest on the banks and on other units; give them nests of their own in a sequence"
            raise SpecError([Problem(message)])
        if any(in_banks):
            _check_commands(schedule, device)
            for operation in schedule.operations.values():
                found.append(_task(schedule, device, operation, first_row=sum(task.rows for task in found)))
        elif schedule.in_banks.transfers == INCLUDED:
            outside = nest_outside(schedule)
            name = " ".join(schedule.operations)
            found.append(Task(name, 0, device, Placement(()), (), outside=outside))
    return tuple(found)


def _check_commands(schedule: Schedule, device: Device) -> None:
    """Refuse a device that lacks a command which the program takes."""
    wanted = ["MAC", "ACT4" if device.activation is Activation.FOUR_BANKS else "ACT16"]
    wanted += ["WRGB", "RDMAC"] if schedule.in_banks.transfers == INCLUDED else []
    missing = [name for name in wanted if name not in device.commands]
    if missing:
        advice = "; or give activation=tfaw-act4" if missing == ["ACT16"] and "ACT4" in device.commands else ""
        message = (
            f"a matrix in the banks of '{schedule.machine.name}' takes {', '.join(missing)}, which its commands "
            f"({', '.join(device.commands)}) do not have; add them{advice}"
        )
        raise SpecError([Problem(message, schedule.machine.place)])


def _task(schedule: Schedule, device: Device, operation: Operation, first_row: int) -> Task:
    product = product_of(schedule, operation)
    excluded = schedule.in_banks.transfers == EXCLUDED
    placement = placement_of(product, schedule.in_banks.rows, device, first_row, whole=excluded)
    if placement.rows > device.organisation.rows:
        raise Infeasible(_too_many_rows(schedule, operation, product, placement, device))
    program = placement.program(product.turns, device, transfers=not excluded)
    if excluded:
        notes = (ALONE,) if schedule.in_banks.grows else ()
        return Task(operation.name, product.channels, device, placement, program, assumptions=notes)
    busy = sum(tile.layout.macs for tile in placement.tiles()) * product.turns * mac_interval(device)
    parts = placement.parts * product.parts
    outside = work_of(schedule.machine, "add", (parts - 1) * _results(schedule, operation))
    append = append_of(schedule, operation, product, placement)
    switches = device.timing.mode_switch is not None and "TMOD" in device.commands
    switch = (BusRun(Command.MODE),) if switches else ()
    return Task(
        operation.name,
        product.channels,
        device,
        placement,
        (*switch, *program, *switch),
        append,
        outside,
        () if append is None else _before(schedule, operation, append),
        busy,
        (
            *_about_reads(device),
            *_about_parts(schedule, operation, parts),
            *(_about_append(schedule, operation, append) if append else ()),
        ),
    )


def mac_interval(device: Device) -> int:
    """Ticks from a MAC to the next one in the same row, in which all bank groups are at work."""
    stretched = device.activation is Activation.STRETCHED_CCD
    between = device.timing.ccd_mac_stretched if stretched else device.timing.ccd_mac
    return max(between, device.timing.ccd_long)


def _results(schedule: Schedule, operation: Operation) -> int:
    """Numbers that an operation makes, all in all."""
    families = dict.fromkeys(schedule.family_of.get(rank, rank) for rank in operation.einsum.target_ranks)
    return math.prod(int(schedule.families[name].size) for name in families)


def _before(schedule: Schedule, operation: Operation, append: Append) -> tuple[Outside, ...]:
    """Of the tokens before the one that appends: the products with one key, with two, and so on, done outside."""
    if append.indices > 1 and unit_with(schedule.machine, "mac") is None:
        message = (
            f"append={append.indices}: keys that the banks do not have yet are multiplied outside of them, and "
            f"'{schedule.machine.name}' has no unit there with mac; give append=1"
        )
        raise SpecError([Problem(message)])
    points = points_of(schedule, operation) // int(schedule.families[append.rank].size)
    return tuple(work_of(schedule.machine, "mac", n * points) for n in range(1, append.indices))


def _too_many_rows(
    schedule: Schedule, operation: Operation, product: Product, placement: Placement, device: Device
) -> str:
    shape = device.organisation
    several = "" if product.batches * product.inner_batches == 1 else (
        f" for each of {product.batches * product.inner_batches} matrices"
    )  # fmt: skip
    return (
        f"'{operation.name}' on '{schedule.machine.name}': {product.outputs.room * product.results} results of "
        f"{product.sums.room} columns in each bank{several} take {placement.rows} rows of {shape.columns} columns, and "
        f"a bank has {shape.rows}; give more channels, or a smaller workload"
    )


def _about_reads(device: Device) -> tuple[str, ...]:
    columns, bits = read_columns(device), RESULT_BYTES * 8
    several = "a column" if columns == 1 else f"{columns} columns"
    return (f"an accumulator of every bank is read as {bits} bits each, {several} of the bus in all",)


def _about_parts(schedule: Schedule, operation: Operation, parts: int) -> tuple[str, ...]:
    if parts == 1:
        return ()
    unit = unit_with(schedule.machine, "add")
    how = f"by '{unit.name}' while the banks go on" if unit else "outside of the memory, in no time"
    return (f"{operation.name}: sums of the {parts} parts are added {how}",)


def _about_append(schedule: Schedule, operation: Operation, append: Append) -> tuple[str, ...]:
    """What is assumed of writes to a cache."""
    found = []
    for axis in (CHANNELS, BANKS):
        part = operation.spatial.get(axis, "")
        rank = schedule.family_of.get(part, append.rank)
        chunk = 1 if rank == append.rank else extent_of(schedule, part).used
        size = int(schedule.families[rank].size)
        if size % chunk:
            whole = -(-size // chunk) * chunk
            found.append(f"{operation.name}: {size} of '{rank}' on {chunk} {axis} are written as if there were {whole}")
    if append.masked:
        found.append("a write of some elements of a column leaves the others as they are")
    if append.indices > 1:
        found.append(
            f"of {append.indices} tokens that append at once, those before the last have their keys and values "
            f"outside; the banks take as long as with them"
        )
    return tuple(found)


def not_modelled(device: Device) -> tuple[str, ...]:
    """The times that a device does not state, by their keys, and what is modelled of none: nothing waits for them."""
    found: Mapping[str, object] = vars(device.timing)
    return (*(key for name, key in datasheet_keys().items() if found[name] is None), *OF_NO_DEVICE)
