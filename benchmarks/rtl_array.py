"""Clock cycles a second of the generated array: Verilator beside Amaranth's simulator, held to engine and model.

    python benchmarks/rtl_array.py [--sizes N ...] [--cycles N]

An array of size × size does one-pass attention for the cycles that are asked for, or a few more. It is compiled twice,
in an empty cache: with every probe, as for `einfuse rtl verify`, and without, as it is handed over. Times of runs are
those of the compiled program with its files; `verify` is the whole comparison of events and values after such a run.
Amaranth's simulator gets the beginning of the same run, and has to log the same. Expected of 8 × 8: more than 100,000
cycles a second.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from reports.hardware.generation import Hardware, hardware_of
from reports.hardware.verification import compared, stimulus
from reports.hardware.work import Work
from rtl.harness import Log, Stimulus, run
from rtl.harness_verilator import Program, as_verilog, program
from rtl.manifest import manifest
from sim.simulate import bound

EXPECTED_PER_S = 100_000
HEAD_DIM = VALUE_DIM = 8
TILE_CYCLES = 24  # and a few more: 8 for scores, 8 for products, 8 for a weight, the maximum and the sum
QUERY_TILES = 32
AMARANTH_CYCLES = {8: 300, 16: 100}

Value = TypeVar("Value")


def timed(call: Callable[[], Value]) -> tuple[Value, float]:
    """A result and the seconds it took."""
    begin = time.perf_counter()
    return call(), time.perf_counter() - begin


def made(size: int, cycles: int) -> Hardware:
    """The array, and work for so many cycles at least."""
    key_tiles = -(-cycles // (TILE_CYCLES * QUERY_TILES)) + 1
    work = f"queries={QUERY_TILES * size},keys={key_tiles * size},head_dim={HEAD_DIM},value_dim={VALUE_DIM}"
    schedule = bound(f"attention:{work}", f"fusemax-fpga:rows={size},cols={size}", "fusemax-binding")
    return hardware_of(schedule, most_records=1 << 22)


def compiled(hardware: Hardware, probes: bool) -> Program:
    """The program, with its times."""
    component = hardware.top(probes)
    text, writing_s = timed(lambda: as_verilog(component))
    found, compiling_s = timed(lambda: program(text, manifest(component)))
    name = "with every probe" if probes else "without probes"
    print(f"{'compile ' + name:34}{compiling_s:10.1f} s, Verilog {writing_s:.1f} s, {len(text):,} characters")
    return found


def ran(name: str, call: Callable[[], Log]) -> tuple[Log, float]:
    """A log and cycles a second."""
    log, seconds = timed(call)
    rate, events = log.cycles / seconds, sum(map(len, log.probes.values()))
    print(f"{name:34}{rate:12,.0f} cycles/s: {log.cycles:,} cycles, {events:,} events of probes in {seconds:.1f} s")
    return log, rate


def beginning(whole: Stimulus, cycles: int) -> Stimulus:
    """The first cycles of a run."""
    return replace(whole, limit_cycles=cycles, until={})


def measure(size: int, cycles: int) -> None:
    """One size."""
    hardware, engine_s = timed(lambda: made(size, cycles))
    total = int(hardware.run.cycles[0])
    starts = len(hardware.run.records)
    print(f"\n{size} x {size} elements, {total:,} cycles and {starts:,} starts of the engine, {engine_s:.1f} s")
    work = Work(hardware)
    given, values_s = timed(lambda: stimulus(hardware, work))
    print(f"{'model and words':34}{values_s:10.1f} s")
    plain, probed = compiled(hardware, False), compiled(hardware, True)
    bare, rate = ran("Verilator, without probes", lambda: plain.run(given))
    ran("Verilator, probes not watched", lambda: probed.run(replace(given, watched=())))
    log, probed_rate = ran("Verilator, every probe logged", lambda: probed.run(given))
    assert np.array_equal(bare.streams["av"].columns["payload"], log.streams["av"].columns["payload"])
    result, compare_s = timed(lambda: compared(hardware, work, log, "verilator"))
    print(f"{'verify':34}{compare_s:10.1f} s: {result.events.counts[0]:,} events, {result.payloads:,} values")
    assert result.passed, str(result.events)
    few = beginning(given, AMARANTH_CYCLES.get(size, 100))
    slow, slow_rate = ran("Amaranth, every probe logged", lambda: run(hardware.top(True), few))
    assert slow.events() == probed.run(few).events()
    print(f"{'ratio, every probe logged':34}{probed_rate / slow_rate:12,.0f}")
    _, slow_rate = ran("Amaranth, without probes", lambda: run(hardware.top(False), few))
    print(f"{'ratio, without probes':34}{rate / slow_rate:12,.0f}")
    if size == 8:
        print(f"expected without probes: > {EXPECTED_PER_S:,} cycles/s; found {rate:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--cycles", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EINFUSE_CACHE_DIR"] = folder
        for size in arguments.sizes:
            measure(size, arguments.cycles)


if __name__ == "__main__":
    main()
