"""`einfuse rtl emit`: the hardware of a machine as a folder of text, which needs nothing of einfuse.

A design follows from a schedule, but hardly from how much work there is. So it is made for a specimen: an attention of
the stated sizes with a few tiles of keys and with as many tiles of queries as are to stay on the chip. Then its words
are made wide enough for all the keys that the machine states; what a run has to do are settings.

The folder has a test bench of a small drawn run, with stalls. It is recorded from this very hardware, and given away
only if the run equals the cycle model's and the software model's.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arch import machine
from rtl.bench import bench_files
from rtl.design import Design
from rtl.failures import RunFailed
from rtl.formats import Formats
from rtl.harness import Log, run
from rtl.top import ARRAY, STREAMS
from rtl.verilog import RESERVED, verilog_file
from specs import Problem, SpecError
from specs.version import version

from ..console import fields, heading
from ..placing import placed, refuse
from .description import described, meanings, readme
from .generation import Hardware, formats_of, hardware_of, refuse_schedule
from .limits import MOST_STARTS, announce
from .verification import Verification, compared, stimulus, stops_of_seed
from .work import Work

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arch import Hardware as Sizes
    from mappings import Schedule
    from sim.streams import Stops

MANIFEST = ".einfuse-rtl"
PARAMETERS, README = "parameters.json", "README.md"
SPECIMEN_HEADS = 2
KEY_TILES = 4  # of the specimen
RESIDENT_QUERY_TILES = 4  # for each tile in flight; fewer where the buffer has no room for them
OUTSIDE = {
    tensor: ((0, 1),) for tensor in STREAMS
}  # that streams may stall, so that counters tell it from other causes
BENCH_SEED, BENCH_STALLS = 0, "0"
PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def emit(arch: str, mapping: str, folder: Path, top: str = "top", simulator: str = "amaranth") -> list[RenderableType]:
    """Write the hardware of a machine under a mapping, and return what the terminal shows.

    All files are written, or none. Raises `SpecError` for what is not generated and for a folder in which other files
    are in the way, `Infeasible` for a buffer that is too small, `RunFailed` if the hardware does not do what the models
    say, `OSError`.
    """
    refuse_name(top)
    names = [f"{top}.v", "bench.v", "stalls.hex", *map(_words_file, STREAMS.values()), PARAMETERS, README]
    refuse(folder, names, MANIFEST, "hardware", "emit")
    emitted = Emitted(emitted_hardware(arch, mapping), arch, mapping, top)
    with placed(folder, README, MANIFEST) as draft:
        for name, text in emitted.files(simulator).items():
            (draft / name).write_text(text, encoding="utf-8")
    return emitted.as_text(folder)


def refuse_name(top: str) -> None:
    """Raise `SpecError` for what cannot be the name of the uppermost module."""
    if not PLAIN.fullmatch(top):
        raise SpecError(
            f"--top takes letters, digits and underscores, no digit first, such as attention; found '{top}'"
        )
    if top == "bench" or top in RESERVED:
        why = "bench.v is the test bench" if top == "bench" else "it is a word of Verilog"
        raise SpecError(f"--top must not be '{top}': {why}; take another name, such as attention")


def emitted_hardware(arch: str, mapping: str) -> Hardware:
    """The hardware for all sizes that a machine states. Raises `SpecError`, `Infeasible`.

    >>> sizes = "hardware.head_dim=8,hardware.value_dim=8"
    >>> found = emitted_hardware(f"fusemax-fpga:rows=4,cols=4,{sizes}", "fusemax-binding")
    >>> found.design.query_slots, found.design.formats.max_keys, str(found.design.formats.words["RNV"])
    (8, 4096, 's46 · 2^-26')
    """
    from sim.simulate import bound

    sizes = _sizes(arch)
    Formats(
        sizes.head_dim, sizes.value_dim, 1, sizes.max_keys
    )  # refuses what no state holds, before anything is fitted
    one = bound(_workload(sizes, queries=1, keys=1), arch, mapping)
    refuse_schedule(one)
    formats = formats_of(one.parameters, sizes.head_dim, sizes.value_dim, sizes.max_keys)
    axes = one.parameters.units[ARRAY].axes
    queries = RESIDENT_QUERY_TILES * int(one.parameters.interleave) * int(axes["cols"])
    keys = min(KEY_TILES * int(axes["rows"]), sizes.max_keys)
    specimen = bound(_workload(sizes, queries=queries, keys=keys, heads=SPECIMEN_HEADS), arch, mapping)
    found = hardware_of(specimen, OUTSIDE)
    return replace(found, design=replace(found.design, formats=formats, max_queries=Design.max_queries))


def doing(emitted: Hardware, schedule: Schedule, stops: Stops | None = None) -> Hardware:
    """Emitted hardware with the loops, and the engine's run, of a workload. Raises `SpecError` for one too large.

    Its starts are the engine's if the workload has at least as many queries as columns, and keys as rows, since it
    transfers whole tiles only. It calls a stall of the outside so even where the engine, without `stops`, says memory.
    """
    own, design = hardware_of(schedule, stops, MOST_STARTS), emitted.design
    formats, its = design.formats, own.design.formats
    limits = {
        "keys": (own.loops.keys, formats.max_keys),
        "query tiles of a block": (own.loops.slots, design.query_slots),
    }
    faults = [f"takes up to {most} {what}; found {found}" for what, (found, most) in limits.items() if found > most]
    for size in ("head_dim", "value_dim"):
        wanted, found = getattr(formats, size), getattr(its, size)
        faults += [f"takes a {size} of {wanted}; found {found}: fill up with zeros"] if wanted != found else []
    if faults:
        raise SpecError([Problem(f"emitted hardware {fault}") for fault in faults])
    return replace(own, design=design, plan=emitted.plan)


@dataclass(frozen=True)
class Recording:
    """The run that the bench plays, and how it compares with the models."""

    workload: str
    hardware: Hardware
    work: Work
    stops: Stops
    log: Log
    found: Verification


@dataclass(frozen=True)
class Emitted:
    """Hardware that is handed over, and the names that it was asked for with."""

    hardware: Hardware
    arch: str
    mapping: str
    top: str

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What parameters.json holds: everything that the hardware follows from, with a hash of it."""
        return described(self.hardware, self.top)

    def files(self, simulator: str = "amaranth") -> Mapping[str, str]:
        """Every file's name and text. Raises `RunFailed` for hardware that does not do what the models say."""
        header = {"parameters": self.parameters["hash"], "schedule": self.parameters["schedule"]["digest"]}
        recording = self.recording(simulator)
        asked = stimulus(recording.hardware, recording.work, recording.stops)
        component = self.hardware.top()
        made = shlex.join(
            ["einfuse", "rtl", "emit", "-a", self.arch, "-m", self.mapping, "-o", "DIR", "--top", self.top]
        )
        return {
            f"{self.top}.v": verilog_file(component, self.top, header, meanings(self.hardware)),
            PARAMETERS: json.dumps(self.parameters, indent=2, ensure_ascii=False) + "\n",
            **bench_files(component, asked, recording.log, self.top),
            README: readme(
                self.hardware,
                self.parameters,
                made=made,
                version=version(),
                bench={
                    "workload": recording.workload,
                    "cycles": recording.found.rtl_cycles,
                    "settings": asked.settings,
                    "words": sum(map(len, recording.log.streams.values())),
                    "last_cycle": recording.log.cycles,
                },
            ),
        }

    def recording(self, simulator: str) -> Recording:
        """A drawn run on this hardware: a few tiles, ragged, with stalls of the streams, and a mask if it can be."""
        from sim.simulate import bound

        workload = self.bench_workload
        schedule = bound(workload, self.arch, self.mapping)
        stops = stops_of_seed(BENCH_STALLS) or {}
        hardware = doing(self.hardware, schedule, stops)
        work = Work(hardware, BENCH_SEED)
        announce(hardware.design, int(hardware.run.cycles[0]), simulator)
        log = run(hardware.top(probes=True), stimulus(hardware, work, stops), simulator)
        found = compared(hardware, work, log, simulator)
        if not found.passed:
            first = found.events if found.events.differences else found.payload_differences
            raise RunFailed(f"nothing is written: the hardware does not do '{workload}' as the models do\n{first}")
        return Recording(workload, hardware, work, stops, log, found)

    @property
    def bench_workload(self) -> str:
        """What the bench does: two query tiles, and keys for a little more than two key tiles, or for the mask."""
        design, sizes = self.hardware.design, self.hardware.design.formats
        queries = max(design.columns, 2 * design.columns - 1)
        keys = min(max(2 * design.rows + 1, queries), sizes.max_keys)
        masked = {"causal": "true"} if queries <= keys else {}
        return _workload(sizes, queries=queries, keys=keys, **masked)

    def as_text(self, folder: Path) -> list[RenderableType]:
        """What the terminal shows."""
        design, formats = self.hardware.design, self.hardware.design.formats
        rows = [
            ("array", f"{design.rows} × {design.columns}, a lane below each column"),
            ("sizes", f"head_dim {formats.head_dim}, value_dim {formats.value_dim}, up to {formats.max_keys:,} keys"),
            ("query tiles", f"up to {design.query_slots} in a block"),
            ("streams", f"words of {design.word_bytes} bytes"),
            ("parameters", self.parameters["hash"]),
        ]
        return [heading(f"{folder / self.top}.v"), fields(rows, indent=2), "", f"how to use it: {folder / README}"]


def _sizes(arch: str) -> Sizes:
    """The sizes that a machine states."""
    host = machine(arch)
    if host.hardware is None:
        raise SpecError(
            f"arch '{host.name}' does not say for which sizes hardware is generated; give it a section such as "
            "'hardware: {head_dim: 64, value_dim: 64, max_keys: 4096}', or take fusemax-fpga"
        )
    return host.hardware


def _workload(sizes: Sizes | Formats, **others: Any) -> str:
    return "attention:" + ",".join(_settings({"head_dim": sizes.head_dim, "value_dim": sizes.value_dim, **others}))


def _settings(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{name}={value}" for name, value in values.items())


def _words_file(stream: str) -> str:
    return f"words_{stream}.hex"
