"""The figures of a study, each a function from the study to a drawn figure; their titles and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import curves, style
from ..study import Study
from .area import area_latency
from .bars import energy, middle, shown, time_share
from .lines import draw_lines, draw_ranges
from .state import denominator, state_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_all(study: Study, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure."""
    return style.draw_all(FIGURES, _texts(study), study, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` writes."""
    return style.files(FIGURES)


def utilization(study: Study) -> Figure:
    """One panel for each array, over the length."""
    return draw_lines(study, curves.utilization(study), percent=True)


def speed_up(study: Study) -> Figure:
    """Attention relative to the baseline."""
    return draw_lines(study, curves.speed_up(study, "attention"))


def end_to_end_speed_up(study: Study) -> Figure:
    """Whole layers relative to the baseline."""
    return draw_lines(study, curves.speed_up(study, "end-to-end"))


def energy_ratio(study: Study) -> Figure:
    """Attention's energy relative to the baseline's, over all tables."""
    return draw_ranges(study, curves.energy_ratio(study, "attention"))


def end_to_end_energy_ratio(study: Study) -> Figure:
    """Whole layers' energy relative to the baseline's, over all tables."""
    return draw_ranges(study, curves.energy_ratio(study, "end-to-end"))


FIGURES: Mapping[str, Callable[[Study], Figure]] = {
    "utilization": utilization,
    "time-share": time_share,
    "speed-up": speed_up,
    "energy-ratio": energy_ratio,
    "end-to-end-speed-up": end_to_end_speed_up,
    "end-to-end-energy-ratio": end_to_end_energy_ratio,
    "area-latency": area_latency,
    "energy": energy,
    "denominator": denominator,
    "state-error": state_error,
}


def _texts(study: Study) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    return {name: (title, f"{caption}{_counterpart(study, name)}") for name, (title, caption) in _plain(study).items()}


def _counterpart(study: Study, name: str) -> str:
    """Which figure of the paper shows the same."""
    number = study.paper.report.figures.get(name)
    return f" The paper's figure {number}." if number is not None else ""


def shown_lengths(study: Study) -> str:
    """The lengths of the sweeps."""
    lengths = [length for name in study.sweeps() for length in study.paper.compared[name].lengths]
    return " and ".join(shown(study, length) for length in dict.fromkeys(lengths))


def _plain(study: Study) -> dict[str, tuple[str, str]]:
    model, report = study.model, study.paper.report
    others = ", ".join(each for each in study.paper.models if each != model)
    band = f"Thick, with markers: {model}. Thin: {others}, named where they differ."
    shares, base = report.units[report.shares], report.baseline
    marks = f" × is published ({study.published.source})." if study.reference is not None else ""
    hollow = "Hollow: both by the cycle model, where it times both."
    whiskers = (
        f"{model}. A mark is priced by the table that the machine names, a whisker goes from the least to the most "
        f"over {', '.join(study.tables)}.{marks}"
    )
    return {
        "utilization": (
            "Utilisation of the arrays",
            f"Operation slots used, of elements × time. {band}"
            f" × is {'published' if study.reference is not None else 'the closed form of the paper'}.",
        ),
        "speed-up": (
            f"Attention: speed-up over {base}",
            f"Latency of {base}, over that of each. {band} {hollow}{marks}",
        ),
        "end-to-end-speed-up": (
            f"Whole layer: speed-up over {base}",
            f"Latency of {base} with its linear layers, over that of each with its own. {band} {hollow}{marks}",
        ),
        "time-share": (
            f"What the {shares} spends its time on",
            f"{model}. Each Einsum's part of the {shares}'s operation slots; the blank rest is idle."
            f"{' × is the published sum.' if study.reference is not None else ''}",
        ),
        "energy-ratio": (f"Attention: energy relative to {base}", whiskers),
        "end-to-end-energy-ratio": (f"Whole layer: energy relative to {base}", whiskers),
        "area-latency": (
            "Area against latency",
            f"A line for each model joins its Pareto front, of arrays from small to large (elements along a side, "
            f"squared) and the machines of the configurations ({model}'s are marked), "
            f"{shown_lengths(study)} tokens; hollow points are off the front.{marks}",
        ),
        "energy": (
            "Energy by component, under each accounting",
            f"{model}, {shown(study, middle(study))} tokens, for one query and one key of one head.",
        ),
        "denominator": (
            "The running denominator, by the type of the state",
            "One query, evaluated by the oracle in the declared types. With random scores a curve falls where a new "
            "maximum rescales a sum that has stopped growing.",
        ),
        "state-error": (
            "Error from the type of the state",
            "Relative to float64, flat scores solid, random scores dashed. An error of exactly zero is not drawn.",
        ),
    }
