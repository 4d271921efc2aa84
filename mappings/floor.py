"""The least that a nest can take, whatever is still free of it: a schedule that does everything once and nothing twice.

Its operations are those of the nest on their units, in the finest tiles, so that masks skip all that can be skipped.
Each input comes from the outermost memory once, each output goes there once; nothing else moves. Loops and keeps play
no part. Any schedule that binding makes of the nest has at least these counts, and what is computed of counts grows
with them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from specs import Loaded
from workloads import Band, Cascade, Workload, ceil_div, is_array, least, plain_pins, tensor_types, visited

from .bind import lookup_of, too_wide
from .counts import AccessCount, Counts, OperationCount, count_all, counts_of
from .extents import ANY, FIT, REST, Division, divisions, evaluate, families, is_word
from .schedule import Access, Epoch, Nest, Operation, Schedule, Wait
from .spec import BindSpec, MappingSpec
from .structure import operation_of


@dataclass(frozen=True)
class Floor(Schedule):
    """What any schedule of a nest does at least. `others` are the same with another extent of the fitted part."""

    others: tuple[Schedule, ...] = ()

    @cached_property
    def counts(self) -> Counts:
        """The least counts, operation by operation, over all extents that the fitted part may have.

        Each count grows with that extent, or falls, so that it is least at one end. Values that enter registers, and
        results that are added to, depend on loops; the least is none.
        """
        first, *others = [count_all(each, registers=False) for each in (self, *self.others)]
        operations = {name: _least([c.operations[name] for c in (first, *others)]) for name in first.operations}
        accesses = tuple(_fewest(same) for same in zip(*(c.accesses for c in (first, *others)), strict=True))
        return counts_of(operations, accesses)


def floor(
    cascade: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec], free: frozenset[str] = frozenset()
) -> Floor:
    """The floor of a nest; Einsums that are `free` may yet go elsewhere, and are left out.

    Extents may be arrays. Raises `SpecError` as `bind` does of what a floor reads.
    """
    spec, lookup, sizes = loaded.model, lookup_of(machine, workload), workload.sizes(cascade)
    divided = divisions(loaded, cascade)
    made = [families(divided, sizes, lookup, loaded, n) for n in _extremes(divided, sizes, lookup, loaded)]
    parts_of: dict[str, tuple[str, ...]] = {
        p: (p,) for parts in cascade.parts.values() if len(parts) > 1 for p in parts
    }
    parts_of |= {rank: divided[rank].names for rank, parts in cascade.parts.items() if len(parts) == 1}
    bound = {name: binding for binding in spec.bind for name in binding.einsums if binding.unit in machine.units}
    operations = {
        einsum.name: _operation(cascade, machine, bound[einsum.name], einsum.name, parts_of)
        for einsum in cascade.einsums
        if einsum.name in bound and einsum.name not in free
    }
    band = cascade.band(sizes, workload.settings)
    if machine.device is None and (band is None or _shows_all(band, sizes)):
        operations = _with_accesses(cascade, machine, operations, parts_of, band)
    types = tensor_types(cascade, workload.types, machine.types, plain_pins(spec.types))
    shared: dict[str, Any] = {
        "cascade": cascade.name, "mapping": loaded.name, "machine": machine, "operations": operations,
        "root": Nest(None, tuple(operations)), "dependencies": (), "kept": (), "types": types, "band": band,
        "overlap": spec.overlap, "fold_overlap": False, "epochs": _epochs(loaded, lookup, operations),
        "accounting": spec.accounting, "interleave": 1,
    }  # fmt: skip
    first, *others = made
    fitted = any(is_word(e, FIT, ANY) for division in divided.values() for e in division.extents)
    shared["infeasible"] = () if fitted else tuple(too_wide(operations, first, machine))
    return Floor(**shared, families=first, others=tuple(Schedule(**shared, families=each) for each in others))


def _extremes(divided: Mapping[str, Division], sizes: Mapping[str, Any], lookup: Any, loaded: Any) -> list[Any]:
    """The least and the largest extent of the part that is settled by what fits; of nests without one any number."""
    for division in divided.values():
        chunk: Any = 1
        for name, extent in reversed(list(zip(division.names, division.extents, strict=True))):
            if is_word(extent, FIT, ANY):
                return [1, ceil_div(sizes[division.rank], chunk)]
            if not is_word(extent, REST):
                chunk = chunk * evaluate(extent, lookup, loaded, "partition", division.rank, name)
    return [1]


def _operation(
    cascade: Cascade, machine: Any, binding: BindSpec, name: str, parts_of: Mapping[str, tuple[str, ...]]
) -> Operation:
    """An Einsum on its unit, with every part that is not spatial a loop."""
    einsum = cascade.by_name[name]
    ranks = tuple(p for rank in einsum.ranks for p in parts_of[rank])
    loops = tuple(p for p in ranks if p not in binding.spatial.values())
    return operation_of(einsum, machine.units[binding.unit], ranks, binding, loops, cascade)


def _shows_all(band: Band, sizes: Mapping[str, Any]) -> bool:
    """Whether a mask leaves something of every row and of every column visible."""
    rows, columns = sizes[band.row], sizes[band.column]
    if is_array(rows, columns, band.low, band.high):
        return False
    by_row, by_column = visited(band, rows, 1, columns, columns), visited(band, rows, rows, columns, 1)
    return bool(by_row == rows and by_column == columns)


def _with_accesses(
    cascade: Cascade, machine: Any, operations: Mapping[str, Operation], parts_of: Mapping[str, tuple[str, ...]],
    band: Band | None,
) -> dict[str, Operation]:  # fmt: skip
    """The operations, the first of which that reads an input or makes an output moves it whole, once.

    With a mask that shows something of every row and column, so is what has at most one of these ranks: whatever the
    tiles, one with a visible point is visited, and moves its words. Of what has both, the rest may be skipped.
    """
    outermost, found, done = next(iter(machine.memories)), {}, set()
    masked = {band.row, band.column} if band is not None else set()
    for name, operation in operations.items():
        accesses = []
        for tensor in dict.fromkeys([name, *(read.tensor for read in operation.einsum.reads)]):
            known = cascade.tensors[tensor]
            if tensor in done or known.role == "intermediate" or known.iterated is not None:
                continue
            if masked and masked <= {cascade.family_of[rank] for rank in known.ranks}:
                continue
            done.add(tensor)
            parts = tuple(p for rank in known.ranks for p in parts_of[rank])
            action, cause = ("read", "fill") if known.role == "input" else ("write", "drain")
            accesses.append(Access(tensor, outermost, action, cause, parts, (), (), parts, False, None, name))
        found[name] = replace(operation, accesses=tuple(accesses))
    return found


def _epochs(loaded: Loaded[MappingSpec], lookup: Any, operations: Mapping[str, Operation]) -> tuple[Epoch, ...]:
    """The epochs, of these operations only."""
    found = []
    for i, epoch in enumerate(loaded.model.epochs):
        names = tuple(name for name in epoch.einsums if name in operations)
        waits = {name: text for name, text in epoch.wait.items() if name in operations}
        cycles = {n: evaluate(text, lookup, loaded, "epochs", i, "wait", n) for n, text in waits.items()}
        found.append(Epoch(names, tuple(Wait(name, each) for name, each in cycles.items())))
    return tuple(found)


def _of_all(values: Sequence[Any]) -> Any:
    """The least."""
    return functools.reduce(least, values)


def _fewest(counts: Sequence[AccessCount]) -> AccessCount:
    """Of each number of an access the least."""
    numbers = ("visits", "words", "rows")
    return replace(counts[0], **{name: _of_all([getattr(each, name) for each in counts]) for name in numbers})


def _least(counts: list[OperationCount]) -> OperationCount:
    """Of each number of an operation the least."""
    first, of = counts[0], _of_all
    return replace(
        first,
        points=of([each.points for each in counts]),
        slots=of([each.slots for each in counts]),
        cycles=of([each.cycles for each in counts]),
        actions={native: of([each.actions[native] for each in counts]) for native in first.actions},
    )
