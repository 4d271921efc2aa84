"""`simulate`: a workload on a machine under a mapping, by a model, to a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from arch import Machine, Table, machine_area_um2, machines_with, table, total
from arch import machine as machine_of
from mappings import Counts, InBanks, Preference, Schedule, count
from mappings import mapping as mapping_of
from mappings import schedule as schedule_of
from mappings import schedules as schedules_of
from specs import Loaded, Problem, SpecError, unknown
from workloads import ONCE, Repeated, Workload
from workloads import workload as workload_of

from .accounting import ACCOUNTINGS
from .accounting import accounting as accounting_of
from .analytic import Latency, fastest, latency
from .energy import Energy
from .pricing import spent
from .record import Record, fingerprint
from .recording import record_of
from .sequence import (
    add_counts,
    add_energies,
    add_latencies,
    merged,
    repeat_counts,
    repeat_energy,
    repeat_latency,
)

NO_STALLS = "stalls are of the streams of arrays; machines of kind 'pim' have none"


@dataclass(frozen=True)
class Engine:
    """How the cycle engine runs: whether it may jump over its period, and when the outside streams stand still."""

    jump: bool = True
    stops: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def _analytic(schedule: Schedule, counts: Counts, engine: Engine) -> Latency:
    return latency(schedule, counts)


def _cycle(schedule: Schedule, counts: Counts, engine: Engine) -> Latency:
    from .cycle import cycle_latency  # numba is imported when an engine runs

    return cycle_latency(schedule, counts, engine.jump, stops=engine.stops)


def _commands(schedule: Schedule, counts: Counts, engine: Engine) -> Latency:
    return _all_commands((schedule,), counts, engine, ONCE)


def _all_commands(schedules: Sequence[Schedule], counts: Counts, engine: Engine, repeated: Repeated) -> Latency:
    from .pim.latency import command_latency

    if engine.stops:
        raise SpecError([Problem(NO_STALLS)])
    return command_latency(schedules, counts, engine.jump, repeated)


def _quickest(schedule: Schedule) -> tuple[Any, ...]:
    from .pim.latency import quickest

    return quickest(schedule)


# By kind of machine; the first is taken where none is asked for.
MODELS: Mapping[str, Mapping[str, Callable[[Schedule, Counts, Engine], Latency]]] = {
    "spatial": {"analytic": _analytic, "cycle": _cycle},
    "pim": {"cycle": _commands},
}

# Kinds of machine on which what runs in turn is timed as a whole: refreshes go on from one schedule to the next.
WHOLE: Mapping[str, Callable[[Sequence[Schedule], Counts, Engine, Repeated], Latency]] = {"pim": _all_commands}

# What is least of the way that a nest with choices takes.
PREFERENCES: Mapping[str, Preference] = {"spatial": fastest, "pim": _quickest}


def preferred(schedule: Schedule) -> tuple[Any, ...]:
    """What is least of the way that a nest with choices takes, on its kind of machine."""
    return PREFERENCES[schedule.machine.kind](schedule)


@dataclass(frozen=True)
class Analysis:
    """What is computed of a schedule, or of several that run in turn; numbers, or arrays of design points.

    All of it is of these schedules as often as they are `repeated`.
    """

    schedules: tuple[Schedule, ...]
    counts: Counts
    latency: Latency
    energy: Energy
    area_mm2: Any
    area_by_component_mm2: Mapping[str, Any]
    notes: tuple[str, ...]
    repeated: Repeated = ONCE

    @property
    def schedule(self) -> Schedule:
        """The schedule, or the first of those that run in turn: all are of one machine, mapping and accounting."""
        return self.schedules[0]

    def utilization(self, unit: str) -> Any:
        """Operation slots used over elements × time."""
        return self.counts.unit_slots(unit) / (self._slots(unit))

    def busy(self, unit: str) -> Any:
        """The share of time that a unit is occupied; 0 of one that has nothing to do."""
        return self.latency.unit_cycles.get(unit, 0) / (self.latency.latency_s * self.schedule.machine.clock_hz)

    def share(self, einsum: str) -> Any:
        """One Einsum's part of its unit's utilisation."""
        counted = self.counts.operations[einsum]
        return counted.slots / self._slots(counted.operation.unit)

    def _slots(self, unit: str) -> Any:
        machine = self.schedule.machine
        return machine.units[unit].elements * (self.latency.latency_s * machine.clock_hz)


def model_for(machine: Machine, model: str | None) -> str:
    """The model by that name for a kind of machine, or the kind's own. Raises `SpecError` for another."""
    known = MODELS[machine.kind]
    if model is not None and model not in known:
        message = unknown("model", model, known)
        if any(model in models for models in MODELS.values()):
            message = f"machines of kind '{machine.kind}' have no model '{model}'; allowed: {', '.join(known)}"
        raise SpecError([Problem(message)])
    return model or next(iter(known))


def analyse(
    schedule: Schedule, model: str | None = None, engine: Engine | None = None, prices: Table | None = None
) -> Analysis:
    """Counts, latency, energy and area of a schedule; the schedule's numbers may be arrays of design points.

    `engine` is how the cycle model runs; the analytic one has none. `prices` are the machine's table, if it is at hand.
    """
    chosen = MODELS[schedule.machine.kind][model_for(schedule.machine, model)]
    counts = count(schedule)
    return _priced((schedule,), counts, chosen(schedule, counts, engine or Engine()), prices)


def analyse_all(
    schedules: Sequence[Schedule],
    model: str | None = None,
    engine: Engine | None = None,
    repeated: Repeated = ONCE,
    prices: Table | None = None,
) -> Analysis:
    """The analysis of schedules that run one after the other on one machine, as often as they are `repeated`."""
    machine = schedules[0].machine
    whole = WHOLE.get(machine.kind)
    if whole is None:
        once = in_turn([analyse(schedule, model, engine, prices) for schedule in schedules])
        return _repeated(once, repeated)
    model_for(machine, model)
    counts = repeat_counts(add_counts([count(schedule) for schedule in schedules]), repeated.times)
    timing = whole(schedules, counts, engine or Engine(), repeated)
    return replace(_priced(schedules, counts, timing, prices), repeated=repeated)


def _repeated(part: Analysis, repeated: Repeated) -> Analysis:
    times = repeated.times
    return replace(
        part,
        counts=repeat_counts(part.counts, times),
        latency=repeat_latency(part.latency, times),
        energy=repeat_energy(part.energy, times),
        repeated=repeated,
    )


def _priced(schedules: Sequence[Schedule], counts: Counts, timing: Latency, prices: Table | None = None) -> Analysis:
    """The analysis of what was counted and timed, with its energy and area."""
    machine = schedules[0].machine
    prices = prices or table(machine.energy)
    areas = machine_area_um2(machine, prices)
    taken = spent(schedules[0], counts, timing, prices, areas)
    whole = total(areas.values())
    notes = [f"area of {name}: {cost.how}" for name, cost in areas.items() if cost.how != "table"]
    return Analysis(
        tuple(schedules),
        counts,
        timing,
        taken,
        None if whole.value is None else whole.value * 1e-6,
        {name: None if cost.value is None else cost.value * 1e-6 for name, cost in areas.items()},
        (*(f"energy of {note}" for note in taken.notes), *notes),
    )


def in_turn(parts: Sequence[Analysis]) -> Analysis:
    """The analysis of schedules that run one after the other on one machine."""
    if len(parts) == 1:
        return parts[0]
    return Analysis(
        tuple(schedule for part in parts for schedule in part.schedules),
        add_counts([part.counts for part in parts]),
        add_latencies([part.latency for part in parts]),
        add_energies([part.energy for part in parts]),
        parts[0].area_mm2,
        parts[0].area_by_component_mm2,
        merged(part.notes for part in parts),
    )


@dataclass(frozen=True)
class Simulation:
    """A workload on a machine under a mapping, and what was computed of it by a model."""

    workload: Workload
    machine: Machine
    mapping: Loaded[Any]
    cascade: Any
    model: str
    references: Mapping[str, str]
    analysis: Analysis

    @cached_property
    def record(self) -> Record:
        work, accounting = self.workload, self.analysis.schedule.accounting
        hashes = {
            "workload": fingerprint((work.values, work.settings, work.types, *_more_than_once(work.repeated))),
            "arch": fingerprint(replace(self.machine, place=None)),
            "mapping": fingerprint(self.mapping.model),
            "cascade": fingerprint(self.cascade),
            "table": fingerprint(table(self.machine.energy).spec),
            "accounting": fingerprint(accounting_of(accounting)),
        }
        return record_of(self.analysis, self.model, self.references, hashes)


def simulate(
    workload: str | Workload,
    arch: str | Machine,
    mapping: str | Loaded[Any],
    model: str | None = None,
    accounting: str | None = None,
    engine: Engine | None = None,
) -> Record:
    """The record of a workload on a machine under a mapping; `engine` as in `analyse`.

    Raises `SpecError` for input that makes no sense, `Infeasible` for what does not fit.

    >>> record = simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding")
    >>> record.bound_by, round(record.utilization["array_2d"], 7), record.cycles
    ('array_1d', 0.8896104, 1892352)
    """
    return simulation(workload, arch, mapping, model, accounting, engine).record


def simulation(
    workload: str | Workload,
    arch: str | Machine,
    mapping: str | Loaded[Any],
    model: str | None = None,
    accounting: str | None = None,
    engine: Engine | None = None,
) -> Simulation:
    """An analysis, which `priced` prices by other tables, and the record of it. Raises as `simulate`.

    >>> simulation("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding").analysis.latency.cycles
    1892352
    """
    work = workload_of(workload) if isinstance(workload, str) else workload
    machine = machine_of(arch) if isinstance(arch, str) else arch
    loaded = mapping_of(mapping) if isinstance(mapping, str) else mapping
    model = model_for(machine, model)
    cascade, schedules = _schedules(work, machine, loaded, accounting)
    found = analyse_all(schedules, model, engine, work.repeated)
    references = {
        "workload": workload if isinstance(workload, str) else work.name,
        "arch": arch if isinstance(arch, str) else machine.name,
        "mapping": mapping if isinstance(mapping, str) else loaded.reference,
    }
    return Simulation(work, machine, loaded, cascade, model, references, found)


def bound(workload: str, arch: str, mapping: str) -> Schedule:
    """The schedule of a workload on a machine under a mapping. Raises as `simulate`."""
    return schedule_of(workload_of(workload), machine_of(arch), mapping_of(mapping), preferred)[1]


def bound_in_turn(workload: str, arch: str, mapping: str) -> tuple[tuple[Schedule, ...], Repeated]:
    """The schedules that run one after the other, and how often all of them do. Raises as `simulate`."""
    work = workload_of(workload)
    return schedules_of(work, machine_of(arch), mapping_of(mapping), preferred)[1], work.repeated


def _more_than_once(repeated: Repeated) -> list[Any]:
    """What a workload's fingerprint has beyond its sizes."""
    return [] if repeated == ONCE else [repeated.blocks, *([repeated.tokens] if repeated.tokens > 1 else [])]


def _schedules(
    work: Workload, machine: Machine, loaded: Loaded[Any], accounting: str | None
) -> tuple[Any, tuple[Schedule, ...]]:
    """The cascade and the schedules that run in turn, under the mapping's accounting or another."""
    if accounting is None and loaded.model.accounting not in ACCOUNTINGS:
        message = unknown("accounting", loaded.model.accounting, ACCOUNTINGS.names())
        raise SpecError([Problem(message, loaded.place(("accounting",)))])
    check_units(machine)
    cascade, schedules = schedules_of(work, machine, loaded, preferred)
    if machine.device is None and any(each.in_banks != InBanks() for each in schedules):
        words = "'rows', 'io', 'grows', 'append' and 'room'"
        message = f"{words} are of machines of kind 'pim'; '{machine.name}' is of kind '{machine.kind}'"
        raise SpecError([Problem(message, loaded.place())])
    _check_growth(work, loaded)
    if accounting is not None:
        schedules = tuple(schedule.renamed(accounting=accounting) for schedule in schedules)
    return cascade, schedules


def _check_growth(work: Workload, loaded: Loaded[Any]) -> None:
    """Refuse what is said of matrices that grow where none does, and several queries that append a key each."""
    spec, queries = loaded.model, work.values.get("queries", 1)
    if spec.grows is None:
        if spec.append != 1 or spec.room is not None:
            message = "'append' and 'room' are of mappings with matrices that grow; name their rank in 'grows'"
            raise SpecError([Problem(message, loaded.place(("append",) if spec.append != 1 else ("room",)))])
    elif spec.append and queries != 1 and work.core() is not None:
        message = (
            f"with each token one query comes and one key is appended, found {queries} queries; give queries=1, or "
            f"append=0 to write no keys"
        )
        raise SpecError([Problem(message, work.place)])


def check_units(machine: Machine) -> None:
    """Refuse a machine on which nothing can be computed, such as a plain memory. Raises `SpecError`."""
    if not machine.units:
        known = ", ".join(machines_with("banks"))
        message = f"machine '{machine.name}' has no units in its banks; take one with MAC among its commands: {known}"
        raise SpecError([Problem(message, machine.place)])
