"""How far a sweep has come, on stderr: points/s, time left, and the best so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import quantities
from ..failures import end_if_asked

if TYPE_CHECKING:
    from sim.explore.runs.run import Progress
    from sim.explore.search.exhaustive import Step


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """What a run is to tell of its progress; it raises if the process was asked to end.

    A bar is shown where stderr is a terminal.
    """
    with _bar() as update:
        start = time.monotonic()

        def told(so_far: Progress) -> None:
            update(so_far.parts, so_far.parts_done, lambda: description(so_far, time.monotonic() - start))

        yield told


@contextmanager
def search_shown() -> Iterator[Callable[[Step], None]]:
    """The same for a search: how many of its members are seen or ruled out."""
    with _bar() as update:

        def told(step: Step) -> None:
            best = "" if step.best is None else f", best {step.best.values[0]:.4g}"
            update(step.size, step.seen + step.pruned, lambda: f"{quantities.whole(step.seen)} seen{best}")

        yield told


@contextmanager
def _bar() -> Iterator[Callable[[int, int, Callable[[], str]], None]]:
    """What shows how much of a total is done, with a text; it raises if the process was asked to end."""
    if not sys.stderr.isatty():
        yield lambda total, done, text: end_if_asked()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(10),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def update(total: int, done: int, text: Callable[[], str]) -> None:
            end_if_asked()
            bar.update(task, total=total, completed=done, description=text())

        yield update


def description(so_far: Progress, elapsed_s: float) -> str:
    """The rate at which points are done, and the least of each objective, which its unit tells.

    >>> from sim.explore.runs.run import Progress
    >>> from sim.explore.runs.work import Tally
    >>> description(Progress(9, 3, 0, Tally(3000, 3000, 10, {"latency_s": 0.002}), 1000), 0.5)
    '4,000 points/s, best 2.000 ms'
    """
    rate = so_far.points_now / elapsed_s if elapsed_s > 0 else 0
    best = ", ".join(quantities.objective(name, value) for name, value in so_far.tally.least.items())
    return f"{quantities.whole(round(rate))} points/s" + (f", best {best}" if best else "")
