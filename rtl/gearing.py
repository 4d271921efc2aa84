"""A tile as the words of a stream, and as rows of memories that take or give a word in one cycle.

A tile [lane, index] is numbered element by element, index · lanes + lane, and each element byte by byte, lowest first.
A word has the next `word_bytes` of these bytes, whatever the size of an element and the number of lanes; the last word
is filled up with zeros. In memories, element e lies in memory e mod `memories`, in row e div `memories`. There are so
many memories that a word never has bytes of two elements of the same one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .packing import packed, unpacked

__all__ = ["Gearing", "tile_of_words", "words_of_tile"]


@dataclass(frozen=True)
class Gearing:
    """The arithmetic between words and rows, all of it constant.

    A word begins in a row at byte phase · `step_bytes`, and each word begins `phases_per_word` phases after the one
    before.

    >>> gearing = Gearing(lanes=4, depth=8, word_bytes=6)
    >>> gearing.words, gearing.memories, gearing.rows, gearing.phases, gearing.phases_per_word
    (6, 8, 4, 4, 3)
    """

    lanes: int
    depth: int  # elements of a lane
    word_bytes: int
    element_bytes: int = 1

    @property
    def words(self) -> int:
        """Words of a tile."""
        return -(-self.lanes * self.depth * self.element_bytes // self.word_bytes)

    @property
    def choice_bits(self) -> int:
        """Low bits of an index, which choose the memory of a lane; the others are the row."""
        # At worst a word has no more of its first element than the common divisor of both sizes: the rest is aside.
        aside = self.element_bytes - math.gcd(self.word_bytes, self.element_bytes)
        elements = -(-(aside + self.word_bytes) // self.element_bytes)
        return (-(-elements // self.lanes) - 1).bit_length()

    @property
    def memories(self) -> int:
        """Elements of a row: those of lane 0, 1, ... of one index, then of the next one."""
        return self.lanes << self.choice_bits

    @property
    def used(self) -> range:
        """The memories that hold anything, by number."""
        return range(min(self.memories, self.lanes * self.depth))

    @property
    def rows(self) -> int:
        """Rows of a tile."""
        return self.rows_of(0)

    @property
    def row_bits(self) -> int:
        """Bits of a row's number in an address; none if there is but one row."""
        return (self.rows - 1).bit_length()

    def rows_of(self, memory: int) -> int:
        """Rows of a tile in which a memory has an element."""
        return max(0, -(-(self.lanes * self.depth - memory) // self.memories))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, at least `word_bytes`."""
        return self.memories * self.element_bytes

    @property
    def step_bytes(self) -> int:
        """Bytes from a place where a word may begin in a row to the next such place."""
        return math.gcd(self.row_bytes, self.word_bytes)

    @property
    def phases(self) -> int:
        """Places where a word may begin in a row."""
        return self.row_bytes // self.step_bytes

    @property
    def phases_per_word(self) -> int:
        """Phases from the beginning of a word to that of the next."""
        return self.word_bytes // self.step_bytes

    def first_phase_behind(self, memory: int) -> int:
        """The first phase at which a word begins behind a memory: it has that memory's byte of the next row."""
        return -(-(memory + 1) * self.element_bytes // self.step_bytes)


def words_of_tile(tile: np.ndarray, word_bytes: int, element_bytes: int = 1) -> list[int]:
    """A tile [lane, index] of integers as words. Raises `ValueError` for elements that do not fit.

    >>> [hex(word) for word in words_of_tile(np.array([[1, 3, 5], [2, 4, -1]]), 4)]
    ['0x4030201', '0xff05']
    """
    elements = np.asarray(tile).T.reshape(1, -1)
    length = elements.size * element_bytes
    octets = packed(elements, 8 * element_bytes)[0].to_bytes(length, "little")
    return [int.from_bytes(octets[begin : begin + word_bytes], "little") for begin in range(0, length, word_bytes)]


def tile_of_words(words: Sequence[int], lanes: int, depth: int, word_bytes: int, element_bytes: int = 1) -> np.ndarray:
    """The tile [lane, index] of signed integers of its words, int64; what fills up the last word is of no consequence.

    >>> tile_of_words([0x04030201, 0xFF05], lanes=2, depth=3, word_bytes=4).tolist()
    [[1, 3, 5], [2, 4, -1]]
    """
    octets = b"".join(int(word).to_bytes(word_bytes, "little") for word in words)
    row = int.from_bytes(octets[: lanes * depth * element_bytes], "little")
    return unpacked([row], 8 * element_bytes, lanes * depth, signed=True).reshape(depth, lanes).T
