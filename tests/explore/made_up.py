"""Sweeps whose rows are made up, for tests of what stores them; as a program, a run of one in a process of its own."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from reports.failures import guarded
from sim.explore.runs.keep import Keep
from sim.explore.runs.local import local, processes, serial, threads
from sim.explore.runs.remote import dask
from sim.explore.runs.run import run
from sim.explore.runs.shards import Shard

ENGINES = {"local": local, "serial": serial, "threads": threads, "processes": processes, "dask": dask()}
OBJECTIVES = ("latency_s", "energy_j", "area_mm2")
KEEPS = {"all": Keep("all", OBJECTIVES), "front": Keep("front", OBJECTIVES), "top": Keep("top", OBJECTIVES, 7)}


@dataclass(frozen=True)
class MadeUp:
    """So many chunks of so many points; of 10 points some 7 are feasible, unless none is to be."""

    chunks: int = 12
    each: int = 50  # points of a chunk
    seed: int = 0
    pause_s: float = 0.0
    hopeless: bool = False
    deadly: int = -1  # the chunk whose process is killed

    @property
    def points(self) -> int:
        return self.chunks * self.each

    @property
    def identity(self) -> Mapping[str, str]:
        return {"spec": f"{self.seed:064x}", "model": f"{self.each:064x}"}

    def table(self, chunk: int) -> pa.Table:
        time.sleep(self.pause_s)
        if chunk == self.deadly:
            os.kill(os.getpid(), 9)
        point = np.arange(chunk * self.each, (chunk + 1) * self.each)
        draw = np.random.default_rng([self.seed, chunk])
        values = np.round(draw.random((len(OBJECTIVES), self.each)), 2)  # so that some are equal
        feasible = draw.random(self.each) < (-1 if self.hopeless else 0.7)
        bound = pa.DictionaryArray.from_arrays(point % 2, ["dram", "array_2d"] if chunk % 2 else ["array_2d", "dram"])
        reasons = np.array(["constraint: area_mm2 <= 400", "'buffer' needs more than it has"])[(point % 4 == 0) * 1]
        columns: dict[str, object] = {"point": point, "arch.array_2d.rows": 16 << (point // 8 % 6)}
        columns |= {name: pa.array(row, mask=~feasible) for name, row in zip(OBJECTIVES, values, strict=True)}
        columns |= {"bound_by": bound, "feasible": feasible}
        columns["reason"] = pa.array(reasons, pa.string(), mask=feasible).dictionary_encode()
        return pa.table(columns)


@dataclass(frozen=True)
class Marked(MadeUp):
    """Work that takes its time, and leaves a file for each chunk that is begun, in a folder."""

    folder: str = ""
    pause_s: float = 0.1

    def table(self, chunk: int) -> pa.Table:
        (Path(self.folder) / f"{chunk}-{os.getpid()}-{time.monotonic_ns()}").touch()
        return super().table(chunk)

    @property
    def begun(self) -> list[tuple[int, int]]:
        """Chunks, and the processes that began them, in the order of time."""
        names = sorted((path.name.split("-") for path in Path(self.folder).iterdir()), key=lambda name: int(name[2]))
        return [(int(chunk), int(process)) for chunk, process, _ in names]


def main() -> int:
    """Run a made-up sweep as the arguments say, and leave with the exit code that the command would have."""
    reader = argparse.ArgumentParser()
    reader.add_argument("folder", type=Path)
    for name, kind in (("chunks", int), ("each", int), ("seed", int), ("pause-s", float), ("deadly", int)):
        reader.add_argument(f"--{name}", type=kind, default=getattr(MadeUp(), name.replace("-", "_")))
    reader.add_argument("--keep", choices=KEEPS, default="all")
    reader.add_argument("--engine", choices=ENGINES, default="serial")
    reader.add_argument("--workers", type=int, default=2)
    reader.add_argument("--shard", default="1/1")
    reader.add_argument("--largest", type=int, help="the bytes that a file may have")
    given = reader.parse_args()
    if given.largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.largest, given.largest))
    work = MadeUp(given.chunks, given.each, given.seed, given.pause_s, deadly=given.deadly)

    def told(so_far: object) -> None:
        print(so_far, flush=True)  # who waits for us reads how far we are

    run(
        work, given.folder, KEEPS[given.keep], "sweep: made-up\n", engine=ENGINES[given.engine],
        workers=given.workers, shard=Shard.parse(given.shard), progress=told,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
