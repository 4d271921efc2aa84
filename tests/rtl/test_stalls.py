"""Drawn stalls: of the simulator's form, the same for a seed, and of the density that was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.stalls import burst_stalls, no_stalls, random_stalls
from sim.streams import stops_of

NAMES = ["Q", "K", "V", "AV"]


@given(st.integers(0, 2**63), st.integers(1, 500), st.floats(0, 1), st.integers(1, 30), st.integers(1, 30))
def test_the_simulator_takes_what_is_drawn(
    tmp_path_factory: pytest.TempPathFactory, seed: int, horizon: int, probability: float, ready: int, stalled: int
) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "stalls.json"
    for drawn in (
        no_stalls(),
        random_stalls(seed, NAMES, horizon, probability),
        burst_stalls(seed, NAMES, horizon, ready, stalled),
    ):
        path.write_text(json.dumps(drawn))
        assert stops_of(str(path), NAMES) == drawn
        assert max((end for stretches in drawn.values() for _, end in stretches), default=0) <= horizon


@given(st.integers(0, 2**63), st.permutations(NAMES))
def test_a_stream_gets_the_same_whatever_others_there_are(seed: int, names: list[str]) -> None:
    for draw in (random_stalls, burst_stalls):
        together = draw(seed, names, 300)
        assert together == draw(seed, NAMES, 300)
        assert draw(seed, names[:1], 300).get(names[0]) == together.get(names[0])
        assert len({together.get(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("drawn", "share"),
    [(random_stalls(3, ["q"], 100_000, 0.3), 0.3), (burst_stalls(3, ["q"], 100_000, 20, 5), 0.2)],
)
def test_the_share_of_stalled_cycles_is_as_asked(drawn, share: float) -> None:
    assert sum(end - begin for begin, end in drawn["q"]) / 100_000 == pytest.approx(share, rel=0.05)


def test_all_or_nothing() -> None:
    assert random_stalls(1, ["q"], 10, 0) == {}
    assert random_stalls(1, ["q"], 10, 1) == {"q": ((0, 10),)}


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, not be 1\.5"):
        random_stalls(1, ["q"], 10, 1.5)
    with pytest.raises(ValueError, match="mean lengths must be 1 cycle or more, not 0"):
        burst_stalls(1, ["q"], 10, 0)
