"""All tasks as one program of a channel: of every block, and of every token.

Each block has rows of its own. Of as many tokens as append at once, the last one writes for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sim.dram import Command, Repeat, Segment
from specs import Infeasible, Problem, SpecError
from workloads import ONCE, Repeated

from .lowering import Task, waiting
from .outside import NOTHING, Outside


@dataclass(frozen=True)
class Whole:
    """The program of the channel that does the most; what is done outside; and what other channels do not issue."""

    program: tuple[Segment, ...]
    outside: Outside
    spared: dict[Command, int]
    channels: int


def whole(tasks: Sequence[Task], repeated: Repeated = ONCE) -> Whole:
    """All tasks, of all blocks and tokens.

    Raises `Infeasible` where the matrices of all blocks take more rows than a bank has, `SpecError` for a number of
    tokens of which some would not be appended.
    """
    blocks, tokens = repeated.blocks, repeated.tokens
    rows, organisation = sum(task.rows for task in tasks), tasks[0].device.organisation
    if rows * blocks > organisation.rows:
        parts = " + ".join(f"{task.rows} of '{task.operation}'" for task in tasks if task.rows)
        several = f"{blocks} blocks" if blocks > 1 else "a block"
        raise Infeasible(
            f"{several} of {rows} rows in each bank ({parts}) take {rows * blocks} rows, and a bank has "
            f"{organisation.rows}; give more channels"
        )
    at_once = max((task.append.indices for task in tasks if task.append), default=1)
    if tokens % at_once:
        message = (
            f"append={at_once} writes the keys and values of {at_once} tokens at once, found {tokens} in the workload; "
            f"give a multiple, such as tokens={at_once}"
        )
        raise SpecError([Problem(message)])
    times = tokens // at_once
    turns = [_turn(tasks, number, at_once) for number in range(1, at_once + 1)]
    outside = NOTHING
    for _, done in turns:
        outside = outside.plus(done, blocks * times)
    body: list[Segment] = []
    for program, alike in groupby(turn for turn, _ in turns):
        block = program if blocks == 1 else (Repeat(blocks, program, rows),)
        number = len(list(alike))
        body += block if number == 1 else [Repeat(number, block)]
    channels = max(task.channels for task in tasks)
    spared: dict[Command, int] = {}
    for task in tasks:
        for command, number in (task.append.spared(task.device, channels) if task.append else {}).items():
            spared[command] = spared.get(command, 0) + number * blocks * times
    program = tuple(body) if times == 1 else (Repeat(times, tuple(body)),)
    return Whole(program, outside, spared, channels)


def _turn(tasks: Sequence[Task], number: int, at_once: int) -> tuple[tuple[Segment, ...], Outside]:
    """One token, the `number`-th of those that append at once, in one block."""
    program: list[Segment] = []
    outside = NOTHING
    for task in tasks:
        outside = outside.plus(task.outside)
        if task.append and number == at_once:
            program += task.append.program
        program += task.program
        if task.append and number < at_once:
            waited = task.before[number - 1]
            program += waiting(waited)
            outside = outside.plus(waited)
    return tuple(program), outside
