"""The figures of a report of measured runs, each a function from the study to a drawn figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import style
from ..style import INK, MARKERS, PALETTE, QUIET
from .results import GpuStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.gpu.chips import Chip
    from sim.gpu.run import Run

TERA, GIGA, MICRO = 1e12, 1e9, 1e-6
PANEL_IN = 2.4
SHOWN_TYPE = "bf16"  # whose peak is drawn; that of fp16 is the same

TEXTS = {
    "prefill": (
        "Forward passes against the peak",
        "The best of all batches, heads and head dimensions at each length. Solid: causal; dashed: full. Line: the "
        "stated peak; dotted: what a plain product reached in a run file of ours.",
    ),
    "decode": (
        "Decoding against the memory",
        "Bytes that must move, over time. Line: the stated bandwidth of the memory; dotted: what a plain copy reached.",
    ),
    "compared": (
        "Our kernels, of others' time",
        "At the same points of one run file; below 1 ours is faster. Each kernel with the fastest of its parameters.",
    ),
    "energy": ("Energy of a token", "A query of every head. Filled: the chip's rest included; hollow: without it."),
}


def draw_all(study: GpuStudy, folder: Path) -> list[style.Drawing]:
    """Draw and write every figure for which there is something to draw."""
    present = {name: draw for name, draw in FIGURES.items() if HAS[name](study)}
    return style.draw_all(present, TEXTS, study, folder)


def files() -> list[str]:
    """The names of the files that `draw_all` may write."""
    return style.files(FIGURES)


def prefill(study: GpuStudy) -> Figure:
    """A panel for each chip, TFLOP/s over length, a pair of lines for each kernel."""
    chips = _chips(study, "prefill")
    figure, axes_of = style.new_figure(PANEL_IN * len(chips) + 0.4, len(chips))
    for axes, (chip, runs) in zip(axes_of, chips, strict=True):
        kernels = list(dict.fromkeys(run.kernel for run in runs))
        for index, kernel in enumerate(kernels):
            for causal, line in ((True, "-"), (False, "--")):
                reached = _best_by_length([run for run in runs if (run.kernel, run.point.causal) == (kernel, causal)])
                look = {"color": _colour(index), "marker": _marker(index), "linestyle": line}
                axes.plot(list(reached), list(reached.values()), **look)  # type: ignore[arg-type]
            axes.plot([], [], color=_colour(index), marker=_marker(index), label=kernel)
        if chip is not None and SHOWN_TYPE in chip.peaks:
            _ceiling(axes, chip.peaks[SHOWN_TYPE].value / TERA)
        _reached(axes, study, runs, "gemm_bf16_tflops")
        _name(axes, chip.name if chip is not None else runs[0].chip)
        lengths = sorted({run.point.q_len for run in runs})
        style.length_axis(axes, lengths, "queries and keys" if axes is axes_of[-1] else "")
        axes.set_ylabel("TFLOP/s")
        axes.set_ylim(bottom=0)
    return figure


def decode(study: GpuStudy) -> Figure:
    """A panel for each chip, GB/s over the bytes of a call, a colour for each kernel."""
    chips = _chips(study, "decode")
    figure, axes_of = style.new_figure(PANEL_IN * len(chips) + 0.4, len(chips), share_x=True)
    for axes, (chip, runs) in zip(axes_of, chips, strict=True):
        for index, kernel in enumerate(dict.fromkeys(run.kernel for run in runs)):
            own = [run for run in runs if run.kernel == kernel]
            sizes, rates = [run.point.least_bytes / 1e6 for run in own], [run.gb_per_s for run in own]
            axes.plot(sizes, rates, color=_colour(index), marker=_marker(index), linestyle="none", label=kernel)
        if chip is not None:
            _ceiling(axes, chip.memory.value / GIGA)
        _reached(axes, study, runs, "copy_gb_per_s")
        _name(axes, chip.name if chip is not None else runs[0].chip)
        axes.set_xscale("log")
        axes.set_ylabel("GB/s")
        axes.set_ylim(bottom=0)
    axes_of[-1].set_xlabel("bytes that must move (MB)")
    return figure


def compared(study: GpuStudy) -> Figure:
    """Ratios of times over length, a marker for each pair of kernels."""
    figure, (axes,) = style.new_figure(PANEL_IN + 0.4)
    lengths: set[int] = set()
    for index, pair in enumerate(study.spec.compared):
        ratios = study.ratios(pair.ours, pair.theirs)
        if ratios:
            places = [ratio.ours.point.kv_len for ratio in ratios]
            lengths |= set(places)
            label = f"{pair.ours} / {pair.theirs}"
            values = [ratio.times for ratio in ratios]
            axes.plot(places, values, color=_colour(index), marker=_marker(index), linestyle="none", label=label)
    axes.axhline(1, color=QUIET, linewidth=0.8)
    style.length_axis(axes, sorted(lengths), "keys")
    axes.set_ylabel("time, of the other's")
    style.legend_above(figure, axes, 2)
    return figure


def energy(study: GpuStudy) -> Figure:
    """A panel for each phase, a line for each measurement: with what the chip takes at rest, and without."""
    runs = [judged.run for judged in study.with_energy()]
    phases = [own for phase in ("prefill", "decode") if (own := [run for run in runs if run.point.phase == phase])]
    height_in = 0.2 * max(map(len, phases)) + 0.8
    figure, axes_of = style.new_figure(height_in * len(phases) + 0.4, len(phases), width_in=1.4 * style.WIDTH_IN)
    for axes, own in zip(axes_of, phases, strict=True):
        _energies(axes, own)
    axes_of[-1].set_xlabel("energy of a token (µJ)")
    style.legend_above(figure, axes_of[0], 2)
    return figure


def _energies(axes: Axes, runs: list[Run]) -> None:
    from .tables import parameters_text, point_text

    whole = [(run.energy_per_token_j or 0.0) / MICRO for run in runs]
    own = [float("nan") if (joules := run.own_energy_per_token_j) is None else joules / MICRO for run in runs]
    look: dict[str, Any] = {"marker": "o", "linestyle": "none", "color": PALETTE[0]}
    axes.plot(whole, range(len(runs)), **look, label="with rest")
    axes.plot(own, range(len(runs)), **look, markerfacecolor="white", label="without")
    names = [f"{run.kernel}{f' ({given})' if (given := parameters_text(run)) else ''}" for run in runs]
    lines = [f"{name}, {point_text(run.point)}" for name, run in zip(names, runs, strict=True)]
    axes.set_yticks(range(len(runs)), lines, fontsize=6)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)


FIGURES: Mapping[str, Callable[[GpuStudy], Figure]] = {
    "prefill": prefill,
    "decode": decode,
    "compared": compared,
    "energy": energy,
}

HAS: Mapping[str, Callable[[GpuStudy], bool]] = {
    "prefill": lambda study: bool(_chips(study, "prefill")),
    "decode": lambda study: bool(_chips(study, "decode")),
    "compared": lambda study: any(study.ratios(pair.ours, pair.theirs) for pair in study.spec.compared),
    "energy": lambda study: bool(study.with_energy()),
}


def _chips(study: GpuStudy, phase: str) -> list[tuple[Chip | None, list[Run]]]:
    """Kept forward measurements of a phase without windows, by chip."""
    chips = {chip.name: chip for chip in study.chips}
    found: dict[str, list[Run]] = {}
    for group, judged in study.groups().items():
        if (group.phase, group.direction) == (phase, "fwd"):
            runs = [each.run for each in judged if each.run.point.window is None]
            found.setdefault(group.chip, []).extend(runs)
    return [(chips.get(name), runs) for name, runs in found.items() if runs]


def _best_by_length(runs: list[Run]) -> dict[int, float]:
    """The most TFLOP/s at each length, from the shortest on."""
    found: dict[int, float] = {}
    for run in sorted(runs, key=lambda run: run.point.q_len):
        found[run.point.q_len] = max(found.get(run.point.q_len, 0.0), run.tflop_per_s)
    return found


def _ceiling(axes: Axes, value: float) -> None:
    axes.axhline(value, color=QUIET, linewidth=0.8, linestyle=(0, (3, 1.5)), zorder=1)


def _reached(axes: Axes, study: GpuStudy, runs: list[Run], which: str) -> None:
    """What a product or a copy reached in each run file of ours that some of these are from."""
    files = {run.file for run in runs}
    for file in study.own:
        ceiling = None if file.machine is None else getattr(file.machine.ceilings, which)
        if file.sha256 in files and ceiling is not None:
            axes.axhline(ceiling.median, color=QUIET, linewidth=0.8, linestyle=":", zorder=1)


def _name(axes: Axes, chip: str) -> None:
    axes.set_title(chip, color=INK)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), ncols=1, fontsize=7)


def _colour(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def _marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]
