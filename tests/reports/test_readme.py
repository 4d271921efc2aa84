"""README.md: what it offers exists, and its Python runs."""

from __future__ import annotations

import re

import pytest

from arch import table_names
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    exec(compile(first, "README.md", "exec"), {})
    latency_s, bound_by, utilization = capsys.readouterr().out.split()
    assert float(latency_s) == pytest.approx(2.013140e-3, abs=5e-10) and bound_by == "array_1d"
    assert float(utilization) == pytest.approx(0.8896104, abs=5e-8)
    exec(compile(second, "README.md", "exec"), {})
    tables = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert tables == list(table_names())
