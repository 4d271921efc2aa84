"""Packing rows into words: Amaranth's own layout, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Shape
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from rtl.packing import packed, unpacked


@given(st.data(), st.integers(1, 40), st.integers(1, 9), st.booleans())
def test_words_are_amaranths_and_come_back(drawn: st.DataObject, width: int, count: int, signed: bool) -> None:
    lowest = -(1 << width - 1) if signed else 0
    row = st.lists(st.integers(lowest, lowest + (1 << width) - 1), min_size=count, max_size=count)
    rows = drawn.draw(st.lists(row, max_size=4))
    words = packed(np.array(rows, dtype=np.int64).reshape(-1, count), width)
    layout = data.ArrayLayout(Shape(width, signed), count)
    assert words == [layout.const(each).as_bits() for each in rows]
    assert unpacked(words, width, count, signed).tolist() == rows


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="elements of 8 bits must lie in -128 to 255"):
        packed(np.array([[256]]), 8)
    with pytest.raises(ValueError, match="62 bits or fewer to be unpacked, not 64"):
        unpacked([1], 64, 1, True)
