"""The programs of `examples/` run, here on little, and print what `simulate` says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from sim import simulate

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name: str) -> ModuleType:
    """A program of `examples/`, as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_kv_cache_over_keys_and_appends(capsys: pytest.CaptureFixture[str]) -> None:
    """256 keys: 413,510 ticks of half a nanosecond, of which 80,156 are appends and 220,800 waits for softmax."""
    example("kv_cache").main((256,), (2,))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["keys", "a", "token", "appends", "other", "units", "bound", "by"]
    assert lines[1] == ["256", "0.207", "ms", "19.4%", "53.4%", "array_1d"]
    two = simulate("gpt2-xl:part=attention,tokens=2", "gddr6-aim:channels=8", "bank-parallel-attention:append=2")
    assert lines[4][:3] == ["2", f"{1e3 * two.latency_s / 2:.3f}", "ms"]
