"""All results of a published study, and the questions that tables, figures and findings ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .comparison import Comparison, compare_closed_forms, compare_reference
from .paper import PaperSpec, Part
from .precision import StateResult, study
from .published import Published, published
from .results import CycleTime, Point, Runs

if TYPE_CHECKING:
    from sim import Record


@dataclass(frozen=True)
class Ratios:
    """An energy over another: by the table that each machine names, and by every table of the library.

    A table that cannot price one of the two has None.
    """

    own: float | None
    by_table: Mapping[str, float | None]

    @property
    def values(self) -> list[float]:
        """Every ratio that there is."""
        return [value for value in (self.own, *self.by_table.values()) if value is not None]

    @property
    def low(self) -> float:
        return min(self.values, default=math.nan)

    @property
    def high(self) -> float:
        return max(self.values, default=math.nan)


@dataclass(frozen=True)
class Study:
    """The runs of a paper, the checks against what it published, and the study of its running state."""

    runs: Runs
    closed_forms: Comparison
    reference: Comparison | None  # the rows of a reference, if one was given
    published: Published
    states: tuple[StateResult, ...]

    @property
    def paper(self) -> PaperSpec:
        return self.runs.paper

    @property
    def model(self) -> str:
        """The model that figures show; the others are a range around it."""
        return next(iter(self.paper.models))

    @property
    def accounting(self) -> str:
        """Our own accounting, which is the first."""
        return next(iter(self.paper.accountings))

    @property
    def marks(self) -> str:
        """What the published marks of figures are."""
        return "closed form" if self.reference is None else "published"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that energies are priced by."""
        from arch import table_names

        return table_names()

    def point(
        self, configuration: str, length: str, model: str = "", part: Part = "attention", accounting: str = ""
    ) -> Point:
        """A design point; by default attention of the model in figures, under our accounting."""
        which = None if part == "attention" else part
        return Point(configuration, model or self.model, length, accounting or self.accounting, part=which)

    def record(self, configuration: str, length: str, model: str = "", accounting: str = "") -> Record:
        """One record of attention."""
        return self.runs.record(self.point(configuration, length, model, accounting=accounting))

    def speed_up(self, configuration: str, over: str, length: str, model: str = "", part: Part = "attention") -> float:
        """How many times faster one configuration is than another, by the analytic model."""
        ours, theirs = (self.runs.latency_s(self.point(each, length, model, part)) for each in (configuration, over))
        return theirs / ours

    def cycle_time(self, configuration: str, length: str, model: str = "", part: Part = "attention") -> CycleTime:
        """The time by the cycle model, or why it has none."""
        return self.runs.cycle_time(self.point(configuration, length, model, part))

    def cycle_speed_up(
        self, configuration: str, over: str, length: str, model: str = "", part: Part = "attention"
    ) -> float | None:
        """The speed-up by the cycle model; None where it refuses one of the two."""
        ours, theirs = (self.cycle_time(each, length, model, part).latency_s for each in (configuration, over))
        return None if ours is None or theirs is None else theirs / ours

    def energy_ratios(
        self,
        configuration: str,
        over: str,
        length: str,
        accounting: str,
        model: str = "",
        part: Part = "attention",
    ) -> Ratios:
        """The energy of one configuration, of another's, under one accounting."""
        ours, theirs = (self.point(each, length, model, part, accounting) for each in (configuration, over))
        found = {
            table: _ratio(self.runs.energy(ours, table).energy_j, self.runs.energy(theirs, table).energy_j)
            for table in self.tables
        }
        return Ratios(_ratio(self.runs.energy(ours).energy_j, self.runs.energy(theirs).energy_j), found)

    def unpriced(self) -> dict[tuple[str, str], str]:
        """Why a table cannot price a configuration's machine, by table and configuration."""
        found: dict[tuple[str, str], str] = {}
        length = next(iter(self.paper.lengths))
        for table in self.tables:
            for configuration in self.paper.compared:
                priced = self.runs.energy(self.point(configuration, length), table)
                if priced.energy_j is None:
                    found[table, configuration] = priced.reason
        return found

    def cases(self) -> list[tuple[str, str]]:
        """Every (model, length)."""
        return [(model, length) for model in self.paper.models for length in self.paper.lengths]

    def parts(self, configuration: str) -> list[Part]:
        """What a configuration costs: attention, and the whole layer where its linear layers are known."""
        return ["attention", "end-to-end"] if self.paper.configurations[configuration].linear else ["attention"]

    def sweeps(self) -> list[str]:
        """The configurations of a sweep."""
        return [name for name, spec in self.paper.compared.items() if spec.numbers]


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def run_study(
    paper: PaperSpec, progress: Callable[[str], None] = lambda label: None, reference: Path | None = None
) -> Study:
    """Simulate everything; `progress` is told of each step. Raises SpecError or Infeasible."""
    runs = Runs(paper)
    compared = None if reference is None else compare_reference(runs, reference)
    for point in runs.points():
        runs.record(point)
        progress(f"{point.configuration} {point.model} {point.length}")
    forms = compare_closed_forms(runs)
    source, rows = ("the closed forms", forms.rows) if compared is None else (str(reference), compared.rows)
    for point in _timed(runs):
        runs.cycle_time(point)
        progress(f"{point.configuration} {point.model} {point.length}, cycle model")
    states = study(paper.report.precision, progress)
    return Study(runs, forms, compared, published(runs, source, rows), tuple(states))


def _timed(runs: Runs) -> list[Point]:
    """What the cycle model times: every point of attention once, every whole layer, every sweep."""
    paper = runs.paper
    ours = next(iter(paper.accountings))
    found = [
        Point(name, model, length, ours, part="end-to-end" if spec.linear else None)
        for name, spec in paper.configurations.items()
        for model in paper.models
        for length in paper.lengths
    ]
    sweeps = [name for name, spec in paper.compared.items() if spec.numbers]
    return found + [point for name in sweeps for model in paper.models for point in runs.sweep(name, model)]


def steps(paper: PaperSpec) -> int:
    """How many steps `run_study` reports."""
    precision = paper.report.precision
    runs = Runs(paper)
    points = len(list(runs.points())) + len(_timed(runs))
    return points + len(precision.lengths) * len(precision.variants)


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios.

    >>> geometric_mean([2.0, 8.0])
    4.0
    """
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))
