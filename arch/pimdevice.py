"""From the file of a DRAM device to the device as values: ticks for times, and what its banks can be bound to."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .commands import OPERATIONS_OF
from .dram import Activation, Device, DramTiming, Organisation
from .pimspec import PimSpec, TimingSpec
from .ticks import in_ticks


def device_of(spec: PimSpec) -> Device:
    """The device; what a plain memory does not have is 0 of it."""
    shape = spec.organisation
    organisation = Organisation(
        spec.channels, shape.bank_groups, shape.banks_per_group, shape.rows, shape.row, shape.column
    )
    return Device(
        organisation,
        timing_of(spec),
        spec.refreshes,
        spec.postponed,
        spec.activates,
        spec.most_postponed,
        accumulators=spec.accumulators or 0,
        buffer_bytes=spec.buffer or 0,
        multipliers=spec.multipliers or 0,
        commands=spec.commands,
    )


def timing_of(spec: PimSpec) -> DramTiming:
    """All times in ticks; where no time of a MAC is stated, that of a RD within a bank group."""
    found: dict[str, Any] = {key_of(key): in_ticks(value, spec.clock) for key, value in spec.stated().items()}
    found.setdefault("rcd_mac", found["rcd_read"])
    found.setdefault("ccd_mac", found["ccd_long"])
    found.setdefault("ccd_mac_stretched", found["ccd_mac"])
    found.setdefault("faw", None)
    return DramTiming(**found)


def key_of(key: str) -> str:
    """The name in `DramTiming` of a key of a file.

    >>> key_of("RCD_read"), key_of("WL")
    ('rcd_read', 'write_latency')
    """
    return TimingSpec.named.get(key, key.lower())


def datasheet_keys() -> dict[str, str]:
    """The key of a file for each name in `DramTiming`, in the order of the device.

    >>> list(datasheet_keys().items())[:2]
    [('rcd_read', 'RCD_read'), ('rcd_write', 'RCD_write')]
    """
    keys = {key_of(key): key for key in TimingSpec.model_fields}
    return {field.name: keys[field.name] for field in fields(DramTiming)}


def host_bandwidth(device: Device, clock_hz: float) -> float | None:
    """Bytes per second over the pins of all channels; None where the file does not say how long a burst is."""
    timing, shape = device.timing, device.organisation
    if timing.burst is None:
        return None
    return shape.channels * shape.column_bytes * clock_hz / max(timing.burst, timing.ccd_short)


def operations_of(device: Device) -> dict[str, tuple[int, int]]:
    """What the banks can do, each with its interval and latency in ticks: one on a column of every bank."""
    stretched = device.activation is Activation.STRETCHED_CCD
    interval = device.timing.ccd_mac_stretched if stretched else device.timing.ccd_mac
    return {operation: (interval, interval) for name, operation in OPERATIONS_OF.items() if name in device.commands}
