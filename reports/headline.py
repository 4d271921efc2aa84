"""A paper's headline: means over all models and lengths, as published, and ours beside them under every accounting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import quantities
from .console import bullets, heading, table, wrapped
from .paper import MeanSpec
from .results import ENERGY, LATENCY, Point, Runs

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Mean:
    """The arithmetic mean of a ratio over every (model, length): as published, and ours by accounting.

    `rel_error` is |ours / published - 1| under `accounting`, the one that the published metric rests on. Of energies,
    `over_tables` has the mean under our accounting by every table; None where a table cannot price one of the two.
    """

    name: str
    part: str
    metric: str
    of: str
    over: str
    points: int
    published: float
    ours: dict[str, float | None]
    accounting: str
    rel_error: float | None
    tolerance: float
    ok: bool
    over_tables: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def headline(runs: Runs) -> tuple[Mean, ...]:
    """Every mean of a paper's headline. Raises SpecError or Infeasible."""
    return tuple(_mean(runs, spec) for spec in runs.paper.headline)


def _mean(runs: Runs, spec: MeanSpec) -> Mean:
    metric = runs.paper.metrics[spec.metric]
    accountings = list(dict.fromkeys([*runs.paper.accountings, metric.accounting]))
    ours = {
        accounting: mean(_ratios(runs, spec, accounting, lambda point: runs.summed(point, spec.metric)))
        for accounting in accountings
    }
    judged = ours[metric.accounting]
    error = None if judged is None else abs(judged / spec.published - 1)
    return Mean(
        name=spec.name,
        part=spec.part,
        metric=spec.metric,
        of=spec.of,
        over=spec.over,
        points=len(runs.paper.models) * len(runs.paper.lengths),
        published=spec.published,
        ours=ours,
        accounting=metric.accounting,
        rel_error=error,
        tolerance=spec.tolerance,
        ok=error is not None and error <= spec.tolerance,
        over_tables=_over_tables(runs, spec) if metric.field == ENERGY else {},
    )


def _over_tables(runs: Runs, spec: MeanSpec) -> dict[str, float | None]:
    from arch import table_names

    ours = next(iter(runs.paper.accountings))
    return {
        name: mean(_ratios(runs, spec, ours, lambda point, name=name: runs.energy(point, name).energy_j))  # type: ignore[misc]
        for name in table_names()
    }


def by_cycle(runs: Runs, spec: MeanSpec) -> float | None:
    """The mean of latencies by the cycle model; None for other metrics, and where it refuses a mapping."""
    if runs.paper.metrics[spec.metric].field != LATENCY:
        return None
    ours = next(iter(runs.paper.accountings))
    return mean(_ratios(runs, spec, ours, lambda point: runs.cycle_time(point).latency_s))


def _ratios(runs: Runs, spec: MeanSpec, accounting: str, value: Callable[[Point], float | None]) -> list[float | None]:
    """One configuration's value over the other's, at every model and length."""
    found: list[float | None] = []
    for model in runs.paper.models:
        for length in runs.paper.lengths:
            of, over = (value(Point(name, model, length, accounting, part=spec.part)) for name in (spec.of, spec.over))
            found.append(None if of is None or not over else of / over)
    return found


def mean(values: Sequence[float | None]) -> float | None:
    """The arithmetic mean; None if a value is missing.

    >>> mean([1.0, 2.0]), mean([1.0, None])
    (1.5, None)
    """
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present and len(present) == len(values) else None


def as_text(runs: Runs, means: Sequence[Mean]) -> list[RenderableType]:
    """A line for each mean: published, ours under every accounting, the error and the verdict."""
    accountings = runs.paper.accountings
    rows = []
    for each in means:
        ours = ["none" if (value := each.ours[name]) is None else quantities.significant(value) for name in accountings]
        error = "none" if each.rel_error is None else quantities.error(each.rel_error)
        verdict = "ok" if each.ok else "out"
        rows.append((each.name, f"{each.published:g}", *ours, error, f"{each.tolerance:g}", verdict))
    labels = [f"{label}>".replace(" ", "\n") for label in accountings.values()]
    columns = ("", "paper>", *labels, "error>", "within>", "verdict")
    pairs = ", ".join(dict.fromkeys(f"{each.metric} of {each.of} over that of {each.over}" for each in means))
    note = (
        f"Means over {means[0].points} pairs of model and length: {pairs}. The error is that under the accounting of "
        "the published metric."
    )
    spans = [f"{each.name}: {_span(each.over_tables)}" for each in means if each.over_tables]
    spread = [bullets([f"{line}, by our accounting" for line in spans])] if spans else []
    return [heading(f"{runs.paper.paper}: the headline"), table(columns, rows), wrapped(note), *spread]


def _span(over_tables: dict[str, float | None]) -> str:
    """A mean over all tables that can price it, and the tables that cannot."""
    present = {name: value for name, value in over_tables.items() if value is not None}
    missing = [name for name in over_tables if name not in present]
    text = (
        f"{min(present.values()):.3f} to {max(present.values()):.3f} over {', '.join(present)}" if present else "none"
    )
    return f"{text}; none by {', '.join(missing)}" if missing else text
