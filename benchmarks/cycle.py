"""Events per second of the cycle engine, and simulated cycles per second of matrix products.

    python benchmarks/cycle.py [--iterations N]

The kernel is stepped (no jump) on a program of twelve entries with three dependencies each; then systolic matrix
products are bound, counted and timed with the jump, beside the rate that SCALE-Sim 3.0 was seen to have (8 to 21
thousand simulated cycles a second of CPU time).
"""

from __future__ import annotations

import argparse
import time

from arch import machine
from mappings import count, mapping, schedule
from sim.cycle import makespan
from sim.engine import Dependency, Program, run
from sim.lowering import folds
from workloads import workload

SCALE_SIM_CYCLES_PER_S = (8_000, 21_000)
PRODUCTS = ((1024, 1024, 64), (1024, 64, 1024), (4096, 4096, 4096))


def twelve_entries() -> Program:
    """Two resources, twelve entries, three dependencies each, some on iterations before."""
    waits = []
    for entry in range(12):
        for back, lag, delay in ((1, 0, 3), (5, 1, 7), (2, 2, 11)):
            producer = (entry - back) % 12
            waits.append(Dependency(entry, producer, lag if producer < entry or lag else 1, delay))
    return Program(tuple(e % 2 for e in range(12)), tuple(1 + e % 5 for e in range(12)), tuple(waits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=2_000_000)
    arguments = parser.parse_args()
    program = twelve_entries()
    run(program, 10, jump=False)  # compiled here, not in what is timed
    begin = time.perf_counter()
    found = run(program, arguments.iterations, jump=False)
    seconds = time.perf_counter() - begin
    assert found.last_starts == run(program, arguments.iterations).last_starts
    print(f"stepped, one thread      {12 * arguments.iterations / seconds / 1e6:10.1f} million events/s")
    print(f"{'product':>20} {'array':>8} {'cycles':>12} {'wall':>10} {'cycles/s':>12} {'over SCALE-Sim':>16}")
    schedule(workload("gemm:M=8,N=8,K=8"), machine("systolic"), mapping("output-stationary"))  # specs are read
    for m, n, k in PRODUCTS:
        for side in (32, 256):
            host, by = machine(f"systolic:rows={side},cols={side}"), mapping("output-stationary")
            begin = time.perf_counter()
            _, bound = schedule(workload(f"gemm:M={m},N={n},K={k}"), host, by)
            cycles = makespan(folds(bound, count(bound)))
            seconds = time.perf_counter() - begin
            rate = cycles / seconds
            low, high = (rate / each for each in reversed(SCALE_SIM_CYCLES_PER_S))
            product = f"{m}x{n}x{k}"
            print(f"{product:>20} {side:>5}^2 {cycles:>12,} {seconds * 1e3:>7.1f} ms {rate:>12,.0f}", end="")
            print(f" {low:>7,.0f}-{high:,.0f}x")


if __name__ == "__main__":
    main()
