"""Reading tables of measurements, CSV or Parquet, with the row and the column of everything that is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from specs import Place, Problem, SpecError
from specs.problems import enumerate_words

from .formats import FORMATS, Format
from .run import Measurements, Run

PARQUET = ".parquet"
ENCODING = "utf-8-sig"  # a byte order mark is no part of the first column's name


@dataclass(frozen=True)
class Table:
    """Column names, and the cells of each row under the number of its line (of its row, in Parquet)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Any]], ...]


def read_measurements(path: Path) -> Measurements:
    """Every row of a published table, whatever its format. Raises SpecError with all faults."""
    table = read_table(path)
    form = format_of(path, table.columns)
    if not table.rows:
        raise SpecError(Problem("there is no row below the names of the columns", Place(str(path), 1)))
    runs: list[Run] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for line, cells in table.rows:
        place = Place(str(path), line)
        if seen.setdefault(repr(cells), line) != line:
            problems.append(Problem(f"every cell is that of row {seen[repr(cells)]}; remove one of both", place))
            continue
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


def is_near(columns: Sequence[str]) -> bool:
    """Whether columns are those of a format, or as many of them as no other table has by chance: a half.

    >>> is_near(["Batch", "seqlen", "q_heads", "kv_heads", "gpu", "dtype"]), is_near(["chip", "source"])
    (True, False)
    """
    plain = {name.strip().strip('"').casefold() for name in columns}
    return any(2 * len(plain & set(map(str.casefold, form.columns))) >= len(form.columns) > 0 for form in FORMATS)


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
    if path.suffix.casefold() == PARQUET:
        return _parquet(path)
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = tuple(next(reader, ()))
            _check_columns(path, columns)
            return Table(columns, tuple(_rows(path, columns, reader)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpecError(Problem(f"not a CSV text: {error}", Place(str(path)))) from None


def read_columns(path: Path) -> tuple[str, ...]:
    """The columns of a file by its first line alone, whatever follows. Raises SpecError if it cannot be read."""
    if path.suffix.casefold() == PARQUET:
        return tuple(_arrow(path, lambda parquet, file: parquet.read_schema(file).names))
    with path.open("rb") as file:
        line = file.readline()
    try:
        text = line.decode(ENCODING)
    except UnicodeDecodeError as error:
        raise SpecError(Problem(f"not a CSV text: {error}", Place(str(path), 1))) from None
    if "\0" in text:
        raise SpecError(Problem("not a CSV text: found zero bytes, expected UTF-8", Place(str(path), 1)))
    return tuple(re.split(r"[,;\t]", text))


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    if twice:
        raise SpecError(Problem(f"the column '{twice[0]}' is there twice; remove one of both", Place(str(path), 1)))


def _rows(path: Path, columns: tuple[str, ...], reader: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for cells in reader:
        if cells and len(cells) != len(columns):
            message = f"found {len(cells)} cells, expected {len(columns)}: {', '.join(columns)}"
            raise SpecError(Problem(message, Place(str(path), reader.line_num)))
        if cells:
            yield reader.line_num, dict(zip(columns, cells, strict=True))


def _parquet(path: Path) -> Table:
    columns, rows = _arrow(path, _all)
    _check_columns(path, columns)
    return Table(tuple(columns), tuple(enumerate(rows, start=1)))


def _all(parquet: Any, file: Any) -> tuple[list[str], list[dict[str, Any]]]:
    found = parquet.read_table(file)
    return found.column_names, found.to_pylist() if len(set(found.column_names)) == found.num_columns else []


def _arrow(path: Path, read: Callable[[Any, Any], Any]) -> Any:
    """What is read of a Parquet file. Raises SpecError if it is damaged, which pyarrow tells by errors of all kinds."""
    import pyarrow
    import pyarrow.parquet

    data = path.read_bytes()
    try:
        return read(pyarrow.parquet, pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SpecError(Problem(f"not a Parquet file: {error}", Place(str(path)))) from None
