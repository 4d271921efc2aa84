"""What binding refuses, each with its whole sentence and its place; and the structure of what it accepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from arch import machine
from mappings import MAPPINGS, MappingSpec, Nest, bind, mapping, schedule
from specs import Infeasible, SpecError, read_text, validate
from workloads import cascade, workload

GOOD = Path(MAPPINGS.path("fusemax-binding")).read_text()
WORK = "attention:queries=512,keys=1024"


def bound(text: str, work: str = WORK, on: str = "fusemax-cloud") -> Any:
    loaded = validate(read_text(text, "my.yaml"), MappingSpec, "mapping")
    return bind(cascade("attention-1pass"), workload(work), machine(on), loaded)


def refusal(old: str, new: str, work: str = WORK, on: str = "fusemax-cloud") -> list[str]:
    """The problems of the library's mapping with one text replaced by another."""
    assert old in GOOD, old
    with pytest.raises(SpecError) as caught:
        bound(GOOD.replace(old, new, 1), work, on)
    return [str(problem) for problem in caught.value.problems]


CASES = [
    (
        "m0: = array_2d.rows}",
        "m0: = array_2d.rwos}",
        ["my.yaml:6:23: unknown name 'array_2d.rwos'; did you mean 'array_2d.rows'? allowed: "],
    ),
    (
        "{m1: rest, m0: =",
        "{m1: 4, m0: =",
        ["my.yaml:6:6: the outermost part of 'm', and no other, has the extent 'rest'"],
    ),
    ("m0: = array_2d.rows}", "m0: 0}", ["my.yaml:6:21: the extent of 'm0' must be at least 1, found 0"]),
    (
        "m0: = array_2d.rows}",
        "m0: = 3 / 2}",
        ["my.yaml:6:21: 'm0' must be a whole number from 1 to 2^31, found 1.5"],
    ),
    (
        "m0: = array_2d.rows}",
        "m0: wide}",
        ["my.yaml:6:21: the extent of 'm0' is a number, 'rest', 'fit', 'any' or '= expression', found 'wide'"],
    ),
    (
        "m: {m1: rest, m0: =",
        "m: {m2: rest, m0: =",
        ["my.yaml:6:6: the cascade divides 'm' into m1, m0, found m2, m0"],
    ),
    ("  p: {p2", "  q: {p2", ["my.yaml:7:3: unknown rank 'q'; allowed: b, n, g, p, m, e, f"]),
    (
        "loops: [b, n, p2, m1, g, p1]",
        "loops: [b, n, g, p1, m1, p2]",
        ["my.yaml:8:18: loop 'p1' needs the loop over 'p2', the part outside of it, before it"],
    ),
    ("loops: [b, n,", "loops: [b, b,", ["my.yaml:8:12: loop 'b' stands twice"]),
    (
        "unit: array_2d, einsums",
        "unit: array_3d, einsums",
        [
            "my.yaml:10:12: unknown unit of 'fusemax-cloud' 'array_3d'; did you mean 'array_2d'? "
            "allowed: array_2d, array_1d"
        ],
    ),
    (
        "einsums: [QK, LM, SLN, SLD, SLNV]",
        "einsums: [QK, LM, SLN, SLD]",
        ["my.yaml:9:1: Einsum 'SLNV' of cascade 'attention-1pass' is bound to no unit"],
    ),
    ("[RM, PRM, SPD,", "[RM, PRM, QK, SPD,", ["my.yaml:11:41: Einsum 'QK' is bound twice"]),
    (
        "[QK, LM, SLN, SLD, SLNV]",
        "[QK, LM, SLN, SLD, SLNV, AV]",
        [
            "my.yaml:10:56: Einsum 'AV' needs divide, which unit 'array_2d' does not have (it has mac, add, max, mul, exp); "
            "units that can: array_1d",
        ],
    ),
    (
        "spatial: {rows: m0,",
        "spatial: {rows: m1,",
        [
            "my.yaml:10:73: part 'm1' is a loop and cannot be spatial as well",
        ],
    ),
    (
        "spatial: {rows: m0,",
        "spatial: {lanes: m0,",
        ["my.yaml:10:74: unknown axis of 'array_2d' 'lanes'; allowed: rows, cols"],
    ),
    (
        "RM: p2, RD: p2",
        "RM: m1, RD: p2",
        ["my.yaml:13:37: state 'RM' must be kept at a loop outside of 'm1': b, n, p2, *"],
    ),
    (
        "  buffer: {Q",
        "  bufer: {Q",
        ["my.yaml:13:3: unknown memory 'bufer'; did you mean 'buffer'? allowed: dram, buffer"],
    ),
    ("{Q: p2", "{QQ: p2", ["my.yaml:13:12: unknown tensor 'QQ'; did you mean 'Q'? allowed: "]),
    ("{Q: p2", "{Q: p7", ["my.yaml:13:15: unknown loop 'p7'; allowed: b, n, p2, m1, g, p1, *"]),
    (
        "  - einsums: [RM]\n",
        "",
        ["my.yaml:16:3: Einsum RM is in no epoch"],
    ),
    ("einsums: [RM]\n", "einsums: [RM, QK]\n", ["my.yaml:17:19: Einsum 'QK' is in two epochs"]),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[new[:30] for _, new, _ in CASES])
def test_a_fault_is_named_at_its_place(old: str, new: str, expected: list[str]) -> None:
    found = refusal(old, new)
    assert len(found) >= len(expected)
    for sentence, start in zip(found, expected, strict=False):
        assert sentence.startswith(start), sentence


def test_several_faults_come_together() -> None:
    text = GOOD.replace("unit: array_2d, einsums: [QK", "unit: array_2d, einsums: [QKK").replace(
        "SPNV, RNV", "SPNW, RNV", 1
    )
    with pytest.raises(SpecError) as caught:
        bound(text)
    assert [str(p) for p in caught.value.problems] == [
        "my.yaml:10:32: unknown Einsum 'QKK'; did you mean 'QK'? "
        "allowed: QK, LM, RM, SLN, PRM, SLD, SPD, RD, SLNV, SPNV, RNV, AV",
        "my.yaml:11:50: unknown Einsum 'SPNW'; did you mean 'SPNV'? "
        "allowed: QK, LM, RM, SLN, PRM, SLD, SPD, RD, SLNV, SPNV, RNV, AV",
    ]


def test_faults_of_every_section_come_together() -> None:
    text = (
        GOOD.replace("m0: = array_2d.rows}", "m0: 0}")
        .replace("loops: [b, n, p2, m1, g, p1]", "loops: [b, n, g, p2, zz, m1, p1]")
        .replace("unit: array_1d", "unit: array_9d")
        .replace("{Q: p2, K: m1", "{Q: q2, KK: m1")
        .replace("einsums: [RM]\n", "einsums: [RN]\n")
        .replace("types: {RM: bf16", "types: {RM: bf17")
        .replace("interleave: = 2 * max(1, array_2d.rows // head_dim)", "interleave: 0\nbudget: {bufer: 1 MiB}")
    )
    with pytest.raises(SpecError) as caught:
        bound(text)
    places = [f"{p.place.line}:{p.place.column}" for p in caught.value.problems if p.place]
    sentences = "\n".join(p.message for p in caught.value.problems)
    assert len(places) == len(caught.value.problems) == 9, sentences
    for part in (
        "'m0' must be at least 1",
        "'zz'",
        "'array_9d'",
        "'q2'",
        "'KK'",
        "'RN'",
        "'bf17'",
        "'interleave'",
        "'bufer'",
    ):
        assert part in sentences, sentences


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("einsums: [RM]\n", "einsums: [RM]\n    wait: {LM: -5}\n",
         "my.yaml:18:16: 'wait for LM' must be a whole number from 0 to 2^31, found -5"),
        ("interleave: = 2 * max(1, array_2d.rows // head_dim)", "interleave: -2",
         "my.yaml:20:13: 'interleave' must be a whole number from 1 to 2^31, found -2"),
        ("interleave: = 2 * max(1, array_2d.rows // head_dim)", "budget: {buffr: 1 MiB}",
         "my.yaml:20:10: unknown memory 'buffr'; did you mean 'buffer'? allowed: dram, buffer"),
        ("overlap: epochs", "overlap: units",
         "my.yaml:15:1: epochs are given, but the overlap is 'units'; write 'overlap: epochs'"),
    ],
)  # fmt: skip
def test_what_would_be_ignored_or_make_no_sense_is_refused(old: str, new: str, expected: str) -> None:
    assert refusal(old, new) == [expected]


def test_an_intermediate_that_nobody_keeps_is_named() -> None:
    text = GOOD.replace("loops: [b, n, p2, m1, g, p1]", "loops: [b, n, g, p2, m1, p1]\nfuse: m1")
    with pytest.raises(SpecError) as caught:
        bound(text)
    assert str(caught.value).startswith("my.yaml:8:8: Einsum 'PRM' reads the previous value of state 'RM' and must")


def test_a_tensor_used_outside_of_the_loop_that_keeps_it_is_named() -> None:
    found = refusal("RNV: p2}", "RNV: p2, AV: m1}")
    assert found == [
        "my.yaml:13:62: tensor 'AV' is kept in 'buffer' for an iteration of 'm1', but Einsum 'AV' uses it outside of that "
        "loop; keep it at b, n, p2, g, p1, *"
    ]


def test_a_level_kept_longer_than_the_one_outside_of_it_is_named() -> None:
    text = GOOD.replace("RNV: p2}", "RNV: p2}\n  dram: {QK: m1}").replace("{Q: p2", "{QK: '*', Q: p2")
    with pytest.raises(SpecError) as caught:
        bound(text)
    assert str(caught.value).startswith(
        "my.yaml:13:17: tensor 'QK' is kept in 'buffer' for an iteration of '*', longer than in 'dram' outside of it ('m1')"
    )


def test_what_does_not_fit_says_which_tensor_which_level_how_much_and_what_would_fit() -> None:
    with pytest.raises(Infeasible) as caught:
        bound(GOOD, on="fusemax-cloud:buffer.size=64KiB")
    assert str(caught.value) == (
        "mapping 'fusemax-binding' on 'fusemax-cloud': 'buffer' needs 132096 B, 66560 B over its 65536 B; tensor 'Q', kept "
        "for one iteration of 'p2', takes 32768 B; what would fit is a 'buffer' of 129 KiB"
    )


def test_a_part_wider_than_its_axis_does_not_fit() -> None:
    with pytest.raises(Infeasible, match=re.escape("part 'm0' has 300 indices, but axis 'rows' of 'array_2d' has 256")):
        bound(GOOD.replace("m0: = array_2d.rows}", "m0: 300}"))


def test_a_workload_that_is_another_cascade_is_refused() -> None:
    with pytest.raises(SpecError, match="maps cascade 'attention-1pass', but the workload is cascade 'gemm'"):
        schedule(workload("gemm:M=8,N=8,K=4"), machine("fusemax-cloud"), mapping("fusemax-binding"))


def tree(nest: Nest) -> Any:
    return {nest.part: [tree(item) if isinstance(item, Nest) else item for item in nest.body]}


def test_the_loop_tree_of_the_fused_mapping() -> None:
    einsums = ["QK", "LM", "RM", "SLN", "PRM", "SLD", "SPD", "RD", "SLNV", "SPNV", "RNV"]
    inner: Any = {"p2": [{"m1": [{"g": [{"p1": einsums}]}]}, {"g": [{"p1": ["AV"]}]}]}
    assert tree(bound(GOOD).root) == {None: [{"b": [{"n": [inner]}]}]}


def test_passes_of_the_tree_are_those_of_the_cascade() -> None:
    """The loop over keys is traversed as often as the pass analysis says."""
    for name, passes in (("attention-3pass", 3), ("attention-deferred-division", 2), ("attention-2pass", 2)):
        found = cascade(name)
        text = f"""
mapping: plain
cascade: {name}
{"partition: {m: {m1: rest, m0: 4}}" if len(found.parts["m"]) > 1 else ""}
loops: [p, {found.parts["m"][0]}]
bind:
  - {{unit: array, einsums: [{", ".join(e.name for e in found.einsums)}]}}
keep: {{buffer: {{{", ".join(f"{t.name}: '*'" for t in found.tensors.values() if t.role == "intermediate")}}}}}
"""
        on = machine("fusemax-cloud").units["array_1d"]
        host = machine("systolic")
        host = type(host)(**{**vars(host), "units": {"array": on}})
        loaded = validate(read_text(text, "plain.yaml"), MappingSpec, "mapping")
        made = bind(found, workload("attention:queries=4,keys=8,head_dim=2"), host, loaded)
        outermost = found.parts["m"][0]
        assert sum(nest.part == outermost for _, nest in made.nests()) == passes, name


def test_dependencies_know_the_iteration_before() -> None:
    found = {(d.producer, d.consumer, d.loop, d.distance) for d in bound(GOOD).dependencies}
    assert {("RM", "RM", "m1", 1), ("RM", "PRM", "m1", 1), ("RM", "PRM", None, 0), ("RNV", "AV", None, 0)} <= found
