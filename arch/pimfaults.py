"""What does not fit together in the file of a DRAM device whose values are each in order, with the arithmetic.

Each fault is a sentence and the paths of the keys in it, that which it is about first.
"""

from __future__ import annotations

from collections.abc import Iterator

from .dram import MOST_BANKS
from .pimspec import PimSpec
from .ticks import MOST_TICKS, in_ticks
from .unitspec import axes, unit_faults
from .widths import width_of

Path = tuple[str | int, ...]
Fault = tuple[str, tuple[Path, ...]]

BANKS, MEMORIES = "banks", ("dram",)  # what a device is for mappings
LEAST_FAW = 4  # ticks in which four activations can be sent
MACS = ("MAC", "MAC_same", "MAC_one")
NEEDED_BY = {
    "buffer": (*MACS, "WRGB", "COPY"),
    "accumulators": (*MACS, "RDMAC", "AF"),
    "multipliers": (*MACS, "EWMUL", "AF"),
    "multiplier_type": (*MACS, "EWMUL", "AF"),
}


def pim_faults(spec: PimSpec) -> Iterator[Fault]:
    """Every fault of a file."""
    ticks = {key: in_ticks(value, spec.clock) for key, value in spec.stated().items()}
    for key, found in ticks.items():
        if found > MOST_TICKS:
            why = f"{key} is {found} ticks at this clock; at most {MOST_TICKS} are taken"
            yield why, (("timing", key), ("clock",))
    yield from _organisation(spec)
    yield from _rows(ticks)
    yield from _shorter(ticks)
    yield from _refresh(spec, ticks)
    yield from _activation(spec, ticks)
    yield from _processing(spec)


def pim_unit_faults(spec: PimSpec) -> Iterator[tuple[str, Path]]:
    """Every fault of the units outside of the banks, each with the path of its key."""
    yield from unit_faults(spec.units, MEMORIES)
    for name, unit in spec.units.items():
        if name == BANKS:
            yield f"'{name}' is the unit of the banks themselves; choose another name", ("units", name)
        if "lanes" not in axes(unit):
            found = _both([f"'{axis}'" for axis in axes(unit)])
            yield f"a unit outside of the banks has 'lanes'; found {found}", ("units", name)


def _organisation(spec: PimSpec) -> Iterator[Fault]:
    yield from _banks(spec)
    row, column = spec.organisation.row, spec.organisation.column
    paths: tuple[Path, ...] = (("organisation", "column"), ("organisation", "row"))
    if column > row:
        yield f"a column of {column} B is larger than a row of {row} B", paths
    elif row % column:
        yield f"a row of {row} B is {row // column} columns of {column} B and {row % column} B more", paths[::-1]


def _banks(spec: PimSpec) -> Iterator[Fault]:
    groups, each = spec.organisation.bank_groups, spec.organisation.banks_per_group
    if groups * each > MOST_BANKS:
        why = f"{groups} × {each} = {groups * each} banks in a channel; the engine holds at most {MOST_BANKS}"
        paths: tuple[Path, ...] = (("organisation", "bank_groups"), ("organisation", "banks_per_group"))
        yield f"{why}; state fewer of them, in more channels", paths


def _rows(ticks: dict[str, int]) -> Iterator[Fault]:
    """Of one bank: it is opened for RAS and closed for RP, and read and written while it is open."""
    rc, ras, rp = ticks["RC"], ticks["RAS"], ticks["RP"]
    if rc < ras + rp:
        why = f"RC = {rc} is less than RAS + RP = {ras} + {rp} = {ras + rp}: a row is opened before the last is closed"
        yield why, _timing("RC", "RAS", "RP")
    for key in ("RCD_read", "RCD_write"):
        if ras < ticks[key]:
            why = f"RAS = {ras} is less than {key} = {ticks[key]}: a row may be closed before it is open"
            yield why, _timing("RAS", key)


def _shorter(ticks: dict[str, int]) -> Iterator[Fault]:
    """Times that are no less than others by what they mean."""
    for longer, shorter, why in (
        ("CCD_long", "CCD_short", "commands of one bank group are no closer than those of two"),
        ("RRD_long", "RRD_short", "activations in one bank group are no closer than those in two"),
        ("CCD_mac_stretched", "CCD_mac", "stretching makes it longer"),
    ):
        if longer in ticks and ticks[longer] < ticks.get(shorter, 0):
            found = f"{longer} = {ticks[longer]} is less than {shorter} = {ticks[shorter]}"
            yield f"{found}: {why}", _timing(longer, shorter)
    if ticks.get("FAW", LEAST_FAW) < LEAST_FAW:
        yield f"FAW = {ticks['FAW']} ticks do not hold four activations, which take {LEAST_FAW}", _timing("FAW")


def _refresh(spec: PimSpec, ticks: dict[str, int]) -> Iterator[Fault]:
    for mode, key in (("all-bank", "RFC"), ("per-bank", "RFC_bank")):
        if "REFI" in ticks and key in ticks and ticks["REFI"] <= ticks[key]:
            found = f"REFI = {ticks['REFI']} is not more than {key} = {ticks[key]}"
            yield f"{found}: refreshing leaves no time for anything else", _timing("REFI", key)
        absent = [each for each in ("REFI", key) if each not in ticks]
        if spec.refresh == mode and absent:
            how = f"state {_both(absent)} in 'timing', or say 'refresh: off'"
            yield f"refresh is {mode}, which needs {_both(['REFI', key])}; {how}", (("refresh",),)


def _activation(spec: PimSpec, ticks: dict[str, int]) -> Iterator[Fault]:
    path: Path = ("activation",)
    if spec.activation == "stretched-ccd" and "CCD_mac_stretched" not in ticks:
        yield "activation stretched-ccd needs timing.CCD_mac_stretched", (path,)
    if spec.activation != "tfaw-act4":
        return
    organisation = spec.organisation
    banks = organisation.bank_groups * organisation.banks_per_group
    if "FAW" not in ticks:
        yield "activation tfaw-act4 opens four banks within each FAW; state timing.FAW", (path,)
    if "ACT4" not in spec.commands:
        yield "activation tfaw-act4 needs the command ACT4", (path, ("commands",))
    if banks % 4:
        product = f"{organisation.bank_groups} × {organisation.banks_per_group} = {banks}"
        groups = ("organisation", "banks_per_group")
        yield f"activation tfaw-act4 opens four banks at once, and {product} is no multiple of 4", (path, groups)


def _processing(spec: PimSpec) -> Iterator[Fault]:
    """What multiplies must suit a column, and what it reads beside it must be there."""
    column = spec.organisation.column
    if spec.buffer is not None and spec.buffer < column:
        why = f"a buffer of {spec.buffer} B does not hold a column of {column} B"
        yield why, (("buffer",), ("organisation", "column"))
    for key, commands in NEEDED_BY.items():
        needing = [each for each in spec.commands if each in commands]
        if needing and getattr(spec, key) is None:
            verb = "needs" if len(needing) == 1 else "need"
            yield f"{_both(needing)} {verb} '{key}'", (("commands",), (key,))
    if spec.multipliers is not None and spec.multiplier_type is not None:
        bits = width_of(spec.multiplier_type) or 0
        taken = f"{spec.multipliers} × {bits} b = {spec.multipliers * bits} b"
        if spec.multipliers * bits != column * 8:
            why = f"the multipliers of a bank take {taken} of {spec.multiplier_type} at once, and a column has"
            yield f"{why} {column * 8} b", (("multipliers",), ("multiplier_type",), ("organisation", "column"))


def _timing(*keys: str) -> tuple[Path, ...]:
    return tuple(("timing", key) for key in keys)


def _both(keys: list[str]) -> str:
    return " and ".join([*([", ".join(keys[:-1])] if keys[1:] else []), keys[-1]])
