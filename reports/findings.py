"""What a study found, in sentences made from its numbers: no number here is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import quantities
from .precision import SCORES
from .study import Study, geometric_mean

IDLE = 0.95  # a unit that is occupied for less of the time does not bound a configuration by itself


def findings(study: Study) -> list[str]:
    """Every sentence, most important first."""
    return [*_speed(study), *_bounds(study), *_energy(study), *_state(study), *_trust(study)]


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
        idle = [record.busy.get(record.bound_by, 1.0) < IDLE for record in records]
        counted = [f"{name} in {sum(r.bound_by == name for r in records)} of {len(records)}" for name in bounds]
        by = f"{next(iter(bounds))} at every point" if len(bounds) == 1 else ", ".join(counted)
        verdict = f"is bound by {by}"
        if any(idle):
            verdict = f"keeps no unit busy: they wait for each other (the busiest is {' or '.join(bounds)})"
        used = [
            f"{span([100 * record.utilization[unit] for record in records], '%', 1)} of the {label}"
            for unit, label in study.paper.report.units.items()
        ]
        yield f"{configuration} {verdict}; it uses {' and '.join(used)}."


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


def _state(study: Study) -> Iterator[str]:
    """The watched state and the output in every variant of types, at the lengths that are called out."""
    spec = study.paper.report.precision
    for length in spec.called_out:
        for scores in SCORES:
            found = [state for state in study.states if (state.length, state.scores) == (length, scores)]
            values = ", ".join(f"{_number(state.value)} ({state.variant})" for state in found)
            errors = ", ".join(_percent(state.output_error) for state in found)
            where = f"At {quantities.count(length)} keys with {scores}"
            right = f"a denominator of {_number(found[0].exact)}"
            yield f"{where} {right} comes out as {values}; the output is off by {errors}."


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


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
