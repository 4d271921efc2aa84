"""What a study found, in sentences made from its numbers: no number here is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import quantities
from .results import Point
from .state_findings import sentences
from .study import Study, geometric_mean

IDLE = 0.95  # a unit that is occupied for less of the time does not bound a configuration by itself

WAIT = "wait for "  # how a record names a wait that bounds it


def findings(study: Study) -> list[str]:
    """Every sentence, most important first."""
    return [*_speed(study), *_bounds(study), *_energy(study), *sentences(study), *_trust(study)]


def _speed(study: Study) -> Iterator[str]:
    fast = study.paper.report.fast
    for other in study.paper.configurations:
        if other == fast:
            continue
        ratios = [study.speed_up(fast, other, length, model) for model, length in study.cases()]
        yield (
            f"{fast} is {span(ratios, 'times')} faster than {other} (geometric mean {geometric_mean(ratios):.2f} "
            f"over {len(ratios)} points)."
        )


def _bounds(study: Study) -> Iterator[str]:
    """What bounds each configuration, and how much of the arrays it uses."""
    for configuration in study.paper.configurations:
        records = [study.record(configuration, length, model) for model, length in study.cases()]
        bounds = dict.fromkeys(record.bound_by for record in records)
        idle = [record.busy.get(record.bound_by, 0.0) < IDLE for record in records]  # a wait is no unit
        counted = [f"{name} in {sum(r.bound_by == name for r in records)} of {len(records)}" for name in bounds]
        by = f"{next(iter(bounds))} at every point" if len(bounds) == 1 else ", ".join(counted)
        verdict = f"is bound by {by}"
        if all(idle) and any(name.startswith(WAIT) for name in bounds):
            verdict = _waiting(study, configuration)
        elif any(idle):
            why = "its parts run in turn" if study.runs.in_turn(configuration) else "they wait for each other"
            verdict = f"keeps no unit busy: {why} (what bounds it longest is {' or '.join(bounds)})"
        used = [
            f"{span([100 * record.utilization[unit] for record in records], '%', 1)} of the {label}"
            for unit, label in study.paper.report.units.items()
        ]
        yield f"{configuration} {verdict}; it uses {' and '.join(used)}."


def _waiting(study: Study, configuration: str) -> str:
    """What a configuration waits for, for how long, and how little its units do meanwhile."""
    shares: dict[str, list[float]] = {}
    busiest = ("", 0.0)
    for model, length in study.cases():
        record = study.record(configuration, length, model)
        for name, cycles in study.runs.waits(Point(configuration, model, length, study.accounting)).items():
            shares.setdefault(name, []).append(100 * cycles / record.cycles)
        busiest = max(busiest, *record.busy.items(), key=lambda pair: pair[1])
    report = study.paper.report
    listed = " and ".join(
        f"{span(each, '%', 1)} of the time for {report.waits.get(n, n)}" for n, each in shares.items()
    )
    unit = report.units.get(busiest[0], busiest[0])
    return f"waits {listed}; no unit is busier than {100 * busiest[1]:.1f} % (the {unit})"


def _energy(study: Study) -> Iterator[str]:
    ours, *others = study.paper.accountings
    report = study.paper.report
    for other in others:
        label = study.paper.accountings[other]
        ratios = {
            name: [
                (study.record(name, length, model, ours).energy_j or 0.0)
                / (study.record(name, length, model, other).energy_j or 1.0)
                for model, length in study.cases()
            ]
            for name in study.paper.configurations
        }
        listed = ", ".join(f"{name} {span(values, 'times')}" for name, values in ratios.items())
        component, share = _difference(study, ours, other)
        most = f"{100 * share:.0f} % of the difference is {component}"
        yield f"Energy by our accounting, of that by {label}: {listed}; {most}."
    for accounting, label in study.paper.accountings.items():
        values = [
            study.energy_ratio(report.fast, report.slow, length, accounting, model) for model, length in study.cases()
        ]
        yield f"By {_named(label)} accounting {report.fast} takes {span(values, 'of the energy')} of {report.slow}."


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


def _named(label: str) -> str:
    return "our" if label == "ours" else label


def _trust(study: Study) -> Iterator[str]:
    """How the numbers compare with the formulas that the paper states."""
    checked = study.closed_forms
    largest = max((row.rel_error or 0.0 for row in checked.rows), default=0.0)
    if checked.out_of_tolerance:
        yield f"{len(checked.out_of_tolerance)} of {len(checked.rows)} numbers disagree with the paper's closed forms."
    else:
        metrics = len({row.metric for row in checked.rows})
        off = "exactly" if largest == 0 else f"to a relative error of {quantities.error(largest)}"
        numbers = f"All {len(checked.rows)} numbers ({metrics} metrics)"
        yield f"{numbers} agree {off} with the closed forms of the paper's model."


def span(values: Iterable[float], unit: str, digits: int = 2) -> str:
    """A range of values, or the one value where they agree.

    >>> span([3.021, 2.0], "times"), span([11.0, 11.0], "%", 0)
    ('2.00 to 3.02 times', '11 %')
    """
    found = list(values)
    low, high = f"{min(found):.{digits}f}", f"{max(found):.{digits}f}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
