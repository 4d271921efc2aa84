"""The designs of a paired sweep: every point once, with its numbers by the analytic model and by the cycle model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sim.explore.runs.encoding import POINT
from sim.explore.runs.reading import stored
from sim.explore.runs.work import FEASIBLE
from specs import Expression, SpecError, unknown

MODELS = ("analytic", "cycle")
COMPONENT = "energy_j."
NUMBERS = ("latency_s", "energy_j", "area_mm2")


@dataclass(frozen=True)
class Timed:
    """The designs by one model: latency, energy by component, each [n]."""

    latency_s: Any
    components_j: Mapping[str, Any]

    @cached_property
    def energy_j(self) -> Any:
        return sum(self.components_j.values())

    def at_prices(self, factors: Mapping[str, float]) -> Timed:
        """The same with each component's price times a factor."""
        return Timed(self.latency_s, {name: joules * factors[name] for name, joules in self.components_j.items()})

    def at(self, rows: Any) -> Timed:
        """Some of the designs."""
        return Timed(self.latency_s[rows], {name: joules[rows] for name, joules in self.components_j.items()})


@dataclass(frozen=True)
class Pairs:
    """Designs in their circumstances that fit by both models: axes, area, and a model's numbers, each [n]."""

    axes: Mapping[str, Any]
    area_mm2: Any
    analytic: Timed
    cycle: Timed
    points: int = 0  # of the sweep for each model, those that do not fit included

    def __len__(self) -> int:
        return len(self.area_mm2)

    @property
    def components(self) -> tuple[str, ...]:
        """What energy is divided into."""
        return tuple(self.cycle.components_j)

    def at(self, rows: Any) -> Pairs:
        """Some of the designs; `rows` are their numbers or a mask."""
        axes = {name: values[rows] for name, values in self.axes.items()}
        return Pairs(axes, self.area_mm2[rows], self.analytic.at(rows), self.cycle.at(rows), self.points)

    def at_prices(self, factors: Mapping[str, float]) -> Pairs:
        """The same with the price of each component times a factor."""
        analytic, cycle = self.analytic.at_prices(factors), self.cycle.at_prices(factors)
        return Pairs(self.axes, self.area_mm2, analytic, cycle, self.points)

    def value(self, metric: Expression, model: str) -> Any:
        """An expression over the columns by one model, [n]. Raises SpecError for a column that there is not."""
        return np.broadcast_to(metric.evaluate(self._columns(model)), (len(self),))

    def meeting(self, conditions: tuple[Expression, ...]) -> Any:
        """Which designs meet all conditions; latency and energy are by the cycle model."""
        found = np.ones(len(self), dtype=bool)
        for condition in conditions:
            found &= condition.evaluate(self._columns("cycle"))
        return found

    def _columns(self, model: str) -> Callable[[str], Any]:
        timed = self.analytic if model == "analytic" else self.cycle
        known = {**self.axes, "latency_s": timed.latency_s, "energy_j": timed.energy_j, "area_mm2": self.area_mm2}

        def lookup(name: str) -> Any:
            if name not in known:
                raise SpecError(unknown("column", name, known))
            return known[name]

        return lookup


def pairs_of(run: Path) -> Pairs:
    """The designs of the run of a paired sweep, of which only some columns are read.

    Raises SpecError if it is none, or if there are energies or areas that its tables do not know.
    """
    table = stored(run)
    components = [name for name in table.names if name.startswith(COMPONENT)]
    if "model" not in table.axes or not components:
        raise SpecError(f"'{run}' is no paired sweep; its spec needs 'model: [analytic, cycle]' and 'columns: all'")
    found = _frame(table.read([POINT, *table.axes, *NUMBERS, *components, FEASIBLE]))
    halves = {model: found[found["model"] == model].reset_index(drop=True) for model in MODELS}
    if len(halves["analytic"]) != len(halves["cycle"]) or table.points != 2 * len(halves["cycle"]):
        raise SpecError(f"'{run}' does not have every point by both models; run its sweep to the end, with keep: all")
    both = (halves["analytic"][FEASIBLE] & halves["cycle"][FEASIBLE]).to_numpy()
    fitting = {model: half[both] for model, half in halves.items()}
    for name in NUMBERS:
        if any(half[name].isna().any() for half in fitting.values()):
            raise SpecError(
                f"'{run}' has designs without {name}; give its machines an energy table that knows all of it"
            )
    axes = {name: fitting["cycle"][name].to_numpy() for name in table.axes if name != "model"}
    area = fitting["cycle"]["area_mm2"].to_numpy()
    return Pairs(axes, area, _timed(fitting["analytic"]), _timed(fitting["cycle"]), len(both))


def _frame(tables: Iterator[Any]) -> Any:
    """Tables, one below the other in the order of their points, as pandas has them."""
    import pyarrow

    whole = pyarrow.concat_tables(tables, promote_options="default").unify_dictionaries()
    return whole.to_pandas().sort_values(POINT)


def _timed(half: Any) -> Timed:
    """Energy by component; of what a design's machine does not have it takes none."""
    names = [name for name in half.columns if name.startswith(COMPONENT)]
    return Timed(
        half["latency_s"].to_numpy(), {name.removeprefix(COMPONENT): half[name].fillna(0).to_numpy() for name in names}
    )
