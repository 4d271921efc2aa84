"""Attention written directly, and drawn shapes to compare a cascade with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from workloads import cascade
from workloads.oracle import evaluate, make_grid

CASCADES = (
    "attention-3pass",
    "attention-deferred-division",
    "attention-2pass",
    "attention-1pass",
    "attention-1pass-decode",
)
Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shape:
    """The sizes of an attention, the extents of its inner parts, and its mask."""

    batch: int = 1
    kv_heads: int = 1
    group: int = 1
    queries: int = 1
    keys: int = 1
    head_dim: int = 2
    value_dim: int = 2
    m0: int = 4
    m2: int = 2
    causal: bool = False
    window: int | None = None

    def sizes(self) -> dict[str, int]:
        return {
            "b": self.batch,
            "n": self.kv_heads,
            "g": self.group,
            "p": self.queries,
            "m": self.keys,
            "e": self.head_dim,
            "f": self.value_dim,
        }

    def visible(self) -> np.ndarray:
        """[queries, keys]: which keys a query sees; the last query sees the last key."""
        query = np.arange(self.queries)[:, None] + self.keys - self.queries
        key = np.arange(self.keys)[None, :]
        seen = np.ones((self.queries, self.keys), dtype=bool)
        if self.causal:
            seen &= key <= query
        if self.window is not None:
            seen &= key > query - self.window
        return seen


def shapes(**fixed: Any) -> st.SearchStrategy[Shape]:
    free: dict[str, st.SearchStrategy[Any]] = {
        "batch": st.integers(1, 2),
        "kv_heads": st.integers(1, 2),
        "group": st.integers(1, 3),
        "queries": st.integers(1, 9),
        "keys": st.integers(1, 17),
        "head_dim": st.integers(1, 5),
        "value_dim": st.integers(1, 5),
        "m0": st.integers(1, 7),
        "m2": st.integers(1, 4),
        "causal": st.booleans(),
        "window": st.none() | st.integers(1, 20),
    }
    return st.builds(Shape, **(free | fixed))


def draw_inputs(shape: Shape, seed: int, largest_score: float) -> Inputs:
    """Inputs whose largest score has exactly the given magnitude."""
    rng = np.random.default_rng(seed)
    s = shape
    query = rng.normal(size=(s.batch, s.kv_heads, s.group, s.head_dim, s.queries))
    key = rng.normal(size=(s.batch, s.kv_heads, s.head_dim, s.keys))
    value = rng.normal(size=(s.batch, s.kv_heads, s.value_dim, s.keys))
    largest = np.abs(np.einsum("bngep,bnem->bngpm", query, key)).max()
    return {"Q": query * (largest_score / max(largest, 1e-30)), "K": key, "V": value}


def direct(shape: Shape, inputs: Inputs) -> np.ndarray:
    """Softmax attention, one query at a time, over the keys it sees; 0 for one that sees none."""
    query, key, value = inputs["Q"], inputs["K"], inputs["V"]
    result = np.zeros((*query.shape[:3], shape.value_dim, shape.queries))
    visible = shape.visible()
    for b, n, g, p in np.ndindex(shape.batch, shape.kv_heads, shape.group, shape.queries):
        seen = visible[p]
        if not seen.any():
            continue
        scores = query[b, n, g, :, p] @ key[b, n][:, seen]
        weights = np.exp(scores - scores.max())
        result[b, n, g, :, p] = value[b, n][:, seen] @ weights / weights.sum()
    return result


def by_cascade(name: str, shape: Shape, inputs: Inputs, **options: Any) -> dict[str, np.ndarray]:
    """All tensors of a library cascade for a shape."""
    found = cascade(name)
    grid = make_grid(found, shape.sizes(), {"m0": shape.m0, "m2": shape.m2})
    band = found.band(shape.sizes(), {"causal": shape.causal, "window": shape.window})
    return evaluate(found, inputs, grid, band, **options)
