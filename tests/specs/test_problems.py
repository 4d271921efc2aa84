"""Problems are sentences with a place; a SpecError holds them in reading order."""

import pickle

import pytest

from specs import Infeasible, Place, Problem, SpecError, nearest, unknown


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("a.yaml"), "a.yaml"),
        (Place("a.yaml", 3), "a.yaml:3"),
        (Place("a.yaml", 3, 7), "a.yaml:3:7"),
    ],
)
def test_a_place_is_written_as_editors_read_it(place, text):
    assert str(place) == text


def test_problems_come_in_reading_order_and_once():
    late, early = Problem("late", Place("a", 10, 1)), Problem("early", Place("a", 9, 1))
    error = SpecError([late, early, late])
    assert error.problems == (early, late)
    assert str(error) == "a:9:1: early\na:10:1: late"


def test_errors_survive_the_way_between_processes():
    error = SpecError([Problem("wrong", Place("a", 1, 2))])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
    assert pickle.loads(pickle.dumps(Infeasible("too large"))).reason == "too large"


def test_a_text_alone_makes_an_error():
    assert str(SpecError("no place")) == "no place"


@pytest.mark.parametrize(("word", "guess"), [("bufer", "buffer"), ("BUFFER", "buffer"), ("cl", None), ("", None)])
def test_the_nearest_word(word, guess):
    assert nearest(word, ["buffer", "clock"]) == guess


def test_a_long_list_of_alternatives_is_cut():
    message = unknown("key", "x", [f"key{n}" for n in range(100)])
    assert message.startswith("unknown key 'x'; allowed: key0, key1, ")
    assert message.endswith("key23 and 76 more")
