"""Who does the work of a sweep: this machine, the workers of a scheduler of Dask, or jobs of a batch system."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from specs import SpecError, ToolMissing, unknown

from .batch import CLUSTERS, SYSTEMS, ClusterSpec, job_script, jobs
from .local import cores, local
from .remote import dask
from .work import Engine

ENGINES = ("local", "dask", *SYSTEMS)
HOW_TO_GET = {
    "distributed": "pip install 'distributed>=2025.1,<2027'",
    "dask-jobqueue": "pip install 'dask-jobqueue>=0.9,<0.10'",
}


@dataclass(frozen=True)
class Chosen:
    """An engine by its name, and what it is told: a scheduler's address, or a site's jobs."""

    name: str = "local"
    scheduler: str | None = None
    cluster: ClusterSpec | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises ToolMissing if what it needs is not here."""
        if self.cluster is not None:
            return jobs(self.name, self.cluster)
        return dask(self.scheduler) if self.name == "dask" else local

    def workers(self, asked: int | None) -> int:
        """How many workers there are: what was asked for, what the site's file says, or one for each core here."""
        if asked is not None:
            return asked
        return cores() if self.cluster is None else self.cluster.workers

    @property
    def script(self) -> str | None:
        """The script of a job, if there are jobs."""
        return None if self.cluster is None else job_script(self.name, self.cluster)


def chosen(name: str, scheduler: str | None = None, cluster: str | None = None) -> Chosen:
    """The engine of a name. Raises SpecError for what is not of it, ToolMissing if its library is not installed.

    >>> chosen("local").workers(3)
    3
    """
    if name not in ENGINES:
        raise SpecError(unknown("engine", name, ENGINES))
    if scheduler is not None and name != "dask":
        raise SpecError(f"--scheduler is the address of --engine dask; found --engine {name}")
    if (cluster is not None) != (name in SYSTEMS):
        found = f"found --engine {name} {'and' if cluster else 'without'} --cluster"
        raise SpecError(f"--cluster FILE tells of the jobs of --engine {'|'.join(SYSTEMS)}; {found}")
    spec = None if cluster is None else load_cluster(cluster)
    if name != "local":
        _refuse_missing("distributed" if spec is None else "dask-jobqueue")
    return Chosen(name, scheduler, spec)


def load_cluster(reference: str) -> ClusterSpec:
    """What a file says of a site's jobs; `site.yaml:workers=64` changes a key. Raises SpecError."""
    spec: ClusterSpec = CLUSTERS.load(reference).model
    return spec


def _refuse_missing(name: str) -> None:
    if find_spec(name.replace("-", "_")) is None:
        raise ToolMissing(f"{name} is not installed; to get it:\n  {name}: {HOW_TO_GET[name]}")
