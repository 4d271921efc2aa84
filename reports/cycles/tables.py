"""The tables of a cycle study as rows for CSV files: every point, its gap and its idle time by cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..rows import Table
from .results import CycleStudy
from .spec import AXES


def csv_tables(study: CycleStudy) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    return {name: make(study) for name, make in TABLES.items()}


def _points(study: CycleStudy) -> Table:
    """One row a point; what does not fit has its reason and no numbers."""
    units = list(study.base.found.utilization)
    memories = list(study.base.found.traffic_bytes)
    rows_of = study.spec.watched.rows
    columns = [*AXES, "workload", "arch", "mapping", "fits", "reason", "cycles", "latency_s", "analytic_cycles", "kept"]
    columns += [f"utilization_{unit}" for unit in units] + [f"analytic_utilization_{unit}" for unit in units]
    columns += [*(f"{memory}_bytes" for memory in memories), f"{rows_of}_rows_read", f"{rows_of}_rows_written"]
    columns += ["energy_j", "area_mm2", "bound_by"]
    rows = []
    for point, outcome in study.outcomes.items():
        keys = [point[axis] for axis in AXES]
        head: list[Any] = [*keys, *study.spec.references(point), outcome.fits, outcome.reason]
        if not outcome.fits:
            rows.append(head + [None] * (len(columns) - len(head)))
            continue
        record = outcome.found
        row = [*head, record.cycles, record.latency_s, outcome.analytic_cycles, outcome.kept]
        row += [outcome.used(unit) for unit in units] + [outcome.analytic_used(unit) for unit in units]
        row += [sum(record.traffic_bytes[memory].values()) for memory in memories]
        row += list(record.actions[rows_of].values())
        rows.append([*row, record.energy_j, record.area_mm2, record.bound_by])
    return columns, rows


def _gaps(study: CycleStudy) -> Table:
    rows = [
        [*(point[axis] for axis in AXES), cause, cycles]
        for point, outcome in study.outcomes.items()
        if outcome.fits
        for cause, cycles in outcome.gaps.items()
    ]
    return [*AXES, "cause", "cycles"], rows


def _stalls(study: CycleStudy) -> Table:
    rows = [
        [*(point[axis] for axis in AXES), unit, cause, cycles]
        for point, outcome in study.outcomes.items()
        if outcome.fits
        for unit in outcome.found.utilization
        for cause, cycles in outcome.stalls(unit).items()
    ]
    return [*AXES, "unit", "cause", "cycles"], rows


TABLES: Mapping[str, Callable[[CycleStudy], Table]] = {
    "points.csv": _points,
    "gaps.csv": _gaps,
    "stalls.csv": _stalls,
}
