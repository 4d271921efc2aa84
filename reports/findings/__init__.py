"""What a study found, in sentences made from its numbers: no number here is written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import quantities
from ..results import Point
from ..study import Study, geometric_mean
from . import area, cycle, energy, mapper, state
from .text import span, tokens

if TYPE_CHECKING:
    from sim import Record

IDLE = 0.95  # a unit that is occupied for less of the time does not bound a configuration by itself

WAIT = "wait for "  # how a record names a wait that bounds it


def findings(study: Study) -> list[str]:
    """Every sentence, most important first."""
    return [
        *_speed(study),
        *_slower(study),
        *_bounds(study),
        *cycle.sentences(study),
        *mapper.sentences(study),
        *energy.sentences(study),
        *area.sentences(study),
        *state.sentences(study),
        *_trust(study),
    ]


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


def _slower(study: Study) -> Iterator[str]:
    """Where a configuration is slower than the one that the fast one is held against."""
    report = study.paper.report
    for name in study.paper.configurations:
        if name in (report.slow, report.baseline, report.fast):
            continue
        ratios = {
            length: [study.speed_up(name, report.slow, length, model) for model in study.paper.models]
            for length in study.paper.lengths
        }
        slower = [length for length, values in ratios.items() if max(values) < 1]
        partly = [length for length, values in ratios.items() if min(values) < 1 <= max(values)]
        if not slower and not partly:
            continue
        parts = []
        if slower:
            speeds = [value for length in slower for value in ratios[length]]
            parts.append(f"at {tokens(study, slower)} for every model ({span(speeds, 'times as fast')})")
        if partly:
            some = [m for i, m in enumerate(study.paper.models) if any(ratios[length][i] < 1 for length in partly)]
            parts.append(f"at {tokens(study, partly)} for {', '.join(some)}")
        rest = [length for length in ratios if length not in (*slower, *partly)]
        faster = [value for length in rest for value in ratios[length]]
        then = f"; at {tokens(study, rest)} it is {span(faster, 'times as fast')}" if rest else ""
        yield f"{name} is slower than {report.slow} {' and '.join(parts)}{then}."


def _bounds(study: Study) -> Iterator[str]:
    """What bounds each configuration, and how much of the arrays it uses."""
    for configuration in study.paper.configurations:
        records = [study.record(configuration, length, model) for model, length in study.cases()]
        bounds = dict.fromkeys(record.bound_by for record in records)
        idle = [_is_idle(record) for record in records]
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


def _is_idle(record: Record) -> bool:
    """Whether what bounds a record longest is a unit with time left, or a wait."""
    return record.bound_by not in record.traffic_bytes and record.busy.get(record.bound_by, 0.0) < IDLE


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
