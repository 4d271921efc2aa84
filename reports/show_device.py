"""`einfuse show NAME` for a DRAM device: its organisation, how it is run, its timing, and what an argument changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from . import quantities
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arch import Device, Override

NANO = 1e-9
OF_PROCESSING = ("mode_switch",)  # of which a plain memory has nothing to know


def as_text(device: Device, clock_hz: float, overrides: Sequence[Override]) -> list[RenderableType]:
    """The parts of the page that only a device has."""
    parts: list[RenderableType] = ["", heading("device"), fields(_about(device), indent=2)]
    parts += ["", heading("timing"), table(("time", "ticks>", "ns>"), _times(device, clock_hz))]
    if overrides:
        changed = [f"{each.path} is {each.given}; the file states {_or_nothing(each.stated)}" for each in overrides]
        parts += ["", heading("set by the argument"), bullets(changed)]
    return parts


def _about(device: Device) -> list[tuple[str, str]]:
    shape = device.organisation
    late = f", at most {device.most_postponed} late, at the end of a row" if device.postponed else ", when due"
    about = [
        ("channels", str(shape.channels)),
        ("banks", f"{shape.bank_groups} groups of {shape.banks_per_group} a channel"),
        ("rows", f"{shape.rows} of {quantities.data(shape.row_bytes)} a bank"),
        ("column", quantities.data(shape.column_bytes)),
        ("refresh", device.refresh.value + ("" if device.refresh.value == "off" else late)),
        ("activation", device.activation.value),
        ("commands", " ".join(device.commands) or "those of a memory"),
    ]
    if device.multipliers:
        about.append(("of a bank", f"multipliers: {device.multipliers}, accumulators: {device.accumulators}"))
    if device.buffer_bytes:
        about.append(("global buffer", f"{quantities.data(device.buffer_bytes)} a channel"))
    return about


def _times(device: Device, clock_hz: float) -> list[tuple[str, str, str]]:
    from arch.pimdevice import datasheet_keys

    found, rows = asdict(device.timing), []
    for name, key in datasheet_keys().items():
        ticks = found[name]
        if ticks is not None:
            rows.append((key, str(ticks), f"{ticks / clock_hz / NANO:.6g}"))
        elif device.commands or name not in OF_PROCESSING:
            rows.append((key, "not known", ""))
    return rows


def _or_nothing(value: object) -> str:
    return "nothing" if value is None else str(value)
