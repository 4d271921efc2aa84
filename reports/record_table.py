"""`einfuse simulate` for people: one record as a page of small tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import quantities
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim import Record

DRAM = "dram"  # the component of a record whose actions are commands
UNPRICED = ": missing: "  # between a component and the reason, in a record's provenance


def as_text(record: Record) -> list[RenderableType]:
    """Everything that a record says, most asked for first."""
    parts: list[RenderableType] = [
        heading(f"{record.workload} on {record.arch} under {record.mapping}"),
        _overview(record),
    ]
    for title, made in (
        ("units", _units(record)),
        ("time per Einsum", _einsums(record)),
        ("time by phase", _phases(record)),
        ("commands of all channels", _commands(record)),
        ("operations outside of the banks", _outside(record)),
        ("stalls", _stalls(record)),
        ("gap to the analytic model", _gap(record)),
        ("traffic", _traffic(record)),
        ("energy", _components(record, "energy", record.energy_by_component_j, "J")),
        ("area", _components(record, "area", record.area_by_component_mm2, "mm²")),
    ):
        if made is not None:
            parts += ["", heading(title), made]
    priced = (n for n in record.provenance.get("interpolated", ()) if UNPRICED not in n)
    notes = [*assumptions_of(record), *priced]
    given = [
        f"{path} is {each['given']}; the file states {_stated(each)}" for path, each in (record.overrides or {}).items()
    ]
    for title, sentences in (
        ("set by the argument", given),
        ("not modelled", [", ".join(record.not_modelled)] if record.not_modelled else ()),
        ("assumptions", notes),
    ):
        if sentences:
            parts += ["", heading(title), bullets(sentences)]
    return parts


def assumptions_of(record: Record) -> list[str]:
    """A record's assumptions; what is said of several Einsums in the same words, once.

    >>> from sim import simulate
    >>> record = simulate("gpt2-xl", "gddr6-aim:channels=8", "bank-parallel-layers")
    >>> [note for note in assumptions_of(record) if "ways" in note]
    ['Q K V Z FFN1 FFN2: tokens = in-turn (the best of 2 ways)']
    """
    einsums = {name for cycles in record.cycles_by_einsum.values() for name in cycles}
    found: dict[str, list[str]] = {}
    for note in record.assumptions:
        names, _, said = note.partition(": ")
        of_einsums = bool(said) and einsums.issuperset(names.split())
        found.setdefault(said if of_einsums else note, []).extend(names.split() if of_einsums else [])
    return [f"{' '.join(names)}: {said}" if names else said for said, names in found.items()]


def _stated(override: Mapping[str, Any]) -> str:
    return "nothing" if override["stated"] is None else str(override["stated"])


def _overview(record: Record) -> RenderableType:
    rate = quantities.rate(record.clock["hz"])
    return fields(
        [
            ("cascade", record.cascade),
            (
                "latency",
                f"{quantities.duration(record.latency_s)} ({quantities.whole(record.cycles)} cycles at {rate})",
            ),
            *([("clock", record.clock["name"])] if _is_of_commands(record) else []),
            ("bound by", record.bound_by),
            ("energy", _total(record.energy_j, record.energy_by_component_j, "J")),
            ("area", _total(record.area_mm2, record.area_by_component_mm2, "mm²")),
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


def _phases(record: Record) -> RenderableType | None:
    """Where the time of a channel goes: every tick is of one phase."""
    rows = [(name, quantities.whole(ticks), _of_time(record, ticks)) for name, ticks in _by_phase(record).items()]
    return table(("phase", "ticks>", "of the time>"), rows) if rows else None


def _commands(record: Record) -> RenderableType | None:
    """How many of each command were issued."""
    if not _is_of_commands(record):
        return None
    issued = record.actions[DRAM]
    return table(("command", "issued>"), [(name, quantities.whole(number)) for name, number in issued.items()])


def _outside(record: Record) -> RenderableType | None:
    """How many native operations each unit outside of the banks does, on its elements."""
    if not _is_of_commands(record):
        return None
    rows = [
        (unit, name, quantities.whole(number))
        for unit, operations in record.actions.items()
        for name, number in operations.items()
        if unit != DRAM
    ]
    return table(("unit", "operation", "done>"), rows) if rows else None


def _by_phase(record: Record) -> Mapping[str, int]:
    return record.cycles_by_phase or {}


def _is_of_commands(record: Record) -> bool:
    """Whether the model is of commands: a cycle is a tick of their clock."""
    return record.cycles_by_phase is not None


def _traffic(record: Record) -> RenderableType:
    rows = []
    for level, moved in record.traffic_bytes.items():
        time_s = record.memory_s.get(level)
        needed = "-" if not time_s else quantities.duration(time_s)
        rows.append((level, quantities.data(moved["read"]), quantities.data(moved["write"]), needed))
    return table(("level", "read>", "written>", "least time>"), rows)


def _stalls(record: Record) -> RenderableType | None:
    """Cycles that each unit is idle, by cause."""
    rows = [
        (unit, cause, quantities.whole(cycles), _of_time(record, cycles))
        for unit, causes in (record.stall_cycles or {}).items()
        for cause, cycles in causes.items()
    ]
    return table(("unit", "cause", "cycles>", "of the time>"), rows) if rows else None


def _gap(record: Record) -> RenderableType | None:
    """From the analytic model's cycles to this model's, term by term."""
    if not record.gap_cycles:
        return None
    gap = record.gap_cycles
    rows = [("analytic", quantities.whole(record.cycles - sum(gap.values())), "")]
    rows += [(term, f"{cycles:+,}", _of_time(record, cycles)) for term, cycles in gap.items()]
    return table(("term", "cycles>", "of the time>"), [*rows, (record.model, quantities.whole(record.cycles), "")])


def _of_time(record: Record, cycles: int) -> str:
    return quantities.percent(cycles / record.cycles if record.cycles else 0.0)


def _total(value: float | None, amounts: Mapping[str, float | None], unit: str) -> str:
    """A total; if there is none, the components that keep it from being known."""
    if value is not None:
        return _amount(value, unit)
    missing = [name for name, each in amounts.items() if each is None]
    return f"not known, for want of a price of {', '.join(missing)}" if missing else "-"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return quantities.si(value, unit) if unit == "J" else f"{quantities.significant(value)} {unit}"


def _components(record: Record, what: str, amounts: Mapping[str, float | None], unit: str) -> RenderableType | None:
    """Amounts by component, largest first, with their share of the whole, or of what is priced and why not the rest."""
    if not amounts:
        return None
    priced = sum(value for value in amounts.values() if value is not None)
    pairs = sorted(amounts.items(), key=lambda pair: (pair[1] is None, -(pair[1] or 0.0)))
    rows = [
        (name, _amount(value, unit), "-" if value is None else quantities.percent(value / priced if priced else 0.0))
        for name, value in pairs
    ]
    if all(value is not None for value in amounts.values()):
        return table(("component", "amount>", "share>"), rows)
    notes = [note.partition(UNPRICED) for note in record.provenance.get("interpolated", ())]
    explained = [(*row, "; ".join(why for whose, _, why in notes if whose == f"{what} of {row[0]}")) for row in rows]
    return table(("component", "amount>", "of the priced>", "why not"), explained)
