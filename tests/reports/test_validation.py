"""FLAT's own model, without softmax, beside ours for the same two products."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reports.paper import paper
from reports.validation import as_text, validation
from specs import load_file

from .conftest import Run


def test_all_lengths_are_within_the_stated_tolerances() -> None:
    checks = validation(paper("fusemax"))
    assert len(checks) == 2 * 12 * 3 and all(check.ok for check in checks)
    assert {check.seq_len for check in checks} == {2**n for n in range(9, 21)}
    worst = {
        metric: max((c for c in checks if c.metric == metric), key=lambda c: abs(c.rel_error))
        for metric in ("traffic", "ideal_latency", "latency")
    }
    assert worst["ideal_latency"].rel_error == pytest.approx(0, abs=1e-15)
    assert (worst["traffic"].model, worst["traffic"].seq_len) == ("XLM", 4096)
    assert worst["traffic"].rel_error == pytest.approx(-0.0289, abs=5e-5)
    assert (worst["latency"].model, worst["latency"].seq_len) == ("BERT", 512)
    assert worst["latency"].rel_error == pytest.approx(-0.00503, abs=5e-6)
    others = [c for c in checks if c.metric == "traffic" and (c.model, c.seq_len) != ("XLM", 4096)]
    assert max(abs(c.rel_error) for c in others) <= 0.0026


def test_products_alone_by_hand() -> None:
    """BERT, 1Ki tokens: scores stay on chip; queries, keys and values pass for each tile, results leave once."""
    (traffic,) = [
        c for c in validation(paper("fusemax")) if (c.model, c.seq_len, c.metric) == ("BERT", 1024, "traffic")
    ]
    heads, tokens, width = 64 * 12, 1024, 64
    assert traffic.ours == 2 * heads * tokens * width * (3 * tokens // 256 + 1)


def test_what_is_out_of_tolerance_fails(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    run = einfuse("compare", "fusemax", "--json")
    assert run.code == 0 and len(run.json["validation"]) == 72
    text = Path("reports/papers/fusemax.yaml").read_text().replace("{traffic: 0.03,", "{traffic: 0.003,", 1)
    file = tmp_path / "fusemax.yaml"
    file.write_text(text)
    strict = load_file(file, type(paper("fusemax")), "paper").model
    checks = validation(strict)
    assert [(c.model, c.seq_len, c.metric) for c in checks if not c.ok] == [("XLM", 4096, "traffic")]
    assert len(as_text(strict, checks)) == 4
