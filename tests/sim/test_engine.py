"""The kernel: with the jump, without it, and a plain Python reading of the recurrence are one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine import Dependency, Program, components, run


@st.composite
def programs(draw: st.DrawFn) -> Program:
    entries = draw(st.integers(1, 6))
    resources = tuple(draw(st.lists(st.integers(0, 3), min_size=entries, max_size=entries)))
    occupancies = tuple(draw(st.lists(st.integers(1, 9), min_size=entries, max_size=entries)))
    waits = []
    for consumer, producer, lag, delay in draw(
        st.lists(
            st.tuples(
                st.integers(0, entries - 1), st.integers(0, entries - 1), st.sampled_from([0, 0, 1, 2, 5]),
                st.integers(-3, 30),
            ),
            max_size=8,
        )
    ):  # fmt: skip
        if lag or producer < consumer:
            waits.append(Dependency(consumer, producer, lag, delay))
    return Program(resources, occupancies, tuple(waits))


def plainly(program: Program, iterations: int) -> np.ndarray:
    free = dict.fromkeys(program.resources, 0)
    starts = np.zeros((iterations, len(program.resources)), dtype=np.int64)
    for i in range(iterations):
        for e, resource in enumerate(program.resources):
            ready = [
                starts[i - d.lag, d.producer] + d.delay for d in program.dependencies if d.consumer == e and d.lag <= i
            ]
            starts[i, e] = max([free[resource], *ready])
            free[resource] = starts[i, e] + program.occupancies[e]
    return starts


@settings(max_examples=300, deadline=None)
@given(programs(), st.sampled_from([1, 2, 3, 11, 77, 300]))
def test_jumped_stepped_and_plain_starts_are_equal(program: Program, iterations: int) -> None:
    expected = plainly(program, iterations)
    jumped = run(program, iterations, jump=True, record=True)
    stepped = run(program, iterations, jump=False, record=True)
    assert jumped.starts is not None and stepped.starts is not None
    assert (jumped.starts == expected).all() and (stepped.starts == expected).all()
    assert jumped.first_starts == tuple(expected[0]) and jumped.last_starts == tuple(expected[-1])
    assert run(program, iterations).last_starts == tuple(expected[-1])
    assert stepped.stepped == iterations


@settings(max_examples=100, deadline=None)
@given(programs())
def test_time_beyond_the_jump_goes_on_at_the_same_pace(program: Program) -> None:
    """A billion iterations: what no step could reach agrees with the pace of the steps before."""
    pace = np.array(run(program, 6000).last_starts) - np.array(run(program, 6000 - 720720 % 5999).last_starts)
    assert (pace >= 0).all()
    far = run(program, 10**9)
    near = run(program, 10**9 - 1)
    assert all(a >= b for a, b in zip(far.last_starts, near.last_starts, strict=True))


def test_a_chain_and_a_bottleneck_by_hand() -> None:
    chain = Program((0, 1), (3, 5), (Dependency(1, 0, 0, 4),))
    assert run(chain, 4, record=True).starts.tolist() == [[0, 4], [3, 9], [6, 14], [9, 19]]  # type: ignore[union-attr]
    assert run(chain, 10**12).last_starts == (3 * (10**12 - 1), 4 + 5 * (10**12 - 1))


def test_unrelated_components_keep_their_own_pace() -> None:
    both = Program((0, 1), (2, 7), ())
    assert components(both) == [[0], [1]]
    assert run(both, 1001).last_starts == (2000, 7000)


def test_a_program_that_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(ValueError, match="entry 0 cannot wait for entry 1 of 0 iterations before"):
        Program((0, 0), (1, 1), (Dependency(0, 1, 0, 1),))
    with pytest.raises(ValueError, match="at least one cycle"):
        Program((0,), (0,), ())
