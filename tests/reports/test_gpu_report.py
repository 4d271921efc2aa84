"""`einfuse report gpu-runs`: at 80 columns, as JSON and as a folder; with runs of ours, with others', and with none."""

from __future__ import annotations

import csv
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.gpu.figures import decode, energy, prefill
from reports.gpu.findings import findings
from reports.gpu.report import as_dict
from reports.gpu.results import GpuStudy, gather
from reports.gpu.spec import gpu_study
from reports.gpu.tables import csv_tables, energy_table, not_kept_table, reached_share_table
from reports.placing import MANIFEST
from reports.report import kind_of
from sim.gpu.physics import sieve
from tests.sim.gpu_cases import row, run_file, skipped, tile, written

from .conftest import Run

FLASH = "source,gpu,direction,head_dim,causal,impl,seqlen,batch,heads,dtype,tflops\n"


@pytest.fixture
def none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is committed, a report finds none of it."""
    monkeypatch.setattr("sim.gpu.reading.MEASURED", tmp_path / "none")


@pytest.fixture
def ours(tmp_path: Path, none_of_ours: None) -> Path:
    """A run file: two kernels of ours and SDPA at a point, one that is too fast, one skipped."""
    decoding: dict[str, Any] = {"phase": "decode", "q_len": 1, "q_heads": 64, "batch": 8, "causal": False}
    rows = [
        row(energy_j=0.7, idle_energy_j=0.1),
        row(kernel="triton-1pass", median=1.2e-3, parameters=tile(64)),
        row(kernel="triton-1pass", median=1.1e-3, parameters=tile(128)),
        row(kernel="sdpa-cudnn", median=1e-4, p10=1e-4, p90=1e-4),
        row(kernel="sdpa-flash", median=2e-4, p10=2e-4, p90=2e-4, **decoding),
        row(kernel="triton-split", median=1.8e-4, p10=1.5e-4, p90=2e-4, **decoding),
        skipped(kernel="sdpa-math"),
    ]
    return written(tmp_path, run_file(*rows))


@pytest.fixture
def study(ours: Path) -> GpuStudy:
    return gather(gpu_study("gpu-runs"), ours)


def test_our_kernels_against_others(study: GpuStudy) -> None:
    (ratio,) = study.ratios("triton-1pass", "sdpa-flash")  # the fastest parameters, at the only common point
    assert ratio.times == pytest.approx(1.1) and ratio.ours.parameters == tile(128)
    (ratio,) = study.ratios("triton-split", "sdpa-flash")
    assert ratio.times == pytest.approx(0.9)
    assert study.ratios("triton-1pass", "sdpa-cudnn") == []  # too fast to be kept
    text = " ".join(findings(study))
    for part in (
        "1.100 times the time of sdpa-flash",
        "The aim of at most 1.25 times at head dimension 128, causal, 16Ki is reached: 1.100 at most.",
        "torch 2.9.0",
    ):
        assert part in text
    assert "5 kept, 1 rejected" in text


@pytest.mark.parametrize(
    ("median", "said"), [(1.3e-3, "is missed: 1.300 at most"), (None, "was not asked: that point")]
)
def test_the_aim_is_compared_where_its_point_was_measured(
    tmp_path: Path, none_of_ours: None, median: float | None, said: str
) -> None:
    shape = {"kv_len": 16384, "q_len": 16384} if median else {"kv_len": 8192, "q_len": 8192}
    times = {"median": median or 1e-3, "p10": 0.9e-3, "p90": 2e-3}
    rows = [row(**shape), row(kernel="triton-1pass", parameters=tile(64), **(times | shape))]
    study = gather(gpu_study("gpu-runs"), written(tmp_path, run_file(*rows)))
    assert said in " ".join(findings(study))


def test_two_files_of_one_name_gpu_and_day_are_not_mixed_up(tmp_path: Path, none_of_ours: None) -> None:
    """In one of them ours takes twice the time of SDPA, in the other half of it."""
    for folder, median in (("a", 2e-3), ("b", 0.6e-3)):
        (tmp_path / folder).mkdir()
        rows = [
            row(median=1.2e-3),
            row(kernel="triton-1pass", median=median, p10=0.6e-3, p90=2e-3, parameters=tile(64)),
        ]
        written(tmp_path / folder, run_file(*rows))
    spec = gpu_study("gpu-runs")
    files = [gather(spec, tmp_path / folder).files[0] for folder in "ab"]
    assert files[0].source == files[1].source
    both = GpuStudy(spec, tuple(files), (), sieve(run for file in files for run in file.runs), ())
    times = [ratio.times for ratio in both.ratios("triton-1pass", "sdpa-flash")]
    assert times == pytest.approx([2 / 1.2, 0.5])
    assert len({line[1] for line in csv_tables(both)["compared.csv"][1]}) == 2


def test_a_copy_of_a_file_counts_once(tmp_path: Path, none_of_ours: None) -> None:
    for name in ("one.json", "same.json"):
        written(tmp_path, run_file(row()), name)
    assert [file.rows for file in gather(gpu_study("gpu-runs"), tmp_path).files] == [1]


def test_a_chip_that_is_not_known_keeps_its_place_where_no_peak_is_needed(
    einfuse: Callable[..., Run], tmp_path: Path, none_of_ours: None
) -> None:
    rows = [row(energy_j=0.5), row(kernel="triton-1pass", median=1.1e-3, parameters=tile(128))]
    path = written(tmp_path, run_file(*rows, gpu="NVIDIA L40"))
    study = gather(gpu_study("gpu-runs"), path)
    (ratio,) = study.ratios("triton-1pass", "sdpa-flash")
    assert ratio.times == pytest.approx(1.1) and not ratio.judged
    shown = einfuse("report", "gpu-runs", "--reference", str(path)).out
    for part in ("triton-1pass *", "sdpa-flash *", "*: no verdict of physics", "without a verdict", "30.52 µJ"):
        assert part in " ".join(shown.split())
    assert einfuse("report", "gpu-runs", "--reference", str(path), "-o", str(tmp_path / "out")).code == 0


def test_shares_of_measured_ceilings_by_hand(study: GpuStudy) -> None:
    """4 · 8 · 128 · 16384 · 16385 / 2 FLOPs in 1 ms are 549.8 TFLOP/s, of the 700 of a plain product 78.5 %."""
    columns, body = reached_share_table(study)
    shown = {line[2]: dict(zip(columns, line, strict=True)) for line in body if line[1] == "prefill"}
    assert (shown["sdpa-flash"]["TFLOP/s>"], shown["sdpa-flash"]["of\nGEMM>"]) == ("549.8", "78.5 %")
    assert "sdpa-cudnn" not in shown  # rejected
    for draw, reached, stated in ((prefill, 700, 989), (decode, 4300, 4800)):
        (axes,) = draw(study).axes
        drawn = [(np.asarray(line.get_ydata()).tolist(), line.get_linestyle()) for line in axes.lines]
        levels = {at[0]: style for at, style in drawn if len(at) == 2 and at[0] == at[1]}
        assert levels[reached] == ":" and stated in levels


def test_a_ceiling_that_failed_is_left_out_and_its_note_is_shown(
    einfuse: Callable[..., Run], tmp_path: Path, none_of_ours: None
) -> None:
    none = {"gemm_bf16_tflops": None, "copy_gb_per_s": None}
    path = written(tmp_path, run_file(row(), ceilings=none, notes=["no ceiling of memory: RuntimeError: broken"]))
    shown = einfuse("report", "gpu-runs", "--reference", str(path), "-o", str(tmp_path / "out"))
    assert shown.code == 0 and "no ceiling of memory: RuntimeError: broken." in " ".join(shown.out.split())


def test_rows_that_were_skipped_for_one_reason_stand_in_one_line(tmp_path: Path, none_of_ours: None) -> None:
    rows = [skipped(batch=1 + index, reason="the time limit was reached") for index in range(9)]
    study = gather(gpu_study("gpu-runs"), written(tmp_path, run_file(row(), *rows, skipped(batch=20))))
    lines = [line[1:] for line in not_kept_table(study)[1]]
    assert lines == [
        ["9 rows", "sdpa-math", "skipped", "the time limit was reached"],
        [rows[0]["id"].replace("b1-", "b20-"), "sdpa-math", "skipped", "needs 200 GB"],
    ]
    assert len(csv_tables(study)["not_kept.csv"][1]) == 10


def test_energies_stand_with_their_parameters(tmp_path: Path, none_of_ours: None) -> None:
    decoding: dict[str, Any] = {"phase": "decode", "q_len": 1, "batch": 8, "causal": False, "energy_j": 0.1}
    rows = [row(kernel="triton-1pass", energy_j=0.5, parameters=tile(size)) for size in (64, 128)]
    study = gather(gpu_study("gpu-runs"), written(tmp_path, run_file(*rows, row(**decoding))))
    body = energy_table(study)[1]
    assert [line[1] for line in body] == [f"block_q {n}, block_k 64, warps 8, stages 2" for n in (64, 128)] + [""]
    panels = [axes.get_yticklabels() for axes in energy(study).axes]
    assert [len(labels) for labels in panels] == [2, 1], "a panel for each phase"
    assert "block_q 64" in panels[0][0].get_text()


def test_what_is_not_kept_is_listed_with_the_arithmetic(study: GpuStudy) -> None:
    columns, body = csv_tables(study)["not_kept.csv"]
    rejected, unfinished = (dict(zip(columns, each, strict=True)) for each in body)
    assert (rejected["kernel"], rejected["verdict"]) == ("sdpa-cudnn", "rejected")
    assert rejected["reason"].startswith("5.498e+11 FLOPs / 989 TFLOP/s = 555.9 µs > 100 µs (H200 data sheet")
    assert (unfinished["kernel"], unfinished["verdict"], unfinished["reason"]) == (
        "sdpa-math",
        "skipped",
        "needs 200 GB",
    )


def test_the_terminal_says_what_runs_of_ours_can_say(einfuse: Callable[..., Run], ours: Path) -> None:
    shown = einfuse("report", "gpu-runs", "--reference", str(ours))
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 80
    for part in (
        "measured ceilings",
        "700 TFLOP/s",
        "our kernels' time, of another's",
        "42.72 µJ",
        "36.62 µJ",
        "30.0 %",
    ):
        assert part in shown.out


def test_without_any_measurement_it_says_so(einfuse: Callable[..., Run], none_of_ours: None) -> None:
    shown = einfuse("report", "gpu-runs")
    assert (shown.code, shown.err) == (0, "")
    told = " ".join(shown.out.split())
    assert "There is no measurement to show: none of ours is committed under sim/measured" in told
    assert "H200-SXM" in told and "8000 ?" in told


def test_others_alone_are_said_to_be_others(einfuse: Callable[..., Run], none_of_ours: None, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        f"{FLASH}s,H100-SXM,fwd,128,0,fa3,16384,1,16,fp16,989.5\ns,H100-SXM,fwd,128,1,fa3,16384,1,16,fp16,999\n",
        encoding="utf-8",
    )
    (tmp_path / "claims.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    shown = einfuse("report", "gpu-runs", "--reference", str(tmp_path))
    told = " ".join(shown.out.split())
    assert "No run of ours is among them" in told and "1 kept, 1 rejected" in told
    assert "they hold no measurements: claims.csv" in told
    found = einfuse("report", "gpu-runs", "--reference", str(tmp_path), "--json").json
    assert [len(found[verdict]) for verdict in ("kept", "rejected", "unjudged")] == [1, 1, 0]
    assert found["kept"][0]["tflop_per_s"] == pytest.approx(989.5)


def test_json_is_one_object(einfuse: Callable[..., Run], ours: Path, study: GpuStudy) -> None:
    found = einfuse("report", "gpu-runs", "--reference", str(ours), "--json").json
    assert found["files"][0]["rows"] == 7 and found["files"][0]["runs"] == 6
    assert len(found["kept"]) == len(as_dict(study)["kept"])
    assert found["compared"][0]["times"] == pytest.approx(1.1)


def test_a_folder_has_the_page_its_figures_and_tables(einfuse: Callable[..., Run], ours: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shown = einfuse("report", "gpu-runs", "--reference", str(ours), "-o", str(folder))
    assert shown.code == 0 and "".join(shown.out.split()).endswith(str(folder / "index.html"))
    figures = {f"{name}.{kind}" for name in ("prefill", "decode", "compared", "energy") for kind in ("svg", "png")}
    tables = {"runs.csv", "not_kept.csv", "compared.csv"}
    assert {path.name for path in folder.iterdir()} == {"index.html", MANIFEST, *tables, *figures}
    page = html.unescape((folder / "index.html").read_text(encoding="utf-8"))
    assert "not kept" in page and "555.9 µs" in page and "<img" in page
    with (folder / "runs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and float(rows[0]["median_s"]) == 1e-3
    assert float(rows[0]["tflop_per_s"]) == pytest.approx(549.755813888)


def test_a_folder_without_runs_has_a_page(einfuse: Callable[..., Run], none_of_ours: None, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert einfuse("report", "gpu-runs", "-o", str(folder)).code == 0
    assert {path.suffix for path in folder.iterdir()} == {".html", ".csv", ""}


def test_what_is_wrong_is_refused(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    shown = einfuse("report", "gpu-runs", "--reference", str(tmp_path / "nothing"))
    assert (shown.code, shown.out) == (2, "") and "is neither a file nor a folder" in shown.err
    assert kind_of("gpu-runs") == "gpu"


def test_public_rows_and_the_ones_that_are_committed(einfuse: Callable[..., Run], shared_dir: Path) -> None:
    found = einfuse("report", "gpu-runs", "--reference", str(shared_dir / "reference/gpu"), "--json").json
    rows = {file["source"]: file["rows"] for file in found["files"]}
    assert rows["attention_runs.csv"] == 157 and rows["flash_attention_tflops.csv"] == 185
    assert rows["flash_decoding_table.csv"] == 10
