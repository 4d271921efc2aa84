"""`einfuse report`: simulates a study of a paper, then writes its tables, figures and page at once, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from .regret.spec import REGRET_STUDIES
from .study import Study, run_study, steps

if TYPE_CHECKING:
    from rich.console import RenderableType

PAGE = "index.html"
KINDS = {  # by a key of the file; any other is a paper's
    "study": "study",
    "pim_study": "pim",
    "gpu_study": "gpu",
    "regret_study": "regret",
}
LIBRARIES = {
    "paper": PAPERS,
    "study": STUDIES,
    "pim": PIM_STUDIES,
    "gpu": GPU_STUDIES,
    "regret": REGRET_STUDIES,
}
WITHOUT_FOLDER = ("pim", "gpu", "regret")  # kinds that are shown where none is given


def write_report(name: str, folder: Path, reference: Path | None = None) -> list[RenderableType]:
    """Write the report of a paper, of a study by the cycle model or of a run, and return what the terminal shows.

    Studies that need no folder are `study_report`'s.

    The published numbers of a `reference`, a CSV, are drawn beside ours.

    An existing folder keeps its other files. Raises SpecError if `folder` is something else or if a file that is not
    ours is in the way, OSError if it cannot be written.
    """
    if kind_of(name) == "run":
        without_reference(name, reference)
        from .explore.run_report import write_run_report

        return write_run_report(Path(name), folder)
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


def study_report(
    kind: str, name: str, folder: Path | None, reference: Path | None = None
) -> tuple[Callable[[], dict[str, Any]], Callable[[], list[RenderableType]]]:
    """A study that needs no folder, done, and written if there is one: what makes its JSON object, and its text.

    A `reference` is for measured runs (`gpu`): run files and published tables. Raises SpecError for those of others.
    """
    if kind == "gpu":
        from .gpu import report as measured

        runs = measured.gpu_report(name, folder, reference)
        return (lambda: measured.as_dict(runs)), (lambda: measured.as_text(runs, folder))
    without_reference(name, reference)
    if kind == "regret":
        from .regret import report as regrets

        found = regrets.regret_report(name, folder)
        return (lambda: regrets.as_dict(found)), (lambda: regrets.as_text(found, folder))
    from .pim import report as pims

    study = pims.pim_report(name, folder)
    return (lambda: pims.as_dict(study)), (lambda: pims.as_text(study, folder))


def kind_of(reference: str) -> str:
    """Whether a reference is a `paper`, or a study: by the cycle model (`study`), of memory that computes (`pim`), of
    measured runs (`gpu`), or of what choices by the cheap model lose (`regret`).

    That is by a key of a file, or by the library that has the name; a folder with a run of a sweep is a `run`. Raises
    SpecError that lists the names of all.

    >>> kind_of("fusemax"), kind_of("fusemax-cycles"), kind_of("pim"), kind_of("gpu-runs"), kind_of("model-regret")
    ('paper', 'study', 'pim', 'gpu', 'regret')
    """
    names = {name: kind for kind, library in LIBRARIES.items() for name in library.names()}
    if reference not in names and Path(reference).is_dir():
        return "run"
    parsed = parse_reference(reference)
    if parsed.is_path:
        path = Path(parsed.name)
        if not path.exists() and not path.suffix:
            raise SpecError(
                f"there is no '{path}'; give the folder of a run, a .yaml file, or one of {', '.join(sorted(names))}"
            )
        keys = read_file(path).value if path.is_file() else {}
        return next((kind for key, kind in KINDS.items() if key in keys), "paper")
    if parsed.name in names:
        return names[parsed.name]
    raise SpecError(
        f"{unknown('report', parsed.name, sorted(names))} (or a path to a .yaml file, or to the folder of a run)"
    )


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
