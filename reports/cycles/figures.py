"""The figures of a cycle study, each a function from the study to a drawn figure. In a map, a bold number is close to
the analytic model; a frame marks what the authors provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import style
from ..style import INK, MARKERS, PALETTE, QUIET
from .results import CycleStudy, Outcome
from .spec import LATENCY, LENGTH, PATH, PORTS, STATE, TILES, Label, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_IN = 10.0
PERCENT = 100.0
DARK = 0.6  # a cell of more than this has white numbers
LEAST_SHOWN = 0.004  # a part of time thinner than this is not drawn
COLUMN_RULE = "white"
CAUSES = ("operations", "round trip", "memory", "port", "operation latency", "fill and drain", "operand", "registers")
SHADES = ("#4477AA", "#EE6677", "#CCBB44", "#AA3377", "#228833", "#BBBBBB", "#66CCEE", "#999999")


def draw_all(study: CycleStudy, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure."""
    return style.draw_all(FIGURES, _texts(study), study, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` writes."""
    return style.files(FIGURES)


def _texts(study: CycleStudy) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    spec = study.spec
    label, close = spec.watched.label, f"{PERCENT * spec.close:g} %"
    base = spec.base_point()
    frame = f"Bold: within {close} of the analytic model's time. Framed: the {show(base[TILES])} tiles of the authors."
    length = f"{show(base[LENGTH])} tokens"
    return {
        "tiles-latency": (
            f"Slower operations need more tiles in flight to keep the {label} busy",
            f"Operation slots used, of elements × time (%), {length}. {frame} Registers grow with the tiles.",
        ),
        "time": (
            f"What the {label}'s time goes to",
            f"Operations, and idle time by what the next one waited for. If nothing else is said: {length}, tiles in "
            f"flight {show(base[TILES])}, one-cycle operations, {show(base[PATH])}, {show(base[PORTS])} ports.",
        ),
        "ports": (
            f"Ports of the buffer decide over the {label}",
            f"Operation slots used (%), {length}. {frame} Banks have those ports each.",
        ),
        "length": (
            "Only short sequences pay for the start",
            f"Use of the {label} by the analytic and by the cycle model, the authors' tiles in flight. "
            "Models whose heads are equally wide lie on one line.",
        ),
        "cost": (
            "Registers for more tiles cost little",
            f"Whole machine and workload, relative to {show(base[TILES])} tiles; one-cycle operations, "
            f"{show(base[PATH])}. Energy counts no leakage, so time alone costs none.",
        ),
        "state": (
            "A wider running state needs more ports",
            f"Operation slots used of the {label}, {length}, {show(base[TILES])} tiles in flight.",
        ),
    }


def tiles_latency(study: CycleStudy) -> Figure:
    """Two maps, one for each return path."""
    grid = "latencies"
    spec = study.spec
    paths = spec.values(grid, PATH)
    figure, panels = style.new_figure(2.45 * len(paths) + 0.1, rows=len(paths), share_x=True, width_in=WIDE_IN)
    tiles, latencies = spec.values(grid, TILES), spec.values(grid, LATENCY)
    for axes, path in zip(panels, paths, strict=True):
        cells = [[study.at(**{TILES: t, LATENCY: n, PATH: path}) for t in tiles] for n in latencies]
        _map(axes, study, cells, tiles, latencies)
        axes.set_ylabel("operation latency\n(cycles)")
        axes.set_title(f"return path: {show(path)} ({spec.watched.label} used, %)")
    panels[-1].set_xlabel("tiles in flight")
    return figure


def ports(study: CycleStudy) -> Figure:
    """A map of ports by tiles in flight."""
    grid = "ports"
    kinds, tiles = study.spec.values(grid, PORTS), study.spec.values(grid, TILES)
    figure, (axes,) = style.new_figure(3.6)
    _map(axes, study, [[study.at(**{TILES: t, PORTS: kind}) for t in tiles] for kind in kinds], tiles, kinds)
    axes.set_xlabel("tiles in flight")
    axes.set_ylabel("ports of the buffer")
    axes.set_title(f"{study.spec.watched.label} used (%)")
    return figure


def _map(
    axes: Axes, study: CycleStudy, cells: Sequence[Sequence[Outcome]], across: Sequence[Label], down: Sequence[Label]
) -> None:
    """A heat map of the watched unit's use with the number in each cell."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    shades = LinearSegmentedColormap.from_list("use", ["#F4F6FA", "#A9C0DA", "#4477AA", "#1F3F66"])
    used = [[PERCENT * outcome.used(study.unit) for outcome in row] for row in cells]
    axes.imshow(used, cmap=shades, vmin=0, vmax=PERCENT, aspect="auto", interpolation="nearest")
    for y, row in enumerate(cells):
        for x, outcome in enumerate(row):
            value = used[y][x]
            weight = "bold" if study.close(outcome) else "normal"
            colour = "white" if value > DARK * PERCENT else INK
            axes.text(
                x, y, f"{value:.0f}" if outcome.fits else "–", ha="center", va="center", color=colour, weight=weight
            )
    base = study.spec.base_point()[TILES]
    if base in across:
        corner = (list(across).index(base) - 0.5, -0.5)
        axes.add_patch(Rectangle(corner, 1, len(down), fill=False, edgecolor="#EE6677", linewidth=2, clip_on=False))
    axes.set_xticks(range(len(across)), [show(each) for each in across])
    axes.set_yticks(range(len(down)), [show(each) for each in down])
    axes.set_xticks([x + 0.5 for x in range(len(across) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(down) - 1)], minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", color=COLUMN_RULE, linewidth=1.2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def time(study: CycleStudy) -> Figure:
    """A bar for each scenario: the time of the watched unit by what it goes to."""
    names = list(study.spec.scenarios)
    figure, (axes,) = style.new_figure(0.29 * len(names) + 0.9, width_in=WIDE_IN)
    parts = [_parts(study, study.outcomes[study.spec.scenario(name)]) for name in names]
    starts = [0.0] * len(names)
    for cause, colour in zip(CAUSES, SHADES, strict=True):
        widths = [PERCENT * part.get(cause, 0.0) for part in parts]
        if max(widths) < LEAST_SHOWN * PERCENT:
            continue
        axes.barh(range(len(names)), widths, left=starts, height=0.74, color=colour, label=cause, linewidth=0)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for y, part in enumerate(parts):
        axes.text(1.0, y, f"{PERCENT * part['operations']:.1f} %", va="center", color="white", weight="bold")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, PERCENT)
    axes.set_xlabel(f"time of the {study.spec.watched.label} (%)")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    style.legend_above(figure, axes, 6)
    return figure


def _parts(study: CycleStudy, outcome: Outcome) -> dict[str, float]:
    """What the watched unit's time goes to, as parts of it; a cause without a colour of its own stands as `operand`."""
    found = {"operations": outcome.used(study.unit)}
    for cause, cycles in outcome.stalls(study.unit).items():
        named = cause if cause in CAUSES else "operand"
        found[named] = found.get(named, 0.0) + cycles / outcome.found.cycles
    return found


def length(study: CycleStudy) -> Figure:
    """Use over the length: analytic, cycle, and the published mean."""
    figure, (axes,) = style.new_figure(3.6)
    lengths: list[int] = []
    drawn: list[list[float]] = []
    for outcomes in study.lines().values():
        lengths = [int(outcome.point[LENGTH]) for outcome in outcomes]
        cycle = [PERCENT * outcome.used(study.unit) for outcome in outcomes]
        analytic = [PERCENT * outcome.analytic_used(study.unit) for outcome in outcomes]
        if any(max(abs(a - b) for a, b in zip(cycle, each, strict=True)) < 0.1 for each in drawn):
            continue
        index = len(drawn)
        same = _same(study, outcomes)
        axes.plot(lengths, analytic, color=PALETTE[index], linestyle=(0, (3, 1.5)), linewidth=1.2)
        axes.plot(lengths, cycle, color=PALETTE[index], marker=MARKERS[index], label=", ".join(same))
        drawn.append(cycle)
    published = PERCENT * study.spec.published.utilization
    axes.axhline(published, color=QUIET, linewidth=0.8)
    axes.annotate(
        f"published mean, {published:.0f} %", (lengths[-1], published), xytext=(0, -4), textcoords="offset points",
        ha="right", va="top", color=QUIET,
    )  # fmt: skip
    handles: list[Any] = [
        *axes.get_legend_handles_labels()[0],
        *axes.plot([], [], color=QUIET, linestyle=(0, (3, 1.5)), linewidth=1.2, label="analytic model"),
    ]
    axes.legend(handles=handles, loc="lower right")
    axes.set_ylabel(f"{study.spec.watched.label} used (%)")
    style.length_axis(axes, lengths, study.spec.axes[LENGTH].label)
    return figure


def _same(study: CycleStudy, outcomes: Sequence[Outcome]) -> list[str]:
    """The models whose use is that of these outcomes, to a tenth of a percent."""
    return [
        model
        for model, others in study.lines().items()
        if all(abs(a.used(study.unit) - b.used(study.unit)) < 1e-3 for a, b in zip(outcomes, others, strict=True))
    ]


def cost(study: CycleStudy) -> Figure:
    """Area and energy over the tiles in flight."""
    tiles = [int(each) for each in study.spec.values("latencies", TILES)]
    records = [study.at(**{TILES: each}).found for each in tiles]
    base = study.base.found
    figure, (axes,) = style.new_figure(3.6)
    series: dict[str, list[float]] = {
        "area": [PERCENT * ((record.area_mm2 or 0.0) / (base.area_mm2 or 1.0) - 1) for record in records],
        "energy": [PERCENT * ((record.energy_j or 0.0) / (base.energy_j or 1.0) - 1) for record in records],
    }
    for index, (label, values) in enumerate(series.items()):
        axes.plot(tiles, values, color=PALETTE[index], marker=MARKERS[index])
        axes.annotate(
            f"{label}, {values[-1]:+.2f} %", (tiles[-1], values[-1]), xytext=(0, 7), textcoords="offset points",
            ha="right", color=PALETTE[index], weight="bold",
        )  # fmt: skip
    axes.axvline(int(study.spec.base_point()[TILES]), color="#EE6677", linewidth=0.8, linestyle=(0, (3, 1.5)), zorder=1)
    axes.annotate(
        "the authors' tiles", (int(study.spec.base_point()[TILES]), axes.get_ylim()[1]), xytext=(4, -8),
        textcoords="offset points", color="#EE6677", va="top",
    )  # fmt: skip
    axes.set_xticks([1, *(each for each in tiles if each % 4 == 0)])
    axes.set_xlabel("tiles in flight, with the registers they need")
    axes.set_ylabel("more than the authors' provision (%)")
    return figure


def state(study: CycleStudy) -> Figure:
    """Bars of use for each choice of ports, one for each type of state."""
    kinds, states = study.spec.values("port states", PORTS), study.spec.values("port states", STATE)
    figure, (axes,) = style.new_figure(3.6)
    height = 0.8 / len(states)
    for index, each in enumerate(states):
        values = [PERCENT * study.at(**{PORTS: kind, STATE: each}).used(study.unit) for kind in kinds]
        places = [y + (index - (len(states) - 1) / 2) * height for y in range(len(kinds))]
        axes.barh(places, values, height=height * 0.92, color=PALETTE[index], label=show(each), linewidth=0)
        for y, value in zip(places, values, strict=True):
            axes.text(value + 1, y, f"{value:.0f}", va="center", color=INK, fontsize=7.5)
    axes.set_yticks(range(len(kinds)), [show(kind) for kind in kinds])
    axes.invert_yaxis()
    axes.set_xlim(0, 108)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_xlabel(f"{study.spec.watched.label} used (%)")
    axes.set_ylabel("ports of the buffer")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    style.legend_above(figure, axes, 2)
    return figure


FIGURES: Mapping[str, Callable[[CycleStudy], Figure]] = {
    "tiles-latency": tiles_latency,
    "time": time,
    "ports": ports,
    "state": state,
    "length": length,
    "cost": cost,
}
WIDE = frozenset({"tiles-latency", "time"})  # as wide as the page
