"""Inputs that are hard for fixed-point attention, and float64 attention of the same integers to hold it against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtl.formats import Formats
from rtl.model import Attention, attention, visible_keys
from rtl.polynomial import CUBIC, QUARTIC

HEAD_DIM = VALUE_DIM = 16
QUERIES = 4
HALVING = math.log(2)


@dataclass(frozen=True)
class Inputs:
    """One head: Q [query, feature], K and V [key, feature], and how they are read."""

    formats: Formats
    q: Any
    k: Any
    v: Any
    causal: bool = False

    def run(self) -> Attention:
        """In the formats of the array."""
        return attention(self.formats, self.q, self.k, self.v, causal=self.causal)

    def exact(self) -> tuple[Any, Any]:
        """The probabilities [query, key] and the output [query, feature] in float64; 0 for a query without keys."""
        scores = (np.asarray(self.q, np.int64) @ np.asarray(self.k, np.int64).T) * self.formats.logit_per_score
        visible = visible_keys(len(self.q), len(self.k), self.causal).T
        scores = np.where(visible, scores, -np.inf)
        highest = np.maximum(scores.max(axis=1, keepdims=True), np.finfo(float).min)
        weights = np.exp(scores - highest)
        probabilities = weights / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return probabilities, probabilities @ np.asarray(self.v, np.float64)


@dataclass(frozen=True)
class Errors:
    """Of one run against float64."""

    output: float  # relative L2 error over all queries
    query: float  # of the worst query
    probability: float  # the largest |Δp|
    corrections: int  # most moves of a running maximum after the first key tile


def errors(inputs: Inputs) -> Errors:
    """What the formats cost."""
    run, (probabilities, output) = inputs.run(), inputs.exact()
    wrong, right = (np.linalg.norm(rows, axis=1) for rows in (run.output - output, output))
    return Errors(
        output=float(np.linalg.norm(wrong) / np.linalg.norm(right)),
        query=float((wrong / right).max()),
        probability=float(np.abs(run.probabilities - probabilities).max()),
        corrections=int((np.diff(run["RM"][1:], axis=0) > 0).sum(axis=0).max(initial=0)),
    )


def budget(inputs: Inputs) -> Any:
    """By query, what Σ|Δp| can be at most: docs/rtl.md's terms, for this many corrections and these scores.

    A run's effective weights are off by a share that is at most the sum of the terms, of a denominator of at least 1;
    normalising doubles it.
    """
    run = inputs.run()
    moves = (np.diff(run["RM"][1:], axis=0) > 0).sum(axis=0)
    halvings = 27 + 0 * moves  # beyond, a weight is less than half a unit
    cubic, quartic = (2.0 ** -(polynomial.fraction_bits + 1) * HALVING for polynomial in (CUBIC, QUARTIC))
    weight = 1.14e-4 + cubic * (1 + halvings)
    factors = 9e-6 * halvings + quartic * halvings + moves * (quartic + 2**-23)
    lost = len(inputs.k) * 2.0**-27 + moves * 2.0**-27
    return 2 * (weight + factors + lost)


def random_inputs(keys: int, tiles: int, seed: int = 0, spread: float = 1.0, causal: bool = False) -> Inputs:
    """Everything drawn from all of int8; `spread` times the logits of inputs in sixteenths."""
    random = np.random.default_rng(seed)
    q, k, v = (random.integers(-128, 128, (n, HEAD_DIM)) for n in (QUERIES, keys, keys))
    scale = spread * 2.0**-8 / math.sqrt(HEAD_DIM)
    return Inputs(Formats(HEAD_DIM, VALUE_DIM, -(-keys // tiles), keys, scale), q, k, v, causal)


def steered(logits: Any, tiles: int, seed: int = 0) -> Inputs:
    """Random V, and scores that are nearly `logits` by key, in units of at least 2^-8 of a halving.

    Q begins with 127 and 1 and is 0 otherwise, so the first two features of K make any score of 14 bits.
    """
    keys, random = len(logits), np.random.default_rng(seed)
    q = np.tile(np.array([127, 1] + [0] * (HEAD_DIM - 2)), (QUERIES, 1))
    k, v = (random.integers(-128, 128, (keys, HEAD_DIM)) for _ in "kv")
    logits = np.asarray(logits) - max(logits)
    scale = max(-float(min(logits)) / 16000, HALVING / 256)
    score = np.round(logits / scale).astype(np.int64)
    k[:, 1] = (score + 64) % 127 - 64
    k[:, 0] = (score - k[:, 1]) // 127
    return Inputs(Formats(HEAD_DIM, VALUE_DIM, -(-keys // tiles), keys, scale), q, k, v)


def stairs(keys: int, tiles: int, step: float) -> Any:
    """Logits that rise by `step` halvings from key tile to key tile, the same within one."""
    return np.arange(keys) // -(-keys // tiles) * step * HALVING


def plateau(keys: int, tiles: int, step: float) -> Any:
    """One key a tile climbs the stairs for 16 tiles; all others stay at the bottom, and outweigh it together."""
    tile = -(-keys // tiles)
    number = np.arange(keys) // tile
    return np.where((np.arange(keys) % tile == 0) & (number <= 16), number * step * HALVING, 0)


def shelf(keys: int, tiles: int, step: float) -> Any:
    """The first 16 tiles stay at the bottom but for a climber each; then only climbers, for 16 more tiles."""
    tile = -(-keys // tiles)
    number = np.arange(keys) // tile
    climbs = (np.arange(keys) % tile == 0) & (number <= 32)
    return np.where(climbs, number * step * HALVING, np.where(number < 16, 0, -40))


def cases(keys: int, tiles: int) -> dict[str, Inputs]:
    """By name, all that the error limits are held to."""
    at = np.arange(keys) / keys
    one, random = np.arange(keys) == keys // 3, np.random.default_rng(1)
    cut = np.where(random.random(keys) < 0.5, -60 * random.random(keys), -3 * random.random(keys))
    return {
        "random": random_inputs(keys, tiles),
        "random, wide scores": random_inputs(keys, tiles, spread=4),
        "causal": random_inputs(keys, tiles, causal=True),
        "ascending": steered(40 * at, tiles),
        "ascending slowly": steered(6 * at, tiles),
        "stairs of 1/50 halving": steered(stairs(keys, tiles, 0.02), tiles),
        "stairs of 1/3 halving": steered(stairs(keys, tiles, 1 / 3), tiles),
        "plateau below 1/2 halvings": steered(plateau(keys, tiles, 0.5), tiles),
        "shelf below 1/3 halvings": steered(shelf(keys, tiles, 0.32), tiles),
        "descending": steered(-12 * at, tiles),
        "constant": steered(0 * at, tiles),
        "saturating": steered(cut, tiles),
        "one-hot": steered(np.where(one, 0, -60), tiles),
        "all but one just lost": steered(np.where(one, 0, -27.01 * HALVING), tiles),
    }
