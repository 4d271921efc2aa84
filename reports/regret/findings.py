"""What a study of regret found, as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..quantities import percent, setting, whole
from .results import Case, Choice, RegretStudy
from .tables import regret_text

OFTEN = 0.5  # of wrong choices: axes that differ in as many are named
RARELY = 0.1  # of drawn tables: prices hardly matter


def findings(study: RegretStudy) -> list[str]:
    """All sentences."""
    parts = (_times, _ranks, _fronts, _regrets, _ties, _why, _when, _shortlist, _prices)
    return [sentence for part in parts for sentence in part(study)]


def _times(study: RegretStudy) -> Iterator[str]:
    ratio = study.pairs.cycle.latency_s / study.pairs.analytic.latency_s
    low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
    yield (
        f"{whole(len(study.pairs))} of {whole(study.pairs.points)} designs fit. By the cycle model they take "
        f"{middle:.2f} times the analytic model's time in the middle, {low:.2f} to {high:.2f} times for nine of ten."
    )


def _first(study: RegretStudy) -> list[Case]:
    """The cases of the first space and budget."""
    return [case for case in study.cases if (case.space, case.budget) == study.spec.first]


def _ranks(study: RegretStudy) -> Iterator[str]:
    for metric in study.spec.metrics:
        taus = {study.label(case.circumstance): case.choices[metric].tau for case in _first(study)}
        known = {label: tau for label, tau in taus.items() if not np.isnan(tau)}
        if known:
            least = min(known, key=lambda label: known[label])
            yield (
                f"Kendall's τ between the two orders of {metric}, {study.spec.first[0]}, is {known[least]:.2f} "
                f"({least}) to {max(known.values()):.2f}; 1 is the same order, 0 is none."
            )


def _fronts(study: RegretStudy) -> Iterator[str]:
    found = [case.fronts for case in _first(study)]
    yield (
        f"Of the cycle model's front in latency, energy and area the analytic model finds "
        f"{_range([each.found for each in found])}, and of what it takes for its front "
        f"{_range([each.right for each in found])} are on the true one."
    )


def _regrets(study: RegretStudy) -> Iterator[str]:
    for space in study.spec.spaces:
        for metric in study.spec.metrics:
            cases = [case for case in study.cases if case.space == space]
            if not cases:
                continue
            lost = [case.choices[metric].regret.regret for case in cases]
            wrong = sum(each > study.spec.close for each in lost)
            worst = study.worst(metric, space)
            yield (
                f"{space}, {metric}: the analytic model's winner is more than {percent(study.spec.close)} worse than "
                f"the best in {wrong} of {len(lost)} cases, {regret_text(float(np.median(lost)))} in the middle and "
                f"{regret_text(max(lost))} at worst ({study.label(worst.circumstance)}, {worst.budget})."
            )


def _ties(study: RegretStudy) -> Iterator[str]:
    for metric in study.spec.metrics:
        tied = [case.choices[metric].regret for case in study.cases if case.choices[metric].regret.ties > 1]
        if not tied:
            continue
        saved = sum(each.least <= study.spec.close < each.regret for each in tied)
        yield (
            f"In {len(tied)} of {len(study.cases)} cases several designs, up to {whole(max(t.ties for t in tied))}, "
            f"have the analytic model's least {metric}; the one of least area is taken. In {saved} of them another of "
            f"these would have been no more than {percent(study.spec.close)} off: there the model does not choose "
            f"wrong, it does not choose."
        )


def _why(study: RegretStudy) -> Iterator[str]:
    axes = [name for name in study.pairs.axes if name not in study.spec.circumstances]
    for space in study.spec.spaces:
        for metric in study.spec.metrics:
            wrong = [case.choices[metric] for case in _wrong(study, metric, space)]
            if not wrong:
                continue
            differ = Counter(name for each in wrong for name in axes if each.pick[name] != each.best[name])
            often = [name for name, times in differ.most_common() if times >= OFTEN * len(wrong)]
            if often:
                told = ", ".join(f"{name} in {differ[name]}{_more(wrong, name)}" for name in often)
                yield f"{space}, {metric}: for {len(wrong)} wrong winners the best one has another {told}."


def _more(wrong: Sequence[Choice], axis: str) -> str:
    """In how many of them the best design has more of an axis than the winner; nothing of texts."""
    pairs = [(each.pick[axis], each.best[axis]) for each in wrong]
    return "" if isinstance(pairs[0][0], str) else f" (more in {sum(best > pick for pick, best in pairs)})"


def _wrong(study: RegretStudy, metric: str, space: str) -> list[Case]:
    close = study.spec.close
    return [case for case in study.cases if case.space == space and case.choices[metric].regret.regret > close]


def _when(study: RegretStudy) -> Iterator[str]:
    """How the regret goes with each circumstance and with the budget, by the median over all else."""
    names = [*study.spec.circumstances.values(), "budget"]
    for metric in study.spec.metrics:
        parts = []
        for i, name in enumerate(names):
            by_value: dict[Any, list[float]] = {}
            for case in study.cases:
                by_value.setdefault((*case.circumstance, case.budget)[i], []).append(case.choices[metric].regret.regret)
            if len(by_value) > 1:
                told = [f"{setting(value)}: {regret_text(float(np.median(lost)))}" for value, lost in by_value.items()]
                parts.append(f"{name} {', '.join(told)}")
        if parts:
            yield f"Regret of {metric} in the middle of all cases, by circumstance: {'; '.join(parts)}."


def _shortlist(study: RegretStudy) -> Iterator[str]:
    for metric in study.spec.metrics:
        enough = sorted(case.choices[metric].enough for case in study.cases)
        shares = [case.choices[metric].enough / case.designs for case in study.cases]
        yield (
            f"To come within {percent(study.spec.close)} of the best {metric}, the cycle model has to time the "
            f"analytic model's first {whole(enough[len(enough) // 2])} designs in the middle of all cases, "
            f"{whole(enough[-1])} at worst; that is {percent(max(shares))} of a case's designs at most."
        )


def _prices(study: RegretStudy) -> Iterator[str]:
    for metric in study.spec.priced:
        drawn = [case.sampled.regret[metric] for case in study.cases]
        same = np.mean(np.concatenate([each <= study.spec.close for each in drawn]))
        flips = [
            (each <= study.spec.close) != (case.choices[metric].regret.regret <= study.spec.close)
            for case, each in zip(study.cases, drawn, strict=True)
        ]
        flipped = float(np.mean(np.concatenate(flips)))
        taus = np.concatenate([case.sampled.tau[metric] for case in _first(study)])
        why = ", so it hardly depends on them" if flipped < RARELY else ""
        yield (
            f"Under {len(study.factors)} drawn tables of energy the winner of {metric} is close to the best in "
            f"{percent(float(same))} of all cases and tables; a case's verdict is another than at the table's own "
            f"prices in {percent(flipped)}{why}. τ stays between {np.nanmin(taus):.2f} and {np.nanmax(taus):.2f}."
        )


def _range(values: Sequence[float]) -> str:
    return f"{percent(min(values))} to {percent(max(values))}"
