"""`einfuse show` of a search: the mapping that it begins at, what is open, and how many members that makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quantities
from .console import fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.explore.search.space import Search

SHOWN = 4  # options of an opening


def as_text(search: Search) -> list[RenderableType]:
    """A search: its references, objectives, and of the first design each opening with its first options."""
    spec = search.spec
    about = [(name, str(getattr(spec, name))) for name in ("workload", "arch", "mapping", "method")]
    about += [("objectives", ", ".join(spec.objectives))]
    about += [("constraints", ", ".join(spec.constraints))] if spec.constraints else []
    about += [("designs", quantities.count(len(search.places))), ("mappings", quantities.count(search.size))]
    rows = []
    for opening in search.site(0).space.openings:
        texts = [opening.text(i) for i in range(min(SHOWN, len(opening.options)))]
        more = ["…"] if len(opening.options) > SHOWN else []
        rows.append((opening.name, quantities.count(len(opening.options)), ", ".join([*texts, *more])))
    opened = table(("opening", "options>", "such as"), rows)
    return [heading(f"search {search.loaded.name}"), fields(about, indent=2), "", heading("open"), opened]
