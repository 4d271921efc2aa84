"""A stand-in for PyTorch's GPU on CPU tensors: graphs that hold calls, events that read this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
import torch._dynamo  # which a dispatch mode imports, and which needs the true torch.cuda
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Event:
    """Reads the clock where a GPU would."""

    def __init__(self, enable_timing: bool = False) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None: ...

    def elapsed_time(self, other: Event) -> float:
        return max(other.at - self.at, 1e-6) * 1e3


class Graph(TorchDispatchMode):
    """Keeps what is done to tensors while it is captured; a replay does it again, into the same tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.done.append((function, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for function, args, kwargs, result in self.done:
            for old, new in zip(_tensors(result), _tensors(function(*args, **kwargs)), strict=True):
                old.copy_(new)


def _tensors(result: Any) -> list[Any]:
    return [each for each in tree_leaves(result) if isinstance(each, torch.Tensor)]


@contextmanager
def capture(graph: Graph, stream: object) -> Iterator[None]:
    with graph:
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
