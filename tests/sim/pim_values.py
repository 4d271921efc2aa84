"""Values through DRAM banks: a matrix is placed, and the commands of a trace are executed on it.

Which column of which row is multiplied is what the commands say, and so is when columns come into the global buffer and
sums leave the accumulators. Which column of a vector comes next, and what each MAC in turn takes of the buffer and
which sum it adds to, a command does not say: that comes from an order of MACs. A MAC before its column has come fails, and so
does one of a closed row, of a cell without a number, or of a sum without an accumulator. A RDMAC takes the oldest sum.

Operands are bf16 or fp16, and a product of two is exact in fp32. A MAC adds its products to the accumulator lane by lane, the
first one first, rounded to fp32 each time; or by an adder tree, of neighbours first, and then the sum of the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arch.dram import Device
from sim.dram import Command, Issued
from sim.dram.commands import banks_of
from sim.pim.lowering import Task

LANES = 16
CLOSED = -1
Array = Any  # an ndarray
Step = tuple[Hashable, Hashable]  # of a MAC: the column of a vector, and the sum
OPENING = (Command.ACT, Command.ACT4, Command.ACT16)


@dataclass
class Buffer:
    """The global buffer: columns come one by one, and MACs take them. `steps` are of each filling, MAC by MAC."""

    steps: Iterator[Sequence[Step]]
    most: int  # columns that it holds
    columns: dict[Hashable, Array] = field(default_factory=dict)
    coming: list[Hashable] = field(default_factory=list)  # columns of this filling that are still to come
    macs: list[Step] = field(default_factory=list)  # of this filling that are still to be done

    def write(self, vector: Callable[[Any], Array]) -> None:
        """The next column; of the next filling, if all of this one have come: then its MACs must be done."""
        if not self.coming:
            assert not self.macs, "the buffer is filled again before all MACs have taken their column"
            self.macs, self.columns = list(next(self.steps)), {}
            self.coming = list(dict.fromkeys(key for key, _ in self.macs))
        key = self.coming.pop(0)
        self.columns[key] = vector(key)
        assert len(self.columns) <= self.most

    def take(self) -> tuple[Array, Hashable]:
        """What the next MAC multiplies by, and the sum it adds to. All columns of the filling must be there."""
        assert not self.coming, "a MAC before all columns of the buffer have come"
        key, result = self.macs.pop(0)
        return self.columns[key], result

    def finish(self) -> None:
        """Asserts that nothing is left to be done."""
        assert not self.coming and not self.macs and next(self.steps, None) is None


@dataclass
class Channels:
    """Channels that execute the same commands, each on cells of its own [channel, bank, row, column, lane].

    `vector` says what a column of a vector holds [channel, lane]. `WR` brings what is `written` where it is `fresh`, both
    as large as the cells; the other lanes of the column stay as they are. Only banks with a part of the matrix are kept.
    """

    device: Device
    cells: Array
    buffer: Buffer
    vector: Callable[[Any], Array]
    written: Array = None
    fresh: Array = None
    tree: bool = False
    memory: bool = True  # in memory's mode, if there are two
    rows: list[int] = field(default_factory=list)  # that are open, of each bank
    sums: dict[Hashable, Array] = field(default_factory=dict)  # in the accumulators [channel, bank]
    results: dict[Hashable, Array] = field(default_factory=dict)  # as they are read [channel, bank]
    read: int = 0  # columns of the results that are on their way

    def do(self, commands: Iterable[Issued]) -> dict[Hashable, Array]:
        """Executes a trace; what is read of the accumulators, in order."""
        self.rows = [CLOSED] * self.device.organisation.banks
        for each in commands:
            if each.command in (*OPENING, Command.PRE, Command.PREA):
                for bank in banks_of(each.command, each.bank, self.device.organisation):
                    self.rows[bank] = each.place if each.command in OPENING else CLOSED
            elif each.command is Command.MODE:
                self.memory = not self.memory
            elif each.command is Command.WR:
                self._write(each.bank, each.place)
            elif each.command is Command.WRGB:
                self.buffer.write(self.vector)
            elif each.command is Command.MAC:
                self._multiply(each.place)
            elif each.command is Command.RDMAC:
                self.read += 1  # a column of 32 B is 16 results, of as many banks
                if self.read * 16 < self.device.organisation.banks:
                    continue
                self.read = 0
                oldest = next(iter(self.sums))
                assert oldest not in self.results, f"{oldest} is read twice"
                self.results[oldest] = self.sums.pop(oldest)
        self.buffer.finish()
        assert not self.sums
        return self.results

    def _write(self, bank: int, column: int) -> None:
        assert self.memory and self.rows[bank] != CLOSED
        at = (slice(None), bank, self.rows[bank], column)
        assert self.fresh[at].any(axis=-1).all(), "a write of nothing new"
        self.cells[at] = np.where(self.fresh[at], self.written[at], self.cells[at])

    def _multiply(self, column: int) -> None:
        (row,) = set(self.rows)
        assert row != CLOSED and not (self.memory and self.device.timing.mode_switch)
        weights = self.cells[:, :, row, column]
        assert not np.isnan(weights).any(), "a MAC of cells that nothing was written to"
        factors, result = self.buffer.take()
        products = weights * factors[:, None]
        if result not in self.sums:
            self.sums[result] = np.zeros(weights.shape[:2], np.float32)
            assert len(self.sums) <= max(self.device.accumulators, 1)
        terms = self._tree(products) if self.tree else products
        terms = np.concatenate([self.sums[result][:, :, None], terms], axis=2)
        self.sums[result] = np.add.accumulate(terms, axis=2)[:, :, -1]  # one after the other

    def _tree(self, products: Array) -> Array:
        while products.shape[2] > 1:
            products = products[:, :, ::2] + products[:, :, 1::2]
        return products


def buffer_of(device: Device, steps: Iterable[Sequence[Step]]) -> Buffer:
    """The empty buffer of a channel, and what is done with each of its fillings."""
    return Buffer(iter(steps), device.buffer_bytes // device.organisation.column_bytes)


def multiply(task: Task, commands: list[Issued], matrix: Array, vector: Array, tree: bool = False) -> list[Array]:
    """Matrix [m, n] times vector [n], both as they are stored, in float64: of each part of the vector, its sums [m] in fp32."""
    channels, banks = task.channels, task.device.organisation.banks
    outputs, columns = task.chunks[0].outputs, sum(chunk.columns for chunk in task.chunks)
    m, n = matrix.shape
    padded = np.zeros((outputs * banks * channels, columns * LANES), np.float32)
    padded[:m, :n] = matrix
    weights = padded.reshape(outputs, banks, channels, columns, LANES)
    x = np.zeros(columns * LANES, np.float32)
    x[:n] = vector
    parts: Array = np.zeros((len(task.chunks), outputs, banks, channels), np.float32)
    steps: list[list[Step]] = []
    first = 0
    for number, chunk in enumerate(task.chunks):
        span = range(first, first + chunk.columns)
        steps.append([(column, (number, output)) for output in range(outputs) for column in span])
        first += chunk.columns
    cells = np.stack([_placed(task, weights[:, :, channel]) for channel in range(channels)])
    columns_of = x.reshape(columns, LANES)
    buffer = buffer_of(task.device, steps)
    read = Channels(task.device, cells, buffer, lambda key: columns_of[None, key], tree=tree).do(commands)
    for key, sums in read.items():
        parts[key] = sums.T
    return [part.reshape(-1)[:m] for part in parts]


def _placed(task: Task, weights: Array) -> Array:
    """The cells of a channel with its weights [output, bank, column, lane] in them, as the layout says."""
    organisation = task.device.organisation
    cells = np.full((organisation.banks, task.rows, organisation.columns, LANES), np.nan, np.float32)
    first = 0
    for chunk in task.chunks:
        for output in range(chunk.outputs):
            for column in range(chunk.columns):
                row, place = divmod(chunk.begins(output) + column, organisation.columns)
                assert np.isnan(cells[:, chunk.first_row + row, place]).all()
                cells[:, chunk.first_row + row, place] = weights[output, :, first + column]
        first += chunk.columns
    return cells
