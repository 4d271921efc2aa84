"""What a cascade costs before any machine is chosen: operations per kind, what must stay live between passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .band import visited
from .cascade import Band, Cascade
from .passes import count_passes


def points(cascade: Cascade, ranks: tuple[str, ...], sizes: Mapping[str, Any], extents: Mapping[str, Any],
           band: Band | None = None) -> Any:  # fmt: skip
    """Points of an iteration space: the product of its ranks, or the visible ones under a mask.

    `extents` are those of inner parts; a space that carries only outer parts has one point per chunk.

    >>> from workloads import cascade
    >>> c = cascade("attention-1pass")
    >>> sizes, extents = {"m": 10, "p": 3}, {"m0": 4}
    >>> points(c, ("m1", "m0", "p"), sizes, extents), points(c, ("m1", "p"), sizes, extents)
    (30, 9)
    """
    grain: dict[str, Any] = {}
    total: Any = 1
    for family, group in cascade.parts.items():
        carried = [p for p in group if p in ranks]
        if carried and carried[0] != group[0]:
            for part in carried:  # without its outermost part a rank has no ragged end
                total = total * extents[part]
        elif carried:
            chunk: Any = 1
            for inner in group[group.index(carried[-1]) + 1 :]:
                chunk = chunk * extents[inner]
            grain[family] = chunk
    for family, chunk in grain.items():
        if not (band and {band.row, band.column} <= set(grain) and family in (band.row, band.column)):
            total = total * -(-sizes[family] // chunk)
    if band and {band.row, band.column} <= set(grain):
        total = total * visited(band, sizes[band.row], grain[band.row], sizes[band.column], grain[band.column])
    return total


def operations(
    cascade: Cascade, sizes: Mapping[str, Any], extents: Mapping[str, Any], band: Band | None = None
) -> dict[str, dict[str, Any]]:
    """Operations of every Einsum by kind.

    >>> from workloads import cascade
    >>> operations(cascade("gemm"), {"m": 2, "n": 3, "k": 4}, {})
    {'C': {'mac': 24}}
    """
    result = {}
    for einsum in cascade.einsums:
        n = points(cascade, einsum.ranks, sizes, extents, band)
        result[einsum.name] = {kind: n * count for kind, count in einsum.operations.items()}
    return result


@dataclass(frozen=True)
class Live:
    """A tensor that a later pass reads again: `words` for all other ranks at one point of `per`."""

    tensor: str
    made_in_pass: int
    last_used_in_pass: int
    words: Any
    grows_with_rank: bool


def live_between_passes(
    cascade: Cascade, rank: str, sizes: Mapping[str, Any], extents: Mapping[str, Any]
) -> tuple[Live, ...]:
    """What must be kept, or moved again, because a later pass over `rank` needs it; and the running state.

    Words are of the whole tensor at every rank but those that all tensors carry (`each`).

    >>> from workloads import cascade
    >>> [l.tensor for l in live_between_passes(cascade("attention-3pass"), "m", dict(m=8, p=2, e=2, f=2), {})]
    ['QK', 'SN', 'GM', 'SD']
    """
    analysis = count_passes(cascade, rank)
    parts = set(cascade.parts[rank])
    found = []
    for name, tensor in cascade.tensors.items():
        uses = [analysis.pass_of[e.name] for e in cascade.einsums if any(r.tensor == name for r in e.reads)]
        made = analysis.pass_of.get(name, 0)
        carries = bool(parts & set(tensor.stored_ranks))
        if tensor.role == "input" or not uses or (max(uses) <= made and not tensor.iterated):
            continue
        own = tuple(r for r in tensor.stored_ranks if r not in cascade.each)
        found.append(Live(name, made, max(uses), points(cascade, own, sizes, extents), carries))
    return tuple(sorted(found, key=lambda live: (not live.grows_with_rank, live.made_in_pass)))
