"""The cycle model against the analytic one, in sentences: how far apart they are, by which cause, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..results import CycleTime, Point
from ..study import Study
from ..summary import refusal_text, refusals
from .text import span


def sentences(study: Study) -> Iterator[str]:
    """How each configuration's time differs, and why a mapping is refused."""
    parts = [
        f"{name} takes {found}"
        for name in study.paper.configurations
        if (found := _change(study, [study.point(name, length, model) for model, length in study.cases()]))
    ]
    if parts:
        yield f"By the cycle model, of the analytic one's time: {'; '.join(parts)}."
    for name in study.sweeps():
        found = _change(study, [point for model in study.paper.models for point in study.runs.sweep(name, model)])
        if found:
            yield f"By the cycle model the {name} take {found}."
    yield from _both_timed(study)
    for refused in refusals(study):
        yield f"The cycle model does not time {refusal_text(study, refused)}."


def _both_timed(study: Study) -> Iterator[str]:
    """The speed-up by both models over the points that the cycle model times, where it does not time all of them."""
    report = study.paper.report
    cycle, analytic = [], []
    for model, length in study.cases():
        value = study.cycle_speed_up(report.fast, report.slow, length, model)
        if value is not None:
            cycle.append(value)
            analytic.append(study.speed_up(report.fast, report.slow, length, model))
    if cycle and len(cycle) < len(study.cases()):
        yield (
            f"At the {len(cycle)} of {len(study.cases())} points where the cycle model times both, {report.fast} is "
            f"{span(cycle, 'times')} faster than {report.slow} by it, {span(analytic, 'times')} by the analytic model."
        )


def _change(study: Study, points: Iterable[Point]) -> str:
    """How much longer or shorter points take, and the cause that adds or takes away most; nothing if none is timed."""
    changes, causes = [], dict[str, float]()
    for point in points:
        timed = study.runs.cycle_time(point)
        if timed.latency_s is None:
            continue
        changes.append(100 * (timed.latency_s / study.runs.latency_s(point) - 1))
        for cause, share in _shares(timed).items():
            causes[cause] = causes.get(cause, 0.0) + share
    if not changes:
        return ""
    if max(changes) <= 0:
        amount = f"{span([-each for each in changes], '%', 1)} less"
    elif min(changes) >= 0:
        amount = f"{span(changes, '%', 1)} more"
    else:
        amount = f"from {-min(changes):.1f} % less to {max(changes):.1f} % more"
    cause = max(causes, key=lambda each: abs(causes[each]), default="")
    return f"{amount} (above all by: {cause})" if cause else amount


def _shares(timed: CycleTime) -> dict[str, float]:
    """Each cause's part of what all causes change."""
    whole = sum(abs(cycles) for cycles in timed.gaps.values()) or 1
    return {cause: cycles / whole for cause, cycles in timed.gaps.items()}
