"""The library of mappings, and the two calls that most readers need: a mapping by name, a schedule by references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specs import Library, Loaded, Problem, SpecError
from workloads import Cascade, Workload, cascade

from .bind import bind
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
    for part, nest in nests_of(loaded, _cascade_of(loaded)):
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
    """The cascade that a mapping maps, and the schedules of its nests, which are done one after the other."""
    name = loaded.model.cascade
    if workload.cascade not in (None, name):
        message = f"mapping '{loaded.name}' maps cascade '{name}', but the workload is cascade '{workload.cascade}'"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    found = _cascade_of(loaded)
    nests = nests_of(loaded, found)
    if len(nests) == 1:
        return found, (bind(found, workload, machine, nests[0][1]),)
    workload.sizes(found)  # whatever the workload and the whole cascade do not agree on
    return found, tuple(bind(part, workload_of(workload, part), machine, nest) for part, nest in nests)


def schedule(workload: Workload, machine: Any, loaded: Loaded[Any]) -> tuple[Cascade, Schedule]:
    """The cascade that a mapping of one nest maps, and its schedule for a workload on a machine."""
    found, made = schedules(workload, machine, loaded)
    if len(made) > 1:
        message = f"mapping '{loaded.name}' is a sequence of {len(made)} nests, and this takes one nest at a time"
        raise SpecError([Problem(message, loaded.place(("sequence",), key=True))])
    return found, made[0]
