"""The bit-exact software model of one-pass attention, in the array's formats and in its order.

It follows the cascade attention-1pass Einsum by Einsum: key tile after key tile, a running maximum, a correction of
what came before when that moves, and one division at the end. Every intermediate is kept by name, so that what a
simulated array writes can be compared bit for bit.

Sums over the keys of a tile are sums of integers in words that hold them, so their order is of no consequence: down a
column, in a tree or in NumPy they give the same bits. The same holds for the sum over features. Only the roundings have
a place: in each weight, in each correction (once a tile, and none where the maximum stays) and in the division.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specs import Problem, SpecError

from .exponential import WEIGHT_FRACTION_BITS
from .formats import OUTPUT_FRACTION_BITS, Formats

__all__ = ["Attention", "attention", "visible_keys"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Attention:
    """All tensors of one run, int64, with the key tile first.

    QK, SLN: [tile, key, query]; LM, PRM, SLD, SPD: [tile, query]; SLNV, SPNV: [tile, feature, query]; AV: [feature,
    query]. The states RM, RD [tile, query] and RNV [tile, feature, query] have one more entry, the initial one first.
    A key beyond a ragged end, or one that a query does not see, has the lowest score and the weight 0.
    """

    formats: Formats
    keys: int
    tensors: Mapping[str, Integers]

    def __getitem__(self, tensor: str) -> Integers:
        return self.tensors[tensor]

    @property
    def output(self) -> NDArray[np.float64]:
        """AV [query, feature] in units of V."""
        return np.ldexp(self["AV"].T.astype(np.float64), -OUTPUT_FRACTION_BITS)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """What each key contributed [query, key]: its weight, times all later corrections, over the denominator."""
        factors = np.ldexp(self["PRM"].astype(np.float64), -WEIGHT_FRACTION_BITS)
        later = np.ones_like(factors)
        later[:-1] = np.cumprod(factors[:0:-1], axis=0)[::-1]
        weights = self["SLN"] * later[:, None] / np.maximum(self["RD"][-1], 1)
        return weights.reshape(-1, weights.shape[-1])[: self.keys].T


def visible_keys(queries: int, keys: int, causal: bool, offset: int | None = None) -> NDArray[np.bool_]:
    """[key, query]: all, or those up to query + `offset`. Left out, the last query sees the last key.

    >>> visible_keys(queries=3, keys=2, causal=True).astype(int).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    key, query = np.arange(keys)[:, None], np.arange(queries)
    return (key <= query + (keys - queries if offset is None else offset)) | (not causal)


def attention(
    formats: Formats, q: Any, k: Any, v: Any, *, causal: bool = False, offset: int | None = None
) -> Attention:
    """The run of Q [query, head_dim], K [key, head_dim] and V [key, value_dim], integers from -128 to 127.

    `causal` and `offset` are those of `visible_keys`.

    SpecError if a shape or a number does not fit `formats`.

    >>> formats = Formats(head_dim=2, value_dim=1, key_tile=2, max_keys=16)
    >>> run = attention(formats, [[16, 16]], [[16, 16], [16, 16], [-16, 16]], [[10], [20], [100]])
    >>> run["RM"].tolist(), run["SLN"][:, :, 0].tolist()
    ([[-65536], [512], [512]], [[67108864, 67108864], [16315136, 0]])
    >>> run.output.round(3).tolist()        # of weights 1, 1 and exp(-√2) = 0.243
    [[24.213]]
    """
    q, k, v = _checked(formats, q, k, v)
    queries, keys, tile = len(q), len(k), formats.key_tile
    tiles = -(-keys // tile)
    visible = np.zeros((tiles * tile, queries), np.bool_)
    visible[:keys] = visible_keys(queries, keys, causal, offset)
    scores = np.full((tiles * tile, queries), formats.lowest, np.int64)
    scores[:keys] = np.where(visible[:keys], k @ q.T, formats.lowest)
    values = np.zeros((tiles * tile, formats.value_dim), np.int64)
    values[:keys] = v

    weight, factor, correction = formats.weight(), formats.factor(), formats.correction()
    rm = np.full(queries, formats.lowest, np.int64)
    rd, rnv = np.zeros(queries, np.int64), np.zeros((formats.value_dim, queries), np.int64)
    kept: dict[str, list[Integers]] = {name: [] for name in STACKED}
    for name, state in (("RM", rm), ("RD", rd), ("RNV", rnv)):
        kept[name].append(state)
    for first in range(0, tiles * tile, tile):
        rows = slice(first, first + tile)
        qk = scores[rows]
        lm = qk.max(axis=0)
        before, rm = rm, np.maximum(rm, lm)
        sln = weight.compute(rm, qk, visible[rows])
        prm = factor.compute(rm, before)
        sld = sln.sum(axis=0)
        spd = correction.compute(rd, prm)
        rd = spd + sld
        slnv = values[rows].T @ sln
        spnv = correction.compute(rnv, prm)
        rnv = spnv + slnv
        of_tile = (qk, lm, rm, sln, prm, sld, spd, rd, slnv, spnv, rnv)
        for name, tensor in zip(STACKED, of_tile, strict=True):
            kept[name].append(tensor)
    tensors = {name: np.stack(found) for name, found in kept.items()}
    return Attention(formats, keys, {**tensors, "AV": formats.division.compute(rnv, rd)})


STACKED = ("QK", "LM", "RM", "SLN", "PRM", "SLD", "SPD", "RD", "SLNV", "SPNV", "RNV")  # in the cascade's order


def _checked(formats: Formats, q: Any, k: Any, v: Any) -> tuple[Integers, Integers, Integers]:
    """The inputs as int64, or every complaint about them."""
    arrays = {"Q": np.asarray(q), "K": np.asarray(k), "V": np.asarray(v)}
    widths = {"Q": formats.head_dim, "K": formats.head_dim, "V": formats.value_dim}
    complaints = []
    for name, array in arrays.items():
        rank = "queries" if name == "Q" else "keys"
        if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] != widths[name]:
            complaints.append(f"{name} has the shape {array.shape}; it has to be [{rank}, {widths[name]}], not empty")
        elif not (np.issubdtype(array.dtype, np.integer) and formats.words[name].holds(array)):
            complaints.append(f"{name} has numbers that are not int8; allowed: integers from -128 to 127; quantise it")
    if not complaints and len(arrays["K"]) != len(arrays["V"]):
        complaints.append(f"K has {len(arrays['K'])} keys and V has {len(arrays['V'])}; they have to be as many")
    if not complaints and len(arrays["K"]) > formats.max_keys:
        complaints.append(
            f"keys {len(arrays['K'])}: the widths hold sums over max_keys {formats.max_keys}; allowed: 1 to "
            f"{formats.max_keys} keys; make the formats with max_keys={len(arrays['K'])}"
        )
    if complaints:
        raise SpecError([Problem(sentence) for sentence in complaints])
    q, k, v = (array.astype(np.int64) for array in arrays.values())
    return q, k, v
