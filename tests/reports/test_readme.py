"""README.md: what it offers exists, and its Python runs."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    exec(compile(block, "README.md", "exec"), {})
    latency_s, bound_by, utilization = capsys.readouterr().out.split()
    assert float(latency_s) == pytest.approx(2.013140e-3, abs=5e-10) and bound_by == "array_1d"
    assert float(utilization) == pytest.approx(0.8896104, abs=5e-8)
