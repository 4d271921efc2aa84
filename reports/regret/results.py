"""What a study of regret finds: how two models rank designs in each circumstance and budget, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sim.explore.fronts.agreement import Overlap, Regret, overlap, regret, shortlist
from sim.explore.fronts.ranks import kendall_tau
from specs import Infeasible, SpecError, unknown

from ..quantities import setting
from .pairs import Pairs
from .spec import PricesSpec, RegretStudySpec

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Choice:
    """What the analytic model picks by one metric, and how far its order can be trusted."""

    regret: Regret
    pick: Mapping[str, Any]  # the axes of its design,
    best: Mapping[str, Any]  # and of the best one
    tau: float
    enough: int  # of the analytic model's first designs, the fewest that hold one which is close to the best


@dataclass(frozen=True)
class Sampled:
    """The same under drawn prices, each [samples]; ranks are compared in the first space and budget alone."""

    regret: Mapping[str, Any]
    tau: Mapping[str, Any]
    found: Any | None  # the share of the cycle model's front that the analytic model finds


@dataclass(frozen=True)
class Case:
    """Circumstances, a space of designs and a budget."""

    circumstance: tuple[Any, ...]
    space: str
    budget: str
    designs: int
    fronts: Overlap  # in latency, energy and area
    choices: Mapping[str, Choice]
    lost: Mapping[str, Any]  # by metric, what is lost by timing so many of the analytic model's first, [designs]
    sampled: Sampled


@dataclass(frozen=True)
class RegretStudy:
    """Every case of a study."""

    spec: RegretStudySpec
    pairs: Pairs
    cases: tuple[Case, ...]
    factors: tuple[Mapping[str, float], ...]  # of prices, one mapping for each sample

    def circumstances(self) -> list[tuple[Any, ...]]:
        """The circumstances, in order."""
        return list(dict.fromkeys(case.circumstance for case in self.cases))

    def label(self, circumstance: tuple[Any, ...]) -> str:
        """What a circumstance is called."""
        names = self.spec.circumstances.values()
        return ", ".join(f"{name} {setting(value)}" for name, value in zip(names, circumstance, strict=True)) or "all"

    def find(self, circumstance: tuple[Any, ...], space: str, budget: str) -> Case | None:
        """A case; None if no design is of it."""
        return self._by_name.get((circumstance, space, budget))

    @cached_property
    def _by_name(self) -> Mapping[tuple[tuple[Any, ...], str, str], Case]:
        return {(case.circumstance, case.space, case.budget): case for case in self.cases}

    def designs(self, case: Case) -> Pairs:
        """The designs of a case."""
        here = self.pairs.at(_rows(self.pairs, list(self.spec.circumstances), case.circumstance))
        conditions = (*self.spec.spaces[case.space].conditions, *self.spec.budgets[case.budget].conditions)
        return here.at(np.flatnonzero(here.meeting(conditions)))

    def worst(self, metric: str, space: str) -> Case:
        """The case of a space in which the analytic model's choice loses the most."""
        return max((each for each in self.cases if each.space == space), key=lambda e: e.choices[metric].regret.regret)


def run(spec: RegretStudySpec, pairs: Pairs, progress: Callable[[str], None] = lambda label: None) -> RegretStudy:
    """Compare the models in every case; `progress` is told of each circumstance.

    Raises SpecError for an axis or a column that there is not, Infeasible without a design in the first space and
    budget.
    """
    for name in spec.circumstances:
        if name not in pairs.axes:
            raise SpecError(unknown("axis", name, pairs.axes))
    factors = tuple(draw(spec.prices, pairs.components))
    cases: list[Case] = []
    for circumstance in circumstances_of(pairs, spec):
        cases += _cases(spec, circumstance, pairs.at(_rows(pairs, list(spec.circumstances), circumstance)), factors)
        progress(", ".join(map(setting, circumstance)))
    space, budget = spec.first
    if not any((case.space, case.budget) == spec.first for case in cases):
        raise Infeasible(f"no design of space '{space}' and budget '{budget}' fits by both models")
    return RegretStudy(spec, pairs, tuple(cases), factors)


def circumstances_of(pairs: Pairs, spec: RegretStudySpec) -> list[tuple[Any, ...]]:
    """The combinations of what nobody chooses, in the order of their first design."""
    columns = [pairs.axes[name].tolist() for name in spec.circumstances]
    return list(dict.fromkeys(zip(*columns, strict=True))) if columns else [()]


def draw(prices: PricesSpec, components: tuple[str, ...]) -> Iterator[Mapping[str, float]]:
    """A factor for each component, sample by sample: the product of its entries', each even in its logarithm.

    Raises SpecError for an entry of a component that there is not, and for a component that is in none.
    """
    entries = prices.entries.values()
    named = list(dict.fromkeys(name for entry in entries for name in entry.of))
    for name in named:
        if name not in components:
            raise SpecError(unknown("component of energy", name, components))
    for name in components:
        if name not in named:
            raise SpecError(
                f"prices.entries: no entry is of component '{name}'; name it in one, with low: 1, high: 1 if sure"
            )
    generator = np.random.default_rng(prices.seed)
    low, high = np.log([each.low for each in entries]), np.log([each.high for each in entries])
    within = np.array([[name in entry.of for entry in entries] for name in components])
    for _ in range(prices.samples):
        logarithms = within @ generator.uniform(low, high)
        yield dict(zip(components, np.exp(logarithms).tolist(), strict=True))


def _rows(pairs: Pairs, names: list[str], circumstance: tuple[Any, ...]) -> Any:
    found = np.ones(len(pairs), dtype=bool)
    for name, value in zip(names, circumstance, strict=True):
        found &= pairs.axes[name] == value
    return found


def _cases(
    spec: RegretStudySpec, circumstance: tuple[Any, ...], pairs: Pairs, factors: tuple[Mapping[str, float], ...]
) -> Iterator[Case]:
    """The cases of a circumstance that have any design."""
    priced = [pairs.at_prices(each) for each in factors]
    for space, limits in spec.spaces.items():
        for budget, more in spec.budgets.items():
            rows = np.flatnonzero(pairs.meeting((*limits.conditions, *more.conditions)))
            if not len(rows):
                continue
            here = pairs.at(rows)
            yield Case(
                circumstance,
                space,
                budget,
                len(rows),
                overlap(objectives(here, "analytic"), objectives(here, "cycle")),
                {name: _choice(spec, here, name) for name in spec.metrics},
                {name: shortlist(*_values(spec, here, name), here.area_mm2) for name in spec.metrics},
                _sampled(spec, [each.at(rows) for each in priced], (space, budget) == spec.first),
            )


def objectives(pairs: Pairs, model: str) -> Any:
    """Latency, energy and area by one model, [n, 3]."""
    timed = pairs.analytic if model == "analytic" else pairs.cycle
    return np.stack([timed.latency_s, timed.energy_j, pairs.area_mm2], axis=1)


def _values(spec: RegretStudySpec, pairs: Pairs, metric: str) -> tuple[Any, Any]:
    expression = spec.metric(metric)
    return pairs.value(expression, "analytic"), pairs.value(expression, "cycle")


def _choice(spec: RegretStudySpec, pairs: Pairs, metric: str) -> Choice:
    cheap, true = _values(spec, pairs, metric)
    found = regret(cheap, true, pairs.area_mm2)
    enough = int(np.argmax(shortlist(cheap, true, pairs.area_mm2) <= spec.close)) + 1
    return Choice(found, _design(pairs, found.pick), _design(pairs, found.best), kendall_tau(cheap, true), enough)


def _design(pairs: Pairs, row: int) -> dict[str, Any]:
    return {name: _plain(values[row]) for name, values in pairs.axes.items()}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value  # texts are plain as they are


def _sampled(spec: RegretStudySpec, priced: list[Pairs], ranked: bool) -> Sampled:
    lost: dict[str, Any] = {}
    taus: dict[str, Any] = {}
    for name in spec.priced:
        values = [_values(spec, pairs, name) for pairs in priced]
        pairs_of_values = zip(values, priced, strict=True)
        lost[name] = np.array([regret(*each, pairs.area_mm2).regret for each, pairs in pairs_of_values])
        if ranked:
            taus[name] = np.array([kendall_tau(*each) for each in values])
    if not ranked:
        return Sampled(lost, taus, None)
    fronts = [overlap(objectives(pairs, "analytic"), objectives(pairs, "cycle")) for pairs in priced]
    return Sampled(lost, taus, np.array([each.found for each in fronts]))


def write_run(sweep: Path, folder: Path, workers: int, progress: Callable[[Any], None]) -> Pairs:
    """The designs of a sweep's file, whose run is in the folder, or is made there. Raises as `sim.explore.runs.run`."""
    from sim.explore.copies import FileWork
    from sim.explore.runs.keep import Keep
    from sim.explore.runs.run import run as run_sweep

    from .pairs import pairs_of

    work = FileWork(str(sweep))
    spec = work.evaluator.sweep.spec
    keep = Keep.parse(spec.keep, spec.objectives)
    run_sweep(work, folder, keep, sweep.read_text(encoding="utf-8"), workers=workers, progress=progress)
    return pairs_of(folder)
