"""The records of a cycle study, and the numbers that tables, figures and findings take from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specs import Infeasible

from .spec import LENGTH, MODEL, TILES, CycleStudySpec, Label, Point, show

if TYPE_CHECKING:
    from sim import Record

MODEL_OF_TIME = "cycle"


@dataclass(frozen=True)
class Outcome:
    """What became of a point: its record by the cycle model, or why it does not fit."""

    point: Point
    record: Record | None
    reason: str = ""

    @property
    def fits(self) -> bool:
        """Whether there is a record."""
        return self.record is not None

    @property
    def found(self) -> Record:
        """The record. Raises ValueError where the point does not fit."""
        if self.record is None:
            raise ValueError(self.reason)
        return self.record

    @property
    def gaps(self) -> Mapping[str, int]:
        """Cycles that each cause adds to the analytic model's; one that takes away is negative."""
        return self.found.gap_cycles or {}

    @property
    def analytic_cycles(self) -> int:
        """The analytic model's cycles, which the gap leads to without remainder."""
        return self.found.cycles - sum(self.gaps.values())

    @property
    def kept(self) -> float:
        """The use of every unit, of that by the analytic model; nothing where the point does not fit."""
        return self.analytic_cycles / self.found.cycles if self.fits else 0.0

    def used(self, unit: str) -> float:
        """Operation slots used, of a unit's elements × time."""
        return self.found.utilization[unit] if self.fits else 0.0

    def analytic_used(self, unit: str) -> float:
        """The same by the analytic model."""
        return self.used(unit) / self.kept if self.fits else 0.0

    def stalls(self, unit: str) -> Mapping[str, int]:
        """The idle cycles of a unit by cause."""
        return (self.found.stall_cycles or {}).get(unit, {})


@dataclass(frozen=True)
class CycleStudy:
    """Every point of a study."""

    spec: CycleStudySpec
    outcomes: Mapping[Point, Outcome]

    @property
    def unit(self) -> str:
        """The unit that is watched."""
        return self.spec.watched.unit

    @property
    def base(self) -> Outcome:
        """The published configuration under our defaults."""
        return self.outcomes[self.spec.base_point()]

    def at(self, **values: Label) -> Outcome:
        """The base with other values of some axes."""
        return self.outcomes[self.spec.base_point().at(**values)]

    def use(self, **values: Label) -> float:
        """How much of the watched unit is used there."""
        return self.at(**values).used(self.unit)

    def grid(self, name: str) -> list[Outcome]:
        """The outcomes of a grid's points."""
        return [self.outcomes[point] for point in self.spec.grid(name)]

    def close(self, outcome: Outcome) -> bool:
        """Whether a point keeps the analytic model's time, within what the study calls close."""
        return outcome.fits and outcome.kept >= 1 - self.spec.close

    def tiles_needed(self, **values: Label) -> int | None:
        """The fewest tiles in flight from which on every point is close; None if there is none in the study."""
        found: int | None = None
        for tiles in reversed(self.spec.axes[TILES].numbers):
            if not self.close(self.at(**{TILES: tiles}, **values)):
                break
            found = tiles
        return found

    def lost(self, outcome: Outcome) -> float:
        """The use of the watched unit by the analytic model, less that by the cycle model."""
        return outcome.analytic_used(self.unit) - outcome.used(self.unit)

    def rows_per_tile(self, outcome: Outcome) -> float:
        """Rows of the watched memory that are read and written for a tile."""
        actions = outcome.found.actions[self.spec.watched.rows]
        return sum(actions.values()) / self.tiles(outcome)

    def tiles(self, outcome: Outcome) -> int:
        """Tiles of the run: the Einsum of the watched unit that takes the fewest cycles takes one for each tile."""
        return min(outcome.found.cycles_by_einsum[self.unit].values())

    def rows_by_action(self, outcome: Outcome) -> dict[str, float]:
        """Rows of the watched memory for a tile, read and written."""
        actions = outcome.found.actions[self.spec.watched.rows]
        return {action: rows / self.tiles(outcome) for action, rows in actions.items()}

    def published_rows(self) -> list[Outcome]:
        """Every model and length, as published."""
        return self.grid("lengths")

    def lines(self) -> dict[str, list[Outcome]]:
        """The lengths of each model."""
        found: dict[str, list[Outcome]] = {}
        for outcome in self.published_rows():
            found.setdefault(str(outcome.point[MODEL]), []).append(outcome)
        return {model: sorted(each, key=lambda o: int(o.point[LENGTH])) for model, each in found.items()}


def run(spec: CycleStudySpec, progress: Callable[[str], None] = lambda label: None) -> CycleStudy:
    """Simulate every point; `progress` is told of each. What does not fit is kept with its reason. Raises SpecError."""
    outcomes = {}
    for point in spec.points():
        outcomes[point] = outcome_of(spec, point)
        progress(describe(spec, point))
    return CycleStudy(spec, outcomes)


def outcome_of(spec: CycleStudySpec, point: Point) -> Outcome:
    """One point, simulated."""
    from sim import simulate

    try:
        return Outcome(point, simulate(*spec.references(point), model=MODEL_OF_TIME))
    except Infeasible as error:
        return Outcome(point, None, error.reason)


def describe(spec: CycleStudySpec, point: Point) -> str:
    """What sets a point apart from the base."""
    base = spec.base_point()
    changed = [f"{axis} {show(value)}" for axis, value in point.values if base[axis] != value]
    return ", ".join(changed) or "base"


def mean(values: Iterable[float]) -> float:
    """The mean.

    >>> mean([1.0, 2.0])
    1.5
    """
    listed = list(values)
    return sum(listed) / len(listed)
