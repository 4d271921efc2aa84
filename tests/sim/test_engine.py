"""The cycle engine's kernel on drawn programs: with the jump, without, and in plain Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.packing import pack
from sim.program import CAUSES, OPERAND, SPACE, Entry, Program, Sweep, Wait
from sim.repeats import merge
from sim.running import EVERYTHING, Run, run
from tests.sim.plain_engine import Plain, by_start


def table(*cycles: int) -> Any:
    return np.array([cycles], dtype=np.int64)


@st.composite
def tables(draw: Any, width: int, low: int, high: int) -> Any:
    """Cycles by the number of tiles, never less for more of them; none for none."""
    steps = draw(st.lists(st.integers(low, high), min_size=width - 1, max_size=width - 1))
    return np.array([np.cumsum([0, *steps])], dtype=np.int64)


@st.composite
def programs(draw: Any) -> Program:
    """Any program over one to three families of loops, with one or two sweeps."""
    sizes: dict[str, Any] = {}
    chunks: dict[str, Any] = {}
    loops: dict[str, tuple[str, ...]] = {}
    family_of: dict[str, str] = {}
    for family in "xyz"[: draw(st.integers(1, 3))]:
        inner = draw(st.integers(1, 3))
        outer = inner * draw(st.integers(1, 3))
        names = draw(st.sampled_from([(family + "0",), (family + "1", family + "0")]))
        loops[family] = names
        chunks |= dict(zip(names, [outer, inner] if len(names) > 1 else [inner], strict=True))
        family_of |= dict.fromkeys(names, family)
        sizes[family] = draw(st.integers(1, 14))
    queues = {family: list(names) for family, names in loops.items()}
    path = [queues[f].pop(0) for f in draw(st.permutations([f for f, names in loops.items() for _ in names]))]
    cut = draw(st.integers(0, len(path) - 1))
    count = draw(st.sampled_from([1, 1, 2])) if cut else 1
    prefix = tuple(path[:cut]) if count > 1 else ()
    band = None
    if "y" in loops and draw(st.booleans()):
        band = ("x", "y", draw(st.sampled_from([None, -3, 0])), draw(st.sampled_from([None, 0, 4])))
    width = draw(st.sampled_from([2, 2, 3]))
    sweeps = [
        Sweep(
            tuple(path[len(prefix) :]),
            band is not None,
            tuple(draw(entries(f"{number}", path, width))),
            draw(st.integers(1, width - 1)),
            draw(st.sampled_from([1, 2, 3, 4, 8, 16])),
        )
        for number in range(count)
    ]
    resources = {"a": OPERAND, "b": OPERAND, "c": SPACE}
    program = Program(chunks, family_of, sizes, loops, prefix, tuple(sweeps), (), resources, band)
    return replace(program, waits=tuple(draw(waits(program, path, width))))


@st.composite
def entries(draw: Any, prefix: str, path: list[str], width: int) -> list[Entry]:
    found = []
    for i in range(draw(st.integers(1, 5))):
        unit = draw(st.sampled_from(["a", "b", None]))
        holds = {unit: draw(tables(width, 1, 6))} if unit else {"c": draw(tables(width, 0, 6))}
        if unit and draw(st.integers(0, 3)) == 0:
            holds["c"] = draw(tables(width, 1, 4))
        chosen = draw(st.lists(st.sampled_from(path), max_size=2)) if draw(st.integers(0, 2)) == 0 else []
        edges = frozenset(
            loop for loop in path for c in chosen if loop[0] == c[0] and loop[1] <= c[1]
        )  # inner ones too
        last = draw(st.booleans())
        done = draw(tables(width, 1, 12))
        where = (frozenset(), edges) if last else (edges, frozenset())
        found.append(Entry(f"{prefix}.{i}", (), unit, holds, done, done, *where))
    return found


@st.composite
def waits(draw: Any, program: Program, path: list[str], width: int) -> list[Wait]:
    found = []
    every = program.entries
    sweep_of = {e.name: i for i, s in enumerate(program.sweeps) for e in s.entries}
    for _ in range(draw(st.integers(0, 8))):
        i, j = draw(st.integers(0, len(every) - 1)), draw(st.integers(0, len(every) - 1))
        consumer, producer = every[i], every[j]
        lead, lag = draw(tables(width, 0, draw(st.sampled_from([9, 80])))), draw(tables(width, 0, 5))
        here = sweep_of[consumer.name] == sweep_of[producer.name]
        kind = draw(st.sampled_from(["same", "ring", "slot"]))
        if kind != "slot" and (not here or i == j or (kind == "same") != (j < i)):
            continue
        if kind != "slot":
            found.append(paced(draw, Wait(consumer.name, producer.name, kind, lead, lag, OPERAND)))
            continue
        chosen = draw(st.lists(st.sampled_from(path), unique=True, max_size=2))
        strides, size = {}, 1
        for loop in chosen:
            strides[loop] = size
            size *= -(-program.sizes[program.family_of[loop]] // program.chunks[loop])
        fills = [e.name for e in every if e.unit is None and sweep_of[e.name] == sweep_of[consumer.name]]
        turn = draw(st.sampled_from(fills)) if fills and here and draw(st.booleans()) else None
        reach = 0 if here and j < i and draw(st.booleans()) else draw(st.integers(1, 2)) if here else 0
        copies = 1 if turn is None else 2
        slot = Wait(consumer.name, producer.name, kind, lead, lag, SPACE, reach, strides, size, copies, turn)
        found.append(paced(draw, slot))
    return found


def paced(draw: Any, wait: Wait) -> Wait:
    """A wait with, or without, paces from tile to tile of a group."""
    if wait.kind == "ring" or draw(st.booleans()):
        return wait
    return replace(wait, given_pace=draw(st.integers(0, 3)), taken_pace=draw(st.integers(0, 3)))


def both(program: Program) -> tuple[Run, Run]:
    packed = pack(program)
    return run(packed, True, EVERYTHING, 200_000), run(packed, False, EVERYTHING, 200_000)


def totals(done: Run) -> tuple[Any, ...]:
    return done.cycles[0], done.outcome.tiles.tolist(), done.outcome.stalls.tolist()


def results(done: Run) -> tuple[Any, ...]:
    return *totals(done), by_start(done.records)


@settings(max_examples=300, deadline=None)
@given(programs())
def test_jumped_is_stepped_is_plain_python(program: Program) -> None:
    jumped, stepped = both(program)
    assert results(jumped) == results(stepped)
    assert totals(run(pack(program))) == totals(stepped)  # unrecorded, it jumps within rows as well
    plain = Plain.of(stepped)
    assert by_start(stepped.records) == by_start(plain.records)
    assert stepped.cycles[0] == plain.end
    for unit in ("a", "b"):
        assert sum(stepped.stalls(unit).values())[0] == plain.stalls.get(unit, 0) + plain.end - plain.free.get(unit, 0)


@settings(max_examples=150, deadline=None)
@given(programs(), st.integers(20, 200), st.integers(1, 40))
def test_long_loops_are_jumped_exactly(program: Program, size: int, other: int) -> None:
    sizes = {family: size if i == 0 else other for i, family in enumerate(program.sizes)}
    longer = replace(program, sizes=sizes, waits=tuple(_numbered(w, program, sizes) for w in program.waits))
    jumped, stepped = both(longer)
    assert results(jumped) == results(stepped)
    assert totals(run(pack(longer))) == totals(stepped)


def _numbered(wait: Wait, program: Program, sizes: dict[str, int]) -> Wait:
    strides, size = {}, 1
    for loop in wait.strides:
        strides[loop] = size
        size *= -(-sizes[program.family_of[loop]] // program.chunks[loop])
    return replace(wait, strides=strides, slots=size)


@settings(max_examples=150, deadline=None)
@given(programs())
def test_loops_that_only_repeat_may_be_merged(program: Program) -> None:
    apart, together = (
        run(pack(program), False, EVERYTHING, 200_000),
        run(pack(merge(program)), True, EVERYTHING, 200_000),
    )
    assert results(apart) == results(together)


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(0, 60), st.integers(1, 60))
def test_a_window_records_what_starts_in_it(program: Program, begin: int, length: int) -> None:
    window = (begin, begin + length)
    everything = run(pack(program), False, EVERYTHING, 200_000)
    inside = [r for r in everything.records if window[0] <= r.start <= window[1]]
    assert by_start(run(pack(program), True, window, 200_000).records) == by_start(inside)


def test_a_window_records_all_that_starts_in_one_cycle() -> None:
    entry = Entry("fill", (), None, {"channel": table(0, 0)}, table(0, 1), table(0, 1))
    sweep = Sweep(("i",), False, (entry,))
    program = Program({"i": 1}, {"i": "i"}, {"i": 9}, {"i": ("i",)}, (), (sweep,), (), {"channel": OPERAND})
    for window in ((0, 1), (0, 0), EVERYTHING):
        assert [r.tile for r in run(pack(program), True, window, 20).records] == list(range(9))
    assert not run(pack(program), True, (1, 5), 20).records


def chain(count: int) -> Program:
    """Two units; the second takes what the first makes."""
    first = Entry("first", (), "a", {"a": table(0, 3)}, table(0, 3), table(0, 3))
    second = Entry("second", (), "b", {"b": table(0, 2)}, table(0, 2), table(0, 2))
    wait = Wait("second", "first", "same", table(0, 3), table(0, 0), OPERAND)
    sweep = Sweep(("i",), False, (first, second))
    return Program(
        {"i": 1}, {"i": "i"}, {"i": count}, {"i": ("i",)}, (), (sweep,), (wait,), {"a": OPERAND, "b": OPERAND}
    )


def test_a_chain_by_hand() -> None:
    done = run(pack(chain(3)), window=EVERYTHING, most=10)
    assert [(r.entry, r.tile, r.start) for r in done.records] == [
        ("first", 0, 0), ("second", 0, 3), ("first", 1, 3), ("second", 1, 6), ("first", 2, 6), ("second", 2, 9),
    ]  # fmt: skip
    assert done.cycles[0] == 11
    assert {c: int(n[0]) for c, n in done.stalls("b").items() if n[0]} == {OPERAND: 5}
    assert {c: int(n[0]) for c, n in done.stalls("a").items() if n[0]} == {CAUSES[-1]: 2}


def test_a_trillion_tiles_take_a_moment() -> None:
    done = run(pack(chain(10**12)))
    assert done.cycles[0] == 3 * 10**12 + 2
    assert done.outcome.stepped[0] < 100


def test_without_the_jump_everything_is_stepped() -> None:
    assert run(pack(chain(1000)), jump=False).outcome.stepped[0] == 2000


def test_many_points_in_one_call_are_the_points_one_by_one() -> None:
    counts = np.array([1, 2, 50, 100_000])
    many = replace(chain(1), sizes={"i": counts})
    for threads in (1, 2):
        done = run(pack(many), threads=threads)
        assert done.cycles.tolist() == [int(run(pack(chain(int(n)))).cycles[0]) for n in counts]


@pytest.mark.parametrize("interleave", [1, 2, 3])
def test_older_entries_hide_a_round_trip(interleave: int) -> None:
    """A unit that needs its own result back after ten cycles, from another unit: two tiles hide half of it."""
    out = Entry("out", (), "a", {"a": table(0, 5)}, table(0, 5), table(0, 5))
    back = Entry("back", (), "a", {"a": table(0, 5)}, table(0, 5), table(0, 5))
    wait = Wait("back", "out", "same", table(0, 15), table(0, 0), OPERAND)
    sweep = Sweep(("i",), False, (out, back), 1, interleave)
    program = Program({"i": 1}, {"i": "i"}, {"i": 1000}, {"i": ("i",)}, (), (sweep,), (wait,), {"a": OPERAND})
    per_tile = {1: 20, 2: 10, 3: 10}[interleave]
    assert abs(run(pack(program)).cycles[0] - per_tile * 1000) <= 20


def looped(entries: tuple[Entry, ...], waits: tuple[Wait, ...], flights: int, **sizes: int) -> Program:
    """A program over loops of these sizes."""
    names = tuple(sizes)
    resources = dict.fromkeys((r for e in entries for r in e.holds), OPERAND)
    loops = {n: (n,) for n in names}
    sweep = Sweep(names, False, entries, 1, flights)
    return Program({n: 1 for n in names}, {n: n for n in names}, sizes, loops, (), (sweep,), waits, resources)


def held(name: str, unit: str | None, hold: int) -> Entry:
    return Entry(name, (), unit, {unit or "c": table(0, hold)}, table(0, hold), table(0, hold))


# Programs for which a jump that is a little too eager has been seen to differ.
TIGHT = {
    "groups of the row before are still under way, and their slots are others": looped(
        (held("make", "a", 2), held("read", None, 0)),
        (
            Wait("read", "make", "same", table(0, 37), table(0, 3), OPERAND),
            Wait("read", "read", "slot", table(0, 19), table(0, 0), SPACE, 2, {"r": 1}, 2),
            Wait("make", "read", "ring", table(0, 28), table(0, 4), OPERAND),
        ),
        4,
        o=26,
        r=2,
        i=47,
    ),
    "a value is read before the group that makes it": looped(
        (held("b", "b", 4), held("c", "b", 4), held("d", "b", 6), held("e", None, 3)),
        (
            Wait("b", "d", "ring", table(0, 47), table(0, 1), OPERAND),
            Wait("d", "b", "same", table(0, 31), table(0, 4), OPERAND),
            Wait("e", "c", "same", table(0, 9), table(0, 4), OPERAND),
            Wait("d", "e", "ring", table(0, 29), table(0, 2), OPERAND),
        ),
        6,
        r=5,
        i=145,
    ),
    "two results wait at a time, while tiles have slots of their own": looped(
        (held("fetch", None, 7), held("make", "a", 5), held("send", None, 3)),
        (
            Wait("make", "fetch", "slot", table(0, 7), table(0, 0), OPERAND, 0, {"i": 1}, 300),
            Wait("fetch", "make", "slot", table(0, 5), table(0, 0), SPACE, 1, {"i": 1}, 300),
            Wait("send", "make", "same", table(0, 5), table(0, 0), OPERAND),
            Wait("make", "send", "slot", table(0, 12), table(0, 0), SPACE, 2, {}, 1, 2, "send"),
        ),
        3,
        r=4,
        i=300,
    ),
}


@pytest.mark.parametrize("where", TIGHT)
def test_tight_places(where: str) -> None:
    one, other = both(TIGHT[where])
    assert results(one) == results(other)
    assert totals(run(pack(TIGHT[where]))) == totals(other)
    plain = Plain.of(other)
    assert (plain.end, by_start(plain.records)) == (other.cycles[0], by_start(other.records))


def test_two_results_that_wait_at_a_time_do_not_stop_the_jump_within_a_row() -> None:
    program = TIGHT["two results wait at a time, while tiles have slots of their own"]
    assert run(pack(program)).outcome.stepped[0] < run(pack(program), jump=False).outcome.stepped[0] / 4
