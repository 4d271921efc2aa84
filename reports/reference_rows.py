"""The published numbers: rows of a reference CSV, or values of a paper's closed forms."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import Place, Problem, SpecError, parse_expression, unknown

from .paper import PaperSpec

if TYPE_CHECKING:
    from arch import Machine
    from workloads import Workload

COLUMNS = ("source_csv", "model", "seq_len", "metric", "value")


@dataclass(frozen=True)
class PublishedRow:
    """One published number; `source` is the file, or the formula, that it is from."""

    source: str
    model: str
    seq_len: str
    metric: str
    published: float
    unit: str = ""


def read_reference(path: Path) -> list[PublishedRow]:
    """The rows of a reference CSV. Raises SpecError with every fault at its line, OSError if it cannot be read."""
    if not path.is_file():
        raise SpecError(f"'{path}' is not a file; --reference takes a CSV with the columns {', '.join(COLUMNS)}")
    rows, problems = [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames)
            lines: dict[tuple[str, ...], int] = {}
            for record in reader:
                place = Place(str(path), reader.line_num)
                try:
                    row = _row(record)
                    rows.append(row)
                    key = (row.source, row.model, row.seq_len, row.metric)
                    if key in lines:
                        message = f"the row {', '.join(key)} stands in line {lines[key]} already; keep one of the two"
                        problems.append(Problem(message, place))
                    lines.setdefault(key, reader.line_num)
                except ValueError as error:
                    problems.append(Problem(str(error), place))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpecError(Problem(f"not a CSV text: {error}", Place(str(path)))) from None
    if problems:
        raise SpecError(problems)
    return rows


def _check_columns(path: Path, found: Any) -> None:
    missing = [name for name in COLUMNS if name not in (found or ())]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        message = f"missing column {listed}; found: {', '.join(found or ()) or 'none'}"
        raise SpecError(Problem(message, Place(str(path), 1)))


def _row(record: dict[str, Any]) -> PublishedRow:
    if any(record[name] is None for name in COLUMNS) or None in record:
        raise ValueError(f"a row needs one value for each column: {', '.join(COLUMNS)}")
    try:
        value = float(record["value"])
    except ValueError:
        raise ValueError(f"found '{record['value']}', expected a number in column 'value'") from None
    if not math.isfinite(value):
        raise ValueError(f"found '{record['value']}', expected a finite number in column 'value'")
    return PublishedRow(
        record["source_csv"], record["model"], record["seq_len"], record["metric"], value, record.get("unit") or ""
    )


def closed_form_rows(paper: PaperSpec) -> Iterator[tuple[str, PublishedRow]]:
    """(configuration, row) for every closed form of the paper, at every model and length. Raises SpecError."""
    from arch import machine
    from workloads import workload

    for name, configuration in paper.configurations.items():
        where = machine(configuration.arch)
        for model in paper.models:
            for length in paper.lengths:
                forms = _Forms(paper, configuration.closed_forms, workload(paper.workload(model, length)), where)
                for metric in configuration.closed_forms:
                    if metric in paper.metrics:
                        yield name, PublishedRow(f"{name} closed form", model, length, metric, forms.value(metric))


@dataclass(frozen=True)
class _Forms:
    """Values of closed forms: a name in one is a definition, or a key of the workload or the machine."""

    paper: PaperSpec
    forms: dict[str, str]
    workload: Workload
    machine: Machine

    def value(self, metric: str) -> float:
        """One form; inside it, a definition hides the form of the same name."""
        return float(parse_expression(self.forms[metric]).evaluate(self.name))

    def name(self, name: str) -> Any:
        if name in self.paper.definitions:
            return parse_expression(self.paper.definitions[name]).evaluate(self.name)
        if name in self.forms:
            return parse_expression(self.forms[name]).evaluate(self.name)
        if name in self.workload.values:
            return self.workload.values[name]
        try:
            return self.machine.value(name)
        except KeyError:
            legal = [*self.paper.definitions, *self.workload.values, *self.machine.paths()]
            raise SpecError(unknown("name", name, legal, f"in the closed forms of '{self.paper.paper}'")) from None
