"""`einfuse passes`: how often a cascade walks over a rank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .conftest import Run


@pytest.mark.parametrize(
    ("cascade", "passes"),
    [
        ("attention-3pass", {"m": 3}),
        ("attention-deferred-division", {"m": 2}),
        ("attention-2pass", {"m": 2}),
        ("attention-1pass", {"m": 1}),
        ("attention-1pass-decode", {"m": 1}),
        ("softmax", {"n": 3}),
        ("gemm", {"k": 1}),
        ("gemv", {"n": 1}),
        ("examples/attention-reciprocal.yaml", {"m": 3}),
    ],
)
def test_passes(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, cascade: str, passes: dict[str, int]
) -> None:
    monkeypatch.chdir(ROOT)
    run = einfuse("passes", cascade, "--json")
    assert run.code == 0
    assert (run.json["schema"], run.json["passes"]) == ("einfuse.passes/1", passes)
    assert run.json["cascade"] == Path(cascade).stem
    assert len(run.json["reasons"]) == sum(passes.values())
    assert set(run.json) == {"schema", "cascade", "passes", "reasons"}


def test_passes_over_a_named_rank(einfuse: Callable[..., Run]) -> None:
    assert einfuse("passes", "attention-3pass", "--rank", "e", "--json").json["passes"] == {"e": 1}
    run = einfuse("passes", "attention-3pass", "--rank", "q")
    allowed = "b, n, g, p, m, e, f"
    assert run == Run(2, "", f"unknown rank 'q' of cascade 'attention-3pass'; allowed: {allowed}\n")


def test_without_a_mask_every_reduced_rank_is_counted(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "cascade: c\nsummary: Two sums.\nranks: {b: batch, m: M, n: N}\ninputs: [A]\neinsums:\n"
        "  - B[b,n] = sum{m} A[b,m,n]\n  - C[b] = sum{n} B[b,n]\noutput: C\n"
    )
    assert einfuse("passes", str(file), "--json").json["passes"] == {"m": 1, "n": 1}
