"""What a unit does in a line, beat by beat: native operations of chains, in turns.

A line makes a number of results, one in each *chain*: `rounds` times the sequence of its native operations, each of
which waits for the result of the one before. Chains take turns, as many as the longest latency asks for. docs/cycle.md
has the rule; here it is played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from .design import ArrayOp, Design, LaneOp

__all__ = ["Beat", "Native", "Work", "array_works", "beats", "lane_works"]


@dataclass(frozen=True)
class Native:
    """One native operation: what the hardware calls it, and how often and how late it is done."""

    op: Any  # ArrayOp or LaneOp
    latency: int
    step: int = 0
    interval: int = 1


@dataclass(frozen=True)
class Work:
    """A line's work for one tile, in each element."""

    natives: tuple[Native, ...]
    rounds: int = 1
    chains: int = 1


@dataclass(frozen=True)
class Beat:
    """A native operation, so many cycles after the line begins."""

    cycle: int
    native: Native
    round: int
    chain: int


def beats(work: Work) -> tuple[Beat, ...]:
    """All beats in order: each as early as its unit is free, and its whole turn finds the results before it.

    >>> multiply, add = Native(LaneOp.SCALE, 2), Native(LaneOp.NUMERATOR, 1)
    >>> [(beat.cycle, beat.native.op.name, beat.chain) for beat in beats(Work((multiply, add), chains=3))]
    [(0, 'SCALE', 0), (1, 'SCALE', 1), (2, 'NUMERATOR', 0), (3, 'NUMERATOR', 1), (4, 'SCALE', 2), (6, 'NUMERATOR', 2)]
    """
    dependent = work.rounds * len(work.natives) > 1
    turns = max(native.latency for native in work.natives) if dependent else work.chains
    if work.rounds > 1:
        turns = max(turns, work.chains)
    found: list[Beat] = []
    ready: dict[int, int] = {}
    free = 0
    for first in range(0, work.chains, turns):
        chains = range(first, min(first + turns, work.chains))
        for round_, native in product(range(work.rounds), work.natives):
            begin = max(free, *(ready.get(chain, 0) - i * native.interval for i, chain in enumerate(chains)))
            for i, chain in enumerate(chains):
                cycle = begin + i * native.interval
                found.append(Beat(cycle, native, round_, chain))
                ready[chain] = cycle + native.latency
            free = found[-1].cycle + native.interval
    return tuple(found)


def array_works(design: Design) -> Mapping[str, Work]:
    """The lines of the array, by their names in a program."""
    mac, add, largest = (getattr(design.array, name) for name in ("mac", "add", "max"))
    series = [Native(ArrayOp.WEIGHT, mac, step) for step in range(1, design.weight_steps)]
    return {
        "QK": Work((Native(ArrayOp.SCORE, mac),), rounds=design.formats.head_dim),
        "LM": Work((Native(ArrayOp.MAXIMUM, largest),)),
        "SLN": Work((Native(ArrayOp.WEIGHT, add), *series)),
        "SLD": Work((Native(ArrayOp.SUM, add),)),
        "SLNV": Work((Native(ArrayOp.PRODUCT, mac),), chains=design.formats.value_dim),
    }


def lane_works(design: Design) -> Mapping[str, Work]:
    """The lines of the lanes, by their names in a program. A quotient lies in its buffer a cycle after it is there."""
    mac, add, largest = (getattr(design.lanes, name) for name in ("mac", "add", "max"))
    series = [Native(LaneOp.FACTOR, mac, step) for step in range(1, design.factor_steps)]
    features, division = design.formats.value_dim, design.formats.division.latency
    return {
        "RM": Work((Native(LaneOp.MAXIMUM, largest),)),
        "PRM": Work((Native(LaneOp.FACTOR, add), *series)),
        "SPD": Work((Native(LaneOp.DECAY, mac),)),
        "RD": Work((Native(LaneOp.DENOMINATOR, add),)),
        "SPNV+RNV": Work((Native(LaneOp.SCALE, mac), Native(LaneOp.NUMERATOR, add)), chains=features),
        "AV": Work((Native(LaneOp.DIVIDE, division + 1, interval=division),), chains=features),
    }
