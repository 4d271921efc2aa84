"""What every test may use: reference data, golden files, and the order and settings of a run.

Nothing here knows a package of ours; a test file imports what it tests.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# In CI the same examples are drawn on every run, so that a red run is the change's doing.
settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("default")

# Where Triton is installed, its kernels run on the CPU in tests; it reads this when it is first imported.
os.environ.setdefault("TRITON_INTERPRET", "1")


# Helpers of tests that need what the extra `gpu` installs: doctests would import them.
NEEDED = {"torch": "sim/gpu_stand_in.py", "triton": "sim/gpu_compile.py"}
collect_ignore = [path for module, path in NEEDED.items() if find_spec(module) is None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one flag that rewrites golden files."""
    parser.addoption(
        "--update-golden", action="store_true", help="write what the tests produce into their golden files"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked slow last; the order within each group stays."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@dataclass(frozen=True)
class Golden:
    """One golden file: the text a test expects, kept beside the test and reviewed as a diff."""

    path: Path
    update: bool  # write the file instead of comparing with it

    def check(self, text: str) -> None:
        """Fail unless `text` is what the golden file holds; with --update-golden, write it there."""
        if self.update:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(text, encoding="utf-8")
            return
        advice = f"run this test with --update-golden, then read the diff of {self.path.name}"
        assert self.path.exists(), f"no golden file {self.path}; {advice}"
        assert text == self.path.read_text(encoding="utf-8"), f"differs from {self.path}; {advice}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden file of this test: `golden/<test module>/<test name>.txt` beside the test module."""
    module = Path(request.node.path)
    name = re.sub(r"[^\w.=-]+", "_", request.node.name).strip("_")
    path = module.parent / "golden" / module.stem / f"{name}.txt"
    return Golden(path, update=request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference data beside the repository, or a skip where it is absent."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("../shared is not here; it holds reference data that the project never needs to run")
    return path
