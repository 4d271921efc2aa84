"""Figures over the length: a line for each configuration, its marks, and its range.

Thick lines with markers are the first model of the paper; a thin line is another model, named where it departs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import style
from ..curves import Panel, Spot
from ..study import Study
from ..style import INK, MARKERS, PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LENGTH_LABEL = "sequence length (tokens)"
THIN = 0.6
DEPARTS = 0.02  # a model whose last value is further off than this is drawn on its own
STEP = 1.09  # between the whiskers of two configurations at one length, as a factor of the length
MARGIN = 0.3  # above and below ratios, in powers of two
LABEL_PT = 9.5  # height of a line's name


def layer(index: int) -> dict[str, Any]:
    """How a line is drawn so that those below it still show: the first is the widest, with the largest marker."""
    wide = max(2 - index, 0)
    return {
        "marker": MARKERS[index],
        "linewidth": 2.0 + 0.7 * wide,
        "markersize": 4.5 + 1.7 * wide,
        "zorder": 3 + index,
        "color": PALETTE[index],
    }


def draw_lines(study: Study, panels: Sequence[Panel], percent: bool = False) -> Figure:
    """One panel below the other: shares in percent, or ratios on a logarithmic axis."""
    scale = 100 if percent else 1
    figure, axes_of = style.new_figure(
        1.75 * len(panels) + (1.1 if len(panels) == 1 else 0.7), len(panels), share_x=True
    )
    ends = []
    for axes, panel in zip(axes_of, panels, strict=True):
        ends.append(_panel(axes, study, panel, scale))
        _percent_axis(axes) if percent else _ratio_axis(axes, panel)
        axes.set_ylabel(panel.label)
        style.length_axis(axes, list(study.paper.lengths.values()), LENGTH_LABEL if axes is axes_of[-1] else "")
    _legend(figure, axes_of[0], panels, study.marks)
    for axes, names in zip(axes_of, ends, strict=True):
        label_ends(figure, axes, names)
    return figure


def _percent_axis(axes: Axes) -> None:
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 25, 50, 75, 100])


def _ratio_axis(axes: Axes, panel: Panel) -> None:
    """A logarithmic axis, marked at powers of two."""
    values = [each for spot in panel.spots for each in (spot.ours, spot.cycle, spot.published) if each]
    low, high = (math.log2(end) for end in (min(values), max(values)))
    ticks = [2.0**power for power in range(math.floor(low), math.ceil(high) + 1)]
    axes.set_yscale("log", base=2)
    axes.set_ylim(2 ** (low - MARGIN), 2 ** (high + MARGIN))
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(2 ** (low - MARGIN), 2 ** (high + MARGIN))


def _panel(axes: Axes, study: Study, panel: Panel, scale: float) -> list[tuple[float, str, str]]:
    """Draw a panel and return the names of its thin lines: the last value, the model, the colour."""
    ends = []
    for index, configuration in enumerate(study.paper.configurations):
        colour = PALETTE[index]
        first = panel.line(configuration, study.model)
        if not first:
            continue
        for model in study.paper.models:
            line = panel.line(configuration, model)
            if model == study.model or not _departs(line, first):
                continue
            places = [study.paper.lengths[spot.length] for spot in line]
            axes.plot(places, [_scaled(spot.ours, scale) for spot in line], color=colour, linewidth=THIN)
            ends.append((_scaled(line[-1].ours, scale), model, colour))
        places = [study.paper.lengths[spot.length] for spot in first]
        axes.plot(places, [_scaled(spot.ours, scale) for spot in first], label=configuration, **layer(index))
        hollow: dict[str, Any] = {
            "markerfacecolor": "white",
            "markeredgecolor": colour,
            "markeredgewidth": 1.1,
            "linestyle": "none",
        }
        cycle = [_scaled(spot.cycle, scale) for spot in first]
        axes.plot(places, cycle, marker=MARKERS[index], markersize=4.5, zorder=12, **hollow)
        _marks(axes, places, [_scaled(spot.published, scale) for spot in first])
    return ends


def draw_ranges(study: Study, panels: Sequence[Panel]) -> Figure:
    """One panel below the other: a whisker for each configuration and length, from the least to the most of a range."""
    figure, axes_of = style.new_figure(2.0 * len(panels) + 0.7, len(panels), share_x=True)
    for axes, panel in zip(axes_of, panels, strict=True):
        names = [name for name in study.paper.configurations if panel.line(name, study.model)]
        for index, configuration in enumerate(study.paper.configurations):
            if configuration not in names:
                continue
            line = panel.line(configuration, study.model)
            shift = STEP ** (2 * (names.index(configuration) - (len(names) - 1) / 2))
            places = [study.paper.lengths[spot.length] * shift for spot in line]
            low, high, own = ([_scaled(getattr(spot, name), 1) for spot in line] for name in ("low", "high", "ours"))
            axes.vlines(places, low, high, color=PALETTE[index], linewidth=2.2, alpha=0.45)
            look: dict[str, Any] = {
                "marker": MARKERS[index],
                "color": PALETTE[index],
                "linestyle": "none",
                "markersize": 4.5,
            }
            axes.plot(places, own, label=configuration, **look)
            _marks(axes, places, [_scaled(spot.published, 1) for spot in line])
        axes.set_ylim(bottom=0)
        axes.set_ylabel(panel.label)
        style.length_axis(axes, list(study.paper.lengths.values()), LENGTH_LABEL if axes is axes_of[-1] else "")
    _legend(figure, axes_of[0], panels, study.marks)
    return figure


def _departs(line: Sequence[Spot], first: Sequence[Spot]) -> bool:
    one, other = line[-1].ours, first[-1].ours
    return one is not None and bool(other) and abs(one / (other or 1.0) - 1) > DEPARTS


def _marks(axes: Axes, places: Sequence[float], values: Sequence[float]) -> None:
    axes.plot(places, values, linestyle="none", marker="x", markersize=4, markeredgewidth=1.0, color=INK, zorder=14)


def _scaled(value: float | None, scale: float) -> float:
    return float("nan") if value is None else value * scale


def _legend(figure: Figure, axes: Axes, panels: Sequence[Panel], published: str) -> None:
    """One legend: the configurations, and what else is marked."""
    handles, labels = axes.get_legend_handles_labels()
    spots = [spot for panel in panels for spot in panel.spots]
    if any(spot.cycle is not None for spot in spots):
        look: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": QUIET, "linestyle": "none"}
        handles += axes.plot([], [], marker="o", **look)
        labels.append("by the cycle model")
    if any(spot.published is not None for spot in spots):
        handles += axes.plot([], [], marker="x", color=INK, linestyle="none", markersize=4)
        labels.append(published)
    figure.legend(handles, labels, loc="outside upper left", ncols=4)


def label_ends(figure: Figure, axes: Axes, names: Sequence[tuple[float, str, str]]) -> None:
    """Write names right of the last values, moved apart where they would overlap."""
    if not names:
        return
    figure.draw_without_rendering()
    listed = sorted(names)
    box = axes.get_window_extent()
    heights = [axes.transData.transform((axes.get_xlim()[1], value))[1] for value, *_ in listed]
    for (_, model, colour), place in zip(listed, style.spread(heights, LABEL_PT * figure.dpi / 72), strict=True):
        axes.annotate(
            model, (1, (place - box.y0) / box.height), xycoords="axes fraction", xytext=(3, 0),
            textcoords="offset points", va="center", color=colour, annotation_clip=False,
        )  # fmt: skip
