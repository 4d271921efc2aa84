"""Findings: the numbers behind the sentences, against what the paper and hand counts say."""

from __future__ import annotations

import pytest

from reports import findings
from reports.comparison import Comparison
from reports.curves import energy_ratio, speed_up
from reports.findings import energy, mapper
from reports.findings.mapper import Missed, missed
from reports.findings.text import across, tokens
from reports.paper import paper
from reports.published import Published
from reports.results import Runs
from reports.study import Ratios, Study


@pytest.fixture(scope="module")
def study() -> Study:
    """A study whose points are simulated when asked for."""
    runs = Runs(paper("fusemax"))
    return Study(runs, Comparison(runs.paper, None, (), {}, runs), None, Published(runs, "nothing"), ())


def test_a_search_over_splits_finds_what_the_authors_mapper_missed(study: Study) -> None:
    """Keys and values pass 8 times (XLM 16) with the authors' splits, 2 times (XLM 4) with the best, as counted by hand."""
    found = [each for each in missed(study) if each.configuration == "unfused"]
    assert {each.length for each in found} == {"256K"} and [each.model for each in found] == list(study.paper.models)
    for each in found:
        width, theirs, best = (128, 16, 4) if each.model == "XLM" else (64, 8, 2)
        tokens_ = 262144
        scores = 4 * tokens_**2  # written, read, written again after the softmax, read
        moved, fewer = (2 * tokens_ * width * (1 + passes) + scores for passes in (theirs, best))
        assert each.bytes_saved == pytest.approx(1 - fewer / moved, rel=1e-9)
        assert each.time_saved > 0 and each.energy_saved > 0


def test_flats_long_sequences_have_better_splits_than_the_published(study: Study) -> None:
    found = {(each.model, each.length): each for each in missed(study) if each.configuration == "FLAT"}
    assert {length for _, length in found} == {"256K", "1M"}
    assert found["BERT", "1M"].time_saved == pytest.approx(1 - 15744.48 / 16220.64)
    better, other = [sentence for sentence in mapper.sentences(study) if " of FLAT " in sentence]
    assert "256Ki to 1Mi tokens" in better and "2.94 % (BERT, TrXL, T5), 5.51 % (XLM)" in better
    assert other.startswith(
        "At 1Ki to 64Ki tokens a search finds ways of FLAT that take no more time and move 30.69 to"
    )


def test_fewer_bytes_may_cost_more_energy(study: Study) -> None:
    """All of a head's keys and values in the buffer: 52 times fewer bytes, in reads of a 32 MiB buffer."""
    found = {(each.model, each.length): each for each in mapper.traded(study)}
    assert {length for _, length in found} == {"1K", "4K", "16K", "64K"}
    saved = found["BERT", "16K"]
    assert saved.bytes_saved == pytest.approx(1 - 1 / 51.72, abs=1e-4) and saved.time_saved == 0
    assert saved.energy_saved == pytest.approx(-0.0207, abs=5e-5)


def test_nothing_is_missed_where_a_search_finds_nothing_better(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper, "_searched", lambda study: list[Missed]())
    assert list(mapper.sentences(study)) == []


def test_the_cascade_alone_is_slower_than_flat_up_to_64k(study: Study) -> None:
    (found,) = findings._slower(study)
    assert found.startswith("+Cascade is slower than FLAT at 1Ki to 64Ki tokens for every model")


def test_energy_ratios_name_their_tables_and_their_range(study: Study) -> None:
    ratios = [Ratios(0.8, {"fusemax-45nm": 0.8, "horowitz-45nm": None, "tpu-7nm": 0.25})]
    text = "0.25 to 0.80 of the energy of FLAT over tables fusemax-45nm, tpu-7nm, while horowitz-45nm cannot price it"
    assert across(study, ratios, "FLAT") == text
    none = [Ratios(None, dict.fromkeys(study.tables))]
    assert across(study, none, "FLAT") == "a part of the energy of FLAT that no table can price"


def test_prices_of_a_mac_stand_with_their_sources(study: Study) -> None:
    (sentence,) = energy._prices(study)
    assert "17.16 pJ by fusemax-45nm (arXiv 2406.10491, artifact" in sentence
    assert "2 pJ by horowitz-45nm (Horowitz, ISSCC 2014" in sentence
    assert all(f" by {table} (" in sentence for table in study.tables)


def test_the_baseline_is_one_in_every_figure_relative_to_it(study: Study) -> None:
    base = study.paper.report.baseline
    for panels in (speed_up(study, "end-to-end"), energy_ratio(study, "end-to-end")):
        for panel in panels:
            spots = [spot for spot in panel.spots if spot.configuration == base]
            assert len(spots) == 24
            assert all(each in (None, 1.0) for spot in spots for each in (spot.ours, spot.cycle, spot.low, spot.high))


def test_lengths_that_follow_each_other_read_as_a_range(study: Study) -> None:
    assert tokens(study, ["1K", "4K", "16K"]) == "1Ki to 16Ki tokens"
    assert tokens(study, ["1K", "16K"]) == "1Ki and 16Ki tokens"
    assert tokens(study, ["1M"]) == "1Mi tokens"
