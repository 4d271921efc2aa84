"""A cycle study as data: axes of a design, the grids of points that they span, and what each point simulates.

The files are in `reports/studies/`. What the axes of a study are called is fixed (`AXES`), since tables, figures and
findings speak of them; what they set, and to which values, is the file's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from specs import Count, Library, Misplaced, Spec, parse_expression, unknown

from ..quantities import count

AXES = ("model", "length", "tiles", "registers", "latency", "path", "ports", "state")
MODEL, LENGTH, TILES, REGISTERS, LATENCY, PATH, PORTS, STATE = AXES
GRIDS = ("lengths", "latencies", "ports", "port states", "states", "provision")
BESIDE = "beside"  # a grid that no figure needs: its points stand in the table of points

PARTS = ("workload", "arch", "mapping")

Value = Count | str
Label = int | str  # a value of an axis: its number, or the name of its choice
Span = dict[str, Literal["all"] | list[Value]]  # the values of some axes
Positive = Annotated[float, Field(gt=0)]


class ChangeSpec(Spec):
    """What a value of an axis sets: keys of the workload, the machine and the mapping."""

    base: dict[str, str] = Field(default_factory=dict)  # another spec than the study's base
    workload: dict[str, str | int] = Field(default_factory=dict)
    arch: dict[str, str | int] = Field(default_factory=dict)
    mapping: dict[str, str | int] = Field(default_factory=dict)

    @field_validator("base")
    @classmethod
    def _parts_are_known(cls, base: dict[str, str]) -> dict[str, str]:
        for part in base:
            if part not in PARTS:
                raise Misplaced(unknown("part", part, PARTS), (part,))
        return base


class AxisSpec(Spec):
    """An axis: numbers, whose keys are expressions of it, or choices with keys of their own."""

    label: str
    base: Value
    numbers: list[Count] = Field(default_factory=list)
    choices: dict[str, ChangeSpec] = Field(default_factory=dict)
    workload: dict[str, str] = Field(default_factory=dict)
    arch: dict[str, str] = Field(default_factory=dict)
    mapping: dict[str, str] = Field(default_factory=dict)

    @property
    def values(self) -> tuple[Label, ...]:
        return (*self.numbers, *self.choices)

    def legal(self, value: Any) -> Label:
        """A value of this axis. Raises ValueError that lists them."""
        from specs import parse_quantity

        if self.numbers and isinstance(value, str):
            value = parse_quantity(value, "count")
        if value not in self.values:
            raise ValueError(unknown("value", show(value), [show(each) for each in self.values], f"of '{self.label}'"))
        found: Label = value
        return found

    def change(self, name: str, value: Label) -> ChangeSpec:
        """What a value sets."""
        if isinstance(value, str):
            return self.choices[value]
        parts = {"workload": self.workload, "arch": self.arch, "mapping": self.mapping}
        number = {name: value}
        return ChangeSpec(**{
            part: {key: parse_expression(text).evaluate(number.__getitem__) for key, text in keys.items()}
            for part, keys in parts.items()
        })  # fmt: skip


class WatchedSpec(Spec):
    """The unit whose use is watched, its name in sentences, and the memory whose rows are counted."""

    unit: str
    label: str
    rows: str


class PublishedSpec(Spec):
    """The published use of the watched unit, and what it is a figure of."""

    utilization: Positive
    of: str
    by: str


class BaseSpec(Spec):
    """The references that axes change."""

    workload: str
    arch: str
    mapping: str


@dataclass(frozen=True)
class Point:
    """A design point: the value of every axis, in the order of the study's axes.

    >>> point = study_spec("fusemax-cycles").base_point()
    >>> point["tiles"], point.at(tiles=4)["tiles"]
    (8, 4)
    """

    values: tuple[tuple[str, Label], ...]

    def __getitem__(self, axis: str) -> Label:
        return dict(self.values)[axis]

    def at(self, **values: Label) -> Point:
        """The same point with other values of some axes."""
        return Point(tuple((axis, values.get(axis, value)) for axis, value in self.values))


class CycleStudySpec(Spec):
    """The file of a cycle study."""

    study: str
    title: str
    summary: str
    source: list[str]
    watched: WatchedSpec
    close: Positive
    published: PublishedSpec
    causes: dict[str, str] = Field(default_factory=dict)  # what a cause of idle time or of the gap is, in this design
    assumptions: list[str] = Field(default_factory=list)  # beside those of the records
    base: BaseSpec
    axes: dict[str, AxisSpec]
    grids: dict[str, list[Span]]  # each span is every combination of its values
    scenarios: dict[str, dict[str, Value]]

    @model_validator(mode="after")
    def _names_are_known(self) -> CycleStudySpec:
        for key, kind, needed, there in (("axes", "axis", AXES, self.axes), ("grids", "grid", GRIDS, self.grids)):
            for name in there:
                if name not in needed and (kind, name) != ("grid", BESIDE):
                    raise Misplaced(unknown(kind, name, needed), (key, name))
            for name in needed:
                if name not in there:
                    raise Misplaced(f"missing {kind} '{name}'", (key,))
        for path, axis, value in self._mentions():
            if axis not in self.axes:
                raise Misplaced(unknown("axis", axis, self.axes), path)
            try:
                self.axes[axis].legal(value)
            except ValueError as error:
                raise Misplaced(str(error), path) from None
        return self

    def _mentions(self) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
        """Every value of an axis that the file names: its path, the axis and the value."""
        for name, axis in self.axes.items():
            yield ("axes", name, "base"), name, axis.base
        for grid, spans in self.grids.items():
            for at, span in enumerate(spans):
                for name, values in span.items():
                    if name not in self.axes:
                        raise Misplaced(unknown("axis", name, self.axes), ("grids", grid, at, name))
                    for i, value in enumerate(() if values == "all" else values):
                        yield ("grids", grid, at, name, i), name, value
        for scenario, chosen in self.scenarios.items():
            for name, value in chosen.items():
                yield ("scenarios", scenario, name), name, value

    def base_point(self) -> Point:
        """Every axis at its base."""
        return Point(tuple((name, axis.legal(axis.base)) for name, axis in self.axes.items()))

    def values(self, grid: str, axis: str) -> tuple[Label, ...]:
        """The values that an axis has in a grid, in the order of the axis."""
        there = {point[axis] for point in self.grid(grid)}
        return tuple(value for value in self.axes[axis].values if value in there)

    def grid(self, name: str) -> list[Point]:
        """The points of a grid; in each span the last axis changes fastest."""
        return [point for span in self.grids[name] for point in self._span(span)]

    def _span(self, span: Span) -> Iterator[Point]:
        base = self.base_point()
        values = [
            self.axes[name].values if chosen == "all" else [self.axes[name].legal(value) for value in chosen]
            for name, chosen in span.items()
        ]
        for chosen in itertools.product(*values):
            yield base.at(**dict(zip(span, chosen, strict=True)))

    def scenario(self, name: str) -> Point:
        """The point of a scenario."""
        return self.base_point().at(**{axis: self.axes[axis].legal(v) for axis, v in self.scenarios[name].items()})

    def points(self) -> list[Point]:
        """Every point once: the base, the grids, the scenarios."""
        found = [self.base_point()]
        found += [point for name in self.grids for point in self.grid(name)]
        found += [self.scenario(name) for name in self.scenarios]
        return list(dict.fromkeys(found))

    def references(self, point: Point) -> tuple[str, str, str]:
        """The workload, the machine and the mapping of a point, as the command line takes them.

        >>> study_spec("fusemax-cycles").references(study_spec("fusemax-cycles").base_point().at(tiles=4))[2]
        'fusemax-binding:interleave=4'
        """
        parts: dict[str, dict[str, str | int]] = {"workload": {}, "arch": {}, "mapping": {}}
        names = self.base.model_dump()
        for axis, value in point.values:
            change = self.axes[axis].change(axis, value)
            names |= change.base
            for part, keys in parts.items():
                keys.update(getattr(change, part))
        texts = [_reference(names[part], keys) for part, keys in parts.items()]
        return texts[0], texts[1], texts[2]


STUDIES = Library("study", Path(__file__).parent.parent / "studies", CycleStudySpec)


def study_spec(reference: str) -> CycleStudySpec:
    """The study of that name, or of that file. Raises SpecError."""
    spec: CycleStudySpec = STUDIES.load(reference).model
    return spec


def show(value: Label) -> str:
    """A value of an axis as people read it.

    >>> show(16384), show("wrap")
    ('16Ki', 'wrap')
    """
    return count(value) if isinstance(value, int) else value


def _reference(name: str, keys: Mapping[str, str | int]) -> str:
    settings = ",".join(f"{key}={show(value)}" for key, value in keys.items())
    return f"{name}:{settings}" if settings else name
