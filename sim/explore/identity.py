"""What the numbers of a sweep depend on, as hashes by name: a run that goes on compares them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from arch import table
from specs.version import version
from workloads import cascade

from ..accounting import accounting
from ..record import fingerprint
from .points import Design, Sweep
from .readers import machine_of, mapping_of

PACKAGES = ("specs", "workloads", "arch", "mappings", "sim")  # what computes a row


@cache
def models() -> str:
    """A hash of all sources that may compute a row: those of a working copy change, and its version does not."""
    return sources(PACKAGES)


def sources(packages: Iterable[str]) -> str:
    """A hash of the sources of packages, and of their names."""
    found = hashlib.sha256()
    for package in packages:
        folder = Path(str(import_module(package).__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            found.update(f"{package}/{path.relative_to(folder).as_posix()}\n".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def identity_of(sweep: Sweep) -> Mapping[str, str]:
    """Hashes of the sweep as it is written, of all files that it names, of tables, accountings, models; the version.

    >>> from sim.explore.sweep import sweep
    >>> list(identity_of(sweep("examples/area_latency.yaml")))
    ['version', 'models', 'chunk', 'sweep', 'workload', 'arch fusemax-cloud', 'table fusemax-45nm',
    'mapping fusemax-binding', 'mapping linear', 'cascade attention-1pass', 'cascade linear-layers',
    'accounting hardware']
    """
    found = {
        "version": [version()],
        "models": [models()],
        "chunk": [str(sweep.grid.chunk)],
        "sweep": [fingerprint(without_words(sweep.spec))],
        "workload": [fingerprint(sweep.workload.data)],
    }
    for design in sweep.designs:
        for name, value in _of_design(sweep, design):
            found.setdefault(name, []).append(value)
    return {name: _together(dict.fromkeys(values)) for name, values in found.items()}


def without_words(spec: Any) -> Any:
    """The spec of a sweep or a search without what is said about it, on which no number depends."""
    return spec.model_copy(update={"summary": "", "source": ()})


def _of_design(sweep: Sweep, design: Design) -> Iterator[tuple[str, str]]:
    """Names and hashes of what a design depends on; files of two designs may have the same name."""
    host, how = machine_of(design.arch.reference), mapping_of(design.mapping.reference)
    yield f"arch {host.name}", fingerprint(design.arch.data)
    for name in _named(sweep, "arch", "energy", host.energy):
        yield f"table {name}", fingerprint(table(name).spec)
    hows = [how, *([mapping_of(how.model.layers)] if how.model.layers is not None else [])]
    for each in hows:
        yield f"mapping {each.name}", fingerprint(each.model)
    for each in hows:
        yield f"cascade {each.model.cascade}", fingerprint(cascade(each.model.cascade))
    for name in _named(sweep, "mapping", "accounting", how.model.accounting):
        yield f"accounting {name}", fingerprint(accounting(name))


def _together(hashes: Iterable[str]) -> str:
    """One hash of those that have a name in common; a single one stands for itself."""
    all_of_them = tuple(hashes)
    return all_of_them[0] if len(all_of_them) == 1 else fingerprint(all_of_them)


def _named(sweep: Sweep, part: str, key: str, own: str) -> list[str]:
    """The files that a key names: its own value, or those of an axis that sets it."""
    axes = [axis for axis in sweep.axes if axis.part == part and axis.slot.dotted == key]
    return [own, *(str(value) for axis in axes for value in axis.values.tolist())]
