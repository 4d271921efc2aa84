"""The tables of a report of measured runs: for CSV files, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

from ..quantities import count, percent, si, significant
from ..rows import Table
from .results import GpuStudy, floor_share, middle_spread, nearest, warm_share

if TYPE_CHECKING:
    from sim.gpu.physics import Judged
    from sim.gpu.point import Point
    from sim.gpu.run import Run
    from sim.gpu.runfile import CeilingSpec

TERA, GIGA = 1e12, 1e9
UNJUDGED = " *"
VERDICTS = ("kept", "rejected", "unjudged")
POINT = (
    "phase", "direction", "batch", "q_len", "kv_len", "q_heads", "kv_heads", "head_dim", "dtype", "causal", "window",
)  # fmt: skip


def csv_tables(study: GpuStudy) -> Mapping[str, Table]:
    """What is written as CSV, by file name; SI units in the column names, every digit."""
    return {name: make(study) for name, make in TABLES.items()}


def _runs(study: GpuStudy) -> Table:
    columns = ["source", "row", "chip", "kernel", *POINT, "median_s", "p10_s", "p90_s", "warm_median_s"]
    columns += ["flops", "least_flops", "least_bytes", "tflop_per_s", "gb_per_s", "energy_j", "idle_energy_j"]
    columns += ["relative_error", "sm_mhz", "parameters", "file_sha256", "verdict", "reason"]
    body: list[list[Any]] = []
    for verdict, judged in _verdicts(study):
        run, point = judged.run, judged.run.point
        row: list[Any] = [run.source, run.row, run.chip, run.kernel, *_point(point)]
        row += [run.seconds, run.times.p10_s, run.times.p90_s, None if run.warm is None else run.warm.median_s]
        row += [point.flops, point.least_flops, point.least_bytes, run.tflop_per_s, run.gb_per_s]
        row += [run.energy_j, run.idle_energy_j, run.relative_error, run.sm_mhz, parameters_text(run), run.file]
        body.append([*row, verdict, judged.reason])
    return columns, body


def _refused(study: GpuStudy) -> Table:
    body = [
        [judged.run.source, judged.run.row, judged.run.chip, judged.run.kernel, verdict, judged.reason]
        for verdict, judged in _verdicts(study)
        if verdict != "kept"
    ]
    body += [[file.source, row.row, "", row.kernel, row.status, row.reason] for file, row in _unfinished(study)]
    return ["source", "row", "chip", "kernel", "verdict", "reason"], body


def _compared(study: GpuStudy) -> Table:
    columns = ["source", "file_sha256", "ours", "theirs", *POINT, "ours_s", "theirs_s", "times", "judged"]
    body = []
    for pair in study.spec.compared:
        for ratio in study.ratios(pair.ours, pair.theirs):
            row = [ratio.ours.source, ratio.ours.file, pair.ours, pair.theirs, *_point(ratio.ours.point)]
            body.append([*row, *ratio.numbers, ratio.judged])
    return columns, body


TABLES: Mapping[str, Callable[[GpuStudy], Table]] = {
    "runs.csv": _runs,
    "not_kept.csv": _refused,
    "compared.csv": _compared,
}


def ceilings_table(study: GpuStudy) -> Table:
    """What each chip can do at most, as stated; ? marks what nobody read in its source."""
    columns = ["chip", "type", "TFLOP/s>", "GB/s>"]
    body = []
    for chip in study.chips:
        for index, (dtype, peak) in enumerate(chip.peaks.items()):
            memory = f"{chip.memory.value / GIGA:g}{_mark(chip.memory.verified)}"
            row = [f"{peak.value / TERA:g}{_mark(peak.verified)}", "" if index else memory]
            body.append(["" if index else chip.name, dtype, *row])
    return columns, body


def reached_table(study: GpuStudy) -> Table:
    """What a plain product and a plain copy reached in each run file of ours, and the median clock under load."""
    columns = ["run file", "bf16 GEMM>", "copy>", "SM clock>"]
    body = []
    for file in study.own:
        assert file.machine is not None
        gemm, copy = file.machine.ceilings.gemm_bf16_tflops, file.machine.ceilings.copy_gb_per_s
        clocks = [row.sm_mhz for row in file.machine.rows if row.sm_mhz is not None]
        text = f"{median(clocks):g} MHz" if clocks else "-"
        reached = [
            "-" if gemm is None else f"{gemm.median:.0f} TFLOP/s",
            "-" if copy is None else f"{copy.median:.0f} GB/s",
        ]
        body.append([file.source, *reached, text])
    return columns, body


def reached_share_table(study: GpuStudy) -> Table:
    """By kernel in each run file of ours: its best, of what the product and the copy reached on the same board."""
    columns = ["run file", "what", "kernel", "TFLOP/s>", "of\nGEMM>", "GB/s>", "of\ncopy>"]
    body = []
    for file in study.own:
        assert file.machine is not None
        ceilings = file.machine.ceilings
        groups: dict[tuple[str, str], list[Judged]] = {}
        for judged in study.comparable:
            if judged.run.file == file.sha256:
                groups.setdefault((judged.run.point.phase, judged.run.kernel), []).append(judged)
        for index, ((what, kernel), found) in enumerate(sorted(groups.items())):
            tflop_per_s = max(each.run.point.least_flops / each.run.seconds for each in found) / TERA
            gb_per_s = max(each.run.gb_per_s for each in found)
            row = ["" if index else file.source, what, _marked(kernel, found)]
            row += [f"{tflop_per_s:.1f}", _share(tflop_per_s, ceilings.gemm_bf16_tflops)]
            body.append([*row, f"{gb_per_s:.0f}", _share(gb_per_s, ceilings.copy_gb_per_s)])
    return columns, body


def _share(value: float, ceiling: CeilingSpec | None) -> str:
    return "-" if ceiling is None else percent(value / ceiling.median)


def summary_table(study: GpuStudy, chip: str) -> Table:
    """By kernel on a chip: the best TFLOP/s and GB/s, and how far each is from what the chip can do at most."""
    columns = ["what", "kernel", "runs>", "TFLOP/s>", "of\npeak>", "GB/s>", "of\npeak>"]
    body: list[list[str]] = []
    last = ""
    for group, judged in study.groups().items():
        if group.chip != chip:
            continue
        row = ["" if group.what == last else group.what, group.kernel, str(len(judged))]
        fastest, widest = nearest(judged, "FLOPs"), nearest(judged, "bytes")
        row += [f"{fastest.run.tflop_per_s:.1f}", percent(floor_share(fastest, "FLOPs"))]
        body.append([*row, f"{widest.run.gb_per_s:.0f}", percent(floor_share(widest, "bytes"))])
        last = group.what
    return columns, body


def compared_table(study: GpuStudy) -> Table:
    """Our kernels' time, of another's."""
    body = []
    for pair in study.spec.compared:
        ratios = study.ratios(pair.ours, pair.theirs)
        times = [ratio.times for ratio in ratios]
        if times:
            mark = "" if all(ratio.judged for ratio in ratios) else UNJUDGED
            row = [f"{pair.ours}{mark}", pair.theirs, str(len(times))]
            body.append([*row, *(f"{value:.3f}" for value in (median(times), min(times), max(times)))])
    return ["ours", "theirs", "points>", "median>", "least>", "most>"], body


def energy_table(study: GpuStudy) -> Table:
    """Energy of a token (a query of every head) for each measurement that has one."""
    body = []
    for judged in study.with_energy():
        run = judged.run
        row = [_marked(run.kernel, [judged]), parameters_text(run), point_text(run.point)]
        body.append([*row, si(run.energy_per_token_j, "J"), si(run.own_energy_per_token_j, "J")])
    return ["kernel", "parameters", "point", "a token>", "without rest>"], body


def spread_table(study: GpuStudy) -> Table:
    """From the tenth to the ninetieth percentile, of the median: the middle and the most of each kernel."""
    columns = ["what", "kernel", "runs>", "spread>", "at most>", "warm / flushed>"]
    body = []
    for group, judged in study.spreads().items():
        most = max(each.run.times.spread or 0.0 for each in judged)
        warm = warm_share(judged)
        row = [
            group.what,
            _marked(group.kernel, judged),
            str(len(judged)),
            percent(middle_spread(judged)),
            percent(most),
        ]
        body.append([*row, "-" if warm is None else significant(warm, 3)])
    return columns, body


def not_kept_table(study: GpuStudy) -> Table:
    """Everything that stands in no other table, and why; rows of a kernel with one reason in one line."""
    lines: dict[tuple[Any, ...], list[str]] = {}
    for source, row, _, kernel, verdict, reason in _refused(study)[1]:
        lines.setdefault((source, kernel, verdict, reason), []).append(row)
    body = [
        [source, rows[0] if len(rows) == 1 else f"{len(rows)} rows", kernel, verdict, reason]
        for (source, kernel, verdict, reason), rows in lines.items()
    ]
    return ["source", "row", "kernel", "verdict", "reason"], body


def parameters_text(run: Run) -> str:
    """A kernel's parameters in a few words; those that are null are left out.

    >>> from sim.gpu.point import Point
    >>> from sim.gpu.run import Run, Times
    >>> point = Point("decode", 1, 1, 1024, 8, 8, 128, "bf16")
    >>> parameters_text(Run("H200", "k", point, Times(1e-5), "s", parameters={"splits": 16, "block_k": 64}))
    'splits 16, block_k 64'
    """
    return ", ".join(f"{name} {value}" for name, value in run.parameters.items() if value is not None)


def point_text(point: Point) -> str:
    """A point in a few words.

    >>> from sim.gpu.point import Point
    >>> point_text(Point("prefill", 1, 16384, 16384, 64, 8, 128, "bf16", causal=True))
    'prefill 1 × 16Ki, 64/8 heads of 128, causal'
    >>> point_text(Point("decode", 8, 1, 1024, 64, 8, 128, "bf16", window=512))
    'decode 8 × 1Ki, 64/8 heads of 128, window 512'
    """
    heads = f"{point.q_heads}/{point.kv_heads}" if point.q_heads != point.kv_heads else str(point.q_heads)
    parts = [f"{point.phase} {point.batch} × {count(point.kv_len)}", f"{heads} heads of {point.head_dim}"]
    parts += ["causal"] if point.causal else []
    parts += [f"window {count(point.window)}"] if point.window is not None else []
    return ", ".join(parts)


def _point(point: Point) -> list[Any]:
    return [getattr(point, name) for name in POINT]


def _verdicts(study: GpuStudy) -> list[tuple[str, Judged]]:
    return [(verdict, judged) for verdict in VERDICTS for judged in getattr(study.sieved, verdict)]


def _unfinished(study: GpuStudy) -> list[tuple[Any, Any]]:
    return [(file, row) for file in study.files for row in file.unfinished]


def _mark(verified: bool) -> str:
    return "" if verified else " ?"


def _marked(kernel: str, judged: Iterable[Judged]) -> str:
    """A kernel's name, marked if a measurement of it has no verdict."""
    return kernel if all(each.verdict == "kept" for each in judged) else f"{kernel}{UNJUDGED}"
