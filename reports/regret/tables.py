"""The tables of a study of regret: as CSV, on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..quantities import percent, significant
from ..rows import Table
from .results import QUANTILES, Case, RegretStudy

TABLES = ("cases.csv", "winners.csv", "shortlists.csv", "prices.csv", "regret_by_price.csv")


def csv_tables(study: RegretStudy) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    makers: tuple[Callable[[RegretStudy], Table], ...] = (_cases, _winners, _shortlists, _prices, _by_price)
    return {name: make(study) for name, make in zip(TABLES, makers, strict=True)}


def regret_table(study: RegretStudy, metric: str, space: str) -> Table:
    """What the analytic model's choice loses: a row for each circumstance, a column for each budget."""
    budgets = list(study.spec.budgets)
    rows = []
    for circumstance in study.circumstances():
        cases = [study.find(circumstance, space, budget) for budget in budgets]
        lost = [None if case is None else case.choices[metric].regret.regret for case in cases]
        rows.append([study.label(circumstance), *map(regret_text, lost)])
    return ["circumstance", *budgets], rows


def ranks_table(study: RegretStudy, space: str) -> Table:
    """Of each circumstance of a space, under the first budget: what the fronts share, and how the orders agree."""
    metrics = list(study.spec.metrics)
    columns = ["circumstance", "front", "found", "right", *(f"τ, {name}" for name in metrics)]
    rows = []
    for case in (each for each in study.cases if (each.space, each.budget) == (space, study.spec.first[1])):
        fronts = case.fronts
        row = [study.label(case.circumstance), f"{fronts.true:,}"]
        row += [percent(fronts.found), percent(fronts.right)]
        rows.append([*row, *(tau_text(case.choices[name].tau) for name in metrics)])
    return columns, rows


def regret_text(value: float | None) -> str:
    """A regret: a percentage, or the factor where it is more than 1.

    >>> regret_text(0.0), regret_text(0.0312), regret_text(3.2), regret_text(None)
    ('0', '3.1 %', '4.200 ×', '-')
    """
    if value is None:
        return "-"
    return "0" if value == 0 else percent(value) if value <= 1 else f"{significant(1 + value)} ×"


def tau_text(value: float) -> str:
    """A rank correlation; `-` where all values of a side are equal."""
    return "-" if np.isnan(value) else f"{value:.3f}"


def keys(study: RegretStudy, case: Case) -> list[Any]:
    """What names a case in its rows."""
    return [*case.circumstance, case.space, case.budget]


def _names(study: RegretStudy) -> list[str]:
    return [*study.spec.circumstances, "space", "budget"]


def _cases(study: RegretStudy) -> Table:
    columns = [*_names(study), "designs", "front_analytic", "front_cycle", "front_both", "front_jaccard", "metric"]
    columns += ["tau", "regret", "least_regret_of_ties", "most_regret_of_ties", "ties", "enough"]
    columns += [f"regret_at_drawn_prices_p{100 * each:g}" for each in QUANTILES]
    rows = []
    for case in study.cases:
        fronts = case.fronts
        shared = [case.designs, fronts.cheap, fronts.true, fronts.both, fronts.jaccard]
        for metric, choice in case.choices.items():
            lost = choice.regret
            drawn = case.sampled.regret.get(metric)
            spread = [None] * len(QUANTILES) if drawn is None else np.quantile(drawn, QUANTILES).tolist()
            numbers = [lost.regret, lost.least, lost.most, lost.ties, choice.enough]
            tau = None if np.isnan(choice.tau) else choice.tau
            rows.append([*keys(study, case), *shared, metric, tau, *numbers, *spread])
    return columns, rows


def _winners(study: RegretStudy) -> Table:
    axes = [name for name in study.pairs.axes if name not in study.spec.circumstances]
    rows = []
    for case in study.cases:
        for metric, choice in case.choices.items():
            for who, design in (("analytic", choice.pick), ("cycle", choice.best)):
                rows.append([*keys(study, case), metric, who, *(design[name] for name in axes)])
    return [*_names(study), "metric", "winner_of", *axes], rows


def _shortlists(study: RegretStudy) -> Table:
    rows = []
    for case in study.cases:
        for metric, lost in case.lost.items():
            rows += [[*keys(study, case), metric, timed, lost[timed - 1]] for timed in steps(len(lost))]
    return [*_names(study), "metric", "timed", "regret"], rows


def steps(most: int) -> Iterator[int]:
    """Numbers of designs to time: the powers of two, and all of them.

    >>> list(steps(5))
    [1, 2, 4, 5]
    """
    number = 1
    while number < most:
        yield number
        number *= 2
    yield most


def _prices(study: RegretStudy) -> Table:
    components = study.pairs.components
    rows = [[i, *(factors[name] for name in components)] for i, factors in enumerate(study.factors)]
    return ["sample", *components], rows


def _by_price(study: RegretStudy) -> Table:
    rows = []
    for case in study.cases:
        for metric, drawn in case.sampled.regret.items():
            taus = case.sampled.tau.get(metric)
            for i, lost in enumerate(drawn.tolist()):
                tau = None if taus is None or np.isnan(taus[i]) else float(taus[i])
                found = None if case.sampled.found is None else float(case.sampled.found[i])
                rows.append([*keys(study, case), metric, i, lost, tau, found])
    return [*_names(study), "metric", "sample", "regret", "tau", "front_found"], rows
