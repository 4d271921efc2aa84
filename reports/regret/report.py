"""`einfuse report` of a study of regret: as tables, as a JSON object, and as a folder with the run of its sweep."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs.version import version

from ..console import bullets, heading, table, wrapped
from ..explore.progress import shown
from ..page import encoded, render
from ..placing import placed, refuse
from ..progress import steps_shown
from ..rows import Table, write_csv
from .figures import WIDE, draw_all
from .figures import files as figure_files
from .findings import findings
from .results import RegretStudy, circumstances_of, run, write_run
from .spec import RegretStudySpec, regret_study
from .tables import TABLES, csv_tables, ranks_table, regret_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..style import Drawing

PAGE, RUN = "index.html", "run"
SCHEMA = "einfuse.regret-study/1"
NOTE = (
    "Regret: how much more than the least there is, by the cycle model; above 100 % as a multiple of it (×). found: of "
    "the cycle model's front, in latency, energy and area; right: of the analytic model's."
)


def regret_report(name: str, folder: Path | None) -> RegretStudy:
    """Evaluates a study's designs, compares the models, and writes the report if there is a folder for it.

    The designs are the run of a sweep: in the folder it stays, and goes on from where it was interrupted. Raises as
    `write_report` and `sim.explore.runs.run` do.
    """
    spec, sweep = regret_study(name)
    if folder is not None:
        refuse(folder, [*TABLES, *figure_files(), PAGE])
    with _place(folder) as place:
        study = studied(spec, sweep, place)
    if folder is not None:
        with placed(folder, PAGE) as draft:
            write(study, draft)
    return study


def studied(spec: RegretStudySpec, sweep: Path, run_folder: Path) -> RegretStudy:
    """A study whose run is in a folder, or is made there."""
    from sim.explore.runs.local import cores

    with shown() as progress:
        pairs = write_run(sweep, run_folder, cores(), progress)
    with steps_shown(len(circumstances_of(pairs, spec))) as step:
        return run(spec, pairs, step)


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Where the run goes: into the report's folder, or into one that is gone afterwards."""
    if folder is not None:
        yield folder / RUN
        return
    with tempfile.TemporaryDirectory(prefix="einfuse-") as name:
        yield Path(name) / RUN


def write(study: RegretStudy, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in csv_tables(study).items():
        write_csv(draft / name, made)
    render("regret_study.html", _content(study, draw_all(study, draft), draft), draft)


def as_text(study: RegretStudy, folder: Path | None) -> list[RenderableType]:
    """Regrets by circumstance and budget, ranks, and findings."""
    parts: list[RenderableType] = []
    for title, made in _sections(study):
        parts += [heading(title), _table(made), ""]
    for title, made in _ranks(study):
        parts += [heading(title), _table(made), ""]
    parts += [wrapped(NOTE)]
    parts += ["", heading("findings"), bullets(findings(study))]
    last = [] if folder is None else ["", f"{len(study.pairs):,} designs, and everything else: {folder / PAGE}"]
    return [*parts, *last]


def _sections(study: RegretStudy) -> Iterator[tuple[str, Table]]:
    for metric in study.spec.metrics:
        for space in study.spec.spaces:
            yield f"regret of the analytic model's choice: {metric}, {space}", regret_table(study, metric, space)


def _ranks(study: RegretStudy) -> Iterator[tuple[str, Table]]:
    for space in study.spec.spaces:
        yield f"fronts and orders: {space}, {study.spec.first[1]}", ranks_table(study, space)


def _table(made: Table) -> RenderableType:
    columns, body = made
    return table([columns[0], *(f"{name}>" for name in columns[1:])], body, indent=0)


def as_dict(study: RegretStudy) -> dict[str, Any]:
    """The JSON object of the command."""
    return {
        "schema": SCHEMA,
        "study": study.spec.regret_study,
        "points": study.pairs.points,
        "designs": len(study.pairs),
        "circumstances": list(study.spec.circumstances),
        "cases": _records(csv_tables(study)["cases.csv"]),
        "winners": _records(csv_tables(study)["winners.csv"]),
        "prices": study.spec.prices.model_dump(),
        "findings": findings(study),
    }


def _records(made: Table) -> list[dict[str, Any]]:
    return [dict(zip(made[0], row, strict=True)) for row in made[1]]


def _content(study: RegretStudy, drawings: list[Drawing], folder: Path) -> dict[str, Any]:
    spec = study.spec
    images = [
        {"drawing": each, "data": encoded(folder / f"{each.name}.svg"), "wide": each.name in WIDE} for each in drawings
    ]
    text: Callable[[float], str] = "{:g}".format
    return {
        "spec": spec,
        "points": f"{study.pairs.points:,}",
        "cases": len(study.cases),
        "findings": findings(study),
        "figures": images,
        "sections": list(_sections(study)),
        "ranks": list(_ranks(study)),
        "entries": [
            [name, ", ".join(each.of), f"{text(each.low)} to {text(each.high)}", each.source]
            for name, each in spec.prices.entries.items()
        ],
        "spaces": [[name, ", ".join(each.where) or "-"] for name, each in {**spec.spaces, **spec.budgets}.items()],
        "axes": [[name, _values(study, name)] for name in study.pairs.axes],
        "version": version(),
        "files": [*TABLES, *(f"{each.name}.svg" for each in drawings)],
        "run": RUN,
    }


def _values(study: RegretStudy, axis: str) -> str:
    import numpy as np

    values = np.unique(study.pairs.axes[axis]).tolist()
    some = values if len(values) <= 12 else [*values[:3], "...", values[-1]]
    return ", ".join(f"{each:,}" if isinstance(each, int) else str(each) for each in some)
