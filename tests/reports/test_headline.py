"""The headline: means that the paper states, ours beside them, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.headline import by_cycle, headline, mean
from reports.paper import PAPERS, paper
from reports.results import Point, Runs
from specs import SpecError, load_file

from .conftest import Run


@pytest.fixture(scope="module")
def runs() -> Runs:
    return Runs(paper("fusemax"))


def test_the_means_are_those_of_the_paper(einfuse: Callable[..., Run]) -> None:
    run = einfuse("compare", "fusemax", "--json")
    found = {each["name"]: each for each in run.json["headline"]}
    assert run.code == 0 and all(each["ok"] and each["points"] == 24 for each in found.values())
    ours = {name: each["ours"][each["accounting"]] for name, each in found.items()}
    assert ours["speed-up over FLAT"] == pytest.approx(6.723, rel=1e-3)
    assert ours["layer: speed-up over FLAT"] == pytest.approx(5.302, rel=1e-3)
    assert ours["energy over FLAT"] == pytest.approx(0.787, rel=0.03)
    assert ours["layer: energy over FLAT"] == pytest.approx(0.833, rel=0.03)
    assert ours["speed-up over unfused"] == pytest.approx(10.0522, abs=5e-4)
    assert ours["layer: speed-up over unfused"] == pytest.approx(7.6022, abs=5e-4)
    over = found["speed-up over unfused"]
    assert (over["published"], over["accounting"], over["over_tables"]) == (10, "hardware", {})
    assert over["ours"]["hardware"] == over["ours"]["fusemax-artifact"]
    energy = found["energy over unfused"]
    assert energy["accounting"] == "fusemax-artifact"
    assert energy["ours"] == pytest.approx({"hardware": 0.8343, "fusemax-artifact": 0.7705}, abs=5e-4)
    assert energy["over_tables"]["fusemax-45nm"] == pytest.approx(energy["ours"]["hardware"], rel=1e-12)


def test_a_mean_is_that_of_its_rows(runs: Runs) -> None:
    """The law, by another way than the code's: sums of the records of attention and of the linear layers."""
    spec = next(each for each in runs.paper.headline if each.part == "end-to-end" and each.metric == "latency")
    ratios = []
    for model in runs.paper.models:
        for length in runs.paper.lengths:
            times = []
            for name in (spec.of, spec.over):
                linear = runs.paper.configurations[name].linear
                assert linear is not None
                times.append(sum(runs.record(Point(n, model, length, "hardware")).latency_s for n in (name, linear)))
            ratios.append(times[0] / times[1])
    (found,) = [each for each in headline(runs) if each.name == spec.name]
    assert found.ours["hardware"] == pytest.approx(sum(ratios) / 24, rel=1e-12)
    assert found.rel_error == pytest.approx(abs(sum(ratios) / 24 / spec.published - 1))


def test_a_whole_layer_is_what_one_simulation_of_it_gives(runs: Runs) -> None:
    import sim

    for name in ("unfused", "FLAT", "+Binding"):
        spec = runs.paper.configurations[name]
        work = runs.paper.workload("BERT", "1K", "end-to-end")
        point = Point(name, "BERT", "1K", "hardware", part="end-to-end")
        for model, ours in (("analytic", runs.latency_s(point)), ("cycle", runs.cycle_time(point).latency_s)):
            whole = sim.simulate(work, spec.arch, spec.mapping, model=model)
            assert ours == pytest.approx(whole.latency_s, rel=1e-12)
        assert runs.energy(point).energy_j == pytest.approx(whole.energy_j, rel=1e-12)


def test_another_accounting_and_another_table_are_what_simulations_with_them_give(runs: Runs) -> None:
    import sim
    from arch import table_names

    name = "FLAT"  # which the authors count by an accounting of its own
    spec = runs.paper.configurations[name]
    work = runs.paper.workload("XLM", "16K")
    for label in runs.paper.accountings:
        accounting = spec.accountings.get(label, label)
        point = Point(name, "XLM", "16K", label)
        whole = sim.simulate(work, spec.arch, spec.mapping, accounting=accounting)
        ours = runs.record(point)
        assert ours.energy_j == pytest.approx(whole.energy_j, rel=1e-12)
        assert ours.energy_by_component_j == pytest.approx(dict(whole.energy_by_component_j), rel=1e-12)
        assert (ours.actions, ours.accounting) == (whole.actions, whole.accounting)
        assert ours.provenance == whole.provenance
        for table in table_names():
            by_table = sim.simulate(work, f"{spec.arch}:energy={table}", spec.mapping, accounting=accounting)
            assert runs.energy(point, table).energy_j == pytest.approx(by_table.energy_j, rel=1e-12)


def test_a_table_that_lacks_a_component_gives_no_energy_but_the_reason(runs: Runs, tmp_path: Path) -> None:
    from arch import TABLES

    text = TABLES.path("horowitz-45nm").read_text()
    start = text.index("  divide:")
    file = tmp_path / "partial.yaml"
    file.write_text(text[:start] + text[text.index("  sqrt:") :])
    found = runs.energy(Point("+Binding", "BERT", "1K", "hardware"), str(file))
    assert found.energy_j is None and "divide" in found.reason


def test_the_mean_by_the_cycle_model_is_of_the_same_points(runs: Runs) -> None:
    by_name = {spec.name: spec for spec in runs.paper.headline}
    latency = by_name["speed-up over unfused"]
    times = [
        [
            runs.cycle_time(Point(name, model, length, "hardware")).latency_s or 0.0
            for name in (latency.of, latency.over)
        ]
        for model in runs.paper.models
        for length in runs.paper.lengths
    ]
    assert by_cycle(runs, latency) == pytest.approx(sum(a / b for a, b in times) / len(times))
    assert by_cycle(runs, by_name["energy over unfused"]) is None


def test_where_the_cycle_model_refuses_a_mapping_there_is_its_reason(runs: Runs) -> None:
    """FLAT's scores spill at 4Ki to 64Ki tokens; a mean has no value where one of its points has none."""
    refused = runs.cycle_time(Point("FLAT", "BERT", "16K", "hardware"))
    assert refused.latency_s is None and "does not time" in refused.reason
    whole = runs.cycle_time(Point("FLAT", "BERT", "16K", "hardware", part="end-to-end"))
    assert (whole.latency_s, whole.reason) == (None, refused.reason)
    assert runs.cycle_time(Point("FLAT", "BERT", "1M", "hardware")).latency_s is not None
    (latency,) = [spec for spec in runs.paper.headline if spec.name == "speed-up over FLAT"]
    assert by_cycle(runs, latency) is None


@given(st.lists(st.floats(0.01, 100), min_size=1))
def test_a_mean_lies_between_its_values(values: list[float]) -> None:
    found = mean(values)
    assert found is not None and min(values) * (1 - 1e-12) <= found <= max(values) * (1 + 1e-12)
    assert mean([*values, None]) is None


def altered(tmp_path: Path, old: str, new: str) -> Path:
    text = PAPERS.path("fusemax").read_text()
    assert text.count(old) >= 1
    file = tmp_path / "fusemax.yaml"
    file.write_text(text.replace(old, new, 1))
    return file


def test_a_mean_out_of_its_tolerance_fails_the_comparison(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    file = altered(tmp_path, "published: 7.6\n", "published: 7.7\n")
    run = einfuse("compare", str(file), "--json")
    assert run.code == 1 and run.json["out_of_tolerance"] == []
    assert [each["name"] for each in run.json["headline"] if not each["ok"]] == ["layer: speed-up over unfused"]
    assert " 1.27 %   0.007  out" in einfuse("compare", str(file)).out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("of: unfused\n", "of: fused\n", "unknown configuration 'fused'"),
        ("linear: linear layers beside FLAT", "linear: linear layers", "unknown configuration 'linear layers'"),
        ("lengths: [256K]\n", "lengths: [255K]\n", "unknown length '255K'"),
        ("baseline: unfused", "baseline: fused", "unknown configuration 'fused'"),
    ],
)  # fmt: skip
def test_names_that_the_file_does_not_define_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_file(altered(tmp_path, old, new), PAPERS.model, "paper")
