"""Icarus Verilog: a second simulator for what is handed over, with nothing of ours between it and the files."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .failures import RunFailed
from .verilator import ICARUS, missing, shown

__all__ = ["Verdict", "run_bench"]

RUNTIME = "vvp"
LIMIT_S = 600.0


@dataclass(frozen=True)
class Verdict:
    """What a test bench says of a component: everything that it printed, the verdict last."""

    output: str

    @property
    def line(self) -> str:
        """The last line.

        >>> verdict = Verdict("a warning\\nPASS: 4 words in 9 cycles\\n")
        >>> verdict.line, verdict.passed
        ('PASS: 4 words in 9 cycles', True)
        """
        return self.output.rstrip().rpartition("\n")[2]

    @property
    def passed(self) -> bool:
        """Whether the component does what was recorded. Without a verdict it does not."""
        return self.line.startswith("PASS: ")


def find_icarus() -> bool:
    """Whether Icarus Verilog is installed."""
    return all(map(shutil.which, (ICARUS, RUNTIME)))


def run_bench(folder: Path, top: str, limit_s: float = LIMIT_S) -> Verdict:
    """Run the bench of the module `top` that lies in a folder (`bench.py`), as strict Verilog-2005.

    Nothing is written there. Raises `ToolMissing` where there is no Icarus Verilog, and `RunFailed` for files that it
    does not take and for a run longer than the limit.
    """
    if not find_icarus():
        raise missing([ICARUS])
    with tempfile.TemporaryDirectory(prefix="einfuse-") as place:
        program = str(Path(place, "bench.vvp"))
        sources = ["-s", f"{top}_bench", "-o", program, "bench.v", f"{top}.v"]
        _called([ICARUS, "-g2005", "-Wall", *sources], folder, limit_s)
        return Verdict(_called([RUNTIME, "-n", program], folder, limit_s))


def _called(command: list[str], folder: Path, limit_s: float) -> str:
    """What a program prints."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"{command[0]} did not end within {limit_s:g} s") from None
    if done.returncode != 0:
        raise RunFailed(f"{command[0]} failed:\n{shown(done.stderr or done.stdout)}")
    return done.stdout
