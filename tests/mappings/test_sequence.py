"""Mappings that do a cascade nest after nest: what they cost, and what of them makes no sense."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import AnyMapping, check_mapping, count, mapping, schedules
from mappings.interpreter import interpret
from mappings.sequence import nests_of
from sim import simulate
from specs import SpecError, read_text, validate
from tests.workloads.attention import Shape, by_cascade, draw_inputs
from workloads import cascade, workload

GOOD = """\
mapping: mine
cascade: attention-3pass
sequence:
  - einsums: [QK]
    partition: {p: {p1: rest, p0: 4}}
    loops: [b, n, g, p1, p0]
    bind: [{unit: array_2d, einsums: [QK], spatial: {rows: m}}]
  - einsums: [GM, SN, SD, A]
    loops: [b, n, g, p]
    bind: [{unit: array_1d, einsums: [GM, SN, SD, A], spatial: {lanes: m}}]
  - einsums: [AV]
    loops: [b, n, g, p]
    bind: [{unit: array_2d, einsums: [AV], spatial: {rows: m}}]
"""


def loaded(text: str) -> Any:
    return validate(read_text(text, "my.yaml"), AnyMapping, "mapping")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.booleans(),
)
def test_nests_handed_from_one_to_the_next_give_attention_and_the_counts_of_a_brute_force_run(
    batch: int, heads: int, queries: int, keys: int, e: int, f: int, side: int, causal: bool
) -> None:
    shape = Shape(batch, heads, 1, queries, keys, e, f, causal=causal and queries <= keys)
    size = f"batch={batch},heads={heads},queries={queries},keys={keys},head_dim={e},value_dim={f}"
    work = workload(f"attention:{size},causal={str(shape.causal).lower()}")
    host = machine(f"flat-cloud:array_2d.rows={side},array_2d.cols={side},array_1d.lanes={side},buffer.size=64KiB")
    spec = mapping("unfused")
    whole, made = schedules(work, host, spec)
    tensors: dict[str, np.ndarray] = draw_inputs(shape, 3, 3.0)
    for (part, _), each in zip(nests_of(spec, whole), made, strict=True):
        inputs = {name: tensors[name] for name, t in part.tensors.items() if t.role == "input"}
        brute, counts = interpret(each, part, inputs), count(each)
        for name in part.outputs:
            tensors[name] = brute.outputs[name]
        for name, counted in counts.operations.items():
            assert (counted.points, counted.cycles) == (brute.tally.points[name], brute.tally.cycles[name]), name
        for access in counts.accesses:
            assert access.words == brute.tally.words[access.access], access.access
    wanted = by_cascade("attention-3pass", shape, {name: tensors[name] for name in "QKV"})["AV"]
    np.testing.assert_allclose(tensors["AV"], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("model", ["analytic", "cycle"])
def test_a_sequence_of_one_nest_is_that_nest(model: str) -> None:
    text = Path("mappings/library/fusemax-binding.yaml").read_text()
    head, body = text.split("partition:", 1)
    body, types = body.split("types:")
    indented = "".join(f"    {line}\n" if line else "\n" for line in f"partition:{body}".splitlines())
    names = "[QK, LM, RM, SLN, PRM, SLD, SPD, RD, SLNV, SPNV, RNV, AV]"
    sequence = loaded(f"{head}types:{types}sequence:\n  - einsums: {names}\n{indented}")
    one = simulate("bert:seq_len=4Ki", "fusemax-cloud", sequence, model=model)
    other = simulate("bert:seq_len=4Ki", "fusemax-cloud", "fusemax-binding", model=model)
    assert replace(one, provenance={}, mapping="") == replace(other, provenance={}, mapping="")


def test_unfused_attention_by_hand() -> None:
    """Scores are written, read, weights written, read; each part waits for DRAM or for its unit, whichever is slower."""
    record = simulate("attention:queries=512,keys=1Ki,head_dim=64", "flat-cloud", "unfused")
    scores, queries, keys = 512 * 1024, 512 * 64, 1024 * 64
    assert record.traffic_bytes["dram"] == {
        "read": 2 * (queries + keys + scores + scores + keys),
        "write": 2 * (scores + scores + queries),
    }
    bandwidth, clock = 400 * 2**30, 940e6
    products = 2 * (queries + keys + scores) / bandwidth  # longer than 2 · 4 · 64 cycles of the array
    softmax = 4 * scores / 256 / clock  # longer than moving 2 · scores words
    assert record.latency_s == pytest.approx(products + softmax + products, rel=1e-12)
    assert record.cycles_by_einsum == {
        "array_2d": {"QK": 8 * 64, "AV": 8 * 64},
        "array_1d": {"GM": 2048, "SN": 2048, "SD": 2048, "A": 2048},
    }
    assert record.bound_by == "array_1d"


@pytest.mark.parametrize(("work", "saved"), [("bert", 0.0007), ("xlm", 0.0029)])
def test_the_authors_split_at_256Ki_can_be_beaten(work: str, saved: float) -> None:
    published, searched = (
        simulate(f"{work}:seq_len=256Ki", "flat-cloud", m) for m in ("unfused", "unfused:split=search")
    )
    moved, least = (sum(r.traffic_bytes["dram"].values()) for r in (published, searched))
    assert 1 - least / moved == pytest.approx(saved, abs=5e-5)
    assert searched.latency_s < published.latency_s
    assert "'p1' takes 128 tiles: the authors' choice" in published.assumptions or work == "xlm"
    assert any("the largest divisor that fits" in note for note in searched.assumptions)


@pytest.mark.parametrize("length", ["1Ki", "64Ki", "1Mi"])
def test_elsewhere_the_published_split_is_the_one_that_fits(length: str) -> None:
    one, other = (simulate(f"bert:seq_len={length}", "flat-cloud", m) for m in ("unfused", "unfused:split=search"))
    assert one.traffic_bytes == other.traffic_bytes


def test_arrays_of_points_in_a_sequence_are_the_points_one_by_one() -> None:
    from mappings import schedules as schedules_of
    from sim.simulate import analyse, in_turn

    sizes = np.array([2**20, 2**22, 2**25, 2**26])
    rates = np.array([50, 400, 3200, 100]) * 2**30
    host = machine("flat-cloud").with_values({"buffer.size": sizes, "dram.bandwidth": rates})
    _, made = schedules_of(workload("bert:seq_len=16Ki"), host, mapping("unfused"))
    many = in_turn([analyse(each) for each in made])
    for i, (size, rate) in enumerate(zip(sizes.tolist(), rates.tolist(), strict=True)):
        one = simulate("bert:seq_len=16Ki", f"flat-cloud:buffer.size={size}B,dram.bandwidth={rate}B/s", "unfused")
        assert many.latency.latency_s[i] == pytest.approx(one.latency_s, rel=1e-12)
        assert many.latency.bound_by[i] == one.bound_by
        assert many.energy.total_j[i] == pytest.approx(one.energy_j, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[QK]\n", "[QL]\n", "my.yaml:4:15: unknown Einsum 'QL'; allowed: QK, GM"),
        ("- einsums: [AV]", "- einsums: [AV, QK]", "my.yaml:11:19: Einsum 'QK' is in two nests of the sequence"),
        ("[GM, SN, SD, A]\n", "[GM, SN, SD]\n", "my.yaml:3:1: Einsum A is in no nest"),
        ("unit: array_1d", "unit: array_3d", "my.yaml:10:19: unknown unit of 'flat-cloud' 'array_3d'"),
        ("spatial: {lanes: m}", "spatial: {lane: m}", "my.yaml:10:71: unknown axis of 'array_1d' 'lane'"),
        ("p0: 4", "p0: 0", "my.yaml:5:35: the extent of 'p0' must be at least 1"),
        ("sequence:\n", "types: {QX: bf16}\nsequence:\n", "my.yaml:3:9: unknown tensor 'QX'"),
        ("mapping: mine", "mapping: mine\nloops: [b]", "my.yaml:2:1: unknown key 'loops'"),
    ],
)
def test_faults_are_found_where_they_stand(old: str, new: str, message: str) -> None:
    check_mapping(loaded(GOOD), machine("flat-cloud"))
    with pytest.raises(SpecError) as caught:
        check_mapping(loaded(GOOD.replace(old, new, 1)), machine("flat-cloud"))
    assert any(line.startswith(message) for line in str(caught.value).splitlines()), str(caught.value)


def test_what_is_made_later_cannot_be_read() -> None:
    first, *rest = GOOD.split("  - ")
    turned = first + "  - ".join(["", *reversed(rest)])
    with pytest.raises(SpecError, match="'AV' reads A, which a later nest of the sequence makes"):
        nests_of(loaded(turned), cascade("attention-3pass"))


def test_a_running_state_stays_in_its_nest() -> None:
    text = GOOD.replace("attention-3pass", "attention-1pass").replace("[QK]\n", "[QK, LM]\n", 1)
    text = text.replace("- einsums: [GM, SN, SD, A]", "- einsums: [RM]")
    text = text.replace("- einsums: [AV]", "- einsums: [SLN, PRM, SLD, SPD, RD, SLNV, SPNV, RNV, AV]")
    with pytest.raises(SpecError, match="'PRM' reads state 'RM', which another nest makes; put them into one"):
        nests_of(loaded(text), cascade("attention-1pass"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("queries: 256Ki, head_dim: 64", "querys: 256Ki", "unknown name 'querys'; did you mean 'queries'?"),
        ("extents: {p1: 128}", "extents: {m0: 128}", "unknown fitted part 'm0'"),
    ],
)
def test_published_extents_name_what_there_is(old: str, new: str, message: str) -> None:
    text = Path("mappings/library/unfused.yaml").read_text().replace(old, new, 1)
    with pytest.raises(SpecError, match="19:") as caught:
        schedules(workload("bert:seq_len=1Ki"), machine("flat-cloud"), loaded(text))
    assert message in str(caught.value)


def test_a_trace_is_of_one_nest(tmp_path: Path) -> None:
    from sim.simulate import bound

    with pytest.raises(SpecError, match="'unfused' makes 3 schedules for workload 'bert', and this takes one; give a"):
        bound("bert:seq_len=1Ki", "flat-cloud", "unfused")
    with pytest.raises(SpecError, match="'fusemax-binding' makes 7 schedules for workload 'bert', and this takes one"):
        bound("bert:seq_len=1Ki,part=end-to-end", "fusemax-cloud", "fusemax-binding")


@pytest.mark.parametrize(
    ("work", "arch", "widths"),
    [("bert", "flat-cloud", (768, 768, 3072)), ("trxl", "fusemax-cloud", (1024, 1024, 4096))],
)
def test_linear_layers_by_hand(work: str, arch: str, widths: tuple[int, int, int]) -> None:
    """Weights that fit stay in the buffer: inputs, weights and results move once."""
    record = simulate(f"{work}:seq_len=4Ki,part=linear", arch, "fusemax-binding")
    model, heads, hidden = widths
    tokens = 64 * 4096
    products = [(model, heads)] * 3 + [(heads, model), (model, hidden), (hidden, model)]
    words = sum(tokens * k + k * n + tokens * n for k, n in products)
    assert sum(record.traffic_bytes["dram"].values()) == 2 * words
    cycles = {"Q": 0, "K": 1, "V": 2, "Z": 3, "FFN1": 4, "FFN2": 5}
    assert record.cycles_by_einsum["array_2d"] == {
        name: tokens // 256 * products[i][1] // 256 * products[i][0] for name, i in cycles.items()
    }
    assert record.cascade == "linear-layers" and record.accounting == "hardware"


@pytest.mark.parametrize("model", ["analytic", "cycle"])
def test_a_layer_is_its_attention_and_its_linear_layers(model: str) -> None:
    parts = ("attention", "linear", "end-to-end")
    one, other, both = (
        simulate(f"bert:seq_len=1Ki,part={p}", "fusemax-cloud", "fusemax-binding", model=model) for p in parts
    )
    assert both.cycles == one.cycles + other.cycles
    assert both.latency_s == pytest.approx(one.latency_s + other.latency_s, rel=1e-12)
    assert both.energy_j == pytest.approx((one.energy_j or 0.0) + (other.energy_j or 0.0), rel=1e-12)
    assert sum(both.traffic_bytes["dram"].values()) == sum(sum(r.traffic_bytes["dram"].values()) for r in (one, other))


def test_large_weights_pass_by_activations_that_stay_where_that_moves_less() -> None:
    """XLM's hidden layer does not fit: of the three ways each product takes the one with fewer bytes."""
    few = simulate("xlm:seq_len=1Ki,part=linear,batch=1", "fusemax-cloud", "fusemax-binding")
    assert "FFN1: stays = activations (the best of 3 ways)" in few.assumptions
    record = simulate("xlm:seq_len=1Ki,part=linear", "fusemax-cloud", "fusemax-binding")
    assert "FFN1: stays = weights (the best of 3 ways)" in record.assumptions
    assert "FFN2: stays = results (the best of 3 ways)" in record.assumptions
    tokens, buffer = 64 * 1024, 16 << 20

    def least(k: int, n: int) -> int:
        splits = [d for d in range(1, n // 256 + 1) if (n // 256) % d == 0 and 2 * k * (n // d + 256) <= buffer]
        tiles = [
            d for d in range(1, tokens // 256 + 1) if (tokens // 256) % d == 0 and 2 * k * (tokens // d + 256) <= buffer
        ]
        ways = [tokens * k * min(splits) + k * n] if splits else []
        ways += [tokens * k + k * n * min(tiles)] if tiles else []
        rows = [d for d in range(1, tokens // 256 + 1) if (tokens // 256) % d == 0]
        most = max(d for d in rows if 2 * 256 * (d * (8 * 256 + 256) + 8 * 256) <= buffer)
        ways += [tokens * k * n // (8 * 256) + k * n * tokens // (256 * most)]
        return min(ways) + tokens * n

    products = [(2048, 2048)] * 4 + [(2048, 8192), (8192, 2048)]
    assert sum(record.traffic_bytes["dram"].values()) == 2 * sum(least(k, n) for k, n in products)


def test_features_that_do_not_fit_pass_in_slices() -> None:
    """A row and a column of XLM's hidden layer are 1 MiB on the edge machine's 512 KiB."""
    record = simulate("xlm:seq_len=1Ki,part=linear", "fusemax-edge", "fusemax-binding")
    assert "FFN2: stays = results (the best of 1 ways)" not in record.assumptions
    assert record.feasible["ok"] and "FFN2: stays = results (the only one of 3 ways that fits)" in record.assumptions
    tokens, k, n, side, columns = 64 * 1024, 8192, 2048, 32, 8 * 32
    rows = max(d for d in range(1, 2049) if 2048 % d == 0 and 2 * side * (d * (columns + side) + columns) <= 512 << 10)
    moved = record.traffic_by_tensor_bytes["dram"]
    assert moved["W2"]["read"] == 2 * k * n * tokens // (side * rows)
    assert moved["FFN2"] == {"read": 0, "write": 2 * tokens * n}
    both = simulate("xlm:seq_len=1Ki,part=end-to-end", "fusemax-edge", "fusemax-binding")
    assert both.latency_s > record.latency_s


def test_a_model_without_widths_has_no_linear_layers() -> None:
    with pytest.raises(
        SpecError, match="cascade 'linear-layers' needs d_model, d_ff, which workload 'attention' does not"
    ):
        simulate("attention:seq_len=1Ki,part=linear", "fusemax-cloud", "fusemax-binding")
