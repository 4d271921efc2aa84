"""A run in its folder: resumed, mended, refused, shared by shards; whatever happened, the table is the same."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.explore.runs.keep import ALL, Keep
from sim.explore.runs.local import local, processes, serial, threads
from sim.explore.runs.parts import flushed
from sim.explore.runs.run import Outcome, Progress, run
from sim.explore.runs.shards import Shard
from sim.explore.runs.work import Part, Task, Work
from specs import RunFailed, SpecError
from tests.explore.made_up import KEEPS, OBJECTIVES, MadeUp

WORK = MadeUp()
RULES = pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS)


def whole_table(work: MadeUp, keep: Keep = ALL) -> pa.Table:
    """What a run is to hold, without any run."""
    return keep.of(pa.concat_tables([work.table(chunk) for chunk in range(work.chunks)]).unify_dictionaries())


def rows(folder: Path) -> pd.DataFrame:
    found = pd.read_parquet(folder).sort_values("point", ignore_index=True)
    return found.astype({"bound_by": "str", "reason": "object"})


def assert_whole(folder: Path, work: MadeUp = WORK, keep: Keep = ALL) -> None:
    expected = whole_table(work, keep).to_pandas().astype({"bound_by": "str", "reason": "object"})
    pd.testing.assert_frame_equal(rows(folder), expected)


def no_engine(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
    """An engine for runs that have nothing to do."""
    assert list(chunks) == []
    yield from ()


def backwards(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
    yield from map(task, reversed(chunks))


def ends_after(count: int) -> Callable[[Progress], None]:
    """Ends a run when so many parts are stored."""

    def told(so_far: Progress) -> None:
        if so_far.parts_done >= count:
            raise KeyboardInterrupt

    return told


@pytest.mark.parametrize("engine", [local, serial, threads, processes, backwards])
@RULES
def test_every_engine_gives_the_same_table(tmp_path: Path, engine, keep: Keep) -> None:
    outcome = run(WORK, tmp_path / "run", keep, engine=engine, workers=2)
    assert_whole(tmp_path / "run", keep=keep)
    assert (outcome.complete, outcome.made, outcome.tally.points) == (True, 12, 600)
    assert outcome.tally.rows == len(rows(tmp_path / "run"))
    assert outcome.tally.least == {name: whole_table(WORK).to_pandas()[name].min() for name in OBJECTIVES}


def test_long_work_goes_to_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def noted(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
        used.extend(chunks)
        yield from serial(task, chunks)

    monkeypatch.setattr("sim.explore.runs.local.processes", noted)
    monkeypatch.setattr("sim.explore.runs.local.WORTH_S", 0.0)
    run(WORK, tmp_path / "run", workers=2)
    assert used == list(range(2, 12))
    assert_whole(tmp_path / "run")


@RULES
def test_a_finished_run_does_nothing(tmp_path: Path, keep: Keep) -> None:
    first = run(WORK, tmp_path, keep)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run(WORK, tmp_path, keep, engine=no_engine) == replace(first, made=0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@given(cuts=st.lists(st.integers(0, 12), max_size=4), keep=st.sampled_from(list(KEEPS.values())))
def test_a_run_goes_on_where_it_was_left(tmp_path_factory: pytest.TempPathFactory, cuts: list[int], keep: Keep) -> None:
    folder = tmp_path_factory.mktemp("run")
    reached = 0
    for cut in cuts:
        try:
            outcome = run(WORK, folder, keep, progress=ends_after(cut))
        except KeyboardInterrupt:
            reached = max(reached, cut)
    outcome = run(WORK, folder, keep)
    assert outcome.made <= 12 - reached
    assert_whole(folder, keep=keep)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[random.Random(len(data)).randrange(len(data))] ^= 4
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def swap(path: Path) -> None:
    shutil.copy(path.with_name("part-00000002.parquet"), path)


def foreign(path: Path) -> None:
    run(MadeUp(seed=9), path.parent / "_other")
    shutil.copy(path.parent / "_other" / path.name, path)


def forget(path: Path) -> None:
    """Lose the note, as if the process had ended before it was taken."""
    notes = path.with_name("_parts.jsonl")
    notes.write_text("".join(line for line in notes.read_text().splitlines(True) if path.name not in line))


def tear(path: Path) -> None:
    """Cut the last note off."""
    notes = path.with_name("_parts.jsonl")
    notes.write_bytes(notes.read_bytes()[:-20])


HARM = pytest.mark.parametrize("harm", [Path.unlink, flip, truncate, swap, foreign, forget, tear])


@HARM
def test_a_harmed_part_is_found_and_done_again(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    run(WORK, tmp_path)
    harm(tmp_path / "part-00000007.parquet")
    assert run(WORK, tmp_path).made == 1
    assert_whole(tmp_path)
    assert run(WORK, tmp_path, engine=no_engine).made == 0


@HARM
def test_a_harmed_front_is_found_and_done_again(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    keep = KEEPS["front"]
    with pytest.raises(KeyboardInterrupt):
        run(WORK, tmp_path, keep, progress=ends_after(9))
    harm(tmp_path / "_fronts" / "part-00000007.parquet")
    assert run(WORK, tmp_path, keep).made == 4
    assert_whole(tmp_path, keep=keep)
    flip(tmp_path / "part-00000000.parquet")
    assert run(WORK, tmp_path, keep, engine=no_engine).made == 0
    assert_whole(tmp_path, keep=keep)


def test_parts_and_drafts_too_many_are_removed(tmp_path: Path) -> None:
    run(WORK, tmp_path)
    shutil.copy(tmp_path / "part-00000003.parquet", tmp_path / "part-00000012.parquet")
    shutil.copy(tmp_path / "part-00000003.parquet", tmp_path / "_tmp-part-00000003.parquet")
    assert run(WORK, tmp_path, engine=no_engine).made == 0
    assert not list(tmp_path.glob("_tmp-*")) and len(list(tmp_path.glob("part-*"))) == 12


@dataclass
class Failing:
    """A writer whose disk is full at the n-th file, of which it has written a half."""

    at: int
    files: list[Path] = field(default_factory=list)

    def __call__(self, path: Path, data: bytes) -> None:
        self.files.append(path)
        if len(self.files) == self.at:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        flushed(path, data)


@pytest.mark.parametrize("at", range(1, 16))
@RULES
def test_a_disk_that_is_full_at_any_file_leaves_a_run_that_can_go_on(tmp_path: Path, at: int, keep: Keep) -> None:
    files = 2 + WORK.chunks + (keep.rule != "all")  # the spec, what describes the run, parts, and their table
    writer = Failing(at)
    if at > files:
        run(WORK, tmp_path, keep, write=writer)
        return
    with pytest.raises(RunFailed) as failed:
        run(WORK, tmp_path, keep, write=writer)
    failed_at = str(writer.files[-1]).replace("_tmp-", "")
    assert str(failed.value) == (
        f"'{failed_at}': no space left on device; what is stored stays, and the same command goes on from there"
    )
    assert not list(tmp_path.rglob("_tmp-*"))
    assert run(WORK, tmp_path, keep).made == min(12, 12 - (at - 3))
    assert_whole(tmp_path, keep=keep)


@pytest.mark.parametrize("at", range(1, 30))
def test_a_disk_that_is_full_when_it_is_to_be_flushed(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, notes of parts, the table at the very end and its note: 28 times the disk is waited for."""
    left = iter(range(at - 1, -1, -1))

    def full(descriptor: int) -> None:
        if next(left, 1) == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    keep = KEEPS["front"]
    monkeypatch.setattr(os, "fsync", full)
    if at > 28:
        run(WORK, tmp_path, keep)
    else:
        with pytest.raises(RunFailed, match=f"^'{tmp_path}/.*': no space left on device; what is stored stays"):
            run(WORK, tmp_path, keep)
    assert run(WORK, tmp_path, keep).made <= 12 - min(24, max(0, at - 3)) // 2
    assert_whole(tmp_path, keep=keep)


def test_a_run_of_something_else_is_refused_with_both_hashes(tmp_path: Path) -> None:
    run(WORK, tmp_path)
    other = MadeUp(seed=0xABC << 208, each=51)
    with pytest.raises(SpecError) as refused:
        run(other, tmp_path)
    assert str(refused.value) == (
        f"'{tmp_path}' is a run of something else (spec: 000000000000 there, 000000000abc now; model: 000000000000 "
        "there, 000000000000 now); give -o another folder, or start anew with --fresh"
    )
    assert_whole(tmp_path)
    with pytest.raises(SpecError, match="keep: all there, front in latency_s, energy_j, area_mm2 now"):
        run(WORK, tmp_path, KEEPS["front"])
    run(other, tmp_path, fresh=True)
    assert_whole(tmp_path, other)


@RULES
def test_fresh_starts_anew(tmp_path: Path, keep: Keep) -> None:
    run(WORK, tmp_path, KEEPS["front"])
    assert run(WORK, tmp_path, keep, fresh=True).made == 12
    assert_whole(tmp_path, keep=keep)


def test_a_fresh_start_that_is_cut_short_leaves_no_part_of_the_run_before(tmp_path: Path) -> None:
    run(WORK, tmp_path)
    (tmp_path / "_run.json").unlink()  # the first that is removed
    assert run(replace(WORK, seed=1), tmp_path).made == 12
    assert_whole(tmp_path, replace(WORK, seed=1))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SpecError, match=r"holds what is not of a run \(README\.md\); move it away, or give -o"):
        run(WORK, tmp_path, fresh=True)
    with pytest.raises(SpecError, match=r"README\.md' is not a folder; -o takes the folder"):
        run(WORK, tmp_path / "README.md" / "run")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "_run.json").write_text("{")
    with pytest.raises(SpecError, match="is not what a sweep writes; start anew with --fresh"):
        run(WORK, tmp_path / "broken")


@pytest.mark.parametrize("count", [1, 2, 5, 20])
@RULES
def test_shards_make_up_the_whole(tmp_path: Path, count: int, keep: Keep) -> None:
    shards = [Shard(number, count) for number in range(count, 0, -1)]
    outcomes = [run(WORK, tmp_path, keep, shard=shard) for shard in shards]
    assert [each.complete for each in outcomes] == [False] * (count - 1) + [True]
    assert sum(each.made for each in outcomes) == 12
    assert_whole(tmp_path, keep=keep)
    tally = outcomes[-1].tally
    assert run(WORK, tmp_path, keep, engine=no_engine) == Outcome(tmp_path, 12, 0, True, tally)
    assert [path.name for path in tmp_path.glob("_parts*")] == ["_parts.jsonl"]
    assert_whole(tmp_path, keep=keep)


def test_shards_of_several_machines_are_copied_into_one_folder(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        run(WORK, tmp_path / str(number), shard=Shard(number, 3))
    for number in (2, 3):
        shutil.copytree(tmp_path / str(number), tmp_path / "1", dirs_exist_ok=True)
    assert run(WORK, tmp_path / "1", engine=no_engine).complete
    assert_whole(tmp_path / "1")


def test_a_shard_mends_its_own_parts_and_no_others(tmp_path: Path) -> None:
    for number in (1, 2):
        run(WORK, tmp_path, shard=Shard(number, 2))
    flip(tmp_path / "part-00000006.parquet")
    flip(tmp_path / "part-00000007.parquet")
    (tmp_path / "_tmp-part-00000007.parquet-2-of-2").write_text("being written")
    assert run(WORK, tmp_path, shard=Shard(1, 2)).made == 1
    assert (tmp_path / "_tmp-part-00000007.parquet-2-of-2").exists()
    assert run(WORK, tmp_path, shard=Shard(2, 2)).made == 1
    assert not list(tmp_path.glob("_tmp-*"))
    assert_whole(tmp_path)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "1", "a/b", "-1/2", "1/2/3"])
def test_a_shard_is_one_of_so_many(text: str) -> None:
    with pytest.raises(SpecError) as refused:
        Shard.parse(text)
    assert str(refused.value) == (
        f"a shard is I/N with I from 1 to N, and N at most 1,000,000, such as 2/8; found '{text}'"
    )


@given(st.integers(1, 40), st.integers(0, 100))
def test_every_chunk_is_of_one_shard(count: int, total: int) -> None:
    found = [chunk for number in range(1, count + 1) for chunk in Shard(number, count).chunks(total)]
    assert sorted(found) == list(range(total))


def test_an_empty_sweep_of_nothing_feasible_says_why(tmp_path: Path) -> None:
    for name, keep in KEEPS.items():
        outcome = run(MadeUp(hopeless=True), tmp_path / name, keep)
        assert outcome.tally.why == "constraint: area_mm2 <= 400" and outcome.tally.feasible == 0
        assert len(pd.read_parquet(tmp_path / name)) == (600 if name == "all" else 0)


def test_no_more_than_a_few_parts_are_in_memory(tmp_path: Path) -> None:
    """What is stored slowly is made slowly."""
    made: list[int] = []

    @dataclass(frozen=True)
    class Counting:
        inner: MadeUp = WORK
        chunks: int = 12
        points: int = 600

        @property
        def identity(self) -> dict[str, str]:
            return {}

        def table(self, chunk: int) -> pa.Table:
            made.append(chunk)
            return self.inner.table(chunk)

    work: Work = Counting()
    for stored, _ in enumerate(threads(Task(work, ALL), range(12), 2), 1):
        assert len(made) <= stored + 4
