"""`einfuse report gpu-runs`: as tables, as a JSON object, and as a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs.version import version

from ..console import bullets, heading, table, wrapped
from ..page import encoded, render
from ..placing import placed, refuse
from ..rows import Table, write_csv
from .figures import draw_all
from .figures import files as figure_files
from .findings import findings
from .results import GpuStudy, gather
from .spec import gpu_study
from .tables import (
    TABLES,
    ceilings_table,
    compared_table,
    csv_tables,
    energy_table,
    not_kept_table,
    reached_share_table,
    reached_table,
    spread_table,
    summary_table,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.gpu.physics import Judged

    from ..style import Drawing

PAGE = "index.html"
LISTED = 60  # rows of a table in the terminal
SCHEMA = "einfuse.gpu-study/1"
CEILINGS_NOTE = "Peaks of dense products, as stated. ?: nobody read it in its source."
SUMMARY_NOTE = (
    "The most TFLOP/s (a causal square counts as half) and the most GB/s (bytes that must move) of each kernel. of "
    "peak: of what physics allows, by the pairs in sight."
)
UNJUDGED_NOTE = "*: no verdict of physics on some of them; the reason stands under 'not kept'."


def gpu_report(name: str, folder: Path | None, reference: Path | None) -> GpuStudy:
    """Reads and judges measurements, and writes the report if there is a folder for it.

    Raises SpecError, and OSError if a file cannot be read or written.
    """
    spec = gpu_study(name)
    if folder is not None:
        refuse(folder, [*TABLES, *figure_files(), PAGE])
    study = gather(spec, reference)
    if folder is not None:
        with placed(folder, PAGE) as draft:
            write(study, draft)
    return study


def write(study: GpuStudy, draft: Path) -> None:
    """Write every file of the report."""
    for name, made in csv_tables(study).items():
        write_csv(draft / name, made)
    render("gpu_study.html", _content(study, draw_all(study, draft), draft), draft)


def as_text(study: GpuStudy, folder: Path | None) -> list[RenderableType]:
    """Ceilings, the best of each kernel, and what only runs of ours can say."""
    parts: list[RenderableType] = [
        heading(f"{study.spec.gpu_study}: {study.runs} measurements"),
        table(*ceilings_table(study), indent=0),
        "",
        wrapped(CEILINGS_NOTE),
    ]
    for title, (columns, body) in sections(study).items():
        more = [wrapped(f"and {len(body) - LISTED} more, which -o writes")] if len(body) > LISTED else []
        parts += ["", heading(title), table(columns, body[:LISTED], indent=0), *more]
    if study.runs:
        parts += ["", wrapped(_note(study))]
    parts += ["", heading("findings"), bullets(findings(study))]
    if study.left_out:
        parts += ["", wrapped(f"Not read, since they hold no measurements: {', '.join(study.left_out)}.")]
    return parts if folder is None else [*parts, "", f"every measurement, and everything else: {folder / PAGE}"]


def _note(study: GpuStudy) -> str:
    return f"{SUMMARY_NOTE} {UNJUDGED_NOTE}" if study.sieved.unjudged else SUMMARY_NOTE


def sections(study: GpuStudy) -> dict[str, Table]:
    """The tables that have rows, by title."""
    chips = list(dict.fromkeys(group.chip for group in study.groups()))
    found = {
        **{f"{chip}, by kernel": summary_table(study, chip) for chip in chips},
        "measured ceilings": reached_table(study),
        "our runs, of measured ceilings": reached_share_table(study),
        "our kernels' time, of another's": compared_table(study),
        "energy": energy_table(study),
        "spread, from the tenth to the ninetieth percentile": spread_table(study),
        "not kept": not_kept_table(study),
    }
    return {title: made for title, made in found.items() if made[1]}


def as_dict(study: GpuStudy) -> dict[str, Any]:
    """The JSON object of the command."""
    sieved = study.sieved
    return {
        "schema": SCHEMA,
        "study": study.spec.gpu_study,
        "chips": [asdict(chip) for chip in study.chips],
        "files": [
            {"source": file.source, "kind": file.kind, "rows": file.rows, "runs": len(file.runs)}
            | {"unfinished": [asdict(row) for row in file.unfinished]}
            for file in study.files
        ],
        "left_out": list(study.left_out),
        "kept": [_judged(each) for each in sieved.kept],
        "rejected": [_judged(each) for each in sieved.rejected],
        "unjudged": [_judged(each) for each in sieved.unjudged],
        "compared": [
            {"ours": pair.ours, "theirs": pair.theirs, "point": asdict(ratio.ours.point), "times": ratio.times}
            for pair in study.spec.compared
            for ratio in study.ratios(pair.ours, pair.theirs)
        ],
        "findings": findings(study),
    }


def _judged(judged: Judged) -> dict[str, Any]:
    run = judged.run
    return {
        **asdict(run),
        "flops": run.point.flops,
        "least_flops": run.point.least_flops,
        "least_bytes": run.point.least_bytes,
        "tflop_per_s": run.tflop_per_s,
        "gb_per_s": run.gb_per_s,
        "floors_s": {floor.what: floor.seconds for floor in judged.floors},
        "reason": judged.reason,
    }


def _content(study: GpuStudy, drawings: list[Drawing], folder: Path) -> dict[str, Any]:
    return {
        "spec": study.spec,
        "version": version(),
        "runs": study.runs,
        "findings": findings(study),
        "figures": [{"drawing": each, "data": encoded(folder / f"{each.name}.svg")} for each in drawings],
        "ceilings": _cells(ceilings_table(study)),
        "ceilings_note": CEILINGS_NOTE,
        "summary_note": _note(study),
        "sections": {title: _cells(made) for title, made in sections(study).items()},
        "sources": _sources(study),
        "left_out": study.left_out,
        "files": [*TABLES, *(f"{each.name}.svg" for each in drawings)],
    }


def _sources(study: GpuStudy) -> list[str]:
    """Where each stated ceiling is from."""
    found = []
    for chip in study.chips:
        found += [f"{chip.name}, peak for {dtype}: {peak.note}" for dtype, peak in chip.peaks.items()]
        found.append(f"{chip.name}, memory: {chip.memory.note}")
    return found


def _cells(made: Table) -> Table:
    """Column names without the marks that align them in a terminal."""
    return [name.removesuffix(">").replace("\n", " ") for name in made[0]], made[1]
