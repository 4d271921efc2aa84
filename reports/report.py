"""`einfuse report`: simulates a study, then writes its tables, figures and page at once, or nothing."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from specs import SpecError

from . import rows
from .console import heading, table
from .paper import paper as paper_of
from .study import Study, run_study, steps

if TYPE_CHECKING:
    from rich.console import RenderableType

PAGE = "index.html"


def write_report(name: str, folder: Path) -> list[RenderableType]:
    """Write the report of a paper and return what the terminal shows.

    An existing folder keeps its other files. Raises SpecError if `folder` is something else, OSError if it cannot be
    written.
    """
    paper = paper_of(name)
    _refuse_files(folder)
    with _placed(folder) as draft:
        with _progress(steps(paper)) as advance:
            study = run_study(paper, advance)
        _write(study, draft)
    return _as_text(study, folder)


def _refuse_files(folder: Path) -> None:
    """Raise SpecError if the folder, or one that it would be made in, is a file."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return
        if path.exists() or path.is_symlink():
            raise SpecError(f"'{path}' is not a folder; -o takes the folder that the report is written to")


def _write(study: Study, folder: Path) -> None:
    from .figures import draw_all
    from .page import write_page

    for name, made in rows.csv_tables(study).items():
        rows.write_csv(folder / name, made)
    write_page(study, draw_all(study, folder), folder)


@contextmanager
def _placed(folder: Path) -> Iterator[Path]:
    """A draft folder whose files are moved to their place when all of them are written; the page comes last."""
    beside = folder if folder.is_dir() else folder.absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".einfuse-report-", dir=beside))
    try:
        draft = work / "draft"
        draft.mkdir()
        yield draft
        if not folder.is_dir():
            draft.rename(folder)
            return
        for file in sorted(draft.iterdir(), key=lambda each: each.name == PAGE):
            os.replace(file, folder / file.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


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
