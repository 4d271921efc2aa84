"""What a study found of attention in the banks, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from .. import quantities
from .attention import AttentionStudy, Layout

MILLI = 1e3


def attention_findings(study: AttentionStudy | None) -> list[str]:
    """All sentences; none of a study without this part."""
    return [] if study is None else [*_layouts(study), *_batches(study), *_tokens(study)]


def _layouts(study: AttentionStudy) -> Iterator[str]:
    context, setting = study.spec.context, study.spec.layouts.setting
    for value in study.spec.layouts.values:
        best = study.best(context, value)
        if best is None:
            continue
        fitting = {each: trial.latency_s for each, trial in study.at(context, value).items() if trial.fits}
        worst = max(fitting, key=lambda each: fitting[each])
        yield (
            f"With {quantities.count(context)} keys and {setting}={value}, attention takes the least time, "
            f"{MILLI * fitting[best]:.3f} ms a token, with {_options(study, best)}; the most of {len(fitting)} layouts "
            f"takes {fitting[worst] / fitting[best]:.3f} times that, with {_options(study, worst)}."
            f"{_elsewhere(study, best)}"
        )


def _elsewhere(study: AttentionStudy, best: Layout) -> str:
    """The numbers of keys at which another layout takes the least time."""
    contexts = study.spec.layouts.contexts
    found = {context: study.best(context, best.value) for context in contexts}
    others = [
        f" With {quantities.count(context)} keys it is {_options(study, each)}."
        for context, each in found.items()
        if each is not None and each.options != best.options
    ]
    return "".join(others)


def _options(study: AttentionStudy, layout: Layout) -> str:
    return " and ".join(f"{choice}={option}" for choice, option in zip(study.choices, layout.options, strict=True))


def _batches(study: AttentionStudy) -> Iterator[str]:
    fitting = {number: trial for number, trial in study.batches.items() if trial.fits}
    number = study.best_batch
    if number is None or len(fitting) < 2:
        return
    first, best, last = (fitting[each] for each in (min(fitting), number, max(fitting)))
    yield (
        f"Appends take {_percent(first.append_s, first.latency_s)} of a token's attention with append={min(fitting)}. "
        f"The least time is that of append={number}: {best.latency_s / first.latency_s:.3f} times as long, "
        f"{_percent(best.append_s, best.latency_s)} of it appends, with {quantities.data(study.waiting_bytes(number))} "
        f"of keys and values that wait outside."
    )
    if number != max(fitting):
        yield (
            f"append={max(fitting)} takes {last.latency_s / best.latency_s:.3f} times the least: other units multiply "
            f"what waits, and the banks wait for them {_percent(last.others_s, last.latency_s)} of the time, instead "
            f"of {_percent(best.others_s, best.latency_s)}."
        )


def _tokens(study: AttentionStudy) -> Iterator[str]:
    spec = study.spec
    shares = [
        f"{_percent(token.attention.others_s, token.attention.latency_s)} and "
        f"{quantities.percent(token.of_attention)} with {spec.units.setting}={value}"
        for value in spec.units.values
        for token in [study.tokens.get((value, spec.context))]
        if token is not None and token.attention.fits and token.linear.fits
    ]
    if shares:
        yield (
            f"With {quantities.count(spec.context)} keys, other units take of attention, and attention takes of a "
            f"whole token: {'; '.join(shares)}."
        )


def _percent(part: float, whole: float) -> str:
    return quantities.percent(part / whole)
