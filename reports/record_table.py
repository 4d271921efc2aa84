"""`einfuse simulate` for people: one record as a page of small tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import quantities
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim import Record


def as_text(record: Record) -> list[RenderableType]:
    """Everything that a record says, most asked for first."""
    parts: list[RenderableType] = [
        heading(f"{record.workload} on {record.arch} under {record.mapping}"),
        _overview(record),
    ]
    for title, made in (
        ("units", _units(record)),
        ("time per Einsum", _einsums(record)),
        ("traffic", _traffic(record)),
        ("energy", _components(record.energy_by_component_j, record.energy_j, "J")),
        ("area", _components(record.area_by_component_mm2, record.area_mm2, "mm²")),
    ):
        if made is not None:
            parts += ["", heading(title), made]
    notes = [*record.assumptions, *record.provenance.get("interpolated", ())]
    if notes:
        parts += ["", heading("assumptions"), bullets(notes)]
    return parts


def _overview(record: Record) -> RenderableType:
    rate = quantities.rate(record.clock["hz"])
    return fields(
        [
            ("cascade", record.cascade),
            (
                "latency",
                f"{quantities.duration(record.latency_s)} ({quantities.whole(record.cycles)} cycles at {rate})",
            ),
            ("bound by", record.bound_by),
            ("energy", quantities.si(record.energy_j, "J")),
            ("area", "-" if record.area_mm2 is None else f"{quantities.significant(record.area_mm2)} mm²"),
            ("model", record.model),
            ("accounting", record.accounting),
        ],
        indent=2,
    )


def _units(record: Record) -> RenderableType:
    """Slots used over elements × time, and the share of time that the unit is occupied."""
    rows = [
        (unit, quantities.percent(share), quantities.percent(record.busy.get(unit)))
        for unit, share in record.utilization.items()
    ]
    return table(("unit", "utilization>", "busy>"), rows)


def _einsums(record: Record) -> RenderableType:
    """How long each Einsum occupies its unit, and the share of the unit's slots that it uses."""
    rows = [
        (
            name,
            unit,
            quantities.whole(cycles),
            quantities.percent(cycles / record.cycles if record.cycles else 0.0),
            quantities.percent(record.utilization_by_einsum[unit][name]),
        )
        for unit, einsums in record.cycles_by_einsum.items()
        for name, cycles in einsums.items()
    ]
    return table(("Einsum", "unit", "cycles>", "of the time>", "slots used>"), rows)


def _traffic(record: Record) -> RenderableType:
    rows = []
    for level, moved in record.traffic_bytes.items():
        time_s = record.memory_s.get(level)
        needed = "-" if not time_s else quantities.duration(time_s)
        rows.append((level, quantities.data(moved["read"]), quantities.data(moved["write"]), needed))
    return table(("level", "read>", "written>", "least time>"), rows)


def _components(amounts: Mapping[str, float | None], total: float | None, unit: str) -> RenderableType | None:
    """Amounts by component, largest first, with their share of the whole."""
    if not amounts or total is None:
        return None

    def show(value: float | None) -> str:
        if value is None:
            return "-"
        return quantities.si(value, unit) if unit == "J" else f"{quantities.significant(value)} {unit}"

    pairs = sorted(amounts.items(), key=lambda pair: -(pair[1] or 0.0))
    rows = [(name, show(value), quantities.percent((value or 0.0) / total if total else 0.0)) for name, value in pairs]
    return table(("component", "amount>", "share>"), rows)
