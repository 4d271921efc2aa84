"""The types of a cascade: ranks, tensors and Einsums, after every check has passed.

Values only: `checking.py` makes them from a spec, everything else reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from specs import Expression as SizeExpression

from .notation import Access, Apply, Expression, Statement, applications
from .whole import least, most, round_down, round_up

REDUCTIONS: Mapping[str, tuple[str, float]] = {
    # name: (operation it performs per point, identity: the value of an empty fiber)
    "sum": ("add", 0.0),
    "max": ("max", float("-inf")),
    "min": ("min", float("inf")),
}

# name: number of arguments
FUNCTIONS: Mapping[str, int] = {"exp": 1, "max": 2, "min": 2, "sqrt": 1, "tanh": 1, "log": 1}

OPERATION_OF: Mapping[str, str] = {
    # elementwise application in the notation: operation that a unit must have
    "add": "add",
    "subtract": "add",
    "negate": "add",
    "multiply": "mul",
    "divide": "divide",
    **{name: name for name in FUNCTIONS},
}

OPERATIONS = frozenset(OPERATION_OF.values()) | {"mac"}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a cascade.

    `ranks` are the parts it is indexed by, outermost first, those that every tensor carries (`each`) included.
    `iterated` is the part along which it is running state (`RM[m1+1]` from `RM[m1]`), `initial` its value at 0.
    """

    name: str
    ranks: tuple[str, ...]
    role: str  # "input", "intermediate" or "output"
    iterated: str | None = None
    initial: float | None = None

    @property
    def stored_ranks(self) -> tuple[str, ...]:
        """The parts that take space: a running state keeps one version, not one per iteration."""
        return tuple(r for r in self.ranks if r != self.iterated)


@dataclass(frozen=True)
class Read:
    """One operand of an Einsum: which tensor, and at which version of a running state.

    `version` is "plain", "previous" (`RM[m1]`, the value before this iteration), "current" (`RM[m1+1]`) or "final"
    (`RM[M1]`).
    """

    tensor: str
    version: str
    access: Access


@dataclass(frozen=True)
class Einsum:
    """One Einsum: the tensor it makes, the points it visits and what it does at each."""

    name: str
    statement: Statement
    target_ranks: tuple[str, ...]
    reduced: tuple[str, ...]
    reduction: str | None
    reads: tuple[Read, ...]
    iterated: str | None = None

    @property
    def ranks(self) -> tuple[str, ...]:
        """The iteration space: ranks of the result, then the ranks reduced over."""
        return self.target_ranks + self.reduced

    @property
    def body(self) -> Expression:
        return self.statement.body

    @cached_property
    def operations(self) -> dict[str, int]:
        """Operations per point by kind; a sum of a product is one `mac`, a minus sign before a term an `add`.

        A pure copy (`X[m] = Y[m]`) has none.
        """
        counts: Counter[str] = Counter(OPERATION_OF[a.operation] for a in applications(self.body))
        if self.reduction:
            if self.reduction == "sum" and isinstance(self.body, Apply) and self.body.operation == "multiply":
                counts["mul"] -= 1
                counts["mac"] += 1
            else:
                counts[REDUCTIONS[self.reduction][0]] += 1
        return {kind: n for kind, n in counts.items() if n}


@dataclass(frozen=True)
class MaskClause:
    """`column <= row + bound` (side "high") or `column >= row + bound` (side "low"), when the workload's key is set."""

    key: str
    row: str
    column: str
    side: str
    bound: SizeExpression
    inclusive: bool


@dataclass(frozen=True)
class Band:
    """The visible points of two ranks: `low <= column - row <= high`; None is unbounded."""

    row: str
    column: str
    low: Any
    high: Any


@dataclass(frozen=True)
class Cascade:
    """A checked cascade; `workloads/README.md` explains the notation."""

    name: str
    summary: str
    source: tuple[str, ...]
    rank_sizes: Mapping[str, SizeExpression]
    parts: Mapping[str, tuple[str, ...]]
    each: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    einsums: tuple[Einsum, ...]
    outputs: tuple[str, ...]
    mask: tuple[MaskClause, ...] = ()
    types: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def family_of(self) -> dict[str, str]:
        """The rank that each part belongs to (`m1 → m`); an undivided rank is its own part."""
        return {part: rank for rank, parts in self.parts.items() for part in parts}

    @cached_property
    def by_name(self) -> dict[str, Einsum]:
        return {e.name: e for e in self.einsums}

    def restricted(self, names: tuple[str, ...]) -> Cascade:
        """The part of the cascade that makes these tensors: what others make is its input, what others read its output.

        >>> from workloads import cascade
        >>> part = cascade("attention-3pass").restricted(("GM", "SN", "SD", "A"))
        >>> {t.name: t.role for t in part.tensors.values() if t.role != "intermediate"}
        {'QK': 'input', 'A': 'output'}
        """
        einsums = tuple(e for e in self.einsums if e.name in names)
        made = {e.name for e in einsums}
        wanted = {r.tensor for e in self.einsums if e.name not in made for r in e.reads} | set(self.outputs)
        used = made | {r.tensor for e in einsums for r in e.reads}

        def role(name: str) -> str:
            return "input" if name not in made else "output" if name in wanted else "intermediate"

        tensors = {name: replace(t, role=role(name)) for name, t in self.tensors.items() if name in used}
        present = {part for e in einsums for part in e.ranks} | {r for t in tensors.values() for r in t.ranks}
        ranks = {self.family_of[part] for part in present}
        return replace(
            self,
            rank_sizes={rank: size for rank, size in self.rank_sizes.items() if rank in ranks},
            parts={rank: parts for rank, parts in self.parts.items() if rank in ranks},
            each=tuple(part for part in self.each if part in present),
            tensors=tensors,
            einsums=einsums,
            outputs=tuple(name for name in tensors if role(name) == "output"),
            mask=tuple(c for c in self.mask if c.row in ranks and c.column in ranks),
            types={name: pin for name, pin in self.types.items() if name == "*" or name in tensors},
        )

    def size_names(self) -> frozenset[str]:
        """The workload keys that the sizes of the ranks are computed from."""
        return frozenset().union(*(e.names() for e in self.rank_sizes.values()))

    def sizes(self, lookup: Callable[[str], Any]) -> dict[str, Any]:
        """The size of every rank, from the values of the workload's keys."""
        return {rank: expression.evaluate(lookup) for rank, expression in self.rank_sizes.items()}

    def band(self, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> Band | None:
        """The mask that the workload's settings (`causal`, `window`) switch on, or None.

        >>> from workloads import cascade
        >>> c = cascade("attention-1pass")
        >>> c.band({"m": 6, "p": 4}, {"causal": True, "window": 3})
        Band(row='p', column='m', low=0, high=2)
        """
        low = high = None
        active = [c for c in self.mask if settings.get(c.key) is not None and settings[c.key] is not False]
        for clause in active:
            values = {rank.upper(): size for rank, size in sizes.items()} | dict(settings) | {clause.row: 0}
            bound = clause.bound.evaluate(values.__getitem__)
            if clause.side == "high":
                bound = round_down(bound) if clause.inclusive else round_up(bound) - 1
                high = bound if high is None else least(high, bound)
            else:
                bound = round_up(bound) if clause.inclusive else round_down(bound) + 1
                low = bound if low is None else most(low, bound)
        if not active:
            return None
        return Band(active[0].row, active[0].column, low, high)

    def is_masked(self, ranks: tuple[str, ...]) -> bool:
        """Whether a space over these parts runs over both ranks of the mask, from their outermost part on."""
        if not self.mask:
            return False
        return all(self.parts[rank][0] in ranks for rank in (self.mask[0].row, self.mask[0].column))
