"""Number types that a machine's units give to what they read, where nobody says another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from specs import Loaded
from workloads import Cascade

from .spec import NestSpec, SequenceSpec


def with_operand_types(loaded: Loaded[Any], cascade: Cascade, machine: Any) -> Loaded[Any]:
    """A mapping in which a tensor without a type takes that of a unit that reads one type only, if it is read there.

    So one mapping does for units that multiply bf16 and for those that multiply fp16. What the mapping says stays, and
    workloads and machines come before it as ever.

    >>> from arch import machine
    >>> from mappings import mapping
    >>> from workloads import cascade
    >>> with_operand_types(mapping("bank-parallel"), cascade("gemv"), machine("hbm3-pim")).model.types
    {'W': 'fp16', 'x': 'fp16', 'y': 'fp32'}
    """
    pins = loaded.model.types
    found = {} if "*" in pins else dict(_taken(loaded.model, cascade, machine))
    return replace(loaded, model=loaded.model.model_copy(update={"types": found | pins})) if found else loaded


def _taken(spec: Any, cascade: Cascade, machine: Any) -> Iterator[tuple[str, str]]:
    """Tensors that such units read, each with the type. Names that there are not are found out elsewhere."""
    nests: Sequence[NestSpec] = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    bindings = [binding for nest in nests for binding in nest.bind]
    for nest in nests:
        bindings += [each for choice in nest.choices.values() for option in choice.values() for each in option.bind]
    for binding in bindings:
        unit = machine.units.get(binding.unit)
        if unit is None or unit.operand_type is None:
            continue
        for einsum in (cascade.by_name[name] for name in binding.einsums if name in cascade.by_name):
            yield from ((read.tensor, unit.operand_type) for read in einsum.reads)
