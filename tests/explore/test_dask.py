"""The engine of Dask, and that of a batch system's jobs: the same run as the local one, whatever workers do.

No batch system is here; programs of its commands' names run jobs as processes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("distributed", reason="the extra [cluster] is not installed: pip install -e '.[cluster]'")

from distributed import LocalCluster

from sim.explore.copies import FileWork
from sim.explore.runs import batch, remote
from sim.explore.runs.batch import ClusterSpec, jobs
from sim.explore.runs.engines import chosen
from sim.explore.runs.local import serial
from sim.explore.runs.remote import HTTP, dask
from sim.explore.runs.run import Progress, run
from sim.explore.runs.shards import Shard
from specs import RunFailed, ToolMissing
from tests.conftest import ROOT
from tests.explore.made_up import KEEPS, MadeUp, Marked
from tests.explore.test_crashes import LOST, PATIENCE_S, alive, started, wait_for_parts
from tests.explore.test_run import assert_whole

SITE = ClusterSpec.model_validate({"cluster": "here", "cores": 2, "memory": "1GiB", "workers": 2})


@pytest.fixture
def marked(tmp_path: Path) -> Marked:
    (tmp_path / "marks").mkdir()
    return Marked(folder=str(tmp_path / "marks"))


def kills_one(work: Marked, after: int) -> Callable[[Progress], None]:
    """Kills the worker that began last, as soon as so many parts are stored."""
    killed: list[int] = []

    def told(so_far: Progress) -> None:
        if so_far.parts_done >= after and not killed:
            killed.append(work.begun[-1][1])
            os.kill(killed[0], signal.SIGKILL)

    return told


@pytest.mark.parametrize("keep", KEEPS)
def test_a_run_whose_worker_is_killed_equals_the_local_one(tmp_path: Path, marked: Marked, keep: str) -> None:
    outcome = run(marked, tmp_path / "run", KEEPS[keep], engine=dask(), workers=2, progress=kills_one(marked, 3))
    assert (outcome.complete, outcome.made) == (True, 12)
    assert_whole(tmp_path / "run", keep=KEEPS[keep])
    found = marked.begun
    assert len({process for _, process in found}) in (2, 3)  # two, and one in the killed one's place if it was in time
    again = [chunk for chunk, _ in found if [each for each, _ in found].count(chunk) > 1]
    assert len(set(again)) <= 2  # what it was at, and what it had done and still held
    assert os.getpid() not in {process for _, process in found}


def test_a_sweep_of_a_file_by_two_shards_equals_the_local_run(tmp_path: Path) -> None:
    """180,000 points of the cloud's machine, bit for bit; the shards share a scheduler that was there before."""
    changes = ("arch.dram.bandwidth={from: 50GiB/s, to: 3200GiB/s, steps: 30000}",)
    work = FileWork(str(ROOT / "examples" / "area_latency.yaml"), changes)
    run(work, tmp_path / "local", engine=serial)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=HTTP) as cluster:
        for number in (1, 2):
            run(work, tmp_path / "shards", engine=dask(cluster.scheduler_address), shard=Shard(number, 2))
    local, shards = (pd.read_parquet(tmp_path / each).sort_values("point") for each in ("local", "shards"))
    pd.testing.assert_frame_equal(local, shards, check_exact=True)
    parts = [sorted(path.name for path in (tmp_path / each).glob("part-*")) for each in ("local", "shards")]
    assert parts[0] == parts[1]
    assert all(
        (tmp_path / "local" / each).read_bytes() == (tmp_path / "shards" / each).read_bytes() for each in parts[0]
    )


def test_a_chunk_that_kills_three_workers_ends_the_run_and_is_named(tmp_path: Path, marked: Marked) -> None:
    deadly = replace(marked, deadly=5)
    with pytest.raises(RunFailed, match=r"^chunk 5 was under way on each of 3 workers that died, for want of memory"):
        run(deadly, tmp_path / "run", engine=dask(), workers=2)
    assert [chunk for chunk, _ in deadly.begun].count(5) == 3
    assert run(marked, tmp_path / "run", engine=serial).complete
    assert_whole(tmp_path / "run")


def test_a_worker_with_another_sweep_refuses(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((ROOT / "examples" / "area_latency.yaml").read_text())
    work = FileWork(str(path))
    assert work.chunks == 1  # read by now
    path.write_text(path.read_text().replace("256Ki", "64Ki"))
    with pytest.raises(RunFailed, match=r"mine.yaml', or a file that it names, was changed .*: sweep, workload"):
        run(work, tmp_path / "run", engine=dask(), workers=1)
    path.unlink()
    with pytest.raises(
        RunFailed, match=r"a worker on .* cannot read the sweep in '.*': no such sweep file: .*mine.yaml"
    ):
        run(work, tmp_path / "run", engine=dask(), workers=1)


def test_a_scheduler_that_is_lost_ends_the_run(tmp_path: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE_S", 2.0)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=HTTP) as cluster:

        def told(so_far: Progress) -> None:
            if so_far.parts_done == 4:
                cluster.close()

        with pytest.raises(RunFailed, match=r"^Dask's scheduler was lost; what is stored stays"):
            run(marked, tmp_path / "run", engine=dask(cluster.scheduler_address), progress=told)
    assert run(marked, tmp_path / "run", engine=serial).made <= 8
    assert_whole(tmp_path / "run")


def test_a_scheduler_that_is_not_there(tmp_path: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE_S", 1.0)
    with pytest.raises(RunFailed, match=r"^no scheduler of Dask answers at 'tcp://127.0.0.1:9'"):
        run(marked, tmp_path / "run", engine=dask("tcp://127.0.0.1:9"))
    with (
        LocalCluster(n_workers=0, dashboard_address=HTTP) as cluster,
        pytest.raises(RunFailed, match=r"has no workers; 'dask worker tcp://.*' starts some$"),
    ):
        run(marked, tmp_path / "run", engine=dask(cluster.scheduler_address))


def assert_ended(processes: Iterable[int]) -> None:
    places = [Path("/proc") / str(each) for each in processes]
    end = time.monotonic() + PATIENCE_S
    while any(map(alive, places)) and time.monotonic() < end:
        time.sleep(0.05)
    assert places and not any(map(alive, places))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_workers_end_with_the_command(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Whatever ends it: the run goes on later, and nothing of Dask's is said."""
    with started(tmp_path, "--engine", "dask", "--pause-s", "0.1") as process:
        wait_for_parts(tmp_path, 3)
        threads = list(Path(f"/proc/{process.pid}/task").glob("*/children"))
        if not threads:
            pytest.skip("no /proc that tells of children")
        workers = [int(each) for thread in threads for each in thread.read_text().split()]
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    if code > 0:
        assert errors == {130: "interrupted\n", 143: "terminated\n"}[code]
    assert_ended(workers)
    assert run(MadeUp(), tmp_path, engine=serial).made <= 9 + LOST
    assert_whole(tmp_path)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that submit and cancel jobs, which are processes; the folder holds the number of each that was begun."""
    folder = tmp_path / "site"
    folder.mkdir()
    copy = f'copy=$(mktemp {folder}/job-XXXX); cat "$1" > "$copy"'  # the script is removed when it was submitted
    start = f'setsid sh "$copy" >/dev/null 2>&1 </dev/null & echo "job $!"; touch {folder}/$!.pid'
    for name, text in {"sbatch": f"{copy}\n{start}", "scancel": "kill -TERM -- -$1"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def submitted(site: Path) -> list[int]:
    return [int(path.stem) for path in site.glob("*.pid")]


def test_jobs_of_a_batch_system_make_the_same_run(tmp_path: Path, marked: Marked, site: Path) -> None:
    outcome = run(marked, tmp_path / "run", engine=jobs("slurm", SITE), workers=2)
    assert (outcome.complete, outcome.made) == (True, 12)
    assert_whole(tmp_path / "run")
    assert len(submitted(site)) == 1 and len({process for _, process in marked.begun}) == 2  # a job of two cores
    assert_ended(submitted(site))  # cancelled


def test_a_job_that_is_gone_is_submitted_anew(
    tmp_path: Path, marked: Marked, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (remote, batch):
        monkeypatch.setattr(module, "LOOK_S", 0.2)

    def told(so_far: Progress) -> None:
        if so_far.parts_done == 4:
            os.killpg(submitted(site)[0], signal.SIGKILL)

    assert run(marked, tmp_path / "run", engine=jobs("slurm", SITE), workers=2, progress=told).complete
    assert_whole(tmp_path / "run")
    assert len(submitted(site)) == 2


def test_a_job_that_is_refused_ends_the_run(tmp_path: Path, marked: Marked, site: Path) -> None:
    (site / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: fast' >&2; exit 1\n")
    with pytest.raises(RunFailed, match=r"^a job could not be submitted: .*sbatch: error: invalid partition specified"):
        run(marked, tmp_path / "run", engine=jobs("slurm", SITE), workers=2)


def test_without_a_batch_system_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"^sbatch is not on the PATH; give the command where slurm's jobs are"):
        jobs("slurm", SITE)


WHOLE = """\
cluster: ours
cores: 8
memory: 32GiB
workers: 20
walltime: 02:30:30
queue: normal
account: hpc-1
interface: ib0
directives: ["--exclusive"]
setup: [module load python/3.12, source ~/einfuse/bin/activate]
"""
EXPECTED = {
    "slurm": """\
#!/usr/bin/env bash

#SBATCH -J einfuse
#SBATCH -p normal
#SBATCH -A hpc-1
#SBATCH -n 1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH -t 02:30:30
#SBATCH --exclusive
""",
    "lsf": """\
#!/usr/bin/env bash

#BSUB -J einfuse
#BSUB -q normal
#BSUB -P "hpc-1"
#BSUB -n 8
#BSUB -R "span[hosts=1]"
#BSUB -M 34359739
#BSUB -W 2:31
#BSUB --exclusive
""",
    "sge": """\
#!/usr/bin/env bash

#$ -N einfuse
#$ -q normal
#$ -P hpc-1
#$ -l h_rt=02:30:30
#$ -cwd
#$ -j y
#$ -pe smp 8
#$ --exclusive
""",
}
WORKERS = """\
module load python/3.12
source ~/einfuse/bin/activate
{python} -m distributed.cli.dask_worker tcp://SCHEDULER:PORT --name NAME --nthreads 1 --memory-limit 4.00GiB \
--nworkers 8 --nanny --death-timeout 60 --interface ib0
"""


@pytest.mark.parametrize("system", EXPECTED)
def test_the_script_of_a_job(tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSF_ENVDIR", str(tmp_path))  # has no lsf.conf: memory is in KB
    path = tmp_path / "ours.yaml"
    path.write_text(WHOLE)
    found = chosen(system, cluster=str(path))
    assert found.script == EXPECTED[system] + WORKERS.format(python=sys.executable)
    assert (found.workers(None), found.workers(3)) == (20, 3)


def test_sge_is_asked_for_slots_unless_a_directive_does() -> None:
    assert batch.slots(SITE) == ["-pe smp 2"]
    assert batch.slots(SITE.model_copy(update={"directives": ("-pe orte 2",)})) == []
    assert batch.slots(SITE.model_copy(update={"cores": 1})) == []
