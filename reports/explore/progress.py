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
    from sim.explore.run import Progress


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """What a run is to tell of its progress; it raises if the process was asked to end.

    A bar is shown where stderr is a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda so_far: end_if_asked()
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
        start = time.monotonic()

        def told(so_far: Progress) -> None:
            end_if_asked()
            text = description(so_far, time.monotonic() - start)
            bar.update(task, total=so_far.parts, completed=so_far.parts_done, description=text)

        yield told


def description(so_far: Progress, elapsed_s: float) -> str:
    """The rate at which points are done, and the least of each objective, which its unit tells.

    >>> from sim.explore.run import Progress
    >>> from sim.explore.work import Tally
    >>> description(Progress(9, 3, 0, Tally(3000, 3000, 10, {"latency_s": 0.002}), 1000), 0.5)
    '4,000 points/s, best 2.000 ms'
    """
    rate = so_far.points_now / elapsed_s if elapsed_s > 0 else 0
    best = ", ".join(quantities.objective(name, value) for name, value in so_far.tally.least.items())
    return f"{quantities.whole(round(rate))} points/s" + (f", best {best}" if best else "")
