"""The keys of a workload, the sizes that follow from them, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from specs import SpecError, schema
from tests.workloads.writing import loaded_workload
from workloads import WORKLOADS, Workload, WorkloadSpec, attention_workload, cascade, workload

TYPES = "fp64, fp32, fp16, bf16, fp8, int32, int16, int8, fix<8|16|32|64>.<1 to bits - 1>"


def refused(reference: str) -> list[str]:
    """The messages about a reference, less the name of the argument."""
    with pytest.raises(SpecError) as caught:
        workload(reference)
    return [str(problem).removeprefix(f"workload argument '{reference}': ") for problem in caught.value.problems]


def lengths(reference: str) -> tuple[int, int]:
    found = workload(reference)
    return found.values["queries"], found.values["keys"]


def test_the_library():
    assert WORKLOADS.names() == ("attention", "bert", "gpt2-xl", "t5", "trxl", "xlm")
    shapes = {}
    for name in WORKLOADS.names():
        v = workload(name if name == "gpt2-xl" else f"{name}:seq_len=1Ki").values
        shapes[name] = tuple(v.get(k) for k in ("batch", "heads", "head_dim", "d_model", "d_ff"))
    assert shapes == {
        "attention": (1, 1, 64, None, None),
        "bert": (64, 12, 64, 768, 3072),
        "gpt2-xl": (1, 25, 64, 1600, 6400),
        "t5": (64, 8, 64, 512, 2048),
        "trxl": (64, 16, 64, 1024, 4096),
        "xlm": (64, 16, 128, 2048, 8192),
    }


def test_every_key_of_an_attention_workload():
    found = workload(
        "bert:batch=2,heads=8,kv_heads=2,queries=3,keys=5,head_dim=16,value_dim=24,d_model=100,d_ff=200,"
        "causal=true,window=4,precision=fp16,part=attention,phase=prefill"
    )
    assert found.values == {
        "batch": 2, "heads": 8, "kv_heads": 2, "queries": 3, "keys": 5, "head_dim": 16, "value_dim": 24,
        "d_model": 100, "d_ff": 200,
    }  # fmt: skip
    assert found.settings == {"causal": True, "window": 4}
    assert found.types == {"*": "fp16"}
    assert found.cascade is None
    assert found.sizes(cascade("attention-1pass")) == dict(b=2, n=2, g=4, p=3, m=5, e=16, f=24)


def test_what_a_key_is_unless_it_is_set():
    found = workload("attention:seq_len=16Ki")
    assert (found.values["kv_heads"], found.values["value_dim"]) == (1, 64)
    assert found.settings == {"causal": False, "window": None}
    assert found.types == {}
    assert workload("bert:seq_len=8,head_dim=32").values["value_dim"] == 32
    assert workload("bert:seq_len=8").values["kv_heads"] == 12


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("bert:seq_len=1Ki", (1024, 1024)),
        ("bert:seq_len=8,context=24", (8, 32)),
        ("bert:queries=8,keys=32", (8, 32)),
        ("bert:queries=8,seq_len=32", (8, 32)),
        ("bert:keys=8,seq_len=32", (32, 8)),
        ("bert:phase=decode,context=4Ki", (1, 4096)),
        ("bert:phase=decode,seq_len=4Ki", (1, 4096)),
        ("bert:phase=decode,keys=4Ki,queries=4", (4, 4096)),
    ],
)
def test_queries_and_keys(reference, expected):
    assert lengths(reference) == expected


def test_bare_cascades():
    gemm = workload("gemm:M=1024,N=1Ki,K=64")
    assert (gemm.values, gemm.cascade) == ({"M": 1024, "N": 1024, "K": 64}, "gemm")
    assert gemm.sizes(cascade("gemm")) == {"m": 1024, "n": 1024, "k": 64}
    attention = workload("attention-1pass:queries=4,keys=8,head_dim=2,heads=6,causal=true,window=3,precision=fp8")
    assert attention.sizes(cascade("attention-1pass")) == dict(b=1, n=6, g=1, p=4, m=8, e=2, f=2)
    assert (attention.settings, attention.types) == ({"causal": True, "window": 3}, {"*": "fp8"})


LENGTHS = "prefill has seq_len queries over context + seq_len keys, unless queries and keys are set"


@pytest.mark.parametrize(
    ("reference", "messages"),
    [
        ("bert", ["a length is missing; set seq_len, or queries and keys, such as seq_len=1Ki"]),
        ("bert:queries=4", ["a length is missing; set seq_len, or queries and keys, such as seq_len=1Ki"]),
        ("bert:phase=decode", ["a length is missing; set seq_len, or queries and keys, such as seq_len=1Ki"]),
        ("bert:seq_len=8,kv_heads=5", ["heads (12) must be a multiple of kv_heads (5)"]),
        ("bert:seq_len=0", ["seq_len: must be greater than zero: found 0"]),
        ("bert:seq_len=-3", ["seq_len: must be greater than zero: found -3"]),
        ("bert:seq_len=8.5", ["seq_len: expected a whole number such as '16Ki', found 8.5"]),
        ("bert:seq_len=8,window=0", ["window: must be greater than zero: found 0"]),
        ("bert:seq_len=8,causal=yes", ["causal: found 'yes', expected true or false"]),
        (
            "bert:seq_len=1e30",
            ["seq_len: number out of range: found 1e+30; a count is at most 9223372036854775807 (2^63 - 1)"],
        ),
        (
            "bert:seq_len=9223372036854775807,context=1",
            ["'context + seq_len' is 9.223e+18, more than a count can be (2^63 - 1)"],
        ),
        ("bert:seq_len=8,precision=fp9", [f"unknown type 'fp9'; did you mean 'fp8'? allowed: {TYPES}"]),
        (
            "bert:seq_len=8,precision={RD: bf16, RM: {storage: bf16, accumulation: fq}}",
            [f"unknown type 'fq'; allowed: {TYPES}"],
        ),
        ("bert:seq_len=8,part=layer", ["part: unknown value 'layer'; allowed: attention, linear, end-to-end"]),
        ("bert:seq_len=8,phase=train", ["phase: unknown value 'train'; allowed: prefill, decode"]),
        (
            "bert:seqlen=3",
            [
                "unknown key 'seqlen' in workload; did you mean 'seq_len'? allowed: workload, summary, source, batch, "
                "heads, kv_heads, seq_len, queries, keys, context, head_dim, value_dim, d_model, d_ff, causal, window, "
                "precision, part, blocks, tokens, phase"
            ],
        ),
        ("bert:queries=4,keys=5,seq_len=6", [f"'seq_len' has no effect beside the other lengths; {LENGTHS}"]),
        ("bert:seq_len=4,keys=5,context=6", [f"'context' has no effect beside the other lengths; {LENGTHS}"]),
        (
            "bert:phase=decode,context=3,seq_len=4",
            ["'seq_len' has no effect beside the other lengths; decode takes its keys from keys, context or seq_len"],
        ),
        (
            "bert:seq_len=8,kv_heads=7,precision=fp9",
            [
                "heads (12) must be a multiple of kv_heads (7)",
                f"unknown type 'fp9'; did you mean 'fp8'? allowed: {TYPES}",
            ],
        ),
        (
            "berd:seq_len=3",
            [
                "unknown workload 'berd'; did you mean 'bert'? allowed: attention, bert, gpt2-xl, t5, trxl, xlm (or a "
                "path to a .yaml file)"
            ],
        ),
        ("gemm", ["missing M, N, K; write gemm:M=...,N=...,K=..."]),
        ("gemm:N=4", ["missing M, K; write gemm:N=4,M=...,K=..."]),
        (
            "gemm:M=0,N=-1,K=x",
            [
                "'M' must be a whole number of at least 1, found '0'",
                "'N' must be a whole number of at least 1, found '-1'",
                "'K': found 'x', expected a count such as '16Ki'",
            ],
        ),
        (
            "gemm:m=3,N=1,K=1",
            [
                "unknown key 'm'; did you mean 'M'? allowed: M, N, K, precision",
                "missing M; write gemm:N=1,K=1,M=...",
            ],
        ),
        ("gemm:M=1e30,N=1,K=1", ["'M' is 1e+30, more than a count can be (2^63 - 1)"]),
        (
            "gemm:M=1,N=1,K=1,precision=int9",
            [f"unknown type 'int9'; did you mean 'int8'? allowed: {TYPES}"],
        ),
        (
            "attention-1pass:queries=4,keys=8,head_dim=2,heads=3,kv_heads=2",
            [
                "rank 'g' of cascade 'attention-1pass' has size heads / kv_heads = 1.5, expected a whole number from 1 "
                "to 2^63 - 1"
            ],
        ),
        (
            "attention-1pass:queries=4,keys=8,head_dim=2,causal=3,window=true",
            ["'causal' is true or false, found '3'", "'window': found 'true', expected a count such as '16Ki'"],
        ),
    ],
)
def test_what_cannot_be_is_refused(reference, messages):
    assert refused(reference) == messages


def misfits(found: Workload, name: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        found.sizes(cascade(name))
    return [str(problem) for problem in caught.value.problems]


def test_a_workload_that_does_not_fit_a_cascade():
    assert misfits(workload("bert:seq_len=8"), "gemm") == [
        "workload argument 'bert:seq_len=8': cascade 'gemm' needs M, N, K, which workload 'bert' does not set; "
        "it sets batch, d_ff, d_model, head_dim, heads, keys, kv_heads, queries, value_dim"
    ]
    found = Workload("rows", {"M": 2, "N": 3}, {"causal": True}, {"SDD": "bf16"})
    assert misfits(found, "softmax") == [
        "workload 'rows' sets 'causal', but cascade 'softmax' has no such mask; it has none",
        "unknown tensor 'SDD' in precision, for cascade 'softmax'; did you mean 'SD'? allowed: GM, S, SD, Y, X",
    ]


def test_faults_of_a_file_have_their_lines():
    text = """
        workload: mine
        heads: 6
        kv_heads: 4
        head_dim: 64
        seq_len: 128
        precision: {RD: bf17}
        """
    with pytest.raises(SpecError) as caught:
        attention_workload(loaded_workload(text))
    assert [str(problem) for problem in caught.value.problems] == [
        "w.yaml:3:11: heads (6) must be a multiple of kv_heads (4)",
        f"w.yaml:6:17: unknown type 'bf17'; did you mean 'bf16'? allowed: {TYPES}",
    ]


def test_a_workload_and_a_cascade_of_the_users_own(tmp_path: Path):
    own = tmp_path / "own.yaml"
    own.write_text("workload: own\nhead_dim: 8\nseq_len: 1Ki\nprecision: {RD: bf16}\n", encoding="utf-8")
    found = workload(f"{own}:window=16")
    assert (found.name, found.values["keys"], found.settings["window"]) == ("own", 1024, 16)
    rows = tmp_path / "rows.yaml"
    text = """
        cascade: rows
        ranks: {m: ROWS, n: COLS}
        inputs: [X]
        einsums: ["Y[m] = max{n} X[m,n]"]
        output: Y
        """
    rows.write_text(dedent(text), encoding="utf-8")
    assert workload(f"{rows}:ROWS=3,COLS=4").values == {"ROWS": 3, "COLS": 4}
    assert refused(f"{rows}:ROWS=3") == ["missing COLS; write rows:ROWS=3,COLS=..."]
    rows.write_text(dedent(text).replace("max", "min"), encoding="utf-8")
    assert cascade(str(rows)).einsums[0].reduction == "min"  # a file that changed is read again


def test_the_schema_names_the_keys():
    assert set(schema(WorkloadSpec)["properties"]) == {
        *("workload", "summary", "source", "batch", "heads", "kv_heads", "seq_len", "queries", "keys", "context"),
        *("head_dim", "value_dim", "d_model", "d_ff", "causal", "window", "precision", "part", "blocks", "phase"),
        "tokens",
    }


def test_gpt2_xl_is_a_token_over_all_its_keys_in_48_blocks():
    found = workload("gpt2-xl")
    assert (found.repeated.blocks, found.part) == (48, "linear")
    assert (found.values["queries"], found.values["keys"]) == (1, 1024)
    layers = found.layers()
    assert layers is not None and layers.repeated.blocks == 48
    sizes = layers.sizes(cascade("linear-layers"))
    assert sizes == dict(t=1, d=1600, h=1600, c=1600, r=1600, z=1600, o=1600, s=6400, u=1600)
    assert lengths("gpt2-xl:context=77,queries=2") == (2, 77)


def test_a_workload_is_one_block_unless_it_says_otherwise():
    assert workload("bert:seq_len=1Ki").repeated.blocks == 1
    assert workload("bert:seq_len=1Ki,blocks=12").repeated.blocks == 12
    assert refused("bert:seq_len=1Ki,blocks=0") == ["blocks: must be greater than zero: found 0"]
