"""`einfuse pareto`: the front of a run, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.explore.runs.encoding import POINT
from sim.explore.runs.keep import MODEL

from .. import quantities
from ..console import note, table, wrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from sim.explore.runs.reading import Front

LISTED = 100  # points of a front; more are counted


def front(run: Path, objectives: str | None) -> Front:
    """The front of a run in these columns, separated by commas, or in those of its sweep; of what is there of it."""
    from sim.explore.runs.reading import front_of

    names = [] if objectives is None else [name.strip() for name in objectives.split(",")]
    found = front_of(run, names)
    if found.parts < found.expected:
        note(f"'{run}' is not complete: the front is of {found.parts:,} of {found.expected:,} parts")
    if found.kept:
        note(f"'{run}' has kept {found.kept} only: other points may be on the front")
    return found


def as_dict(run: Path, found: Front) -> dict[str, Any]:
    """A front as JSON."""
    return {
        "schema": "einfuse.pareto/1",
        "run": str(run),
        "complete": found.parts == found.expected,
        "objectives": list(found.objectives),
        "points": found.points,
        "front": found.table.to_pylist(),
    }


def as_text(found: Front) -> list[RenderableType]:
    """A front for the terminal: of points that are equal in all objectives the first, and how many they are."""
    if not found.table.num_rows:
        return ["no point is feasible"]
    first, equal = _told_apart(found)
    alike = {name: found.table[name][0].as_py() for name in _axes(found) if len(found.table[name].unique()) == 1}
    names = [name for name in found.table.column_names if name not in alike]
    shown = found.table.select(names).take(first[:LISTED]).to_pylist()
    rows = [[cell(name, row[name], name in found.objectives) for name in names] for row in shown]
    heads = [name.replace(".", ".\n") + ">" for name in names]
    if (equal > 1).any():
        heads = [*heads, "equal>"]
        rows = [[*row, quantities.whole(int(number))] for row, number in zip(rows, equal, strict=False)]
    size, points = found.table.num_rows, quantities.whole(found.points)
    by = ", by each model" if MODEL in found.table.column_names else ""
    parts: list[RenderableType] = [table(heads, rows, indent=0)]
    if len(first) > LISTED:
        parts.append(f"and {quantities.whole(int(equal[LISTED:].sum()))} more; --json lists all")
    parts += ["", wrapped(f"{quantities.whole(size)} of {points} points, least in {', '.join(found.objectives)}{by}")]
    if len(first) < size:
        parts.append(wrapped("equal: points with these objectives; the first is listed, --json lists all"))
    if alike:
        parts.append(wrapped("all have " + ", ".join(f"{name} {cell(name, alike[name], False)}" for name in alike)))
    return parts


def _told_apart(found: Front) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first of the points that are equal in all objectives, and how many they are; they follow each other."""
    models = [MODEL] if MODEL in found.table.column_names else []
    columns = [found.table[name].to_numpy() for name in (*models, *found.objectives)]
    new = np.any([each[1:] != each[:-1] for each in columns], axis=0)
    first = np.concatenate([[0], 1 + np.flatnonzero(new)])
    return first, np.diff([*first, found.table.num_rows])


def _axes(found: Front) -> list[str]:
    """The columns that are neither the point nor an objective."""
    return [name for name in found.table.column_names[1:] if name not in found.objectives]


def cell(name: str, value: Any, is_objective: bool) -> str:
    """The value of a column: objectives with their units, points by their numbers, axes in base units with prefixes.

    >>> cell("latency_s", 0.0020131404, True), cell("point", 4096, False), cell("arch.buffer.size", 4096, False)
    ('2.013 ms', '4,096', '4Ki')
    """
    if is_objective and value is not None:
        return quantities.objective(name, value)
    return quantities.whole(value) if name == POINT else quantities.setting(value)
