"""Our own results for a published study: every model, length and configuration, under every accounting.

`Runs` simulates each point once and remembers it; comparisons and reports read from there. A whole layer is its
attention and its linear layers, one after the other: its times and energies are sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from specs import Infeasible, Loaded, SpecError

from .paper import ConfigurationSpec, PaperSpec, Part, value_at

if TYPE_CHECKING:
    from sim import Analysis, Energy, Record, Simulation

LATENCY, ENERGY = "latency_s", "energy_j"  # fields of a record that other models and tables give too


@dataclass(frozen=True)
class Point:
    """One design point of a study, in the paper's words; `part` is that of its configuration, or `end-to-end`."""

    configuration: str
    model: str
    length: str
    accounting: str
    number: int | None = None  # of a sweep
    searched: bool = False  # with the splits that a search finds, where the configuration has the authors'
    part: Part | None = None


@dataclass(frozen=True)
class CycleTime:
    """The time of a point by the cycle model, and the cycles by which it differs from the analytic one, by cause.

    Where the model refuses the mapping, there is no time but the reason.
    """

    latency_s: float | None
    gaps: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Joules:
    """The energy of a point by one table; where the table cannot price it, the reason."""

    energy_j: float | None
    reason: str = ""


@dataclass(frozen=True)
class Runs:
    """The records of a study, simulated when first asked for."""

    paper: PaperSpec
    known: dict[Point, Record] = field(default_factory=dict)
    cycles: dict[Point, CycleTime] = field(default_factory=dict)
    simulations: dict[Point, Simulation] = field(default_factory=dict)
    spent: dict[tuple[Point, str], Energy] = field(default_factory=dict)
    mappings: dict[str, Loaded[Any]] = field(default_factory=dict)

    def points(self) -> Iterator[Point]:
        """Every point, the fastest changing last: accounting, configuration, model, length."""
        for accounting in self.paper.accountings:
            for configuration in self.paper.configurations:
                for model in self.paper.models:
                    for length in self.paper.lengths:
                        yield Point(configuration, model, length, accounting)

    def sweep(self, configuration: str, model: str) -> list[Point]:
        """The points of a sweep for one model, under our accounting."""
        spec = self.paper.compared[configuration]
        ours = next(iter(self.paper.accountings))
        return [Point(configuration, model, length, ours, n) for length in spec.lengths for n in spec.numbers]

    def parts(self, point: Point) -> list[Point]:
        """What is simulated for a point: itself, or the parts of a layer. Raises ValueError if it has no layer."""
        if point.part != "end-to-end":
            return [replace(point, part=None)]
        linear = self.paper.configurations[point.configuration].linear
        if linear is None:
            raise ValueError(f"'{point.configuration}' names no linear layers beside its attention")
        return [replace(point, part=None), replace(point, configuration=linear, part=None)]

    def record(self, point: Point) -> Record:
        """The record of a point. Raises SpecError or Infeasible as `simulate` does.

        Only one accounting is simulated; the energy of the others is that of the same counts.
        """
        if point not in self.known:
            first = self._timed(point)
            if point == first:
                self.known[point] = self._simulation(point).record
            else:
                self.known[point] = self._recounted(self.record(first), point)
        return self.known[point]

    def _recounted(self, record: Record, point: Point) -> Record:
        """A record under another accounting."""
        import sim
        from sim.record import fingerprint

        spent = self._spent(point, "")
        specs = record.provenance["specs"] | {"accounting": fingerprint(sim.accounting(self.accounting(point)))}
        return replace(
            record,
            energy_j=spent.total_j,
            energy_by_component_j=spent.by_component_j,
            actions=spent.actions,
            idle_actions=spent.idle_actions,
            accounting=self.accounting(point),
            provenance={**record.provenance, "specs": specs},
        )

    def latency_s(self, point: Point) -> float:
        """The time of a point by the analytic model."""
        return sum(self._analysis(part).latency.latency_s for part in self.parts(point))

    def cycle_time(self, point: Point) -> CycleTime:
        """The time of a point by the cycle model."""
        found = [self._cycle_time(part) for part in self.parts(point)]
        times = [each.latency_s for each in found if each.latency_s is not None]
        if len(times) < len(found):
            return CycleTime(None, reason="; ".join(each.reason for each in found if each.reason))
        causes = dict.fromkeys(cause for each in found for cause in each.gaps)
        return CycleTime(sum(times), {cause: sum(each.gaps.get(cause, 0) for each in found) for cause in causes})

    def _cycle_time(self, point: Point) -> CycleTime:
        from sim.simulate import analyse_all

        timed = self._timed(point)
        if timed not in self.cycles:
            try:
                bound = self._analysis(timed)  # once, for both models
                found = analyse_all(bound.schedules, "cycle", repeated=bound.repeated).latency
                self.cycles[timed] = CycleTime(float(found.latency_s), found.gap_cycles or {})
            except (SpecError, Infeasible) as error:
                self.cycles[timed] = CycleTime(None, reason=str(error))
        return self.cycles[timed]

    def energy(self, point: Point, table: str = "") -> Joules:
        """The energy of a point by a table, or by the one that its machine names; nothing is timed again."""
        found = [self._energy(part, table) for part in self.parts(point)]
        values = [each.energy_j for each in found if each.energy_j is not None]
        if len(values) < len(found):
            return Joules(None, "; ".join(dict.fromkeys(each.reason for each in found if each.reason)))
        return Joules(sum(values))

    def _energy(self, point: Point, table: str) -> Joules:
        try:
            spent = self._spent(point, table)
        except SpecError as error:
            return Joules(None, str(error))
        missing = [note for note in spent.notes if "missing: " in note]
        return Joules(spent.total_j, "; ".join(missing) if spent.total_j is None else "")

    def _spent(self, point: Point, table: str) -> Energy:
        """The energy of a point by a table, or by its machine's, and by the point's accounting. Raises SpecError."""
        import sim

        analysis = self._analysis(point)
        named = table or analysis.schedule.machine.energy
        if (point, named) not in self.spent:
            priced_so = named == analysis.schedule.machine.energy and point == self._timed(point)
            found = analysis.energy if priced_so else sim.priced(analysis, named, self.accounting(point))
            self.spent[point, named] = found
        return self.spent[point, named]

    def _analysis(self, point: Point) -> Analysis:
        """What a point counts and how long it takes: neither depends on prices or accountings."""
        return self._simulation(self._timed(point)).analysis

    def _simulation(self, timed: Point) -> Simulation:
        import sim

        if timed not in self.simulations:
            self.simulations[timed] = sim.simulation(*self._design(timed), accounting=self.accounting(timed))
        return self.simulations[timed]

    def _timed(self, point: Point) -> Point:
        """The point that stands for all accountings."""
        return replace(point, accounting=next(iter(self.paper.accountings)))

    def _design(self, point: Point) -> tuple[Any, Any, Loaded[Any]]:
        """The workload, the machine and the mapping of a point; a mapping is read once."""
        from mappings import mapping
        from workloads import workload

        spec = self._spec(point)
        work = workload(self.paper.workload(point.model, point.length, spec.part))
        if spec.mapping not in self.mappings:
            self.mappings[spec.mapping] = mapping(spec.mapping)
        return work, spec.machine(point.number, work.values), self.mappings[spec.mapping]

    def accounting(self, point: Point) -> str:
        """The accounting that counts a point: the configuration's own, where it has one instead of the paper's."""
        return self._spec(point).accountings.get(point.accounting, point.accounting)

    def _spec(self, point: Point) -> ConfigurationSpec:
        return (self.paper.searched if point.searched else self.paper.compared)[point.configuration]

    def waits(self, point: Point) -> dict[str, int]:
        """Cycles that a point spends in the waits of its mapping, by the operation that is waited for."""
        taken = {name: n for cycles in self.record(point).cycles_by_einsum.values() for name, n in cycles.items()}
        found: dict[str, int] = {}
        for schedule in self._analysis(point).schedules:
            for epoch in schedule.epochs:
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
        value = value_at(vars(self.record(point)), metric.field)
        return None if value is None else value * metric.per_unit if metric.per_unit != 1 else value

    def summed(self, point: Point, name: str) -> float | None:
        """A metric of a point, or the sum of it over the parts of a layer."""
        metric = self.paper.metrics[name]
        if metric.field == LATENCY:
            return self.latency_s(point) * metric.per_unit
        if metric.field == ENERGY:
            spent = self.energy(point).energy_j
            return None if spent is None else spent * metric.per_unit
        values = [self.metric(part, name) for part in self.parts(point)]
        return None if any(value is None for value in values) else sum(value for value in values if value is not None)
