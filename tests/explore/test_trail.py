"""An exhaustive search that was ended goes on: nothing is judged twice, and the end is that of one left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sim.explore.search import exhaustive as module
from sim.explore.search.exhaustive import Step, exhaustive
from sim.explore.search.judge import judged
from sim.explore.search.space import Search
from sim.explore.search.trail import Trail
from tests.explore.spaces import KEEPS, drawn

SEEDS = (1, 9, 10, 14, 17, 31)
PROGRAM = """
import os, sys
from pathlib import Path
from sim.explore.search import trail
from sim.explore.search.exhaustive import exhaustive
from tests.explore.spaces import KEEPS, drawn
trail.EVERY_S = 0.0
left = int(sys.argv[3])
def told(step):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)
exhaustive(drawn(Path(sys.argv[1]), int(sys.argv[2])), progress=told, prune=False, stored=Path(sys.argv[1]) / "trail.json")
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_judged_before_an_interrupt_is_not_judged_again(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after each fifth judgement, until it ends by itself."""
    made, stored, calls = drawn(tmp_path, seed), tmp_path / "trail.json", []
    expected = exhaustive(made)

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return judged(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "judged", counted)
    assert exhaustive(made) == expected
    alone = len(calls)
    calls.clear()

    def told(step: Step) -> None:
        if len(calls) and len(calls) % 5 == 0:
            calls.append(())
            raise KeyboardInterrupt

    for _ in range(alone):
        try:
            found = exhaustive(made, progress=told, stored=stored)
            break
        except KeyboardInterrupt:
            pass
    assert found == expected
    assert len([each for each in calls if each]) == alone == Trail.of(stored).judged
    monkeypatch.setattr(module, "judged", lambda *_: pytest.fail("judged again"))
    assert exhaustive(made, stored=stored) == expected


@pytest.mark.parametrize("seed", (0, 3, 6))
def test_a_search_by_energy_goes_on(seed: int, tmp_path: Path) -> None:
    """Its bounds read loops and keeps; interrupted after each judgement, until it ends by itself."""
    made, stored = drawn(tmp_path, seed, KEEPS, "energy_j"), tmp_path / "trail.json"
    expected, known = exhaustive(made), 0

    def told(step: Step) -> None:
        if step.seen > known:
            raise KeyboardInterrupt

    for _ in range(expected.seen + 1):
        try:
            assert exhaustive(made, progress=told, stored=stored) == expected
            return
        except KeyboardInterrupt:
            before, known = known, _seen(made, stored)
            assert known > before
    pytest.fail("it never ended")


def _seen(made: Search, stored: Path) -> int:
    """How many members were seen when it was interrupted."""
    left, seen = Trail.of(stored).judged, 0

    def told(step: Step) -> None:
        nonlocal left, seen
        left, seen = left - 1, step.seen
        if not left:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        exhaustive(made, progress=told, stored=stored)
    return seen


@pytest.mark.parametrize("seed", (9, 24))
def test_a_killed_search_ends_as_one_that_was_left_alone(seed: int, tmp_path: Path) -> None:
    """kill -9 twice: after two judgements, and after three more."""
    made = drawn(tmp_path, seed)
    expected = exhaustive(made, prune=False)
    for judgements in (2, 5):
        arguments = [sys.executable, "-c", PROGRAM, str(tmp_path), str(seed), str(judgements)]
        ended = subprocess.run(arguments, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert Trail.of(tmp_path / "trail.json").judged >= judgements - 1
    assert exhaustive(made, prune=False, stored=tmp_path / "trail.json") == expected


def test_what_is_no_trail_is_left_aside(tmp_path: Path) -> None:
    """A file that was changed by hand is begun anew."""
    path = tmp_path / "trail.json"
    for text in ("", "[]", '{"judged": 3}', "{"):
        path.write_text(text)
        assert Trail.of(path).judged == 0
