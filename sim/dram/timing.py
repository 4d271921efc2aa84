"""A device's timing as one row of whole numbers for the engine. A constraint that is not stated is 0: nothing waits."""

from __future__ import annotations

from typing import Any

import numpy as np

from arch.dram import MOST_BANKS, Activation, Device, Refresh
from specs import Infeasible, SpecError

__all__ = ["check", "pack_device"]


def check(device: Device) -> None:
    """Refuse what cannot be run. SpecError, `Infeasible` where refreshes would take all the time."""
    banks, timing = device.organisation.banks, device.timing
    if not 1 <= banks <= MOST_BANKS:
        raise SpecError(f"expected 1 to {MOST_BANKS} banks in a channel, found {banks}")
    if device.activation is Activation.FOUR_BANKS and banks % 4:
        raise SpecError(f"activation '{device.activation.value}' takes banks in fours, found {banks}")
    if device.refresh is Refresh.OFF:
        return
    if timing.refi is None:
        raise SpecError(f"refresh '{device.refresh.value}' needs refi")
    least = (timing.rfc or 0) if device.refresh is Refresh.ALL_BANK else max(timing.rfc_bank or 0, banks)
    if timing.refi <= least:
        raise Infeasible(f"refresh '{device.refresh.value}' takes {least} of every {timing.refi} ticks (refi)")


def pack_device(device: Device) -> Any:
    """The device as the engine reads it, int64. Refuses what `check` refuses."""
    from . import engine

    check(device)
    timing, organisation = device.timing, device.organisation
    stretched = device.activation is Activation.STRETCHED_CCD
    refi = timing.refi or 0 if device.refresh is not Refresh.OFF else 0
    data = (timing.write_latency or 0) + (timing.burst or 0)  # WR to the end of its data
    values = {
        engine.BANKS: organisation.banks,
        engine.PER_GROUP: organisation.banks_per_group,
        engine.FOUR: device.activation is Activation.FOUR_BANKS,
        engine.RCD_READ: timing.rcd_read,
        engine.RCD_WRITE: timing.rcd_write,
        engine.RCD_MAC: timing.rcd_mac,
        engine.RP: timing.rp,
        engine.RAS: timing.ras,
        engine.RC: timing.rc,
        engine.CCD_SHORT: timing.ccd_short,
        engine.CCD_LONG: timing.ccd_long,
        engine.CCD_ALL: timing.ccd_mac_stretched if stretched else timing.ccd_mac,
        engine.RTP: timing.rtp,
        engine.RRD_SHORT: timing.rrd_short,
        engine.RRD_LONG: timing.rrd_long,
        engine.FAW: timing.faw,
        engine.WRITE_TO_PRE: None if timing.wr is None else data + timing.wr,
        engine.WRITE_TO_READ: None if timing.wtr is None else data + timing.wtr,
        engine.RTW: timing.rtw,
        engine.RFC: timing.rfc,
        engine.RFC_BANK: timing.rfc_bank,
        engine.REFI: refi,
        engine.LATE: device.most_postponed * refi if device.postponed else 0,
        engine.PER_BANK: device.refresh is Refresh.PER_BANK,
        engine.MODE_SWITCH: timing.mode_switch,
    }
    return np.array([values[name] or 0 for name in range(engine.DEVICE)], np.int64)
