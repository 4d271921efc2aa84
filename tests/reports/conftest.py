"""What the tests of reports share: running the command in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reports.cli import main
from tests.conftest import ROOT

BINDING = ("-w", "bert:seq_len=1Ki", "-a", "fusemax-cloud", "-m", "fusemax-binding")


def shell(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, started in the repository."""
    command = [sys.executable, "-m", "reports", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **settings)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its stdout as a JSON object; Python's NaN and Infinity are refused."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON")

        found: dict[str, Any] = json.loads(self.out, parse_constant=refuse)
        return found


@pytest.fixture(scope="session")
def published(shared_dir: Path) -> Path:
    """The published rows, which the project does not hold."""
    path = shared_dir / "reference" / "fusemax" / "published.csv"
    if not path.is_file():
        pytest.skip(f"no {path}: the published figures are not here")
    return path


@pytest.fixture
def einfuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs the command with these arguments."""

    def run(*arguments: str) -> Run:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Run(int(str(left.value.code)), out, err)

    return run
