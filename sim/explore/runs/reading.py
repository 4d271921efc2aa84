"""A run's folder as those see it who did not make it: whether it is complete, its columns, and its front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from specs import SpecError, unknown

from ..fronts.pareto import MOST_OBJECTIVES
from .encoding import POINT
from .keep import MODEL, Keep, column
from .store import Description, store
from .work import FEASIBLE

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Front:
    """The front of a run, of each model by itself: points, axes and objectives in the order of the first objective."""

    table: pyarrow.Table
    objectives: tuple[str, ...]
    points: int  # that it is the front of, feasible or not
    parts: int  # that are there, of `expected`
    expected: int
    kept: str  # which rows it is the front of, where the run has not kept all that could be on it; empty otherwise


def front_of(folder: Path, objectives: Sequence[str] = ()) -> Front:
    """The front of what is there of a run, in its own objectives unless others are given.

    Points of different models are not compared: there is a front of each. Raises SpecError if the folder is no run, has
    no part yet, or lacks a column of numbers, or for too many objectives.

    The columns are those before the last of the run's own objectives, and the objectives.
    """
    table = stored(folder)
    if len(objectives) > MOST_OBJECTIVES:
        raise SpecError(f"{len(objectives)} objectives: a front is in {MOST_OBJECTIVES} at most; leave some out")
    keep = Keep("front", tuple(objectives) or table.objectives)
    for name in keep.objectives:
        if name not in table.numbers:
            raise SpecError(unknown("column", name, table.numbers))
    columns = list(dict.fromkeys([POINT, *table.axes, *keep.objectives, FEASIBLE]))
    merged = keep.merged(keep.of(each) for each in table.read(columns))
    ordered = merged.take(np.lexsort([column(merged, name) for name in _least_weighty(merged, keep.objectives)]))
    has_all = table.keep.rule == "all" or (table.keep.rule == "front" and set(keep.objectives) == set(table.objectives))
    return Front(
        ordered.drop_columns([FEASIBLE]),
        keep.objectives,
        table.points,
        len(table.paths),
        table.expected,
        "" if has_all else str(table.keep),
    )


def _least_weighty(table: pyarrow.Table, objectives: Sequence[str]) -> list[str]:
    """The columns by which a front is in order, the first of them last."""
    return [POINT, *reversed(objectives), *([MODEL] if MODEL in table.column_names else [])]


@dataclass(frozen=True)
class Stored:
    """What is there of a run's table: its parts, the columns' names, and which of them are axes or objectives."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    numbers: tuple[str, ...]  # the names of those that hold numbers
    axes: tuple[str, ...]  # machine, mapping and model too, where there are several
    keep: Keep
    points: int  # that it is of, whether they are kept or not
    expected: int  # parts
    model: str = ""  # of the rows that are read; all, if it is empty

    @property
    def objectives(self) -> tuple[str, ...]:
        """Those of the sweep."""
        return self.keep.objectives

    def by(self, model: str) -> Stored:
        """The rows by one of several models."""
        return replace(self, axes=tuple(name for name in self.axes if name != MODEL), model=model)

    def read(self, columns: Sequence[str]) -> Iterator[pyarrow.Table]:
        """Some columns, part by part."""
        from pyarrow.parquet import read_table

        rows = [(MODEL, "==", self.model)] if self.model else None
        for path in self.paths:
            yield read_table(path, columns=list(columns), partitioning=None, filters=rows)


def stored(folder: Path) -> Stored:
    """What is there of the run in a folder. Raises SpecError if it is no run, or has no part yet."""
    from pyarrow.parquet import read_schema
    from pyarrow.types import is_floating, is_integer

    description = Description.read(folder)
    found = store(folder, description)
    table, expected = found.table, description.chunks if found.table is found.chunks else 1
    notes = table.noted()
    paths = [path for number in range(expected) if (path := table.path(number)).name in notes and path.is_file()]
    if not paths:
        raise SpecError(f"'{folder}' has no part of its table yet; run its sweep to the end first")
    schema = read_schema(paths[0])
    names: list[str] = schema.names
    numbers = tuple(each.name for each in schema if is_integer(each.type) or is_floating(each.type))
    results = min(names.index(each) for each in (*description.keep.objectives, FEASIBLE))
    axes = tuple(name for name in names[:results] if name != POINT)
    points = sum(notes[path.name][0].tally.points for path in paths)
    return Stored(tuple(paths), tuple(names), numbers, axes, description.keep, points, expected)
