"""Collecting the faults of a mapping, so that those of one file come together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from specs import Loaded, Place, Problem, SpecError, unknown
from workloads import Cascade, check_pins, plain_pins, unknown_type

from .spec import MappingSpec

T = TypeVar("T")


@dataclass
class Faults:
    """Problems found so far in one mapping; `stop` raises them all."""

    loaded: Loaded[MappingSpec]
    problems: list[Problem] = field(default_factory=list)

    def report(self, message: str, *path: str | int, key: bool = False) -> None:
        """One problem at the value of a path, or at its key."""
        self.problems.append(Problem(message, self.loaded.place(path, key=key)))

    def collect(self, check: Callable[[], T], otherwise: T) -> T:
        """What a check returns; if it raises, its problems are kept and `otherwise` stands for its result."""
        try:
            return check()
        except SpecError as error:
            self.problems += error.problems
            return otherwise

    def stop(self) -> None:
        """Raises `SpecError` if there is any problem."""
        if self.problems:
            raise SpecError(tuple(dict.fromkeys(self.problems)))


def check_names(faults: Faults, cascade: Cascade, levels: list[str] | None, machine_place: Place | None = None) -> None:
    """Names in `epochs`, `types`, `budget` and all that is said of tensors, and whether epochs and overlap agree.

    `levels` are the machine's memories, or None if no machine is given.
    """
    spec = faults.loaded.model
    seen: set[str] = set()
    for i, epoch in enumerate(spec.epochs):
        for j, name in enumerate(epoch.einsums):
            if name not in cascade.by_name:
                faults.report(unknown("Einsum", name, cascade.by_name), "epochs", i, "einsums", j)
            elif name in seen:
                faults.report(f"Einsum '{name}' is in two epochs", "epochs", i, "einsums", j)
            seen.add(name)
        for name in epoch.wait:
            if name not in cascade.by_name:
                faults.report(unknown("Einsum", name, cascade.by_name), "epochs", i, "wait", name, key=True)
    missing = [e.name for e in cascade.einsums if e.name not in seen]
    if spec.overlap == "epochs" and missing and seen <= set(cascade.by_name):
        faults.report(f"Einsum {', '.join(missing)} is in no epoch", "epochs")
    if spec.overlap != "epochs" and spec.epochs:
        faults.report(
            f"epochs are given, but the overlap is '{spec.overlap}'; write 'overlap: epochs'", "epochs", key=True
        )
    for key, table in (("keep", spec.keep), ("copies", spec.copies), ("reserve", spec.reserve)):
        for level, tensors in table.items():
            for tensor in tensors:
                if tensor not in cascade.tensors:
                    faults.report(unknown("tensor", tensor, cascade.tensors), key, level, tensor, key=True)
    for i, group in enumerate(spec.in_place):
        for j, tensor in enumerate(group):
            if tensor not in cascade.tensors:
                faults.report(unknown("tensor", tensor, cascade.tensors), "in_place", i, j)
    pins = plain_pins(spec.types)
    for tensor in pins:
        if tensor not in cascade.tensors and tensor != "*":
            faults.report(unknown("tensor", tensor, [*cascade.tensors, "*"]), "types", tensor, key=True)
    for path, found, _ in check_pins(pins):
        faults.report(unknown_type(found), "types", *path)
    for level in spec.budget if levels is not None else ():
        if level not in levels:  # type: ignore[operator]
            faults.report(unknown("memory", level, levels or []), "budget", level, key=True)
