"""The tables of attention in the banks: for CSV files, and in sections for the terminal and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import quantities
from ..rows import Table
from .attention import AttentionStudy, Layout, Trial, refusals
from .tables import opened

if TYPE_CHECKING:
    from arch.dram import Device

MILLI, MICRO = 1e3, 1e6
BEST = "*"  # before the time that is least


@dataclass(frozen=True)
class Section:
    """A table with its title, what is to be said below it, and what does not fit, with the reasons."""

    title: str
    table: Table
    note: str = ""
    unfit: tuple[str, ...] = ()


def csv_tables(study: AttentionStudy, device: Device) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    return {name: make(study, device) for name, make in TABLES.items()}


def sections(study: AttentionStudy, device: Device) -> list[Section]:
    """Layouts on each machine, appends, and whole tokens."""
    spec = study.spec.layouts
    named = ((f"{_name(layout)}, {spec.setting}={layout.value}", trial) for layout, trial in study.layouts.items())
    note = f"{BEST}: the least with so many keys. Refresh is the machine's, and time is with what comes and goes."
    times = [_times(study, value) for value in spec.values]
    times[-1] = replace(times[-1], note=note, unfit=_unfit(named, "layouts"))
    parts = [_parts_of(study, device, value) for value in spec.values]
    parts[-1] = replace(parts[-1], note="MACs and rows of single banks: of all channels.")
    return [*times, *parts, _batches(study), _tokens(study)]


def _layouts_csv(study: AttentionStudy, device: Device) -> Table:
    columns = ["context", study.spec.layouts.setting, *study.choices, "workload", "arch", "mapping", "latency_s"]
    columns += ["macs", "rows_opened", "writes", "append_s", "best", "refusal"]
    body: list[list[Any]] = []
    for layout, trial in study.layouts.items():
        row: list[Any] = [layout.context, layout.value, *layout.options, *trial.references]
        if trial.fits:
            issued = trial.found.actions["dram"]
            row += [trial.latency_s, issued["MAC"], opened(trial.found, device), issued.get("WR", 0), trial.append_s]
            row += [layout == study.best(layout.context, layout.value), ""]
        else:
            row += [None] * 5 + [False, trial.refusal]
        body.append(row)
    return columns, body


def _batches_csv(study: AttentionStudy, _: Device) -> Table:
    columns = ["append", "workload", "arch", "mapping", *study.choices, "latency_s", "append_s", "other_units_s"]
    columns += ["energy_j", "waiting_bytes", "refusal"]
    body: list[list[Any]] = []
    for number, trial in study.batches.items():
        row: list[Any] = [number, *trial.references]
        if trial.fits:
            row += [*study.chosen(trial), trial.latency_s, trial.append_s, trial.others_s, trial.energy_j]
        else:
            row += [None] * (len(study.choices) + 4)
        body.append([*row, study.waiting_bytes(number), trial.refusal])
    return columns, body


def _tokens_csv(study: AttentionStudy, _: Device) -> Table:
    columns = [study.spec.units.setting, "context", "workload", "arch", "mapping", "linear_s", "products_s"]
    columns += ["append_s", "other_units_s", "whole_s", "of_attention", "refusal"]
    body: list[list[Any]] = []
    for (value, context), token in study.tokens.items():
        row: list[Any] = [value, context, *token.whole.references]
        part = token.attention
        row += [token.linear.latency_s if token.linear.fits else None]
        row += [part.products_s, part.append_s, part.others_s] if part.fits else [None] * 3
        row += [token.whole.latency_s, token.of_attention] if token.whole.fits else [None] * 2
        body.append([*row, token.whole.refusal])
    return columns, body


TABLES: Mapping[str, Callable[[AttentionStudy, Device], Table]] = {
    "attention-layouts.csv": _layouts_csv,
    "attention-appends.csv": _batches_csv,
    "attention-tokens.csv": _tokens_csv,
}


def _times(study: AttentionStudy, value: int) -> Section:
    """The time of a token by layout and number of keys."""
    spec = study.spec.layouts
    columns = [*study.choices, *(f"{quantities.count(context)}>" for context in spec.contexts)]
    options = dict.fromkeys(layout.options for layout in study.layouts)
    body = []
    for each in options:
        trials = [(layout, study.layouts[layout]) for layout in (Layout(c, value, each) for c in spec.contexts)]
        if any(trial.fits for _, trial in trials):
            body.append([*each, *(_marked(study, layout, trial) for layout, trial in trials)])
    return Section(f"time of a token by number of keys (ms), {spec.setting}={value}", (columns, body))


def _marked(study: AttentionStudy, layout: Layout, trial: Trial) -> str:
    if not trial.fits:
        return "-"
    best = layout == study.best(layout.context, layout.value)
    return f"{BEST if best else ''}{MILLI * trial.latency_s:.3f}"


def _parts_of(study: AttentionStudy, device: Device, value: int) -> Section:
    """What layouts take, at one number of keys."""
    columns = [*study.choices, "ms>", "MACs>", "rows\nopened>", "append\nµs>"]
    context = study.spec.context
    body = []
    for layout, trial in study.at(context, value).items():
        if trial.fits:
            row = [*layout.options, _marked(study, layout, trial), f"{trial.found.actions['dram']['MAC']:,}"]
            body.append([*row, f"{opened(trial.found, device):,}", f"{MICRO * trial.append_s:.1f}"])
    return Section(
        f"what a token takes with {quantities.count(context)} keys, {study.spec.layouts.setting}={value}",
        (columns, body),
    )


def _batches(study: AttentionStudy) -> Section:
    """How many tokens append at once, and what each of them takes."""
    columns = ["at once>", "ms>", "products>", "append>", "other units>", "energy>", "wait outside>"]
    body = []
    for number, trial in study.batches.items():
        if trial.fits:
            best = BEST if number == study.best_batch else ""
            times = (trial.products_s, trial.append_s, trial.others_s)
            row = [str(number), f"{best}{MILLI * trial.latency_s:.3f}", *(f"{MILLI * each:.3f}" for each in times)]
            body.append([*row, quantities.si(trial.energy_j, "J"), quantities.data(study.waiting_bytes(number))])
    return Section(
        f"a token with {quantities.count(study.spec.context)} keys, by how many append at once",
        (columns, body),
        "Times in ms. wait outside: keys and values that are not in the banks yet, of all blocks.",
        _unfit(((f"append={number}", trial) for number, trial in study.batches.items()), "numbers"),
    )


def _tokens(study: AttentionStudy) -> Section:
    """Where the time of a whole token goes."""
    spec = study.spec.units
    columns = [f"{spec.setting}>", "keys>", "ms>", "linear>", "products>", "append>", "other\nunits>", "attention>"]
    body = []
    for (value, context), token in study.tokens.items():
        if token.whole.fits:
            part = token.attention
            parts = (token.linear.latency_s, part.products_s, part.append_s, part.others_s)
            row = [str(value), quantities.count(context), f"{MILLI * token.whole.latency_s:.3f}"]
            row += [f"{MILLI * each:.3f}" for each in parts]
            body.append([*row, quantities.percent(token.of_attention)])
    names = ((f"{quantities.count(c)} keys, {spec.setting}={v}", token.whole) for (v, c), token in study.tokens.items())
    return Section(
        "a whole token, linear layers and attention",
        (columns, body),
        "Times in ms; parts each by itself, the sum as one program.",
        _unfit(names, "tokens"),
    )


def _name(layout: Layout) -> str:
    return f"{quantities.count(layout.context)} keys, {', '.join(layout.options)}"


def _unfit(trials: Iterable[tuple[str, Trial]], what: str) -> tuple[str, ...]:
    """A sentence for each reason, with one of those that it is true of."""
    listed = list(trials)
    return tuple(
        f"{len(names)} of {len(listed)} {what}, such as {names[0]}: {reason}"
        for reason, names in refusals(listed).items()
    )
