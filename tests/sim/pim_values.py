"""Values through DRAM banks: a matrix is placed, and the commands of a trace are executed on it.

Nothing but the commands says what is multiplied by what. A WRGB writes the next column of the global buffer, from its
first again after other commands. A MAC takes the column that it names of the open row of each bank, and the next column
of the buffer. After as many MACs as the buffer has columns, they begin again at its first, with the next accumulator. A
RDMAC takes the first accumulator of each bank that is not taken yet, and leaves it 0.

Operands are bf16 or fp16, and a product of two is exact in fp32. A MAC adds its products to the accumulator lane by lane, the
first one first, rounded to fp32 each time; or by an adder tree, of neighbours first, and then the sum of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.dram import Command, Issued
from sim.pim.lowering import Task

LANES = 16
Array = Any  # an ndarray


@dataclass
class Channel:
    """One channel: its cells [bank, row, column, lane], the columns of the vector that are still to come."""

    cells: Array
    vector: list[Array]
    tree: bool = False
    row: int = -1
    buffer: list[Array] = field(default_factory=list)
    macs: int = 0
    sums: list[Array] = field(default_factory=list)  # of the accumulators that are in use [bank]
    results: list[Array] = field(default_factory=list)  # as they are read [bank]
    before: Command = Command.MODE

    def do(self, commands: Iterable[Issued]) -> list[Array]:
        """Executes a trace; what is read of the accumulators, in order."""
        for each in commands:
            if each.command is Command.ACT16:
                self.row = each.place
            elif each.command is Command.WRGB:
                self._write()
            elif each.command is Command.MAC:
                self._multiply(self.cells[:, self.row, each.place])
            elif each.command is Command.RDMAC:
                self.results.append(self.sums.pop(0))
            self.before = each.command
        return self.results

    def _write(self) -> None:
        if self.before is not Command.WRGB:
            self.buffer, self.macs = [], 0
        self.buffer.append(self.vector.pop(0))

    def _multiply(self, weights: Array) -> None:
        place = self.macs % len(self.buffer)
        products = weights * self.buffer[place]
        if place == 0:
            self.sums.append(np.zeros(len(weights), np.float32))
        terms = [self._tree(products)] if self.tree else products.T
        for term in terms:
            self.sums[-1] = self.sums[-1] + term
        self.macs += 1

    def _tree(self, products: Array) -> Array:
        while products.shape[1] > 1:
            products = products[:, ::2] + products[:, 1::2]
        return products[:, 0]


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
    parts = np.zeros((len(task.chunks), outputs, banks, channels), np.float32)
    for channel in range(channels):
        cells = _placed(task, weights[:, :, channel])
        read = Channel(cells, list(x.reshape(columns, LANES)), tree).do(commands)
        parts[:, :, :, channel] = np.array(read).reshape(len(task.chunks), outputs, banks)
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
