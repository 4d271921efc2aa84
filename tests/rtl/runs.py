"""Drawn runs of small components: a design, and a stimulus with stalls of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import signed
from amaranth.lib import wiring
from hypothesis import strategies as st

from rtl.harness import Stimulus
from rtl.manifest import manifest
from rtl.stalls import Stops, burst_stalls, random_stalls
from tests.rtl.designs import Mac, Queue, Register


@dataclass(frozen=True)
class Design:
    """A component that can be drawn, and compiled once for all draws."""

    make: Callable[..., wiring.Component]
    arguments: tuple[Any, ...]

    def component(self) -> wiring.Component:
        return self.make(*self.arguments)


@st.composite
def stalls(draw: st.DrawFn, streams: list[str]) -> Stops:
    kind, seed = draw(st.sampled_from(["none", "random", "burst", "drawn"])), draw(st.integers(0, 2**32))
    if kind == "random":
        return random_stalls(seed, streams, 200, draw(st.sampled_from([0.1, 0.5, 0.9])))
    if kind == "burst":
        return burst_stalls(seed, streams, 200, draw(st.integers(1, 20)), draw(st.integers(1, 9)))
    if kind == "none":
        return {}
    ends = st.lists(st.integers(0, 60), max_size=10, unique=True).map(sorted)
    return {name: tuple(zip(found[::2], found[1::2], strict=False)) for name in streams if (found := draw(ends))}


@st.composite
def runs(draw: st.DrawFn) -> tuple[Design, Stimulus]:
    """A design, and a stimulus that it gets to the end of or not."""
    design = draw(
        st.sampled_from(
            [
                Design(Register, (signed(40),)),
                Design(Register, (100,)),
                Design(Mac, (8,)),
                Design(Queue, (64, 1)),
                Design(Queue, (7, 2)),
            ]
        )
    )
    ports = manifest(design.component())
    words = {
        s.name: draw(st.lists(st.integers(s.payload.lowest, s.payload.highest), max_size=30)) for s in ports.inputs
    }
    given_words = min(map(len, words.values()))
    output = ports.outputs[0].name
    length = draw(st.integers(1, 5))
    expected = given_words // length if design.make is Mac else given_words
    until = {output: expected} if expected and draw(st.booleans()) else {}
    stimulus = Stimulus(
        limit_cycles=2000 if until else draw(st.integers(1, 150)),
        words=words,
        settings={"length": length, "sums": 0} if design.make is Mac else {},
        stalls=draw(stalls([s.name for s in ports.streams])),
        until=until,
        extra_cycles=draw(st.integers(0, 5)),
        watched=draw(st.sampled_from([None, (), tuple(p.name for p in ports.probes[::2])])),
    )
    return design, stimulus
