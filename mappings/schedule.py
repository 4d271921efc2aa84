"""The schedule: what binding yields and everything else reads (see docs/schedule.md).

Frozen values only. A number here is a Python integer or an array of design points. No reader knows the name of an
Einsum or of a rank: a reader sees parts, operations, accesses, nests and dependencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workloads import Band, Einsum, TensorType, part_of

if TYPE_CHECKING:
    from .counts import Counts
    from .parameters import Parameters

Whole = Any
Pick = Callable[[Any], Any]  # of a number or an array of design points, the number of one of them
Reason = Callable[[Pick], str]  # the sentence that says why a design point does not fit


@dataclass(frozen=True)
class Part:
    """A part of a rank: `extent` indices (None for the outermost, which takes the rest), each of `chunk` elements."""

    name: str
    family: str
    extent: Whole | None
    chunk: Whole


@dataclass(frozen=True)
class Family:
    """A rank of the cascade: its size and its parts, outermost first."""

    name: str
    size: Whole
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        return next(p for p in self.parts if p.name == name)

    def extent(self, name: str) -> Whole:
        """Indices of a part; of the outermost, as many as the size needs."""
        part = self.part(name)
        return -(-self.size // part.chunk) if part.extent is None else part.extent


@dataclass(frozen=True)
class Access:
    """One kind of contact of a tensor with a memory, repeated by loops.

    `loops` then `steps` repeat it, outermost first; a visit moves the rest of the tensor (`parts` not among them).
    `ranks` is the iteration space it belongs to. `masked`: iterations without a visible point are skipped. With
    `elided` set, the visits that differ only in these reduced loops touch the same words, and the first is not counted.
    `operation` is the one that makes it, for a transfer the first one below its nest. `inner` is the inner level of a
    transfer.
    """

    tensor: str
    level: str
    action: str  # "read" or "write"
    cause: str  # "fill", "drain", "operand", "result" or "partial sum"
    parts: tuple[str, ...]
    loops: tuple[str, ...]
    steps: tuple[str, ...]
    ranks: tuple[str, ...]
    masked: bool
    elided: tuple[str, ...] | None
    operation: str
    inner: str | None = None


@dataclass(frozen=True)
class Operation:
    """One Einsum bound to one unit.

    `loops` surround it, `steps` are taken one after the other inside a tile, `spatial` puts parts on axes of the unit.
    `slots` are the operation slots that one point takes, `actions` the unit's native operations for it; if they are
    `pipelined`, another point begins when the slowest of them is free. `forwarded` are operands that come from
    registers because they were made in the same iteration.
    """

    einsum: Einsum
    unit: str
    loops: tuple[str, ...]
    steps: tuple[str, ...]
    spatial: Mapping[str, str]
    slots: int
    actions: Mapping[str, int]
    masked: bool
    forwarded: tuple[str, ...] = ()
    accesses: tuple[Access, ...] = ()
    pipelined: bool = False

    @property
    def name(self) -> str:
        return self.einsum.name


@dataclass(frozen=True)
class Transfer:
    """A tile that moves between two levels at one nest: a fill before its body, or a drain after it."""

    tensor: str
    outer: str
    inner: str
    kind: str  # "fill" or "drain"
    loops: tuple[str, ...]
    accesses: tuple[Access, ...]


@dataclass(frozen=True)
class Nest:
    """A loop over one part; `body` in program order. `part` is None for the root."""

    part: str | None
    body: tuple[Nest | str, ...]
    transfers: tuple[Transfer, ...] = ()

    def operations(self) -> Iterator[str]:
        """Names of the operations below, in program order."""
        for item in self.body:
            if isinstance(item, Nest):
                yield from item.operations()
            else:
                yield item


@dataclass(frozen=True)
class Dependency:
    """The consumer needs the producer's tensor of `distance` iterations of `loop` before."""

    producer: str
    consumer: str
    tensor: str
    loop: str | None
    distance: int


@dataclass(frozen=True)
class Kept:
    """A tensor kept at a level for one iteration of a loop (None: for the whole run), and the bytes it takes there.

    `use` is "tile", "in place" of another tile, whose bytes it takes over, "stream" for room that is set aside for a
    tensor on its way past, or "within" for such room inside of the tensor's own tile.
    """

    tensor: str
    level: str
    loop: str | None
    size_bytes: Whole
    use: str = "tile"


@dataclass(frozen=True)
class Spill:
    """Of `of_bytes` that a level should keep `over_bytes` do not fit: that part of each tile stays in level `outer`."""

    outer: str
    over_bytes: Whole
    of_bytes: Whole

    def share(self, number: Whole, up: bool = False) -> Whole:
        """The part of a number of words that is spilled, rounded down, or `up`; exact for arrays too.

        >>> Spill("dram", 1, 3).share(10), Spill("dram", 1, 3).share(10, up=True)
        (3, 4)
        """
        if up:
            return number - part_of(number, self.of_bytes - self.over_bytes, self.of_bytes)
        return part_of(number, self.over_bytes, self.of_bytes)


@dataclass(frozen=True)
class InBanks:
    """How matrices lie in DRAM banks that compute, and what is timed there.

    Those that have rank `grows` grow along it with each token. So many tokens `append` at once, and there is `room` for
    so many indices (None: for those that there are).
    """

    rows: str = "packed"  # or "padded"
    transfers: str = "included"  # of operands and results, in time: or "excluded"
    grows: str | None = None
    append: int = 1
    room: int | None = None


@dataclass(frozen=True)
class Wait:
    """Cycles that an epoch spends per slot of one operation on no unit: a round trip through an array."""

    operation: str
    cycles: Whole


@dataclass(frozen=True)
class Epoch:
    """Operations whose units overlap; the epoch lasts as long as its busiest unit, plus its waits."""

    operations: tuple[str, ...]
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """A cascade on a machine under a mapping, with every choice made and every number settled."""

    cascade: str
    mapping: str
    machine: Any
    families: Mapping[str, Family]
    operations: Mapping[str, Operation]
    root: Nest
    dependencies: tuple[Dependency, ...]
    kept: tuple[Kept, ...]
    types: Mapping[str, TensorType]
    band: Band | None
    overlap: str
    fold_overlap: bool
    epochs: tuple[Epoch, ...]
    accounting: str
    interleave: Whole
    infeasible: tuple[tuple[Any, Reason], ...] = ()  # where it does not fit, and why
    assumptions: tuple[str, ...] = ()
    spills: Mapping[str, Spill] = field(default_factory=dict)
    in_banks: InBanks = InBanks()

    @cached_property
    def counts(self) -> Counts:
        """Its counts, made once (`mappings.count`)."""
        from .counts import count_all

        return count_all(self)

    @cached_property
    def parameters(self) -> Parameters:
        """Its design facts, made once (`mappings.parameters`). Raises `SpecError` as `parameters_of`."""
        from .parameters import parameters_of

        return parameters_of(self)

    def reason(self, why: Reason, pick: Pick = int) -> str:
        """Why a design point does not fit, in the words of `Infeasible`."""
        return f"mapping '{self.mapping}' on '{self.machine.name}': {why(pick)}"

    def indexes(self, operation: Operation, part: str) -> bool:
        """Whether the result of an operation is indexed by a part."""
        target = operation.einsum.target_ranks
        return part in target or self.family_of[part] in target

    def renamed(self, **values: Any) -> Schedule:
        """The schedule with other words about it (`accounting`, `assumptions`), on which its counts do not depend."""
        found = replace(self, **values)
        if "counts" in self.__dict__:
            found.__dict__["counts"] = self.counts
        return found

    @cached_property
    def family_of(self) -> dict[str, str]:
        return {p.name: f.name for f in self.families.values() for p in f.parts}

    def part(self, name: str) -> Part:
        return next(p for f in self.families.values() for p in f.parts if p.name == name)

    def nests(self) -> Iterator[tuple[tuple[str, ...], Nest]]:
        """Every nest with the parts of the loops around and including it, outermost first."""

        def walk(path: tuple[str, ...], nest: Nest) -> Iterator[tuple[tuple[str, ...], Nest]]:
            yield path, nest
            for item in nest.body:
                if isinstance(item, Nest):
                    yield from walk((*path, str(item.part)), item)

        yield from walk((), self.root)

    def accesses(self) -> Iterator[Access]:
        """Every access: of transfers, then of operations."""
        for _, nest in self.nests():
            for transfer in nest.transfers:
                yield from transfer.accesses
        for operation in self.operations.values():
            yield from operation.accesses

    def footprint_bytes(self, level: str) -> Whole:
        """Bytes that must fit in a level at once."""
        return sum(k.size_bytes for k in self.kept if k.level == level and k.use in ("tile", "stream"))
