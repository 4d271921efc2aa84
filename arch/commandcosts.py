"""The energy of a DRAM device's commands, of its pins and of its standby, by a table.

A table states the energy of a command, or currents of a data sheet from which it follows by the usual formulas, with V
the voltage and t a tick:

- ACT, opening and closing a row of one bank: V · (IDD0 · RC − (IDD3N · RAS + IDD2N · (RC − RAS))) · t
- RD, WR of a column: V · (IDD4R − IDD3N) · burst · t, V · (IDD4W − IDD3N) · burst · t
- REFab, of all banks of a channel: V · (IDD5AB − IDD3N) · RFC · t
- standby of a channel: V · IDD3N with a row open, V · IDD2N with none

What a table says comes before what follows from its currents. Other bytes are in proportion. What is in neither has no
energy, and says so: it is not 0. Operations of units outside of the banks are priced by the table's `operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .commands import known_priced_command
from .commandspec import CommandRow, CurrentsRow
from .cost import ASSUMPTION, Cost, join
from .table import Table, in_pj

PICO = 1e-12


def command_pj(table: Table, command: str, bytes: Any = None) -> Cost:
    """The energy of one command in pJ on that many bytes.

    Bytes are the row of an ACT, all columns of a MAC, all that its banks hold of a refresh; without them it is that of
    the table's own. An ACT4 is four ACT, an ACT16 one for each bank; pins are apart. Raises
    ValueError for a name that is no command.

    >>> from arch import table
    >>> command_pj(table("cent"), "ACT").value, command_pj(table("cent"), "COPY").how
    (2950.35, "missing: 'COPY' is not in the table 'cent'")
    """
    known_priced_command(command)
    row = _stated(table).get(command)
    if row is None:
        return _absent(table, command)
    value, of_bytes, source = row
    hows = []
    if bytes is not None and of_bytes is not None and _differs(bytes, of_bytes):
        hows.append(f"extrapolated: {command} in proportion to bytes from {of_bytes} B")
        value = value * (bytes / of_bytes)
    return _cost(value, hows, source)


def operation_pj(table: Table, operation: str) -> Cost:
    """The energy in pJ of one native operation on one element of a unit outside of the banks.

    >>> from arch import table
    >>> round(operation_pj(table("cent"), "exp").value, 3), operation_pj(table("cent"), "tanh").how
    (0.236, "missing: 'tanh' is not in the table 'cent'")
    """
    if operation not in table.spec.operations:
        return _absent(table, operation)
    return table.energy_pj(operation, "compute")


def pin_pj(table: Table) -> Cost:
    """The energy in pJ of one bit on the pins of the device.

    >>> from arch import table
    >>> pin_pj(table("cent")).value, pin_pj(table("tpu-7nm")).value
    (5.5, None)
    """
    row = table.spec.pins
    return _absent(table, "pins") if row is None else _cost(in_pj(row.energy), [], row.source)


def standby_w(table: Table, active: bool) -> Cost:
    """The power in W of a channel in which nothing is done, with a row open in some bank or with none.

    >>> from arch import table
    >>> standby_w(table("cent"), active=True).value, round(standby_w(table("iddx16"), active=False).value, 6)
    (0.26375, 0.081)
    """
    row, currents = table.spec.standby, table.spec.currents
    if row is not None:
        return _cost(row.active if active else row.precharged, [], row.source)
    if currents is not None:
        return _cost(currents.voltage * (currents.IDD3N if active else currents.IDD2N), [], currents.source)
    return _absent(table, "standby")


Row = tuple[float, Any, str]  # pJ, on bytes, source


def _stated(table: Table) -> Mapping[str, Row]:
    """Every command that a table prices."""
    currents = table.spec.currents
    found = {} if currents is None else _of_currents(currents)
    commands = table.spec.commands
    plain = {name: row for name, row in commands.items() if row.energy is not None}
    found |= {name: (in_pj(row.energy or 0.0), row.bytes, row.source) for name, row in plain.items()}
    return found | {name: _made(row, found) for name, row in commands.items() if row.sequence is not None}


def _made(row: CommandRow, of: Mapping[str, Row]) -> Row:
    return sum(times * of[step][0] for step, times in (row.sequence or {}).items()), row.bytes, row.source


def _of_currents(row: CurrentsRow) -> dict[str, Row]:
    """What follows from currents, by the formulas above."""
    standby = row.IDD3N * row.RAS + row.IDD2N * (row.RC - row.RAS)
    ticks_amperes = {
        "ACT": (row.IDD0 * row.RC - standby, row.row),
        "RD": ((row.IDD4R - row.IDD3N) * row.burst, row.column),
        "WR": ((row.IDD4W - row.IDD3N) * row.burst, row.column),
        "REFab": ((row.IDD5AB - row.IDD3N) * row.RFC, None),
    }
    return {
        name: (row.voltage * row.tick * value / PICO, of, row.source) for name, (value, of) in ticks_amperes.items()
    }


def _absent(table: Table, what: str) -> Cost:
    return Cost(None, f"missing: '{what}' is not in the table '{table.name}'", "")


def _cost(value: Any, hows: list[str], source: str) -> Cost:
    assumed = [source] if source.startswith(ASSUMPTION) else []
    return Cost(value, join([*hows, *assumed]) or "table", source)


def _differs(value: Any, row: float) -> bool:
    return bool((value != row).any()) if hasattr(value, "any") else bool(value != row)
