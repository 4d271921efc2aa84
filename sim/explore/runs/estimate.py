"""What a sweep will take, from a few of its chunks: done, timed and weighed, and then thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .work import Task

PATIENCE_S = 10.0  # no further chunk is begun after so long


@dataclass(frozen=True)
class Estimate:
    """The size of a sweep, and the time and space it takes if its other chunks are like the sampled ones."""

    points: int
    chunks: int
    sampled: int  # chunks
    duration_s: float
    size_bytes: int


def estimate(task: Task, workers: int, clock_s: Callable[[], float] = time.perf_counter) -> Estimate:
    """Sample the first, middle and last chunk, the first of them twice: the first time compiles kernels.

    Workers are assumed not to hinder one another. Raises what the work raises.
    """
    chunks = task.work.chunks
    begin = clock_s()
    task(0)
    took_s: list[float] = []
    size_bytes: list[int] = []
    for chunk in dict.fromkeys((0, chunks // 2, chunks - 1)):
        if took_s and clock_s() - begin > PATIENCE_S:
            break
        start = clock_s()
        size_bytes.append(len(task(chunk).data))
        took_s.append(clock_s() - start)
    rounds = -(-chunks // min(workers, chunks))
    mean = sum(size_bytes) / len(size_bytes)
    return Estimate(task.work.points, chunks, len(took_s), rounds * sum(took_s) / len(took_s), round(mean * chunks))
