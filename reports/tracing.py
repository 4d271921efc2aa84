"""`einfuse simulate --trace`: which window of a run is written, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from specs import Problem, SpecError

WINDOW = (0, 100_000)


@dataclass(frozen=True)
class Tracing:
    """A trace that was asked for."""

    path: Path
    window: tuple[int, int]

    @classmethod
    def of(cls, model: str, path: Path | None, window: str | None, no_jump: bool) -> Tracing | None:
        """The trace of a command's options, or None. Raises `SpecError` for options that do not go together."""
        if path is None and window is not None:
            raise SpecError([Problem("--window says which cycles are traced; give --trace FILE with it")])
        for given, option in ((path is not None, "--trace"), (no_jump, "--no-jump")):
            if given and model != "cycle":
                raise SpecError([Problem(f"{option} is for --model cycle; the model is '{model}'")])
        if path is None:
            return None
        from sim.trace import refuse

        refuse(path)
        return cls(path, WINDOW if window is None else read_window(window))

    def write(self, workload: str, arch: str, mapping: str) -> str:
        """Writes the trace; a line on what it shows."""
        from sim.events import write
        from sim.simulate import bound

        schedule = bound(workload, arch, mapping)
        cycles = write(schedule, self.path, self.window, f"{workload} on {arch} under {mapping}")
        first, last = self.window[0], min(self.window[1], cycles)
        return f"{self.path}: cycles {first:,} to {last:,} of {cycles:,}"


def read_window(text: str) -> tuple[int, int]:
    """The window of `FROM:TO`, in cycles.

    >>> read_window("0:5000")
    (0, 5000)
    """
    found = re.fullmatch(r"\s*(\d{1,18})\s*:\s*(\d{1,18})\s*", text)
    if found is None or int(found[1]) >= int(found[2]):
        message = f"a window is FROM:TO, two whole numbers of cycles with FROM below TO, such as 0:5000; found '{text}'"
        raise SpecError([Problem(message)])
    return int(found[1]), int(found[2])
