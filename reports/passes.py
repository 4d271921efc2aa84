"""`einfuse passes`: how often a cascade must traverse a rank, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from specs import SpecError, unknown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workloads import Cascade, PassCount

SCHEMA = "einfuse.passes/1"


def default_ranks(cascade: Cascade) -> list[str]:
    """The rank whose passes are asked for when none is named.

    That of the keys, which a mask names as its column; without a mask every rank that takes more than one pass; failing
    that, every rank that some Einsum reduces over or walks along with a running state; failing that, the first.

    >>> from workloads import cascade
    >>> default_ranks(cascade("attention-3pass")), default_ranks(cascade("gemm"))
    (['m'], ['k'])
    """
    from workloads import count_passes

    if cascade.mask:
        return [cascade.mask[0].column]
    several = [rank for rank in cascade.parts if count_passes(cascade, rank).passes > 1]
    if several:
        return several
    reduced = {part for einsum in cascade.einsums for part in (*einsum.reduced, einsum.iterated) if part is not None}
    ranks = [rank for rank, parts in cascade.parts.items() if reduced.intersection((rank, *parts))]
    return ranks or list(cascade.parts)[:1]


def passes(cascade: Cascade, rank: str | None) -> list[PassCount]:
    """The pass counts of a rank, or of the default ones. Raises SpecError for a rank that is not there."""
    from workloads import count_passes

    if rank is not None and rank not in cascade.parts:
        raise SpecError(unknown("rank", rank, cascade.parts, f"of cascade '{cascade.name}'"))
    ranks = [rank] if rank is not None else default_ranks(cascade)
    return [count_passes(cascade, each) for each in ranks]


def as_dict(cascade: Cascade, found: list[PassCount]) -> dict[str, Any]:
    """The JSON object of the command."""
    return {
        "schema": SCHEMA,
        "cascade": cascade.name,
        "passes": {each.rank: each.passes for each in found},
        "reasons": [reason for each in found for reason in each.reasons],
    }


def as_text(cascade: Cascade, found: list[PassCount]) -> list[RenderableType]:
    """What a person reads."""
    from .console import bullets, heading

    parts: list[RenderableType] = []
    for each in found:
        times = "pass" if each.passes == 1 else "passes"
        parts.append(heading(f"{cascade.name}: {each.passes} {times} over {each.rank}"))
        parts.append(bullets(each.reasons))
    return parts
