"""The NumPy oracle: what a cascade computes, Einsum by Einsum, on whole arrays.

Conventions for empty fibers, so that a query without a key yields 0 and not NaN: a reduction over no point gives its
identity; `-inf - -inf = -inf` (an exponential of it is 0); `0 / 0 = 0`. At a point that does not exist, beyond a
ragged end or outside of the mask, a state keeps its value, and any other Einsum without a reduction has 0.

The oracle knows nothing of machines or mappings. It evaluates in float64, or in each tensor's declared types: every
elementwise operation and every step of a sum is rounded to the accumulation type, the result to the storage type. A
sum adds its points one after the other, in the order of the reduced ranks. See `types.py` for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from .arithmetic import accumulate, contract, elementwise
from .cascade import REDUCTIONS, Band, Cascade, Einsum, Read
from .notation import Access, Apply, Expression, Number
from .types import TensorType

__all__ = ["Grid", "elementwise", "evaluate", "make_grid"]

Array = Any  # an ndarray of any dtype


@dataclass(frozen=True)
class Grid:
    """The sizes of an evaluation: of ranks, and the extent of each part (`m` of 10 in `m1` of 3 and `m0` of 4)."""

    parts: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]
    extents: Mapping[str, int]

    def chunk(self, part: str) -> int:
        """Elements of the rank covered by one index of the part."""
        group = next(g for g in self.parts.values() if part in g)
        chunk = 1
        for inner in group[group.index(part) + 1 :]:
            chunk *= self.extents[inner]
        return chunk


def make_grid(cascade: Cascade, sizes: Mapping[str, int], inner: Mapping[str, int] | None = None) -> Grid:
    """A grid from rank sizes and the extents of inner parts (default 4); the outermost part takes the rest.

    Entries of `inner` that are no inner part of this cascade are ignored.

    >>> from workloads import cascade
    >>> make_grid(cascade("attention-1pass"), dict(b=1, n=1, g=1, p=3, m=10, e=2, f=2), {"m0": 4}).extents["m1"]
    3
    """
    extents: dict[str, int] = {}
    for rank, group in cascade.parts.items():
        chunk = 1
        for part in reversed(group[1:]):
            extents[part] = int((inner or {}).get(part, 4))
            chunk *= extents[part]
        extents[group[0]] = -(-int(sizes[rank]) // chunk)
    return Grid(cascade.parts, dict(sizes), extents)


def evaluate(
    cascade: Cascade,
    inputs: Mapping[str, Array],
    grid: Grid,
    band: Band | None = None,
    types: Mapping[str, TensorType] | None = None,
) -> dict[str, Array]:
    """All tensors of a cascade.

    `inputs` are indexed by whole ranks, in the order of the tensor's ranks, those that every tensor carries first:
    `K[b, n, e, m]`. Results likewise; a running state is returned at its final value. Raises ValueError for a
    missing or unknown input, or one of another shape.

    >>> from workloads import cascade
    >>> c = cascade("gemm")
    >>> g = make_grid(c, {"m": 1, "n": 1, "k": 2})
    >>> evaluate(c, {"A": np.array([[1.0, 2.0]]), "B": np.array([[3.0], [4.0]])}, g)["C"]
    array([[11.]])
    """
    wanted = [name for name, tensor in cascade.tensors.items() if tensor.role == "input"]
    if sorted(wanted) != sorted(inputs):
        raise ValueError(f"found inputs {', '.join(inputs) or 'none'}, expected {', '.join(wanted)}")
    state = _Evaluation(cascade, grid, band, types or {})
    for name, value in inputs.items():
        state.store_input(name, value)
    for group in _groups(cascade):
        state.run(group)
    return {name: state.merged(name) for name in cascade.tensors}


def _groups(cascade: Cascade) -> list[list[Einsum]]:
    """Einsums in an order that respects dependencies; those tied by a running state come together."""
    graph: nx.DiGraph = nx.DiGraph()
    for einsum in cascade.einsums:
        graph.add_node(einsum.name)
        for read in einsum.reads:
            if read.tensor in cascade.by_name:
                graph.add_edge(read.tensor, einsum.name)
    condensed = nx.condensation(graph)
    position = {e.name: i for i, e in enumerate(cascade.einsums)}
    order = nx.lexicographical_topological_sort(
        condensed, key=lambda n: min(position[m] for m in condensed.nodes[n]["members"])
    )
    groups = [sorted(condensed.nodes[n]["members"], key=position.__getitem__) for n in order]
    return [[cascade.by_name[name] for name in group] for group in groups]


@dataclass
class _Evaluation:
    cascade: Cascade
    grid: Grid
    band: Band | None
    types: Mapping[str, TensorType]
    values: dict[str, Array] = field(default_factory=dict)

    # ------------------------------------------------- whole ranks to parts and back

    def _families(self, ranks: tuple[str, ...]) -> list[str]:
        return list(dict.fromkeys(self.cascade.family_of[r] for r in ranks))

    def _split_order(self, ranks: tuple[str, ...]) -> list[str]:
        families = self._families(ranks)
        return [p for f in families for p in self.cascade.parts[f] if p in ranks]

    def store_input(self, name: str, value: Array) -> None:
        ranks = self.cascade.tensors[name].ranks
        families = self._families(ranks)
        expected = tuple(self.grid.sizes[f] for f in families)
        value = np.asarray(value, dtype=np.float64)
        if value.shape != expected:
            raise ValueError(f"{name}[{','.join(families)}] has shape {value.shape}, expected {expected}")
        value = self._rounded(name, value)
        order = self._split_order(ranks)
        padding = [
            (0, int(np.prod([self.grid.extents[p] for p in self.cascade.parts[f]])) - self.grid.sizes[f])
            for f in families
        ]
        shape = [self.grid.extents[p] for p in order]
        parts = np.pad(value, padding).reshape(shape)
        self.values[name] = parts.transpose([order.index(r) for r in ranks])

    def merged(self, name: str) -> Array:
        tensor = self.cascade.tensors[name]
        value, ranks = self.values[name], tensor.ranks
        if tensor.iterated:
            value = np.take(value, -1, axis=ranks.index(tensor.iterated))
            ranks = tensor.stored_ranks
        order = self._split_order(ranks)
        value = value.transpose([ranks.index(p) for p in order])
        families = self._families(ranks)
        shape, cut = [], []
        for f in families:
            group = [p for p in order if self.cascade.family_of[p] == f]
            whole = group == list(self.cascade.parts[f])
            extent = int(np.prod([self.grid.extents[p] for p in group]))
            shape.append(extent)
            cut.append(slice(0, self.grid.sizes[f] if whole else extent))
        return value.reshape(shape)[tuple(cut)]

    # ------------------------------------------------------------------ evaluation

    def run(self, group: list[Einsum]) -> None:
        for einsum in group:
            tensor = self.cascade.tensors[einsum.name]
            shape = [self.grid.extents[r] + (r == tensor.iterated) for r in tensor.ranks]
            self.values[einsum.name] = np.zeros(shape)
            if tensor.iterated:
                start = [slice(None)] * len(shape)
                start[tensor.ranks.index(tensor.iterated)] = slice(0, 1)
                self.values[einsum.name][tuple(start)] = self._rounded(einsum.name, np.float64(tensor.initial or 0))
        iterated = {part for e in group if (part := self.cascade.tensors[e.name].iterated)}
        with np.errstate(all="ignore"):
            if not iterated:
                self._assign(group[0], {})
                return
            (part,) = iterated
            for i in range(self.grid.extents[part]):
                for einsum in group:
                    self._assign(einsum, {part: i})

    def _assign(self, einsum: Einsum, fixed: dict[str, int]) -> None:
        ranks = self.cascade.tensors[einsum.name].ranks
        value = self.values[einsum.name]
        where = tuple(fixed[r] + (r == einsum.iterated) if r in fixed else slice(None) for r in ranks)
        result = self._rounded(einsum.name, self._compute(einsum, fixed))
        exists = self._exists(einsum, fixed) if einsum.iterated else None
        if exists is not None:
            result = np.where(exists, result, value[tuple(fixed.get(r, slice(None)) for r in ranks)])
        value[where] = result

    def _exists(self, einsum: Einsum, fixed: dict[str, int]) -> Array | None:
        """Which points of the result exist: those with at least one point of the iteration space."""
        ranks = tuple(r for r in einsum.ranks if r not in fixed)
        valid = self._valid(einsum, ranks, fixed)
        kept = len(ranks) - len(einsum.reduced)
        return None if valid is None else valid.any(axis=tuple(range(kept, len(ranks))))

    def _compute(self, einsum: Einsum, fixed: dict[str, int]) -> Array:
        ranks = tuple(r for r in einsum.ranks if r not in fixed)
        kept = len(ranks) - len(einsum.reduced)
        operands = {id(read.access): self._operand(read, ranks, fixed) for read in einsum.reads}
        shape = tuple(self.grid.extents[r] for r in ranks)
        valid = self._valid(einsum, ranks, fixed)
        if not einsum.reduction:
            value = np.broadcast_to(self._value(einsum.body, operands, einsum.name), shape)
            return value if valid is None else np.where(valid, value, 0.0)
        if self._accumulation(einsum.name) == "fp64" and self._is_product(einsum):
            assert isinstance(einsum.body, Apply)
            left, right = (operands[id(a)] for a in einsum.body.arguments)
            return contract(left, right, shape, kept, valid)
        values = np.broadcast_to(self._value(einsum.body, operands, einsum.name), shape)
        if valid is not None:
            values = np.where(valid, values, REDUCTIONS[einsum.reduction][1])
        return self._reduce(einsum, values, kept)

    def _is_product(self, einsum: Einsum) -> bool:
        body = einsum.body
        return (
            einsum.reduction == "sum"
            and isinstance(body, Apply)
            and body.operation == "multiply"
            and all(isinstance(a, Access) for a in body.arguments)
        )

    def _operand(self, read: Read, ranks: tuple[str, ...], fixed: dict[str, int]) -> Array:
        """The operand with one axis per rank of the iteration space, of extent 1 where it lacks the rank."""
        tensor = self.cascade.tensors[read.tensor]
        value = self.values[read.tensor]
        where: list[Any] = []
        left: list[str] = []
        for rank in tensor.ranks:
            if rank == tensor.iterated and read.version == "final":
                where.append(-1)
            elif rank in fixed:
                where.append(fixed[rank] + (read.version == "current"))
            elif rank == tensor.iterated:
                shifted = slice(1, None) if read.version == "current" else slice(0, -1)
                where.append(shifted)
                left.append(rank)
            else:
                where.append(slice(None))
                left.append(rank)
        value = value[tuple(where)]
        order = [left.index(r) for r in ranks if r in left]
        value = value.transpose(order)
        return value.reshape([value.shape[order.index(left.index(r))] if r in left else 1 for r in ranks])

    def _valid(self, einsum: Einsum, ranks: tuple[str, ...], fixed: dict[str, int]) -> Array | None:
        """Points of the iteration space that exist: within ragged sizes and within the band."""
        valid: Array | None = None
        position: dict[str, Array] = {}
        for family, group in self.cascade.parts.items():
            carried = [p for p in group if p in ranks or p in fixed]
            if not carried or carried[0] != group[0]:
                continue  # without its outermost part a rank has no ragged end: every index exists
            index: Array = np.zeros([1] * len(ranks), dtype=np.int64)
            for part in carried:
                chunk = self.grid.chunk(part)
                if part in fixed:
                    index = index + fixed[part] * chunk
                else:
                    axis = np.arange(self.grid.extents[part]).reshape(
                        [-1 if r == part else 1 for r in ranks]  # one axis varies
                    )
                    index = index + axis * chunk
            size = self.grid.sizes[family]
            if len(group) > 1 and size % (self.grid.chunk(group[0])):
                inside = index < size
                valid = inside if valid is None else valid & inside
            if carried == list(group):
                position[family] = index
        if self.band and self.band.row in position and self.band.column in position:
            difference = position[self.band.column] - position[self.band.row]
            for bound, keep in ((self.band.low, np.greater_equal), (self.band.high, np.less_equal)):
                if bound is not None:
                    inside = keep(difference, bound)
                    valid = inside if valid is None else valid & inside
        return valid

    # ------------------------------------------------------------------ arithmetic

    def _accumulation(self, name: str) -> str:
        return self.types[name].accumulation.name if name in self.types else "fp64"

    def _rounded(self, name: str, value: Array) -> Array:
        return self.types[name].storage.rounded(value) if name in self.types else value

    def _value(self, expression: Expression, operands: Mapping[int, Array], name: str) -> Array:
        wide = self.types[name].accumulation if name in self.types else None
        if isinstance(expression, Access):
            return operands[id(expression)]
        if isinstance(expression, Number):
            return np.float64(expression.value)
        arguments = [self._value(a, operands, name) for a in expression.arguments]
        result = elementwise(expression.operation, *arguments)
        return result if wide is None else wide.rounded(result)

    def _reduce(self, einsum: Einsum, values: Array, kept: int) -> Array:
        flat = values.reshape(*values.shape[:kept], -1)
        if einsum.reduction == "max":
            return flat.max(axis=-1)
        if einsum.reduction == "min":
            return flat.min(axis=-1)
        if self._accumulation(einsum.name) == "fp64":
            return flat.sum(axis=-1)
        return accumulate(flat, self.types[einsum.name].accumulation)
