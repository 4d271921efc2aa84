"""Drawn attention over keys and values in DRAM banks, and where each number of them lies: by a walk, not by arithmetic.

The walk goes through the matrices in the order that docs/pim-mapping.md gives each layout, column by column, with room
for what may come, and puts one column after the other into rows. `pim_cases` has the same for matrix-vector products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from hypothesis import strategies as st

from arch import machine
from arch.dram import Device
from mappings import Schedule
from sim.pim.lowering import Task, lower
from sim.simulate import bound_in_turn
from workloads import Repeated

LANES = 16
KEYS = ("concatenated", "by-head", "head-per-channel")
VALUES = ("head-per-channel", "keys-over-channels", "key-by-key")

Column = tuple[int, int, int]  # of a bank: the matrix that it is of, its step along the keys, and along the features
Place = tuple[int, int, int, int]  # channel, bank, row, column


@dataclass(frozen=True)
class Attention:
    """Decoding under `bank-parallel-attention`, with layouts by their names; `room` 0 is none beyond the keys."""

    batch: int
    kv_heads: int
    group: int
    head_dim: int
    value_dim: int
    keys: int
    arch: str
    of_keys: str = KEYS[0]
    of_values: str = VALUES[0]
    rows: str = "packed"
    io: str = "included"
    append: int = 1
    room: int = 0
    tokens: int = 1
    blocks: int = 1

    @property
    def workload(self) -> str:
        sizes = f"batch={self.batch},heads={self.kv_heads * self.group},kv_heads={self.kv_heads},keys={self.keys}"
        dims = f"head_dim={self.head_dim},value_dim={self.value_dim}"
        return f"attention:phase=decode,{sizes},{dims},tokens={self.tokens},blocks={self.blocks}"

    @property
    def mapping(self) -> str:
        room = f",room={self.room}" if self.room else ""
        layouts = f"choose.keys={self.of_keys},choose.values={self.of_values}"
        return f"bank-parallel-attention:{layouts},rows={self.rows},io={self.io},append={self.append}{room}"

    @property
    def references(self) -> tuple[str, str, str]:
        return self.workload, self.arch, self.mapping

    @property
    def repeated(self) -> Repeated:
        return Repeated(self.blocks, self.tokens)

    @cached_property
    def device(self) -> Device:
        device = machine(self.arch).device
        assert device is not None
        return device

    def schedules(self) -> tuple[Schedule, ...]:
        return bound_in_turn(*self.references)[0]

    def tasks(self) -> tuple[Task, ...]:
        return lower(*self.schedules())

    def products(self) -> tuple[Task, Task]:
        """The tasks of keys and of values."""
        keys, values = (task for task in self.tasks() if task.rows)
        return keys, values

    def walks(self) -> tuple[Walk, Walk]:
        """The walks through keys and values; those begin in the row after these."""
        keys = Walk(self, self.of_keys, True)
        return keys, Walk(self, self.of_values, False, keys.taken)


AIM = "gddr6-aim:channels=8,refresh=off"
GPT2 = Attention(1, 25, 1, 64, 64, 1024, AIM)  # a block of GPT-2 XL with 1024 keys, as docs/pim-mapping.md has it


# Vectors together with room for more columns than a row has: each matrix comes a row's columns at a time.
BY_ROW = Attention(1, 2, 2, 64, 64, 300, "hbm3-pim:channels=2,buffer=4096B,refresh=off", room=600)


@dataclass(frozen=True)
class Walk:
    """A bank's part of a cache: its columns in order, those included that there is only room for."""

    case: Attention
    layout: str
    of_keys: bool
    first_row: int = 0

    @property
    def channels(self) -> int:
        """Channels that have a part."""
        parts = {"head-per-channel": self.case.kv_heads, "key-by-key": self.case.kv_heads}
        keys = self.case.keys if self.of_keys else _ceil(self.case.keys, LANES)
        return min(self.case.device.organisation.channels, parts.get(self.layout, keys))

    @property
    def banks(self) -> int:
        """Banks that have a part."""
        keys = self.case.keys if self.layout == "head-per-channel" else _ceil(self.case.keys, self._all_channels)
        return min(self.case.device.organisation.banks, keys if self.of_keys else self.case.value_dim)

    @property
    def features(self) -> int:
        """Columns of a key, or features of a bank."""
        return _ceil(self.case.head_dim, LANES) if self.of_keys else _ceil(self.case.value_dim, self._all_banks)

    def steps(self, keys: int) -> int:
        """Steps of a bank along so many keys."""
        apart = self._all_banks if self.of_keys else LANES
        return _ceil(keys, apart * (self._all_channels if self._keys_on_channels else 1))

    def keys_of(self, channel: int, bank: int, step: int) -> range:
        """The keys, all that there may be, whose numbers a column of that step has."""
        if not self.of_keys:
            first = (step * self._all_channels + channel if self._keys_on_channels else step) * LANES
            return range(first, first + LANES)
        key = step * self._all_banks + bank
        key = key * self._all_channels + channel if self._keys_on_channels else key
        return range(key, key + 1)

    def outputs(self) -> list[list[list[list[Column]]]]:
        """Of each matrix, or of those whose outputs alternate, its outputs; of each one or more heads' columns."""
        features, keys = range(self.features), range(self.steps(max(self.case.keys, self.case.room)))
        heads = self.case.kv_heads if self._keys_on_channels else _ceil(self.case.kv_heads, self._all_channels)
        if self.layout == "concatenated":
            return [
                [[[(b * heads + n, key, e) for e in features] for n in range(heads)] for key in keys]
                for b in range(self.case.batch)
            ]
        found = []
        for matrix in range(self.case.batch * heads):
            if self.of_keys:
                found.append([[[(matrix, key, e) for e in features]] for key in keys])
            elif self.layout == "key-by-key":
                found.append([[[(matrix, key, f) for key in keys for f in features]]])
            else:
                found.append([[[(matrix, key, f) for key in keys]] for f in features])
        return found

    def tiles(self) -> Iterator[list[list[Column]]]:
        """The outputs that are gone through with one filling of the buffer."""
        matrices, group = self.outputs(), self.case.group
        width = self.features if self.of_keys else self.steps(max(self.case.keys, self.case.room))
        inner = self.case.kv_heads if self.layout == "concatenated" else 1
        organisation = self.case.device.organisation
        room = self.case.device.buffer_bytes // organisation.column_bytes
        if self.case.io == "excluded":
            room = width * group * inner * len(matrices)
        if group > 1 and width > organisation.columns:
            yield from self._in_parts(matrices, width, min(room // group, organisation.columns))
        elif inner * width * group <= room:
            for some in _by(matrices, room // (inner * width * group)):
                yield [head for matrix in some for output in matrix for head in output]
        elif width * group <= room:
            for matrix in matrices:
                for heads in _by(range(inner), room // (width * group)):
                    yield [output[n] for output in matrix for n in heads]
        else:
            yield from self._in_parts(matrices, width, room // group)

    def _in_parts(
        self, matrices: list[list[list[list[Column]]]], width: int, part: int
    ) -> Iterator[list[list[Column]]]:
        along = 2 if self.of_keys else 1
        for matrix in matrices:
            for n in range(len(matrix[0])):
                for some in _by(range(width), part):
                    yield [[each for each in output[n] if each[along] in some] for output in matrix]

    @cached_property
    def tiles_with_places(self) -> list[list[list[tuple[Column, int, int]]]]:
        """The same, each column with its row and its place there."""
        columns, found, row = self.case.device.organisation.columns, [], self.first_row
        for tile in self.tiles():
            at, outputs = 0, []
            for output in tile:
                at = _ceil(at, columns) * columns if self.case.rows == "padded" else at
                outputs.append([(each, row + (at + i) // columns, (at + i) % columns) for i, each in enumerate(output)])
                at += len(output)
            found.append(outputs)
            row += _ceil(at, columns)
        return found

    @property
    def taken(self) -> int:
        """The row after the last one, of what there is room for."""
        return 1 + max(row for tile in self.tiles_with_places for output in tile for _, row, _ in output)

    def macs(self) -> Iterator[tuple[int, int]]:
        """Row and column of each MAC: output by output for all vectors, of the keys that there are."""
        steps = self.steps(self.case.keys)
        for tile in self.tiles_with_places:
            for output in tile:
                for _ in range(self.case.group):
                    yield from ((row, place) for (_, key, _), row, place in output if key < steps)

    def contents(self, keys: int) -> dict[Place, int]:
        """The columns that hold something of so many keys, of all banks and channels, and of how many of them."""
        found = {}
        placed = [each for tile in self.tiles_with_places for output in tile for each in output]
        for channel, bank in product(range(self.channels), range(self.banks)):
            for (_, step, _), row, place in placed:
                if number := sum(key < keys for key in self.keys_of(channel, bank, step)):
                    found[channel, bank, row, place] = number
        return found

    def changed(self) -> set[Place]:
        """The columns that differ between the cache without its last keys and with them: those that one append writes."""
        old, new = self.contents(self.case.keys - self.case.append), self.contents(self.case.keys)
        return {place for place, number in new.items() if old.get(place) != number}

    @property
    def _all_channels(self) -> int:
        return self.case.device.organisation.channels

    @property
    def _all_banks(self) -> int:
        return self.case.device.organisation.banks

    @property
    def _keys_on_channels(self) -> bool:
        """Whether a channel has some keys of every head, instead of all keys of some."""
        return self.layout in ("concatenated", "by-head", "keys-over-channels")


def _ceil(number: int, by: int) -> int:
    return -(-number // by)


def _by(items: Any, number: int) -> Iterator[Any]:
    """So many items at a time."""
    for at in range(0, len(items), number):
        yield items[at : at + number]


@st.composite
def attentions(draw: Any, refresh: bool = False, repeated: bool = False) -> Attention:
    """Small caches, ragged in every way, in any layout, on banks of any accumulators and buffers."""
    name = draw(st.sampled_from(["gddr6-aim", "hbm3-pim"]))
    accumulators, buffer = draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([3, 8, 21, 32, 64]))
    options = {
        "channels": draw(st.integers(1, 4)),
        "accumulators": accumulators,
        "buffer": f"{buffer * 32}B",
        "refresh": draw(st.sampled_from(["all-bank", "per-bank", "off"])) if refresh else "off",
        "activation": draw(st.sampled_from(["none", "stretched-ccd", *(["tfaw-act4"] if refresh else [])])),
    }
    keys = draw(st.integers(1, 300))
    append = draw(st.integers(0, min(keys, 20)))
    case = Attention(
        batch=draw(st.integers(1, 2)),
        kv_heads=draw(st.integers(1, 5)),
        group=draw(st.integers(1, 3)),
        head_dim=draw(st.integers(1, 150)),
        value_dim=draw(st.integers(1, 100)),
        keys=keys,
        arch=f"{name}:{','.join(f'{key}={value}' for key, value in options.items())}",
        of_keys=draw(st.sampled_from(KEYS)),
        of_values=draw(st.sampled_from(VALUES)),
        rows=draw(st.sampled_from(["packed", "padded"])),
        append=append,
        room=draw(st.one_of(st.just(0), st.integers(keys, 2 * keys))),
        tokens=max(append, 1) * (draw(st.integers(1, 2)) if repeated else 1),
        blocks=draw(st.integers(1, 3)) if repeated else 1,
    )
    fits = _ceil(case.value_dim, case.device.organisation.banks) <= accumulators
    return case if fits or case.of_values != "key-by-key" else replace(case, of_values="head-per-channel")
