"""A mapping that is a sequence of nests: each of them with its part of the cascade and of the workload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from specs import Loaded, Place, Problem, SpecError, unknown
from workloads import Cascade, Workload

from .spec import MappingSpec, NestSpec, SequenceSpec


@dataclass(frozen=True)
class _Step(Loaded[MappingSpec]):
    """One nest of a sequence, as a mapping of its own whose values stand further down in the file."""

    at: tuple[str | int, ...] = ()

    def place(self, path: Any = (), offset: int = 0, key: bool = False) -> Place:
        """The place of a value: that of the nest, or that of the whole mapping for what all nests share."""
        own = bool(path) and path[0] in NestSpec.model_fields
        return super().place((*self.at, *path) if own else path, offset, key)


def nests_of(loaded: Loaded[Any], cascade: Cascade) -> list[tuple[Cascade, Loaded[MappingSpec]]]:
    """The nests of a mapping, in order, each with its part of the cascade.

    Raises `SpecError` if they do not do every Einsum once, makers before readers, or if `choose` names no choice and
    `grows` no rank.
    """
    spec = loaded.model
    nests = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    choices = list(dict.fromkeys(name for nest in nests for name in nest.choices))
    taken = {
        *MappingSpec.model_fields,
        *(part for nest in nests for parts in nest.partition.values() for part in parts),
    }
    unclear = [name for name in choices if name in taken]
    if unclear:
        message = f"choice '{unclear[0]}' has the name of a key or part of the mapping; give it one of its own"
        raise SpecError([Problem(message, loaded.place(("choices", unclear[0]), key=True))])
    wrong = [name for name in spec.choose if name not in choices]
    if wrong:
        problems = [Problem(unknown("choice", n, choices), loaded.place(("choose", n), key=True)) for n in wrong]
        raise SpecError(problems)
    if spec.grows is not None and spec.grows not in cascade.rank_sizes:
        raise SpecError([Problem(unknown("rank", spec.grows, cascade.rank_sizes), loaded.place(("grows",)))])
    if not isinstance(spec, SequenceSpec):
        return [(cascade, loaded)]
    _check_order(loaded, cascade)
    parts = [cascade.restricted(tuple(step.einsums)) for step in spec.sequence]
    return [(part, _mapping_of(loaded, part, spec.sequence[i], ("sequence", i))) for i, part in enumerate(parts)]


def workload_of(workload: Workload, part: Cascade, whole: Cascade) -> Workload:
    """The workload as a part of a cascade sees it: without masks and types of what is not there."""
    if part is whole:
        return workload
    masks = {clause.key for clause in part.mask}
    settings = {key: value for key, value in workload.settings.items() if key in masks}
    types = {name: pin for name, pin in workload.types.items() if name == "*" or name in part.tensors}
    return replace(workload, settings=settings, types=types)


def _mapping_of(
    loaded: Loaded[SequenceSpec], part: Cascade, nest: NestSpec, at: tuple[str | int, ...]
) -> Loaded[MappingSpec]:
    spec = loaded.model
    shared = {name: getattr(spec, name) for name in SequenceSpec.model_fields if name in MappingSpec.model_fields}
    shared["types"] = {name: pin for name, pin in spec.types.items() if name == "*" or name in part.tensors}
    own = {name: getattr(nest, name) for name in NestSpec.model_fields}
    model = MappingSpec.model_construct(**(shared | own))
    values = {field.name: getattr(loaded, field.name) for field in fields(Loaded)}
    return _Step(**(values | {"model": model, "at": at}))


def _check_order(loaded: Loaded[SequenceSpec], cascade: Cascade) -> None:
    problems = [*_names(loaded, cascade)]
    if not problems:
        done: set[str] = set()
        for i, step in enumerate(loaded.model.sequence):
            done |= set(step.einsums)
            for name in step.einsums:
                late = [r.tensor for r in cascade.by_name[name].reads if r.tensor in cascade.by_name]
                late = [tensor for tensor in late if tensor not in done]
                if late:
                    message = f"'{name}' reads {', '.join(late)}, which a later nest of the sequence makes"
                    problems.append(Problem(message, loaded.place(("sequence", i, "einsums"))))
                problems += _torn_states(loaded, cascade, i, name)
    if problems:
        raise SpecError(problems)


def _names(loaded: Loaded[SequenceSpec], cascade: Cascade) -> Iterator[Problem]:
    """Einsums that are unknown, done twice, or not done."""
    seen: set[str] = set()
    for i, step in enumerate(loaded.model.sequence):
        for j, name in enumerate(step.einsums):
            place = loaded.place(("sequence", i, "einsums", j))
            if name not in cascade.by_name:
                yield Problem(unknown("Einsum", name, cascade.by_name), place)
            elif name in seen:
                yield Problem(f"Einsum '{name}' is in two nests of the sequence", place)
            seen.add(name)
    for tensor in loaded.model.types:
        if tensor not in cascade.tensors and tensor != "*":
            message = unknown("tensor", tensor, [*cascade.tensors, "*"])
            yield Problem(message, loaded.place(("types", tensor), key=True))
    missing = [e.name for e in cascade.einsums if e.name not in seen]
    if missing:
        yield Problem(f"Einsum {', '.join(missing)} is in no nest", loaded.place(("sequence",), key=True))


def _torn_states(loaded: Loaded[SequenceSpec], cascade: Cascade, i: int, name: str) -> Iterator[Problem]:
    """A running state has no value outside of the nest that iterates it but its last."""
    inside = loaded.model.sequence[i].einsums
    for read in cascade.by_name[name].reads:
        if cascade.tensors[read.tensor].iterated is not None and read.tensor not in inside:
            message = f"'{name}' reads state '{read.tensor}', which another nest makes; put them into one"
            yield Problem(message, loaded.place(("sequence", i, "einsums")))
