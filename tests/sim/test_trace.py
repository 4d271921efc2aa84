"""Traces: what is written is what a reader of the format gets back, and slices add up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.trace import BUSY, LAST_CYCLE, STALL, Instant, Slice, totals, write_trace
from sim.vcd import timescale
from specs import SpecError

SCHEMA = json.loads(Path(__file__).with_name("trace_event_schema.json").read_text(encoding="utf-8"))
TRACKS = ("array_2d", "dram", "buffer port 0 (R)", "buffer port 0 R")
NAMES = ("QK", "fill K", "Σ $end of", 'a "name"\n')

TINY = (
    Slice("array_2d", "QK", 0, 4, {"tile": 0}),
    Slice("array_2d", "QK", 4, 9, {"tile": 1}),
    Slice("array_2d", "operand", 5, 7, {"cause": "dram"}, STALL),
    Slice("port 0 (R)", "fill K", 5, 7),
)
MARKS = (Instant("array_2d", "tile done", 9, {"tile": 1}), Instant("array_2d", "tile done", 4, {"tile": 0}))


def written(slices: Iterable[Slice], instants: Iterable[Instant] = (), suffix: str = ".json", hz: float = 940e6) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"trace{suffix}"
        write_trace(path, slices, instants, clock_hz=hz, title="a run")
        assert list(Path(folder).iterdir()) == [path]
        return path.read_text(encoding="utf-8")


def events(text: str) -> dict[str, Any]:
    found = json.loads(text)
    jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
    return found


@dataclass
class Read:
    """A wire or event of a dump: the time and value of each change, in order."""

    width: int
    changes: list[tuple[int, int]] = field(default_factory=list)


def dump(text: str) -> dict[str, Read]:
    """A dump by 'scope.name', read word for word."""
    head, body = re.sub(r"\$comment.*?\$end", "", text, flags=re.DOTALL).split("$enddefinitions $end")
    marks = re.findall(r"(?<!\S)\$[a-z]+(?!\S)", text.partition("$dumpvars")[0])
    assert marks[1::2] == ["$end"] * (len(marks) // 2) and "$end" not in marks[::2]
    scope: list[str] = []
    found: dict[str, Read] = {}
    codes: dict[str, Read] = {}
    for keyword, content in re.findall(r"\$(\w+)(.*?)\$end", head, flags=re.DOTALL):
        words = content.split()
        if keyword == "scope":
            scope.append(words[1])
        elif keyword == "upscope":
            scope.pop()
        elif keyword == "var":
            _, width, code, name = words
            assert code not in codes and ".".join([*scope, name]) not in found
            found[".".join([*scope, name])] = codes[code] = Read(int(width))
    time = -1
    for line in body.split("\n"):
        if line.startswith("#"):
            assert int(line[1:]) > time
            time = int(line[1:])
        elif line and not line.startswith("$"):
            value, code = line[1:].split() if line.startswith("b") else (line[0], line[1:])
            assert len(value) <= codes[code].width
            codes[code].changes.append((time, int(value, 2)))
    return found


def comment(text: str) -> dict[str, str]:
    """What the comment of a dump says a number or scope stands for."""
    return {key: json.loads(value) for key, value in re.findall(r"^  (\w+) = (.*)$", text, flags=re.MULTILINE)}


def intervals(busy: Read, begin: Read) -> list[tuple[int, int]]:
    """Where `busy` is 1, cut where `begin` toggles."""
    starts = {time for time, value in begin.changes if (time, value) != (0, 0)}
    found: list[tuple[int, int]] = []
    for (time, value), (end, _) in pairwise(busy.changes):
        assert end > time
        if value:
            cuts = sorted({time, end} | {cut for cut in starts if time < cut < end})
            found += pairwise(cuts)
    return found


def drawn_arguments() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(["tile", "cause", "é"]), st.integers(0, 9) | st.text(max_size=3), max_size=2)


@st.composite
def disjoint(draw: st.DrawFn, kinds: tuple[str, ...] = (BUSY,)) -> list[Slice]:
    """Slices on several tracks, some back to back, in any order."""
    found = []
    for track in draw(st.lists(st.sampled_from(TRACKS), unique=True)):
        cycle = 0
        for gap, length in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=6)):
            start, cycle = cycle + gap, cycle + gap + length
            name, kind = draw(st.sampled_from(NAMES)), draw(st.sampled_from(kinds))
            found.append(Slice(track, name, start, cycle, draw(drawn_arguments()), kind))
    return draw(st.permutations(found))


@st.composite
def nested(draw: st.DrawFn) -> list[Slice]:
    """Slices on one track, each within another or beside it."""

    def within(start: int, end: int, depth: int) -> list[Slice]:
        cuts = sorted(draw(st.sets(st.integers(start, end), min_size=2, max_size=4)))
        found = []
        for low, high in pairwise(cuts):
            if draw(st.booleans()):
                found.append(
                    Slice("array", draw(st.sampled_from(NAMES)), low, high, {}, draw(st.sampled_from([BUSY, STALL])))
                )
                found += within(low, high, depth - 1) if depth else []
        return found

    return draw(st.permutations(within(0, 12, 2)))


def key(each: Slice) -> tuple[Any, ...]:
    return each.track, each.start, each.end, each.name, each.kind, sorted(each.arguments.items())


def read_slices(found: Mapping[str, Any]) -> list[Slice]:
    threads = {
        e["tid"]: e["args"]["name"] for e in found["traceEvents"] if e["ph"] == "M" and e["name"] == "thread_name"
    }
    return [
        Slice(threads[e["tid"]], e["name"], e["ts"], e["ts"] + e["dur"], e["args"], e["cat"])
        for e in found["traceEvents"]
        if e["ph"] == "X"
    ]


def test_the_schema_is_one() -> None:
    validator = jsonschema.Draft202012Validator
    assert not list(validator(validator.META_SCHEMA).iter_errors(SCHEMA))
    assert {error.validator for error in validator(SCHEMA).iter_errors({})} == {"required"}


@given(disjoint(kinds=(BUSY, STALL)))
def test_events_parsed_back_are_the_slices(slices: list[Slice]) -> None:
    assert sorted(map(key, read_slices(events(written(slices))))) == sorted(map(key, slices))


@given(nested())
def test_nested_events_come_back_outer_first(slices: list[Slice]) -> None:
    back = read_slices(events(written(slices)))
    assert sorted(map(key, back)) == sorted(map(key, slices))
    for before, after in pairwise(back):
        assert (before.start, -before.end) <= (after.start, -after.end)


@settings(max_examples=200)
@given(disjoint())
def test_a_dump_read_back_has_the_busy_intervals_of_every_track(slices: list[Slice]) -> None:
    text = written(slices, suffix=".vcd")
    wires, meaning = dump(text), comment(text)
    scopes = {track: scope for scope, track in meaning.items()}
    for track in {each.track for each in slices}:
        mine = sorted((each for each in slices if each.track == track), key=lambda each: each.start)
        wire = {name: wires[f"a_run.{scopes[track]}.{name}"] for name in ("busy", "operation", "begin")}
        assert intervals(wire["busy"], wire["begin"]) == [(each.start, each.end) for each in mine]
        operation = dict(wire["operation"].changes)
        for each in mine:
            last = max(time for time in operation if time <= each.start)
            assert meaning[str(operation[last])] == each.name
    assert len(wires) == 3 * len({each.track for each in slices})


@settings(max_examples=200)
@given(nested())
def test_a_cycle_is_its_innermost_slices(slices: list[Slice]) -> None:
    """Busy and stalled cycles add up to the cycles that any slice covers; the dump's wire has the busy ones."""
    ends = [[each for each in slices if each.start <= cycle < each.end] for cycle in range(12)]
    shortest = [min((each.end - each.start for each in around), default=0) for around in ends]
    kinds = [{e.kind for e in a if e.end - e.start == n} for a, n in zip(ends, shortest, strict=True)]
    busy, stalled = (totals(slices, kind).get("array", 0) for kind in (BUSY, STALL))
    assert busy + stalled == sum(bool(around) for around in ends)
    assert sum(found == {BUSY} for found in kinds) <= busy <= sum(BUSY in found for found in kinds)
    if slices:
        wire = dump(written(slices, suffix=".vcd"))["a_run.array.busy"].changes
        assert sum(end - start for (start, value), (end, _) in pairwise(wire) if value) == busy


@given(disjoint(kinds=(BUSY, STALL)))
def test_totals_of_disjoint_slices_are_sums(slices: list[Slice]) -> None:
    for kind in (BUSY, STALL):
        expected = dict.fromkeys((each.track for each in slices), 0)
        for each in slices:
            expected[each.track] += (each.end - each.start) * (each.kind == kind)
        assert totals(slices, kind) == expected


def test_the_busy_cycles_of_the_tiny_trace() -> None:
    assert totals(TINY) == {"array_2d": 7, "port 0 (R)": 2}
    assert totals(TINY, STALL) == {"array_2d": 2, "port 0 (R)": 0}


def test_the_tiny_trace_as_events() -> None:
    text = written(TINY, MARKS)
    assert events(text)["traceEvents"][-1] == {
        "ph": "i", "ts": 4, "s": "t", "pid": 1, "tid": 1, "cat": "event", "name": "tile done", "args": {"tile": 0},
    }  # fmt: skip
    assert text == (
        '{"displayTimeUnit":"ms","otherData":{"title":"a run","clock":"940 MHz","clock_hz":940000000.0,"time":"1 microsecond of trace time is 1 cycle"},"traceEvents":[\n'
        '{"ph":"M","pid":1,"name":"process_name","args":{"name":"a run"}},\n'
        '{"ph":"M","pid":1,"tid":1,"name":"thread_name","args":{"name":"array_2d"}},\n'
        '{"ph":"M","pid":1,"tid":1,"name":"thread_sort_index","args":{"sort_index":1}},\n'
        '{"ph":"M","pid":1,"tid":2,"name":"thread_name","args":{"name":"port 0 (R)"}},\n'
        '{"ph":"M","pid":1,"tid":2,"name":"thread_sort_index","args":{"sort_index":2}},\n'
        '{"ph":"X","ts":0,"dur":4,"pid":1,"tid":1,"cat":"busy","name":"QK","args":{"tile":0}},\n'
        '{"ph":"X","ts":4,"dur":5,"pid":1,"tid":1,"cat":"busy","name":"QK","args":{"tile":1}},\n'
        '{"ph":"X","ts":5,"dur":2,"pid":1,"tid":1,"cat":"stall","name":"operand","args":{"cause":"dram"}},\n'
        '{"ph":"X","ts":5,"dur":2,"pid":1,"tid":2,"cat":"busy","name":"fill K","args":{}},\n'
        '{"ph":"i","ts":9,"s":"t","pid":1,"tid":1,"cat":"event","name":"tile done","args":{"tile":1}},\n'
        '{"ph":"i","ts":4,"s":"t","pid":1,"tid":1,"cat":"event","name":"tile done","args":{"tile":0}}\n'
        "]}\n"
    )


def test_the_tiny_trace_as_a_dump() -> None:
    assert (
        written(TINY, MARKS, ".vcd")
        == """\
$version einfuse $end
$comment
  "a run": the unit of time is one cycle of a 940 MHz clock, not 1 ns
  busy: 1 in a busy slice, 0 in a stall and outside of slices
  begin: toggles in a cycle in which a slice starts
  operation: the number of the innermost slice's name, 0 outside of slices
  1 = "QK"
  2 = "operand"
  3 = "fill K"
  array_2d = "array_2d"
  port_0_R = "port 0 (R)"
$end
$timescale 1 ns $end
$scope module a_run $end
$scope module array_2d $end
$var wire 1 ! busy $end
$var wire 2 " operation $end
$var wire 1 # begin $end
$var event 1 $ tile_done $end
$upscope $end
$scope module port_0_R $end
$var wire 1 % busy $end
$var wire 2 & operation $end
$var wire 1 ' begin $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
1!
b1 "
1#
0%
b0 &
0'
$end
#4
0#
1$
#5
0!
b10 "
1#
1%
b11 &
1'
#7
1!
b1 "
0%
b0 &
#9
0!
b0 "
1$
"""
    )


@pytest.mark.parametrize(
    ("period_s", "unit"),
    [
        (Fraction(1), "1 s"),
        (Fraction(1, 10**9), "1 ns"),
        (Fraction(1, 10**8), "10 ns"),
        (Fraction(1, 10**7), "100 ns"),
        (Fraction(1, 10**15), "1 fs"),
        (Fraction(1, 5 * 10**8), None),
        (Fraction(1, 10**16), None),
    ],
)
def test_a_unit_of_time_is_1_or_10_or_100_of_a_unit(period_s: Fraction, unit: str | None) -> None:
    assert timescale(period_s) == unit


def test_a_dump_of_a_clock_whose_period_can_be_said_is_in_seconds() -> None:
    text = written(TINY, suffix=".vcd", hz=10_000_000)
    assert "$timescale 100 ns $end" in text
    assert '"a run": the unit of time is one cycle of a 10 MHz clock\n' in text


def test_tracks_of_instants_alone_have_a_thread_and_a_scope() -> None:
    instants = [Instant("dram", "first beat", 3), Instant("dram", "busy", 0), Instant("dram", "first beat", 3)]
    found = events(written([], instants))
    assert [e["ts"] for e in found["traceEvents"] if e["ph"] == "i"] == [3, 0, 3]
    wires = dump(written([], instants, ".vcd"))
    assert wires["a_run.dram.first_beat"].changes == [(3, 1)]
    assert wires["a_run.dram.busy_2"].changes == [(0, 1)]
    assert wires["a_run.dram.busy"].changes == [(0, 0)]


@pytest.mark.parametrize("suffix", [".json", ".vcd"])
def test_an_empty_trace_is_one(suffix: str) -> None:
    text = written([], suffix=suffix)
    assert dump(text) == {} if suffix == ".vcd" else len(events(text)["traceEvents"]) == 1


def test_numbers_of_numpy_are_numbers() -> None:
    start, end = np.array([2, 5])
    text = written([Slice("dram", "fill K", start, end, {"tile": start})])
    assert read_slices(events(text)) == [Slice("dram", "fill K", 2, 5, {"tile": 2})]
    assert dump(written([Slice("dram", "fill K", start, end)], suffix=".vcd"))["a_run.dram.busy"].changes == [
        (0, 0),
        (2, 1),
        (5, 0),
    ]


@pytest.mark.parametrize("suffix", [".json", ".vcd"])
def test_slices_that_overlap_without_nesting_are_refused_and_nothing_is_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace{suffix}"
    overlapping = [Slice("dram", "fill V", 8, 12), Slice("dram", "fill K", 0, 9), Slice("array", "QK", 5, 20)]
    with pytest.raises(ValueError) as caught:
        write_trace(path, overlapping, clock_hz=1e9, title="a run")
    assert str(caught.value) == (
        "slices of a track nest or are disjoint, found 'fill K' on 'dram' from 0 to 9, overlapping 'fill V' on 'dram' from 8 to 12"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write_trace(path, TINY, clock_hz=1e9, title="a run")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_trace(path, [*TINY, Slice("dram", "fill K", 0, 1, {"tile": object()})], clock_hz=1e9, title="a run")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_system_names_the_trace(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".json")
    with pytest.raises(OSError, match="too long") as caught:
        write_trace(path, TINY, clock_hz=1e9, title="a run")
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".json", ".vcd"])
def test_a_link_goes_on_pointing_to_its_trace(tmp_path: Path, suffix: str) -> None:
    there, link = tmp_path / "there", tmp_path / f"trace{suffix}"
    there.touch()
    link.symlink_to(there)
    write_trace(link, TINY, clock_hz=1e9, title="a run")
    assert link.is_symlink() and there.stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.txt", "a trace is a .json or .vcd file, found 'x.txt'"),
        ("x", "a trace is a .json or .vcd file, found 'x'"),
        ("folder.json", "'{0}/folder.json' is a folder; give the name of a file in it, such as {0}/folder.json/trace.json"),
        ("none/x.vcd", "'x.vcd' cannot be put into '{}/none', which does not exist; make it first"),
        ("file/x.json", "'x.json' cannot be put into '{}/file', which is not a folder"),
        ("none/x.txt", "a trace is a .json or .vcd file, found 'x.txt'\n'x.txt' cannot be put into '{}/none', which does not exist; make it first"),
    ],
)  # fmt: skip
def test_a_path_that_is_no_traces_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(SpecError) as caught:
        write_trace(tmp_path / name, TINY, clock_hz=1e9, title="a run")
    assert str(caught.value) == message.format(tmp_path)


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (4, 3), (0, LAST_CYCLE + 1)])
def test_a_slice_takes_time_that_a_trace_can_say(start: int, end: int) -> None:
    with pytest.raises(ValueError) as caught:
        Slice("dram", "fill K", start, end)
    assert str(caught.value) == (
        f"expected a slice with 0 <= start < end <= 9007199254740992, found 'fill K' on 'dram' from {start} to {end}"
    )


def test_a_slice_is_busy_or_a_stall() -> None:
    with pytest.raises(ValueError) as caught:
        Slice("dram", "fill K", 0, 2, kind="idle")
    assert str(caught.value) == (
        "expected a slice of kind 'busy' or 'stall', found 'idle' for 'fill K' on 'dram' from 0 to 2"
    )


def test_an_instant_is_at_a_cycle_that_a_trace_can_say() -> None:
    with pytest.raises(ValueError) as caught:
        Instant("dram", "first beat", -1)
    assert str(caught.value) == (
        "expected an event with 0 <= cycle <= 9007199254740992, found 'first beat' on 'dram' at -1"
    )


def test_the_last_cycle_of_a_trace_is_exact() -> None:
    late = [Slice("dram", "fill K", LAST_CYCLE - 1, LAST_CYCLE)]
    assert read_slices(events(written(late))) == late
    assert dump(written(late, suffix=".vcd"))["a_run.dram.busy"].changes[1:] == [(LAST_CYCLE - 1, 1), (LAST_CYCLE, 0)]
