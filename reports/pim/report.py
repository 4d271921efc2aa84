"""`einfuse report` of a study of memory that computes: as tables, as a JSON object, and as a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import bullets, heading, table, wrapped
from ..page import encoded, render
from ..placing import placed, refuse
from ..progress import steps_shown
from ..rows import Table, write_csv
from .figures import draw_all
from .figures import files as figure_files
from .findings import MARKS, baseline_text, claim_text, findings
from .results import Outcome, PimStudy, run
from .spec import pim_study
from .tables import TABLES, csv_tables, energy_table, times_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..style import Drawing

PAGE = "index.html"
SCHEMA = "einfuse.pim-study/1"


def pim_report(name: str, folder: Path | None) -> PimStudy:
    """Simulates a study, and writes its report if there is a folder for it. Raises as `write_report` does."""
    spec = pim_study(name)
    if folder is not None:
        refuse(folder, [*TABLES, *figure_files(), PAGE])
    with steps_shown(len(list(spec.points()))) as step:
        study = run(spec, step)
    if folder is not None:
        with placed(folder, PAGE) as draft:
            write(study, draft)
    return study


def write(study: PimStudy, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in csv_tables(study).items():
        write_csv(draft / name, made)
    render("pim_study.html", _content(study, draw_all(study, draft), draft), draft)


def as_text(study: PimStudy, folder: Path | None) -> list[RenderableType]:
    """Times, energies, and what was published."""
    spec = study.spec
    times, energies = times_table(study), energy_table(study)
    others = [name for name in spec.refreshes if name != spec.base]
    note = (
        f"row: ticks from one full row to the next. ms, and the share of the {study.peak_bytes_per_s / 1e12:.3f} TB/s "
        f"of all banks: refresh {spec.base}. {'; '.join(others)}: times that time."
    )
    lacking = {table: joules.missing for table, joules in study.at().joules.items() if joules.missing}
    unpriced = "; ".join(f"'{name}' has no price of {', '.join(missing)}" for name, missing in lacking.items())
    last = [] if folder is None else ["", f"{len(study.outcomes)} points, and everything else: {folder / PAGE}"]
    return [
        heading(f"{spec.pim_study}: {spec.workload} on {spec.arch}"),
        table(*times, indent=0),
        "",
        wrapped(note),
        "",
        heading(f"energy of a token, refresh {spec.base}"),
        table(*energies, indent=0),
        *(["", wrapped(f"+: {unpriced}, which is not in it.")] if unpriced else []),
        "",
        heading("published"),
        bullets(baseline_text(study)),
        "",
        heading("findings"),
        bullets(findings(study)),
        *last,
    ]


def as_dict(study: PimStudy) -> dict[str, Any]:
    """The JSON object of the command."""
    spec = study.spec
    return {
        "schema": SCHEMA,
        "study": spec.pim_study,
        "peak_bytes_per_s": study.peak_bytes_per_s,
        "row_period_ticks": dict(study.periods),
        "points": [_point(study, outcome) for outcome in study.outcomes.values()],
        "products": {"apart": dict(study.products.apart), "together": dict(study.products.together)},
        "baseline": spec.baseline.model_dump() | {"peak_times": study.peak_over_baseline()},
        "published": [claim.model_dump() for claim in spec.published],
        "assumptions": list(study.at().record.assumptions),
        "not_modelled": list(study.at().record.not_modelled or ()),
    }


def _point(study: PimStudy, outcome: Outcome) -> dict[str, Any]:
    references = dict(zip(("workload", "arch", "mapping"), study.spec.references(outcome.point), strict=True))
    return {
        **asdict(outcome.point),
        **references,
        "ticks": outcome.record.cycles,
        "latency_s": outcome.record.latency_s,
        "times_base": study.slower(outcome),
        "weight_bytes": outcome.weight_bytes,
        "bytes_per_s": outcome.bytes_per_s,
        "of_peak": study.share(outcome),
        "times_baseline": study.over_baseline(outcome),
        "commands": dict(outcome.record.actions["dram"]),
        "energy_j": {name: joules.total_j for name, joules in outcome.joules.items()},
        "energy_by_component_j": {name: dict(joules.by_component_j) for name, joules in outcome.joules.items()},
    }


def _content(study: PimStudy, drawings: list[Drawing], folder: Path) -> dict[str, Any]:
    spec, record = study.spec, study.at().record
    return {
        "spec": spec,
        "points": len(study.outcomes),
        "findings": findings(study),
        "figures": [{"drawing": each, "data": encoded(folder / f"{each.name}.svg")} for each in drawings],
        "times": _cells(times_table(study)),
        "energies": _cells(energy_table(study)),
        "baseline": baseline_text(study),
        "claims": [claim_text(claim) for claim in spec.published],
        "marks": MARKS,
        "references": list(zip(("workload", "machine", "mapping"), _references(study), strict=True)),
        "assumptions": list(record.assumptions),
        "interpolated": list(record.provenance["interpolated"]),
        "not_modelled": ", ".join(record.not_modelled or ()),
        "hashes": record.provenance["specs"],
        "version": record.provenance["version"],
        "files": [*TABLES, *(f"{each.name}.svg" for each in drawings)],
    }


def _references(study: PimStudy) -> tuple[str, str, str]:
    return study.spec.references(study.at().point)


def _cells(made: Table) -> Table:
    """Column names without the marks that align them in a terminal."""
    return [name.removesuffix(">").replace("\n", " ") for name in made[0]], made[1]
