"""The figures of a run: fronts, the best over two axes, the front's designs, and what each axis does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.explore.fronts.pareto import front
from sim.explore.runs.effects import Best, Density
from sim.explore.runs.keep import column

from .. import quantities, style
from ..style import INK, PALETTE, QUIET
from .run_results import RunResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKED = 500  # points of a front that are drawn, evenly spaced in the first objective
DECADES = 4.0  # between the ends of an objective: from here on its axis is logarithmic
TICKS = 8  # labels of an axis of a heat map
SIDE = 3  # panels side by side
SHADES, CLOUD = "viridis_r", "Greys"
PALEST, DARKEST = 0.35, 0.95  # of CLOUD: a bin with a point, and that with the most
LINES = 0.85  # of viridis that lines are drawn in: its yellow end cannot be seen on white
UNITS = {"size": "B", "bandwidth": "B/s", "clock": "Hz"}  # of axes of machines, by the last word


def draw_all(found: RunResults, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure that the run has enough axes and objectives for."""
    return style.draw_all(_figures(found), _texts(found), found, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` may write."""
    return style.files(FIGURES)


def pareto(found: RunResults) -> Figure:
    """Objectives against each other: how many points lie where, and the front."""
    pairs = found.densities
    columns = min(SIDE, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = style.new_figure(3.2 * rows, rows, columns, width_in=_width(columns))
    for panel, density in zip(axes, pairs, strict=False):
        _cloud(panel, density)
        _front(panel, found, density.x, density.y)
    for panel in axes[len(pairs) :]:
        panel.set_visible(False)
    style.legend_above(figure, axes[0], 2)
    return figure


def _width(columns: int) -> float:
    return style.WIDTH_IN * (1 if columns == 1 else 2)


def _cloud(axes: Axes, density: Density) -> None:
    """The number of points in each bin, as a shade; on a raster, however many there are."""
    from matplotlib.colors import LogNorm

    shades = np.ma.masked_equal(density.counts.T, 0)
    decades = np.log(max(10, density.counts.max())) / (DARKEST - PALEST)
    norm = LogNorm(np.exp(-PALEST * decades), np.exp((1 - PALEST) * decades))
    axes.pcolormesh(density.x_edges, density.y_edges, shades, cmap=CLOUD, norm=norm, rasterized=True)
    axes.set_xlabel(label(density.x))
    axes.set_ylabel(label(density.y))
    axes.use_sticky_edges = False
    axes.margins(0.04)
    for edges, scale, axis in (
        (density.x_edges, axes.set_xscale, axes.xaxis),
        (density.y_edges, axes.set_yscale, axes.yaxis),
    ):
        log = 0 < DECADES * edges[0] < edges[-1]
        scale("log" if log else "linear")
        style.number_ticks(axis, log)


def _front(axes: Axes, found: RunResults, x: str, y: str) -> None:
    """Points on the front of all objectives, and the line of those on the front of these two."""
    values = np.stack([column(found.front.table, name) for name in (x, y)], axis=1).astype(np.float64)
    some = values[:: -(-len(values) // MARKED)]
    axes.plot(
        some[:, 0], some[:, 1], "o", color=PALETTE[1], markersize=2.5, linewidth=0, label="front of all objectives"
    )
    line = values[front(values)]
    line = line[np.lexsort((line[:, 1], line[:, 0]))]
    ring: dict[str, Any] = (
        {"marker": "o", "markersize": 6, "fillstyle": "none"} if len(np.unique(line, axis=0)) == 1 else {}
    )
    axes.step(line[:, 0], line[:, 1], where="post", color=PALETTE[0], linewidth=1.3, label="front of these two", **ring)


def heat_map(found: RunResults) -> Figure:
    """The least of each objective over two axes, whatever the others are."""
    columns = min(SIDE, len(found.best))
    rows = -(-len(found.best) // columns)
    figure, axes = style.new_figure(3.2 * rows, rows, columns, width_in=_width(columns))
    for panel, each in zip(axes, found.best, strict=False):
        _map(figure, panel, each, log=found.space.is_log(each.objective))
    for panel in axes[len(found.best) :]:
        panel.set_visible(False)
    return figure


def _map(figure: Figure, axes: Axes, each: Best, log: bool) -> None:
    from matplotlib.colors import LogNorm

    norm = LogNorm() if log and DECADES * np.nanmin(each.least) < np.nanmax(each.least) else None
    drawn = axes.imshow(each.least, cmap=SHADES, norm=norm, aspect="auto", origin="lower", interpolation="nearest")
    for ticks, values in ((axes.set_yticks, each.one), (axes.set_xticks, each.other)):
        places = range(0, len(values), -(-len(values) // TICKS))  # evenly, so that powers of two stay such
        ticks(places, [quantities.setting(values[place]) for place in places])
    for text in axes.get_xticklabels():
        text.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.set_ylabel(label(each.axes[0]))
    axes.set_xlabel(label(each.axes[1]))
    axes.set_title(label(each.objective))
    axes.grid(visible=False)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02)
    style.number_ticks(bar.ax.yaxis, norm is not None)


def parallel(found: RunResults) -> Figure:
    """A line for each point of the front, over axes and objectives."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.colors import ListedColormap

    names = [*found.axes, *found.space.objectives]
    table = found.front.table
    rows = np.arange(table.num_rows)[:: -(-table.num_rows // MARKED)]
    heights = np.stack([_heights(found, name)[rows] for name in names], axis=1)
    figure, (axes,) = style.new_figure(4.0, width_in=2 * style.WIDTH_IN)
    segments = [list(enumerate(line)) for line in heights.tolist()]
    shades = ListedColormap(colormaps["viridis"](np.linspace(0, LINES, 256)))
    lines = LineCollection(segments, cmap=shades, array=heights[:, len(found.axes)], linewidths=0.7, alpha=0.6)
    axes.add_collection(lines)
    axes.set_xlim(-0.2, len(names) - 0.8)
    axes.set_ylim(-0.08, 1.08)
    axes.set_xticks(range(len(names)), [label(name).replace(".", ".\n").replace(" (", "\n(") for name in names])
    axes.set_yticks([])
    for place, name in enumerate(names):
        axes.axvline(place, color=QUIET, linewidth=0.8)
        low, high = _ends(found, name)
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(place, -0.02, low, ha="center", va="top", fontsize=7, color=INK, bbox=behind)
        axes.text(place, 1.02, high, ha="center", va="bottom", fontsize=7, color=INK, bbox=behind)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure


def _heights(found: RunResults, name: str) -> Any:
    """Where the front's points lie along a vertical line, 0 to 1: values of axes evenly, objectives by their scale."""
    values = found.front.table[name]
    if name in found.space.values:
        known = {value: i for i, value in enumerate(found.space.values[name])}
        return np.array([known[value] for value in values.to_pylist()]) / max(1, len(known) - 1)
    scaled = found.space.scaled(name, values.to_numpy())
    low, high = float(scaled.min()), float(scaled.max())
    return (scaled - low) / (high - low) if high > low else np.full(len(scaled), 0.5)


def _ends(found: RunResults, name: str) -> tuple[str, str]:
    if name in found.space.values:
        values = found.space.values[name]
        return quantities.setting(values[0]), quantities.setting(values[-1])
    values = found.front.table[name].to_numpy()
    return quantities.objective(name, float(values.min())), quantities.objective(name, float(values.max()))


def sensitivity(found: RunResults) -> Figure:
    """The share of each objective's variance that each axis has, as bars."""
    axes_of_run, objectives = found.axes, found.space.objectives
    height = 0.8 / len(objectives)
    figure, (axes,) = style.new_figure(1.1 + 0.4 * len(axes_of_run))
    for index, objective in enumerate(objectives):
        effects = [found.effects[objective][axis] for axis in axes_of_run]
        places = [y + (index - (len(objectives) - 1) / 2) * height for y in range(len(axes_of_run))]
        shares = [100 * each.share for each in effects]
        axes.barh(
            places,
            shares,
            height=0.9 * height,
            color=PALETTE[index % len(PALETTE)],
            label=label(objective),
            linewidth=0,
        )
    axes.set_yticks(range(len(axes_of_run)), axes_of_run)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the variance (%)")
    axes.grid(axis="y", visible=False)
    style.legend_above(figure, axes, len(objectives))
    return figure


FIGURES: Mapping[str, Callable[[RunResults], Figure]] = {
    "pareto": pareto,
    "heat-map": heat_map,
    "parallel": parallel,
    "sensitivity": sensitivity,
}
WIDE = frozenset({"pareto", "heat-map", "parallel"})  # as wide as the page


def _figures(found: RunResults) -> Mapping[str, Callable[[RunResults], Figure]]:
    """The figures that the run has enough axes and objectives for."""
    lacking = {
        "pareto": not found.densities,
        "heat-map": not found.best,
        "parallel": not found.axes,
        "sensitivity": not found.axes,
    }
    return {name: draw for name, draw in FIGURES.items() if not lacking[name]}


def _texts(found: RunResults) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    size, points = found.front.table.num_rows, quantities.whole(found.space.points)
    missing = "" if found.front.parts == found.front.expected else ", or none is there yet"
    drawn = f", {MARKED} of them drawn" if size > MARKED else ""
    return {
        "pareto": (
            "Objectives against each other",
            f"Grey: {points} feasible points, the darker the more of them. Red: the {quantities.whole(size)} points "
            f"on the front of all objectives{drawn}. Blue: the front of these two.",
        ),
        "heat-map": (
            "The best over two axes",
            "The least of each objective, whatever the other axes are, over the two axes that move it most; blank "
            f"where no point is feasible{missing}.",
        ),
        "parallel": (
            "The designs on the front",
            f"A line for each point{drawn}, coloured by {label(found.space.objectives[0])}. Values of axes lie evenly, "
            f"objectives from the front's least to its most{_scales(found.space.objectives, found)}.",
        ),
        "sensitivity": (
            "What each axis does",
            "The share of an objective's variance that lies between the means of an axis's values (first order), over "
            f"all feasible points{_scales(found.space.objectives, found)}. What is missing to 100 % is interplay; axes "
            "that are tied to each other have the same share.",
        ),
    }


def _scales(objectives: Sequence[str], found: RunResults) -> str:
    return ", by their logarithms" if all(found.space.is_log(name) for name in objectives) else ""


def label(name: str) -> str:
    """A column's name, with its unit apart.

    >>> label("latency_s"), label("area_mm2"), label("arch.buffer.size"), label("arch.array_2d.rows")
    ('latency (s)', 'area (mm²)', 'arch.buffer.size (B)', 'arch.array_2d.rows')
    """
    part, _, key = name.partition(".")
    last = key.rpartition(".")[2]
    if part == "arch" and last in UNITS:
        return f"{name} ({UNITS[last]})"
    head, _, unit = name.rpartition("_")
    known = {"s": "s", "j": "J", "mm2": "mm²"}
    return f"{head} ({known[unit]})" if head and unit in known else name
