"""The libraries by kind: what exists, which kind a name or a file belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specs import Library, Problem, SpecError, parse_reference, read_file, unknown

KINDS = ("cascade", "workload", "arch", "mapping")  # with a library each
OF_FILES = (*KINDS, "sweep", "search", "cluster")


@dataclass(frozen=True)
class Entry:
    """A spec of a library: its name and its one-line summary."""

    name: str
    summary: str


def known_kind(word: str, plural: bool = False) -> str:
    """The kind that a word on the command line means; in the plural, one with a library. Raises SpecError.

    >>> known_kind("archs", plural=True), known_kind("arch")
    ('arch', 'arch')
    """
    legal = {f"{kind}s": kind for kind in KINDS} if plural else {kind: kind for kind in OF_FILES}
    if word not in legal:
        raise SpecError(unknown("library" if plural else "kind of spec", word, legal))
    return legal[word]


def library(kind: str) -> Library:
    """The library of one kind."""
    if kind == "arch":
        from arch import ARCHS

        return ARCHS
    if kind == "mapping":
        from mappings import MAPPINGS

        return MAPPINGS
    if kind == "sweep":
        from sim.explore.spec import SWEEPS

        return SWEEPS
    if kind == "search":
        from sim.explore.search.spec import SEARCHES

        return SEARCHES
    if kind == "cluster":
        from sim.explore.runs.batch import CLUSTERS

        return CLUSTERS
    from workloads import CASCADES, WORKLOADS

    return CASCADES if kind == "cascade" else WORKLOADS


def entries(kind: str) -> list[Entry]:
    """Every spec of a library, sorted by name."""
    shelf = library(kind)
    return [Entry(name, summary(read_file(shelf.path(name)).value)) for name in shelf.names()]


def summary(value: dict[str, Any]) -> str:
    """The summary of a spec's data, as one line."""
    return " ".join(str(value.get("summary", "")).split())


def kinds_of(reference: str) -> list[str]:
    """The kinds that a reference may mean: of a file by its first key, of a name by the libraries that hold it.

    Raises SpecError that names the nearest name.

    >>> kinds_of("fusemax-cloud:buffer.size=32MiB")
    ['arch']
    """
    parsed = parse_reference(reference)
    if parsed.is_path:
        return [kind_of_file(Path(parsed.name))]
    found = [kind for kind in KINDS if parsed.name in library(kind).names()]
    if found:
        return found
    names = [name for kind in KINDS for name in library(kind).names()]
    raise SpecError(unknown("name", parsed.name, names) + " (or a path to a .yaml file)")


def kind_of_file(path: Path) -> str:
    """The kind of a spec file, which is its first key. Raises SpecError."""
    if path.exists() and not path.is_file():  # reading a FIFO would wait for its writer
        raise SpecError(f"{path}: not a regular file; a spec is a YAML file")
    document = read_file(path)
    first = next(iter(document.value), "")
    if first in OF_FILES:
        return str(first)
    legal = unknown("kind of spec", str(first), OF_FILES)
    message = f"{legal}; the first key of a spec names its kind, as in 'arch: my-machine'"
    raise SpecError(Problem(message, document.place((first,), key=True) if first else None))
