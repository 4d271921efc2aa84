"""Of the ways of a nest the one that is preferred: all of them are bound and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from specs import Infeasible, Loaded, Problem, SpecError
from workloads import Cascade, Workload

from .bind import bind, lookup_of, varies
from .choices import Way, ways_of
from .counts import count
from .extents import ANY, is_word
from .schedule import Schedule
from .spec import MappingSpec

Preference = Callable[[Schedule], tuple[Any, ...]]  # what should be least; what comes first counts first


def fewest_bytes(schedule: Schedule) -> tuple[Any, ...]:
    """Bytes to and from the outermost memory."""
    outermost, counts = next(iter(schedule.machine.memories)), count(schedule)
    return (counts.level_bytes(outermost, "read") + counts.level_bytes(outermost, "write"),)


def best(part: Cascade, workload: Workload, machine: Any, loaded: Loaded[MappingSpec], prefer: Preference) -> Schedule:
    """The schedule of a nest, for the way that fits and of which `prefer` says the least; the first of equals.

    Raises `SpecError`, and `Infeasible` with the reason of the first way if none fits.
    """
    spec = loaded.model
    if not spec.choices and not any(is_word(e, ANY) for parts in spec.partition.values() for e in parts.values()):
        return bind(part, workload, machine, loaded)
    ways = ways_of(loaded, lookup_of(machine, workload))
    if len(ways) == 1 and ways[0].open_part is None:
        return _noted(bind(part, workload, machine, ways[0]), ways[0], ways[0].settled_by)
    if varies(machine, workload):
        message = "a choice between ways is for one design point, found an array of them; bind them one by one"
        raise SpecError([Problem(message, loaded.place(("choices",), key=True))])
    found: list[tuple[tuple[Any, ...], Way, Schedule | None]] = []
    unfit: list[Infeasible] = []
    for way in ways:
        try:
            found += _costs(part, workload, machine, way, prefer)
        except Infeasible as error:
            unfit.append(error)
    if not found:
        raise unfit[0] if unfit else Infeasible(f"mapping '{spec.mapping}' on '{machine.name}': no extent fits")
    _, way, made = min(found, key=lambda each: each[0])
    tried = len(found) + len(unfit)
    how = f"the best of {tried} ways" if len(found) > 1 else f"the only one of {tried} ways that fits"
    return _noted(made or bind(part, workload, machine, way), way, how)


def _costs(
    part: Cascade, workload: Workload, machine: Any, way: Way, prefer: Preference
) -> list[tuple[tuple[Any, ...], Way, Schedule | None]]:
    """What `prefer` says of a way, for each extent of its open part that fits.

    All extents are bound at once, but for DRAM banks, whose programs are of one point; the schedule of a way without
    an open part comes along.
    """
    if way.open_part is None:
        only = bind(part, workload, machine, way)
        return [(prefer(only), way, only)]
    import numpy as np

    several, extents = way.with_all_extents(workload.sizes(part), lookup_of(machine, workload))
    if machine.device is not None:
        return _costs_one_by_one(part, workload, machine, way, extents, prefer)
    made = bind(part, workload, machine, several)
    unfit = np.zeros(len(extents), dtype=bool)
    for condition, _ in made.infeasible:
        unfit |= condition
    columns = [np.broadcast_to(each, unfit.shape).tolist() for each in prefer(made)]
    costs = zip(extents, zip(*columns, strict=True), unfit, strict=True)
    return [(cost, way.with_extent(way.open_part, extent), None) for extent, cost, no in costs if not no]


def _costs_one_by_one(
    part: Cascade, workload: Workload, machine: Any, way: Way, extents: Sequence[int], prefer: Preference
) -> list[tuple[tuple[Any, ...], Way, Schedule | None]]:
    """The same, extent by extent. Raises `Infeasible` with the reason of the last if none fits."""
    found: list[tuple[tuple[Any, ...], Way, Schedule | None]] = []
    unfit: Infeasible | None = None
    for extent in extents:
        one = way.with_extent(str(way.open_part), extent)
        try:
            made = bind(part, workload, machine, one)
            found.append((prefer(made), one, made))
        except Infeasible as error:
            unfit = error
    if unfit is not None and not found:
        raise unfit
    return found


def _noted(made: Schedule, way: Way, how: str) -> Schedule:
    """The schedule, with a sentence on which way it is and how that was found."""
    settled = [*way.chosen, *([way.open_extent] if way.open_extent else [])]
    options = ", ".join(f"{name} = {value}" for name, value in settled)
    return made.renamed(assumptions=(*made.assumptions, f"{' '.join(made.operations)}: {options} ({how})"))
