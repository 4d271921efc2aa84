"""Figures of stacked bars: what an array's slots go to, and what energy goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import style
from ..quantities import count
from ..study import Study
from ..style import INK, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def shown(study: Study, length: str) -> str:
    """A length as figures write it; the paper's name for it may differ."""
    return count(study.paper.lengths[length])


def middle(study: Study) -> str:
    """The length that a figure of one length shows."""
    lengths = list(study.paper.lengths)
    return lengths[len(lengths) // 2]


def time_share(study: Study) -> Figure:
    """Stacked shares of one array's slots, for each configuration at the first, middle and last length."""
    unit, lengths = study.paper.report.shares, list(study.paper.lengths)
    chosen = list(dict.fromkeys((lengths[0], middle(study), lengths[-1])))
    bars: dict[str, Mapping[str, float]] = {}
    groups = []
    for configuration in study.paper.configurations:
        groups.append(configuration)
        for length in chosen:
            shares = study.record(configuration, length).utilization_by_einsum[unit]
            bars[f"{configuration} {length}"] = {name: 100 * share for name, share in shares.items()}
    figure, (axes,) = style.new_figure(0.2 * len(bars) + 1.0)
    labels = [shown(study, length) for _ in groups for length in chosen]
    places = [group * (len(chosen) + 0.8) + i for group in range(len(groups)) for i in range(len(chosen))]
    _stack(axes, bars, places, labels)
    _group_labels(axes, groups, len(chosen))
    label = study.paper.report.units[unit]
    if study.reference is not None:
        points = [study.point(configuration, length) for configuration in groups for length in chosen]
        sums = [study.published.value(f"utilization.{unit}", point) for point in points]
        found = [(100 * value, place) for value, place in zip(sums, places, strict=True) if value is not None]
        axes.plot(*zip(*found, strict=True), "x", markersize=4, color=INK)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"share of the {label}'s operation slots (%)")
    style.legend_above(figure, axes, 5)
    return figure


def energy(study: Study) -> Figure:
    """Stacked energy by component for each configuration, one bar for each accounting."""
    length = middle(study)
    bars: dict[str, Mapping[str, float]] = {}
    labels = []
    for configuration in study.paper.configurations:
        for accounting, label in study.paper.accountings.items():
            record = study.record(configuration, length, accounting=accounting)
            pairs = _pairs(study, length)
            bars[f"{configuration} {accounting}"] = {
                name: 1e12 * (spent or 0.0) / pairs for name, spent in record.energy_by_component_j.items()
            }
            labels.append(label)
    each = len(study.paper.accountings)
    figure, (axes,) = style.new_figure(0.2 * len(bars) + 1.3)
    groups = list(study.paper.configurations)
    places = [group * (each + 0.8) + i for group in range(len(groups)) for i in range(each)]
    _stack(axes, bars, places, labels)
    _group_labels(axes, groups, each)
    axes.set_xlabel("energy per query and key (pJ)")
    style.legend_above(figure, axes, 3)
    return figure


def _pairs(study: Study, length: str) -> int:
    """Query-key pairs of all heads."""
    from workloads import workload

    values = workload(study.paper.workload(study.model, length)).values
    return int(values["batch"] * values["heads"] * values["queries"] * values["keys"])


def _stack(axes: Axes, bars: Mapping[str, Mapping[str, float]], places: list[float], labels: list[str]) -> None:
    """Horizontal stacked bars from the top down; a part is coloured by its name, the largest come first."""
    totals: dict[str, float] = {}
    for parts in bars.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    starts = [0.0] * len(bars)
    present = [name for name, value in totals.items() if value > 0]
    for index, name in enumerate(sorted(present, key=lambda each: -totals[each])):
        widths = [parts.get(name, 0.0) for parts in bars.values()]
        axes.barh(
            places, widths, left=starts, height=0.82, color=PALETTE[index % len(PALETTE)], label=name, linewidth=0
        )
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _group_labels(axes: Axes, groups: list[str], size: int) -> None:
    """The name of each group of bars, left of its first bar's label."""
    widest = max(len(label.get_text()) for label in axes.get_yticklabels())
    for index, name in enumerate(groups):
        middle = index * (size + 0.8) + (size - 1) / 2
        axes.annotate(
            name,
            (0, middle),
            xycoords=("axes fraction", "data"),
            xytext=(-14 - 4.6 * widest, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontweight="bold",
            color=INK,
            annotation_clip=False,
        )
