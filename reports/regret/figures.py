"""The figures of a study of regret, each a function from the study to a drawn figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.explore.fronts.pareto import front

from .. import style
from ..quantities import percent
from ..style import PALETTE, QUIET
from .results import Case, RegretStudy
from .tables import regret_text, steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = 1e-3  # regrets below are drawn as if they were this
CEILING = 10.0  # and above as this
SHADES = "YlOrRd"
ROW_IN = 0.34  # of a heat map
MARKED = 2000  # points of a front that are drawn, evenly spaced


def draw_all(study: RegretStudy, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure."""
    return style.draw_all(FIGURES, _texts(study), study, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` writes."""
    return style.files(FIGURES)


def regret_map(study: RegretStudy) -> Figure:
    """Regret by circumstance and budget, a panel for each metric and space."""
    spec, circumstances, budgets = study.spec, study.circumstances(), list(study.spec.budgets)
    panels = [(metric, space) for metric in spec.metrics for space in spec.spaces]
    rows, columns = len(spec.metrics), len(spec.spaces)
    height = rows * (ROW_IN * len(circumstances) + 1.1)
    figure, axes = style.new_figure(height, rows, columns, width_in=2 * style.WIDTH_IN)
    for place, (panel, (metric, space)) in enumerate(zip(axes, panels, strict=True)):
        values = _regrets(study, metric, space)
        norm = _log_norm()
        drawn = panel.imshow(np.clip(values, FLOOR, CEILING), cmap=SHADES, norm=norm, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                behind = drawn.cmap(norm(min(max(value, FLOOR), CEILING)))
                ink = style.ink_on(behind)
                panel.text(j, i, regret_text(value), ha="center", va="center", color=ink, fontsize=7)
        panel.set_title(f"{metric}: {space}")
        panel.set_xticks(range(len(budgets)), [each.replace(", ", ",\n") for each in budgets])
        named = place % columns == 0
        panel.set_yticks(range(len(circumstances)), [study.label(c) if named else "" for c in circumstances])
        panel.grid(visible=False)
    return figure


def _regrets(study: RegretStudy, metric: str, space: str) -> Any:
    """Regrets, [circumstances, budgets]; NaN where there is no design."""
    found = [[study.find(c, space, budget) for budget in study.spec.budgets] for c in study.circumstances()]
    return np.array([[np.nan if e is None else e.choices[metric].regret.regret for e in row] for row in found])


def _log_norm() -> Any:
    from matplotlib.colors import LogNorm

    return LogNorm(FLOOR, CEILING)


def time_ratio(study: RegretStudy) -> Figure:
    """The cycle model's time over the analytic one's, for each circumstance: the range of nine tenths, half, middle."""
    circumstances = study.circumstances()
    figure, (axes,) = style.new_figure(0.9 + 0.34 * len(circumstances))
    for y, circumstance in enumerate(circumstances):
        case = study.find(circumstance, *study.spec.first)
        if case is None:
            continue
        here = study.designs(case)
        _spread(axes, y, here.cycle.latency_s / here.analytic.latency_s, PALETTE[0])
    axes.set_yticks(range(len(circumstances)), [study.label(each) for each in circumstances])
    axes.invert_yaxis()
    axes.axvline(1, color=QUIET, linewidth=0.8)
    axes.set_xlabel("cycle model's latency over the analytic model's")
    axes.grid(axis="y", visible=False)
    return figure


def _spread(axes: Axes, y: float, values: Any, color: str) -> None:
    low, left, middle, right, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
    axes.plot([low, high], [y, y], color=color, linewidth=1.2)
    axes.plot([left, right], [y, y], color=color, linewidth=5, solid_capstyle="butt")
    axes.plot([middle], [y], "o", color="white", markeredgecolor=color, markersize=5, zorder=5)


def fronts(study: RegretStudy) -> Figure:
    """Area and latency: what the analytic model promises, what that takes, and what there was to be had."""
    case = _shown(study)
    here = study.designs(case)
    figure, (axes,) = style.new_figure(3.8)
    analytic = np.stack([here.analytic.latency_s, here.area_mm2], axis=1)
    cycle = np.stack([here.cycle.latency_s, here.area_mm2], axis=1)
    promised, true = np.flatnonzero(front(analytic)), np.flatnonzero(front(cycle))
    _marks(axes, here.area_mm2, here.analytic.latency_s, promised, "v", QUIET, "analytic front, as promised")
    _marks(axes, here.area_mm2, here.cycle.latency_s, promised, "o", PALETTE[1], "the same designs by the cycle model")
    order = true[np.argsort(here.area_mm2[true])]
    axes.step(
        here.area_mm2[order], here.cycle.latency_s[order], where="post", color=PALETTE[0], label="cycle model's front"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("area (mm²)")
    axes.set_ylabel("latency (s)")
    axes.legend(loc="lower left")
    return figure


def _shown(study: RegretStudy) -> Case:
    """The case whose fronts are drawn: of all designs without a budget, the one that loses the most."""
    metric = next(iter(study.spec.metrics))
    first = [case for case in study.cases if (case.space, case.budget) == study.spec.first]
    return max(first, key=lambda case: case.choices[metric].regret.regret)


def _marks(axes: Axes, x: Any, y: Any, rows: Any, marker: str, color: str, label: str) -> None:
    some = rows[:: -(-len(rows) // MARKED)]
    axes.plot(x[some], y[some], marker, color=color, markersize=3, linewidth=0, label=label)


def shortlists(study: RegretStudy) -> Figure:
    """What is lost when the cycle model times the analytic model's first K designs: the middle and the worst case."""
    metrics = list(study.spec.metrics)
    figure, axes = style.new_figure(2.9, 1, len(metrics), width_in=2 * style.WIDTH_IN)
    for panel, metric in zip(axes, metrics, strict=True):
        for index, space in enumerate(study.spec.spaces):
            lost = [case.lost[metric] for case in study.cases if case.space == space]
            if not lost:
                continue
            timed = list(steps(max(map(len, lost))))
            values = np.array([[max(each[min(k, len(each)) - 1], FLOOR) for k in timed] for each in lost])
            color = PALETTE[index % len(PALETTE)]
            panel.plot(timed, np.median(values, axis=0), color=color, label=space)
            panel.plot(timed, values.max(axis=0), color=color, linestyle=(0, (3, 1.5)), linewidth=1.0)
        panel.axhline(study.spec.close, color=QUIET, linewidth=0.8)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.xaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        panel.yaxis.set_major_formatter(_per_cent)
        panel.set_xlabel("designs that the cycle model times")
        panel.set_ylabel(f"regret of {metric}")
        panel.legend(loc="upper right")
    return figure


def prices(study: RegretStudy) -> Figure:
    """Regret under drawn prices, for each circumstance and space without a budget."""
    metrics, budget = study.spec.priced, study.spec.first[1]
    circumstances, spaces = study.circumstances(), list(study.spec.spaces)
    height = 1.1 + 0.34 * len(circumstances)
    figure, axes = style.new_figure(height, 1, len(metrics), width_in=style.WIDTH_IN * min(2, len(metrics)))
    for panel, metric in zip(axes, metrics, strict=True):
        for y, circumstance in enumerate(circumstances):
            for index, space in enumerate(spaces):
                case = study.find(circumstance, space, budget)
                if case is not None:
                    place = y + (index - (len(spaces) - 1) / 2) * 0.36
                    drawn = np.maximum(case.sampled.regret[metric], FLOOR)
                    _spread(panel, place, drawn, PALETTE[index % len(PALETTE)])
        for index, space in enumerate(spaces):
            panel.plot([], [], color=PALETTE[index % len(PALETTE)], linewidth=5, label=space)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(_per_cent)
        panel.xaxis.set_minor_formatter(lambda value, _: "")
        panel.set_yticks(range(len(circumstances)), [study.label(each) for each in circumstances])
        panel.invert_yaxis()
        panel.set_xlabel(f"regret of {metric}, {budget}")
        panel.grid(axis="y", visible=False)
    style.legend_above(figure, axes[0], len(spaces))
    return figure


def _per_cent(value: float, _: float) -> str:
    """A regret on an axis: 0.1 %, 1 %, 100 %, 1,000 %."""
    return f"{100 * value:,.0f} %" if value >= 0.01 else f"{100 * value:g} %"


FIGURES: Mapping[str, Callable[[RegretStudy], Figure]] = {
    "regret": regret_map,
    "time-ratio": time_ratio,
    "fronts": fronts,
    "shortlists": shortlists,
    "prices": prices,
}
WIDE = frozenset({"regret", "shortlists"})  # as wide as the page


def _texts(study: RegretStudy) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    case, close = _shown(study), percent(study.spec.close)
    samples = len(study.factors)
    return {
        "regret": (
            "What the analytic model's choice loses",
            "How much worse, by the cycle model, the analytic model's winner is than the best design; above 100 % as a "
            "factor of the best. Of designs that tie, the one of least area is taken.",
        ),
        "time-ratio": (
            "Time by the two models",
            "Of all designs. Thin: nine tenths of them; thick: half of them; the circle is the middle.",
        ),
        "fronts": (
            "Fronts in latency and area",
            f"{study.label(case.circumstance)}: what the analytic model takes for the best designs, where the cycle "
            f"model sees these, and its own front.",
        ),
        "shortlists": (
            "How many designs the cycle model has to time",
            f"The best of the analytic model's first designs, timed by the cycle model. Solid: the middle of all "
            f"cases; dashed: the worst. The line is {close}; regrets below {percent(FLOOR)} are drawn there.",
        ),
        "prices": (
            "The same under drawn prices",
            f"{samples} tables, each price off by a factor from its range. Thin: nine tenths of them; thick: half; the "
            f"circle is the middle. Regrets below {percent(FLOOR)} are drawn there.",
        ),
    }
