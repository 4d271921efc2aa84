"""The figure of area against latency: machines of a sweep, and those of the configurations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import style
from ..area_latency import AreaPoint, area_points
from ..study import Study
from ..style import INK, MARKERS, PALETTE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = ("#222222", "#777777", "#777777", "#AAAAAA", "#AAAAAA")
ROOM = 2.4  # left of the smallest machine and below the fastest, for names, as a factor
NAME = 1.45  # between two names, as a factor


def area_latency(study: Study) -> Figure:
    """A line for each model along its front; what is off the front is hollow."""
    figure, (axes,) = style.new_figure(4.2)
    found = area_points(study)
    starts = []
    for index, model in enumerate(study.paper.models):
        points = [each for each in found if each.model == model]
        starts.append((_line(axes, points, SHADES[index % len(SHADES)]), model, SHADES[index % len(SHADES)]))
    for index, configuration in enumerate(study.paper.configurations):
        own = [e for e in found if (e.configuration, e.model, e.number) == (configuration, study.model, None)]
        _machine(axes, own, index, configuration)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left=min((each.area_mm2 for each in found), default=ROOM) / ROOM)
    axes.set_ylim(bottom=min((each.latency_s for each in found), default=ROOM) / ROOM)
    axes.set_xlabel("area (mm²)")
    axes.set_ylabel("latency of attention (s)")
    _name_sizes(axes, found)
    _name_models(axes, starts)
    _legend(figure, axes, found)
    return figure


def _line(axes: Axes, points: Sequence[AreaPoint], shade: str) -> AreaPoint:
    """One model's front and the points of its sweep; returns where the line begins."""
    front = sorted((each for each in points if each.on_front), key=lambda each: each.area_mm2)
    axes.plot([e.area_mm2 for e in front], [e.latency_s for e in front], color=shade, linewidth=1.0, zorder=2)
    for each in points:
        if each.number is None:
            continue
        inside = shade if each.on_front else "white"
        axes.plot(each.area_mm2, each.latency_s, "o", markersize=4, color=shade, markerfacecolor=inside, zorder=4)
        _other_model(axes, each, shade)
        if each.published_area_mm2 is not None and each.published_latency_s is not None:
            axes.plot(each.published_area_mm2, each.published_latency_s, "x", markersize=4, color=INK, zorder=7)
    return front[0]


def _machine(axes: Axes, own: Sequence[AreaPoint], index: int, configuration: str) -> None:
    """The machines of a configuration."""
    for each in own:
        inside = PALETTE[index] if each.on_front else "white"
        axes.plot(
            each.area_mm2, each.latency_s, MARKERS[index], color=PALETTE[index], markerfacecolor=inside,
            markeredgewidth=1.3, label=configuration, zorder=6,
        )  # fmt: skip
        _other_model(axes, each, PALETTE[index])


def _other_model(axes: Axes, each: AreaPoint, shade: str) -> None:
    """The time by the cycle model, joined to that by the analytic one."""
    if each.cycle_latency_s is not None:
        axes.plot(each.area_mm2, each.cycle_latency_s, "_", markersize=6, color=shade, zorder=3)
        axes.vlines(each.area_mm2, each.latency_s, each.cycle_latency_s, color=shade, linewidth=0.6, zorder=3)


def _name_sizes(axes: Axes, found: Sequence[AreaPoint]) -> None:
    """The elements along a side, below the lowest point of each size."""
    for number in dict.fromkeys(each.number for each in found if each.number is not None):
        lowest = min((each for each in found if each.number == number), key=lambda each: each.latency_s)
        axes.annotate(
            f"{number}²", (lowest.area_mm2, lowest.latency_s), xytext=(-4, -6), textcoords="offset points",
            ha="center", va="top", color=QUIET,
        )  # fmt: skip


def _name_models(axes: Axes, starts: Sequence[tuple[AreaPoint, str, str]]) -> None:
    """The name of each model left of its line, moved apart where they would overlap."""
    listed = sorted(starts, key=lambda each: each[0].latency_s)
    places = style.spread([math.log(start.latency_s) for start, *_ in listed], math.log(NAME))
    for (start, model, shade), place in zip(listed, places, strict=True):
        axes.annotate(
            model, (start.area_mm2, math.exp(place)), xytext=(-7, 0), textcoords="offset points", ha="right",
            va="center", color=shade,
        )  # fmt: skip


def _legend(figure: Figure, axes: Axes, found: Sequence[AreaPoint]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if any(each.cycle_latency_s is not None for each in found):
        handles += axes.plot([], [], "_", markersize=8, color=QUIET)
        labels.append("by the cycle model")
    if any(each.is_published for each in found):
        handles += axes.plot([], [], "x", markersize=4, color=INK)
        labels.append("published")
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
