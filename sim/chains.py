"""How long a block of operations occupies its element, and when it takes operands and gives results.

A block does a number of *chains* in one element: one for each result. A chain has `rounds`, each of which does a
sequence of native operations, one after the other: an operation starts when the one before has its result, `latency`
cycles after it started, and its element may start another every `interval` cycles. Chains fill each other's waiting
time: `window` of them take turns, as many as the longest latency asks for. So a window of w chains takes

    Σ over all native operations but the last of max(w · interval, latency)  +  w · interval of the last

A round goes at its own pace: before one with a shorter interval comes (w - 1) · the difference, for the last chain's
result.

Numbers are arrays [point, tiles]: a block does the chains of all tiles of a group, tile after tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mappings import Native

Table = Any  # int64 array [point or 1, tiles]


@dataclass(frozen=True)
class Block:
    """The work of one element for one tile: `repeats` of `chains` side by side, each `rounds` times the sequence."""

    repeats: Any
    rounds: Any
    chains: Any
    sequence: tuple[Native, ...]


@dataclass(frozen=True)
class Timing:
    """Cycles after the start of a block in its first element, by the number of tiles.

    `beats` is how many native operations there are, and `latency` the last one's. `first` is when the first result is
    there, `given` when the last one is, `spread` how much earlier the first one would be if results came at their
    quickest pace, and `pace` how much later, at that pace, the next tile's is. A tile has `chains`. By native operation
    of the first round: `begins` when the first chain begins it, `intervals` from one chain to the next at the quickest
    pace.
    """

    occupancy: Table
    slots: Table
    beats: Table
    latency: Table
    first: Table
    given: Table
    spread: Table
    pace: Table
    chains: Table  # of a tile
    begins: tuple[Table, ...]
    intervals: tuple[Table, ...]


def longest_latency(block: Block) -> Any:
    """Cycles of the slowest native operation of a block."""
    longest: Any = 1
    for native in block.sequence:
        longest = np.maximum(longest, native.latency)
    return longest


def running(block: Block) -> Any:
    """Chains that take turns: as many as the longest latency asks for; all of a tile if they are summed in rounds."""
    longest = longest_latency(block)
    return np.where(np.asarray(block.rounds) > 1, np.maximum(longest, block.chains), longest)


def timing(block: Block, tiles: int) -> Timing:
    """The timing of a block for groups of 0 to `tiles` tiles.

    Six dependent macs of three cycles, for one tile and for two, which take turns:

    >>> series = Block(1, 1, 1, (Native(1, 3),) * 6)
    >>> timing(series, 2).occupancy.tolist()
    [[0, 16, 17]]
    """
    k = np.arange(tiles + 1)
    repeats, rounds, chains = (_column(n) for n in (block.repeats, block.rounds, block.chains))
    natives = [(_column(native.interval), _column(native.latency)) for native in block.sequence]
    last_interval, last_latency = natives[-1]
    pairs = list(zip(natives, [*natives[1:], natives[0]], strict=True))  # and the operation that comes next
    whole = k * chains
    dependent = rounds * len(natives) > 1
    window = np.maximum(np.minimum(whole, np.where(dependent, _column(running(block)), whole)), 1)

    def lengths(width: Table) -> list[Table]:
        """Cycles from one native operation's round to the next one's."""
        return [
            np.maximum(width * interval, latency + (width - 1) * np.maximum(interval - following, 0))
            for (interval, latency), (following, _) in pairs
        ]

    def of_window(width: Table) -> Table:
        each = lengths(width)
        return rounds * sum(each) - each[-1] + width * last_interval

    full, rest = whole // window, whole % window
    occupancy = repeats * (full * of_window(window) + np.where(rest > 0, of_window(rest), 0))
    begins = [np.zeros_like(window)]
    for length in lengths(window)[:-1]:
        begins.append(begins[-1] + length)
    return Timing(
        occupancy,
        repeats * whole * rounds * sum(interval for interval, _ in natives),
        repeats * whole * rounds * len(natives),
        last_latency,
        np.where(k > 0, (rounds - 1) * sum(lengths(window)) + begins[-1] + last_latency, 0),
        np.where(k > 0, occupancy - last_interval + last_latency, 0),
        np.maximum(repeats * whole - 1, 0) * last_interval,
        repeats * chains * last_interval,
        repeats * chains,
        tuple(begins),
        tuple(interval for interval, _ in natives),
    )


def _column(value: Any) -> Any:
    return np.asarray(value, dtype=np.int64).reshape(-1, 1)
