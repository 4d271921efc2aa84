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
    from workloads import Cascade, NumberType

FLAT, RANDOM = "flat scores", "random scores"
SCORES = (FLAT, RANDOM)  # in the order of the queries
EXACT = "float64"
SEED = 20240610


@dataclass(frozen=True)
class Rescaling:
    """A tile whose maximum is a new one: after how many keys, the correction, and the watched state before it."""

    keys: int
    factor: float
    before: float
    exact_before: float


@dataclass(frozen=True)
class StateResult:
    """One query's evaluation: final values of the watched state, the numerator and the output, with relative L2 errors.

    Of a tensor with several values the first is given; an error is over all of them. `last_added` is what the last tile
    added to the watched state.
    """

    scores: str
    variant: str
    length: int
    value: float
    exact: float
    value_error: float
    numerator: float
    numerator_exact: float
    numerator_error: float
    output: float
    output_exact: float
    output_error: float
    last_added: float
    rescalings: tuple[Rescaling, ...]


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
        types = tensor_types(cascade, pins)
        values = evaluate(cascade, inputs, grid, types=types)
        progress(f"{variant}, {length} {spec.rank}")
        for index, scores in enumerate(SCORES):
            numbers: dict[str, tuple[float, float, float]] = {}
            for name in (spec.watch, spec.numerator, spec.output):
                ours, right = (_query(spec, cascade, each, name, index).ravel() for each in (values, exact))
                error = np.linalg.norm(ours - right) / np.linalg.norm(right)
                numbers[name] = (float(ours[0]), float(right[0]), float(error))
            added = float(_query(spec, cascade, values, spec.added, index).ravel()[-1])
            steps = tuple(_rescalings(spec, cascade, values, exact, index, types[spec.watch].storage))
            state, numerator, output = (numbers[name] for name in (spec.watch, spec.numerator, spec.output))
            yield StateResult(scores, variant, length, *state, *numerator, *output, added, steps)


def _query(spec: PrecisionSpec, cascade: Cascade, values: dict[str, Any], name: str, index: int) -> Any:
    """One query's part of a tensor."""
    import numpy as np

    return np.take(values[name], index, axis=_ranks(cascade, name).index(spec.queries))


def _rescalings(
    spec: PrecisionSpec,
    cascade: Cascade,
    values: dict[str, Any],
    exact: dict[str, Any],
    index: int,
    stored: NumberType,
) -> Iterator[Rescaling]:
    """Where the correction is neither 1 (the old maximum holds) nor 0 (there was none)."""
    import math

    tile = math.prod(spec.inner.values())
    factors, products, added, exact_products, exact_added = (
        _query(spec, cascade, each, name, index).ravel()
        for each, names in (
            (values, (spec.correction, spec.corrected, spec.added)),
            (exact, (spec.corrected, spec.added)),
        )
        for name in names
    )
    for place in ((factors > 0) & (factors < 1)).nonzero()[0]:
        before = stored.rounded(products[place - 1] + added[place - 1])
        exact_before = exact_products[place - 1] + exact_added[place - 1]
        yield Rescaling(int(place) * tile, float(factors[place]), float(before), float(exact_before))


def scored_inputs(spec: PrecisionSpec, cascade: Cascade) -> tuple[str, str, list[str]]:
    """The names of the queries, of the keys, and of what else is read."""
    inputs = [name for name, tensor in cascade.tensors.items() if tensor.role == "input"]
    scored = [read.tensor for read in cascade.einsums[0].reads]
    keys = next(name for name in scored if spec.rank in _ranks(cascade, name))
    queries = next(name for name in scored if name != keys)
    return queries, keys, [name for name in inputs if name not in (queries, keys)]


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
