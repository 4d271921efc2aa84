"""Measurements for tests: drawn points and runs, and a run file as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sim.gpu.point import BYTES, DIRECTIONS, Point
from sim.gpu.run import Run, Times


@st.composite
def points(draw: st.DrawFn, longest: int = 12) -> Point:
    """Any legal point with up to so many keys."""
    kv_len = draw(st.integers(1, longest))
    kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Point(
        draw(st.sampled_from(("prefill", "decode"))),
        draw(st.integers(1, 3)),
        draw(st.integers(1, kv_len)),
        kv_len,
        kv_heads * group,
        kv_heads,
        draw(st.integers(1, 8)),
        draw(st.sampled_from(sorted(BYTES))),
        causal=draw(st.booleans()),
        window=draw(st.none() | st.integers(1, longest + 2)),
        direction=draw(st.sampled_from(DIRECTIONS)),
        value_dim=draw(st.none() | st.integers(1, 8)),
    )


def sees(point: Point, query: int, key: int) -> bool:
    """Whether a query sees a key, asked directly."""
    position = point.kv_len - point.q_len + query
    if point.causal and key > position:
        return False
    return point.window is None or key > position - point.window


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Runs on known and unknown chips, of shapes from a few tokens to a long context, from far too fast to slow."""
    length = 1 << draw(st.integers(4, 17))
    point = Point(
        "prefill", 1, draw(st.sampled_from((1, length))), length, 8, draw(st.sampled_from((1, 8))), 128,
        draw(st.sampled_from(sorted(BYTES))), causal=draw(st.booleans()),
    )  # fmt: skip
    chip = draw(st.sampled_from(("A100", "H100-SXM", "NVIDIA H200", "B200-SXM", "some other chip")))
    median = 10 ** draw(st.floats(-8, 0))
    p10 = draw(st.none() | st.floats(0.5, 1))
    warm = draw(st.none() | st.floats(0.1, 2))
    return Run(
        chip, "kernel", point, Times(median, p10 and median * p10), "drawn", warm=None if warm is None else Times(median * warm),
        sm_mhz=draw(st.none() | st.floats(100, 2500)),
    )  # fmt: skip


def row(**changes: Any) -> dict[str, Any]:
    """A row of a run file that is well: 16Ki causal, 5.5e11 FLOPs in 1 ms. Its id and its energy's loop follow."""
    found = {
        "id": None, "phase": "prefill", "batch": 1, "q_len": 16384, "kv_len": 16384,
        "q_heads": 8, "kv_heads": 8, "head_dim": 128, "dtype": "bf16", "causal": True, "window": None,
        "kernel": "sdpa-flash", "parameters": {}, "status": "ok", "reason": None,
        "median": 1e-3, "p10": 0.9e-3, "p90": 1.2e-3, "runs": 20,
        "median_warm": 0.95e-3, "p10_warm": 0.9e-3, "p90_warm": 1e-3, "runs_warm": 20,
        "relative_error": 0.004, "sm_mhz": 1980.0, "sm_mhz_flushed": 1830.0,
        "energy_j": None, "idle_energy_j": None, "energy_runs": None, "energy_seconds": None,
    } | changes  # fmt: skip
    if found["energy_j"] is not None:
        found = {**found, "energy_runs": 4000, "energy_seconds": 4.0} | changes
    return found if "id" in changes else found | {"id": named(found)}


def named(row: dict[str, Any]) -> str:
    """The id of a row's point and kernel."""
    shape = "b{batch}-q{q_len}-k{kv_len}-h{q_heads}-g{kv_heads}-d{head_dim}".format(**row)
    mask = ("-causal" if row["causal"] else "") + ("" if row["window"] is None else f"-w{row['window']}")
    given, first = row["parameters"], row["parameters"].get("block_q", row["parameters"].get("splits"))
    told = f"@{first}x{given['block_k']}w{given['warps']}s{given['stages']}" if "stages" in given else ""
    return f"{row['phase']}-{shape}{mask}/{row['kernel']}{told}"


def tile(block_q: int, block_k: int = 64) -> dict[str, Any]:
    """Parameters of a forward kernel."""
    return {"block_q": block_q, "block_k": block_k, "warps": 8, "stages": 2}


def skipped(**changes: Any) -> dict[str, Any]:
    """A row without a time."""
    times = [f"{name}{kind}" for name in ("median", "p10", "p90") for kind in ("", "_warm")]
    none: dict[str, Any] = dict.fromkeys((*times, "relative_error", "sm_mhz", "sm_mhz_flushed"))
    none |= {"kernel": "sdpa-math", "status": "skipped", "reason": "needs 200 GB", "runs": 0, "runs_warm": 0}
    return row(**none | changes)


def run_file(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A run file of those rows, of an H200."""
    ceiling = {"median": 700.0, "p10": 690.0, "p90": 705.0, "runs": 20}
    clock: dict[str, Any] = {
        "sm_mhz": 1980, "sm_mhz_max": 1980, "mem_mhz": None, "throttle_reasons": [], "temperature_c": 40,
        "power_w": 90.5,
    }  # fmt: skip
    return {
        "schema": "einfuse-gpu-runs/1", "script": {"commit": None, "sha256": "0" * 64},
        "grid": {"name": "quick", "sha256": "1" * 64, "rows": max(1, len(rows))}, "gpu": "NVIDIA H200",
        "gpu_memory_bytes": 150_000_000_000, "sm_count": 132, "compute_capability": "9.0", "driver": "570.1",
        "cuda": "12.8", "torch": "2.9.0", "triton": None, "cudnn": None, "python": "3.12.1",
        "date": "2026-11-20T10:00:00Z", "power_limit_w": 700.0, "seconds": 60.0, "notes": [],
        "ceilings": {
            "gemm_bf16_tflops": ceiling | {"shape": [8192, 8192, 8192]},
            "copy_gb_per_s": ceiling | {"median": 4300.0, "p10": 4290.0, "p90": 4310.0, "bytes": 1 << 30},
        },
        "clocks": {"before": clock, "after": clock}, "idle_power_w": 75.0, "rows": list(rows),
    } | changes  # fmt: skip


def written(folder: Path, value: Any, name: str = "runs.json") -> Path:
    """That value as a JSON file."""
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
