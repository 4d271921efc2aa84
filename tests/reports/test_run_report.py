"""`einfuse report RUN`: the data behind a run's plots, and what is written and refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reports import style
from reports.explore.run_figures import _heights, files, label
from reports.explore.run_results import TABLES, results
from reports.placing import MANIFEST
from reports.quantities import setting
from sim.explore.runs.keep import Keep
from sim.explore.runs.local import serial
from sim.explore.runs.run import run
from tests.explore.made_up import OBJECTIVES, MadeUp

from .conftest import Run

Einfuse = Callable[..., Run]
SPEC = """
sweep: s
workload: bert:seq_len=1Ki
arch: fusemax-cloud
mapping: fusemax-binding
axes:
  arch.array_2d.rows: [32, 64, 128]
  arch.array_2d.cols: = arch.array_2d.rows
  arch.buffer.size: {from: 64KiB, to: 16MiB, times: 4}
  arch.dram.bandwidth: {from: 10GiB/s, to: 400GiB/s, steps: 100}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reports.cli import main

    folder = tmp_path_factory.mktemp("swept")
    (folder / "s.yaml").write_text(SPEC)
    for arguments in (
        ["sweep", str(folder / "s.yaml"), "-o", str(folder / "run"), "--jobs", "1"],
        ["report", str(folder / "run"), "-o", str(folder / "plots")],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    return folder


def read(swept: Path, name: str) -> list[dict[str, str]]:
    with (swept / "plots" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_there(swept: Path) -> None:
    assert {path.name for path in (swept / "plots").iterdir()} == {*TABLES, *files(), "index.html", MANIFEST}
    assert all(path.stat().st_size > 1000 for path in (swept / "plots").glob("*.png"))


def test_the_heat_map_is_the_best_over_the_other_axes(swept: Path) -> None:
    table = pd.read_parquet(swept / "run")
    table = table[table["feasible"]]
    rows = read(swept, "best.csv")
    assert {row["objective"] for row in rows} == {"latency_s", "energy_j", "area_mm2"}
    for row in (each for each in rows if each["objective"] == "area_mm2"):
        assert {row["axis"], row["other_axis"]} <= {"arch.array_2d.rows", "arch.array_2d.cols", "arch.buffer.size"}
        here = table[
            (table[row["axis"]] == float(row["value"])) & (table[row["other_axis"]] == float(row["other_value"]))
        ]
        assert row["least"] == ("" if here.empty else str(here["area_mm2"].min()))
    axes = {frozenset((row["axis"], row["other_axis"])) for row in rows}
    assert frozenset(("arch.array_2d.rows", "arch.array_2d.cols")) not in axes  # one is tied to the other


def test_every_feasible_point_is_in_a_bin(swept: Path) -> None:
    table = pd.read_parquet(swept / "run")
    rows = read(swept, "density.csv")
    for x, y in (("latency_s", "energy_j"), ("latency_s", "area_mm2"), ("energy_j", "area_mm2")):
        here = [row for row in rows if (row["x"], row["y"]) == (x, y)]
        assert sum(int(row["points"]) for row in here) == int(table["feasible"].sum())
        assert min(float(row["x_from"]) for row in here) == pytest.approx(table[x].min())


def test_the_front_is_that_of_pareto(swept: Path, einfuse: Einfuse) -> None:
    front = einfuse("pareto", str(swept / "run"), "--json").json["front"]
    assert [int(row["point"]) for row in read(swept, "front.csv")] == [row["point"] for row in front]


def test_axes_that_do_nothing_have_no_share(swept: Path) -> None:
    shares = {(row["objective"], row["axis"]): float(row["variance_share"]) for row in read(swept, "sensitivity.csv")}
    assert shares["area_mm2", "arch.dram.bandwidth"] < 1e-9
    assert shares["area_mm2", "arch.array_2d.rows"] == pytest.approx(shares["area_mm2", "arch.array_2d.cols"])
    assert all(0 <= share <= 1 for share in shares.values())


def test_lines_of_the_front_lie_between_the_ends(swept: Path) -> None:
    found = results(swept / "run")
    for name in (*found.axes, *found.space.objectives):
        heights = _heights(found, name)
        assert len(heights) == found.front.table.num_rows
        assert heights.min() >= 0 and heights.max() <= 1


def test_runs_that_lack_axes_objectives_or_parts(tmp_path: Path, einfuse: Einfuse) -> None:
    run(MadeUp(), tmp_path / "run", Keep("front", OBJECTIVES[:1]), engine=serial)
    found = einfuse("report", str(tmp_path / "run"), "-o", str(tmp_path / "plots"))
    assert found.code == 0
    assert not (tmp_path / "plots" / "pareto.png").exists()  # of one objective there are no pairs
    run(MadeUp(hopeless=True), tmp_path / "hopeless", Keep("all", OBJECTIVES), engine=serial)
    assert einfuse("report", str(tmp_path / "hopeless"), "-o", str(tmp_path / "none")).code == 3
    assert not (tmp_path / "none").exists()


def test_models_are_not_compared(tmp_path: Path, einfuse: Einfuse) -> None:
    """A run by two models has a front of each, and its report is that of the cycle model's rows alone."""
    (tmp_path / "s.yaml").write_text(SPEC.replace("steps: 100", "steps: 3"))
    for name, models in (("both", "[analytic, cycle]"), ("alone", "cycle"), ("cheap", "analytic")):
        changes = ["--set", f"model={models}"]
        run = einfuse("sweep", str(tmp_path / "s.yaml"), "-o", str(tmp_path / name), "--jobs", "1", *changes)
        assert run.code == 0
    fronts = {
        name: einfuse("pareto", str(tmp_path / name), "--json").json["front"] for name in ("both", "alone", "cheap")
    }
    points = len(pd.read_parquet(tmp_path / "alone"))
    both = [{**row, "point": row["point"] % points} for row in fronts["both"]]
    assert both == [
        {**row, "model": model} for model, name in (("analytic", "cheap"), ("cycle", "alone")) for row in fronts[name]
    ]
    found = {
        name: einfuse("report", str(tmp_path / name), "-o", str(tmp_path / f"{name}-plots"))
        for name in ("both", "alone")
    }
    assert found["both"].out.startswith("By model cycle; the rows by others are in the run.\n")
    for name in TABLES[1:]:
        tables = [(tmp_path / f"{run}-plots" / name).read_bytes() for run in ("both", "alone")]
        assert tables[0] == tables[1]


def test_what_is_no_run_is_refused(tmp_path: Path, einfuse: Einfuse) -> None:
    found = einfuse("report", str(tmp_path), "-o", str(tmp_path / "plots"))
    assert found.code == 2 and "is not a run: it has no _run.json" in found.err
    run(MadeUp(), tmp_path / "run", Keep("all", OBJECTIVES), engine=serial)
    found = einfuse("report", str(tmp_path / "run"))
    assert found.code == 2 and "is written to a folder; give it with -o" in found.err


@pytest.mark.parametrize("place", ["run", "run/plots"])
def test_no_report_is_written_into_a_run(tmp_path: Path, einfuse: Einfuse, place: str) -> None:
    run(MadeUp(), tmp_path / "run", Keep("all", OBJECTIVES), engine=serial)
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    for name in (str(tmp_path / "run"), "pim"):
        found = einfuse("report", name, "-o", str(tmp_path / place))
        assert found.code == 2 and f"is in the run '{tmp_path / 'run'}'" in found.err
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before
    assert len(pd.read_parquet(tmp_path / "run")) == MadeUp().points
    assert run(MadeUp(), tmp_path / "run", Keep("all", OBJECTIVES), engine=serial)


def test_a_run_that_is_not_there_is_called_one(tmp_path: Path, einfuse: Einfuse) -> None:
    found = einfuse("report", str(tmp_path / "gone"), "-o", str(tmp_path / "plots"))
    assert found.code == 2 and "give the folder of a run, a .yaml file, or one of" in found.err


@pytest.mark.parametrize("low, high", [(4.6e-4, 4.7e-4), (3e-5, 6e-4), (20.0, 350.0), (1e-4, 3.0), (1262.0, 1263.0)])
@pytest.mark.parametrize("which", ["x", "y"])
def test_numbers_of_ticks_do_not_overlap(low: float, high: float, which: str) -> None:
    from itertools import pairwise

    log = high > 4 * low
    with style.styled():
        figure, panels = style.new_figure(3.2, 1, 3, width_in=2 * style.WIDTH_IN)
        panel = panels[0]
        panel.set(xscale="log" if log else "linear", yscale="log" if log else "linear")
        panel.set(xlim=(low, high), ylim=(low, high))
        axis = panel.xaxis if which == "x" else panel.yaxis
        style.number_ticks(axis, log)
        figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.get_ticklabels(which="both") if text.get_text()]
    inside = [box for box in boxes if box.width]
    ends = sorted((box.x0, box.x1) if which == "x" else (box.y0, box.y1) for box in inside)
    assert len(ends) >= 2 and all(one[1] < other[0] for one, other in pairwise(ends))


def test_a_single_feasible_design_is_shown_with_its_axes(tmp_path: Path, einfuse: Einfuse) -> None:
    (tmp_path / "s.yaml").write_text(
        SPEC + "constraints: [arch.dram.bandwidth == 10 GiB/s, arch.array_2d.rows == 64]\n"
    )
    (tmp_path / "s.yaml").write_text(
        (tmp_path / "s.yaml").read_text().replace("{from: 64KiB, to: 16MiB, times: 4}", "[16MiB]")
    )
    assert einfuse("sweep", str(tmp_path / "s.yaml"), "-o", str(tmp_path / "run"), "--jobs", "1").code == 0
    found = einfuse("report", str(tmp_path / "run"), "-o", str(tmp_path / "plots"))
    assert found.code == 0 and "no axis has more than one value" in found.out and "front of 1 point," in found.out
    page = (tmp_path / "plots" / "index.html").read_text()
    assert "<th>arch.buffer.size</th>" in page and "<td>16Mi</td>" in page


def test_labels() -> None:
    assert label("arch.dram.bandwidth") == "arch.dram.bandwidth (B/s)" and setting(3200.0 * 2**30) == "3200Gi"
    assert [label(name) for name in OBJECTIVES] == ["latency (s)", "energy (J)", "area (mm²)"]
