"""The records of a study of memory that computes, and the numbers that tables, figures and findings take from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specs import Problem, SpecError

from .attention import AttentionStudy, run_attention
from .spec import PimStudySpec, Point, ProductSpec

if TYPE_CHECKING:
    from arch.dram import Device
    from sim import Analysis, Energy, Record


@dataclass(frozen=True)
class Joules:
    """An energy by a table: of the components that it can price, and the names of those that it cannot."""

    priced_j: float
    by_component_j: Mapping[str, float | None]

    @property
    def missing(self) -> tuple[str, ...]:
        """Components without a price."""
        return tuple(name for name, joules in self.by_component_j.items() if joules is None)

    @property
    def total_j(self) -> float | None:
        """The whole energy, if all of it has a price."""
        return None if self.missing else self.priced_j


@dataclass(frozen=True)
class Outcome:
    """A point's record, its energy by every table, and the bytes of weights that its MACs took."""

    point: Point
    record: Record
    joules: Mapping[str, Joules]
    weight_bytes: int

    @property
    def bytes_per_s(self) -> float:
        """Weights over time."""
        return self.weight_bytes / self.record.latency_s


@dataclass(frozen=True)
class Products:
    """Commands of a channel and ticks of the same weights in several matrices and in one, without refresh."""

    apart: Mapping[str, int]
    together: Mapping[str, int]


@dataclass(frozen=True)
class PimStudy:
    """Every point of a study. `periods` are ticks from one row of MACs to the next, by activation.

    `pins` are bytes per second over the pins of memories, by the references of their machines.
    """

    spec: PimStudySpec
    outcomes: Mapping[Point, Outcome]
    periods: Mapping[str, int]
    device: Device
    products: Products
    peak_bytes_per_s: float
    pins: Mapping[str, float]
    attention: AttentionStudy | None = None

    def at(self, rows: str = "", activation: str = "", refresh: str = "") -> Outcome:
        """A point; by default the first value of each choice."""
        spec = self.spec
        return self.outcomes[Point(rows or spec.rows[0], activation or spec.activations[0], refresh or spec.base)]

    def slower(self, outcome: Outcome) -> float:
        """The time of a point, of that without refresh."""
        point = outcome.point
        return outcome.record.latency_s / self.at(point.rows, point.activation).record.latency_s

    def share(self, outcome: Outcome) -> float:
        """The bandwidth of a point, of the most that there is inside."""
        return outcome.bytes_per_s / self.peak_bytes_per_s

    def over_baseline(self, outcome: Outcome) -> float:
        """How much faster a point is than the baseline at its roofline: the same weights over its pins."""
        return outcome.bytes_per_s / self.spec.baseline.bandwidth

    def peak_over_baseline(self) -> float:
        """The most bandwidth inside, of the baseline's."""
        return self.peak_bytes_per_s / self.spec.baseline.bandwidth

    def over_pins_s(self, arch: str) -> float:
        """The least time in which all weights come over the pins of a memory."""
        return self.at().weight_bytes / self.pins[arch]


def run(spec: PimStudySpec, progress: Callable[[str], None] = lambda label: None) -> PimStudy:
    """Simulate everything; `progress` is told of each point. Raises SpecError or Infeasible."""
    from arch import machine

    outcomes = {}
    for point in spec.points():
        outcomes[point] = outcome_of(spec, point)
        progress(f"{point.rows}, activation {point.activation}, refresh {point.refresh}")
    hosts = {name: machine(spec.machine(Point(spec.rows[0], name, spec.base))) for name in spec.activations}
    first = hosts[spec.activations[0]]
    assert first.device is not None
    device = first.device
    return PimStudy(
        spec,
        outcomes,
        {name: row_period(host.device) for name, host in hosts.items() if host.device is not None},
        device,
        Products(_product(spec, spec.products.apart), _product(spec, spec.products.together)),
        peak_bytes_per_s(device, float(first.clock_hz)),
        {arch: pin_bytes_per_s(arch) for arch in spec.pins},
        run_attention(spec, progress),
    )


def outcome_of(spec: PimStudySpec, point: Point) -> Outcome:
    """One point, simulated, and priced by every table."""
    from sim import priced, simulation

    found = simulation(*spec.references(point))
    joules = {name: _joules(priced(found.analysis, name)) for name in spec.tables}
    return Outcome(point, found.record, joules, _weight_bytes(found.analysis))


def _joules(energy: Energy) -> Joules:
    known = [joules for joules in energy.by_component_j.values() if joules is not None]
    return Joules(sum(known), energy.by_component_j)


def _weight_bytes(analysis: Analysis) -> int:
    """Bytes of the matrices that are multiplied: with each weight once for each vector."""
    from sim.pim.product import matrix_of

    bits = 0
    for schedule in analysis.schedules:
        for name, operation in schedule.operations.items():
            storage = schedule.types[matrix_of(operation)].storage.bits
            bits += analysis.counts.operations[name].points * storage
    return int(bits // 8)


def peak_bytes_per_s(device: Device, clock_hz: float) -> float:
    """A column of every bank of every channel with every MAC, without a pause for rows."""
    shape = device.organisation
    return shape.channels * shape.banks * shape.column_bytes * clock_hz / device.timing.ccd_mac


def pin_bytes_per_s(arch: str) -> float:
    """The bandwidth of a machine's outermost memory. Raises SpecError for a machine that states none.

    >>> pin_bytes_per_s("gddr6-aim:channels=8") / 1e9
    256.0
    """
    from arch import machine

    found = machine(arch)
    memory = next(iter(found.memories.values()))
    if memory.bandwidth_bytes_per_s is None:
        message = f"'{memory.name}' of '{arch}' has no bandwidth; state it, or 'timing.burst' of a DRAM device"
        raise SpecError([Problem(message, found.place)])
    return float(memory.bandwidth_bytes_per_s)


def row_period(device: Device) -> int:
    """Ticks from the first MAC of a row to that of the next, all columns of a row multiplied.

    >>> from arch import machine
    >>> row_period(machine("gddr6-aim:refresh=off").device)
    226
    """
    from sim.dram import Command, Repeat, RowRun
    from sim.dram.channel import run as run_channel

    row = RowRun(Command.MAC, row=0, count=device.organisation.columns)
    two, three = (run_channel(device, [Repeat(rows, (row,), row_step=1)]).mac_ticks for rows in (2, 3))
    return three - two


def _product(spec: PimStudySpec, product: ProductSpec) -> dict[str, int]:
    """Ticks, and commands of one channel, of a product done so many times."""
    from arch import machine
    from sim import simulate

    arch = spec.machine(Point(spec.rows[0], spec.activations[0], spec.base))
    device = machine(arch).device
    assert device is not None
    record = simulate(product.workload, arch, spec.products.mapping)
    issued = {name: number // device.organisation.channels for name, number in record.actions["dram"].items()}
    return {name: number * product.times for name, number in (issued | {"ticks": record.cycles}).items()}
