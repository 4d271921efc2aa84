"""What is said of points together is what is said of each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mappings.schedule import Pick
from sim.explore.reasons import by_reason

SIZES = st.integers(1, 4)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Any]]:
    """A shape, and arrays of few values that are repeated along some of its dimensions, or lack the first."""
    shape = tuple(draw(st.lists(SIZES, min_size=1, max_size=3)))
    made: list[Any] = [draw(st.integers(0, 3))]
    for _ in range(draw(st.integers(1, 3))):
        own = tuple(size if draw(st.booleans()) else 1 for size in shape[draw(st.integers(0, len(shape) - 1)) :])
        values = draw(st.lists(st.integers(0, 2), min_size=int(np.prod(own)), max_size=int(np.prod(own))))
        made.append(np.array(values, dtype=np.int64).reshape(own) * 2**62)
    return shape, made


@given(drawn=arrays(), seed=st.integers(0, 2**32 - 1))
def test_each_point_is_told_what_it_is_told_alone(drawn: tuple[tuple[int, ...], list[Any]], seed: int) -> None:
    """The reason is one that asks for other numbers where a first one is large."""
    shape, values = drawn

    def reason(pick: Pick) -> str:
        first = pick(values[1])
        return f"{first}" if first else f"{first} {pick(values[0])} {pick(values[-1])}"

    where = np.nonzero(np.random.default_rng(seed).random(shape) < 0.7)
    together: dict[tuple[int, ...], str] = {}
    texts = set()
    for text, points in by_reason(reason, where) if len(where[0]) else ():
        texts.add(text)
        for point in points:
            assert together.setdefault(tuple(int(axis[point]) for axis in where), text) is text
    alone = {
        cell: reason(lambda value, at=cell: np.broadcast_to(value, shape)[at].item())  # type: ignore[misc]
        for cell in zip(*(axis.tolist() for axis in where), strict=True)
    }
    assert together == alone and texts == set(alone.values())


def test_a_reason_is_asked_for_once_for_all_points_that_are_alike() -> None:
    needed, asked = np.repeat([[1], [2]], 1000, axis=1), []

    def reason(pick: Pick) -> str:
        asked.append(1)
        return f"needs {pick(needed)}"

    assert len(list(by_reason(reason, np.nonzero(needed)))) == 2
    assert len(asked) == 3  # once to see what it depends on
