"""From a box of a sweep's grid to a table: one axis a dimension, and single points where axes cannot be arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, reduce
from itertools import product
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np

from arch import Machine
from mappings import Schedule, has_ways, schedules
from mappings.counts import beyond_of
from mappings.visits import beyond
from specs import Infeasible, SpecError
from workloads import LAYERS, Workload

from ..simulate import Analysis, model_for, simulation
from . import machines, workloads
from .grid import Box
from .identity import identity_of
from .points import References, Sweep
from .readers import machine_of, mapping_of, workload_of
from .rows import At, Rows
from .varying import can_vary

if TYPE_CHECKING:
    import pyarrow

CYCLE = "cycle"


@dataclass(frozen=True)
class _Part:
    """Points of a box that are evaluated at once: of each free axis one index, or a range of them as an array."""

    model: int
    design: int
    at: tuple[int | range, ...]

    @property
    def origin(self) -> tuple[int, ...]:
        """The first point, on every dimension of the grid."""
        first = (each.start if isinstance(each, range) else each for each in self.at)
        return (self.model, self.design, *first)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(each) for each in self.at if isinstance(each, range))

    @property
    def points(self) -> int:
        return math.prod(self.shape)

    def halves(self) -> Iterator[_Part]:
        """Two parts, cut across the longest range; there is one of two points at least."""
        longest = max((each for each in self.at if isinstance(each, range)), key=len)
        cut, middle = self.at.index(longest), len(longest) // 2
        for half in (longest[:middle], longest[middle:]):
            yield replace(self, at=(*self.at[:cut], half, *self.at[cut + 1 :]))

    def places(self) -> Iterator[tuple[int, ...]]:
        """The indices of every point, in order."""
        return product([self.model], [self.design], *([i] if isinstance(i, int) else i for i in self.at))


@dataclass(frozen=True, eq=False)
class Evaluator:
    """The chunks of a sweep as tables.

    >>> from sim.explore.sweep import sweep
    >>> table = Evaluator(sweep("examples/area_latency.yaml")).table(0)
    >>> table.num_rows, table.column_names[:3]
    (6, ['point', 'arch.array_2d.rows', 'arch.array_2d.cols'])
    >>> [round(each, 2) for each in table["latency_s"].to_pylist()[-2:]]
    [118.28, 29.58]
    """

    sweep: Sweep
    _as_arrays: dict[tuple[int, int], tuple[bool, ...]] = field(default_factory=dict)  # axes, by model and design

    @property
    def chunks(self) -> int:
        """How many tables there are."""
        return self.sweep.grid.chunks

    @property
    def points(self) -> int:
        """How many points, and rows, there are."""
        return self.sweep.grid.points

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """A hash of everything that the numbers depend on, by name."""
        return identity_of(self.sweep)

    def table(self, chunk: int) -> pyarrow.Table:
        """The rows of a chunk, in the order of their points; one that makes no sense is a row with the reason, too."""
        box = self.sweep.grid.box(chunk)
        rows = Rows(self.sweep, box)
        with np.errstate(all="ignore"):  # of points that do not fit anything may come out
            for part in self._parts(box):
                self._fill(rows, part)
        return rows.table()

    def _parts(self, box: Box) -> Iterator[_Part]:
        """The box by what can be evaluated at once: arrays along some axes, single indices along the others."""
        models, designs, *ranges = box.ranges
        for model, design in product(models, designs):
            arrays = self._arrays(model, design)
            single: list[list[int | range]] = [
                [each] if is_array else list(each) for each, is_array in zip(ranges, arrays, strict=True)
            ]
            for at in product(*single):
                yield _Part(model, design, at)

    def _arrays(self, model: int, design: int) -> tuple[bool, ...]:
        """Of each free axis, whether it may be an array."""
        if (model, design) not in self._as_arrays:
            self._as_arrays[model, design] = self._find_arrays(model, design)
        return self._as_arrays[model, design]

    def _find_arrays(self, model: int, design: int) -> tuple[bool, ...]:
        free = self.sweep.free
        origin = (model, design, *[0] * len(free))
        refs = self.sweep.references(origin)
        host, layers = machine_of(refs.arch), workload_of(refs.workload).layers() is not None
        commands = model_for(host, refs.model) == CYCLE and host.kind != machines.SPATIAL
        if commands or has_ways(mapping_of(refs.mapping), layers):
            return (False,) * len(free)
        alone = {
            i for axis in self.sweep.axes if not can_vary(axis, self.sweep.designs[design], refs) for i in axis.over
        }
        return tuple(i not in alone for i in range(len(free)))

    def _fill(self, rows: Rows, part: _Part) -> None:
        """Puts the results of a part into its rows: all at once, or by halves where one of its points is refused."""
        if part.points == 1 or self._has_ports(part):
            for place in part.places():
                self._fill_one(rows, place)
            return
        try:
            self._fill_at_once(rows, part)
        except (SpecError, Infeasible):
            if not self._fill_countable(rows, part):
                for half in part.halves():
                    self._fill(rows, half)

    def _has_ports(self, part: _Part) -> bool:
        """Whether the cycle model gives streams to ports: by what all points together ask for, so points go alone."""
        refs = self.sweep.references(part.origin)
        return refs.model == CYCLE and any(memory.ports for memory in machine_of(refs.arch).memories.values())

    def _fill_one(self, rows: Rows, place: tuple[int, ...]) -> None:
        point = self.sweep.references(place)
        try:
            found = _simulated(point)
        except Infeasible as error:
            rows.refuse(place, error.reason)
            return
        except SpecError as error:  # of keys that are in order each, but not together: no reason to lose other points
            rows.refuse(place, "; ".join(each.message for each in error.problems))
            return
        rows.fill(place, found, {axis.path: axis.value(place[2:]) for axis in self.sweep.axes})

    def _fill_at_once(self, rows: Rows, part: _Part) -> None:
        arrays, at = self._values(part), (part.model, part.design, *part.at)
        if self.sweep.spec.models[part.model] != CYCLE:
            self._fill_arrays(rows, at, part, arrays)
            return
        row = Rows(self.sweep, Box(0, _in_a_row(part)))  # as the cycle engine takes points
        self._fill_arrays(row, _in_a_row(part), part, _listed(part, arrays))
        rows.put(at, row)

    def _fill_countable(self, rows: Rows, part: _Part) -> bool:
        """Refuses the points with a count that 64 bits do not hold, and fills the others; False if that cannot be.

        The points are taken in a row. One that is refused stands there with the values of another, which is not.
        """
        arrays, refs, at = self._values(part), self.sweep.references(part.origin), _in_a_row(part)
        try:
            work, host = self._inputs(part, refs, arrays)
            made = schedules(work, host, mapping_of(refs.mapping))[1]
            refused = np.broadcast_to(reduce(or_, map(beyond_of, made)), part.shape).ravel()
            if not refused.any():
                return False
            row = Rows(self.sweep, Box(0, at))
            row.refuse_where(at, refused, lambda _: beyond("a count of a design point"))
            if not refused.all():
                instead = np.where(refused, np.argmin(refused), np.arange(part.points))
                listed = {p: v[instead] if np.ndim(v) else v for p, v in _listed(part, arrays).items()}
                self._fill_arrays(row, at, part, listed)
        except (SpecError, Infeasible):
            return False
        rows.put((part.model, part.design, *part.at), row)
        return True

    def _fill_arrays(self, rows: Rows, at: At, part: _Part, arrays: Mapping[str, Any]) -> None:
        refs = self.sweep.references(part.origin)
        work, host = self._inputs(part, refs, arrays)
        found = simulation(work, host, mapping_of(refs.mapping), refs.model).analysis
        rows.fill(at, found, arrays)
        for schedule in _in_order(found):
            for condition, why in schedule.infeasible:
                rows.refuse_where(at, condition, partial(schedule.reason, why))

    def _values(self, part: _Part) -> dict[str, Any]:
        """The values of every axis: an array over the dimensions of the part, or one value."""
        found = {}
        for axis in self.sweep.axes:
            indices = [part.at[i] for i in axis.over]
            values = axis.values[tuple(slice(i.start, i.stop) if isinstance(i, range) else i for i in indices)]
            over = [i for i in axis.over if isinstance(part.at[i], range)]
            dimensions = [i for i, each in enumerate(part.at) if isinstance(each, range)]
            shape = [len(part.at[i]) if i in over else 1 for i in dimensions]  # type: ignore[arg-type]
            found[axis.path] = values.reshape(shape) if over else values
        return found

    def _inputs(self, part: _Part, refs: References, arrays: Mapping[str, Any]) -> tuple[Workload, Machine]:
        design = self.sweep.designs[part.design]
        sizes = {a.key: arrays[a.path] for a in self.sweep.axes if a.part == "workload" and np.ndim(arrays[a.path])}
        numbers = {a.key: arrays[a.path] for a in self.sweep.axes if a.part == "arch" and a.slot.quantity is not None}
        work, host = workload_of(refs.workload), machine_of(refs.arch)
        if sizes:
            work = workloads.varied_workload(refs.workload, self.sweep.workload, sizes)
        if any(np.ndim(value) for value in numbers.values()):
            host = machines.varied_machine(host, design.arch, numbers)
        return work, host


def _in_a_row(part: _Part) -> tuple[range]:
    return (range(part.points),)


def _listed(part: _Part, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The values of every axis at the points in a row."""
    return {path: np.broadcast_to(v, part.shape).ravel() if np.ndim(v) else v for path, v in arrays.items()}


def _simulated(point: References) -> Analysis:
    return simulation(
        workload_of(point.workload), machine_of(point.arch), mapping_of(point.mapping), point.model
    ).analysis


def _in_order(found: Analysis) -> list[Schedule]:
    """The schedules in the order in which they are bound: the linear layers around attention come first."""
    return sorted(found.schedules, key=lambda schedule: schedule.cascade != LAYERS)
