"""The figures of a study of memory that computes, each a function from the study to a drawn figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import style
from ..style import INK, PALETTE, QUIET
from .attention_figures import draw_attention
from .attention_figures import files as attention_files
from .results import PimStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TERA, MILLI = 1e12, 1e3
COMPONENTS = ("dram", "banks", "dram.pins", "dram.background")


def draw_all(study: PimStudy, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure; those of attention if the study has it."""
    drawn = style.draw_all(FIGURES, _texts(study), study, folder)
    return drawn if study.attention is None else [*drawn, *draw_attention(study.attention, folder)]


def files() -> list[str]:
    """The names of the files that `draw_all` writes."""
    return [*style.files(FIGURES), *attention_files()]


def _texts(study: PimStudy) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    rows, baseline = study.spec.rows[0], study.spec.baseline
    return {
        "bandwidth": (
            "What rows and refreshes leave of the bandwidth inside",
            f"Weights over time, rows {rows}. Lines: what all banks give with their rows open, and the pins of the "
            f"{baseline.name} at its roofline.",
        ),
        "energy": (
            "Three tables, three energies",
            f"A token, refresh {study.spec.base}, activation {study.spec.activations[0]}. A part that a table has no "
            f"price for is not drawn.",
        ),
    }


def bandwidth(study: PimStudy) -> Figure:
    """A group of bars for each refresh, a bar for each activation."""
    spec = study.spec
    refreshes = list(spec.refreshes)
    figure, (axes,) = style.new_figure(0.62 * len(refreshes) + 0.9)
    height = 0.8 / len(spec.activations)
    for index, activation in enumerate(spec.activations):
        values = [study.at(activation=activation, refresh=name).bytes_per_s / TERA for name in refreshes]
        places = [y + (index - (len(spec.activations) - 1) / 2) * height for y in range(len(refreshes))]
        axes.barh(places, values, height=height * 0.9, color=PALETTE[index], label=activation, linewidth=0)
        for y, value in zip(places, values, strict=True):
            axes.text(_label_at(study, value), y, f"{value:.2f}", va="center", color=INK, fontsize=7)
    lines = {"all banks": study.peak_bytes_per_s, f"pins of the {spec.baseline.name}": spec.baseline.bandwidth}
    for label, value in lines.items():
        axes.axvline(value / TERA, color=QUIET, linewidth=0.8, linestyle=(0, (3, 1.5)), zorder=1)
        left = 2 * value > study.peak_bytes_per_s
        axes.annotate(
            label, (value / TERA, len(refreshes) - 0.5), xytext=(-4 if left else 4, 0), textcoords="offset points",
            ha="right" if left else "left", va="top", color=QUIET,
        )  # fmt: skip
    axes.set_yticks(range(len(refreshes)), refreshes)
    axes.set_ylim(len(refreshes) - 0.1, -0.6)  # with room for the names of the lines below the bars
    axes.set_xlabel("weights over time (TB/s)")
    axes.set_ylabel("refresh")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    style.legend_above(figure, axes, len(spec.activations))
    return figure


def _label_at(study: PimStudy, value: float) -> float:
    """Where the label of a bar begins, in TB/s: at its end, or beyond the baseline's line if that would cross it."""
    gap, width = 0.01 * study.peak_bytes_per_s / TERA, 0.07 * study.peak_bytes_per_s / TERA
    line = study.spec.baseline.bandwidth / TERA
    return gap + (line if value <= line < value + gap + width else value)


def energy(study: PimStudy) -> Figure:
    """A bar for each table and way of filling rows, divided by component."""
    spec = study.spec
    bars = [(table, rows) for table in spec.tables for rows in spec.rows]
    figure, (axes,) = style.new_figure(0.3 * len(bars) + 1.1)
    starts = [0.0] * len(bars)
    for index, component in enumerate(COMPONENTS):
        found = [study.at(rows).joules[table].by_component_j.get(component) or 0.0 for table, rows in bars]
        if not any(found):
            continue
        widths = [MILLI * joules for joules in found]
        axes.barh(
            range(len(bars)), widths, left=starts, height=0.74, color=PALETTE[index], label=component, linewidth=0
        )
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_yticks(range(len(bars)), [f"{table}, {rows}" for table, rows in bars])
    axes.invert_yaxis()
    axes.set_xlabel("energy of a token (mJ)")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    style.legend_above(figure, axes, len(COMPONENTS))
    return figure


FIGURES: Mapping[str, Callable[[PimStudy], Figure]] = {"bandwidth": bandwidth, "energy": energy}
