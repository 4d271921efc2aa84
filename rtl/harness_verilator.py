"""The harness on Verilator: a program that runs a component from a stimulus file to a log file, no Python per cycle.

The program is made of the component's Verilog and two templates: a module that numbers the ports, and a clock loop in
C++. It is compiled once and kept in a cache, as is Verilator's runtime, which is the same for all. `harness.py` says
what a cycle is.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .binaries import cache_folder, fetched, key_of, stored
from .failures import NO_CLOCK, LimitReached, RunFailed
from .harness import Log, Stimulus, check
from .manifest import Manifest, Port, manifest
from .templating import filled
from .verilator import Verilator, compile_cpp, missing, missing_tools, shown, verilator
from .wire import decoded, encoded, words_of

TOP = "top"
# Values that Verilog leaves open are 0, in every run; what lint says is lint.py's business.
TRANSLATE = ("--cc", "-O3", "--x-assign", "0", "--x-initial", "0", "-Wno-lint", "-Wno-style", "-Wno-fatal")
NOT_USED = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
COMPILE = ("-std=c++17", "-O2", "-pthread", "-DVERILATOR=1", *(f"-DVM_{name}=0" for name in NOT_USED))
UNIT_BYTES = 400_000  # of generated C++ for one process of the compiler, where there are processors left


@dataclass(frozen=True)
class Program:
    """A component, compiled."""

    manifest: Manifest
    path: Path

    def run(self, stimulus: Stimulus) -> Log:
        """Run it. Raises `SpecError`, `LimitReached`, and `RunFailed` with what the program says."""
        check(self.manifest, stimulus)
        with tempfile.TemporaryDirectory(prefix="einfuse-") as folder:
            told, seen = Path(folder, "stimulus"), Path(folder, "log")
            told.write_bytes(encoded(self.manifest, stimulus))
            done = subprocess.run([str(self.path), str(told), str(seen)], capture_output=True, text=True)
            if done.returncode != 0:
                raise RunFailed(f"the compiled component failed ({done.returncode}):\n{shown(done.stderr)}")
            log, ended = decoded(self.manifest, stimulus, seen.read_bytes())
        if not ended:
            raise LimitReached(stimulus, log)
        return log


def run_verilator(component: Any, stimulus: Stimulus) -> Log:
    """Run a component with Verilator. Raises as `program` and `Program.run`."""
    ports = manifest(component)
    check(ports, stimulus)
    return program(as_verilog(component), ports).run(stimulus)


def as_verilog(component: Any, top: str = TOP) -> str:
    """A component as Verilog that is the same in every run and on every machine."""
    from amaranth.back import verilog

    return str(verilog.convert(component, name=top, emit_src=False))


def program(text: str, ports: Manifest, top: str = TOP) -> Program:
    """The program that runs a component's Verilog, from the cache or compiled.

    Raises `ToolMissing` where Verilator or the compiler is not installed, and `RunFailed` with their messages.
    """
    lacking = missing_tools()
    if lacking:
        raise missing(lacking)
    if not re.search(r"^\s*input clk;", text, re.M):
        raise ValueError(NO_CLOCK)
    tool, folder = verilator(), cache_folder()
    sources = {"top.v": text, "harness.v": rendered("harness.v", ports, top)}
    main = rendered("harness.cpp", ports, top)
    key = key_of("program", *sources.values(), main, tool.version, *TRANSLATE, *COMPILE)
    found = fetched(key, folder)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="einfuse-") as place:
            found = stored(key, _built(tool, sources, main, Path(place), folder), folder)
    return Program(ports, found)


def rendered(name: str, ports: Manifest, top: str = TOP) -> str:
    """One of the templates, for the ports of a component."""
    return filled(name, top=top, **_described(ports))


def _described(ports: Manifest) -> dict[str, Any]:
    """What the templates ask for: each port with a number, each stream and probe with its track."""
    listed: list[dict[str, Any]] = []

    def port(of: Port, given: bool) -> dict[str, Any]:
        about = {"number": len(listed), "verilog": of.verilog, "width": of.width, "words": words_of(of), "given": given}
        listed.append(about)
        return about

    def side(track: int) -> dict[str, Any]:
        stream, given = ports.streams[track], track < len(ports.inputs)
        ours, theirs = (stream.valid, stream.ready) if given else (stream.ready, stream.valid)
        payload = port(stream.payload, given)
        return {
            "track": track, "given": given, "payload": payload, "ours": port(ours, True), "theirs": port(theirs, False)
        }  # fmt: skip

    first = len(ports.streams)
    about = {
        "start": port(ports.start, True) if ports.start else None,
        "settings": [port(each, True) for each in ports.settings],
        "sides": [side(track) for track in range(first)],
        "probes": [
            {"track": first + i, "valid": port(p.valid, False), "fields": [port(each, False) for each in p.fields]}
            for i, p in enumerate(ports.probes)
        ],
        "results": [port(each, False) for each in ports.results],
    }
    # Amaranth writes a port of no bits as [-1:0], which has two in Verilog: it stays open.
    return {**about, "ports": [each for each in listed if each["width"]]}


def _built(tool: Verilator, sources: dict[str, str], main: str, place: Path, cache: Path) -> Path:
    """Translate and compile in a folder; the program."""
    for name, text in sources.items():
        (place / name).write_text(text, encoding="utf-8")
    names = ["--top-module", "einfuse_harness", "--prefix", "Vharness", "-Mdir", "made", *sources]
    done = tool.run([*TRANSLATE, *names], place)
    if done.returncode != 0:
        raise RunFailed(f"Verilator failed:\n{shown(done.stderr)}")
    made = place / "made"
    (made / "main.cpp").write_text(main, encoding="utf-8")
    units = list(_units(sorted(made.glob("*.cpp"), key=lambda path: path.stat().st_size, reverse=True), made))
    include = [f"-I{tool.include}", f"-I{tool.include / 'vltstd'}", "-I."]
    with ThreadPoolExecutor(_processors()) as pool:
        runtime = pool.submit(_runtime, tool, made, cache)
        list(pool.map(lambda unit: compile_cpp([*COMPILE, *include, "-c", unit, "-o", f"{unit}.o"], made), units))
        objects = [*(f"{unit}.o" for unit in units), str(runtime.result())]
    compile_cpp([*COMPILE, *objects, "-o", "program"], made)
    return made / "program"


def _units(sources: list[Path], folder: Path) -> Iterator[str]:
    """The sources dealt to a few files that include them: each file costs the compiler all headers once."""
    total = sum(path.stat().st_size for path in sources)
    count = min(_processors(), 1 + total // UNIT_BYTES)
    for i in range(count):
        name = f"unit{i}.cc"
        (folder / name).write_text("".join(f'#include "{path.name}"\n' for path in sources[i::count]))
        yield name


def _runtime(tool: Verilator, made: Path, cache: Path) -> Path:
    """Verilator's runtime, compiled: the files that its makefile for this design names."""
    listed = re.findall(
        r"^VM_GLOBAL_(?:FAST|SLOW) \+= \\\n((?:\s+\w+ \\\n)*)", (made / "Vharness_classes.mk").read_text(), re.M
    )
    names = [name for lines in listed for name in re.findall(r"\w+", lines)]
    key = key_of("runtime", tool.version, *COMPILE, *names)
    found = fetched(key, cache)
    if found is None:
        (made / "runtime.cc").write_text("".join(f'#include "{name}.cpp"\n' for name in names))
        include = [f"-I{tool.include}", f"-I{tool.include / 'vltstd'}"]
        compile_cpp([*COMPILE, *include, "-c", "runtime.cc", "-o", "runtime.o"], made)
        found = stored(key, made / "runtime.o", cache)
    return found


def _processors() -> int:
    return len(os.sched_getaffinity(0))
