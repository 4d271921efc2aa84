"""How much room tiles take in each memory, whether they fit, and the fraction that does not."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from specs import Loaded, Problem, SpecError, show_quantity, unknown
from workloads import ceil_div, is_array, least, most

from .extents import Lookup, evaluate
from .schedule import Family, Kept, Pick, Reason, Spill
from .spec import MappingSpec
from .structure import Structure


def tiles_of(
    plan: Structure,
    made: Mapping[str, Family],
    types: Mapping[str, Any],
    loaded: Loaded[MappingSpec],
    lookup: Lookup,
    ragged: bool = True,
) -> tuple[Kept, ...]:
    """What is kept, level by level, and what the mapping reserves for tensors that stream past.

    Not `ragged`: whole tiles even where the rank is smaller, for sizes that are affine in an extent.
    """
    spec, result = loaded.model, []
    follows = {name: group[0] for group in spec.in_place for name in group[1:]}
    for tensor, held in plan.keep.items():
        parts = plan.builder.tensor_parts(tensor, "stored")
        for level, loop in held.items():
            words: Any = 0
            for around in plan.orders.around(loop, plan.users(tensor)):
                tile: Any = 1
                for family in dict.fromkeys(plan.family_of[p] for p in parts):
                    tile = tile * _tile_extent(made[family], parts, around, ragged)
                words = most(words, tile)
            size = ceil_div(words * types[tensor].storage.bits, 8) * spec.copies.get(level, {}).get(tensor, 1)
            first = follows.get(tensor)
            shared = first is not None and level in plan.keep.get(first, {}) and plan.keep[first][level] == loop
            result.append(Kept(tensor, level, loop, size, "in place" if shared else "tile"))
    for level, streams in spec.reserve.items():
        for tensor, text in streams.items():
            size = evaluate(text, lookup, loaded, "reserve", level, tensor)
            if not is_array(size) and (size < 0 or size != int(size)):
                message = f"the bytes reserved for '{tensor}' must be a whole number, at least 0, found {size}"
                raise SpecError([Problem(message, loaded.place(("reserve", level, tensor)))])
            kept = level in plan.keep.get(tensor, {})  # what of it spills streams past within its own tile
            result.append(Kept(tensor, level, None, size, "within" if kept else "stream"))
    return tuple(result)


def footprints(tiles: Iterable[Kept]) -> dict[str, Any]:
    """Bytes that tiles take in each level at once."""
    totals: dict[str, Any] = {}
    for tile in tiles:
        if tile.use in ("tile", "stream"):
            totals[tile.level] = totals.get(tile.level, 0) + tile.size_bytes
    return totals


def _tile_extent(family: Family, parts: tuple[str, ...], around: tuple[str, ...], ragged: bool) -> Any:
    """Indices of a tensor along one rank, within one iteration of the loops around."""
    own = [p for p in family.parts if p.name in parts]
    if own[0] is not family.parts[0]:
        total: Any = 1
        for part in own:
            total = total * (1 if part.name in around else part.extent)
        return total
    inside = [p for p in family.parts if p.name in around]
    chunk = inside[-1].chunk if inside else family.size
    return ceil_div(least(chunk, family.size) if ragged else chunk, least(own[-1].chunk, chunk))


def check_room(loaded: Loaded[MappingSpec], plan: Structure, levels: list[str]) -> None:
    """Checks what the mapping says of room: `in_place`, `copies`, `reserve` and `spill`. Raises `SpecError`."""
    spec = loaded.model
    problems = [*_overlays(loaded, plan)]
    for key, table in (("copies", spec.copies), ("reserve", spec.reserve)):
        for level in table:
            if level not in levels:
                problems.append(Problem(unknown("memory", level, levels), loaded.place((key, level), key=True)))
    for level, tensors in spec.copies.items():
        for tensor in tensors:
            if tensor in plan.builder.cascade.tensors and level not in plan.keep.get(tensor, {}):
                message = f"copies of '{tensor}' in '{level}', where it is not kept; keep it there, or drop the copies"
                problems.append(Problem(message, loaded.place(("copies", level, tensor), key=True)))
    for i, level in enumerate(spec.spill):
        if level == levels[0]:
            message = f"'{level}' cannot spill: no memory is outside of it; levels that can: {', '.join(levels[1:])}"
            problems.append(Problem(message, loaded.place(("spill", i))))
        elif level not in levels or level in spec.spill[:i]:
            twice = f"'{level}' stands twice in spill" if level in levels else unknown("memory", level, levels[1:])
            problems.append(Problem(twice, loaded.place(("spill", i))))
    if problems:
        raise SpecError(problems)


def _overlays(loaded: Loaded[MappingSpec], plan: Structure) -> Iterable[Problem]:
    """A tensor that takes another's place is made of it, index by index, when nobody needs the other any more."""
    cascade = plan.builder.cascade
    order = [einsum.name for einsum in cascade.einsums]
    for i, group in enumerate(loaded.model.in_place):
        for j, name in enumerate(group):
            place = loaded.place(("in_place", i, j))
            known = cascade.by_name if j else cascade.tensors
            if name not in known:
                yield Problem(unknown("Einsum" if j else "tensor", name, known), place)
            elif j and group[j - 1] in cascade.tensors:
                before, einsum = group[j - 1], cascade.by_name[name]
                late = [e.name for e in cascade.einsums if any(r.tensor == before for r in e.reads)]
                late = [reader for reader in late if order.index(reader) > order.index(name)]
                ranks = cascade.tensors[before].stored_ranks == cascade.tensors[name].stored_ranks
                if not ranks or not any(read.tensor == before for read in einsum.reads):
                    yield Problem(f"'{name}' is not made of '{before}' index by index and cannot take its place", place)
                elif late:
                    yield Problem(f"'{name}' cannot take the place of '{before}', which '{late[0]}' reads later", place)


def spills_of(spec: MappingSpec, tiles: tuple[Kept, ...], limits: Mapping[str, Any]) -> dict[str, Spill]:
    """Of the levels that may spill, the bytes over their size, of all that should be there."""
    levels, found = list(limits), {}
    taken = footprints(tiles)
    for level in spec.spill:
        limit = limits[level]
        if limit is not None and level in taken:
            over = most(taken[level] - limit, 0)
            if is_array(over) or over > 0:
                found[level] = Spill(levels[levels.index(level) - 1], over, taken[level])
    return found


def too_large(spec: MappingSpec, tiles: tuple[Kept, ...], limits: Mapping[str, Any]) -> list[tuple[Any, Reason]]:
    """For each level, whether what may not spill there does not fit, and the sentence that says so."""
    found: list[tuple[Any, Reason]] = []
    for level, needed in footprints(tiles).items():
        limit = limits[level]
        if limit is None:
            continue
        if level in spec.spill:
            streams: Any = sum(t.size_bytes for t in tiles if t.level == level and t.use in ("stream", "within"))
            found.append((streams > limit, functools.partial(_why_no_stream, level, streams, limit)))
            continue
        own = [tile for tile in tiles if tile.level == level]
        found.append((needed > limit, functools.partial(_why_too_large, level, own, needed, limit)))
    return found


def _why_no_stream(level: str, streams: Any, limit: Any, pick: Pick) -> str:
    return f"the streams through '{level}' need {pick(streams)} B there and cannot spill; it has {pick(limit)} B"


def _why_too_large(level: str, tiles: list[Kept], needed: Any, limit: Any, pick: Pick) -> str:
    """What is needed and what there is, the largest tile, and what would fit."""
    all_bytes, room = pick(needed), pick(limit)
    first = max(tiles, key=lambda tile: pick(tile.size_bytes))
    first_bytes = pick(first.size_bytes)
    rest = room - (all_bytes - first_bytes)
    remedy = (
        f"a tile of '{first.tensor}' of at most {show_quantity(rest, 'size')} would fit, or a "
        if rest > 0
        else "what would fit is a "
    )
    held = f"one iteration of '{first.loop}'" if first.loop else "the whole run"
    return (
        f"'{level}' needs {all_bytes} B, {all_bytes - room} B over its {room} B; "
        f"tensor '{first.tensor}', kept for {held}, takes {first_bytes} B; "
        f"{remedy}'{level}' of {show_quantity(all_bytes, 'size')}"
    )
