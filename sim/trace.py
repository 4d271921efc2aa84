"""A trace: what each unit, memory channel and port does when, as a file that a viewer of traces or waveforms opens.

A `.json` file is in the Trace Event Format of Chrome and Perfetto, a `.vcd` file is a Value Change Dump. Knows nothing
of the models that make slices and instants.

Slices of a track nest or are disjoint. A cycle belongs to the innermost slice around it: a stall within a tile's slice
is not busy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from operator import attrgetter, index, itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from specs import Problem, SpecError, show_quantity

from . import vcd

BUSY, STALL = "busy", "stall"
SUFFIXES = (".json", ".vcd")
LAST_CYCLE = 2**53  # readers of JSON keep whole numbers exactly up to here
NOMINAL = "1 ns"  # the unit of time of a dump, which is a cycle, where the format cannot say the clock's period

_PROCESS = 1


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of time on one track, `start` to before `end` in cycles.

    >>> Slice("array_2d", "QK", 5, 5)
    Traceback (most recent call last):
    ...
    ValueError: expected a slice with 0 <= start < end <= 9007199254740992, found 'QK' on 'array_2d' from 5 to 5
    """

    track: str  # a unit, a memory channel or a port
    name: str  # what it does: an Einsum, "fill K", "operand"
    start: int
    end: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    kind: str = BUSY  # or STALL

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= LAST_CYCLE:
            raise ValueError(f"expected a slice with 0 <= start < end <= {LAST_CYCLE}, found {self}")
        if self.kind not in (BUSY, STALL):
            raise ValueError(f"expected a slice of kind '{BUSY}' or '{STALL}', found '{self.kind}' for {self}")

    def __str__(self) -> str:
        return f"'{self.name}' on '{self.track}' from {self.start} to {self.end}"


@dataclass(frozen=True, slots=True)
class Instant:
    """An event at one cycle on a track, such as "operand tile accepted", "first beat" or "tile done"."""

    track: str
    name: str
    cycle: int
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.cycle <= LAST_CYCLE:
            raise ValueError(
                f"expected an event with 0 <= cycle <= {LAST_CYCLE}, "
                f"found '{self.name}' on '{self.track}' at {self.cycle}"
            )


def totals(slices: Iterable[Slice], kind: str = BUSY) -> dict[str, int]:
    """Cycles of each track in which its innermost slice is of this kind. Raises ValueError as `write_trace` does.

    >>> tile = [Slice("array", "tile", 0, 100), Slice("array", "operand", 20, 50, kind=STALL)]
    >>> totals(tile), totals(tile, STALL)
    ({'array': 70}, {'array': 30})
    """
    return {
        track: sum(end - start for start, end, each in _innermost(ordered) if each.kind == kind)
        for track, ordered in _by_track(slices).items()
    }


def write_trace(
    path: Path, slices: Iterable[Slice], instants: Iterable[Instant] = (), *, clock_hz: float, title: str
) -> None:
    """Write a trace, in the format that the suffix of `path` names: the whole file, or nothing.

    A dump has no arguments, and of several instants of one name, track and cycle one. Raises SpecError as `refuse`
    does, ValueError for slices of one track that overlap without nesting, OSError that names `path`.
    """
    refuse(path)
    tracks, events = _by_track(slices), list(instants)
    for each in events:
        tracks.setdefault(each.track, [])
    write = _write_events if path.suffix == ".json" else _write_dump
    with placed(path) as out:
        write(out, tracks, events, clock_hz, title)


def refuse(path: Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Raise SpecError if `path` is no trace's: by its suffix, or because its folder is missing."""
    problems = []
    if path.suffix not in suffixes:
        allowed = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        problems.append(Problem(f"a trace is a {allowed} file, found '{path.name}'"))
    if path.is_dir():
        problems.append(Problem(f"'{path}' is a folder; give the name of a file in it, such as {path / 'trace.json'}"))
    elif not path.parent.is_dir():
        fault = "is not a folder" if path.parent.exists() else "does not exist; make it first"
        problems.append(Problem(f"'{path.name}' cannot be put into '{path.parent}', which {fault}"))
    if problems:
        raise SpecError(problems)


@contextmanager
def placed(path: Path) -> Iterator[TextIO]:
    """A draft beside `path`, moved there when it is complete; a link goes on pointing to it."""
    path = path.resolve()
    try:
        with TemporaryDirectory(prefix=".einfuse-trace-", dir=path.parent) as work:
            draft = Path(work) / path.name
            with draft.open("w", encoding="utf-8", newline="\n") as out:
                yield out
            os.replace(draft, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _by_track(slices: Iterable[Slice]) -> dict[str, list[Slice]]:
    """The slices of each track by their start, an outer one before those in it; tracks as they first appear."""
    tracks: dict[str, list[Slice]] = {}
    for each in slices:
        tracks.setdefault(each.track, []).append(each)
    for ordered in tracks.values():
        ordered.sort(key=attrgetter("end"), reverse=True)
        ordered.sort(key=attrgetter("start"))
        around: list[Slice] = []
        for each in ordered:
            while around and around[-1].end <= each.start:
                around.pop()
            if around and around[-1].end < each.end:
                raise ValueError(f"slices of a track nest or are disjoint, found {around[-1]}, overlapping {each}")
            around.append(each)
    return tracks


def _innermost(ordered: Iterable[Slice]) -> Iterator[tuple[int, int, Slice]]:
    """Stretches of time with the slice that is innermost there, in order; cycles outside of all slices are left out."""
    around: list[Slice] = []
    reached = 0

    def leave(cycle: int) -> Iterator[tuple[int, int, Slice]]:
        nonlocal reached
        while around and around[-1].end <= cycle:
            each = around.pop()
            if reached < each.end:
                yield reached, each.end, each
            reached = each.end

    for each in ordered:
        yield from leave(each.start)
        if around and reached < each.start:
            yield reached, each.start, around[-1]
        around.append(each)
        reached = each.start
    yield from leave(LAST_CYCLE)


def _write_events(
    out: TextIO, tracks: Mapping[str, Sequence[Slice]], instants: Iterable[Instant], clock_hz: float, title: str
) -> None:
    """Trace Event Format: metadata that names the threads, which are the tracks; complete events; instant events.

    Versions of Perfetto differ, and all should read this: `displayTimeUnit` is ms because some took ns for the unit of
    `ts` (google/perfetto issues 106 and 274), and `ts` comes early because some stop at an escape on the way to it. An
    outer event comes before those in it.
    """
    text = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=index).encode
    other = {
        "title": title,
        "clock": show_quantity(clock_hz, "frequency"),
        "clock_hz": clock_hz,
        "time": "1 microsecond of trace time is 1 cycle",
    }
    out.write(f'{{"displayTimeUnit":"ms","otherData":{text(other)},"traceEvents":[\n')
    out.write(f'{{"ph":"M","pid":{_PROCESS},"name":"process_name","args":{text({"name": title})}}}')
    threads = {track: f'"pid":{_PROCESS},"tid":{number}' for number, track in enumerate(tracks, 1)}
    for number, (track, thread) in enumerate(threads.items(), 1):
        out.write(f',\n{{"ph":"M",{thread},"name":"thread_name","args":{text({"name": track})}}}')
        out.write(f',\n{{"ph":"M",{thread},"name":"thread_sort_index","args":{{"sort_index":{number}}}}}')
    for track, ordered in tracks.items():
        out.writelines(
            f',\n{{"ph":"X","ts":{each.start},"dur":{each.end - each.start},{threads[track]},"cat":"{each.kind}",'
            f'"name":{text(each.name)},"args":{text(dict(each.arguments))}}}'
            for each in ordered
        )
    out.writelines(
        f',\n{{"ph":"i","ts":{each.cycle},"s":"t",{threads[each.track]},"cat":"event",'
        f'"name":{text(each.name)},"args":{text(dict(each.arguments))}}}'
        for each in instants
    )
    out.write("\n]}\n")


def _write_dump(
    out: TextIO, tracks: Mapping[str, Sequence[Slice]], instants: Iterable[Instant], clock_hz: float, title: str
) -> None:
    """Value Change Dump: a scope for each track, with three wires and an event for each name of its instants."""
    names = dict.fromkeys(each.name for ordered in tracks.values() for each in ordered)
    codes = {name: code for code, name in enumerate(names, 1)}
    exact = vcd.timescale(1 / Fraction(clock_hz))
    comment = [
        f"{vcd.quoted(title)}: the unit of time is one cycle of a {show_quantity(clock_hz, 'frequency')} clock"
        + ("" if exact else f", not {NOMINAL}"),
        "busy: 1 in a busy slice, 0 in a stall and outside of slices",
        "begin: toggles in a cycle in which a slice starts",
        "operation: the number of the innermost slice's name, 0 outside of slices",
        *(f"{code} = {vcd.quoted(name)}" for name, code in codes.items()),
    ]
    scopes = vcd.words(tracks)
    comment += [f"{scope} = {vcd.quoted(track)}" for track, scope in scopes.items()]
    happened: dict[str, dict[str, list[int]]] = {track: {} for track in tracks}
    for each in instants:
        happened[each.track].setdefault(each.name, []).append(each.cycle)
    variables: list[vcd.Variable] = []
    streams: list[Iterable[tuple[int, int, int]]] = []
    wires = (("busy", 1), ("operation", max(len(codes).bit_length(), 1)), ("begin", 1))
    for track, ordered in tracks.items():
        scope = scopes[track]
        streams.append(_changes(ordered, codes, len(variables)))
        variables += [vcd.Variable(scope, name, width) for name, width in wires]
        for name, word in vcd.words(happened[track], taken=[name for name, _ in wires]).items():
            streams.append([(cycle, len(variables), 1) for cycle in sorted(happened[track][name])])
            variables.append(vcd.Variable(scope, word, kind=vcd.EVENT))
    changes = merge(*streams, key=itemgetter(0))
    vcd.write_dump(out, vcd.words([title])[title], exact or NOMINAL, comment, variables, changes)


def _changes(ordered: Iterable[Slice], codes: Mapping[str, int], busy: int) -> Iterator[tuple[int, int, int]]:
    """The changes of a track's three wires, `busy` the index of the first."""
    operation, begin = busy + 1, busy + 2
    toggle = 0
    for start, end, each in _innermost(ordered):
        yield start, busy, int(each.kind == BUSY)
        yield start, operation, codes[each.name]
        if start == each.start:  # of slices that start together, the innermost is seen
            toggle = 1 - toggle
            yield start, begin, toggle
        yield end, busy, 0
        yield end, operation, 0
