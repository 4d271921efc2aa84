"""What the report of a run shows: its front, what each axis does, and the best over pairs of axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from sim.explore.runs.effects import Best, Density, Effect, Space, best, densities, effects, space_of
from sim.explore.runs.keep import MODEL
from sim.explore.runs.reading import Front, front_of, stored

from .. import quantities
from ..rows import Table

EXACT = "cycle"  # of the models that a sweep may have several of
TABLES = ("front.csv", "sensitivity.csv", "best.csv", "density.csv")


@dataclass(frozen=True)
class RunResults:
    """A run's front, effects, best values over two axes for each objective, and where its points lie."""

    folder: Path
    space: Space
    front: Front
    effects: Mapping[str, Mapping[str, Effect]]
    best: tuple[Best, ...]
    densities: tuple[Density, ...]
    model: str = ""  # whose rows these are, if the run has those of several

    @property
    def axes(self) -> list[str]:
        """The axes with more than one value, the one that moves the first objective most first."""
        first = self.effects[self.space.objectives[0]]
        return sorted(first, key=lambda name: -first[name].share)


def results(folder: Path) -> RunResults:
    """What is there of a run, by the most exact of its models.

    Raises SpecError if it is none, Infeasible if no point of it is feasible.
    """
    table, front = stored(folder), front_of(folder)
    model = EXACT if MODEL in table.axes else ""
    if model:
        import pyarrow.compute as compute

        table = table.by(model)
        front = replace(front, table=front.table.filter(compute.field(MODEL) == model).drop_columns([MODEL]))
    space = space_of(table)
    found = effects(space)
    maps = [each for name in space.objectives if (each := _best(space, name, found[name])) is not None]
    pairs = list(combinations(space.objectives, 2))
    return RunResults(folder, space, front, found, tuple(maps), tuple(densities(space, pairs)), model)


def _best(space: Space, objective: str, found: Mapping[str, Effect]) -> Best | None:
    """Over the axis that moves an objective most, and the next one that does not merely go with it."""
    order = sorted(found, key=lambda name: -found[name].share)
    made = (best(space, objective, other, order[0]) for other in order[1:])
    return next((each for each in made if not _goes_with(each)), None)


def _goes_with(found: Best) -> bool:
    """Whether one of the axes has a single value for each of the other's."""
    import numpy as np

    known = np.isfinite(found.least)
    return bool(known.sum(axis=0).max() == 1 or known.sum(axis=1).max() == 1)


def csv_tables(found: RunResults) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units, every digit."""
    makers = (_front, _sensitivity, _best_rows, _density)
    return {name: make(found) for name, make in zip(TABLES, makers, strict=True)}


def _front(found: RunResults) -> Table:
    table = found.front.table
    return table.column_names, [list(row.values()) for row in table.to_pylist()]


def _sensitivity(found: RunResults) -> Table:
    rows = [
        [objective, axis, len(found.space.values[axis]), effect.share, effect.low, effect.high]
        for objective, by_axis in found.effects.items()
        for axis, effect in by_axis.items()
    ]
    return ["objective", "axis", "values", "variance_share", "least_mean", "greatest_mean"], rows


def _best_rows(found: RunResults) -> Table:
    rows: list[list[Any]] = []
    for each in found.best:
        for one, line in zip(each.one, each.least.tolist(), strict=True):
            for other, least in zip(each.other, line, strict=True):
                rows.append([each.objective, each.axes[0], one, each.axes[1], other, None if least != least else least])
    return ["objective", "axis", "value", "other_axis", "other_value", "least"], rows


def _density(found: RunResults) -> Table:
    import numpy as np

    rows: list[list[Any]] = []
    for each in found.densities:
        for i, j in np.argwhere(each.counts).tolist():
            x, y = each.x_edges[i : i + 2].tolist(), each.y_edges[j : j + 2].tolist()
            rows.append([each.x, each.y, *x, *y, int(each.counts[i, j])])
    return ["x", "y", "x_from", "x_to", "y_from", "y_to", "points"], rows


def sensitivity_table(found: RunResults) -> Table:
    """The share of each objective's variance that each axis has."""
    objectives = found.space.objectives
    rows = []
    for axis in found.axes:
        shares = [quantities.percent(found.effects[objective][axis].share) for objective in objectives]
        rows.append([axis, str(len(found.space.values[axis])), *shares])
    return ["axis", "values>", *(f"{name}>" for name in objectives)], rows
