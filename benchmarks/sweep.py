"""Design points per second of sweeps, from the models to the folder of a run, on two cores.

    python benchmarks/sweep.py [--steps N] [--jobs N]

The sweep is examples/area_latency.yaml, FuseMax's 1-pass cascade, with the million points of its header; and a harder
one with a thousand lengths of sequences, most of them ragged, instead of a thousand bandwidths.

1. `einfuse sweep` as a command, `keep: all`: a process of its own, with an empty numba cache; and the peak of its
   memory, for a million points and for ten times as many.
2. Whole runs in this process, to a front and into Parquet, with the default columns and with all; start-up apart.
3. Drawn points of them by a plain loop over `simulate`, which has to give the same numbers.
4. benchmarks/pareto.py: fronts of 10^7 points beside moocore's.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.explore.copies import FileWork

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "examples" / "area_latency.yaml"
ACCELFORGE_PER_S = 7.6  # AccelForge 1.0.467, a fused attention mapping of three Einsums, idle machine
TARGETS_PER_S = {"front": 1e6, "all": 4e5, "command": 1.5e5}
STEPS = 1000  # of the axis that makes it a million
BUFFERS = "arch.buffer.size={from: 64KiB, to: 256MiB, times: 2}"
BATCHES = "workload.batch=[1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 96, 128]"


def bandwidths(steps: int) -> list[str]:
    """The sweep of the example's header, with so many bandwidths."""
    return [BUFFERS, f"arch.dram.bandwidth={{from: 50GiB/s, to: 3200GiB/s, steps: {steps}}}", BATCHES]


def lengths(steps: int) -> list[str]:
    """As many points, with so many lengths."""
    return [BUFFERS, f"workload.seq_len={{from: 1000, to: 1000000, steps: {steps}}}", BATCHES]


def verdict(name: str, rate: float) -> str:
    target = TARGETS_PER_S[name]
    return f"target {target:,.0f}: {'met' if rate >= target else 'MISSED'}"


@dataclass(frozen=True)
class Ended:
    """A command's run: its folder, seconds from start to end, and the peak memory of its first process."""

    folder: Path
    seconds: float
    peak_mib: float


def command(steps: int, jobs: int, folder: Path) -> Ended:
    """`einfuse sweep` from nothing."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/numba", "PYTHONPATH": str(ROOT)}
    sets = [part for change in bandwidths(steps) for part in ("--set", change)]
    arguments = [sys.executable, "-m", "reports", "sweep", str(SPEC), "-o", f"{folder}/run", "--jobs", str(jobs)]
    begin = time.perf_counter()
    process = subprocess.Popen([*arguments, *sets], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"einfuse sweep ended with {process.returncode}")
    return Ended(folder / "run", seconds, usage.ru_maxrss / 1024)


def commands(steps: Sequence[int], jobs: int) -> None:
    """Before anything is imported here: a process begins with the peak of the one that starts it."""
    with tempfile.TemporaryDirectory() as folder:
        ended = [command(each, jobs, Path(folder, str(each))) for each in steps]
        from pyarrow.parquet import read_table

        print(f"{'einfuse sweep, keep all, from nothing':44}{'points/s':>12}{'seconds':>10}{'peak MiB':>10}")
        for each in ended:
            rows = read_table(each.folder, columns=["point"]).num_rows
            rate = rows / each.seconds
            print(
                f"{f'{rows:,} points':44}{rate:12,.0f}{each.seconds:10.1f}{each.peak_mib:10.0f}",
                verdict("command", rate),
            )


def runs(steps: int, jobs: int, repeats: int = 3) -> None:
    """Median rates of whole runs, from chunks to parts that are stored, and the plain loop's."""
    begin = time.perf_counter()
    from sim.explore.copies import FileWork
    from sim.explore.runs.keep import Keep
    from sim.explore.runs.run import run

    print(f"\n{'':44}{'points/s':>12}{'ratio':>10}")
    print(f"{'AccelForge (recorded)':44}{ACCELFORGE_PER_S:12,.1f}{1:10}")
    for sweep in (bandwidths, lengths):
        works = {name: FileWork(str(SPEC), (*sweep(steps), f"columns={name}")) for name in ("default", "all")}
        first = [work.table(0) for work in works.values()]
        print(f"{sweep.__name__}: start-up {time.perf_counter() - begin:.1f} s, with the first chunk of each")
        loop(works["all"])
        for (name, work), kept in product(works.items(), ("front", "all")):
            keep, rates = Keep.parse(kept, work.evaluator.sweep.spec.objectives), []
            for _ in range(repeats):
                with tempfile.TemporaryDirectory() as folder:
                    begin = time.perf_counter()
                    run(work, Path(folder, "run"), keep, workers=jobs)
                    rates.append(work.points / (time.perf_counter() - begin))
                    size = sum(each.stat().st_size for each in Path(folder).rglob("*.parquet"))
            rate, columns = median(rates), first[name == "all"].num_columns
            what = f"  keep {kept}, {columns} columns, {size / 1e6:.1f} MB"
            print(f"{what:44}{rated(rate)} {verdict(kept, rate)}")
        begin = time.perf_counter()


def rated(rate: float) -> str:
    return f"{rate:12,.0f}{rate / ACCELFORGE_PER_S:10,.0f}"


def loop(work: FileWork, sample: int = 200) -> None:
    """A plain loop over drawn points of a chunk; latencies and energies have to equal the table's."""
    from sim import simulate
    from specs import Infeasible

    made = work.evaluator.sweep
    chosen = random.Random(0).sample(work.table(work.chunks // 2).to_pylist(), sample)
    begin, fit = time.perf_counter(), 0
    for row in chosen:
        point = made.references(made.grid.place(row["point"]))
        try:
            record = simulate(point.workload, point.arch, point.mapping, model=point.model)
        except Infeasible:
            assert not row["feasible"], point
            continue
        fit += 1
        assert (record.latency_s, record.energy_j) == (row["latency_s"], row["energy_j"]), point
    rate = sample / (time.perf_counter() - begin)
    print(f"{f'  a loop over simulate, {sample} points, {fit} fit':44}{rated(rate)} as in the tables")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="values of the longest axis (default: 1000, a million points)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="workers, and cores of all of it (default: 2)")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: given.jobs]
    os.sched_setaffinity(0, cores)
    print(f"{len(cores)} cores, {given.jobs} workers\n")
    commands([given.steps, 10 * given.steps], given.jobs)
    runs(given.steps, given.jobs)
    print(flush=True)
    subprocess.run([sys.executable, str(ROOT / "benchmarks" / "pareto.py"), "--threads", str(given.jobs)], check=True)


if __name__ == "__main__":
    main()
