"""The figures of a study, each a function from the study to a drawn figure.

Thick lines with markers are the first model of the paper; a thin line is another model, named where it departs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import style
from .precision import EXACT, FLAT, RANDOM
from .quantities import count
from .study import Study
from .style import INK, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LENGTH_LABEL = "sequence length (tokens)"
THIN = 0.6
DEPARTS = 0.02  # a model whose last value is further off than this is drawn on its own


def draw_all(study: Study, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure."""
    return style.draw_all(FIGURES, _texts(study), study, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` writes."""
    return style.files(FIGURES)


def _texts(study: Study) -> dict[str, tuple[str, str]]:
    """The title and the caption of each figure."""
    model, report = study.model, study.paper.report
    others = ", ".join(each for each in study.paper.models if each != model)
    band = f"Thick, with markers: {model}. Thin: {others}, named where they differ."
    shares = report.units[report.shares]
    return {
        "utilization": ("Utilisation of the arrays", f"Operation slots used, of elements × time. {band}"),
        "speed-up": (f"Speed-up over {report.slow}", f"Latency of {report.slow}, over that of each. {band}"),
        "time-share": (
            f"What the {shares} spends its time on",
            f"{model}. Each Einsum's part of the {shares}'s operation slots; the blank rest is idle.",
        ),
        "energy": (
            "Energy by component, under each accounting",
            f"{model}, {_shown(study, _middle(study))} tokens, for one query and one key of one head.",
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


def _shown(study: Study, length: str) -> str:
    """A length as figures write it; the paper's name for it may differ."""
    return count(study.paper.lengths[length])


def _middle(study: Study) -> str:
    """The length that a figure of one length shows."""
    lengths = list(study.paper.lengths)
    return lengths[len(lengths) // 2]


def _lines(axes: Axes, study: Study, value: Callable[[str, str, str], float]) -> None:
    """A thick line for each configuration, thin ones for other models; `value` of configuration, length and model."""
    lengths = study.paper.lengths
    places = list(lengths.values())
    for index, configuration in enumerate(study.paper.configurations):
        colour = PALETTE[index]
        values = {model: [value(configuration, length, model) for length in lengths] for model in study.paper.models}
        first = values[study.model]
        departing = [m for m, each in values.items() if abs(each[-1] / first[-1] - 1) > DEPARTS]
        for model in departing:
            axes.plot(places, values[model], color=colour, linewidth=THIN)
            end = (places[-1], values[model][-1])
            axes.annotate(
                model, end, xytext=(5, 0), textcoords="offset points", va="center", color=colour, annotation_clip=False
            )
        axes.plot(places, first, label=configuration, **_layer(index))


def _layer(index: int) -> dict[str, Any]:
    """How a line is drawn so that those below it still show: the first is the widest, with the largest marker."""
    wide = max(2 - index, 0)
    return {
        "marker": MARKERS[index],
        "linewidth": 2.0 + 0.7 * wide,
        "markersize": 4.5 + 1.7 * wide,
        "zorder": 3 + index,
        "color": PALETTE[index],
    }


def utilization(study: Study) -> Figure:
    """One panel for each array, over the length."""
    units = study.paper.report.units
    figure, panels = style.new_figure(1.75 * len(units) + 0.6, rows=len(units), share_x=True)
    for axes, (unit, label) in zip(panels, units.items(), strict=True):
        _lines(axes, study, lambda c, length, model, unit=unit: 100 * study.record(c, length, model).utilization[unit])  # type: ignore[misc]
        axes.set_ylim(0, 105)
        axes.set_yticks([0, 25, 50, 75, 100])
        axes.set_ylabel(f"{label} used (%)")
        style.length_axis(axes, list(study.paper.lengths.values()), LENGTH_LABEL if axes is panels[-1] else "")
    style.legend_above(figure, panels[0], 3)
    return figure


def speed_up(study: Study) -> Figure:
    """All configurations relative to the slow one."""
    slow = study.paper.report.slow
    figure, (axes,) = style.new_figure(2.7)
    _lines(axes, study, lambda c, length, model: study.speed_up(c, slow, length, model))
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"speed-up over {slow} (×)")
    style.length_axis(axes, list(study.paper.lengths.values()), LENGTH_LABEL)
    style.legend_above(figure, axes, 3)
    return figure


def time_share(study: Study) -> Figure:
    """Stacked shares of one array's slots, for each configuration at the first, middle and last length."""
    unit, lengths = study.paper.report.shares, list(study.paper.lengths)
    chosen = list(dict.fromkeys((lengths[0], _middle(study), lengths[-1])))
    bars: dict[str, Mapping[str, float]] = {}
    groups = []
    for configuration in study.paper.configurations:
        groups.append(configuration)
        for length in chosen:
            shares = study.record(configuration, length).utilization_by_einsum[unit]
            bars[f"{configuration} {length}"] = {name: 100 * share for name, share in shares.items()}
    figure, (axes,) = style.new_figure(3.1)
    labels = [_shown(study, length) for _ in groups for length in chosen]
    places = [group * (len(chosen) + 0.8) + i for group in range(len(groups)) for i in range(len(chosen))]
    _stack(axes, bars, places, labels)
    _group_labels(axes, groups, len(chosen))
    label = study.paper.report.units[unit]
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"share of the {label}'s operation slots (%)")
    style.legend_above(figure, axes, 5)
    return figure


def energy(study: Study) -> Figure:
    """Stacked energy by component for each configuration, one bar for each accounting."""
    length = _middle(study)
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
    figure, (axes,) = style.new_figure(2.9)
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
    """Horizontal stacked bars from the top down; a part is coloured by its name, parts in order of size."""
    totals: dict[str, float] = {}
    for parts in bars.values():
        for name, value in parts.items():
            totals[name] = totals.get(name, 0.0) + value
    starts = [0.0] * len(bars)
    for index, name in enumerate(sorted(totals, key=lambda each: -totals[each])):
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


def denominator(study: Study) -> Figure:
    """The value of the watched state over the number of keys, flat and random scores."""
    spec = study.paper.report.precision
    figure, panels = style.new_figure(4.4, rows=2, share_x=True)
    for axes, scores in zip(panels, (FLAT, RANDOM), strict=True):
        exact = {state.length: state.exact for state in study.states if state.scores == scores}
        axes.plot(list(exact), list(exact.values()), color="#999999", linewidth=4, alpha=0.5, label=EXACT)
        for index, variant in enumerate(spec.variants):
            found = [state for state in study.states if (state.scores, state.variant) == (scores, variant)]
            axes.plot(
                [state.length for state in found],
                [state.value for state in found],
                label=variant,
                **_layer(index),
            )
        axes.set_yscale("log")
        axes.set_ylabel(f"denominator\n({scores})")
        style.length_axis(axes, spec.lengths, "keys" if axes is panels[-1] else "")
    style.legend_above(figure, panels[0], 2)
    return figure


def state_error(study: Study) -> Figure:
    """Relative errors of the watched state and of the output."""
    spec = study.paper.report.precision
    figure, panels = style.new_figure(4.4, rows=2, share_x=True)
    errors = (("value_error", "denominator"), ("output_error", "attention output"))
    for axes, (field, label) in zip(panels, errors, strict=True):
        for index, variant in enumerate(spec.variants):
            for scores, dashes in ((FLAT, "-"), (RANDOM, (0, (3, 1.5)))):
                found = [state for state in study.states if (state.scores, state.variant) == (scores, variant)]
                values = [100 * getattr(state, field) for state in found]
                axes.plot(
                    [state.length for state in found],
                    [value if value > 0 else float("nan") for value in values],
                    linestyle=dashes,
                    label=variant if scores == FLAT else "_",
                    **_layer(index),
                )
        axes.set_yscale("log")
        axes.set_ylabel(f"error of the\n{label} (%)")
        style.length_axis(axes, spec.lengths, "keys" if axes is panels[-1] else "")
    style.legend_above(figure, panels[0], 1)
    return figure


FIGURES: Mapping[str, Callable[[Study], Figure]] = {
    "utilization": utilization,
    "speed-up": speed_up,
    "time-share": time_share,
    "energy": energy,
    "denominator": denominator,
    "state-error": state_error,
}
