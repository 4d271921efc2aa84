"""Brute force: executes a schedule loop by loop, moves numbers, and counts every access as it happens.

For tiny sizes only. It shares no arithmetic with `counts.py`: visits are noticed because the loops around an access
have moved, words are enumerated one by one, and a value that was not kept is gone. Tests hold its counts equal to the
closed forms and its results equal to the oracle.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from workloads import Access as TensorAccess
from workloads import Cascade, Number
from workloads.cascade import REDUCTIONS, Read
from workloads.notation import Expression
from workloads.oracle import elementwise

from .schedule import Access, Nest, Operation, Schedule, Transfer

Coordinates = tuple[int, ...]
Context = dict[str, int]


@dataclass
class Tally:
    """What was counted: per access visits, words and rows; per operation points, busy cycles, actions, arrivals."""

    visits: Counter[Access] = field(default_factory=Counter)
    words: Counter[Access] = field(default_factory=Counter)
    rows: Counter[Access] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    cycles: Counter[str] = field(default_factory=Counter)
    arrivals: Counter[str] = field(default_factory=Counter)
    accumulations: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Interpretation:
    """The counts and the outputs, indexed by whole ranks as the oracle's are."""

    tally: Tally
    outputs: Mapping[str, Any]


def interpret(schedule: Schedule, cascade: Cascade, inputs: Mapping[str, Any]) -> Interpretation:
    """Runs a schedule on inputs indexed by whole ranks (`K[b, n, e, m]`), in float64."""
    machine = _Interpreter(schedule, cascade)
    for name, value in inputs.items():
        machine.load(name, np.asarray(value, dtype=np.float64))
    machine.run(schedule.root, {}, ())
    return Interpretation(machine.tally, {name: machine.output(name) for name in cascade.outputs})


class _Interpreter:
    def __init__(self, schedule: Schedule, cascade: Cascade) -> None:
        self.schedule, self.cascade = schedule, cascade
        self.tally = Tally()
        self.stores: dict[str, dict[str, dict[Coordinates, float]]] = defaultdict(lambda: defaultdict(dict))
        self.registers: dict[str, dict[Coordinates, float]] = {}
        self.overwritten: dict[str, dict[Coordinates, float]] = {}
        self.written: dict[str, set[Coordinates]] = defaultdict(set)
        self.last_key: dict[Any, Any] = {}
        self.home = next(iter(schedule.machine.memories))
        self.order = {p.name: (f.name, i) for f in schedule.families.values() for i, p in enumerate(f.parts)}

    # ------------------------------------------------------------------ geometry

    def start(self, family: str, context: Mapping[str, int]) -> int | None:
        """First element of the chunk that a context selects; None if it lacks the outermost part."""
        parts = self.schedule.families[family].parts
        if parts[0].name not in context:
            return None
        return sum(context[p.name] * p.chunk for p in parts if p.name in context)

    def interval(self, family: str, context: Mapping[str, int]) -> tuple[int, int]:
        """The elements [begin, end) of a rank that a context selects."""
        whole = self.schedule.families[family]
        chosen = [p for p in whole.parts if p.name in context]
        if not chosen or chosen[0] is not whole.parts[0]:
            return 0, whole.size
        begin = self.start(family, context) or 0
        return begin, min(begin + chosen[-1].chunk, whole.size)

    def exists(self, context: Mapping[str, int]) -> bool:
        """Whether every rank's chunk starts within its size."""
        for family in {self.order[p][0] for p in context}:
            begin = self.start(family, context)
            if begin is not None and begin >= self.schedule.families[family].size:
                return False
        return True

    def visible(self, context: Mapping[str, int]) -> bool:
        """Whether some point of the chunks of the two masked ranks is within the band."""
        band = self.schedule.band
        if band is None:
            return True
        rows = range(*self.interval(band.row, context))
        columns = range(*self.interval(band.column, context))
        return any(
            (band.low is None or c - r >= band.low) and (band.high is None or c - r <= band.high)
            for r in rows
            for c in columns
        )

    def indices(self, parts: tuple[str, ...], context: Context) -> Iterator[Context]:
        """Every setting of `parts` that exists within a context, the first part slowest."""
        ranges = [range(int(self.schedule.families[self.order[p][0]].extent(p))) for p in parts]
        for setting in product(*ranges):
            full = {**context, **dict(zip(parts, setting, strict=True))}
            if self.exists(full):
                yield full

    # ------------------------------------------------------------------ values in and out

    def parts_of(self, tensor: str) -> tuple[str, ...]:
        ranks = self.cascade.tensors[tensor].stored_ranks
        found: list[str] = []
        for rank in ranks:
            family = self.schedule.families.get(rank)
            found += [p.name for p in family.parts] if family and len(self.cascade.parts[rank]) == 1 else [rank]
        return tuple(found)

    def load(self, name: str, value: Any) -> None:
        families = list(dict.fromkeys(self.order[p][0] for p in self.parts_of(name)))
        for setting in self.indices(self.parts_of(name), {}):
            where = tuple(self.start(f, setting) or 0 for f in families)
            key = tuple(setting[p] for p in self.parts_of(name))
            self.stores[self.home][name][key] = float(value[where])

    def output(self, name: str) -> Any:
        parts = self.parts_of(name)
        families = list(dict.fromkeys(self.order[p][0] for p in parts))
        result = np.zeros([self.schedule.families[f].size for f in families])
        for setting in self.indices(parts, {}):
            key = tuple(setting[p] for p in parts)
            where = tuple(self.start(f, setting) or 0 for f in families)
            result[where] = self.stores[self.home][name].get(key, 0.0)
        return result

    # ------------------------------------------------------------------ execution

    def run(self, nest: Nest, context: Context, path: tuple[str, ...]) -> None:
        """One iteration of a nest: fills, body, drains."""
        for transfer in nest.transfers:
            if transfer.kind == "fill":
                self.transfer(transfer, context)
        leaves = [item for item in nest.body if isinstance(item, str)]
        for item in nest.body:
            if isinstance(item, str):
                self.operate(self.schedule.operations[item], context)
            else:
                self.loop(item, context, path)
        for name in leaves:  # registers hold what was made in this iteration, until its end
            self.registers.pop(name, None)
            self.overwritten.pop(name, None)
        for transfer in reversed(nest.transfers):  # the innermost level empties first
            if transfer.kind == "drain":
                self.transfer(transfer, context)

    def loop(self, nest: Nest, context: Context, path: tuple[str, ...]) -> None:
        part = str(nest.part)
        masked = all(self.schedule.operations[n].masked for n in nest.operations())
        for inner in self.indices((part,), context):
            if masked and not self.visible(inner):
                continue
            self.run(nest, inner, (*path, part))

    def transfer(self, transfer: Transfer, context: Context) -> None:
        source, target = transfer.accesses
        parts = self.parts_of(transfer.tensor)
        free = tuple(p for p in parts if p not in context)
        settings = list(self.indices(free, context))
        keys = [tuple(s[p] for p in parts) for s in settings]
        outer = self.stores[transfer.outer][transfer.tensor]
        if transfer.kind == "fill":
            if source.cause == "partial sum":
                kept = tuple((p, context[p]) for p in source.loops if p not in (source.elided or ()))
                first = ("first", source, kept) not in self.last_key
                self.last_key["first", source, kept] = True
                if first:
                    return
            self.stores[transfer.inner][transfer.tensor] = {k: outer[k] for k in keys if k in outer}
        else:
            inner = self.stores[transfer.inner][transfer.tensor]
            outer.update({k: inner.pop(k) for k in keys if k in inner})
        for access in (source, target):
            self._count(access, len(keys))

    def _count(self, access: Access, words: int) -> None:
        bits = self.schedule.types[access.tensor].storage.bits
        row_bits = self.schedule.machine.memories[access.level].row_bits
        self.tally.visits[access] += 1
        self.tally.words[access] += words
        self.tally.rows[access] += -(-words * bits // row_bits)

    def operate(self, operation: Operation, context: Context) -> None:
        """One tile of an operation: its steps in order, all spatial points of a step at once."""
        if operation.masked and not self.visible(context):
            return
        context = {p: i for p, i in context.items() if p in operation.loops}
        totals: dict[Coordinates, float] = {}
        placed = tuple(operation.spatial.values())
        for access in operation.accesses:
            if access.cause == "partial sum":
                for beat in self.indices(access.steps, context):
                    self._read_back(access, beat, operation)
        for beat in self.indices(operation.steps, context):
            self.tally.cycles[operation.name] += operation.slots
            for access in operation.accesses:
                if access.cause == "operand":
                    self._contact(access, beat, operation)
            self._arrive(operation, beat, placed)
            for point in self.indices(placed, beat):
                if operation.masked and not self.visible(point):
                    continue
                self._point(operation, point, totals)
        for access in operation.accesses:
            if access.cause == "result":
                for beat in self.indices(access.steps, context):
                    self._contact(access, beat, operation)
        self._store(operation, context, totals)

    def _moved(self, mark: Any, nest: tuple[str, ...], beat: Context) -> bool:
        """Whether any loop around an access has moved since it was last made."""
        key = tuple(beat[p] for p in nest)
        if self.last_key.get(mark) == key:
            return False
        self.last_key[mark] = key
        return True

    def _contact(self, access: Access, beat: Context, operation: Operation) -> None:
        nest = access.loops + access.steps
        if self._moved((operation.name, access), nest, beat):
            self._count(access, len(self._words(access, beat)))

    def _words(self, access: Access, beat: Context) -> set[Coordinates]:
        """The words of the tensor that one visit touches, enumerated."""
        nest = access.loops + access.steps
        fixed = {p: beat[p] for p in nest}
        parts = self.parts_of(access.tensor)
        free = tuple(p for p in parts if p not in fixed)
        return {tuple(s[p] for p in parts) for s in self.indices(free, fixed)}

    def _read_back(self, access: Access, beat: Context, operation: Operation) -> None:
        """A partial sum is read back unless its tile is visited for the first time."""
        if not self._moved((operation.name, access), access.loops + access.steps, beat):
            return
        kept = tuple((p, beat[p]) for p in access.loops + access.steps if p not in (access.elided or ()))
        mark = ("first", operation.name, access, kept)
        if mark in self.last_key:
            self._count(access, len(self._words(access, beat)))
        self.last_key[mark] = True

    def _arrive(self, operation: Operation, beat: Context, placed: tuple[str, ...]) -> None:
        made_here = {n for n in operation.forwarded if self.schedule.operations[n].unit == operation.unit}
        for read in dict.fromkeys((r.tensor, r.version) for r in operation.einsum.reads):
            if read[0] in made_here:
                continue
            access = next((a for a in operation.accesses if a.tensor == read[0] and a.action == "read"), None)
            if access is not None:
                nest = access.loops + access.steps
            else:
                maker = self.schedule.operations[read[0]]
                made = (*maker.loops, *maker.steps, *maker.spatial.values())
                last = max((i for i, p in enumerate(operation.steps) if p in made), default=-1)
                nest = operation.loops + operation.steps[: last + 1]
            if self._moved(("arrival", operation.name, read), nest, beat):
                first = {p: beat[p] if p in nest else 0 for p in beat}  # the widest tile of the visit
                self.tally.arrivals[operation.name] += sum(1 for _ in self.indices(placed, first))

    def _point(self, operation: Operation, point: Context, totals: dict[Coordinates, float]) -> None:
        einsum = operation.einsum
        self.tally.points[operation.name] += 1
        values = {id(read.access): self._operand(operation, read, point) for read in einsum.reads}
        value = self._value(einsum.body, values)
        key = tuple(point[p] for p in self.parts_of(operation.name))
        if einsum.reduction is None:
            totals[key] = value
            return
        if key in totals:
            self.tally.accumulations[operation.name] += 1
            totals[key] = float(elementwise(REDUCTIONS[einsum.reduction][0], totals[key], value))
        else:
            totals[key] = value

    def _operand(self, operation: Operation, read: Read, point: Context) -> float:
        tensor = self.cascade.tensors[read.tensor]
        key = tuple(point[p] for p in self.parts_of(read.tensor))
        if read.version == "previous" and key in self.overwritten.get(read.tensor, {}):
            return self.overwritten[read.tensor][key]
        if read.tensor in operation.forwarded and read.version != "previous":
            store, level = self.registers.get(read.tensor, {}), "registers"
        else:
            access = next(a for a in operation.accesses if a.tensor == read.tensor and a.cause == "operand")
            store, level = self.stores[access.level][read.tensor], access.level
        if key in store:
            return store[key]
        if key in self.written[read.tensor] or tensor.role == "input":
            raise LookupError(f"{read.tensor}{key} is no longer in '{level}' when '{operation.name}' reads it")
        if tensor.iterated:
            assert tensor.initial is not None
            return tensor.initial
        return REDUCTIONS[str(self.cascade.by_name[read.tensor].reduction)][1]

    def _value(self, expression: Expression, values: Mapping[int, float]) -> float:
        if isinstance(expression, TensorAccess):
            return values[id(expression)]
        if isinstance(expression, Number):
            return expression.value
        arguments = [np.float64(self._value(a, values)) for a in expression.arguments]
        return float(elementwise(expression.operation, *arguments))

    def _store(self, operation: Operation, context: Context, totals: dict[Coordinates, float]) -> None:
        name, einsum = operation.name, operation.einsum
        access = next((a for a in operation.accesses if a.cause == "result"), None)
        if access is not None:
            store = self.stores[access.level][name]
            if einsum.iterated:
                self.overwritten[name] = {
                    k: store.get(k, float(self.cascade.tensors[name].initial or 0.0)) for k in totals
                }
            elif einsum.reduction:
                combine = REDUCTIONS[einsum.reduction][0]
                for key, value in totals.items():
                    if key in store and key in self.written[name]:
                        totals[key] = float(elementwise(combine, store[key], value))
            store.update(totals)
        self.registers[name] = dict(totals)
        self.written[name] |= set(totals)
