"""What goes wrong when generated hardware is built or run, beyond a wrong request (`SpecError`) or a missing tool.

This module imports little at run time, so that the command can know these exceptions and still start at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from specs import RunFailed

if TYPE_CHECKING:
    from .harness import Log, Stimulus

__all__ = ["NO_CLOCK", "LimitReached", "RunFailed"]

NO_CLOCK = "a component must have a clock to be run: give it a register"


class LimitReached(RunFailed):
    """A run did not come to its end; `log` holds what happened until then."""

    def __init__(self, stimulus: Stimulus, log: Log) -> None:
        self.log = log
        found = ", ".join(
            f"{len(log.streams[name]):,} of {n:,} words at '{name}'" for name, n in stimulus.until.items()
        )
        super().__init__(f"the run reached its limit of {stimulus.limit_cycles:,} cycles with {found}; {log.last()}")
