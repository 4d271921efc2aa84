"""What is stored of an exhaustive search on its way, so that one that was killed goes on and does not begin again.

The way through a space is always the same: it depends on bounds, and on what was found before. So it is enough to know
how often members were judged, and which of these improved the front; up to there the way is gone again without judging.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..runs.parts import flushed, placed
from ..runs.shards import WHOLE
from .found import Hit
from .refusals import Refusal, Refusals

EVERY_S = 2.0  # of work that is lost at most if a process is killed


@dataclass
class Trail:
    """The way of a search so far, in a file; without one it is not stored.

    `hits` are by the number of the judgement that found them, `refusals` those of all judgements.

    >>> trail = Trail()
    >>> trail.add([Hit(0, (1,), (2.0,))], Refusals())
    >>> trail.judged, trail.hits
    (1, {0: [Hit(site=0, place=(1,), values=(2.0,))]})
    """

    path: Path | None = None
    judged: int = 0
    hits: dict[int, list[Hit]] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    saved_s: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, path: Path | None) -> Trail:
        """That of a file; a new one if there is none, or what it holds is no trail."""
        if path is None or not path.is_file():
            return cls(path)
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            hits: dict[int, list[Hit]] = {}
            for number, site, place, values in found["hits"]:
                hits.setdefault(number, []).append(Hit(site, tuple(place), tuple(values)))
            limits = {name: Refusal(**each) for name, each in found["by_limit"].items()}
            refusals = Refusals(limits, found["illegal"], found["example"])
            return cls(path, found["judged"], hits, refusals)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(path)

    def add(self, hits: Sequence[Hit], refusals: Refusals) -> None:
        """Take the next judgement in, and store all of it now and then. Raises OSError."""
        if hits:
            self.hits[self.judged] = list(hits)
        self.judged += 1
        self.refusals = self.refusals + refusals
        if time.monotonic() - self.saved_s >= EVERY_S:
            self.save()

    def save(self) -> None:
        """Store it, whole or not at all. Raises OSError."""
        if self.path is not None:
            hits = [[i, each.site, each.place, each.values] for i, found in self.hits.items() for each in found]
            limits = {name: asdict(each) for name, each in self.refusals.by_limit.items()}
            known = {"judged": self.judged, "hits": hits, "by_limit": limits}
            known |= {"illegal": self.refusals.illegal, "example": self.refusals.example}
            placed(self.path, json.dumps(known).encode(), WHOLE, flushed)
            self.saved_s = time.monotonic()
