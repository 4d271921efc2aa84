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
from workloads import workload

ACCELFORGE_PER_S = 7.6  # AccelForge 1.0.467, a fused attention mapping of three Einsums, idle machine
CHUNK = 16_384


def draw(points: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Drawn design points: sides of the array, buffer bytes, bandwidth in bytes per second, sequence length."""
    rng = np.random.default_rng(seed)
    return {
        "side": 2 ** rng.integers(4, 10, points),
        "buffer": 2 ** rng.integers(22, 28, points),
        "bandwidth": rng.integers(50, 3200, points) * 2**30,
        "seq_len": 2 ** rng.integers(10, 21, points),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=500_000)
    arguments = parser.parse_args()
    points = draw(arguments.points)
    columns(evaluate({k: v[:1000] for k, v in points.items()}))  # imports and caches
    begin = time.perf_counter()
    latencies = []
    for first in range(0, arguments.points, CHUNK):
        chunk = {k: v[first : first + CHUNK] for k, v in points.items()}
        latencies.append(columns(evaluate(chunk))[0])
    batched = arguments.points / (time.perf_counter() - begin)
    sample = range(0, arguments.points, max(1, arguments.points // 100))
    begin = time.perf_counter()
    disagreements = 0
    together = np.concatenate([np.asarray(x) for x in latencies])
    for i in sample:
        try:
            one = evaluate({k: int(v[i]) for k, v in points.items()}).latency.latency_s
        except Exception as error:
            if type(error).__name__ != "Infeasible":
                raise
            continue
        disagreements += abs(one - together[i]) > 1e-12 * one
    single = len(sample) / (time.perf_counter() - begin)
    print(f"{'':24}{'points/s':>14}{'ratio':>12}")
    print(f"{'arrays of points':24}{batched:14,.0f}{batched / ACCELFORGE_PER_S:12,.0f}")
    print(f"{'one by one':24}{single:14,.0f}{single / ACCELFORGE_PER_S:12,.1f}")
    print(f"{'AccelForge (recorded)':24}{ACCELFORGE_PER_S:14,.1f}{1:12}")
    print(f"{len(sample)} points compared one by one: {disagreements} differ")


if __name__ == "__main__":
    main()
