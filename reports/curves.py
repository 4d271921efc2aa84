"""The numbers behind figures over the length: ours, by the cycle model, their range over tables, and as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .paper import Part
from .study import Study


@dataclass(frozen=True)
class Spot:
    """One value of a figure, of one configuration, model and length. None: there is no such number."""

    configuration: str
    model: str
    length: str
    ours: float | None
    cycle: float | None = None
    low: float | None = None
    high: float | None = None
    published: float | None = None


@dataclass(frozen=True)
class Panel:
    """One set of axes: what its values are, and the values."""

    name: str
    label: str
    spots: tuple[Spot, ...]

    def line(self, configuration: str, model: str) -> list[Spot]:
        """The spots of one configuration and model, by length."""
        return [spot for spot in self.spots if (spot.configuration, spot.model) == (configuration, model)]


def utilization(study: Study) -> list[Panel]:
    """Operation slots used, of elements × time; a panel for each array."""
    panels = []
    for unit, label in study.paper.report.units.items():
        spots = []
        for configuration, model, length in _cases(study):
            point = study.point(configuration, length, model)
            ours = study.runs.record(point).utilization[unit]
            theirs = study.published.value(f"utilization.{unit}", point)
            spots.append(Spot(configuration, model, length, ours, published=theirs))
        panels.append(Panel(unit, f"{label} used (%)", tuple(spots)))
    return panels


def speed_up(study: Study, part: Part) -> list[Panel]:
    """Latency of the baseline, over that of each configuration."""
    base = study.paper.report.baseline
    spots = []
    for configuration, model, length in _cases(study, part):
        point, other = (study.point(each, length, model, part) for each in (configuration, base))
        spots.append(
            Spot(
                configuration,
                model,
                length,
                study.speed_up(configuration, base, length, model, part),
                cycle=study.cycle_speed_up(configuration, base, length, model, part),
                published=study.published.ratio("latency_s", other, point),
            )
        )
    return [Panel(part, f"speed-up over {base} (×)", tuple(spots))]


def energy_ratio(study: Study, part: Part) -> list[Panel]:
    """Energy of each configuration, of the baseline's; a panel for each accounting, published beside its own."""
    base = study.paper.report.baseline
    metric = study.paper.metric_of("energy_j")
    theirs = study.paper.metrics[metric].accounting if metric is not None else None
    panels = []
    for accounting, label in study.paper.accountings.items():
        spots = []
        for configuration, model, length in _cases(study, part):
            found = study.energy_ratios(configuration, base, length, accounting, model, part)
            point, other = (study.point(each, length, model, part) for each in (configuration, base))
            marked = study.published.ratio("energy_j", point, other) if accounting == theirs else None
            spots.append(
                Spot(configuration, model, length, found.own, low=found.low, high=found.high, published=marked)
            )
        whose = "our" if label == "ours" else label
        panels.append(Panel(accounting, f"energy, of {base}'s (×)\nby {whose} accounting", tuple(spots)))
    return panels


def rows(study: Study, panels: list[Panel]) -> tuple[list[str], list[list[Any]]]:
    """The spots as rows of a CSV; columns that no spot of the figure has are left out."""
    columns = ["ours", "cycle", "low", "high", "published"]
    kept = [name for name in columns if any(getattr(s, name) is not None for panel in panels for s in panel.spots)]
    lengths = study.paper.lengths
    body = [
        [panel.name, spot.configuration, spot.model, lengths[spot.length], *(getattr(spot, name) for name in kept)]
        for panel in panels
        for spot in panel.spots
    ]
    return ["panel", "configuration", "model", "seq_len", *kept], body


def _cases(study: Study, part: Part = "attention") -> list[tuple[str, str, str]]:
    """Every configuration that has the part, model and length."""
    return [
        (configuration, model, length)
        for configuration in study.paper.configurations
        if part in study.parts(configuration)
        for model, length in study.cases()
    ]
