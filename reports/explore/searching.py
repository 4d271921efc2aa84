"""`einfuse search`: from its options to what was found, and from that to what a person reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import SpecError, parse_reference

from .. import quantities
from ..console import fields, note
from ..failures import Terminated
from .progress import search_shown

if TYPE_CHECKING:
    from rich.console import RenderableType


def searched(
    spec: str, changes: Sequence[str], folder: str | None, budget: int | None, seed: int | None, fresh: bool
) -> dict[str, Any]:
    """What the search of a file finds, as JSON; a search that is done in its folder is read from there.

    Raises SpecError, and Infeasible with the tightest limit.
    """
    from sim.explore.runs.keep import Keep
    from sim.explore.runs.local import serial
    from sim.explore.runs.run import run
    from sim.explore.search.space import search
    from sim.explore.search.work import SUMMARY, SearchWork

    if folder is not None and not folder.strip():
        raise SpecError("-o takes the folder that the run is written to")
    given = [("budget", budget), ("seed", seed)]
    whole = [*changes, *(f"{name}={value}" for name, value in given if value is not None)]
    made = search(spec, whole)
    place = Path(made.loaded.name if folder is None else folder)
    text = Path(parse_reference(spec).name).read_text(encoding="utf-8")
    text += "".join(f"# --set {change}\n" for change in whole)
    try:
        with search_shown() as progress:
            work = SearchWork(made, place, progress, fresh)
            run(work, place, Keep("all", made.objectives), text, engine=serial, fresh=fresh)
    except (KeyboardInterrupt, Terminated):
        note(f"{place}: the same command goes on from there")
        raise
    found: dict[str, Any] = json.loads((place / SUMMARY).read_text(encoding="utf-8"))
    return {"run": str(place), **found}


def as_text(found: dict[str, Any]) -> list[RenderableType]:
    """What was found, for the terminal."""
    best = found["best"]
    plain = ("workload", "arch", "mapping", "model", "open")
    pairs = [
        ("run", found["run"]),
        ("verdict", found["verdict"]),
        ("mappings", f"{quantities.whole(found['size'])}, by {found['method']}"),
        ("seen", quantities.whole(found["seen"])),
        ("ruled out by bounds", quantities.whole(found["pruned"])),
        ("refused by bind", quantities.whole(found["illegal"])),
        *((f"refused by {name}", quantities.whole(count)) for name, count in found["refused"].items()),
        *((f"least {name}", quantities.objective(name, best[name])) for name in best if name not in plain),
        *((name, str(value)) for name, value in best["open"].items()),
        ("simulate", f"-w {best['workload']} -a {best['arch']} -m {best['mapping']}"),
    ]
    return [fields(pairs)]
