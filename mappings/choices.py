"""The ways of a nest: an option of each of its choices, and an extent for the part that may have any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from specs import Loaded, Place, Problem, SpecError, unknown
from workloads import ceil_div, is_array

from .extents import ANY, Lookup, divisors, evaluate, is_word
from .published import matching
from .spec import MappingSpec, OptionSpec

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Way(Loaded[MappingSpec]):
    """A nest with the options that were chosen merged into it; its values stand where the file has them."""

    chosen: tuple[tuple[str, str], ...] = ()  # choice, option
    base: Loaded[MappingSpec] | None = None
    origins: tuple[tuple[Path, Path], ...] = ()  # where a value of the nest comes from, if from an option
    settled_by: str = "the only way"
    open_extent: tuple[str, int] | None = None  # the part that may have any extent, and what it has

    def place(self, path: Any = (), offset: int = 0, key: bool = False) -> Place:
        """The place of a value: in its option, or in the nest."""
        assert self.base is not None
        given = tuple(path)
        for own, origin in self.origins:
            if given[: len(own)] == own:
                return self.base.place((*origin, *given[len(own) :]), offset, key)
        return self.base.place(given, offset, key)

    def with_extent(self, part: str, extent: Any) -> Way:
        """The way with an extent, or an array of them, for the part that may have any."""
        divided = {
            rank: {name: extent if name == part else size for name, size in parts.items()}
            for rank, parts in self.model.partition.items()
        }
        given = None if is_array(extent) else (part, extent)
        return replace(self, model=self.model.model_copy(update={"partition": divided}), open_extent=given)

    @property
    def open_part(self) -> str | None:
        """The part that may have any extent."""
        open_parts = self.model.partition.values()
        parts = [name for parts in open_parts for name, extent in parts.items() if is_word(extent, ANY)]
        return parts[0] if parts else None

    def with_all_extents(self, sizes: Mapping[str, Any], lookup: Lookup) -> tuple[Way, tuple[int, ...]]:
        """The way with every extent that the open part may have, as design points: the divisors of what is left."""
        import numpy as np

        part = self.open_part
        assert part is not None
        rank, parts = next((rank, parts) for rank, parts in self.model.partition.items() if part in parts)
        names = list(parts)
        chunk = 1
        for name in names[names.index(part) + 1 :]:
            chunk = chunk * evaluate(parts[name], lookup, self, "partition", rank, name)
        extents = tuple(divisors(ceil_div(sizes[rank], chunk)))
        return self.with_extent(part, np.array(extents, dtype=np.int64)), extents


def ways_of(loaded: Loaded[MappingSpec], lookup: Lookup) -> tuple[Way, ...]:
    """Every way of a nest that its authors, and its user, leave open for a workload. Raises `SpecError`."""
    spec = loaded.model
    picked, extents = _picked(loaded, lookup)
    by = _settled_by(spec, extents)
    options = [[picked[choice]] if choice in picked else list(spec.choices[choice]) for choice in spec.choices]
    ways = [merged(loaded, tuple(zip(spec.choices, names, strict=True))) for names in product(*options)]
    return tuple(_settled(replace(way, settled_by=by), extents) for way in ways)


def chosen_way(loaded: Loaded[MappingSpec]) -> Loaded[MappingSpec]:
    """A nest with the options that `choose` settles, all of its choices, merged into it."""
    spec = loaded.model
    return merged(loaded, tuple((choice, spec.choose[choice]) for choice in spec.choices)) if spec.choices else loaded


def all_ways(loaded: Loaded[MappingSpec]) -> Iterator[Way]:
    """Every combination of options, whatever the workload."""
    choices = loaded.model.choices
    for names in product(*choices.values()):
        yield merged(loaded, tuple(zip(choices, names, strict=True)))


def _settled_by(spec: MappingSpec, extents: Mapping[str, int]) -> str:
    if not extents:
        return "as given"
    open_parts = [name for parts in spec.partition.values() for name, extent in parts.items() if is_word(extent, ANY)]
    changed = [*(c for c in spec.choose if c in spec.choices), *(part for part in extents if part not in open_parts)]
    return "the authors' choice" + (f", but for {', '.join(changed)}" if changed else "")


def _settled(way: Way, extents: Mapping[str, int]) -> Way:
    part = way.open_part
    return way if part is None or part not in extents else way.with_extent(part, extents[part])


def _picked(loaded: Loaded[MappingSpec], lookup: Lookup) -> tuple[dict[str, str], dict[str, int]]:
    """The options and extents that are settled: by the dataflow's authors for this workload, or by the user."""
    spec, problems = loaded.model, [*_unknown(loaded)]
    options: dict[str, str] = {}
    extents: dict[str, int] = {}
    open_parts = [name for parts in spec.partition.values() for name, extent in parts.items() if is_word(extent, ANY)]
    for (i, row), holds in matching(loaded, lookup):
        for part in row.extents if open_parts else ():
            if part not in open_parts:
                place = loaded.place(("published", i, "extents", part), key=True)
                problems.append(Problem(unknown("part that may have any extent", part, open_parts), place))
        if row.choose and is_array(holds):
            message = "a choice between nests is for one design point, found an array of them; bind them one by one"
            problems.append(Problem(message, loaded.place(("published", i))))
        elif not is_array(holds) and holds:
            options |= row.choose
            extents |= row.extents
    if problems:
        raise SpecError(problems)
    return options | {choice: option for choice, option in spec.choose.items() if choice in spec.choices}, extents


def _unknown(loaded: Loaded[MappingSpec]) -> Iterator[Problem]:
    """Choices and options that are named and do not exist."""
    choices = loaded.model.choices
    for i, row in enumerate(loaded.model.published):
        for choice, option in row.choose.items():
            at = ("published", i, "choose", choice)
            if choice not in choices:
                yield Problem(unknown("choice", choice, choices), loaded.place(at, key=True))
            elif option not in choices[choice]:
                yield Problem(unknown(f"option of '{choice}'", option, choices[choice]), loaded.place(at))
    for choice, option in loaded.model.choose.items():
        if choice in choices and option not in choices[choice]:
            message = unknown(f"option of '{choice}'", option, choices[choice])
            yield Problem(message, loaded.place(("choose", choice)))


def merged(loaded: Loaded[MappingSpec], chosen: tuple[tuple[str, str], ...]) -> Way:
    """The nest with these options added: tables key by key, lists one after the other."""
    spec = loaded.model
    values: dict[str, Any] = {name: getattr(spec, name) for name in OptionSpec.model_fields}
    origins: list[tuple[Path, Path]] = []
    for choice, option in chosen:
        added = spec.choices[choice][option]
        for name in added.model_fields_set:
            value = getattr(added, name)
            at = ("choices", choice, option, name)
            if name == "loops":
                values[name] = value
                origins.append(((name,), at))
            elif isinstance(value, list):
                first = len(values[name])
                origins += [((name, first + i), (*at, i)) for i in range(len(value))]
                values[name] = [*values[name], *value]
            else:
                origins += [((name, key, inner), (*at, key, inner)) for key, table in value.items() for inner in table]
                values[name] = values[name] | {k: _joined(name, values[name].get(k, {}), t) for k, t in value.items()}
    shown = spec.model_copy(update=values)
    return Way(**_fields(loaded) | {"model": shown}, chosen=chosen, base=loaded, origins=tuple(origins))


def _joined(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A table with another on top; the parts of a rank are given all at once."""
    return dict(other) if name == "partition" else {**one, **other}


def _fields(loaded: Loaded[Any]) -> dict[str, Any]:
    return {field.name: getattr(loaded, field.name) for field in fields(Loaded)}
