"""Accountings: named choices of what an energy figure counts. Files in `sim/accounting/`, chosen by a mapping's key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from specs import Library, Spec


class AccountingSpec(Spec):
    """The file of an accounting.

    `register_files` counts the accesses of all elements of a unit, or of one of them; `rows` of memories are those that
    each visit touches, or all words divided by a row's; `spilled` words of what does not fit into a memory are charged
    where they are moved, or in that memory as well (where rows are `filled`); `dropped` lists native operations whose
    energy is left out.
    """

    accounting: str
    summary: str = ""
    source: tuple[str, ...] = ()
    register_files: Literal["all elements", "one element"] = "all elements"
    rows: Literal["touched", "filled"] = "touched"
    spilled: Literal["where moved", "in both"] = "where moved"
    dropped: tuple[str, ...] = ()


ACCOUNTINGS = Library("accounting", Path(__file__).parent / "accounting", AccountingSpec)


def accounting(name: str) -> AccountingSpec:
    """The accounting of that name.

    >>> accounting("fusemax-artifact").register_files
    'one element'
    """
    return ACCOUNTINGS.load(name).model
