"""Options of `einfuse simulate` for models that step: the trace, the recorded stalls, and whether to jump."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from specs import Problem, SpecError

if TYPE_CHECKING:
    from arch import Machine
    from sim import Engine

WINDOW = (0, 100_000)


@dataclass(frozen=True)
class Asked:
    """What a command asks of a model that steps; `path` is where a trace of a window goes."""

    kind: str  # of the machine
    path: Path | None
    window: tuple[int, int]
    jump: bool
    stalls: str | None

    @classmethod
    def of(
        cls, machine: Machine, model: str, path: Path | None, window: str | None, no_jump: bool, stalls: str | None
    ) -> Asked:
        """The options of a command. Raises `SpecError` for those that do not go together."""
        if path is None and window is not None:
            raise SpecError([Problem("--window says which cycles are traced; give --trace FILE with it")])
        for given, option in ((path is not None, "--trace"), (no_jump, "--no-jump"), (stalls is not None, "--stalls")):
            if given and model != "cycle":
                raise SpecError([Problem(f"{option} is for --model cycle; the model is '{model}'")])
        if stalls is not None and machine.kind == "pim":
            from sim.simulate import NO_STALLS

            raise SpecError([Problem(NO_STALLS)])
        if path is not None:
            _refuse(path, machine.kind)
        return cls(machine.kind, path, WINDOW if window is None else read_window(window), not no_jump, stalls)

    def engine(self, mapping: str) -> Engine:
        """How the engine is to run; stalls are of the inputs and outputs of the mapping's cascade."""
        from sim import Engine

        if self.stalls is None:
            return Engine(self.jump)
        from mappings import mapping as mapping_of
        from sim.streams import stops_of
        from workloads import cascade

        tensors = cascade(mapping_of(mapping).model.cascade).tensors.values()
        return Engine(self.jump, stops_of(self.stalls, [t.name for t in tensors if t.role != "intermediate"]))

    def write(self, workload: str, arch: str, mapping: str, engine: Engine) -> str:
        """Writes the trace; a line on what it shows."""
        from sim.simulate import bound, bound_in_turn

        assert self.path is not None
        title = f"{workload} on {arch} under {mapping}"
        if self.kind == "pim":
            from sim.pim import trace

            cycles = trace.write(*bound_in_turn(workload, arch, mapping), self.path, self.window, title)
        else:
            from sim import events

            cycles = events.write(bound(workload, arch, mapping), self.path, self.window, title, engine.stops)
        first, last = self.window[0], min(self.window[1], cycles)
        what = "ticks" if self.kind == "pim" else "cycles"
        return f"{self.path}: {what} {first:,} to {last:,} of {cycles:,}"


def _refuse(path: Path, kind: str) -> None:
    """Refuse a file that is no trace of a machine of that kind."""
    from sim.trace import refuse

    if kind == "pim":
        from sim.pim.trace import SUFFIXES

        refuse(path, SUFFIXES)
    else:
        refuse(path)


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
