"""From the file of a search to what is searched: of each design along the axes the space of mappings around one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from arch import Machine
from mappings.options import space_around
from mappings.sequence import nests_of
from mappings.space import Space
from mappings.spec import SequenceSpec
from specs import Loaded, Problem, SpecError
from workloads import Workload, cascade

from ...simulate import model_for
from ..points import References, Sweep
from ..readers import machine_of, mapping_of, workload_of
from ..sweep import settled_sweep
from .spec import SearchSpec, as_sweep, load_search


def mapped_part(workload: Workload) -> Workload:
    """The workload, or of one that has several parts the one that a mapping is of."""
    layers = workload.layers()
    return workload if layers is None else workload.core() or layers


@dataclass(frozen=True, eq=False)
class Site:
    """One design along the axes, and the space of mappings for it."""

    number: int
    references: References
    workload: Workload
    machine: Machine
    model: str
    space: Space
    axes: dict[str, Any]  # path -> value

    @property
    def mapped(self) -> Workload:
        """The workload, or the part of it, that the mapping is of."""
        return mapped_part(self.workload)

    @property
    def nests(self) -> int:
        """How many nests a mapping of the space has."""
        spec = self.space.base.model
        return len(spec.sequence) if isinstance(spec, SequenceSpec) else 1


@dataclass(frozen=True, eq=False)
class Search:
    """A checked search."""

    loaded: Loaded[SearchSpec]
    sweep: Sweep
    _sites: dict[int, Site] = field(default_factory=dict, repr=False)

    @property
    def spec(self) -> SearchSpec:
        return self.loaded.model

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(self.spec.objectives)

    @cached_property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """Of each design the indices on every dimension of the sweep's grid."""
        return tuple(product([0], [0], *(range(len(axis.values)) for axis in self.sweep.free)))

    @cached_property
    def size(self) -> int:
        """How many mappings there are on all designs."""
        return sum(site.space.size for site in self.sites())

    def sites(self) -> Iterator[Site]:
        """Every design, with its space."""
        return map(self.site, range(len(self.places)))

    def site(self, number: int) -> Site:
        """A design. Raises SpecError for one that makes no sense."""
        if number not in self._sites:
            self._sites[number] = self._made(number)
        return self._sites[number]

    def _made(self, number: int) -> Site:
        place = self.places[number]
        refs = self.sweep.references(place)
        work, host, loaded = workload_of(refs.workload), machine_of(refs.arch), mapping_of(refs.mapping)
        whole = cascade(loaded.model.cascade)
        mapped = mapped_part(work)

        def where(*path: str | int, key: bool = False) -> Any:
            return self.loaded.place(("open", *path), key=key)

        space = space_around(loaded, self.spec.open, whole, mapped, host, where)
        axes = {axis.path: axis.value(place[2:]) for axis in self.sweep.axes}
        return Site(number, refs, work, host, model_for(host, refs.model), space, axes)


def search(reference: str, changes: Sequence[str] = ()) -> Search:
    """The search of a file, checked. Raises SpecError with every problem.

    >>> made = search("examples/search_fusemax.yaml")
    >>> len(made.places), made.size
    (1, 9861857280)
    """
    loaded = load_search(reference, changes)
    made = Search(loaded, settled_sweep(as_sweep(loaded)))
    problems: list[Problem] = []
    try:
        _refuse_foreign(made)
        made.site(0)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    return made


def _refuse_foreign(made: Search) -> None:
    """Raise SpecError if nothing of the mapping would be used for the workload."""
    refs = made.sweep.references(made.places[0])
    work, loaded = workload_of(refs.workload), mapping_of(refs.mapping)
    layers = work.layers()
    nests_of(loaded, cascade(loaded.model.cascade))
    if layers is not None and work.core() is None and loaded.model.cascade != layers.cascade:
        message = f"of the workload only the layers around are asked for, which '{loaded.model.layers}' maps; give that"
        raise SpecError([Problem(message, made.loaded.place(("mapping",)))])
