"""Which measurements physics allows: none may be faster than its FLOPs at the peak, or its bytes at the bandwidth.

FLOPs are those of the pairs in sight (`Point.least_flops`), bytes those that must move at least once
(`Point.least_bytes`). Its tenth percentile is held to both too, and its times with a warm cache to its FLOPs. A
measurement of which one of the two cannot be known is neither kept nor rejected, nor is one that only a clock above the
data sheet's allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .chips import Chip, chip_named
from .run import GIGA, TERA, Run

MICRO = 1e-6
FLOPS = "FLOPs"
KEPT, REJECTED, UNJUDGED = "kept", "rejected", "unjudged"


@dataclass(frozen=True)
class Floor:
    """A time below which a call cannot be: an amount over a rate. `note` says where the rate is from.

    A rate that grows with the clock says at which one it is.
    """

    what: str
    amount: float
    per_s: float
    note: str
    clock_hz: float | None = None

    @property
    def seconds(self) -> float:
        return self.amount / self.per_s

    def arithmetic(self) -> str:
        """The division, in the units of data sheets.

        >>> Floor("bytes", 67e6, 4.8e12, "data sheet").arithmetic()
        '6.7e+07 bytes / 4800 GB/s = 13.96 µs'
        """
        rate = f"{self.per_s / TERA:g} TFLOP/s" if self.what == FLOPS else f"{self.per_s / GIGA:g} GB/s"
        return f"{self.amount:.4g} {self.what} / {rate} = {self.seconds / MICRO:.4g} µs"


@dataclass(frozen=True)
class Judged:
    """A measurement, its floors that are known, and why it is rejected or cannot be judged (empty: it is kept)."""

    run: Run
    floors: tuple[Floor, ...]
    reason: str = ""
    verdict: str = KEPT

    @property
    def bound(self) -> Floor | None:
        """The higher floor."""
        return max(self.floors, key=lambda floor: floor.seconds, default=None)

    @property
    def share(self) -> float | None:
        """The higher floor, of the measured time: 1 is all that the chip can do."""
        return None if self.bound is None else self.bound.seconds / self.run.seconds


@dataclass(frozen=True)
class Sieved:
    """Measurements by verdict, each in the order of the source."""

    kept: tuple[Judged, ...] = ()
    rejected: tuple[Judged, ...] = ()
    unjudged: tuple[Judged, ...] = ()


def sieve(runs: Iterable[Run], among: Sequence[Chip] | None = None) -> Sieved:
    """Judge every measurement, by the chips that ship with einfuse or by others."""
    found = [judge(run, chip_named(run.chip, among)) for run in runs]
    kept, rejected, unjudged = (
        tuple(judged for judged in found if judged.verdict == verdict) for verdict in (KEPT, REJECTED, UNJUDGED)
    )
    return Sieved(kept, rejected, unjudged)


def judge(run: Run, chip: Chip | None) -> Judged:
    """Hold one measurement against what its chip can do.

    >>> from .point import Point
    >>> from .run import Times
    >>> point = Point("prefill", 1, 16384, 16384, 64, 8, 64, "bf16", causal=True)
    >>> judge(Run("H200-SXM", "k", point, Times(4346.52e-6), "s"), chip_named("H200-SXM")).reason
    ''
    >>> judge(Run("H200-SXM", "k", point, Times(2e-3), "s"), chip_named("H200-SXM")).reason
    '2.199e+12 FLOPs / 989 TFLOP/s = 2224 µs > 2000 µs (H200 data sheet, aiconfigurator h200_sxm.yaml)'
    """
    if chip is None:
        return Judged(run, (), f"no chip is called '{run.chip}'; add the name to sim/gpu/chips.yaml", UNJUDGED)
    floors = floors_of(run, chip)
    broken = [each for floor in floors if (each := _broken(floor, run)) is not None]
    if broken:
        legal = all(_by_its_clock(floor, run) for floor, _, _ in broken)
        reasons = "; ".join(_told(*each, run, chip) for each in broken)
        return Judged(run, floors, reasons, UNJUDGED if legal else REJECTED)
    if run.point.dtype not in chip.peaks:
        lacking = f"the peak of {chip.name} for {run.point.dtype} is not stated; add it to sim/gpu/chips.yaml"
        return Judged(run, floors, lacking, UNJUDGED)
    return Judged(run, floors)


def floors_of(run: Run, chip: Chip) -> tuple[Floor, ...]:
    """The floors that the chip's stated values give."""
    peak, memory = chip.peaks.get(run.point.dtype), chip.memory
    found = [] if peak is None else [Floor(FLOPS, run.point.least_flops, peak.value, peak.note, peak.clock_hz)]
    return (*found, Floor("bytes", run.point.least_bytes, memory.value, memory.note))


def _times(run: Run, what: str) -> dict[str, float]:
    """Times of a measurement that a floor holds for: with a warm cache the memory need not be asked."""
    warm = run.warm if what == FLOPS else None
    found = {"": run.seconds, "p10 of ": run.times.p10_s}
    found |= {} if warm is None else {"with a warm cache, ": warm.median_s, "with a warm cache, p10 of ": warm.p10_s}
    return {name: seconds for name, seconds in found.items() if seconds is not None}


def _broken(floor: Floor, run: Run) -> tuple[Floor, str, float] | None:
    """The first of a measurement's times that is below a floor, and what it is called."""
    below = ((floor, name, each) for name, each in _times(run, floor.what).items() if each < floor.seconds)
    return next(below, None)


def _by_its_clock(floor: Floor, run: Run) -> bool:
    """Whether a floor that moves with the clock would allow all times at the clock that the run says it had."""
    if floor.clock_hz is None or run.sm_mhz is None or run.sm_mhz * 1e6 <= floor.clock_hz:
        return False
    least = floor.seconds * floor.clock_hz / (run.sm_mhz * 1e6)
    return all(seconds >= least for seconds in _times(run, floor.what).values())


def _told(floor: Floor, name: str, seconds: float, run: Run, chip: Chip) -> str:
    text = f"{floor.arithmetic()} > {name}{seconds / MICRO:.4g} µs ({floor.note})"
    if _by_its_clock(floor, run) and floor.clock_hz is not None:
        return f"{text}; it ran at {run.sm_mhz:g} MHz, and the peak is at {floor.clock_hz / 1e6:g} MHz"
    if floor.what == "bytes" and chip.cache is not None and floor.amount <= chip.cache.value:
        return f"{text}; they fit into the cache of {chip.cache.value / 1e6:g} MB, which may have held them"
    return text
