"""The engine of one machine: tasks in this process, in its threads, or in processes of their own.

At most two parts for each worker are under way or waiting to be stored, so that memory is bounded by the chunk and the
number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from specs import RunFailed

from .work import Engine, Part, Task

AHEAD = 2  # parts under way for each worker
WORTH_S = 20.0  # of work in one process: processes of their own, which take a second or two to start, are worth it


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
    """Two chunks here, the first of which fills the caches of kernels; the rest as the second's time makes best.

    That is threads if all would soon be done, else processes, which Python's lock does not hold up.
    """
    took_s = 0.0
    for chunk in chunks[:2]:
        start = time.monotonic()
        part = task(chunk)
        took_s = time.monotonic() - start
        yield part
    rest = chunks[2:]
    engine: Engine = processes if took_s * len(rest) > WORTH_S else threads
    yield from (serial if min(workers, len(rest)) < 2 else engine)(task, rest, workers)


def serial(task: Task, chunks: Sequence[int], workers: int = 1) -> Generator[Part, None, None]:
    """One chunk after the other, in this thread."""
    yield from map(task, chunks)


def threads(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
    """Chunks in threads; they run beside one another as far as NumPy and kernels let go of Python's lock."""
    executor = ThreadPoolExecutor(workers)
    try:
        yield from _in_turn(executor, task, chunks, workers)
    finally:
        executor.shutdown(cancel_futures=True)


def processes(task: Task, chunks: Sequence[int], workers: int) -> Generator[Part, None, None]:
    """Chunks in processes, each started anew with a copy of the task. Raises RunFailed if one of them is killed."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(min(workers, len(chunks)), context, initializer=_begin, initargs=(task,))
    ended = False
    try:
        yield from _in_turn(executor, _made, chunks, workers)
        ended = True
    except BrokenProcessPool:
        raise RunFailed("a worker was killed, for want of memory perhaps; --jobs takes fewer of them") from None
    finally:
        for child in () if ended else set(multiprocessing.active_children()) - others:
            child.terminate()
        executor.shutdown(cancel_futures=True)


def _in_turn(
    executor: Executor, made: Callable[[int], Part], chunks: Sequence[int], workers: int
) -> Generator[Part, None, None]:
    """The parts as they are ready; a chunk is begun only when earlier parts were taken."""
    waiting = iter(chunks)
    running: set[Future[Part]] = set()
    while True:
        for chunk in waiting:
            running.add(executor.submit(made, chunk))
            if len(running) >= AHEAD * workers:
                break
        if not running:
            return
        ready, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ready:
            yield future.result()


_task: Task | None = None  # of a worker


def _begin(task: Task) -> None:
    """Begin as a worker: an interrupt is for the parent to see to, and no worker outlives it."""
    global _task
    _task = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _made(chunk: int) -> Part:
    assert _task is not None
    return _task(chunk)
