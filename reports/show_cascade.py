"""`einfuse show CASCADE`: ranks, Einsums, operations per kind, passes, and what stays live between passes.

Counts are written in the sizes of the ranks: `P·M·E` is one operation for every key, query and element of a query; `M1`
is the number of tiles of the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import passes
from .console import fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workloads import Cascade


def as_text(cascade: Cascade, source: Sequence[str] = ()) -> list[RenderableType]:
    """The whole page about one cascade."""
    parts: list[RenderableType] = [heading(f"cascade {cascade.name}"), *_about(cascade, source)]
    for rank in passes.default_ranks(cascade):
        parts += ["", heading("Einsums"), _einsums(cascade, rank)]
        parts += ["", heading(f"operations{_per_each(cascade)}"), _operations(cascade)]
        parts += ["", *passes.as_text(cascade, passes.passes(cascade, rank))]
        parts += ["", heading(f"live between passes over {rank}, or from tile to tile{_per_each(cascade)}")]
        parts.append(_live(cascade, rank))
    return parts


def size(cascade: Cascade, ranks: Sequence[str]) -> str:
    """The number of points of an iteration space, in sizes of ranks; an outer part alone counts its tiles.

    >>> from workloads import cascade
    >>> c = cascade("attention-1pass")
    >>> size(c, ("m1", "m0", "p", "e")), size(c, ("m1", "p"))
    ('P·M·E', 'P·M1')
    """
    factors = []
    for rank, parts in cascade.parts.items():
        carried = [part for part in parts if part in ranks]
        factors += [rank] if carried == list(parts) else carried
    return "·".join(factor.upper() for factor in factors) or "1"


def _about(cascade: Cascade, source: Sequence[str]) -> list[RenderableType]:
    ranks = ", ".join(
        f"{rank} = {expression.text}"
        + (f" ({' × '.join(cascade.parts[rank])})" if len(cascade.parts[rank]) > 1 else "")
        for rank, expression in cascade.rank_sizes.items()
    )
    pairs = [("summary", cascade.summary), ("ranks", ranks)]
    if cascade.each:
        pairs.append(("each tensor", f"carries {', '.join(cascade.each)} too"))
    if cascade.mask:
        pairs.append(("masks", ", ".join(dict.fromkeys(clause.key for clause in cascade.mask))))
    pairs.append(("output", ", ".join(cascade.outputs)))
    if source:
        pairs.append(("source", ", ".join(source)))
    return [fields(pairs, indent=2)]


def _per_each(cascade: Cascade) -> str:
    return f", for each {', '.join(cascade.each)}" if cascade.each else ""


def _einsums(cascade: Cascade, rank: str) -> RenderableType:
    """Every Einsum with its pass; the operations are those of one point."""
    from workloads import count_passes

    pass_of = count_passes(cascade, rank).pass_of
    rows = []
    for einsum in cascade.einsums:
        kinds = ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in einsum.operations.items())
        number = str(pass_of[einsum.name]) if pass_of[einsum.name] else "-"
        rows.append((" ".join(einsum.statement.text.split()), kinds or "copy", number))
    return table(("Einsum", "per point", "pass>"), rows)


def _operations(cascade: Cascade) -> RenderableType:
    terms: dict[str, list[str]] = {}
    for einsum in cascade.einsums:
        own = tuple(part for part in einsum.ranks if part not in cascade.each)
        for kind, n in einsum.operations.items():
            terms.setdefault(kind, []).append((f"{n}·" if n > 1 else "") + size(cascade, own))
    rows = []
    for kind, found in terms.items():
        counted = [(f"{found.count(term)} " if found.count(term) > 1 else "") + term for term in dict.fromkeys(found)]
        rows.append((kind, " + ".join(counted)))
    return table(("kind", "how many"), rows)


def _live(cascade: Cascade, rank: str) -> RenderableType:
    from workloads import live_between_passes

    ones = dict.fromkeys(cascade.parts, 1)
    extents = {part: 1 for parts in cascade.parts.values() for part in parts}
    rows = []
    for live in live_between_passes(cascade, rank, ones, extents):
        ranks = tuple(r for r in cascade.tensors[live.tensor].stored_ranks if r not in cascade.each)
        made, last = live.made_in_pass, live.last_used_in_pass
        when = f"pass {made} to {last}" if last > made else "from tile to tile"
        grows = f"grows with {rank}" if live.grows_with_rank else f"does not grow with {rank}"
        rows.append((live.tensor, size(cascade, ranks), when, grows))
    return table(("tensor", "words", "kept", ""), rows) if rows else "  nothing"
