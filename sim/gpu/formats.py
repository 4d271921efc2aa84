"""The tables of measurements that others publish: the columns of each, and what a row of it says.

A format is known by its columns. `sim/gpu/tables.py` reads the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .cells import Cell, natural, one_of, positive, text, whole
from .point import DIRECTIONS, PHASES, Point
from .run import Run, Times, seconds_of

MICRO, MILLI = 1e-6, 1e-3
ROUNDED, ROUNDED_SHARE = 0.051, 5e-3  # rates are rounded to a tenth, and times of some µs to 10 ns
TYPES = {
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp16": "fp16",
    "float16": "fp16",
    "fp8": "fp8",
}


@dataclass(frozen=True)
class Format:
    """A kind of table. `runs(row, source)` makes the measurements of a row; it raises ValueError if they cannot be."""

    name: str
    columns: Mapping[str, Cell]
    runs: Callable[[Mapping[str, Any], str], list[Run]]
    optional: Mapping[str, tuple[Cell, Any]] = field(default_factory=dict)  # with the value of a column that is absent


def _attention_runs(row: Mapping[str, Any], source: str) -> list[Run]:
    """One query a sequence decodes; rates that the table states must be those of its times."""
    if row["phase"] == "decode" and row["q_len"] > 1:
        raise ValueError(f"q_len: found {row['q_len']} in decoding, expected 1: which keys they see is not stated")
    point = Point(
        row["phase"], row["batch"], row["q_len"], row["kv_len"], row["q_heads"], row["kv_heads"], row["head_dim"],
        row["dtype"], causal=row["phase"] == "prefill",
    )  # fmt: skip
    run = Run(row["chip"], row["kernel"], point, Times(MICRO * row["latency_us"]), row["source"])
    for name, ours in (("tflops", run.tflop_per_s), ("gbps", run.gb_per_s)):
        if row[name] is not None and abs(row[name] - ours) > ROUNDED + ROUNDED_SHARE * ours:
            raise ValueError(
                f"{name}: found {row[name]:g}, but {row['latency_us']:g} µs come to {ours:.4g}: check the units"
            )
    return [run]


def _flash_attention(row: Mapping[str, Any], source: str) -> list[Run]:
    """Labels of a figure: the same number of heads for queries and keys, as many keys as queries."""
    length, heads = row["seqlen"], row["heads"]
    point = Point(
        "prefill", row["batch"], length, length, heads, heads, row["head_dim"], row["dtype"],
        causal=row["causal"], direction=row["direction"],
    )  # fmt: skip
    times = Times(seconds_of(point.flops, row["tflops"]))
    return [Run(row["gpu"], row["impl"], point, times, row["source"])]


def _flash_decoding(row: Mapping[str, Any], source: str) -> list[Run]:
    """One query a sequence, by three kernels."""
    point = Point(
        "decode", row["batch"], 1, row["seqlen"], row["q_heads"], row["kv_heads"], row["head_dim"], row["dtype"]
    )
    return [
        Run(row["gpu"], kernel, point, Times(MICRO * row[column]), row["source"])
        for column, kernel in FLASH_DECODING_KERNELS.items()
    ]


FLASH_DECODING_KERNELS = {
    "pytorch_eager_us": "pytorch_eager",
    "fa2_v2.0.9_us": "fa2_v2.0.9",
    "flash_decoding_us": "flash_decoding",
}


def _aiconfigurator(row: Mapping[str, Any], source: str) -> list[Run]:
    """`step` keys are there before `isl` new tokens; a window of 0 is none; latencies are in ms.

    That of a context may include the kernel that writes keys and values into the cache (vLLM's does).
    """
    phase = row["op_name"]
    if phase == "decode" and row["isl"] > 1:
        raise ValueError(f"isl: found {row['isl']} in decoding, expected 1: which keys they see is not stated")
    point = Point(
        phase,
        row["batch_size"],
        row["isl"],
        row["isl"] + row["step"],
        row["num_heads"],
        row["num_key_value_heads"],
        row["head_dim"],
        row["attn_dtype"],
        causal=phase == "prefill",
        window=row["window_size"] or None,
        kv_dtype=row["kv_cache_dtype"],
    )
    origin = f"{source} ({row['framework']} {row['version']})"
    return [Run(row["device"], row["kernel_source"], point, Times(MILLI * row["latency"]), origin)]


_SHAPE: Mapping[str, Cell] = {
    **dict.fromkeys(("batch", "q_len", "kv_len", "q_heads", "kv_heads", "head_dim"), whole),
    "dtype": one_of(TYPES),
}

FORMATS = (
    Format(
        "attention runs",
        {
            "chip": text,
            "phase": one_of({"prefill_causal": PHASES[0], "decode": PHASES[1]}),
            **_SHAPE,
            "latency_us": positive,
            "kernel": text,
            "source": text,
        },
        _attention_runs,
        {"tflops": (positive, None), "gbps": (positive, None)},
    ),
    Format(
        "FlashAttention",
        {
            "source": text,
            "gpu": text,
            "direction": one_of({name: name for name in DIRECTIONS}),
            "head_dim": whole,
            "causal": one_of({"0": False, "1": True}),
            "impl": text,
            **dict.fromkeys(("seqlen", "batch", "heads"), whole),
            "dtype": one_of(TYPES),
            "tflops": positive,
        },
        _flash_attention,
    ),
    Format(
        "Flash-Decoding",
        {
            **dict.fromkeys(("batch", "seqlen", "q_heads", "kv_heads", "head_dim"), whole),
            **dict.fromkeys(FLASH_DECODING_KERNELS, positive),
            "gpu": text,
            "dtype": one_of(TYPES),
            "source": text,
        },
        _flash_decoding,
    ),
    Format(
        "aiconfigurator",
        {
            **dict.fromkeys(("framework", "version", "device", "kernel_source"), text),
            "op_name": one_of({"context_attention": PHASES[0], "generation_attention": PHASES[1]}),
            **dict.fromkeys(("batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim"), whole),
            "attn_dtype": one_of(TYPES),
            "kv_cache_dtype": one_of(TYPES),
            "step": natural,
            "latency": positive,
        },
        _aiconfigurator,
        {"window_size": (natural, 0), "beam_width": (one_of({"1": 1}), 1)},
    ),
)
