"""`einfuse show`: finds what a name means and hands it to the page of its kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from specs import SpecError, unknown

from . import catalog

if TYPE_CHECKING:
    from rich.console import RenderableType

PICTURES = (".svg", ".png", ".pdf")


def spec(reference: str) -> list[RenderableType]:
    """The page of every spec that the reference may mean. Raises SpecError."""
    parts: list[RenderableType] = []
    for kind in catalog.kinds_of(reference):
        parts += ([""] if parts else []) + _page(kind, reference)
    return parts


def _page(kind: str, reference: str) -> list[RenderableType]:
    from . import show_spec

    if kind == "arch":
        from arch import machine

        return show_spec.machine_text(machine(reference))
    if kind == "cascade":
        from workloads import cascade

        from . import show_cascade

        found = cascade(reference)
        return show_cascade.as_text(found, found.source)
    if kind == "sweep":
        from sim.explore.sweep import sweep

        from . import show_sweep

        return show_sweep.as_text(sweep(reference))
    if kind == "search":
        from sim.explore.search.space import search

        from . import show_search

        return show_search.as_text(search(reference))
    loaded = catalog.library(kind).load(reference)
    return show_spec.workload_text(loaded) if kind == "workload" else show_spec.mapping_text(loaded)


def schedule(workload: str, arch: str, mapping: str) -> list[RenderableType]:
    """The page of the schedule that three references make. Raises SpecError or Infeasible."""
    from arch import machine
    from mappings import count
    from mappings import mapping as mapping_of
    from mappings import schedules as schedules_of
    from workloads import workload as workload_of

    from . import show_schedule

    _, made = schedules_of(workload_of(workload), machine(arch), mapping_of(mapping))
    title = f"{workload} on {arch} under {mapping}"
    page: list[RenderableType] = []
    for i, each in enumerate(made):
        which = f"{title}: nest {i + 1} of {len(made)}" if len(made) > 1 else title
        page += [*([""] if page else []), *show_schedule.as_text(each, count(each), which)]
    return page


def draw(reference: str, path: Path) -> None:
    """Draw a cascade's graph, coloured by pass. Raises SpecError for a file that is no picture."""
    from workloads import cascade
    from workloads.graph import draw as draw_graph

    from .passes import default_ranks

    if "cascade" not in catalog.kinds_of(reference):
        raise SpecError(f"--graph draws a cascade, and '{reference}' is none")
    if path.suffix not in PICTURES:
        raise SpecError(unknown("kind of picture", path.suffix, PICTURES, f"of '{path.name}'"))
    found = cascade(reference)
    draw_graph(found, path, default_ranks(found)[0])
