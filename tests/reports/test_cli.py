"""The command line as a whole: what exists, help, version, schemas, the state of the installation."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from specs import read_file
from tests.conftest import ROOT

from .conftest import Run, shell


def test_help_is_on_stdout_and_offers_what_exists() -> None:
    run = shell("--help")
    assert (run.returncode, run.stderr) == (0, "")
    commands = run.stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in commands] == [
        "list",
        "show",
        "check",
        "passes",
        "schema",
        "doctor",
        "simulate",
        "compare",
        "report",
        "sweep",
        "pareto",
        "rtl",
        "gpu",
    ]
    assert max(map(len, run.stdout.splitlines())) <= 80 and not any(line.endswith("...") for line in commands)


def test_no_command_prints_the_help(einfuse: Callable[..., Run]) -> None:
    assert einfuse() == einfuse("--help")
    assert einfuse().code == 0 and einfuse().out.startswith("Usage: einfuse ")


def test_version(einfuse: Callable[..., Run]) -> None:
    assert einfuse("--version").out.startswith("einfuse ")


@pytest.mark.parametrize("what", ["cascades", "workloads", "archs", "mappings"])
def test_list_names_every_spec_of_a_library(einfuse: Callable[..., Run], what: str) -> None:
    folder = {"cascades": "workloads/library/cascades", "workloads": "workloads/library/workloads"}
    folder |= {"archs": "arch/library", "mappings": "mappings/library"}
    names = sorted(path.stem for path in (ROOT / folder[what]).glob("*.yaml"))
    run = einfuse("list", what, "--json")
    assert run.code == 0 and run.json["schema"] == "einfuse.list/1"
    assert [entry["name"] for entry in run.json["entries"]] == names
    shown = einfuse("list", what).out
    assert all(name in shown for name in names)


@pytest.mark.parametrize("kind", ["arch", "cascade", "workload", "mapping"])
def test_schema_accepts_the_library(einfuse: Callable[..., Run], kind: str) -> None:
    schema = einfuse("schema", kind).json
    jsonschema.Draft202012Validator.check_schema(schema)
    folder = {"arch": "arch/library", "mapping": "mappings/library"}.get(kind, f"workloads/library/{kind}s")
    files = sorted((ROOT / folder).glob("*.yaml"))
    reader = jsonschema.Draft202012Validator(schema)
    assert files and [[e.message for e in reader.iter_errors(read_file(f).value)] for f in files] == [[]] * len(files)


def test_doctor_finds_this_installation_whole(einfuse: Callable[..., Run]) -> None:
    run = einfuse("doctor", "--json")
    assert run.code == 0 and run.json["ok"] and run.json["schema"] == "einfuse.doctor/1"
    named = {"python", "numpy", "amaranth", "verilator", "g++", "iverilog", "temporary files"}
    assert named <= {each["name"] for each in run.json["findings"]}


def test_doctor_says_how_to_get_what_is_absent(einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    run = einfuse("doctor", "--json")
    found = {each["name"]: each for each in run.json["findings"]}
    assert (run.code, found["g++"]["state"]) == (0, "absent")
    assert found["g++"]["detail"].startswith("optional: fast RTL runs; Debian, Ubuntu: sudo apt-get install g++")
    assert found["iverilog"]["detail"].startswith("optional: emitted test benches; Debian, Ubuntu: sudo apt-get")


def test_doctor_fails_where_a_cache_cannot_be_written(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    run = einfuse("doctor")
    assert run.code == 5 and f"notwritable:{blocked}" in "".join(run.out.split())
