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
    judged: bool = True  # whether physics could be asked of both

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
        return _grouped(self.sieved.kept)

    @property
    def comparable(self) -> tuple[Judged, ...]:
        """What was not rejected: enough for all that needs no peak."""
        return (*self.sieved.kept, *self.sieved.unjudged)

    def ratios(self, ours: str, theirs: str) -> list[Ratio]:
        """Two kernels at every point that both were measured at, in one file."""
        found = []
        for file in self.own:
            mine = [judged for judged in self.comparable if judged.run.file == file.sha256]
            fastest = {
                kernel: _fastest(each for each in mine if each.run.kernel == kernel) for kernel in (ours, theirs)
            }
            pairs = [(own, fastest[theirs].get(point)) for point, own in fastest[ours].items()]
            found += [
                Ratio(own.run, other.run, own.verdict == other.verdict == "kept")
                for own, other in pairs
                if other is not None
            ]
        return found

    def with_energy(self) -> list[Judged]:
        """Measurements that have an energy, and were not rejected."""
        return [judged for judged in self.comparable if judged.run.energy_j is not None]

    def spreads(self) -> dict[Group, list[Judged]]:
        """Groups of which a distribution is known."""
        known = {
            group: [each for each in judged if each.run.times.spread is not None]
            for group, judged in _grouped(self.comparable).items()
        }
        return {group: judged for group, judged in known.items() if judged}


def gather(spec: GpuStudySpec, reference: Path | None = None) -> GpuStudy:
    """Read what ships with einfuse and what `reference` names, and judge it. Raises SpecError, OSError."""
    from sim.gpu.chips import chip_named, chips
    from sim.gpu.physics import sieve
    from sim.gpu.reading import Collected, collect, measured

    given = Collected() if reference is None else collect(reference)
    shipped = measured()
    sums = {file.sha256 for file in shipped}
    files = (*shipped, *_once(file for file in given.files if file.sha256 not in sums))
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


def _once(files: Iterable[Measurements]) -> list[Measurements]:
    """Run files of which a copy came before are left out."""
    found: dict[str, Measurements] = {}
    for index, file in enumerate(files):
        found.setdefault(file.sha256 or str(index), file)
    return list(found.values())


def _grouped(judged: Iterable[Judged]) -> dict[Group, list[Judged]]:
    found: dict[Group, list[Judged]] = {}
    for each in judged:
        found.setdefault(group_of(each.run), []).append(each)
    return dict(sorted(found.items()))


def _fastest(judged: Iterable[Judged]) -> dict[Point, Judged]:
    found: dict[Point, Judged] = {}
    for each in judged:
        point = each.run.point
        if point not in found or each.run.seconds < found[point].run.seconds:
            found[point] = each
    return found
