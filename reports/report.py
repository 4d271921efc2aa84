"""`einfuse report`: simulates a study, then writes its tables, figures and page at once, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import rows
from .console import heading, table
from .failures import end_if_asked
from .figures import files as figure_files
from .paper import paper as paper_of
from .placing import placed, refuse
from .study import Study, run_study, steps

if TYPE_CHECKING:
    from rich.console import RenderableType

PAGE = "index.html"


def write_report(name: str, folder: Path) -> list[RenderableType]:
    """Write the report of a paper and return what the terminal shows.

    An existing folder keeps its other files. Raises SpecError if `folder` is something else or if a file that is not
    ours is in the way, OSError if it cannot be written.
    """
    paper = paper_of(name)
    refuse(folder, [*rows.TABLES, *figure_files(), PAGE])
    with placed(folder, PAGE) as draft:
        with _progress(steps(paper)) as advance:

            def step(label: str) -> None:
                end_if_asked()
                advance(label)

            study = run_study(paper, step)
        _write(study, draft)
    return _as_text(study, folder)


def _write(study: Study, folder: Path) -> None:
    from .figures import draw_all
    from .page import write_page

    for name, made in rows.csv_tables(study).items():
        rows.write_csv(folder / name, made)
    write_page(study, draw_all(study, folder), folder)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda label: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda label: bar.update(task, advance=1, description=label)


def _as_text(study: Study, folder: Path) -> list[RenderableType]:
    columns, body = rows.summary(study, study.model)
    others = ", ".join(model for model in study.paper.models if model != study.model)
    return [
        heading(f"{study.paper.paper}: {study.model}, relative to {study.paper.report.slow}"),
        table(columns, body, indent=0),
        "",
        f"{others}, and everything else: {folder / PAGE}",
    ]
