"""What the authors of a dataflow chose for a workload: extents, and options of choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs import Loaded, Problem, SpecError, unknown
from workloads import choose, is_array

from .extents import Lookup
from .spec import MappingSpec, PublishedSpec

Row = tuple[int, PublishedSpec]


def matching(loaded: Loaded[MappingSpec], lookup: Lookup) -> Iterator[tuple[Row, Any]]:
    """Each published row and whether it holds, for one design point or for each of an array.

    Raises `SpecError` for a condition on no known key.
    """
    problems, found = [], []
    for i, row in enumerate(loaded.model.published):
        holds: Any = loaded.model.split == "published"
        for key, value in row.when.items():
            try:
                holds = holds & (lookup(key) == value)
            except KeyError as error:
                problems.append(Problem(str(error.args[0]), loaded.place(("published", i, "when", key), key=True)))
        found.append(((i, row), holds))
    if problems:
        raise SpecError(problems)
    yield from found


def fitted_extent(loaded: Loaded[MappingSpec], lookup: Lookup, fitted: str, extent: Any) -> tuple[Any, tuple[str, ...]]:
    """The extent of the fitted part, or what the dataflow's authors chose for this workload; and a note on which it is.

    Raises `SpecError` for a published extent of a part that is not fitted.
    """
    problems, searched = [], extent
    for (i, row), holds in matching(loaded, lookup):
        for part in row.extents:
            if part != fitted:
                place = loaded.place(("published", i, "extents", part), key=True)
                problems.append(Problem(unknown("fitted part", part, [fitted]), place))
        if fitted in row.extents:
            extent = choose(holds, row.extents[fitted], extent)
    if problems:
        raise SpecError(problems)
    if not loaded.model.published or is_array(extent, searched):
        return extent, ()
    which = "the authors' choice" if extent != searched else "the largest divisor that fits"
    return extent, (f"'{fitted}' takes {extent} tiles: {which}",)
