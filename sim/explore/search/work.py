"""A search as work: one chunk, whose rows are the front; beside it the best mapping as a file, and how it was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mappings.writing import mapping_text
from specs import Infeasible, ToolMissing

from ...record import fingerprint
from ..identity import identity_of, without_words
from ..runs.parts import flushed, placed
from ..runs.shards import WHOLE
from .exhaustive import Step, exhaustive
from .found import Found, Hit
from .space import Search

if TYPE_CHECKING:
    import pyarrow

BEST, SUMMARY, TRIALS, TRAIL = "_best.yaml", "_search.json", "_trials.log", "_trail.json"
SCHEMA = "einfuse.search/1"
ENUMERABLE = 1 << 16  # members that `auto` sees all of, if no budget is given
SEEN = 1 << 14  # members that `auto` sees of more than these, if no budget is given
SAMPLES = 1000  # members that are sampled at most, if no budget is given


@dataclass(frozen=True, eq=False)
class SearchWork:
    """The `Work` of a search, whose files lie in a folder."""

    search: Search
    folder: Path
    progress: Callable[[Step], None] = lambda step: None
    fresh: bool = False  # leaves aside what is stored of a search that was ended

    @property
    def chunks(self) -> int:
        return 1

    @property
    def points(self) -> int:
        """How many mappings there are, on all designs."""
        return self.search.size

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """Hashes of all that the front depends on."""
        return {**identity_of(self.search.sweep), "search": fingerprint(without_words(self.search.spec))}

    def table(self, chunk: int) -> pyarrow.Table:
        """The front. Raises Infeasible, with the tightest limit, if nothing is feasible."""
        found = self.found()
        if not found.hits:
            raise Infeasible(f"{found.verdict}; {found.refusals.tightest}")
        summary = json.dumps(summary_of(self.search, found, self.folder), indent=2) + "\n"
        placed(self.folder / BEST, best_text(self.search, found).encode(), WHOLE, flushed)
        placed(self.folder / SUMMARY, summary.encode(), WHOLE, flushed)
        return table_of(self.search, found)

    def found(self) -> Found:
        """What the method of the search finds."""
        spec = self.search.spec
        if self.fresh:
            for name in (TRIALS, TRAIL):
                (self.folder / name).unlink(missing_ok=True)
        if spec.method == "exhaustive":
            return self._in_order(spec.budget)
        if spec.method == "auto":
            return self._auto()
        return self._sampled(spec.method, spec.budget or SAMPLES)

    def _auto(self) -> Found:
        """All members, if they are few or bounds rule out most; else half of the budget in order, the rest sampled."""
        spec = self.search.spec
        if spec.budget is None and self.search.size <= ENUMERABLE:
            return self._in_order(None)
        budget = spec.budget or SEEN
        first = self._in_order(max(1, budget // 2))
        if first.proven or first.seen >= budget:
            return first
        left = budget - first.seen
        method = "nsga2" if len(spec.objectives) > 1 else "tpe"
        try:
            return first + self._sampled(method, left if spec.budget else min(left, SAMPLES))
        except ToolMissing:  # samples are asked for by name, or done without
            return first

    def _in_order(self, budget: int | None) -> Found:
        return exhaustive(self.search, budget, self.progress, stored=self.folder / TRAIL)

    def _sampled(self, method: str, number: int) -> Found:
        from .sampling import sampled

        return sampled(self.search, method, number, self.folder / TRIALS, self.progress)


def best_text(search: Search, found: Found) -> str:
    """The file of the best mapping."""
    hit = found.best
    site = search.site(hit.site)
    refs, loaded = site.references, site.space.member(hit.place)
    model = f" --model {refs.model}" if refs.model else ""
    numbers = ", ".join(f"{name} {value!r}" for name, value in zip(search.objectives, hit.values, strict=True))
    about = f"einfuse simulate -w {refs.workload} -a {refs.arch} -m THIS{model}\n{found.verdict}: {numbers}"
    summary = f"What search '{search.loaded.name}' found around '{loaded.name}'."
    told = replace(loaded, model=loaded.model.model_copy(update={"summary": summary}))
    return mapping_text(told, f"{loaded.name}-found", about)


def summary_of(search: Search, found: Found, folder: Path) -> dict[str, Any]:
    """What was found, as JSON."""
    return {
        "schema": SCHEMA,
        "search": search.loaded.name,
        "method": found.method,
        "verdict": found.verdict,
        "proven": found.proven,
        "size": found.size,
        "seen": found.seen,
        "pruned": found.pruned,
        "illegal": found.refusals.illegal,
        "refused": {name: each.count for name, each in found.refusals.by_limit.items()},
        "best": _described(search, found.best, folder),
        "front": len(found.hits),
    }


def _described(search: Search, hit: Hit, folder: Path) -> dict[str, Any]:
    site = search.site(hit.site)
    openings = {each.name: each.text(i) for each, i in zip(site.space.openings, hit.place, strict=True)}
    values = dict(zip(search.objectives, hit.values, strict=True))
    refs = site.references
    return {
        "workload": refs.workload,
        "arch": refs.arch,
        "mapping": str(folder / BEST),
        "model": site.model,
        "open": openings,
        **values,
    }


def table_of(search: Search, found: Found) -> pyarrow.Table:
    """The front, the best first: axes, what was open, objectives."""
    import pyarrow

    sites = [search.site(hit.site) for hit in found.hits]
    columns: dict[str, Any] = {"point": pyarrow.array(range(len(found.hits)), pyarrow.int64())}
    for axis in search.sweep.axes:
        columns[axis.path] = pyarrow.array([_plain(site.axes[axis.path]) for site in sites])
    names = dict.fromkeys(opening.name for site in sites for opening in site.space.openings)
    for name in names:
        texts = []
        for site, hit in zip(sites, found.hits, strict=True):
            own = {each.name: each.text(i) for each, i in zip(site.space.openings, hit.place, strict=True)}
            texts.append(own.get(name))
        columns[f"mapping.{name}"] = pyarrow.array(texts, pyarrow.string())
    for i, objective in enumerate(search.objectives):
        columns[objective] = pyarrow.array([hit.values[i] for hit in found.hits], pyarrow.float64())
    columns["feasible"] = pyarrow.array([True] * len(found.hits))
    columns["reason"] = pyarrow.array([None] * len(found.hits), pyarrow.string()).dictionary_encode()
    return pyarrow.table(columns)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
