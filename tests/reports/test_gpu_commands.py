"""`einfuse gpu`: what it says without a GPU, and how a run ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.gpu.measure import script

from .conftest import Run


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, int]], None]:
    """Pretends that a GPU is here, and that a run ends with these rows by status."""

    def pretend(counts: dict[str, int]) -> None:
        def measure(path: Path, grid: str, say: Callable[[str], None]) -> dict[str, Any]:
            say(f"{grid} on a GPU")
            return {"ok": 0, "skipped": 0, "wrong": 0, "failed": 0} | counts

        monkeypatch.setattr(script, "missing", lambda: None)
        monkeypatch.setattr(script, "measure", measure)

    return pretend


def test_without_a_gpu_it_says_what_is_missing(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "missing", lambda: "PyTorch is missing; pip install 'einfuse[gpu]'")
    run = einfuse("gpu", "measure", "-o", str(tmp_path / "runs.json"))
    assert run == Run(4, "", "PyTorch is missing; pip install 'einfuse[gpu]'\n")
    assert list(tmp_path.iterdir()) == []


def test_a_grid_that_is_none_is_refused(einfuse: Callable[..., Run]) -> None:
    run = einfuse("gpu", "measure", "-o", "runs.json", "--grid", "huge")
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("einfuse gpu measure: invalid value: the grid is quick or full, found 'huge'; see")


@pytest.mark.parametrize(
    ("counts", "code", "said"),
    [
        ({"ok": 3, "skipped": 1}, 0, "3 ok, 1 skipped, 0 wrong, 0 failed"),
        ({"ok": 3, "wrong": 1, "failed": 1}, 1, "3 ok, 0 skipped, 1 wrong, 1 failed"),
        ({"failed": 1}, 5, "0 ok, 0 skipped, 0 wrong, 1 failed"),
    ],
)
def test_how_a_run_ends(
    einfuse: Callable[..., Run],
    measuring: Callable[[dict[str, int]], None],
    counts: dict[str, int],
    code: int,
    said: str,
) -> None:
    measuring(counts)
    assert einfuse("gpu", "measure", "-o", "r.json", "--grid", "full") == Run(
        code, f"r.json: {said}\n", "full on a GPU\n"
    )


def test_without_a_command_it_prints_its_help(einfuse: Callable[..., Run]) -> None:
    assert einfuse("gpu") == einfuse("gpu", "--help") and "measure" in einfuse("gpu").out


def test_a_run_that_breaks_off_is_no_kernel_that_was_wrong(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(path: Path, grid: str, say: Callable[[str], None]) -> dict[str, Any]:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(script, "missing", lambda: None)
    monkeypatch.setattr(script, "measure", measure)
    told = "the run broke off: RuntimeError: CUDA error: unspecified launch failure\n"
    assert einfuse("gpu", "measure", "-o", "r.json") == Run(5, "", told)


def test_doctor_names_what_a_gpu_needs_and_is_whole_without(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    installed = metadata.version

    def version(name: str) -> str:
        if name in ("torch", "triton", "nvidia-ml-py"):
            raise metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(metadata, "version", version)
    found = {each["name"]: each for each in einfuse("doctor", "--json").json["findings"]}
    for name in ("torch", "triton", "nvidia-ml-py"):
        assert (found[name]["state"], found[name]["detail"]) == (
            "absent", "optional: measuring GPUs; pip install -e '.[gpu]'",
        )  # fmt: skip
