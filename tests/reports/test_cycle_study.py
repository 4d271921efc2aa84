"""`einfuse report fusemax-cycles`: its points are what `simulate` says, and its findings follow from them."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.cli import main
from reports.cycles.findings import findings, tiles_table
from reports.cycles.results import CycleStudy, Outcome, outcome_of, run
from reports.cycles.spec import CycleStudySpec, Point, study_spec
from reports.cycles.tables import csv_tables
from reports.placing import MANIFEST
from reports.report import kind_of
from sim import simulate
from specs import SpecError

from .conftest import Run

SMALL: dict[str, Any] = {
    "grids": {
        "lengths": [{"model": ["BERT"], "length": [1024, 4096]}],
        "latencies": [{"tiles": [1, 8, 16], "latency": [1, 2], "path": ["broadcast"]}],
        "ports": [{"ports": ["1RW", "unlimited"], "tiles": [8, 16]}],
        "port states": [{"ports": ["1RW", "unlimited"], "state": "all"}],
        "states": [{"state": "all", "length": [1024]}],
        "provision": [{"registers": "all", "tiles": [8, 16]}],
    },
    "scenarios": {"as published": {}, "slow": {"latency": 2, "tiles": 16}},
}


def small() -> CycleStudySpec:
    """The study with few points, of 1Ki tokens and no other number of tiles than those."""
    whole = study_spec("fusemax-cycles").model_dump()
    whole["axes"]["length"] |= {"base": 1024}
    whole["axes"]["tiles"] |= {"numbers": [1, 8, 16]}
    return CycleStudySpec.model_validate(whole | SMALL)


@pytest.fixture(scope="module")
def study() -> CycleStudy:
    return run(small())


def table(study: CycleStudy, name: str) -> list[dict[str, Any]]:
    columns, rows = csv_tables(study)[name]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_rows_are_what_simulate_says(study: CycleStudy) -> None:
    rows = table(study, "points.csv")
    assert len(rows) == len(study.outcomes) == len(small().points())
    for row in rows:
        if not row["fits"]:
            continue
        references = row["workload"], row["arch"], row["mapping"]
        cycle, analytic = simulate(*references, model="cycle"), simulate(*references)
        assert (row["cycles"], row["latency_s"], row["bound_by"]) == (cycle.cycles, cycle.latency_s, cycle.bound_by)
        assert row["analytic_cycles"] == analytic.cycles
        assert row["kept"] == pytest.approx(analytic.cycles / cycle.cycles)
        assert row["utilization_array_2d"] == cycle.utilization["array_2d"]
        assert row["analytic_utilization_array_2d"] == pytest.approx(analytic.utilization["array_2d"], rel=1e-5)
        assert (row["energy_j"], row["area_mm2"]) == (cycle.energy_j, cycle.area_mm2)
        assert row["dram_bytes"] == sum(cycle.traffic_bytes["dram"].values())
        assert row["buffer_rows_read"] == cycle.actions["buffer"]["read"]


def test_gaps_lead_to_the_analytic_model_and_stalls_fill_the_time(study: CycleStudy) -> None:
    gaps, stalls = table(study, "gaps.csv"), table(study, "stalls.csv")
    for row in table(study, "points.csv"):
        if not row["fits"]:
            continue
        key = {axis: row[axis] for axis in small().axes}.items()
        assert row["cycles"] - sum(g["cycles"] for g in gaps if key <= g.items()) == row["analytic_cycles"]
        idle = sum(s["cycles"] for s in stalls if key <= s.items() and s["unit"] == "array_2d")
        assert row["utilization_array_2d"] + idle / row["cycles"] == pytest.approx(1)


def test_what_does_not_fit_is_kept_with_its_reason(study: CycleStudy) -> None:
    refused = [row for row in table(study, "points.csv") if not row["fits"]]
    assert [(row["registers"], row["tiles"]) for row in refused] == [("as in the paper", 16)]
    assert "there are 16 registers" in refused[0]["reason"] and refused[0]["cycles"] is None


def test_registers_follow_the_tiles() -> None:
    spec = study_spec("fusemax-cycles")
    for tiles, grid, vector in ((4, 16, 32), (8, 16, 64), (20, 40, 160)):
        arch = spec.references(spec.base_point().at(tiles=tiles))[1]
        assert f"array_2d.registers={grid}," in arch and f"array_1d.registers={vector}," in arch
    fixed = spec.references(spec.base_point().at(tiles=20, registers="as in the paper"))[1]
    assert "array_2d.registers=16," in fixed and "array_1d.registers=32," in fixed


def test_every_point_of_a_grid_is_there_once() -> None:
    spec = study_spec("fusemax-cycles")
    points = spec.points()
    assert points[0] == spec.base_point() and len(points) == len(set(points))
    assert len(spec.grid("latencies")) == 19 * 6 * 2 and len(spec.grid("lengths")) == 24
    assert {point["tiles"] for point in spec.grid("lengths") if point["model"] == "XLM"} == {4}
    assert all(set(spec.grid(name)) <= set(points) for name in spec.grids)


class Made:
    """A record that has only the numbers of time, and says 80 % by the analytic model."""

    def __init__(self, kept: float) -> None:
        self.cycles = 1_000_000
        self.gap_cycles = {"port": round(self.cycles * (1 - kept))}
        self.utilization = {"array_2d": 0.8 * kept}


def made(kept: Callable[[Point], float]) -> CycleStudy:
    """A study with numbers of our own."""
    spec = small()
    return CycleStudy(spec, {point: Outcome(point, Made(kept(point))) for point in spec.points()})  # type: ignore[arg-type]


def test_the_tiles_needed_are_the_fewest_from_which_on_all_are_close() -> None:
    assert made(lambda point: 1.0).tiles_needed() == 1
    assert made(lambda point: 0.99 if int(point["tiles"]) >= 8 else 0.98).tiles_needed() == 8
    assert made(lambda point: 1.0 if point["tiles"] == 8 else 0.5).tiles_needed() is None
    assert made(lambda point: 1.0 if point["latency"] == 1 else 0.5).tiles_needed(latency=2) is None


def test_the_table_of_tiles_follows_from_the_points() -> None:
    def kept(point: Point) -> float:
        return min(1.0, int(point["tiles"]) / 8 / int(point["latency"]))

    _, rows = tiles_table(made(kept))
    cells = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in rows]
    assert cells == [
        ["broadcast", "1", "80.0 %", "8", "80.0 %", "8"],
        ["", "2", "40.0 %", "16", "80.0 %", "16"],
    ]


def test_findings_follow_from_the_points(study: CycleStudy) -> None:
    text = "\n".join(findings(study)).replace("\N{NO-BREAK SPACE}", " ")
    used = 100 * study.at(latency=2).used("array_2d")
    enough = tuple(n for n in (1, 2) if study.close(study.at(latency=n)))
    words = {(): "no number of cycles", (1,): "1 cycle", (2,): "2 cycles", (1, 2): "1 and 2 cycles"}[enough]
    assert f"with operations of {words}: with broadcast the use of the 2D array is " in text
    assert f"{100 * study.base.used('array_2d'):.1f} % at 1 and {used:.1f} % at 2 cycles" in text
    rows = study.rows_by_action(study.base)
    assert f"A tile reads {rows['read']:.0f} and writes {rows['write']:.0f} rows of the buffer" in text
    assert f"{100 * study.at(ports='1RW').used('array_2d'):.1f} % with 1RW" in text
    cost = (study.at(tiles=16).found.area_mm2 or 0) - (study.base.found.area_mm2 or 0)
    assert f"for 16 tiles {cost:.2f} mm²" in text and "the first refusal reads: interleave 16 keeps 16 tiles" in text


def test_a_tile_reads_and_writes_the_rows_of_its_operands() -> None:
    """2E + 3F rows: K and V are read, the running output is read and written; and those of the running scalars."""
    spec = study_spec("fusemax-cycles")
    outcome = outcome_of(spec, spec.base_point())
    found = CycleStudy(spec, {spec.base_point(): outcome})
    assert found.tiles(outcome) == 64 * 12 * 64 * 64
    assert found.rows_per_tile(outcome) == pytest.approx(2 * 64 + 3 * 64, abs=10)


def test_a_published_mean_is_reproduced_by_the_analytic_model() -> None:
    spec = study_spec("fusemax-cycles")
    used = [simulate(*spec.references(point)).utilization["array_2d"] for point in spec.grid("lengths")]
    assert sum(used) / len(used) == pytest.approx(spec.published.utilization, abs=5e-4)


def test_reports_of_all_kinds_are_known(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    assert (kind_of("fusemax"), kind_of("fusemax-cycles")) == ("paper", "study")
    run = einfuse("report", "fusemax-cycle", "-o", str(tmp_path / "out"))
    message = (
        "unknown report 'fusemax-cycle'; did you mean 'fusemax-cycles'? allowed: fusemax, fusemax-cycles, gpu-runs, "
        "model-regret, pim (or a path to a .yaml file, or to the folder of a run)\n"
    )
    assert run == Run(2, "", message)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_study_is_refused_at_its_place(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "reports/studies/fusemax-cycles.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("4 tiles in flight: {tiles: 4}", "4 tiles in flight: {tiles: 17}"), encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"mine.yaml:\d+:\d+: .*unknown value '17' of 'tiles in flight'; .*allowed: 1, 2,"
    ):
        study_spec(str(file))
    file.write_text(text.replace("  ports: [{ports: all,", "  ports: [{port: all,"), encoding="utf-8")
    with pytest.raises(SpecError, match=r"mine.yaml:\d+:\d+: .*unknown axis 'port'; did you mean 'ports'"):
        study_spec(str(file))
    file.write_text(text.replace("  provision: [{", "  provisions: [{"), encoding="utf-8")
    with pytest.raises(SpecError, match=r"unknown grid 'provisions'; did you mean 'provision'"):
        study_spec(str(file))


@pytest.mark.slow
def test_the_whole_report(tmp_path: Path) -> None:
    folder = tmp_path / "fusemax-cycles"
    with pytest.raises(SystemExit) as left:
        main(["report", "fusemax-cycles", "-o", str(folder)])
    assert left.value.code == 0
    figures = ("tiles-latency", "time", "ports", "state", "length", "cost")
    names = {f"{name}.{kind}" for name in figures for kind in ("svg", "png")}
    names |= {"points.csv", "gaps.csv", "stalls.csv", "index.html", MANIFEST}
    assert {path.name for path in folder.iterdir()} == names
    with (folder / "points.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(study_spec("fusemax-cycles").points())
    page = html.unescape((folder / "index.html").read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    found = re.findall(r"<li>(.*?)</li>", page.split("What we found")[1].split("<h2>Figures")[0])
    assert len(found) >= 12 and "97.0 % of the 2D array used" in found[0]
    assert "4 banks of 1RW" in page and "nan" not in page.split("<h2>Figures")[0]
