"""Whether the registers of an element hold what the software pipeline keeps in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from arch import Unit
from mappings import Schedule
from specs import Infeasible

from .chains import longest_latency, running
from .facts import Facts
from .program import Entry
from .running import Run


def check_registers(schedule: Schedule, done: Run) -> None:
    """Raises `Infeasible`, with the arithmetic, if a unit has fewer registers than its tiles in flight need.

    The unit on which a tile begins holds all tiles in flight; another one those between its own first and last entry.
    A tile holds the values that entries of a unit make there for later ones, as many as there are at once. Sums in
    place lie there as well while they are made, one for each chain that takes turns.
    """
    facts = Facts(schedule)
    for sweep in done.packed.program.sweeps:
        first = next((e.unit for e in sweep.entries if e.operations), None)
        for name, unit in schedule.machine.units.items():
            entries = [e for e in sweep.entries if e.unit == name and e.operations]
            if unit.registers is None or not entries:
                continue
            _check_sums(facts, name, unit, entries, sweep.group)
            values, words = _peak(facts, entries)
            ages = [done.age(e.name) for e in entries if not e.conditional]
            if not ages or not values:
                continue
            span = (np.max(ages, axis=0) - np.min(ages, axis=0) + 1) * np.asarray(sweep.group)
            flying: Any = np.asarray(schedule.interleave) if name == first else span
            if np.any(flying * words > np.asarray(unit.registers)):
                n, w, r = int(np.max(flying)), int(np.max(words)), int(np.min(np.asarray(unit.registers)))
                asked = int(np.max(np.asarray(schedule.interleave)))
                raise Infeasible(
                    f"interleave {asked} keeps {n} tiles in '{name}', each with {w} words of an element at once "
                    f"({', '.join(values)}): {n * w} words, but there are {r} registers; "
                    + (f"an interleave of at most {r // w} fits, or " if r >= w else "it takes ")
                    + f"{n * w} registers"
                )


def _check_sums(facts: Facts, name: str, unit: Unit, entries: list[Entry], group: Any) -> None:
    """Raises `Infeasible` if an entry has more running sums at once than an element has registers."""
    for entry in entries:
        operations = tuple(facts.schedule.operations[each] for each in entry.operations)
        block = facts.block(operations)
        chains = np.asarray(block.chains) * np.asarray(group)
        sums = np.minimum(chains, np.maximum(running(block), 1))
        short = (np.asarray(block.rounds) > 1) & (sums > np.asarray(unit.registers))
        if np.any(short):
            n, r = int(np.max(sums)), int(np.min(np.asarray(unit.registers)))
            raise Infeasible(
                f"'{entry.name}' has {n} sums under way at once in an element of '{name}', whose operations take up to "
                f"{int(np.max(longest_latency(block)))} cycles, but there are {r} registers; an interleave of at most "
                f"{max(r // int(np.max(np.asarray(block.chains))), 1)} fits, or it takes {n} registers"
            )


def _peak(facts: Facts, entries: list[Entry]) -> tuple[list[str], Any]:
    """The values of one tile that are in an element at once, where there are most; and how many words they are."""
    operations = facts.schedule.operations
    at = {name: i for i, entry in enumerate(entries) for name in entry.operations}
    ends: dict[str, int] = {}
    for name, i in at.items():
        users = [j for user, j in at.items() if name in operations[user].forwarded and j > i]
        if users and not facts.gathers(operations[name]):
            ends[name] = max(users)
    most: list[str] = []
    for i in range(len(entries)):
        live = [name for name, end in ends.items() if at[name] <= i <= end]
        if len(live) > len(most):
            most = live
    words: Any = 0
    for name in most:
        operation = operations[name]
        words = words + facts.product(step for step in operation.steps if facts.kept_by(operation, step))
    return most, words
