"""`einfuse report` of a cycle study: simulates its points, then writes its tables, figures and page at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..console import heading, table
from ..placing import placed, refuse
from ..progress import steps_shown
from ..rows import write_csv
from .figures import draw_all
from .figures import files as figure_files
from .findings import tiles_table
from .page import PAGE, write_page
from .results import CycleStudy, run
from .spec import study_spec
from .tables import TABLES, csv_tables

if TYPE_CHECKING:
    from rich.console import RenderableType


def write_cycle_report(name: str, folder: Path) -> list[RenderableType]:
    """Write the report of a cycle study and return what the terminal shows. Raises as `write_report` does."""
    spec = study_spec(name)
    refuse(folder, [*TABLES, *figure_files(), PAGE])
    with placed(folder, PAGE) as draft:
        with steps_shown(len(spec.points())) as step:
            study = run(spec, step)
        write(study, draft)
    return as_text(study, folder)


def write(study: CycleStudy, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in csv_tables(study).items():
        write_csv(draft / name, made)
    write_page(study, draw_all(study, draft), draft)


def as_text(study: CycleStudy, folder: Path) -> list[RenderableType]:
    """The tiles in flight that are needed, and where the rest is."""
    spec = study.spec
    within = f"within {100 * spec.close:g} % of the analytic model"
    title = f"{spec.study}: use of the {spec.watched.label}, and the tiles in flight that keep it {within}"
    columns, body = tiles_table(study)
    return [
        heading(title),
        table([columns[0], *(f"{name}>" for name in columns[1:])], body, indent=0),
        "",
        f"{len(study.outcomes)} points, and everything else: {folder / PAGE}",
    ]
