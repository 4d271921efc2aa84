"""What the entries of a program wait for: operands, tiles from memory, buffer space and registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mappings import Operation
from workloads import choose, is_array

from .entries import Line, Lines, memory_latency, reads
from .facts import Facts, column
from .program import MEMORY, OPERAND, PRELOAD, REGISTERS, ROUND_TRIP, SPACE, STREAM, Wait

Table = Any
BOTH_COPIES = 2  # a tile that is used, and the next one


def waits_of(facts: Facts, prefix: tuple[str, ...], lines: list[Lines]) -> tuple[Wait, ...]:
    """All waits of a program."""
    return tuple(_Waits(facts, prefix, tuple(line for each in lines for line in each.lines)).all())


@dataclass(frozen=True)
class _Waits:
    facts: Facts
    prefix: tuple[str, ...]
    lines: tuple[Line, ...]

    def all(self) -> Iterator[Wait]:
        copies = self._copies()
        for line in self.lines:
            if line.kind == "operation":
                yield from self._operands(line)
                yield from self._preloads(line)
            elif line.kind == "fill":
                yield from self._fill(line, copies.get(line.name, 1))
            elif line.kind == "drain":
                yield from self._drain(line)

    def maker(self, tensor: str) -> Line | None:
        """The line of the operation that makes a tensor."""
        return next((line for line in self.lines if any(o.name == tensor for o in line.operations)), None)

    # ----------------------------------------------------------------------------------------------------- operands

    def _operands(self, line: Line) -> Iterator[Wait]:
        """Waits for other operations' results, in registers or through a memory."""
        inside = {o.name for o in line.operations}
        for at, operation in enumerate(line.operations):
            for read in dict.fromkeys((r.tensor, r.version) for r in operation.einsum.reads):
                tensor, version = read
                maker = self.maker(tensor)
                if maker is None or (tensor in inside and version != "previous"):
                    continue
                if version == "previous" and tensor in operation.forwarded:
                    continue  # whoever overwrites the state hands the version before on
                yield from self._operand(line, at, operation, maker, tensor, version)

    def _operand(
        self, line: Line, at: int, operation: Operation, maker: Line, tensor: str, version: str
    ) -> Iterator[Wait]:
        kind, reach, strides = self._meeting(line, maker, tensor, version)
        path, cause = self._way(maker, tensor, operation, version)
        assert line.timing is not None
        assert maker.timing is not None
        native = sum(len(self.facts.natives(o)) for o in line.operations[:at])
        begins = line.timing.begins[native]
        slots, pace = self._slots(strides), self._pace(line, native, operation, tensor)
        lead = maker.given_first + self._apart(line, native, maker, operation, tensor) + path
        yield Wait(
            line.name, maker.name, kind, lead, begins, cause, reach, strides, slots,
            given_pace=maker.timing.pace, taken_pace=pace,
        )  # fmt: skip
        forwarded = tensor in operation.forwarded and kind == "same" and maker.name != line.name
        if forwarded and not line.entry.conditional and not maker.entry.conditional:
            grows = self.facts.block(maker.operations).rounds
            first = np.where(column(grows) > 1, 0, self._lands(maker) + path)  # a sum in place is begun at once
            yield from self._unless(Wait(maker.name, line.name, "ring", line.release, first, REGISTERS))
        part = self.facts.schedule.operations[tensor].einsum.iterated
        if kind == "same" and part is not None and not forwarded and maker.name != line.name:
            place = self._strides(p for p in line.path[line.path.index(part) + 1 :] if p in self._carried(tensor))
            yield from self._unless(  # the next head's state lies where this one's last value is read
                Wait(
                    maker.name, line.name, "slot", line.release, self._lands(maker), SPACE, 1, place, self._slots(place)
                )
            )
        if kind == "slot" and reach == 0 and maker.sweep != line.sweep:
            yield from self._unless(
                Wait(maker.name, line.name, "slot", line.release, self._lands(maker), SPACE, 0, strides, slots)
            )

    def _lands(self, maker: Line) -> Table:
        """When the first value of an operation is written, at the earliest."""
        assert maker.timing is not None
        late = maker.release - maker.timing.occupancy  # of the only beat
        return maker.timing.first + np.where(maker.timing.beats == 1, late, 0)

    def _unless(self, wait: Wait) -> Iterator[Wait]:
        if wait.cause not in self.facts.relaxed:
            yield wait

    def _meeting(self, line: Line, maker: Line, tensor: str, version: str) -> tuple[str, int, dict[str, Any]]:
        """How a consumer finds the start of its producer: kind, reach and strides of the wait."""
        own = self._carried(tensor)
        if version == "previous":
            part = self.facts.schedule.operations[tensor].einsum.iterated
            assert part is not None
            after = line.path[line.path.index(part) + 1 :]
            return "slot", 1, self._strides(p for p in after if p in own)
        if maker.sweep != line.sweep:
            after = line.path[len(self.prefix) :]
            return "slot", 0, self._strides(p for p in after if p in own and p in maker.path)
        where = maker.entry.first | maker.entry.last
        if where and not where <= line.entry.first | line.entry.last:
            outermost = min(line.path.index(p) for p in where)
            return "slot", 0, self._strides(p for p in line.path[outermost:] if p in own and p not in where)
        return "same", 0, {}

    def _carried(self, tensor: str) -> set[str]:
        """The parts that a result is indexed by."""
        operation = self.facts.schedule.operations[tensor]
        return {p for p in (*operation.loops, *operation.steps) if self.facts.kept_by(operation, p)}

    def _strides(self, loops: Iterable[str]) -> dict[str, Any]:
        """Slots numbered by loops, the innermost fastest."""
        strides: dict[str, Any] = {}
        size: Any = 1
        for loop in reversed(list(loops)):
            strides[loop] = size
            size = size * self.facts.extent(loop)
        return strides

    def _slots(self, strides: Mapping[str, Any]) -> Any:
        size: Any = 1
        for loop in strides:
            size = size * self.facts.extent(loop)
        return size

    def _summed(self, operation: Operation, tensor: str) -> bool:
        """Whether an operand is summed over in place, in steps in which it is made: all of it is waited for."""
        carried = self._carried(tensor)
        return any(step in carried and not self.facts.kept_by(operation, step) for step in operation.steps)

    def _pace(self, line: Line, native: int, operation: Operation, tensor: str) -> Table:
        """Cycles from tile to tile at which a native operation takes an operand."""
        assert line.timing is not None
        interval = line.timing.intervals[native]
        if self._summed(operation, tensor):
            return 0 * interval
        return line.timing.chains * interval if self._carried(tensor) & set(operation.steps) else interval

    def _apart(self, line: Line, native: int, maker: Line, operation: Operation, tensor: str) -> Table:
        """How much more than a tile's first value another one asks for, at the paces at which they are made and taken.

        Both may go through the steps in different orders. That is linear in each step, so it is a first or last one.
        """
        assert line.timing is not None and maker.timing is not None
        made = self._step_strides(self.facts.schedule.operations[tensor], maker.timing.intervals[-1])
        summed = self._summed(operation, tensor)
        taken = {} if summed else self._step_strides(operation, line.timing.intervals[native])
        late: Table = 0 * line.timing.intervals[native]
        for step, stride in made.items():
            more = np.maximum(stride - taken.get(step, 0), 0)
            late = late + more * (column(self.facts.steps([step])) - 1)
        return late

    def _step_strides(self, operation: Operation, interval: Table) -> dict[str, Table]:
        """Cycles from one iteration of each step to the next, for results that begin one every `interval`."""
        found: dict[str, Table] = {}
        size: Table = interval
        for step in reversed(operation.steps):
            if self.facts.kept_by(operation, step):
                found[step] = size
                size = size * column(self.facts.steps([step]))
        return found

    def _way(self, maker: Line, tensor: str, operation: Operation, version: str) -> tuple[Any, str]:
        """Cycles from a result to where it is taken, and the cause of waiting for it."""
        facts = self.facts
        made = facts.schedule.operations[tensor]
        source, target = facts.unit(made.unit), facts.unit(operation.unit)
        forwarded = tensor in operation.forwarded and version != "previous"
        levels = [a.level for a in operation.accesses if a.tensor == tensor and a.action == "read" and not forwarded]
        leaves = facts.gathers(made) or source.name != target.name or (bool(levels) and "rows" in source.axes)
        cycles = column(memory_latency(facts, levels[0])) if levels else column(0)
        if leaves and ROUND_TRIP not in facts.relaxed:
            cycles = cycles + column(facts.descent(source))
        if not leaves or "rows" not in target.axes:
            return cycles, OPERAND
        if ROUND_TRIP in facts.relaxed:
            return cycles, ROUND_TRIP
        return cycles + column(facts.parameters.units[target.name].return_cycles), ROUND_TRIP

    # ----------------------------------------------------------------------------------------------------- preloads

    def _preloads(self, line: Line) -> Iterator[Wait]:
        name = f"preload {line.name}"
        preload = next((other for other in self.lines if other.name == name), None)
        if preload is None:
            return
        yield Wait(line.name, name, "same", preload.given_last, 0 * preload.given_last, PRELOAD)
        if preload.entry.unit is None:  # the second set of registers is free once the fold before has begun
            yield Wait(name, line.name, "ring", 0 * preload.given_last, 0 * preload.given_last, REGISTERS)

    # ---------------------------------------------------------------------------------------------------- transfers

    def _fill(self, line: Line, copies: Any) -> Iterator[Wait]:
        """Whoever reads a tile waits for it; it waits for the space of an earlier one, and for the level above."""
        assert line.transfer is not None and line.tensor is not None
        zero = 0 * line.given_last
        strides = self._tile_strides(line)
        slots = self._slots(strides)
        turn: dict[str, Any] = {"copies": copies, "turn": line.name} if np.any(np.asarray(copies) > 1) else {}
        cause = STREAM if line.entry.stops else MEMORY
        for other in self._users(line):
            waiting = self._preload_of(other)
            yield Wait(waiting.name, line.name, "slot", line.given_last, zero, cause, 0, strides, slots, **turn)
            yield from self._unless(
                Wait(
                    line.name,
                    other.name,
                    "slot",
                    other.release,
                    zero,
                    SPACE,
                    copies,
                    strides,
                    slots,
                    **turn,
                )
            )
        above = next(
            (
                o
                for o in self.lines
                if o.kind == "fill" and o.tensor == line.tensor and o is not line and self._feeds(o, line)
            ),
            None,
        )
        maker = self.maker(line.tensor)
        if maker is not None and above is None:
            kind, reach, made = self._meeting(line, maker, line.tensor, "final")
            yield Wait(line.name, maker.name, kind, maker.given_last, zero, OPERAND, reach, made, self._slots(made))

    def _preload_of(self, line: Line) -> Line:
        """The preload before an operation, if it has one: the first that needs the operand."""
        return next((o for o in self.lines if o.name == f"preload {line.name}"), line)

    def _feeds(self, one: Line, other: Line) -> bool:
        return one.transfer is not None and other.transfer is not None and one.transfer.inner == other.transfer.outer

    def _users(self, line: Line) -> list[Line]:
        assert line.transfer is not None and line.tensor is not None
        return [o for o in self.lines if o is not line and reads(o, line.tensor, line.transfer.inner)]

    def _tile_strides(self, line: Line) -> dict[str, Any]:
        """Numbers for tiles that are there at once: by their loops inside of the outermost one that uses them again."""
        assert line.transfer is not None
        own = line.transfer.accesses[0].parts
        again = [i for i, p in enumerate(line.path) if p in line.entry.first | line.entry.last]
        return self._strides(p for p in line.path[min(again) :] if p in own) if again else {}

    def _copies(self) -> dict[str, Any]:
        """Fills whose tile has room twice, the smallest first: the next tile comes while one is used."""
        schedule = self.facts.schedule
        found: dict[str, Any] = {}
        for memory in schedule.machine.memories.values():
            kept = {k.tensor: k.size_bytes for k in schedule.kept if k.level == memory.name}
            spare = None if memory.size_bytes is None else memory.size_bytes - schedule.footprint_bytes(memory.name)
            fills = [
                line
                for line in self.lines
                if line.kind == "fill" and line.transfer is not None and line.transfer.inner == memory.name
            ]
            twice = [line for line in fills if self._may_come_twice(line)]
            sizes = [kept[str(line.tensor)] for line in twice]
            for i, line in enumerate(twice):
                fits = spare is None or _up_to(sizes, i) <= spare
                found[line.name] = np.where(fits, BOTH_COPIES, 1) if is_array(fits) else BOTH_COPIES if fits else 1
        return found

    def _may_come_twice(self, line: Line) -> bool:
        """Whether inner loops use a tile again, all of them in its sweep, and there is one of it at a time."""
        users = self._users(line)
        return (
            bool(line.entry.conditional) and not self._tile_strides(line) and all(u.sweep == line.sweep for u in users)
        )

    def _drain(self, line: Line) -> Iterator[Wait]:
        """A tile is written once it is made; what goes straight to memory waits beside the array, two tiles of it."""
        assert line.transfer is not None and line.tensor is not None
        maker = self.maker(line.tensor)
        if maker is None:
            return
        operation = self.facts.schedule.operations[line.tensor]
        source = self.facts.unit(operation.unit)
        zero = 0 * line.given_last
        kind, reach = ("same" if maker.sweep == line.sweep else "slot"), 0
        posted = line.transfer.outer == line.transfer.inner
        # In rows of all elements: the last of them has to have its part, and when the rows are gone cannot be foreseen.
        whole = posted and source.handover == "rows"
        way = column(self.facts.skew(source) if whole else self.facts.descent(source))
        first = maker.given_first if posted else maker.given_last
        yield Wait(line.name, maker.name, kind, first + way, zero, OPERAND, reach)
        if posted:
            late = np.maximum(line.release - 1, 0)
            yield Wait(line.name, maker.name, kind, maker.given_last + way, late, OPERAND, reach)
            yield from self._unless(
                Wait(
                    maker.name,
                    line.name,
                    "slot",
                    line.release,
                    zero if whole else maker.given_first,
                    SPACE,
                    BOTH_COPIES,
                    {},
                    1,
                    BOTH_COPIES,
                    line.name,
                )
            )


def _up_to(sizes: Sequence[Any], place: int) -> Any:
    """The sum of sizes from the smallest to the one at a place; of equal ones the first comes first."""
    own = sizes[place]
    whole = own
    for i, size in enumerate(sizes):
        if i != place:
            whole = whole + choose((size <= own) if i < place else (size < own), size, 0)
    return whole
