"""The library of mappings, and the two calls that most readers need: a mapping by name, a schedule by references."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from specs import Library, Loaded, Problem, SpecError
from workloads import LAYERS, Cascade, Workload, cascade

from .best import Preference, best, fewest_bytes
from .choices import all_ways
from .extents import ANY
from .footprint import check_room
from .operands import with_operand_types
from .schedule import Schedule
from .sequence import nests_of, workload_of
from .spec import AnyMapping, MappingSpec, SequenceSpec
from .structure import check_loops, structure
from .units import check_units

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
        for way in all_ways(nest):
            try:
                if machine is None:
                    check_loops(way, part)
                else:
                    check_units(way, machine)
                    check_room(way, structure(part, machine, way), list(machine.memories))
            except SpecError as error:
                problems += error.problems
    if problems:
        raise SpecError(tuple(dict.fromkeys(problems)))


def _cascade_of(loaded: Loaded[Any]) -> Cascade:
    """The cascade that a mapping names; an unknown name is reported where it stands."""
    try:
        return cascade(loaded.model.cascade)
    except SpecError as error:
        place = loaded.place(("cascade",))
        raise SpecError([Problem(p.message, p.place or place) for p in error.problems]) from None


def schedules(
    workload: Workload, machine: Any, loaded: Loaded[Any], prefer: Preference = fewest_bytes
) -> tuple[Cascade, tuple[Schedule, ...]]:
    """The cascade that a mapping maps, and the schedules of its nests, which are done one after the other.

    Where a nest has choices, the way is taken that `prefer` says the least of. Linear layers, where the workload has
    them as a part, have a mapping of their own, the mapping's `layers`. Raises `SpecError` for what makes no sense,
    `Infeasible` for what does not fit.
    """
    layers = workload.layers()
    if workload.core() is not None and workload.cascade is None and loaded.model.cascade == LAYERS:
        message = f"mapping '{loaded.name}' maps only the layers around; give the workload part=linear"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    if layers is None:
        return _schedules(workload, machine, loaded, prefer)
    found, made = _schedules(layers, machine, _layers(loaded), prefer)
    made = tuple(each.renamed(accounting=loaded.model.accounting) for each in made)
    core = workload.core()
    if core is None:
        return found, made
    found, inner = _schedules(core, machine, loaded, prefer)
    return found, (*inner, *made)


def _layers(loaded: Loaded[Any]) -> Loaded[Any]:
    """The mapping of the layers around, or the mapping itself if it is one; errors stand where it is named.

    What holds for matrices in DRAM banks holds for both.
    """
    if loaded.model.cascade == LAYERS:
        return loaded
    if loaded.model.layers is None:
        message = f"mapping '{loaded.name}' names none for the layers around it; give one under 'layers'"
        raise SpecError([Problem(message, loaded.place())])
    place = loaded.place(("layers",))
    try:
        found = mapping(loaded.model.layers)
    except SpecError as error:
        raise SpecError([Problem(p.message, p.place or place) for p in error.problems]) from None
    if found.model.cascade != LAYERS:
        message = f"'{found.name}' maps cascade '{found.model.cascade}'; give a mapping of '{LAYERS}'"
        raise SpecError([Problem(message, place)])
    in_banks = {"rows": loaded.model.rows, "io": loaded.model.io}
    return replace(found, model=found.model.model_copy(update=in_banks))


def _schedules(
    workload: Workload, machine: Any, loaded: Loaded[Any], prefer: Preference
) -> tuple[Cascade, tuple[Schedule, ...]]:
    name = loaded.model.cascade
    if workload.cascade not in (None, name):
        message = f"mapping '{loaded.name}' maps cascade '{name}', but the workload is cascade '{workload.cascade}'"
        raise SpecError([Problem(message, loaded.place(("cascade",)))])
    found = _cascade_of(loaded)
    nests = nests_of(with_operand_types(loaded, found, machine), found)
    if len(nests) > 1:
        workload.sizes(found)  # whatever the workload and the whole cascade do not agree on
    return found, tuple(best(part, workload_of(workload, part, found), machine, nest, prefer) for part, nest in nests)


def has_ways(loaded: Loaded[Any], layers: bool = False) -> bool:
    """Whether a mapping, or also that of the `layers` around, leaves a choice: its points are then bound one by one.

    >>> has_ways(mapping("fusemax-binding")), has_ways(mapping("fusemax-binding"), layers=True)
    (False, True)
    """
    spec = loaded.model
    nests = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    extents = [extent for nest in nests for parts in nest.partition.values() for extent in parts.values()]
    if ANY in extents or any(nest.choices for nest in nests):
        return True
    return layers and spec.layers is not None and has_ways(mapping(spec.layers))


def schedule(
    workload: Workload, machine: Any, loaded: Loaded[Any], prefer: Preference = fewest_bytes
) -> tuple[Cascade, Schedule]:
    """The cascade that a mapping of one nest maps, and its schedule for a workload on a machine."""
    found, made = schedules(workload, machine, loaded, prefer)
    if len(made) > 1:
        message = (
            f"mapping '{loaded.name}' makes {len(made)} schedules for workload '{workload.name}', and this takes one; "
            f"give a mapping of one nest, and a workload of one part"
        )
        raise SpecError([Problem(message, loaded.place())])
    return found, made[0]
