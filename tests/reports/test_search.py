"""`einfuse search`: what it prints, writes and refuses, and that its best mapping gives the same numbers again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.explore.searching import searched
from sim import simulate
from specs import Infeasible
from tests.explore.spaces import drawn

from .conftest import Run

Einfuse = Callable[..., Run]
OPENED = {"partition": {"m": {"m0": [2, 4, 8]}, "n": {"n0": [2, 4, 8]}}}


def written(folder: Path, **spec: Any) -> str:
    plain = {"workload": "gemm:M=48,N=32,K=24", "arch": "systolic:rows=8,cols=8", "mapping": "output-stationary"}
    path = folder / "tried.yaml"
    path.write_text(json.dumps({"search": "tried", **plain, "open": OPENED, **spec}))
    return str(path)


def test_a_search_is_a_folder_with_its_best_mapping(einfuse: Einfuse, tmp_path: Path) -> None:
    run = tmp_path / "run"
    found = einfuse("search", written(tmp_path, objectives=["cycles"]), "-o", str(run), "--json")
    assert (found.code, found.err) == (0, "")
    assert {name: found.json[name] for name in ("schema", "verdict", "proven", "size", "illegal")} == {
        "schema": "einfuse.search/1",
        "verdict": "optimal",
        "proven": True,
        "size": 9,
        "illegal": 0,
    }
    best = found.json["best"]
    assert best["cycles"] == 576.0 and best["open"] == {"partition.m.m0": "8", "partition.n.n0": "8"}
    again = einfuse("simulate", "-w", best["workload"], "-a", best["arch"], "-m", best["mapping"], "--json")
    assert again.json["cycles"] == 576
    table = pd.read_parquet(run)
    assert list(table.columns) == [
        "point",
        "mapping.partition.m.m0",
        "mapping.partition.n.n0",
        "cycles",
        "feasible",
        "reason",
    ]
    assert table["cycles"].tolist() == [576.0]
    assert einfuse("pareto", str(run)).code == 0


def test_a_search_that_is_done_is_not_done_again(einfuse: Einfuse, tmp_path: Path) -> None:
    run, spec = tmp_path / "run", written(tmp_path)
    first = einfuse("search", spec, "-o", str(run))
    written_at = (run / "_best.yaml").stat().st_mtime_ns
    assert einfuse("search", spec, "-o", str(run)).out == first.out
    assert (run / "_best.yaml").stat().st_mtime_ns == written_at
    other = einfuse("search", spec, "-o", str(run), "--budget", "2")
    assert other.code == 2 and "is a run of something else" in other.err
    fresh = einfuse("search", spec, "-o", str(run), "--budget", "2", "--fresh")
    assert fresh.code == 0


@pytest.mark.parametrize("seed", range(30))
def test_the_best_mapping_as_a_file_gives_the_same_numbers(seed: int, tmp_path: Path) -> None:
    """On drawn spaces: sequences, choices, masks, DRAM banks."""
    drawn(tmp_path, seed)
    try:
        best = searched(str(tmp_path / "search.yaml"), [], str(tmp_path / "run"), None, None, False)["best"]
    except Infeasible:
        return
    record = simulate(best["workload"], best["arch"], best["mapping"], best["model"])
    for name in ("latency_s", "energy_j", "cycles"):
        assert name not in best or best[name] == getattr(record, name)


def test_nothing_feasible_leaves_with_3(einfuse: Einfuse, tmp_path: Path) -> None:
    spec = written(tmp_path, open={"partition": {"m": {"m0": [16, 32]}}})
    found = einfuse("search", spec, "-o", str(tmp_path / "run"))
    assert found.code == 3
    assert "axis 'rows' of 'array' refuses 2 mappings; the nearest, 2 times what there is" in found.err


def test_what_cannot_be_searched_leaves_with_2(einfuse: Einfuse, tmp_path: Path) -> None:
    found = einfuse("search", written(tmp_path, open={"partition": {"m": {"m7": "any"}}}, objectives=["cycle"]))
    assert found.code == 2 and "tried.yaml:1:" in found.err
    assert einfuse("search", str(tmp_path / "none.yaml")).code == 2


def test_samples_without_optuna_leave_with_4(einfuse: Einfuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    found = einfuse("search", written(tmp_path, method="tpe"), "-o", str(tmp_path / "run"))
    assert found.code == 4 and "pip install 'einfuse[search]'" in found.err


def test_files_of_searches_are_checked_and_shown(einfuse: Einfuse) -> None:
    assert "search" in einfuse("check", "examples/search_split.yaml").out
    assert "sequence.0.partition.p.p1" in einfuse("show", "examples/search_split.yaml").out
    assert "open" in einfuse("schema", "search").json["properties"]
