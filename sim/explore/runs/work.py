"""What engines and stores need to know of a sweep: its chunks, the rows of each, and what the rows depend on.

Nothing here knows specs, machines or models: a sweep is any `Work`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from .encoding import parquet
from .keep import Keep

if TYPE_CHECKING:
    import pyarrow

REASONS = 16  # of a chunk without any feasible point; the most frequent ones are counted
FEASIBLE, REASON = "feasible", "reason"


class Work(Protocol):
    """A sweep, cut into chunks; it can be pickled, for an engine may send it to other processes."""

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        ...

    @property
    def points(self) -> int:
        """How many points all of them have."""
        ...

    def table(self, chunk: int) -> pyarrow.Table:
        """The rows of a chunk in the order of their points: the same whoever asks, and however often.

        Its columns are `point`, axes, objectives, `feasible` and `reason` at least; objectives that a point does not
        have are null.
        """
        ...

    @property
    def identity(self) -> Mapping[str, str]:
        """Hashes of everything that the rows depend on, by name: the spec, the machines, the version of models..."""
        ...


@dataclass(frozen=True)
class Tally:
    """What is known of points without their rows.

    >>> one = Tally(points=4, rows=4, feasible=1, least={"latency_s": 2.0})
    >>> one + Tally(points=4, rows=4, feasible=2, least={"latency_s": 1.0})
    Tally(points=8, rows=8, feasible=3, least={'latency_s': 1.0}, reasons={})
    """

    points: int = 0
    rows: int = 0  # of them that are kept
    feasible: int = 0
    least: Mapping[str, float] = field(default_factory=dict)  # objective -> the least of feasible points
    reasons: Mapping[str, int] = field(default_factory=dict)  # why not, of chunks without any feasible point

    def __add__(self, other: Tally) -> Tally:
        names = dict.fromkeys([*self.least, *other.least])
        least = {name: min(each.least[name] for each in (self, other) if name in each.least) for name in names}
        reasons = dict(self.reasons)
        for reason, count in other.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
        return Tally(self.points + other.points, self.rows + other.rows, self.feasible + other.feasible, least, reasons)

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """All of them together."""
        return sum(tallies, cls())

    @property
    def why(self) -> str:
        """The most frequent reason why nothing is feasible; empty if something is, or if there is no reason."""
        if self.feasible or not self.reasons:
            return ""
        return min(self.reasons, key=lambda reason: (-self.reasons[reason], reason))


@dataclass(frozen=True)
class Part:
    """A chunk as it is stored: its kept rows as the bytes of a Parquet file, and what is known of all of them."""

    chunk: int
    data: bytes
    tally: Tally


@dataclass(frozen=True)
class Task:
    """From a chunk to its part; what an engine does for every chunk, here or elsewhere."""

    work: Work
    keep: Keep

    def __call__(self, chunk: int) -> Part:
        table = self.work.table(chunk)
        kept = self.keep.of(table)
        return Part(chunk, parquet(kept), tally(table, kept.num_rows, self.keep.objectives))


# An engine does a task for chunks, by at most so many workers, and hands over parts in any order. It holds few parts at
# a time, and when its iterator is closed it ends its workers.
Engine: TypeAlias = Callable[[Task, Sequence[int], int], Generator[Part, None, None]]


def tally(table: pyarrow.Table, rows: int, objectives: Sequence[str]) -> Tally:
    """What is known of a chunk's points, of which so many rows are kept."""
    import pyarrow.compute as compute

    feasible = compute.sum(table[FEASIBLE]).as_py() or 0
    if not feasible:
        counted = compute.value_counts(_plain(table[REASON])).to_pylist()
        counts = {str(each["values"]): int(each["counts"]) for each in counted if each["values"] is not None}
        most = sorted(counts, key=lambda reason: (-counts[reason], reason))[:REASONS]
        return Tally(table.num_rows, rows, 0, reasons={reason: counts[reason] for reason in most})
    here = table.select([*dict.fromkeys(objectives), FEASIBLE]).filter(table[FEASIBLE])
    least = {name: compute.min(here[name]).as_py() for name in dict.fromkeys(objectives)}
    return Tally(table.num_rows, rows, feasible, {name: float(low) for name, low in least.items() if low is not None})


def _plain(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    import pyarrow

    return column.cast(pyarrow.string())
