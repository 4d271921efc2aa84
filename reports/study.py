"""All results of a published study, and the questions that tables, figures and findings ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .comparison import Comparison, compare_closed_forms
from .paper import PaperSpec
from .precision import StateResult, study
from .results import Point, Runs

if TYPE_CHECKING:
    from sim import Record


@dataclass(frozen=True)
class Study:
    """The runs of a paper, the check against its closed forms, and the study of its running state."""

    runs: Runs
    closed_forms: Comparison
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

    def record(self, configuration: str, length: str, model: str = "", accounting: str = "") -> Record:
        """One record; by default of the model in figures, under our accounting."""
        return self.runs.record(Point(configuration, model or self.model, length, accounting or self.accounting))

    def speed_up(self, configuration: str, over: str, length: str, model: str = "") -> float:
        """How many times faster one configuration is than another."""
        return self.record(over, length, model).latency_s / self.record(configuration, length, model).latency_s

    def energy_ratio(self, configuration: str, over: str, length: str, accounting: str, model: str = "") -> float:
        """The energy of one configuration, of another's, under one accounting."""
        ours, theirs = (self.record(each, length, model, accounting).energy_j for each in (configuration, over))
        return ours / theirs if ours is not None and theirs else math.nan

    def cases(self) -> list[tuple[str, str]]:
        """Every (model, length)."""
        return [(model, length) for model in self.paper.models for length in self.paper.lengths]


def run_study(paper: PaperSpec, progress: Callable[[str], None] = lambda label: None) -> Study:
    """Simulate everything; `progress` is told of each step. Raises SpecError or Infeasible."""
    runs = Runs(paper)
    for point in runs.points():
        runs.record(point)
        progress(f"{point.configuration} {point.model} {point.length}")
    states = study(paper.report.precision, progress)
    return Study(runs, compare_closed_forms(runs), tuple(states))


def steps(paper: PaperSpec) -> int:
    """How many steps `run_study` reports."""
    precision = paper.report.precision
    points = len(paper.accountings) * len(paper.configurations) * len(paper.models) * len(paper.lengths)
    return points + len(precision.lengths) * len(precision.variants)


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios.

    >>> geometric_mean([2.0, 8.0])
    4.0
    """
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))
