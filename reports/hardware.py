"""Where simulator and hardware meet: the control of an array as a plan of generated hardware, from the engine's run.

Ages and places are those that the engine settles on; what a line waits for are the engine's waits, counted in starts of
their producers, whose tiles are done in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rtl.plan import Line, Plan, Token
from specs import Problem, SpecError

if TYPE_CHECKING:
    from mappings import Schedule
    from sim.program import Entry, Program, Wait
    from sim.running import Run


def plan_of(schedule: Schedule) -> Plan:
    """The control of a schedule. Raises `SpecError` for what the hardware does not do.

    >>> from sim.simulate import bound
    >>> sizes = "array_2d.rows=4,array_2d.cols=4,array_1d.lanes=4"
    >>> work = "attention:queries=8,keys=32,head_dim=8,value_dim=8"
    >>> plan_of(bound(work, f"fusemax-cloud:{sizes}", "fusemax-binding")).loops
    {'repeat': 1, 'm1': 8, 'g': 1, 'p1': 2}
    """
    return planned(engine_run(schedule))


def engine_run(schedule: Schedule, most_records: int = 1 << 16) -> Run:
    """The engine's run of a schedule, stepped, with all its starts."""
    from sim.lowering import lower
    from sim.packing import pack
    from sim.running import EVERYTHING, run

    return run(pack(lower(schedule)), False, EVERYTHING, most_records)


def planned(done: Run) -> Plan:
    """The plan behind a run of the engine. Raises `SpecError`."""
    program = done.packed.program
    refused = [*_refused(program)]
    if refused:
        raise SpecError([Problem(f"generated control {message}") for message in refused])
    (sweep,) = program.sweeps
    names = [entry.name for entry in program.entries]
    places = dict(zip(names, done.outcome.places[0].tolist(), strict=True))
    lines = tuple(
        Line(
            entry.name,
            next(iter(entry.holds)),
            _cycles(next(iter(entry.holds.values()))),
            int(done.age(entry.name)[0]),
            places[entry.name],
            entry.first,
            entry.last,
        )
        for entry in sweep.entries
    )
    loops = {name: _count(program, name) for name in sweep.loops}
    bare = Plan(loops, lines, ())
    return Plan(loops, lines, tuple(_tokens(program, bare)))


def _refused(program: Program) -> list[str]:
    found = []
    if len(program.sweeps) != 1 or program.prefix:
        found.append("wants a mapping of one loop nest")
    if program.band is not None:
        found.append("does no masks yet; give a workload without causal and window")
    if any(_number(sweep.group) != 1 for sweep in program.sweeps):
        found.append("does one tile at a time; give operations whose latency the chains of a tile cover")
    if any(len(entry.holds) != 1 for entry in program.entries):
        found.append("has no ports; give memories without them")
    return found


def _tokens(program: Program, plan: Plan) -> list[Token]:
    """The waits of the engine, the strictest of each pair of lines and kind."""
    entries = {entry.name: entry for entry in program.entries}
    strictest: dict[tuple[str, str, str], Wait] = {}
    for wait in program.waits:
        key = (wait.consumer, wait.producer, wait.kind)
        if key not in strictest or _between(wait) > _between(strictest[key]):
            strictest[key] = wait
    found = []
    for wait in strictest.values():
        consumer, producer = entries[wait.consumer], entries[wait.producer]
        cycles = _between(wait)
        if cycles < 0 and consumer.unit == producer.unit:
            continue  # its turn comes after the producer's
        offset, factors = _wanted(wait, consumer, producer, plan)
        early = wait.kind == "ring" and cycles < 0
        found.append(Token(wait.consumer, wait.producer, max(cycles, 0) if early else cycles, offset - early, factors))
    return found


def _wanted(wait: Wait, consumer: Entry, producer: Entry, plan: Plan) -> tuple[int, dict[str, int]]:
    """Which start of the producer a tile of the consumer wants, as an offset and a factor for each index."""
    ages = {line.name: line.age for line in plan.lines}
    lines = {line.name: line for line in plan.lines}
    tile = dict(plan.strides)
    outer, *inner = plan.loops
    row, *within = inner  # the loop over keys, and those inside of it
    tiles = plan.strides[row]  # of one key tile
    heads = {outer: tiles, **{name: plan.strides[name] for name in within}}  # number of a query tile over all heads
    turns, stride = {}, 1  # number of the consumer's own tile
    for name in reversed(plan.free(lines[consumer.name])):
        turns[name] = stride
        stride *= plan.loops[name]
    copies = _number(wait.copies)
    if wait.kind == "same":
        return 1, turns if producer.conditional else tile
    if wait.kind == "ring":
        return ages[consumer.name] - ages[producer.name], tile
    fetched, fetches = producer.unit is None and producer.first, consumer.unit is None and consumer.first
    if fetched:
        return 1, heads if wait.strides else {outer: plan.loops[row], row: 1}
    if fetches:
        return (1 - tiles if wait.strides else -(copies - 1) * tiles), tile
    if producer.unit is None:
        return 1 - copies, turns
    return (1 - tiles, heads) if producer.last else (1 - tiles, tile)


def _between(wait: Wait) -> int:
    return int(np.asarray(wait.between(np.arange(2))).reshape(-1, 2)[0, 1])


def _cycles(table: Any) -> int:
    return int(np.asarray(table)[0, 1])


def _number(value: Any) -> int:
    return int(np.asarray(value).reshape(-1)[0])


def _count(program: Program, loop: str) -> int:
    return -(-_number(program.sizes[program.family_of[loop]]) // _number(program.chunks[loop]))
