"""Stalls of streams, drawn from a seed: the stretches of cycles in which the outside offers or takes nothing.

The form is that of the simulator's recorded stalls, so one drawing drives both: for each stream, `[begin, end)` in
cycles from the start, in order and apart. What a stream gets depends on the seed and its own name, not on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

Stretches = tuple[tuple[int, int], ...]
Stops = Mapping[str, Stretches]  # stream: [begin, end) in cycles, in order and apart


def no_stalls() -> Stops:
    """Nothing ever waits for the outside."""
    return {}


def random_stalls(seed: int, streams: Iterable[str], horizon_cycles: int, probability: float = 0.25) -> Stops:
    """Each cycle before the horizon is stalled with a probability, whatever was before.

    >>> random_stalls(1, ["q"], 12, probability=0.5)
    {'q': ((1, 2), (4, 7), (10, 11))}
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"the probability of a stall must lie between 0 and 1, not be {probability}")

    def draw(rng: np.random.Generator) -> Stretches:
        stalled = np.concatenate(([False], rng.random(horizon_cycles) < probability, [False]))
        (edges,) = np.nonzero(stalled[1:] != stalled[:-1])
        return tuple((int(begin), int(end)) for begin, end in edges.reshape(-1, 2))

    return _each(seed, streams, draw)


def burst_stalls(
    seed: int, streams: Iterable[str], horizon_cycles: int, ready_cycles: float = 20, stalled_cycles: float = 5
) -> Stops:
    """Stretches that are ready and stalled by turns, of geometric lengths with these means, up to the horizon.

    >>> burst_stalls(2, ["q"], 60)
    {'q': ((36, 37), (45, 47))}
    """
    if min(ready_cycles, stalled_cycles) < 1:
        raise ValueError(f"mean lengths must be 1 cycle or more, not {min(ready_cycles, stalled_cycles)}")

    def draw(rng: np.random.Generator) -> Stretches:
        found: list[tuple[int, int]] = []
        cycle = 0
        while True:
            begin = cycle + int(rng.geometric(1 / ready_cycles))
            cycle = begin + int(rng.geometric(1 / stalled_cycles))
            if begin >= horizon_cycles:
                return tuple(found)
            found.append((begin, min(cycle, horizon_cycles)))

    return _each(seed, streams, draw)


def _each(seed: int, streams: Iterable[str], draw: Callable[[np.random.Generator], Stretches]) -> Stops:
    drawn = {name: draw(np.random.default_rng([seed, *name.encode()])) for name in streams}
    return {name: stretches for name, stretches in drawn.items() if stretches}
