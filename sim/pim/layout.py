"""Where the numbers of a matrix lie in the rows of a bank, and the runs of column commands that go through them.

A bank has `outputs` results to make, each of a dot product of `columns` columns. `packed`, they lie one after the other
without a gap, so that a row may end within a dot product; `padded`, each begins a row of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sim.dram import BusRun, Command, Repeat, RowRun, Segment

PACKED, PADDED = "packed", "padded"


@dataclass(frozen=True)
class Layout:
    """Dot products of `columns` columns in rows of `row_columns`, from row `first_row` on.

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

    @property
    def rows(self) -> int:
        """Rows of a bank that it takes."""
        if self.kind == PADDED:
            return self.outputs * -(-self.columns // self.row_columns)
        return -(-self.outputs * self.columns // self.row_columns)

    @property
    def period(self) -> int:
        """Outputs after which one begins at the beginning of a row again."""
        if self.kind == PADDED:
            return 1
        return self.row_columns // math.gcd(self.row_columns, self.columns)

    def begins(self, output: int) -> int:
        """The column that an output begins at, counted from the first row's first."""
        if self.kind == PADDED:
            return output * -(-self.columns // self.row_columns) * self.row_columns
        return output * self.columns

    def runs(self, output: int) -> Iterator[RowRun]:
        """The MACs of one output, row by row."""
        at, left = self.begins(output), self.columns
        while left:
            row, column = divmod(at, self.row_columns)
            count = min(left, self.row_columns - column)
            yield RowRun(Command.MAC, self.first_row + row, count, column=column)
            at, left = at + count, left - count

    def program(self, drained: int = 0) -> tuple[Segment, ...]:
        """All MACs; with `drained`, the accumulators of so many outputs are read whenever they are full.

        >>> pairs, last = Layout(PACKED, outputs=5, columns=32, row_columns=64).program()
        >>> pairs.times, [run.count for run in pairs.segments], last.row, last.count
        (2, [64], 2, 32)
        """
        period = self.period if not drained else math.lcm(self.period, drained)
        times, rest = divmod(self.outputs, period)
        step = self.begins(period) // self.row_columns
        found: list[Segment] = []
        if times:
            found.append(Repeat(times, tuple(self._some(range(period), drained)), step))
        found += self._some(range(times * period, times * period + rest), drained)
        return tuple(found)

    def _some(self, outputs: range, drained: int) -> list[Segment]:
        """The MACs of consecutive outputs, those in one row together where nothing comes between."""
        found: list[Segment] = []
        for number, output in enumerate(outputs, 1):
            for run in self.runs(output):
                last = found[-1] if found else None
                if isinstance(last, RowRun) and (last.row, last.column + last.count) == (run.row, run.column):
                    found[-1] = RowRun(run.command, last.row, last.count + run.count, column=last.column)
                else:
                    found.append(run)
            if drained and (number % drained == 0 or output == outputs[-1]):
                found.append(BusRun(Command.RDMAC, number % drained or drained))
        return found
