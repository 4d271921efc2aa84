"""Area against latency: the machines of a sweep and those of the configurations, and which of them are on the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .results import Point
from .study import Study


@dataclass(frozen=True)
class AreaPoint:
    """One machine at work: its area, its time by both models, and whether any other is smaller and faster.

    `number` is that of the sweep; the machine of a configuration has none.
    """

    configuration: str
    model: str
    length: str
    number: int | None
    area_mm2: float
    latency_s: float
    cycle_latency_s: float | None
    on_front: bool = False
    published_area_mm2: float | None = None
    published_latency_s: float | None = None

    @property
    def is_published(self) -> bool:
        """Whether the paper has both numbers."""
        return self.published_area_mm2 is not None and self.published_latency_s is not None


def area_points(study: Study) -> list[AreaPoint]:
    """For each model a sweep's points and, at its lengths, the configurations; what has no area is left out."""
    found: list[AreaPoint] = []
    for sweep in study.sweeps():
        for model in study.paper.models:
            points = study.runs.sweep(sweep, model)
            lengths = dict.fromkeys(point.length for point in points)
            points += [study.point(each, length, model) for length in lengths for each in study.paper.configurations]
            made = [each for point in points if (each := _made(study, point)) is not None]
            marks = front([(each.area_mm2, each.latency_s) for each in made])
            found += [replace(each, on_front=mark) for each, mark in zip(made, marks, strict=True)]
    return found


def _made(study: Study, point: Point) -> AreaPoint | None:
    record = study.runs.record(point)
    if record.area_mm2 is None:
        return None
    return AreaPoint(
        point.configuration,
        point.model,
        point.length,
        point.number,
        record.area_mm2,
        record.latency_s,
        study.runs.cycle_time(point).latency_s,
        published_area_mm2=study.published.value("area_mm2", point),
        published_latency_s=study.published.value("latency_s", point),
    )


def front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Which points are on the Pareto front: no other is at most as large in both numbers and smaller in one.

    In order of the first number, then of the second, a point is on the front if its second number is below all before
    it: those before are no larger in the first. Equal points stand or fall together.

    >>> front([(1, 3), (2, 2), (2, 3), (3, 2)])
    [True, True, False, False]
    """
    marks = [False] * len(points)
    best = float("inf")
    last: tuple[float, float] | None = None
    for index in sorted(range(len(points)), key=lambda each: points[each]):
        if points[index][1] < best or points[index] == last:
            marks[index] = True
            best, last = points[index][1], points[index]
    return marks
