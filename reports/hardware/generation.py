"""From a schedule to the hardware that does it: a design, a plan, and the loops of this workload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rtl.beats import array_works, beats, lane_works
from rtl.design import RINGS, Design, Latencies
from rtl.formats import INPUT_BITS, Formats
from rtl.plan import Loops, Plan
from rtl.result_buffer import ELEMENT_BYTES
from rtl.top import ARRAY, BUFFERED, LANES, Top
from rtl.walk import Extent
from specs import Problem, SpecError

from .limits import too_much
from .planning import loops_of, packed_program, planned, stepped

if TYPE_CHECKING:
    from mappings import Parameters, Schedule
    from sim.running import Run
    from sim.streams import Stops
    from workloads.types import NumberType

CASCADE = "attention-1pass"
MEMORY = "dram"
TRANSFERS = ("fill Q", "fill K", "fill V", "drain AV")
HEADS, QUERIES, KEYS, FEATURES = ("b", "n"), "p", "m", ("e", "f")  # ranks of the cascade
INPUTS, OUTPUT = ("Q", "K", "V"), "AV"  # tensors whose elements the streams carry
STORED_BITS = (8, 16, 32, 64)  # of types
LEAST_WORD_BYTES, MOST_WORD_BYTES = ELEMENT_BYTES, 512  # in a cycle


@dataclass(frozen=True)
class Hardware:
    """A design with the plan of its control, and the engine's run that it is to equal."""

    schedule: Schedule
    design: Design
    plan: Plan
    loops: Loops
    run: Run

    @cached_property
    def extent(self) -> Extent:
        """What its walks have in common."""
        return Extent(self.design.rows, self.design.columns, self.design.formats.max_keys)

    def top(self, probes: bool = False) -> Top:
        """The component."""
        return Top(self.design, self.plan, self.extent, probes)

    def count(self, family: str) -> int:
        """Indices of a rank of the workload."""
        return int(self.schedule.families[family].size)


def hardware_of(schedule: Schedule, stops: Stops | None = None, most_records: int = 1 << 16) -> Hardware:
    """The hardware of a schedule, sized for its workload. Raises `SpecError` for what is not generated, with why.

    >>> from sim.simulate import bound
    >>> work = "attention:queries=8,keys=32,head_dim=8,value_dim=8"
    >>> found = hardware_of(bound(work, "fusemax-fpga:rows=4,cols=4", "fusemax-binding"))
    >>> found.design.rows, found.design.word_bytes, found.design.query_slots, str(found.design.formats.words["RNV"])
    (4, 8, 2, 's39 · 2^-26')
    """
    refuse_schedule(schedule)
    parameters = schedule.parameters
    head_dim, value_dim = (int(parameters.extents[rank]) for rank in FEATURES)
    formats = formats_of(parameters, head_dim, value_dim, int(schedule.families[KEYS].size))
    packed = packed_program(schedule, stops)
    loops = loops_of(packed.program)
    refuse([*too_much(packed, loops)])
    run = stepped(packed, most_records)
    plan = planned(run)
    found = Hardware(schedule, _design(schedule, formats, plan, loops), plan, loops, run)
    refuse([*_mismatches(found)])
    return found


def formats_of(parameters: Parameters, head_dim: int, value_dim: int, max_keys: int) -> Formats:
    """The formats of these sizes, all of them held by the types of their tensors. Raises `SpecError`."""
    formats = Formats(head_dim, value_dim, int(parameters.units[ARRAY].axes["rows"]), max_keys)
    state = parameters.types["RNV"].storage
    try:
        found = replace(formats, state_bits=state.bits)
    except SpecError as error:
        told = Problem(f"state_bits is what types.RNV stores: {state.name}, {state.bits} bits")
        raise SpecError([*error.problems, told]) from None
    refuse([*_type_faults(found, parameters)])
    return found


def refuse_schedule(schedule: Schedule) -> None:
    """Raise `SpecError` with all of a schedule that no hardware is generated for, before anything is made of it."""
    refuse([*_faults(schedule, schedule.parameters)])


def refuse(faults: list[str]) -> None:
    """Raise `SpecError` with all that is wrong, if anything is."""
    if faults:
        raise SpecError([Problem(f"generated hardware {fault}") for fault in faults])


def _type_faults(formats: Formats, parameters: Parameters) -> Iterator[str]:
    """Tensors whose type does not store what the hardware has; elements of the streams are stored as they are."""
    exact = {**dict.fromkeys(INPUTS, INPUT_BITS), OUTPUT: 8 * ELEMENT_BYTES}
    for tensor, word in formats.words.items():
        stored = parameters.types[tensor].storage
        needed = exact.get(tensor, word.bits + (not word.signed))  # types have a sign
        fits = stored.bits == needed if tensor in exact else stored.bits >= needed
        if fits and stored.is_integer and stored.fraction_bits == word.fraction_bits:
            continue
        bits = next(bits for bits in STORED_BITS if bits >= needed)
        type_name = f"fix{bits}.{word.fraction_bits}" if word.fraction_bits else f"int{bits}"
        units = f" in units of 2^-{word.fraction_bits}" if word.fraction_bits else ""
        yield (
            f"has integers of {needed} bits{units} in '{tensor}'; its type {stored.name} stores "
            f"{_stored(stored)}; give types.{tensor}={type_name}"
        )


def _stored(stored: NumberType) -> str:
    """What a type holds, in a few words."""
    if not stored.is_integer:
        return "floating point"
    return f"{stored.bits}" + (f" in units of 2^-{stored.fraction_bits}" if stored.fraction_bits else "")


def _design(schedule: Schedule, formats: Formats, plan: Plan, loops: Loops) -> Design:
    parameters = schedule.parameters
    array, lanes = parameters.units[ARRAY], parameters.units[LANES]
    rows, columns = int(array.axes["rows"]), int(array.axes["cols"])
    return Design(
        formats=formats,
        rows=rows,
        columns=columns,
        array=_latencies(array.natives),
        lanes=_latencies(lanes.natives),
        hop=int(parameters.hop(ARRAY)),
        return_cycles=int(array.return_cycles),
        places={ring: _places(plan, ring) for ring in RINGS},
        query_slots=loops.slots,
        copies={tensor: _copies(plan, tensor) for tensor in BUFFERED},
        word_bytes=int(_word_bytes(schedule)),
        multiplier=parameters.hardware.multiplier if parameters.hardware else "dsp",
        max_queries=int(schedule.families[QUERIES].size),
    )


def _latencies(natives: Mapping[str, Any]) -> Latencies:
    return Latencies(*(int(natives[name].latency) for name in ("mac", "add", "max")))


def _places(plan: Plan, tensor: str) -> int:
    """Places of a ring, as many as its makers may be ahead of its readers; a power of two."""
    ahead = [t.ahead for t in plan.tokens if t.cause == "registers" and tensor in t.consumer.split("+")]
    most = max((number for number in ahead if isinstance(number, int)), default=1)
    return 1 << (most - 1).bit_length()


def _copies(plan: Plan, tensor: str) -> int:
    """Places of tiles that come, or go, while another is in use."""
    line = BUFFERED[tensor]
    waiting, waited = (line, f"drain {tensor}") if tensor == OUTPUT else (f"fill {tensor}", line)
    found = [t.ahead for t in plan.tokens if (t.consumer, t.producer) == (waiting, waited)]
    return next((number for number in found if isinstance(number, int)), 1)


def _word_bytes(schedule: Schedule) -> float:
    bandwidth = schedule.machine.memories[MEMORY].bandwidth_bytes_per_s
    return float(bandwidth / schedule.machine.clock_hz) if bandwidth else 0


def _faults(schedule: Schedule, parameters: Parameters) -> Iterator[str]:
    """What of a schedule no hardware is generated for."""
    if parameters.cascade != CASCADE:
        yield f"does the cascade {CASCADE}; found {parameters.cascade}"
        return
    lines = {"QK": ARRAY, "LM": ARRAY, "SLN": ARRAY, "SLD": ARRAY, "SLNV": ARRAY}
    bound = {name: operation.unit for name, operation in parameters.operations.items()}
    wrong = {name: unit for name, unit in bound.items() if unit != lines.get(name, LANES)}
    if wrong or set(parameters.units) != {ARRAY, LANES}:
        told = ", ".join(f"{name} on {unit}" for name, unit in wrong.items()) or ", ".join(parameters.units)
        yield f"does QK, LM, SLN, SLD and SLNV on {ARRAY} and all else on {LANES}; found {told}; take fusemax-binding"
        return
    if MEMORY not in schedule.machine.memories:
        yield f"has its streams in a memory '{MEMORY}'; the machine has none"
        return
    word = _word_bytes(schedule)
    if word < LEAST_WORD_BYTES or word % LEAST_WORD_BYTES:
        found = f"{word:.6g} bytes" if word else "no limit"
        yield (
            f"takes whole words of {LEAST_WORD_BYTES} bytes in a cycle; '{MEMORY}' brings {found} in one; "
            f"give {MEMORY}.bandwidth as a multiple of {LEAST_WORD_BYTES} B times the clock"
        )
    elif word > MOST_WORD_BYTES:
        clock_hz = schedule.machine.clock_hz
        yield (
            f"takes words of up to {MOST_WORD_BYTES} bytes in a cycle; '{MEMORY}' brings {word * clock_hz:.6g} B/s / "
            f"{clock_hz:.6g} Hz = {word:,.0f} bytes in one; give {MEMORY}.bandwidth of up to "
            f"{MOST_WORD_BYTES * clock_hz:.6g} B/s"
        )
    if schedule.machine.memories[MEMORY].latency_s:
        yield f"has its streams at hand; give {MEMORY}.latency=0s"
    yield from _unit_faults(parameters)


def _unit_faults(parameters: Parameters) -> Iterator[str]:
    """What of the units is not the hardware's."""
    formats = Formats(1, 1, 1)
    steps = {ARRAY: len(formats.weight().series), LANES: len(formats.factor().series)}
    for name, unit in parameters.units.items():
        for native, timing in unit.natives.items():
            if native != "divide" and int(timing.interval) != 1:
                yield f"begins a {native} in every cycle; found an interval of {timing.interval} on '{name}'"
        if unit.sequences.get("exp") != {"mac": steps[name]}:
            found = " and ".join(f"{count} {native}" for native, count in unit.sequences.get("exp", {}).items())
            yield f"makes an exponential of {steps[name]} mac on '{name}'; found {found or 'none'}"
    if parameters.units[LANES].handover != "rows":
        yield f"gives results in rows of all lanes; give {LANES}.handover=rows"
    divide, division = parameters.units[LANES].natives.get("divide"), formats.division.latency
    if divide is None or (int(divide.interval), int(divide.latency)) != (division, division + 1):
        found = f"interval {divide.interval}, latency {divide.latency}" if divide else "none"
        yield f"divides at an interval of {division} and a latency of {division + 1}; found {found} on '{LANES}'"


def _mismatches(found: Hardware) -> Iterator[str]:
    """Where the hardware's beats and words are not those that its plan has."""
    design, plan = found.design, found.plan
    works = {**array_works(design), **lane_works(design)}
    names = {line.name for line in plan.lines}
    if names != {*works, *TRANSFERS}:
        yield f"has the lines {', '.join((*works, *TRANSFERS))}; the program has {', '.join(sorted(names))}"
        return
    for name, work in works.items():
        last = beats(work)[-1]
        cycles = last.cycle + last.native.interval
        if plan.line(name).cycles != cycles:
            yield f"takes {cycles} cycles for {name}; the program has {plan.line(name).cycles}"
    for name in TRANSFERS:
        words = design.tile(name.split()[1]).words
        if plan.line(name).cycles != words:
            yield f"has {words} words in '{name}'; the program has {plan.line(name).cycles} cycles"
    if (late := _too_early(design, plan)) > 0:
        yield (
            f"would give words of AV {late} cycles before its last lane has them: {design.word_bytes} bytes in a cycle "
            f"for a value_dim of {design.formats.value_dim}; give a lower {MEMORY}.bandwidth or a larger value_dim"
        )


def _too_early(design: Design, plan: Plan) -> int:
    """By how many cycles an element of AV would be too late for its word."""
    begins = max(token.cycles for token in plan.tokens if (token.consumer, token.producer) == ("drain AV", "AV"))
    interval = design.formats.division.latency
    return max(
        index * interval + interval + 1 + lane
        - begins - ELEMENT_BYTES * (index * design.tile_queries + lane) // design.word_bytes
        for index in range(design.formats.value_dim)
        for lane in range(design.tile_queries)
    )  # fmt: skip
