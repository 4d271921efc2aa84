"""The numbers of a verification: drawn inputs, what the software model makes of them, and the words of the streams.

A head of the workload is one of keys and values, with the query heads that share it. A run does one after the other; of
each, block after block of query tiles, and in a block all of its query heads. What is ragged is filled up with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rtl.gearing import words_of_tile
from rtl.model import Attention, attention
from rtl.plan import Tile, Tiles, tiles
from rtl.result_buffer import ELEMENT_BYTES

from .generation import HEADS, QUERIES, Hardware

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a tile lies in the tensors of a workload: its head of keys, its query head of those, and its queries."""

    head: int
    member: int
    queries: slice


@dataclass(frozen=True)
class Work:
    """Inputs of a seed, for what a piece of hardware is to do."""

    hardware: Hardware
    seed: int = 0

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles of the run, in order."""
        design = self.hardware.design
        return tuple(tiles(self.hardware.loops, design.rows, design.columns))

    def chosen(self, kind: Tiles) -> list[Tile]:
        """The tiles of a kind, in order."""
        return [tile for tile in self.tiles if kind in tile.kinds]

    def place(self, tile: Tile) -> Place:
        """Where a tile lies."""
        columns, blocks = self.hardware.design.columns, self.blocks
        around = tile.repeat * self.hardware.loops.blocks + tile.block
        head, block = divmod(around, blocks)
        member, within = divmod(tile.slot, self.query_tiles // blocks)
        first = (block * (self.query_tiles // blocks) + within) * columns
        return Place(head, member, slice(first, first + columns))

    @cached_property
    def heads(self) -> int:
        """Heads of keys and values, over the batch."""
        return int(np.prod([self.hardware.count(rank) for rank in HEADS]))

    @cached_property
    def query_tiles(self) -> int:
        """Tiles of queries of one head."""
        return -(-self.hardware.count(QUERIES) // self.hardware.design.columns)

    @cached_property
    def members(self) -> int:
        """Query heads that share a head of keys."""
        return self.hardware.count("g") if "g" in self.hardware.schedule.families else 1

    @cached_property
    def blocks(self) -> int:
        """Blocks of query tiles of one head."""
        loops = self.hardware.loops
        return self.query_tiles * self.members // loops.slots

    @cached_property
    def inputs(self) -> tuple[Integers, Integers, Integers]:
        """Q [head, member, query, head_dim], K [head, key, head_dim] and V [head, key, value_dim], int8 values."""
        formats, loops = self.hardware.design.formats, self.hardware.loops
        random = np.random.default_rng(self.seed)

        def draw(*shape: int) -> Integers:
            return random.integers(-128, 128, shape)

        q = draw(self.heads, self.members, self.query_tiles * self.hardware.design.columns, formats.head_dim)
        q[:, :, self.hardware.count(QUERIES) :] = 0
        return q, draw(self.heads, loops.keys, formats.head_dim), draw(self.heads, loops.keys, formats.value_dim)

    @cached_property
    def results(self) -> dict[tuple[int, int], Attention]:
        """The software model's run of each head and member."""
        q, k, v = self.inputs
        loops, formats = self.hardware.loops, self.hardware.design.formats
        return {
            (head, member): attention(
                formats, q[head, member], k[head], v[head], causal=loops.causal, offset=loops.offset
            )
            for head in range(self.heads)
            for member in range(self.members)
        }

    def of(self, tile: Tile, tensor: str) -> Integers:
        """What a tile makes of a tensor: [key, query], [query] or [feature, query]."""
        place = self.place(tile)
        tensors = self.results[place.head, place.member]
        found = tensors[tensor]
        if tensor != "AV":
            found = found[tile.row + (tensor in ("RM", "RD", "RNV"))]
        return found[..., place.queries]

    @cached_property
    def words(self) -> dict[str, list[int]]:
        """The words of each stream, in the order of the fetches, and of what is given in the end."""
        q, k, v = self.inputs
        design = self.hardware.design
        rows, word_bytes = design.rows, design.word_bytes

        def keys(tensor: Integers, tile: Tile) -> list[int]:
            part = np.zeros((design.tile_keys, tensor.shape[-1]), np.int64)
            found = tensor[self.place(tile).head, tile.row * rows : (tile.row + 1) * rows]
            part[: len(found)] = found
            return words_of_tile(part, word_bytes)

        def queries(tile: Tile) -> list[int]:
            place = self.place(tile)
            return words_of_tile(q[place.head, place.member, place.queries][: design.tile_queries], word_bytes)

        begins, first, last = (self.chosen(kind) for kind in (Tiles.ROW_BEGINS, Tiles.FIRST, Tiles.LAST))
        return {
            "q": [word for tile in first for word in queries(tile)],
            "k": [word for tile in begins for word in keys(k, tile)],
            "v": [word for tile in begins for word in keys(v, tile)],
            "av": [
                word
                for tile in last
                for word in words_of_tile(self.of(tile, "AV").T[: design.tile_queries], word_bytes, ELEMENT_BYTES)
            ],
        }
