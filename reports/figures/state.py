"""Figures of the running state: its value and its error over the number of keys, by the type that it is kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import style
from ..precision import EXACT, FLAT, RANDOM
from ..study import Study
from .lines import layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
                **layer(index),
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
                    **layer(index),
                )
        axes.set_yscale("log")
        axes.set_ylabel(f"error of the\n{label} (%)")
        style.length_axis(axes, spec.lengths, "keys" if axes is panels[-1] else "")
    style.legend_above(figure, panels[0], 1)
    return figure
