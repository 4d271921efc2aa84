"""How much a run may be: what its settings count, and how long the engine and a simulator take for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtl.walk import COUNT_BITS
from specs import Problem, SpecError

from ..console import note

if TYPE_CHECKING:
    from rtl.design import Design
    from rtl.plan import Loops
    from sim.packing import Packed

MOST_COUNT = (1 << COUNT_BITS) - 1
MOST_CYCLES = 20_000_000
MOST_STARTS = 1 << 22  # of lines, which are compared one by one
ELEMENT_CYCLES_PER_S = 5000  # benchmarks/rtl_array.py: 67 cycles/s of 8 × 8 elements in Amaranth, every probe logged
LONG_S, MOST_S = 120, 3600  # from here on a run in Amaranth's simulator is announced, or refused


def too_much(packed: Packed, loops: Loops) -> Iterator[str]:
    """What of a run is beyond the settings, or beyond what is run at all; the engine jumps to its end for that."""
    from sim.running import run

    counts = {
        "heads and blocks of queries in a run": (max(loops.repeats, loops.blocks), "give fewer heads or queries"),
        "query tiles of a block": (loops.slots, "give fewer queries, or a smaller buffer"),
    }
    for what, (found, advice) in counts.items():
        if found > MOST_COUNT:
            yield f"counts up to {MOST_COUNT:,} {what}; found {found:,}; {advice}"
    outcome = run(packed).outcome
    cycles, starts = int(outcome.cycles[0]), int(outcome.tiles.sum())
    advice = "give a smaller workload"
    if cycles > MOST_CYCLES:
        yield f"would run for {cycles:,} cycles; allowed: up to {MOST_CYCLES:,}; {advice}, or stalls that end earlier"
    elif starts > MOST_STARTS:
        yield f"would begin {starts:,} operations and transfers; allowed: up to {MOST_STARTS:,}; {advice}"


def simulation_s(design: Design, cycles: int) -> float:
    """About how long Amaranth's simulator takes, in seconds.

    >>> from rtl.design import Design
    >>> from rtl.formats import Formats
    >>> simulation_s(Design(Formats(8, 8, 8), rows=8, columns=8), cycles=125_000)
    1600.0
    """
    return cycles * design.rows * design.columns / ELEMENT_CYCLES_PER_S


def announce(design: Design, cycles: int, simulator: str) -> None:
    """Tell of a run that takes long. Raises `SpecError` for one that takes too long."""
    seconds = simulation_s(design, cycles) if simulator == "amaranth" else 0
    told = (
        f"{cycles:,} cycles of {design.rows} × {design.columns} elements take about {seconds / 60:,.0f} minutes in "
        "Amaranth's simulator"
    )
    if seconds > MOST_S:
        raise SpecError([Problem(f"{told}; allowed: up to {MOST_S // 60}; give --simulator verilator, or less work")])
    if seconds >= LONG_S:
        note(f"{told}; --simulator verilator is faster")
