"""From the partitioning of a mapping to numbers: parts of ranks, and the part that is sized to fit a memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from specs import Loaded, Problem, SpecError, parse_expression, unknown
from workloads import Cascade, ceil_div, choose, is_array, least, most

from .schedule import Family, Part
from .spec import MappingSpec


class Missing(KeyError):
    """A name of a component that the machine does not have."""


class Lookup(Protocol):
    """What names in expressions and conditions of a mapping mean.

    `varied`: the workload has masks, or types of its own.
    """

    @property
    def varied(self) -> bool: ...

    def __call__(self, name: str) -> Any: ...


REST, FIT, ANY = "rest", "fit", "any"


@dataclass(frozen=True)
class Division:
    """How a rank is divided: part names, outermost first, and what the file says of each extent."""

    rank: str
    names: tuple[str, ...]
    extents: tuple[int | str, ...]

    @property
    def fitted(self) -> str | None:
        return next((n for n, e in zip(self.names, self.extents, strict=True) if isinstance(e, str) and e == FIT), None)


def divisions(loaded: Loaded[MappingSpec], cascade: Cascade) -> dict[str, Division]:
    """The division of every rank, checked against the cascade; a rank that is not mentioned stays whole."""
    spec, problems = loaded.model, []
    result = {}

    def report(message: str, *path: str, key: bool = False) -> None:
        problems.append(Problem(message, loaded.place(("partition", *path), key=key)))

    for rank in spec.partition:
        if rank not in cascade.parts:
            report(unknown("rank", rank, cascade.parts), rank, key=True)
    fitted = []
    taken = {p: rank for rank, parts in cascade.parts.items() for p in parts}
    for rank, parts in cascade.parts.items():
        given = spec.partition.get(rank)
        if given is None:
            if len(parts) > 1:
                message = f"rank '{rank}' is divided by the cascade; give the extents of {', '.join(parts)}"
                problems.append(Problem(message, loaded.place(("partition",))))
            result[rank] = Division(rank, parts, (REST, *[1] * (len(parts) - 1)))
            continue
        names, extents = tuple(given), tuple(given.values())
        if len(parts) > 1 and names != parts:
            report(f"the cascade divides '{rank}' into {', '.join(parts)}, found {', '.join(names)}", rank)
        for name in names:
            if len(parts) == 1 and taken.get(name, rank) != rank:
                report(
                    f"part '{name}' of rank '{rank}' is already a part of '{taken[name]}'",
                    rank,
                    name,
                    key=True,
                )
            taken[name] = rank
        rest = [i for i, extent in enumerate(extents) if isinstance(extent, str) and extent == REST]
        if rest != [0]:
            report(f"the outermost part of '{rank}', and no other, has the extent '{REST}'", rank)
        fitted += [name for name, extent in given.items() if isinstance(extent, str) and extent in (FIT, ANY)]
        if len(fitted) > 1:
            message = f"at most one part can have the extent '{FIT}' or '{ANY}', found {', '.join(fitted)}"
            report(message, rank, fitted[-1])
        for name, extent in given.items():
            _check_extent(extent, report, rank, name)
        result[rank] = Division(rank, names, extents)
    if problems:
        raise SpecError(problems)
    return result


def rough_divisions(loaded: Loaded[MappingSpec], cascade: Cascade) -> dict[str, Division]:
    """The divisions that a faulty file seems to mean, so that its other faults can be found."""
    result = {}
    for rank, parts in cascade.parts.items():
        given = tuple(loaded.model.partition.get(rank, {}))
        names = given if given and len(parts) == 1 else parts
        result[rank] = Division(rank, names, (REST, *[1] * (len(names) - 1)))
    return result


def _check_extent(extent: int | str, report: Callable[..., None], rank: str, name: str) -> None:
    if not isinstance(extent, str):
        if not is_array(extent) and extent < 1:
            report(f"the extent of '{name}' must be at least 1, found {extent}", rank, name)
    elif extent not in (REST, FIT, ANY) and not extent.lstrip().startswith("="):
        message = f"the extent of '{name}' is a number, '{REST}', '{FIT}', '{ANY}' or '= expression', found '{extent}'"
        report(message, rank, name)


def evaluate(text: int | str, lookup: Lookup, loaded: Loaded[MappingSpec], *path: str | int) -> Any:
    """The value of a number or `= expression` of the mapping; errors point into its file."""
    if not isinstance(text, str):
        return text
    body = text.lstrip().removeprefix("=")
    skipped = len(text) - len(body)
    try:
        expression = parse_expression(body)
        for name in sorted(expression.names()):
            try:
                lookup(name)
            except KeyError as error:
                raise SpecError([Problem(str(error.args[0]), loaded.place(path, offset=text.index(name)))]) from None
        return expression.evaluate(lookup)
    except (ValueError, ZeroDivisionError) as error:
        offset = skipped + getattr(error, "offset", 0)
        raise SpecError([Problem(str(error), loaded.place(path, offset=offset))]) from None


def families(
    divided: Mapping[str, Division], sizes: Mapping[str, Any], lookup: Lookup, loaded: Loaded[MappingSpec],
    fitted_extent: Any = 1,
) -> dict[str, Family]:  # fmt: skip
    """Every rank with its parts' extents and chunks; the fitted part gets the extent that is given."""
    result = {}
    for rank, division in divided.items():
        chunk: Any = 1
        parts = []
        for name, extent in reversed(list(zip(division.names, division.extents, strict=True))):
            value: Any = None
            if isinstance(extent, str) and extent in (FIT, ANY):
                value = fitted_extent
            elif not isinstance(extent, str) or extent != REST:
                value = evaluate(extent, lookup, loaded, "partition", rank, name)
            parts.append(Part(name, rank, value, chunk))
            if value is not None:
                chunk = chunk * value
        result[rank] = Family(rank, sizes[rank], tuple(reversed(parts)))
    return result


def largest_divisor(n: Any, limit: Any) -> Any:
    """The largest divisor of n that is at most limit, and at least 1; elementwise for arrays.

    >>> largest_divisor(12, 5), largest_divisor(7, 3)
    (4, 1)
    """
    if is_array(n, limit):
        return _largest_divisors(n, limit)
    return max((d for d in divisors(int(n)) if d <= limit), default=1)


def _largest_divisors(n: Any, limit: Any) -> Any:
    """All points at once: trial division up to the root of the largest n, for those whose n itself is too large."""
    import numpy as np

    n, limit = (np.array(each, dtype=np.int64) for each in np.broadcast_arrays(n, limit))
    result = np.where(limit >= n, n, 1)
    open_ = limit < n
    values, most_allowed = n[open_], limit[open_]
    best = np.ones_like(values)
    for divisor in range(1, math.isqrt(int(values.max(initial=0))) + 1):
        other = values // divisor
        divides = np.flatnonzero(other * divisor == values)
        for found in (np.full(len(divides), divisor), other[divides]):
            allowed = np.where(found <= most_allowed[divides], found, 1)
            best[divides] = np.maximum(best[divides], allowed)
    result[open_] = best
    return result


def divisors(n: int) -> list[int]:
    """All divisors, in order.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def fit(
    divided: Mapping[str, Division],
    make: Callable[[Any], dict[str, Family]],
    footprints: Callable[[dict[str, Family]], Mapping[str, Any]],
    limits: Mapping[str, Any],
) -> Any:
    """The extent of the fitted part: the largest divisor of what is left of its rank whose tiles fit every level.

    The bytes at a level are affine in the extent, since a tensor carries a rank once: two evaluations give the line.
    """
    rank = next(d for d in divided.values() if d.fitted)
    name = str(rank.fitted)
    one, two = make(1), make(2)
    at_one, at_two = footprints(one), footprints(two)
    family = one[rank.rank]
    rest = ceil_div(family.size, family.part(name).chunk)
    largest = rest
    for level, limit in limits.items():
        if limit is None or level not in at_one:
            continue
        slope = at_two[level] - at_one[level]
        room = limit - (at_one[level] - slope)
        if is_array(slope):
            largest = choose(slope > 0, least(largest, room // most(slope, 1)), largest)
        elif slope > 0:
            largest = least(largest, room // slope)
    return largest_divisor(rest, largest)
