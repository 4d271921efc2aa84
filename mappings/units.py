"""Units that a mapping names and a machine does not have: found before anything that follows from them."""

from __future__ import annotations

from typing import Any

from arch import without_unit
from specs import Loaded, Problem, SpecError

from .spec import MappingSpec


def check_units(loaded: Loaded[MappingSpec], machine: Any) -> None:
    """Raises `SpecError` with a sentence for each unit of other machines of the library that this one does not have.

    A name that none of them has is for the structure to refuse, with all else that is wrong.
    """
    found: dict[str, Problem] = {}
    for i, binding in enumerate(loaded.model.bind):
        if binding.unit in machine.units or binding.unit in found:
            continue
        why = without_unit(machine, binding.unit)
        if why is not None:
            names = ", ".join(f"'{name}'" for name in binding.einsums)
            message = f"{names}: bound to unit '{binding.unit}', and {why}"
            found[binding.unit] = Problem(message, loaded.place(("bind", i, "unit")))
    if found:
        raise SpecError(list(found.values()))
