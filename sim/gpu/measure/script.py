"""Measures attention on an NVIDIA GPU, and writes one file of runs.

    python script.py -o runs.json --grid quick|full

This file stands alone: it needs Python and PyTorch, and Triton and nvidia-ml-py for what they add, so that it runs on a
machine where the package is not installed. `einfuse gpu measure` runs the same file. What it does and why is in
docs/gpu-measuring.md. Its parts, in this order: what is measured (points, rows, grids); statistics; our two kernels in
Triton; calls of kernels; the gate; time; the board; runs; the command.

A kernel is timed only after its result has been held against float64. Clocks and power limits are read, never set.
"""

from __future__ import annotations

import argparse
import errno
import gc
import hashlib
import importlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby, product
from pathlib import Path
from typing import Any, Protocol

with suppress(ImportError):
    import torch
with suppress(ImportError):
    import triton
    import triton.language as tl

SCHEMA = "einfuse-gpu-runs/1"
DEVICE = "cuda"  # the first that PyTorch sees
RUNS = 20  # timed replays of every row, flushed and warm each
WARM_UPS = 3  # calls before a capture: what is compiled, planned or set up, is by then
WARM_UP_S = 0.05  # replays before the timed ones, for this long to twice as long: a clock that rested rises meanwhile
WARM_REPLAY_S = 1e-3  # a warm replay holds as many calls as take this long, so that the clock can be read meanwhile
MOST_CALLS = 64  # of one replay
TOLERANCE = 1e-2  # of the gate: bf16 keeps 8 bits, and what is right is expected to stay below half of this
ENERGY_S = 2.0  # the counter of energy moves every 20 to 100 ms
LOAD_S = 1.5  # of work before a board's state is read
LEAD_S = 0.3  # of work before energy is counted; the row's times were taken just before
TICK_S = 1.0  # a counter of energy that stands still for this long counts nothing
LIMIT_S = 450.0  # rows that are not begun by then are skipped
LARGE = 8192  # rows and columns of the product that stands for the ceiling of arithmetic
COPIED_BYTES = 2**30  # of the copy that stands for the ceiling of memory
SCORES_AT_ONCE = 2**27  # elements of float64 that the reference holds at a time, a GiB

Call = Callable[[], Any]
Parameters = dict[str, int]

# ---------------------------------------------------------------------------------------------------- what is measured


@dataclass(frozen=True)
class Point:
    """Attention of one shape, in bf16: `q_len` queries are the last of `kv_len` positions.

    `causal` lets a query see no later key, `window` only so many keys, its own the last of them.
    """

    phase: str  # prefill or decode
    batch: int
    q_len: int
    kv_len: int
    q_heads: int
    kv_heads: int
    head_dim: int
    causal: bool = False
    window: int | None = None

    def __post_init__(self) -> None:
        windowed = self.window is not None
        if self.q_len > self.kv_len or self.q_heads % self.kv_heads or (windowed and not self.causal):
            raise ValueError(
                f"{self}: needs q_len <= kv_len, q_heads a multiple of kv_heads, and causal=True with a window"
            )
        if self.window is not None and self.window < 1:
            raise ValueError(f"{self}: needs a window of at least one key, a query's own")

    @property
    def name(self) -> str:
        """The part of a row's id that says what is computed.

        >>> Point("prefill", 1, 16384, 16384, 16, 16, 128, causal=True).name
        'prefill-b1-q16384-k16384-h16-g16-d128-causal'
        """
        shape = f"b{self.batch}-q{self.q_len}-k{self.kv_len}-h{self.q_heads}-g{self.kv_heads}-d{self.head_dim}"
        mask = ("-causal" if self.causal else "") + (f"-w{self.window}" if self.window is not None else "")
        return f"{self.phase}-{shape}{mask}"

    @property
    def group(self) -> int:
        """Query heads that share a head of keys and values."""
        return self.q_heads // self.kv_heads

    @property
    def pairs(self) -> int:
        """Pairs of a query and a key that it sees, of one head.

        >>> Point("prefill", 1, 4, 4, 1, 1, 64, causal=True).pairs, Point("prefill", 1, 4, 4, 1, 1, 64).pairs
        (10, 16)
        >>> Point("prefill", 1, 4, 4, 1, 1, 64, causal=True, window=2).pairs
        7
        """
        if not self.causal:
            return self.q_len * self.kv_len
        window, unseen = self.window or self.kv_len, self.kv_len - self.q_len
        growing = min(max(window, unseen), self.kv_len)  # queries up to this position see all keys before them
        return (growing * (growing + 1) - unseen * (unseen + 1)) // 2 + (self.kv_len - growing) * window

    @property
    def flops(self) -> int:
        """Operations of the two products, a multiplication and an addition counted apart; masked pairs are not."""
        return 4 * self.batch * self.q_heads * self.head_dim * self.pairs

    @property
    def bytes(self) -> int:
        """Bytes of queries, keys, values and results, each once."""
        return 2 * 2 * self.batch * self.head_dim * (self.q_heads * self.q_len + self.kv_heads * self.kv_len)


@dataclass(frozen=True)
class Row:
    """A kernel on a point. Without `parameters`, our forward kernel takes the tile that was fastest before."""

    point: Point
    kernel: str
    parameters: Parameters | None = field(default_factory=dict)
    energy: bool = False  # of the subset whose energy is measured

    @property
    def name(self) -> str:
        """The row's id.

        >>> Row(Point("decode", 1, 1, 1024, 32, 8, 128), "triton-split", split(16)).name
        'decode-b1-q1-k1024-h32-g8-d128/triton-split@16x64w4s3'
        """
        if not self.parameters:
            return f"{self.point.name}/{self.kernel}"
        given = self.parameters
        first = given.get("block_q", given.get("splits"))
        return f"{self.point.name}/{self.kernel}@{first}x{given['block_k']}w{given['warps']}s{given['stages']}"


def tile(block_q: int, block_k: int, warps: int, stages: int) -> Parameters:
    """Parameters of the forward kernel: queries and keys of a tile, warps of a program, loads in flight."""
    return {"block_q": block_q, "block_k": block_k, "warps": warps, "stages": stages}


def split(splits: int) -> Parameters:
    """Parameters of the decode kernel."""
    return {"splits": splits, "block_k": 64, "warps": 4, "stages": 3}


# By head dim; the first is what is taken if none could be timed.
TILES = {
    64: (tile(128, 128, 8, 3), tile(128, 64, 8, 3), tile(128, 64, 4, 3)),
    128: (tile(128, 128, 8, 2), tile(128, 64, 8, 3), tile(64, 128, 4, 2), tile(64, 64, 4, 3)),
    256: (tile(128, 64, 8, 2), tile(128, 32, 8, 2), tile(64, 64, 4, 2)),
}
TOKENS = 16 * 1024  # of a forward point: batch times length
WIDTH = 2048  # head dim times heads, as in FlashAttention's own figures
LENGTHS = (16384, 8192, 4096, 2048, 1024, 512)  # the longest first: what follows takes the tile that was fastest there
LONGEST_MATH = 1024  # the math backend writes out every score
SPLITS = (1, 4, 16, 64)
DECODE_KEYS = tuple(1024 * 4**i for i in range(5))
DECODE_BATCHES = (1, 8, 64)


def full_grid() -> tuple[Row, ...]:
    """All that a full run measures, in the order that it does: what tells most comes first.

    The largest cache comes last: if something fails on it beyond recovery, no other row is lost.
    """
    masked = [(128, True), (128, False), (64, True), (64, False), (256, True), (256, False)]
    longest, *shorter = ([row for each in masked for row in _forward(length, *each)] for length in LENGTHS)
    *decode, largest = sorted(product(DECODE_KEYS, DECODE_BATCHES), key=math.prod)
    cached = [row for keys, batch in decode for row in _decode(keys, batch)]
    repeated = [row for rows in shorter for row in rows]
    return (*longest, *cached, *repeated, *_grouped(), *_windowed(), *_decode_ungrouped(), *_decode(*largest))


def quick_grid() -> tuple[Row, ...]:
    """A row or two of every kind of kernel, for a look at a machine."""
    longest, short = _prefill(16384, 128, True), _prefill(2048, 64, False)
    rows = [Row(longest, "sdpa-flash", energy=True), Row(longest, "sdpa-cudnn")]
    rows += [Row(longest, "triton-1pass", each, energy=True) for each in TILES[128][:2]]
    rows += [Row(short, kernel) for kernel in ("sdpa-flash", "sdpa-efficient", "sdpa-math")]
    rows += [Row(short, "triton-1pass", None)]
    rows += [Row(_prefill(4096, 128, True, window=1024), "triton-1pass", None)]
    decode = _cached(16384, 4)
    return (*rows, Row(decode, "sdpa-flash"), *(Row(decode, "triton-split", split(n)) for n in (4, 16)))


GRIDS: dict[str, Callable[[], tuple[Row, ...]]] = {"quick": quick_grid, "full": full_grid}


def grid_sha256(rows: Iterable[Row]) -> str:
    """A hash of all that a grid asks for: equal hashes, the same measurements."""
    asked = [asdict(row) for row in rows]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _prefill(length: int, head_dim: int, causal: bool, window: int | None = None, heads: int = 0, kv: int = 0) -> Point:
    heads = heads or WIDTH // head_dim
    return Point("prefill", TOKENS // length, length, length, heads, kv or heads, head_dim, causal, window)


def _cached(keys: int, batch: int, head_dim: int = 128, heads: int = 32, kv_heads: int = 8) -> Point:
    return Point("decode", batch, 1, keys, heads, kv_heads, head_dim)


def _forward(length: int, head_dim: int, causal: bool) -> Iterator[Row]:
    """Every stated tile where a mask is tried first for a head dim, which is where it tells most."""
    point = _prefill(length, head_dim, causal)
    headline = (length, head_dim, causal) == (16384, 128, True)
    costed = headline or (length == 8192 and (causal or head_dim == 128))
    if length == LENGTHS[0] and (causal or head_dim == 128):
        yield from (Row(point, "triton-1pass", each, headline) for each in TILES[head_dim])
    else:
        yield Row(point, "triton-1pass", None, costed)
    yield from (Row(point, kernel, energy=costed) for kernel in ("sdpa-flash", "sdpa-cudnn"))
    if causal and length in LENGTHS[::2]:
        yield Row(point, "sdpa-efficient")
    if length <= LONGEST_MATH:
        yield Row(point, "sdpa-math")


def _grouped() -> Iterator[Row]:
    for length, kv_heads in ((16384, 8), (4096, 8), (1024, 8), (16384, 2)):
        point = _prefill(length, 128, True, heads=32, kv=kv_heads)
        yield Row(point, "triton-1pass", None)
        yield from (Row(point, kernel) for kernel in ("sdpa-flash", "sdpa-cudnn"))


def _windowed() -> Iterator[Row]:
    for length, head_dim, window in ((16384, 128, 1024), (16384, 128, 4096), (4096, 128, 1024), (16384, 64, 1024)):
        point = _prefill(length, head_dim, True, window)
        yield Row(point, "triton-1pass", None)
        yield Row(point, "sdpa-efficient")  # with the window as an additive mask: no backend of SDPA skips it


def _decode(keys: int, batch: int) -> Iterator[Row]:
    costed = (keys, batch) in ((65536, 1), (65536, 8))
    point = _cached(keys, batch)
    yield from (Row(point, kernel, energy=costed) for kernel in ("sdpa-flash", "sdpa-cudnn"))
    for splits in SPLITS:
        if splits * split(splits)["block_k"] <= keys:
            yield Row(point, "triton-split", split(splits), costed and splits == 16)


def _decode_ungrouped() -> Iterator[Row]:
    for head_dim in (64, 256):
        for batch in (1, 16):
            heads = WIDTH // head_dim
            point = _cached(16384, batch, head_dim, heads, heads)
            yield from (Row(point, kernel) for kernel in ("sdpa-flash", "sdpa-cudnn", "sdpa-efficient"))
            yield from (Row(point, "triton-split", split(splits)) for splits in (4, 16))


# ---------------------------------------------------------------------------------------------------------- statistics


def quantile(samples: Sequence[float], share: float) -> float:
    """The value below which a share of the samples lies, interpolated between neighbours.

    >>> quantile([4.0, 1.0, 3.0, 2.0], 0.5), quantile([1.0, 2.0, 3.0], 0.1)
    (2.5, 1.2)
    """
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(samples: Sequence[float], suffix: str = "") -> dict[str, float | int]:
    """Median, 10th and 90th percentile and number of samples, under the names of a row.

    >>> spread([2.0, 1.0, 3.0], "_warm")
    {'median_warm': 2.0, 'p10_warm': 1.2, 'p90_warm': 2.8, 'runs_warm': 3}
    """
    values = {name: quantile(samples, share) for name, share in (("median", 0.5), ("p10", 0.1), ("p90", 0.9))}
    return {f"{name}{suffix}": value for name, value in (*values.items(), ("runs", len(samples)))}


# ----------------------------------------------------------------------------------------------- our kernels, in Triton
# Names are those of the cascades attention-1pass and attention-1pass-decode: m1 counts tiles of keys, m0 keys of a
# tile, p queries of a tile. Exponentials are powers of two: `scale` holds log2(e) over the root of the head dim.


def jit(function: Any) -> Any:
    """Triton's compiler where Triton is installed; the plain function elsewhere, which nobody calls.

    Numbers of heads and of splits do not make variants of a kernel: each would be compiled anew.
    """
    if "triton" not in globals():
        return function
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return triton.jit(function, do_not_specialize=[name for name in UNSPECIALIZED if name in names])


UNSPECIALIZED = ("group", "splits")


@jit
def _visit_tiles(
    Q: tl.tensor, key: tl.tensor, value: tl.tensor, RM: tl.tensor, RD: tl.tensor, RNV: tl.tensor,
    seen_by: tl.tensor, window: tl.tensor, kv_len: tl.tensor, scale: tl.tensor,
    begin: tl.tensor, end: tl.tensor, step: tl.tensor,
    CAUSAL: tl.constexpr, WINDOWED: tl.constexpr, MASKED: tl.constexpr, BLOCK_K: tl.constexpr, HEAD_DIM: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """The running state after the tiles of keys at begin, begin + step, ...; `seen_by` is a query's last key."""
    e = tl.arange(0, HEAD_DIM)
    m0 = tl.arange(0, BLOCK_K)
    for m1 in range(begin, end, step):
        keys = m1 + m0
        if MASKED:
            K = tl.load(key + keys[None, :] * HEAD_DIM + e[:, None], mask=keys[None, :] < kv_len, other=0.0)
        else:
            K = tl.load(key + keys[None, :] * HEAD_DIM + e[:, None])
        QK = tl.dot(Q, K, input_precision="ieee")
        if MASKED:
            seen = keys[None, :] < kv_len
            if CAUSAL:
                seen = seen & (keys[None, :] <= seen_by[:, None])
            if WINDOWED:
                seen = seen & (keys[None, :] > seen_by[:, None] - window)
            QK = tl.where(seen, QK, float("-inf"))
        LM = tl.max(QK, 1) * scale
        RM_next = tl.maximum(RM, LM)
        # A query that has seen no key yet has a maximum of -inf, and -inf - -inf is no number.
        base = tl.where(RM_next == float("-inf"), 0.0, RM_next) if MASKED else RM_next
        SLN = tl.math.exp2(QK * scale - base[:, None])
        PRM = tl.math.exp2(RM - base)
        SLD = tl.sum(SLN, 1)
        RD = PRM * RD + SLD
        SPNV = PRM[:, None] * RNV
        if MASKED:
            V = tl.load(value + keys[:, None] * HEAD_DIM + e[None, :], mask=keys[:, None] < kv_len, other=0.0)
        else:
            V = tl.load(value + keys[:, None] * HEAD_DIM + e[None, :])
        RNV = tl.dot(SLN.to(V.dtype), V, SPNV, input_precision="ieee")
        RM = RM_next
    return RM, RD, RNV


@jit
def _one_pass(
    query: tl.tensor, key: tl.tensor, value: tl.tensor, output: tl.tensor,
    group: tl.tensor, q_len: tl.tensor, kv_len: tl.tensor, window: tl.tensor, scale: tl.tensor,
    CAUSAL: tl.constexpr, WINDOWED: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_K: tl.constexpr, HEAD_DIM: tl.constexpr,
) -> None:  # fmt: skip
    """A tile of queries of one head: masked tiles of keys at the window's edge, whole ones, masked ones at the end."""
    head = tl.program_id(0).to(tl.int64)  # an offset into a large cache passes 2^31
    number = tl.program_id(1)
    if CAUSAL:
        number = tl.num_programs(1) - 1 - number  # the tiles with most keys first
    e = tl.arange(0, HEAD_DIM)
    first = number * BLOCK_Q
    p = first + tl.arange(0, BLOCK_Q)
    at = head * q_len * HEAD_DIM + p[:, None] * HEAD_DIM + e[None, :]
    Q = tl.load(query + at, mask=p[:, None] < q_len, other=0.0)
    shared = head // group * kv_len * HEAD_DIM
    K_at, V_at = key + shared, value + shared
    ahead = kv_len - q_len
    seen_by = p + ahead
    RM = tl.full([BLOCK_Q], float("-inf"), tl.float32)
    RD = tl.zeros([BLOCK_Q], tl.float32)
    RNV = tl.zeros([BLOCK_Q, HEAD_DIM], tl.float32)
    begin = 0
    whole = kv_len // BLOCK_K * BLOCK_K
    end = kv_len
    if CAUSAL:
        end = tl.minimum(kv_len, first + BLOCK_Q + ahead)
        whole = tl.minimum(whole, (first + ahead + 1) // BLOCK_K * BLOCK_K)
    inside = 0
    if WINDOWED:
        begin = tl.maximum(0, first + ahead - window + 1) // BLOCK_K * BLOCK_K
        inside = tl.maximum(0, first + BLOCK_Q + ahead - window + BLOCK_K - 1) // BLOCK_K * BLOCK_K
        inside = tl.minimum(tl.maximum(inside, begin), (end + BLOCK_K - 1) // BLOCK_K * BLOCK_K)
        whole = tl.maximum(whole, inside)
        RM, RD, RNV = _visit_tiles(
            Q, K_at, V_at, RM, RD, RNV, seen_by, window, kv_len, scale, begin, tl.minimum(inside, end), BLOCK_K,
            CAUSAL, WINDOWED, True, BLOCK_K, HEAD_DIM,
        )  # fmt: skip
    RM, RD, RNV = _visit_tiles(
        Q, K_at, V_at, RM, RD, RNV, seen_by, window, kv_len, scale, inside, whole, BLOCK_K,
        CAUSAL, WINDOWED, False, BLOCK_K, HEAD_DIM,
    )  # fmt: skip
    RM, RD, RNV = _visit_tiles(
        Q, K_at, V_at, RM, RD, RNV, seen_by, window, kv_len, scale, whole, end, BLOCK_K,
        CAUSAL, WINDOWED, True, BLOCK_K, HEAD_DIM,
    )  # fmt: skip
    AV = RNV / tl.where(RD == 0.0, 1.0, RD)[:, None]  # a query that sees no key has the result 0
    tl.store(output + at, AV.to(output.dtype.element_ty), mask=p[:, None] < q_len)


@jit
def _split_keys(
    query: tl.tensor, key: tl.tensor, value: tl.tensor,
    maxima: tl.tensor, denominators: tl.tensor, numerators: tl.tensor,
    group: tl.tensor, kv_len: tl.tensor, splits: tl.tensor, scale: tl.tensor,
    BLOCK_G: tl.constexpr, BLOCK_K: tl.constexpr, HEAD_DIM: tl.constexpr,
) -> None:  # fmt: skip
    """The state of split m2, which takes every `splits`-th tile of keys, for the query heads that share them."""
    head = tl.program_id(0).to(tl.int64)
    m2 = tl.program_id(1)
    e = tl.arange(0, HEAD_DIM)
    g = tl.arange(0, BLOCK_G)
    rows = head * group + g
    Q = tl.load(query + rows[:, None] * HEAD_DIM + e[None, :], mask=g[:, None] < group, other=0.0)
    K_at, V_at = key + head * kv_len * HEAD_DIM, value + head * kv_len * HEAD_DIM
    RM = tl.full([BLOCK_G], float("-inf"), tl.float32)
    RD = tl.zeros([BLOCK_G], tl.float32)
    RNV = tl.zeros([BLOCK_G, HEAD_DIM], tl.float32)
    tiles = kv_len // BLOCK_K
    RM, RD, RNV = _visit_tiles(
        Q, K_at, V_at, RM, RD, RNV, g, 0, kv_len, scale, m2 * BLOCK_K, tiles * BLOCK_K, splits * BLOCK_K,
        False, False, False, BLOCK_K, HEAD_DIM,
    )  # fmt: skip
    ragged = tl.where(tiles % splits == m2, tiles * BLOCK_K, kv_len)  # the split whose turn it is takes what is left
    RM, RD, RNV = _visit_tiles(
        Q, K_at, V_at, RM, RD, RNV, g, 0, kv_len, scale, ragged, kv_len, BLOCK_K,
        False, False, True, BLOCK_K, HEAD_DIM,
    )  # fmt: skip
    place = rows * splits + m2
    tl.store(maxima + place, RM, mask=g < group)
    tl.store(denominators + place, RD, mask=g < group)
    tl.store(numerators + place[:, None] * HEAD_DIM + e[None, :], RNV, mask=g[:, None] < group)


@jit
def _combine_splits(
    maxima: tl.tensor, denominators: tl.tensor, numerators: tl.tensor, output: tl.tensor, splits: tl.tensor,
    MOST: tl.constexpr, HEAD_DIM: tl.constexpr,
) -> None:  # fmt: skip
    """The result of one query head from the states of its splits; a split without keys has a maximum of -inf."""
    row = tl.program_id(0).to(tl.int64)
    f = tl.arange(0, HEAD_DIM)
    m2 = tl.arange(0, MOST)
    place = row * splits + m2
    RM = tl.load(maxima + place, mask=m2 < splits, other=float("-inf"))
    RD = tl.load(denominators + place, mask=m2 < splits, other=0.0)
    RNV = tl.load(numerators + place[:, None] * HEAD_DIM + f[None, :], mask=m2[:, None] < splits, other=0.0)
    GM = tl.max(RM, 0)
    CM = tl.math.exp2(RM - GM)
    CD = tl.sum(CM * RD, 0)
    CN = tl.sum(CM[:, None] * RNV, 0)
    AV = CN / CD
    tl.store(output + row * HEAD_DIM + f, AV.to(output.dtype.element_ty))


# ----------------------------------------------------------------------------------------------------- calls of kernels


@dataclass(frozen=True)
class Inputs:
    """Tensors of a point: query [batch, q_heads, q_len, head_dim], the others [batch, kv_heads, kv_len, head_dim]."""

    query: Any
    key: Any
    value: Any


class Unavailable(Exception):
    """A kernel that this machine or its software does not have for a point; the row is skipped."""


def drawn(point: Point, device: str, dtype: Any = None, seed: int = 0) -> Inputs:
    """Normal numbers, the same for a seed: zeros would run faster than data does."""
    generator = torch.Generator(device=device).manual_seed(seed)
    kept = {"device": device, "dtype": dtype or torch.bfloat16, "generator": generator}
    query = torch.randn((point.batch, point.q_heads, point.q_len, point.head_dim), **kept)
    keys = (point.batch, point.kv_heads, point.kv_len, point.head_dim)
    return Inputs(query, torch.randn(keys, **kept), torch.randn(keys, **kept))


def call_of(row: Row, inputs: Inputs, parameters: Parameters) -> Call:
    """The row's kernel on these inputs. Raises `Unavailable` if there is no such kernel here."""
    if row.kernel.startswith("sdpa-"):
        return _sdpa(row.kernel.removeprefix("sdpa-"), row.point, inputs)
    if "triton" not in globals():
        raise Unavailable("Triton is not installed")
    if row.kernel == "triton-1pass":
        return one_pass(row.point, inputs, parameters)
    return split_keys(row.point, inputs, parameters)


BACKENDS = {
    "flash": "FLASH_ATTENTION",
    "cudnn": "CUDNN_ATTENTION",
    "efficient": "EFFICIENT_ATTENTION",
    "math": "MATH",
}


def _sdpa(backend: str, point: Point, inputs: Inputs) -> Call:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    chosen = getattr(SDPBackend, BACKENDS[backend], None)
    if chosen is None:
        raise Unavailable(f"PyTorch {torch.__version__} has no backend {BACKENDS[backend]}")
    if point.causal and point.window is None and point.q_len < point.kv_len:
        raise Unavailable("PyTorch lets the first query see the first key alone; here the last one sees the last")
    mask = None if point.window is None else _additive_mask(point, inputs)
    options: dict[str, Any] = {"attn_mask": mask, "is_causal": point.causal and mask is None}
    if point.group > 1:
        options["enable_gqa"] = True

    def call() -> Any:
        with sdpa_kernel(chosen):
            return scaled_dot_product_attention(inputs.query, inputs.key, inputs.value, **options)

    return call


def _additive_mask(point: Point, inputs: Inputs) -> Any:
    """0 where a query sees a key, -inf elsewhere; a mask of truth values would be converted within the time."""
    hidden = ~visible(point, 0, point.q_len, inputs.query.device)
    mask = torch.zeros((point.q_len, point.kv_len), device=hidden.device, dtype=inputs.query.dtype)
    return mask.masked_fill_(hidden, -math.inf)


def _scale(point: Point) -> float:
    return math.log2(math.e) / math.sqrt(point.head_dim)


def one_pass(point: Point, inputs: Inputs, parameters: Parameters) -> Call:
    """Our forward kernel with tiles of these sizes; heads vary fastest, so that the heaviest tiles start first."""
    output = torch.full_like(inputs.query, math.nan)
    grid = (point.batch * point.q_heads, -(-point.q_len // parameters["block_q"]))

    def call() -> Any:
        _one_pass[grid](
            inputs.query, inputs.key, inputs.value, output, point.group, point.q_len, point.kv_len, point.window or 0,
            _scale(point), point.causal, point.window is not None, parameters["block_q"], parameters["block_k"],
            point.head_dim, num_warps=parameters["warps"], num_stages=parameters["stages"], enable_fp_fusion=True,
        )  # fmt: skip
        return output

    return call


def split_keys(point: Point, inputs: Inputs, parameters: Parameters) -> Call:
    """Our decode kernel, of one query a sequence: the splits, and what combines them."""
    if point.q_len != 1:
        raise ValueError(f"{point.name}: the decode kernel takes one query, found {point.q_len}")
    splits, heads = parameters["splits"], point.batch * point.q_heads
    output = torch.full_like(inputs.query, math.nan)
    state = {"device": output.device, "dtype": torch.float32}
    maxima, denominators = (torch.full((heads, splits), math.nan, **state) for _ in range(2))
    numerators = torch.full((heads, splits, point.head_dim), math.nan, **state)

    def call() -> Any:
        _split_keys[(point.batch * point.kv_heads, splits)](
            inputs.query, inputs.key, inputs.value, maxima, denominators, numerators, point.group, point.kv_len, splits,
            _scale(point), max(16, _power_of_two(point.group)), parameters["block_k"], point.head_dim,
            num_warps=parameters["warps"], num_stages=parameters["stages"], enable_fp_fusion=True,
        )  # fmt: skip
        _combine_splits[(heads,)](
            maxima, denominators, numerators, output, splits, max(2, _power_of_two(splits)), point.head_dim, num_warps=4
        )
        return output

    return call


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


# ------------------------------------------------------------------------------------------------------------ the gate


def visible(point: Point, begin: int, end: int, device: Any) -> Any:
    """Which keys the queries `begin` to `end` see: truth values [end - begin, kv_len]."""
    query = torch.arange(begin, end, device=device)[:, None] + point.kv_len - point.q_len
    key = torch.arange(point.kv_len, device=device)[None, :]
    seen = key <= query if point.causal else torch.ones_like(key <= query)
    return seen if point.window is None else seen & (key > query - point.window)


def reference(point: Point, inputs: Inputs) -> Any:
    """The attention in float64, [batch, q_heads, q_len, head_dim], from the inputs as they are."""
    result = torch.empty(inputs.query.shape, dtype=torch.float64, device=inputs.query.device)
    step = max(1, SCORES_AT_ONCE // (point.group * point.kv_len))
    for b in range(point.batch):
        for n in range(point.kv_heads):
            K, V = inputs.key[b, n].double(), inputs.value[b, n].double()
            heads = slice(n * point.group, (n + 1) * point.group)
            for begin in range(0, point.q_len, step):
                end = min(begin + step, point.q_len)
                QK = inputs.query[b, heads, begin:end].double() @ K.T / math.sqrt(point.head_dim)
                if point.causal:
                    QK.masked_fill_(~visible(point, begin, end, QK.device), -math.inf)
                result[b, heads, begin:end] = torch.softmax(QK, -1) @ V
    return result


@dataclass(frozen=True)
class Verdict:
    """How far a result is from float64, and why it is refused, if it is."""

    relative_error: float | None  # max |y - y64| / max |y64|; none if a number is not finite
    reason: str | None = None


def judged(result: Any, right: Any) -> Verdict:
    """Hold a kernel's result against float64, as a whole and query by query.

    Of a causal mask the first queries have the largest results, and hide an error in the later ones from the first
    measure; so every query must be right by its own norm too.
    """
    if result.shape != right.shape:
        return Verdict(None, f"the result is {list(result.shape)}, not {list(right.shape)}")
    strange = int((~torch.isfinite(result)).sum())
    if strange:
        return Verdict(None, f"{strange} of {result.numel()} numbers are not finite")
    largest = float(right.abs().max())
    if not 0 < largest < math.inf:
        return Verdict(None, f"nothing can be held against a reference whose largest number is {largest:g}")
    off = result.double() - right
    error = float(off.abs().max()) / largest
    worst = float((off.norm(dim=-1) / right.norm(dim=-1)).max())
    if not (error <= TOLERANCE and worst <= TOLERANCE):  # what is no number is not at most anything
        stated = error if math.isfinite(error) else None
        return Verdict(stated, f"off by {error:.2g}, a query by {worst:.2g}; at most {TOLERANCE:g} is allowed")
    return Verdict(error)


class Wrong(Exception):
    """A result that the gate does not let pass."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


def passed(result: Any, right: Any, of: str = "") -> Verdict:
    """The verdict of a result that is right. Raises `Wrong` of another; `of` says which one it was."""
    verdict = judged(result, right)
    if verdict.reason is not None:
        raise Wrong(replace(verdict, reason=f"{of}{verdict.reason}"))
    return verdict


# ---------------------------------------------------------------------------------------------------------------- time


@dataclass(frozen=True)
class Timing:
    """Seconds of a call, replay by replay, with the cache flushed and warm, and the clock during each."""

    flushed: list[float]
    warm: list[float]
    sm_mhz_flushed: float | None
    sm_mhz: float | None


@dataclass(frozen=True)
class Counted:
    """Energy of calls that ran one after another."""

    joules: float
    seconds: float
    calls: int


class Timer(Protocol):
    """What times a call, and what counts its energy."""

    def times(self, call: Call, check: Callable[[Any], object]) -> Timing:
        """Time the call, once `check` has seen the result of what is timed."""

    def energy(self, call: Call) -> Counted | None:
        """Energy of the call again and again; None where it cannot be counted."""


class CudaTimer:
    """Times replays of a CUDA graph by events on the GPU."""

    def __init__(self, board: Board) -> None:
        self.board = board
        cache = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 64 << 20)
        # It is read, not written: written lines would be put back to memory while the kernel runs.
        self.filler = torch.rand(cache, device=DEVICE)  # float32: four times the cache
        self.sink = torch.empty((), device=DEVICE)

    def times(self, call: Call, check: Callable[[Any], object]) -> Timing:
        """Time one call with the L2 full of other data, then replays of as many calls as take a millisecond."""
        once, result = self.graph(call, 1)
        result.fill_(math.nan)  # what a replay does not write cannot pass
        once.replay()
        torch.cuda.synchronize()
        check(result)
        flushed, sm_mhz_flushed = self.replays(once, self.flush)
        several = self._several(flushed)
        warm, sm_mhz = self.replays(self.graph(call, several)[0])
        return Timing(flushed, [seconds / several for seconds in warm], sm_mhz_flushed, sm_mhz)

    def energy(self, call: Call) -> Counted | None:
        """Replay under load from one move of the energy counter to another, at least two seconds later."""
        if self.board.energy_j() is None:
            return None
        samples, _ = self.replays(self.graph(call, 1)[0])
        several = self._several(samples)
        graph, _ = self.graph(call, several)
        load = Load(graph.replay, max(1, int(5e-3 / (several * quantile(samples, 0.5)))))
        load.run(LEAD_S)
        first = ticked(self.board, load.step)
        begin, before = time.perf_counter(), load.steps
        load.run(ENERGY_S)
        last = ticked(self.board, load.step)
        seconds, steps = time.perf_counter() - begin, load.steps - before
        torch.cuda.synchronize()
        return None if first is None or last is None else Counted(last - first, seconds, steps * load.size * several)

    def graph(self, call: Call, calls: int) -> tuple[Any, Any]:
        """Calls in one graph, after a few on the same stream, and where the last of them leaves its result."""
        side, result = torch.cuda.Stream(), None
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            for _ in range(calls):
                result = call()
        return graph, result

    def replays(
        self, graph: Any, before: Callable[[], None] = lambda: None, warm_up_s: float | None = None
    ) -> tuple[list[float], float | None]:
        """Seconds of each replay, and the clock while further ones are under way."""

        def replay() -> None:
            before()
            graph.replay()

        several = warmed(replay, WARM_UP_S if warm_up_s is None else warm_up_s)
        pairs = []
        for _ in range(RUNS):
            before()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            pairs.append((start, end))
        for _ in range(several):
            replay()
        sm_mhz = self.board.sm_mhz()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) * 1e-3 for start, end in pairs], sm_mhz

    def _several(self, samples: Sequence[float]) -> int:
        return min(MOST_CALLS, max(1, math.ceil(WARM_REPLAY_S / quantile(samples, 0.5))))

    def flush(self) -> None:
        """Fill the cache with other data."""
        torch.sum(self.filler, dim=0, out=self.sink)


def warmed(work: Callable[[], object], seconds: float) -> int:
    """Work for so long, or up to twice as long; how often it can be done in some eighth of that."""
    start, several = time.perf_counter(), 1
    while True:
        for _ in range(several):
            work()
        torch.cuda.synchronize()
        if time.perf_counter() - start >= seconds:
            return max(1, several // 4)
        several *= 2


class Load:
    """Work of which a part is always under way: a part is begun before the one before it is waited for."""

    def __init__(self, work: Callable[[], object], size: int) -> None:
        self.work, self.size, self.steps = work, size, 0
        self.ends = [torch.cuda.Event(), torch.cuda.Event()]

    def step(self) -> None:
        """Begin a part of `size` pieces, and wait for the one before."""
        for _ in range(self.size):
            self.work()
        self.ends[self.steps % 2].record()
        self.steps += 1
        if self.steps > 1:
            self.ends[self.steps % 2].synchronize()

    def run(self, seconds: float) -> None:
        """Step for so long."""
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            self.step()


def ticked(board: Board, meanwhile: Callable[[], object]) -> float | None:
    """The counter of energy at the moment that it moves; None if it does not."""
    start, before = time.perf_counter(), board.energy_j()
    while time.perf_counter() - start < TICK_S:
        meanwhile()
        now = board.energy_j()
        if now != before:
            return now
    return None


# ----------------------------------------------------------------------------------------------------------- the board

THROTTLE_REASONS = {
    0x1: "idle", 0x2: "application clocks", 0x4: "software power cap", 0x8: "hardware slowdown", 0x10: "sync boost",
    0x20: "software thermal slowdown", 0x40: "hardware thermal slowdown", 0x80: "power brake", 0x100: "display clock",
}  # fmt: skip
BINDING = "pynvml"  # the module of nvidia-ml-py


class Board:
    """What NVML says of the GPU; None where it, or its Python binding, says nothing, and `lacking` says why."""

    def __init__(self, nvml: Any = None, handle: Any = None, lacking: str | None = None) -> None:
        self.nvml, self.handle, self.lacking = nvml, handle, lacking

    @classmethod
    def of_torch(cls) -> Board:
        """The board of PyTorch's first device, found by its UUID, or as the only one."""
        try:
            nvml = importlib.import_module(BINDING)
            nvml.nvmlInit()
        except ImportError:
            return cls(lacking="nvidia-ml-py is not installed; pip install nvidia-ml-py")
        except Exception as error:  # no library, no permission: all of it is null then
            return cls(lacking=f"NVML does not start: {error}")
        with suppress(Exception):
            return cls(nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(0).uuid}"))
        with suppress(Exception):
            if nvml.nvmlDeviceGetCount() == 1:
                return cls(nvml, nvml.nvmlDeviceGetHandleByIndex(0))
        return cls(lacking="NVML does not know the board that PyTorch uses")

    def sm_mhz(self) -> float | None:
        """The clock of the multiprocessors now."""
        return self._ask("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM")

    def energy_j(self) -> float | None:
        """Energy since the driver was loaded."""
        return self._ask("nvmlDeviceGetTotalEnergyConsumption", unit=1e-3)

    def power_limit_w(self) -> float | None:
        """The limit in force."""
        return self._ask("nvmlDeviceGetEnforcedPowerLimit", unit=1e-3)

    def driver(self) -> str | None:
        """The driver's version."""
        try:
            found = self.nvml.nvmlSystemGetDriverVersion()
        except Exception:  # NVML's errors have no class of their own here, and a run goes on without the version
            return None
        return found.decode() if isinstance(found, bytes) else str(found)

    def state(self) -> dict[str, Any]:
        """Clocks, reasons for slowing down, temperature and power now."""
        mask = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        mask = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons") if mask is None else mask
        reasons = None if mask is None else [name for bit, name in THROTTLE_REASONS.items() if int(mask) & bit]
        return {
            "sm_mhz": self.sm_mhz(),
            "sm_mhz_max": self._ask("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_SM"),
            "mem_mhz": self._ask("nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM"),
            "throttle_reasons": reasons,
            "temperature_c": self._ask("nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"),
            "power_w": self._ask("nvmlDeviceGetPowerUsage", unit=1e-3),
        }

    def _ask(self, function: str, constant: str | None = None, unit: float = 1.0) -> float | None:
        if self.nvml is None:
            return None
        try:
            extra = () if constant is None else (getattr(self.nvml, constant),)
            return float(getattr(self.nvml, function)(self.handle, *extra)) * unit
        except Exception:  # not supported by this board, or older than this driver
            return None


# ---------------------------------------------------------------------------------------------------------------- runs


@dataclass(frozen=True)
class Bench:
    """What rows are measured with: a device, what times on it, and how much memory is free."""

    device: str
    timer: Timer
    free_bytes: Callable[[], int]
    call_of: Callable[[Row, Inputs, Parameters], Call] = call_of
    idle_power_w: float | None = None
    lacking: str | None = None  # why nothing can be measured at all
    limit_s: float = math.inf  # of `clock`, counted from its 0
    clock: Callable[[], float] = field(default_factory=lambda: _stopwatch())


def _stopwatch() -> Callable[[], float]:
    start = time.perf_counter()
    return lambda: time.perf_counter() - start


def blank(row: Row) -> dict[str, Any]:
    """A row of the file with nothing measured."""
    shape = asdict(row.point)
    times = dict.fromkeys(("median", "p10", "p90")) | {"runs": 0}
    warm = dict.fromkeys(("median_warm", "p10_warm", "p90_warm")) | {"runs_warm": 0}
    rest = dict.fromkeys(("relative_error", "sm_mhz", "sm_mhz_flushed"))
    energy = dict.fromkeys(("energy_j", "idle_energy_j", "energy_runs", "energy_seconds"))
    return {
        "id": row.name, **shape, "dtype": "bf16", "kernel": row.kernel, "parameters": dict(row.parameters or {}),
        "status": "skipped", "reason": None, **times, **warm, **rest, **energy,
    }  # fmt: skip


def held_bytes(point: Point) -> int:
    """Bytes of a point's inputs, result and float64 reference."""
    return point.bytes + 8 * point.batch * point.q_heads * point.q_len * point.head_dim


def needed_bytes(row: Row) -> int:
    """Bytes of GPU memory that a row takes, those of its point included; an estimate from above."""
    point = row.point
    needed = 6 * held_bytes(replace(point, kv_len=point.q_len)) + held_bytes(point)  # the gate's differences
    needed += 4 * 8 * SCORES_AT_ONCE + 2 * 8 * point.kv_len * point.head_dim  # making the reference
    if point.window is not None:
        needed += 4 * point.q_len * point.kv_len
    if row.kernel == "sdpa-math":  # scores in float32, their exponentials, and operands in float32
        needed += 16 * point.batch * point.q_heads * point.q_len * point.kv_len + 8 * point.bytes
    return needed


def measured(rows: Sequence[Row], bench: Bench) -> Iterator[dict[str, Any]]:
    """Measure row by row; what goes wrong with one is told in its `status` and `reason`, and the next is begun.

    Rows of a point that follow each other share their inputs and their reference.
    """
    done: list[tuple[Row, dict[str, Any]]] = []
    dead = bench.lacking
    for _, group in groupby(rows, key=lambda row: row.point):
        subject: list[Any] = []  # inputs and reference, once they are made
        for row in group:
            if dead is None and bench.clock() > bench.limit_s:
                dead = f"the time limit of {bench.limit_s:g} s was reached"
            found = blank(row) | {"reason": dead} if dead else _guarded(_chosen(row, done), row.name, subject, bench)
            done.append((row, found))
            if found["status"] == "failed" and not _answers(bench.device):
                dead = f"the GPU no longer answers since {row.name}"
            yield found


def _chosen(row: Row, done: Iterable[tuple[Row, dict[str, Any]]]) -> Row:
    """The row, with the tile that was fastest for its head dim, under its mask if possible, if it leaves it open."""
    if row.parameters is not None:
        return row
    timed = [
        (tried.point.causal != row.point.causal, found["median"], tried.parameters)
        for tried, found in done
        if tried.kernel == row.kernel and tried.parameters and found["status"] == "ok"
        if tried.point.head_dim == row.point.head_dim
    ]
    fastest = min(timed, key=lambda each: each[:2])[2] if timed else TILES[row.point.head_dim][0]
    return replace(row, parameters=fastest)


def _guarded(row: Row, name: str, subject: list[Any], bench: Bench) -> dict[str, Any]:
    named = blank(row) | {"id": name}
    try:
        found = named | _found(row, subject, bench)
        json.dumps(found, allow_nan=False)  # a number that is none would cost the file
        return found
    except Wrong as wrong:
        error = wrong.verdict.relative_error
        return named | {"status": "wrong", "reason": str(wrong), "relative_error": error}
    except Exception as error:  # whatever a library raises: the next row is begun
        status, reason = _told(error)
        return named | {"status": status, "reason": reason}


def _found(row: Row, subject: list[Any], bench: Bench) -> dict[str, Any]:
    """What is measured of one row: memory, then the gate, then time, then energy."""
    needed, free = needed_bytes(row), bench.free_bytes() + (held_bytes(row.point) if subject else 0)
    if needed > free:
        raise Unavailable(f"does not fit in memory: it needs about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")
    if not subject:
        inputs = drawn(row.point, bench.device)
        subject[:] = [inputs, reference(row.point, inputs)]
    inputs, right = subject
    call = bench.call_of(row, inputs, row.parameters or {})
    held = {"relative_error": passed(call(), right).relative_error}
    timing = bench.timer.times(call, lambda result: passed(result, right, "replayed from a graph: "))
    times = {**spread(timing.flushed), **spread(timing.warm, "_warm")}
    clocks = {"sm_mhz": timing.sm_mhz, "sm_mhz_flushed": timing.sm_mhz_flushed}
    counted = bench.timer.energy(call) if row.energy else None
    return {"status": "ok"} | held | times | clocks | _energy(counted, bench.idle_power_w)


def _energy(counted: Counted | None, idle_power_w: float | None) -> dict[str, Any]:
    """The energy of a call, and of the board at rest in its time."""
    if counted is None:
        return {}
    idle = None if idle_power_w is None else idle_power_w * counted.seconds / counted.calls
    whole = {"energy_runs": counted.calls, "energy_seconds": counted.seconds}
    return {"energy_j": counted.joules / counted.calls, "idle_energy_j": idle, **whole}


# What PyTorch and cuDNN say of a shape or a mask that they have no kernel for.
UNSUPPORTED = (
    "No available kernel", "No viable backend", "No execution plans", "No valid engine configs",
    "CUDNN_STATUS_NOT_SUPPORTED",
)  # fmt: skip
TOO_LARGE = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


def _told(error: Exception) -> tuple[str, str]:
    """The status and the reason of a row that ended in this error."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, Unavailable):
        return "skipped", message
    kind = type(error).__name__
    if kind == "OutOfMemoryError" or any(phrase in message for phrase in TOO_LARGE):
        return "skipped", f"does not fit in memory: {message}"
    if kind == "OutOfResources":
        return "skipped", f"the tile does not fit in a multiprocessor: {message}"
    if any(phrase in message for phrase in UNSUPPORTED):
        return "skipped", f"PyTorch has no such kernel for this point: {message}"
    return "failed", f"{kind}: {message}"


def _answers(device: str) -> bool:
    """Whether the GPU still works: after some errors every call fails until the process ends."""
    try:
        torch.ones(1, device=device).sum().item()
    except Exception:  # whatever it says, the answer is no
        return False
    return True


def write_whole(path: Path, document: dict[str, Any]) -> None:
    """Put a document in its place at once: a reader finds the one before, or this one, never a part."""
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def _check_place(path: Path) -> None:
    if path.exists():
        raise FileExistsError(errno.EEXIST, "is there already; measurements are not written over", str(path))
    try:
        tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def missing() -> str | None:
    """What a run lacks on this machine and how to get it, or None."""
    if "torch" not in globals():
        return "PyTorch is missing; pip install -e '.[gpu]', or take a machine that has it"
    if not torch.cuda.is_available():
        return "no NVIDIA GPU: PyTorch finds none; run this on a machine with a GPU and its driver"
    if torch.version.cuda is None:
        return "no NVIDIA GPU: this PyTorch is built for another kind; install one that is built for CUDA"
    return None


def unable() -> str | None:
    """Why this GPU measures nothing of the grid, or None."""
    capability = torch.cuda.get_device_capability(0)
    if capability < (8, 0):
        return f"bf16 needs compute capability 8.0 or more, this GPU has {capability[0]}.{capability[1]}"
    return None


def measure(path: Path, grid: str, commit: str | None = None, say: Callable[[str], None] = print) -> dict[str, int]:
    """Measure a grid on this machine's GPU and write the file, whole after every row; the rows by status.

    What fails besides the rows is null in the file, and told in its `notes`. Raises OSError, before anything is
    measured, if the file exists, or cannot be written.
    """
    clock = _stopwatch()
    _check_place(path)
    with torch.inference_mode(), _uncollected():
        board, rows = Board.of_torch(), GRIDS[grid]()
        document = provenance(grid, rows, commit, board)
        notes = Notes(document["notes"], say)
        if board.lacking is not None:
            notes.add(f"no clocks, power and energy: {board.lacking}")
        try:
            timer = CudaTimer(board)
            # Work comes between rest and ceilings: these are of a board that is warm.
            document["idle_power_w"] = notes.tried("idle power", lambda: _idle_power_w(board))
            document["clocks"]["before"] = notes.tried("clocks before", lambda: _under_load(board)) or Board().state()
            document["ceilings"] = _ceilings(timer, notes)
            bench = Bench(DEVICE, timer, _free_bytes, call_of, document["idle_power_w"], unable(), LIMIT_S, clock)
            for found in measured(rows, bench):
                document["rows"].append(found)
                write_whole(path, document | {"seconds": clock()})
                say(f"{clock():5.0f} s  {_line(found)}")
            document["clocks"]["after"] = notes.tried("clocks after", lambda: _under_load(board)) or Board().state()
        finally:
            write_whole(path, document | {"seconds": clock()})
    statuses = [found["status"] for found in document["rows"]]
    return {status: statuses.count(status) for status in ("ok", "skipped", "wrong", "failed")}


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: not while a graph is captured, and not 0.1 s for each by older PyTorch."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class Notes:
    """What is missing in a file besides its rows, each said when it is found."""

    def __init__(self, kept: list[str], say: Callable[[str], None]) -> None:
        self.kept, self.say = kept, say

    def add(self, note: str) -> None:
        """Keep a note, and say it."""
        self.kept.append(note)
        self.say(note)

    def tried(self, what: str, work: Callable[[], Any]) -> Any:
        """What the work comes to; None, and a note, if it fails."""
        try:
            return work()
        except Exception as error:  # whatever a library raises: rows may go well all the same
            message = " ".join(str(error).split())[:300]
            self.add(f"no {what}: {type(error).__name__}: {message}")
            return None


def _line(found: dict[str, Any]) -> str:
    told = found["reason"] or "" if found["median"] is None else f"{found['median'] * 1e6:.1f} us"
    return f"{found['id']}: {found['status']} {told}"


def provenance(grid: str, rows: Sequence[Row], commit: str | None, board: Board) -> dict[str, Any]:
    """The file before anything is measured: what ran, on what, and when."""
    gpu = torch.cuda.get_device_properties(0)
    cudnn = torch.backends.cudnn.version()
    script = Path(__file__)
    return {
        "schema": SCHEMA,
        "script": {"commit": commit or _commit(script.parent), "sha256": _sha256(script)},
        "grid": {"name": grid, "sha256": grid_sha256(rows), "rows": len(rows)},
        "gpu": gpu.name,
        "gpu_memory_bytes": gpu.total_memory,
        "sm_count": gpu.multi_processor_count,
        "compute_capability": f"{gpu.major}.{gpu.minor}",
        "driver": board.driver() or _driver_by_tool(),
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "triton": triton.__version__ if "triton" in globals() else None,
        "cudnn": None if cudnn is None else str(cudnn),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "power_limit_w": board.power_limit_w(),
        "seconds": 0.0,
        "notes": [],
        "ceilings": {"gemm_bf16_tflops": None, "copy_gb_per_s": None},
        "clocks": {"before": Board().state(), "after": Board().state()},
        "idle_power_w": None,
        "rows": [],
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commit(folder: Path) -> str | None:
    return _answer(["git", "-C", str(folder), "rev-parse", "HEAD"])


def _driver_by_tool() -> str:
    found = _answer(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"])
    return found.splitlines()[0] if found else "unknown"


def _answer(command: list[str]) -> str | None:
    with suppress(OSError, subprocess.TimeoutExpired):
        run = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return run.stdout.strip() or None if run.returncode == 0 else None
    return None


def _free_bytes() -> int:
    gc.collect()  # of what rows before left behind
    torch.cuda.empty_cache()
    return int(torch.cuda.mem_get_info()[0])


def _idle_power_w(board: Board) -> float | None:
    """Watts with nothing to do, from one move of the energy counter to another, a second after the last work."""
    torch.cuda.synchronize()
    if board.energy_j() is None:
        return None
    time.sleep(min(1.0, ENERGY_S))
    rest = lambda: time.sleep(2e-3)  # noqa: E731
    first, start = ticked(board, rest), time.perf_counter()
    time.sleep(ENERGY_S)
    last, end = ticked(board, rest), time.perf_counter()
    return None if first is None or last is None else (last - first) / (end - start)


def _large_product() -> Call:
    """The load under which clocks are read, too."""
    left, right = (torch.randn((LARGE, LARGE), device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    result = torch.empty_like(left)
    return lambda: torch.matmul(left, right, out=result)


def _ceilings(timer: CudaTimer, notes: Notes) -> dict[str, Any]:
    """What the machine reaches at best: a large product, and a large copy, whose bytes are those read and written."""
    return {
        "gemm_bf16_tflops": notes.tried("ceiling of arithmetic", lambda: _multiplied(timer)),
        "copy_gb_per_s": notes.tried("ceiling of memory", lambda: _copied(timer)),
    }


def _multiplied(timer: CudaTimer) -> dict[str, Any]:
    rate = _rates(timer, _large_product(), 2 * LARGE**3 * 1e-12)
    return rate | {"shape": [LARGE, LARGE, LARGE]}


def _copied(timer: CudaTimer) -> dict[str, Any]:
    source = torch.randint(0, 255, (COPIED_BYTES,), device=DEVICE, dtype=torch.uint8)
    target = torch.empty_like(source)
    return _rates(timer, lambda: target.copy_(source), 2 * COPIED_BYTES * 1e-9) | {"bytes": 2 * COPIED_BYTES}


def _rates(timer: CudaTimer, call: Call, amount: float) -> dict[str, Any]:
    """An amount over the time of a call, replay by replay, after half a second of it, and the clock meanwhile."""
    seconds, sm_mhz = timer.replays(timer.graph(call, 1)[0], timer.flush, warm_up_s=10 * WARM_UP_S)
    return spread([amount / each for each in seconds]) | {"sm_mhz": sm_mhz}


def _under_load(board: Board) -> dict[str, Any]:
    """The board's state while the large product runs, after it has run for a while."""
    load = Load(_large_product(), 20)
    load.run(LOAD_S)
    load.size = 200  # so much that the questions are answered before it is done
    load.step()
    state = board.state()
    torch.cuda.synchronize()
    return state


# --------------------------------------------------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0, or 1 if a kernel was wrong, 5 if one failed or the run, 4 if PyTorch or a GPU is missing."""
    parser = argparse.ArgumentParser(description="Measure attention on an NVIDIA GPU.")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file of runs to write")
    parser.add_argument("--grid", choices=sorted(GRIDS), default="quick", help="what is measured; by default quick")
    parser.add_argument("--commit", help="of this script, where git cannot say it")
    asked = parser.parse_args(arguments)
    lacking = missing()
    if lacking is not None:
        print(lacking, file=sys.stderr)
        return 4
    try:
        counts = measure(asked.output, asked.grid, asked.commit, lambda line: print(line, file=sys.stderr, flush=True))
    except OSError as error:
        print(f"'{error.filename}': {error.strerror}", file=sys.stderr)
        return 5
    except Exception as error:  # Python would end with 1, which is the code of a kernel that was wrong
        print(f"the run broke off: {type(error).__name__}: {error}", file=sys.stderr)
        return 5
    print(", ".join(f"{number} {status}" for status, number in counts.items()))
    return ended(counts)


def ended(counts: dict[str, int]) -> int:
    """The exit code of a run.

    >>> ended({"ok": 9, "skipped": 1, "wrong": 0, "failed": 0}), ended({"ok": 9, "skipped": 0, "wrong": 1, "failed": 1})
    (0, 1)
    """
    return 1 if counts["wrong"] else 5 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
