"""`einfuse sweep`: from its options to a run, and from the run to what a person reads."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import Infeasible, SpecError, parse_reference, unknown

from .. import quantities
from ..console import fields, note
from ..failures import OK, Terminated

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.explore.estimate import Estimate
    from sim.explore.keep import Keep
    from sim.explore.run import Outcome
    from sim.explore.shards import Shard
    from sim.explore.work import Engine, Work


@dataclass(frozen=True)
class Sweep:
    """A sweep that can be run: its name, its work, what is kept of it, and the text of its spec."""

    name: str
    work: Work
    keep: Keep
    text: str


def read(spec: str, changes: Sequence[str]) -> Sweep:
    """The sweep of a file, with changes. Raises SpecError with every problem."""
    from sim.explore.copies import FileWork
    from sim.explore.keep import Keep

    work = FileWork(spec, tuple(changes))
    made = work.evaluator.sweep
    text = Path(parse_reference(spec).name).read_text(encoding="utf-8")
    told = "".join(f"# --set {change}\n" for change in changes)
    keep = Keep.parse(made.spec.keep, made.spec.objectives)
    return Sweep(made.loaded.name, work, keep, text + told)


@dataclass(frozen=True)
class Asked:
    """What the options of `einfuse sweep` ask for."""

    spec: str
    changes: tuple[str, ...]
    sweep: Sweep
    folder: Path
    jobs: int | None
    shard: Shard
    engine: Engine
    fresh: bool

    @classmethod
    def of(
        cls,
        spec: str,
        changes: Sequence[str],
        folder: str | None,
        jobs: int | None,
        shard: str | None,
        engine: str,
        fresh: bool,
    ) -> Asked:
        """The options of a command. Raises SpecError for what is wrong with them, or with the sweep."""
        from sim.explore.local import ENGINES
        from sim.explore.shards import WHOLE, Shard

        if folder is not None and not folder.strip():
            raise SpecError("-o takes the folder that the run is written to")
        if engine not in ENGINES:
            raise SpecError(
                f"{unknown('engine', engine, ENGINES)}; on clusters, --shards N --script writes a job script"
            )
        part = WHOLE if shard is None else Shard.parse(shard)
        if fresh and shard is not None:
            message = "--fresh removes what other shards have done; remove the folder before the shards are begun"
            raise SpecError(f"{message}, or leave out --shard")
        sweep = read(spec, changes)
        place = Path(sweep.name if folder is None else folder)
        return cls(spec, tuple(changes), sweep, place, jobs, part, ENGINES[engine], fresh)

    @property
    def workers(self) -> int:
        """How many workers there are: what was asked for, or one for each core."""
        from sim.explore.local import cores

        return cores() if self.jobs is None else self.jobs


def swept(asked: Asked) -> Outcome:
    """Do what is missing of the sweep, with progress on stderr."""
    from sim.explore.run import run

    from .progress import shown

    sweep = asked.sweep
    try:
        with shown() as progress:
            return run(
                sweep.work,
                asked.folder,
                sweep.keep,
                sweep.text,
                engine=asked.engine,
                workers=asked.workers,
                shard=asked.shard,
                fresh=asked.fresh,
                progress=progress,
            )
    except (KeyboardInterrupt, Terminated):
        note(f"{asked.folder}: what is stored stays, and the same command goes on from there")
        raise


def refuse_hopeless(outcome: Outcome) -> int:
    """The exit code of a run; raises Infeasible if it is complete, and no point of it is feasible."""
    tally = outcome.tally
    if outcome.complete and not tally.feasible:
        why = tally.why or "no reason is given"
        raise Infeasible(f"none of {quantities.whole(tally.points)} points; most often: {why}")
    return OK


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """A run as JSON."""
    tally = outcome.tally
    return {
        "schema": "einfuse.sweep/1",
        "run": str(outcome.folder),
        "complete": outcome.complete,
        "parts": outcome.chunks,
        "parts_made": outcome.made,
        "points": tally.points,
        "feasible": tally.feasible,
        "rows": tally.rows,
        "least": dict(tally.least),
    }


def as_text(outcome: Outcome) -> list[RenderableType]:
    """A run for the terminal."""
    tally = outcome.tally
    of = f"{quantities.whole(tally.feasible)} of {quantities.whole(tally.points)} points"
    pairs = [
        ("run", str(outcome.folder)),
        ("made now", f"{quantities.whole(outcome.made)} of {quantities.whole(outcome.chunks)} parts"),
        ("feasible", of if outcome.complete else f"{of}; other shards are not done"),
        ("rows", quantities.whole(tally.rows)),
        *((f"least {name}", quantities.objective(name, value)) for name, value in tally.least.items()),
    ]
    return [fields(pairs)]


def estimated(asked: Asked) -> Estimate:
    """What the sweep will take."""
    from sim.explore.estimate import estimate
    from sim.explore.work import Task

    return estimate(Task(asked.sweep.work, asked.sweep.keep), asked.workers)


def estimate_as_dict(found: Estimate) -> dict[str, Any]:
    """An estimate as JSON."""
    return {
        "schema": "einfuse.sweep-estimate/1",
        "points": found.points,
        "parts": found.chunks,
        "parts_sampled": found.sampled,
        "duration_s": found.duration_s,
        "size_bytes": found.size_bytes,
    }


def estimate_as_text(found: Estimate, folder: Path) -> list[RenderableType]:
    """An estimate for the terminal, beside the space that there is for the folder."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = quantities.data(shutil.disk_usage(place).free)
    pairs = [
        ("points", quantities.whole(found.points)),
        ("parts", quantities.whole(found.chunks)),
        ("time", f"about {quantities.duration(found.duration_s)}"),
        ("disk", f"about {quantities.data(found.size_bytes)}, {free} are free"),
        ("sampled", f"{found.sampled} parts"),
    ]
    return [fields(pairs)]
