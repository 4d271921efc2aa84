"""Emitted hardware: its folder is whole and always the same, tools take it, and it does what its settings say."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import Schedule
from reports.hardware.emission import Emitted, doing, emit, emitted_hardware
from reports.hardware.generation import Hardware
from reports.hardware.planning import engine_run, loops_of
from reports.hardware.verification import stimulus, stops_of_seed, verified
from reports.hardware.work import Work
from rtl.gearing import tile_of_words, words_of_tile
from rtl.harness import Stimulus, run
from rtl.icarus import run_bench
from rtl.lint import lint
from rtl.verilog import verilog_file
from sim.simulate import bound
from specs import SpecError
from tests.conftest import ROOT
from tests.rtl.tools import needs_icarus, needs_verilator

SIZES = "hardware.head_dim=8,hardware.value_dim=8,hardware.max_keys=256"
SMALL, MAPPING, TOP = f"fusemax-fpga:rows=4,cols=4,{SIZES}", "fusemax-binding", "attention"
LANES = 4  # rows, and columns, of the small one
FILES = ["README.md", f"{TOP}.v", "bench.v", "parameters.json", "stalls.hex"]
FILES += [f"words_{stream}.hex" for stream in ("av", "k", "q", "v")]


@cache
def emitted() -> Hardware:
    return emitted_hardware(SMALL, MAPPING)


def scheduled(work: str) -> Schedule:
    return bound(f"attention:head_dim=8,value_dim=8,{work}", SMALL, MAPPING)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small one, as the command writes it."""
    place = tmp_path_factory.mktemp("emitted") / "hardware"
    emit(SMALL, MAPPING, place, TOP)
    return place


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


# --------------------------------------------------------------------------------------------------------- the folder


def test_two_processes_write_the_same_bytes_and_no_path(folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    command = ["rtl", "emit", "-a", SMALL, "-m", MAPPING, "-o", str(tmp_path / "again"), "--top", TOP]
    subprocess.run([sys.executable, "-m", "reports", *command], env=environment, check=True, capture_output=True)
    once = contents(folder)
    assert once == contents(tmp_path / "again")
    assert sorted(once) == sorted([".einfuse-rtl", *FILES])
    assert not any(str(place).encode() in text for text in once.values() for place in (ROOT, folder, tmp_path))


def test_the_hash_of_the_parameters_is_that_in_the_header_and_in_the_readme(folder: Path) -> None:
    parameters = json.loads((folder / "parameters.json").read_text())
    told = parameters.pop("hash")
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    assert told == hashlib.sha256(text.encode()).hexdigest()
    header = (folder / f"{TOP}.v").read_text().split("\n\n")[0]
    assert f"// parameters: {told}\n" in header
    assert f"// schedule: {parameters['schedule']['digest']}\n" in header
    assert told in (folder / "README.md").read_text()


def test_parameters_by_hand(folder: Path) -> None:
    found = json.loads((folder / "parameters.json").read_text())
    assert found["schema"] == "einfuse.rtl-parameters/1" and found["top"] == TOP
    assert found["design"]["query_slots"] == 8  # four for each of two tiles in flight
    assert found["formats"]["RNV"] == {"bits": 42, "signed": True, "fraction_bits": 26}  # 26 + 7 + 8 (keys) + 1
    assert found["formats"]["QK"] == {"bits": 19, "signed": True, "fraction_bits": 0}  # 8 · 2^14 = 2^17 and its sign
    assert found["streams"]["q"]["words_of_tile"] == 4  # 4 queries of 8 bytes
    assert found["streams"]["av"]["words_of_tile"] == 16  # and of 8 times 4 bytes
    assert {line["name"] for line in found["plan"]["lines"]} >= {"QK", "fill K", "drain AV"}


def test_hashes_tell_sizes_apart() -> None:
    other = SMALL.replace("max_keys=256", "max_keys=512")
    hashes = {
        Emitted(emitted_hardware(arch, MAPPING), arch, MAPPING, TOP).parameters["hash"] for arch in (SMALL, other)
    }
    assert len(hashes) == 2


def test_every_setting_and_counter_is_in_the_readme(folder: Path) -> None:
    readme, header = (folder / "README.md").read_text(), (folder / f"{TOP}.v").read_text().split("\n\n")[0]
    ports = re.findall(r"^// (\w+) +(?:input|output) +[us]\d+", header, re.M)
    for port in ports:
        assert f"`{port.partition('__')[0]}`" in readme or port == "rst", port
    assert all(f"`{name}`" in readme or "words_" in name for name in FILES if name != "README.md")
    assert "{{" not in readme and "{%" not in readme and "None" not in readme


def test_a_folder_with_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bench.v").write_text("mine")
    with pytest.raises(SpecError, match=r"bench\.v' is in the way"):
        emit(SMALL, MAPPING, tmp_path, TOP)
    assert contents(tmp_path) == {"bench.v": b"mine"}


def test_nothing_is_left_of_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Emitted, "files", full)
    with pytest.raises(OSError, match="no space left"):
        emit(SMALL, MAPPING, tmp_path / "new", TOP)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------------- its tools


@needs_icarus
def test_icarus_passes_the_bench(folder: Path) -> None:
    verdict = run_bench(folder, TOP)
    assert verdict.passed and verdict.line in (folder / "README.md").read_text()


@needs_icarus
def test_icarus_tells_another_sum(folder: Path, tmp_path: Path) -> None:
    for name, content in contents(folder).items():
        (tmp_path / name).write_bytes(content)
    text = (tmp_path / f"{TOP}.v").read_text()
    assert "29'h1ffff1f7" in text  # c3 of the exponential
    (tmp_path / f"{TOP}.v").write_text(text.replace("29'h1ffff1f7", "29'h1fffe1f7"))
    assert run_bench(tmp_path, TOP).line.startswith("FAIL: cycle ")


@needs_verilator
@pytest.mark.parametrize("side", [4, 8])
def test_verilator_has_no_warning_that_is_not_waived(side: int, folder: Path) -> None:
    if side == LANES:
        text = (folder / f"{TOP}.v").read_text()
    else:
        text = verilog_file(emitted_hardware(SMALL.replace("=4,", f"={side},"), MAPPING).top(), TOP)
    assert lint(text, TOP).warnings == ()


# ------------------------------------------------------------------------------------------------------- its settings


@st.composite
def workloads(draw: st.DrawFn, most_queries: int = 11, most_keys: int = 24) -> str:
    """Attention with at least a whole tile; under a mask no more queries than keys."""
    queries, keys = draw(st.integers(LANES, most_queries)), draw(st.integers(LANES, most_keys))
    if draw(st.booleans()):
        heads = draw(st.integers(1, 2))
        return f"causal=true,heads={heads},queries={min(queries, keys)},keys={max(queries, keys)}"
    heads, kv_heads = draw(st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 3)]))
    return f"heads={heads},kv_heads={kv_heads},queries={queries},keys={keys}"


@settings(max_examples=3)
@given(workloads(), st.sampled_from(["0", "1", "2"]), st.integers(0, 9))
def test_it_does_any_workload_as_the_engine_does(work: str, stalls: str, seed: int) -> None:
    schedule = scheduled(work)
    stops = stops_of_seed(stalls)
    found = verified(doing(emitted(), schedule, stops), stops=stops, seed=seed)
    assert found.passed, f"{found.events}\n{found.payload_differences}"


@pytest.mark.parametrize("work", ["queries=3,keys=2", "queries=1,keys=70", "heads=2,queries=8,keys=30"])
def test_it_does_smaller_and_longer_ones_with_the_models_words(work: str) -> None:
    """Of less than a tile the engine fetches less, so that only the words can be equal."""
    hardware = doing(emitted(), scheduled(work))
    wanted = Work(hardware, seed=1)
    log = run(hardware.top(), stimulus(hardware, wanted))
    assert log.words("av") == wanted.words["av"]


def test_runs_follow_each_other_without_a_reset() -> None:
    """As from the beginning: words, cycles and counters."""
    works = ["queries=7,keys=9,causal=true", "heads=2,queries=4,keys=5"]
    found = played([Work(doing(emitted(), scheduled(work))) for work in works])
    for work, (words, cycles, counted) in zip(works, found, strict=True):
        wanted = Work(doing(emitted(), scheduled(work)))
        alone = run(emitted().top(), replace(stimulus(wanted.hardware, wanted), extra_cycles=0))
        assert (words, cycles) == (wanted.words["av"], alone.cycles)
        assert counted == alone.results["idle_array_2d_outside_stream"]


def played(works: list[Work]) -> list[tuple[list[int], int, int]]:
    """Several works one after the other: of each the words of AV, its cycles, and a counter in the end."""
    top: Any = emitted().top()
    found = []

    async def outside(context: Any) -> None:
        for work in works:
            for name, value in stimulus(work.hardware, work).settings.items():
                context.set(getattr(top, name), value)
            context.set(top.start, 1)
            await context.tick()
            context.set(top.start, 0)
            context.set(top.av.ready, 1)
            left, given, cycles = {name: list(work.words[name]) for name in "qkv"}, list[int](), 0
            while len(given) < len(work.words["av"]):
                for name, words in left.items():
                    context.set(getattr(top, name).valid, bool(words))
                    context.set(getattr(top, name).payload, words[0] if words else 0)
                given += [context.get(top.av.payload)] if context.get(top.av.valid) else []
                for name, words in left.items():
                    del words[: context.get(getattr(top, name).ready)]
                counted = context.get(top.idle_array_2d_outside_stream)
                await context.tick()
                cycles += 1
            found.append((given, cycles, counted))

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(outside)
    simulator.run()
    return found


def test_an_average_by_hand() -> None:
    """Keys of zeros have the same weight: the average of values 1, 3 and 8 is 4, whatever the query."""
    keys, values = np.zeros((LANES, 8), int), np.zeros((LANES, 8), int)
    values[:3] = [[1], [3], [8]]
    words = {
        "q": words_of_tile(np.full((LANES, 8), 5), 8),
        "k": words_of_tile(keys, 8),
        "v": words_of_tile(values, 8),
    }
    asked = {"repeats": 1, "blocks": 1, "slots": 1, "tiles": 1, "keys": 3}
    log = run(emitted().top(), Stimulus(5000, words, asked, until={"av": 16}))
    assert (tile_of_words(log.words("av"), LANES, 8, 8, 4) == 4 << 16).all()


def settings_of_the_readme(heads: int, group: int, queries: int, keys: int, causal: bool, block: int) -> dict[str, int]:
    """The table of settings, with blocks of so many query tiles (of each query head)."""
    tiles = -(-queries // LANES)
    slots = block * group
    return {
        "slots": slots,
        "repeats": heads if causal else heads * tiles // block,
        "blocks": tiles // slots if causal else 1,
        "tiles": -(-keys // LANES),
        "keys": keys,
        "offset": keys - queries if causal else 0,
        "queries": slots * LANES if causal else 0,
        "causal": int(causal),
    }


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 99), st.integers(1, 99), st.booleans(), st.data())
def test_the_settings_of_the_readme_are_those_of_the_engine(
    heads: int, group: int, queries: int, keys: int, causal: bool, data: st.DataObject
) -> None:
    if causal:
        group, queries, keys = 1, min(queries, keys), max(queries, keys)
    size = data.draw(st.sampled_from(["1800 B", "3 KiB", "256 KiB"]))  # for blocks of different lengths
    work = f"attention:head_dim=8,value_dim=8,heads={heads * group},kv_heads={heads},queries={queries},keys={keys}"
    if causal:
        work += ",causal=true"
    schedule = bound(work, f"{SMALL},buffer.size={size}", MAPPING)
    loops = loops_of(engine_run(schedule).packed.program)
    expected = settings_of_the_readme(heads, group, queries, keys, causal, loops.slots // group)
    assert emitted().extent.settings(loops) == expected


def test_what_is_too_large_for_it_is_refused() -> None:
    with pytest.raises(SpecError, match="takes up to 256 keys; found 300"):
        doing(emitted(), scheduled("queries=4,keys=300"))
    with pytest.raises(SpecError, match="takes up to 8 query tiles of a block; found 10"):
        doing(emitted(), scheduled("queries=40,keys=8"))
    with pytest.raises(SpecError, match="takes a head_dim of 8; found 4: fill up with zeros"):
        doing(emitted(), bound("attention:head_dim=4,value_dim=8,queries=4,keys=4", SMALL, MAPPING))
