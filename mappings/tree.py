"""The fused loop tree: which operations share which loops, and in what order.

Operations are placed in the cascade's order, level by level of the loop order. An operation joins the latest nest over
a loop unless it needs something that is whole only after that loop (then the loop is traversed once more, a further
pass), or stands, below the loop that fusion ends at, in another stage of the mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workloads import Cascade, Einsum

from .orders import Orders
from .schedule import Nest


@dataclass
class _Segment:
    """Operations side by side at one level, and the part that all of them iterate over there, if any."""

    part: str | None
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TreeBuilder:
    """What the tree depends on: the cascade, each operation's loops, the orders of loops, and the stages."""

    cascade: Cascade
    loops_of: Mapping[str, tuple[str, ...]]
    carried: Mapping[str, tuple[str, ...]]  # the parts that each operation's result is indexed by
    orders: Orders
    stage_of: Mapping[str, int]

    def build(self) -> Nest:
        """The root of the tree."""
        return Nest(None, self._level([e.name for e in self.cascade.einsums], 0))

    def _level(self, names: list[str], depth: int) -> tuple[Nest | str, ...]:
        if all(depth >= len(self.orders.of[name]) for name in names):
            return tuple(names)
        segments: list[_Segment] = []
        for name in names:
            part = self._part(name, depth)
            place = self._latest(segments, name, part, depth)
            if place is None:
                place = _Segment(part)
                segments.append(place)
            place.names.append(name)
        body: list[Nest | str] = []
        for segment in segments:
            inner = self._level(segment.names, depth + 1)
            body += [Nest(segment.part, inner)] if segment.part is not None else inner
        return tuple(body)

    def _part(self, name: str, depth: int) -> str | None:
        """The part that an operation iterates over at a level, or None."""
        order = self.orders.of[name]
        return order[depth] if depth < len(order) and order[depth] in self.loops_of[name] else None

    def _latest(self, segments: list[_Segment], name: str, part: str | None, depth: int) -> _Segment | None:
        """The last segment that the operation may join, or None."""
        einsum = self.cascade.by_name[name]
        needs = self._needs(einsum)
        for segment in reversed(segments):
            if segment.part == part and self._may_join(segment, einsum, depth):
                return segment
            if needs & set(segment.names):
                return None
        return None

    def _needs(self, einsum: Einsum) -> set[str]:
        """What must stand before it: its operands, and those of the Einsum that overwrites a state it reads.

        The two belong into one body, since the previous value is gone once the next is written.
        """
        needs = {r.tensor for r in einsum.reads if r.version != "previous"}
        for read in einsum.reads:
            if read.version == "previous":
                needs |= {r.tensor for r in self.cascade.by_name[read.tensor].reads if r.version != "previous"}
        return needs - {einsum.name}

    def _may_join(self, segment: _Segment, einsum: Einsum, depth: int) -> bool:
        part = segment.part
        if depth >= self.orders.shared and any(self.stage_of[n] != self.stage_of[einsum.name] for n in segment.names):
            return False
        if part is None:
            return True
        for read in einsum.reads:
            if read.tensor not in segment.names:
                continue
            producer = self.cascade.by_name[read.tensor]
            if read.version == "final" and producer.iterated == part:
                return False
            if part in self.loops_of[read.tensor] and part not in self.carried[read.tensor]:
                return False  # a reduction over this loop: whole only after its last iteration
        return True
