"""`einfuse pareto`: the front of a run, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import quantities
from ..console import note, table

if TYPE_CHECKING:
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
    """A front for the terminal: axes in base units, objectives with prefixes; axes of one value come last."""
    if not found.table.num_rows:
        return ["no point is feasible"]
    alike = {name: found.table[name][0].as_py() for name in _axes(found) if len(found.table[name].unique()) == 1}
    names = [name for name in found.table.column_names if name not in alike]
    shown = found.table.select(names).slice(0, LISTED).to_pylist()
    rows = [[_cell(name, row[name], name in found.objectives) for name in names] for row in shown]
    size, points = found.table.num_rows, quantities.whole(found.points)
    parts: list[RenderableType] = [table([name.replace(".", ".\n") + ">" for name in names], rows, indent=0)]
    if size > LISTED:
        parts.append(f"and {quantities.whole(size - LISTED)} more; --json lists all")
    parts += ["", f"{quantities.whole(size)} of {points} points, least in {', '.join(found.objectives)}"]
    if alike:
        told = [f"{name} {_cell(name, value, False)}" for name, value in alike.items()]
        parts.append(f"all have {', '.join(told)}")
    return parts


def _axes(found: Front) -> list[str]:
    """The columns that are neither the point nor an objective."""
    return [name for name in found.table.column_names[1:] if name not in found.objectives]


def _cell(name: str, value: Any, is_objective: bool) -> str:
    if value is None:
        return "-"
    return quantities.objective(name, value) if is_objective else f"{value:,}" if isinstance(value, int) else str(value)
