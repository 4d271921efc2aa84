"""Design points per second of the analytic model, beside a plain loop and a peer's recorded rate.

    python benchmarks/analytic.py [--points N]

Points are drawn sizes of the array, buffer, bandwidth and sequence under `fusemax-binding`: counts, latency,
utilisation, energy and area of each. A sample of the same points one by one gives the ratio and a check that both
agree.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from arch import machine
from mappings import mapping, schedule
from sim import Analysis, analyse
from specs import Infeasible
from workloads import workload

ACCELFORGE_PER_S = 7.6  # AccelForge 1.0.467, a fused attention mapping of three Einsums, idle machine
CHUNK = 32_768


def draw(points: int, ragged: bool, seed: int = 1) -> dict[str, np.ndarray]:
    """Drawn design points: side of the array, buffer in bytes, bandwidth in bytes per second, sequence length, batch.

    Lengths are powers of two, as published, or any number: then most last tiles are ragged.
    """
    rng = np.random.default_rng(seed)
    return {
        "side": 2 ** rng.integers(4, 10, points),
        "buffer": 2 ** rng.integers(22, 28, points),
        "bandwidth": rng.integers(50, 3200, points) * 2**30,
        "seq_len": rng.integers(1000, 2**20, points) if ragged else 2 ** rng.integers(10, 21, points),
        "batch": rng.integers(1, 65, points),
    }


def evaluate(points: Mapping[str, Any]) -> Analysis:
    """All points at once; scalars in the dictionary give one point."""
    base = machine("fusemax-cloud")
    built = base.with_values(
        {
            "array_2d.rows": points["side"],
            "array_2d.cols": points["side"],
            "array_1d.lanes": points["side"],
            "buffer.size": points["buffer"],
            "buffer.row": points["side"] * 16,
            "dram.bandwidth": points["bandwidth"],
        }
    )
    work = workload("bert:seq_len=1Ki")
    sizes = {"queries": points["seq_len"], "keys": points["seq_len"], "batch": points["batch"]}
    work = replace(work, values={**work.values, **sizes})
    _, bound = schedule(work, built, mapping("fusemax-binding"))
    return analyse(bound)


def columns(found: Analysis) -> list[object]:
    """The result columns of a sweep: latency, energy, area, utilisations, what bounds it."""
    units = list(found.schedule.machine.units)
    return [
        found.latency.latency_s,
        found.energy.total_j,
        found.area_mm2,
        *(found.utilization(unit) for unit in units),
        found.latency.bound_by,
    ]


def timed(points: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    """Points per second in chunks, and the latency of each."""
    count = len(points["side"])
    begin = time.perf_counter()
    found = []
    for first in range(0, count, CHUNK):
        found.append(columns(evaluate({k: v[first : first + CHUNK] for k, v in points.items()}))[0])
    return count / (time.perf_counter() - begin), np.concatenate([np.asarray(x) for x in found])


def one_by_one(points: dict[str, np.ndarray], together: np.ndarray, sample: int = 100) -> tuple[float, int]:
    """Points per second in a plain loop over a sample, and how many differ from the arrays' latencies."""
    begin, differ = time.perf_counter(), 0
    chosen = range(0, len(together), max(1, len(together) // sample))
    for i in chosen:
        try:
            one = evaluate({k: int(v[i]) for k, v in points.items()}).latency.latency_s
        except Infeasible:
            continue
        differ += abs(one - together[i]) > 1e-12 * one
    return len(chosen) / (time.perf_counter() - begin), differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=500_000)
    arguments = parser.parse_args()
    columns(evaluate(draw(1000, False)))  # imports and caches
    print(f"{'':34}{'points/s':>12}{'ratio':>10}")
    for name, ragged in (("lengths that divide evenly", False), ("ragged lengths", True)):
        points = draw(arguments.points, ragged)
        batched, together = timed(points)
        single, differ = one_by_one(points, together)
        print(f"{name + ', arrays':34}{batched:12,.0f}{batched / ACCELFORGE_PER_S:10,.0f}")
        print(f"{name + ', one by one':34}{single:12,.0f}{single / ACCELFORGE_PER_S:10,.0f}   {differ} differ")
    print(f"{'AccelForge (recorded)':34}{ACCELFORGE_PER_S:12,.1f}{1:10}")


if __name__ == "__main__":
    main()
