"""The control of an array as a plan of generated hardware, from the engine's program.

Ages and places are those that the engine settles on. What a line waits for are the engine's waits, counted in starts of
their producers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rtl.plan import Ahead, Line, Loops, Plan, Tiles, Token
from specs import Problem, SpecError

if TYPE_CHECKING:
    from mappings import Schedule
    from sim.packing import Packed
    from sim.program import Entry, Program, Wait
    from sim.running import Run
    from sim.streams import Stops


def plan_of(schedule: Schedule) -> Plan:
    """The control of a schedule. Raises `SpecError` for what the hardware does not do.

    >>> from sim.simulate import bound
    >>> sizes = "rows=4,cols=4"
    >>> work = "attention:queries=8,keys=32,head_dim=8,value_dim=8"
    >>> plan = plan_of(bound(work, f"fusemax-fpga:{sizes}", "fusemax-binding"))
    >>> plan.line("QK").cycles, plan.resources
    (8, ('dram', 'array_2d', 'array_1d'))
    """
    return planned(engine_run(schedule))


def engine_run(schedule: Schedule, stops: Stops | None = None, most_records: int = 1 << 16) -> Run:
    """The engine's run of a schedule, stepped, with all its starts."""
    return stepped(packed_program(schedule, stops), most_records)


def packed_program(schedule: Schedule, stops: Stops | None = None) -> Packed:
    """The engine's program of a schedule."""
    from sim.lowering import lower
    from sim.packing import pack

    return pack(lower(schedule, stops=stops))


def stepped(packed: Packed, most_records: int) -> Run:
    """The engine's run of a program without jumps, with all its starts."""
    from sim.running import EVERYTHING, run

    return run(packed, False, EVERYTHING, most_records)


def loops_of(program: Program) -> Loops:
    """The loops of a run as the hardware's settings. Raises `SpecError`."""
    _refuse(program)
    (sweep,) = program.sweeps
    row = _row_loop(sweep.entries)
    at = sweep.loops.index(row)
    outer, inner = sweep.loops[:at], sweep.loops[at + 1 :]
    keys = _number(program.sizes[program.family_of[row]])
    slots = _product(program, inner)
    if program.band is None:
        return Loops(_product(program, outer), 1, slots, keys)
    blocks = [loop for loop in outer if program.family_of[loop] in program.band[:2]]
    heads = [loop for loop in outer if loop not in blocks]
    offset = _causal_offset(program)
    return Loops(_product(program, heads), _product(program, blocks), slots, keys, True, offset)


def planned(done: Run) -> Plan:
    """The plan behind a run of the engine. Raises `SpecError`."""
    program = done.packed.program
    _refuse(program)
    names = [entry.name for entry in program.entries]
    places = dict(zip(names, done.outcome.places[0].tolist(), strict=True))
    (sweep,) = program.sweeps
    row = _row_loop(sweep.entries)
    lines = tuple(
        Line(
            entry.name,
            next(iter(entry.holds)),
            _cycles(next(iter(entry.holds.values()))),
            int(done.age(entry.name)[0]),
            places[entry.name],
            _tiles(entry, row),
            entry.unit is None,
        )
        for entry in sorted(sweep.entries, key=lambda entry: places[entry.name])
    )
    return Plan(lines, tuple(_tokens(program, Plan(lines, ()))))


def _tiles(entry: Entry, row: str) -> Tiles:
    """The tiles that have an entry."""
    if entry.first:
        return Tiles.FIRST if row in entry.first else Tiles.ROW_BEGINS
    return Tiles.LAST if entry.last else Tiles.EACH


def _row_loop(entries: tuple[Entry, ...]) -> str:
    """The loop over key tiles: what is left last is done at its last iteration."""
    found = {loop for entry in entries for loop in entry.last}
    if len(found) != 1:
        raise SpecError([Problem("generated hardware wants a mapping whose results are done at the end of one loop")])
    return next(iter(found))


def _refuse(program: Program) -> None:
    found = []
    if len(program.sweeps) != 1 or program.prefix:
        found.append("wants a mapping of one loop nest")
    if any(_number(sweep.group) != 1 for sweep in program.sweeps):
        found.append(
            "does one tile at a time; give operations whose latency the chains of a tile cover, or interleave=1"
        )
    if any(len(entry.holds) != 1 for entry in program.entries):
        found.append("has no ports; give memories without them")
    if program.band is not None and not found:
        found += _mask_faults(program)
    if found:
        raise SpecError([Problem(f"generated hardware {message}") for message in found])


def _mask_faults(program: Program) -> Iterator[str]:
    assert program.band is not None
    row, column, _, _ = program.band
    (sweep,) = program.sweeps
    if not _is_causal(program):
        yield "does causal masks only; give a workload without a window"
        return
    at = sweep.loops.index(_row_loop(sweep.entries))
    inner = [loop for loop in sweep.loops[at + 1 :] if program.family_of[loop] not in (row, column)]
    if _product(program, inner) != 1:
        yield "does no causal masks over grouped heads; give as many kv_heads as heads"
    if _causal_offset(program) < 0:
        yield "wants that every query sees a key; give no more queries than keys"


def _is_causal(program: Program) -> bool:
    """Whether a band has all keys up to one that moves on with the query, and none beyond it."""
    assert program.band is not None
    row, column, low, high = program.band
    (sweep,) = program.sweeps
    sides = {
        row: (low, high),
        column: (high, low),
    }  # of keys in rows low <= query - key, in columns key - query <= high
    last, first = sides.get(program.family_of[_row_loop(sweep.entries)], (None, None))
    return last is not None and first is None


def _causal_offset(program: Program) -> int:
    """By how much the last key that a query sees is beyond its own number."""
    assert program.band is not None
    row, _, low, high = program.band
    (sweep,) = program.sweeps
    if program.family_of[_row_loop(sweep.entries)] == row:  # low <= query - key
        return -_number(low)
    return _number(high)  # key - query <= high


def _tokens(program: Program, plan: Plan) -> Iterator[Token]:
    """The waits of the engine, the strictest of each pair of lines and kind, in their order."""
    entries = {entry.name: entry for entry in program.entries}
    strictest: dict[tuple[str, str, str], Wait] = {}
    for wait in program.waits:
        key = (wait.consumer, wait.producer, wait.kind)
        if key not in strictest or _between(wait) > _between(strictest[key]):
            strictest[key] = wait
    faults: list[str] = []
    for wait in strictest.values():
        consumer, producer = entries[wait.consumer], entries[wait.producer]
        cycles = _between(wait)
        if cycles < 0 and consumer.unit == producer.unit and wait.kind != "ring":
            continue  # its turn comes after the producer's
        if producer.unit is None:  # counted from its last word on
            cycles -= plan.line(producer.name).cycles - 1
        if cycles < 0 and wait.kind != "ring":
            faults.append(
                f"would begin '{consumer.name}' {-cycles} cycles before '{producer.name}', whose values it takes"
            )
            continue
        yield from _counted(
            Token(wait.consumer, wait.producer, max(cycles, 0), cause=wait.cause), wait, cycles < 0, plan
        )
    if faults:
        raise SpecError([Problem(f"generated hardware {fault}; give its unit shorter latencies") for fault in faults])


def _counted(token: Token, wait: Wait, early: bool, plan: Plan) -> Iterator[Token]:
    """Which starts a wait counts, and how far ahead of them its consumer may be."""
    consumer, producer = plan.line(token.consumer), plan.line(token.producer)
    each = (consumer.tiles, producer.tiles)
    copies = _number(wait.copies)
    slots: int | Ahead = Ahead.SLOTS if wait.strides else copies
    if wait.kind == "same":
        yield replace(token, given=consumer.tiles if producer.tiles is Tiles.EACH else Tiles.EACH)
    elif wait.kind == "ring":
        yield replace(token, ahead=1 + producer.age - consumer.age + early)
    elif each == (Tiles.EACH, Tiles.EACH):  # the state of the key tile before, or an earlier query tile's
        yield replace(token, asked=Tiles.LATER, ahead=Ahead.ROW)
        first = Tiles.FIRST
        yield replace(token, asked=first, counted=first, given=Tiles.LAST, ahead=slots)
    elif producer.transfer and consumer.tiles is Tiles.EACH:  # a tile that is fetched is there
        yield replace(token, asked=producer.tiles, counted=producer.tiles)
    elif consumer.transfer and producer.tiles is Tiles.EACH:  # its space is free
        ends = Tiles.ROW_ENDS if consumer.tiles is Tiles.ROW_BEGINS else Tiles.LAST
        yield replace(token, given=ends, ahead=slots)
    elif consumer.tiles is Tiles.EACH:  # a state is overwritten when its last value has been read
        yield replace(token, asked=Tiles.FIRST, counted=Tiles.FIRST, ahead=slots)
    else:  # results that wait for their way out
        yield replace(token, ahead=copies)


def _between(wait: Wait) -> int:
    return int(np.asarray(wait.between(np.arange(2))).reshape(-1, 2)[0, 1])


def _cycles(table: Any) -> int:
    return int(np.asarray(table)[0, 1])


def _number(value: Any) -> int:
    return int(np.asarray(value).reshape(-1)[0])


def _product(program: Program, loops: tuple[str, ...] | list[str]) -> int:
    """Iterations of several loops together."""
    total = 1
    for loop in loops:
        family = program.family_of[loop]
        own = program.loops[family]
        span = _number(program.sizes[family])
        if loop != own[0]:
            span = min(span, _number(program.chunks[own[own.index(loop) - 1]]))
        total *= -(-span // _number(program.chunks[loop]))
    return total
