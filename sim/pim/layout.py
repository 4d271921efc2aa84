"""Where the numbers of a matrix lie in the rows of a bank, and the runs of column commands that go through them.

A bank has `outputs` results to make, each of a dot product of `columns` columns. `packed`, they lie one after the other
without a gap, so that a row may end within a dot product; `padded`, each begins a row of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sim.dram import BusRun, Command, Repeat, RowRun, Segment

PACKED, PADDED = "packed", "padded"


@dataclass(frozen=True)
class Layout:
    """Dot products of `columns` columns in rows of `row_columns`, from row `first_row` on.

    There are `batches` of `outputs` of them. Each is gone through for each of `vectors`, and makes a number of
    `results` at once. There is room for more: `output_room` outputs of a batch, `column_room` columns of an output.

    >>> Layout(PACKED, outputs=50, columns=100, row_columns=64).rows
    79
    >>> Layout(PADDED, outputs=50, columns=100, row_columns=64).rows
    100
    """

    kind: str
    outputs: int
    columns: int
    row_columns: int
    first_row: int = 0
    batches: int = 1
    vectors: int = 1
    results: int = 1
    output_room: int = 0  # 0: for those that there are
    column_room: int = 0

    @property
    def rows(self) -> int:
        """Rows of a bank that it takes."""
        return -(-self.batches * self.batch_stride // self.row_columns)

    @property
    def stride(self) -> int:
        """Columns from the beginning of an output to that of the next."""
        columns = max(self.column_room, self.columns)
        return -(-columns // self.row_columns) * self.row_columns if self.kind == PADDED else columns

    @property
    def batch_stride(self) -> int:
        """Columns from the beginning of a batch to that of the next."""
        return max(self.output_room, self.outputs) * self.stride

    @property
    def macs(self) -> int:
        """MACs that go through it."""
        return self.batches * self.outputs * self.vectors * self.columns

    def begins(self, output: int) -> int:
        """The column that an output begins at, counted from the first row's first; outputs of all batches count on."""
        batch, own = divmod(output, self.outputs)
        return batch * self.batch_stride + own * self.stride

    def program(self, drained: int = 0, read_columns: int = 1) -> tuple[Segment, ...]:
        """All MACs; with `drained`, so many accumulators are read whenever they are full, and at the end of a batch.

        One of all banks is read in `read_columns`.

        >>> pairs, last = Layout(PACKED, outputs=5, columns=32, row_columns=64).program()
        >>> pairs.times, [run.count for run in pairs.segments], last.row, last.count
        (2, [64], 2, 32)
        """
        held = max(drained // self.results, 1) if drained else 1
        outputs = held // math.gcd(held, self.vectors) if drained else 1  # after which the accumulators are empty again

        def some(at: int, number: int) -> list[Segment]:
            """The MACs of consecutive outputs."""
            found: list[Segment] = []
            full = 0
            for i in range(number * self.vectors):
                found += self._runs(at + i // self.vectors * self.stride)
                full += self.results
                if drained and ((i + 1) % held == 0 or i == number * self.vectors - 1):
                    found.append(BusRun(Command.RDMAC, full * read_columns))
                    full = 0
            return found

        def batch(at: int) -> list[Segment]:
            times, rest = divmod(self.outputs, outputs)
            whole = self._repeated(times, outputs * self.stride, at, lambda each: some(each, outputs))
            return whole + some(at + times * outputs * self.stride, rest)

        return tuple(joined(self._repeated(self.batches, self.batch_stride, 0, batch)))

    def _repeated(self, times: int, stride: int, at: int, body: Callable[[int], list[Segment]]) -> list[Segment]:
        """What begins at column `at`, and `stride` columns further each time."""
        period = self.row_columns // math.gcd(self.row_columns, stride)
        again, rest = divmod(times, period)
        found: list[Segment] = []
        if again:
            segments = [segment for i in range(period) for segment in body(at + i * stride)]
            found.append(Repeat(again, tuple(joined(segments)), period * stride // self.row_columns))
        for i in range(again * period, again * period + rest):
            found += body(at + i * stride)
        return found

    def _runs(self, at: int) -> Iterator[RowRun]:
        """The MACs of one output, row by row."""
        left = self.columns
        while left:
            row, column = divmod(at, self.row_columns)
            count = min(left, self.row_columns - column)
            yield RowRun(Command.MAC, self.first_row + row, count, column=column)
            at, left = at + count, left - count


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """The same, with runs that go on in one row as one."""
    found: list[Segment] = []
    for each in segments:
        last = found[-1] if found else None
        if (
            isinstance(each, RowRun)
            and isinstance(last, RowRun)
            and (last.command, last.bank, last.row, last.column + last.count)
            == (each.command, each.bank, each.row, each.column)
        ):
            found[-1] = RowRun(last.command, last.row, last.count + each.count, last.bank, last.column)
        else:
            found.append(each)
    return found
