"""The filter by physics: what it keeps is no faster than its floors, and what it rejects it rejects with the arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gpu.chips import PeakRow, best, chip_named, chips, read_chips
from sim.gpu.physics import judge, sieve
from sim.gpu.point import Point
from sim.gpu.run import Run, Times
from specs import SpecError

from .gpu_cases import runs


@given(st.lists(runs(), max_size=20))
def test_nothing_kept_is_faster_than_a_floor_and_nothing_is_lost(drawn: list[Run]) -> None:
    found = sieve(drawn)
    assert len(found.kept) + len(found.rejected) + len(found.unjudged) == len(drawn)
    for judged in found.kept:
        chip = chip_named(judged.run.chip)
        assert chip is not None and judged.reason == ""
        run, point = judged.run, judged.run.point
        least = run.seconds if run.times.p10_s is None else run.times.p10_s
        assert least >= point.least_flops / chip.peaks[point.dtype].value
        assert least >= point.least_bytes / chip.memory.value
        assert run.warm is None or run.warm.median_s >= point.least_flops / chip.peaks[point.dtype].value
        assert judged.share is not None and judged.share <= 1
    for judged in found.rejected:
        assert " > " in judged.reason
    for judged in found.unjudged:
        assert judged.reason


@given(runs(), st.floats(1, 1e5))
def test_slower_is_never_rejected_sooner(run: Run, factor: float) -> None:
    slower = replace(
        run,
        times=Times(run.seconds * factor, run.times.p10_s and run.times.p10_s * factor),
        warm=run.warm and Times(run.warm.median_s * factor),
    )
    if not sieve([run]).rejected:
        assert not sieve([slower]).rejected


def test_by_hand() -> None:
    # 4 · 8 · 128 · (16384 · 16385 / 2) FLOPs at 989 TFLOP/s, and 134 MB at 4.8 TB/s
    point = Point("prefill", 1, 16384, 16384, 8, 8, 128, "bf16", causal=True)
    run = Run("H200-SXM", "k", point, Times(556e-6), "s")
    (judged,) = sieve([run]).kept
    assert [floor.seconds for floor in judged.floors] == [549_789_368_320 / 989e12, 134_217_728 / 4.8e12]
    (judged,) = sieve([replace(run, times=Times(555e-6))]).rejected
    assert judged.reason == (
        "5.498e+11 FLOPs / 989 TFLOP/s = 555.9 µs > 555 µs (H200 data sheet, aiconfigurator h200_sxm.yaml)"
    )


CAUSAL = Run(
    "H200-SXM", "k", Point("prefill", 1, 16384, 16384, 8, 8, 128, "bf16", causal=True), Times(600e-6), "s"
)  # no faster than 555.9 µs at 989 TFLOP/s


def test_the_tenth_percentile_is_held_to_both_floors() -> None:
    assert sieve([replace(CAUSAL, times=Times(600e-6, 556e-6, 700e-6))]).kept
    (judged,) = sieve([replace(CAUSAL, times=Times(600e-6, 555e-6, 700e-6))]).rejected
    assert "= 555.9 µs > p10 of 555 µs (H200" in judged.reason
    decode = Point("decode", 64, 1, 65536, 64, 8, 64, "bf16")  # 8.6 GB at 4.8 TB/s: 1.79 ms
    (judged,) = sieve([Run("H200-SXM", "k", decode, Times(2e-3, 1e-3), "s")]).rejected
    assert "bytes / 4800 GB/s" in judged.reason and "> p10 of 1000 µs" in judged.reason


def test_times_with_a_warm_cache_are_held_to_flops_alone() -> None:
    (judged,) = sieve([replace(CAUSAL, warm=Times(500e-6))]).rejected
    assert "= 555.9 µs > with a warm cache, 500 µs (H200" in judged.reason
    decode = Point("decode", 1, 1, 1024, 64, 8, 64, "bf16")  # 0.44 µs by its bytes, 0.017 µs by its FLOPs
    assert sieve([Run("H200-SXM", "k", decode, Times(1e-6), "s", warm=Times(0.1e-6))]).kept


def test_what_a_higher_clock_allows_is_not_rejected_and_not_kept() -> None:
    """989 TFLOP/s are at 1830 MHz: at 1980 the floor is 555.9 · 1830 / 1980 = 513.8 µs."""
    fast = replace(CAUSAL, times=Times(520e-6), sm_mhz=1980.0)
    (judged,) = sieve([fast]).unjudged
    assert judged.reason.endswith("; it ran at 1980 MHz, and the peak is at 1830 MHz")
    assert sieve([replace(fast, times=Times(513e-6))]).rejected
    assert sieve([replace(fast, sm_mhz=1755.0)]).rejected and sieve([replace(fast, sm_mhz=None)]).rejected
    h200 = chip_named("H200-SXM")
    assert h200 is not None and h200.peaks["bf16"].clock_hz == 1830e6
    assert h200.peaks["bf16"].value == pytest.approx(132 * 4096 * 1830e6, rel=1e-3)


def test_bytes_that_fit_the_cache_are_said_to() -> None:
    point = Point("decode", 1, 1, 1024, 64, 8, 64, "bf16")
    (judged,) = sieve([Run("H200-SXM", "k", point, Times(0.2e-6), "s")]).rejected
    assert judged.reason == (
        "2.114e+06 bytes / 4800 GB/s = 0.4403 µs > 0.2 µs (H200 data sheet, aiconfigurator h200_sxm.yaml); they fit into "
        "the cache of 50 MB, which may have held them"
    )


def test_without_a_chip_or_a_peak_there_is_no_verdict() -> None:
    point = Point("decode", 1, 1, 65536, 64, 8, 64, "bf16")
    (judged,) = sieve([Run("H300", "k", point, Times(1.0), "s")]).unjudged
    assert judged.reason == "no chip is called 'H300'; add the name to sim/gpu/chips.yaml"
    eight = replace(point, dtype="fp8")
    (judged,) = sieve([Run("A100", "k", eight, Times(1.0), "s")]).unjudged
    assert judged.reason == "the peak of A100-SXM4-80GB for fp8 is not stated; add it to sim/gpu/chips.yaml"
    assert sieve([Run("A100", "k", eight, Times(1e-9), "s")]).rejected  # its bytes are enough


def test_an_unverified_value_is_used_only_where_there_is_no_other() -> None:
    low, high = (PeakRow(tflop_per_s=t, verified=v, source=s) for t, v, s in ((1, True, "read"), (2, False, "heard")))
    assert best([high, low]).source == best([low, high]).source == "read"
    assert best([high]).note == "heard; unverified"
    b200 = chip_named("B200-SXM")
    assert b200 is not None and b200.peaks["bf16"].value == 2243e12 and not b200.memory.verified
    point = Point("decode", 64, 1, 65536, 64, 8, 64, "bf16")
    assert "unverified" in judge(Run("B200-SXM", "k", point, Times(1e-6), "s"), b200).reason


def test_every_chip_states_what_the_filter_needs() -> None:
    for chip in chips():
        assert {"bf16", "fp16"} <= set(chip.peaks) and chip.memory.source
        assert all(chip_named(name) is chip for name in chip.names)


def test_a_name_of_two_chips_is_refused(tmp_path: Path) -> None:
    rows = "peak: {bf16: [{tflop_per_s: 1, verified: true, source: s}]}, memory: [{bandwidth: 1 TB/s, verified: true, source: s}]"
    entries = f"  a: {{names: [x], {rows}}}\n  b: {{names: [x], {rows}}}\n"
    path = tmp_path / "chips.yaml"
    path.write_text(f"chips: mine\nsummary: two\nentries:\n{entries}", encoding="utf-8")
    with pytest.raises(SpecError, match=r"chips.yaml:5:15: entries.b.names.0: 'x' names 'a' already"):
        read_chips(path)


def test_constants_are_those_of_the_table(shared_dir: Path) -> None:
    import csv

    with (shared_dir / "reference/gpu/chip_constants.csv").open(encoding="utf-8") as file:
        rows = {row["chip"]: row for row in csv.DictReader(file)}
    assert set(rows) == {chip.name for chip in chips()}
    for chip in chips():
        assert chip.memory.value == pytest.approx(float(rows[chip.name]["hbm_tbps"]) * 1e12)
        assert chip.peaks["bf16"].value == pytest.approx(float(rows[chip.name]["bf16_dense_tflops"]) * 1e12, rel=0.004)
