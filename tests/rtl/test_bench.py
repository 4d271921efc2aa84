"""The test bench that is handed over: Icarus Verilog runs it, and it tells the first difference and no other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtl.bench import bench_files
from rtl.failures import RunFailed
from rtl.harness import Log, Stimulus, Track, run
from rtl.icarus import Verdict, run_bench
from rtl.manifest import Port, StreamPort, manifest
from rtl.verilog import verilog_file
from specs import SpecError, ToolMissing
from tests.rtl.designs import Mac, Queue, Register, Words
from tests.rtl.runs import Design, runs
from tests.rtl.tools import needs_icarus

TOP = "unit"
# a waits in cycle 1, the sum is ready in cycle 3 and taken in cycle 6; meanwhile nothing is taken.
SUM = Stimulus(9, {"a": [1] * 5, "b": [-1] * 4}, {"length": 2}, {"a": ((1, 2),), "output": ((2, 6),)})
READS = Stimulus(9, {"int": [address << 5 for address in range(4)]}, {"mode": 1}, until={"double": 4})
THREE = Stimulus(9, {"outside.to": [1, 2, 3]}, until={"outside.back": 3})


@cache
def emitted(design: Design) -> str:
    return verilog_file(design.component(), TOP)


def verdict(text: str, bench: Mapping[str, str]) -> Verdict:
    """What Icarus Verilog says of a component's text and a bench."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {f"{TOP}.v": text, **bench}.items():
            Path(folder, name).write_text(content, encoding="utf-8")
        return run_bench(Path(folder), TOP)


def benched(design: Design, stimulus: Stimulus, before: str = "", after: str = "") -> str:
    """The verdict on a design whose Verilog has been changed in one place."""
    component, text = design.component(), emitted(design)
    assert not before or text.count(before) == 1
    found = verdict(text.replace(before, after), bench_files(component, stimulus, run(component, stimulus), TOP))
    assert found.output == f"{found.line}\n"
    return found.line


def changed(log: Log, stream: str, row: int, cycle: int = 0, word: int | None = None) -> Log:
    """A log in which one word passes some cycles later, or is another."""
    track = log.streams[stream]
    cycles, words = track.cycles.copy(), track.columns["payload"].copy()
    cycles[row] += cycle
    words[row] = words[row] if word is None else word
    return replace(log, streams={**log.streams, stream: Track(cycles, {"payload": words})})


def shown(port: Port, word: int) -> str:
    return f"{word & ((1 << port.width) - 1):#x}"


def test_vectors_by_hand() -> None:
    files = bench_files(Mac(8), SUM, run(Mac(8), SUM), TOP)
    assert list(files) == ["bench.v", "stalls.hex", "words_a.hex", "words_b.hex", "words_output.hex"]
    rows = {name: text.splitlines()[1:] for name, text in files.items()}
    assert rows["stalls.hex"] == ["0", "1", "4", "4", "4", "4", "0", "0", "0"]
    assert rows["words_a.hex"] == [
        "00000000_01",
        "00000002_01",
        "00000007_01",
        "00000008_01",
        "ffffffff_01",
        "ffffffff_00",
    ]
    assert rows["words_b.hex"] == ["00000000_ff", "00000002_ff", "00000007_ff", "00000008_ff", "ffffffff_00"]
    assert rows["words_output.hex"] == ["00000006_ffffe", "ffffffff_00000"]


def test_the_bench_is_the_same_each_time_and_names_no_folder() -> None:
    files = bench_files(Mac(8), SUM, run(Mac(8), SUM), TOP)
    assert files == bench_files(Mac(8), SUM, run(Mac(8), SUM), TOP)
    assert all("/" not in text.replace("//", "") and "systemverilog" not in text.lower() for text in files.values())


@needs_icarus
def test_a_bench_passes_by_hand() -> None:
    assert benched(Design(Mac, (8,)), SUM) == "PASS: 9 words in 9 cycles"
    assert benched(Design(Queue, (7, 1)), THREE) == "PASS: 6 words in 4 cycles"


@needs_icarus
def test_names_shapes_and_memories_of_all_kinds_get_through() -> None:
    assert benched(Design(Words, ()), READS) == "PASS: 8 words in 4 cycles"
    assert benched(Design(Register, (0,)), Stimulus(9, {"input": [0, 0]})) == "PASS: 4 words in 9 cycles"


@needs_icarus
@settings(max_examples=40)
@given(runs())
def test_a_bench_passes_for_its_own_run(drawn: tuple[Design, Stimulus]) -> None:
    design, stimulus = drawn
    log = run(design.component(), stimulus)
    words = sum(map(len, log.streams.values()))
    assert benched(design, stimulus) == f"PASS: {words} words in {log.cycles} cycles"


@st.composite
def words_out(draw: st.DrawFn) -> tuple[Design, Stimulus, Log, StreamPort, int]:
    """A run, and one of the words that come out."""
    design, stimulus = draw(runs())
    log = run(design.component(), stimulus)
    output = manifest(design.component()).outputs[0]
    assume(len(log.streams[output.name]))
    return design, stimulus, log, output, draw(st.integers(0, len(log.streams[output.name]) - 1))


@needs_icarus
@settings(max_examples=20)
@given(words_out(), st.data())
def test_another_word_is_told(drawn: tuple[Design, Stimulus, Log, StreamPort, int], data: st.DataObject) -> None:
    design, stimulus, log, output, row = drawn
    cycle, word = int(log.streams[output.name].cycles[row]), log.words(output.name)[row]
    other = data.draw(st.integers(output.payload.lowest, output.payload.highest).filter(lambda each: each != word))
    bench = bench_files(design.component(), stimulus, changed(log, output.name, row, word=other), TOP)
    expected, found = shown(output.payload, other), shown(output.payload, word)
    assert verdict(emitted(design), bench).line == (
        f"FAIL: cycle {cycle}, stream '{output.name}': expected {expected}, found {found}"
    )


@needs_icarus
@settings(max_examples=20)
@given(words_out(), st.booleans())
def test_another_cycle_is_told(drawn: tuple[Design, Stimulus, Log, StreamPort, int], later: bool) -> None:
    design, stimulus, log, output, row = drawn
    cycles = log.streams[output.name].cycles.tolist()
    moved = cycles[row] + (1 if later else -1)
    assume(0 <= moved < log.cycles and moved not in cycles)
    bench = bench_files(design.component(), stimulus, changed(log, output.name, row, moved - cycles[row]), TOP)
    word = shown(output.payload, log.words(output.name)[row])
    told = f"expected no word, found {word}" if later else f"expected {word}, found no word"
    first = min(moved, cycles[row])
    assert verdict(emitted(design), bench).line == f"FAIL: cycle {first}, stream '{output.name}': {told}"


@needs_icarus
def test_another_result_is_told() -> None:
    log = run(Mac(8), SUM)
    bench = bench_files(Mac(8), SUM, replace(log, results={**log.results, "stalled_cycles": 6}), TOP)
    told = verdict(emitted(Design(Mac, (8,))), bench)
    assert told.line == "FAIL: cycle 8, result 'stalled_cycles': expected 0x6, found 0x5"
    assert not told.passed


@needs_icarus
@pytest.mark.parametrize(
    ("design", "stimulus", "before", "after", "told"),
    [
        pytest.param(
            Design(Words, ()), READS, "memory[1] = 5'h18", "memory[1] = 5'h17",
            "cycle 1, stream 'double': expected 0x18, found 0x17", id="a constant",
        ),
        pytest.param(
            Design(Queue, (7, 1)), THREE, "outside__back__valid = | level__0", "outside__back__valid = 1'b0",
            "cycle 1, stream 'outside.back': expected 0x1, found no word", id="nothing comes",
        ),
        pytest.param(
            Design(Queue, (7, 1)), THREE, "outside__back__valid = | level__0", "outside__back__valid = 1'bx",
            "cycle 0, stream 'outside.back': expected no word, found a word or none", id="unknown",
        ),
        pytest.param(
            Design(Queue, (7, 1)), THREE, "level__0 = 2'h0", "level__0 = 2'h2",
            "cycle 0, stream 'outside.to': expected 0x1, found no word", id="an input's cycle",
        ),
    ],
)  # fmt: skip
def test_another_component_is_told(design: Design, stimulus: Stimulus, before: str, after: str, told: str) -> None:
    assert benched(design, stimulus, before, after) == f"FAIL: {told}"


@needs_icarus
def test_files_that_icarus_does_not_take_are_shown() -> None:
    log = run(Mac(8), SUM)
    with pytest.raises(RunFailed, match=r"^iverilog failed:\nunit\.v:\d+: syntax error"):
        verdict(emitted(Design(Mac, (8,))).replace("assign ", "asign ", 1), bench_files(Mac(8), SUM, log, TOP))


@needs_icarus
def test_a_run_without_a_vector_does_not_pass() -> None:
    bench = bench_files(Mac(8), SUM, run(Mac(8), SUM), TOP)
    del bench["words_b.hex"]
    assert not verdict(emitted(Design(Mac, (8,))), bench).passed


@needs_icarus
def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"^iverilog did not end within 0 s$"):
        run_bench(tmp_path, TOP, limit_s=0)


def test_without_icarus_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing) as raised:
        run_bench(tmp_path, TOP)
    assert str(raised.value) == (
        "iverilog is not installed; to get it:\n"
        "  iverilog: Debian, Ubuntu: sudo apt-get install iverilog; Fedora: sudo dnf install iverilog"
    )


def test_what_does_not_belong_together_is_refused() -> None:
    log = run(Mac(8), SUM)
    with pytest.raises(ValueError, match="the log is not of this stimulus: other words have passed at 'a'"):
        bench_files(Mac(8), replace(SUM, words={"a": [1, 2], "b": [-1] * 4}), log, TOP)
    with pytest.raises(ValueError, match="the module must not be called 'bench'"):
        bench_files(Mac(8), SUM, log, "bench")
    with pytest.raises(SpecError, match="unknown setting 'lenght'"):
        bench_files(Mac(8), replace(SUM, settings={"lenght": 2}), log, TOP)
