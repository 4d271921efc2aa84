"""`einfuse report`: the files it writes, what they say, and how they come to their place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import report
from reports.cli import main
from reports.paper import paper
from reports.precision import FLAT, study
from tests.conftest import Golden

from .conftest import Run

FIGURES = ("utilization", "speed-up", "time-share", "energy", "denominator", "state-error")


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
    tables |= {"state_precision.csv", "closed_forms.csv"}
    assert names == tables | {"index.html"} | {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert [path.name for path in written.parent.iterdir()] == ["fusemax"]


def test_results_hold_every_point_with_the_right_values(written: Path) -> None:
    found = rows(written, "results.csv")
    assert len(found) == 2 * 3 * 4 * 6
    key = {"accounting": "hardware", "configuration": "+Binding", "model": "BERT", "seq_len": "1024"}
    (row,) = [row for row in found if key.items() <= row.items()]
    assert float(row["latency_s"]) == pytest.approx(2.013140e-3, abs=5e-10)
    assert float(row["utilization_array_2d"]) == pytest.approx(0.8896104, abs=5e-8)
    assert int(row["dram_bytes"]) == 402653184
    slow = next(r for r in found if {**key, "configuration": "+Cascade"}.items() <= r.items())
    assert float(row["speed_up"]) == pytest.approx(float(slow["latency_s"]) / float(row["latency_s"]))
    assert float(slow["speed_up"]) == float(slow["energy_ratio"]) == 1.0


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


def test_two_bytes_of_state_stop_growing(written: Path) -> None:
    found = {(row["scores"], row["variant"], row["length"]): row for row in rows(written, "state_precision.csv")}
    narrow, wide = "2-byte state", "4-byte state and products"
    assert float(found[FLAT, narrow, "65536"]["value"]) == 65536
    assert float(found[FLAT, narrow, "1048576"]["value"]) == 65536  # 256 is half of the last digit there
    assert float(found[FLAT, narrow, "1048576"]["value_error"]) == pytest.approx(1 - 1 / 16)
    assert float(found[FLAT, wide, "1048576"]["value"]) == 1048576
    assert float(found["random scores", narrow, "1048576"]["value_error"]) > 0.5
    assert float(found["random scores", wide, "1048576"]["value_error"]) < 0.05


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

    monkeypatch.setattr(report, "run_study", lambda paper, progress: None)
    monkeypatch.setattr(report, "_write", full)
    run = einfuse("report", "fusemax", "-o", str(tmp_path / "out"))
    assert run == Run(5, "", "'results.csv': no space left on device\n")
    assert list(tmp_path.iterdir()) == []
