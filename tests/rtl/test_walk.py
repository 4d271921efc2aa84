"""Walks go through the tiles that the loops say, for every kind of line, at a tile a cycle."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtl.plan import Loops, Tiles, tiles
from rtl.walk import Extent, Walk

Row = tuple[Any, ...]


def walked(extent: Extent, loops: Loops, kind: Tiles, most: int) -> list[Row]:
    """What a walk shows, tile after tile."""
    walk = Walk(extent, kind)
    found: list[Row] = []

    async def watch(context: Any) -> None:
        context.set(walk.loops, extent.settings(loops))
        context.set(walk.load, 1)
        await context.tick()
        context.set(walk.load, 0)
        while not context.get(walk.over):
            assert len(found) <= most
            there = context.get(walk.there)
            context.set(walk.step, there)
            if there:
                kinds = frozenset(each for each in Tiles if context.get(walk.is_kind(each)))
                names = ("number", "slot", "row_tiles", "copy", "keys", "diagonal")
                found.append((*(context.get(getattr(walk, name)) for name in names), kinds))
            await context.tick()

    simulator = Simulator(walk)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return found


def expected(extent: Extent, loops: Loops, kind: Tiles) -> list[Row]:
    every = list(tiles(loops, extent.rows, extent.columns))
    rows: dict[tuple[int, int, int], list[int]] = {}
    for tile in every:
        rows.setdefault((tile.repeat, tile.block, tile.row), []).append(tile.number)
    order = list(rows)
    found = []
    for tile in every:
        place = (tile.repeat, tile.block, tile.row)
        keys = min(extent.rows, loops.keys - tile.row * extent.rows)
        query = (tile.block * loops.slots + tile.slot) * extent.columns
        ahead = query + loops.offset - tile.row * extent.rows if loops.causal else extent.rows
        diagonal = max(-extent.columns, min(extent.rows - 1, ahead))
        row = (tile.number, tile.slot, len(rows[place]), order.index(place) % 2, keys, diagonal, tile.kinds)
        if kind in tile.kinds:
            found.append(row)
    return found


@settings(max_examples=60, deadline=None)
@example(3, 2, 1, 1, 4, 7, True, 0)
@example(1, 5, 2, 2, 3, 9, True, 2)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 30),
    st.booleans(), st.integers(0, 5),
)  # fmt: skip
def test_every_walk_is_the_loops(
    rows: int, columns: int, repeats: int, blocks: int, slots: int, ragged: int, causal: bool, offset: int
) -> None:
    queries = max(1, blocks * slots * columns - ragged % columns)
    loops = Loops(repeats, blocks, slots, queries + offset, causal, offset)
    if not causal:
        loops = Loops(repeats, blocks, slots, ragged)
    extent = Extent(rows, columns, max_keys=512)
    for kind in (Tiles.EACH, Tiles.ROW_BEGINS, Tiles.FIRST, Tiles.LAST):
        wanted = expected(extent, loops, kind)
        assert walked(extent, loops, kind, len(wanted)) == wanted


def test_a_block_may_be_filled_up_with_query_tiles_beyond_the_last_query() -> None:
    """Five queries and keys are three tiles of queries; two blocks of two have a fourth, which sees all keys."""
    loops, extent = Loops(1, 2, 2, keys=5, causal=True, offset=0), Extent(2, 2)
    for kind in (Tiles.EACH, Tiles.LAST):
        wanted = expected(extent, loops, kind)
        assert walked(extent, loops, kind, len(wanted)) == wanted
    assert [row[:2] for row in wanted] == [(0, 0), (2, 1), (7, 0), (8, 1)]


def test_there_are_as_many_key_tiles_as_keys_want() -> None:
    """2^20 keys in rows of 3: 349,526 tiles, more than 16 bits count."""
    extent = Extent(3, 2, max_keys=1 << 20)
    asked = extent.settings(Loops(1, 1, 1, keys=1 << 20))
    assert extent.loops.const(asked).tiles == asked["tiles"] == 349_526 < 1 << extent.row_bits


@pytest.mark.parametrize("kind", [Tiles.EACH, Tiles.LAST])
def test_a_triangle_by_hand(kind: Tiles) -> None:
    """Four queries and keys, two of each a tile: the last key tile is seen by the last queries alone."""
    loops = Loops(1, 1, 2, keys=4, causal=True, offset=0)
    numbers = {Tiles.EACH: [(0, 0), (1, 1), (2, 1)], Tiles.LAST: [(0, 0), (2, 1)]}[kind]
    assert [row[:2] for row in walked(Extent(2, 2), loops, kind, 4)] == numbers
