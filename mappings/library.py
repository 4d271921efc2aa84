"""The library of mappings, and the two calls that most readers need: a mapping by name, a schedule by references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specs import Library, Loaded, Problem, SpecError
from workloads import Cascade, Workload, cascade

from .bind import bind
from .schedule import Schedule
from .spec import MappingSpec

MAPPINGS = Library("mapping", Path(__file__).parent / "library", MappingSpec)


def mapping(reference: str) -> Loaded[MappingSpec]:
    """The mapping of that name, or of that file, with its overrides."""
    return MAPPINGS.load(reference)


def schedule(workload: Workload, machine: Any, loaded: Loaded[MappingSpec]) -> tuple[Cascade, Schedule]:
    """The cascade that a mapping maps, and its schedule for a workload on a machine."""
    name = loaded.model.cascade
    if workload.cascade not in (None, name):
        message = f"mapping '{loaded.name}' maps cascade '{name}', but the workload is cascade '{workload.cascade}'"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    try:
        found = cascade(name)
    except SpecError as error:
        if name.endswith((".yaml", ".yml")):
            raise
        raise SpecError([Problem(error.problems[0].message, loaded.place(("cascade",)))]) from None
    return found, bind(found, workload, machine, loaded)
