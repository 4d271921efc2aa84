"""How long a grid takes on an H200, from rates that are assumed, each on the slow side.

A run ends in time by its own limit; this says beforehand whether all its rows will be reached. The rates serve nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .script import ENERGY_S, LEAD_S, MOST_CALLS, RUNS, WARM_REPLAY_S, WARM_UP_S, WARM_UPS, Point, Row

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
COMPILE_S = 3.0  # of Triton, for each variant of a kernel
TICK_S = 0.2  # that the counter of energy lets wait, at both ends
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
    flushed, warm = once + 1e-4, max(once, min(WARM_REPLAY_S, MOST_CALLS * once))
    seconds = ROW_S + (2 + 2 * WARM_UPS) * once + replayed_seconds(flushed) + replayed_seconds(warm)
    seconds += PLAN_S if row.kernel == "sdpa-cudnn" else 0.0
    if not row.energy:
        return seconds
    return seconds + ENERGY_S + LEAD_S + TICK_S + replayed_seconds(once) + 2 * WARM_UPS * once


def replayed_seconds(once: float) -> float:
    """Timed replays, those before them, at worst twice what is asked and one more, and those while the clock is read.

    >>> round(replayed_seconds(1e-3), 3), round(replayed_seconds(1.0), 3)
    (0.133, 22.0)
    """
    before = max(once, 2 * WARM_UP_S)
    return before + RUNS * once + max(once, before / 8)


def point_seconds(point: Point) -> float:
    """Drawing a point's inputs, and their attention in float64, once for all its rows."""
    scores = point.batch * point.q_heads * point.q_len * point.kv_len
    moved = REFERENCE_SCORE_BYTES * scores + 20 * point.bytes
    return 4 * scores * point.head_dim / REFERENCE_FLOPS_PER_S + moved / BYTES_PER_S + point.bytes / 2 / NUMBERS_PER_S


def variants(rows: Iterable[Row]) -> int:
    """Kernels that Triton compiles: numbers that it specialises (multiples of 16) are alike in all rows of a grid.

    The forward kernel has one for each head dim, mask and stated tile, and one for a mask under which none is stated;
    the decode kernel one for each head dim, and what combines its splits one for each number of them too.
    """
    forward = [row for row in rows if row.kernel == "triton-1pass"]
    stated = {(*_mask(row.point), str(row.parameters)) for row in forward if row.parameters}
    alone = {_mask(row.point) for row in forward} - {each[:3] for each in stated}
    splits = {(row.point.head_dim, str(row.parameters)) for row in rows if row.kernel == "triton-split"}
    return len(stated) + len(alone) + len(splits) + len({head_dim for head_dim, _ in splits})


def _mask(point: Point) -> tuple[int, bool, bool]:
    return point.head_dim, point.causal, point.window is not None


def grid_seconds(rows: Sequence[Row]) -> float:
    """The whole run.

    >>> from .script import quick_grid
    >>> grid_seconds(quick_grid()) < 100
    True
    """
    points = {row.point for row in rows}
    work = sum(map(row_seconds, rows)) + sum(map(point_seconds, points))
    return START_S + COMPILE_S * variants(rows) + work
