"""Inputs that are hard for fixed-point attention, and float64 attention of the same integers to hold it against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rtl.formats import Formats
from rtl.model import Attention, attention, visible_keys

HEAD_DIM = VALUE_DIM = 16
QUERIES = 4
CASES = ("random", "wide", "ascending", "creeping", "descending", "constant", "saturating", "one-hot", "grazing", "causal")


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
        """The probabilities [query, key] and the output [query, feature] in float64."""
        scores = (self.q @ self.k.T) * self.formats.logit_per_score
        visible = visible_keys(len(self.q), len(self.k), self.causal).T
        scores = np.where(visible, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = weights / weights.sum(axis=1, keepdims=True)
        return probabilities, probabilities @ self.v


def errors(inputs: Inputs) -> tuple[float, float, float]:
    """Relative L2 error of the output, of all queries and of the worst one, and max |Δp|."""
    run, (probabilities, output) = inputs.run(), inputs.exact()
    norm = np.linalg.norm
    wrong = run.output - output
    worst = (norm(wrong, axis=1) / norm(output, axis=1)).max()
    return norm(wrong) / norm(output), worst, np.abs(run.probabilities - probabilities).max()


def make(case: str, keys: int, tiles: int, seed: int = 0) -> Inputs:
    """The inputs of a case, in so many key tiles.

    Scores other than random ones are steered: the first two features of Q are 127 and 1, so the first two of K make any
    score from -16384 to 16383, the rest of Q is 0 and the scale makes of a score what the case asks for.
    """
    random = np.random.default_rng(seed)
    q = random.integers(-128, 128, (QUERIES, HEAD_DIM))
    k = random.integers(-128, 128, (keys, HEAD_DIM))
    v = random.integers(-128, 128, (keys, VALUE_DIM))
    at = np.arange(keys) / max(keys - 1, 1)
    # Logits by key, for steered cases, and the queries' shares of them.
    logits = {
        "ascending": 40 * at,  # every tile raises the maximum by more than half a halving at 64 tiles
        "creeping": 6 * at,  # and here by little, so that early tiles still count at the end
        "descending": -12 * at,
        "constant": 0 * at,
        "saturating": np.where(random.random(keys) < 0.5, -60 * random.random(keys), -3 * random.random(keys)),
        "one-hot": np.where(np.arange(keys) == keys // 3, 0.0, -60.0),
        "grazing": np.where(np.arange(keys) == keys // 3, 0.0, -26.99 * np.log(2)),  # half a unit of weight, keys times
    }.get(case)
    scale = None
    if case == "wide":
        scale = 4 * 2.0**-8 / HEAD_DIM**0.5
    if logits is not None:
        scale = 64 / 16000
        score = np.round(logits / scale).astype(np.int64)
        low = (score + 64) % 127 - 64
        q = np.tile(np.array([127, 1] + [0] * (HEAD_DIM - 2)), (QUERIES, 1))
        k[:, 0], k[:, 1] = (score - low) // 127, low
    formats = Formats(HEAD_DIM, VALUE_DIM, key_tile=-(-keys // tiles), max_keys=keys, score_scale=scale)
    return Inputs(formats, q, k, v, causal=case == "causal")
