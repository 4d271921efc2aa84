"""Which machines of the library have a unit, and why one that a mapping names is not there."""

from __future__ import annotations

from .commands import OPERATIONS_OF
from .machine import Machine, machine, machine_names
from .pimfaults import BANKS


def machines_with(unit: str) -> tuple[str, ...]:
    """The machines of the library that have a unit of that name.

    >>> machines_with("banks"), machines_with("array_3d")
    (('gddr6-aim', 'hbm3-pim'), ())
    """
    return tuple(name for name in machine_names() if unit in machine(name).units)


def without_unit(of: Machine, unit: str) -> str | None:
    """What to say of a machine without a unit that others of the library have; None where none of them has it.

    >>> without_unit(machine("systolic"), "banks")
    "machine 'systolic' has none (it has array); machines of the library with one: gddr6-aim, hbm3-pim"
    >>> without_unit(machine("gddr6"), "banks")
    "machine 'gddr6' has none (it has no units), for MAC is missing among its 'commands'; machines of the library with
    one: gddr6-aim, hbm3-pim"
    """
    others = machines_with(unit)
    if not others:
        return None
    why = ""
    if of.device is not None and unit == BANKS:
        why = f", for {next(iter(OPERATIONS_OF))} is missing among its 'commands'"
    has = ", ".join(of.units) or "no units"
    return f"machine '{of.name}' has none (it has {has}){why}; machines of the library with one: {', '.join(others)}"
