"""Our GPU kernels on Triton's interpreter, the gate that they pass, and rows as they are measured, on CPU tensors.

Needs the extra `gpu`; skips without. The interpreter multiplies bf16 wrongly (Triton 3.9), so that kernels run in
float32 and float16 here.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
TESTS = 102  # of this file
LACKING = f"{TESTS} tests of GPU kernels and of their harness: {{}} is not installed; pip install -e '.[gpu]'"
torch = pytest.importorskip("torch", reason=LACKING.format("PyTorch"))
triton = pytest.importorskip("triton", reason=LACKING.format("Triton"))

from sim.gpu.measure import script  # noqa: E402
from sim.gpu.measure.script import (  # noqa: E402
    Bench,
    Counted,
    Inputs,
    Point,
    Row,
    Timing,
    Unavailable,
    judged,
    reference,
    tile,
)  # fmt: skip
from sim.gpu.runfile import checked  # noqa: E402
from tests.sim import gpu_cases, gpu_stand_in  # noqa: E402

if isinstance(script._one_pass, triton.JITFunction):
    reason = f"{TESTS} tests: Triton compiles here, TRITON_INTERPRET is not 1, so no kernel runs on a CPU"
    pytest.skip(reason, allow_module_level=True)

SMALL = Point("prefill", 1, 64, 64, 2, 2, 64, causal=True)


def split(splits: int, block_k: int) -> dict[str, int]:
    return script.split(splits) | {"block_k": block_k}


def error(point: Point, parameters: dict[str, int], dtype: Any = torch.float32, seed: int = 0) -> float:
    """The worse of the gate's two measures, of our kernel for the point's phase."""
    inputs = script.drawn(point, "cpu", dtype, seed)
    kernel = script.split_keys if point.phase == "decode" else script.one_pass
    result, right = kernel(point, inputs, parameters)(), reference(point, inputs)
    assert judged(result, right).reason is None
    off = result.double() - right
    return float((off.norm(dim=-1) / right.norm(dim=-1)).max())


# ------------------------------------------------------------------------------------------------------------- kernels


@pytest.mark.parametrize("head_dim", [64, 128, 256])
@pytest.mark.parametrize(
    ("queries", "keys", "heads", "kv_heads", "causal", "window"),
    [
        (64, 64, 2, 2, True, None),  # whole tiles
        (64, 64, 1, 1, False, None),
        (50, 50, 2, 2, True, None),  # ragged
        (21, 77, 4, 2, True, None),  # the last of more keys, and heads that share them
        (50, 77, 4, 1, False, None),
        (70, 70, 2, 1, True, 40),  # a window of more than a tile,
        (70, 90, 2, 2, True, 7),  # of less than one,
        (33, 40, 1, 1, True, 100),  # and of more than there are keys
    ],
)
def test_one_pass_is_attention(
    queries: int, keys: int, heads: int, kv_heads: int, causal: bool, window: int | None, head_dim: int
) -> None:
    point = Point("prefill", 2, queries, keys, heads, kv_heads, head_dim, causal, window)
    assert error(point, tile(32, 16, 4, 2)) < 1e-5
    assert error(point, tile(16, 32, 4, 2), torch.float16) < 2e-3


@pytest.mark.parametrize("head_dim", [64, 128, 256])
@pytest.mark.parametrize(
    ("keys", "heads", "kv_heads", "splits"),
    [(64, 8, 2, 1), (64, 8, 2, 4), (150, 8, 2, 4), (150, 4, 4, 3), (30, 32, 1, 16), (1, 2, 2, 4)],
)
def test_split_keys_is_attention(keys: int, heads: int, kv_heads: int, splits: int, head_dim: int) -> None:
    point = Point("decode", 2, 1, keys, heads, kv_heads, head_dim)
    assert error(point, split(splits, 16)) < 1e-5
    assert error(point, split(splits, 32), torch.float16) < 2e-3


@settings(max_examples=25)
@given(st.data())
def test_one_pass_is_attention_at_drawn_shapes(data: st.DataObject) -> None:
    keys = data.draw(st.integers(1, 90))
    queries = data.draw(st.integers(1, keys))
    kv_heads, group = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3))
    causal = data.draw(st.booleans())
    window = data.draw(st.none() | st.integers(1, 60)) if causal else None
    point = Point("prefill", 1, queries, keys, kv_heads * group, kv_heads, 16, causal, window)
    sizes = st.sampled_from((16, 32, 64))
    assert error(point, tile(data.draw(sizes), data.draw(sizes), 4, 2), seed=keys) < 1e-5


@settings(max_examples=25)
@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 3), st.sampled_from((16, 32)))
def test_splits_change_nothing(keys: int, splits: int, group: int, block_k: int) -> None:
    point = Point("decode", 1, 1, keys, 2 * group, 2, 16)
    assert error(point, split(splits, block_k), seed=splits) < 1e-5


def test_numbers_of_heads_and_splits_make_no_variants_of_a_kernel() -> None:
    """By what Triton keeps of a parameter when it compiles; the interpreter keeps nothing."""
    code = "from sim.gpu.measure import script as s; k = (s._one_pass, s._split_keys, s._combine_splits); "
    code += "print([p.name for each in k for p in each.params if p.do_not_specialize])"
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.stdout == "['group', 'group', 'splits', 'splits']\n", run.stderr


def test_two_keys_by_hand() -> None:
    """Scores 0 and ln 3 · √16 / √16 weigh the values 1 and 5 with 1/4 and 3/4: 4."""
    query, key = torch.zeros(1, 1, 1, 16), torch.zeros(1, 1, 2, 16)
    query[..., 0], key[0, 0, 1, 0] = 4.0, math.log(3)
    value = torch.tensor([1.0, 5.0])[None, None, :, None].expand(1, 1, 2, 16).contiguous()
    inputs = Inputs(query, key, value)
    point = Point("decode", 1, 1, 2, 1, 1, 16)
    for result in (
        reference(point, inputs),
        script.one_pass(point, inputs, tile(16, 16, 4, 2))(),
        script.split_keys(point, inputs, split(2, 16))(),
    ):
        assert result.flatten().tolist() == pytest.approx([4.0] * 16)


def test_large_scores_do_not_overflow() -> None:
    inputs = script.drawn(SMALL, "cpu", torch.float32)
    inputs = replace(inputs, query=inputs.query * 1e4)
    result = script.one_pass(SMALL, inputs, tile(32, 16, 4, 2))()
    assert judged(result, reference(SMALL, inputs)).reason is None


def test_the_decode_kernel_takes_one_query() -> None:
    with pytest.raises(ValueError, match="the decode kernel takes one query, found 64"):
        script.split_keys(SMALL, script.drawn(SMALL, "cpu"), split(4, 16))


# ------------------------------------------------------------------------------------------------- reference and SDPA


@settings(max_examples=20)
@given(st.integers(1, 20), st.booleans(), st.integers(1, 2), st.integers(1, 3), st.sampled_from((50, 2**27)))
def test_the_reference_is_pytorch_s_attention_in_float64(
    length: int, causal: bool, kv_heads: int, group: int, at_once: int
) -> None:
    point = Point("prefill", 2, length, length, kv_heads * group, kv_heads, 16, causal)
    inputs = script.drawn(point, "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "SCORES_AT_ONCE", at_once)
        right = reference(point, inputs)
    doubled = [each.double() for each in (inputs.query, inputs.key, inputs.value)]
    theirs = torch.nn.functional.scaled_dot_product_attention(*doubled, is_causal=causal, enable_gqa=group > 1)
    assert torch.allclose(right, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "point", [SMALL, replace(SMALL, window=9), replace(SMALL, q_heads=6), Point("decode", 2, 1, 50, 4, 2, 64)], ids=str
)
@pytest.mark.parametrize("kernel", ["sdpa-math", "sdpa-flash"])
def test_a_backend_of_pytorch_passes_the_gate_in_bf16(point: Point, kernel: str) -> None:
    inputs = script.drawn(point, "cpu")
    result = script.call_of(Row(point, kernel), inputs, {})()
    verdict = judged(result, reference(point, inputs))
    assert verdict.reason is None and verdict.relative_error is not None and 0 < verdict.relative_error < 1e-2


def test_inputs_are_random_and_the_same_for_a_seed() -> None:
    one, same, other = (script.drawn(SMALL, "cpu", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.key, same.key) and not torch.equal(one.key, other.key)
    assert one.query.dtype == torch.bfloat16 and float(one.value.float().std()) == pytest.approx(1, abs=0.1)


# ------------------------------------------------------------------------------------------------------------ the gate

Mistake = Callable[[Point, Inputs], Any]
MISTAKES: dict[str, tuple[Mistake, str]] = {
    "one key too many": (lambda point, inputs: _shifted(point, inputs, 1), r"off by .*at most 0\.01 is allowed"),
    "one key too few": (lambda point, inputs: _shifted(point, inputs, -1), "not finite|off by"),
    "no mask": (lambda point, inputs: reference(replace(point, causal=False), inputs), "off by"),
    "a wrong scale": (lambda point, inputs: reference(point, replace(inputs, query=inputs.query * 1.1)), "off by"),
    "the last query unwritten": (lambda point, inputs: _unwritten(point, inputs), "64 of 8192 numbers are not finite"),
    "late queries off": (lambda point, inputs: _late(point, inputs), r"a query by 0\.05"),
    "another shape": (lambda point, inputs: reference(point, inputs)[:, :1], r"the result is \[1, 1, 64, 64\], not"),
    "no number that the gate could compare": (lambda point, inputs: reference(point, inputs).fill_(1e200), "off by"),
    "zeros": (lambda point, inputs: torch.zeros_like(inputs.query), "off by 1, a query by 1;"),
}  # fmt: skip


def _shifted(point: Point, inputs: Inputs, by: int) -> Any:
    query = torch.arange(point.q_len)[:, None]
    seen = torch.arange(point.kv_len)[None, :] <= query + by
    doubled = [each.double() for each in (inputs.query, inputs.key, inputs.value)]
    return torch.nn.functional.scaled_dot_product_attention(*doubled, attn_mask=seen)


def _unwritten(point: Point, inputs: Inputs) -> Any:
    result = reference(point, inputs)
    result[0, 0, -1] = math.nan
    return result


def _late(point: Point, inputs: Inputs) -> Any:
    """Five percent on the last query, whose result is small: against the largest result it is less than one."""
    result = reference(point, inputs)
    result[..., -1, :] *= 1.05
    return result


class Stopwatch:
    """A timer that says what it was given to time."""

    def __init__(self, seconds: Callable[[Any], float] = lambda call: 1e-3) -> None:
        self.seconds, self.timed, self.counted = seconds, 0, 0

    def times(self, call: Any, check: Callable[[Any], object]) -> Timing:
        check(call())
        self.timed += 1
        seconds = self.seconds(call)
        return Timing([seconds * (1 + i / 100) for i in range(20)], [seconds / 2] * 20, 1755.0, 1980.0)

    def energy(self, call: Any) -> Counted | None:
        self.counted += 1
        return Counted(500.0, 2.5, 2000)


def bench(call_of: Callable[..., Any], timer: Stopwatch | None = None, free_bytes: int = 2**40) -> Bench:
    return Bench("cpu", timer or Stopwatch(), lambda: free_bytes, call_of, idle_power_w=100.0)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistaken_kernel_is_stopped_and_never_timed(name: str) -> None:
    mistake, reason = MISTAKES[name]
    timer = Stopwatch()
    mistaken = bench(lambda row, inputs, parameters: lambda: mistake(row.point, inputs), timer)
    (found,) = script.measured([Row(SMALL, "mistaken", energy=True)], mistaken)
    assert (found["status"], found["median"], found["runs"], found["energy_j"]) == ("wrong", None, 0, None)
    assert timer.timed == timer.counted == 0
    assert re.search(reason, found["reason"])
    json.dumps(found, allow_nan=False)


def test_an_error_in_late_queries_hides_from_the_largest_result_but_not_from_the_gate() -> None:
    inputs = script.drawn(SMALL, "cpu")
    verdict = judged(_late(SMALL, inputs), reference(SMALL, inputs))
    assert verdict.relative_error is not None and verdict.relative_error < script.TOLERANCE
    assert verdict.reason is not None


@pytest.mark.parametrize("number", [0.0, math.nan, math.inf])
def test_a_reference_that_says_nothing_lets_nothing_pass(number: float) -> None:
    right = torch.full((1, 1, 4, 16), number, dtype=torch.float64)
    assert judged(torch.zeros(1, 1, 4, 16), right).reason is not None


def test_a_query_of_which_nothing_is_known_does_not_pass() -> None:
    """0 / 0 is no number, and no number is greater than what is allowed."""
    right = reference(SMALL, script.drawn(SMALL, "cpu"))
    right[0, 0, 3] = 0
    assert judged(right.clone(), right).reason == "off by 0, a query by nan; at most 0.01 is allowed"


# ---------------------------------------------------------------------------------------------------------------- rows


def right(row: Row, inputs: Inputs, parameters: dict[str, int]) -> Callable[[], Any]:
    """A kernel without a fault."""
    return lambda: reference(row.point, inputs)


def test_a_row_holds_what_was_measured() -> None:
    timer = Stopwatch()
    rows = [Row(SMALL, "right", energy=True), Row(SMALL, "other")]
    found, other = script.measured(rows, bench(right, timer))
    assert (found["status"], found["reason"], found["relative_error"]) == ("ok", None, 0.0)
    assert found["median"] == pytest.approx(1e-3 * 1.095) and found["runs"] == found["runs_warm"] == 20
    assert found["p10"] == pytest.approx(1e-3 * 1.019) and found["p90"] == pytest.approx(1e-3 * 1.171)
    assert (found["median_warm"], found["sm_mhz"], found["sm_mhz_flushed"]) == (5e-4, 1980.0, 1755.0)
    assert found["energy_j"] == 0.25 and found["idle_energy_j"] == pytest.approx(0.125)
    assert (found["energy_runs"], found["energy_seconds"]) == (2000, 2.5)
    assert (other["status"], other["energy_j"], timer.timed, timer.counted) == ("ok", None, 2, 1)


def test_a_row_that_fails_late_has_no_times() -> None:
    class Broken(Stopwatch):
        def energy(self, call: Any) -> Counted | None:
            raise RuntimeError("no counter")

    (found,) = script.measured([Row(SMALL, "right", energy=True)], bench(right, Broken()))
    assert (found["status"], found["reason"]) == ("failed", "RuntimeError: no counter")
    assert found["median"] is found["median_warm"] is None and found["runs"] == found["runs_warm"] == 0


def test_a_row_that_cannot_be_written_has_failed() -> None:
    (found,) = script.measured([Row(SMALL, "right")], bench(right, Stopwatch(lambda call: math.nan)))
    assert (found["status"], found["median"]) == ("failed", None) and "JSON compliant" in found["reason"]


def test_a_kernel_that_is_wrong_in_a_graph_is_not_timed(stand_in: None) -> None:
    """Right when it is called, and when it is captured; its replay leaves the last query as it was."""

    def call_of(row: Row, inputs: Inputs, parameters: dict[str, int]) -> Callable[[], Any]:
        result = reference(row.point, inputs)

        def call() -> Any:
            result[..., :-1, :].mul_(1.0)
            return result

        return call

    timer = script.CudaTimer(script.Board())
    (found,) = script.measured([Row(SMALL, "forgetful")], replace(bench(call_of), timer=timer))
    assert (found["status"], found["median"], found["runs"]) == ("wrong", None, 0)
    assert found["reason"] == "replayed from a graph: 8192 of 8192 numbers are not finite"


def test_a_gpu_that_cannot_measure_anything_skips_every_row() -> None:
    old = replace(bench(right), lacking="bf16 needs compute capability 8.0 or more, this GPU has 7.5")
    found = list(script.measured([Row(SMALL, name) for name in "ab"], old))
    assert [(each["status"], each["reason"]) for each in found] == [("skipped", old.lacking)] * 2


def test_pytorch_s_causal_mask_of_fewer_queries_than_keys_is_another() -> None:
    point = replace(SMALL, q_len=20)
    (found,) = script.measured([Row(point, "sdpa-math")], bench(script.call_of))
    assert found["status"] == "skipped" and found["reason"].startswith("PyTorch lets the first query see the first key")


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


class OutOfResources(Exception):
    """Named as Triton's."""


ENDINGS: dict[str, tuple[Exception, str, str]] = {
    "absent": (Unavailable("Triton is not installed"), "skipped", "Triton is not installed"),
    "memory": (OutOfMemoryError("tried 9 GiB"), "skipped", "does not fit in memory: tried 9 GiB"),
    "tile": (OutOfResources("shared memory"), "skipped", "the tile does not fit in a multiprocessor: shared memory"),
    "unsupported": (
        RuntimeError("No available kernel. Aborting execution."), "skipped",
        "PyTorch has no such kernel for this point: No available kernel. Aborting execution.",
    ),
    "cuDNN": (
        RuntimeError("cuDNN Frontend error: CUDNN_STATUS_NOT_SUPPORTED"), "skipped",
        "PyTorch has no such kernel for this point: cuDNN Frontend error: CUDNN_STATUS_NOT_SUPPORTED",
    ),
    "the driver's memory": (
        RuntimeError("CUDA error: out of memory"), "skipped", "does not fit in memory: CUDA error: out of memory",
    ),
    "crash": (RuntimeError("launch\n  failure"), "failed", "RuntimeError: launch failure"),
}  # fmt: skip


def test_what_goes_wrong_with_a_row_is_told_and_loses_no_other() -> None:
    def call_of(row: Row, inputs: Inputs, parameters: dict[str, int]) -> Callable[[], Any]:
        if row.kernel in ENDINGS:
            raise ENDINGS[row.kernel][0]
        return right(row, inputs, parameters)

    kernels = [name for ending in ENDINGS for name in (ending, f"after {ending}")]
    found = list(script.measured([Row(SMALL, kernel) for kernel in kernels], bench(call_of)))
    assert [each["status"] for each in found[1::2]] == ["ok"] * len(ENDINGS)
    assert [(each["status"], each["reason"]) for each in found[::2]] == [ending[1:] for ending in ENDINGS.values()]


def test_a_gpu_that_no_longer_answers_ends_the_run_with_every_row_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "_answers", lambda device: False)

    def call_of(row: Row, inputs: Inputs, parameters: dict[str, int]) -> Callable[[], Any]:
        if row.kernel == "crash":
            raise RuntimeError("an illegal memory access was encountered")
        return right(row, inputs, parameters)

    found = list(script.measured([Row(SMALL, name) for name in ("first", "crash", "third")], bench(call_of)))
    assert [each["status"] for each in found] == ["ok", "failed", "skipped"]
    assert found[2]["reason"] == f"the GPU no longer answers since {SMALL.name}/crash"


def test_a_point_that_does_not_fit_is_skipped_with_the_sizes() -> None:
    large = Point("decode", 64, 1, 256 * 1024, 32, 8, 128)
    (found,) = script.measured([Row(large, "sdpa-flash")], bench(right, free_bytes=60 * 10**9))
    assert found["status"] == "skipped"
    assert found["reason"] == "does not fit in memory: it needs about 73.6 GB, 60.0 GB are free"


def test_rows_that_are_not_begun_in_time_are_skipped() -> None:
    clock = iter((0.0, 9.0, 11.0)).__next__
    limited = replace(bench(right), limit_s=10.0, clock=clock)
    found = list(script.measured([Row(SMALL, name) for name in "abcd"], limited))
    assert [each["status"] for each in found] == ["ok", "ok", "skipped", "skipped"]
    assert {each["reason"] for each in found[2:]} == {"the time limit of 10 s was reached"}


@pytest.mark.parametrize(("slow", "taken"), [((3.0, 1.0, 2.0), 1), ((1.0, 2.0, 2.0), 0)])
def test_a_row_without_parameters_takes_the_tile_that_was_fastest(slow: tuple[float, ...], taken: int) -> None:
    tiles = script.TILES[64]
    seconds = dict(zip(map(str, tiles), slow, strict=True))

    def call_of(row: Row, inputs: Inputs, parameters: dict[str, int]) -> Callable[[], Any]:
        def call() -> Any:
            return reference(row.point, inputs)

        call.seconds = seconds[str(parameters)]  # type: ignore[attr-defined]
        return call

    short = replace(SMALL, q_len=32, kv_len=32)
    rows = [*(Row(SMALL, "triton-1pass", each) for each in tiles), Row(short, "triton-1pass", None)]
    *_, found = script.measured(rows, bench(call_of, Stopwatch(lambda call: float(call.seconds))))
    assert (found["id"], found["parameters"]) == (f"{short.name}/triton-1pass", tiles[taken])


def test_a_row_without_parameters_takes_the_first_tile_if_none_was_timed() -> None:
    (found,) = script.measured([Row(SMALL, "triton-1pass", None)], bench(right))
    assert found["parameters"] == script.TILES[64][0] and found["status"] == "ok"


# --------------------------------------------------------------------------------------------------------- a whole run


SECONDS = {"ENERGY_S": 0.05, "LOAD_S": 0.01, "LEAD_S": 0.01, "TICK_S": 0.05, "WARM_UP_S": 0.001}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script on CPU tensors, with small ceilings and short times."""
    monkeypatch.setattr(torch, "cuda", gpu_stand_in.cuda())
    for name, value in {"DEVICE": "cpu", "LARGE": 32, "COPIED_BYTES": 4096, "MOST_CALLS": 2, **SECONDS}.items():
        monkeypatch.setattr(script, name, value)
    monkeypatch.setattr(script.Board, "of_torch", lambda: script.Board(gpu_stand_in.Counter(), None))


def test_a_whole_run_on_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None) -> None:
    rows = (*(Row(SMALL, f"sdpa-{name}", energy=name == "math") for name in ("math", "flash", "cudnn")),)
    monkeypatch.setitem(script.GRIDS, "quick", lambda: rows)
    path, said = tmp_path / "runs.json", list[str]()
    counts = script.measure(path, "quick", "abc", said.append)
    assert counts == {"ok": 2, "skipped": 1, "wrong": 0, "failed": 0} and script.ended(counts) == 0
    assert len(said) == 3 and f"{SMALL.name}/sdpa-math: ok" in said[0]
    run = json.loads(path.read_text())
    assert list(run) == [
        "schema", "script", "grid", "gpu", "gpu_memory_bytes", "sm_count", "compute_capability", "driver", "cuda",
        "torch", "triton", "cudnn", "python", "date", "power_limit_w", "seconds", "notes", "ceilings", "clocks",
        "idle_power_w", "rows",
    ]  # fmt: skip
    assert run["schema"] == "einfuse-gpu-runs/1" and run["script"]["commit"] == "abc"
    assert run["script"]["sha256"] == script._sha256(Path(script.__file__))
    assert run["grid"] == {"name": "quick", "sha256": script.grid_sha256(rows), "rows": 3}
    assert (run["gpu"], run["compute_capability"], run["driver"]) == ("stand-in", "9.0", "580.1")
    assert run["torch"] == torch.__version__ and run["power_limit_w"] is None and run["seconds"] > 0
    assert run["idle_power_w"] == pytest.approx(100, rel=0.1)
    assert run["clocks"]["before"]["throttle_reasons"] == ["software power cap", "hardware thermal slowdown"]
    assert run["clocks"]["after"] == run["clocks"]["before"] and run["clocks"]["after"]["temperature_c"] is None
    assert run["notes"] == [] and run["ceilings"]["copy_gb_per_s"]["sm_mhz"] == 1980.0
    assert run["ceilings"]["gemm_bf16_tflops"]["shape"] == [32] * 3 and run["ceilings"]["copy_gb_per_s"]["runs"] == 20
    math_row = run["rows"][0]
    assert math_row["sm_mhz"] == 1980.0 and math_row["runs"] >= 20 and math_row["runs_warm"] >= 20
    power = math_row["energy_j"] / math_row["idle_energy_j"]  # of a board that draws 100 W whatever it does
    assert power == pytest.approx(1, rel=0.2) and math_row["energy_runs"] > 0


def rows_of_points(number: int) -> tuple[Row, ...]:
    return tuple(Row(replace(SMALL, q_heads=2 * (1 + i), kv_heads=2), "sdpa-math") for i in range(number))


def test_a_run_that_breaks_off_leaves_the_rows_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None
) -> None:
    rows = rows_of_points(4)
    monkeypatch.setitem(script.GRIDS, "quick", lambda: rows)
    path = tmp_path / "runs.json"
    on_disk = []

    def say(line: str) -> None:
        assert not gc.isenabled(), "nothing is collected while a graph may be captured"
        on_disk.append(len(json.loads(path.read_text())["rows"]))
        if rows[2].name in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        script.measure(path, "quick", None, say)
    assert gc.isenabled()
    assert on_disk == [1, 2, 3], "each row is there as soon as it is measured"
    spec = checked(json.loads(path.read_text()) | {"cuda": "13.0"}, "runs.json")  # this PyTorch has none
    assert [row.id for row in spec.rows] == [row.name for row in rows[:3]]


def test_a_file_says_what_failed_besides_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None
) -> None:
    def fails(*given: object) -> Any:
        raise RuntimeError("CUBLAS_STATUS\n broken")

    monkeypatch.setitem(script.GRIDS, "quick", lambda: rows_of_points(1))
    for name in ("_idle_power_w", "_under_load", "_multiplied"):
        monkeypatch.setattr(script, name, fails)
    said = list[str]()
    assert script.measure(tmp_path / "runs.json", "quick", None, said.append)["ok"] == 1
    run = json.loads((tmp_path / "runs.json").read_text())
    told = ("idle power", "clocks before", "ceiling of arithmetic", "clocks after")
    assert run["notes"] == [f"no {what}: RuntimeError: CUBLAS_STATUS broken" for what in told]
    assert set(run["notes"]) <= set(said)
    assert run["ceilings"]["gemm_bf16_tflops"] is None and run["ceilings"]["copy_gb_per_s"]["runs"] == 20
    assert run["idle_power_w"] is None and set(run["clocks"]["before"].values()) == {None}


def test_a_run_without_nvml_says_so_at_once_and_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None
) -> None:
    monkeypatch.setitem(script.GRIDS, "quick", lambda: rows_of_points(1))
    monkeypatch.setattr(script.Board, "of_torch", lambda: script.Board(lacking="nvidia-ml-py is not installed"))
    said = list[str]()
    script.measure(tmp_path / "runs.json", "quick", None, said.append)
    note = "no clocks, power and energy: nvidia-ml-py is not installed"
    assert said[0] == note and json.loads((tmp_path / "runs.json").read_text())["notes"] == [note]


def test_what_the_script_writes_is_what_the_project_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: None
) -> None:
    rows = (Row(SMALL, "sdpa-math", energy=True), Row(SMALL, "sdpa-cudnn"), Row(SMALL, "sdpa-flash"))
    monkeypatch.setitem(script.GRIDS, "quick", lambda: rows)
    script.measure(tmp_path / "runs.json", "quick", "a" * 40, lambda line: None)
    run = json.loads((tmp_path / "runs.json").read_text())
    assert set(run) >= set(gpu_cases.run_file()) and set(run["rows"][0]) == set(gpu_cases.row())
    run["cuda"] = "13.0"  # this PyTorch has none
    run["rows"][0] |= {"energy_seconds": 2.0}  # the stand-in's are shorter
    spec = checked(run, "runs.json")
    assert [row.status for row in spec.rows] == ["ok", "skipped", "ok"]
    assert spec.rows[0].energy_j == run["rows"][0]["energy_j"]


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), OSError(28, "No space left on device", "runs.json")], ids=str
)
def test_a_run_that_cannot_go_on_ends_with_5(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, error: Exception
) -> None:
    def measure(*given: object) -> dict[str, int]:
        raise error

    monkeypatch.setattr(script, "missing", lambda: None)
    monkeypatch.setattr(script, "measure", measure)
    assert script.main(["-o", str(tmp_path / "runs.json")]) == 5
    assert capsys.readouterr().err in (
        "the run broke off: RuntimeError: broken\n", "'runs.json': No space left on device\n",
    )  # fmt: skip


def test_a_pytorch_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cuda", gpu_stand_in.cuda())
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "this PyTorch is built for another kind" in str(script.missing())
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert script.missing() is None and script.unable() is None
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))
    assert script.unable() == "bf16 needs compute capability 8.0 or more, this GPU has 7.5"


# -------------------------------------------------------------------------------------------------------- the counter


class Steps:
    """A counter of energy that moves at every so-manieth question."""

    def __init__(self, every: int) -> None:
        self.every, self.asked = every, 0

    def energy_j(self) -> float | None:
        self.asked += 1
        return float(self.asked // self.every)


def test_a_counter_is_read_where_it_moves() -> None:
    board, worked = Steps(4), list[int]()
    assert script.ticked(board, lambda: worked.append(1)) == 1.0  # type: ignore[arg-type]
    assert (board.asked, len(worked)) == (4, 3)


def test_a_counter_that_stands_still_counts_nothing(monkeypatch: pytest.MonkeyPatch, stand_in: None) -> None:
    assert script.ticked(Steps(10**9), lambda: None) is None  # type: ignore[arg-type]
    timer = script.CudaTimer(Steps(10**9))  # type: ignore[arg-type]
    timer.board.sm_mhz = lambda: None  # type: ignore[method-assign]
    assert timer.energy(lambda: torch.zeros(1)) is None


def test_a_load_has_a_part_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is the part before the one that was begun last."""
    told = list[str]()

    class Named(gpu_stand_in.Event):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            self.name, Named.made = "ab"[Named.made], Named.made + 1

        def record(self) -> None:
            told.append(f"begun {self.name}")

        def synchronize(self) -> None:
            told.append(f"done {self.name}")

    monkeypatch.setattr(torch, "cuda", gpu_stand_in.cuda())
    monkeypatch.setattr(torch.cuda, "Event", Named)
    load = script.Load(lambda: told.append("work"), 2)
    for _ in range(3):
        load.step()
    assert " ".join(told) == ("work work begun a work work begun b done a work work begun a done b")


@pytest.mark.parametrize("seconds", [0.01, 0.05])
def test_warming_up_is_a_time_and_no_number_of_calls(
    monkeypatch: pytest.MonkeyPatch, stand_in: None, seconds: float
) -> None:
    ran = list[float]()
    start = time.perf_counter()
    several = script.warmed(lambda: ran.append(time.perf_counter()), seconds)
    assert ran[-1] - start >= 0.9 * seconds / 2 and time.perf_counter() - start >= seconds
    assert several >= 1 and len(ran) + 1 == 8 * several, "1 + 2 + 4 + ... calls, of which an eighth follows"


@pytest.mark.parametrize(("boards", "handle"), [(1, "board 0"), (2, None)])
def test_a_board_that_its_uuid_does_not_find_is_the_only_one_or_none(
    monkeypatch: pytest.MonkeyPatch, boards: int, handle: str | None
) -> None:
    monkeypatch.setattr(torch, "cuda", gpu_stand_in.cuda())
    monkeypatch.setattr(gpu_stand_in.Counter, "nvmlDeviceGetCount", lambda self: boards)
    monkeypatch.setattr(importlib, "import_module", lambda name: gpu_stand_in.Counter())
    found = script.Board.of_torch()
    assert found.handle == handle and (found.energy_j() is None) == (handle is None)


def test_a_board_without_nvml_says_nothing() -> None:
    board = script.Board()
    assert set(board.state().values()) == {None}
    assert (board.driver(), board.energy_j(), board.power_limit_w(), board.sm_mhz()) == (None,) * 4


def test_a_skip_says_how_many_tests_it_stands_for(request: pytest.FixtureRequest) -> None:
    assert sum(item.path == Path(__file__) for item in request.session.items) <= TESTS
