"""The result record: one shape for every machine and model (docs: "Result" of the design)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

SCHEMA = "einfuse.result/1"


@dataclass(frozen=True)
class Record:
    """What a workload costs on a machine under a mapping, by one model. SI units, in the names; None does not apply.

    `utilization` is operation slots used over elements × time, `busy` the share of time that a unit is occupied (whole
    tiles, ragged and masked points included). `actions` are work, `idle_actions` proportional to time.
    """

    workload: str
    cascade: str
    arch: str
    mapping: str
    model: str
    clock: Mapping[str, Any]
    cycles: int
    latency_s: float
    energy_j: float | None
    energy_by_component_j: Mapping[str, float | None]
    area_mm2: float | None
    area_by_component_mm2: Mapping[str, float | None]
    traffic_bytes: Mapping[str, Mapping[str, int]]
    traffic_by_tensor_bytes: Mapping[str, Mapping[str, Mapping[str, int]]]
    actions: Mapping[str, Mapping[str, int]]
    utilization: Mapping[str, float]
    busy: Mapping[str, float]
    utilization_by_einsum: Mapping[str, Mapping[str, float]]
    cycles_by_einsum: Mapping[str, Mapping[str, int]]
    memory_s: Mapping[str, float]
    bound_by: str
    feasible: Mapping[str, Any]
    assumptions: tuple[str, ...]
    accounting: str
    provenance: Mapping[str, Any]
    idle_actions: Mapping[str, Mapping[str, float]] | None = None
    stall_cycles: Mapping[str, Mapping[str, int]] | None = None
    gap_cycles: Mapping[str, int] | None = None
    cycles_by_phase: Mapping[str, int] | None = None
    not_modelled: tuple[str, ...] | None = None
    overrides: Mapping[str, Mapping[str, Any]] | None = None
    resources: Mapping[str, int] | None = None
    schema: str = field(default=SCHEMA)

    def as_dict(self) -> dict[str, Any]:
        """The record as plain values, `schema` first, ready for JSON."""
        names = ["schema", *(f.name for f in fields(self) if f.name != "schema")]
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def fingerprint(value: object) -> str:
    """A short hash of a specification's settled values.

    >>> len(fingerprint({"a": 1}))
    16
    """
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
