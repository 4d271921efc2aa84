"""Published figures of a model that leaves some Einsums out, and ours for the same Einsums beside them."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import SpecError

from . import quantities
from .console import bullets, heading, table, wrapped
from .paper import PAPERS, PaperSpec, ValidationSpec

if TYPE_CHECKING:
    from rich.console import RenderableType

METRICS = ("traffic", "ideal_latency", "latency")


@dataclass(frozen=True)
class Check:
    """One published number (bytes, or seconds), and ours; `rel_error` is ours / published - 1, with its sign."""

    name: str
    model: str
    seq_len: int
    metric: str
    published: float
    ours: float
    rel_error: float
    tolerance: float
    ok: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def validation(paper: PaperSpec) -> tuple[Check, ...]:
    """Every number of a paper's validations. Raises SpecError or Infeasible."""
    return tuple(check for spec in paper.validation for check in _checks(paper, spec))


def _checks(paper: PaperSpec, spec: ValidationSpec) -> list[Check]:
    found = []
    with _file(spec).open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["model"] not in paper.models:
                continue
            ours = _ours(paper, spec, row["model"], int(row["seq_len"]))
            for metric in METRICS:
                published = float(row[metric])
                error, tolerance = ours[metric] / published - 1, spec.tolerances[metric]  # type: ignore[index]
                ok = abs(error) <= tolerance
                numbers = (published, ours[metric], error, tolerance, ok)
                found.append(Check(spec.name, row["model"], int(row["seq_len"]), metric, *numbers))
    return found


def _file(spec: ValidationSpec) -> Path:
    """The file of a validation, in a folder of papers. Raises SpecError."""
    for folder in PAPERS.folders:
        if (folder / spec.file).is_file():
            return Path(folder / spec.file)
    raise SpecError(f"validation '{spec.name}' names '{spec.file}', which is in no folder of papers")


def _ours(paper: PaperSpec, spec: ValidationSpec, model: str, length: int) -> dict[str, float]:
    """The counts of these Einsums alone, and the time that they take by the analytic model."""
    from arch import machine
    from mappings import count, mapping, schedule
    from sim.analytic import fastest, latency
    from workloads import workload

    configuration = paper.compared[spec.configuration]
    work = workload(f"{paper.models[model]}:{paper.length_key}={length}")
    host = machine(configuration.arch)
    _, made = schedule(work, host, mapping(configuration.mapping), fastest)
    counts = count(made).only(spec.einsums)
    outermost = next(iter(host.memories))
    return {
        "traffic": sum(counts.level_bytes(outermost, action) for action in ("read", "write")),
        "ideal_latency": counts.unit_slots(spec.unit) / host.units[spec.unit].elements / host.clock_hz,
        "latency": latency(made, counts).latency_s,
    }


def as_text(paper: PaperSpec, checks: tuple[Check, ...]) -> list[RenderableType]:
    """For each validation a line a length: how far ours are off, and why."""
    parts: list[RenderableType] = []
    for spec in paper.validation:
        own = [check for check in checks if check.name == spec.name]
        rows = []
        for model in dict.fromkeys(check.model for check in own):
            for length in dict.fromkeys(check.seq_len for check in own if check.model == model):
                line = {c.metric: c for c in own if (c.model, c.seq_len) == (model, length)}
                verdict = "ok" if all(check.ok for check in line.values()) else "out"
                shown = model if length == own[0].seq_len else ""
                errors = [_signed(line[metric].rel_error) for metric in METRICS]
                time = quantities.duration(line["latency"].published)
                rows.append((shown, quantities.count(length), time, *errors, verdict))
        columns = ("", "length>", "published>", "traffic>", "ideal>", "latency>", "verdict")
        note = f"Published latency; ours off in bytes, in the time if all of {spec.unit} were used, and in latency."
        parts += [heading(f"{spec.name}: {', '.join(spec.einsums)}"), table(columns, rows), wrapped(note)]
        parts += [bullets([" ".join(spec.why.split()), f"source: {spec.source}"])]
    return parts


def _signed(error: float) -> str:
    return "0" if error == 0 else f"{'+' if error > 0 else '-'}{quantities.error(abs(error))}"
