"""The engine against a stepped array: starts, events, the end and the numbers of one case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from arch import machine
from mappings import Schedule, mapping, schedule
from sim.events import STALL_BEGIN, STALL_END, events
from sim.lowering import lower
from sim.packing import pack
from sim.program import MEMORY, OPERAND, ROUND_TRIP, Program
from sim.running import EVERYTHING, Record, Run, run
from specs import Infeasible
from tests.sim.array_elements import Reference
from tests.sim.array_lines import Order
from tests.sim.array_machine import Host
from tests.sim.plain_engine import by_start
from tests.workloads.attention import Shape, by_cascade, draw_inputs
from workloads import workload

Case = tuple[Shape, dict[str, Any], str]  # sizes, what the machine has of its own, the mapping
MOST_RECORDS = 100_000
REGISTERS = {"array_2d.registers": 64, "array_1d.registers": 512}
TIMED = (
    "array_2d.operations.mac", "array_2d.operations.max", "array_2d.operations.add", "array_1d.operations.mac",
    "array_1d.operations.max", "array_1d.operations.add", "array_1d.operations.divide",
)  # fmt: skip


def bound(case: Case) -> Schedule:
    shape, arch, by = case
    work: dict[str, Any] = {
        "batch": shape.batch,
        "kv_heads": shape.kv_heads,
        "heads": shape.kv_heads * shape.group,
        "queries": shape.queries,
        "keys": shape.keys,
        "head_dim": shape.head_dim,
        "value_dim": shape.value_dim,
        "causal": str(shape.causal).lower(),
    }
    if shape.window is not None:
        work["window"] = shape.window
    host = machine(f"fusemax-cloud:{_listed(REGISTERS | arch)}")
    return schedule(workload(f"attention:{_listed(work)}"), host, mapping(by))[1]


def _listed(values: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def order_of(done: Run) -> Order:
    """What the array is given: the engine's groups, and the ages and places of the entries."""
    (sweep,) = done.packed.program.sweeps
    names = [e.name for e in sweep.entries]
    places = done.outcome.places[0].tolist()
    ages = {name: int(done.age(name)[0]) for name in names}
    rings = [wait for wait in done.packed.program.waits if wait.kind == "ring"]
    early = frozenset((w.consumer, w.producer) for w in rings if w.lead[0, 1] < w.lag[0, 1])
    return Order(int(np.max(sweep.group)), ages, dict(zip(names, places, strict=True)), early)


def engine(program: Program, jump: bool = True) -> Run:
    return run(pack(program), jump, EVERYTHING, MOST_RECORDS)


def inputs(case: Case) -> dict[str, np.ndarray]:
    return draw_inputs(case[0], seed=1, largest_score=3.0)


@dataclass(frozen=True)
class Comparison:
    """A cascade, and the array that runs it: `array(schedule, order, inputs[, starts])`."""

    cascade: str
    array: Callable[..., Reference]

    def stepped(self, case: Case, by: Schedule, done: Run) -> Reference:
        """The array's own run, in the engine's order."""
        return self.array(by, order_of(done), inputs(case))

    def assert_agrees(self, case: Case) -> None:
        """Starts of every entry for every tile, events and the end are the engine's, stepped and jumped."""
        by = bound(case)
        one, other = engine(lower(by)), engine(lower(by), jump=False)
        reference = self.stepped(case, by, other)
        assert by_start(one.records) == by_start(other.records) == by_start(reference.records)
        assert one.cycles[0] == other.cycles[0] == reference.cycles
        happened = events(other)
        assert {e for e in happened if e.event not in (STALL_BEGIN, STALL_END)} == reference.events
        begins = {(e.unit, e.cycle, e.index) for e in happened if e.event == STALL_BEGIN}
        ends = {(e.unit, e.cycle, e.index) for e in happened if e.event == STALL_END}
        assert begins == {(unit, begin, tile) for unit, begin, _, tile in reference.stalls}
        assert ends == {(unit, end, tile) for unit, _, end, tile in reference.stalls}
        self.assert_numbers(case, reference)

    def assert_replays(self, case: Case, **options: bool) -> None:
        """With the engine's starts no element misses an operand, and the numbers are the oracle's."""
        by = bound(case)
        done = engine(lower(by), jump=False)
        self.assert_numbers(case, self.array(by, order_of(done), inputs(case), starts_of(done), **options))

    def assert_numbers(self, case: Case, reference: Reference) -> None:
        wanted = by_cascade(self.cascade, case[0], inputs(case))["AV"]
        np.testing.assert_allclose(reference.output, wanted, rtol=1e-12, atol=1e-12)

    def notices(self, case: Case, program: Program) -> bool:
        """Whether the engine's starts for a changed program differ from the array's."""
        by, done = bound(case), engine(program)
        return by_start(done.records) != by_start(self.stepped(case, by, done).records)

    def noticed_when_longer(self, cases: Iterable[Case]) -> set[tuple[str, str, str]]:
        """Consumer, producer and cause of the waits of which it is seen that they are a cycle longer."""
        found = set()
        for case in cases:
            self.assert_agrees(case)
            program = lower(bound(case))
            for i, wait in enumerate(program.waits):
                longer = replace(wait, lead=wait.lead + 1)
                if self.notices(case, replace(program, waits=(*program.waits[:i], longer, *program.waits[i + 1 :]))):
                    found.add((wait.consumer, wait.producer, wait.cause))
        return found

    def noticed_when_early(self, case: Case) -> int:
        """Starts that waited for a value; an element misses it if they are a cycle earlier. How many there are."""
        by = bound(case)
        done = engine(lower(by))
        units = {e.name for e in done.packed.program.entries if e.unit is not None}
        waited = [r for r in done.records if r.cause in (OPERAND, ROUND_TRIP, MEMORY) and r.entry in units and r.start]
        idle = [r for r in waited if idle_before(done, r)]
        for each in idle:
            early = starts_of(done) | {(each.entry, each.tile): each.start - 1}
            with pytest.raises(AssertionError, match="cycle"):
                self.array(by, order_of(done), inputs(case), early)
        return len(idle)

    def noticed_when_shorter(self, case: Case) -> set[tuple[str, str]]:
        """Of several waits for the same thing the shorter one makes no difference, so all of them are shortened."""
        program = lower(bound(case))
        found = set()
        for pair in {(w.consumer, w.producer) for w in program.waits}:
            waits = [replace(w, lead=w.lead - 1) if (w.consumer, w.producer) == pair else w for w in program.waits]
            if self.notices(case, replace(program, waits=tuple(waits))):
                found.add(pair)
        return found


def draw_machine(
    draw: Any, sizes: Mapping[str, int], buffers: Sequence[str], timed: bool, ported: bool
) -> dict[str, Any]:
    """Keys of a machine; `timed` draws the return path and the latency of everything, `ported` the buffer's ports."""
    arch: dict[str, Any] = {
        **sizes,
        "buffer.size": draw(st.sampled_from(buffers)),
        "dram.bandwidth": draw(st.sampled_from(["100000GiB/s", "8GiB/s", "2GiB/s", "500MiB/s"])),
    }
    if timed:
        arch["array_2d.return_path"] = draw(st.sampled_from(["broadcast", "wrap"]))
        arch["array_1d.handover"] = draw(st.sampled_from(["wavefront", "rows"]))
        arch |= {f"{name}.latency": f"{draw(st.integers(0, most))}ns" for name, most in (("dram", 60), ("buffer", 5))}
        latencies = {operation: draw(st.integers(1, 4)) for operation in TIMED}
        arch |= {f"{operation}.latency": latency for operation, latency in latencies.items()}
        if draw(st.booleans()):
            arch |= {f"{operation}.interval": draw(st.integers(1, latencies[operation])) for operation in TIMED}
    if ported:
        arch["buffer.ports"] = draw(st.sampled_from(["1RW", "1R1W"]))
    return arch


def fitting(case: Case, host: Callable[[Schedule], Host], most_tiles: int) -> Case:
    """The case, if it fits its machine and is small enough to be stepped element by element; else it is not drawn."""
    try:
        by = bound(case)
    except Infeasible:
        assume(False)
    assume(len(host(by).tiles) <= most_tiles)
    return case


def starts_of(done: Run) -> dict[tuple[str, int], int]:
    return {(r.entry, r.tile): r.start for r in done.records}


def idle_before(done: Run, record: Record) -> bool:
    """Whether nothing that it holds is held in the cycle before, so that it was an operand that was waited for."""
    entries = {e.name: e for e in done.packed.program.entries}
    return all(
        not r.start <= record.start - 1 < r.start + int(entries[r.entry].holds[resource][0, r.tiles])
        for r in done.records
        for resource in entries[record.entry].holds
        if resource in entries[r.entry].holds
    )


def small(**numbers: Any) -> dict[str, Any]:
    """A machine of one element and one lane, and fetches of one cycle."""
    named = {name.replace("__", "."): value for name, value in numbers.items()}
    return {"array_2d.rows": 1, "array_2d.cols": 1, "dram.bandwidth": "100000GiB/s"} | named
