"""What the numbers of a sweep depend on, as hashes by name: a run that goes on compares them."""

from __future__ import annotations

from collections.abc import Mapping

from arch import machine, table
from mappings import mapping
from specs.version import version

from ..accounting import accounting
from ..record import fingerprint
from .points import Sweep


def identity_of(sweep: Sweep) -> Mapping[str, str]:
    """Hashes of the sweep as it is written, of every file that it names, of tables and accountings, and the version.

    >>> from sim.explore.sweep import sweep
    >>> list(identity_of(sweep("examples/area_latency.yaml")))
    ['version', 'chunk', 'sweep', 'workload', 'arch fusemax-cloud', 'table fusemax-45nm', 'mapping fusemax-binding',
    'accounting hardware']
    """
    found = {
        "version": version(),
        "chunk": str(sweep.grid.chunk),
        "sweep": fingerprint(sweep.spec),
        "workload": fingerprint(sweep.workload.data),
    }
    for design in dict.fromkeys(sweep.designs):
        host, how = machine(design.arch.reference), mapping(design.mapping.reference)
        found[f"arch {host.name}"] = fingerprint(design.arch.data)
        found[f"table {host.energy}"] = fingerprint(table(host.energy).spec)
        found[f"mapping {how.name}"] = fingerprint(design.mapping.data)
        found[f"accounting {how.model.accounting}"] = fingerprint(accounting(how.model.accounting))
    return found
