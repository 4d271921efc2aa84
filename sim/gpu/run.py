"""One measured call of attention, whoever measured it, and what came of a file of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .point import Point

if TYPE_CHECKING:
    from .runfile import RunFileSpec

TERA, GIGA = 1e12, 1e9
LEAST_S, MOST_S = 1e-9, 1e6  # of a call


@dataclass(frozen=True)
class Times:
    """A distribution of times: the median, and the tenth and the ninetieth percentile where they are known.

    Raises ValueError if the median is no time that a call takes.
    """

    median_s: float
    p10_s: float | None = None
    p90_s: float | None = None

    def __post_init__(self) -> None:
        if not LEAST_S <= self.median_s <= MOST_S:
            raise ValueError(f"found a time of {self.median_s:g} s, expected one from {LEAST_S:g} to {MOST_S:g} s")

    @property
    def spread(self) -> float | None:
        """From the tenth to the ninetieth percentile, of the median.

        >>> round(Times(10e-6, 9e-6, 12e-6).spread, 3)
        0.3
        """
        if self.p10_s is None or self.p90_s is None:
            return None
        return (self.p90_s - self.p10_s) / self.median_s


@dataclass(frozen=True)
class Run:
    """A point, by one kernel on one chip. `times` are with the L2 cache flushed, or as published; `warm` without.

    `chip` and `kernel` are called as the source calls them. Energies are of one call; `idle_energy_j` is what the
    chip takes in that time at rest.

    >>> from .point import Point
    >>> run = Run("H100", "fa3", Point("prefill", 1, 1024, 1024, 8, 8, 128, "bf16", causal=True), Times(5e-6), "mine")
    >>> round(run.tflop_per_s, 1)  # 4 · 8 · 1024² / 2 · 128 FLOPs in 5 µs
    429.5
    """

    chip: str
    kernel: str
    point: Point
    times: Times
    source: str
    row: str = ""  # which row of the source
    ours: bool = False
    warm: Times | None = None
    energy_j: float | None = None
    idle_energy_j: float | None = None
    relative_error: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sm_mhz: float | None = None  # the clock while `times` were taken
    file: str = ""  # the SHA-256 sum of a run file of ours

    @property
    def seconds(self) -> float:
        """The median time of a call."""
        return self.times.median_s

    @property
    def tflop_per_s(self) -> float:
        """By the published convention of FLOPs: see `Point.flops`."""
        return self.point.flops / self.seconds / TERA

    @property
    def gb_per_s(self) -> float:
        """The bytes that must move, over time; what moves more than once is not counted again."""
        return self.point.least_bytes / self.seconds / GIGA

    @property
    def energy_per_token_j(self) -> float | None:
        """Energy of a call by its queries, the chip's rest included."""
        return None if self.energy_j is None else self.energy_j / self.point.tokens

    @property
    def own_energy_per_token_j(self) -> float | None:
        """The same without what the chip takes at rest."""
        if self.energy_j is None or self.idle_energy_j is None:
            return None
        return (self.energy_j - self.idle_energy_j) / self.point.tokens


@dataclass(frozen=True)
class Unfinished:
    """A row without a time: skipped, wrong or failed, and why."""

    row: str
    kernel: str
    status: str
    reason: str


@dataclass(frozen=True)
class Measurements:
    """A file of runs. `rows` counts those of the file: a row may hold several runs, or none that finished.

    `machine` is what a run file of ours says of chip, software and ceilings.
    """

    source: str
    kind: str
    rows: int
    runs: tuple[Run, ...]
    unfinished: tuple[Unfinished, ...] = ()
    machine: RunFileSpec | None = None
    sha256: str = ""  # of a run file of ours


def seconds_of(flops: float, tflop_per_s: float) -> float:
    """The time that a published TFLOP/s stands for.

    >>> seconds_of(2e12, 400.0)
    0.005
    """
    return flops / (tflop_per_s * TERA)
