"""Which rows of a sweep are kept: all, the Pareto front, or the best of one objective."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from specs import SpecError

from ..fronts.pareto import front
from .encoding import POINT

if TYPE_CHECKING:
    import pyarrow

MODEL = "model"  # the column of a sweep with several
GATHERED = 1 << 20  # rows that are gathered before those that are not kept are dropped


@dataclass(frozen=True)
class Keep:
    """All rows, the front in all objectives, or the `count` rows that are least in the first objective.

    Of equal rows the front has all, `top` those that come first. A row that is not feasible, or lacks an objective, is
    kept with all rows only. Rows by different models are not compared: of each model these are kept.
    """

    rule: Literal["all", "front", "top"] = "all"
    objectives: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def parse(cls, text: str, objectives: Sequence[str]) -> Keep:
        """What `keep` of a sweep says: `all`, `front`, or `top-K`. Raises SpecError.

        >>> Keep.parse("top-100", ["latency_s"])
        Keep(rule='top', objectives=('latency_s',), count=100)
        """
        found = re.fullmatch(r"(all|front)|top-([1-9]\d{0,8})", text)
        if found is None:
            raise SpecError(f"what is kept is all, front, or top-K with a number K such as top-100; found '{text}'")
        if found[2] is not None:
            return cls("top", tuple(objectives), int(found[2]))
        return cls("all" if found[1] == "all" else "front", tuple(objectives))

    def __str__(self) -> str:
        if self.rule == "all":
            return "all"
        return f"front in {', '.join(self.objectives)}" if self.rule == "front" else f"top-{self.count} of {self.first}"

    @property
    def first(self) -> str:
        """The first objective."""
        return self.objectives[0]

    def of(self, table: pyarrow.Table) -> pyarrow.Table:
        """The rows of a table that are kept, in their order."""
        if self.rule == "all":
            return table
        models = _by_model(table)
        rows = [each[self._best(table.take(each))] for each in models] if len(models) > 1 else [self._best(table)]
        return table.take(np.sort(np.concatenate(rows)))

    def _best(self, table: pyarrow.Table) -> np.ndarray:
        """The rows that are kept of those by one model."""
        rows = np.flatnonzero(column(table, "feasible").astype(bool))
        values = np.stack([column(table, name)[rows] for name in self.objectives], axis=1).astype(np.float64)
        if self.rule == "front":
            kept: np.ndarray = rows[front(values)]
            return kept
        known = np.flatnonzero(np.isfinite(values[:, 0]))
        best = known[np.argsort(values[known, 0], kind="stable")[: self.count]]
        found: np.ndarray = rows[best]
        return found

    def merged(self, tables: Iterable[pyarrow.Table]) -> pyarrow.Table:
        """The rows kept of all tables, of which at least one is given, by their points.

        Of rows kept of parts it makes those that would be kept of the whole; a million are in memory at a time, and
        those kept.
        """
        import pyarrow

        gathered: list[pyarrow.Table] = []
        for table in tables:
            gathered.append(table)
            if len(gathered) > 1 and sum(each.num_rows for each in gathered) > GATHERED:
                gathered = [self.of(pyarrow.concat_tables(gathered).unify_dictionaries())]
        whole = pyarrow.concat_tables(gathered).unify_dictionaries().combine_chunks()
        return self.of(whole.sort_by(POINT))


ALL = Keep()


def column(table: pyarrow.Table, name: str) -> np.ndarray:
    """A column of numbers as an array; null is NaN."""
    found: np.ndarray = table[name].to_numpy()
    return found


def _by_model(table: pyarrow.Table) -> list[np.ndarray]:
    """The rows by each model; nothing if there is but one."""
    if MODEL not in table.column_names:
        return []
    models = table[MODEL].to_numpy()
    return [np.flatnonzero(models == each) for each in dict.fromkeys(models)]
