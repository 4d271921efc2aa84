"""Area against latency in sentences: which machines are on the front, and what lies beside it."""

from __future__ import annotations

from collections.abc import Iterator

from ..area_latency import area_points
from ..study import Study
from .text import listed


def sentences(study: Study) -> Iterator[str]:
    """Of the sweep's machines how many are on every model's front, and which configurations' machines are off it."""
    found = area_points(study)
    swept = [each for each in found if each.number is not None]
    if not swept:
        return
    on = [n for n in dict.fromkeys(e.number for e in swept) if all(e.on_front for e in swept if e.number == n)]
    sizes = len({each.number for each in swept})
    off = [name for name in study.paper.configurations if _never(study, name)]
    beside = f"; the machines of {listed(off)} are off it for every model" if off else ""
    yield f"{len(on)} of {sizes} sizes of the array are on the front of area and latency for every model{beside}."


def _never(study: Study, configuration: str) -> bool:
    own = [each for each in area_points(study) if (each.configuration, each.number) == (configuration, None)]
    return bool(own) and not any(each.on_front for each in own)
