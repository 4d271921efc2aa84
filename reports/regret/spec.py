"""A study of regret, as data: its sweep, what nobody chooses, budgets, and how far prices may be off.

The files are in `reports/regret/studies/`, each beside the file of its sweep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from specs import Count, Expression, Library, Misplaced, Spec, parse_expression, parse_reference

Positive = Annotated[float, Field(gt=0)]


def _condition(text: str) -> str:
    if not parse_expression(text).is_condition:
        raise ValueError(f"expected a condition such as area_mm2 <= 400, found '{text}'")
    return text


def _term(text: str) -> str:
    if parse_expression(text).is_condition:
        raise ValueError(f"expected a number such as energy_j * latency_s, found '{text}'")
    return text


Condition = Annotated[str, AfterValidator(_condition)]
Term = Annotated[str, AfterValidator(_term)]


class ConditionsSpec(Spec):
    """Designs that are considered: all that meet these conditions on columns of the sweep."""

    where: list[Condition] = Field(default_factory=list)

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """The conditions, parsed."""
        return tuple(parse_expression(text) for text in self.where)


class PriceSpec(Spec):
    """An entry of an energy table: whose price it is, and the factors by which it may be off, least and most, and why.

    `of` are components, the sweep's columns `energy_j.*`; a component in several entries takes the product of their
    factors, as control does, whose price is a share of the operations' price.
    """

    of: Annotated[list[str], Field(min_length=1)]
    low: Positive
    high: Positive
    source: str

    @model_validator(mode="after")
    def _is_a_range(self) -> PriceSpec:
        if self.low > self.high:
            raise Misplaced(f"'low' ({self.low:g}) must not be more than 'high' ({self.high:g})", ("low",))
        return self


class PricesSpec(Spec):
    """Tables of energy that are drawn: each entry's price times a factor, drawn evenly in its logarithm."""

    samples: Count
    seed: Annotated[int, Field(ge=0)] = 0
    entries: Annotated[dict[str, PriceSpec], Field(min_length=1)]


class RegretStudySpec(Spec):
    """The file of a study.

    `sweep` is a file, by its path from here, whose models are analytic and cycle. `circumstances` are those of its axes
    that nobody chooses, and what to call them; all others make up a design. Each of `metrics` is an expression over
    columns, the less the better.
    """

    regret_study: str
    title: str
    summary: str
    source: list[str]
    sweep: str
    circumstances: dict[str, str]
    metrics: Annotated[dict[str, Term], Field(min_length=1)]
    spaces: Annotated[dict[str, ConditionsSpec], Field(min_length=1)]
    budgets: Annotated[dict[str, ConditionsSpec], Field(min_length=1)]
    close: Positive  # a regret of no more is none
    prices: PricesSpec

    def metric(self, name: str) -> Expression:
        """One of the metrics, parsed."""
        return parse_expression(self.metrics[name])

    @property
    def priced(self) -> list[str]:
        """The metrics that depend on prices."""
        return [name for name in self.metrics if "energy_j" in self.metric(name).names()]

    @property
    def first(self) -> tuple[str, str]:
        """The space and the budget that come first: of these ranks are compared under drawn prices, too."""
        return next(iter(self.spaces)), next(iter(self.budgets))


STUDIES_FOLDER = Path(__file__).parent / "studies"
REGRET_STUDIES = Library("regret_study", STUDIES_FOLDER, RegretStudySpec)


def regret_study(reference: str) -> tuple[RegretStudySpec, Path]:
    """The study of that name, or of that file, and the file of its sweep. Raises SpecError.

    >>> spec, sweep = regret_study("model-regret")
    >>> list(spec.circumstances.values()), sweep.name
    (['length', 'mac latency'], 'model-regret.yaml')
    """
    spec: RegretStudySpec = REGRET_STUDIES.load(reference).model
    parsed = parse_reference(reference)
    here = Path(parsed.name).parent if parsed.is_path else STUDIES_FOLDER
    return spec, (here / spec.sweep).resolve()
