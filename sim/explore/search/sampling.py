"""Samples of a search that is too large to enumerate: NSGA-II or TPE of optuna, whose trials are stored in a journal.

Each trial is drawn with a seed of its own, made of the search's and of how many trials are complete. So a search that
was killed goes on with the trials that it would have drawn.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from specs import ToolMissing

from .exhaustive import Step
from .found import Found, Front, Hit
from .judge import judged
from .refusals import Refusal, Refusals
from .space import Search, Site

if TYPE_CHECKING:
    import optuna

POPULATION = 50  # of NSGA-II
FIRST_AT_RANDOM = 20  # trials of TPE


def sampled(
    search: Search, method: str, budget: int, journal: Path, progress: Callable[[Step], None] = lambda step: None
) -> Found:
    """The front of so many samples; those that the journal has are not drawn again.

    One process at a time; whoever holds the run's folder does. Raises ToolMissing without optuna.
    """
    study = _study(search, journal)
    import optuna

    for stale in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(stale.number, state=optuna.trial.TrialState.FAIL)
    complete = (optuna.trial.TrialState.COMPLETE,)
    result = _Result(search)
    for trial in study.get_trials(deepcopy=False, states=complete)[:budget]:
        result.take(trial.user_attrs, trial.values)
    while result.seen < budget:
        study.sampler = _sampler(method, search.spec.seed, result.seen)
        asked = study.ask()
        site, place = _drawn(search, asked)
        space = site.space
        cell = space.index(place) % space.cells
        found = judged(search, site, place[: space.structures], np.array([cell]))
        values = found.values[0].tolist()
        for name, value in _noted(site, place, found.refusals).items():
            asked.set_user_attr(name, value)
        study.tell(asked, values)
        result.take(asked.user_attrs, values)
        progress(Step(search.size, result.seen, 0, result.front.best if result.front.hits else None))
    hits = tuple(sorted(result.front.hits, key=lambda hit: hit.values))
    return Found(method, search.size, result.seen, 0, hits, result.refusals)


class _Result:
    """What the trials so far have found."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.front, self.seen, self.refusals = Front(), 0, Refusals()

    def take(self, noted: dict[str, Any], values: Sequence[float]) -> None:
        """Take the next trial in."""
        self.seen += 1
        limits = {name: Refusal(1, over, why) for name, over, why in noted["refused"]}
        self.refusals = self.refusals + Refusals(limits, noted["illegal"], noted["example"])
        if np.isfinite(values[0]):
            self.front.add(Hit(noted["site"], tuple(noted["place"]), tuple(values)))


def _noted(site: Site, place: Sequence[int], refusals: Refusals) -> dict[str, Any]:
    """What the journal keeps of a trial beside its objectives."""
    return {
        "site": site.number,
        "place": list(place),
        "refused": [[name, each.over, each.why] for name, each in refusals.by_limit.items()],
        "illegal": refusals.illegal,
        "example": refusals.example,
    }


def _study(search: Search, journal: Path) -> optuna.Study:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        message = "optuna, which draws samples, is not installed; pip install 'einfuse[search]', or give the search"
        raise ToolMissing(f"{message} method=exhaustive and a budget") from None
    optuna.logging.set_verbosity(logging.ERROR)
    _mend(journal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(journal)))
    directions = ["minimize"] * len(search.objectives)
    return optuna.create_study(storage=storage, study_name="search", directions=directions, load_if_exists=True)


def _mend(journal: Path) -> None:
    """Remove what a process that was killed left: a line that it was writing, and its lock."""
    with suppress(FileNotFoundError):
        Path(f"{journal}.lock").unlink()
    if journal.is_file():
        data = journal.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with journal.open("r+b") as file:
                file.truncate(whole)


def _sampler(method: str, seed: int, number: int) -> optuna.samplers.BaseSampler:
    import optuna

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if method == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=own)
    return optuna.samplers.TPESampler(n_startup_trials=FIRST_AT_RANDOM, seed=own)


def _drawn(search: Search, trial: optuna.Trial) -> tuple[Site, tuple[int, ...]]:
    """The member of a trial: axes and extents have an order, other options have none."""
    number = 0
    for axis in search.sweep.free:
        number = number * len(axis.values) + trial.suggest_int(axis.path, 0, len(axis.values) - 1)
    site = search.site(number)
    place = []
    for opening in site.space.openings:
        last = len(opening.options) - 1
        name = f"{opening.name} of {last + 1}"  # how many there are may depend on the axes
        if opening.is_extents or last == 0:
            place.append(trial.suggest_int(name, 0, last))
        else:
            place.append(int(trial.suggest_categorical(name, range(last + 1))))
    return site, tuple(place)
