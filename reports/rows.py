"""The tables of a study as rows: for CSV files, for the page, for the terminal."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import curves
from .area_latency import area_points
from .headline import by_cycle
from .results import Point
from .study import Ratios, Study

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
    base = study.paper.report.baseline
    columns = [*_KEYS, "cycles", "latency_s", "cycle_model_latency_s", "cycle_model_refusal", "speed_up", "bound_by"]
    columns += [*(f"utilization_{u}" for u in units), *(f"busy_{u}" for u in units), "dram_bytes", "energy_j"]
    columns += [*_RATIOS, "area_mm2"]
    rows = []
    for point, keys in _points(study):
        record, timed = study.runs.record(point), study.runs.cycle_time(point)
        outermost = next(iter(record.traffic_bytes.values()))
        row = [*keys, record.cycles, record.latency_s, timed.latency_s, timed.reason]
        row += [study.speed_up(point.configuration, base, point.length, point.model), record.bound_by]
        row += [record.utilization[unit] for unit in units] + [record.busy[unit] for unit in units]
        found = study.energy_ratios(point.configuration, base, point.length, point.accounting, point.model)
        row += [sum(outermost.values()), record.energy_j, *_ratios(found), record.area_mm2]
        rows.append(row)
    return columns, rows


_RATIOS = ["energy_ratio", "least_energy_ratio", "most_energy_ratio"]  # by the machine's table, and over all tables


def _ratios(found: Ratios) -> list[float | None]:
    return [found.own, found.low, found.high] if found.values else [None, None, None]


def _end_to_end(study: Study) -> Table:
    base = study.paper.report.baseline
    columns = [*_KEYS, "latency_s", "cycle_model_latency_s", "cycle_model_refusal", "speed_up", "energy_j", *_RATIOS]
    rows = []
    for point, keys in _points(study):
        if "end-to-end" not in study.parts(point.configuration):
            continue
        whole = replace(point, part="end-to-end")
        timed = study.runs.cycle_time(whole)
        row = [*keys, study.runs.latency_s(whole), timed.latency_s, timed.reason]
        row.append(study.speed_up(point.configuration, base, point.length, point.model, "end-to-end"))
        found = study.energy_ratios(
            point.configuration, base, point.length, point.accounting, point.model, "end-to-end"
        )
        rows.append([*row, study.runs.energy(whole).energy_j, *_ratios(found)])
    return columns, rows


def _by_table(study: Study) -> Table:
    """Energy of attention and of whole layers by every table; None with the reason where a table has no price."""
    base = study.paper.report.baseline
    rows = []
    for point, keys in _points(study):
        for part in study.parts(point.configuration):
            whole = study.point(point.configuration, point.length, point.model, part, point.accounting)
            found = study.energy_ratios(point.configuration, base, point.length, point.accounting, point.model, part)
            for table, ratio in found.by_table.items():
                priced = study.runs.energy(whole, table)
                rows.append([part, *keys, table, priced.energy_j, ratio, priced.reason])
    return ["part", *_KEYS, "table", "energy_j", "energy_ratio", "reason"], rows


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


def _headline(study: Study) -> Table:
    accountings = list(study.paper.accountings)
    columns = ["name", "part", "metric", "of", "over", "points", "published", *(f"ours_{each}" for each in accountings)]
    columns += ["accounting", "rel_error", "tolerance", "ok", "ours_by_cycle_model"]
    columns += [f"ours_by_{table}" for table in study.tables]
    rows = [
        [
            *(mean.name, mean.part, mean.metric, mean.of, mean.over, mean.points, mean.published),
            *(mean.ours[each] for each in accountings),
            *(mean.accounting, mean.rel_error, mean.tolerance, mean.ok, by_cycle(study.runs, spec)),
            *(mean.over_tables.get(table) for table in study.tables),
        ]
        for spec, mean in zip(study.paper.headline, study.closed_forms.means, strict=True)
    ]
    return columns, rows


def _time_share(study: Study) -> Table:
    """Shares of one array's slots, ours beside the published ones."""
    unit = study.paper.report.shares
    rows: list[list[Any]] = []
    for point, keys in _points(study):
        if point.accounting != study.accounting:
            continue
        for einsum, share in study.runs.record(point).utilization_by_einsum[unit].items():
            theirs = study.published.value(f"utilization_by_einsum.{unit}.{einsum}", point)
            rows.append([*keys[1:], einsum, share, theirs])
    return [*_KEYS[1:], "einsum", "ours", "published"], rows


def _area_latency(study: Study) -> Table:
    found = [asdict(each) for each in area_points(study)]
    for each in found:
        each["length"] = study.paper.lengths[each["length"]]
    names = {"length": "seq_len"}
    return [names.get(key, key) for key in found[0]] if found else [], [list(each.values()) for each in found]


def _gaps(study: Study) -> Table:
    """By how much the cycle model's time differs from the analytic one, by cause."""
    rows: list[list[Any]] = []
    for point, keys in _points(study):
        if point.accounting == study.accounting:
            for part in study.parts(point.configuration):
                found = study.cycle_time(point.configuration, point.length, point.model, part)
                rows += [[part, *keys[1:], cause, cycles] for cause, cycles in found.gaps.items()]
    return ["part", *_KEYS[1:], "cause", "cycles"], rows


TABLES: Mapping[str, Callable[[Study], Table]] = {
    "results.csv": _results,
    "end_to_end.csv": _end_to_end,
    "headline.csv": _headline,
    "energy_by_table.csv": _by_table,
    "cycle_model_gaps.csv": _gaps,
    "utilization_by_einsum.csv": _by_einsum,
    "energy_by_component.csv": _by_component,
    "traffic.csv": _traffic,
    "state_precision.csv": _states,
    "state_rescalings.csv": _rescalings,
    "closed_forms.csv": _closed_forms,
    "utilization.csv": lambda study: curves.rows(study, curves.utilization(study)),
    "time-share.csv": _time_share,
    "speed-up.csv": lambda study: curves.rows(study, curves.speed_up(study, "attention")),
    "energy-ratio.csv": lambda study: curves.rows(study, curves.energy_ratio(study, "attention")),
    "end-to-end-speed-up.csv": lambda study: curves.rows(study, curves.speed_up(study, "end-to-end")),
    "end-to-end-energy-ratio.csv": lambda study: curves.rows(study, curves.energy_ratio(study, "end-to-end")),
    "area-latency.csv": _area_latency,
}
