"""`einfuse check`: every fault of every file, at its line and column."""

from __future__ import annotations

from pathlib import Path

from specs import Problem, SpecError

from .catalog import kind_of_file, library


def check_file(path: Path, arch: str | None = None) -> str:
    """The kind of a spec file that is in order; a mapping is held against the machine `arch` too, if one is given.

    Raises SpecError with all its problems.
    """
    kind = kind_of_file(path)
    reference = str(path) if "/" in str(path) or path.suffix in (".yaml", ".yml") else f"./{path}"
    if kind == "arch":
        from arch import machine

        machine(reference)
    elif kind == "mapping":
        from arch import machine
        from mappings import check_mapping, mapping

        check_mapping(mapping(reference), machine(arch) if arch else None)
    elif kind == "cascade":
        from workloads import cascade

        cascade(reference)
    elif kind == "sweep":
        from sim.explore.sweep import sweep

        sweep(reference)
    elif kind == "search":
        from sim.explore.search.space import search

        search(reference)
    else:
        library(kind).load(reference)
    return kind


def check_files(paths: list[Path], arch: str | None = None) -> list[tuple[Path, str]]:
    """The kinds of all files. Raises SpecError with the problems of all of them."""
    found: list[tuple[Path, str]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append((path, check_file(path, arch)))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return found
