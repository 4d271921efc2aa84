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

from .gpu_cases import row, run_file, skipped, written


def faults(value: Any) -> list[str]:
    with pytest.raises(SpecError) as refused:
        checked(value, "runs.json")
    return [str(problem) for problem in refused.value.problems]


def test_a_run_file_is_read_whole(tmp_path: Path) -> None:
    energy = row(id="b", energy_j=0.7, idle_energy_j=0.1, energy_runs=2000, parameters={"block_q": 128, "splits": None})
    path = written(tmp_path, run_file(row(), energy, skipped()))
    found = read(path)
    assert (found.kind, found.rows, len(found.runs)) == ("run file", 3, 2)
    first, second = found.runs
    assert found.source == first.source == "runs.json (NVIDIA H200, 2026-11-20)"
    assert (first.chip, first.row, first.ours) == ("NVIDIA H200", "prefill-16Ki-sdpa-flash", True)
    assert (first.times, first.warm) == (Times(1e-3, 0.9e-3, 1.2e-3), Times(0.95e-3, 0.9e-3, 1e-3))
    assert first.times.spread == pytest.approx(0.3)
    assert second.energy_per_token_j == pytest.approx(0.7 / 16384)
    assert second.own_energy_per_token_j == pytest.approx(0.6 / 16384)
    assert second.parameters == {"block_q": 128, "splits": None}
    (lacking,) = found.unfinished
    assert (lacking.row, lacking.status, lacking.reason) == ("skipped", "skipped", "needs 200 GB")
    assert found.machine is not None and found.machine.ceilings.gemm_bf16_tflops.median == 700


@given(st.floats(1e-7, 10), st.floats(1, 2), st.floats(1, 2))
def test_seconds_come_back_bit_by_bit(median: float, below: float, above: float) -> None:
    spec = checked(run_file(row(median=median, p10=median / below, p90=median * above)), "runs.json")
    assert (spec.rows[0].p10, spec.rows[0].median, spec.rows[0].p90) == (median / below, median, median * above)


@given(st.lists(st.sampled_from(("ok", "skipped", "wrong", "failed")), max_size=8))
def test_every_row_is_a_run_or_says_why_not(states: list[str]) -> None:
    rows = [
        row(id=str(index)) if state == "ok" else skipped(id=str(index), status=state)
        for index, state in enumerate(states)
    ]
    spec = checked(run_file(*rows, grid={"name": "full", "sha256": "2" * 64, "rows": 400}), "runs.json")
    assert [each.status for each in spec.rows] == states


@pytest.mark.parametrize("key", sorted(set(run_file()) - {"schema"}))
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
        ({"status": "wrong"}, "rows.1.median: found a time of a row that is 'wrong', expected null"),
        (
            {"status": "fine"},
            "rows.1.status: unknown value 'fine'; did you mean 'failed'? allowed: ok, skipped, wrong, failed",
        ),
        ({"dtype": "int4"}, "rows.1.dtype: found 'int4', expected one of: bf16, fp16, fp8"),
        ({"kv_heads": 3}, "rows.1: q_heads: found 8 heads of queries to 3 of keys, expected a multiple"),
        ({"id": "prefill-16Ki-sdpa-flash"}, "rows.1.id: 'prefill-16Ki-sdpa-flash' is the id of row 0 already"),
        ({"batch": 0}, "rows.1.batch: found 0, expected a number greater than 0"),
    ],
)
def test_a_wrong_row_is_refused_by_row_and_key(changes: dict[str, Any], fault: str) -> None:
    assert faults(run_file(row(), row(id="b") | changes)) == [f"runs.json: {fault}"]


def test_a_row_without_a_time_says_why() -> None:
    assert faults(run_file(skipped(reason=None))) == ["runs.json: rows.0.reason: a row that is 'skipped' says why"]


def test_all_faults_come_together() -> None:
    assert faults(run_file(row(batch=0), row(id="b", heads=3, median=0.0), date="yesterday", schema="v2")) == [
        "runs.json: schema: unknown value 'v2'; allowed: einfuse-gpu-runs/1",
        r"runs.json: date: found 'yesterday', expected text that matches ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        "runs.json: rows.0.batch: found 0, expected a number greater than 0",
        "runs.json: rows.1.median: found 0.0, expected a number of at least 1e-09",
    ]


def test_energies_stay_a_stated_subset() -> None:
    rows = [row(id=str(index), energy_j=1.0) for index in range(41)]
    assert checked(run_file(*rows[1:]), "runs.json").rows[0].energy_j == 1
    assert faults(run_file(*rows)) == ["runs.json: rows: found 41 rows with an energy, expected at most 40"]


def test_further_keys_are_let_be() -> None:
    assert checked(run_file(row(note="x"), host="h"), "runs.json").rows[0].kernel == "sdpa-flash"


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"seconds": NaN}', "\x00"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"runs\.json: (not a run file: |found .*, expected a mapping)"):
        read(path)


# What is committed.


def test_what_is_measured_is_as_it_was_written() -> None:
    found = measured()
    assert [path.name for path in checked_files(MEASURED)] == sorted(path.name for path in MEASURED.glob("*.json"))
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
