"""The energy of what was counted and timed, by a table: of the work, and of what the machine takes beside it.

Prices come last: another table prices the same counts and the same time anew, and nothing is bound or timed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arch import Cost, Table, machine_area_um2, table
from arch.table import known_command_table, known_table
from mappings import Counts, Schedule, count
from specs import Problem, SpecError

from .accounting import accounting as accounting_of
from .analytic import Latency
from .energy import Energy, energy
from .overhead import with_overhead
from .pim.energy import command_energy
from .sequence import add_energies, repeat_energy

if TYPE_CHECKING:
    from .simulate import Analysis


def spent(
    schedule: Schedule, counts: Counts, latency: Latency, prices: Table, areas: Mapping[str, Cost] | None = None
) -> Energy:
    """The energy of a schedule that takes that time; `areas` are the table's, if they are at hand."""
    if latency.commands is not None:
        return command_energy(schedule, latency.commands, prices)
    found = machine_area_um2(schedule.machine, prices) if areas is None else areas
    work = energy(schedule, counts, prices, accounting_of(schedule.accounting))
    return with_overhead(work, schedule.machine, counts, latency, prices, found)


def priced(analysis: Analysis, prices: str, accounting: str | None = None) -> Energy:
    """The energy of an analysis by another table, and by another accounting if one is named.

    Counts and times stay as they are. Raises SpecError for a table or an accounting that there is not, and for a table
    that lacks what the machine has.

    >>> from sim import simulation
    >>> found = simulation("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding").analysis
    >>> {name: round(priced(found, name).total_j, 3) for name in ("fusemax-45nm", "horowitz-45nm", "tpu-7nm")}
    {'fusemax-45nm': 3.177, 'horowitz-45nm': 1.871, 'tpu-7nm': 0.149}
    """
    machine = analysis.schedule.machine
    try:
        named = table((known_table if machine.device is None else known_command_table)(prices))
    except ValueError as error:
        raise SpecError([Problem(str(error))]) from None
    if analysis.latency.commands is not None:
        return command_energy(analysis.schedule, analysis.latency.commands, named)
    parts = [
        energy(schedule, count(schedule), named, accounting_of(accounting or schedule.accounting))
        for schedule in analysis.schedules
    ]
    work = repeat_energy(parts[0] if len(parts) == 1 else add_energies(parts), analysis.repeated.times)
    areas = machine_area_um2(machine, named)
    return with_overhead(work, machine, analysis.counts, analysis.latency, named, areas)
