"""A sweep, done: work, an engine and a folder together. Whatever ends it, the same call goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from specs import RunFailed

from .encoding import parquet
from .keep import ALL, Keep
from .local import local
from .parts import Write, flushed
from .shards import WHOLE, Shard
from .store import Store, opened
from .work import Engine, Part, Tally, Task, Work

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Progress:
    """How far a run has come: parts of this shard, and what is known of their points."""

    parts: int
    parts_done: int
    parts_before: int  # that were done before this call
    tally: Tally
    points_before: int

    @property
    def points_now(self) -> int:
        """The points of this call."""
        return self.tally.points - self.points_before


@dataclass(frozen=True)
class Outcome:
    """A run as it was left: how many parts were made, and what is known of all its points so far."""

    folder: Path
    chunks: int
    made: int  # parts, by this call
    complete: bool  # whether all shards are done
    tally: Tally  # of all points of the run if it is complete, else of this shard


def run(
    work: Work,
    folder: Path,
    keep: Keep = ALL,
    text: str = "",
    *,
    engine: Engine = local,
    workers: int = 1,
    shard: Shard = WHOLE,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda so_far: None,
    write: Write = flushed,
) -> Outcome:
    """Do what is missing of a sweep, or of its shard, in a folder; nothing if it is done.

    `text` is the spec, to be kept beside; `progress` is told of every part, and may raise to end the run. Raises
    SpecError if the folder holds another sweep, RunFailed if another process is at work on it, if it cannot be
    written, or if a worker ended. What is stored by then stays.
    """
    try:
        with opened(folder, work, keep, text, shard, fresh, write) as store:
            finished = _finished(store)
            return finished or _done(store, Task(work, keep), engine, workers, shard, progress)
    except OSError as error:
        where = f"'{error.filename}': " if error.filename is not None else ""
        reason = (error.strerror or str(error)).lower()
        raise RunFailed(f"{where}{reason}; what is stored stays, and the same command goes on from there") from error


def _finished(store: Store) -> Outcome | None:
    """The run of a table that is there already, if it is one part of all chunks."""
    if store.table is store.chunks:
        return None
    found = store.table.cleared(range(1)) if store.table.shard.is_whole else store.table.whole(range(1))
    total = store.description.chunks
    return Outcome(store.folder, total, 0, True, found[0].tally) if found else None


def _done(
    store: Store, task: Task, engine: Engine, workers: int, shard: Shard, progress: Callable[[Progress], None]
) -> Outcome:
    """Make the parts that are missing, and the table if it is not the same as they."""
    total = store.description.chunks
    mine = shard.chunks(total)
    found = store.chunks.cleared(mine)
    tally = Tally.total(note.tally for note in found.values())
    missing = [chunk for chunk in mine if chunk not in found]
    before = Progress(len(mine), len(found), len(found), tally, tally.points)
    progress(before)
    if missing:
        tally = _fill(store, engine(task, missing, workers), before, progress)
    if store.table is not store.chunks:
        return _put_together(store, task.keep, len(missing), tally)
    notes = store.chunks.noted()
    if len(notes) < total:
        return Outcome(store.folder, total, len(missing), False, tally)
    return Outcome(store.folder, total, len(missing), True, Tally.total(each[0].tally for each in notes.values()))


def _fill(
    store: Store, made: Generator[Part, None, None], before: Progress, progress: Callable[[Progress], None]
) -> Tally:
    """Store an engine's parts as they come; whatever happens, the engine is closed, which ends its workers."""
    so_far = before
    with closing(made):
        for part in made:
            store.chunks.add(part.chunk, part.data, part.tally)
            so_far = replace(so_far, parts_done=so_far.parts_done + 1, tally=so_far.tally + part.tally)
            progress(so_far)
    return so_far.tally


def _put_together(store: Store, keep: Keep, made: int, tally: Tally) -> Outcome:
    """Make the one part of the table of those of all chunks, if they are there; the last shard to end does."""
    total = store.description.chunks
    if len(store.chunks.noted()) < total:
        return Outcome(store.folder, total, made, False, tally)
    found = store.chunks.whole(range(total))
    if len(found) < total:
        return Outcome(store.folder, total, made, False, tally)
    table = keep.merged(_tables(store, found))
    tally = replace(Tally.total(note.tally for note in found.values()), rows=table.num_rows)
    store.table.add(0, parquet(table), tally)
    return Outcome(store.folder, total, made, True, tally)


def _tables(store: Store, numbers: Iterable[int]) -> Iterator[pyarrow.Table]:
    from pyarrow.parquet import read_table

    for number in numbers:
        yield read_table(store.chunks.path(number), partitioning=None)
