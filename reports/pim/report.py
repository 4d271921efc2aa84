"""`einfuse report` of a study of memory that computes: as tables, as a JSON object, and as a folder."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import bullets, heading, table, wrapped
from ..page import encoded, render
from ..placing import placed, refuse
from ..progress import steps_shown
from ..record_table import assumptions_of
from ..rows import Table, write_csv
from .attention import Trial
from .attention import points as attention_points
from .attention_figures import WIDE
from .attention_tables import TABLES as ATTENTION_TABLES
from .attention_tables import Section, sections
from .attention_tables import csv_tables as attention_csv
from .figures import draw_all
from .figures import files as figure_files
from .findings import MARKS, baseline_text, claim_text, findings
from .results import Outcome, PimStudy, run
from .spec import pim_study
from .tables import TABLES, csv_tables, energy_table, pins_table, times_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..style import Drawing

PAGE = "index.html"
SCHEMA = "einfuse.pim-study/1"
PINS_NOTE = (
    "All weights once: in the banks as above, without refresh; over the pins at their full bandwidth, so at least."
)


def pim_report(name: str, folder: Path | None) -> PimStudy:
    """Simulates a study, and writes its report if there is a folder for it. Raises as `write_report` does."""
    spec = pim_study(name)
    if folder is not None:
        refuse(folder, [*TABLES, *ATTENTION_TABLES, *figure_files(), PAGE])
    with steps_shown(len(list(spec.points())) + attention_points(spec)) as step:
        study = run(spec, step)
    if folder is not None:
        with placed(folder, PAGE) as draft:
            write(study, draft)
    return study


def write(study: PimStudy, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in _csv(study).items():
        write_csv(draft / name, made)
    render("pim_study.html", _content(study, draw_all(study, draft), draft), draft)


def _csv(study: PimStudy) -> dict[str, Table]:
    attention = {} if study.attention is None else attention_csv(study.attention, study.device)
    return {**csv_tables(study), **attention}


def _sections(study: PimStudy) -> list[Section]:
    return [] if study.attention is None else sections(study.attention, study.device)


def as_text(study: PimStudy, folder: Path | None) -> list[RenderableType]:
    """Times, energies, attention, and what was published."""
    spec = study.spec
    times, energies = times_table(study), energy_table(study)
    others = [name for name in spec.refreshes if name != spec.base]
    note = (
        f"row: ticks from one full row to the next. ms, and the share of the {study.peak_bytes_per_s / 1e12:.3f} TB/s "
        f"of all banks: refresh {spec.base}. {'; '.join(others)}: times that time."
    )
    lacking = {table: joules.missing for table, joules in study.at().joules.items() if joules.missing}
    unpriced = "; ".join(f"'{name}' has no price of {', '.join(missing)}" for name, missing in lacking.items())
    last = [] if folder is None else ["", f"{_points(study)} points, and everything else: {folder / PAGE}"]
    return [
        heading(f"{spec.pim_study}: {spec.workload} on {spec.arch}"),
        table(*times, indent=0),
        "",
        wrapped(note),
        "",
        heading(f"energy of a token, refresh {spec.base}"),
        table(*energies, indent=0),
        *(["", wrapped(f"+: {unpriced}, which is not in it.")] if unpriced else []),
        *(part for section in _sections(study) for part in _section_text(section)),
        *_pins_text(study),
        "",
        heading("published"),
        bullets(baseline_text(study)),
        "",
        heading("findings"),
        bullets(findings(study)),
        *last,
    ]


def _pins_text(study: PimStudy) -> list[RenderableType]:
    made = table(*pins_table(study), indent=0)
    return ["", heading("over the pins instead"), made, "", wrapped(PINS_NOTE)] if study.pins else []


def _section_text(section: Section) -> list[RenderableType]:
    note = [wrapped(section.note)] if section.note else []
    unfit = [wrapped("Does not fit:"), bullets(section.unfit)] if section.unfit else []
    below = [*note, *unfit]
    return [
        "",
        heading(f"attention: {section.title}"),
        table(*section.table, indent=0),
        *([""] if below else []),
        *below,
    ]


def _points(study: PimStudy) -> int:
    return len(study.outcomes) + attention_points(study.spec)


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
        "pins": [
            {"arch": arch, "bytes_per_s": per_s, "least_latency_s": study.over_pins_s(arch)}
            for arch, per_s in study.pins.items()
        ],
        "attention": _attention(study),
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


def _attention(study: PimStudy) -> dict[str, Any] | None:
    found = study.attention
    if found is None:
        return None
    setting = found.spec.layouts.setting
    return {
        "token_bytes": found.token_bytes,
        "assumptions": _attention_notes(study),
        "layouts": [
            {"context": layout.context, setting: layout.value, **dict(zip(found.choices, layout.options, strict=True))}
            | _trial(trial)
            for layout, trial in found.layouts.items()
        ],
        "appends": [
            {"append": number, "waiting_bytes": found.waiting_bytes(number)} | _trial(trial)
            for number, trial in found.batches.items()
        ],
        "tokens": [
            {found.spec.units.setting: value, "context": context}
            | {name: _trial(trial) for name, trial in vars(token).items()}
            for (value, context), token in found.tokens.items()
        ],
    }


def _attention_notes(study: PimStudy) -> list[str]:
    """Assumptions of attention that are not of the first point, too: those of the best number of appends at once."""
    found = study.attention
    if found is None or found.best_batch is None:
        return []
    known = set(assumptions_of(study.at().record))
    return [note for note in assumptions_of(found.batches[found.best_batch].found) if note not in known]


def _trial(trial: Trial) -> dict[str, Any]:
    """A trial of one token, or of several and then of each of them."""
    about = dict(zip(("workload", "arch", "mapping"), trial.references, strict=True))
    if not trial.fits:
        return about | {"refusal": trial.refusal}
    record = trial.found
    return about | {
        "latency_s": trial.latency_s,
        "append_s": trial.append_s,
        "other_units_s": trial.others_s,
        "energy_j": trial.energy_j,
        "commands": dict(record.actions["dram"]),
        "refusal": None,
    }


def _content(study: PimStudy, drawings: list[Drawing], folder: Path) -> dict[str, Any]:
    spec, record = study.spec, study.at().record
    return {
        "spec": spec,
        "points": _points(study),
        "findings": findings(study),
        "figures": [
            {"drawing": each, "data": encoded(folder / f"{each.name}.svg"), "wide": each.name in WIDE}
            for each in drawings
        ],
        "times": _cells(times_table(study)),
        "energies": _cells(energy_table(study)),
        "pins": _cells(pins_table(study)) if study.pins else None,
        "pins_note": PINS_NOTE,
        "attention_notes": _attention_notes(study),
        "sections": [replace(each, table=_cells(each.table)) for each in _sections(study)],
        "baseline": baseline_text(study),
        "claims": [claim_text(claim) for claim in spec.published],
        "marks": MARKS,
        "references": list(zip(("workload", "machine", "mapping"), _references(study), strict=True)),
        "assumptions": assumptions_of(record),
        "interpolated": list(record.provenance["interpolated"]),
        "not_modelled": ", ".join(record.not_modelled or ()),
        "hashes": record.provenance["specs"],
        "version": record.provenance["version"],
        "files": [*_csv(study), *(f"{each.name}.svg" for each in drawings)],
    }


def _references(study: PimStudy) -> tuple[str, str, str]:
    return study.spec.references(study.at().point)


def _cells(made: Table) -> Table:
    """Column names without the marks that align them in a terminal."""
    return [name.removesuffix(">").replace("\n", " ") for name in made[0]], made[1]
