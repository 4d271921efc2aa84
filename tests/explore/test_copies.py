"""The work of a sweep's file in other processes: the same rows, unless the file is another by then."""

from __future__ import annotations

import pickle
from pathlib import Path

import pandas as pd
import pytest

from sim.explore.copies import FileWork
from sim.explore.runs.keep import ALL
from sim.explore.runs.local import processes, serial
from sim.explore.runs.run import run
from specs import RunFailed
from tests.conftest import ROOT

pytest.importorskip("sim.explore.evaluate")
EXAMPLE = ROOT / "examples" / "area_latency.yaml"
CHANGES = ("arch.dram.bandwidth={from: 50GiB/s, to: 3200GiB/s, steps: 30000}",)


def test_a_copy_has_the_same_rows() -> None:
    work = FileWork(str(EXAMPLE), CHANGES)
    copy = pickle.loads(pickle.dumps(work))
    assert (copy.chunks, copy.points, copy.identity) == (work.chunks, 180_000, work.identity)
    assert copy.table(1).equals(work.table(1))


def test_processes_make_the_same_run(tmp_path: Path) -> None:
    for engine in (serial, processes):
        run(FileWork(str(EXAMPLE), CHANGES), tmp_path / engine.__name__, ALL, engine=engine, workers=2)
    pd.testing.assert_frame_equal(
        *(pd.read_parquet(tmp_path / each).sort_values("point") for each in ("serial", "processes"))
    )


def test_a_copy_of_a_file_that_was_changed_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(EXAMPLE.read_text())
    copy = pickle.loads(pickle.dumps(FileWork(str(path))))
    path.write_text(EXAMPLE.read_text().replace("256Ki", "64Ki"))
    with pytest.raises(RunFailed, match=r"mine.yaml', or a file that it names, was changed while the sweep went on"):
        copy.table(0)
