"""The exact Pareto front beside moocore's `is_nondominated`, the same points and the same mask.

    python benchmarks/pareto.py [--points N] [--objectives K...] [--threads N]

Points are drawn evenly; close to a diagonal, so that few are on the front; on a sphere and close to a plane, so that
many are; on a grid with 64 values an axis; and close to a plane on a grid of 512, with many ties and equal points.
moocore has one thread. Start-up, with numba's compiling or loading from its cache, is stated apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import moocore
import numpy as np
from numpy.typing import NDArray

from sim.explore.fronts.pareto import front

Points = NDArray[np.float64]
Random = np.random.Generator
Value = TypeVar("Value")


def even(random: Random, shape: tuple[int, int]) -> Points:
    return random.random(shape)


def diagonal(random: Random, shape: tuple[int, int]) -> Points:
    return random.random((shape[0], 1)) + 0.1 * random.random(shape)


def sphere(random: Random, shape: tuple[int, int]) -> Points:
    """Within a hundredth of a sphere's octant, seen from outside."""
    away = np.abs(random.standard_normal(shape))
    return 2 - away / np.linalg.norm(away, axis=1, keepdims=True) * (1 - 0.01 * random.random((shape[0], 1)))


def plane(random: Random, shape: tuple[int, int]) -> Points:
    """Within a thousandth of a plane that falls in every objective."""
    values = random.random(shape)
    values += (1 - values.sum(axis=1, keepdims=True)) / shape[1]
    return values + 0.001 * random.random((shape[0], 1))


def grid(random: Random, shape: tuple[int, int]) -> Points:
    return np.floor(64 * random.random(shape))


def plane_on_a_grid(random: Random, shape: tuple[int, int]) -> Points:
    return np.floor(512 * plane(random, shape))


DRAWN = {
    "even": even, "diagonal": diagonal, "sphere": sphere, "plane": plane, "grid": grid, "plane, grid": plane_on_a_grid,
}  # fmt: skip


def timed(work: Callable[[], Value]) -> tuple[Value, float]:
    """What a call gives, and its wall-clock time in seconds."""
    begin = time.perf_counter()
    done = work()
    return done, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10**7, help="points (default: 10^7)")
    parser.add_argument("--objectives", type=int, nargs="+", default=[3], help="objectives (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of ours (default: 2)")
    given = parser.parse_args()
    starts = [np.random.default_rng(0).random((20_000, objectives)) for objectives in given.objectives]
    _, seconds = timed(lambda: [front(values, given.threads) for values in starts])
    print(f"kernels compiled, or loaded from numba's cache, in {seconds:.1f} s")
    print(f"{given.points:,} points, {given.threads} threads; moocore {moocore.__version__}, one thread\n")
    print(f"{'objectives':>10} {'':12} {'on the front':>12} {'seconds':>8} {'moocore':>8} {'times as fast':>14}")
    least = float("inf")
    for objectives in given.objectives:
        for name, draw in DRAWN.items():
            values = draw(np.random.default_rng(0), (given.points, objectives))
            mask, ours = timed(lambda v=values: front(v, given.threads))  # type: ignore[misc]
            expected, theirs = timed(lambda v=values: moocore.is_nondominated(v, keep_weakly=True))  # type: ignore[misc]
            assert np.array_equal(mask, expected)
            print(f"{objectives:>10} {name:12} {mask.sum():>12,} {ours:>8.2f} {theirs:>8.2f} {theirs / ours:>14.1f}")
            least = min(least, theirs / ours)
    print(f"\ntarget 1.0 times as fast as moocore; least: {least:.1f}  {'met' if least >= 1 else 'MISSED'}")


if __name__ == "__main__":
    main()
