"""What a GPU run measures, its statistics, its file and its time, none of which needs a GPU or PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gpu.measure import script
from sim.gpu.measure.estimate import call_seconds, grid_seconds, variants
from sim.gpu.measure.script import Point, Row, full_grid, grid_sha256, needed_bytes, quick_grid, split

GRIDS = {"quick": quick_grid(), "full": full_grid()}
FULL = GRIDS["full"]
CAUSAL = Point("prefill", 1, 16384, 16384, 16, 16, 128, causal=True)


# ------------------------------------------------------------------------------------------------------------ the grid


@pytest.mark.parametrize("name", GRIDS)
def test_no_row_is_there_twice(name: str) -> None:
    names = [row.name for row in GRIDS[name]]
    assert len(names) == len(set(names)) == {"quick": 12, "full": 266}[name]
    assert script.GRIDS[name]() == GRIDS[name]


@pytest.mark.parametrize("name", GRIDS)
def test_rows_of_a_point_follow_each_other(name: str) -> None:
    """They share their inputs and their reference."""
    points = [row.point for row in GRIDS[name]]
    changes = sum(one != other for one, other in pairwise(points))
    assert changes + 1 == len(set(points))


def test_forward_is_16_ki_tokens_at_every_head_dim_mask_and_length() -> None:
    found = {(p.head_dim, p.causal, p.q_len) for p in (row.point for row in FULL) if p.phase == "prefill"}
    assert {(d, c, 2**k) for d in (64, 128, 256) for c in (True, False) for k in range(9, 15)} <= found
    prefill = [row.point for row in FULL if row.point.phase == "prefill"]
    assert {p.batch * p.q_len for p in prefill} == {16384} and all(p.q_len == p.kv_len for p in prefill)
    assert {p.group for p in prefill} == {1, 4, 16} and {p.window for p in prefill} == {None, 1024, 4096}


def test_decode_is_every_cache_batch_and_split() -> None:
    ours = {
        (r.point.kv_len, r.point.batch, r.parameters["splits"])
        for r in FULL
        if r.kernel == "triton-split" and r.parameters and r.point.group == 4
    }
    caches, batches = [1024 * 4**i for i in range(5)], (1, 8, 64)
    assert ours == {(k, b, s) for k in caches for b in batches for s in (1, 4, 16, 64) if s * 64 <= k}
    for kernel in ("sdpa-flash", "sdpa-cudnn"):
        found = {(r.point.kv_len, r.point.batch) for r in FULL if r.kernel == kernel and r.point.group == 4}
        assert {(k, b) for k in caches for b in batches} <= found
    assert (FULL[-1].point.kv_len, FULL[-1].point.batch) == (256 * 1024, 64), "what may fail for good comes last"


def test_tiles_stand_in_rows_of_their_own_before_rows_that_take_the_fastest() -> None:
    stated = [i for i, row in enumerate(FULL) if row.kernel == "triton-1pass" and row.parameters]
    masks = {(FULL[i].point.head_dim, FULL[i].point.causal) for i in stated}
    assert masks == {(64, True), (128, True), (128, False), (256, True)}
    for i, row in enumerate(FULL):
        if row.parameters is None:
            dim = row.point.head_dim
            before = [FULL[j] for j in stated if j < i and FULL[j].point.head_dim == dim and FULL[j].point.causal]
            assert [each.parameters for each in before] == list(script.TILES[dim])


def test_what_tells_most_comes_first() -> None:
    """An overrun loses shorter lengths, windows and the largest cache, in this order from the end."""
    kinds = [(row.point.phase, row.point.q_len == 16384, row.point.group == 4) for row in FULL]
    assert FULL[0].point == CAUSAL
    last_decode = max(i for i, row in enumerate(FULL) if row.point.phase == "decode" and row.point.kv_len < 2**18)
    first_short = kinds.index(("prefill", False, False))
    assert kinds.index(("decode", False, True)) < first_short < last_decode
    cached = [i for i, row in enumerate(FULL) if row.point.group == 4 and row.point.phase == "decode"]
    assert sum(i < first_short for i in cached) == len(cached) - 6


def test_energy_is_measured_of_at_most_forty_rows() -> None:
    costed = [row for row in FULL if row.energy]
    assert len(costed) == 24 and {row.point.phase for row in costed} == {"prefill", "decode"}
    assert {row.kernel for row in costed} == {"sdpa-flash", "sdpa-cudnn", "triton-1pass", "triton-split"}


def test_the_full_grid_takes_less_than_eight_minutes_and_the_quick_one_less_than_two() -> None:
    assert grid_seconds(FULL) < 8 * 60 and grid_seconds(GRIDS["quick"]) < 2 * 60
    assert grid_seconds(FULL) < script.LIMIT_S < 8 * 60


def test_variants_by_hand() -> None:
    """Stated tiles 3 + 4 + 4 + 3, a full mask of two head dims and a window of two; splits 3, and 4 + 2 + 2."""
    assert variants(FULL) == 14 + 4 + 3 + 8
    assert variants(GRIDS["quick"]) == 2 + 2 + 1 + 2


def test_time_of_a_call_by_hand() -> None:
    """4 · 16 heads · 128 · 16384 · 16385 / 2 = 1.0996e12 operations at 250e12 a second, and a launch."""
    assert call_seconds(Row(CAUSAL, "sdpa-flash")) == pytest.approx(1.09957e12 / 250e12 + 10e-6, rel=1e-5)


def test_a_hash_is_of_all_that_is_asked() -> None:
    changed = [
        (*FULL[1:], FULL[0]),
        (replace(FULL[0], energy=not FULL[0].energy), *FULL[1:]),
        (replace(FULL[0], parameters=split(3)), *FULL[1:]),
        FULL[1:],
    ]
    assert grid_sha256(FULL) == grid_sha256(full_grid())
    assert len({grid_sha256(FULL), *map(grid_sha256, changed)}) == 5


# -------------------------------------------------------------------------------------------------------------- points


@given(st.data())
def test_pairs_are_those_that_the_masks_leave(data: st.DataObject) -> None:
    keys = data.draw(st.integers(1, 40))
    queries = data.draw(st.integers(1, keys))
    causal = data.draw(st.booleans())
    window = data.draw(st.none() | st.integers(1, 50)) if causal else None
    point = Point("prefill", 2, queries, keys, 6, 2, 64, causal, window)
    last = [p + keys - queries for p in range(queries)]
    seen = [m for at in last for m in range(keys) if not causal or m <= at if window is None or m > at - window]
    assert point.pairs == len(seen)
    assert point.flops == 2 * 6 * len(seen) * 4 * 64
    assert point.bytes == 2 * 64 * 2 * (2 * 6 * queries + 2 * 2 * keys)


@pytest.mark.parametrize(
    "wrong",
    [
        {"q_len": 16385},
        {"q_heads": 15, "kv_heads": 2},
        {"window": 1024, "causal": False},
        {"window": 0},
        {"window": -1},
    ],
    ids=str,
)
def test_a_point_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"needs (q_len <= kv_len, q_heads a multiple of kv_heads, and causal=True|a window of at)"
    ):
        replace(CAUSAL, **wrong)


def test_memory_of_the_largest_cache() -> None:
    """Keys and values: 2 · 64 · 8 · 256 Ki · 128 numbers of two bytes, 68.7 GB; it fits in an H200, not in an H100."""
    largest = needed_bytes(FULL[-1])
    assert FULL[-1].point.bytes == 2 * 2 * 128 * (64 * 32 + 64 * 8 * 2**18)
    assert 68.7e9 < largest < 80e9
    assert all(needed_bytes(row) <= largest for row in FULL)


# ---------------------------------------------------------------------------------------------------------- statistics


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_numpy_s(samples: list[float], share: float) -> None:
    assert script.quantile(samples, share) == pytest.approx(np.quantile(samples, share))


def test_a_row_with_nothing_measured_has_every_key() -> None:
    blank = script.blank(Row(CAUSAL, "triton-1pass", script.TILES[128][0]))
    times = {f"{name}{kind}" for name in ("median", "p10", "p90", "runs") for kind in ("", "_warm")}
    assert set(blank) == times | {
        "id", "phase", "batch", "q_len", "kv_len", "q_heads", "kv_heads", "head_dim", "dtype", "causal", "window", "kernel",
        "parameters", "status", "reason", "relative_error", "sm_mhz", "sm_mhz_flushed", "energy_j", "idle_energy_j", "energy_runs",
        "energy_seconds",
    }  # fmt: skip
    assert blank["id"] == f"{CAUSAL.name}/triton-1pass@128x128w8s2" and blank["dtype"] == "bf16"
    assert (blank["runs"], blank["median"], blank["median_warm"]) == (0, None, None)


# ------------------------------------------------------------------------------------------------------------ the file


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    script.write_whole(path, {"rows": [1]})
    with pytest.raises(ValueError, match="Out of range float values"):
        script.write_whole(path, {"rows": [1, float("nan")]})
    assert json.loads(path.read_text()) == {"rows": [1]}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [("runs.json", "is there already; measurements are not written over"), ("no/runs.json", "No such file")],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "runs.json").write_text("{}")
    with pytest.raises(OSError, match=message) as error:
        script.measure(tmp_path / name, "quick")
    assert error.value.filename == str(tmp_path / name)


# --------------------------------------------------------------------------------------------------------- without GPU


def test_the_script_runs_alone_and_says_what_is_missing(tmp_path: Path) -> None:
    alone = tmp_path / "script.py"
    alone.write_bytes(Path(script.__file__).read_bytes())
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-I", str(alone), "-o", "runs.json"]
    run = subprocess.run(command, cwd=tmp_path, env=hidden, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr.startswith(("PyTorch is missing; pip install -e '.[gpu]'", "no NVIDIA GPU: PyTorch finds none"))
    assert list(tmp_path.iterdir()) == [alone]
