"""Attention in `einfuse report pim`: layouts, appends and whole tokens are what `simulate` says, and add up."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import machine
from arch.dram import Device
from reports.pim.attention import AttentionStudy, Layout, Trial, points, refusals, run_attention, trial
from reports.pim.attention_findings import attention_findings
from reports.pim.attention_tables import csv_tables, sections
from reports.pim.spec import PimStudySpec, pim_study
from sim import simulate
from specs import SpecError, read_text, validate
from tests.conftest import ROOT

TICK_S = 0.5e-9


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def study(steps: list[str]) -> AttentionStudy:
    found = run_attention(pim_study("pim"), steps.append)
    assert found is not None
    return found


def test_progress_is_told_of_every_point(study: AttentionStudy, steps: list[str]) -> None:
    assert len(steps) == points(pim_study("pim")) == 4 * 2 * 9 + 6 + 3 * 6


def test_a_token_by_hand(study: AttentionStudy) -> None:
    """docs/pim-mapping.md: of each block, 800 MACs in each channel for QK and 1024 for SNV; softmax of a head's 1024
    keys takes 64 words of 16: 2 + 2 + 1 + 2 ticks each, and 4 words of its result 18 each."""
    layout = Layout(1024, 1, ("concatenated", "head-per-channel"))
    found = study.layouts[layout]
    assert found.found.actions["dram"]["MAC"] == 48 * 8 * (800 + 1024)
    assert found.latency_s == pytest.approx(1_196_135 * TICK_S)
    assert found.append_s == pytest.approx(170_921 * TICK_S)
    assert found.others_s == pytest.approx(48 * 25 * (64 * (2 + 2 + 1 + 2) + 4 * 18) * TICK_S)
    assert study.best(1024, 1) == layout
    assert study.token_bytes == 48 * 2 * 1600 * 2
    assert [study.waiting_bytes(number) for number in (1, 2, 16)] == [0, 307_200, 15 * 307_200]


def test_trials_are_what_simulate_says(study: AttentionStudy) -> None:
    trials = [*study.layouts.values(), *study.batches.values()]
    for each in [each for each in trials if each.fits][::9]:
        assert each.found == simulate(*each.references)
        assert each.latency_s == each.found.latency_s / each.tokens


def test_parts_add_up(study: AttentionStudy) -> None:
    for each in (*study.layouts.values(), *study.batches.values()):
        if each.fits:
            assert each.products_s + each.append_s + each.others_s == pytest.approx(each.latency_s)
            assert min(each.products_s, each.append_s, each.others_s) > 0
    for token in study.tokens.values():
        if token.whole.fits:  # refreshes fall elsewhere where all is one program
            parts = token.linear.latency_s + token.attention.latency_s
            assert token.whole.latency_s == pytest.approx(parts, rel=2e-3)


def test_the_mapping_takes_the_best_layout(study: AttentionStudy) -> None:
    """It settles each choice by itself, and refreshes may fall elsewhere: as good as the best to a thousandth."""
    for context in (256, 1024, 4096):
        for value in study.spec.layouts.values:
            best = study.best(context, value)
            assert best is not None
            arch = f"gddr6-aim:channels=8,accumulators={value}"
            own = simulate(f"gpt2-xl:part=attention,context={context}", arch, "bank-parallel-attention")
            assert own.latency_s == pytest.approx(study.layouts[best].latency_s, rel=1e-3)
    assert study.best(16384, 1) is None


def test_more_accumulators_and_wider_units_never_take_longer(study: AttentionStudy) -> None:
    """To a hundredth, for refreshes may fall elsewhere."""
    for layout, each in study.layouts.items():
        more = study.layouts[replace(layout, value=4)]
        assert not each.fits or more.latency_s <= 1.01 * each.latency_s
    values = study.spec.units.values
    for narrow, wide in pairwise(values):
        for context in study.spec.units.contexts:
            times = [study.tokens[value, context].attention for value in (narrow, wide)]
            assert times[1].others_s < times[0].others_s and times[1].latency_s < times[0].latency_s


def test_appends_at_once_take_less_and_what_waits_takes_more(study: AttentionStudy) -> None:
    trials = list(study.batches.values())
    writes = [each.append_s for each in trials]
    assert writes == sorted(writes, reverse=True)
    others = [each.others_s for each in trials]
    assert others == sorted(others)
    assert study.best_batch == 8
    # keys over channels have fewer MACs, but their sums and the keys that wait take turns on one unit
    assert {study.chosen(each)[1] for each in trials} == {"head-per-channel"}


def test_what_does_not_fit_is_listed_with_its_reason(study: AttentionStudy) -> None:
    named = [(f"{layout.context}", each) for layout, each in study.layouts.items()]
    reasons = refusals(named)
    assert sum(map(len, reasons.values())) == 27 == sum(not each.fits for each in study.layouts.values())
    shown = " ".join(sentence for section in sections(study, device()) for sentence in section.unfit)
    assert all(reason in shown for reason in reasons)
    assert "12 of 72 layouts, such as 256 keys, concatenated, key-by-key, accumulators=1" in shown
    with pytest.raises(ValueError, match="is refused: 48 blocks of 456 rows"):
        _ = study.layouts[Layout(16384, 1, ("concatenated", "head-per-channel"))].latency_s


def test_tables_have_every_trial_and_mark_the_best(study: AttentionStudy) -> None:
    tables = csv_tables(study, device())
    columns, body = tables["attention-layouts.csv"]
    assert len(body) == 72 and sum(row[columns.index("best")] for row in body) == 6
    assert [len(tables[f"attention-{name}.csv"][1]) for name in ("appends", "tokens")] == [6, 18]
    assert all(len(row) == len(head) for head, rows in tables.values() for row in rows)
    marked = [cell for section in sections(study, device())[:2] for row in section.table[1] for cell in row]
    assert [cell for cell in marked if cell.startswith("*")] == [
        "*0.598",
        "*1.981",
        "*0.207",
        "*0.567",
        "*1.945",
        "*0.206",
    ]


def test_findings_have_the_numbers(study: AttentionStudy) -> None:
    text = " ".join(attention_findings(study))
    for words in ("0.598 ms a token", "values=key-by-key", "14.3 %", "append=8: 0.906 times", "52.2 % and 28.9 %"):
        assert words in text
    assert attention_findings(None) == []


@given(st.integers(1, 64), st.integers(1, 64))
def test_what_waits_is_of_all_tokens_but_the_last(first: int, second: int) -> None:
    spec = pim_study("pim").attention
    assert spec is not None
    study = AttentionStudy(spec, {}, {}, {}, {}, token_bytes=300)
    assert study.waiting_bytes(first + second) == study.waiting_bytes(first) + study.waiting_bytes(second) + 300


def test_a_study_that_fits_nowhere_has_no_findings() -> None:
    spec = pim_study("pim").attention
    assert spec is not None
    refused = Trial(("a", "b", "c"), None, "too large")
    layouts = {Layout(1024, 1, ("by-head",)): refused}
    study = AttentionStudy(spec, {"keys": ("by-head",)}, layouts, {1: refused}, {}, 1)
    assert study.best(1024, 1) is None and study.best_batch is None
    assert attention_findings(study) == []


def test_only_what_does_not_fit_is_a_refusal() -> None:
    with pytest.raises(SpecError, match="unknown"):
        trial(("gpt2-xl:part=attention", "gddr6-aim:chanels=8", "bank-parallel-attention"))


def test_a_context_of_its_own_is_refused() -> None:
    text = (ROOT / "reports/pim/studies/pim.yaml").read_text(encoding="utf-8").replace("context: 1Ki ", "context: 2Ki ")
    message = "context 2048 is not among the contexts of 'layouts', 256, 1024, 4096, 16384; take one of them"
    with pytest.raises(SpecError, match=message):
        validate(read_text(text, "my.yaml"), PimStudySpec, "pim_study")


def device() -> Device:
    found = machine("gddr6-aim:channels=8").device
    assert found is not None
    return found
