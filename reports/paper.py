"""A published result as data: what its reference calls things, where they stand in our record, what is known to differ.

The files are in `reports/papers/`. Nothing here, or in what reads it, knows a paper by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from specs import Count, Library, Misplaced, Spec, parse_expression, unknown

if TYPE_CHECKING:
    from arch import Machine

Part = Literal["attention", "linear", "end-to-end"]
PositiveNumber = Annotated[float, Field(gt=0)]


class SearchSpec(Spec):
    """The mapping that tries all splits, where a configuration has the authors'; at some lengths, or at all."""

    mapping: str
    lengths: list[str] = Field(default_factory=list)


class ConfigurationSpec(Spec):
    """A machine and a mapping that the paper costs, for what part of a layer, and which file holds its rows.

    `linear` is the configuration beside it that does the linear layers around its attention. `accountings` names those
    that count it instead of the paper's. With a `sweep`, a number of that name ends the file's metrics
    (`latency@PE16`), and `sized` says what keys of the machine follow from it and the workload's keys; `numbers` and
    `lengths` are those of the published sweep.
    """

    reference: str
    arch: str
    mapping: str
    part: Part = "attention"
    accountings: dict[str, str] = Field(default_factory=dict)
    linear: str | None = None
    searched: SearchSpec | None = None
    sweep: str | None = None
    numbers: list[Count] = Field(default_factory=list)
    lengths: list[str] = Field(default_factory=list)
    sized: dict[str, str] = Field(default_factory=dict)
    closed_forms: dict[str, str] = Field(default_factory=dict)

    @field_validator("closed_forms", "sized")
    @classmethod
    def _are_expressions(cls, forms: dict[str, str]) -> dict[str, str]:
        return _expressions(forms)

    def metric(self, name: str) -> tuple[str, int | None]:
        """A metric of the file and the number of the sweep that it is of, if it has one.

        >>> ConfigurationSpec(reference="a.csv", arch="a", mapping="m", sweep="PE").metric("latency@PE16")
        ('latency', 16)
        """
        plain, _, number = name.partition(f"@{self.sweep}")
        return (plain, int(number)) if self.sweep and number.isdecimal() else (name, None)

    def machine(self, number: int | None, values: Mapping[str, Any]) -> str | Machine:
        """The machine, at a number of the sweep and for a workload's keys; sizes in bytes, rows in bits."""
        from arch import machine

        if number is None:
            return self.arch
        names = {**values, str(self.sweep): number}
        sized = {key: parse_expression(text).evaluate(names.__getitem__) for key, text in self.sized.items()}
        return machine(self.arch).with_values(sized)


class MetricSpec(Spec):
    """A metric of the reference: the field of our record, its unit, and the relative error that is allowed."""

    field: str
    unit: str = ""
    per_unit: PositiveNumber = 1.0  # what our number is multiplied by
    tolerance: PositiveNumber
    accounting: str = "hardware"


class DeviationSpec(Spec):
    """A deviation of the reference's own doing: where it shows, how far it goes, and why."""

    name: str
    why: str
    metric: str
    lengths: list[str]
    bounds: dict[str, PositiveNumber]  # of each configuration


class MeanSpec(Spec):
    """A published mean over all models and lengths: a metric of one configuration over that of another."""

    name: str
    part: Part = "attention"
    metric: str
    of: str
    over: str
    published: PositiveNumber
    tolerance: PositiveNumber


class ValidationSpec(Spec):
    """Figures of a model that leaves some Einsums out, in a file beside the library's papers, to hold ours to.

    The file has columns `model`, `seq_len`, `traffic` (bytes to and from the outermost memory), `ideal_latency` (s, of
    all elements of a unit at all times) and `latency` (s).
    """

    name: str
    configuration: str
    einsums: Annotated[list[str], Field(min_length=1)]
    unit: str
    file: str
    source: str
    tolerances: dict[Literal["traffic", "ideal_latency", "latency"], PositiveNumber]
    why: str


class PriceSpec(Spec):
    """An operation whose price the tables are compared by, in a number type."""

    operation: str
    type: str


class PrecisionSpec(Spec):
    """A study of the type of a running state: which tensor is watched, at which sizes of its rank."""

    cascade: str
    watch: str  # the running denominator
    numerator: str
    output: str
    correction: str  # what a new maximum multiplies the state by,
    corrected: str  # the product,
    added: str  # and what a tile adds to it
    variants: dict[str, dict[str, str]]  # of each label, the types of tensors
    inner: dict[str, Count]
    rank: str
    queries: str
    sizes: dict[str, Count]
    lengths: list[Count]
    called_out: list[Count]


class ReportSpec(Spec):
    """What a report shows beyond the rows."""

    units: dict[str, str]
    baseline: str  # what figures and tables are relative to
    slow: str  # what sentences hold `fast` against
    fast: str
    shares: str
    price: PriceSpec
    figures: dict[str, Count] = Field(default_factory=dict)  # of a figure of ours, the paper's with the same content
    waits: dict[str, str] = Field(default_factory=dict)  # of an Einsum that is waited for, what the wait is for
    precision: PrecisionSpec


class PaperSpec(Spec):
    """The file of a published result."""

    paper: str
    title: str
    summary: str
    source: list[str]
    models: dict[str, str]
    lengths: dict[str, Count]
    length_key: str
    configurations: dict[str, ConfigurationSpec]
    beside: dict[str, ConfigurationSpec] = Field(default_factory=dict)  # compared as well, but not in the report
    definitions: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, MetricSpec]
    named: list[DeviationSpec] = Field(default_factory=list)
    validation: list[ValidationSpec] = Field(default_factory=list)
    accountings: dict[str, str]
    headline: list[MeanSpec] = Field(default_factory=list)
    report: ReportSpec

    @field_validator("definitions")
    @classmethod
    def _are_expressions(cls, definitions: dict[str, str]) -> dict[str, str]:
        return _expressions(definitions)

    @model_validator(mode="after")
    def _names_are_known(self) -> PaperSpec:
        for kind, word, legal, path in self._mentions():
            if word not in legal:
                raise Misplaced(unknown(kind, word, legal), path)
        return self

    def _mentions(self) -> Iterator[tuple[str, str, Any, tuple[str | int, ...]]]:
        """Every place that names something defined elsewhere in the file: its kind, word, legal words and path."""
        for i, deviation in enumerate(self.named):
            yield "metric", deviation.metric, self.metrics, ("named", i, "metric")
            for j, length in enumerate(deviation.lengths):
                yield "length", length, self.lengths, ("named", i, "lengths", j)
            for name in deviation.bounds:
                yield "configuration", name, self.compared, ("named", i, "bounds", name)
        for name, spec in self.compared.items():
            if spec.linear is not None:
                yield "configuration", spec.linear, self.beside, (self._place(name), name, "linear")
            for j, length in enumerate(spec.lengths):
                yield "length", length, self.lengths, (self._place(name), name, "lengths", j)
            for j, length in enumerate(spec.searched.lengths if spec.searched else ()):
                yield "length", length, self.lengths, (self._place(name), name, "searched", "lengths", j)
        for i, mean in enumerate(self.headline):
            yield "metric", mean.metric, self.metrics, ("headline", i, "metric")
            for key in ("of", "over"):
                yield "configuration", getattr(mean, key), self.configurations, ("headline", i, key)
        for key in ("baseline", "slow", "fast"):
            yield "configuration", getattr(self.report, key), self.configurations, ("report", key)
        for i, validation in enumerate(self.validation):
            yield "configuration", validation.configuration, self.compared, ("validation", i, "configuration")
        for name, metric in self.metrics.items():
            yield "accounting", metric.accounting, self.accountings, ("metrics", name, "accounting")

    def _place(self, name: str) -> str:
        return "configurations" if name in self.configurations else "beside"

    @property
    def compared(self) -> dict[str, ConfigurationSpec]:
        """Every configuration that a reference may have rows of."""
        return {**self.configurations, **self.beside}

    @property
    def searched(self) -> dict[str, ConfigurationSpec]:
        """The configurations that have splits of the authors, with those that a search over all splits finds."""
        return {
            name: spec.model_copy(update={"mapping": spec.searched.mapping, "lengths": spec.searched.lengths})
            for name, spec in self.configurations.items()
            if spec.searched is not None
        }

    def deviation(self, configuration: str, length: str, metric: str) -> DeviationSpec | None:
        """The named deviation that a row may show."""
        for each in self.named:
            if each.metric == metric and length in each.lengths and configuration in each.bounds:
                return each
        return None

    def metric_of(self, field: str) -> str | None:
        """The reference's name for a field of our record.

        >>> paper("fusemax").metric_of("utilization.array_2d")
        'util_2d'
        """
        return next((name for name, metric in self.metrics.items() if metric.field == field), None)

    def workload(self, model: str, length: str, part: Part = "attention") -> str:
        """The reference of one workload."""
        from .quantities import count

        which = "" if part == "attention" else f",part={part}"
        return f"{self.models[model]}:{self.length_key}={count(self.lengths[length])}{which}"


PAPERS = Library("paper", Path(__file__).parent / "papers", PaperSpec)


def paper(reference: str) -> PaperSpec:
    """The published result of that name, or of that file. Raises SpecError.

    >>> paper("fusemax").configurations["+Binding"].mapping
    'fusemax-binding'
    """
    spec: PaperSpec = PAPERS.load(reference).model
    return spec


def value_at(record: Mapping[str, Any], field: str) -> float | int | None:
    """The number of a record at a dotted path; a table there is summed; None if there is none.

    >>> value_at({"traffic_bytes": {"dram": {"read": 2, "write": 3}}}, "traffic_bytes.dram")
    5
    """
    found: Any = record
    for step in field.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return sum(found.values()) if isinstance(found, Mapping) else found


def _expressions(texts: dict[str, str]) -> dict[str, str]:
    for key, text in texts.items():
        try:
            parse_expression(text)
        except ValueError as error:
            raise Misplaced(str(error), (key,), getattr(error, "offset", 0)) from None
    return texts
