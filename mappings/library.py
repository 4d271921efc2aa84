"""The library of mappings, and the two calls that most readers need: a mapping by name, a schedule by references."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from specs import Infeasible, Library, Loaded, Problem, SpecError
from workloads import Cascade, Workload, cascade, is_array

from .bind import bind
from .counts import count
from .schedule import Schedule
from .sequence import nests_of, workload_of
from .spec import AnyMapping, MappingSpec, SequenceSpec
from .structure import check_loops, structure

MAPPINGS = Library("mapping", Path(__file__).parent / "library", AnyMapping)


def mapping(reference: str) -> Loaded[MappingSpec | SequenceSpec]:
    """The mapping of that name, or of that file, with its overrides."""
    return MAPPINGS.load(reference)


def check_mapping(loaded: Loaded[Any], machine: Any = None) -> None:
    """Checks a mapping against its cascade and, if one is given, against a machine. Raises `SpecError`.

    Without a machine, what needs its units and memories (bindings, what is kept where) is left unchecked.
    """
    problems: list[Problem] = []
    for part, nest in [(part, nest) for part, ways in nests_of(loaded, _cascade_of(loaded)) for nest in ways]:
        try:
            if machine is None:
                check_loops(nest, part)
            else:
                structure(part, machine, nest)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)


def _cascade_of(loaded: Loaded[Any]) -> Cascade:
    """The cascade that a mapping names; an unknown name is reported where it stands."""
    try:
        return cascade(loaded.model.cascade)
    except SpecError as error:
        place = loaded.place(("cascade",))
        raise SpecError([Problem(p.message, p.place or place) for p in error.problems]) from None


def schedules(workload: Workload, machine: Any, loaded: Loaded[Any]) -> tuple[Cascade, tuple[Schedule, ...]]:
    """The cascade that a mapping maps, and the schedules of its nests, which are done one after the other.

    Linear layers, where the workload has them as a part, have a mapping of their own, the mapping's `layers`. Raises
    `SpecError` for what makes no sense, `Infeasible` for what does not fit.
    """
    layers = workload.layers()
    if layers is None:
        return _schedules(workload, machine, loaded)
    found, made = _schedules(layers, machine, _layers(loaded))
    made = tuple(replace(each, accounting=loaded.model.accounting) for each in made)
    core = workload.core()
    if core is None:
        return found, made
    found, inner = _schedules(core, machine, loaded)
    return found, (*inner, *made)


def _layers(loaded: Loaded[Any]) -> Loaded[Any]:
    """The mapping of the linear layers; an unknown name is reported where it stands."""
    if loaded.model.layers is None:
        message = f"mapping '{loaded.name}' names none for the layers around it; give one under 'layers'"
        raise SpecError([Problem(message, loaded.place())])
    try:
        return mapping(loaded.model.layers)
    except SpecError as error:
        place = loaded.place(("layers",))
        raise SpecError([Problem(p.message, p.place or place) for p in error.problems]) from None


def _schedules(workload: Workload, machine: Any, loaded: Loaded[Any]) -> tuple[Cascade, tuple[Schedule, ...]]:
    name = loaded.model.cascade
    if workload.cascade not in (None, name):
        message = f"mapping '{loaded.name}' maps cascade '{name}', but the workload is cascade '{workload.cascade}'"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    found = _cascade_of(loaded)
    nests = nests_of(loaded, found)
    if len(nests) > 1:
        workload.sizes(found)  # whatever the workload and the whole cascade do not agree on
    return found, tuple(_best(part, workload_of(workload, part, found), machine, ways) for part, ways in nests)


def _best(part: Cascade, workload: Workload, machine: Any, ways: tuple[Loaded[MappingSpec], ...]) -> Schedule:
    """Of several nests the one that moves fewest bytes to and from the outermost memory, the first of equals."""
    if len(ways) == 1:
        return bind(part, workload, machine, ways[0])
    outermost = next(iter(machine.memories))
    best: tuple[Any, Schedule] | None = None
    unfit: Infeasible | None = None
    for way in ways:
        try:
            made = bind(part, workload, machine, way)
        except Infeasible as error:
            unfit = unfit or error
            continue
        counts = count(made)
        moved = counts.level_bytes(outermost, "read") + counts.level_bytes(outermost, "write")
        if is_array(moved, *(condition for condition, _ in made.infeasible)):
            message = "a choice between nests is for one design point, found an array of them; bind them one by one"
            raise SpecError([Problem(message, way.place())])
        names = ", ".join(e.name for e in part.einsums)
        note = f"{names} in the loops {' '.join(way.model.loops)}, which move the fewest bytes"
        if best is None or moved < best[0]:
            best = (moved, replace(made, assumptions=(*made.assumptions, note)))
    if best is None:
        assert unfit is not None
        raise unfit
    return best[1]


def schedule(workload: Workload, machine: Any, loaded: Loaded[Any]) -> tuple[Cascade, Schedule]:
    """The cascade that a mapping of one nest maps, and its schedule for a workload on a machine."""
    found, made = schedules(workload, machine, loaded)
    if len(made) > 1:
        message = (
            f"mapping '{loaded.name}' makes {len(made)} schedules for workload '{workload.name}', and this takes one; "
            f"give a mapping of one nest, and a workload of one part"
        )
        raise SpecError([Problem(message, loaded.place())])
    return found, made[0]
