"""The figures of attention in the banks, each a function from what was simulated to a drawn figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import quantities, style
from ..style import INK, PALETTE
from .attention import AttentionStudy, Layout, Token, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_IN = 10.0
WIDE = frozenset({"attention-layouts", "attention-tokens"})  # as wide as the page
MILLI, MEBI = 1e3, 1 << 20
NUMBER_PT = 7
BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}  # behind a number
HEADROOM = 1.17  # of an axis, above or right of the largest bar, for its number
PARTS: Mapping[str, Callable[[Trial], float]] = {
    "products": lambda trial: trial.products_s,
    "appends": lambda trial: trial.append_s,
    "other units": lambda trial: trial.others_s,
}
COLOURS = dict(zip(("products", "appends", "other units", "linear layers"), PALETTE, strict=False))


def draw_attention(study: AttentionStudy, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure."""
    return style.draw_all(FIGURES, _texts(study), study, folder)


def files() -> list[str]:
    """The names of the files that `draw_attention` writes."""
    return style.files(FIGURES)


def _texts(study: AttentionStudy) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    context = f"{quantities.count(study.spec.context)} keys"
    return {
        "attention-layouts": (
            "Where keys and values lie",
            "Attention of a token by layout, for keys and values, and number of keys. Bold: the least of a panel. What "
            "does not fit is not drawn.",
        ),
        "attention-appends": (
            "Tokens that append at once",
            f"A token's attention with {context}: its time, its energy, and the keys and values that wait outside.",
        ),
        "attention-tokens": (
            "Where the time of a token goes",
            f"Linear layers and attention, each by itself, over keys and {study.spec.units.setting}. What does not fit "
            "is not drawn.",
        ),
    }


def layouts(study: AttentionStudy) -> Figure:
    """A column of panels for each number of keys, a row for each machine, a bar for each layout."""
    spec = study.spec.layouts
    contexts = [c for c in spec.contexts if any(study.best(c, value) for value in spec.values)]
    options = list(dict.fromkeys(layout.options for layout in study.layouts))
    rows = {
        value: [each for each in options if any(study.layouts[Layout(c, value, each)].fits for c in contexts)]
        for value in spec.values
    }
    height = 0.2 * sum(map(len, rows.values())) + 0.6 * len(rows) + 0.5
    heights = [len(names) + 1 for names in rows.values()]
    figure, panels = style.new_figure(height, len(rows), len(contexts), width_in=WIDE_IN, heights=heights)
    for index, (value, names) in enumerate(rows.items()):
        for axes, context in zip(panels[index * len(contexts) :], contexts, strict=False):
            _layouts_panel(axes, study, [Layout(context, value, each) for each in names])
            axes.set_title(f"{quantities.count(context)} keys, {spec.setting}={value}")
            if context != contexts[0]:
                axes.set_yticks(range(len(names)), [""] * len(names))
            if index == len(rows) - 1:
                axes.set_xlabel("attention of a token (ms)")
    style.legend_above(figure, panels[0], len(PARTS))
    return figure


def _layouts_panel(axes: Axes, study: AttentionStudy, shown: Sequence[Layout]) -> None:
    trials = [(y, layout, study.layouts[layout]) for y, layout in enumerate(shown) if study.layouts[layout].fits]
    starts = [0.0] * len(trials)
    for name, part in PARTS.items():
        widths = [MILLI * part(trial) for _, _, trial in trials]
        places = [y for y, _, _ in trials]
        axes.barh(places, widths, left=starts, height=0.74, color=COLOURS[name], label=name, linewidth=0)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for end, (y, layout, _) in zip(starts, trials, strict=True):
        weight = "bold" if layout == study.best(layout.context, layout.value) else "normal"
        axes.annotate(
            f"{end:.3f}", (end, y), xytext=(3, 0), textcoords="offset points", va="center", ha="left", color=INK,
            fontsize=NUMBER_PT, fontweight=weight, bbox=BLANK,
        )  # fmt: skip
    axes.set_xlim(0, HEADROOM * max(starts, default=1.0))
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), [", ".join(layout.options) for layout in shown])
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def appends(study: AttentionStudy) -> Figure:
    """Time, energy and bytes, each over the number of tokens that append at once."""
    fitting = {number: trial for number, trial in study.batches.items() if trial.fits}
    places, trials = range(len(fitting)), list(fitting.values())
    figure, (times, energies, waiting) = style.new_figure(5.0, 3, share_x=True, heights=(2, 1, 1))
    _stacked(times, [{name: part(trial) for name, part in PARTS.items()} for trial in trials], "{:.3f}")
    times.set_ylabel("time (ms)")
    joules = [MILLI * trial.energy_j if trial.energy_j is not None else 0.0 for trial in trials]
    mebibytes = [study.waiting_bytes(number) / MEBI for number in fitting]
    for axes, heights, label in ((energies, joules, "energy (mJ)"), (waiting, mebibytes, "waiting (MiB)")):
        axes.bar(places, heights, width=0.7, color=PALETTE[6], linewidth=0)
        _numbers(axes, heights, "{:.2f}")
        axes.set_ylabel(label)
    waiting.set_xticks(list(places), [str(number) for number in fitting])
    waiting.set_xlabel("tokens that append at once")
    for axes in (times, energies, waiting):
        axes.grid(axis="x", visible=False)
    style.legend_above(figure, times, len(PARTS))
    return figure


def tokens(study: AttentionStudy) -> Figure:
    """A panel for each value of the setting, a bar for each number of keys."""
    spec = study.spec.units
    figure, panels = style.new_figure(3.4, 1, len(spec.values), width_in=WIDE_IN)
    highest = 0.0
    for axes, value in zip(panels, spec.values, strict=True):
        shown = {c: study.tokens[value, c] for c in spec.contexts if study.tokens[value, c].whole.fits}
        highest = max(highest, *_stacked(axes, [_of_token(token) for token in shown.values()], "{:.2f}"))
        axes.set_xticks(range(len(shown)), [quantities.count(context) for context in shown])
        axes.set_xlabel("keys")
        axes.set_title(f"{spec.setting}={value}")
        axes.grid(axis="x", visible=False)
    for axes in panels:
        axes.set_ylim(0, HEADROOM * highest)
    panels[0].set_ylabel("time of a token (ms)")
    style.legend_above(figure, panels[0], len(COLOURS))
    return figure


def _of_token(token: Token) -> dict[str, float]:
    attention = {name: part(token.attention) for name, part in PARTS.items()}
    return {"linear layers": token.linear.latency_s, **attention}


def _stacked(axes: Axes, bars: Sequence[Mapping[str, float]], form: str) -> list[float]:
    """Bars of parts in seconds, each with its sum above it, in ms; the sums."""
    ends = [0.0] * len(bars)
    for name in bars[0] if bars else ():
        heights = [MILLI * bar[name] for bar in bars]
        axes.bar(range(len(bars)), heights, bottom=ends, width=0.7, color=COLOURS[name], label=name, linewidth=0)
        ends = [end + height for end, height in zip(ends, heights, strict=True)]
    _numbers(axes, ends, form)
    return ends or [0.0]


def _numbers(axes: Axes, heights: Sequence[float], form: str) -> None:
    """The height of each bar above it, and room for that."""
    for x, height in enumerate(heights):
        axes.annotate(
            form.format(height), (x, height), xytext=(0, 2), textcoords="offset points", va="bottom", ha="center",
            color=INK, fontsize=NUMBER_PT, bbox=BLANK,
        )  # fmt: skip
    axes.set_ylim(0, HEADROOM * max(heights, default=0.0) or 1.0)


FIGURES: Mapping[str, Callable[[AttentionStudy], Figure]] = {
    "attention-layouts": layouts,
    "attention-appends": appends,
    "attention-tokens": tokens,
}
