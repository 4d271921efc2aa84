"""A study of memory that computes, as data: what is simulated, under which choices, and what others published.

The files are in `reports/pim/studies/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from specs import Bandwidth, Count, Library, Misplaced, Spec, unknown

Setting = str | bool


class ProductSpec(Spec):
    """A product of a matrix and a vector, done so many times."""

    workload: str
    times: Count


class ProductsSpec(Spec):
    """The same weights in several matrices, or in one."""

    mapping: str
    apart: ProductSpec
    together: ProductSpec


class BaselineSpec(Spec):
    """A machine that reads all weights through its memory's pins."""

    name: str
    bandwidth: Bandwidth
    source: str


class ClaimSpec(Spec):
    """A published range of ratios. `mark`: R if it was read in the source, Q if another quotes it."""

    what: str
    low: float
    high: float
    mark: Literal["R", "Q"]
    source: str


@dataclass(frozen=True)
class Point:
    """How rows are filled, banks activated, and rows refreshed."""

    rows: str
    activation: str
    refresh: str


class PimStudySpec(Spec):
    """The file of a study."""

    pim_study: str
    title: str
    summary: str
    source: list[str]
    workload: str
    arch: str
    mapping: str
    rows: Annotated[list[str], Field(min_length=1)]
    activations: Annotated[list[str], Field(min_length=1)]
    refreshes: Annotated[dict[str, dict[str, Setting]], Field(min_length=1)]
    tables: Annotated[list[str], Field(min_length=1)]
    products: ProductsSpec
    baseline: BaselineSpec
    published: list[ClaimSpec]
    compared: str

    @model_validator(mode="after")
    def _claim_is_known(self) -> PimStudySpec:
        names = [claim.what for claim in self.published]
        if self.compared not in names:
            raise Misplaced(unknown("claim", self.compared, names), ("compared",))
        return self

    @property
    def claim(self) -> ClaimSpec:
        """What is published of the speed over the baseline."""
        return next(claim for claim in self.published if claim.what == self.compared)

    @property
    def base(self) -> str:
        """The refresh that the others are held against."""
        return next(iter(self.refreshes))

    def points(self) -> Iterator[Point]:
        """Every point; the refresh changes fastest."""
        for rows in self.rows:
            for activation in self.activations:
                for refresh in self.refreshes:
                    yield Point(rows, activation, refresh)

    def references(self, point: Point) -> tuple[str, str, str]:
        """The workload, the machine and the mapping of a point, as the command line takes them.

        >>> study = pim_study("pim")
        >>> study.references(Point("padded", "none", "all-bank"))[1:]
        ('gddr6-aim:channels=8,activation=none,refresh=all-bank', 'bank-parallel-layers:io=excluded,rows=padded')
        """
        return self.workload, self.machine(point), _with(self.mapping, {"rows": point.rows})

    def machine(self, point: Point) -> str:
        """The machine of a point."""
        return _with(self.arch, {"activation": point.activation, **self.refreshes[point.refresh]})


PIM_STUDIES = Library("pim_study", Path(__file__).parent / "studies", PimStudySpec)


def pim_study(reference: str) -> PimStudySpec:
    """The study of that name, or of that file. Raises SpecError."""
    spec: PimStudySpec = PIM_STUDIES.load(reference).model
    return spec


def _with(reference: str, settings: dict[str, Setting]) -> str:
    texts = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in settings.items()]
    return f"{reference}{',' if ':' in reference else ':'}{','.join(texts)}"
