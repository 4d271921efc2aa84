"""FLAT's dataflow: its words by closed forms, its choices, what does not fit, and what its search finds."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import AnyMapping, check_mapping, count, mapping, schedule
from mappings.interpreter import interpret
from sim import simulate
from specs import Infeasible, SpecError, read_text, validate
from tests.workloads.attention import Shape, by_cascade, draw_inputs
from workloads import cascade, workload

CHOICES = {"stationarity": ("output", "weight"), "scores": ("buffer", "dram")}
CHOICES |= dict.fromkeys(("queries", "keys", "values", "results"), ("stream", "buffer"))
OPTIONS = st.fixed_dictionaries({name: st.sampled_from(options) for name, options in CHOICES.items()})


def made(work: str, on: str, options: dict[str, str], p1: int) -> Any:
    chosen = "".join(f",choose.{name}={option}" for name, option in options.items())
    return schedule(workload(work), machine(on), mapping(f"flat:split=search,partition.p.p1={p1}{chosen}"))[1]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.sampled_from([8, 16, 32]),
    st.sampled_from([8, 16, 32]), st.sampled_from([1, 2, 3, 4]), st.sampled_from([16, 64, 4096]), OPTIONS,
)  # fmt: skip
def test_words_follow_the_closed_forms(
    key_tiles: int, tiles: int, heads: int, e: int, f: int, p1: int, size_kib: int, options: dict[str, str]
) -> None:
    side = 32
    queries, keys = side * tiles * p1, side * key_tiles
    on = f"flat-cloud:array_2d.rows={side},array_2d.cols={side},buffer.size={size_kib}KiB"
    work = f"attention:heads={heads},queries={queries},keys={keys},head_dim={e},value_dim={f}"
    schedule = made(work, on, options, p1)
    counts = count(schedule)
    moved = sum(counts.level_bytes("dram", action) for action in ("read", "write")) / 2

    chip = {name: option == "buffer" for name, option in options.items()}
    rows, scores = side * p1, heads * queries * keys
    held = 2 * rows * keys if chip["scores"] else 2 * keys
    for name, width, kept in (("queries", e, rows), ("keys", e, keys), ("values", f, keys), ("results", f, rows)):
        held += 2 * 2 * width * (kept if chip[name] else side)
    spilled = max(Fraction(0), 1 - Fraction(size_kib * 1024, held))
    output = options["stationarity"] == "output"
    each = tiles if not output else tiles * p1  # how often keys and values pass: per granule, or per tile of rows
    sums = heads * queries * f
    use = {
        "queries": scores * e // side,
        "keys": heads * keys * e * each,
        "values": heads * keys * f * each,
        "results": sums if output else sums * (2 * key_tiles - 1),
    }
    once = {"queries": heads * queries * e, "keys": heads * keys * e, "values": heads * keys * f, "results": sums}
    expected = sum(spilled * use[n] + (1 - spilled) * once[n] if chip[n] else Fraction(use[n]) for n in use)
    if chip["scores"]:
        expected += spilled * 7 * scores  # scores: written, read twice; numerators: written, read; weights: likewise
    else:
        expected += (3 + (1 - spilled)) * scores + spilled * 4 * scores  # a row is filled, or read where it lies
    assert moved == pytest.approx(float(expected), rel=1e-9, abs=30)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5),
    st.integers(1, 3), st.integers(1, 3), st.booleans(), st.sampled_from([256, 512, 65536]), OPTIONS,
)  # fmt: skip
def test_it_gives_attention_and_the_counts_of_a_brute_force_run(
    batch: int, heads: int, queries: int, keys: int, e: int, f: int, side: int, p1: int, causal: bool, size: int,
    options: dict[str, str],
) -> None:  # fmt: skip
    shape = Shape(batch, heads, 1, queries, keys, e, f, causal=causal and queries <= keys)
    work = f"attention:batch={batch},heads={heads},queries={queries},keys={keys},head_dim={e},value_dim={f}"
    on = f"flat-cloud:array_2d.rows={side},array_2d.cols={side},array_1d.lanes={side},buffer.size={size}B"
    each = made(f"{work},causal={str(shape.causal).lower()}", on, options, p1)
    tensors = draw_inputs(shape, 3, 3.0)
    brute, counts = interpret(each, cascade("attention-3pass"), tensors), count(each)
    wanted = by_cascade("attention-3pass", shape, {name: tensors[name] for name in "QKV"})["AV"]
    np.testing.assert_allclose(brute.outputs["AV"], wanted, rtol=1e-12, atol=1e-12)
    for name, counted in counts.operations.items():
        assert (counted.points, counted.cycles) == (brute.tally.points[name], brute.tally.cycles[name]), name
    spilled: dict[Any, int] = {}
    outside: dict[Any, int] = {}
    for access in counts.accesses:
        key = (access.access.tensor, access.access.operation, access.access.action, access.access.cause)
        if access.access in brute.tally.words:
            assert access.words + access.spilled == brute.tally.words[access.access], access.access
            spilled[key] = spilled.get(key, 0) + (access.spilled if access.access.inner is None else 0)
        else:
            outside[key] = access.words
    assert {k: n for k, n in outside.items() if n} == {k: n for k, n in spilled.items() if n}


@pytest.mark.parametrize("length", ["2Ki", "256Ki"])
def test_the_search_finds_the_fastest_of_all_ways(length: str) -> None:
    """And of equally fast ones the one with the fewest bytes; the authors' is one of them."""
    work = f"attention:batch=2,heads=3,seq_len={length},head_dim=64"
    on = "flat-cloud:dram.bandwidth=50GiB/s"
    tried = []
    for names in itertools.product(*(CHOICES[name] for name in CHOICES)):
        chosen = "".join(f",{name}={option}" for name, option in zip(CHOICES, names, strict=True))
        record = simulate(work, on, f"flat:split=search{chosen}")
        tried.append((record.latency_s, sum(record.traffic_bytes["dram"].values())))
    found = simulate(work, on, "flat:split=search")
    assert (found.latency_s, sum(found.traffic_bytes["dram"].values())) == min(tried)
    assert any("(the best of" in note for note in simulate(work, on, "flat").assumptions)  # nothing is published
    published, best = (simulate(work, "flat-cloud", m) for m in ("flat", "flat:split=search"))
    assert best.latency_s <= published.latency_s
    assert any("(the authors' choice)" in note for note in published.assumptions)


@pytest.mark.parametrize(
    "work", ["attention:seq_len=64Ki,head_dim=64", "attention:heads=2,seq_len=64Ki,head_dim=128,kv_heads=1"]
)
def test_the_search_over_extents_is_that_over_each_extent(work: str) -> None:
    """All extents are bound at once, as arrays, and beyond what a 64-bit product of bytes would hold."""
    best = simulate(work, "flat-cloud", "flat:split=search")
    each = [simulate(work, "flat-cloud", f"flat:split=search,p1={2**n}").latency_s for n in range(9)]
    assert best.latency_s == min(each) <= simulate(work, "flat-cloud", "flat").latency_s


def test_what_does_not_fit_by_hand() -> None:
    """4Ki queries of a head: 32 MiB of scores and 256 KiB of streams in 32 MiB, so that 1/129 stays in DRAM."""
    record = simulate("attention:seq_len=4Ki,head_dim=64", "flat-cloud", "flat")
    assert "262144 of 33816576 B do not fit into 'buffer' and stay in 'dram'" in record.assumptions
    scores, moved = 4096 * 4096, record.traffic_by_tensor_bytes
    assert moved["dram"]["QK"] == {"read": 2 * 2 * (scores // 129), "write": 2 * (scores // 129)}
    assert moved["buffer"]["QK"] == {"read": 2 * 2 * (scores - scores // 129), "write": 2 * (scores - scores // 129)}
    assert moved["dram"]["Q"] == {"read": 2 * scores * 64 // 256, "write": 0}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("stationarity=input", "unknown option of 'stationarity' 'input'; allowed: output, weight"),
        ("stationary=weight", "unknown key 'stationary' in mapping; did you mean 'choose.stationarity'?"),
        ("p1=0", "the extent of 'p1' must be at least 1, found 0"),
    ],
)
def test_a_wrong_choice_is_named(argument: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        simulate("bert:seq_len=1Ki", "flat-cloud", f"flat:{argument}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("work", "arch"),
    [
        ("bert:seq_len=4Ki", "flat-cloud"),
        ("attention:batch=2,heads=3,seq_len=16Ki,head_dim=128", "flat-cloud"),
    ],
)
def test_the_authors_choice_is_for_what_they_ran(work: str, arch: str) -> None:
    def by_authors(work: str, arch: str = arch) -> bool:
        return any("the authors' choice" in note for note in simulate(work, arch, "flat").assumptions)

    assert by_authors(work)
    for other in ("keys=64Ki", "causal=true", "kv_heads=1", "value_dim=32", "precision=fp32"):
        assert not by_authors(f"{work},{other}"), other
    for other in ("dram.bandwidth=10GiB/s", "buffer.size=16MiB", "array_2d.cols=64,array_1d.lanes=64"):
        assert not by_authors(work, f"{arch}:{other}"), other


def test_streams_need_their_room() -> None:
    with pytest.raises(
        Infeasible, match="the streams through 'buffer' need 262144 B there and cannot spill; it has 102"
    ):
        simulate("bert:seq_len=4Ki", "flat-cloud:buffer.size=1KiB", "flat")


FILE = Path("mappings/library/flat.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("extents: {p1: 2}", "extents: {p9: 2}", "unknown part that may have any extent 'p9'; allowed: p1"),
        ("Q: = 2 * 2", "Q: = 0 - 2 * 2", "the bytes reserved for 'Q' must be a whole number, at least 0, found -65536"),
        ("copies: {buffer: {Q: 2}}", "copies: {buffer: {K: 2}}", "copies of 'K' in 'buffer', where it is not kept"),
        ("spill: [buffer]", "spill: [buffer, buffer]", "'buffer' stands twice in spill"),
        (
            "spill: [buffer]",
            "spill: [dram]",
            "'dram' cannot spill: no memory is outside of it; levels that can: buffer",
        ),
        ("in_place: [[QK, SN, A]]", "in_place: [[QK, A]]", "'A' is not made of 'QK' index by index"),
        ("in_place: [[QK, SN]]", "in_place: [[QX, SN]]", "unknown tensor 'QX'"),
        ("  queries:\n", "  split:\n", "choice 'split' has the name of a key or part of the mapping"),
        ("loops: [p1, m1]", "loops: [p1, p1]", "loop 'p1' stands twice"),
    ],
)
def test_a_fault_in_a_file_is_named(old: str, new: str, message: str) -> None:
    text = FILE.read_text()
    assert old in text
    with pytest.raises(SpecError) as caught:
        simulate("bert:seq_len=768,batch=1", "flat-cloud", wrong(text.replace(old, new)))
    assert message in str(caught.value) and "my.yaml:" in str(caught.value)


def wrong(text: str) -> Any:
    return validate(read_text(text, "my.yaml"), AnyMapping, "mapping")


def test_check_reads_all_options(tmp_path: Path) -> None:
    faulty = wrong(FILE.read_text().replace("[[QK, SN]]", "[[QX, SN]]").replace("{Q: p2}", "{W: p2}"))
    with pytest.raises(SpecError) as caught:
        check_mapping(faulty)
    found = str(caught.value)
    assert "unknown tensor 'QX'" in found and "unknown tensor 'W'" in found and "my.yaml:44:" in found


def test_layers_are_mapped_by_a_mapping_of_layers() -> None:
    work = "bert:seq_len=1Ki,part=linear"
    assert simulate(work, "flat-cloud", "linear").latency_s == simulate(work, "flat-cloud", "flat").latency_s
    with pytest.raises(SpecError, match="'flat' maps cascade 'attention-3pass'; give a mapping of 'linear-layers'"):
        simulate(work, "flat-cloud", "flat:layers=flat")
    with pytest.raises(SpecError, match="mapping 'linear' maps only the layers around; give the workload part=linear"):
        simulate("bert:seq_len=1Ki", "flat-cloud", "linear")


def test_arrays_of_points_are_refused_where_there_is_a_choice() -> None:
    from mappings import schedules

    host = machine("flat-cloud").with_values({"buffer.size": np.array([8, 16]) * 2**20})
    with pytest.raises(SpecError, match="for one design point, found an array of them"):
        schedules(workload("bert:seq_len=4Ki,part=linear"), host, mapping("unfused"))
