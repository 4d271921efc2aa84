"""The entries of a sweep: operations, the tiles that are fetched before them and written after them, and preloads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mappings import Access, Operation, Transfer
from workloads import ceil_div, is_array, least, most

from .analytic import memory_cycles
from .chains import Timing, timing
from .facts import Facts, column
from .program import CHAIN, DRAIN, MEMORY, PORT, PRELOAD, Entry
from .sweeps import Placed, SweepPlan

Table = Any

# Events of entries (docs/cycle.md).
FIRST_BEAT, LAST_BEAT, REDUCTION_RESULT = "first beat", "last beat", "reduction result"
STATE_WRITTEN, TILE_ACCEPTED, RESULT_ACCEPTED = "state written", "operand tile accepted", "result accepted"

TURNS = "turns"  # the resource of mappings whose operations never overlap


@dataclass(frozen=True)
class Line:
    """An entry, and what the waits need to know of it.

    `operations` for those of a unit, else the tensor that moves. `ready` is when a line's values are there: the first
    and the last, as if they came at an even pace; `release` when its operands may be overwritten.
    """

    entry: Entry
    kind: str  # "operation", "preload", "fill" or "drain"
    sweep: int
    path: tuple[str, ...]
    operations: tuple[Operation, ...] = ()
    timing: Timing | None = None
    tensor: str | None = None
    transfer: Transfer | None = None
    given_first: Table = 0
    given_last: Table = 0
    release: Table = 0

    @property
    def name(self) -> str:
        return self.entry.name


@dataclass(frozen=True)
class Lines:
    """The program of one sweep."""

    lines: tuple[Line, ...]
    masked: bool
    group: Any
    flights: Any


def lines_of(facts: Facts, plans: tuple[SweepPlan, ...]) -> list[Lines]:
    """The lines of all sweeps; their rows of ports are `ports.py`'s."""
    builders = [_Builder(facts, plan, i) for i, plan in enumerate(plans)]
    width = max(int(np.max(b.group)) for b in builders)
    built = [b.operation_lines(width) for b in builders]
    fetched: set[int] = set()
    found = []
    for builder, lines in zip(builders, built, strict=True):
        whole = builder.with_transfers(lines, width, fetched)
        found.append(Lines(tuple(whole), builder.masked, builder.group, builder.flights))
    return found


@dataclass(frozen=True)
class _Builder:
    facts: Facts
    plan: SweepPlan
    number: int

    # ------------------------------------------------------------------------------------------------------- groups

    @property
    def works(self) -> list[tuple[tuple[Operation, ...], Placed]]:
        """Operations by entry: those that hand values over within their steps are one, done value by value."""
        operations = self.facts.schedule.operations
        found: list[tuple[tuple[Operation, ...], Placed]] = []
        for placed in self.plan.operations:
            operation = operations[placed.name]
            for at, (before, where) in enumerate(found):
                if (
                    before[-1].name in operation.forwarded
                    and self._streams(before[-1], operation)
                    and where == replace(placed, name=where.name)
                ):
                    found.pop(at)
                    found.append(((*before, operation), where))
                    break
            else:
                found.append(((operation,), placed))
        return found

    def _streams(self, one: Operation, other: Operation) -> bool:
        """Whether the second takes the first's values as they come, on the same elements, step by step."""
        users = [o for o in self.facts.schedule.operations.values() if one.name in o.forwarded]
        return (
            bool(one.steps)
            and all(self.facts.kept_by(one, step) for step in one.steps)
            and (one.unit, one.steps, dict(one.spatial)) == (other.unit, other.steps, dict(other.spatial))
            and users == [other]
        )

    @property
    def masked(self) -> bool:
        """Whether tiles without a visible point are left out."""
        return all(self.facts.schedule.operations[p.name].masked for p in self.plan.operations if not p.first | p.last)

    @property
    def group(self) -> Any:
        """Tiles whose chains take turns: as many as the latency asks for, and as are independent and in flight."""
        path = self.plan.path
        inner = [self.facts.schedule.operations[p.name] for p in self.plan.operations if not p.first | p.last]
        if not path or any(not self.facts.kept_by(o, path[-1]) or o.einsum.iterated == path[-1] for o in inner):
            return 1
        wanted: Any = 1
        for operations, _ in self.works:
            block = self.facts.block(operations)
            longest: Any = 1
            for native in block.sequence:
                longest = most(longest, native.latency)
            alone = ceil_div(longest, block.chains)
            wanted = most(wanted, most(alone * (block.rounds * len(block.sequence) > 1), 1))
        return least(least(wanted, self.facts.parameters.interleave), self.facts.extent(path[-1]))

    @property
    def flights(self) -> Any:
        """Groups in flight at once."""
        return most(self.facts.parameters.interleave // self.group, 1)

    # --------------------------------------------------------------------------------------------------- operations

    def operation_lines(self, width: int) -> list[Line]:
        found = []
        for operations, placed in self.works:
            if self._preloaded(operations[-1]):
                found.append(self._preload(operations, placed, width))
            found.append(self._operation(operations, placed, width))
        return found

    def _operation(self, operations: tuple[Operation, ...], placed: Placed, width: int) -> Line:
        facts, schedule = self.facts, self.facts.schedule
        unit = facts.unit(operations[-1].unit)
        timed = timing(facts.block(operations), width)
        levels = self._levels(operations, width)
        busy = timed.occupancy
        for cycles in levels.values():
            busy = np.maximum(busy, cycles)
        some = np.arange(width + 1) > 0
        done = (timed.given + (busy - timed.occupancy) + column(facts.skew(unit))) * some
        hold = busy if schedule.fold_overlap or DRAIN in facts.relaxed else done
        holds = {unit.name: hold, **levels}
        if schedule.overlap == "none" and len(schedule.operations) > 1:
            holds[TURNS] = done
        extra = {CHAIN: timed.occupancy - timed.slots, MEMORY: busy - timed.occupancy, DRAIN: hold - busy}
        name = "+".join(o.name for o in operations)
        entry = Entry(
            name,
            tuple(o.name for o in operations),
            unit.name,
            holds,
            done,
            timed.occupancy,
            placed.first,
            placed.last,
            extra,
            marks_of(facts, operations, timed, busy - timed.occupancy),
        )
        late = busy - timed.occupancy
        pace = timed.given - timed.spread + late
        return Line(
            entry, "operation", self.number, self.plan.path, operations, timed, None, None,
            pace * some, (timed.given + late) * some, busy,
        )  # fmt: skip

    def _levels(self, operations: tuple[Operation, ...], width: int) -> dict[str, Table]:
        """Cycles for which the bandwidth of memories is taken by what the operations read, and write, themselves."""
        found: dict[str, Table] = {}
        outermost = next(iter(self.facts.schedule.machine.memories))
        for operation in operations:
            for access in operation.accesses:
                posted = access.action == "write" and access.level == outermost
                cycles = None if posted else self.cycles(access.level, access.tensor, self._words(access), width)
                if cycles is not None:
                    found[access.level] = found.get(access.level, 0) + cycles
        return found

    def _words(self, access: Access) -> Any:
        """Words that an access moves for one tile."""
        around = set(self.plan.path)
        return self.facts.product(dict.fromkeys(p for p in (*access.steps, *access.parts) if p not in around))

    def cycles(self, level: str, tensor: str, words: Any, width: int) -> Table | None:
        """Cycles that a memory takes for words of 0 to `width` tiles; None if its bandwidth is not limited."""
        machine = self.facts.schedule.machine
        bandwidth = machine.memories[level].bandwidth_bytes_per_s
        if bandwidth is None or MEMORY in self.facts.relaxed:
            return None
        tiles = [ceil_div(words * k * self.facts.bits(tensor), 8) for k in range(width + 1)]
        if any(is_array(t, machine.clock_hz, bandwidth) for t in tiles):
            return np.stack(
                [
                    np.broadcast_to(
                        memory_cycles(column(t)[:, 0], machine.clock_hz, bandwidth),
                        np.broadcast_shapes(np.shape(t), np.shape(bandwidth), np.shape(machine.clock_hz), (1,)),
                    )
                    for t in tiles
                ],
                axis=-1,
            )
        return np.array([[memory_cycles(t, machine.clock_hz, bandwidth) for t in tiles]], dtype=np.int64)

    def _preloaded(self, operation: Operation) -> bool:
        """Whether an operand from memory stays in its elements while steps go by: it lies on every axis of an array."""
        placed = set(operation.spatial.values())
        return (
            PRELOAD not in self.facts.relaxed
            and "rows" in self.facts.unit(operation.unit).axes
            and bool(operation.steps)
            and any(a.cause == "operand" and not a.steps and placed <= set(a.parts) for a in operation.accesses)
        )

    def _preload(self, operations: tuple[Operation, ...], placed: Placed, width: int) -> Line:
        """The operand is shifted in along the rows; with folds that overlap into a second set of registers."""
        facts = self.facts
        unit = facts.unit(operations[-1].unit)
        name = "+".join(o.name for o in operations)
        cycles = column(unit.axes["rows"]) * np.arange(width + 1)
        ahead = facts.schedule.fold_overlap
        entry = Entry(
            f"preload {name}",
            (),
            None if ahead else unit.name,
            {f"{unit.name} loader" if ahead else unit.name: cycles},
            cycles,
            cycles,
            placed.first,
            placed.last,
            {} if ahead else {PRELOAD: cycles},
        )
        return Line(
            entry, "preload", self.number, self.plan.path, given_first=cycles, given_last=cycles, release=cycles
        )

    # ---------------------------------------------------------------------------------------------------- transfers

    def with_transfers(self, lines: list[Line], width: int, fetched: set[int]) -> list[Line]:
        """The lines with fills before the first line that needs them, and drains after the last that makes them."""
        transfers = [t for _, nest in self.facts.schedule.nests() for t in nest.transfers]
        found: list[Line] = []
        for line in lines:
            for transfer in transfers:
                if (
                    transfer.kind == "fill"
                    and id(transfer) not in fetched
                    and reads(line, transfer.tensor, transfer.inner)
                ):
                    fetched.add(id(transfer))
                    found += self._moved(transfer, line, width)
            found.append(line)
            for transfer in transfers:
                if transfer.kind == "drain" and any(o.name == transfer.tensor for o in line.operations):
                    found += self._moved(transfer, line, width)
            found += self._posted(line, width)
        return found

    def _moved(self, transfer: Transfer, line: Line, width: int) -> list[Line]:
        """A fill or a drain, tile by tile of the sweep; nothing if no memory takes time for it."""
        own = transfer.accesses[0].parts
        again = frozenset(p for p in self.plan.path if p not in own and p not in transfer.loops)
        filled = transfer.kind == "fill"
        words = self.facts.product(p for p in own if p not in self.plan.path)
        first = line.entry.first | (again if filled else frozenset())
        last = line.entry.last | (frozenset() if filled else again)
        name = f"{transfer.kind} {transfer.tensor}"
        inner = list(self.facts.schedule.machine.memories)
        if inner.index(transfer.inner) > 1:
            name += f" {transfer.inner}"
        return self._transfer(name, transfer, (transfer.outer, transfer.inner), words, first, last, width)

    def _posted(self, line: Line, width: int) -> list[Line]:
        """Results that go straight to the outermost memory wait beside the array until it takes them."""
        found = []
        outermost = next(iter(self.facts.schedule.machine.memories))
        for operation in line.operations:
            for access in operation.accesses:
                if access.action == "write" and access.level == outermost:
                    name, words = f"drain {operation.name}", self._words(access)
                    moved = Transfer(operation.name, outermost, outermost, "drain", access.loops, (access,))
                    found += self._transfer(name, moved, (outermost,), words, line.entry.first, line.entry.last, width)
        return found

    def _transfer(
        self,
        name: str,
        transfer: Transfer,
        levels: tuple[str, ...],
        words: Any,
        first: frozenset[str],
        last: frozenset[str],
        width: int,
    ) -> list[Line]:
        memories = self.facts.schedule.machine.memories
        holds = {}
        for level in levels:
            cycles = self.cycles(level, transfer.tensor, words, width)
            if cycles is not None:
                holds[level] = cycles
        latency = self.latency(levels[0])
        outermost = next(iter(memories))
        stops = self.facts.stopped(transfer.tensor) if outermost in levels else ()
        ported = any(memories[level].ports is not None and PORT not in self.facts.relaxed for level in levels)
        if not holds and not ported and not stops and not np.any(np.asarray(latency) > 0):
            return []
        some = np.arange(width + 1) > 0
        busy = np.zeros((1, width + 1), dtype=np.int64)
        for cycles in holds.values():
            busy = np.maximum(busy, cycles)
        holds = holds or {levels[0]: 0 * busy}  # what takes no time still keeps its turn
        done = busy + column(latency if transfer.kind == "fill" else 0) * some
        marks = {TILE_ACCEPTED if transfer.kind == "fill" else RESULT_ACCEPTED: done}
        entry = Entry(name, (), None, holds, done, busy, first, last, {}, marks, stops)
        where = (entry, transfer.kind, self.number, self.plan.path)
        return [Line(*where, (), None, transfer.tensor, transfer, done, done, busy)]

    def latency(self, level: str) -> Any:
        """Cycles from a request to a memory to its data."""
        return memory_latency(self.facts, level)


def marks_of(facts: Facts, operations: tuple[Operation, ...], timed: Timing, late: Table) -> dict[str, Table]:
    """Events of an entry in the first element, or at the first lane below it; its last beat comes `late`."""
    last = operations[-1]
    lone = timed.beats == 1  # the first beat is the last one
    given = timed.given + late
    marks = {FIRST_BEAT: np.where(lone, late, 0), LAST_BEAT: np.maximum(given - timed.latency, 0)}
    if facts.gathers(last):
        marks[REDUCTION_RESULT] = given + column(facts.descent(facts.unit(last.unit)))
    if last.einsum.iterated is not None:
        marks[STATE_WRITTEN] = given
    return marks


def memory_latency(facts: Facts, level: str) -> Any:
    """Cycles from a request to a memory to its data, rounded up; none where it is not stated."""
    latency_s = facts.schedule.machine.memories[level].latency_s
    if latency_s is None or MEMORY in facts.relaxed:
        return 0
    return np.ceil(np.round(np.asarray(latency_s) * facts.schedule.machine.clock_hz, 6)).astype(np.int64)


def reads(line: Line, tensor: str, level: str) -> bool:
    """Whether a line reads a tensor from a level, or hands it on from there."""
    if line.transfer is not None:
        return line.kind == "fill" and line.tensor == tensor and line.transfer.outer == level
    return any(
        a.tensor == tensor and a.level == level and a.action == "read" for o in line.operations for a in o.accesses
    )
