"""The points of a sweep in their order, and the boxes of neighbours that are evaluated at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

CHUNK = 1 << 17  # points of a box, at most


@dataclass(frozen=True)
class Box:
    """Points that follow each other: on every dimension of the grid a range of indices, `first` is the first point.

    The outer dimensions stand still, one has a range, and the inner ones are whole.
    """

    first: int
    ranges: tuple[range, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(each) for each in self.ranges)

    @property
    def points(self) -> int:
        return math.prod(self.shape)

    def places(self) -> Iterator[tuple[int, ...]]:
        """The indices of each point, in order."""
        return product(*self.ranges)


@dataclass(frozen=True)
class Grid:
    """All combinations of models, designs (machines with mappings) and values of free axes.

    A point is an index, row-major over `sizes`: models, designs, then axes in the file's order; the last varies
    fastest.
    """

    sizes: tuple[int, ...]
    chunk: int = CHUNK

    @property
    def points(self) -> int:
        """How many points there are.

        >>> Grid((1, 2, 3)).points
        6
        """
        return math.prod(self.sizes)

    @property
    def chunks(self) -> int:
        """How many boxes there are."""
        outer, pieces, _ = self._cut
        return math.prod(self.sizes[:outer]) * pieces

    def box(self, index: int) -> Box:
        """One of the boxes.

        >>> Grid((2, 5, 3), chunk=7).box(1)
        Box(first=6, ranges=(range(0, 1), range(2, 4), range(0, 3)))
        """
        if not 0 <= index < self.chunks:
            raise IndexError(f"box {index} of {self.chunks}")
        outer, pieces, length = self._cut
        around, piece = divmod(index, pieces)
        still = self._unravel(around, self.sizes[:outer])
        size = self.sizes[outer]
        own = range(piece * length, min(size, (piece + 1) * length))
        inner = math.prod(self.sizes[outer + 1 :])
        first = (around * size + own.start) * inner
        whole = tuple(range(each) for each in self.sizes[outer + 1 :])
        return Box(first, (*(range(i, i + 1) for i in still), own, *whole))

    def boxes(self) -> Iterator[Box]:
        """All boxes, in the order of their points."""
        return (self.box(index) for index in range(self.chunks))

    def place(self, point: int) -> tuple[int, ...]:
        """The indices of a point on every dimension.

        >>> Grid((2, 5, 3)).place(16)
        (1, 0, 1)
        """
        if not 0 <= point < self.points:
            raise IndexError(f"point {point} of {self.points}")
        return self._unravel(point, self.sizes)

    @property
    def _cut(self) -> tuple[int, int, int]:
        """The dimension that is cut, into how many pieces for each index around it, and their length."""
        outer, inner = len(self.sizes) - 1, 1
        while outer > 0 and inner * self.sizes[outer] <= self.chunk:
            inner *= self.sizes[outer]
            outer -= 1
        size = self.sizes[outer]
        pieces = -(-size // max(1, min(size, self.chunk // inner)))
        length = -(-size // pieces)  # pieces of one size, as near as they come
        return outer, -(-size // length), length

    @staticmethod
    def _unravel(index: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        found = []
        for size in reversed(sizes):
            index, place = divmod(index, size)
            found.append(place)
        return tuple(reversed(found))
