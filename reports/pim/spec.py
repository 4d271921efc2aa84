"""A study of memory that computes, as data: what is simulated, under which choices, and what others published.

The files are in `reports/pim/studies/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from specs import Bandwidth, Count, Library, Misplaced, Spec, unknown

Setting = str | bool | int  # of a reference


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


class VariedSpec(Spec):
    """A setting of the machine with the values that it takes, each over contexts: numbers of keys."""

    contexts: Annotated[list[Count], Field(min_length=1)]
    setting: str
    values: Annotated[list[Count], Field(min_length=1)]

    def arch(self, arch: str, value: int) -> str:
        """The machine with a value of the setting, as the command line takes it."""
        return with_settings(arch, {self.setting: value})


class AttentionSpec(Spec):
    """Attention over keys and values that lie in the banks.

    `layouts` are all choices of the mapping side by side, `appends` how many tokens append at once, and `units` what
    becomes of a whole token with other units outside of the banks. `context` is that of what has no other.
    """

    mapping: str
    context: Count
    layouts: VariedSpec
    appends: Annotated[list[Count], Field(min_length=1)]
    units: VariedSpec

    @model_validator(mode="after")
    def _context_is_among_the_others(self) -> AttentionSpec:
        for name in ("layouts", "units"):
            contexts = getattr(self, name).contexts
            if self.context not in contexts:
                known = ", ".join(map(str, contexts))
                message = f"context {self.context} is not among the contexts of '{name}', {known}; take one of them"
                raise Misplaced(message, ("context",))
        return self


@dataclass(frozen=True)
class Point:
    """How rows are filled, banks activated, and rows refreshed."""

    rows: str
    activation: str
    refresh: str


class PimStudySpec(Spec):
    """The file of a study. `pins` are machines whose memory's pins are set beside the banks."""

    pim_study: str
    title: str
    summary: str
    source: list[str]
    workload: str
    arch: str
    mapping: str
    rows: Annotated[list[str], Field(min_length=1)]
    activations: Annotated[list[str], Field(min_length=1)]
    refreshes: Annotated[dict[str, dict[str, str | bool]], Field(min_length=1)]
    tables: Annotated[list[str], Field(min_length=1)]
    products: ProductsSpec
    baseline: BaselineSpec
    pins: list[str] = Field(default_factory=list)
    published: list[ClaimSpec]
    compared: str
    attention: AttentionSpec | None = None

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
        return self.workload, self.machine(point), with_settings(self.mapping, {"rows": point.rows})

    def machine(self, point: Point) -> str:
        """The machine of a point."""
        return with_settings(self.arch, {"activation": point.activation, **self.refreshes[point.refresh]})


PIM_STUDIES = Library("pim_study", Path(__file__).parent / "studies", PimStudySpec)


def pim_study(reference: str) -> PimStudySpec:
    """The study of that name, or of that file. Raises SpecError."""
    spec: PimStudySpec = PIM_STUDIES.load(reference).model
    return spec


def with_settings(reference: str, settings: Mapping[str, Setting]) -> str:
    """A reference with more settings.

    >>> with_settings("gddr6-aim:channels=8", {"postponed": False, "accumulators": 4})
    'gddr6-aim:channels=8,postponed=false,accumulators=4'
    """
    texts = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in settings.items()]
    return f"{reference}{',' if ':' in reference else ':'}{','.join(texts)}"
