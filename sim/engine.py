"""The cycle engine's kernel: in-order programs on resources, a max-plus recurrence, and the jump over its period.

A program is a list of entries that is gone through once per iteration of a loop. An entry occupies one resource for
`occupancy` cycles and may not start before what it depends on. Entries on one resource run in the order of the list,
iteration after iteration, which is one more dependency, on the entry before:

    start[e, i] = max over its dependencies (d, lag, delay) of start[d, i - lag] + delay, and at least 0

Such a system is linear in (max, +), and the jump is exact. Suppose that over the last c iterations every start was that
of c iterations before plus a shift λ[e] of its entry, and that in each of these maxima a term that was attained has the
shift λ[e] and no term has a larger one. Then, by induction, the same terms attain the maxima for ever: the jump adds
multiples of λ[e] and goes on with what is left. Entries that wait for each other in a circle share one λ; an entry that
runs ahead of what follows it may have a smaller one. Nothing here knows what an entry computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

Starts = Any  # int64 array [iterations, entries]

LONGEST_PERIOD = 64  # iterations; longer ones are stepped


@dataclass(frozen=True)
class Dependency:
    """`consumer` starts at least `delay` cycles after `producer` of `lag` iterations before started."""

    consumer: int
    producer: int
    lag: int
    delay: int


@dataclass(frozen=True)
class Program:
    """Entries in program order, one tuple per property, and what they wait for.

    A dependency of lag 0 must point to an earlier entry: the list is an order in which an iteration can be evaluated.
    """

    resources: tuple[int, ...]
    occupancies: tuple[int, ...]
    dependencies: tuple[Dependency, ...]

    def __post_init__(self) -> None:
        for d in self.dependencies:
            if d.lag < 0 or (d.lag == 0 and d.producer >= d.consumer):
                raise ValueError(f"entry {d.consumer} cannot wait for entry {d.producer} of {d.lag} iterations before")
        if any(o < 1 for o in self.occupancies):
            raise ValueError("an entry occupies its resource for at least one cycle")


@dataclass(frozen=True)
class Run:
    """First and last start of every entry, all starts if asked for, and how many iterations were stepped."""

    first_starts: tuple[int, ...]
    last_starts: tuple[int, ...]
    stepped: int
    starts: Starts | None = None


def components(program: Program) -> list[list[int]]:
    """Entries that share resources or dependencies, directly or not; each list in program order.

    Each is stepped and jumped by itself: periods of unrelated ones need not have a small common multiple.
    """
    count = len(program.resources)
    leader = list(range(count))

    def find(entry: int) -> int:
        while leader[entry] != entry:
            leader[entry] = leader[leader[entry]]
            entry = leader[entry]
        return entry

    first_on: dict[int, int] = {}
    for entry, resource in enumerate(program.resources):
        leader[find(entry)] = find(first_on.setdefault(resource, entry))
    for d in program.dependencies:
        leader[find(d.consumer)] = find(d.producer)
    groups: dict[int, list[int]] = {}
    for entry in range(count):
        groups.setdefault(find(entry), []).append(entry)
    return list(groups.values())


def run(program: Program, iterations: int, jump: bool = True, record: bool = False) -> Run:
    """Starts of a program's entries over a number of iterations, at least 1; all starts if `record`.

    >>> chain = Program((0, 1), (3, 2), (Dependency(1, 0, 0, 3),))
    >>> run(chain, 1_000_000).last_starts, run(chain, 1_000_000, jump=False).stepped
    ((2999997, 3000000), 1000000)
    """
    count = len(program.resources)
    first, last = [0] * count, [0] * count
    starts = np.zeros((iterations, count), dtype=np.int64) if record else None
    stepped = 0
    for entries in components(program):
        found = _run_component(program, entries, iterations, jump, record)
        for k, entry in enumerate(entries):
            first[entry], last[entry] = int(found[0][k]), int(found[1][k])
        if starts is not None:
            starts[:, entries] = found[3]
        stepped = max(stepped, int(found[2]))
    return Run(tuple(first), tuple(last), stepped, starts)


def _waits(program: Program) -> list[tuple[int, int, int, int]]:
    """What entries wait for, as (consumer, producer, lag, delay): what is stated, and the order on each resource."""
    found = [(d.consumer, d.producer, d.lag, d.delay) for d in program.dependencies]
    for entry, resource in enumerate(program.resources):
        same = [e for e, r in enumerate(program.resources) if r == resource]
        place = same.index(entry)
        before, lag = (same[place - 1], 0) if place else (same[-1], 1)
        found.append((entry, before, lag, program.occupancies[before]))
    return sorted(found)


def _run_component(program: Program, entries: list[int], iterations: int, jump: bool, record: bool) -> Any:
    position = {entry: k for k, entry in enumerate(entries)}
    waits = [(position[c], position[p], lag, delay) for c, p, lag, delay in _waits(program) if c in position]
    table = np.array(waits, dtype=np.int64).reshape(-1, 4)
    first_wait = np.searchsorted(table[:, 0], np.arange(len(entries) + 1))
    return _step(first_wait, table, int(table[:, 2].max()) + 1, iterations, jump, record)


@numba.njit(cache=True, nogil=True)
def _step(first_wait, waits, window, iterations, jump, record):  # type: ignore[no-untyped-def]
    """Steps one component; `waits` rows are (consumer, producer, lag, delay), sorted by consumer."""
    entries = first_wait.shape[0] - 1
    depth = window + 2 * LONGEST_PERIOD
    recent = np.zeros((depth, entries), dtype=np.int64)
    starts = np.zeros((iterations if record else 0, entries), dtype=np.int64)
    first = np.zeros(entries, dtype=np.int64)
    stepped = 0
    next_try = window + 1
    i = 0
    while i < iterations:
        row = i % depth
        for e in range(entries):
            start = np.int64(0)
            for w in range(first_wait[e], first_wait[e + 1]):
                lag = waits[w, 2]
                if lag <= i:
                    ready = recent[(i - lag) % depth, waits[w, 1]] + waits[w, 3]
                    if ready > start:
                        start = ready
            recent[row, e] = start
        if i == 0:
            first[:] = recent[row]
        if record:
            starts[i] = recent[row]
        stepped += 1
        i += 1
        if jump and i >= next_try and i < iterations:
            period = _period(recent, first_wait, waits, i - 1, window, depth)
            times = (iterations - i) // period if period > 0 else 0
            if times > 0:
                shift = recent[(i - 1) % depth] - recent[(i - 1 - period) % depth]
                if record:
                    for k in range(times * period):
                        starts[i + k] = starts[i + k - period] + shift
                moved = np.zeros_like(recent)
                for k in range(window):  # the rows that the future can still read, at their new place
                    moved[(i - 1 - k + times * period) % depth] = recent[(i - 1 - k) % depth] + times * shift
                recent = moved
                i += times * period
                jump = False
            else:
                next_try = i + max(1, i // 8)
    return first, recent[(iterations - 1) % depth], stepped, starts


@numba.njit(cache=True, nogil=True)
def _period(recent, first_wait, waits, i, window, depth):  # type: ignore[no-untyped-def]
    """The smallest period c with which all starts go on for ever after iteration i; 0 if there is none to be seen."""
    entries = recent.shape[1]
    for period in range(1, LONGEST_PERIOD + 1):
        stretch = max(period, window)
        if i - period - stretch < 0:
            break
        shift = recent[i % depth] - recent[(i - period) % depth]
        same = True
        for k in range(stretch):
            for e in range(entries):
                if recent[(i - k) % depth, e] - recent[(i - period - k) % depth, e] != shift[e]:
                    same = False
                    break
            if not same:
                break
        if same and _lasts(recent, first_wait, waits, shift, i, period, depth):
            return period
    return 0


@numba.njit(cache=True, nogil=True)
def _lasts(recent, first_wait, waits, shift, i, period, depth):  # type: ignore[no-untyped-def]
    """Whether in each maximum of the last period a term that was attained grows as the result does, and none faster."""
    for k in range(period):
        j = i - k
        for e in range(shift.shape[0]):
            attained = False
            for w in range(first_wait[e], first_wait[e + 1]):
                producer = waits[w, 1]
                if shift[producer] > shift[e]:
                    return False
                value = recent[(j - waits[w, 2]) % depth, producer] + waits[w, 3]
                if value == recent[j % depth, e] and shift[producer] == shift[e]:
                    attained = True
            if not attained:
                return False
    return True
