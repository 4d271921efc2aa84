"""Run files: what is well is read whole, what is not is refused by row and key, and nothing committed was edited."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gpu.reading import MEASURED, measured, read
from sim.gpu.run import Times
from sim.gpu.runfile import checked
from sim.gpu.sums import SUMS, checked_files
from specs import SpecError

from .gpu_cases import row, run_file, skipped, tile, written

SECOND = "prefill-b2-q16384-k16384-h8-g8-d128-causal/sdpa-flash"
FIRST = "prefill-b1-q16384-k16384-h8-g8-d128-causal/sdpa-flash"


def faults(value: Any) -> list[str]:
    with pytest.raises(SpecError) as refused:
        checked(value, "runs.json")
    return [str(problem) for problem in refused.value.problems]


def test_a_run_file_is_read_whole(tmp_path: Path) -> None:
    energy = row(batch=2, energy_j=0.7, idle_energy_j=0.1, parameters={"block_q": 128, "splits": None})
    path = written(tmp_path, run_file(row(), energy, skipped()))
    found = read(path)
    assert (found.kind, found.rows, len(found.runs)) == ("run file", 3, 2)
    first, second = found.runs
    assert found.source == first.source == "runs.json (NVIDIA H200, 2026-11-20)"
    assert (first.chip, first.row, first.ours) == ("NVIDIA H200", FIRST, True)
    assert (first.times, first.warm) == (Times(1e-3, 0.9e-3, 1.2e-3), Times(0.95e-3, 0.9e-3, 1e-3))
    assert first.times.spread == pytest.approx(0.3)
    assert (first.sm_mhz, first.file) == (1830, hashlib.sha256(path.read_bytes()).hexdigest())
    assert second.energy_per_token_j == pytest.approx(0.7 / 2 / 16384)
    assert second.own_energy_per_token_j == pytest.approx(0.6 / 2 / 16384)
    assert second.parameters == {"block_q": 128, "splits": None}
    (lacking,) = found.unfinished
    assert (lacking.kernel, lacking.status, lacking.reason) == ("sdpa-math", "skipped", "needs 200 GB")
    assert found.machine is not None and found.machine.ceilings.gemm_bf16_tflops is not None
    assert found.machine.ceilings.gemm_bf16_tflops.median == 700


@given(st.floats(1e-7, 10), st.floats(1, 2), st.floats(1, 2))
def test_seconds_come_back_bit_by_bit(median: float, below: float, above: float) -> None:
    spec = checked(run_file(row(median=median, p10=median / below, p90=median * above)), "runs.json")
    assert (spec.rows[0].p10, spec.rows[0].median, spec.rows[0].p90) == (median / below, median, median * above)


@given(st.lists(st.sampled_from(("ok", "skipped", "wrong", "failed")), max_size=8))
def test_every_row_is_a_run_or_says_why_not(states: list[str]) -> None:
    rows = [
        row(batch=1 + index) if state == "ok" else skipped(batch=1 + index, status=state)
        for index, state in enumerate(states)
    ]
    spec = checked(run_file(*rows, grid={"name": "full", "sha256": "2" * 64, "rows": 400}), "runs.json")
    assert [each.status for each in spec.rows] == states


@pytest.mark.parametrize("key", sorted(set(run_file()) - {"schema", "notes"}))
def test_every_key_is_asked_for(key: str) -> None:
    value = run_file(row())
    del value[key]
    assert faults(value) == [f"runs.json: missing key '{key}' in run file"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"median": -1.0}, "rows.1.median: found -1.0, expected a number of at least 1e-09"),
        ({"median": "1 ms"}, "rows.1.median: found '1 ms', expected a number"),
        ({"median": None}, "rows.1.median: found null, expected a time, since the row is 'ok'"),
        ({"median": 2e-3}, "rows.1.median: found 0.002 outside of p10 to p90, 0.0009 to 0.0012"),
        ({"median_warm": 2e-3}, "rows.1.median_warm: found 0.002 outside of p10 to p90, 0.0009 to 0.001"),
        ({"runs": 19}, "rows.1.runs: found 19, expected at least 20"),
        ({"relative_error": 0.02}, "rows.1.relative_error: found 0.02, expected at most 0.01, since the row is 'ok'"),
        ({"relative_error": None}, "rows.1.relative_error: found null, expected at most 0.01, since the row is 'ok'"),
        ({"status": "wrong"}, "rows.1.median: found a number of a row that is 'wrong', expected null"),
        ({"runs_warm": 5}, "rows.1.runs_warm: found 5, expected at least 20"),
        (
            {"energy_j": 0.7, "energy_runs": None},
            "rows.1.energy_runs: found nothing, expected a number, since the row has an energy",
        ),
        ({"energy_j": 0.7, "energy_seconds": 1.5}, "rows.1.energy_seconds: found 1.5 s, expected at least 2 s"),
        ({"energy_j": 0.8}, "rows.1.energy_j: found 800 W for 4 s, expected no more than 700 W, the limit"),
        ({"kernel": ""}, "rows.1.kernel: found '', expected text of at least 1 characters"),
        (
            {"status": "fine"},
            "rows.1.status: unknown value 'fine'; did you mean 'failed'? allowed: ok, skipped, wrong, failed",
        ),
        ({"dtype": "int4"}, "rows.1.dtype: found 'int4', expected one of: bf16, fp16, fp8"),
        ({"kv_heads": 3}, "rows.1: q_heads: found 8 heads of queries to 3 of keys, expected a multiple"),
        ({"id": FIRST, "batch": 1}, f"rows.1.id: '{FIRST}' is the id of row 0 already"),
        ({"id": f"{FIRST}@"}, f"rows.1.id: found '{FIRST}@', expected '{SECOND}', by the row's fields"),
        ({"batch": 0}, "rows.1.batch: found 0, expected a number greater than 0"),
    ],
)
def test_a_wrong_row_is_refused_by_row_and_key(changes: dict[str, Any], fault: str) -> None:
    assert faults(run_file(row(), row(**{"batch": 2} | changes))) == [f"runs.json: {fault}"]


def test_a_row_without_a_time_says_why() -> None:
    assert faults(run_file(skipped(reason=None))) == ["runs.json: rows.0.reason: a row that is 'skipped' says why"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"median_warm": 1e-3}, "rows.0.median_warm: found a number of a row that is 'skipped', expected null"),
        ({"sm_mhz": 1980.0}, "rows.0.sm_mhz: found a number of a row that is 'skipped', expected null"),
        ({"energy_seconds": 2.0}, "rows.0.energy_seconds: found a number of a row that is 'skipped', expected null"),
        ({"runs": 20}, "rows.0.runs: found runs of a row that is 'skipped', expected 0"),
        ({"relative_error": 0.1}, "rows.0.relative_error: found an error of a row that is 'skipped', expected null"),
    ],
)
def test_a_row_without_a_result_has_no_numbers(changes: dict[str, Any], fault: str) -> None:
    assert faults(run_file(skipped(**changes))) == [f"runs.json: {fault}"]
    assert checked(run_file(skipped(status="wrong", relative_error=0.1)), "runs.json").rows[0].relative_error == 0.1


def test_an_id_is_that_of_the_fields_with_parameters_or_without() -> None:
    """A row that takes the fastest tile is named before it is known which."""
    given = row(kernel="triton-1pass", parameters=tile(64))
    assert given["id"].endswith("/triton-1pass@64x64w8s2")
    plain = given["id"].partition("@")[0]
    for name in (given["id"], plain):
        assert checked(run_file(given | {"id": name}), "runs.json").rows[0].id == name
    (fault,) = faults(run_file(given | {"id": f"{plain}@128x64w8s2"}))
    assert fault.endswith(f"expected '{plain}' or '{given['id']}', by the row's fields")


def test_one_kernel_is_not_measured_twice_at_a_point_under_two_names() -> None:
    given = row(kernel="triton-1pass", parameters=tile(64))
    twice = run_file(given, given | {"id": given["id"].partition("@")[0]})
    assert faults(twice) == ["runs.json: rows.1.id: kernel, point and parameters are those of row 0 already"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"date": "2026-13-40T10:00:00Z"}, "date: found '2026-13-40T10:00:00Z', which is no day and time"),
        ({"gpu": ""}, "gpu: found '', expected text of at least 1 characters"),
        ({"script": {"commit": None, "sha256": "abc"}}, "script.sha256: found 'abc', expected text that matches ^[0-9a-f]{64}$"),
        ({"grid": {"name": "quick", "sha256": "1" * 64, "rows": 1}}, "rows: found 2 rows, expected at most the 1 of the grid"),
        ({"ceilings": {"gemm_bf16_tflops": None, "copy_gb_per_s": {"median": 1.0, "p10": 2.0, "p90": 3.0, "runs": 20}}},
         "ceilings.copy_gb_per_s.median: found 1 outside of p10 to p90, 2 to 3"),
    ],
)  # fmt: skip
def test_what_a_file_says_of_itself_is_checked(changes: dict[str, Any], fault: str) -> None:
    assert faults(run_file(row(), row(batch=2), **changes)) == [f"runs.json: {fault}"]


def test_a_ceiling_that_failed_is_null() -> None:
    spec = checked(run_file(row(), ceilings={"gemm_bf16_tflops": None, "copy_gb_per_s": None}), "runs.json")
    assert spec.ceilings.gemm_bf16_tflops is None


def test_all_faults_come_together() -> None:
    assert faults(run_file(row(batch=0), row(heads=3, median=0.0), date="yesterday", schema="v2")) == [
        "runs.json: schema: unknown value 'v2'; allowed: einfuse-gpu-runs/1",
        r"runs.json: date: found 'yesterday', expected text that matches ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        "runs.json: rows.0.batch: found 0, expected a number greater than 0",
        "runs.json: rows.1.median: found 0.0, expected a number of at least 1e-09",
    ]


def test_energies_stay_a_stated_subset() -> None:
    rows = [row(batch=1 + index, energy_j=0.5) for index in range(41)]
    assert checked(run_file(*rows[1:]), "runs.json").rows[0].energy_j == 0.5
    assert faults(run_file(*rows)) == ["runs.json: rows: found 41 rows with an energy, expected at most 40"]


def test_further_keys_are_let_be() -> None:
    assert checked(run_file(row(note="x"), host="h"), "runs.json").rows[0].kernel == "sdpa-flash"


NO_RUN_FILES = {
    "empty": "", "a list": "[1]", "cut off": "{", "no number": '{"seconds": NaN}', "zero": "\x00", "deep": "[" * 100_000,
    "half a surrogate pair": '{"gpu": "\\ud800"}', "a key twice": '{"a": {"b": 1, "b": 2}}', "long": "1" * 9999,
}  # fmt: skip


@pytest.mark.parametrize("text", NO_RUN_FILES.values(), ids=NO_RUN_FILES)
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"runs\.json: (not a run file: |found .*, expected a mapping)"):
        read(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_bytes(b'{"gpu": "\xff"}')
    with pytest.raises(SpecError, match=r"runs\.json: not a run file: "):
        read(path)


# What is committed.


def test_what_is_measured_is_as_it_was_written() -> None:
    found = measured()
    assert [path.name for path in checked_files(MEASURED)] == sorted(path.name for path in MEASURED.rglob("*.json"))
    for path, file in zip(checked_files(MEASURED), found, strict=True):
        value = json.loads(path.read_text(encoding="utf-8"))
        assert {"driver", "torch"} <= set(value) and all("median" in each for each in value["rows"])
        assert file.rows == len(value["rows"]) == len(file.runs) + len(file.unfinished)


def test_a_file_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, run_file(row()))
    (tmp_path / SUMS).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  runs.json\n", encoding="utf-8")
    assert [file.rows for file in measured(tmp_path)] == [1]
    written(tmp_path, run_file(row(median=1.1e-3)))
    with pytest.raises(SpecError, match=r"runs\.json: its sum is not the one in SHA256SUMS: it was changed since"):
        measured(tmp_path)


def test_sums_and_files_are_the_same_ones(tmp_path: Path) -> None:
    path = written(tmp_path, run_file(row()))
    with pytest.raises(
        SpecError, match=r"SHA256SUMS: no sum of 'runs\.json'; add the line that `sha256sum runs\.json`"
    ):
        checked_files(tmp_path)
    path.unlink()
    (tmp_path / SUMS).write_text(f"{'0' * 64}  runs.json\nnonsense\n", encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        checked_files(tmp_path)
    assert [problem.message for problem in refused.value.problems] == [
        "'runs.json' is not there; restore the file, or remove the line",
        "found 'nonsense', expected the sum of a run file, as sha256sum writes it",
    ]


def test_no_run_file_hides_from_the_sums(tmp_path: Path) -> None:
    """Not in a folder, and not under another spelling of its ending."""
    (tmp_path / "h200").mkdir()
    paths = [written(tmp_path, run_file(row()), name) for name in ("a.JSON", "h200/b.json")]
    with pytest.raises(SpecError) as refused:
        checked_files(tmp_path)
    assert [problem.message.partition(";")[0] for problem in refused.value.problems] == [
        "no sum of 'a.JSON'", "no sum of 'h200/b.json'",
    ]  # fmt: skip
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest().upper()}  {path.relative_to(tmp_path)}" for path in paths]
    (tmp_path / SUMS).write_text("\n".join(lines), encoding="utf-8")
    assert checked_files(tmp_path) == tuple(paths) and len(measured(tmp_path)) == 2


def test_a_file_has_one_sum(tmp_path: Path) -> None:
    path = written(tmp_path, run_file(row()))
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  runs.json\n"
    (tmp_path / SUMS).write_text(f"{'0' * 64}  runs.json\n{line}", encoding="utf-8")
    with pytest.raises(SpecError, match=r"SHA256SUMS:2: 'runs\.json' has a sum already"):
        checked_files(tmp_path)


@pytest.mark.parametrize("line", [f"{'g' * 64}  runs.json", f"{'0' * 64}  ../runs.json", f"{'0' * 64}  /runs.json"])
def test_a_line_that_is_no_sum_of_a_run_file_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / SUMS).write_text(line, encoding="utf-8")
    with pytest.raises(SpecError, match="expected the sum of a run file, as sha256sum writes it"):
        checked_files(tmp_path)


def test_sums_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / SUMS).write_bytes(b"\xff\xfe0\x000")
    with pytest.raises(SpecError, match="SHA256SUMS: not a text of sums: "):
        checked_files(tmp_path)
