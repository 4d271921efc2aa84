"""The engine of Dask: chunks on the workers of a scheduler, wherever they are; parts come back as the bytes they hold.

What is sent is a task and the number of a chunk. A worker makes the work anew from the files that it names, and refuses
if it is not the same as ours (`copies.py`). If a worker dies, another one does the chunk that it was at.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from specs import RunFailed, SpecError

from .work import Engine, Part, Task

if TYPE_CHECKING:
    from distributed import Client, Future

DEATHS = 3  # of workers at the same chunk, which end the run
PATIENCE_S = 60.0  # until a scheduler that was begun by others answers, has a worker, or is back
LOOK_S = 20.0  # between looks at workers, at most
HTTP = "127.0.0.1:0"  # where a scheduler of ours tells of itself: any port that is free, to nobody but this machine


def dask(address: str | None = None) -> Engine:
    """The engine of a scheduler's workers; without an address, of so many processes that it starts on this machine."""

    def engine(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
        with quiet(), _here(min(workers, len(chunks))) if address is None else _at(address) as client:
            yield from parts(client, task, chunks)

    return engine


def parts(
    client: Client, task: Task, chunks: Sequence[int], look: Callable[[], None] = lambda: None
) -> Generator[Part, None, None]:
    """The parts of chunks as they are ready.

    There is one under way for each thread of a worker, so that a worker that dies tells which chunk it was at. `look`
    is called whenever some are ready, and now and then. Raises RunFailed if a chunk ends its workers again and again,
    if workers cannot do the work, or if their scheduler is lost.
    """
    data, folder = pickle.dumps(task), os.getcwd()
    waiting = iter(chunks)
    under_way: dict[Future, int] = {}

    def fill() -> None:
        room = max(1, sum(client.nthreads().values())) - len(under_way)
        for chunk in islice(waiting, max(0, room)):
            under_way[client.submit(made, data, folder, chunk, pure=False)] = chunk

    with _scheduler_stands():
        fill()
    while under_way:
        with _scheduler_stands():
            made_now = {each: _found(each) for each in _ready(under_way)}
            ready = [(under_way.pop(each), found) for each, found in made_now.items() if found is not None]
            fill()  # before parts are stored, so that workers go on
        look()
        for chunk, found in ready:
            if isinstance(found, BaseException):
                raise _told(found, chunk)
            yield found


def _ready(under_way: dict[Future, int]) -> set[Future]:
    """Those that are done; none if that takes long."""
    from distributed import wait

    try:
        found: set[Future] = wait(list(under_way), timeout=LOOK_S, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return set()
    return found


def _found(future: Future) -> Part | BaseException | None:
    """What came of a chunk; None if that went with its worker before we had it, and is to be done again.

    Nothing waits for that longer than for a look at workers: there may be none that could do it.
    """
    try:
        found: Part | BaseException = future.exception(timeout=LOOK_S) or future.result(timeout=LOOK_S)
    except TimeoutError:
        return None
    return found


def _told(error: BaseException, chunk: int) -> BaseException:
    """What a worker raised; RunFailed if it was killed, or lacks what it needs."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        deaths = error.allowed_failures + 1
        return RunFailed(
            f"chunk {chunk} was under way on each of {deaths} workers that died, for want of memory perhaps; what is "
            "stored stays, and the same command goes on from there"
        )
    if isinstance(error, ImportError):
        return RunFailed(f"workers cannot import what they need ({error}); install the same einfuse where they run")
    return error


@contextmanager
def _scheduler_stands() -> Iterator[None]:
    """What is raised inside when a scheduler goes becomes RunFailed."""
    from concurrent.futures import CancelledError  # what distributed raises

    try:
        yield
    except (OSError, CancelledError):  # a timeout and a closed connection are OSErrors
        message = "Dask's scheduler was lost; what is stored stays, and the same command goes on from there"
        raise RunFailed(message) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep logs off stderr: Dask's tell of every worker that comes or goes, and of what matters we tell ourselves."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _here(workers: int) -> Iterator[Client]:
    """A scheduler and workers on this machine, of one thread each, which end with us."""
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": DEATHS - 1}):
        try:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=HTTP, silence_logs=logging.CRITICAL
            )
        except RuntimeError as error:
            raise RunFailed(f"Dask's workers could not be started: {error}; --engine local needs none") from None
    with cluster, Client(cluster) as client:
        yield client


@contextmanager
def _at(address: str) -> Iterator[Client]:
    """A scheduler that others began, once it has a worker."""
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE_S)
    except (OSError, ValueError) as error:
        said = f"no scheduler of Dask answers at '{address}'"
        raise RunFailed(f"{said} ({error}); 'dask scheduler' starts one and tells its address") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            raise RunFailed(
                f"the scheduler at '{address}' has no workers; 'dask worker {address}' starts some"
            ) from None
        yield client


def made(data: bytes, folder: str, chunk: int) -> Part:
    """The part of a chunk, on a worker. Raises RunFailed if the sweep is not the same there."""
    return _opened(data, folder)(chunk)


_opening = threading.Lock()  # a worker's threads share one copy


def _opened(data: bytes, folder: str) -> Task:
    with _opening:
        return _task(data, folder)


@lru_cache(1)
def _task(data: bytes, folder: str) -> Task:
    """The task of these bytes, read in the folder where the command was given."""
    try:
        if os.getcwd() != folder:
            os.chdir(folder)
        task: Task = pickle.loads(data)
        task.work.identity  # noqa: B018  its files are read and compared here, once
    except (OSError, SpecError) as error:
        where = f"a worker on {socket.gethostname()} cannot read the sweep in '{folder}'"
        raise RunFailed(f"{where}: {error}; workers must see the files that the sweep names") from None
    return task
