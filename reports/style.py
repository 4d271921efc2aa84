"""One look for all figures: quiet axes, colours that survive colour blindness and grey print, units on every axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH_IN = 5.0  # readable at column width, and on a phone
INK, QUIET, GRID = "#222222", "#666666", "#E4E4E4"
PALETTE = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB")  # Paul Tol's "bright"
MARKERS = ("o", "s", "^", "D", "v", "P")
FORMATS = ("svg", "png")

_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "einfuse",  # the same figure is the same file
}


@dataclass(frozen=True)
class Drawing:
    """A figure that was written: its file name without suffix, a title, and a caption that says what to see."""

    name: str
    title: str
    caption: str


def draw_all(
    figures: Mapping[str, Callable[[Any], Figure]], texts: Mapping[str, tuple[str, str]], study: Any, folder: Path
) -> list[Drawing]:
    """Draw and write every figure of a study, each with its title and caption."""
    drawn = []
    with styled():
        for name, draw in figures.items():
            save(draw(study), folder, name)
            drawn.append(Drawing(name, *texts[name]))
    return drawn


def files(figures: Iterable[str]) -> list[str]:
    """The names of the files that `draw_all` writes."""
    return [f"{name}.{kind}" for name in figures for kind in FORMATS]


@contextmanager
def styled() -> Iterator[None]:
    """Everything drawn inside has the look."""
    import matplotlib

    settings: Any = _SETTINGS  # the stubs of rc_context list every key
    with matplotlib.rc_context(settings):
        yield


def new_figure(
    height_in: float,
    rows: int = 1,
    columns: int = 1,
    share_x: bool = False,
    width_in: float = WIDTH_IN,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """A figure, by default of the common width, and its axes, row by row; `heights` of rows are in proportion."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=share_x, squeeze=False, height_ratios=heights)
    return figure, list(np.ravel(axes))


def length_axis(axes: Axes, lengths: Sequence[int], label: str) -> None:
    """A logarithmic axis of sequence lengths, marked with binary suffixes."""
    from .quantities import count

    axes.set_xscale("log", base=2)
    axes.set_xticks(list(lengths), [count(length) for length in lengths])
    axes.minorticks_off()
    axes.set_xlabel(label)


def number_ticks(axis: Axis, log: bool, most: int = 5) -> None:
    """Few ticks, whose numbers are short enough to stand side by side.

    A log axis has powers of ten, and over less than two decades some numbers between them.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    if log:
        subs = (1.0, 2.0, 3.0, 5.0, 7.0) if high < 10 * low else (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=2 * most))
    else:
        axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(lambda value, _: tick(value))
    axis.set_minor_formatter(NullFormatter())


def tick(value: float) -> str:
    """The number of a tick: plain, or with an SI prefix where that is shorter.

    >>> tick(0), tick(0.05), tick(1272.0), tick(4.645e-4), tick(2e6)
    ('0', '0.05', '1272', '464.5µ', '2M')
    """
    from matplotlib.ticker import EngFormatter

    return f"{value:.6g}" if value == 0 or 0.01 <= abs(value) < 1e5 else EngFormatter(sep="").format_eng(value)


def ink_on(color: tuple[float, ...]) -> str:
    """Dark text on light colours and white on dark ones, red, green and blue from 0 to 1; by WCAG's contrast ratio.

    >>> ink_on((1.0, 1.0, 0.0)), ink_on((0.2, 0.0, 0.4))
    ('#222222', 'white')
    """
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in color[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) / (0.016 + 0.05) > 1.05 / (luminance + 0.05) else "white"  # of INK it is 0.016


def legend_above(figure: Figure, axes: Axes, columns: int) -> None:
    """One legend for the whole figure, above it."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure in every format; equal figures make equal files."""
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(folder / f"{name}.png", dpi=200, metadata={"Software": None})


def spread(values: Sequence[float], least: float) -> list[float]:
    """Ascending places for labels, at least so far apart, as near to their ascending values as a group of them can be.

    Labels that would overlap form a group, which keeps its mean.

    >>> spread([1.0, 1.0, 5.0], 2.0)
    [0.0, 2.0, 5.0]
    """
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _ends(groups[-2], least)[1] + least > _ends(groups[-1], least)[0]:
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [_ends(group, least)[0] + index * least for group in groups for index in range(len(group))]


def _ends(group: Sequence[float], least: float) -> tuple[float, float]:
    """The first and the last place of a group of labels."""
    middle, half = sum(group) / len(group), (len(group) - 1) / 2 * least
    return middle - half, middle + half
