"""`einfuse check`: every fault of every file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .conftest import Run


def test_check_accepts_the_examples(einfuse: Callable[..., Run]) -> None:
    files = sorted(str(path) for path in (ROOT / "examples").glob("*.yaml"))
    assert files and einfuse("check", *files).code == 0


def test_check_reports_every_fault_of_every_file(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    cascade, arch = tmp_path / "c.yaml", tmp_path / "a.yaml"
    cascade.write_text(
        "cascade: c\nsummry: x\nranks: {m: keys}\ninputs: [A]\neinsums:\n  - B[q] = sum{m} A[m]\noutput: B\n"
    )
    text = (ROOT / "examples" / "small-array.yaml").read_text()
    arch.write_text(text.replace("500 MHz", "500").replace("16 × 16", "").replace("rows: 16", "rows: -16"))
    run = einfuse("check", str(cascade), str(arch))
    assert run.code == 2 and run.out == ""
    lines = run.err.splitlines()
    places = [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in lines]
    assert places == [
        "a.yaml:7:8",
        "a.yaml:13:11",
        "c.yaml:2:1",
    ]  # a cascade's meaning is checked once its keys are right
    assert "missing unit: found '500'" in lines[0] and "did you mean 'summary'?" in lines[2]


def test_check_tells_kinds_apart_by_the_first_key(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("archs: x\n")
    run = einfuse("check", str(file))
    message = (
        f"{file}:1:1: unknown kind of spec 'archs'; did you mean 'arch'? allowed: cascade, workload, arch, mapping, "
        "sweep, search, cluster; the first key of a spec names its kind, as in 'arch: my-machine'\n"
    )
    assert run == Run(2, "", message)


@pytest.mark.parametrize("command", ["check", "show"])
def test_what_is_no_regular_file_is_refused_at_once(einfuse: Callable[..., Run], tmp_path: Path, command: str) -> None:
    fifo, folder = tmp_path / "fifo.yaml", tmp_path / "folder.yaml"
    os.mkfifo(fifo)
    folder.mkdir()
    for path in (fifo, folder):
        assert einfuse(command, str(path)) == Run(2, "", f"{path}: not a regular file; a spec is a YAML file\n")
