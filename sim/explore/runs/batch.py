"""Workers of Dask as jobs of a batch system: what a site's file says of them, their script, and the engine of them.

Scripts are dask-jobqueue's; what a site has said in Dask's own configuration holds where its file here is silent.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from specs import Count, Library, RunFailed, Size, Spec, ToolMissing

from .remote import DEATHS, HTTP, LOOK_S, parts, quiet
from .work import Engine, Part, Task

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster
    from distributed import Client

NAME = "einfuse"  # of jobs


class ClusterSpec(Spec):
    """Jobs of a batch system, alike, each with a worker for each of its cores."""

    cluster: str
    summary: str = ""
    cores: Count  # of a job
    memory: Size  # of a job, in bytes
    workers: Count  # of all jobs together; there are as many jobs as they need
    walltime: Annotated[str, Field(pattern=r"^\d{1,4}:[0-5]\d:[0-5]\d$")] | None = None  # of a job, HH:MM:SS
    queue: str | None = None
    account: str | None = None
    interface: str | None = None  # the network that workers and scheduler speak over, such as ib0
    directives: tuple[str, ...] = ()  # more lines of the job's head, as the system wants them
    setup: tuple[str, ...] = ()  # lines of shell before the worker starts


CLUSTERS = Library("cluster", Path(__file__).parent / "library", ClusterSpec)


@dataclass(frozen=True)
class System:
    """How dask-jobqueue speaks to a batch system."""

    cluster: str  # its class
    account: str  # what it calls an account
    walltime: Callable[[str], str] = str
    directives: Callable[[ClusterSpec], list[str]] = lambda spec: []  # which it leaves out


def whole_minutes(walltime: str) -> str:
    """A time as LSF writes it, rounded up to minutes.

    >>> whole_minutes("2:59:30"), whole_minutes("02:00:00")
    ('3:00', '2:00')
    """
    hours, minutes, seconds = (int(each) for each in walltime.split(":"))
    total = 60 * hours + minutes + (seconds > 0)
    return f"{total // 60}:{total % 60:02}"


def slots(spec: ClusterSpec) -> list[str]:
    """The line that asks SGE for several cores of one machine; `smp` is what many sites call them."""
    if spec.cores == 1 or any(each.split()[:1] == ["-pe"] for each in spec.directives):
        return []
    return [f"-pe smp {spec.cores}"]


SYSTEMS = {
    "slurm": System("SLURMCluster", "account"),
    "lsf": System("LSFCluster", "project", whole_minutes),
    "sge": System("SGECluster", "project", directives=slots),
}


def options(system: str, spec: ClusterSpec) -> dict[str, Any]:
    """What dask-jobqueue is told of a job; what a file leaves out is left to Dask's own configuration."""
    how = SYSTEMS[system]
    found = {
        "walltime": None if spec.walltime is None else how.walltime(spec.walltime),
        "queue": spec.queue,
        how.account: spec.account,
        "interface": spec.interface,
        "job_extra_directives": [*how.directives(spec), *spec.directives] or None,
        "job_script_prologue": list(spec.setup) or None,
    }
    told = {key: value for key, value in found.items() if value is not None}
    size = {"cores": spec.cores, "processes": spec.cores, "memory": f"{spec.memory} B"}
    return {**size, **told, "job_name": NAME}


def job_script(system: str, spec: ClusterSpec) -> str:
    """The script of a job as it would be sent, but for the address of a scheduler that is not there yet."""
    made = _class(system).job_cls("tcp://SCHEDULER:PORT", name="NAME", **options(system, spec))
    script: str = made.job_script()
    return script


def jobs(system: str, spec: ClusterSpec) -> Engine:
    """The engine of a batch system's jobs. Raises ToolMissing where jobs cannot be submitted."""
    command = _class(system).job_cls.submit_command
    if shutil.which(command) is None:
        raise ToolMissing(f"{command} is not on the PATH; give the command where {system}'s jobs are submitted")

    def engine(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
        count = -(-min(workers, len(chunks)) // spec.cores)
        with quiet(), _submitted(system, spec, count) as (client, running):
            yield from parts(client, task, chunks, running.look)

    return engine


def _class(system: str) -> Any:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    import dask_jobqueue

    for number, handler in before.items():  # some versions of dask-jobqueue take them when they are imported
        signal.signal(number, handler)
    return getattr(dask_jobqueue, SYSTEMS[system].cluster)


@dataclass
class Running:
    """The jobs of a cluster; one whose workers have all gone, at its walltime perhaps, is submitted anew."""

    cluster: JobQueueCluster
    count: int
    known: set[str] = field(default_factory=set)  # that have had a worker
    missing: dict[str, float] = field(default_factory=dict)  # known ones without any, and since when

    def look(self) -> None:
        """See which jobs have workers; replace those that have had none for a while, longer than one takes to start."""
        now_s = time.monotonic()
        here = [str(each["name"]) for each in list(self.cluster.scheduler_info["workers"].values())]
        for name in map(str, list(self.cluster.workers)):
            if any(f"{each}-".startswith(f"{name}-") for each in here):
                self.known.add(name)
                self.missing.pop(name, None)
            elif name in self.known:
                self.missing.setdefault(name, now_s)
        gone = [name for name, since_s in self.missing.items() if now_s - since_s > LOOK_S]
        if gone:
            self.submit(gone)

    def submit(self, gone: Sequence[str] = ()) -> None:
        """Submit what is not there yet. Raises RunFailed with the batch system's message if it refuses."""
        self.known.difference_update(gone)
        for name in gone:
            del self.missing[name]
        try:
            self.cluster.sync(self._submit, gone)
        except (RuntimeError, ValueError, OSError) as error:
            said = " ".join(str(error).split())
            raise RunFailed(f"a job could not be submitted: {said}") from None

    async def _submit(self, gone: Sequence[str]) -> None:
        for name in gone:
            job = self.cluster.workers.pop(name, None)  # the cluster may have seen it, too
            if job is not None:
                await job.close()
        self.cluster.scale(jobs=self.count)
        await self.cluster


@contextmanager
def _submitted(system: str, spec: ClusterSpec, count: int) -> Iterator[tuple[Client, Running]]:
    """A scheduler here, whose workers are so many jobs; they are cancelled in the end."""
    import dask
    from distributed import Client

    told = {"dashboard_address": HTTP, **dask.config.get(f"jobqueue.{system}.scheduler-options", {})}
    with dask.config.set({"distributed.scheduler.allowed-failures": DEATHS - 1}):
        try:
            cluster = _class(system)(scheduler_options=told, **options(system, spec))
        except (RuntimeError, ValueError, OSError) as error:
            raise RunFailed(f"Dask's scheduler could not be started: {error}") from None
    try:
        with Client(cluster) as client:
            running = Running(cluster, count)
            running.submit()
            yield client, running
    finally:
        with suppress(AssertionError):  # a job that was refused is no state that it knows
            cluster.close()
