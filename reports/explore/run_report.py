"""`einfuse report RUN`: the plots of a run, and the tables behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs.version import version

from .. import quantities
from ..console import heading, table, wrapped
from ..page import encoded, render
from ..placing import placed, refuse
from ..rows import write_csv
from .fronts import cell, front
from .run_figures import WIDE, draw_all
from .run_figures import files as figure_files
from .run_results import TABLES, RunResults, csv_tables, results, sensitivity_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..style import Drawing

PAGE = "index.html"
NO_AXIS = "no axis has more than one value among the feasible points, so there is nothing to compare"
SHOWN = 20  # points of the front on the page, evenly spaced in its order


def write_run_report(run: Path, folder: Path) -> list[RenderableType]:
    """Write the report of what is there of a run and return what the terminal shows.

    Raises SpecError if it is no run, or `folder` is in its way; Infeasible if no point is feasible.
    """
    refuse(folder, [*TABLES, *figure_files(), PAGE])
    front(run, None)  # says what is missing
    found = results(run)
    with placed(folder, PAGE) as draft:
        write(found, draft)
    return as_text(found, folder)


def write(found: RunResults, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in csv_tables(found).items():
        write_csv(draft / name, made)
    render("run.html", _content(found, draw_all(found, draft), draft), draft)


def as_text(found: RunResults, folder: Path) -> list[RenderableType]:
    """What each axis does, and where the rest is."""
    size = quantities.whole(found.front.table.num_rows)
    note = "Shares of the variance over all feasible points that lie between the means of an axis's values."
    effects: list[RenderableType] = [
        heading("what each axis does"),
        table(*sensitivity_table(found), indent=0),
        "",
        wrapped(note),
    ]
    by = [wrapped(f"By model {found.model}; the rows by others are in the run."), ""] if found.model else []
    return [
        *by,
        *(effects if found.axes else [NO_AXIS]),
        "",
        f"front of {size} {'point' if size == '1' else 'points'}, and everything else: {folder / PAGE}",
    ]


def _content(found: RunResults, drawings: list[Drawing], folder: Path) -> dict[str, Any]:
    columns, body = sensitivity_table(found)
    size = found.front.table.num_rows
    rows = found.front.table.take([i * size // min(SHOWN, size) for i in range(min(SHOWN, size))]).to_pylist()
    axes = found.axes or list(found.space.values)  # a single design is all of its axes
    names = [name for name in found.front.table.column_names if name in (*axes, *found.space.objectives)]
    cells = [[cell(name, row[name], name in found.space.objectives) for name in names] for row in rows]
    return {
        "title": found.folder.resolve().name,
        "points": quantities.whole(found.front.points),
        "model": found.model,
        "feasible": quantities.whole(found.space.points),
        "parts": "" if found.front.parts == found.front.expected else f"{found.front.parts} of {found.front.expected}",
        "figures": [
            {"drawing": each, "data": encoded(folder / f"{each.name}.svg"), "wide": each.name in WIDE}
            for each in drawings
        ],
        "no_axis": "" if found.axes else NO_AXIS,
        "sensitivity": ([name.removesuffix(">") for name in columns], body),
        "front": (names, cells),
        "size": quantities.whole(size),
        "all_shown": len(rows) == size,
        "version": version(),
        "files": [*TABLES, *(f"{each.name}.svg" for each in drawings)],
    }
