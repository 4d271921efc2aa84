"""`einfuse rtl verify`: generated hardware runs, and everything that it shows is held to the engine and the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtl.compare import Comparison, Event, compare
from rtl.formats import Formats
from rtl.harness import SIMULATORS, Log, Stimulus, run
from rtl.top import STREAMS
from specs import SpecError, unknown

from ..console import heading, table
from .expected import Values, engine_events, model_values, rtl_events, rtl_values
from .generation import Hardware, hardware_of
from .limits import MOST_STARTS, announce
from .work import Work

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mappings import Schedule
    from sim.streams import Stops

SCHEMA = "einfuse.rtl-verify/1"
SPARE_CYCLES = 1000  # beyond the engine's, before a run counts as stuck


@dataclass(frozen=True)
class Verification:
    """How a run of the hardware compares: events with the engine's, payloads with the software model's."""

    hardware: Hardware
    simulator: str
    seed: int
    events: Comparison
    payloads: int  # values of the model
    payload_differences: Comparison | None  # of the probes that differ
    sim_cycles: int
    rtl_cycles: int

    @property
    def payload_mismatches(self) -> int:
        """Values that have no counterpart."""
        return self.payload_differences.differences if self.payload_differences else 0

    @property
    def passed(self) -> bool:
        """Whether there is no difference at all."""
        return self.events.differences == 0 and self.payload_mismatches == 0 and self.sim_cycles == self.rtl_cycles

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        design, first = self.hardware.design, self.events.first
        return {
            "schema": SCHEMA,
            "events": self.events.counts[0],
            "mismatches": self.events.differences,
            "payloads": self.payloads,
            "payload_mismatches": self.payload_mismatches,
            "sim_cycles": self.sim_cycles,
            "rtl_cycles": self.rtl_cycles,
            "first_mismatch": None if first is None else first._asdict(),
            "simulator": self.simulator,
            "seed": self.seed,
            "rows": design.rows,
            "columns": design.columns,
            "parameters": self.hardware.schedule.parameters.digest,
        }


def verify(schedule: Schedule, simulator: str = "amaranth", stops: Stops | None = None, seed: int = 0) -> Verification:
    """Generate the hardware of a schedule, run it, compare. Raises `SpecError`, `ToolMissing`, `RunFailed`."""
    return verified(hardware_of(schedule, stops, MOST_STARTS), simulator, stops, seed)


def verify_named(
    workload: str, arch: str, mapping: str, simulator: str = "amaranth", stalls: str | None = None, seed: int = 0
) -> Verification:
    """`verify` for the references of a command; a run that will take long is announced. Raises as `verify`."""
    from sim.simulate import bound

    if simulator not in SIMULATORS:
        raise SpecError(unknown("simulator", simulator, SIMULATORS))
    _refuse_sizes(workload)
    schedule = bound(workload, arch, mapping)
    stops = stops_of_seed(stalls)
    hardware = hardware_of(schedule, stops, MOST_STARTS)
    announce(hardware.design, int(hardware.run.cycles[0]), simulator)
    return verified(hardware, simulator, stops, seed)


def _refuse_sizes(workload: str) -> None:
    """Raise `SpecError` for sizes that no format holds, before buffers are found too small for them."""
    from workloads import workload as workload_of

    values = workload_of(workload).values
    head_dim, value_dim, keys = (values.get(name) for name in ("head_dim", "value_dim", "keys"))
    if isinstance(head_dim, int) and isinstance(value_dim, int) and isinstance(keys, int):
        Formats(head_dim, value_dim, 1, keys)


def verified(
    hardware: Hardware, simulator: str = "amaranth", stops: Stops | None = None, seed: int = 0, top: Any = None
) -> Verification:
    """Compare hardware, or another component in its place, with the engine's run and the model's values."""
    work = Work(hardware, seed)
    log = run(top or hardware.top(probes=True), stimulus(hardware, work, stops), simulator)
    return compared(hardware, work, log, simulator)


def compared(hardware: Hardware, work: Work, log: Log, simulator: str) -> Verification:
    """Compare a log of this hardware, with probes, that did this work in a simulator."""
    expected = model_values(hardware, work)
    shown = rtl_values(log, expected)
    words = _words(hardware, log, work)
    differ = [name for name in expected if expected[name] != shown[name]]
    other = [name for name in STREAMS.values() if words[0][name] != words[1][name]]
    payloads = None
    if differ or other:
        one = [event for name in differ for event in _named(name, expected[name])]
        two = [event for name in differ for event in _named(name, shown[name])]
        one += [event for name in other for event in words[0][name]]
        two += [event for name in other for event in words[1][name]]
        payloads = compare(one, two, ("model", "rtl"))
    return Verification(
        hardware,
        simulator,
        work.seed,
        compare(engine_events(hardware), rtl_events(hardware, log, work)),
        sum(len(values.cycles) for values in expected.values()) + sum(map(len, words[0].values())),
        payloads,
        int(hardware.run.cycles[0]),
        _cycles(hardware, log),
    )


def stimulus(hardware: Hardware, work: Work, stops: Stops | None = None) -> Stimulus:
    """What the outside does in a run of this work."""
    words = work.words
    return Stimulus(
        limit_cycles=2 * int(hardware.run.cycles[0]) + SPARE_CYCLES,
        words={name: words[name] for name in ("q", "k", "v")},
        settings=hardware.extent.settings(hardware.loops),
        stalls={STREAMS[tensor]: stretches for tensor, stretches in (stops or {}).items() if stretches},
        until={"av": len(words["av"])},
        extra_cycles=4,
    )


def _cycles(hardware: Hardware, log: Log) -> int:
    """When the hardware is through: the last value is there, the last word has passed."""
    ends = [int(track.cycles[-1]) + 1 for track in log.streams.values() if len(track)]
    ends += [int(track.cycles[-1]) for name, track in log.probes.items() if not name.startswith("stall") and len(track)]
    return max(ends, default=0)


def _words(hardware: Hardware, log: Log, work: Work) -> tuple[Mapping[str, list[Event]], Mapping[str, list[Event]]]:
    """The words of each stream, in order: those that there have to be, and those that passed."""
    wanted = {
        name: [Event(0, "word", name, i, (int(word),)) for i, word in enumerate(words)]
        for name, words in work.words.items()
    }
    passed = {
        name: [Event(0, "word", name, i, (int(word),)) for i, word in enumerate(log.words(name))] for name in wanted
    }
    return wanted, passed


def _named(name: str, values: Values) -> Iterator[Event]:
    what, _, where = name.partition("[")
    for cycle, index, value in zip(values.cycles.tolist(), values.index.tolist(), values.values.tolist(), strict=True):
        yield Event(cycle, what, f"[{where}", index, (value,))


def stops_of_seed(text: str | None) -> Stops | None:
    """The stalls that `--stalls` names, for the streams of the hardware."""
    from sim.streams import stops_of

    return None if text is None else stops_of(text, STREAMS)


def as_text(found: Verification) -> list[RenderableType]:
    """The result for people: what ran, what differs, and the first difference with its neighbours."""
    design = found.hardware.design
    formats = design.formats
    rows = [
        ("events", f"{found.events.counts[0]:,}", f"{found.events.counts[1]:,}", f"{found.events.differences:,}"),
        ("payloads", f"{found.payloads:,}", "", f"{found.payload_mismatches:,}"),
        ("cycles", f"{found.sim_cycles:,}", f"{found.rtl_cycles:,}", f"{abs(found.sim_cycles - found.rtl_cycles):,}"),
    ]
    parts: list[RenderableType] = [
        heading(f"{design.rows} × {design.columns} array, head_dim {formats.head_dim}, value_dim {formats.value_dim}"),
        table(("", "expected>", "rtl>", "differ>"), rows),
        "",
    ]
    for name, comparison in (("events", found.events), ("payloads", found.payload_differences)):
        if comparison is not None and comparison.differences:
            parts += [heading(name), str(comparison), ""]
    told = "the hardware does what the cycle model and the software model say"
    return [
        *parts,
        f"{'passed' if found.passed else 'failed'}: {told if found.passed else 'see the differences above'}",
    ]


__all__ = [
    "SCHEMA",
    "Verification",
    "as_text",
    "compared",
    "stimulus",
    "stops_of_seed",
    "verified",
    "verify",
    "verify_named",
]
