"""`einfuse show` of a sweep: what is swept, along which axes, and how many points that makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quantities
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.explore.axes import Axis
    from sim.explore.points import Sweep


def as_text(sweep: Sweep) -> list[RenderableType]:
    """A sweep: its designs, axes with their first and last values, constraints, objectives and columns."""
    spec = sweep.spec
    about = [("summary", " ".join(spec.summary.split()))] if spec.summary else []
    about.append(("workload", spec.workload))
    about += [("design", f"{design.mapping} on {design.arch}") for design in spec.all_designs]
    about += [("model", str(model)) for model in spec.models if model is not None]
    about += [("objectives", ", ".join(spec.objectives)), ("keep", spec.keep)]
    about += [("points", quantities.count(sweep.grid.points))]
    about += [("source", ", ".join(spec.source))] if spec.source else []
    rows = [_axis(sweep, axis) for axis in sweep.axes]
    parts: list[RenderableType] = [heading(f"sweep {sweep.loaded.name}"), fields(about, indent=2)]
    parts += ["", heading("axes"), table(("axis", "values>", "first>", "last>", "tied to"), rows)]
    if spec.constraints:
        parts += ["", heading("constraints"), bullets(spec.constraints)]
    return parts


def _axis(sweep: Sweep, axis: Axis) -> tuple[str, ...]:
    given = sweep.spec.axes[axis.path]
    first, last = [0] * len(sweep.free), [len(each.values) - 1 for each in sweep.free]
    tie = given.lstrip().removeprefix("=").strip() if isinstance(given, str) else ""
    return axis.path, quantities.count(axis.values.size), axis.text(first), axis.text(last), tie
