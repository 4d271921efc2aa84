"""The parts of a matrix that are gone through with one filling of the global buffer, each in rows of its own.

Vectors come through the buffer. What fits into it at once decides how the matrix is cut: as many batches as their
vectors fit; or, if not those of a batch do, some of its inner batches; or parts of a vector, whose sums are added
outside. Where each output is gone through for several vectors, a part is no longer than a row, so that rows are opened
once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from arch.dram import Device
from sim.dram import BusRun, Command, Repeat, Segment
from specs import Infeasible

from .layout import Layout
from .product import Extent, Product

RESULT_BYTES = 2  # of an accumulator as it goes over the bus (assumption)


@dataclass(frozen=True)
class Tile:
    """A part of the matrix, and the columns of vectors that come before it is gone through."""

    layout: Layout
    written: int
    first_column: int = 0  # of the vectors, of which it has a part

    @property
    def rows(self) -> int:
        """Rows of a bank that it takes, those for what may come included."""
        return self.layout.rows


@dataclass(frozen=True)
class Stretch:
    """Tiles that come again, `times` times, each time in rows further on."""

    times: int
    tiles: tuple[Tile, ...]
    rest_rows: int = 0  # for parts of which nothing is there yet

    @property
    def rows(self) -> int:
        """Rows of a bank, of all times."""
        return self.times * self.step

    @property
    def step(self) -> int:
        """Rows of one time."""
        return sum(tile.rows for tile in self.tiles) + self.rest_rows

    def all_tiles(self) -> Iterator[Tile]:
        """Every tile, of all times, in the order in which they are gone through."""
        for i in range(self.times):
            for tile in self.tiles:
                yield replace(tile, layout=replace(tile.layout, first_row=tile.layout.first_row + i * self.step))


@dataclass(frozen=True)
class Placement:
    """A bank's part of a matrix, and in how many parts the vectors come."""

    stretches: tuple[Stretch, ...]
    parts: int = 1

    @property
    def rows(self) -> int:
        """Rows of a bank that it takes."""
        return sum(stretch.rows for stretch in self.stretches)

    def tiles(self) -> Iterator[Tile]:
        """Every tile, in the order in which they are gone through."""
        for stretch in self.stretches:
            yield from stretch.all_tiles()

    def program(self, turns: int, device: Device, transfers: bool) -> tuple[Segment, ...]:
        """All MACs, `turns` times; with `transfers`, what comes before each tile, and reads of accumulators."""
        found: list[Segment] = []
        for stretch in self.stretches:
            body: list[Segment] = []
            for tile in stretch.tiles:
                body += [BusRun(Command.WRGB, tile.written)] if transfers else []
                body += tile.layout.program(device.accumulators if transfers else 0, read_columns(device))
            found += body if stretch.times == 1 else [Repeat(stretch.times, tuple(body), stretch.step)]
        return tuple(found) if turns == 1 else (Repeat(turns, tuple(found)),)


def placement_of(product: Product, kind: str, device: Device, first_row: int, whole: bool) -> Placement:
    """Where a bank's part of a matrix lies, tile by tile; `whole` as one, where nothing comes through the buffer.

    A matrix that grows is cut as one without room left, so that what lies there stays where it is.
    Raises `Infeasible` for more results at once than a bank has accumulators.
    """
    if product.results > max(device.accumulators, 1) and not whole:
        raise Infeasible(
            f"{product.results} results in a bank are summed at once, and it has {device.accumulators} accumulators; "
            f"take their loop outside of the sum, or give accumulators={product.results}"
        )
    room = device.buffer_bytes // device.organisation.column_bytes
    maker = _Maker(product, kind, device.organisation.columns)
    per_vector = product.vectors * product.sums.room
    row_columns = device.organisation.columns
    by_row = product.vectors > 1 and product.sums.room > row_columns  # a row is opened once for all vectors
    if not by_row and (whole or product.inner_batches * per_vector <= room):
        at_once = product.batches if whole else min(product.batches, room // (product.inner_batches * per_vector))
        return maker.several(at_once, first_row)
    if not by_row and per_vector <= room:
        return maker.inner(room // per_vector, first_row)
    if whole:
        return maker.in_parts(row_columns, first_row)
    if product.vectors > room:
        raise Infeasible(
            f"{product.vectors} vectors at once, of a column each at least, do not fit into a global buffer of {room} "
            f"columns; take them in turn, with their loop outside of those of the matrix, or give a larger buffer"
        )
    return maker.in_parts(min(room // product.vectors, row_columns if by_row else room), first_row)


def read_columns(device: Device) -> int:
    """Columns in which an accumulator of every bank is read.

    >>> from arch import machine
    >>> [read_columns(machine(name).device) for name in ("gddr6-aim", "hbm3-pim")]
    [1, 2]
    """
    shape = device.organisation
    return -(-shape.banks * RESULT_BYTES // shape.column_bytes)


@dataclass(frozen=True)
class _Maker:
    product: Product
    kind: str
    row_columns: int

    def several(self, at_once: int, first_row: int) -> Placement:
        """So many batches at once."""
        times, rest = divmod(self.product.batches, at_once)
        found, row = [], first_row
        for number, batches in ((times, at_once), (1 if rest else 0, rest)):
            if number:
                tile = self._tile(row, self.product.sums, batches, self.product.inner_batches)
                found.append(Stretch(number, (tile,)))
                row += found[-1].rows
        return Placement(tuple(found))

    def inner(self, at_once: int, first_row: int) -> Placement:
        """One batch after the other, and of each so many inner batches at once."""
        left, row, tiles = self.product.inner_batches, first_row, []
        while left:
            tiles.append(self._tile(row, self.product.sums, 1, min(left, at_once)))
            left, row = left - min(left, at_once), row + tiles[-1].rows
        return Placement((Stretch(self.product.batches, tuple(tiles)),))

    def in_parts(self, columns: int, first_row: int) -> Placement:
        """Each matrix by itself, and of its columns so many at once."""
        sums, row, tiles, unused = self.product.sums, first_row, [], 0
        for at in range(0, sums.room, columns):
            room = min(columns, sums.room - at)
            used = min(room, sums.used - at)
            if used > 0:
                tiles.append(self._tile(row, Extent(used, room), 1, 1, at))
                row += tiles[-1].rows
            else:
                unused += self._tile(row, Extent(room, room), 1, 1).rows
        matrices = self.product.batches * self.product.inner_batches
        return Placement((Stretch(matrices, tuple(tiles), unused),), parts=len(tiles))

    def _tile(self, row: int, sums: Extent, batches: int, inner: int, at: int = 0) -> Tile:
        product = self.product
        layout = Layout(
            self.kind,
            product.outputs.used * inner,
            sums.used * product.results,
            self.row_columns,
            row,
            batches,
            product.vectors,
            product.results,
            product.outputs.room * inner,
            sums.room * product.results,
        )
        return Tile(layout, batches * inner * product.vectors * sums.used, at)
