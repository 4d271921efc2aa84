"""What one element does for an entry: native operations, issued in order as soon as their operands are there.

No closed form; a scoreboard is stepped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from arch import Unit


@dataclass(frozen=True)
class Native:
    """A native operation: it may start every `interval` cycles, its result is there `latency` cycles later."""

    interval: int
    latency: int


@dataclass(frozen=True)
class Work:
    """An entry for one tile: in each of `chains`, `rounds` times the sequence of native operations.

    `turns` chains take turns, of one tile or of several; without it as many as the longest latency asks for.
    """

    name: str
    unit: str
    natives: tuple[Native, ...]
    rounds: int = 1
    chains: int = 1
    turns: int | None = None


@dataclass(frozen=True)
class Beat:
    """A native operation of one chain of one tile (of a group), so many cycles after the entry's start."""

    time: int
    tile: int
    chain: int
    round: int
    native: int


@dataclass(frozen=True)
class Issued:
    """All beats of an entry for a group, in order, and for how many cycles they keep their element."""

    work: Work
    beats: tuple[Beat, ...]
    busy: int

    @property
    def results(self) -> list[int]:
        """When the values are there."""
        last, rounds = len(self.work.natives) - 1, self.work.rounds
        latency = self.work.natives[-1].latency
        return [b.time + latency for b in self.beats if b.native == last and b.round == rounds - 1]

    @property
    def last(self) -> int:
        return max(self.results)

    @property
    def first(self) -> int:
        """When the first value would be there at the quickest pace, counted back from the last."""
        return self.last - (len(self.results) - 1) * self.work.natives[-1].interval

    @property
    def lands(self) -> int:
        """When the first value is there at the earliest: only of the last beat it is known that it is late."""
        if len(self.beats) == 1:
            return self.last
        return min(issue(self.work, 1 + max(b.tile for b in self.beats)).results)

    def begins(self, native: int) -> int:
        """When an operand of a native operation is taken first."""
        return min(b.time for b in self.beats if b.native == native and b.round == 0)


def natives(unit: Unit, *operations: str) -> tuple[Native, ...]:
    """The native operations of a unit that operations take, one after the other."""
    each = [name for operation in operations for name, n in unit.cost(operation).items() for _ in range(n)]
    timed = unit.operations
    return tuple(Native(int(timed[name].interval), int(timed[name].latency)) for name in each)


@cache
def issue(work: Work, tiles: int) -> Issued:
    """Beats of a group of tiles: a window of chains takes turns, native operation by native operation.

    An element starts one native operation at a time and in this order, at its interval; the first when that finds each
    chain's last result there.
    """
    chains = [(tile, chain) for tile in range(tiles) for chain in range(work.chains)]
    dependent = work.rounds * len(work.natives) > 1
    window = work.turns or (max(n.latency for n in work.natives) if dependent else len(chains))
    beats: list[Beat] = []
    ready: dict[tuple[int, int], int] = {}
    free = 0
    for at in range(0, len(chains), window):
        some = chains[at : at + window]
        for round_, native in product(range(work.rounds), range(len(work.natives))):
            step = work.natives[native]
            begin = max(free, *(ready.get(chain, 0) - i * step.interval for i, chain in enumerate(some)))
            for i, chain in enumerate(some):
                beats.append(Beat(begin + i * step.interval, *chain, round_, native))
                ready[chain] = beats[-1].time + step.latency
            free = beats[-1].time + step.interval
    return Issued(work, tuple(beats), free)


def slowed(issued: Issued, busy: int) -> Issued:
    """The same beats at the pace of something that needs `busy` cycles: the last one is late, the first one is not."""
    late = max(0, busy - issued.busy)
    if not late:
        return issued
    steps = max(len(issued.beats) - 1, 1)
    lone = len(issued.beats) == 1
    beats = [replace(b, time=b.time + (late if lone else late * i // steps)) for i, b in enumerate(issued.beats)]
    return replace(issued, beats=tuple(beats), busy=issued.busy + late)
