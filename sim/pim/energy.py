"""The energy of a DRAM device by a table: commands, pins, what a channel takes with time, units beside the banks."""

from __future__ import annotations

from typing import Any

from arch import Cost, Machine, Table, command_pj, operation_pj, pin_pj, standby_w
from arch.dram import Organisation
from mappings import Schedule
from sim.energy import PICO, Energy

from .commands import Commands

BITS_PER_BYTE = 8
PINNED = ("RD", "WR", "WRGB", "RDMAC")  # commands whose column goes over the pins
UNPRICED = ("PRE", "PREA", "MODE")  # part of the activation; nothing moves
PRICED_AS = {"ACT4": "ACT", "ACT16": "ACT", "MAC_ONE": "MAC", "MAC_SAME": "MAC", "COPY_IN": "COPY", "COPY_OUT": "COPY"}


def command_energy(schedule: Schedule, commands: Commands, table: Table) -> Energy:
    """The energy of what was issued. A command that the table does not price leaves its component without a number.

    Components: `dram` are activations, reads, writes and refreshes, `banks` what multiplies, `dram.pins` what comes in
    and goes out, `dram.background` what open and closed rows take with time. A unit outside of the banks is a component
    by its own name, without what it takes while it waits.
    """
    device = schedule.machine.device
    assert device is not None
    joules: dict[str, float | None] = {"dram": 0.0, "banks": 0.0, "dram.pins": 0.0, "dram.background": 0.0}
    joules |= dict.fromkeys(commands.operations, 0.0)
    notes: list[str] = []

    def add(component: str, number: float, price: Cost) -> None:
        if not number:
            return
        if price.how != "table":
            notes.append(f"{component}: {price.how}")
        before = joules[component]
        joules[component] = None if price.value is None or before is None else before + number * price.value * PICO

    pinned = 0
    for name, number in commands.issued.items():
        pinned += number * commands.column_bytes * BITS_PER_BYTE if name in PINNED else 0
        if name in UNPRICED:
            continue
        component = "banks" if name.startswith(("MAC", "EWMUL", "AF")) else "dram"
        times = {"ACT4": 4, "ACT16": device.organisation.banks}.get(name, 1)
        add(component, number * times, command_pj(table, PRICED_AS.get(name, name), _bytes(name, device.organisation)))
    add("dram.pins", pinned, pin_pj(table))
    seconds = 1 / schedule.machine.clock_hz
    for ticks, active in ((commands.active_ticks, True), (commands.precharged_ticks, False)):
        watts = standby_w(table, active)
        add("dram.background", ticks * seconds / PICO, watts)
    for unit, operations in commands.operations.items():
        for name, number in operations.items():
            add(unit, number, operation_pj(table, name))
    actions = {"dram": commands.issued, **commands.operations}
    idle = {"dram": {"active tick": commands.active_ticks, "precharged tick": commands.precharged_ticks}}
    return Energy(joules, {name: dict(numbers) for name, numbers in actions.items()}, tuple(dict.fromkeys(notes)), idle)


def least_energy_j(machine: Machine, macs: Any, seconds: Any, prices: Table) -> dict[str, Any]:
    """What so many MACs of channels, in so much time, take at least, by component; whatever else is issued adds to it.

    Each channel stands by all the time, with an open row or without, and takes the smaller of both powers at least.
    """
    device = machine.device
    assert device is not None
    mac = command_pj(prices, "MAC", _bytes("MAC", device.organisation)).value or 0.0
    watts = min(standby_w(prices, active).value or 0.0 for active in (True, False))
    return {"banks": macs * mac * PICO, "dram.background": seconds * device.organisation.channels * watts}


def _bytes(name: str, organisation: Organisation) -> int:
    """Bytes that a command works on: the row of an activation, all columns of a MAC, what refreshed banks hold.

    >>> shape = Organisation(8, 4, 4, 16384, 2048, 32)
    >>> [_bytes(name, shape) for name in ("ACT16", "RD", "MAC", "MAC_SAME", "MAC_ONE", "REFab")]
    [2048, 32, 512, 128, 32, 536870912]
    """
    if name.startswith("ACT"):
        return organisation.row_bytes
    if name.startswith("REF"):
        refreshed = 1 if name == "REFpb" else organisation.banks
        return refreshed * organisation.rows * organisation.row_bytes
    banks = {"MAC": organisation.banks, "EWMUL": organisation.banks, "MAC_SAME": organisation.bank_groups}
    return organisation.column_bytes * banks.get(name, 1)
