"""How long a grid takes on an H200, from rates that are assumed, each on the slow side.

A run ends in time by its own limit; this says beforehand whether all its rows will be reached. The rates serve nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .script import ENERGY_S, MOST_CALLS, RUNS, WARM_REPLAY_S, WARM_UPS, Point, Row

# Assumptions, all of them: public H200 runs of fused kernels reach 400 TFLOP/s and more, copies 4.3 TB/s.
FLOPS_PER_S = 250e12
BYTES_PER_S = 2e12
PROGRAM_BYTES_PER_S = 15e9  # that one program of the decode kernel loads
LAUNCH_S = 10e-6
SCORE_BYTES = 40  # moved for each score that is written out: product, mask, softmax, product, in float32
REFERENCE_FLOPS_PER_S = 20e12  # in float64
REFERENCE_SCORE_BYTES = 120
NUMBERS_PER_S = 5e10  # drawn
ROW_S = 0.3  # the gate, two graphs, and Python between them
PLAN_S = 1.0  # of cuDNN, for each point
COMPILE_S = 3.0  # of Triton, for each variant of a kernel; for compute capability 9.0 it took 0.5 to 2.3 s of a CPU
START_S = 30.0  # libraries, the context, ceilings, idle power, clocks


def call_seconds(row: Row) -> float:
    """One call of a row's kernel."""
    point = row.point
    dense = point.batch * point.q_heads * point.q_len * point.kv_len
    flops = point.flops if row.kernel.startswith("triton") or point.window is None else 4 * dense * point.head_dim
    seconds = max(flops / FLOPS_PER_S, point.bytes / BYTES_PER_S) + LAUNCH_S
    if row.kernel == "sdpa-math":
        seconds += SCORE_BYTES * dense / BYTES_PER_S
    if row.kernel == "triton-split" and row.parameters:
        programs = point.batch * point.kv_heads * row.parameters["splits"]
        seconds = max(seconds, point.bytes / (programs * PROGRAM_BYTES_PER_S))
    return seconds


def row_seconds(row: Row) -> float:
    """All that is done for a row, its compilation and its point's reference apart."""
    once = call_seconds(row)
    warm = max(once, min(WARM_REPLAY_S, MOST_CALLS * once))
    flush = 1e-4
    seconds = ROW_S + (1 + 2 * WARM_UPS) * once + (WARM_UPS + RUNS) * (once + flush + warm)
    seconds += PLAN_S if row.kernel == "sdpa-cudnn" else 0.0
    return seconds + (ENERGY_S + 0.5 if row.energy else 0.0)


def point_seconds(point: Point) -> float:
    """Drawing a point's inputs, and their attention in float64, once for all its rows."""
    scores = point.batch * point.q_heads * point.q_len * point.kv_len
    moved = REFERENCE_SCORE_BYTES * scores + 20 * point.bytes
    return 4 * scores * point.head_dim / REFERENCE_FLOPS_PER_S + moved / BYTES_PER_S + point.bytes / 2 / NUMBERS_PER_S


def variants(rows: Iterable[Row]) -> int:
    """Kernels that Triton compiles: one for each head dim, mask and tile, and for heads that share keys."""
    ours = [row for row in rows if row.kernel.startswith("triton")]
    return len({
        (row.kernel, row.point.head_dim, row.point.causal, row.point.window is None, row.point.group == 1,
         tuple((row.parameters or {}).get(name) for name in ("block_q", "block_k", "warps", "stages")))
        for row in ours
    })  # fmt: skip


def grid_seconds(rows: Sequence[Row]) -> float:
    """The whole run.

    >>> from .script import quick_grid
    >>> grid_seconds(quick_grid()) < 100
    True
    """
    points = {row.point for row in rows}
    work = sum(map(row_seconds, rows)) + sum(map(point_seconds, points))
    return START_S + COMPILE_S * variants(rows) + work
