"""Runs of a program: its times, stalls and starts, for one design point or many."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import engine
from .engine import Outcome, run_points
from .packing import Packed
from .program import CAUSES, OPERAND


@dataclass(frozen=True)
class Record:
    """One start: `tiles` of the sweep from `tile` on (numbered in the order of the loops) begin an entry at a cycle."""

    entry: str
    tile: int
    tiles: int
    start: int
    cause: str = OPERAND  # of what it waited for, if its unit was idle
    late: int = 0  # cycles in which its stream stood still under way


@dataclass(frozen=True)
class Run:
    """What a run of a program gives, with arrays over design points; `records` of a single point, if asked for."""

    packed: Packed
    cycles: Any
    outcome: Outcome
    records: tuple[Record, ...] = ()
    window: tuple[int, int] = (1, 0)

    def tiles(self, entry: str) -> Any:
        """How many tiles have had an entry."""
        return self.outcome.tiles[:, [e.name for e in self.packed.program.entries].index(entry)]

    def age(self, entry: str) -> Any:
        """How many groups an entry lags behind the first one of its sweep."""
        return self.outcome.ages[:, [e.name for e in self.packed.program.entries].index(entry)]

    def stalls(self, resource: str) -> dict[str, Any]:
        """Idle cycles of a resource by cause."""
        row = list(self.packed.program.resources).index(resource)
        return {cause: self.outcome.stalls[:, row, i] for i, cause in enumerate(CAUSES)}


EVERYTHING = (0, engine.FAR)
NOTHING = (1, 0)


def run(packed: Packed, jump: bool = True, window: tuple[int, int] = NOTHING, most: int = 0, threads: int = 1) -> Run:
    """Runs all design points; of a single one, up to `most` starts inside of a window of cycles are recorded."""
    points, entries = packed.points, len(packed.program.entries)
    resources = len(packed.program.resources)
    outcome = Outcome(
        cycles=np.zeros(points, np.int64),
        tiles=np.zeros((points, entries), np.int64),
        stalls=np.zeros((points, resources, len(CAUSES)), np.int64),
        ages=np.zeros((points, entries), np.int64),
        places=np.zeros((points, entries), np.int64),
        stepped=np.zeros(points, np.int64),
    )
    records = np.zeros((most, 6), np.int64)
    if not jump:
        kept = _interruptible(packed, records, window, outcome)
    elif threads == 1 or points == 1:
        kept = run_points(packed.rows, 0, points, jump, records, *window, outcome)
    else:
        from concurrent.futures import ThreadPoolExecutor

        size = max(1, -(-points // (8 * threads)))
        with ThreadPoolExecutor(threads) as pool:
            jobs = [
                pool.submit(run_points, packed.rows, at, min(points, at + size), jump, records, *window, outcome)
                for at in range(0, points, size)
            ]
            kept = max(job.result() for job in jobs)
    names = [e.name for e in packed.program.entries]
    found = tuple(Record(names[e], t, n, start, CAUSES[w], late) for e, t, n, start, w, late in records[:kept].tolist())
    return Run(packed, outcome.cycles, outcome, found, window)


def _interruptible(packed: Packed, records: Any, window: tuple[int, int], outcome: Outcome) -> int:
    """A run that steps through everything may take long: it has a thread of its own, so that it can be interrupted."""
    kept: list[int] = []

    def work() -> None:
        kept.append(run_points(packed.rows, 0, packed.points, False, records, *window, outcome))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    return kept[0]
