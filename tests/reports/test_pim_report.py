"""`einfuse report pim`: its points are what `simulate` says, at 80 columns, as JSON and as a folder."""

from __future__ import annotations

import csv
import html
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from reports.pim.attention_tables import sections
from reports.pim.findings import baseline_text, findings
from reports.pim.report import as_dict
from reports.pim.results import PimStudy, pin_bytes_per_s, run
from reports.pim.spec import PimStudySpec, pim_study
from reports.pim.tables import csv_tables, energy_table, pins_table, times_table
from reports.placing import MANIFEST
from reports.report import kind_of
from sim import simulate
from specs import SpecError, read_text, validate

from .conftest import Run


@pytest.fixture(scope="module")
def study() -> PimStudy:
    return run(pim_study("pim"))


def test_points_are_what_simulate_says(study: PimStudy) -> None:
    points = as_dict(study)["points"]
    assert len(points) == 2 * 3 * 5
    for point in points[::7]:
        record = simulate(point["workload"], point["arch"], point["mapping"])
        assert (point["ticks"], point["latency_s"]) == (record.cycles, record.latency_s)
        assert point["commands"] == record.actions["dram"]
        assert point["energy_j"]["cent"] == record.energy_j
        assert point["weight_bytes"] == 48 * (4 * 1600 * 1600 + 2 * 1600 * 6400) * 2


def test_what_the_issue_asks_for(study: PimStudy) -> None:
    assert study.periods == {"none": 226, "stretched-ccd": 289, "tfaw-act4": 352}
    for outcome in (study.at(rows, activation, "all-bank") for rows, activation in groups(study)):
        assert abs(study.slower(outcome) - 1.067) < 0.001
    for rows, activation in groups(study):
        costs = [study.slower(study.at(rows, activation, name)) for name in study.spec.refreshes]
        assert costs == sorted(costs) and costs[0] == 1


def groups(study: PimStudy) -> list[tuple[str, str]]:
    return [(rows, activation) for rows in study.spec.rows for activation in study.spec.activations]


def test_no_point_is_above_the_bound(study: PimStudy) -> None:
    assert study.peak_bytes_per_s == 8 * 16 * 32 * 1e9
    assert study.peak_over_baseline() == pytest.approx(12.8)
    for outcome in study.outcomes.values():
        assert 0 < study.share(outcome) < 1
        assert study.over_baseline(outcome) == pytest.approx(12.8 * study.share(outcome))
    # 64 columns of a row take 128 of 226 ticks; banks without a result and rows that end early take a little more
    assert 0.97 * 128 / 226 < study.share(study.at()) / 0.974 < 128 / 226


def test_every_table_prices_all_that_is_issued(study: PimStudy) -> None:
    off, on = study.at().joules, study.at(refresh="all-bank").joules
    assert [off[name].missing + on[name].missing for name in ("cent", "iddx16", "fgdram")] == [()] * 3
    assert all(on[name].priced_j > off[name].priced_j for name in on)
    _, body = energy_table(study)
    assert not any(cell.endswith("+") for row in body for cell in row)


def test_an_energy_without_a_price_is_not_given(tmp_path: Path) -> None:
    """Of a table without standby the total lacks one component, with refresh, which it does not price, another."""
    prices, file = tmp_path / "prices.yaml", tmp_path / "mine.yaml"
    row = "{energy: 1 nJ, source: measured}"
    prices.write_text(f"table: prices\ncommands: {{ACT: {row}, MAC: {row}}}\n", encoding="utf-8")
    text = weights().replace("pim_study: pim", "pim_study: mine").replace("[cent, iddx16, fgdram]", f"['{prices}']")
    file.write_text(text.replace("rows: [packed, padded]", "rows: [packed]"), encoding="utf-8")
    study = run(pim_study(str(file)))
    (off,), (on,) = (study.at(refresh=name).joules.values() for name in ("off", "all-bank"))
    assert (off.missing, on.missing) == (("dram.background",), ("dram", "dram.background"))
    assert off.total_j is None and off.priced_j > 0
    _, body = energy_table(study)
    assert [row[-1].endswith("+") for row in body] == [True] * 3
    assert any("has no price of what these refreshes issue" in each for each in findings(study))


def test_published_claims_have_marks_and_stand_beside_the_roofline(study: PimStudy) -> None:
    assert {claim.mark for claim in study.spec.published} == {"R"}
    published, roofline, ours = baseline_text(study)
    assert "41 to 137 times [R: PIM-GPT, arXiv 2310.09385]" in published
    assert "no more than 12.8 times" in roofline and "9 to 31 % of its roofline" in roofline
    assert f"{study.over_baseline(study.at()):.2f} times" in ours


def test_weights_over_the_pins_of_plain_memories_by_hand(study: PimStudy) -> None:
    """16 pins a channel: 16 Gb/s of eight channels, 8 / 0.66 of two; 1024 of 5.2 Gb/s. All weights are 2.949 GB."""
    pins = as_dict(study)["pins"]
    assert [each["arch"] for each in pins] == ["gddr6-aim:channels=8", "gddr6", "hbm3"]
    by_hand = [8 * 16 * 16e9 / 8, 2 * 32e9 / 0.66 / 3, 1024 * 5.2e9 / 8]  # gddr6: a column every CCD short, 3 ticks
    assert [each["bytes_per_s"] for each in pins] == pytest.approx(by_hand)
    for each in pins:
        assert each["least_latency_s"] == study.at().weight_bytes / each["bytes_per_s"]
        assert each["least_latency_s"] > study.at().record.latency_s
    text = " ".join(findings(study))
    assert "gddr6 91.24 ms" in text and "hbm3 4.431 ms" in text
    assert pins_table(study)[1][0][0] == "banks of gddr6-aim:channels=8"


def test_pins_without_a_bandwidth_are_refused() -> None:
    with pytest.raises(SpecError, match="'dram' of 'gddr6:burst=null' has no bandwidth; state it, or"):
        pin_bytes_per_s("gddr6:burst=null")


def test_no_label_is_crossed_by_the_line_of_the_baseline(study: PimStudy) -> None:
    from reports.pim.figures import bandwidth

    figure = bandwidth(study)
    figure.canvas.draw()
    (axes,) = figure.axes
    line = axes.transData.transform((study.spec.baseline.bandwidth / 1e12, 0))[0]
    texts = [each.get_window_extent() for each in axes.texts]
    assert len(texts) == 15 + 2 and not any(each.x0 <= line <= each.x1 for each in texts)
    assert not any(one.overlaps(other) for one, other in combinations(texts, 2))


def test_findings_have_the_numbers(study: PimStudy) -> None:
    text = " ".join(findings(study))
    for number in ("2.949 GB", "4.096 TB/s", "all-bank 1.067", "none 226", "tfaw-act4 352", "63 activations"):
        assert number in text


def test_the_terminal_has_the_tables_in_80_columns(einfuse: Callable[..., Run], study: PimStudy) -> None:
    shown = einfuse("report", "pim")
    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 80
    assert study.attention is not None
    more = [row for section in sections(study.attention, study.device) for row in section.table[1]]
    for row in (*times_table(study)[1], *energy_table(study)[1], *pins_table(study)[1], *more):
        assert any(line.split() == " ".join(row).split() for line in shown.out.splitlines())


def test_json_is_one_object(einfuse: Callable[..., Run], study: PimStudy) -> None:
    assert einfuse("report", "pim", "--json").json == as_dict(study)


def test_a_folder_has_the_page_its_figures_and_tables(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shown = einfuse("report", "pim", "-o", str(folder))
    told = "".join(shown.out.split())  # a long path goes on in the next line
    assert shown.code == 0 and told.endswith(str(folder / "index.html"))
    names = {path.name for path in folder.iterdir()}
    attention = [f"attention-{name}" for name in ("layouts", "appends", "tokens")]
    figures = {f"{name}.{kind}" for name in ("bandwidth", "energy", *attention) for kind in ("svg", "png")}
    tables = {f"{name}.csv" for name in ("points", "commands", "energies", "pins", *attention)}
    assert names == {"index.html", MANIFEST, *tables, *figures}
    page = html.unescape((folder / "index.html").read_text(encoding="utf-8"))
    assert "41 to 137 times" in page and "1.067" in page and "append=8: 0.906 times" in page
    assert page.count("<img") == 5 and "126 design points" in page
    with (folder / "points.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 30


def test_tables_have_every_point(study: PimStudy) -> None:
    columns, body = csv_tables(study)["points.csv"]
    assert len(body) == 30 and all(len(row) == len(columns) for row in body)


def test_other_reports_want_a_folder(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    assert kind_of("pim") == "pim"
    run = einfuse("report", "fusemax-cycles")
    assert (run.code, run.out) == (2, "") and "written to a folder; give it with -o" in run.err
    run = einfuse("report", "fusemax", "-o", str(tmp_path / "out"), "--json")
    assert (run.code, run.out) == (2, "") and "has no --json" in run.err
    run = einfuse("report", "pim", "--reference", "rows.csv")
    assert (run.code, run.out) == (2, "") and "--reference is for a paper" in run.err


def test_a_study_of_ones_own(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    text = weights().replace("pim_study: pim", "pim_study: mine").replace("channels=8", "channels=16")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("rows: [packed, padded]", "rows: [packed]"), encoding="utf-8")
    found = einfuse("report", str(file), "--json").json
    assert (found["study"], len(found["points"]), found["peak_bytes_per_s"]) == ("mine", 15, 8.192e12)
    assert found["attention"] is None


def test_a_claim_that_is_not_published_is_refused() -> None:
    text = source().replace("compared: speed-up over a T4", "compared: speed-up over a T5")
    with pytest.raises(SpecError, match="unknown claim 'speed-up over a T5'; did you mean 'speed-up over a T4'"):
        loaded(text)


def loaded(text: str) -> Any:
    return validate(read_text(text, "my.yaml"), PimStudySpec, "pim_study")


def weights() -> str:
    """The study without attention."""
    return source().partition("\n# Keys and values")[0]


def source() -> str:
    return (Path(__file__).parents[2] / "reports/pim/studies/pim.yaml").read_text(encoding="utf-8")
