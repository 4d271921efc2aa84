"""Samples of a search: seeded, kept in a journal, and the same whether the search was killed in between or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim.explore.search.exhaustive import exhaustive
from sim.explore.search.sampling import sampled
from sim.explore.search.space import Search, search
from sim.explore.search.work import SearchWork

pytest.importorskip("optuna", reason="the extra 'search' is not installed")

SPEC: dict[str, Any] = {
    "search": "sampled",
    "workload": "attention:queries=64,keys=96,head_dim=8,value_dim=8",
    "arch": "fusemax-edge",
    "mapping": "fusemax-binding",
    "open": {
        "partition": {"p": {"p1": "any"}, "m": {"m0": [8, 16, 32, 64]}},
        "loops": "any",
        "bind": {"RD": "any", "SPD": "any"},
    },
    "axes": {"arch.dram.bandwidth": ["4 GiB/s", "64 GiB/s"]},
    "seed": 7,
}
PROGRAM = """
import sys
from pathlib import Path
from sim.explore.search.sampling import sampled
from sim.explore.search.space import search
sampled(search(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
"""


def made(folder: Path, **changes: Any) -> Search:
    path = folder / "search.yaml"
    path.write_text(json.dumps(SPEC | changes))
    return search(str(path))


def trials(journal: Path) -> list[tuple[Any, ...]]:
    """The complete trials of a journal: where they are, and their objectives."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name="search", storage=storage)
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return [(each.user_attrs["site"], *each.user_attrs["place"], *each.values) for each in complete]


@pytest.mark.parametrize("method", ["tpe", "nsga2"])
def test_a_killed_search_goes_on_with_the_same_trials(method: str, tmp_path: Path) -> None:
    """kill -9 twice, at whatever moment: the trials are those of a search that was left alone, in their order."""
    objectives = ["latency_s", "energy_j"] if method == "nsga2" else ["latency_s"]
    one = made(tmp_path, objectives=objectives)
    alone, killed = tmp_path / "alone.log", tmp_path / "killed.log"
    expected = sampled(one, method, 70, alone)
    arguments = [sys.executable, "-c", PROGRAM, str(tmp_path / "search.yaml"), method, "70", str(killed)]
    for size in (3_000, 12_000):
        child = subprocess.Popen(arguments, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        while child.poll() is None and not (killed.is_file() and killed.stat().st_size > size):
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait()
    found = sampled(one, method, 70, killed)
    assert trials(killed) == trials(alone)
    assert found == expected and found.seen == 70 and found.verdict == "best of 70 seen"


def test_a_journal_that_has_all_trials_is_only_read(tmp_path: Path) -> None:
    one = made(tmp_path)
    first = sampled(one, "tpe", 25, tmp_path / "trials.log")
    assert sampled(one, "tpe", 25, tmp_path / "trials.log", lambda step: pytest.fail("drawn anew")) == first


def test_samples_are_never_better_than_the_optimum(tmp_path: Path) -> None:
    """And another seed draws others."""
    one, other = made(tmp_path), made(tmp_path, seed=8)
    best = exhaustive(one)
    found = sampled(one, "tpe", 40, tmp_path / "one.log")
    assert best.proven and best.best.values <= found.best.values and not found.proven
    sampled(other, "tpe", 40, tmp_path / "other.log")
    assert trials(tmp_path / "one.log") != trials(tmp_path / "other.log")


def test_auto_samples_what_bounds_leave(tmp_path: Path) -> None:
    """By TPE for one objective, by NSGA-II for several, after half of the budget in order; not if that is a proof."""
    unbounded = made(tmp_path, budget=20, objectives=["busy.array_1d"])
    found = SearchWork(unbounded, tmp_path).found()
    assert (found.method, found.seen, found.verdict) == ("exhaustive, then tpe", 20, "best of 20 seen")
    several = made(tmp_path, budget=20, objectives=["busy.array_1d", "energy_j"])
    assert SearchWork(several, tmp_path, fresh=True).found().method == "exhaustive, then nsga2"
    proven = SearchWork(made(tmp_path, budget=10_000), tmp_path, fresh=True).found()
    assert (proven.method, proven.verdict) == ("exhaustive", "optimal")


def test_nothing_feasible_names_the_tightest_limit(tmp_path: Path) -> None:
    one = made(tmp_path, arch="fusemax-edge:buffer.size=16B", axes={})
    found = sampled(one, "tpe", 5, tmp_path / "trials.log")
    assert not found.hits and found.verdict == "none of 5 seen is feasible"
    assert "refuses" in found.refusals.tightest
