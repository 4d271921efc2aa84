"""Runs in processes of their own that are killed, interrupted, out of space or in each other's way."""

from __future__ import annotations

import functools
import multiprocessing
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.explore.runs.keep import Keep
from sim.explore.runs.local import processes
from sim.explore.runs.run import run
from sim.explore.runs.shards import Shard
from tests.conftest import ROOT
from tests.explore.made_up import KEEPS, MadeUp
from tests.explore.test_run import RULES, assert_whole

WORK = MadeUp()
SLOW = MadeUp(pause_s=0.002)
PATIENCE_S = 60.0
LOST = 1  # a part that is in its place but not yet noted


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.explore.made_up", str(folder), *arguments]


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, which is ended if it still goes on."""
    pipe = subprocess.PIPE
    heeded = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
    process = subprocess.Popen(
        command(folder, *arguments), cwd=ROOT, stdout=pipe, stderr=pipe, text=True, preexec_fn=heeded
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def finished(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def wait_for_parts(folder: Path, count: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while len(list(folder.glob("part-*"))) < count and time.monotonic() < end:
        time.sleep(0.0005)


def do(folder: Path, keep: Keep) -> None:
    run(SLOW, folder, keep)


@RULES
def test_a_run_killed_at_random_moments_goes_on_and_ends_as_any_other(tmp_path: Path, keep: Keep) -> None:
    """Twenty moments: from before the first part to after the last; every other run is killed twice."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.explore.test_crashes"])
    draw = random.Random(8)
    for moment in range(20):
        folder = tmp_path / str(moment)
        chunks = folder if keep.rule == "all" else folder / "_fronts"
        done = 0
        for _ in range(1 + moment % 2):
            process = context.Process(target=do, args=(folder, keep))
            process.start()
            done = draw.randint(done, WORK.chunks)
            wait_for_parts(chunks, done)
            time.sleep(draw.random() * 0.01)
            process.kill()
            process.join()
        assert run(WORK, folder, keep).made <= WORK.chunks - done + LOST
        assert_whole(folder, keep=keep)


@pytest.mark.parametrize("engine", ["serial", "threads", "processes", "local"])
def test_an_interrupt_ends_with_130_and_a_run_that_goes_on(tmp_path: Path, engine: str) -> None:
    with started(tmp_path, "--engine", engine, "--pause-s", "0.05") as process:
        wait_for_parts(tmp_path, 3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert not list(tmp_path.glob("_tmp-*"))
    assert run(WORK, tmp_path).made <= 9 + LOST
    assert_whole(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path, "--engine", "processes", "--pause-s", "0.05") as process:
        wait_for_parts(tmp_path, 1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("no /proc that tells of children")
        workers = [Path("/proc") / each for each in children.read_text().split()]
        process.send_signal(number)
        process.wait(PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while any(alive(each) for each in workers) and time.monotonic() < end:
        time.sleep(0.01)
    assert len(workers) >= 2 and not any(alive(each) for each in workers)


def alive(process: Path) -> bool:
    """Whether a process runs: one that nobody has asked after yet does not."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("keep", KEEPS)
def test_a_limit_on_the_size_of_files_ends_with_5_and_a_run_that_goes_on(tmp_path: Path, keep: str) -> None:
    """Notes grow beyond the limit in mid-run, and end in half a line."""
    failed = finished(tmp_path, "--keep", keep, "--largest", "1500", "--each", "4")
    assert failed.returncode == 5
    assert failed.stderr.endswith(
        "file too large; what is stored stays, and the same command goes on from there\n"
    ) and failed.stderr.startswith(f"'{tmp_path}")
    work = MadeUp(each=4)
    assert run(work, tmp_path, KEEPS[keep]).made <= 12
    assert_whole(tmp_path, work, KEEPS[keep])


def test_a_process_that_is_killed_at_its_work_ends_the_run_with_5(tmp_path: Path) -> None:
    failed = finished(tmp_path, "--engine", "processes", "--deadly", "8")
    assert (failed.returncode, failed.stderr) == (
        5,
        "a worker was killed, for want of memory perhaps; --jobs takes fewer of them\n",
    )
    assert run(WORK, tmp_path, engine=processes, workers=2).complete
    assert_whole(tmp_path)


def test_of_two_processes_on_a_run_the_second_is_refused(tmp_path: Path) -> None:
    with started(tmp_path, "--pause-s", "30") as process:
        assert process.stdout is not None
        process.stdout.readline()  # it holds the run
        whole, shard = finished(tmp_path), finished(tmp_path, "--shard", "1/2")
    message = "another process is at work on"
    assert (whole.returncode, whole.stderr) == (
        5,
        f"'{tmp_path}': {message} the run; wait for it, or give -o another folder\n",
    )
    assert (shard.returncode, shard.stderr) == (
        5,
        f"'{tmp_path}': {message} shard 1/2, or on all of it; wait for it, or give -o another folder\n",
    )
    assert run(WORK, tmp_path).made == 12  # the killed process holds nothing


def test_shards_are_at_work_beside_each_other(tmp_path: Path) -> None:
    with started(tmp_path, "--pause-s", "30", "--shard", "1/2") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert finished(tmp_path, "--shard", "1/2").returncode == 5
        assert finished(tmp_path).returncode == 5
        assert finished(tmp_path, "--shard", "2/2").returncode == 0
    assert len(list(tmp_path.glob("part-*"))) == 6
    assert run(WORK, tmp_path, shard=Shard(1, 2)).complete
    assert_whole(tmp_path)
