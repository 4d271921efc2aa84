"""All tasks as one program of a channel: of every block, and of every token.

Each block has rows of its own. Of as many tokens as append at once, the last one writes for all of them. Channels
differ in what they write; what follows waits for the one that writes the most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sim.dram import Repeat, Segment
from specs import Infeasible, Problem, SpecError
from workloads import ONCE, Repeated

from .lowering import Task
from .outside import NOTHING, Outside

Program = tuple[Segment, ...]


@dataclass(frozen=True)
class Whole:
    """The program that is timed, of a channel that does the most of everything; what is done outside.

    `shares` are the programs of all channels, each with how many do it.
    """

    program: Program
    outside: Outside
    shares: tuple[tuple[int, Program], ...]

    @property
    def channels(self) -> int:
        """Channels that have something to do."""
        return sum(number for number, _ in self.shares)


def whole(tasks: Sequence[Task], repeated: Repeated = ONCE) -> Whole:
    """All tasks, of all blocks and tokens.

    Raises `Infeasible` where the matrices of all blocks take more rows than a bank has, `SpecError` for a number of
    tokens of which some would not be appended.
    """
    rows = _rows(tasks, repeated)
    at_once = max((task.append.indices for task in tasks if task.append), default=1)
    if repeated.tokens % at_once:
        message = (
            f"append={at_once} writes the keys and values of {at_once} tokens at once, found {repeated.tokens} in the "
            f"workload; give a multiple, such as tokens={at_once}"
        )
        raise SpecError([Problem(message)])
    times = repeated.tokens // at_once
    outside = NOTHING
    for number in range(1, at_once + 1):
        for task in tasks:
            outside = outside.plus(_outside(task, number, at_once), repeated.blocks * times)

    def program(appends: tuple[Program, ...]) -> Program:
        """Of all tokens, where each task's append is given."""
        turns = [_turn(tasks, appends, number, at_once) for number in range(1, at_once + 1)]
        body: list[Segment] = []
        for turn, alike in groupby(turns):
            block = turn if repeated.blocks == 1 else (Repeat(repeated.blocks, turn, rows),)
            number = len(list(alike))
            body += block if number == 1 else [Repeat(number, block)]
        return tuple(body) if times == 1 else (Repeat(times, tuple(body)),)

    channels = range(max(task.channels for task in tasks))
    written = Counter(tuple(task.append.of(channel) if task.append else () for task in tasks) for channel in channels)
    return Whole(
        program(tuple(task.append.program if task.append else () for task in tasks)),
        outside,
        tuple((number, program(appends)) for appends, number in written.items()),
    )


def _rows(tasks: Sequence[Task], repeated: Repeated) -> int:
    """Rows of a block, in each bank."""
    rows, organisation = sum(task.rows for task in tasks), tasks[0].device.organisation
    if rows * repeated.blocks > organisation.rows:
        parts = " + ".join(f"{task.rows} of '{task.operation}'" for task in tasks if task.rows)
        several = f"{repeated.blocks} blocks" if repeated.blocks > 1 else "a block"
        raise Infeasible(
            f"{several} of {rows} rows in each bank ({parts}) take {rows * repeated.blocks} rows, and a bank has "
            f"{organisation.rows}; give more channels, or a smaller workload"
        )
    return rows


def _turn(tasks: Sequence[Task], appends: Sequence[Program], number: int, at_once: int) -> Program:
    """One token, the `number`-th of those that append at once, in one block."""
    program: list[Segment] = []
    for task, append in zip(tasks, appends, strict=True):
        program += append if number == at_once else ()
        program += task.waited(_outside(task, number, at_once))
    return tuple(program)


def _outside(task: Task, number: int, at_once: int) -> Outside:
    """What the `number`-th token has done outside for a task."""
    if task.append is None or number == at_once:
        return task.outside
    return task.outside.plus(task.before[number - 1])
