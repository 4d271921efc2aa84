"""What measurements come to: by kernel, against ceilings, against each other, and what was rejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .spec import GpuStudySpec

if TYPE_CHECKING:
    from sim.gpu.chips import Chip
    from sim.gpu.physics import Judged, Sieved
    from sim.gpu.point import Point
    from sim.gpu.run import Measurements, Run


@dataclass(frozen=True, order=True)
class Group:
    """Measurements that stand in one line: a kernel on a chip, in a phase and direction."""

    chip: str
    phase: str
    direction: str
    kernel: str
    dtype: str

    @property
    def what(self) -> str:
        """The phase, with the direction if it is not the forward pass alone."""
        return self.phase if self.direction == "fwd" else f"{self.phase} {self.direction}"


@dataclass(frozen=True)
class Ratio:
    """A kernel of ours at a point, and another kernel there; each the fastest of its parameters."""

    ours: Run
    theirs: Run

    @property
    def times(self) -> float:
        """Our time, of theirs."""
        return self.ours.seconds / self.theirs.seconds

    @property
    def numbers(self) -> tuple[float, float, float]:
        """Both times, and the one of the other."""
        return self.ours.seconds, self.theirs.seconds, self.times


@dataclass(frozen=True)
class GpuStudy:
    """All measurements that were read, judged. `left_out` are names of files that hold none."""

    spec: GpuStudySpec
    files: tuple[Measurements, ...]
    left_out: tuple[str, ...]
    sieved: Sieved
    chips: tuple[Chip, ...]

    @property
    def runs(self) -> int:
        """Measurements read, whatever the verdict."""
        return sum(len(file.runs) for file in self.files)

    @property
    def own(self) -> tuple[Measurements, ...]:
        """Run files of ours."""
        return tuple(file for file in self.files if file.machine is not None)

    def groups(self) -> dict[Group, list[Judged]]:
        """What was kept, by line, sorted."""
        found: dict[Group, list[Judged]] = {}
        for judged in self.sieved.kept:
            found.setdefault(group_of(judged.run), []).append(judged)
        return dict(sorted(found.items()))

    def ratios(self, ours: str, theirs: str) -> list[Ratio]:
        """Two kernels at every point that both were measured at, in one file."""
        found = []
        for file in self.own:
            kept = [judged.run for judged in self.sieved.kept if judged.run.source == file.source]
            fastest = {kernel: _fastest(run for run in kept if run.kernel == kernel) for kernel in (ours, theirs)}
            common = [point for point in fastest[ours] if point in fastest[theirs]]
            found += [Ratio(fastest[ours][point], fastest[theirs][point]) for point in common]
        return found

    def with_energy(self) -> list[Run]:
        """Kept measurements that have an energy."""
        return [judged.run for judged in self.sieved.kept if judged.run.energy_j is not None]

    def spreads(self) -> dict[Group, list[Judged]]:
        """Groups of which a distribution is known."""
        known = {
            group: [each for each in judged if each.run.times.spread is not None]
            for group, judged in self.groups().items()
        }
        return {group: judged for group, judged in known.items() if judged}


def gather(spec: GpuStudySpec, reference: Path | None = None) -> GpuStudy:
    """Read what ships with einfuse and what `reference` names, and judge it. Raises SpecError, OSError."""
    from sim.gpu.chips import chip_named, chips
    from sim.gpu.physics import sieve
    from sim.gpu.reading import Collected, collect, measured

    given = Collected() if reference is None else collect(reference)
    shipped = measured()
    files = (*shipped, *(file for file in given.files if file not in shipped))
    runs = [run for file in files for run in file.runs]
    met = {chip.name for run in runs if (chip := chip_named(run.chip)) is not None}
    shown = tuple(chip for chip in chips() if chip.name in met or not runs)
    return GpuStudy(spec, files, given.others, sieve(runs), shown)


def group_of(run: Run) -> Group:
    """The line of a measurement; chips under the name of the chips' file."""
    from sim.gpu.chips import chip_named

    chip = chip_named(run.chip)
    point = run.point
    return Group(run.chip if chip is None else chip.name, point.phase, point.direction, run.kernel, point.dtype)


def nearest(judged: Iterable[Judged], what: str) -> Judged:
    """The one nearest to a floor, of FLOPs or of bytes."""
    return max(judged, key=lambda each: floor_share(each, what) or 0.0)


def floor_share(judged: Judged, what: str) -> float | None:
    """A floor, FLOPs or bytes, of the measured time."""
    return next((floor.seconds / judged.run.seconds for floor in judged.floors if floor.what == what), None)


def middle_spread(judged: Iterable[Judged]) -> float:
    """The median of spreads."""
    return median(each.run.times.spread or 0.0 for each in judged)


def warm_share(judged: Iterable[Judged]) -> float | None:
    """The median of the time with a warm cache, of that with a flushed one; None if no time is with a warm one."""
    shares = [each.run.warm.median_s / each.run.seconds for each in judged if each.run.warm is not None]
    return median(shares) if shares else None


def _fastest(runs: Iterable[Run]) -> dict[Point, Run]:
    found: dict[Point, Run] = {}
    for run in runs:
        if run.point not in found or run.seconds < found[run.point].seconds:
            found[run.point] = run
    return found
