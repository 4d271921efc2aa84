"""Clock cycles a second of generated hardware: Verilator beside Amaranth's simulator, on the same component.

    python benchmarks/rtl_harness.py [--cycles N] [--size N]

The component is an array of size × size elements that multiply int8 and add in 32 bits, output stationary, with a
wavefront of registers, two input streams and one output stream, all of them stalled now and then. It runs with the
probes in all elements logged, and without. Amaranth's simulator gets fewer cycles, and has to log what Verilator logs
of as many. Compiling is measured in an empty folder: first with Verilator's runtime, which is kept for all components,
then another component without. Expected of 8 × 8: more than 100,000 cycles a second.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.harness import Log, Stimulus, run
from rtl.harness_verilator import Program, as_verilog, program
from rtl.manifest import Probe, manifest
from rtl.packing import packed, unpacked
from rtl.stalls import burst_stalls

EXPECTED_PER_S = 100_000
LENGTH = 64  # outer products in a sum
FEWER = 500  # times as few cycles for Amaranth's simulator


class MacArray(wiring.Component):
    """Sums of `length` outer products; when they are complete they leave row by row, and the next begin."""

    def __init__(self, size: int) -> None:
        self.size = size
        operand, result = data.ArrayLayout(signed(8), size), data.ArrayLayout(signed(32), size)
        super().__init__(
            {
                "length": In(16),
                "rows": In(stream.Signature(operand)),
                "columns": In(stream.Signature(operand)),
                "sums": Out(stream.Signature(result)),
                "element": Out(Probe(sum=signed(32))).array(size, size),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, size = Module(), self.size
        taken, waited, row = Signal(16), Signal(range(2 * size + 1)), Signal(range(size))
        full, drained = taken == self.length, waited == 2 * size
        take, give, last = Signal(), Signal(), Signal()
        m.d.comb += [
            take.eq(~full & self.rows.valid & self.columns.valid),
            self.rows.ready.eq(take),
            self.columns.ready.eq(take),
            self.sums.valid.eq(full & drained),
            give.eq(self.sums.valid & self.sums.ready),
            last.eq(give & (row == size - 1)),
        ]
        m.d.sync += [
            taken.eq(Mux(last, 0, taken + take)),
            waited.eq(Mux(last | ~full, 0, waited + ~drained)),
            row.eq(Mux(last, 0, row + give)),
        ]

        def later(value: Any, cycles: int = 1) -> Any:
            for _ in range(cycles):
                kept = Signal.like(value)
                m.d.sync += kept.eq(value)
                value = kept
            return value

        down = [later(self.columns.payload[c], c) for c in range(size)]
        for r in range(size):
            valid, along = later(take, r), later(self.rows.payload[r], r)
            for c in range(size):
                probe, held = self.element[r][c], Signal(signed(32), name=f"sum_{r}_{c}")
                m.d.comb += [probe.valid.eq(valid), probe.sum.eq(held + along * down[c])]
                m.d.sync += held.eq(Mux(last, 0, Mux(valid, probe.sum, held)))
                with m.If(row == r):
                    m.d.comb += self.sums.payload[c].eq(held)
                valid, along, down[c] = later(valid), later(along), later(down[c])
        return m


def check(log: Log, rows: np.ndarray, columns: np.ndarray, size: int) -> None:
    """The sums that left are those of NumPy."""
    found = unpacked(log.words("sums"), 32, size, signed=True)
    whole = len(found) // size
    a, b = (x[: whole * LENGTH].reshape(whole, LENGTH, size).astype(np.int32) for x in (rows, columns))
    assert whole and np.array_equal(found[: whole * size].reshape(whole, size, size), np.einsum("tki,tkj->tij", a, b))


def timed(compiled: Program, stimulus: Stimulus) -> tuple[Log, float]:
    """A log and cycles a second, files and decoding included."""
    begin = time.perf_counter()
    log = compiled.run(stimulus)
    return log, log.cycles / (time.perf_counter() - begin)


def shortened(stimulus: Stimulus, cycles: int) -> Stimulus:
    """The beginning of a run."""
    words = {name: given[:cycles] for name, given in stimulus.words.items()}
    return replace(stimulus, words=words, limit_cycles=cycles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=8)
    arguments = parser.parse_args()
    size, cycles = arguments.size, arguments.cycles
    rng = np.random.default_rng(1)
    rows, columns = (rng.integers(-128, 128, (cycles, size)) for _ in range(2))
    stimulus = Stimulus(
        cycles,
        words={"rows": packed(rows, 8), "columns": packed(columns, 8)},
        settings={"length": LENGTH},
        stalls=burst_stalls(1, ["rows", "columns", "sums"], cycles),
    )
    print(f"{size} x {size} elements, {cycles:,} cycles")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EINFUSE_CACHE_DIR"] = folder
        for name, of in (("with the runtime", size - 1), ("the component", size)):
            component = MacArray(of)
            begin = time.perf_counter()
            text = as_verilog(component)
            written = time.perf_counter()
            compiled = program(text, manifest(component))
            print(f"{'compile ' + name:34}{time.perf_counter() - written:10.1f} s, Verilog {written - begin:.1f} s")
        without, rate = timed(compiled, replace(stimulus, watched=()))
        check(without, rows, columns, size)
        print(f"{'Verilator, streams only':34}{rate:12,.0f} cycles/s (expected of 8 x 8: > {EXPECTED_PER_S:,})")
        few, middle = (shortened(stimulus, max(cycles // times, 4 * LENGTH)) for times in (FEWER, 10))
        log, probed = timed(compiled, middle)
        events = sum(map(len, log.probes.values()))
        print(f"{'Verilator, every element':34}{probed:12,.0f} cycles/s, {events:,} events of {size * size} probes")
        begin = time.perf_counter()
        slow = run(MacArray(size), few)
        slow_rate = slow.cycles / (time.perf_counter() - begin)
        assert slow == compiled.run(few)
        print(f"{'Amaranth, every element':34}{slow_rate:12,.0f} cycles/s")
        print(f"{'ratio':34}{probed / slow_rate:12,.0f}")


if __name__ == "__main__":
    main()
