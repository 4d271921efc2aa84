"""Comparing lists of events: multisets within a cycle, and a table that a person can read."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rtl.compare import BOTH, Event, compare

EVENTS = st.lists(
    st.builds(Event, st.integers(0, 4), st.sampled_from("ab"), st.sampled_from(["u", "v"]), st.integers(0, 2))
)


@given(EVENTS, EVENTS)
def test_differences_are_what_is_left_when_pairs_are_taken_out(one: list[Event], other: list[Event]) -> None:
    rest = list(other)
    missing = [event for event in one if event not in rest or rest.remove(event)]  # type: ignore[func-returns-value]
    found = compare(one, other)
    assert (found.missing, found.surplus) == (len(missing), len(rest))
    assert found.first == min([*missing, *rest], default=None)
    assert (found.differences == 0) == (Counter(one) == Counter(other))


@given(EVENTS, EVENTS, st.randoms())
def test_order_does_not_count_and_sides_can_be_exchanged(one: list[Event], other: list[Event], random) -> None:
    found = compare(one, other)
    shuffled = random.sample(one, len(one))
    assert compare(shuffled, other) == found
    turned = compare(other, one)
    assert (turned.missing, turned.surplus, turned.first) == (found.surplus, found.missing, found.first)


def test_the_first_difference_is_shown_with_its_neighbours() -> None:
    common = [Event(cycle, "first beat", "array_2d", cycle // 3, (cycle, -cycle)) for cycle in range(0, 30, 3)]
    late = [
        Event(e.cycle + (e.cycle >= 15), e.event, e.unit, e.index, e.payload[:1] if e.cycle == 18 else e.payload)
        for e in common
    ]
    assert str(compare(common, [*late, common[4]], neighbours=2)) == (
        "events: 10 of simulator, 11 of rtl\n"
        "differ: 11; 5 only in simulator, 6 only in rtl\n"
        "first: cycle 12\n"
        "\n"
        "  in         cycle  event       unit      index  payload\n"
        "  both           6  first beat  array_2d      2  6 -6\n"
        "  both           9  first beat  array_2d      3  9 -9\n"
        "  both          12  first beat  array_2d      4  12 -12\n"
        "> rtl           12  first beat  array_2d      4  12 -12\n"
        "  simulator     15  first beat  array_2d      5  15 -15\n"
        "  rtl           16  first beat  array_2d      5  15 -15"
    )


def test_no_line_is_wider_than_80_columns() -> None:
    long = Event(10**12, "controller state entered" * 3, "array_2d.pe[15][15].accumulator", 10**9, tuple(range(99)))
    lines = str(compare([long], [long, long], ("the cycle engine", "Verilator's run"))).splitlines()
    assert max(map(len, lines)) == 80
    assert all(line.endswith("...") for line in lines[-2:])


def test_equal_lists_are_said_to_be_equal() -> None:
    event = Event(3, "tile done", "array", 0)
    found = compare([event], [event], ("engine", "hardware"))
    assert str(found) == "events: 1 of engine, 1 of hardware; equal"
    assert found.rows == ()
    assert BOTH not in str(found)
