"""The HTML page of a cycle study: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..page import encoded, render
from ..quantities import duration, percent, si, whole
from ..style import Drawing
from .figures import WIDE
from .findings import findings, tiles_table
from .results import CycleStudy
from .spec import TILES, show
from .tables import TABLES

PAGE = "index.html"
LEAST_SHOWN = 1e-3  # a cause that adds less to every scenario has no column


def write_page(study: CycleStudy, drawings: Sequence[Drawing], folder: Path) -> None:
    """Write index.html beside the figures and tables that it shows and names."""
    render("cycle_study.html", _content(study, drawings, folder), folder)


def _content(study: CycleStudy, drawings: Sequence[Drawing], folder: Path) -> dict[str, Any]:
    spec, base = study.spec, study.base
    fitting = [outcome.found for outcome in study.outcomes.values() if outcome.fits]
    images = [
        {"drawing": each, "data": encoded(folder / f"{each.name}.svg"), "wide": each.name in WIDE} for each in drawings
    ]
    return {
        "spec": spec,
        "points": len(study.outcomes),
        "refused": len(study.outcomes) - len(fitting),
        "findings": findings(study),
        "figures": images,
        "tiles": tiles_table(study),
        "provided": show(base.point[TILES]),
        "gap": _gap(study),
        "gaps": _gaps(study),
        "stalls": _stalls(study),
        "axes": [[axis.label, show(base.point[name]), _values(study, name)] for name, axis in spec.axes.items()],
        "references": list(zip(("workload", "machine", "mapping"), spec.references(spec.base_point()), strict=True)),
        "scenarios": _scenarios(study),
        "assumptions": list(dict.fromkeys(note for record in fitting for note in record.assumptions)),
        "interpolated": list(dict.fromkeys(n for record in fitting for n in record.provenance["interpolated"])),
        "version": base.found.provenance["version"],
        "hashes": base.found.provenance["specs"],
        "files": [*TABLES, *(f"{each.name}.svg" for each in drawings)],
    }


def _values(study: CycleStudy, axis: str) -> str:
    return ", ".join(show(value) for value in study.spec.axes[axis].values)


def _gap(study: CycleStudy) -> list[list[str]]:
    """The base point's gap to the analytic model, cause by cause, down to what the analytic model says."""
    base = study.base
    rows = [["cycle model", whole(base.found.cycles), percent(1.0), ""]]
    for cause, cycles in base.gaps.items():
        rows.append(
            [
                f"without: {cause}",
                f"{-cycles:+,}",
                percent(-cycles / base.found.cycles),
                study.spec.causes.get(cause, ""),
            ]
        )
    return [*rows, ["analytic model", whole(base.analytic_cycles), percent(base.kept), ""]]


def _gaps(study: CycleStudy) -> tuple[list[str], list[list[str]]]:
    """Of each scenario that fits: what every cause that matters adds, as a share of the analytic model's cycles."""
    found = {name: study.outcomes[study.spec.scenario(name)] for name in study.spec.scenarios}
    fitting = {name: outcome for name, outcome in found.items() if outcome.fits}
    causes = list(
        dict.fromkeys(
            cause
            for outcome in fitting.values()
            for cause, cycles in outcome.gaps.items()
            if abs(cycles) >= LEAST_SHOWN * outcome.analytic_cycles
        )
    )
    rows = []
    for name, outcome in fitting.items():
        shares = [outcome.gaps.get(cause, 0) / outcome.analytic_cycles for cause in causes]
        rows.append([name, whole(outcome.found.cycles), *(percent(share) if share else "-" for share in shares)])
    return ["scenario", "cycles", *causes], rows


def _stalls(study: CycleStudy) -> list[list[str]]:
    """The base point's time by unit: operations and idle cycles by cause."""
    record = study.base.found
    rows = []
    for unit in record.utilization:
        rows.append([unit, "busy", percent(record.utilization[unit])])
        for cause, cycles in study.base.stalls(unit).items():
            rows.append(["", f"idle: {cause}", percent(cycles / record.cycles)])
    return rows


def _scenarios(study: CycleStudy) -> list[list[str]]:
    """What each scenario takes."""
    rows = []
    for name in study.spec.scenarios:
        outcome = study.outcomes[study.spec.scenario(name)]
        if not outcome.fits:
            rows.append([name, "-", "-", "-", "-", "-", outcome.reason])
            continue
        record = outcome.found
        area = "-" if record.area_mm2 is None else f"{record.area_mm2:,.1f} mm²"
        rows.append([
            name, percent(outcome.used(study.unit)), percent(outcome.kept), duration(record.latency_s), area,
            si(record.energy_j, "J"), record.bound_by,
        ])  # fmt: skip
    return rows
