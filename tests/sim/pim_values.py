"""Values through DRAM banks: a matrix is placed, and the commands of a trace are executed on it.

Which column of which row is multiplied is what the commands say, and so is when columns come into the global buffer and
sums leave the accumulators. Which column of a vector comes next, and what each MAC in turn takes of the buffer and
which sum it adds to, a command does not say: that comes from an order of MACs. A MAC of a column that is not in the
buffer fails, and so does one of a closed row, of a cell without a number, or of a sum without an accumulator. A RDMAC
takes the oldest sum.

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
class Channels:
    """Channels that execute the same commands, each on cells of its own [channel, bank, row, column, lane].

    `vector` says what a column of a vector holds [channel, lane]. What `WR` brings is `written` where `fresh`, both as
    large as the cells; the other lanes of the column stay as they are. Only banks with a part of the matrix are looked at.
    """

    device: Device
    cells: Array
    steps: Sequence[Sequence[Step]]  # MAC by MAC, of each filling of the buffer
    vector: Callable[[Any], Array]
    written: Array = None
    fresh: Array = None
    tree: bool = False
    sums: dict[Hashable, Array] = field(default_factory=dict)  # in the accumulators [channel, bank]
    results: dict[Hashable, Array] = field(default_factory=dict)  # as they are read [channel, bank]
    writes: list[tuple[int, int, int]] = field(default_factory=list)  # bank, row, column

    def do(self, commands: Iterable[Issued]) -> dict[Hashable, Array]:
        """Executes a trace; what is read of the accumulators, in order."""
        fillings = iter(self.steps)
        macs: Iterator[Step] = iter(())
        come: Iterator[Hashable] = iter(())
        buffer: dict[Hashable, Array] = {}
        rows = [CLOSED] * self.device.organisation.banks
        memory, filling = True, False
        for each in commands:
            opened = banks_of(each.command, each.bank, self.device.organisation)
            if each.command in OPENING or each.command in (Command.PRE, Command.PREA):
                for bank in opened:
                    rows[bank] = each.place if each.command in OPENING else CLOSED
            elif each.command is Command.MODE:
                memory = not memory
            elif each.command is Command.WR:
                assert memory or self.device.timing.mode_switch is None
                self._write(each.bank, rows[each.bank], each.place)
            elif each.command is Command.WRGB:
                if not filling:
                    assert next(macs, None) is None, "MACs are left of what the buffer held before"
                    steps = next(fillings)
                    macs, come, buffer, filling = iter(steps), iter(dict.fromkeys(k for k, _ in steps)), {}, True
                key = next(come)
                buffer[key] = self.vector(key)
                assert len(buffer) * self.device.organisation.column_bytes <= self.device.buffer_bytes
            elif each.command is Command.MAC:
                assert not (memory and self.device.timing.mode_switch) and len(set(rows)) == 1 and rows[0] != CLOSED
                key, result = next(macs)
                self._multiply(self.cells[:, :, rows[0], each.place], buffer[key], result)
                filling = False
            elif each.command is Command.RDMAC:
                oldest = next(iter(self.sums))
                assert oldest not in self.results, f"{oldest} is read twice"
                self.results[oldest] = self.sums.pop(oldest)
        assert not self.sums and next(macs, None) is None and next(come, None) is None and next(fillings, None) is None
        return self.results

    def _write(self, bank: int, row: int, column: int) -> None:
        assert row != CLOSED
        self.writes.append((bank, row, column))
        at = (slice(None), bank, row, column)
        self.cells[at] = np.where(self.fresh[at], self.written[at], self.cells[at])

    def _multiply(self, weights: Array, column: Array, result: Hashable) -> None:
        assert not np.isnan(weights).any(), "a MAC of cells that nothing was written to"
        products = weights * column[:, None]
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
    steps, first = [], 0
    for number, chunk in enumerate(task.chunks):
        each = [[(first + column, (number, output)) for column in range(chunk.columns)] for output in range(outputs)]
        steps.append([step for output in each for step in output])
        first += chunk.columns
    cells = np.stack([_placed(task, weights[:, :, channel]) for channel in range(channels)])
    columns_of = x.reshape(columns, LANES)
    read = Channels(task.device, cells, steps, lambda key: columns_of[None, key], tree=tree).do(commands)
    for (number, output), sums in read.items():  # type: ignore[misc]
        parts[number, output] = sums.T
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
