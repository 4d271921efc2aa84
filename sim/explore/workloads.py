"""Workloads with arrays of design points: what a reference that sets the axes' keys means, for many values at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from workloads import Workload

from .axes import spelled
from .keys import Keys
from .readers import workload_of

# Keys of a workload that settle its sizes together, and the sizes that they settle; any other sets its own.
TOGETHER: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("seq_len", "queries", "keys", "context"), ("queries", "keys")),
    (("heads", "kv_heads"), ("heads", "kv_heads")),
    (("head_dim", "value_dim"), ("head_dim", "value_dim")),
)
ALONE = ("batch", "d_model", "d_ff")
MASKS = ("window",)


def can_vary(base: Workload, key: str) -> bool:
    """Whether a key of a workload may be an array."""
    known = {*ALONE, *MASKS, *(name for names, _ in TOGETHER for name in names)}
    return key in known if base.cascade is None else key in base.values or key in MASKS


def varied_workload(reference: str, keys: Keys, values: Mapping[str, Any]) -> Workload:
    """The workload of a reference with arrays of values, by key. Raises SpecError for what a reference would refuse.

    >>> from sim.explore.keys import workload_keys
    >>> keys = workload_keys("bert:seq_len=1Ki")
    >>> varied_workload("bert:seq_len=1Ki", keys, {"heads": np.array([6, 12])}).values["kv_heads"]
    array([ 6, 12])
    """
    base = workload_of(reference)
    masks = {key: value for key, value in values.items() if key in MASKS}
    sizes: dict[str, Any] = {key: value for key, value in values.items() if key not in MASKS}
    for names, made in TOGETHER:
        own = {key: value for key, value in values.items() if key in names}
        if own:
            sizes = {key: value for key, value in sizes.items() if key not in names}
            sizes |= _settled_together(reference, keys, own, [each for each in made if each in base.values])
    return replace(base, values={**base.values, **sizes}, settings={**base.settings, **masks})


def _settled_together(reference: str, keys: Keys, values: Mapping[str, Any], made: list[str]) -> dict[str, Any]:
    """The sizes that some keys settle, one reference for each combination of their values."""
    arrays = np.broadcast_arrays(*values.values())
    stacked = np.stack([array.ravel() for array in arrays], axis=1)
    combinations, places = np.unique(stacked, axis=0, return_inverse=True)
    here = keys.of(reference)
    found = []
    for combination in combinations.tolist():
        texts = {key: spelled(value, None) for key, value in zip(values, combination, strict=True)}
        one = workload_of(here.with_values(texts))
        found.append([one.values[name] for name in made])
    table = np.array(found, dtype=np.int64)[places.ravel()]
    return {name: table[:, i].reshape(arrays[0].shape) for i, name in enumerate(made)}
