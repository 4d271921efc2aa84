"""What measured runs say, as sentences; what they cannot say is said too."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING

from ..quantities import count, percent, si
from .results import GpuStudy, floor_share, middle_spread, nearest
from .tables import point_text

if TYPE_CHECKING:
    from sim.gpu.physics import Judged

    from .results import Ratio
    from .spec import AimSpec

FLOORS = {"prefill": "FLOPs", "decode": "bytes"}  # what a phase is about


def findings(study: GpuStudy) -> list[str]:
    """All sentences."""
    return [*_read(study), *_own(study), *_sieved(study), *_best(study), *_compared(study), *_energy(study)]


def _read(study: GpuStudy) -> Iterator[str]:
    if not study.runs:
        yield (
            "There is no measurement to show: none of ours is committed under sim/measured, and none was given. "
            "--reference takes a run file, a CSV or Parquet table, or a folder of them."
        )
        return
    files = "; ".join(f"{file.source}: {file.rows} rows, {len(file.runs)} measurements" for file in study.files)
    yield f"{study.runs} measurements were read. {files}."


def _own(study: GpuStudy) -> Iterator[str]:
    if not study.own and study.runs:
        yield (
            "No run of ours is among them: none is committed under sim/measured. All numbers here are others'; nothing "
            "is said of our kernels, of energy, or of spread."
        )
    for file in study.own:
        machine = file.machine
        assert machine is not None
        yield (
            f"{file.source}: driver {machine.driver}, torch {machine.torch}, Triton {machine.triton or 'none'}, cuDNN "
            f"{machine.cudnn or 'none'}; grid {machine.grid.name}, {file.rows} of {machine.grid.rows} rows in "
            f"{machine.seconds:.0f} s, {len(file.unfinished)} of them without a time."
        )
        reasons = {*(machine.clocks.before.throttle_reasons or ()), *(machine.clocks.after.throttle_reasons or ())}
        yield from (f"{file.source}: {note}." for note in machine.notes)
        if reasons:
            yield f"{file.source}: reasons that the driver gave for the clock: {', '.join(sorted(reasons))}."


def _sieved(study: GpuStudy) -> Iterator[str]:
    found = study.sieved
    if not study.runs:
        return
    rejected = f"{len(found.rejected)} rejected" if found.rejected else "none rejected"
    unknown = f", {len(found.unjudged)} without a verdict" if found.unjudged else ""
    yield f"Held against peak and bandwidth: {len(found.kept)} kept, {rejected}{unknown}."
    notes = {floor.note for judged in found.kept for floor in judged.floors if floor.note.endswith("unverified")}
    if notes:
        yield f"Some floors rest on values that nobody read in their source: {'; '.join(sorted(notes))}."


def _best(study: GpuStudy) -> Iterator[str]:
    """The measurement nearest to the floor that the phase is about, of each chip."""
    lines: dict[tuple[str, str], list[Judged]] = {}
    for group, found in study.groups().items():
        lines.setdefault((group.chip, group.what), []).extend(found)
    for (chip, what), found in lines.items():
        floor = FLOORS[found[0].run.point.phase]
        judged = nearest(found, floor)
        run = judged.run
        rate = f"{run.tflop_per_s:.1f} TFLOP/s" if floor == "FLOPs" else f"{run.gb_per_s:.0f} GB/s"
        yield (
            f"{chip}, {what}: nearest to what {floor} allow is {run.kernel} with {rate}, "
            f"{percent(floor_share(judged, floor))} ({point_text(run.point)})."
        )


def _compared(study: GpuStudy) -> Iterator[str]:
    for pair in study.spec.compared:
        ratios = study.ratios(pair.ours, pair.theirs)
        if not ratios:
            continue
        times = [ratio.times for ratio in ratios]
        text = (
            f"{pair.ours} takes {median(times):.3f} times the time of {pair.theirs} (median of {len(times)} points, "
            f"{min(times):.3f} to {max(times):.3f})"
        )
        yield f"{text}."
        if pair.aim is not None:
            yield _aimed(ratios, pair.aim)


def _aimed(ratios: list[Ratio], aim: AimSpec) -> str:
    """Whether the aim is reached, at its point."""
    what = f"The aim of at most {aim.times:g} times at head dimension {aim.head_dim}, causal, {count(aim.length)}"
    points = [(ratio, ratio.ours.point) for ratio in ratios]
    at = [
        ratio.times
        for ratio, point in points
        if (point.head_dim, point.q_len, point.kv_len) == (aim.head_dim, aim.length, aim.length) and point.causal
        if point.window is None
    ]
    if not at:
        return f"{what} was not asked: that point was not measured."
    return f"{what} is {'reached' if max(at) <= aim.times else 'missed'}: {max(at):.3f} at most."


def _energy(study: GpuStudy) -> Iterator[str]:
    runs = [judged.run for judged in study.with_energy()]
    if runs:
        least = min(runs, key=lambda run: run.energy_per_token_j or 0.0)
        most = max(runs, key=lambda run: run.energy_per_token_j or 0.0)
        yield (
            f"A token takes from {si(least.energy_per_token_j, 'J')} ({least.kernel}, {point_text(least.point)}) to "
            f"{si(most.energy_per_token_j, 'J')} ({most.kernel}, {point_text(most.point)}), the chip's rest included."
        )
    for group, judged in study.spreads().items():
        if middle_spread(judged) > 0.05:
            yield (
                f"{group.chip}, {group.what}: half of the times of {group.kernel} spread by more than "
                f"{percent(middle_spread(judged))} of their median."
            )
