"""`einfuse report model-regret`, on a small study: its numbers by hand, as text, as JSON and as a folder."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.placing import MANIFEST
from reports.regret.figures import files as figure_files
from reports.regret.findings import findings
from reports.regret.pairs import Pairs, Timed, pairs_of
from reports.regret.report import as_text
from reports.regret.results import RegretStudy, draw, run
from reports.regret.spec import RegretStudySpec, regret_study
from reports.regret.tables import TABLES, csv_tables, regret_table, regret_text
from sim import simulate
from sim.explore.sweep import sweep
from specs import Infeasible, SpecError, read_text, validate

from .conftest import Run

Einfuse = Callable[..., Run]

SWEEP = """
sweep: small
workload: bert:batch=1,heads=2
arch: fusemax-cloud:energy=horowitz-45nm
mapping: fusemax-binding
model: [analytic, cycle]
columns: all
axes:
  workload.seq_len: [512, 1Ki]
  mapping.interleave: [1, 2]
  arch.array_2d.rows: [32, 64]
  arch.array_2d.cols: [32, 64]
  arch.buffer.size: [64 KiB, 1 MiB]
  arch.dram.bandwidth: [5 GiB/s, 400 GiB/s]
"""
STUDY = """
regret_study: small
title: Small
summary: A few designs.
source: [nobody]
sweep: small-sweep.yaml
circumstances: {workload.seq_len: length}
metrics: {latency: latency_s, energy-delay: energy_j * latency_s}
spaces: {all designs: {}, 2 tiles: {where: [mapping.interleave == 2]}}
budgets: {none: {}, small: {where: [area_mm2 <= 12]}, nothing: {where: [area_mm2 <= 0.001]}}
close: 0.01
prices:
  samples: 7
  seed: 3
  entries:
    dram: {of: [dram], low: 0.5, high: 2, source: a test}
    operations: {of: [array_2d, array_1d, control], low: 0.5, high: 2, source: a test}
    control: {of: [control], low: 3, high: 3, source: a test}
    others:
      of: [buffer, array_2d.registers, array_1d.registers, clock, leakage, wires, dram.background]
      low: 1
      high: 1
      source: a test
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "small-sweep.yaml").write_text(SWEEP)
    (folder / "small.yaml").write_text(STUDY)
    return folder / "small.yaml"


@pytest.fixture(scope="module")
def folder(file: Path) -> Path:
    from reports.cli import main

    place = file.parent / "report"
    with pytest.raises(SystemExit) as left:
        main(["report", str(file), "-o", str(place)])
    assert left.value.code == 0
    return place


@pytest.fixture(scope="module")
def study(file: Path, folder: Path) -> RegretStudy:
    return run(regret_study(str(file))[0], pairs_of(folder / "run"))


def test_every_file_is_there(folder: Path, study: RegretStudy) -> None:
    assert {path.name for path in folder.iterdir()} == {*TABLES, *figure_files(), "index.html", "run", MANIFEST}
    for name, (columns, rows) in csv_tables(study).items():
        with (folder / name).open(encoding="utf-8", newline="") as read:
            assert [len(row) for row in csv.reader(read)] == [len(columns)] * (len(rows) + 1)
    page = (folder / "index.html").read_text()
    assert all(sentence.split("'")[0].split("&")[0][:40] in page for sentence in findings(study))


def test_winners_are_what_simulate_says(file: Path, study: RegretStudy) -> None:
    """The pick and the best of a case, out of all its designs, from nothing but the run's rows."""
    table = pd.read_parquet(file.parent / "report" / "run").set_index("point")
    made = sweep(str(file.parent / "small-sweep.yaml"))
    half = len(table) // 2
    for case in (each for each in study.cases if (each.space, each.budget) == ("all designs", "none")):
        here = table[(table["workload.seq_len"] == case.circumstance[0]) & table["feasible"]]
        cheap, true = here[here["model"] == "analytic"], here[here["model"] == "cycle"]
        assert case.designs == len(cheap) == len(true)
        tied = cheap[cheap["latency_s"] == cheap["latency_s"].min()]
        pick = tied.sort_values(["area_mm2"], kind="stable").index[0]
        lost = true["latency_s"][pick + half] / true["latency_s"].min() - 1
        found = case.choices["latency"]
        assert found.regret.regret == pytest.approx(lost) and found.regret.ties == len(tied)
        refs = made.references(made.grid.place(int(pick) + half))
        record = simulate(refs.workload, refs.arch, refs.mapping, refs.model)
        best = true["latency_s"].min()
        assert record.latency_s / best - 1 == found.regret.regret
        assert found.pick["arch.array_2d.rows"] == table["arch.array_2d.rows"][pick]


def test_budgets_and_spaces_choose_designs(study: RegretStudy) -> None:
    assert {case.budget for case in study.cases} == {"none", "small"}  # no design has no area
    for case in study.cases:
        here = study.designs(case)
        assert len(here) == case.designs
        if case.budget == "small":
            assert here.area_mm2.max() <= 12
        if case.space == "2 tiles":
            assert set(here.axes["mapping.interleave"].tolist()) == {2}
    columns, rows = regret_table(study, "latency", "all designs")
    assert columns == ["circumstance", "none", "small", "nothing"]
    assert [row[0] for row in rows] == ["length 512", "length 1Ki"] and {row[3] for row in rows} == {"-"}


def test_no_regret_where_both_models_agree(study: RegretStudy) -> None:
    pairs = replace(study.pairs, cycle=study.pairs.analytic)
    for case in run(study.spec, pairs).cases:
        assert case.fronts.found == case.fronts.right == 1
        for choice in case.choices.values():
            assert (choice.regret.regret, choice.enough) == (0, 1)
            assert choice.tau == pytest.approx(1)
        assert all(np.all(lost == 0) for lost in case.sampled.regret.values())


def test_prices_are_drawn_within_their_ranges_and_again(study: RegretStudy) -> None:
    drawn = list(draw(study.spec.prices, study.pairs.components))
    assert drawn == list(draw(study.spec.prices, study.pairs.components)) == list(study.factors)
    assert len(drawn) == 7 and all(0.5 <= factors[name] <= 2 for factors in drawn for name in ("dram", "array_2d"))
    assert {factors[name] for factors in drawn for name in ("buffer", "clock", "wires")} == {1}
    for factors in drawn:  # as of one table: both arrays pay one price of operations, and control its share of that
        assert factors["array_1d"] == factors["array_2d"] != factors["dram"]
        assert factors["control"] == pytest.approx(3 * factors["array_2d"])
    doubled = study.pairs.at_prices({name: 2.0 for name in study.pairs.components})
    assert np.allclose(doubled.cycle.energy_j, 2 * study.pairs.cycle.energy_j)


def test_entries_and_components_must_match(study: RegretStudy) -> None:
    entries = study.spec.prices.entries
    typo = entries | {"dram": entries["dram"].model_copy(update={"of": ["dramm"]})}
    with pytest.raises(SpecError, match=r"'dramm'.*did you mean 'dram'"):
        list(draw(study.spec.prices.model_copy(update={"entries": typo}), study.pairs.components))
    fewer = {name: entry for name, entry in entries.items() if name != "others"}
    with pytest.raises(SpecError, match="no entry is of component 'buffer'"):
        list(draw(study.spec.prices.model_copy(update={"entries": fewer}), study.pairs.components))


def test_axes_of_texts_and_machines_of_other_parts(tmp_path: Path, einfuse: Einfuse) -> None:
    """Mappings are designs, too; of a component that a machine does not have it takes no energy."""
    (tmp_path / "small-sweep.yaml").write_text(
        SWEEP.replace("mapping: fusemax-binding", "mapping: [fusemax-binding, unfused]").replace(
            "  mapping.interleave: [1, 2]\n", ""
        )
    )
    (tmp_path / "small.yaml").write_text(STUDY.replace("mapping.interleave == 2", "arch.array_2d.rows == 32"))
    found = einfuse("report", str(tmp_path / "small.yaml"), "-o", str(tmp_path / "report"), "--json")
    assert found.code == 0, found.err
    assert {row["mapping"] for row in found.json["winners"]} <= {"fusemax-binding", "unfused"}
    table = pd.read_parquet(tmp_path / "report" / "run")
    for part in (tmp_path / "report" / "run").glob("part-*.parquet"):
        table["energy_j"] -= table.pop("energy_j.wires")
        table["energy_j.wires"] = np.nan
        table.to_parquet(part)
    pairs = pairs_of(tmp_path / "report" / "run")
    assert np.all(pairs.cycle.components_j["wires"] == 0) and np.all(np.isfinite(pairs.cycle.energy_j))
    table.assign(energy_j=np.nan).to_parquet(part)
    with pytest.raises(SpecError, match="has designs without energy_j"):
        pairs_of(tmp_path / "report" / "run")


def test_energy_is_the_sum_of_its_components(file: Path, study: RegretStudy) -> None:
    table = pd.read_parquet(file.parent / "report" / "run")
    energies = table[(table["model"] == "cycle") & table["feasible"]]["energy_j"].to_numpy()
    assert np.allclose(study.pairs.cycle.energy_j, energies, rtol=1e-12)


def test_the_analytic_model_as_the_hand_has_it() -> None:
    """Three designs: the model cannot tell the first two apart, and takes the smaller one."""
    spec = validate(read_text(STUDY.replace("{workload.seq_len: length}", "{}"), "s.yaml"), RegretStudySpec, "s").model
    energy = {name: np.ones(3) / 11 for entry in spec.prices.entries.values() for name in entry.of}
    pairs = Pairs(
        {"mapping.interleave": np.array([2, 2, 2])},
        np.array([2.0, 1.0, 3.0]),
        Timed(np.array([1.0, 1.0, 2.0]), energy),
        Timed(np.array([2.0, 3.0, 2.0]), energy),
    )
    case = run(spec, pairs).cases[0]
    found = case.choices["latency"].regret
    assert (found.pick, found.best, found.regret, found.least, found.ties) == (1, 0, 0.5, 0.0, 2)
    assert (case.fronts.cheap, case.fronts.true, case.fronts.both) == (1, 2, 1)


def test_json_and_text(einfuse: Einfuse, file: Path, folder: Path, study: RegretStudy) -> None:
    found = einfuse("report", str(file), "-o", str(folder), "--json")
    assert found.code == 0 and found.json["schema"] == "einfuse.regret-study/1"
    assert (found.json["points"], len(found.json["cases"])) == (64, 2 * len(study.cases))
    from reports.console import render

    text = render(*as_text(study, folder))
    assert "regret of the analytic model's choice: latency, 2 tiles" in text
    assert max(map(len, text.splitlines())) <= max(80, len(str(folder)) + 60)


def test_what_is_wrong_with_a_study_is_said(file: Path) -> None:
    wrong = STUDY.replace("latency_s,", "latency_s <= 3,").replace("[area_mm2 <= 12]", "[area_mm2]")
    with pytest.raises(SpecError) as refused:
        validate(read_text(wrong, "s.yaml"), RegretStudySpec, "s")
    assert "expected a number such as energy_j * latency_s, found 'latency_s <= 3'" in str(refused.value)
    assert "expected a condition such as area_mm2 <= 400, found 'area_mm2'" in str(refused.value)


def test_an_axis_that_there_is_not(study: RegretStudy) -> None:
    spec = study.spec.model_copy(update={"circumstances": {"workload.seq_length": "length"}})
    with pytest.raises(SpecError, match=r"'workload.seq_length'.*workload.seq_len"):
        run(spec, study.pairs)


def test_a_study_without_designs_is_infeasible(study: RegretStudy) -> None:
    nothing = study.pairs.at(np.zeros(len(study.pairs), dtype=bool))
    with pytest.raises(Infeasible, match="no design of space 'all designs' and budget 'none'"):
        run(study.spec, nothing)


def test_without_a_folder_nothing_stays(
    einfuse: Einfuse, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = einfuse("report", str(file))
    assert found.code == 0 and "findings" in found.out and not list(tmp_path.iterdir())


def test_a_run_by_one_model_is_no_paired_sweep(tmp_path: Path, einfuse: Einfuse) -> None:
    (tmp_path / "small-sweep.yaml").write_text(SWEEP.replace("[analytic, cycle]", "analytic"))
    (tmp_path / "small.yaml").write_text(STUDY)
    found = einfuse("report", str(tmp_path / "small.yaml"))
    assert found.code == 2 and "is no paired sweep; its spec needs 'model: [analytic, cycle]'" in found.err


def test_the_study_has_a_hundred_thousand_points() -> None:
    spec, file = regret_study("model-regret")
    made = sweep(str(file))
    assert made.grid.points // len(made.spec.models) >= 100_000
    assert set(spec.circumstances) <= {axis.path for axis in made.axes}


def test_findings_say_when_and_which_way(study: RegretStudy) -> None:
    found = findings(study)
    (latency,) = (each for each in found if each.startswith("Regret of latency in the middle of all cases"))
    assert "length 512: " in latency and "; budget none: " in latency and ", small: " in latency
    wrong = [each for each in found if "wrong winners the best one has another" in each]
    assert wrong and all("more in " in each for each in wrong)


def test_nothing_is_said_of_time_where_nothing_is_wrong(study: RegretStudy) -> None:
    same = run(study.spec, replace(study.pairs, cycle=study.pairs.analytic))
    (drawn,) = (each for each in findings(same) if each.startswith("Under 7 drawn tables"))
    assert "is close to the best in 100.0 %" in drawn and "time" not in drawn


def test_regret_in_words() -> None:
    assert [regret_text(each) for each in (0.0, 0.0004, 1.0, 1.5, None)] == ["0", "0.04 %", "100.0 %", "2.500 ×", "-"]
