"""`einfuse report`: simulates a study of a paper, then writes its tables, figures and page at once, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from specs import SpecError, parse_reference, read_file, unknown

from . import rows, summary
from .console import bullets, heading, table, wrapped
from .cycles.spec import STUDIES
from .figures import files as figure_files
from .gpu.spec import GPU_STUDIES
from .headline import as_text as headline_text
from .paper import PAPERS
from .paper import paper as paper_of
from .pim.spec import PIM_STUDIES
from .placing import placed, refuse
from .progress import steps_shown
from .study import Study, run_study, steps

if TYPE_CHECKING:
    from rich.console import RenderableType

PAGE = "index.html"
KINDS = {"study": "study", "pim_study": "pim", "gpu_study": "gpu"}  # by a key of the file; any other is a paper's


def write_report(name: str, folder: Path, reference: Path | None = None) -> list[RenderableType]:
    """Write the report of a paper or of a study by the cycle model, and return what the terminal shows.

    Those of memory that computes and of measured runs are `reports.pim`'s and `reports.gpu`'s.

    The published numbers of a `reference`, a CSV, are drawn beside ours.

    An existing folder keeps its other files. Raises SpecError if `folder` is something else or if a file that is not
    ours is in the way, OSError if it cannot be written.
    """
    if kind_of(name) == "study":
        without_reference(name, reference)
        from .cycles.report import write_cycle_report

        return write_cycle_report(name, folder)
    paper = paper_of(name)
    refuse(folder, [*rows.TABLES, *figure_files(), PAGE])
    with placed(folder, PAGE) as draft:
        with steps_shown(steps(paper)) as step:
            study = run_study(paper, step, reference)
        _write(study, draft)
    return _as_text(study, folder)


def kind_of(reference: str) -> str:
    """Whether a reference is a `paper`, a `study` by the cycle model, one of memory that computes (`pim`), or of
    measured runs (`gpu`).

    That is by a file's first key, or by the library that has the name. Raises SpecError that lists the names of all.

    >>> kind_of("fusemax"), kind_of("fusemax-cycles"), kind_of("pim")
    ('paper', 'study', 'pim')
    """
    parsed = parse_reference(reference)
    if parsed.is_path:
        path = Path(parsed.name)
        keys = read_file(path).value if path.is_file() else {}
        return next((kind for key, kind in KINDS.items() if key in keys), "paper")
    if parsed.name in STUDIES:
        return "study"
    if parsed.name in PAPERS:
        return "paper"
    if parsed.name in PIM_STUDIES:
        return "pim"
    if parsed.name in GPU_STUDIES:
        return "gpu"
    names = sorted([*PAPERS.names(), *STUDIES.names(), *PIM_STUDIES.names(), *GPU_STUDIES.names()])
    raise SpecError(f"{unknown('report', parsed.name, names)} (or a path to a .yaml file)")


def without_reference(name: str, reference: Path | None) -> None:
    """Raise SpecError if published rows were given to a study, which has none."""
    if reference is not None:
        raise SpecError(f"--reference is for a paper; the study '{name}' has no published rows, leave it out")


def _write(study: Study, draft: Path) -> None:
    from .figures import draw_all
    from .page import write_page

    for name, made in rows.csv_tables(study).items():
        rows.write_csv(draft / name, made)
    write_page(study, draw_all(study, draft), draft)


def _as_text(study: Study, folder: Path) -> list[RenderableType]:
    columns, body = summary.terminal_table(study, study.model)
    others = ", ".join(model for model in study.paper.models if model != study.model)
    base, units = study.paper.report.baseline, " and ".join(study.paper.report.units.values())
    note = (
        f"{units}: operation slots used, %. Cycle model: its time, of the latency. Speed and energy: relative to "
        f"{base}; energy over {', '.join(study.tables)}."
    )
    parts: list[RenderableType] = [
        heading(f"{study.paper.paper}: {study.model}, relative to {base}"),
        table(columns, body, indent=0),
        "",
        wrapped(note),
    ]
    refused = [summary.refusal_text(study, each) for each in summary.refusals(study)]
    notes = [f"no time by the cycle model: {each}" for each in refused]
    notes += [f"no energy by {table}: {name}: {why}" for (table, name), why in study.unpriced().items()]
    if notes:
        parts += ["", bullets(notes)]
    parts += ["", *headline_text(study.runs, study.closed_forms.means)] if study.closed_forms.means else []
    return [*parts, "", f"{others}, and everything else: {folder / PAGE}"]
