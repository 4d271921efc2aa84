"""Where the authors' mapper missed the best splits: theirs against those that a search finds, on the same machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..study import Study
from .text import span, tokens

LEAST = 1e-9  # less than this is round-off


@dataclass(frozen=True)
class Missed:
    """What a search over all splits saves at one model and length, as parts of what the authors' splits take."""

    configuration: str
    model: str
    length: str
    bytes_saved: float
    time_saved: float
    energy_saved: float


def missed(study: Study) -> list[Missed]:
    """Every searched point where the authors' splits are beaten: more bytes, no less time, no less energy."""
    return [each for each in _searched(study) if each.energy_saved >= -LEAST]


def traded(study: Study) -> list[Missed]:
    """Every searched point where fewer bytes and no more time cost more energy."""
    return [each for each in _searched(study) if each.energy_saved < -LEAST]


def _searched(study: Study) -> list[Missed]:
    """Every searched point with fewer bytes and no more time."""
    found = []
    for configuration, spec in study.paper.searched.items():
        for model, length in study.cases():
            if spec.lengths and length not in spec.lengths:
                continue
            point = study.point(configuration, length, model)
            theirs, best = study.runs.record(point), study.runs.record(replace(point, searched=True))
            outermost = next(iter(theirs.traffic_bytes))
            moved, fewer = (sum(each.traffic_bytes[outermost].values()) for each in (theirs, best))
            energies = [each.energy_j or math.nan for each in (theirs, best)]
            saved = Missed(
                configuration,
                model,
                length,
                1 - fewer / moved,
                1 - best.latency_s / theirs.latency_s,
                1 - energies[1] / energies[0],
            )
            if saved.bytes_saved > LEAST and saved.time_saved >= -LEAST:
                found.append(saved)
    return found


def sentences(study: Study) -> Iterator[str]:
    """One sentence for each configuration whose published splits are not the best."""
    every = missed(study)
    for configuration in dict.fromkeys(each.configuration for each in every):
        found = [each for each in every if each.configuration == configuration]
        lengths = [length for length in study.paper.lengths if any(each.length == length for each in found)]
        moved = by_model([(each.model, 100 * each.bytes_saved) for each in found])
        spent = by_model([(each.model, 100 * each.energy_saved) for each in found])
        yield (
            f"The published splits of {configuration} are not the best at {tokens(study, lengths)}: those that a "
            f"search over all splits of the mapping finds move fewer bytes from and to DRAM, by {moved}, "
            f"{_faster(found)}, and take less energy, by {spent}."
        )
    every = traded(study)
    for configuration in dict.fromkeys(each.configuration for each in every):
        found = [each for each in every if each.configuration == configuration]
        lengths = [length for length in study.paper.lengths if any(each.length == length for each in found)]
        yield (
            f"At {tokens(study, lengths)} a search finds ways of {configuration} that take no more time and move "
            f"{span([100 * each.bytes_saved for each in found], '%')} fewer bytes from and to DRAM, but take "
            f"{span([-100 * each.energy_saved for each in found], '%')} more energy: what no longer moves is kept in a "
            f"memory whose reads cost more."
        )


def by_model(values: Sequence[tuple[str, float]]) -> str:
    """Percentages of models, those that read alike together.

    >>> by_model([("BERT", 0.071), ("T5", 0.069), ("XLM", 0.29)])
    '0.07 % (BERT, T5), 0.29 % (XLM)'
    """
    groups: dict[str, list[str]] = {}
    for model in dict.fromkeys(name for name, _ in values):
        groups.setdefault(span([value for name, value in values if name == model], "%"), []).append(model)
    return ", ".join(f"{text} ({', '.join(models)})" for text, models in groups.items())


def _faster(found: Sequence[Missed]) -> str:
    faster = [(each.model, 100 * each.time_saved) for each in found if each.time_saved > LEAST]
    return f"take less time, by {by_model(faster)}" if faster else "take as long"
