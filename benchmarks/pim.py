"""Commands per second of the DRAM channel's engine, beside a public simulator's recorded rate.

    python benchmarks/pim.py [--rows N]

A matrix-vector product on one channel of an AiM-like GDDR6 device: rows of 64 MACs of all banks, each opened and
closed, and mixed with buffer writes, drains and reads; without refresh, with refresh between rows and in mid-row.

1. With the jump over repetitions.
2. Run-length encoded, every run stepped.
3. Every command's tick written to a table, which needs two runs.

All three have to agree.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import TypeVar

from arch.dram import Device, DramTiming, Organisation, Refresh
from sim.dram import BusRun, Command, Outcome, Repeat, RowRun, Segment, run

AIM_SIMULATOR_PER_S = 0.87e6  # CENT's aim_simulator, C++
ENCODED_PER_S, EXPANDED_PER_S = 20e6, 2e6

TIMING = DramTiming(36, 36, 56, 32, 54, 89, 2, 2, 2, 2, 12, 11, 11, 42, rfc=210, refi=3333)
DEVICE = Device(Organisation(8, 4, 4, 1 << 20, 2048, 32), TIMING)
REFRESHES = {
    "no refresh": replace(DEVICE, refresh=Refresh.OFF),
    "between rows": DEVICE,
    "in mid-row": replace(DEVICE, postponed=False),
}

Value = TypeVar("Value")


def programs(rows: int) -> dict[str, list[Segment]]:
    """Rows of MACs alone, and with what goes in and out."""
    macs = RowRun(Command.MAC, row=0, count=64)
    chunk = (BusRun(Command.WRGB, 64), macs, BusRun(Command.RDMAC), RowRun(Command.RD, 3, 4, bank=5))
    return {"MACs": [Repeat(rows, (macs,), row_step=1)], "mixed": [Repeat(rows // 2, chunk, row_step=1)]}


def timed(work: Callable[[], Outcome], repeats: int = 5) -> tuple[Outcome, float]:
    """What a call gives, and its median wall-clock time in seconds."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        done = work()
        seconds.append(time.perf_counter() - begin)
    return done, median(seconds)


def verdict(least: float, target: float) -> str:
    return f"target {target / 1e6:.0f} M; least: {least / 1e6:.1f} M  {'met' if least >= target else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of MACs (default: 50000)")
    rows = max(parser.parse_args().rows, 2)
    begin = time.perf_counter()
    run(DEVICE, [BusRun(Command.AF)], expand=True)
    print(f"engine compiled, or loaded from numba's cache, in {time.perf_counter() - begin:.1f} s")
    print(f"CENT's aim_simulator: {AIM_SIMULATOR_PER_S / 1e6} M commands/s, as recorded\n")
    heading = f"{'':19} {'commands':>10} {'jumped/s':>11} {'stepped/s':>10} {'expanded/s':>10}"
    print(heading, f"{'over aim_simulator':>26}")
    least = [float("inf")] * 3
    for name, program in programs(rows).items():
        for refresh, device in REFRESHES.items():
            jumped, taken = timed(lambda d=device, p=program: run(d, p))  # type: ignore[misc]
            stepped, stepping = timed(lambda d=device, p=program: run(d, p, jump=False))  # type: ignore[misc]
            expanded, expanding = timed(lambda d=device, p=program: run(d, p, jump=False, expand=True))  # type: ignore[misc]
            assert jumped == stepped == replace(expanded, issued=None)
            commands = sum(jumped.counts.values())
            assert len(expanded.issued) == commands
            rates = [commands / seconds for seconds in (taken, stepping, expanding)]
            least = [min(pair) for pair in zip(least, rates, strict=True)]
            times = ", ".join(f"{rate / AIM_SIMULATOR_PER_S:,.0f}" for rate in rates)
            print(f"{name:6} {refresh:12} {commands:>10,}", end="")
            print(f" {rates[0] / 1e6:>9,.0f} M {rates[1] / 1e6:>8,.0f} M {rates[2] / 1e6:>8,.0f} M {times:>26}")
    print(f"\nrun-length encoded, with the jump: {verdict(least[0], ENCODED_PER_S)}")
    print(f"run-length encoded, stepped:       {verdict(least[1], ENCODED_PER_S)}")
    print(f"every command's tick:              {verdict(least[2], EXPANDED_PER_S)}")


if __name__ == "__main__":
    main()
