"""The cycle model of many points at once: each is what it is alone, whoever its neighbours are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.explore.sweep import sweep
from tests.explore.rows import expected, table_of, written

SWEPT = """
sweep: batches
workload: bert:batch=1
arch: fusemax-cloud:energy=horowitz-45nm
mapping: fusemax-binding
model: cycle
columns: all
axes:
  workload.seq_len: [1Ki, 3000]
  arch.array_2d.operations.mac.latency: [1, 4]
  mapping.interleave: [1, 4]
  arch.array_2d.registers: [4, 8]
  arch.array_2d.rows: [16, 48, 128]
  arch.array_2d.cols: [32, 128]
  arch.buffer.size: [64 KiB, 256 KiB, 4 MiB]
  arch.dram.bandwidth: [20 GiB/s, 400 GiB/s]
  arch.array_1d.registers: = 16 * interleave
"""


def test_rows_are_what_simulate_says(tmp_path: Path) -> None:
    made = sweep(written(tmp_path, SWEPT))
    rows = table_of(made).to_pylist()
    reasons = {row["reason"].split(",")[0].split("'")[0] for row in rows if row["reason"]}
    assert reasons == {"mapping ", "interleave 4 keeps 4 tiles in "}  # of binding, and of the engine
    drawn = np.random.default_rng(7).choice(len(rows), 40, replace=False).tolist()
    for point in drawn:
        want = {name: value for name, value in expected(made, point).items() if not name.startswith("unit_cycles")}
        assert {name: rows[point][name] for name in want} == want


@pytest.mark.parametrize("chunk", [7, 100])
def test_chunks_of_any_size_give_the_same_rows(tmp_path: Path, chunk: int) -> None:
    file = written(tmp_path, SWEPT.replace("[1Ki, 3000]", "[3000]").replace("[1, 4]", "[4]"))
    assert table_of(sweep(file, chunk=chunk)).to_pylist() == table_of(sweep(file)).to_pylist()


def test_ported_memories_are_taken_point_by_point(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: bert:batch=1,seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\nmodel: cycle\n"
        "axes: {arch.buffer.ports: [1RW, 2R1W], arch.array_2d.rows: [64, 128]}\n"
    )
    made = sweep(written(tmp_path, text))
    for point, row in enumerate(table_of(made).to_pylist()):
        assert {name: row[name] for name in ("latency_s", "bound_by")} == {
            name: expected(made, point)[name] for name in ("latency_s", "bound_by")
        }
