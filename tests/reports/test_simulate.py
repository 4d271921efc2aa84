"""`einfuse simulate`: the record, for programs and for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reports.console import render
from reports.record_table import as_text
from sim import simulate
from tests.conftest import Golden

from .conftest import BINDING, Run


def test_simulate_gives_the_published_numbers(einfuse: Callable[..., Run]) -> None:
    run = einfuse("simulate", *BINDING, "--json")
    record = run.json
    assert run.code == 0 and run.err == "" and record["schema"] == "einfuse.result/1"
    assert record["utilization"]["array_2d"] == pytest.approx(0.8896104, abs=5e-8)
    assert record["utilization"]["array_1d"] == pytest.approx(1.0)
    assert record["busy"]["array_1d"] == pytest.approx(1.0)
    assert record["latency_s"] == pytest.approx(2.013140e-3, abs=5e-10)
    assert sum(record["traffic_bytes"]["dram"].values()) == 402653184
    assert record["bound_by"] == "array_1d"
    assert record["feasible"] == {"ok": True, "reason": None}
    assert record["accounting"] == "hardware"


def test_accounting_is_a_key_of_the_mapping(einfuse: Callable[..., Run]) -> None:
    *others, mapping = BINDING
    theirs = einfuse("simulate", *others, f"{mapping}:accounting=fusemax-artifact", "--json").json
    ours = einfuse("simulate", *BINDING, "--json").json
    assert theirs["accounting"] == "fusemax-artifact"
    assert 1.5 < ours["energy_j"] / theirs["energy_j"] < 1.8
    assert ours["latency_s"] == theirs["latency_s"]


def test_simulate_shows_it_all_at_80_columns(einfuse: Callable[..., Run], golden: Golden) -> None:
    run = einfuse("simulate", *BINDING)
    assert run.code == 0 and "\x1b" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


SYSTOLIC = ("-w", "gemm:M=1024,N=1024,K=64", "-a", "systolic", "-m", "weight-stationary", "--model", "cycle")


def test_the_cycle_model_shows_stalls_and_the_gap(einfuse: Callable[..., Run], golden: Golden) -> None:
    record = einfuse("simulate", *SYSTOLIC, "--json").json
    busy = sum(record["cycles_by_einsum"]["array"].values())
    assert busy + sum(record["stall_cycles"]["array"].values()) == record["cycles"]
    assert busy + sum(record["gap_cycles"].values()) == record["cycles"]
    run = einfuse("simulate", *SYSTOLIC)
    for cause, cycles in record["stall_cycles"]["array"].items():
        share = f"{100 * cycles / record['cycles']:.1f} %"
        assert re.search(rf"array  {cause} +{cycles:,} +{share}\n", run.out)
        assert re.search(rf"  {cause} +\+{cycles:,} +{share}\n", run.out)
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


def test_a_gap_may_be_negative() -> None:
    record = replace(simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding"), gap_cycles={"memory": -15000})
    assert re.search(r"analytic +1,907,352\n  memory +-15,000 +-0.8 %\n", render(*as_text(record)))


def test_a_component_without_a_price_is_shown_with_the_reason(einfuse: Callable[..., Run]) -> None:
    record = einfuse("simulate", *SYSTOLIC, "--json").json
    assert record["energy_j"] is None and record["energy_by_component_j"]["buffer"] is None
    shown = einfuse("simulate", *SYSTOLIC).out
    assert shown.count("not known, for want of a price of buffer\n") == 2
    assert len(re.findall(r"  buffer +- +-  memory 'buffer' has no size\n", shown)) == 2
    assert "missing:" not in shown and re.search(r"  array +1\.152 mJ +60\.2 %\n", shown)


@pytest.mark.parametrize("columns", [40, 60])
@pytest.mark.parametrize("arguments", [("simulate", *BINDING), ("simulate", *SYSTOLIC), ("compare", "fusemax")])
def test_a_narrow_terminal_loses_nothing(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, columns: int, arguments: tuple[str, ...]
) -> None:
    """Every number and unit that 80 columns show is there, whole."""
    wide = einfuse(*arguments).out
    monkeypatch.setattr("reports.console.width", lambda: columns)
    narrow = einfuse(*arguments).out
    assert max(map(len, narrow.splitlines())) <= columns and "…" not in narrow
    values = re.findall(r"(?<=  )[\d.,+]+ (?:[mµk]?[sJ]|%|mm²|[KMG]?i?B)(?=  |\n)", wide)
    assert len(values) > 15
    for value in values:
        assert re.search(rf"{re.escape(value)}(?=\s)", narrow), value
