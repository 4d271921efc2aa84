"""The order in which a bank goes through its part of a matrix, and where each column lies: by a walk of the loops.

It is made of what a mapping says (loops, what lies on which axis, rows packed or padded, room) and of the size of the
global buffer, column by column, and knows nothing of how `sim.pim` counts. An `At` has an index for each loop in time,
outermost first; with what lies on channels, banks and lanes that names elements of tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from arch.dram import Organisation
from mappings import Operation, Schedule
from workloads import Cascade, cascade

Array = Any  # an ndarray
At = tuple[int, ...]


@dataclass(frozen=True)
class Loop:
    """A loop in time: indices that there are, and that there is room for; and what they are indices of."""

    part: str
    used: int
    room: int
    in_matrix: bool
    in_vector: bool
    in_result: bool


@dataclass(frozen=True)
class Tile:
    """What is gone through with one filling of the buffer: of outer and inner batches and columns of a vector some."""

    batches: range
    inner: range
    columns: range


@dataclass(frozen=True)
class Mac:
    """A column of the matrix, a column of a vector, and the sum that their products go to."""

    matrix: At
    vector: At
    result: At
    first_column: int  # of the part of the vector that the sum is over


@dataclass(frozen=True)
class Walk:
    """A product on the banks: `places` are row and column of each column of the matrix, `fillings` the MACs in order."""

    schedule: Schedule
    operation: Operation
    matrix: str
    vector: str
    loops: tuple[Loop, ...]
    places: dict[At, tuple[int, int]]
    fillings: tuple[tuple[Mac, ...], ...]
    rows: int  # up to the last one that is taken

    @cached_property
    def part(self) -> Cascade:
        """The cascade of this Einsum alone."""
        return cascade(self.schedule.cascade).restricted((self.operation.name,))

    @property
    def first_columns(self) -> list[int]:
        """Where the parts of a vector begin."""
        return sorted({mac.first_column for macs in self.fillings for mac in macs})

    def used(self, axis: str) -> int:
        """Channels or banks that have a part of the matrix."""
        part = self.operation.spatial.get(axis)
        return 1 if part is None else _indices(self.schedule, part)[0]

    def indices(self, rank: str, at: At, lanes: int) -> Array:
        """Indices of a rank [channel, bank, lane] at a point in time; what is beyond the rank's end is none."""
        found = np.zeros((1, 1, 1), np.int64)
        axes = {"channels": (-1, 1, 1), "banks": (1, -1, 1), "lanes": (1, 1, -1)}
        counts = {"channels": self.used("channels"), "banks": self.used("banks"), "lanes": lanes}
        times = dict(zip((loop.part for loop in self.loops), at, strict=True))
        for part in self.schedule.families[rank].parts:
            found = found + times.get(part.name, 0) * part.chunk
            for axis, placed in self.operation.spatial.items():
                if placed == part.name:
                    found = found + part.chunk * np.arange(counts[axis]).reshape(axes[axis])
        return found

    def column(self, tensor: str, values: Array, at: At, lanes: int) -> Array:
        """Elements of a tensor [channel, bank, lane] that are one column in each bank; 0 where there are none."""
        where, exists = [], np.ones((self.used("channels"), self.used("banks"), lanes), bool)
        for rank, size in zip(self.part.tensors[tensor].ranks, values.shape, strict=True):
            index = self.indices(rank, at, lanes)
            exists = exists & (index < size)
            where.append(np.minimum(index, size - 1))
        return np.where(exists, values[tuple(where)], 0.0)


def walked(schedule: Schedule, organisation: Organisation, buffer_columns: int, first_row: int = 0) -> Walk:
    """The walk of the only operation of a schedule, whose matrix begins in a row."""
    (operation,) = schedule.operations.values()
    tensors = cascade(schedule.cascade).tensors
    banks = schedule.family_of[operation.spatial["banks"]]
    reads = sorted((read.tensor for read in operation.einsum.reads), key=lambda name: banks not in tensors[name].ranks)
    matrix, vector = reads
    loops = tuple(
        Loop(
            part,
            *_indices(schedule, part),
            schedule.family_of[part] in tensors[matrix].ranks,
            schedule.family_of[part] in tensors[vector].ranks,
            schedule.family_of[part] in operation.einsum.target_ranks,
        )
        for part in (*operation.loops, *operation.steps)
    )
    order = _Order(loops)
    tiles = list(order.tiles(buffer_columns, organisation.columns))
    padded = schedule.in_banks.rows == "padded"
    places: dict[At, tuple[int, int]] = {}
    row = first_row
    for points in order.split(tiles, of_matrix=True).values():
        row = order.lay(points, places, row, organisation.columns, padded)
    fillings = tuple(order.fillings(tiles))
    return Walk(schedule, operation, matrix, vector, loops, places, fillings, row)


def _indices(schedule: Schedule, part: str) -> tuple[int, int]:
    """Indices of a part that there are, and that there is room for."""
    family = schedule.families[schedule.family_of[part]]
    own, size = family.part(part), int(family.size)
    room = max(size, schedule.in_banks.room or 0) if family.name == schedule.in_banks.grows else size
    if own.extent is None:
        return -(-size // own.chunk), -(-room // own.chunk)
    used = min(own.extent, -(-size // own.chunk))
    return used, used


@dataclass(frozen=True)
class _Order:
    """Loops, outermost first, and what follows from what they index."""

    loops: tuple[Loop, ...]

    @property
    def sum_at(self) -> int:
        """The first loop of a sum, or the end."""
        return next((i for i, loop in enumerate(self.loops) if not loop.in_result), len(self.loops))

    @property
    def matrix_at(self) -> int:
        """The first loop of the matrix, or the end of those around a sum: vectors before it are taken in turn."""
        around = self.loops[: self.sum_at]
        return next((i for i, loop in enumerate(around) if loop.in_matrix), self.sum_at)

    def of(self, in_matrix: bool, in_vector: bool, in_result: bool) -> list[int]:
        """The loops that index just these, but for vectors in turn."""
        wanted = (in_matrix, in_vector, in_result)
        found = [i for i, each in enumerate(self.loops) if (each.in_matrix, each.in_vector, each.in_result) == wanted]
        return [i for i in found if i >= self.matrix_at]

    @property
    def batches(self) -> tuple[list[int], list[int]]:
        """Outside and inside of the first loop over outputs."""
        outputs = [i for i in self.of(True, False, True) if i < self.sum_at]
        found = self.of(True, True, True)
        return [i for i in found if not outputs or i < outputs[0]], [i for i in found if outputs and i > outputs[0]]

    def tiles(self, buffer_columns: int, row_columns: int) -> Iterator[Tile]:
        """What is gone through with one filling of the buffer after the other."""
        outer, inner = (self._used(which) for which in self.batches)
        sums = self.of(True, True, False)
        room = prod(self.loops[i].room for i in sums)  # cut as if all of them were there
        vectors = self._used(self.of(False, True, True))
        by_row = vectors > 1 and room > row_columns  # together, a row at a time
        if not by_row and inner * vectors * room <= buffer_columns:
            for some in _cut(outer, buffer_columns // (inner * vectors * room)):
                yield Tile(some, range(inner), range(room))
        elif not by_row and vectors * room <= buffer_columns:
            for one in range(outer):
                for some in _cut(inner, buffer_columns // (vectors * room)):
                    yield Tile(range(one, one + 1), some, range(room))
        else:
            most = buffer_columns // vectors
            for one, other in product(range(outer), range(inner)):
                for part in _cut(room, min(most, row_columns) if by_row else most):
                    yield Tile(range(one, one + 1), range(other, other + 1), part)

    def split(self, tiles: list[Tile], of_matrix: bool) -> dict[Tile, list[At]]:
        """The points of each tile in the order of the loops: of the matrix with all room, or those that MACs are for."""
        (outer, inner), sums = self.batches, self.of(True, True, False)
        tile_of = {}
        for tile in tiles:
            tile_of.update(dict.fromkeys(product(tile.batches, tile.inner, tile.columns), tile))
        ranges = []
        for i, loop in enumerate(self.loops):
            still = i < self.matrix_at or (of_matrix and not loop.in_matrix)
            ranges.append(range(1 if still else loop.room if of_matrix else loop.used))
        found: dict[Tile, list[At]] = {tile: [] for tile in tiles}
        for at in product(*ranges):
            found[tile_of[self._number(outer, at), self._number(inner, at), self._number(sums, at)]].append(at)
        return found

    def lay(self, points: list[At], places: dict[At, tuple[int, int]], row: int, row_columns: int, padded: bool) -> int:
        """Gives each column of a tile that there is a place, one after the other from a row on; the row after the last."""
        column = 0
        for number, at in enumerate(points):
            if padded and (number == 0 or at[: self.sum_at] != points[number - 1][: self.sum_at]):
                column = -(-column // row_columns) * row_columns
            if all(index < loop.used for index, loop in zip(at, self.loops, strict=True)):
                assert at not in places
                places[at] = row + column // row_columns, column % row_columns
            column += 1
        return row + -(-column // row_columns)

    def fillings(self, tiles: list[Tile]) -> Iterator[tuple[Mac, ...]]:
        """The MACs of each filling of the buffer, in order."""
        points_of = self.split(tiles, of_matrix=False)
        for turn in product(*(range(loop.used) for loop in self.loops[: self.matrix_at])):
            for tile, points in points_of.items():
                if points:
                    yield tuple(self._mac(tile, (*turn, *at[len(turn) :])) for at in points)

    def _mac(self, tile: Tile, at: At) -> Mac:
        def only(kind: str) -> At:
            return tuple(n if getattr(loop, kind) else 0 for n, loop in zip(at, self.loops, strict=True))

        return Mac(only("in_matrix"), only("in_vector"), only("in_result"), tile.columns.start)

    def _number(self, which: list[int], at: At) -> int:
        """The number of a point among those of some loops, which go on with no gap but for room."""
        number = 0
        for i in which:
            number = number * self.loops[i].room + at[i]
        return number

    def _used(self, which: list[int]) -> int:
        return prod(self.loops[i].used for i in which)


def _cut(number: int, most: int) -> Iterator[range]:
    """So many in parts of no more than `most`."""
    for first in range(0, number, most):
        yield range(first, min(first + most, number))
