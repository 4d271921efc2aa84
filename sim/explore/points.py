"""A sweep that is in order: its designs, axes, grid and columns, and what each of its points is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from specs import Expression, Loaded

from .axes import Axis
from .grid import CHUNK, Grid
from .keys import Keys
from .spec import PARTS, SweepSpec


@dataclass(frozen=True, eq=False)
class Design:
    """A machine and a mapping of a sweep, by the keys that axes may set."""

    arch: Keys
    mapping: Keys

    def keys(self, part: str) -> Keys:
        return self.arch if part == "arch" else self.mapping


@dataclass(frozen=True)
class References:
    """What a point is, as `einfuse simulate` takes it."""

    workload: str
    arch: str
    mapping: str
    model: str | None

    def __str__(self) -> str:
        model = f" --model {self.model}" if self.model else ""
        return f"-w {self.workload} -a {self.arch} -m {self.mapping}{model}"


@dataclass(frozen=True, eq=False)
class Sweep:
    """A checked sweep. `axes` are in the file's order, free and tied ones."""

    loaded: Loaded[SweepSpec]
    workload: Keys
    designs: tuple[Design, ...]
    axes: tuple[Axis, ...]
    constraints: tuple[tuple[str, Expression], ...]
    columns: tuple[str, ...]
    chunk: int = CHUNK

    @property
    def spec(self) -> SweepSpec:
        return self.loaded.model

    @cached_property
    def free(self) -> tuple[Axis, ...]:
        """The axes that the grid has a dimension for."""
        return tuple(axis for axis in self.axes if not axis.tied)

    @cached_property
    def grid(self) -> Grid:
        """The points: models, designs, then free axes."""
        sizes = tuple(len(axis.values) for axis in self.free)
        return Grid((len(self.spec.models), len(self.designs), *sizes), self.chunk)

    def references(self, place: Sequence[int]) -> References:
        """What the point at these indices is, as references.

        >>> from sim.explore.sweep import sweep
        >>> made = sweep("examples/area_latency.yaml")
        >>> made.references(made.grid.place(2)).workload
        'bert:seq_len=256Ki,head_dim=64,batch=64'
        """
        model, design, *at = place
        chosen = self.designs[design]
        parts = {part: self.workload if part == "workload" else chosen.keys(part) for part in PARTS}
        texts = {
            part: keys.with_values({axis.key: axis.text(at) for axis in self.axes if axis.part == part})
            for part, keys in parts.items()
        }
        return References(texts["workload"], texts["arch"], texts["mapping"], self.spec.models[model])
