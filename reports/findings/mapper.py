"""Where the authors' mapper missed the best splits: theirs against those that a search finds, on the same machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..results import Point
from ..study import Ratios, Study
from .text import across, span, tokens

LEAST = 1e-9  # less than this is round-off


@dataclass(frozen=True)
class Missed:
    """What a search over all splits saves at one model and length, as parts of what the authors' splits take.

    `energy` is that of the search's splits, of the authors', by every table.
    """

    configuration: str
    model: str
    length: str
    bytes_saved: float
    time_saved: float
    energy: Ratios


def missed(study: Study) -> list[Missed]:
    """Every searched point where the authors' splits are beaten: more bytes, and no less time."""
    found = []
    for configuration, spec in study.paper.searched.items():
        for model, length in study.cases():
            if spec.lengths and length not in spec.lengths:
                continue
            point = study.point(configuration, length, model)
            points = (point, replace(point, searched=True))
            theirs, best = (study.runs.record(each) for each in points)
            outermost = next(iter(theirs.traffic_bytes))
            moved, fewer = (sum(each.traffic_bytes[outermost].values()) for each in (theirs, best))
            saved = Missed(
                configuration,
                model,
                length,
                1 - fewer / moved,
                1 - best.latency_s / theirs.latency_s,
                Ratios(_ratio(study, points, ""), {table: _ratio(study, points, table) for table in study.tables}),
            )
            if saved.bytes_saved > LEAST and saved.time_saved >= -LEAST:
                found.append(saved)
    return found


def _ratio(study: Study, points: tuple[Point, Point], table: str) -> float | None:
    theirs, best = (study.runs.energy(each, table).energy_j for each in points)
    return None if theirs is None or best is None else best / theirs


def sentences(study: Study) -> Iterator[str]:
    """For each configuration whose published splits are not the best: where they take longer, and where only bytes."""
    every = missed(study)
    for configuration in dict.fromkeys(each.configuration for each in every):
        own = [each for each in every if each.configuration == configuration]
        faster = [each for each in own if each.time_saved > LEAST]
        if faster:
            moved = by_model([(each.model, 100 * each.bytes_saved) for each in faster])
            spared = by_model([(each.model, 100 * each.time_saved) for each in faster])
            yield (
                f"The published splits of {configuration} are not the best {_where(study, faster)}: those that a "
                f"search over all splits of the mapping finds move fewer bytes from and to DRAM, by {moved}, take less "
                f"time, by {spared}, at {_energies(study, faster)}."
            )
        alike = [each for each in own if each.time_saved <= LEAST]
        if alike:
            moved = span([100 * each.bytes_saved for each in alike], "%")
            yield (
                f"{_capital(_where(study, alike))} a search finds ways of {configuration} that take as long and move "
                f"{moved} fewer bytes from and to DRAM, at {_energies(study, alike)}: what no longer moves is kept in "
                "the buffer, whose reads cost more or less than that, depending on the table."
            )


def _where(study: Study, found: Sequence[Missed]) -> str:
    """The lengths of these points, and the models if not all are among them at each."""
    lengths = [length for length in study.paper.lengths if any(each.length == length for each in found)]
    every = len(lengths) * len(study.paper.models)
    return f"at {tokens(study, lengths)}" + (f" ({len(found)} of {every} points)" if len(found) < every else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _energies(study: Study, found: Sequence[Missed]) -> str:
    return across(study, [each.energy for each in found], "theirs")


def by_model(values: Sequence[tuple[str, float]]) -> str:
    """Percentages of models, those that read alike together.

    >>> by_model([("BERT", 0.071), ("T5", 0.069), ("XLM", 0.29)])
    '0.07 % (BERT, T5), 0.29 % (XLM)'
    """
    groups: dict[str, list[str]] = {}
    for model in dict.fromkeys(name for name, _ in values):
        groups.setdefault(span([value for name, value in values if name == model], "%"), []).append(model)
    return ", ".join(f"{text} ({', '.join(models)})" for text, models in groups.items())
