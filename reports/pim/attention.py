"""Attention in the banks, simulated: layouts of keys and values, appends of several tokens, and whole tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from .spec import AttentionSpec, PimStudySpec, with_settings

if TYPE_CHECKING:
    from sim import Analysis, Record

ATTENTION, LINEAR, WHOLE = "attention", "linear", "end-to-end"  # parts of a workload
BITS_PER_BYTE = 8
APPEND, OTHER_UNITS = "append", "other units"  # phases of a record

References = tuple[str, str, str]  # a workload, a machine and a mapping, as the command line takes them


@dataclass(frozen=True)
class Trial:
    """What was simulated, of so many tokens, and its record; or why it is refused."""

    references: References
    record: Record | None
    refusal: str = ""
    tokens: int = 1

    @property
    def fits(self) -> bool:
        """Whether there is a record."""
        return self.record is not None

    @property
    def found(self) -> Record:
        """The record. Raises ValueError if it was refused."""
        if self.record is None:
            raise ValueError(f"{self.references} is refused: {self.refusal}")
        return self.record

    @property
    def latency_s(self) -> float:
        """The time of a token."""
        return self.found.latency_s / self.tokens

    @property
    def energy_j(self) -> float | None:
        """The energy of a token, if all of it has a price."""
        joules = self.found.energy_j
        return None if joules is None else joules / self.tokens

    def phase_s(self, phase: str) -> float:
        """The time of a token that goes to a phase."""
        record = self.found
        return (record.cycles_by_phase or {}).get(phase, 0) / record.clock["hz"] / self.tokens

    @property
    def append_s(self) -> float:
        """Of that, the time of writes of new keys and values."""
        return self.phase_s(APPEND)

    @property
    def others_s(self) -> float:
        """Of that, the time in which the banks wait for other units."""
        return self.phase_s(OTHER_UNITS)

    @property
    def products_s(self) -> float:
        """Of that, the rest: products, and vectors that come and go."""
        return self.latency_s - self.append_s - self.others_s


@dataclass(frozen=True)
class Layout:
    """Where so many keys and values lie, by option of each choice, on a machine with this value of a setting."""

    context: int
    value: int
    options: tuple[str, ...]


@dataclass(frozen=True)
class Token:
    """The parts of a token, simulated each by itself, and all of them as one program."""

    linear: Trial
    attention: Trial
    whole: Trial

    @property
    def of_attention(self) -> float:
        """The share of attention in the time of a token."""
        return self.attention.latency_s / (self.linear.latency_s + self.attention.latency_s)


@dataclass(frozen=True)
class AttentionStudy:
    """Everything that was simulated of attention.

    `choices` are the options of the mapping's choices, `batches` by number of tokens that append at once, `tokens` by
    value of the setting and context; `token_bytes` are the keys and values that a token adds.
    """

    spec: AttentionSpec
    choices: Mapping[str, tuple[str, ...]]
    layouts: Mapping[Layout, Trial]
    batches: Mapping[int, Trial]
    tokens: Mapping[tuple[int, int], Token]
    token_bytes: int

    def best(self, context: int, value: int) -> Layout | None:
        """The layout that takes the least time of those that fit."""
        fitting = {each: trial.latency_s for each, trial in self.at(context, value).items() if trial.fits}
        return min(fitting, key=lambda each: fitting[each], default=None)

    def at(self, context: int, value: int) -> dict[Layout, Trial]:
        """All layouts of so many keys, on one machine."""
        return {each: trial for each, trial in self.layouts.items() if (each.context, each.value) == (context, value)}

    @property
    def best_batch(self) -> int | None:
        """How many tokens append at once for the least time of each."""
        fitting = {number: trial.latency_s for number, trial in self.batches.items() if trial.fits}
        return min(fitting, key=lambda number: fitting[number], default=None)

    def waiting_bytes(self, at_once: int) -> int:
        """Keys and values that wait outside until they are appended: of all that append at once but the last token."""
        return (at_once - 1) * self.token_bytes

    def chosen(self, trial: Trial) -> tuple[str, ...]:
        """The option of each choice that a trial took, by what its record says."""
        notes = trial.found.assumptions
        return tuple(
            next(option for option in options if any(f": {choice} = {option} (" in note for note in notes))
            for choice, options in self.choices.items()
        )


def refusals(trials: Iterable[tuple[str, Trial]]) -> dict[str, list[str]]:
    """Why what does not fit does not: each reason, with the names of all that it is true of."""
    found: dict[str, list[str]] = {}
    for name, each in trials:
        if not each.fits:
            found.setdefault(each.refusal, []).append(name)
    return found


def points(spec: PimStudySpec) -> int:
    """How often `run_attention` reports progress."""
    attention = spec.attention
    if attention is None:
        return 0
    units = attention.units
    return len(layouts_of(attention)) + len(attention.appends) + len(units.values) * len(units.contexts)


def choices_of(mapping: str) -> dict[str, tuple[str, ...]]:
    """The options of each choice that the nests of a mapping have.

    >>> choices_of("bank-parallel-attention")["keys"]
    ('concatenated', 'by-head', 'head-per-channel')
    """
    from mappings import SequenceSpec
    from mappings import mapping as mapping_of

    spec = mapping_of(mapping).model
    nests = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    return {choice: tuple(options) for nest in nests for choice, options in nest.choices.items()}


def layouts_of(spec: AttentionSpec) -> list[Layout]:
    """Every combination of options, at each context and on each machine."""
    options = product(*choices_of(spec.mapping).values())
    return [Layout(*each) for each in product(spec.layouts.contexts, spec.layouts.values, options)]


def run_attention(spec: PimStudySpec, progress: Callable[[str], None] = lambda label: None) -> AttentionStudy | None:
    """Simulate all of it, if the study has a part on attention; `progress` is told of each step. Raises SpecError."""
    attention = spec.attention
    if attention is None:
        return None
    choices = choices_of(attention.mapping)
    layouts = {}
    for layout in layouts_of(attention):
        layouts[layout] = trial(_layout(spec, attention, choices, layout))
        progress(f"{layout.context} keys, {', '.join(layout.options)}")
    batches = {}
    for number in attention.appends:
        batches[number] = trial(_batch(spec, attention, number), number)
        progress(f"{number} tokens append at once")
    tokens = {}
    for value in attention.units.values:
        for context in attention.units.contexts:
            tokens[value, context] = Token(*(trial(each) for each in _parts(spec, attention, value, context)))
            progress(f"{context} keys, {attention.units.setting}={value}")
    return AttentionStudy(attention, choices, layouts, batches, tokens, _token_bytes(spec, attention))


def trial(references: References, tokens: int = 1) -> Trial:
    """Simulate three references. What does not fit is refused with its reason. Raises SpecError.

    >>> trial(("gpt2-xl:part=attention,context=16Ki", "gddr6-aim:channels=8", "bank-parallel-attention")).fits
    False
    """
    from sim import simulate
    from specs import Infeasible

    try:
        return Trial(references, simulate(*references), tokens=tokens)
    except Infeasible as error:
        return Trial(references, None, str(error), tokens)


def _workload(spec: PimStudySpec, part: str, context: int, tokens: int = 1) -> str:
    several: dict[str, int] = {"tokens": tokens} if tokens > 1 else {}
    return with_settings(spec.workload, {"part": part, "context": context, **several})


def _layout(
    spec: PimStudySpec, attention: AttentionSpec, choices: Mapping[str, Sequence[str]], layout: Layout
) -> References:
    return (
        _workload(spec, ATTENTION, layout.context),
        attention.layouts.arch(spec.arch, layout.value),
        with_settings(attention.mapping, dict(zip(choices, layout.options, strict=True))),
    )


def _batch(spec: PimStudySpec, attention: AttentionSpec, number: int) -> References:
    mapping = with_settings(attention.mapping, {"append": number})
    return _workload(spec, ATTENTION, attention.context, number), spec.arch, mapping


def _parts(spec: PimStudySpec, attention: AttentionSpec, value: int, context: int) -> list[References]:
    arch = attention.units.arch(spec.arch, value)
    return [(_workload(spec, part, context), arch, attention.mapping) for part in (LINEAR, ATTENTION, WHOLE)]


def _token_bytes(spec: PimStudySpec, attention: AttentionSpec) -> int:
    """Bytes that a token adds to the matrices that grow, in all blocks."""
    from sim import simulation

    return grown_bytes(simulation(_workload(spec, ATTENTION, attention.context), spec.arch, attention.mapping).analysis)


def grown_bytes(analysis: Analysis) -> int:
    """Bytes of one more index of the rank along which matrices in the banks grow, of all of them.

    >>> from sim import simulation
    >>> on = ("gddr6-aim:channels=8", "bank-parallel-attention")
    >>> grown_bytes(simulation("gpt2-xl:part=attention", *on).analysis) == 48 * 2 * 25 * 64 * 2
    True
    """
    from sim.pim.outside import UNIT
    from sim.pim.product import operands

    bits = 0
    for schedule in analysis.schedules:
        grows = schedule.in_banks.grows
        for operation in schedule.operations.values():
            if operation.unit != UNIT:
                continue
            matrix = operands(operation)[0]
            ranks = {schedule.family_of[part] for part in matrix.parts}
            if grows in ranks:
                indices = math.prod(int(schedule.families[rank].size) for rank in ranks - {grows})
                bits += indices * schedule.types[matrix.tensor].storage.bits
    return analysis.repeated.blocks * bits // BITS_PER_BYTE
