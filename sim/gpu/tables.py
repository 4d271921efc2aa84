"""Reading tables of measurements, CSV or Parquet, with the row and the column of everything that is wrong."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from specs import Place, Problem, SpecError
from specs.problems import enumerate_words

from .formats import FORMATS, Format
from .run import Measurements, Run

PARQUET = ".parquet"


@dataclass(frozen=True)
class Table:
    """Column names, and the cells of each row under the number of its line (of its row, in Parquet)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Any]], ...]


def read_measurements(path: Path) -> Measurements:
    """Every row of a published table, whatever its format. Raises SpecError with all faults."""
    table = read_table(path)
    form = format_of(path, table.columns)
    runs: list[Run] = []
    problems: list[Problem] = []
    for line, cells in table.rows:
        place = Place(str(path), line)
        try:
            found = form.runs(values_of(form, cells), path.name)
        except ValueError as error:
            problems += [Problem(message, place) for message in error.args]
        else:
            runs += [replace(run, row=f"row {line}") for run in found]
    if problems:
        raise SpecError(problems)
    return Measurements(path.name, form.name, len(table.rows), tuple(runs))


def format_of(path: Path, columns: Sequence[str]) -> Format:
    """The format whose columns these are. Raises SpecError that says what the nearest one lacks."""
    for form in FORMATS:
        if set(form.columns) <= set(columns):
            return form
    near = max(FORMATS, key=lambda form: len(set(form.columns) & set(columns)) / len(form.columns))
    missing = ", ".join(f"'{name}'" for name in form_lacks(near, columns))
    message = (
        f"no table of measurements that is known here: found the columns {enumerate_words(columns)}; nearest is "
        f"{near.name}, of which {missing} is missing; allowed: {', '.join(form.name for form in FORMATS)}"
    )
    raise SpecError(Problem(message, Place(str(path), 1)))


def form_lacks(form: Format, columns: Sequence[str]) -> list[str]:
    """The columns of a format that a table has not."""
    return [name for name in form.columns if name not in columns]


def values_of(form: Format, cells: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, by column. Raises ValueError with a message for each cell that is wrong."""
    values: dict[str, Any] = {}
    wrong = []
    readers = dict(form.columns)
    for name, (cell, absent) in form.optional.items():
        if name in cells:
            readers[name] = cell
        else:
            values[name] = absent
    for name, cell in readers.items():
        try:
            values[name] = cell(cells.get(name))
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise ValueError(*wrong)
    return values


def read_table(path: Path) -> Table:
    """The cells of a CSV or Parquet file. Raises SpecError if it is not one, or if a row is too long or too short."""
    if path.suffix == PARQUET:
        return _parquet(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            columns = tuple(next(reader, ()))
            return Table(columns, tuple(_rows(path, columns, reader)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpecError(Problem(f"not a CSV text: {error}", Place(str(path)))) from None


def _rows(path: Path, columns: tuple[str, ...], reader: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for cells in reader:
        if cells and len(cells) != len(columns):
            message = f"found {len(cells)} cells, expected {len(columns)}: {', '.join(columns)}"
            raise SpecError(Problem(message, Place(str(path), reader.line_num)))
        if cells:
            yield reader.line_num, dict(zip(columns, cells, strict=True))


def _parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise SpecError(Problem(f"not a Parquet file: {error}", Place(str(path)))) from None
    return Table(tuple(found.column_names), tuple(enumerate(found.to_pylist(), start=1)))
