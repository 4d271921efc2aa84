"""Operand and result buffers: every read in every cycle is what a plain array of the tiles has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.gearing import Gearing, tile_of_words, words_of_tile
from rtl.operand_buffer import OperandBuffer
from rtl.result_buffer import ResultBuffer

LANES, DEPTHS, TILES, WORDS = (st.integers(low, high) for low, high in ((1, 6), (1, 7), (1, 3), (1, 20)))
SEEDS = st.integers(0, 2**32)
RANGES = {1: (-(1 << 7), 1 << 7), 4: (-(1 << 31), 1 << 31)}


def simulate(component: wiring.Component, cycles: int, cycle: Callable[[Any], None]) -> None:
    """Do `cycle` in each clock cycle: it sets ports and looks at what has settled."""

    async def bench(context: Any) -> None:
        for _ in range(cycles):
            cycle(context)
            await context.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


class Filling:
    """Words for an operand buffer, with gaps, and what the tiles are when they are stored; some tiles are broken off."""

    def __init__(self, buffer: OperandBuffer, random: np.random.Generator) -> None:
        self.buffer, self.gearing, self.random = buffer, buffer.gearing, random
        self.tiles = np.zeros((buffer.slots, self.gearing.lanes, self.gearing.depth), np.int64)
        self.number = self.end = 0

    def write(self, context: Any) -> None:
        """A word or a gap; nothing of a word is in the tiles yet."""
        if self.number == self.end:
            self._begin()
        valid = self.random.random() < 0.7
        first = self.number == 0 if valid else self.random.random() < 0.5
        word = self.words[self.number] if valid else 0
        context.set(self.buffer.write, {"valid": valid, "first": first, "slot": self.slot, "word": word})
        self.wrote = valid

    def store(self) -> None:
        """The end of a cycle: what was written is in the tile."""
        if self.wrote:
            size = self.gearing.word_bytes
            for number in range(self.number * size, min((self.number + 1) * size, self.tile.size)):
                index, lane = divmod(number, self.gearing.lanes)
                self.tiles[self.slot, lane, index] = self.tile[lane, index]
            self.number += 1

    def _begin(self) -> None:
        random, gearing = self.random, self.gearing
        self.slot = int(random.integers(self.buffer.slots))
        self.tile = random.integers(*RANGES[1], (gearing.lanes, gearing.depth))
        self.words = words_of_tile(self.tile, gearing.word_bytes)
        unused = gearing.words * gearing.word_bytes - self.tile.size
        filler = random.integers(0, 256, unused).astype(np.uint8).tobytes()
        self.words[-1] |= int.from_bytes(filler, "little") << 8 * (gearing.word_bytes - unused)
        broken_off = random.random() < 0.2
        self.number, self.end = 0, int(random.integers(1, gearing.words + 1)) if broken_off else gearing.words


@settings(max_examples=40)
@given(LANES, DEPTHS, TILES, WORDS, SEEDS)
def test_every_lane_reads_its_own_address_while_tiles_are_written(
    lanes: int, depth: int, slots: int, word_bytes: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    buffer = OperandBuffer(lanes, depth, slots, word_bytes)
    filling = Filling(buffer, random)

    def cycle(context: Any) -> None:
        filling.write(context)
        slot, index = random.integers(slots, size=lanes), random.integers(depth, size=lanes)
        for lane in range(lanes):
            context.set(buffer.address[lane], {"slot": int(slot[lane]), "index": int(index[lane])})
        found = [context.get(port) for port in buffer.data]
        assert found == filling.tiles[slot, range(lanes), index].tolist()
        filling.store()

    simulate(buffer, 3 * slots * buffer.gearing.words + 20, cycle)


@settings(max_examples=40)
@given(LANES, DEPTHS, TILES, WORDS, SEEDS)
def test_words_are_those_of_the_tile_while_lanes_write(
    lanes: int, depth: int, copies: int, word_bytes: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    buffer = ResultBuffer(lanes, depth, copies, word_bytes)
    tiles = np.zeros((copies, lanes, depth), np.int64)
    position = 0

    def cycle(context: Any) -> None:
        nonlocal position
        valid, copy, index = (random.integers(end, size=lanes).tolist() for end in (2, copies, depth))
        writes = list(zip(valid, copy, index, random.integers(*RANGES[4], lanes).tolist(), strict=True))
        for port, write in zip(buffer.write, writes, strict=True):
            context.set(port, dict(zip(("valid", "copy", "index", "value"), write, strict=True)))
        first, shown = bool(random.random() < 0.05), int(random.integers(copies))
        present = 0 if first else position
        words = words_of_tile(tiles[shown], word_bytes, 4)
        take = present < len(words) and bool(random.random() < 0.7)
        context.set(buffer.read, {"take": take, "first": first, "copy": shown})
        assert context.get(buffer.word) == [*words, 0][present]  # behind the last word there is nothing
        position = present + 1 if take else position
        for lane, (valid, copy, index, value) in enumerate(writes):
            tiles[copy, lane, index] = value if valid else tiles[copy, lane, index]

    simulate(buffer, 3 * copies * buffer.gearing.words + 20, cycle)


def test_operands_by_hand() -> None:
    """Two lanes, 1 3 5 and 2 4 6, in words of four: the second word is half empty, and is not yet there when it comes."""
    buffer = OperandBuffer(lanes=2, depth=3, slots=2, word_bytes=4)
    words = {1: (1, 0x04030201), 3: (0, 0xEEEE0605)}  # by cycle
    seen: list[list[int]] = []

    def cycle(context: Any) -> None:
        first, word = words.get(len(seen), (0, 0))
        context.set(buffer.write, {"valid": len(seen) in words, "first": first, "slot": 1, "word": word})
        found = []
        for index in range(3):
            for port in buffer.address:
                context.set(port, {"slot": 1, "index": index})
            found += [context.get(port) for port in buffer.data]
        seen.append(found)

    simulate(buffer, 5, cycle)
    assert seen == [[0] * 6, [0] * 6, [1, 2, 3, 4, 0, 0], [1, 2, 3, 4, 0, 0], [1, 2, 3, 4, 5, 6]]


def test_results_by_hand() -> None:
    """Two lanes with one element each, in words of three bytes, the last of which is filled up with a zero."""
    buffer = ResultBuffer(lanes=2, depth=1, copies=1, word_bytes=3)
    steps = [  # what lanes 0 and 1 write, first and take, and the word that is seen
        (0x44332211, None, 0, 0, 0),
        (None, 0x08070605, 1, 1, 0x332211),  # lane 1 is a cycle later
        (None, None, 0, 0, 0x060544),
        (None, None, 0, 1, 0x060544),
        (None, None, 0, 1, 0x000807),
        (None, None, 0, 0, 0),
        (None, -1, 1, 1, 0x332211),
        (None, None, 0, 1, 0xFFFF44),
        (None, None, 0, 0, 0x00FFFF),
    ]
    seen: list[int] = []

    def cycle(context: Any) -> None:
        *values, first, take, _ = steps[len(seen)]
        for port, value in zip(buffer.write, values, strict=True):
            context.set(port, {"valid": value is not None, "copy": 0, "index": 0, "value": value or 0})
        context.set(buffer.read, {"take": take, "first": first, "copy": 0})
        seen.append(context.get(buffer.word))

    simulate(buffer, len(steps), cycle)
    assert seen == [step[-1] for step in steps]


@given(LANES, DEPTHS, WORDS, st.sampled_from([1, 2, 4]), SEEDS)
def test_words_have_the_bytes_of_a_tile_by_number_and_come_back(
    lanes: int, depth: int, word_bytes: int, element_bytes: int, seed: int
) -> None:
    bits = 8 * element_bytes
    tile = np.random.default_rng(seed).integers(-(1 << bits - 1), 1 << bits - 1, (lanes, depth))
    words = words_of_tile(tile, word_bytes, element_bytes)
    gearing = Gearing(lanes, depth, word_bytes, element_bytes)
    assert len(words) == gearing.words
    assert (tile_of_words(words, lanes, depth, word_bytes, element_bytes) == tile).all()
    for number in range(len(words) * word_bytes):
        element, byte = divmod(number, element_bytes)
        index, lane = divmod(element, lanes)
        expected = int(tile[lane, index]) >> 8 * byte & 0xFF if index < depth else 0
        assert words[number // word_bytes] >> 8 * (number % word_bytes) & 0xFF == expected


@given(LANES, DEPTHS, WORDS, st.sampled_from([1, 2, 4]))
def test_a_word_has_no_two_elements_of_a_memory(lanes: int, depth: int, word_bytes: int, element_bytes: int) -> None:
    gearing = Gearing(lanes, depth, word_bytes, element_bytes)
    assert sum(map(gearing.rows_of, gearing.used)) == lanes * depth
    for word in range(gearing.words):
        row, phase = divmod(word * gearing.phases_per_word, gearing.phases)
        begin = row * gearing.row_bytes + phase * gearing.step_bytes
        assert begin == word * word_bytes
        elements = range(begin // element_bytes, (begin + word_bytes - 1) // element_bytes + 1)
        assert len(elements) <= gearing.memories
        assert [row + (phase >= gearing.first_phase_behind(e % gearing.memories)) for e in elements] == [
            e // gearing.memories for e in elements
        ]


def test_memories_are_no_more_than_a_word_needs_of_each_lane() -> None:
    assert Gearing(16, 64, word_bytes=8).memories == 16
    assert Gearing(16, 64, word_bytes=8, element_bytes=4).memories == 16
    assert Gearing(2, 64, word_bytes=8).memories == 8
    assert Gearing(2, 64, word_bytes=8, element_bytes=4).memories == 2
    assert Gearing(2, 64, word_bytes=7, element_bytes=4).memories == 4  # bytes 3 to 9 are of three elements
