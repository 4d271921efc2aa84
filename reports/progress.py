"""How far long work has come: a bar on stderr, and a stop between two steps if the process was asked to end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .failures import end_if_asked


@contextmanager
def steps_shown(total: int) -> Iterator[Callable[[str], None]]:
    """What to call after each of `total` steps, with its label. The bar is shown where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda label: end_if_asked()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def step(label: str) -> None:
            end_if_asked()
            bar.update(task, advance=1, description=label)

        yield step
