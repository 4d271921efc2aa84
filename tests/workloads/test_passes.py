"""The least number of passes over a rank, and the sentences that say why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workloads
from tests.workloads.writing import check
from workloads import CASCADES, cascade, count_passes

PASSES = {
    ("attention-3pass", "m"): 3,
    ("attention-deferred-division", "m"): 2,
    ("attention-2pass", "m"): 2,
    ("attention-1pass", "m"): 1,
    ("attention-1pass-decode", "m"): 1,
    ("attention-3pass", "p"): 1,
    ("attention-1pass", "p"): 1,
    ("attention-3pass", "e"): 1,
    ("softmax", "n"): 3,
    ("softmax", "m"): 1,
    ("gemm", "k"): 1,
    ("gemv", "n"): 1,
}


@pytest.mark.parametrize(("name", "rank"), PASSES)
def test_passes_of_the_library(name, rank):
    assert count_passes(cascade(name), rank).passes == PASSES[name, rank]


SOFTMAX = """
cascade: c
ranks: {m: M, p: P}
inputs: [QK]
einsums:
  - GM[p] = max{m} QK[m,p]
  - SN[m,p] = exp(QK[m,p] - GM[p])
  - SD[p] = sum{m} SN[m,p]
  - %s
output: A
"""


def test_a_reciprocal_of_the_denominator_as_an_einsum_of_its_own_saves_no_pass():
    direct = check(SOFTMAX % "A[m,p] = SN[m,p] / SD[p]")
    derived = check(SOFTMAX % "R[p] = 1 / SD[p]\n  - T[p] = R[p] * 2\n  - A[m,p] = SN[m,p] * T[p]")
    assert count_passes(direct, "m").passes == count_passes(derived, "m").passes == 3
    assert count_passes(derived, "m").reasons[2] == (
        "Pass 3 over m makes A: A needs T, which is complete only after pass 2."
    )


def test_each_pass_has_a_reason_that_reads_as_a_sentence():
    assert list(count_passes(cascade("attention-3pass"), "m").reasons) == [
        "Pass 1 over m makes QK and GM: nothing that they need waits for a whole traversal.",
        "Pass 2 over m makes SN and SD: SN needs GM, which is complete only after pass 1.",
        "Pass 3 over m makes A and AV: A needs SD, which is complete only after pass 2.",
    ]
    # The maximum reaches the second pass over the tiles through a factor per tile.
    assert list(count_passes(cascade("attention-2pass"), "m").reasons) == [
        "Pass 1 over m makes QK, LM, SLN and SLD: nothing that they need waits for a whole traversal.",
        "Pass 2 over m makes SN and SNV: SN needs PLM, PLM needs GM, which is complete only after pass 1.",
    ]


def test_reasons_are_a_list_of_strings_in_json():
    found = count_passes(cascade("attention-1pass"), "m")
    assert json.loads(json.dumps(found.reasons)) == [
        "Pass 1 over m makes QK, LM, SLN, SLD and SLNV: nothing that they need waits for a whole traversal."
    ]


def test_the_final_value_of_a_state_is_complete_only_after_the_pass():
    """One pass for the running maximum and denominator, one to divide: online softmax."""
    online = check(
        """
        cascade: c
        ranks: {m: M, p: P}
        inputs: [X]
        einsums:
          - RM[0,p] = -inf
          - RM[m+1,p] = max(RM[m,p], X[m,p])
          - RD[0,p] = 0
          - RD[m+1,p] = RD[m,p] * exp(RM[m,p] - RM[m+1,p]) + exp(X[m,p] - RM[m+1,p])
          - Y[m,p] = exp(X[m,p] - RM[M,p]) / RD[M,p]
        output: Y
        """
    )
    found = count_passes(online, "m")
    assert found.passes == 2
    assert found.pass_of == {"RM": 1, "RD": 1, "Y": 2}


def test_a_state_of_a_later_pass_takes_its_readers_with_it():
    """Z reads the state S before the text defines it; S runs in pass 2, so Z cannot be in pass 1."""
    later = check(
        """
        cascade: c
        ranks: {m: M, p: P}
        inputs: [X]
        einsums:
          - GM[p] = max{m} X[m,p]
          - S[0,p] = 0
          - Z[m,p] = S[m,p] * 2
          - S[m+1,p] = S[m,p] + X[m,p] * GM[p]
          - Y[p] = sum{m} Z[m,p]
        output: Y
        """
    )
    assert count_passes(later, "m").pass_of == {"GM": 1, "Z": 2, "S": 2, "Y": 2}


def test_a_loop_over_another_rank_traverses_the_fiber_once_in_each_iteration():
    """A recurrence over layers t, each a full reduction over m: one pass over m for each t, and the analysis ends."""
    recurrent = check(
        """
        cascade: c
        ranks: {t: T, m: M}
        inputs: [X, H0]
        einsums:
          - S[0] = 1
          - G[t] = sum{m} X[t,m] * H0[t,m] * S[t]
          - S[t+1] = S[t] + G[t]
          - Y[m] = sum{t} X[t,m] * S[T]
        output: Y
        """
    )
    assert count_passes(recurrent, "m").pass_of == {"G": 1, "S": 1, "Y": 2}


def renamed(name: str, ranks: dict[str, str], tensors: dict[str, str]) -> str:
    """The text of a library cascade under other names."""
    folder = Path(workloads.__file__).parent / "library" / "cascades"
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    head, _, body = text.partition("ranks:")
    sizes = {"batch", "heads", "kv_heads", "queries", "keys", "head_dim", "value_dim", "causal", "window"}
    keys = {"each", "share", "inputs", "mask", "partition", "einsums", "output", "sum", "max", "exp", "inf"}

    def new(match: re.Match[str]) -> str:
        word = match.group()
        if word in sizes | keys:
            return word
        if word in tensors:
            return tensors[word]
        if word.lower() in ranks:
            return ranks[word] if word in ranks else ranks[word.lower()].upper()
        return word

    body = re.sub(r"#.*", "", body)
    return head + "ranks:" + re.sub(r"\b[A-Za-z_][A-Za-z0-9_]*\b", new, body)


ATTENTIONS = [name for name in CASCADES.names() if name.startswith("attention")]


@given(st.sampled_from(ATTENTIONS), st.data())
def test_names_do_not_matter(name, data):
    original = cascade(name)
    parts = sorted({*original.parts, *original.family_of})
    words = st.from_regex(r"[a-z][a-z0-9_]{2,6}", fullmatch=True).map(lambda word: f"r{word}")
    new_ranks = data.draw(st.lists(words, min_size=len(parts), max_size=len(parts), unique=True))
    new_tensors = data.draw(st.permutations([f"T{k}" for k in range(len(original.tensors))]))
    ranks = dict(zip(parts, new_ranks, strict=True))
    tensors = dict(zip(original.tensors, new_tensors, strict=True))
    other = check(renamed(name, ranks, tensors))
    assert set(other.tensors) == set(new_tensors)
    for rank in original.parts:
        before, after = count_passes(original, rank), count_passes(other, ranks[rank])
        assert after.passes == before.passes
        assert after.pass_of == {tensors[e]: number for e, number in before.pass_of.items()}
