"""A nest taken apart by tensor: what a tensor moves, and the room it takes, depend on its own keeps alone.

Let all of a mapping be fixed but keeps. Parts, loops, the loop tree, what is handed on in registers and what units do
read no keep. The level that an operation touches for a tensor, the fills and drains of its tiles, their sizes and every
rule on what may be kept read the keeps of that tensor and of no other (`access.py`, `residence.py`, `footprint.py`). So
a tensor's accesses are the same whatever is kept of others, and those of a nest are those of its tensors together.

Two things break this. A level that spills moves a share of all that is kept there, and a part that `fit` settles has
the extent that leaves room for all tiles. Such nests are not separable. A tensor that takes another's place
(`in_place`) moves as much as without; only its room depends on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from specs import Loaded
from workloads import Cascade, Workload

from .bind import bind_all, limits_of, lookup_of, too_wide
from .counts import AccessCount, Counts, OperationCount, count, count_moves, counts_of
from .extents import ANY, FIT, is_word
from .footprint import check_room, footprints, tiles_of, too_large
from .schedule import InBanks, Kept, Operation, Schedule
from .spec import MappingSpec
from .structure import Skeleton, Structure, skeleton, structure, with_keeps
from .visits import Class

Moved = Mapping[tuple[str, str, str], Any]  # (level, tensor, action): bytes


@dataclass(frozen=True)
class Share:
    """What some tensors of a nest move, with a row for each tensor, level and action, and the tiles that are kept."""

    accesses: tuple[AccessCount, ...]
    moved: Moved
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class Apart:
    """A nest whose open tensors are left aside: what operations do, and what all other tensors move."""

    base: Schedule
    bare: Skeleton
    spec: MappingSpec
    lookup: Any
    work: Mapping[str, OperationCount]
    rest: Share
    memo: dict[object, list[Class]] = field(default_factory=dict, repr=False)  # of counts of its spaces


@dataclass(frozen=True)
class Joined(Schedule):
    """A schedule that was put together of shares; of its tree only operations are to be read."""

    shares: Counts = field(default_factory=lambda: Counts({}, ()))

    @property
    def counts(self) -> Counts:
        return self.shares


def is_separable(spec: MappingSpec) -> bool:
    """Whether what a tensor moves depends on its own keeps alone; of a nest whose choices are settled.

    >>> from mappings import mapping
    >>> [is_separable(mapping(name).model) for name in ("output-stationary", "fusemax-binding")]
    [True, False]
    """
    extents = [extent for parts in spec.partition.values() for extent in parts.values()]
    return not spec.spill and not any(is_word(extent, FIT, ANY) for extent in extents)


def is_plain(nest: Apart) -> bool:
    """Whether the tiles of shares are those of the nest, and nothing is said that is of DRAM banks only."""
    return not nest.spec.in_place and nest.base.in_banks == InBanks() and nest.spec.grows is None


def apart(
    cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec], tensors: Collection[str]
) -> Apart:
    """A separable nest without what these tensors move and take up. Raises `SpecError` as `bind` does of the rest.

    >>> from arch import machine
    >>> from mappings import mapping
    >>> from workloads import cascade, workload
    >>> way = mapping("output-stationary")
    >>> nest = apart(cascade("gemm"), workload("gemm:M=64,N=64,K=32"), machine("systolic:rows=8,cols=8"), way, ["A"])
    >>> share = share_of(nest, *kept_of(nest, way, "A"), "A")
    >>> share.moved["dram", "A", "read"], share.kept[0].size_bytes
    (4096, 4096)
    """
    rest = [name for name in cascade.tensors if name not in tensors]
    only = _only(loaded, cascade, machine, rest, loaded.model.in_place)
    base, bare = bind_all(cascade, workload, machine, only), skeleton(cascade, machine, only)
    found, lookup = _share(base.kept, rest, count(base).accesses), lookup_of(machine, workload)
    return Apart(base, bare, loaded.model, lookup, count(base).operations, found)


def kept_of(nest: Apart, loaded: Loaded[MappingSpec], tensor: str) -> tuple[Structure, Loaded[MappingSpec]]:
    """The structure of a nest in which only one tensor is kept, as a mapping of the nest says.

    Raises `SpecError` if that makes no sense, whatever the extents are.
    """
    machine = nest.base.machine
    only = _only(loaded, nest.bare.cascade, machine, [tensor], [])
    others = {name: each for name, each in nest.base.operations.items() if tensor not in _touched(each)}
    plan = with_keeps(nest.bare, machine, only, others)
    check_room(only, plan, list(machine.memories))
    return replace(plan, keep={name: held for name, held in plan.keep.items() if name == tensor}), only


def share_of(nest: Apart, plan: Structure, only: Loaded[MappingSpec], tensor: str) -> Share:
    """What the tensor moves and takes up that is kept there. Raises `SpecError` as `bind` does of numbers."""
    base = nest.base
    tiles = tiles_of(plan, base.families, base.types, only, nest.lookup)
    made = replace(base, operations=plan.operations, root=plan.root)
    return _share(tiles, [tensor], count_moves(made, [tensor], nest.memo))


def _touched(operation: Operation) -> set[str]:
    return {operation.name, *(read.tensor for read in operation.einsum.reads)}


def check_rest(cascade: Cascade, machine: Any, loaded: Loaded[MappingSpec], tensors: Collection[str]) -> None:
    """Raises `SpecError` if a nest without these tensors makes no sense, whatever the extents are."""
    rest = [name for name in cascade.tensors if name not in tensors]
    only = _only(loaded, cascade, machine, rest, loaded.model.in_place)
    check_room(only, structure(cascade, machine, only), list(machine.memories))


def _only(
    loaded: Loaded[MappingSpec], cascade: Cascade, machine: Any, tensors: Collection[str], in_place: list[list[str]]
) -> Loaded[MappingSpec]:
    """The nest with the keeps of these tensors; all others stay in the outermost memory, which is always legal."""
    spec, outermost = loaded.model, next(iter(machine.memories))
    others = {name: "*" for name in cascade.tensors if name not in tensors}

    def own(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {key: {name: each for name, each in of.items() if name not in others} for key, of in table.items()}

    keep = own(spec.keep)
    keep[outermost] = keep.get(outermost, {}) | others
    changed = {"keep": keep, "copies": own(spec.copies), "reserve": own(spec.reserve), "in_place": in_place}
    return replace(loaded, model=spec.model_copy(update=changed))


def _share(tiles: Sequence[Kept], tensors: Collection[str], counted: Sequence[AccessCount]) -> Share:
    """Of what was counted what these tensors move, and of the tiles theirs."""
    own = tuple(each for each in counted if each.access.tensor in tensors)
    sums: dict[tuple[str, str, str], AccessCount] = {}
    for each in own:
        key = (each.access.level, each.access.tensor, each.access.action)
        known = sums.get(key)
        sums[key] = each if known is None else replace(
            known, visits=known.visits + each.visits, words=known.words + each.words, rows=known.rows + each.rows
        )  # fmt: skip
    kept = tuple(each for each in tiles if each.tensor in tensors)
    return Share(tuple(sums.values()), counts_of({}, own).moved, kept)


def numbers_of(share: Share) -> dict[tuple[str, ...], Any]:
    """All that results depend on: by level, tensor and action words, rows and bytes, and by level the room taken.

    What is computed of them is the same for shares with the same numbers; times, energies and bytes grow with each.
    """
    found: dict[tuple[str, ...], Any] = {}
    for each in share.accesses:
        key = (each.access.level, each.access.tensor, each.access.action)
        found |= {("words", *key): each.words, ("rows", *key): each.rows}
    found |= {("bytes", *key): value for key, value in share.moved.items()}
    return found | {("room", level): value for level, value in footprints(share.kept).items()}


def joined(nest: Apart, shares: Sequence[Share]) -> Joined:
    """The schedule of a nest of which these are the shares, and what of it does not fit."""
    moved = {key: value for share in shares for key, value in share.moved.items()}
    accesses = tuple(each for share in shares for each in share.accesses)
    kept = tuple(each for share in shares for each in share.kept)
    base, limits = nest.base, limits_of(nest.spec, nest.base.machine)
    excesses = (*too_wide(base.operations, base.families, base.machine), *too_large(nest.spec, kept, limits))
    values = {name: getattr(base, name) for name in Schedule.__dataclass_fields__}
    return Joined(**values | {"kept": kept, "infeasible": excesses}, shares=Counts(nest.work, accesses, moved))
