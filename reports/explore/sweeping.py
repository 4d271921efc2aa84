"""`einfuse sweep`: from its options to a run, and from the run to what a person reads."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import Infeasible, SpecError, parse_reference

from .. import quantities
from ..console import fields, note
from ..failures import OK, Terminated

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.explore.runs.engines import Chosen
    from sim.explore.runs.estimate import Estimate
    from sim.explore.runs.keep import Keep
    from sim.explore.runs.run import Outcome
    from sim.explore.runs.shards import Shard
    from sim.explore.runs.work import Work


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
    from sim.explore.runs.keep import Keep

    work = FileWork(spec, tuple(changes))
    made = work.evaluator.sweep
    text = Path(parse_reference(spec).name).read_text(encoding="utf-8")
    told = "".join(f"# --set {change}\n" for change in changes)
    keep = Keep.parse(made.spec.keep, made.spec.objectives)
    return Sweep(made.loaded.name, work, keep, text + told)


def chosen(engine: str, scheduler: str | None, cluster: str | None) -> Chosen:
    """Who is to do the work. Raises SpecError, or ToolMissing."""
    from sim.explore.runs import engines

    return engines.chosen(engine, scheduler, cluster)


@dataclass(frozen=True)
class Asked:
    """What the options of `einfuse sweep` ask for."""

    spec: str
    changes: tuple[str, ...]
    sweep: Sweep
    folder: Path
    jobs: int | None
    shard: Shard
    chosen: Chosen
    fresh: bool

    @classmethod
    def of(
        cls,
        spec: str,
        changes: Sequence[str],
        folder: str | None,
        jobs: int | None,
        shard: str | None,
        chosen: Chosen,
        fresh: bool,
    ) -> Asked:
        """The options of a command. Raises SpecError for what is wrong with them, or with the sweep."""
        from sim.explore.runs.shards import WHOLE, Shard

        if folder is not None and not folder.strip():
            raise SpecError("-o takes the folder that the run is written to")
        part = WHOLE if shard is None else Shard.parse(shard)
        if fresh and shard is not None:
            message = "--fresh removes what other shards have done; remove the folder before the shards are begun"
            raise SpecError(f"{message}, or leave out --shard")
        sweep = read(spec, changes)
        place = Path(sweep.name if folder is None else folder)
        return cls(spec, tuple(changes), sweep, place, jobs, part, chosen, fresh)

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return self.chosen.workers(self.jobs)


def swept(asked: Asked) -> Outcome:
    """Do what is missing of the sweep, with progress on stderr."""
    from sim.explore.runs.run import run

    from .progress import shown

    sweep = asked.sweep
    try:
        with shown() as progress:
            return run(
                sweep.work,
                asked.folder,
                sweep.keep,
                sweep.text,
                engine=asked.chosen.engine,
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
    from sim.explore.runs.estimate import estimate
    from sim.explore.runs.work import Task

    return estimate(Task(asked.sweep.work, asked.sweep.keep), asked.workers)


def estimate_as_dict(found: Estimate, asked: Asked) -> dict[str, Any]:
    """An estimate as JSON, with the script of a job if there are jobs."""
    script = asked.chosen.script
    return {
        "schema": "einfuse.sweep-estimate/1",
        "points": found.points,
        "parts": found.chunks,
        "parts_sampled": found.sampled,
        "duration_s": found.duration_s,
        "size_bytes": found.size_bytes,
        **({} if script is None else {"job_script": script}),
    }


def estimate_as_text(found: Estimate, asked: Asked) -> list[RenderableType]:
    """An estimate for the terminal, beside the space that there is for the folder."""
    folder = asked.folder.absolute()
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = quantities.data(shutil.disk_usage(place).free)
    pairs = [
        ("points", quantities.whole(found.points)),
        ("parts", quantities.whole(found.chunks)),
        ("time", f"about {quantities.duration(found.duration_s)}"),
        ("disk", f"about {quantities.data(found.size_bytes)}, {free} are free"),
        ("sampled", f"{found.sampled} parts"),
    ]
    if asked.chosen.name != "local":
        pairs.append(("workers", f"{asked.workers}, taken to be as fast as this machine's"))
    return [fields(pairs)]
