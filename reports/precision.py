"""What the type of a running state does to a long reduction: a study of two queries, by the oracle.

A query of zeros scores all keys alike (the denominator is then the number of keys); a query of ones scores drawn keys
at random. The cascade is evaluated in float64 and in each variant of declared types; inputs are values that their
storage type can express.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .paper import PrecisionSpec

if TYPE_CHECKING:
    from workloads import Cascade

FLAT, RANDOM = "flat scores", "random scores"
SCORES = (FLAT, RANDOM)  # in the order of the queries
EXACT = "float64"
SEED = 20240610


@dataclass(frozen=True)
class StateResult:
    """One query's evaluation: the watched tensor's final value, and the relative L2 errors of it and of the output."""

    scores: str
    variant: str
    length: int
    value: float
    exact: float
    value_error: float
    output_error: float


def study(spec: PrecisionSpec, progress: Callable[[str], None] = lambda label: None) -> list[StateResult]:
    """Every length, kind of scores and variant. Deterministic; `progress` is told of each evaluation."""
    from workloads import cascade

    found = cascade(spec.cascade)
    return [result for length in spec.lengths for result in _evaluations(spec, found, length, progress)]


def _evaluations(
    spec: PrecisionSpec, cascade: Cascade, length: int, progress: Callable[[str], None]
) -> Iterator[StateResult]:
    import numpy as np

    from workloads import tensor_types
    from workloads.oracle import evaluate, make_grid

    sizes = {**spec.sizes, spec.rank: length, spec.queries: len(SCORES)}
    grid = make_grid(cascade, sizes, spec.inner)
    inputs = _inputs(spec, cascade, sizes)
    exact = evaluate(cascade, inputs, grid)
    for variant, pins in spec.variants.items():
        values = evaluate(cascade, inputs, grid, types=tensor_types(cascade, pins))
        progress(f"{variant}, {length} {spec.rank}")
        for index, scores in enumerate(SCORES):
            numbers = []
            for name in (spec.watch, spec.output):
                axis = _ranks(cascade, name).index(spec.queries)
                ours, right = (np.take(each[name], index, axis=axis).ravel() for each in (values, exact))
                error = np.linalg.norm(ours - right) / np.linalg.norm(right)
                numbers.append((float(ours[0]), float(right[0]), float(error)))
            (value, right_value, value_error), (_, _, output_error) = numbers
            yield StateResult(scores, variant, length, value, right_value, value_error, output_error)


def _ranks(cascade: Cascade, name: str) -> list[str]:
    """The whole ranks of a tensor as the oracle takes and returns it."""
    return list(dict.fromkeys(cascade.family_of[part] for part in cascade.tensors[name].stored_ranks))


def _inputs(spec: PrecisionSpec, cascade: Cascade, sizes: dict[str, int]) -> dict[str, Any]:
    """Inputs in their storage types; a shorter study has the first keys of a longer one.

    The cascade's first Einsum makes the scores: its operand without keys is the queries, that with keys is drawn from a
    normal distribution. What else is read (the values) is drawn between 0 and 1.
    """
    import numpy as np

    from workloads import tensor_types

    types = tensor_types(cascade)
    scored = {read.tensor for read in cascade.einsums[0].reads}
    inputs = {}
    for name, tensor in cascade.tensors.items():
        if tensor.role != "input":
            continue
        ranks = _ranks(cascade, name)
        shape = [sizes[rank] for rank in ranks]
        if spec.rank in ranks:
            generator = np.random.default_rng(SEED)
            draw = generator.standard_normal if name in scored else generator.random
            along = ranks.index(spec.rank)
            drawn = np.moveaxis(draw([shape[along], *shape[:along], *shape[along + 1 :]]), 0, along)
        else:
            axis = ranks.index(spec.queries)
            drawn = np.ones(shape) * np.arange(len(SCORES)).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        inputs[name] = drawn.astype(types[name].storage.numpy()).astype(np.float64)
    return inputs
