"""The libraries of cascades and workloads, by name or by file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from specs import Library, SpecError, parse_reference

from .cascade import Cascade
from .checking import check_cascade
from .spec import CascadeSpec
from .workload import Workload, WorkloadSpec, attention_workload, bare_cascade

_FOLDER = Path(__file__).parent / "library"
CASCADES = Library("cascade", _FOLDER / "cascades", CascadeSpec)
WORKLOADS = Library("workload", _FOLDER / "workloads", WorkloadSpec)


def cascade(reference: str) -> Cascade:
    """The cascade of that name, or of that file.

    >>> cascade("gemm").parts
    {'m': ('m',), 'n': ('n',), 'k': ('k',)}
    """
    if reference in CASCADES:
        return _library_cascade(reference)
    return check_cascade(CASCADES.load(reference))


@cache
def _library_cascade(name: str) -> Cascade:
    return check_cascade(CASCADES.load(name))


def workload(reference: str) -> Workload:
    """The workload of a reference: `bert:seq_len=1Ki`, a file, or a bare cascade with its sizes.

    >>> workload("bert:seq_len=1Ki").values["keys"]
    1024
    >>> workload("gemm:M=8,N=8,K=4").cascade
    'gemm'
    """
    parsed = parse_reference(reference)
    if parsed.name in CASCADES and parsed.name not in WORKLOADS:
        return bare_cascade(cascade(parsed.name), dict(parsed.overrides), reference)
    try:
        loaded = WORKLOADS.load(reference)
    except SpecError as error:
        loaded_cascade = _cascade_file(parsed.name)
        if loaded_cascade is None:
            raise error
        return bare_cascade(loaded_cascade, dict(parsed.overrides), reference)
    return attention_workload(loaded)


def _cascade_file(name: str) -> Cascade | None:
    """The cascade of a user's file, or None if the file is not one."""
    path = Path(name)
    if not path.is_file() or "cascade:" not in path.read_text(encoding="utf-8", errors="replace"):
        return None
    return cascade(name)
