"""One model at every length, and what each configuration reaches: a table for the terminal, a wider one for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import quantities
from .paper import Part
from .rows import Table
from .study import Ratios, Study

NONE = "-"
PARTS: Mapping[Part, str] = {"attention": "attention", "end-to-end": "whole layer"}


def terminal_table(study: Study, model: str) -> Table:
    """Narrow enough for 80 columns: the cycle model's time as a part of the analytic one's."""
    paper = study.paper
    columns = ["", "keys>", *(f"{label}>".replace(" ", "\n") for label in paper.report.units.values()), "latency>"]
    columns += ["cycle\nmodel>", "speed\n(×)>", *_energy_columns(study, "\n")]
    rows = []
    for configuration in paper.configurations:
        for index, length in enumerate(paper.lengths):
            record = study.record(configuration, length, model)
            timed = study.cycle_time(configuration, length, model).latency_s
            row = ["" if index else configuration, quantities.count(paper.lengths[length])]
            row += [f"{100 * record.utilization[unit]:.1f}" for unit in paper.report.units]
            row += [quantities.duration(record.latency_s)]
            row += [
                NONE if timed is None else f"{timed / record.latency_s:.3f}",
                _speed(study, configuration, length, model),
            ]
            rows.append([*row, *_energies(study, configuration, length, model)])
    return columns, rows


def page_table(study: Study, model: str, part: Part) -> Table:
    """A table of the page: attention with the use of the arrays, or the whole layer."""
    paper = study.paper
    attention = part == "attention"
    columns = [
        "",
        "keys",
        *(paper.report.units.values() if attention else ()),
        "latency",
        "cycle model",
        "times faster",
    ]
    columns += _energy_columns(study, " ")
    rows = []
    for configuration in paper.configurations:
        if part not in study.parts(configuration):
            continue
        for index, length in enumerate(paper.lengths):
            row = ["" if index else configuration, quantities.count(paper.lengths[length])]
            if attention:
                used = study.record(configuration, length, model).utilization
                row += [quantities.percent(used[unit]) for unit in paper.report.units]
            timed = study.cycle_time(configuration, length, model, part).latency_s
            latency_s = study.runs.latency_s(study.point(configuration, length, model, part))
            row += [quantities.duration(latency_s), NONE if timed is None else quantities.duration(timed)]
            row.append(f"{_speed(study, configuration, length, model, part)}×")
            rows.append([*row, *_energies(study, configuration, length, model, part)])
    return columns, rows


@dataclass(frozen=True)
class Refusal:
    """A configuration that the cycle model does not time at some lengths, and the first reason that it gives."""

    configuration: str
    lengths: tuple[str, ...]
    points: int
    reason: str


def refusals(study: Study) -> list[Refusal]:
    """What the cycle model refuses, each configuration once; the reason of every point is in the CSV files."""
    found = []
    for configuration in study.paper.configurations:
        reasons = {
            (length, model): reason
            for length in study.paper.lengths
            for model in study.paper.models
            if (reason := study.cycle_time(configuration, length, model).reason)
        }
        if reasons:
            lengths = tuple(dict.fromkeys(length for length, _ in reasons))
            found.append(Refusal(configuration, lengths, len(reasons), next(iter(reasons.values()))))
    return found


def refusal_text(study: Study, refused: Refusal) -> str:
    """Where, and why."""
    lengths = ", ".join(quantities.count(study.paper.lengths[length]) for length in refused.lengths)
    of = f"{refused.points} of {len(study.cases())} points"
    return f"{refused.configuration} at {lengths} ({of}), at the first because {refused.reason}"


def between(found: Ratios) -> str:
    """A ratio over all tables, from the least to the most.

    >>> between(Ratios(0.8, {"one": 0.8, "other": 0.456})), between(Ratios(None, {}))
    ('0.46–0.80', '-')
    """
    if not found.values:
        return NONE
    low, high = f"{found.low:.2f}", f"{found.high:.2f}"
    return low if low == high else f"{low}–{high}"


def _speed(study: Study, configuration: str, length: str, model: str, part: Part = "attention") -> str:
    return f"{study.speed_up(configuration, study.paper.report.baseline, length, model, part):.2f}"


def _energies(study: Study, configuration: str, length: str, model: str, part: Part = "attention") -> list[str]:
    base = study.paper.report.baseline
    return [
        between(study.energy_ratios(configuration, base, length, accounting, model, part))
        for accounting in study.paper.accountings
    ]


def _energy_columns(study: Study, space: str) -> list[str]:
    return [f"energy, {label}>".replace(" ", space) for label in study.paper.accountings.values()]
