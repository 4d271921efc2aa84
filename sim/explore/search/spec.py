"""The file of a search: what of a mapping is open, the axes of designs around it, and how they are searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from mappings.openings import OpenSpec
from specs import Library, Loaded, Spec

from ..spec import AxisSpec, Model, Objectives, SweepSpec, load_file_of

Method = Literal["auto", "exhaustive", "nsga2", "tpe"]
Budget = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=1 << 32, strict=True)]


class SearchSpec(Spec):
    """A search for the best mappings around a given one, and for machines and workloads along axes as a sweep has them.

    The best is least in the first of the objectives; of several the front is found. `budget` is how many members are
    evaluated at most.
    """

    search: str
    summary: str = ""
    source: tuple[str, ...] = ()
    workload: str
    arch: str
    mapping: str
    model: Model | None = None
    open: OpenSpec
    axes: dict[str, AxisSpec] = Field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    objectives: Objectives = ("latency_s",)
    method: Method = "auto"
    budget: Budget | None = None
    seed: Seed = 0


SEARCHES = Library("search", Path(__file__).parent / "library", SearchSpec)


def load_search(reference: str, changes: Sequence[str] = ()) -> Loaded[SearchSpec]:
    """The search of a file, with `changes` such as `budget=10`. Raises SpecError with every problem.

    >>> loaded = load_search("examples/search_fusemax.yaml", ["budget=10"])
    >>> loaded.name, loaded.model.budget
    ('search-fusemax', 10)
    """
    return load_file_of("search", SearchSpec, reference, changes)


def as_sweep(loaded: Loaded[SearchSpec]) -> Loaded[SweepSpec]:
    """The sweep over the axes of a search, with the mapping that the search begins at."""
    spec = loaded.model
    names = ("summary", "source", "workload", "arch", "mapping", "model", "axes", "constraints", "objectives")
    shared: dict[str, Any] = {name: getattr(spec, name) for name in names}
    swept = SweepSpec.model_construct(sweep=spec.search, keep="front", columns="default", designs=None, **shared)
    return replace(loaded, model=swept)  # type: ignore[arg-type,return-value]
