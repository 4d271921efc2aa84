"""`einfuse sweep` and `einfuse pareto`: what they print, write, refuse and leave with, on sweeps that are made up."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from reports.console import render
from reports.explore import progress, sweeping
from reports.explore.fronts import as_text
from reports.explore.sweeping import Sweep
from sim.explore.runs import engines, estimate
from sim.explore.runs.reading import Front
from sim.explore.runs.run import Progress
from sim.explore.runs.work import Tally, Task
from tests.conftest import ROOT, Golden
from tests.explore.made_up import KEEPS, OBJECTIVES, MadeUp
from tests.explore.test_run import assert_whole, whole_table

from .conftest import Run

Einfuse = Callable[..., Run]
WORK = MadeUp()


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets `einfuse sweep` find this work instead of a file's."""

    def put(work: MadeUp = WORK, keep: str = "all") -> None:
        def read(spec: str, changes: Sequence[str]) -> Sweep:
            return Sweep("made-up", work, KEEPS[keep], f"sweep: made-up # {spec} {' '.join(changes)}\n")

        monkeypatch.setattr(sweeping, "read", read)

    put()
    return put


def test_a_sweep_is_a_folder_that_pandas_reads(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    found = einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"), "--set", "arch.x=1", "--jobs", "2", "--json")
    assert (found.code, found.err) == (0, "")
    least = {name: whole_table(WORK).to_pandas()[name].min() for name in OBJECTIVES}
    assert found.json == {
        "schema": "einfuse.sweep/1",
        "run": str(tmp_path / "run"),
        "complete": True,
        "parts": 12,
        "parts_made": 12,
        "points": 600,
        "feasible": 405,
        "rows": 600,
        "least": least,
    }
    assert_whole(tmp_path / "run")
    assert (tmp_path / "run" / "_sweep.yaml").read_text() == "sweep: made-up # my.yaml arch.x=1\n"
    again = einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"), "--json")
    assert (again.code, again.json) == (0, found.json | {"parts_made": 0})


def test_the_folder_has_the_name_of_the_sweep(
    einfuse: Einfuse, made_up: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = einfuse("sweep", "my.yaml")
    assert found == Run(
        0,
        "run              made-up\n"
        "made now         12 of 12 parts\n"
        "feasible         405 of 600 points\n"
        "rows             600\n"
        "least latency_s  0 s\n"
        "least energy_j   10.00 mJ\n"
        "least area_mm2   0 mm²\n",
        "",
    )
    assert_whole(tmp_path / "made-up")


def test_shards_of_a_sweep(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    one = einfuse("sweep", "my.yaml", "-o", str(tmp_path), "--shard", "1/2")
    assert one.code == 0 and "other shards are not done" in one.out and "6 of 12 parts" in one.out
    assert einfuse("sweep", "my.yaml", "-o", str(tmp_path), "--shard", "2/2", "--json").json["complete"]
    assert_whole(tmp_path)


def test_nothing_feasible_leaves_with_3_and_the_most_frequent_reason(
    einfuse: Einfuse, made_up: Callable, tmp_path: Path
) -> None:
    made_up(MadeUp(hopeless=True))
    for _ in range(2):  # a finished run says the same
        found = einfuse("sweep", "my.yaml", "-o", str(tmp_path))
        message = "infeasible: none of 600 points; most often: constraint: area_mm2 <= 400\n"
        assert (found.code, found.err) == (3, message)
    shard = einfuse("sweep", "my.yaml", "-o", str(tmp_path / "_shard"), "--shard", "1/2")
    assert shard.code == 0  # others may have what it lacks


def test_a_changed_sweep_is_refused_unless_fresh(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    einfuse("sweep", "my.yaml", "-o", str(tmp_path))
    made_up(replace(WORK, each=49))
    refused = einfuse("sweep", "my.yaml", "-o", str(tmp_path))
    assert refused.code == 2 and "is a run of something else (model: 0000" in refused.err
    assert einfuse("sweep", "my.yaml", "-o", str(tmp_path), "--fresh").code == 0
    assert_whole(tmp_path, replace(WORK, each=49))


def test_an_interrupt_says_that_what_is_stored_stays(
    einfuse: Einfuse, made_up: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(chunk: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MadeUp, "table", lambda self, chunk: interrupt(chunk))
    found = einfuse("sweep", "my.yaml", "-o", str(tmp_path))
    message = f"{tmp_path}: what is stored stays, and the same command goes on from there\ninterrupted\n"
    assert (found.code, found.out, found.err) == (130, "", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", " "], "-o takes the folder that the run is written to"),
        (["--shard", "3/2"], "a shard is I/N with I from 1 to N, and N at most 1,000,000, such as 2/8; found '3/2'"),
        (
            ["--engine", "locale"],
            "unknown engine 'locale'; did you mean 'local'? allowed: local, dask, slurm, lsf, sge",
        ),
        (
            ["--scheduler", "tcp://here:8786"],
            "--scheduler is the address of --engine dask; found --engine local",
        ),
        (
            ["--engine", "slurm"],
            "--cluster FILE tells of the jobs of --engine slurm|lsf|sge; found --engine slurm without --cluster",
        ),
        (
            ["--engine", "dask", "--cluster", "site.yaml"],
            "--cluster FILE tells of the jobs of --engine slurm|lsf|sge; found --engine dask and --cluster",
        ),
        (
            ["--fresh", "--shard", "1/2"],
            "--fresh removes what other shards have done; remove the folder before the shards are begun, or leave out "
            "--shard",
        ),
        (["--shards", "3"], "a job script needs --shards N and --script lsf|sge|slurm; give both"),
        (
            ["--shards", "3", "--script", "slrm"],
            "unknown batch system 'slrm'; did you mean 'slurm'? allowed: lsf, sge, slurm",
        ),
        (
            ["--shards", "3", "--script", "sge", "--fresh"],
            "a job script is of all shards, and goes on where they are; leave out --shard and --fresh",
        ),
        (
            ["--shards", "3", "--script", "sge", "--engine", "dask"],
            "the shards of a job script do the work themselves; leave out --engine dask",
        ),
    ],
)
def test_options_that_are_wrong_are_told_in_one_line(
    einfuse: Einfuse, made_up: Callable, arguments: list[str], message: str
) -> None:
    assert einfuse("sweep", "my.yaml", *arguments) == Run(2, "", message + "\n")


def test_a_dry_run_writes_nothing_and_estimates(
    einfuse: Einfuse, made_up: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = einfuse("sweep", "my.yaml", "--dry-run", "--jobs", "1", "--json")
    size_bytes = sum(path.stat().st_size for path in _run(einfuse, tmp_path / "run").glob("part-*"))
    assert (found.json["points"], found.json["parts"], found.json["parts_sampled"]) == (600, 12, 3)
    assert abs(found.json["size_bytes"] / size_bytes - 1) < 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    text = einfuse("sweep", "my.yaml", "--dry-run").out
    assert re.search(r"points +600\nparts +12\ntime +about .*s\ndisk +about .*B, .*B are free\nsampled +3 parts", text)


SITE = "cluster: site\ncores: 8\nmemory: 32GiB\nworkers: 20\nwalltime: 02:00:00\n"


def test_a_dry_run_of_jobs_shows_their_script(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="the extra [cluster] is not installed")
    (tmp_path / "site.yaml").write_text(SITE)
    given = ["sweep", "my.yaml", "-o", str(tmp_path / "run"), "--dry-run", "--engine", "slurm", "--cluster"]
    found = einfuse(*given, str(tmp_path / "site.yaml"))
    assert (found.code, found.err) == (0, "") and not (tmp_path / "run").exists()
    assert (
        "workers  20, taken to be as fast as this machine's\n\n#!/usr/bin/env bash\n\n#SBATCH -J einfuse\n" in found.out
    )
    assert "#SBATCH --cpus-per-task=8\n#SBATCH --mem=32G\n#SBATCH -t 02:00:00\n" in found.out
    assert found.out.endswith(
        "--name NAME --nthreads 1 --memory-limit 4.00GiB --nworkers 8 --nanny --death-timeout 60\n"
    )
    assert einfuse(*given, f"{tmp_path / 'site.yaml'}:cores=4", "--json").json["job_script"].count("--nworkers 4") == 1


def test_a_site_that_is_wrong_is_told_with_all_its_faults(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("cluster: site\ncores: 0\nmemory: 32GiB\nworkers: 20\nwalltime: 2 hours\n")
    for arguments in (["sweep", "my.yaml", "--engine", "sge", "--cluster", str(path)], ["check", str(path)]):
        found = einfuse(*arguments)
        assert found.code == 2
        assert [line.partition(": ")[0] for line in found.err.splitlines()] == [f"{path}:2:8", f"{path}:5:11"]


def test_a_sweep_by_dask(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    found = einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"), "--engine", "dask", "--jobs", "2", "--json")
    assert (found.code, found.err, found.json["parts_made"]) == (0, "", 12)
    assert_whole(tmp_path / "run")


@pytest.mark.parametrize(("engine", "library"), [("dask", "distributed"), ("slurm", "dask-jobqueue")])
def test_without_the_library_of_an_engine_the_way_to_get_it_is_told(
    einfuse: Einfuse, made_up: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, library: str
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    (tmp_path / "site.yaml").write_text(SITE)
    site = [] if engine == "dask" else ["--cluster", str(tmp_path / "site.yaml")]
    found = einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"), "--engine", engine, *site)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (wanted,) = (each for each in extras["cluster"] if each.startswith(f"{library}>"))
    message = f"{library} is not installed; to get it:\n  {library}: pip install '{wanted}'\n"
    assert found == Run(4, "", message) and not (tmp_path / "run").exists()


def _run(einfuse: Einfuse, folder: Path) -> Path:
    assert einfuse("sweep", "my.yaml", "-o", str(folder)).code == 0
    return folder


def test_an_estimate_by_hand() -> None:
    """Seven chunks on two workers are four rounds; each sample takes 3 s by this clock."""
    ticks = iter([0.0, 1.0, 4.0, 4.0, 5.0, 8.0, 20.0])
    found = estimate.estimate(Task(replace(WORK, chunks=7), KEEPS["all"]), 2, lambda: next(ticks))
    assert (found.points, found.chunks, found.sampled, found.duration_s) == (350, 7, 2, 12.0)


@pytest.mark.parametrize("system", ["slurm", "lsf", "sge"])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_job_script(
    einfuse: Einfuse, made_up: Callable, golden: Golden, tmp_path: Path, system: str, jobs: int
) -> None:
    folder = tmp_path / "my run"
    given = ["-o", str(folder), "--set", "arch.buffer.size=[1MiB, 2MiB]", "--jobs", str(jobs)]
    found = einfuse("sweep", "my.yaml", *given, "--shards", "5", "--script", system)
    assert (found.code, found.err) == (0, "")
    golden.check(found.out.replace(str(tmp_path), "/runs").replace(os.getcwd(), "/specs"))
    echo = tmp_path / "einfuse"
    echo.write_text('#!/bin/sh\nfor each in "$@"; do echo "$each"; done\n')
    echo.chmod(0o755)
    index = {"slurm": "SLURM_ARRAY_TASK_ID", "lsf": "LSB_JOBINDEX", "sge": "SGE_TASK_ID"}[system]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", index: "3"}
    told = subprocess.run(["sh"], input=found.out, env=environment, capture_output=True, text=True, check=True)
    spec = str(Path("my.yaml").resolve())
    expected = ["sweep", spec, *given[:-2], "--shard", "3/5", "--jobs", str(jobs)]
    assert told.stdout.splitlines() == expected


def test_progress_is_a_line_of_rate_and_best() -> None:
    assert progress.description(Progress(9, 0, 0, Tally(), 0), 0.0) == "0 points/s"


def test_the_front_of_a_run(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    everything, only = _run(einfuse, tmp_path / "all"), tmp_path / "front"
    made_up(keep="front")
    _run(einfuse, only)
    expected = whole_table(WORK, KEEPS["front"]).to_pandas().sort_values([*OBJECTIVES, "point"])
    names = ["point", "arch.array_2d.rows", *OBJECTIVES]
    for folder in (everything, only):
        found = einfuse("pareto", str(folder), "--json").json
        assert (found["points"], found["complete"], found["objectives"]) == (600, True, list(OBJECTIVES))
        assert found["front"] == expected[names].to_dict("records")
    shown = einfuse("pareto", str(everything)).out.splitlines()
    assert [line.split() for line in shown[:3]] == [["arch."], ["array_2d."], ["point", "rows", *OBJECTIVES]]
    assert len(shown) == len(expected) + 5
    assert shown[-1] == f"{len(expected)} of 600 points, least in latency_s, energy_j, area_mm2"


def test_what_all_of_a_front_have_is_told_once(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    made_up(MadeUp(chunks=1, each=8))
    shown = einfuse("pareto", str(_run(einfuse, tmp_path / "run"))).out.splitlines()
    assert shown[0].split() == ["point", *OBJECTIVES] and shown[-1] == "all have arch.array_2d.rows 16"


def test_points_with_the_same_objectives_are_listed_once() -> None:
    """Three axes of which one does nothing: of its two values the first is listed, with how many they are."""
    table = pa.table(
        {
            "point": [2, 3, 0, 1, 4],
            "arch.dram.bandwidth": [50.0 * 2**30, 1e9, 50.0 * 2**30, 1e9, 2.0],
            "latency_s": [1.0, 1.0, 2.0, 2.0, 3.0],
            "energy_j": [9.0, 9.0, 2.0, 2.0, 1.0],
        }
    )
    lines = render(*as_text(Front(table, ("latency_s", "energy_j"), 8, 1, 1, ""))).splitlines()
    assert [line.split() for line in lines[2:6]] == [
        ["point", "bandwidth", "latency_s", "energy_j", "equal"],
        ["2", "50Gi", "1.000", "s", "9.000", "J", "2"],
        ["0", "50Gi", "2.000", "s", "2.000", "J", "2"],
        ["4", "2", "3.000", "s", "1.000", "J", "1"],
    ]
    assert lines[-2:] == [
        "5 of 8 points, least in latency_s, energy_j",
        "equal: points with these objectives; the first is listed, --json lists all",
    ]


def test_the_front_in_other_objectives(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    _run(einfuse, tmp_path / "run")
    found = einfuse("pareto", str(tmp_path / "run"), "--objectives", "energy_j, arch.array_2d.rows", "--json").json
    rows = pd.DataFrame(found["front"])
    assert rows["energy_j"].is_monotonic_increasing and rows["arch.array_2d.rows"].is_monotonic_decreasing
    for text in ("reason", "feasible"):  # hold no numbers
        refused = einfuse("pareto", str(tmp_path / "run"), "--objectives", text)
        assert refused.code == 2 and refused.err.startswith(
            f"unknown column '{text}'; allowed: point, arch.array_2d.rows,"
        )
    unknown = einfuse("pareto", str(tmp_path / "run"), "--objectives", "energy")
    assert unknown.code == 2 and unknown.err.startswith("unknown column 'energy'; did you mean 'energy_j'? allowed: ")


def test_a_front_in_too_many_objectives_is_refused(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    _run(einfuse, tmp_path / "run")
    found = einfuse("pareto", str(tmp_path / "run"), "--objectives", "a,b,c,d,e")
    assert found.code == 2 and "5 objectives: a front is in 4 at most; leave some out" in found.err


def test_a_front_of_what_was_kept_says_so(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    for keep, names, said in (
        ("front", "energy_j, latency_s, area_mm2", ""),
        ("front", "latency_s", "front in latency_s, energy_j, area_mm2"),
        ("top", "latency_s", str(KEEPS["top"])),
    ):
        made_up(keep=keep)
        einfuse("sweep", "my.yaml", "-o", str(tmp_path / keep))
        found = einfuse("pareto", str(tmp_path / keep), "--objectives", names)
        told = f"'{tmp_path / keep}' has kept {said} only: other points may be on the front\n" if said else ""
        assert (found.code, found.err) == (0, told)


def test_the_front_of_what_is_there(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"), "--shard", "1/2")
    found = einfuse("pareto", str(tmp_path / "run"), "--json")
    assert (found.code, found.json["complete"], found.json["points"]) == (0, False, 300)
    assert found.err == f"'{tmp_path / 'run'}' is not complete: the front is of 6 of 12 parts\n"
    made_up(keep="front")
    einfuse("sweep", "my.yaml", "-o", str(tmp_path / "front"), "--shard", "1/2")
    found = einfuse("pareto", str(tmp_path / "front"))
    message = f"'{tmp_path / 'front'}' has no part of its table yet; run its sweep to the end first\n"
    assert found == Run(2, "", message)
    nowhere = einfuse("pareto", str(tmp_path))
    assert (
        nowhere.err == f"'{tmp_path}' is not a run: it has no _run.json; give the folder that a sweep was written to\n"
    )


def test_a_run_without_a_feasible_point_has_no_front(einfuse: Einfuse, made_up: Callable, tmp_path: Path) -> None:
    made_up(MadeUp(hopeless=True))
    einfuse("sweep", "my.yaml", "-o", str(tmp_path / "run"))
    assert einfuse("pareto", str(tmp_path / "run")) == Run(0, "no point is feasible\n", "")
