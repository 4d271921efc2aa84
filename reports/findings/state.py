"""The study of the running state in sentences: how to repeat it, what came out, and why; every number is computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from .. import quantities
from ..paper import PrecisionSpec
from ..precision import FLAT, RANDOM, SCORES, SEED, StateResult, scored_inputs
from ..study import Study


def set_up(spec: PrecisionSpec) -> str:
    """Everything that it takes to repeat the study."""
    from workloads import cascade, tensor_types

    found = cascade(spec.cascade)
    types = tensor_types(found)
    sizes = {rank: size for rank, size in spec.sizes.items() if rank not in found.each}
    one = " = ".join(rank for rank in found.each if spec.sizes.get(rank) == 1)
    queries, keys, values = scored_inputs(spec, found)
    summed = math.prod(spec.sizes.get(found.family_of[part], 1) for part in found.einsums[0].reduced)
    stored = types[keys]
    tiles = " and ".join(f"{size} keys" for size in spec.inner.values())
    widths = " and ".join(dict.fromkeys(map(str, sizes.values())))
    return " ".join(
        [
            f"Set-up: cascade {spec.cascade}, one query at a time, {one} = 1, {' = '.join(sizes)} = {widths}, tiles of",
            f"{tiles}. {keys} is drawn from the standard normal distribution and {', '.join(values)} uniformly between",
            f"0 and 1, each by NumPy's default_rng({SEED}), the keys as first axis; a shorter study has the first keys",
            "of a longer one. Inputs, and all that a variant does not name, are stored in",
            f"{stored.storage.name}; sums run in {stored.accumulation.name}. Flat scores: {queries} = 0, all scores",
            f"are equal. Random scores: {queries} = 1, a score is the sum of {summed} of {keys}'s numbers, normal with",
            f"a standard deviation of {math.sqrt(summed):.2f}.",
        ]
    )


def sentences(study: Study) -> Iterator[str]:
    """The state and the output in every variant at the lengths that are called out, then the reasons."""
    spec = study.paper.report.precision
    for length in spec.called_out:
        for scores in SCORES:
            found = [state for state in study.states if (state.length, state.scores) == (length, scores)]
            values = ", ".join(f"{_number(state.value)} ({state.variant})" for state in found)
            errors = ", ".join(_percent(state.output_error) for state in found)
            where = f"At {quantities.count(length)} keys with {scores}"
            right = f"a denominator of {_number(found[0].exact)}"
            yield f"{where} {right} comes out as {values}; the output is off by {errors}."
    narrow = next(iter(spec.variants))
    last = max(spec.lengths)
    flat, random = (_state(study, scores, narrow, last) for scores in (FLAT, RANDOM))
    yield from _why_flat(spec, flat)
    yield from _why_random(random)
    yield from _why_it_falls(spec, study, narrow)


def _state(study: Study, scores: str, variant: str, length: int) -> StateResult:
    key = (scores, variant, length)
    return next(state for state in study.states if (state.scores, state.variant, state.length) == key)


def _why_flat(spec: PrecisionSpec, flat: StateResult) -> Iterator[str]:
    """A sum stops growing where a tile adds no more than half of its last digit."""
    if flat.value_error < 0.5:
        return
    tile = math.prod(spec.inner.values())
    half = half_of_the_last_digit(flat.value, spec.variants[flat.variant][spec.watch])
    yield (
        f"Why, with flat scores: in {flat.variant} the denominator stops at {_number(flat.value)}, where a tile of "
        f"{tile} keys adds {tile} and half of the last digit is {_number(half)}. The numerator stops at "
        f"{_number(flat.numerator)}, where {_number(flat.numerator_exact)} is right. Both stand near the same value, "
        f"so the output tends to {flat.output:.2f} where {flat.output_exact:.2f} is right."
    )


def _why_random(random: StateResult) -> Iterator[str]:
    """An output may be right although what it is made of is wrong."""
    if random.output_error > 0.5 * random.value_error:
        return
    yield (
        f"Why, with random scores, the output hides it: in {random.variant} the denominator is off by "
        f"{_percent(random.value_error)} and the numerator by {_percent(random.numerator_error)}. Both lose alike, and "
        f"their ratio is off by {_percent(random.output_error)} only. That rests on values that do not depend on the "
        "scores."
    )


def _why_it_falls(spec: PrecisionSpec, study: Study, variant: str) -> Iterator[str]:
    """Rescalings between two lengths over which the watched state falls."""
    for shorter, longer in pairwise(spec.lengths):
        before, after = (_state(study, RANDOM, variant, length) for length in (shorter, longer))
        steps = [each for each in after.rescalings if shorter <= each.keys]
        if after.value >= before.value or not steps:
            continue
        listed = ", then ".join(
            f"after {quantities.whole(each.keys)} keys from {_number(each.before)} to "
            f"{_number(each.before * each.factor)} (float64: from {_number(each.exact_before)})"
            for each in steps
        )
        half = half_of_the_last_digit(after.value, spec.variants[variant][spec.watch])
        yield (
            f"Why the curve of {variant} falls from {quantities.count(shorter)} to {quantities.count(longer)} keys "
            f"with random scores: a new maximum rescales a sum that has stopped growing, {listed}. float64 falls too "
            f"and grows back, to {_number(after.exact)}; the narrow sum ends at {_number(after.value)}, where a tile "
            f"has to add more than {half:.3g} and the last one adds {after.last_added:.2g}."
        )


def half_of_the_last_digit(value: float, type_name: str) -> float:
    """Half of the distance from a positive value to the next larger one of a floating-point type.

    >>> half_of_the_last_digit(65536.0, "bf16")
    256.0
    """
    import ml_dtypes

    from workloads import TYPES

    digits = ml_dtypes.finfo(TYPES[type_name].numpy()).nmant
    return math.ldexp(1.0, math.floor(math.log2(value)) - digits - 1)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
