"""What the authors of a dataflow chose for a workload: extents, and options of choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specs import Loaded, Problem, SpecError, parse_expression, unknown
from workloads import choose, is_array

from .extents import Lookup, Missing
from .spec import MappingSpec, PublishedSpec

Row = tuple[int, PublishedSpec]


def matching(loaded: Loaded[MappingSpec], lookup: Lookup) -> Iterator[tuple[Row, Any]]:
    """Each published row and whether it holds, for one design point or for each of an array.

    Raises `SpecError` for a condition on no known key.
    """
    problems, found = [], []
    spec = loaded.model
    usual = spec.split == "published" and not lookup.varied

    def holds(when: Mapping[str, int], *path: str | int) -> Any:
        result: Any = True
        for text, value in when.items():
            try:
                expression = parse_expression(text)
                if any(lookup(name) is None for name in sorted(expression.names())):
                    return False  # a memory without a size or a bandwidth
                result = result & (expression.evaluate(lookup) == value)
            except Missing:
                return False
            except (KeyError, ValueError, ZeroDivisionError) as error:
                problems.append(Problem(str(error.args[0]), loaded.place((*path, text), key=True)))
        return result

    everywhere = holds(spec.published_for, "published_for") if spec.published else False
    for i, row in enumerate(spec.published):
        found.append(((i, row), usual & everywhere & holds(row.when, "published", i, "when")))
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
