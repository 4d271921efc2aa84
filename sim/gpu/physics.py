"""Which measurements physics allows: none may be faster than its FLOPs at the peak, or its bytes at the bandwidth.

FLOPs are those of the pairs in sight (`Point.least_flops`), bytes those that must move at least once
(`Point.least_bytes`). A measurement of which one of the two cannot be known is neither kept nor rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .chips import Chip, chip_named
from .run import GIGA, TERA, Run

MICRO = 1e-6


@dataclass(frozen=True)
class Floor:
    """A time below which a call cannot be: an amount over a rate. `note` says where the rate is from."""

    what: str
    amount: float
    per_s: float
    note: str

    @property
    def seconds(self) -> float:
        return self.amount / self.per_s

    def arithmetic(self) -> str:
        """The division, in the units of data sheets.

        >>> Floor("bytes", 67e6, 4.8e12, "data sheet").arithmetic()
        '6.7e+07 bytes / 4800 GB/s = 13.96 µs'
        """
        rate = f"{self.per_s / TERA:g} TFLOP/s" if self.what == "FLOPs" else f"{self.per_s / GIGA:g} GB/s"
        return f"{self.amount:.4g} {self.what} / {rate} = {self.seconds / MICRO:.4g} µs"


@dataclass(frozen=True)
class Judged:
    """A measurement, its floors that are known, and why it is rejected or cannot be judged (empty: it is kept)."""

    run: Run
    floors: tuple[Floor, ...]
    reason: str = ""

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
    kept, rejected, unjudged = [], [], []
    for run in runs:
        judged = judge(run, chip_named(run.chip, among))
        if any(floor.seconds > run.seconds for floor in judged.floors):
            rejected.append(judged)
        elif judged.reason:
            unjudged.append(judged)
        else:
            kept.append(judged)
    return Sieved(tuple(kept), tuple(rejected), tuple(unjudged))


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
        return Judged(run, (), f"no chip is called '{run.chip}'; add the name to sim/gpu/chips.yaml")
    floors = floors_of(run, chip)
    broken = [_broken(floor, run, chip) for floor in floors if floor.seconds > run.seconds]
    if broken:
        return Judged(run, floors, "; ".join(broken))
    if run.point.dtype not in chip.peaks:
        lacking = f"the peak of {chip.name} for {run.point.dtype} is not stated; add it to sim/gpu/chips.yaml"
        return Judged(run, floors, lacking)
    return Judged(run, floors)


def floors_of(run: Run, chip: Chip) -> tuple[Floor, ...]:
    """The floors that the chip's stated values give."""
    peak, memory = chip.peaks.get(run.point.dtype), chip.memory
    found = [] if peak is None else [Floor("FLOPs", run.point.least_flops, peak.value, peak.note)]
    return (*found, Floor("bytes", run.point.least_bytes, memory.value, memory.note))


def _broken(floor: Floor, run: Run, chip: Chip) -> str:
    text = f"{floor.arithmetic()} > {run.seconds / MICRO:.4g} µs ({floor.note})"
    if floor.what == "bytes" and chip.cache is not None and floor.amount <= chip.cache.value:
        return f"{text}; they fit into the cache of {chip.cache.value / 1e6:g} MB, which may have held them"
    return text
