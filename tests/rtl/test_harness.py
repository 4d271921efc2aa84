"""The harness: both simulators tell the same of any component, and what they tell is what happens."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from hypothesis import given, settings

from rtl.failures import LimitReached
from rtl.harness import Log, Stimulus, run
from rtl.harness_verilator import Program, as_verilog, program
from rtl.manifest import Probe, manifest
from specs import SpecError
from tests.rtl.designs import Mac, Queue, Register, Words
from tests.rtl.runs import Design, runs
from tests.rtl.tools import needs_verilator

BACKENDS = ["amaranth", pytest.param("verilator", marks=needs_verilator)]


@cache
def compiled(design: Design) -> Program:
    component = design.component()
    return program(as_verilog(component), manifest(component))


@needs_verilator
@settings(max_examples=150)
@given(runs())
def test_both_simulators_give_the_same_log(drawn: tuple[Design, Stimulus]) -> None:
    design, stimulus = drawn
    assert compiled(design).run(stimulus) == run(design.component(), stimulus, "amaranth")


@settings(max_examples=60)
@given(runs())
def test_no_word_passes_in_a_stalled_cycle_and_none_is_lost(drawn: tuple[Design, Stimulus]) -> None:
    design, stimulus = drawn
    log = run(design.component(), stimulus)
    for name, track in log.streams.items():
        stalled = {cycle for begin, end in stimulus.stalls.get(name, ()) for cycle in range(begin, end)}
        assert stalled.isdisjoint(track.cycles.tolist())
    for name, words in stimulus.words.items():
        assert log.words(name) == list(words)[: len(log.streams[name])]
    if design.make is Mac:
        length = stimulus.settings["length"]
        products = [a * b for a, b in zip(log.words("a"), log.words("b"), strict=True)]
        sums = [sum(products[i : i + length]) for i in range(0, len(products), length)]
        assert log.words("output") == sums[: len(log.words("output"))]
    else:
        (given_words, passed) = (log.words(name) for name in log.streams)
        assert passed == given_words[: len(passed)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_cycle_0_ends_with_the_edge_after_the_one_that_takes_the_start(backend: str) -> None:
    stimulus = Stimulus(20, {"a": [2, 3, 5], "b": [7, 11, -13]}, {"length": 2, "sums": 1}, until={"output": 1})
    log = run(Mac(8), stimulus, backend)
    assert log.events() == [(0, "beat", (0, 14)), (1, "beat", (1, 33)), (1, "sum_done", ())]
    assert list(log.streams["a"].rows()) == [(0, (2,)), (1, (3,))]
    assert list(log.streams["output"].rows()) == [(2, (47,))]
    assert log.cycles == 3
    assert log.results == {"stalled_cycles": 0, "debug.busy": 0, "debug.at": 0}


@pytest.mark.parametrize("backend", BACKENDS)
def test_stalls_shift_by_hand(backend: str) -> None:
    """a waits in cycle 1, the sum is ready in cycle 3 and taken in cycle 6; meanwhile nothing is taken."""
    stimulus = Stimulus(9, {"a": [1] * 9, "b": [1] * 9}, {"length": 2}, {"a": ((1, 2),), "output": ((2, 6),)})
    log = run(Mac(8), stimulus, backend)
    assert log.streams["a"].cycles.tolist() == [0, 2, 7, 8]
    assert log.streams["output"].cycles.tolist() == [6]
    assert log.results["stalled_cycles"] == 5  # in the last cycle: cycles 1, 3, 4, 5 and 6


@pytest.mark.parametrize("backend", BACKENDS)
def test_probes_of_arrays_have_places(backend: str) -> None:
    log = run(Queue(7, 2), Stimulus(6, {"outside.to": [4, 5, 6]}, stalls={"outside.back": ((0, 6),)}), backend)
    assert log.events() == [
        (0, "place[0][0]", (0, 4)),
        (1, "place[0][0]", (0, 5)),
        (1, "place[1][0]", (1, 4)),
        (2, "place[0][0]", (0, 6)),
        (2, "place[1][1]", (1, 5)),
    ]
    assert log.results == {"level[0]": 1, "level[1]": 2}


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_shapes_and_memories_of_all_kinds_get_through(backend: str) -> None:
    requests = [address << 5 for address in (0, 1, 2, 3)]
    stimulus = Stimulus(9, {"int": requests}, {"mode": 1}, until={"double": 4}, extra_cycles=1)
    log = run(Words(), stimulus, backend)
    assert log.words("double") == [9, -8, 7, 0]
    assert log.events() == [(cycle, "class_", (1, request)) for cycle, request in enumerate(requests)]
    assert (log.cycles, log.results) == (5, {"module": -(1 << 68)})


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_reaches_its_limit_says_how_far_it_came(backend: str) -> None:
    stimulus = Stimulus(50, {"a": [1] * 5, "b": [1] * 5}, {"length": 2}, until={"output": 3}, watched=("beat",))
    with pytest.raises(LimitReached) as raised:
        run(Mac(8), stimulus, backend)
    assert str(raised.value) == (
        "the run reached its limit of 50 cycles with 2 of 3 words at 'output'; "
        "the last event is a word at 'a' in cycle 6 (payload 1)"
    )
    assert raised.value.log.cycles == 50


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_in_which_nothing_happens_says_so(backend: str) -> None:
    with pytest.raises(LimitReached, match="0 of 1 words at 'output'; nothing happened at all"):
        run(Register(8), Stimulus(5, until={"output": 1}), backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_that_does_not_fit_is_told_at_once(backend: str) -> None:
    stimulus = Stimulus(
        0,
        {"a": [1, 128], "c": []},
        {"lenght": 1, "sums": 256},
        {"output": ((3, 5), (5, 6)), "inputs": ()},
        {"a": 1},
        -1,
        ("beats",),
    )
    with pytest.raises(SpecError) as raised:
        run(Mac(8), stimulus, backend)
    assert str(raised.value).splitlines() == [
        "unknown input stream 'c'; allowed: a, b",
        "unknown setting 'lenght'; did you mean 'length'? allowed: length, sums",
        "unknown stream 'inputs'; allowed: a, b, output",
        "unknown output stream 'a'; allowed: output",
        "unknown probe 'beats'; did you mean 'beat'? allowed: beat, sum_done",
        "input stream 'a' takes -128 to 127; word 1 is 128",
        "setting 'sums' takes 0 to 255, not 256",
        "stalls of 'output' must be stretches [begin, end) of cycles from 0 on, in order and apart",
        "'limit_cycles' must be 1 or more, not 0",
        "'extra_cycles' must be 0 or more, not -1",
    ]


def test_an_unknown_simulator_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown simulator 'verilater'; did you mean 'verilator'"):
        run(Register(8), Stimulus(5), "verilater")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_component_without_a_register_is_refused(backend: str) -> None:
    class Wire(Register):
        def elaborate(self, platform: object) -> Module:
            m = Module()
            wiring.connect(m, wiring.flipped(self.input), wiring.flipped(self.output))
            return m

    with pytest.raises(ValueError, match="a component must have a clock to be run: give it a register"):
        run(Wire(8), Stimulus(5), backend)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"s": In(stream.Signature(8, always_valid=True))}, "stream 's' must have both valid and ready"),
        ({"start": In(2)}, "input 'start' must have one bit, a pulse that begins a run, not 2"),
        ({"p": In(wiring.Signature({"q": Out(Probe())}))}, "probe 'p.q' must be"),
    ],
)
def test_ports_that_a_harness_cannot_use_are_refused(members: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        manifest(wiring.Signature(members))


def test_words_may_be_an_array_and_a_log_differs_where_it_differs() -> None:
    stimulus = Stimulus(9, {"input": np.arange(5)}, until={"output": 5})
    log = run(Register(8), stimulus)
    assert log == run(Register(8), stimulus)
    other = run(Register(8), Stimulus(9, {"input": [0, 1, 2, 3, 5]}, until={"output": 5}))
    assert isinstance(other, Log)
    assert log != other
