"""The HTML page of a study: one file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import headline, quantities, rows, summary
from .console import one_line
from .findings import findings
from .findings.state import set_up
from .study import Ratios, Study
from .style import Drawing


def write_page(study: Study, drawings: Sequence[Drawing], folder: Path) -> None:
    """Write index.html beside the figures and tables that it shows and names."""
    render("study.html", _content(study, drawings, folder), folder)


def render(template: str, content: dict[str, Any], folder: Path) -> None:
    """Write index.html from a template."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    (folder / "index.html").write_text(environment.get_template(template).render(content), encoding="utf-8")


def _content(study: Study, drawings: Sequence[Drawing], folder: Path) -> dict[str, Any]:
    paper = study.paper
    records = [study.runs.record(point) for point in study.runs.points()]
    return {
        "paper": paper,
        "points": len(records),
        "findings": findings(study),
        "figures": [{"drawing": each, "data": encoded(folder / f"{each.name}.svg")} for each in drawings],
        "tables": [
            (f"{model}, {label}", _cells(summary.page_table(study, model, part)))
            for model in paper.models
            for part, label in summary.PARTS.items()
        ],
        "headline": _headline(study),
        "tables_of_energy": ", ".join(study.tables),
        "refusals": [summary.refusal_text(study, each) for each in summary.refusals(study)],
        "unpriced": [(table, name, why) for (table, name), why in study.unpriced().items()],
        "set_up": set_up(paper.report.precision),
        "states": _state_table(study),
        "machines": _machines(study),
        "assumptions": list(dict.fromkeys(note for record in records for note in record.assumptions)),
        "interpolated": list(dict.fromkeys(n for record in records for n in record.provenance["interpolated"])),
        "version": records[0].provenance["version"],
        "files": [*rows.csv_tables(study), *(f"{each.name}.svg" for each in drawings)],
    }


def _headline(study: Study) -> rows.Table:
    """The paper's means, ours by accounting, by the cycle model, and over all tables."""
    accountings = study.paper.accountings
    columns = ["mean", "published", *accountings.values(), "error", "within", "cycle model", "over all tables"]
    body = []
    for spec, mean in zip(study.paper.headline, study.closed_forms.means, strict=True):
        numbers = [mean.published, *(mean.ours[name] for name in accountings)]
        error = "-" if mean.rel_error is None else quantities.error(mean.rel_error)
        row = [mean.name, *(_number(each) for each in numbers), error, f"{mean.tolerance:g}"]
        body.append(
            [*row, _number(headline.by_cycle(study.runs, spec)), summary.between(Ratios(None, mean.over_tables))]
        )
    return columns, body


def _number(value: float | None) -> str:
    return "-" if value is None else quantities.significant(value)


def encoded(path: Path) -> str:
    """A file as the text of a data URL."""
    return base64.b64encode(path.read_bytes()).decode("ascii")


def _cells(table: rows.Table) -> rows.Table:
    """Column names without the marks that align them in a terminal."""
    return [one_line(name) for name in table[0]], table[1]


def _state_table(study: Study) -> list[list[str]]:
    spec = study.paper.report.precision
    return [
        [
            quantities.count(state.length),
            state.scores,
            state.variant,
            f"{state.value:,.1f}",
            f"{state.exact:,.1f}",
            f"{100 * state.value_error:.3g} %",
            f"{100 * state.output_error:.3g} %",
        ]
        for state in study.states
        if state.length in spec.called_out
    ]


def _machines(study: Study) -> list[list[str]]:
    """Configuration, machine, mapping, and the hash of each spec."""
    first = next(iter(study.paper.lengths))
    found = []
    for name, configuration in study.paper.configurations.items():
        record = study.record(name, first)
        hashes = record.provenance["specs"]
        area = "-" if record.area_mm2 is None else f"{quantities.significant(record.area_mm2)} mm²"
        found.append([name, configuration.arch, configuration.mapping, area, hashes["arch"], hashes["mapping"]])
    return found
