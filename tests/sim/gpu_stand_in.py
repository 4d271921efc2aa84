"""A stand-in for PyTorch's GPU on CPU tensors: graphs that hold calls, events that read this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any


class Event:
    """Reads the clock where a GPU would."""

    def __init__(self, enable_timing: bool) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def elapsed_time(self, other: Event) -> float:
        return max(other.at - self.at, 1e-6) * 1e3


class Graph:
    """Counts its replays; what it would do again is left out."""

    replays = 0

    def replay(self) -> None:
        Graph.replays += 1


@contextmanager
def capture(graph: Graph, stream: object) -> Iterator[None]:
    yield


def cuda(free_bytes: int = 2**40) -> SimpleNamespace:
    """What the script asks of `torch.cuda`."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    gpu = SimpleNamespace(
        name="stand-in", total_memory=2**40, multi_processor_count=1, major=9, minor=0, L2_cache_size=1024, uuid="none"
    )
    quiet: Callable[..., Any] = lambda *given: None  # noqa: E731
    return SimpleNamespace(
        Event=Event, CUDAGraph=Graph, graph=capture, Stream=lambda: stream, current_stream=lambda: stream,
        stream=lambda chosen: nullcontext(), synchronize=quiet, empty_cache=quiet, is_available=lambda: True,
        mem_get_info=lambda: (free_bytes, 2**40), get_device_properties=lambda index: gpu,
        device_count=lambda: 1,
        get_device_capability=lambda index: (9, 0),
    )  # fmt: skip


class Counter:
    """An NVML of a board that draws 100 W whatever it does."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = range(3)

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"board {index}"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: object) -> int:
        return int(time.perf_counter() * 100e3)

    def nvmlDeviceGetClockInfo(self, handle: object, which: int) -> int:
        return 1980

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: object) -> int:
        return 0x4 | 0x40

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.1"
