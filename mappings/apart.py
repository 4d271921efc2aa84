"""A nest taken apart by tensor: what a tensor moves, and the room it takes, depend on its own keeps alone.

Let all of a mapping be fixed but keeps. Parts, loops, the loop tree, what is handed on in registers and what units do
read no keep. The level that an operation touches for a tensor, the fills and drains of its tiles, their sizes and every
rule on what may be kept read the keeps of that tensor and of no other (`access.py`, `residence.py`, `footprint.py`). So
a tensor's accesses are the same whatever is kept of others, and those of a nest are those of its tensors together.

Two things break this. A level that spills moves a share of all that is kept there, and a part that `fit` settles has
the extent that leaves room for all tiles. Such nests are not separable. A tensor that takes another's place (`in_place`)
moves as much as without; only its room depends on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from specs import Loaded
from workloads import Cascade, Workload

from .bind import bind_all, limits_of, too_wide
from .counts import AccessCount, Counts, OperationCount, count, count_moves, counts_of
from .extents import ANY, FIT, is_word
from .footprint import too_large
from .schedule import InBanks, Kept, Schedule
from .spec import MappingSpec
from .structure import structure

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
    spec: MappingSpec
    work: Mapping[str, OperationCount]
    rest: Share


@dataclass(frozen=True)
class Joined(Schedule):
    """A schedule that was put together of shares; of its tree only operations are to be read."""

    shares: Counts = field(default_factory=lambda: Counts({}, ()))

    @property
    def counts(self) -> Counts:  # type: ignore[override]
        return self.shares


def is_separable(spec: MappingSpec) -> bool:
    """Whether what a tensor moves depends on its own keeps alone; of a nest whose choices are settled."""
    extents = [extent for parts in spec.partition.values() for extent in parts.values()]
    return not spec.spill and not any(is_word(extent, FIT, ANY) for extent in extents)


def is_plain(nest: Apart) -> bool:
    """Whether the tiles of shares are those of the nest, and nothing is said that is of DRAM banks only."""
    return not nest.spec.in_place and nest.base.in_banks == InBanks() and nest.spec.grows is None


def apart(
    cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec], tensors: Collection[str]
) -> Apart:
    """A separable nest without what these tensors move and take up. Raises `SpecError` as `bind` does of the rest."""
    rest = [name for name in cascade.tensors if name not in tensors]
    base = bind_all(cascade, workload, machine, _only(loaded, cascade, machine, rest, loaded.model.in_place))
    return Apart(base, loaded.model, count(base).operations, _share(base, rest, count(base).accesses))


def share_of(cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec], tensor: str) -> Share:
    """What one tensor of a separable nest moves and takes up. Raises `SpecError` as `bind` does of its keeps."""
    made = bind_all(cascade, workload, machine, _only(loaded, cascade, machine, [tensor], []))
    return _share(made, [tensor], count_moves(made, [tensor]))


def check_share(cascade: Cascade, machine: Any, loaded: Loaded[MappingSpec], tensors: Sequence[str]) -> None:
    """Raises `SpecError` if the keeps of these tensors make no sense, whatever the extents are."""
    structure(cascade, machine, _only(loaded, cascade, machine, tensors, []))


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


def _share(made: Schedule, tensors: Collection[str], counted: Sequence[AccessCount]) -> Share:
    own = tuple(each for each in counted if each.access.tensor in tensors)
    sums: dict[tuple[str, str, str], AccessCount] = {}
    for each in own:
        key = (each.access.level, each.access.tensor, each.access.action)
        known = sums.get(key)
        sums[key] = each if known is None else replace(
            known, visits=known.visits + each.visits, words=known.words + each.words, rows=known.rows + each.rows
        )  # fmt: skip
    kept = tuple(each for each in made.kept if each.tensor in tensors)
    return Share(tuple(sums.values()), counts_of({}, own).moved, kept)


def joined(nest: Apart, shares: Sequence[Share]) -> Joined:
    """The schedule of a nest of which these are the shares, and what of it does not fit."""
    moved = {key: value for share in shares for key, value in share.moved.items()}
    accesses = tuple(each for share in shares for each in share.accesses)
    kept = tuple(each for share in shares for each in share.kept)
    base, limits = nest.base, limits_of(nest.spec, nest.base.machine)
    excesses = (*too_wide(base.operations, base.families, base.machine), *too_large(nest.spec, kept, limits))
    values = {name: getattr(base, name) for name in Schedule.__dataclass_fields__}
    return Joined(**values | {"kept": kept, "infeasible": excesses}, shares=Counts(nest.work, accesses, moved))
