"""The cycle engine against an array that is stepped element by element: decode's starts, its end and its numbers."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.program import MEMORY, OPERAND, REGISTERS, ROUND_TRIP, SPACE
from tests.sim.array_compare import Case, Comparison, draw_machine, fitting, small
from tests.sim.decode_control import DecodeHost
from tests.sim.decode_reference import decode
from tests.workloads.attention import Shape

MOST_TILES = 10
DECODE = Comparison("attention-1pass-decode", decode)


@st.composite
def cases(draw: Any, timed: bool, ported: bool = False) -> Case:
    """A small decode on a small machine; `timed` also draws the return path and the latency of everything."""
    rows, cols, lanes = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    keys = draw(st.integers(1, 14))
    shape = Shape(
        batch=draw(st.integers(1, 2)),
        kv_heads=draw(st.integers(1, 2)),
        group=draw(st.integers(1, min(3, cols + lanes))),
        queries=draw(st.integers(1, 3)),
        keys=keys,
        head_dim=draw(st.integers(1, 4)),
        value_dim=draw(st.integers(1, 5)),
        m0=min(rows, ceil(keys / cols)),
        m2=cols,
    )
    sizes = {"array_2d.rows": rows, "array_2d.cols": cols, "array_1d.lanes": cols + lanes}
    arch = draw_machine(draw, sizes, ("256B", "512B", "1KiB", "64KiB"), timed, ported)
    flying, overlap = draw(st.integers(1, 8)), draw(st.sampled_from(["on", "off"]))
    case = shape, arch, f"fusemax-decode:interleave={flying},fold_overlap={overlap}"
    return fitting(case, DecodeHost, MOST_TILES)


@settings(max_examples=50, deadline=None)
@given(cases(timed=False))
def test_with_a_cycle_for_everything_the_engine_does_what_the_elements_do(case: Case) -> None:
    DECODE.assert_agrees(case)


@settings(max_examples=70, deadline=None)
@given(cases(timed=True))
def test_streams_return_paths_and_latencies(case: Case) -> None:
    DECODE.assert_agrees(case)


@settings(max_examples=30, deadline=None)
@given(cases(timed=True, ported=True))
def test_ports(case: Case) -> None:
    DECODE.assert_agrees(case)


def one(rows: int = 1, cols: int = 1, **sizes: Any) -> Shape:
    """A decode of one of everything, but for these sizes."""
    shape = replace(Shape(head_dim=1, value_dim=1), **sizes)
    return replace(shape, m0=min(rows, ceil(shape.keys / cols)), m2=cols)


def array(rows: int, cols: int, lanes: int | None = None, **numbers: Any) -> dict[str, Any]:
    return small(**numbers) | {"array_2d.rows": rows, "array_2d.cols": cols, "array_1d.lanes": lanes or cols}


def binding(interleave: int) -> str:
    return f"fusemax-decode:interleave={interleave}"


MUTATED: tuple[Case, ...] = (
    (one(2, 2, queries=2, keys=9, head_dim=2, value_dim=3, group=2, batch=2), array(2, 2), binding(2)),
    (one(1, 2, keys=1, batch=3, head_dim=4), array(1, 2, buffer__size="20B", array_2d__operations__mac__latency=2), binding(2)),
    (one(4, 2, keys=20, value_dim=2, batch=2), array(4, 2, dram__bandwidth="8GiB/s", dram__latency="40ns"), binding(4)),
    (one(2, 2, keys=8, value_dim=4, head_dim=4, group=2), array(2, 2, array_2d__operations__mac__latency=4), binding(4)),
    (one(4, 2, keys=20, batch=3), array(4, 2, array_2d__return_path="wrap", buffer__latency="4ns"), binding(8)),
)  # fmt: skip


# What is made and taken at one pace and in one order, so that there is no time to spare.
EVEN: Case = one(2, 2, queries=2, keys=9, head_dim=2, value_dim=3, batch=2), array(2, 2), binding(2)


def test_the_comparison_notices_a_wait_that_is_a_cycle_longer() -> None:
    noticed = DECODE.noticed_when_longer(MUTATED)
    assert {cause for *_, cause in noticed} == {OPERAND, ROUND_TRIP, MEMORY, SPACE, REGISTERS}
    assert len(noticed) >= 12


def test_the_comparison_notices_a_wait_that_is_a_cycle_shorter() -> None:
    noticed = set().union(*(DECODE.noticed_when_shorter(case) for case in (EVEN, MUTATED[2])))
    assert {("RM", "LM"), ("SLN", "RM"), ("SPD+RD", "SLD"), ("QK", "fill Q")} <= noticed  # units order the others


def test_elements_notice_a_start_that_is_a_cycle_early() -> None:
    """If a start that waited for a value is a cycle earlier, an element misses the value."""
    assert sum(DECODE.noticed_when_early(case) for case in (MUTATED[1], MUTATED[4], EVEN)) >= 20


# Cases in which an engine that is a little too eager, or too careful, has been seen to differ.
TIGHT: dict[str, Case] = {
    "words of values are made for all query heads, and taken head by head": (
        one(4, 3, group=3, queries=3, keys=9, value_dim=6), array(4, 3), binding(1),
    ),
    "a slow maximum of splits is made for all heads at once, and taken early for the last query": (
        one(1, 2, keys=2, group=2, queries=3),
        array(1, 2, array_1d__operations__max__latency=12, array_1d__operations__max__interval=4), binding(1),
    ),
    "a key stays in its element for all queries, however short the latency": (
        one(1, 1, keys=1, head_dim=3, group=1, queries=4),
        array(1, 1, array_2d__operations__mac__latency=3, dram__bandwidth="500MiB/s"), binding(1),
    ),
    "a lone value of a slow stream is late, and so is what it overwrites": (
        one(2, 3, keys=9, head_dim=2, batch=2, kv_heads=2),
        array(2, 3, dram__bandwidth="2GiB/s", buffer__size="1KiB", array_2d__return_path="wrap")
        | array(2, 3, 5, dram__bandwidth="2GiB/s", dram__latency="35ns", array_1d__operations__mac__latency=3)
        | {"array_2d.operations.mac.latency": 4, "array_2d.operations.add.latency": 2, "array_1d.operations.add.latency": 3}
        | {"array_1d.operations.max.latency": 2, "array_1d.operations.divide.latency": 3},
        binding(4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", TIGHT)
def test_tight_places(where: str) -> None:
    DECODE.assert_agrees(TIGHT[where])


def test_values_that_return_with_the_wavefront_are_there_in_every_row() -> None:
    for rows, path in ((10, "broadcast"), (16, "wrap")):
        DECODE.assert_replays((one(rows, 2, keys=6 * rows), array(rows, 2, array_2d__return_path=path), binding(8)))
