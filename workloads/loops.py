"""Loops through running states: which Einsums need each other, and whether they may.

`RD[m1+1] = PRM[m1] * RD[m1] + SLD[m1]` needs itself, one iteration back. A set of Einsums that need each other is legal
if all of them iterate over one and the same part; then each iteration can be evaluated in the order of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .recurrence import tied

if TYPE_CHECKING:
    from .cascade import Einsum
    from .spec import Faults


def check_loops(faults: Faults, einsums: Sequence[tuple[int, Einsum]]) -> None:
    """Reports every Einsum that cannot stand in the loop it is part of."""
    by_name = {einsum.name: einsum for _, einsum in einsums}
    for i, einsum in einsums:
        loop = tied(by_name, einsum.name)
        parts = sorted({str(part) for name in loop if (part := by_name[name].iterated)})
        if not parts:
            continue
        if len(parts) > 1:
            if einsum.iterated:
                message = f"{_listed(loop)} need each other but iterate over different parts: {', '.join(parts)}"
                faults.report(message, "einsums", i)
            continue
        for read in einsum.reads:
            if read.tensor not in loop:
                continue
            if parts[0] not in einsum.target_ranks:
                message = (
                    f"a cycle: '{einsum.name}' needs every '{parts[0]}' of '{read.tensor}', which needs '{einsum.name}'"
                )
            elif read.version == "final":
                message = f"a cycle: '{einsum.name}' needs the final '{read.tensor}', which needs '{einsum.name}'"
            else:
                continue
            faults.report(message, "einsums", i, offset=read.access.offset)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:-1]) + f" and '{names[-1]}'"
