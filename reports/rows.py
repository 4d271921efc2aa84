"""The tables of a study as rows: for CSV files, for the page, for the terminal."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import quantities
from .results import Point
from .study import Study

Table = tuple[list[str], list[list[Any]]]  # column names, rows


def csv_tables(study: Study) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    return {name: make(study) for name, make in TABLES.items()}


def write_csv(path: Path, table: Table) -> None:
    """Write one table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table[0])
        writer.writerows(table[1])


def _points(study: Study) -> Iterable[tuple[Point, list[Any]]]:
    """Every point with the columns that begin its rows."""
    for point in study.runs.points():
        length = study.paper.lengths[point.length]
        yield point, [point.accounting, point.configuration, point.model, length]


_KEYS = ["accounting", "configuration", "model", "seq_len"]


def _results(study: Study) -> Table:
    units = list(study.paper.report.units)
    slow = study.paper.report.slow
    columns = [*_KEYS, "cycles", "latency_s", "speed_up", "bound_by", *(f"utilization_{u}" for u in units)]
    columns += [*(f"busy_{u}" for u in units), "dram_bytes", "energy_j", "energy_ratio", "area_mm2"]
    rows = []
    for point, keys in _points(study):
        record = study.runs.record(point)
        outermost = next(iter(record.traffic_bytes.values()))
        row = [*keys, record.cycles, record.latency_s]
        row += [study.speed_up(point.configuration, slow, point.length, point.model), record.bound_by]
        row += [record.utilization[unit] for unit in units] + [record.busy[unit] for unit in units]
        ratio = study.energy_ratio(point.configuration, slow, point.length, point.accounting, point.model)
        rows.append([*row, sum(outermost.values()), record.energy_j, ratio, record.area_mm2])
    return columns, rows


def _by_einsum(study: Study) -> Table:
    columns = [*_KEYS, "unit", "einsum", "cycles", "utilization"]
    rows = [
        [*keys, unit, name, study.runs.record(point).cycles_by_einsum[unit][name], share]
        for point, keys in _points(study)
        if point.accounting == study.accounting  # time does not depend on it
        for unit, shares in study.runs.record(point).utilization_by_einsum.items()
        for name, share in shares.items()
    ]
    return columns, rows


def _by_component(study: Study) -> Table:
    rows = [
        [*keys, component, energy_j]
        for point, keys in _points(study)
        for component, energy_j in study.runs.record(point).energy_by_component_j.items()
    ]
    return [*_KEYS, "component", "energy_j"], rows


def _traffic(study: Study) -> Table:
    rows = [
        [*keys, level, moved["read"], moved["write"]]
        for point, keys in _points(study)
        if point.accounting == study.accounting
        for level, moved in study.runs.record(point).traffic_bytes.items()
    ]
    return [*_KEYS, "level", "read_bytes", "write_bytes"], rows


def _states(study: Study) -> Table:
    found = [asdict(replace(state, rescalings=())) for state in study.states]
    return list(found[0])[:-1], [list(state.values())[:-1] for state in found]


def _rescalings(study: Study) -> Table:
    columns = ["scores", "variant", "length", "keys", "factor", "before", "exact_before"]
    rows = [
        [state.scores, state.variant, state.length, *asdict(each).values()]
        for state in study.states
        for each in state.rescalings
    ]
    return columns, rows


def _closed_forms(study: Study) -> Table:
    found = [asdict(row) for row in study.closed_forms.rows]
    return list(found[0]), [list(row.values()) for row in found]


TABLES: Mapping[str, Callable[[Study], Table]] = {
    "results.csv": _results,
    "utilization_by_einsum.csv": _by_einsum,
    "energy_by_component.csv": _by_component,
    "traffic.csv": _traffic,
    "state_precision.csv": _states,
    "state_rescalings.csv": _rescalings,
    "closed_forms.csv": _closed_forms,
}


def summary(study: Study, model: str) -> Table:
    """For people: one model at every length, with what each configuration reaches."""
    paper = study.paper
    columns = ["", "length>", *(f"{label}>" for label in paper.report.units.values()), "latency>", "times\nfaster>"]
    columns += [f"energy, {label}>".replace(" ", "\n") for label in paper.accountings.values()]
    rows = []
    for configuration in paper.configurations:
        for index, length in enumerate(paper.lengths):
            record = study.record(configuration, length, model)
            row = ["" if index else configuration, quantities.count(paper.lengths[length])]
            row += [quantities.percent(record.utilization[unit]) for unit in paper.report.units]
            row.append(quantities.duration(record.latency_s))
            row.append(f"{study.speed_up(configuration, paper.report.slow, length, model):.2f}×")
            for accounting in paper.accountings:
                row.append(f"{study.energy_ratio(configuration, paper.report.slow, length, accounting, model):.3f}")
            rows.append(row)
    return columns, rows
