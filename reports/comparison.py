"""`einfuse compare`: our numbers beside published ones, row by row, with the error and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import SpecError

from . import headline, quantities, validation
from .console import bullets, heading, table
from .headline import Mean
from .paper import PaperSpec
from .paper import paper as paper_of
from .reference_rows import PublishedRow, closed_form_rows, read_reference
from .results import Point, Runs
from .validation import Check

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "einfuse.compare/1"
LISTED = 20  # rows out of tolerance that a person is shown


@dataclass(frozen=True)
class Row:
    """A published number and ours. `rel_error` is |ours / published - 1|.

    `note` names the reference's own deviation that the row shows; `tolerance` is then the bound of that deviation.
    """

    source: str
    configuration: str
    model: str
    seq_len: str
    metric: str
    published: float
    ours: float | int | None
    rel_error: float | None
    accounting: str
    tolerance: float
    ok: bool
    note: str | None


@dataclass(frozen=True)
class Comparison:
    """All rows of a comparison; `reference` is None when the published side are the paper's closed forms.

    Without a reference there are also the means of the paper's headline, and checks against a model of some Einsums.
    """

    paper: PaperSpec
    reference: str | None
    rows: tuple[Row, ...]
    not_covered: dict[str, int]
    runs: Runs
    means: tuple[Mean, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every row and every mean is within its tolerance."""
        verdicts = [*(mean.ok for mean in self.means), *(check.ok for check in self.checks)]
        return not self.out_of_tolerance and all(verdicts)

    @property
    def out_of_tolerance(self) -> list[Row]:
        return [row for row in self.rows if not row.ok]

    @property
    def max_rel_error(self) -> dict[str, float | None]:
        """The largest error of each metric, named rows included; None if a number of ours is missing."""
        found: dict[str, float | None] = {}
        for row in self.rows:
            metric = row.metric.partition("@")[0]  # without the number of a sweep
            before = found.get(metric, 0.0)
            found[metric] = None if before is None or row.rel_error is None else max(before, row.rel_error)
        return found

    def named(self) -> list[dict[str, Any]]:
        """The deviations that rows rest on: how many, how far they go, how far they may."""
        found = []
        for deviation in self.paper.named:
            rows = [row for row in self.rows if row.note == deviation.name and row.ok]
            if rows:
                largest = max(row.rel_error or 0.0 for row in rows)
                entry = {"name": deviation.name, "why": deviation.why, "metric": deviation.metric}
                found.append({**entry, "rows": len(rows), "max_rel_error": largest, "bounds": deviation.bounds})
        return found

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of the command."""
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "paper": self.paper.paper,
            "reference": self.reference,
            "rows": [asdict(row) for row in self.rows],
            "max_rel_error": self.max_rel_error,
            "not_covered": self.not_covered,
            "out_of_tolerance": [asdict(row) for row in self.out_of_tolerance],
            "named": self.named(),
        }
        if self.reference is None:
            result["validation"] = [check.as_dict() for check in self.checks]
            result["headline"] = [mean.as_dict() for mean in self.means]
            result["results"] = [_result(self.runs, point) for point in self.runs.points()]
        return result


def compare(name: str, reference: Path | None = None) -> Comparison:
    """Compare our numbers with a reference CSV, or without one with the paper's closed forms. Raises SpecError."""
    runs = Runs(paper_of(name))
    return compare_closed_forms(runs) if reference is None else compare_reference(runs, reference)


def compare_closed_forms(runs: Runs) -> Comparison:
    """Our numbers beside the formulas and the means that the paper states. Raises SpecError."""
    pairs = list(closed_form_rows(runs.paper))
    rows = tuple(_compared(runs, configuration, row) for configuration, row in pairs)
    return Comparison(runs.paper, None, rows, {}, runs, headline.headline(runs), validation.validation(runs.paper))


def compare_reference(runs: Runs, reference: Path) -> Comparison:
    """Our numbers beside those of a reference CSV; rows that no configuration covers are counted. Raises SpecError."""
    paper = runs.paper
    by_file = {spec.reference: label for label, spec in paper.compared.items()}
    found, missed = [], Counter[str]()
    for row in read_reference(reference):
        configuration = by_file.get(row.source)
        metric = paper.compared[configuration].metric(row.metric)[0] if configuration is not None else row.metric
        covered = row.model in paper.models and row.seq_len in paper.lengths and metric in paper.metrics
        if configuration is None or not covered:
            missed[row.source] += 1
        else:
            found.append(_compared(runs, configuration, row))
    if not found:
        raise SpecError(f"'{reference}' holds no row that is compared; sources: {', '.join(by_file)}")
    return Comparison(paper, str(reference), tuple(found), dict(missed), runs)


def _compared(runs: Runs, configuration: str, row: PublishedRow) -> Row:
    name, number = runs.paper.compared[configuration].metric(row.metric)
    metric = runs.paper.metrics[name]
    ours = runs.metric(Point(configuration, row.model, row.seq_len, metric.accounting, number), name)
    error = None if ours is None else relative_error(ours, row.published)
    named = runs.paper.deviation(configuration, row.seq_len, name)
    tolerance = named.bounds[configuration] if named else metric.tolerance
    return Row(
        source=row.source,
        configuration=configuration,
        model=row.model,
        seq_len=row.seq_len,
        metric=row.metric,
        published=row.published,
        ours=ours,
        rel_error=error,
        accounting=metric.accounting,
        tolerance=tolerance,
        ok=error is not None and error <= tolerance,
        note=named.name if named else None,
    )


def relative_error(ours: float, published: float) -> float:
    """|ours / published - 1|; of a published zero, our number itself.

    >>> relative_error(101.0, 100.0), relative_error(0.0, 0.0)
    (0.01, 0.0)
    """
    return abs(ours - published) / abs(published) if published else abs(ours)


def _result(runs: Runs, point: Point) -> dict[str, Any]:
    record = runs.record(point)
    kept = ("latency_s", "energy_j", "utilization", "busy", "bound_by", "traffic_bytes")
    body = record.as_dict()
    return {**asdict(point), **{name: body[name] for name in kept}}


# ------------------------------------------------------------------------------------------------------ for people


def as_text(found: Comparison) -> list[RenderableType]:
    """Per source and metric the count, the largest error, the verdict; then what is named, and what is not covered."""
    against = found.reference or "the paper's closed forms"
    parts: list[RenderableType] = []
    if found.reference is None:
        parts += [*_own(found), ""]
    parts += [heading(f"{found.paper.paper}: ours beside {against}"), _verdicts(found.rows)]
    if found.means:
        parts += ["", *headline.as_text(found.runs, found.means)]
    if found.checks:
        parts += ["", *validation.as_text(found.paper, found.checks)]
    if found.named():
        parts += ["", heading("named deviations"), bullets([_named_line(each) for each in found.named()])]
    if found.not_covered:
        total = sum(found.not_covered.values())
        listed = [f"{name}: {count}" for name, count in sorted(found.not_covered.items())]
        parts += ["", heading(f"not covered: {total} rows"), bullets(listed)]
    if found.out_of_tolerance:
        parts += ["", *_outliers(found.out_of_tolerance)]
    return parts


def _verdicts(rows: Iterable[Row]) -> RenderableType:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.source, row.metric.partition("@")[0]), []).append(row)
    lines, last = [], ""
    for (source, metric), members in groups.items():
        named = sum(row.note is not None and row.ok for row in members)
        plain = [row for row in members if row.note is None] or members
        failed = sum(not row.ok for row in members)
        missing = any(row.rel_error is None for row in members)
        largest = "none" if missing else quantities.error(max((row.rel_error or 0.0 for row in plain), default=0.0))
        verdict = f"{failed} out" if failed else "ok" + (f", {named} named" if named else "")
        label = source if source != last else ""
        lines.append((label, metric, str(len(members)), largest, f"{plain[0].tolerance:g}", verdict))
        last = source
    return table(("source", "metric", "rows>", "max error>", "tolerance>", "verdict"), lines)


def _named_line(named: dict[str, Any]) -> str:
    bounds = ", ".join(f"{label} {quantities.error(bound)}" for label, bound in named["bounds"].items())
    largest = quantities.error(named["max_rel_error"])
    count = f"{named['rows']} rows of {named['metric']}"
    return f"{named['name']}: {count}, at most {largest} (bounds: {bounds}). {named['why']}"


def _outliers(rows: list[Row]) -> list[RenderableType]:
    lines = []
    for row in rows[:LISTED]:
        ours = "none" if row.ours is None else f"{row.ours:.6g}"
        error = "-" if row.rel_error is None else quantities.error(row.rel_error)
        lines.append((row.source, row.model, row.seq_len, row.metric, f"{row.published:.6g}", ours, error))
    more = f", the first {LISTED}" if len(rows) > LISTED else ""
    columns = ("source", "model", "length", "metric", "published>", "ours>", "error>")
    return [heading(f"out of tolerance: {len(rows)} rows{more}"), table(columns, lines)]


def _own(found: Comparison) -> list[RenderableType]:
    """Our results for the first model at every length: what does not depend on the accounting, then energies."""
    paper, runs = found.paper, found.runs
    model = next(iter(paper.models))
    units = list(paper.report.units)
    rows = []
    for label in paper.configurations:
        for length in paper.lengths:
            records = [runs.record(Point(label, model, length, accounting)) for accounting in paper.accountings]
            first = records[0]
            shares = [quantities.percent(first.utilization[unit]) for unit in units]
            energies = [quantities.si(record.energy_j, "J") for record in records]
            shown = label if length == next(iter(paper.lengths)) else ""
            tokens = quantities.count(paper.lengths[length])
            rows.append((shown, tokens, *shares, quantities.duration(first.latency_s), *energies))
    columns = ("", "length>", *(f"{name}>" for name in paper.report.units.values()), "latency>")
    energy = [f"energy\n{label}>" for label in paper.accountings.values()]
    return [heading(f"{paper.paper}: our results for {model}"), table((*columns, *energy), rows)]
