"""Which keys the axes of a sweep may set: those that a reference to the same workload, machine or mapping may set."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from arch import ARCHS, ArchSpec
from mappings import MAPPINGS, AnyMapping
from specs import Count, Loaded, is_expression, parse_reference, read_file
from specs.paths import Slot, find, legal_paths, slots
from workloads import CASCADES, WORKLOADS, WorkloadSpec, cascade, size_keys


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of what a reference means: its data with what the reference sets, every legal key and its slot."""

    part: str
    reference: str
    data: Any
    legal: tuple[str, ...]
    slots: Mapping[str, Slot]
    given: Mapping[str, str]  # by full key: how the reference spells it
    found: dict[str, Slot] = field(default_factory=dict, repr=False)  # slots that were asked for

    def slot(self, key: str) -> Slot:
        """The slot of a key, short or whole. Raises ValueError that names the nearest key."""
        if key not in self.found:
            where = f"in {self.part} '{parse_reference(self.reference).name}'"
            self.found[key] = self.slots[find(key, self.legal, where)]
        return self.found[key]

    def is_tied(self, key: str) -> bool:
        """Whether the file of a machine ties the key to others; only there such a value is one of the file's own."""
        value = self.data if self.part == "arch" else None
        for step in self.slot(key).path:
            value = value.get(step) if isinstance(value, dict) else None
        return is_expression(value)

    def of(self, reference: str) -> Keys:
        """The same keys where a reference sets others of them."""
        given = {self.slot(key).dotted: key for key, _ in parse_reference(reference).overrides}
        return replace(self, reference=reference, given=given)

    def with_values(self, values: Mapping[str, str]) -> str:
        """The reference with these keys set as well; they stand instead of what it says of them."""
        parsed = parse_reference(self.reference)
        replaced = {self.given[full] for key in values if (full := self.slot(key).dotted) in self.given}
        texts = {key: text for key, text in parsed.overrides if key not in replaced} | dict(values)
        return parsed.name + (":" + ",".join(f"{key}={text}" for key, text in texts.items()) if texts else "")


def arch_keys(reference: str) -> Keys:
    """The keys of a machine. Raises SpecError."""
    return _keys("arch", reference, ARCHS.load(reference), ArchSpec)


def mapping_keys(reference: str) -> Keys:
    """The keys of a mapping. Raises SpecError."""
    return _keys("mapping", reference, MAPPINGS.load(reference), AnyMapping)


def workload_keys(reference: str) -> Keys:
    """The keys of a workload, or of a bare cascade: its sizes and masks. Raises SpecError.

    >>> workload_keys("gemm").legal
    ('M', 'N', 'K', 'precision')
    """
    parsed = parse_reference(reference)
    if not _is_cascade(parsed.name):
        return _keys("workload", reference, WORKLOADS.load(reference), WorkloadSpec)
    found = cascade(parsed.name)
    numbers = {clause.key: clause.key in clause.bound.names() for clause in found.mask}
    shapes: dict[str, Any] = dict.fromkeys(size_keys(found), Count)
    shapes |= {key: Count if takes else bool for key, takes in numbers.items()} | {"precision": str}
    known = {key: Slot((key,), shape) for key, shape in shapes.items()}
    given = {key: key for key, _ in parsed.overrides}
    return Keys("workload", reference, dict(parsed.overrides), tuple(known), known, given)


def _is_cascade(name: str) -> bool:
    if name in WORKLOADS or name in CASCADES:
        return name not in WORKLOADS
    return Path(name).is_file() and next(iter(read_file(name).value), "") == "cascade"


def _keys(part: str, reference: str, loaded: Loaded[Any], model: Any) -> Keys:
    data = copy.deepcopy(loaded.document.value)
    known = slots(model, data)
    legal = legal_paths(model, data)
    given = {}
    for key, _ in parse_reference(reference).overrides:
        full = find(key, legal)
        given[full] = key
        _set(data, known[full].path if full in known else tuple(full.split(".")), loaded.overrides[full])
    known |= {key: Slot(tuple(key.split(".")), str) for key in legal if key not in known}
    return Keys(part, reference, data, tuple(legal), known, given)


def _set(data: Any, path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        data = data.setdefault(step, {}) if isinstance(data, dict) else data[step]
    data[path[-1]] = value
