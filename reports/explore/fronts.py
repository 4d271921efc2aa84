"""`einfuse pareto`: the front of a run, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import quantities
from ..console import note, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.explore.reading import Front

LISTED = 100  # points of a front; more are counted


def front(run: Path, objectives: str | None) -> Front:
    """The front of a run in these columns, separated by commas, or in those of its sweep; of what is there of it."""
    from sim.explore.reading import front_of

    names = [] if objectives is None else [name.strip() for name in objectives.split(",")]
    found = front_of(run, names)
    if found.parts < found.expected:
        note(f"'{run}' is not complete: the front is of {found.parts:,} of {found.expected:,} parts")
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
    """A front for the terminal: axes in base units, objectives with prefixes."""
    names = found.table.column_names
    rows = [
        [_cell(name, row[name], name in found.objectives) for name in names]
        for row in found.table.slice(0, LISTED).to_pylist()
    ]
    size = found.table.num_rows
    count = (
        f"{quantities.whole(size)} of {quantities.whole(found.points)} points, least in {', '.join(found.objectives)}"
    )
    more = [] if size <= LISTED else [f"and {quantities.whole(size - LISTED)} more; --json lists all"]
    return (
        [table([f"{name}>" for name in names], rows, indent=0), *more, "", count] if rows else ["no point is feasible"]
    )


def _cell(name: str, value: Any, is_objective: bool) -> str:
    if value is None:
        return "-"
    return quantities.objective(name, value) if is_objective else f"{value:,}" if isinstance(value, int) else str(value)
