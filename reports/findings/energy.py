"""Energies in sentences: what an accounting changes, what a table changes, and by which price."""

from __future__ import annotations

from collections.abc import Iterator

from ..paper import Part
from ..study import Ratios, Study
from .text import across, listed, ours, span

WHOLE: dict[Part, str] = {"attention": "", "end-to-end": " end to end"}


def sentences(study: Study) -> Iterator[str]:
    """What the accounting changes, then what the tables change."""
    yield from _accountings(study)
    yield from _ratios(study)
    yield from _prices(study)


def _accountings(study: Study) -> Iterator[str]:
    """Energies under our accounting, of those under another; the component that most of the difference is."""
    first, *others = study.paper.accountings
    for other in others:
        label = study.paper.accountings[other]
        ratios = {name: _between(study, name, first, other) for name in study.paper.configurations}
        every = ", ".join(f"{name} {span(values, 'times')}" for name, values in ratios.items() if values)
        component, share = _difference(study, first, other)
        most = f"by the tables that the machines name, {100 * share:.0f} % of the difference is {component}"
        yield f"Energy by our accounting, of that by {label}: {every}, over tables {', '.join(study.tables)}; {most}."


def _between(study: Study, configuration: str, first: str, other: str) -> list[float]:
    """Energies under one accounting, of those under another, over all points and all tables that price them."""
    found = []
    for model, length in study.cases():
        for table in study.tables:
            points = (study.point(configuration, length, model, accounting=each) for each in (first, other))
            ours, theirs = (study.runs.energy(point, table).energy_j for point in points)
            found += [ours / theirs] if ours is not None and theirs else []
    return found


def _difference(study: Study, one: str, other: str) -> tuple[str, float]:
    """The component that most of the energy between two accountings goes to, over all points, and its part."""
    totals: dict[str, float] = {}
    for name in study.paper.configurations:
        for model, length in study.cases():
            for sign, accounting in ((1, one), (-1, other)):
                spent = study.record(name, length, model, accounting).energy_by_component_j
                for component, energy_j in spent.items():
                    totals[component] = totals.get(component, 0.0) + sign * (energy_j or 0.0)
    largest = max(totals, key=lambda each: totals[each])
    return largest, totals[largest] / (sum(totals.values()) or 1.0)


def _ratios(study: Study) -> Iterator[str]:
    """What the fast configuration takes of the slow one's energy, over all tables, by each accounting."""
    report = study.paper.report
    for part, where in WHOLE.items():
        if not all(part in study.parts(name) for name in (report.fast, report.slow)):
            continue
        for accounting, label in study.paper.accountings.items():
            found = _cases(study, accounting, part)
            own = [each.own for each in found if each.own is not None]
            by_own = f"; {span(own, 'by the tables that the machines name')}" if own else ""
            takes = f"{report.fast} takes {across(study, found, report.slow + where)}{by_own}"
            yield f"By {ours(label)} accounting {takes}."


def _cases(study: Study, accounting: str, part: Part) -> list[Ratios]:
    report = study.paper.report
    return [
        study.energy_ratios(report.fast, report.slow, length, accounting, model, part)
        for model, length in study.cases()
    ]


def _prices(study: Study) -> Iterator[str]:
    """The tables' prices of one operation with their sources, and what each makes of the energy ratio."""
    from arch import table
    from specs import SpecError

    report = study.paper.report
    price, found, without = report.price, [], []
    ratios = _cases(study, study.accounting, "attention")
    for name in study.tables:
        try:
            cost = table(name).energy_pj(price.operation, "compute", type=price.type)
        except SpecError:
            without.append(name)
            continue
        values = [ratio for each in ratios if (ratio := each.by_table[name]) is not None]
        share = f", by which {report.fast} takes {span(values, f'of the energy of {report.slow}')}" if values else ""
        source = cost.source if cost.how == "table" else f"{cost.source}, {cost.how}"
        found.append(f"{cost.value:.4g} pJ by {name} ({source}){share}")
    missing = f"; {listed(without)} has no price of it" if without else ""
    yield f"A {price.operation} in {price.type} costs {'; '.join(found)}{missing}."
