"""The Pareto front: the definition, by every pair, over drawn points; laws; the filters; refusals."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sim.explore.fronts import pareto
from sim.explore.fronts.pareto import front, merge, top_k

Points = NDArray[np.float64]

OBJECTIVES = st.integers(1, 4)
# few values make ties and equal points; the last ones are on no front
GRID = st.sampled_from([-2.0, -0.0, 0.0, 1.0, 2.0, 3.0, 1e-320, 1e300, np.nan, np.inf, -np.inf])
ANY = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def drawn(draw: st.DrawFn, elements: st.SearchStrategy[float] | None = None, most: int = 90) -> Points:
    """Points in one to four objectives, on a small grid, anywhere, or close to a plane on which all are on the front."""
    shape = draw(st.integers(0, most)), draw(OBJECTIVES)
    if elements is None and draw(st.booleans()):
        seed, levels = draw(st.integers(0, 2**32)), draw(st.sampled_from([3, 10, 1000]))
        return sheet(draw(st.integers(0, 10 * most)), shape[1], levels, seed)
    return draw(
        arrays(np.float64, shape, elements=draw(st.sampled_from([GRID, ANY])) if elements is None else elements)
    )


def sheet(points: int, objectives: int, levels: int, seed: int) -> Points:
    """Points whose objectives have about the same sum, rounded to `levels`."""
    random = np.random.default_rng(seed)
    values = random.random((points, objectives))
    values += (1 - values.sum(axis=1, keepdims=True)) / objectives + 0.05 * random.random((points, 1))
    return np.round(values * levels)


def by_definition(values: Points) -> NDArray[np.bool_]:
    finite = np.isfinite(values).all(axis=1)
    others = values[finite]
    found = np.zeros(len(values), np.bool_)
    for number in np.flatnonzero(finite):
        point = values[number]
        found[number] = not np.any((others <= point).all(axis=1) & (others < point).any(axis=1))
    return found


@pytest.fixture(params=["as it is", "every filter", "every filter, few cuts"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small inputs go past the filters unless these are told otherwise."""
    if request.param != "as it is":
        monkeypatch.setattr(pareto, "FEW", 0)
    if request.param == "every filter, few cuts":
        monkeypatch.setattr(pareto, "CUTS", {2: 1, 3: 2, 4: 3})
        monkeypatch.setattr(pareto, "ANCHORS", 0)


@pytest.mark.usefixtures("filters")
def test_front_is_what_the_definition_says() -> None:
    @settings(max_examples=150)
    @given(drawn(), st.integers(1, 5))
    def check(values: Points, threads: int) -> None:
        assert front(values, threads).tolist() == by_definition(values).tolist()

    check()


@pytest.mark.parametrize("objectives", [2, 3, 4])
@pytest.mark.parametrize("levels", [8, 60, 10**6])
def test_thousands_of_points(objectives: int, levels: int) -> None:
    sheeted = sheet(1700, objectives, levels, seed=1)
    even = np.floor(np.random.default_rng(2).random((1700, objectives)) * levels)
    values = np.concatenate([sheeted, even, sheeted])
    assert len(values) > pareto.FEW
    expected = by_definition(values)
    assert (front(values) == expected).all()
    assert (front(np.asfortranarray(values), threads=3) == expected).all()


@given(drawn(), st.randoms())
def test_the_order_of_points_and_of_objectives_does_not_matter(values: Points, random: Random) -> None:
    rows, columns = ([*range(size)] for size in values.shape)
    random.shuffle(rows)
    random.shuffle(columns)
    assert front(values[rows][:, columns]).tolist() == front(values)[rows].tolist()


@given(
    drawn(st.integers(-9, 9).map(float)), st.lists(st.sampled_from(["cube", "exp", "scale"]), min_size=4, max_size=4)
)
def test_monotone_transformations_change_nothing(values: Points, kinds: list[str]) -> None:
    ways: dict[str, Callable[[Points], Points]] = {
        "cube": lambda x: x**3,
        "exp": np.exp,
        "scale": lambda x: 1e-300 * x - 7e-300,
    }
    columns = [ways[kind](column) for kind, column in zip(kinds, values.T, strict=False)]
    assert front(np.array(columns).T.reshape(values.shape)).tolist() == front(values).tolist()


@given(drawn(), st.lists(st.integers(0, 90), max_size=4))
def test_merged_fronts_of_parts_are_the_front_of_all(values: Points, cuts: list[int]) -> None:
    parts = np.split(values, sorted(min(cut, len(values)) for cut in cuts))
    fronts = [part[front(part)] for part in parts]
    masks = merge(fronts)
    merged = [part[mask] for part, mask in zip(fronts, masks, strict=True)]
    assert np.concatenate(merged).tolist() == values[front(values)].tolist()
    assert np.concatenate(merge(parts)).tolist() == front(values).tolist()


@given(drawn())
def test_front_of_a_front_is_itself(values: Points) -> None:
    assert front(values[front(values)]).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[3], [1], [np.nan], [1], [-np.inf]], [False, True, False, True, False]),
        ([[0, 2], [0, 1], [1, 0], [1, 0], [1, 1]], [False, True, True, True, False]),
        ([[1, 1, 5], [1, 1, 4], [1, 2, 3], [2, 2, 3], [np.nan, 0, 0]], [False, True, True, False, False]),
        ([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 4, 4], [4, 3, 2, 1]], [True, True, False, True]),
        ([[-0.0, 1, 1], [0.0, 1, 1], [0.0, 0, 2]], [True, True, True]),
        (np.empty((0, 3)), []),
    ],
)
def test_front_by_hand(values: list[list[float]], expected: list[bool]) -> None:
    assert front(values).tolist() == expected


def test_no_parts_have_no_fronts() -> None:
    assert merge([]) == ()


@given(st.lists(st.one_of(GRID, ANY), max_size=40), st.integers(0, 45))
def test_best_few_are_those_of_a_sort(values: list[float], k: int) -> None:
    finite = [number for number, value in enumerate(values) if np.isfinite(value)]
    assert top_k(np.array(values, np.float64), k).tolist() == sorted(finite, key=lambda n: (values[n], n))[:k]


def test_integers_as_they_are() -> None:
    assert front([[2**53, 0], [2**53 - 1, 0]]).tolist() == [False, True]
    assert top_k(np.array([3, 1, 1], np.uint8), 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "values of shape (2,): give [points, objectives], 1 to 4 objectives"),
        (np.zeros((2, 5)), "values of shape (2, 5): give [points, objectives], 1 to 4 objectives"),
        ([["a", "b"]], "values of type <U1: give integers, float32 or float64"),
        ([[2**53 + 1, 0]], "integers beyond 2^53, which float64 does not tell apart: scale them"),
    ],
)
def test_what_is_refused(values, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        front(values)
    assert str(caught.value) == message


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match="the parts have 2, 3 objectives: give the same objectives of all of them"):
        merge([[[1, 2]], [[1, 2, 3]]])
    with pytest.raises(ValueError, match="the best -1 points: give 0 or more"):
        top_k([1.0], -1)
    with pytest.raises(ValueError, match="0 threads: give 1 or more"):
        front([[1.0, 2.0]], threads=0)
    with pytest.raises(ValueError, match=r"values of shape \(1, 1\): give one value for each point, as \[n\]"):
        top_k([[1.0]], 1)
