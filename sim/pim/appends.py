"""The writes of new keys and values into matrices that grow along a rank: a column of the bus each, in memory's mode.

New are the last indices of the rank. Where they lie in all banks alike, a row is opened in all of them at once; where
each lies in a bank of its own, only there. Channels write at the same time; the one with the most to write is timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mappings import Operation, Schedule
from sim.dram import Command, RowRun, Segment
from specs import Problem, SpecError

from .layout import Layout, joined
from .product import BANKS, CHANNELS, LANES, Product, extent_of, operands
from .tiles import Placement, Tile


@dataclass(frozen=True)
class Append:
    """The writes of `indices` of `rank`: of the channel that writes the most, and of each channel that writes."""

    rank: str
    indices: int
    program: tuple[Segment, ...]
    channels: Mapping[int, tuple[Segment, ...]]
    masked: bool  # writes of some elements of a column

    def of(self, channel: int) -> tuple[Segment, ...]:
        """What a channel writes."""
        return self.channels.get(channel, ())


def append_of(schedule: Schedule, operation: Operation, product: Product, placement: Placement) -> Append | None:
    """The writes of the last indices of a growing rank into an operation's matrix; None if it does not grow."""
    rank, number = schedule.in_banks.grows, schedule.in_banks.append
    parts = [part for part in operands(operation)[0].parts if schedule.family_of[part] == rank]
    if rank is None or not parts or not number:
        return None
    place = _Place.of(schedule, operation, rank, parts)
    size = int(schedule.families[rank].size)
    if number > size:
        message = f"'{rank}' has {size} indices, and append={number} writes more than that at once"
        raise SpecError([Problem(message)])
    written: dict[int | None, set[tuple[int | None, int]]] = {}
    for index in range(size - number, size):
        channel, bank, step = place.of_index(index)
        written.setdefault(channel, set()).add((bank, step))
    tiles = list(placement.tiles())
    banks = range(place.banks)

    def program(steps: set[tuple[int | None, int]]) -> tuple[Segment, ...]:
        found: list[Segment] = []
        for bank, step in sorted(steps, key=lambda each: (each[1], each[0] or 0)):
            runs = joined([each for tile in tiles for each in _columns(tile, product, place, step)])
            found += _writes([each for each in runs if isinstance(each, RowRun)], bank, banks)
        return tuple(found)

    made: dict[int, tuple[Segment, ...]] = {}
    for channel, steps in written.items():
        own = program(steps)
        made |= {each: own for each in (range(product.channels) if channel is None else (channel,))}
    most = max(made.values(), key=_columns_of)
    masked = any(index % place.lanes for index in (size - number, size))  # some of the first, or last, column
    return Append(rank, number, most, made, masked)


@dataclass(frozen=True)
class _Place:
    """Where the indices of a rank lie: of each part its axis or None for time, its chunk and how many there are."""

    parts: tuple[tuple[str | None, int, int], ...]
    banks: int  # that have a part of the matrix
    in_sums: bool
    steps: int  # indices of the part in time
    lanes: int  # indices in a column

    @classmethod
    def of(cls, schedule: Schedule, operation: Operation, rank: str, parts: Sequence[str]) -> _Place:
        axes = {part: axis for axis, part in operation.spatial.items()}
        family = schedule.families[rank]
        found = []
        for part in family.parts:
            if part.name in parts:
                found.append((axes.get(part.name), int(part.chunk), extent_of(schedule, part.name).used))
        timed = [part for part in parts if part not in axes]
        if len([part for part in timed if extent_of(schedule, part).used > 1]) > 1:
            message = f"'{operation.name}' goes through '{rank}', which grows, in several loops; give it one"
            raise SpecError([Problem(message)])
        banks = extent_of(schedule, operation.spatial[BANKS]).used if BANKS in operation.spatial else 1
        steps = max((extent_of(schedule, part).used for part in timed), default=1)
        in_sums = any(not schedule.indexes(operation, part) for part in timed)
        lanes = next((int(family.extent(part)) for part in parts if axes.get(part) == LANES), 1)
        return cls(tuple(found), banks, in_sums, steps, lanes)

    def of_index(self, index: int) -> tuple[int | None, int | None, int]:
        """Channel, bank and step of an index; None for all channels, all banks."""
        at = {axis: index // chunk % extent for axis, chunk, extent in self.parts if axis or extent > 1}
        return at.get(CHANNELS), at.get(BANKS), at.get(None, 0)


def _columns(tile: Tile, product: Product, place: _Place, step: int) -> Iterator[RowRun]:
    """The columns of a step of the growing rank, in all batches of a tile."""
    layout, at = tile.layout, tile.first_column
    if place.in_sums:
        each = product.sums.used // place.steps
        low, high = max(step * each - at, 0), min((step + 1) * each - at, layout.columns // product.results)
        for output in range(layout.batches * layout.outputs if low < high else 0):
            yield from _runs(layout, layout.begins(output) + low * product.results, (high - low) * product.results)
    else:
        each = layout.outputs // place.steps
        for batch in range(layout.batches):
            for output in range(step * each, (step + 1) * each):
                yield from _runs(layout, layout.begins(batch * layout.outputs + output), layout.columns)


def _runs(layout: Layout, at: int, count: int) -> Iterator[RowRun]:
    while count:
        row, column = divmod(at, layout.row_columns)
        here = min(count, layout.row_columns - column)
        yield RowRun(Command.WR, layout.first_row + row, here, 0, column)
        at, count = at + here, count - here


def _writes(runs: Sequence[RowRun], bank: int | None, banks: range) -> list[Segment]:
    """Writes of these columns in one bank; or in all, row by row, with each row open in all of them."""
    if bank is not None:
        return [replace(each, bank=bank) for each in runs]
    found: list[Segment] = []
    for row in dict.fromkeys(each.row for each in runs):
        own = [each for each in runs if each.row == row]
        found.append(RowRun(Command.MAC, row, 0))
        found += [replace(each, bank=each_bank) for each_bank in banks for each in own]
    return found


def _columns_of(program: Sequence[Segment]) -> int:
    return sum(each.count for each in program if isinstance(each, RowRun))
