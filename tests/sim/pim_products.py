"""Products of a matrix and vectors through DRAM banks, with appends, and the oracle's sums to hold them against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from arch import machine
from mappings import Operation, Schedule, mapping, schedules
from sim.dram import Command
from sim.dram.channel import run, trace
from sim.dram.commands import banks_of
from sim.pim.lowering import Task, lower
from tests.sim.pim_values import LANES, OPENING, Channels, buffer_of
from tests.sim.pim_walk import At, Walk, walked
from workloads import cascade, workload
from workloads.oracle import evaluate, make_grid

Array = Any  # an ndarray
Part = tuple[int, int | None]  # of a sum: the first column of the vector, and the channel where several sum it


@dataclass(frozen=True)
class InBanks:
    """A product on the banks: what its channels do, and a walk of its loops."""

    task: Task
    walk: Walk

    @property
    def schedule(self) -> Schedule:
        return self.walk.schedule

    @property
    def operation(self) -> Operation:
        return self.walk.operation


def products(work: str, arch: str, mapped: str) -> tuple[InBanks | Schedule, ...]:
    """The nests of a mapping in order: of those on the banks the product, of others the schedule."""
    _, made = schedules(workload(work), machine(arch), mapping(mapped))
    found: list[InBanks | Schedule] = []
    row = 0
    for schedule, task in zip(made, lower(*made), strict=True):
        if task.channels:
            device = task.device
            columns = device.buffer_bytes // device.organisation.column_bytes
            walk = walked(schedule, device.organisation, columns, row)
            row = walk.rows
            found.append(InBanks(task, walk))
        else:
            found.append(schedule)
    return tuple(found)


# --------------------------------------------------------------------------------------------------------- in the banks


def banks_make(product: InBanks, values: Mapping[str, Array], tree: bool = False) -> dict[Part, Array]:
    """The parts of the result, in fp32 and indexed as the oracle's, that the channels' traces make of values.

    Before them the banks hold what is not appended. Asserts that appends write what is new, once, and nothing else.
    """
    walk, task = product.walk, product.task
    cells, fresh = _placed(product, values[walk.matrix])
    steps = [[(mac.vector, (mac.result, mac.first_column)) for mac in macs] for macs in walk.fillings]
    columns: dict[At, Array] = {}

    def vector(at: At, channels: list[int]) -> Array:
        if at not in columns:
            columns[at] = walk.column(walk.vector, values[walk.vector], at, LANES)[:, 0].astype(np.float32)
        return columns[at][channels]

    parts = {part: np.full(_shape(product), np.nan, np.float32) for part in _parts(product)}
    for program, channels in _programs(product, fresh):
        old = np.where(fresh[channels], np.nan, cells[channels])
        done = Channels(
            task.device,
            old,
            buffer_of(task.device, steps),
            lambda at, channels=channels: vector(at, channels),  # type: ignore[misc]
            cells[channels],
            fresh[channels],
            tree,
        )
        results = done.do(trace(run(task.device, program, expand=True).issued))
        assert np.array_equal(done.cells, cells[channels], equal_nan=True)  # new is what is new, and no more
        for key, sums in results.items():
            _gather(product, parts, key, sums, channels)
    return parts


def _placed(product: InBanks, matrix: Array) -> tuple[Array, Array]:
    """The cells of all channels when everything is written, and which lanes are of indices that are appended.

    A lane beyond the end of a rank is 0, as is the vector's: a MAC goes through it, and a masked write leaves it.
    """
    walk, device = product.walk, product.task.device
    shape = (walk.used("channels"), walk.used("banks"), walk.rows, device.organisation.columns, LANES)
    cells, fresh = np.full(shape, np.nan, np.float32), np.zeros(shape, bool)
    cache = product.schedule.in_banks
    grows = cache.grows if cache.grows in walk.part.tensors[walk.matrix].ranks else None
    taken = set()
    for at, (row, column) in walk.places.items():
        assert (row, column) not in taken
        taken.add((row, column))
        cells[:, :, row, column] = walk.column(walk.matrix, matrix, at, LANES)
        if grows is not None and cache.append:
            size = int(product.schedule.families[grows].size)
            index = walk.indices(grows, at, LANES)
            fresh[:, :, row, column] = (size - cache.append <= index) & (index < size)
    return cells, fresh


def _programs(product: InBanks, fresh: Array) -> list[tuple[Any, list[int]]]:
    """What channels do, with the channels that do it: each writes the columns that hold something new, once."""
    task = product.task
    append = task.append
    if append is None:
        return [(task.program, list(range(len(fresh))))]
    of_columns: dict[tuple[Any, ...], list[int]] = {}
    for channel, cells in enumerate(fresh):
        wanted = tuple(map(tuple, np.argwhere(cells.any(axis=-1)).tolist()))  # bank, row, column, in order
        of_columns.setdefault(wanted, []).append(channel)
    found = [(task.program, of_columns.pop((), []))]
    written = {program: tuple(sorted(_writes(task, program))) for program in append.channels.values()}
    for program, columns in written.items():
        channels = of_columns.pop(columns)
        assert channels == [channel for channel, own in append.channels.items() if own == program]
        found.append(((*program, *task.program), channels))
    assert not of_columns, f"channels {of_columns.values()} write nothing of what is new"
    assert len(written[append.program]) == max(map(len, written.values()))  # the one that is timed
    assert append.masked == bool((fresh.any(axis=-1) & ~fresh.all(axis=-1)).any())
    return [(program, channels) for program, channels in found if channels]


def _writes(task: Task, program: Any) -> list[tuple[int, ...]]:
    """Bank, row and column of each write of a program of appends."""
    rows: dict[int, int] = {}
    found: list[tuple[int, ...]] = []
    for each in trace(run(task.device, program, expand=True).issued):
        if each.command is Command.WR:
            found.append((each.bank, rows[each.bank], each.place))
        elif each.command in OPENING:
            rows.update(dict.fromkeys(banks_of(each.command, each.bank, task.device.organisation), each.place))
    return found


def _shape(product: InBanks) -> tuple[int, ...]:
    return tuple(int(product.schedule.families[rank].size) for rank in product.operation.einsum.target_ranks)


def _parts(product: InBanks) -> list[Part]:
    """The parts of a sum, in the order in which they are added: of the vector's columns, and of each the channels."""
    on_channels = product.operation.spatial.get("channels")
    whole = on_channels is None or product.schedule.indexes(product.operation, on_channels)
    channels = [None] if whole else list(range(product.walk.used("channels")))
    return [(first, channel) for first in product.walk.first_columns for channel in channels]


def _gather(product: InBanks, parts: dict[Part, Array], key: Any, sums: Array, channels: list[int]) -> None:
    """Puts what was read of all banks of some channels [channel, bank] to where it belongs in the result."""
    walk, (at, first) = product.walk, key
    ranks = product.operation.einsum.target_ranks
    shape = (walk.used("channels"), walk.used("banks"), 1)
    where = [np.broadcast_to(walk.indices(rank, at, 1), shape)[channels, :, 0] for rank in ranks]
    exists = np.all([index < size for index, size in zip(where, _shape(product), strict=True)], axis=0)
    for i, channel in enumerate(channels):
        part = parts[first, channel] if (first, channel) in parts else parts[first, None]
        place = tuple(index[i][exists[i]] for index in where)
        assert np.isnan(part[place]).all(), "a result is made twice"
        part[place] = sums[i][exists[i]]


# ----------------------------------------------------------------------------------------------------------- the oracle


def oracle(product: InBanks, values: Mapping[str, Array], types: Any = None) -> Array:
    """The result of the product in these types, or exactly."""
    part = product.walk.part
    operands = {name: values[name] for name in (product.walk.matrix, product.walk.vector)}
    sizes: dict[str, int] = {}
    for name, each in operands.items():
        sizes.update(zip(part.tensors[name].ranks, each.shape, strict=True))
    return evaluate(part, operands, make_grid(part, sizes), types=types)[product.operation.name]


def oracle_part(product: InBanks, values: Mapping[str, Array], part: Part) -> Array:
    """The sum over the part's indices alone, one after the other, in the types of the schedule; 0 where there are none."""
    walk = product.walk
    (rank,) = product.operation.einsum.reduced
    kept = _indices_of(product, part, rank)
    if not len(kept):
        return np.zeros(_shape(product))
    axis = {name: walk.part.tensors[name].ranks.index(rank) for name in (walk.matrix, walk.vector)}
    some = {name: np.take(values[name], kept, axis=axis[name]) for name in axis}
    return oracle(product, some, product.schedule.types)


def _indices_of(product: InBanks, part: Part, rank: str) -> Array:
    """The indices of the summed rank that a part is over, ascending: what its MACs go through."""
    walk, (first, channel) = product.walk, part
    times = {mac.vector for macs in walk.fillings for mac in macs if mac.first_column == first}
    shape = (walk.used("channels"), walk.used("banks"), LANES)
    found = [np.broadcast_to(walk.indices(rank, at, LANES), shape)[channel or 0, 0] for at in times]
    indices = np.unique(np.concatenate(found))
    return indices[indices < int(product.schedule.families[rank].size)]


def error_bound(product: InBanks, values: Mapping[str, Array]) -> Array:
    """How far a sum of products in fp32 may be off the exact one, in whatever order: 2^-23 of the magnitudes for each."""
    (rank,) = product.operation.einsum.reduced
    magnitudes = oracle(product, {name: np.abs(each) for name, each in values.items()})
    return magnitudes * int(product.schedule.families[rank].size) * 2.0**-23


def together(parts: Mapping[Part, Array]) -> Array:
    """The sum of all parts, one after the other in fp32."""
    return reduce(np.add, parts.values())


def drawn(product: InBanks, generator: np.random.Generator, names: tuple[str, ...] = ()) -> dict[str, Array]:
    """Operands as they are stored, whose sums depend on the order of their terms."""
    found = {}
    for name in names or (product.walk.matrix, product.walk.vector):
        ranks = product.walk.part.tensors[name].ranks
        shape = [int(product.schedule.families[rank].size) for rank in ranks]
        scale = 2.0 ** generator.integers(-6, 3, shape)
        found[name] = product.schedule.types[name].storage.rounded(generator.normal(size=shape) * scale)
    return found


def in_turn(nests: tuple[InBanks | Schedule, ...], values: Mapping[str, Array]) -> dict[str, Array]:
    """All tensors: what the banks make of values, and between them what the oracle makes, as each is stored."""
    found = dict(values)
    for nest in nests:
        if isinstance(nest, InBanks):
            operands = {name: found[name] for name in (nest.walk.matrix, nest.walk.vector)}
            storage = nest.schedule.types[nest.operation.name].storage
            found[nest.operation.name] = storage.rounded(together(banks_make(nest, operands)))
        else:
            part = cascade(nest.cascade).restricted(tuple(nest.operations))
            read = {name: found[name] for name, tensor in part.tensors.items() if tensor.role == "input"}
            grid = make_grid(part, {rank: int(family.size) for rank, family in nest.families.items()})
            found |= evaluate(part, read, grid, types=nest.types)
    return found
