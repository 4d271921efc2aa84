"""The cycle engine against an array that is stepped element by element: attention's starts, its end and its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.program import MEMORY, OPERAND, REGISTERS, ROUND_TRIP, SPACE
from tests.sim.array_compare import Case, Comparison, draw_machine, fitting, small
from tests.sim.prefill_control import PrefillHost
from tests.sim.prefill_reference import attention
from tests.workloads.attention import Shape

MOST_TILES = 32
PREFILL = Comparison("attention-1pass", attention)


@st.composite
def cases(draw: Any, masked: bool, timed: bool, ported: bool = False) -> Case:
    """A small attention on a small machine; `timed` also draws the return path and the latency of everything."""
    rows, cols = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shape = Shape(
        batch=draw(st.integers(1, 2)),
        kv_heads=draw(st.integers(1, 2)),
        group=draw(st.integers(1, 2)),
        queries=draw(st.integers(1, 20)),
        keys=draw(st.integers(1, 20)),
        head_dim=draw(st.integers(1, 6)),
        value_dim=draw(st.integers(1, 6)),
        m0=rows,
        causal=masked and draw(st.booleans()),
        window=draw(st.none() | st.integers(1, 12)) if masked else None,
    )
    buffers = ("256B", "512B", "1KiB", "2KiB", "64KiB")
    arch = draw_machine(draw, {"array_2d.rows": rows, "array_2d.cols": cols}, buffers, timed, ported)
    name = draw(st.sampled_from(["fusemax-binding", "fusemax-architecture"]))
    flying, overlap = draw(st.integers(1, 16 if timed else 4)), draw(st.sampled_from(["on", "off"]))
    case = shape, arch, f"{name}:interleave={flying},fold_overlap={overlap}"
    return fitting(case, PrefillHost, MOST_TILES)


@settings(max_examples=120, deadline=None)
@given(cases(masked=False, timed=False))
def test_with_a_cycle_for_everything_the_engine_does_what_the_elements_do(case: Case) -> None:
    PREFILL.assert_agrees(case)


@settings(max_examples=60, deadline=None)
@given(cases(masked=True, timed=False))
def test_masked_tiles_are_left_out(case: Case) -> None:
    PREFILL.assert_agrees(case)


@settings(max_examples=120, deadline=None)
@given(cases(masked=True, timed=True))
def test_groups_return_paths_and_latencies(case: Case) -> None:
    PREFILL.assert_agrees(case)


@settings(max_examples=60, deadline=None)
@given(cases(masked=True, timed=True, ported=True))
def test_ports_and_a_buffer_that_takes_its_time(case: Case) -> None:
    PREFILL.assert_agrees(case)


def one(rows: int = 1, **sizes: Any) -> Shape:
    """An attention of one of everything, but for these sizes."""
    return replace(Shape(head_dim=1, value_dim=1, m0=rows), **sizes)


def binding(interleave: int) -> str:
    return f"fusemax-binding:interleave={interleave}"


MUTATED = (
    (one(queries=9, keys=8, head_dim=3, value_dim=3, rows=2), small(array_2d__rows=2, array_2d__cols=2), binding(4)),
    (one(queries=4, keys=9, batch=2), small(dram__bandwidth="2GiB/s", buffer__size="256B"), binding(3)),
    (one(queries=5, keys=5, head_dim=2, rows=4), small(array_2d__rows=4, array_2d__cols=2), binding(6)),
    (one(queries=1, keys=9, head_dim=4, value_dim=7, group=2, rows=2), small(array_2d__rows=2, array_2d__operations__mac__latency=4), binding(4)),
)  # fmt: skip


def test_the_comparison_notices_a_wait_that_is_a_cycle_longer() -> None:
    noticed = PREFILL.noticed_when_longer(MUTATED)
    assert {cause for *_, cause in noticed} == {OPERAND, ROUND_TRIP, MEMORY, SPACE, REGISTERS}
    assert len(noticed) >= 12


def test_the_comparison_notices_a_wait_that_is_a_cycle_shorter() -> None:
    noticed = PREFILL.noticed_when_shorter(MUTATED[0])
    assert {("RM", "LM"), ("SLN", "RM"), ("RD", "SLD"), ("QK", "fill K")} <= noticed  # units order the others as well


def test_elements_notice_a_start_that_is_a_cycle_early() -> None:
    """If a start that waited for a value is a cycle earlier, an element misses the value."""
    assert PREFILL.noticed_when_early(MUTATED[0]) >= 20


# Cases in which an engine that is a little too eager, or too careful, has been seen to differ.
TIGHT = {
    "a query tile's last state is overwritten by the next query tile's first one before the division reads it": (
        one(batch=2, head_dim=2), small(), binding(3),
    ),
    "results that a port delays are written before they are there": (
        one(), small(buffer__ports="1R1W", dram__bandwidth="1GiB/s"), binding(1),
    ),
    "a sequence whose native operations have different intervals": (
        one(queries=2, keys=3),
        small(array_1d__operations__add__interval=2, array_1d__operations__add__latency=4)
        | small(array_1d__operations__mac__latency=2),
        binding(2),
    ),
    "an operand of a later native operation is taken at the pace of the first one": (
        one(value_dim=2),
        small(array_1d__operations__mac__interval=2, array_1d__operations__mac__latency=2)
        | small(array_2d__operations__mac__interval=2, array_2d__operations__mac__latency=2)
        | small(dram__bandwidth="50MiB/s"),
        binding(1),
    ),
    "what returns to the rows is overwritten in lower rows, which are not yet there": (
        one(queries=2, keys=40, head_dim=2, rows=10), small(array_2d__rows=10), binding(8),
    ),
    "a tile is fetched to where lower rows still read": (
        one(queries=2, keys=9, value_dim=2, rows=3), small(array_2d__rows=3), binding(8),
    ),
    "the first key tile waits for another query tile's state": (
        one(queries=2, batch=2, causal=True, rows=2),
        small(array_2d__rows=2, buffer__size="512B", array_2d__return_path="wrap")
        | small(array_2d__operations__add__latency=4, array_1d__operations__add__latency=4),
        binding(8),
    ),
    "a tile's state is made at one place of a group and read at another, since a mask leaves tiles out": (
        replace(one(queries=3, keys=6, rows=4), causal=True, window=2),
        small(array_2d__rows=4, array_1d__operations__add__latency=2, array_2d__operations__add__latency=2)
        | small(buffer__size="256B"),
        binding(6),
    ),
    "a value in registers has a latency of the buffer": (one(), small(buffer__latency="3ns"), binding(1)),
}  # fmt: skip


@pytest.mark.parametrize("where", TIGHT)
def test_tight_places(where: str) -> None:
    PREFILL.assert_agrees(TIGHT[where])


def test_a_slow_producer_and_a_window_that_is_smaller_than_the_group() -> None:
    slow = small(array_1d__operations__max__interval=3, array_1d__operations__max__latency=3)
    windows = small(array_2d__operations__add__latency=2, array_1d__operations__mac__latency=3)
    PREFILL.assert_replays((one(queries=3), slow | windows, binding(8)))


def test_values_that_return_with_the_wavefront_are_there_in_every_row() -> None:
    for rows, path in ((10, "broadcast"), (32, "broadcast"), (32, "wrap")):
        machine_ = small(array_2d__rows=rows, array_2d__cols=2, array_2d__return_path=path)
        PREFILL.assert_replays(
            (one(queries=8, keys=3 * rows, head_dim=4, value_dim=4, rows=rows), machine_, binding(8)),
            skewed_returns=True,
        )
