"""Which memory each operand and result touches, and how often: the repeat and partial-sum rules of docs/schedule.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from specs import Problem, SpecError
from workloads import Cascade

from .schedule import Access, Nest, Operation, Transfer


@dataclass(frozen=True)
class Residence:
    """Where tensors live: the memories outermost first, and per tensor the levels that keep it with their loops."""

    levels: tuple[str, ...]
    keep: Mapping[str, Mapping[str, str | None]]  # tensor: {level: loop or None for the whole run}, outermost first

    def of(self, cascade: Cascade, tensor: str) -> tuple[str, ...]:
        """The levels that hold a tensor, outermost first; inputs and outputs have a home in the outermost memory."""
        kept = tuple(level for level in self.levels if level in self.keep.get(tensor, {}))
        if cascade.tensors[tensor].role == "intermediate":
            return kept
        return kept if kept[:1] == self.levels[:1] else (self.levels[0], *kept)

    def touched(self, cascade: Cascade, tensor: str, loops: tuple[str, ...]) -> str | None:
        """The level that an operation within these loops touches: the innermost that keeps the tensor there."""
        held = self.keep.get(tensor, {})
        levels = self.of(cascade, tensor)
        here = [level for level in levels if level not in held or held[level] in (None, *loops)]
        return here[-1] if here else (levels[-1] if levels else None)


@dataclass(frozen=True)
class AccessBuilder:
    """Adds accesses to operations and transfers to the nests of a tree."""

    cascade: Cascade
    parts_of: Mapping[str, tuple[str, ...]]  # rank of the cascade: parts under the mapping, outermost first
    family_of: Mapping[str, str]
    residence: Residence

    def expand(self, ranks: tuple[str, ...]) -> tuple[str, ...]:
        """Ranks of the cascade as parts of the mapping."""
        return tuple(p for rank in ranks for p in self.parts_of[rank])

    def tensor_parts(self, tensor: str, version: str = "plain") -> tuple[str, ...]:
        t = self.cascade.tensors[tensor]
        return self.expand(t.stored_ranks if version in ("final", "stored") else t.ranks)

    def repeating(self, nest: tuple[str, ...], parts: tuple[str, ...]) -> tuple[str, ...]:
        """The nest down to the innermost loop that a tensor with these parts depends on."""
        last = max((i for i, p in enumerate(nest) if self.depends(p, parts)), default=-1)
        return nest[: last + 1]

    def depends(self, loop: str, parts: tuple[str, ...]) -> bool:
        """Whether another iteration of the loop touches other words: the tensor carries this part or an inner one."""
        group = self._group(loop)
        return any(p in parts for p in group[group.index(loop) :])

    def _group(self, part: str) -> tuple[str, ...]:
        group = tuple(p for p, f in self.family_of.items() if f == self.family_of[part])
        return group

    # -------------------------------------------------------------- operations

    def with_accesses(self, operation: Operation, siblings: Sequence[Operation]) -> Operation:
        """The operation with its accesses; siblings are the operations of the same innermost body, in order."""
        before = self._at_hand(operation, siblings)
        forwarded, found = [], []
        for read in dict.fromkeys((r.tensor, r.version) for r in operation.einsum.reads):
            tensor, version = read
            if tensor in before and version in ("plain", "current"):
                forwarded.append(tensor)
                continue
            level = self.residence.touched(self.cascade, tensor, operation.loops)
            if level is None:
                late = tensor in (each.name for each in siblings)
                raise SpecError([Problem(self._must_keep(tensor, operation.name, late))])
            parts = self.tensor_parts(tensor, version)
            nest = self.repeating(operation.loops + operation.steps, parts)
            found.append(self._access(operation, nest, tensor, version, level, "read", "operand"))
        found += self._result(operation)
        return replace(operation, forwarded=tuple(forwarded), accesses=tuple(found))

    def _at_hand(self, operation: Operation, siblings: Sequence[Operation]) -> set[str]:
        """What was made before in the same body, and is still in registers when the operation reads it.

        A result of many steps is handed on step by step. It is gone if the operation must wait for a reduction over
        those steps, which takes a traversal of its own.
        """
        names = [each.name for each in siblings]
        before = siblings[: names.index(operation.name)]
        found = set()
        for maker in before:
            parts = self.tensor_parts(maker.name)
            stepped = [p for p in maker.steps if p in parts]
            if all(self._traversal(maker, p, before) == self._traversal(operation, p, before) for p in stepped):
                found.add(maker.name)
        return found

    def _traversal(self, operation: Operation, part: str, before: Sequence[Operation]) -> int:
        """How many reductions over a stepped part must have ended before an operation can begin."""
        makers = {each.name: each for each in before}
        found = 0
        for read in operation.einsum.reads:
            maker = makers.get(read.tensor)
            if maker is not None and maker.name != operation.name and read.version != "previous":
                reduced = part in maker.steps and not self.depends(part, self.tensor_parts(maker.name))
                found = max(found, self._traversal(maker, part, before) + reduced)
        return found

    def _result(self, operation: Operation) -> list[Access]:
        name = operation.name
        level = self.residence.touched(self.cascade, name, operation.loops)
        parts = self.tensor_parts(name)
        steps = tuple(p for p in operation.steps if self.depends(p, parts))  # the others add up in registers
        nest = self.repeating(operation.loops + steps, parts)
        reduced = tuple(p for p in nest if not self.depends(p, parts))
        if level is None:
            if any(not self.depends(p, parts) for p in operation.loops):
                raise SpecError([Problem(self._must_keep(name, None))])
            return []
        write = self._access(operation, nest, name, "stored", level, "write", "result")
        if not reduced:
            return [write]
        return [write, replace(write, action="read", cause="partial sum", elided=reduced)]

    def _access(
        self,
        operation: Operation,
        nest: tuple[str, ...],
        tensor: str,
        version: str,
        level: str,
        action: str,
        cause: str,
    ) -> Access:
        loops = tuple(p for p in nest if p in operation.loops)
        steps = tuple(p for p in nest if p in operation.steps)
        parts = self.tensor_parts(tensor, "stored" if version != "plain" else "plain")
        ranks = self.expand(operation.einsum.ranks)
        return Access(tensor, level, action, cause, parts, loops, steps, ranks, operation.masked, None, operation.name)

    def _must_keep(self, tensor: str, consumer: str | None, late: bool = False) -> str:
        used = f"'{consumer}' uses it in another iteration" if consumer else "it is reduced over a loop"
        used = f"'{consumer}' waits for a reduction over steps in which it is made" if late else used
        legal = ", ".join(self.residence.levels)
        return f"tensor '{tensor}' must be kept at a level ({legal}): {used}"

    # --------------------------------------------------------------- transfers

    def with_transfers(self, root: Nest, operations: Mapping[str, Operation]) -> Nest:
        """The tree with fills and drains at the nests where they happen."""
        wanted: dict[tuple[str, ...], dict[int, list[Transfer]]] = {}
        for tensor in self.cascade.tensors:
            levels = self.residence.of(self.cascade, tensor)
            for outer, inner in pairwise(levels):
                loop = self.residence.keep[tensor][inner]
                for trail, nest in _walk(root, (root,)):
                    if nest.part != loop or (loop is None and nest is not root):
                        continue
                    for transfer in self._transfers(tensor, outer, inner, trail, operations, root):
                        depth = len(transfer.loops)
                        holder = trail[depth]
                        known = wanted.setdefault(transfer.loops, {}).setdefault(id(holder), [])
                        if transfer not in known:
                            known.append(transfer)
        return self._attach(root, (), wanted)

    def _attach(self, nest: Nest, path: tuple[str, ...], wanted: Mapping) -> Nest:
        body = tuple(
            self._attach(item, (*path, str(item.part)), wanted) if isinstance(item, Nest) else item
            for item in nest.body
        )
        return Nest(nest.part, body, tuple(wanted.get(path, {}).get(id(nest), ())))

    def _transfers(
        self,
        tensor: str,
        outer: str,
        inner: str,
        trail: tuple[Nest, ...],
        operations: Mapping[str, Operation],
        root: Nest,
    ) -> list[Transfer]:
        nest = trail[-1]
        names = tuple(nest.operations())
        writes = tensor in names
        reads = any(
            read.tensor == tensor and tensor not in operations[name].forwarded
            for name in names
            for read in operations[name].einsum.reads
        )
        if not (reads or writes):
            return []
        path = tuple(str(n.part) for n in trail[1:])
        parts = self.tensor_parts(tensor, "stored")
        depth = len(self.repeating(path, parts))
        outside = self._outside(tensor, self.residence.keep[tensor][inner], writes, operations)
        while depth < len(path) and outside & set(trail[depth].operations()):
            depth += 1  # filled after it is made outside of the loop, and drained before it is read there
        loops, holder = path[:depth], trail[depth]
        masked = all(operations[n].masked for n in holder.operations())
        ranks = (*loops, *(p for p in parts if p not in loops))
        first = next(holder.operations())

        def access(level: str, action: str, cause: str, elided: tuple[str, ...] | None = None) -> Access:
            return Access(tensor, level, action, cause, parts, loops, (), ranks, masked, elided, first, inner)

        def moved(kind: str, cause: str, elided: tuple[str, ...] | None = None) -> Transfer:
            source, target = (outer, inner) if kind == "fill" else (inner, outer)
            pair = (access(source, "read", cause, elided), access(target, "write", cause, elided))
            return Transfer(tensor, outer, inner, kind, loops, pair)

        if not writes:
            return [moved("fill", "fill")]
        if self.cascade.tensors[tensor].role == "intermediate" and not self._used_beyond(tensor, names, operations):
            return []
        reduced = tuple(p for p in loops if not self.depends(p, parts))
        drain = moved("drain", "drain")
        return [drain, moved("fill", "partial sum", reduced)] if reduced else [drain]

    def _outside(self, tensor: str, loop: str | None, writes: bool, operations: Mapping[str, Operation]) -> set[str]:
        """Operations that make a tensor, or read what is made here, outside of the loop that keeps it."""
        if not writes:
            others = {tensor} & set(operations)
        else:
            others = {n for n, o in operations.items() if any(a.tensor == tensor for a in o.accesses)}
        return {name for name in others if loop is not None and loop not in operations[name].loops}

    def _used_beyond(self, tensor: str, names: tuple[str, ...], operations: Mapping[str, Operation]) -> bool:
        """Whether an operation outside of the nest reads what was made inside."""
        return any(
            read.tensor == tensor
            for name, operation in operations.items()
            if name not in names
            for read in operation.einsum.reads
        )


def _walk(nest: Nest, trail: tuple[Nest, ...]):  # type: ignore[no-untyped-def]
    yield trail, nest
    for item in nest.body:
        if isinstance(item, Nest):
            yield from _walk(item, (*trail, item))
