"""Speed of the cycle engine: stepped events, the jump, arrays of design points, and systolic matrix products.

    python benchmarks/cycle.py [--points N] [--scale-sim PYTHON]

1. Stepped, without the jump, on one thread: entries that are evaluated, events of docs/cycle.md (`Entry.marks`, for
   each tile that has the entry) and simulated cycles, by the second. The jump has to give the same.
2. With the jump, attention of 16Ki beside 1Mi keys.
3. With the jump, arrays of drawn design points, bound and packed in one call. A sample of them one by one has to give
   the same cycles and stalls.
4. Matrix products, from a workload's name to its cycles (bound, packed, counted, run), beside SCALE-Sim 3.0, which was
   seen to simulate 8 to 21 thousand cycles a second of CPU time. `--scale-sim` measures it instead (half a minute), on
   the same products, with the interpreter of an environment made by

       python -m venv scale-sim && scale-sim/bin/pip install scalesim==3.0.0 'numpy<2.4'

   (numpy 2.4 refuses an array that it takes for a number). SCALE-Sim counts cycles from 0, so it reports one fewer.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

import numpy as np

from arch import machine
from mappings import Schedule, count, mapping, schedule
from sim.cycle import check_work, packed
from sim.packing import Packed
from sim.running import Run, run
from workloads import workload

EVENTS_PER_S = 20e6
LONG_S, LONG_RATIO = 1.0, 2.0
POINTS_PER_S = 2_000
OVER_SCALE_SIM = 1_000
SCALE_SIM_CYCLES_PER_S = (8_000, 21_000)  # SCALE-Sim 3.0.0, simulated cycles per second of CPU time

PRODUCTS = ((1024, 1024, 64), (1024, 64, 1024))
SIDES = (32, 256)
STATIONARY = {"output-stationary": "os", "weight-stationary": "ws"}

Value = TypeVar("Value")


class Peer(NamedTuple):
    """What SCALE-Sim reports for a product, and the CPU time that it takes."""

    cycles: int
    cpu_s: float


def timed(work: Callable[..., Value], *arguments: Any, **options: Any) -> tuple[Value, float]:
    """What a call gives, and its wall-clock time in seconds."""
    begin = time.perf_counter()
    value = work(*arguments, **options)
    return value, time.perf_counter() - begin


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


# ------------------------------------------------------------------------------------------------------------ stepped


def made(sizes: str, values: Mapping[str, Any] | None = None) -> Packed:
    """The 1-pass cascade on FuseMax's cloud machine, with some of its values replaced, by arrays or numbers."""
    host = machine("fusemax-cloud").with_values(dict(values or {}))
    return packed(schedule(workload(f"bert:{sizes}"), host, mapping("fusemax-binding"))[1])


def product(m: int, n: int, k: int, side: int, by: str) -> Schedule:
    """A matrix product on a systolic array."""
    host = machine(f"systolic:rows={side},cols={side}")
    return schedule(workload(f"gemm:M={m},N={n},K={k}"), host, mapping(by))[1]


def events(done: Run) -> int:
    """Events of a run of one design point: the marks of each entry, for every tile that has it."""
    return sum(len(e.marks) * int(done.tiles(e.name)[0]) for e in done.packed.program.entries)


def same(done: Run, point: int, one: Run) -> bool:
    """Whether a point of a run has the cycles, tiles and stalls of a run of its own."""
    pairs = ((getattr(r.outcome, name) for r in (done, one)) for name in ("cycles", "tiles", "stalls"))
    return all(np.array_equal(many[point], single[0]) for many, single in pairs)


def stepped(repeats: int = 7) -> None:
    title(f"1. Stepped on one thread: median (and best) of {repeats}")
    print(f"{'program':35}{'entries/s':>13}{'events/s':>13}{'best':>13}{'cycles/s':>13}")
    programs = {
        "1-pass cascade, 64Ki, one head": made("seq_len=64Ki,batch=1,heads=1"),
        "output-stationary folds, overlapped": packed(product(8192, 8192, 8, 8, "output-stationary:fold_overlap=on")),
        "weight-stationary folds, overlapped": packed(product(8, 8192, 8192, 8, "weight-stationary:fold_overlap=on")),
    }
    worst = float("inf")
    for name, program in programs.items():
        done = run(program, jump=False)
        assert same(done, 0, run(program))
        times = [timed(run, program, jump=False)[1] for _ in range(repeats)]
        usual, best = median(times), min(times)
        rates = (int(done.outcome.stepped[0]) / usual, events(done) / usual, events(done) / best)
        print(f"{name:35}" + "".join(f"{r / 1e6:>11.1f} M" for r in (*rates, int(done.cycles[0]) / usual)))
        worst = min(worst, rates[1])
    print(f"target: {EVENTS_PER_S / 1e6:.0f} M events/s on a thread  {verdict(worst >= EVENTS_PER_S)}")
    print("steps and jumps give the same cycles, tiles and stalls")


# --------------------------------------------------------------------------------------------------------------- jump


def jumped(repeats: int = 15) -> None:
    title(f"2. With the jump, one thread, batch=64, heads=12: median of {repeats}, in turns")
    print(f"{'keys':>8}{'cycles':>23}{'entries stepped':>19}{'bind, pack':>15}{'engine':>15}")
    times: dict[str, list[float]] = {"16Ki": [], "1Mi": []}
    bound = {keys: made(f"seq_len={keys}") for keys in times}
    for _ in range(repeats):
        for keys, program in bound.items():
            times[keys].append(timed(run, program)[1])
    for keys, program in bound.items():
        done = run(program)
        _, setup = timed(made, f"seq_len={keys}")
        print(f"{keys:>8}{int(done.cycles[0]):>23,}{int(done.outcome.stepped[0]):>19,}", end="")
        print(f"{setup * 1e3:>12.1f} ms{median(times[keys]) * 1e3:>12.2f} ms")
    short, long = (median(each) for each in times.values())
    print(f"target: 1Mi in less than {LONG_S:.0f} s  {verdict(long < LONG_S)}")
    print(
        f"target: at most {LONG_RATIO:.0f} times 16Ki's time: {long / short:.2f}  {verdict(long <= LONG_RATIO * short)}"
    )


# ------------------------------------------------------------------------------------------------------ design points


def draw(points: int, seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Drawn design points: of the memories and the clock; and of the array's size as well."""
    rng = np.random.default_rng(seed)
    side = 2 ** rng.integers(5, 10, points)

    memories = {
        "buffer.size": 2 ** rng.integers(22, 28, points),
        "dram.bandwidth": rng.integers(50, 3200, points) * 2**30,
        "clock": rng.integers(500, 1500, points) * 1e6,
    }
    arrays = {"array_2d.rows": side, "array_2d.cols": side, "array_1d.lanes": side, "buffer.row": side * 16}
    return {
        "buffer size, bandwidth, clock": memories,
        "array's side, buffer size, bandwidth, clock": memories | arrays,
    }


def differing(sizes: str, values: Mapping[str, np.ndarray], done: Run, sample: int = 20) -> tuple[int, int]:
    """Of a sample of points one by one: how many have other cycles or stalls than together, and of how many."""
    points = done.packed.points
    chosen = range(0, points, max(1, points // sample))
    differ = 0
    for i in chosen:
        one = run(made(sizes, {name: drawn[i].item() for name, drawn in values.items()}))
        differ += not same(done, i, one)
    return differ, len(chosen)


def design_points(points: int) -> None:
    sizes = "seq_len=64Ki"
    cores = os.cpu_count() or 1
    title(f"3. Design points of the 1-pass cascade, bert:{sizes}, with the jump")
    print(f"target: {POINTS_PER_S:,} points/s")
    for name, values in draw(points).items():
        program, setup = timed(made, sizes, values)
        print(f"{program.points:,} points of {name}")
        print(f"  {'bind and pack':22}{program.points / setup:>12,.0f} points/s{setup * 1e3:>12,.0f} ms")
        for threads in sorted({1, 2, cores}):
            done, taken = timed(run, program, threads=threads)
            rate = program.points / taken
            print(f"  {f'engine, {threads} thread' + 's' * (threads > 1):22}{rate:>12,.0f} points/s", end="")
            print(f"{taken * 1e3:>12,.0f} ms   {verdict(rate >= POINTS_PER_S)}")
        entries = float(np.mean(done.outcome.stepped))
        differ, sampled = differing(sizes, values, done)
        print(f"  {'entries stepped':22}{entries:>12,.0f} a point;  {sampled} points one by one: {differ} differ")
        assert not differ


# ---------------------------------------------------------------------------------------------------- matrix products

SCALE_SIM_CONFIG = """[general]
run_name = gemm
[architecture_presets]
ArrayHeight = {side}
ArrayWidth = {side}
IfmapSramSzkB = 65536
FilterSramSzkB = 65536
OfmapSramSzkB = 65536
IfmapOffset = 0
FilterOffset = 100000000
OfmapOffset = 200000000
Dataflow = {dataflow}
Bandwidth = 10
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = False
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""

SCALE_SIM_RUN = """
import time
from scalesim.scale_sim import scalesim
begin = time.process_time()
made = scalesim(save_disk_space=True, verbose=False, config="scale.cfg", topology="gemm.csv", layout="layout.csv",
                input_type_gemm=True)
made.run_scale(top_path=".")
print(time.process_time() - begin)
"""


def scale_sim(python: Path, m: int, n: int, k: int, side: int, dataflow: str) -> Peer:
    """A product by SCALE-Sim in its own interpreter, without traces; its imports are not timed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scale.cfg").write_text(SCALE_SIM_CONFIG.format(side=side, dataflow=dataflow), encoding="utf-8")
        (folder / "gemm.csv").write_text(f"Layer,M,N,K,\ngemm,{m},{n},{k},\n", encoding="utf-8")
        (folder / "layout.csv").write_text("Layer,\n", encoding="utf-8")
        command = [str(python.absolute()), "-c", SCALE_SIM_RUN]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if ended.returncode != 0:
            reason = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            raise SystemExit(f"{python} could not run SCALE-Sim: {reason}")
        with (folder / "gemm" / "COMPUTE_REPORT.csv").open(encoding="utf-8") as report:
            (row,) = csv.DictReader(report, skipinitialspace=True)
        return Peer(int(row["Total Cycles"]), json.loads(ended.stdout.splitlines()[-1]))


def cycles_of(m: int, n: int, k: int, side: int, by: str) -> tuple[int, float]:
    """Cycles of a product, bound, counted, run and checked against the counts; seconds that the engine alone takes."""
    bound = product(m, n, k, side, by)
    done, engine = timed(run, packed(bound))
    check_work(bound, count(bound), done)
    return int(done.cycles[0]), engine


def products(python: Path | None, repeats: int = 9) -> None:
    title(f"4. Matrix products, workload to cycles: median of {repeats}")
    print(f"SCALE-Sim: {'recorded rate' if python is None else f'run by {python}'}")
    print(f"{'M x N x K':>13}{'array':>6}{'':>3}{'cycles':>9}{'wall':>9}{'engine':>9}{'cycles/s':>10}", end="")
    print(f"{'over SCALE-Sim':>18}" if python is None else f"{'SCALE-Sim':>10}{'CPU':>8}{'cycles/s':>9}{'ratio':>7}")
    least = least_alone = float("inf")
    for by, dataflow in STATIONARY.items():
        for m, n, k in PRODUCTS:
            for side in SIDES:
                each = [timed(cycles_of, m, n, k, side, by) for _ in range(repeats)]
                cycles = each[0][0][0]
                taken, engine = median(s for _, s in each), median(s for (_, s), _ in each)
                print(f"{f'{m}x{n}x{k}':>13}{f'{side}^2':>6}{dataflow:>3}{cycles:>9,}", end="")
                print(f"{taken * 1e3:>6.2f} ms{engine * 1e6:>6.0f} us{cycles / taken / 1e6:>8.1f} M", end="")
                if python is None:
                    ratio, high = (cycles / taken / rate for rate in reversed(SCALE_SIM_CYCLES_PER_S))
                    print(f"{f'{ratio:,.0f} to {high:,.0f}':>18}")
                else:
                    found = scale_sim(python, m, n, k, side, dataflow)
                    ratio, rate = found.cpu_s / taken, found.cycles / found.cpu_s
                    print(f"{found.cycles:>10,}{found.cpu_s:>6.1f} s{rate:>9,.0f}{ratio:>7,.0f}")
                least, least_alone = min(least, ratio), min(least_alone, ratio * taken / engine)
    print(f"target: {OVER_SCALE_SIM:,} times SCALE-Sim's rate", end="")
    print(f"; least: {least:,.0f}  {verdict(least >= OVER_SCALE_SIM)};", end="")
    print(f" by the engine alone: {least_alone:,.0f}  {verdict(least_alone >= OVER_SCALE_SIM)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=4_000, help="design points (default: 4000)")
    parser.add_argument("--scale-sim", type=Path, metavar="PYTHON", help="an interpreter with scalesim installed")
    arguments = parser.parse_args()
    if arguments.scale_sim is not None and not arguments.scale_sim.is_file():
        parser.error(f"--scale-sim {arguments.scale_sim}: no such file; give the path of a Python interpreter")
    begin = time.perf_counter()
    run(made("seq_len=1Ki,batch=1,heads=1"))
    product(8, 8, 8, 8, "output-stationary")  # specs are read
    print(f"engine compiled, or loaded from numba's cache, in {time.perf_counter() - begin:.1f} s")
    stepped()
    jumped()
    design_points(arguments.points)
    products(arguments.scale_sim)


if __name__ == "__main__":
    main()
