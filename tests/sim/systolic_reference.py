"""A systolic array, element by element and cycle by cycle: slow and plain, to hold the cycle engine against.

Values move between neighbours once a cycle. The controllers see only what an array would show them: whether it is idle,
whether the stream has left the feeder, whether weights are in place. Numbers are real, so the product can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NONE = -1


@dataclass(frozen=True)
class Fold:
    """The events of one fold, in cycles: preload accepted, first and last beat of element (0, 0), last result, done."""

    preload: int | None
    first_beat: int
    last_beat: int
    done: int


@dataclass
class Trace:
    """Cycles at which a fold was seen to do what the engine's events name."""

    folds: list[Fold] = field(default_factory=list)
    product: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


def output_stationary(a: np.ndarray, b: np.ndarray, rows: int, cols: int, overlap: bool) -> Trace:
    """Each element adds up one result; a enters from the left, b from the top, one cycle later for each row or column."""
    (m, k), n = a.shape, b.shape[1]
    tiles = [(i, j) for i in range(0, m, rows) for j in range(0, n, cols)]
    product = np.zeros((m, n))
    sums = np.zeros((rows, cols))
    tag_a = np.full((rows, cols), NONE)
    value_a, value_b = np.zeros((rows, cols)), np.zeros((rows, cols))
    starts: list[int] = []
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    done: dict[int, int] = {}
    cycle, finished = 0, 0
    while finished < len(tiles):
        fed = len(starts)
        idle = fed == 0 or (cycle - starts[-1] >= k if overlap else fed == finished)
        if idle and fed < len(tiles):
            starts.append(cycle)
        value_a[:, 1:], tag_a[:, 1:], value_b[1:] = value_a[:, :-1].copy(), tag_a[:, :-1].copy(), value_b[:-1].copy()
        value_a[:, 0], tag_a[:, 0], value_b[0] = 0.0, NONE, 0.0
        for f, start in enumerate(starts):
            i, j = tiles[f]
            for r in range(rows):
                beat = cycle - r - start
                if 0 <= beat < k:
                    tag_a[r, 0] = f * k + beat
                    value_a[r, 0] = a[i + r, beat] if i + r < m else 0.0
            for c in range(cols):
                beat = cycle - c - start
                if 0 <= beat < k:
                    value_b[0, c] = b[beat, j + c] if j + c < n else 0.0
        for r, c in zip(*np.nonzero(tag_a != NONE), strict=True):
            f, beat = divmod(int(tag_a[r, c]), k)
            sums[r, c] = value_a[r, c] * value_b[r, c] + (0.0 if beat == 0 else sums[r, c])
            if (r, c) == (0, 0):
                first.setdefault(f, cycle)
                last[f] = cycle
            if beat == k - 1:
                i, j = tiles[f]
                if i + r < m and j + c < n:
                    product[i + r, j + c] = sums[r, c]
                if (r, c) == (rows - 1, cols - 1):
                    done[f] = cycle + 1
                    finished += 1
        cycle += 1
    return Trace([Fold(None, first[f], last[f], done[f]) for f in range(len(tiles))], product)


def weight_stationary(a: np.ndarray, b: np.ndarray, rows: int, cols: int, overlap: bool) -> Trace:
    """Elements hold b, shifted in along the rows; rows of a stream past, sums flow down and leave at the bottom."""
    k, n = b.shape
    tiles = [(j, i) for j in range(0, n, cols) for i in range(0, k, rows)]
    array = _Stationary(a, b, rows, cols, tiles)
    cycle = 0
    while array.finished < len(tiles):
        array.control(cycle, overlap)
        array.step(cycle)
        cycle += 1
    folds = [Fold(array.loads[f], array.first[f], array.last[f], array.done[f]) for f in range(len(tiles))]
    return Trace(folds, array.product)


class _Stationary:
    def __init__(self, a: np.ndarray, b: np.ndarray, rows: int, cols: int, tiles: list[tuple[int, int]]) -> None:
        self.a, self.b, self.rows, self.cols, self.tiles = a, b, rows, cols, tiles
        self.beats = a.shape[0]
        self.product = np.zeros((a.shape[0], b.shape[1]))
        shape = (rows, cols)
        self.weight, self.shadow = np.zeros(shape), np.zeros(shape)
        self.holds = np.full(shape, NONE)  # the fold whose weight an element uses
        self.moving, self.goal = np.zeros(shape), np.full(shape, NONE)  # weights on their way down, and to which row
        self.value, self.tag = np.zeros(shape), np.full(shape, NONE)
        self.sums = np.zeros(shape)
        self.loads: list[int] = []
        self.starts: list[int] = []
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.finished = 0

    def control(self, cycle: int, overlap: bool) -> None:
        """Begins a load or a stream if what the array shows allows it."""
        loaded, begun = len(self.loads), len(self.starts)
        in_place = loaded > begun and cycle - self.loads[-1] >= self.rows
        free = begun == 0 or cycle - self.starts[-1] >= self.beats if overlap else begun == self.finished
        if in_place and free:
            self.starts.append(cycle)
            begun += 1
        may_load = loaded == begun if overlap else loaded == begun == self.finished
        if may_load and loaded < len(self.tiles):
            self.loads.append(cycle)

    def step(self, cycle: int) -> None:
        for array in (self.moving, self.goal, self.sums):
            array[1:] = array[:-1].copy()
        self.sums[0] = 0.0
        for array in (self.value, self.tag):
            array[:, 1:] = array[:, :-1].copy()
        self.goal[0], self.tag[:, 0] = NONE, NONE
        for f, start in enumerate(self.starts):
            for r in range(self.rows):
                beat = cycle - r - start
                if 0 <= beat < self.beats:
                    row = self.tiles[f][1] + r
                    self.tag[r, 0] = f * self.beats + beat
                    self.value[r, 0] = self.a[beat, row] if row < self.a.shape[1] else 0.0
        for f, load in enumerate(self.loads):
            for c in range(self.cols):
                row = self.rows - 1 - (cycle - c - load)
                if 0 <= row < self.rows:
                    i, j = self.tiles[f][1] + row, self.tiles[f][0] + c
                    self.goal[0, c] = row
                    self.moving[0, c] = self.b[i, j] if i < self.b.shape[0] and j < self.b.shape[1] else 0.0
        self._elements(cycle)
        arrived = self.goal == np.arange(self.rows)[:, None]
        self.shadow[arrived] = self.moving[arrived]

    def _elements(self, cycle: int) -> None:
        for r, c in zip(*np.nonzero(self.tag != NONE), strict=True):
            f, beat = divmod(int(self.tag[r, c]), self.beats)
            if self.holds[r, c] != f:
                self.weight[r, c], self.holds[r, c] = self.shadow[r, c], f
            self.sums[r, c] += self.value[r, c] * self.weight[r, c]
            if (r, c) == (0, 0):
                self.first.setdefault(f, cycle)
                self.last[f] = cycle
            column = self.tiles[f][0] + c
            if r == self.rows - 1 and column < self.product.shape[1]:
                self.product[beat, column] += self.sums[r, c]
            if (r, c) == (self.rows - 1, self.cols - 1) and beat == self.beats - 1:
                self.done[f] = cycle + 1
                self.finished += 1
