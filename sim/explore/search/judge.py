"""Members of a search, judged: their objectives, and whether they fit; many extents at once where the model can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from mappings.choices import chosen_way
from mappings.excess import Excess, Misfit
from mappings.extents import ANY, is_word
from mappings.footprint import check_room
from mappings.sequence import nests_of
from mappings.spec import SequenceSpec
from mappings.structure import structure as structure_of
from specs import Infeasible, Loaded, SpecError, parse_expression
from workloads import cascade

from ...simulate import Analysis, simulation
from ..columns import measured
from ..constraints import held
from .nests import Nests
from .refusals import Refusal, Refusals, refusal
from .space import Search, Site
from .taken import Unsure

ANALYTIC = "analytic"
COMPARED = re.compile(r"^([^<>=!]+)(<=|>=|<|>)([^<>=!]+)$")


@dataclass(frozen=True, eq=False)
class Judged:
    """Of so many members the objectives (a row each, infinite where it does not fit), and why some do not fit."""

    values: Any
    refusals: Refusals

    @property
    def fits(self) -> Any:
        return np.isfinite(self.values[:, 0])


def judged(search: Search, site: Site, structure: Sequence[int], cells: Any, nests: Nests | None = None) -> Judged:
    """The members of a structure with these extents (indices of the space's cells), put together of `nests` if so."""
    if nests is not None:
        with suppress(Unsure), np.errstate(all="ignore"):
            found = nests.analysis(tuple(structure))
            if isinstance(found, SpecError):
                return Judged(_none(search, len(cells)), Refusals({}, len(cells), found.problems[0].message))
            return _read(search, site, found, len(nests.cells), np.searchsorted(nests.cells, cells))
    if len(cells) > 1 and site.model == ANALYTIC and is_settled(site.space.part(structure)):
        try:
            return _simulated(search, site, site.space.part(structure, cells), len(cells))
        except SpecError:  # of the structure, or because of the arrays
            pass
    error = _senseless(site, structure)
    if error is not None:
        return Judged(_none(search, len(cells)), Refusals({}, len(cells), error.problems[0].message))
    parts = [_one(search, site, structure, cell) for cell in cells]
    values = np.concatenate([each.values for each in parts])
    return Judged(values, Refusals.total(each.refusals for each in parts))


def is_settled(loaded: Loaded[Any]) -> bool:
    """Whether a mapping leaves nothing for binding to choose between."""
    spec = loaded.model
    nests = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    extents = [extent for nest in nests for parts in nest.partition.values() for extent in parts.values()]
    choices = {choice for nest in nests for choice in nest.choices}
    return choices <= set(spec.choose) and not any(is_word(extent, ANY) for extent in extents)


def _senseless(site: Site, structure: Sequence[int]) -> SpecError | None:
    """What is wrong with a structure, whatever its extents; None if it is in order, or not settled."""
    loaded = site.space.part(structure)
    if not is_settled(loaded):
        return None
    try:
        whole = cascade(loaded.model.cascade)
        for part, nest in nests_of(loaded, whole):
            way = chosen_way(nest)
            check_room(way, structure_of(part, site.machine, way), list(site.machine.memories))
    except SpecError as error:
        return error
    return None


def _one(search: Search, site: Site, structure: Sequence[int], cell: int) -> Judged:
    """One member."""
    space = site.space
    rest = np.unravel_index(int(cell), space.shape[space.structures :]) if space.structures < len(space.shape) else ()
    try:
        return _simulated(search, site, space.member((*structure, *(int(each) for each in rest))), 1)
    except SpecError as error:
        return Judged(_none(search, 1), Refusals({}, 1, error.problems[0].message))


def _simulated(search: Search, site: Site, loaded: Loaded[Any], number: int) -> Judged:
    """So many members, one mapping with arrays of extents."""
    with np.errstate(all="ignore"):  # of members that do not fit anything may come out
        try:
            found = simulation(site.workload, site.machine, loaded, site.model).analysis
        except Infeasible as error:
            excess = error.excess if isinstance(error, Misfit) else None
            over = float(excess.needed / max(excess.limit, 1)) if excess else np.inf
            name = excess.what if excess else "the mapping"
            return Judged(_none(search, number), Refusals({name: Refusal(number, over, error.reason)}))
        return _read(search, site, found, number)


def _none(search: Search, number: int) -> Any:
    return np.full((number, len(search.objectives)), np.inf)


def _read(search: Search, site: Site, found: Analysis, number: int, some: Any = None) -> Judged:
    """The objectives of so many members, and which limits refuse them; or of `some` of them, by their places."""
    columns = [measured(found, name) for name in search.objectives]
    values = np.stack([np.broadcast_to(_float(column), (number,)) for column in columns], axis=1).copy()
    refused: dict[str, Refusal] = {}
    fits = np.ones(number, dtype=bool)
    asked = fits.copy()
    if some is not None:
        asked[:] = False
        asked[some] = True

    def note(name: str, needed: Any, limit: Any, where: Any, why: Any) -> None:
        here = np.broadcast_to(where, (number,)) & fits & asked
        if here.any():
            one, two = (np.broadcast_to(np.asarray(each, dtype=np.float64), (number,)) for each in (needed, limit))
            more = refusal(one, two, here, why)
            refused[name] = refused[name] + more if name in refused else more
            fits[:] &= ~here

    for schedule in found.schedules:
        for condition, excess in schedule.infeasible:
            assert isinstance(excess, Excess)

            def why(cell: int, schedule: Any = schedule, excess: Any = excess) -> str:
                return str(schedule.reason(excess, lambda value: int(np.broadcast_to(value, (number,))[cell])))

            note(excess.what, excess.needed, excess.limit, condition, why)
    for name, column in zip(search.objectives, columns, strict=True):
        if column is None:
            note(f"objective {name}", 1.0, 0.0, True, _told(f"{name} is not known of this machine"))
    for text, constraint in search.sweep.constraints:
        names = constraint.names()
        known = {n: _float(site.axes[n] if n in site.axes else measured(found, n)) for n in names}
        holds, failed = held(constraint, known)
        for message, where in failed.items():
            note(f"constraint {text}", np.inf, 1.0, where, _told(f"constraint {text}: {message}"))
        needed, limit = (np.inf, 1.0) if failed else _sides(text, known)
        why_not = _told(f"constraint {text}") if failed else _why_not(text, needed, limit, number)
        note(f"constraint {text}", needed, limit, np.logical_not(holds), why_not)
    values[~fits | np.isnan(values).any(axis=1)] = np.inf
    return Judged(values if some is None else values[some], Refusals(refused))


def _told(reason: str) -> Any:
    """The reason of every cell."""
    return lambda cell: reason


def _float(value: Any) -> Any:
    return np.nan if value is None else np.asarray(value, dtype=np.float64)


def _sides(text: str, known: dict[str, Any]) -> tuple[Any, Any]:
    """What a constraint needs and what it has: the larger and the smaller side where it does not hold."""
    sides = COMPARED.match(text.strip())
    if sides is None:
        return np.inf, 1.0
    left, right = (parse_expression(each.strip()).evaluate(known.__getitem__) for each in (sides[1], sides[3]))
    return (left, right) if sides[2].startswith("<") else (right, left)


def _why_not(text: str, needed: Any, limit: Any, number: int) -> Any:
    def why(cell: int) -> str:
        one, two = (float(np.broadcast_to(each, (number,))[cell]) for each in (needed, limit))
        return f"constraint {text}: found {one:.6g} against {two:.6g}"

    return why
