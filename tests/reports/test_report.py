"""`einfuse report`: the files it writes, what they say, and how they come to their place."""

from __future__ import annotations

import csv
import functools
import html
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arch import table_names
from reports import report
from reports.cli import main
from reports.findings.state import half_of_the_last_digit
from reports.paper import PAPERS, paper
from reports.placing import MANIFEST, placed
from reports.precision import FLAT, study
from sim import simulate
from specs import SpecError
from tests.conftest import ROOT, Golden

from .conftest import Run

IN_THE_PAPER = (  # its figures 6 to 12
    "utilization",
    "time-share",
    "speed-up",
    "energy-ratio",
    "end-to-end-speed-up",
    "end-to-end-energy-ratio",
    "area-latency",
)
FIGURES = (*IN_THE_PAPER, "energy", "denominator", "state-error")
KEYS = ("accounting", "configuration", "model", "seq_len")
PUBLISHED = ("source_csv", "model", "seq_len", "metric")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One report, written once."""
    folder = tmp_path_factory.mktemp("report") / "deep" / "fusemax"
    with pytest.raises(SystemExit) as left:
        main(["report", "fusemax", "-o", str(folder)])
    assert left.value.code == 0
    return folder


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_there_and_nothing_is_left_over(written: Path) -> None:
    names = {path.name for path in written.iterdir()}
    tables = {"results.csv", "utilization_by_einsum.csv", "energy_by_component.csv", "traffic.csv"}
    tables |= {"end_to_end.csv", "headline.csv", "energy_by_table.csv", "cycle_model_gaps.csv"}
    tables |= {f"{name}.csv" for name in IN_THE_PAPER}
    tables |= {"state_precision.csv", "state_rescalings.csv", "closed_forms.csv", MANIFEST}
    assert names == tables | {"index.html"} | {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert [path.name for path in written.parent.iterdir()] == ["fusemax"]


def test_results_hold_every_point_with_the_right_values(written: Path) -> None:
    found = rows(written, "results.csv")
    assert len(found) == 2 * 5 * 4 * 6
    key = {"accounting": "hardware", "configuration": "+Binding", "model": "BERT", "seq_len": "1024"}
    (row,) = [row for row in found if key.items() <= row.items()]
    assert float(row["latency_s"]) == pytest.approx(2.013140e-3, abs=5e-10)
    assert float(row["utilization_array_2d"]) == pytest.approx(0.8896104, abs=5e-8)
    assert int(row["dram_bytes"]) == 402653184
    base = next(r for r in found if {**key, "configuration": "unfused"}.items() <= r.items())
    assert float(row["speed_up"]) == pytest.approx(float(base["latency_s"]) / float(row["latency_s"]))
    assert float(base["speed_up"]) == float(base["energy_ratio"]) == 1.0


def test_parts_add_up(written: Path) -> None:
    columns = ("accounting", "configuration", "model", "seq_len")

    def key(row: dict[str, str]) -> tuple[str, ...]:
        return tuple(row[name] for name in columns)

    energy: dict[tuple[str, ...], float] = {}
    for row in rows(written, "energy_by_component.csv"):
        energy[key(row)] = energy.get(key(row), 0.0) + float(row["energy_j"])
    used: dict[tuple[str, ...], float] = {}
    for row in rows(written, "utilization_by_einsum.csv"):
        if row["unit"] == "array_2d":
            used[key(row)] = used.get(key(row), 0.0) + float(row["utilization"])
    for row in rows(written, "results.csv"):
        assert energy[key(row)] == pytest.approx(float(row["energy_j"]))
        if row["accounting"] == "hardware":
            assert used[key(row)] == pytest.approx(float(row["utilization_array_2d"]))


def test_the_cycle_models_time_stands_beside_the_analytic_one(written: Path) -> None:
    found = rows(written, "results.csv")
    assert all(bool(row["cycle_model_latency_s"]) != bool(row["cycle_model_refusal"]) for row in found)
    key = {"configuration": "+Binding", "model": "BERT", "seq_len": "65536"}
    (row,) = [row for row in found if {**key, "accounting": "hardware"}.items() <= row.items()]
    record = simulate("bert:seq_len=64Ki", "fusemax-cloud", "fusemax-binding", model="cycle")
    assert float(row["cycle_model_latency_s"]) == record.latency_s > float(row["latency_s"])
    gaps = [gap for gap in rows(written, "cycle_model_gaps.csv") if {**key, "part": "attention"}.items() <= gap.items()]
    assert {gap["cause"]: int(gap["cycles"]) for gap in gaps} == record.gap_cycles


def test_every_table_prices_every_point_or_says_why_not(written: Path) -> None:
    found = rows(written, "energy_by_table.csv")
    assert len(found) == 2 * len(rows(written, "results.csv")) * len(table_names())
    assert all(bool(row["energy_j"]) != bool(row["reason"]) for row in found)
    for part, file in (("attention", "results.csv"), ("end-to-end", "end_to_end.csv")):
        by_point: dict[tuple[str, ...], list[float]] = {}
        for row in found:
            if row["part"] == part and row["energy_ratio"]:
                by_point.setdefault(key_of(row), []).append(float(row["energy_ratio"]))
        for row in rows(written, file):
            ratios = by_point[key_of(row)]
            assert (float(row["least_energy_ratio"]), float(row["most_energy_ratio"])) == (min(ratios), max(ratios))


def key_of(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS)


def test_a_layer_is_its_attention_and_its_linear_layers(written: Path) -> None:
    attention = {key_of(row): float(row["latency_s"]) for row in rows(written, "results.csv")}
    for row in rows(written, "end_to_end.csv"):
        linear_s = float(row["latency_s"]) - attention[key_of(row)]
        assert linear_s > 0
        if key_of(row) == ("hardware", "+Binding", "BERT", "1024"):
            record = simulate("bert:seq_len=1Ki,part=linear", "fusemax-cloud", "fusemax-binding")
            assert linear_s == pytest.approx(record.latency_s)


def test_a_figures_csv_holds_what_it_shows(written: Path) -> None:
    results = {key_of(row): row for row in rows(written, "results.csv")}
    for row in rows(written, "speed-up.csv"):
        assert row["ours"] == results[key_of({**row, "accounting": "hardware"})]["speed_up"]
    for row in rows(written, "energy-ratio.csv"):
        same = results[key_of({**row, "accounting": row["panel"]})]
        ends = ("energy_ratio", "least_energy_ratio", "most_energy_ratio")
        assert [row["ours"], row["low"], row["high"]] == [same[name] for name in ends]
    for row in rows(written, "utilization.csv"):
        same = results[key_of({**row, "accounting": "hardware"})]
        assert row["ours"] == same[f"utilization_{row['panel']}"]
    shares: dict[tuple[str, ...], float] = {}
    for row in rows(written, "time-share.csv"):
        point = key_of({**row, "accounting": "hardware"})
        shares[point] = shares.get(point, 0.0) + float(row["ours"])
    for point, share in shares.items():
        assert share == pytest.approx(float(results[point]["utilization_array_2d"]))


def test_the_sweep_stands_with_the_configurations_and_its_front(written: Path) -> None:
    found = [row for row in rows(written, "area-latency.csv") if row["model"] == "BERT"]
    sweep = [row for row in found if row["number"]]
    assert [row["number"] for row in sweep] == ["16", "32", "64", "128", "256", "512"]
    tiles = 64 * 12 * (262144 // 256) ** 2
    epochs = (64 + 64 / 1024 + 1) + 1 + 8 + 64  # RD RNV AV, RM, SLN and SLD, SLNV
    assert float(sweep[-2]["latency_s"]) == pytest.approx(tiles * epochs / 940e6)
    assert all(row["on_front"] == "True" for row in sweep)
    (binding,) = [row for row in found if row["configuration"] == "+Binding"]
    assert binding["on_front"] == "False"  # the sweep's array of that side has a smaller buffer, and is as fast
    assert binding["latency_s"] == sweep[-2]["latency_s"]


def test_published_rows_are_set_beside_ours(einfuse: Callable[..., Run], published: Path, tmp_path: Path) -> None:
    """With a reference, figures have the ratios that two of its rows give."""
    folder, smaller = tmp_path / "out", tmp_path / "fusemax.yaml"
    text = PAPERS.path("fusemax").read_text()
    for line, kept in (
        ("models: {BERT: bert, TrXL: trxl, T5: t5, XLM: xlm}", "models: {BERT: bert, TrXL: trxl}"),
        ("lengths: [1Ki, 4Ki, 16Ki, 64Ki, 256Ki, 1Mi]", "lengths: [1Ki, 64Ki]"),
        ("called_out: [64Ki, 1Mi]", "called_out: [64Ki]"),
    ):
        assert line in text
        text = text.replace(line, kept)
    smaller.write_text(text)
    assert einfuse("report", str(smaller), "-o", str(folder), "--reference", str(published)).code == 0
    with published.open(encoding="utf-8") as file:
        theirs = {tuple(row[key] for key in PUBLISHED): float(row["value"]) for row in csv.DictReader(file)}

    def layer_s(attention: str, linear: str) -> float:
        return sum(theirs[f"{name}.csv", "BERT", "1M", "latency"] for name in (attention, linear))

    ratio = layer_s("attn-unfused", "end2end-flat") / layer_s("attn-binding", "end2end-proposal")
    key = {"configuration": "+Binding", "model": "BERT", "seq_len": "1048576"}
    (row,) = [row for row in rows(folder, "end-to-end-speed-up.csv") if key.items() <= row.items()]
    assert float(row["published"]) == pytest.approx(ratio) and float(row["ours"]) == pytest.approx(ratio, rel=1e-6)
    (side,) = [row for row in rows(folder, "area-latency.csv") if (row["model"], row["number"]) == ("TrXL", "64")]
    assert float(side["published_area_mm2"]) == pytest.approx(theirs["pareto.csv", "TrXL", "256K", "area@PE64"] / 1e6)
    assert "× is published" in (folder / "index.html").read_text(encoding="utf-8")


def test_a_reference_is_for_papers_only(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    run = einfuse("report", "fusemax-cycles", "-o", str(tmp_path / "out"), "--reference", "rows.csv")
    message = "--reference is for a paper; the study 'fusemax-cycles' has no published rows, leave it out\n"
    assert run == Run(2, "", message)


def test_two_bytes_of_state_stop_growing(written: Path) -> None:
    found = {(row["scores"], row["variant"], row["length"]): row for row in rows(written, "state_precision.csv")}
    narrow, wide = "2-byte state", "4-byte state and products"
    assert float(found[FLAT, narrow, "65536"]["value"]) == 65536
    assert float(found[FLAT, narrow, "1048576"]["value"]) == 65536  # 256 is half of the last digit there
    assert float(found[FLAT, narrow, "1048576"]["value_error"]) == pytest.approx(1 - 1 / 16)
    assert float(found[FLAT, wide, "1048576"]["value"]) == 1048576
    assert float(found["random scores", narrow, "1048576"]["value_error"]) > 0.5
    assert float(found["random scores", wide, "1048576"]["value_error"]) < 0.05


def test_a_narrow_sum_falls_because_new_maxima_rescale_it(written: Path) -> None:
    key = {"scores": "random scores", "variant": "2-byte state", "length": "1048576"}
    steps = [row for row in rows(written, "state_rescalings.csv") if key.items() <= row.items()]
    late = [(int(row["keys"]), float(row["before"]), float(row["factor"])) for row in steps[-2:]]
    assert late == [(267008, 712.0, 0.55078125), (627712, 512.0, 0.5859375)]
    (end,) = [row for row in rows(written, "state_precision.csv") if key.items() <= row.items()]
    assert float(end["value"]) == 302.0 and float(end["last_added"]) < half_of_the_last_digit(302.0, "bf16") == 1.0
    assert float(end["numerator_error"]) == pytest.approx(0.851, abs=1e-3)
    assert float(end["value_error"]) == pytest.approx(0.853, abs=1e-3)
    assert float(end["output_error"]) == pytest.approx(0.0159, abs=1e-4)


def test_the_page_says_how_to_repeat_the_study_and_why(written: Path, golden: Golden) -> None:
    page = html.unescape((written / "index.html").read_text(encoding="utf-8"))
    found = re.findall(r"<li>(.*?)</li>", page.split("What we found")[1].split("Figures")[0])
    (study_set_up,) = re.findall(r"<p>(Set-up: .*?)</p>", page)
    waits = "+Architecture waits 39.4 to 55.9 % of the time for each tile's maximum to travel down a column; no unit is"
    assert sum(waits in sentence for sentence in found) == 1
    assert "on one cloud accelerator" not in page and "wait for LM" not in " ".join(found)
    golden.check("\n".join([study_set_up, *found]) + "\n")


def test_flat_scores_count_the_keys() -> None:
    spec = paper("fusemax").report.precision.model_copy(update={"lengths": [300, 700]})
    found = [state for state in study(spec) if state.scores == FLAT]
    assert [state.exact for state in found] == [300.0] * 3 + [700.0] * 3


def test_the_page_needs_nothing_else(written: Path) -> None:
    page = (written / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert re.findall(r"https?://", page) == [] and "<script" not in page and "@import" not in page
    assert page.count('src="data:image/svg+xml;base64,') == len(FIGURES)
    assert len(re.findall(r"<img alt=\"[^\"]{20,}", page)) == len(FIGURES)
    for phrase in ("What we found", "1,048,576", "89.0 %", "times faster", "64-bit overflow"):
        assert phrase in page
    assert "{{" not in page and "{%" not in page


def test_the_terminal_shows_a_table_and_the_path(
    einfuse: Callable[..., Run], written: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written again, over what is there: other files stay, ours are the same to the byte."""
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    (written / "notes.txt").write_text("mine")
    monkeypatch.chdir(written.parent)
    run = einfuse("report", "fusemax", "-o", "fusemax")
    assert run.code == 0 and run.err == ""
    after = {path.name: path.read_bytes() for path in written.iterdir()}
    assert after.pop("notes.txt") == b"mine"
    (written / "notes.txt").unlink()
    assert after == before
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


def test_a_file_that_no_report_wrote_is_not_replaced(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("mine")
    run = einfuse("report", "fusemax", "-o", str(tmp_path))
    assert run == Run(2, "", in_the_way(tmp_path / "results.csv"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("results.csv", "mine")]


def in_the_way(path: Path) -> str:
    advice = "move it away, or give -o another folder"
    return f"'{path}' is in the way: no earlier report wrote it, or it was changed since; {advice}\n"


def put(folder: Path, **texts: str) -> None:
    """Write a small report."""
    with placed(folder, "index") as draft:
        for name, text in texts.items():
            (draft / name).write_text(text)


def test_files_of_an_earlier_report_are_replaced_or_removed(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    put(folder, index="1", old="1")
    (folder / "notes").write_text("mine")
    put(folder, index="2", new="2")
    found = {path.name: path.read_text() for path in folder.iterdir() if path.name != MANIFEST}
    assert found == {"index": "2", "new": "2", "notes": "mine"}
    (folder / "new").write_text("changed")
    with pytest.raises(SpecError) as refused:
        put(folder, index="3", new="3")
    assert str(refused.value) + "\n" == in_the_way(folder / "new")
    assert (folder / "index").read_text() == "2" and len(list(folder.iterdir())) == 4


def test_a_link_or_folder_with_a_name_of_ours_is_refused(tmp_path: Path) -> None:
    folder, target = tmp_path / "out", tmp_path / "target"
    put(folder, index="1", table="1")
    target.write_text("1")
    (folder / "table").unlink()
    (folder / "table").symlink_to(target)
    with pytest.raises(SpecError, match="is in the way"):
        put(folder, index="2", table="2")
    assert target.read_text() == "1"


@pytest.mark.parametrize("folder", ["", " "])
def test_an_empty_name_is_refused(einfuse: Callable[..., Run], folder: str) -> None:
    message = "invalid value: -o takes the folder that the report is written to; write -o . for this one"
    run = einfuse("report", "fusemax", "-o", folder)
    assert run == Run(2, "", f"einfuse report: {message}; see 'einfuse report --help'\n")


def test_a_folder_that_cannot_be_made_is_named_as_asked_for(einfuse: Callable[..., Run]) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    run = einfuse("report", "fusemax", "-o", "/proc/x")
    assert run == Run(5, "", "'/proc/x': cannot be written: no such file or directory\n")


@pytest.mark.parametrize(
    ("number", "code", "message"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: int, code: int, message: str) -> None:
    command = [sys.executable, "-m", "reports", "report", "fusemax", "-o", str(tmp_path / "deep" / "out")]
    heeded = functools.partial(signal.signal, number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heeded)
    for _ in range(600):
        if any((tmp_path / "deep").glob(".einfuse-report-*/draft")):
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    ended = process.returncode if process.returncode >= 0 else 128 - process.returncode  # as a shell reports it
    assert (ended, err.strip()) == (code, message)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_left_alone(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("mine")
    run = einfuse("report", "fusemax", "-o", str(file))
    assert run == Run(2, "", f"'{file}' is not a folder; -o takes the folder that the report is written to\n")
    run = einfuse("report", "fusemax", "-o", str(file / "deep"))
    assert run == Run(2, "", f"'{file}' is not a folder; -o takes the folder that the report is written to\n")
    assert file.read_text() == "mine"


def test_a_failure_leaves_nothing_behind(
    einfuse: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "results.csv")

    monkeypatch.setattr(report, "run_study", lambda paper, progress, reference: None)
    monkeypatch.setattr(report, "_write", full)
    run = einfuse("report", "fusemax", "-o", str(tmp_path / "out"))
    assert run == Run(5, "", "'results.csv': no space left on device\n")
    assert list(tmp_path.iterdir()) == []
