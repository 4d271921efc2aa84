"""The library of mappings, and the two calls that most readers need: a mapping by name, a schedule by references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specs import Library, Loaded, Problem, SpecError
from workloads import Cascade, Workload, cascade

from .bind import bind
from .schedule import Schedule
from .spec import MappingSpec
from .structure import check_loops, structure

MAPPINGS = Library("mapping", Path(__file__).parent / "library", MappingSpec)


def mapping(reference: str) -> Loaded[MappingSpec]:
    """The mapping of that name, or of that file, with its overrides."""
    return MAPPINGS.load(reference)


def check_mapping(loaded: Loaded[MappingSpec], machine: Any = None) -> None:
    """Checks a mapping against its cascade and, if one is given, against a machine. Raises `SpecError`.

    Without a machine, what needs its units and memories (bindings, what is kept where) is left unchecked.
    """
    found = _cascade_of(loaded)
    if machine is None:
        check_loops(loaded, found)
    else:
        structure(found, machine, loaded)


def _cascade_of(loaded: Loaded[MappingSpec]) -> Cascade:
    """The cascade that a mapping names; an unknown name is reported where it stands."""
    try:
        return cascade(loaded.model.cascade)
    except SpecError as error:
        place = loaded.place(("cascade",))
        raise SpecError([Problem(p.message, p.place or place) for p in error.problems]) from None


def schedule(workload: Workload, machine: Any, loaded: Loaded[MappingSpec]) -> tuple[Cascade, Schedule]:
    """The cascade that a mapping maps, and its schedule for a workload on a machine."""
    name = loaded.model.cascade
    if workload.cascade not in (None, name):
        message = f"mapping '{loaded.name}' maps cascade '{name}', but the workload is cascade '{workload.cascade}'"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    found = _cascade_of(loaded)
    return found, bind(found, workload, machine, loaded)
