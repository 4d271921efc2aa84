"""The tables of a study of memory that computes: for CSV files, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..quantities import significant
from ..rows import Table
from .results import Joules, PimStudy

if TYPE_CHECKING:
    from arch.dram import Device
    from sim import Record

GIGA, MILLI = 1e9, 1e3


def csv_tables(study: PimStudy) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    return {name: make(study) for name, make in TABLES.items()}


def _points(study: PimStudy) -> Table:
    columns = ["rows", "activation", "refresh", "workload", "arch", "mapping", "ticks", "latency_s", "times_base"]
    columns += ["weight_bytes", "bytes_per_s", "of_peak", "times_baseline"]
    columns += [f"energy_{name}_j" for name in study.spec.tables]
    body: list[list[Any]] = []
    for point, outcome in study.outcomes.items():
        row: list[Any] = [point.rows, point.activation, point.refresh, *study.spec.references(point)]
        row += [outcome.record.cycles, outcome.record.latency_s, study.slower(outcome)]
        row += [outcome.weight_bytes, outcome.bytes_per_s, study.share(outcome), study.over_baseline(outcome)]
        body.append(row + [outcome.joules[name].total_j for name in study.spec.tables])
    return columns, body


def _commands(study: PimStudy) -> Table:
    body = [
        [point.rows, point.activation, point.refresh, name, number]
        for point, outcome in study.outcomes.items()
        for name, number in outcome.record.actions["dram"].items()
    ]
    return ["rows", "activation", "refresh", "command", "issued"], body


def _energies(study: PimStudy) -> Table:
    body = [
        [point.rows, point.activation, point.refresh, name, component, energy_j]
        for point, outcome in study.outcomes.items()
        for name, joules in outcome.joules.items()
        for component, energy_j in joules.by_component_j.items()
    ]
    return ["rows", "activation", "refresh", "table", "component", "energy_j"], body


def _pins(study: PimStudy) -> Table:
    base_s = study.at().record.latency_s
    body = [
        [arch, bytes_per_s, study.over_pins_s(arch), study.over_pins_s(arch) / base_s]
        for arch, bytes_per_s in study.pins.items()
    ]
    return ["arch", "bytes_per_s", "least_latency_s", "times_banks"], body


TABLES: Mapping[str, Callable[[PimStudy], Table]] = {
    "points.csv": _points,
    "commands.csv": _commands,
    "energies.csv": _energies,
    "pins.csv": _pins,
}


def times_table(study: PimStudy) -> Table:
    """By rows and activation: the period of a full row, the time without refresh, and what each refresh makes of it."""
    spec = study.spec
    refreshes = [name for name in spec.refreshes if name != spec.base]
    columns = ["rows", "activation", "row>", "ms>", "% of\npeak>"]
    columns += [f"{name.replace(', ', chr(10))}>" for name in refreshes]
    body: list[list[str]] = []
    for rows in spec.rows:
        for activation in spec.activations:
            base = study.at(rows, activation)
            row = [_first(study, body), activation, str(study.periods[activation])]
            row += [f"{MILLI * base.record.latency_s:.3f}", f"{100 * study.share(base):.1f}"]
            body.append(row + [_times(study.slower(study.at(rows, activation, name))) for name in refreshes])
    return columns, body


def energy_table(study: PimStudy) -> Table:
    """By rows and activation, without refresh: the energy by each table."""
    spec = study.spec
    columns = ["rows", "activation", "activations>", *(f"{name}>" for name in spec.tables)]
    body: list[list[str]] = []
    for rows in spec.rows:
        for activation in spec.activations:
            base = study.at(rows, activation)
            row = [_first(study, body), activation, f"{opened(base.record, study.device):,}"]
            body.append(row + [energy_text(base.joules[name]) for name in spec.tables])
    return columns, body


def pins_table(study: PimStudy) -> Table:
    """All weights once: from the banks, without refresh, and over the pins of memories."""
    base = study.at()
    rows = [(f"banks of {study.spec.arch}", base.bytes_per_s, base.record.latency_s)]
    rows += [(f"pins of {arch}", per_s, study.over_pins_s(arch)) for arch, per_s in study.pins.items()]
    body = [
        [what, f"{per_s / GIGA:,.0f}", f"{MILLI * seconds:.3f}", _times(seconds / base.record.latency_s)]
        for what, per_s, seconds in rows
    ]
    return ["weights from", "GB/s>", "ms>", "times>"], body


def opened(record: Record, device: Device) -> int:
    """Rows of single banks that were opened, in all channels."""
    banks = {"ACT": 1, "ACT4": 4, "ACT16": device.organisation.banks}
    return sum(number * banks.get(name, 0) for name, number in record.actions["dram"].items())


def energy_text(joules: Joules) -> str:
    """An energy in mJ; with a + if a part of it has no price, and is not in it."""
    return f"{significant(MILLI * joules.priced_j)} mJ{'+' if joules.missing else ''}"


def _first(study: PimStudy, body: list[list[str]]) -> str:
    """How rows are filled, in the first line of each group of activations."""
    group, line = divmod(len(body), len(study.spec.activations))
    return "" if line else study.spec.rows[group]


def _times(ratio: float) -> str:
    return f"{ratio:.3f}" if ratio < 10 else f"{ratio:.1f}"
