"""Our own results for a published study: every model, length and configuration, under every accounting.

`Runs` simulates each point once and remembers it; comparisons and reports read from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .paper import PaperSpec, value_at

if TYPE_CHECKING:
    from sim import Record


@dataclass(frozen=True)
class Point:
    """One design point of a study, in the paper's words."""

    configuration: str
    model: str
    length: str
    accounting: str
    number: int | None = None  # of a sweep


@dataclass(frozen=True)
class Runs:
    """The records of a study, simulated when first asked for."""

    paper: PaperSpec
    known: dict[Point, Record] = field(default_factory=dict)

    def points(self) -> Iterator[Point]:
        """Every point, the fastest changing last: accounting, configuration, model, length."""
        for accounting in self.paper.accountings:
            for configuration in self.paper.configurations:
                for model in self.paper.models:
                    for length in self.paper.lengths:
                        yield Point(configuration, model, length, accounting)

    def record(self, point: Point) -> Record:
        """The record of a point. Raises SpecError or Infeasible as `simulate` does."""
        import sim
        from workloads import workload

        if point not in self.known:
            spec = self.paper.compared[point.configuration]
            work = workload(self.paper.workload(point.model, point.length, spec.part))
            arch = spec.machine(point.number, work.values)
            accounting = spec.accountings.get(point.accounting, point.accounting)
            self.known[point] = sim.simulate(work, arch, spec.mapping, accounting=accounting)
        return self.known[point]

    def waits(self, point: Point) -> dict[str, int]:
        """Cycles that a point spends in the waits of its mapping, by the operation that is waited for."""
        from arch import machine
        from mappings import mapping, schedule
        from workloads import workload

        spec = self.paper.configurations[point.configuration]
        work = workload(self.paper.workload(point.model, point.length))
        _, made = schedule(work, machine(spec.arch), mapping(spec.mapping))
        taken = {name: n for cycles in self.record(point).cycles_by_einsum.values() for name, n in cycles.items()}
        found: dict[str, int] = {}
        for epoch in made.epochs:
            for wait in epoch.waits:
                found[wait.operation] = found.get(wait.operation, 0) + taken[wait.operation] * wait.cycles
        return found

    def in_turn(self, configuration: str) -> bool:
        """Whether a configuration's mapping does one nest after the other."""
        from mappings import SequenceSpec, mapping

        return isinstance(mapping(self.paper.compared[configuration].mapping).model, SequenceSpec)

    def metric(self, point: Point, name: str) -> float | int | None:
        """A metric of the reference in the reference's unit; None where our record has no such number."""
        metric = self.paper.metrics[name]
        value = value_at(self.record(point).as_dict(), metric.field)
        return None if value is None else value * metric.per_unit if metric.per_unit != 1 else value
