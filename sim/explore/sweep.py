"""From the file of a sweep to a sweep that is in order: everything that is wrong with it is said before it runs."""

from __future__ import annotations

import contextlib
import copyreg
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from arch import Machine
from specs import Expression, ExpressionError, Infeasible, Loaded, Place, Problem, SpecError, parse_expression, unknown
from specs.paths import Slot

from ..simulate import bound_in_turn, model_for
from . import machines, workloads
from .axes import Axis, free_values, tied_axes
from .columns import chosen_columns, result_columns
from .grid import CHUNK
from .keys import Keys, arch_keys, mapping_keys, workload_keys
from .points import Design, References, Sweep
from .readers import machine_of, mapping_of, workload_of
from .spec import PARTS, SweepSpec, load_sweep
from .varying import can_vary

MOST_KEPT = 10**10  # points that a sweep may keep; above that only its front or its best


def sweep(reference: str, changes: Sequence[str] = (), chunk: int = CHUNK) -> Sweep:
    """The sweep of a file, checked. `changes` as `load_sweep`. Raises SpecError with every problem.

    >>> made = sweep("examples/area_latency.yaml")
    >>> made.grid.points, made.grid.chunks
    (6, 1)
    """
    return settled_sweep(load_sweep(reference, changes), chunk)


def settled_sweep(loaded: Loaded[SweepSpec], chunk: int = CHUNK) -> Sweep:
    """A sweep that was read, checked. Raises SpecError with every problem."""
    checks = _Checks(loaded)
    work = checks.of(("workload",), workload_keys, loaded.model.workload)
    designs = checks.designs()
    axes = checks.axes(work, designs)
    names: tuple[str, ...] = ()
    if designs:
        names = result_columns(machine_of(each.arch.reference) for each in designs)
        checks.objectives(names)
    constraints = checks.constraints((*names, *loaded.model.axes), axes) if designs else ()
    checks.stop()
    assert work is not None
    columns = chosen_columns(names, loaded.model.objectives, loaded.model.columns == "all")
    made = Sweep(loaded, work, designs, axes, constraints, columns, chunk)
    checks.values(made)
    return made


# A sweep goes to another process as its file, and is settled anew there.
copyreg.pickle(Sweep, lambda made: (settled_sweep, (made.loaded, made.chunk)))

Path = tuple[str | int, ...]
Made = TypeVar("Made")


@dataclass
class _Checks:
    """What is wrong with a sweep, collected."""

    loaded: Loaded[SweepSpec]

    def __post_init__(self) -> None:
        self.problems: list[Problem] = []

    def stop(self) -> None:
        if self.problems:
            raise SpecError(self.problems)

    def report(self, message: str, *path: str | int, key: bool = False, offset: int = 0) -> None:
        self.problems.append(Problem(message, self.loaded.place(path, offset=offset, key=key)))

    def of(self, path: Path, make: Callable[..., Made], *given: Any) -> Made | None:
        """What `make` gives; None if that is refused, with its problems at the path unless they are in a file."""
        try:
            return make(*given)
        except SpecError as error:
            place = self.loaded.place(path)
            self.problems += [Problem(each.message, _in_file(each.place) or place) for each in error.problems]
        return None

    def designs(self) -> tuple[Design, ...]:
        """The designs whose references are in order; none if one is not."""
        spec, found = self.loaded.model, []
        for i, design in enumerate(spec.all_designs):
            own = ("designs", i) if spec.designs is not None else ()
            index = (i,) if isinstance(spec.mapping, list) else ()
            host = self.of((*own, "arch"), arch_keys, design.arch)
            how = self.of((*own, "mapping", *index), mapping_keys, design.mapping)
            if host is not None and how is not None:
                found.append(Design(host, how))
        return tuple(found) if len(found) == len(spec.all_designs) else ()

    def axes(self, work: Keys | None, designs: Sequence[Design]) -> tuple[Axis, ...]:
        """The axes; fewer if some are wrong."""
        slots = {path: slot for path in self.loaded.model.axes if (slot := self._slot(path, work, designs)) is not None}
        seen: dict[tuple[str, str], str] = {}
        for path, slot in slots.items():
            other = seen.setdefault((path.partition(".")[0], slot.dotted), path)
            if other != path:
                self.report(f"'{path}' is the same key as axis '{other}'", "axes", path, key=True)
        free: list[Axis] = []
        ties: dict[str, str] = {}
        for path, given in self.loaded.model.axes.items():
            if path not in slots:
                continue
            if isinstance(given, str):
                ties[path] = given
                continue
            values, problems = free_values(given, slots[path], self.loaded, path)
            self.problems += problems
            if not problems:
                free.append(Axis(path, values, (len(free),), False, slots[path]))
        tied, problems = tied_axes(ties, free, slots, self.loaded, tuple(self.loaded.model.axes))
        self.problems += problems
        by_path = {axis.path: axis for axis in (*free, *tied)}
        self._size(free)
        return tuple(by_path[path] for path in self.loaded.model.axes if path in by_path)

    def _slot(self, path: str, work: Keys | None, designs: Sequence[Design]) -> Slot | None:
        part, _, key = path.partition(".")
        if part not in PARTS or not key:
            legal = [f"{each}.KEY" for each in PARTS]
            guess = unknown("axis", path, legal).split(";")[0]
            self.report(f"{guess}; an axis is {', '.join(legal[:-1])} or {legal[-1]}", "axes", path, key=True)
            return None
        holders = [work] if part == "workload" else [design.keys(part) for design in designs]
        found: Slot | None = None
        for holder in dict.fromkeys(holders):
            if holder is None:
                continue
            try:
                found = holder.slot(key)
            except ValueError as error:
                self.report(str(error), "axes", path, key=True)
                return None
            if holder.is_tied(key) and not isinstance(self.loaded.model.axes[path], str):
                message = (
                    f"'{key}' is tied in the file of {part} '{holder.reference}'; sweep what it is tied to, or set"
                )
                self.report(f"{message} it in the reference first, such as {key}=1", "axes", path, key=True)
                return None
        return found

    def _size(self, free: Sequence[Axis]) -> None:
        points = len(self.loaded.model.all_designs) * len(self.loaded.model.models)
        for axis in free:
            points *= len(axis.values)
        if self.loaded.model.keep == "all" and points > MOST_KEPT:
            message = f"{points} points are more than can be kept ({MOST_KEPT}); say keep: front, or top-1000"
            self.report(message, "keep" if "keep" in self.loaded.model.model_fields_set else "axes", key=True)

    def objectives(self, names: Sequence[str]) -> None:
        """Objectives are numbers of the results."""
        for i, name in enumerate(self.loaded.model.objectives):
            if name not in names:
                self.report(unknown("objective", name, names), "objectives", i)

    def constraints(self, names: Sequence[str], axes: Sequence[Axis]) -> tuple[tuple[str, Expression], ...]:
        """The constraints, over results and axes that are numbers."""
        texts = {axis.path for axis in axes if not axis.is_number}
        found = []
        for i, text in enumerate(self.loaded.model.constraints):
            try:
                expression = parse_expression(text)
            except ExpressionError as error:
                self.report(str(error), "constraints", i, offset=error.offset)
                continue
            for name in sorted(expression.names() - set(names)):
                self.report(unknown("column", name, names), "constraints", i, offset=text.index(name))
            for name in sorted(expression.names() & texts):
                message = f"'{name}' is not a number, and cannot be compared; leave values out of its axis instead"
                self.report(message, "constraints", i, offset=text.index(name))
            if not expression.is_condition:
                self.report(f"expected a condition such as area_mm2 <= 400, found '{text}'", "constraints", i)
            found.append((text, expression))
        return tuple(found)

    def values(self, made: Sweep) -> None:
        """Checks what references would refuse: of each design the first point, and each value of each free axis."""
        origin = [0] * len(made.free)
        firsts = [made.references((0, j, *origin)) for j in range(len(made.designs))]
        for first in firsts:
            host = self.of(("axes",), machine_of, first.arch)
            if host is not None:
                self._models(host)
            self.of(("axes",), mapping_of, first.mapping)
        self.of(("workload",), workload_of, firsts[0].workload)
        self.stop()
        for j, first in enumerate(firsts):
            self.of(self._mapping_of(j), _bound, first)
        self.stop()
        for j, first in enumerate(firsts):
            self._values_of(made, j, first)
        self.stop()

    def _values_of(self, made: Sweep, j: int, first: References) -> None:
        """Checks the values of all axes for a design: those that can be arrays at once, the others one by one."""
        design, free = made.designs[j], len(made.free)
        varying = [axis for axis in made.axes if can_vary(axis, design, first)]
        sizes = {axis.key: axis.over_all(free) for axis in varying if axis.part == "workload"}
        numbers = {axis.key: axis.over_all(free) for axis in varying if axis.part == "arch"}
        self.of(("axes",), workloads.varied_workload, first.workload, made.workload, sizes)
        self.of(("axes",), machines.varied_machine, machine_of(first.arch), design.arch, numbers)
        for i, axis in enumerate(made.free):
            for k in range(1, len(axis.values)) if axis not in varying else ():
                place = [k if each == i else 0 for each in range(free)]
                self._one(made.references((0, j, *place)), axis, k)

    def _mapping_of(self, design: int) -> tuple[str | int, ...]:
        """Where the mapping of a design stands."""
        if self.loaded.model.designs is not None:
            return ("designs", design, "mapping")
        return ("mapping", design) if isinstance(self.loaded.model.mapping, list) else ("mapping",)

    def _one(self, point: References, axis: Axis, k: int) -> None:
        index = (k,) if isinstance(self.loaded.model.axes[axis.path], list) else ()
        read = {"workload": workload_of, "arch": machine_of, "mapping": mapping_of}[axis.part]
        self.of(("axes", axis.path, *index), read, getattr(point, axis.part))

    def _models(self, host: Machine) -> None:
        for i, model in enumerate(self.loaded.model.models):
            index = (i,) if isinstance(self.loaded.model.model, list) else ()
            self.of(("model", *index), model_for, host, model)


def _bound(point: References) -> None:
    """Binds a point. Raises SpecError if the machine, the mapping and the workload do not go together."""
    with contextlib.suppress(Infeasible):
        bound_in_turn(point.workload, point.arch, point.mapping)


def _in_file(place: Place | None) -> Place | None:
    """A place with a line; arguments have none, and a sweep's own place says more."""
    return place if place is not None and place.line is not None else None
