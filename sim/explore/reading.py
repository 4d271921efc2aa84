"""A run's folder as those see it who did not make it: whether it is complete, its columns, and its front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from specs import SpecError, unknown

from .encoding import POINT
from .keep import Keep
from .store import Description, store
from .work import FEASIBLE

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Front:
    """The front of a run: its points, axes and objectives in the order of the first objective."""

    table: pyarrow.Table
    objectives: tuple[str, ...]
    points: int  # that it is the front of, feasible or not
    parts: int  # that are there, of `expected`
    expected: int


def front_of(folder: Path, objectives: Sequence[str] = ()) -> Front:
    """The front of what is there of a run, in its own objectives unless others are given.

    Raises SpecError if the folder is no run, has no part yet, or lacks a column.

    The columns are those before the last of the run's own objectives, and the objectives.
    """
    from pyarrow.parquet import read_schema

    description = Description.read(folder)
    found = store(folder, description)
    table, expected = found.table, description.chunks if found.table is found.chunks else 1
    notes = table.noted()
    paths = [path for number in range(expected) if (path := table.path(number)).name in notes and path.is_file()]
    if not paths:
        raise SpecError(f"'{folder}' has no part of its table yet; run its sweep to the end first")
    names: list[str] = read_schema(paths[0]).names
    keep = Keep("front", tuple(objectives) or description.keep.objectives)
    for name in keep.objectives:
        if name not in names:
            raise SpecError(unknown("column", name, names))
    before = names[: min(names.index(each) for each in (*description.keep.objectives, FEASIBLE))]
    columns = list(dict.fromkeys([POINT, *before, *keep.objectives, FEASIBLE]))
    merged = keep.merged(keep.of(each) for each in _tables(paths, columns))
    points = sum(notes[path.name][0].tally.points for path in paths)
    ordered = merged.sort_by([(name, "ascending") for name in (*keep.objectives, POINT)])
    return Front(ordered.drop_columns([FEASIBLE]), keep.objectives, points, len(paths), expected)


def _tables(paths: Sequence[Path], columns: list[str]) -> Iterator[pyarrow.Table]:
    from pyarrow.parquet import read_table

    for path in paths:
        yield read_table(path, columns=columns, partitioning=None)
