"""Rows of numbers as words of a stream, and back: the layout of `data.ArrayLayout(shape, n)`, first element lowest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def packed(rows: np.ndarray, width: int) -> list[int]:
    """Each row of an array as one word, `width` bits an element. Raises `ValueError` for what does not fit.

    Elements are signed or not; either is written in two's complement.

    >>> [hex(word) for word in packed(np.array([[1, -1, 2], [0, 15, 0]]), 4)]
    ['0x2f1', '0xf0']
    """
    rows = np.asarray(rows)
    if rows.size and not (-(1 << width - 1) <= int(rows.min()) and int(rows.max()) < 1 << width):
        raise ValueError(f"elements of {width} bits must lie in {-(1 << width - 1)} to {(1 << width) - 1}")
    bits = rows.astype(np.int64)[..., None] >> np.arange(width) & 1
    octets = np.packbits(bits.reshape(len(rows), rows.shape[1] * width).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in octets]


def unpacked(words: Sequence[int], width: int, count: int, signed: bool) -> np.ndarray:
    """The elements of each word, as rows of int64. Raises `ValueError` for elements that int64 does not hold.

    >>> unpacked([0x2F1, 0xF0], 4, 3, signed=True).tolist()
    [[1, -1, 2], [0, -1, 0]]
    """
    if width > 62:
        raise ValueError(f"elements must have 62 bits or fewer to be unpacked, not {width}")
    length = -(-width * count // 8)
    octets = np.frombuffer(b"".join(int(word).to_bytes(length, "little") for word in words), dtype=np.uint8)
    bits = np.unpackbits(octets.reshape(len(words), length), axis=1, bitorder="little", count=width * count)
    weights = 1 << np.arange(width, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return bits.reshape(len(words), count, width) @ weights
