"""The paper's own numbers for figures, in our record's units: rows of a reference, or values of its closed forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .comparison import Row
from .paper import PaperSpec
from .results import Point, Runs

Key = tuple[str, str, str, str, int | None]  # configuration, model, length, metric, number of a sweep


@dataclass(frozen=True)
class Published:
    """Published numbers, by what they are of; `source` is what they were read from."""

    runs: Runs
    source: str
    values: dict[Key, float] = field(default_factory=dict)

    @property
    def paper(self) -> PaperSpec:
        return self.runs.paper

    def value(self, record_field: str, point: Point) -> float | None:
        """The published number of a field of our record; of a whole layer the sum. None where there is none."""
        metric = self.paper.metric_of(record_field)
        if metric is None:
            return None
        found = [
            self.values.get((part.configuration, part.model, part.length, metric, part.number))
            for part in self.runs.parts(point)
        ]
        present = [value for value in found if value is not None]
        return sum(present) / self.paper.metrics[metric].per_unit if len(present) == len(found) else None

    def ratio(self, record_field: str, of: Point, over: Point) -> float | None:
        """One published number over another; None where one of them is missing."""
        one, other = self.value(record_field, of), self.value(record_field, over)
        return None if one is None or not other else one / other


def published(runs: Runs, source: str, rows: Iterable[Row]) -> Published:
    """The published side of compared rows."""
    values: dict[Key, float] = {}
    for row in rows:
        metric, number = runs.paper.compared[row.configuration].metric(row.metric)
        values[row.configuration, row.model, row.seq_len, metric, number] = row.published
    return Published(runs, source, values)
