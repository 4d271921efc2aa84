"""Running a component: what goes in, what came out, and which cycle is which.

**Cycles.** Everything starts from its initial value; no reset is given. Settings hold their values from before the
first clock edge on. `start` is high for the first edge and low from then on: that edge accepts the start. Cycle 0 ends
with the edge after it, cycle c with the c-th after that; a component without `start` has its very first edge at the end
of cycle 0. What happens in a cycle is what is settled right before the edge that ends it: a word passes where valid and
ready are both high then, a probe's event happens where its `valid` is.

**Streams.** In a stalled cycle an input stream offers nothing (a word that was waiting is withdrawn, and offered again
afterwards) and an output stream takes nothing; so no word passes in a stalled cycle, just as a recorded stall stops the
simulator's transfers. In all others the next word is offered, and every word is taken. Before cycle 0 nothing is.

Two backends run the same stimulus to the same log: Amaranth's simulator, for small runs without further tools, and
Verilator, for long ones. This module knows neither of them, nor what a component computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from specs import Problem, SpecError, unknown

from .stalls import Stops

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

    from .manifest import Manifest, Port

SIMULATORS = ("amaranth", "verilator")
Words = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Stimulus:
    """Everything that the outside does in a run.

    A run ends `extra_cycles` after the cycle in which every output of `until` has given its number of words; it fails
    if that does not happen within `limit_cycles`. With nothing in `until` it has exactly `limit_cycles`.
    """

    limit_cycles: int
    words: Mapping[str, Words] = field(default_factory=dict)  # input stream: payloads; none if it is not named
    settings: Mapping[str, int] = field(default_factory=dict)  # 0 if it is not named
    stalls: Stops = field(default_factory=dict)  # input or output stream: never stalled if it is not named
    until: Mapping[str, int] = field(default_factory=dict)  # output stream: number of words
    extra_cycles: int = 0
    watched: tuple[str, ...] | None = None  # the probes that are logged; None: all


@dataclass(frozen=True, eq=False)
class Track:
    """What happened at one probe or stream: the cycles, in order, and a column for each of its payloads.

    A column is an array of int64 where the payload fits, of Python's integers otherwise.
    """

    cycles: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.cycles)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Track)
            and np.array_equal(self.cycles, other.cycles)
            and self.columns.keys() == other.columns.keys()
            and all(np.array_equal(column, other.columns[name]) for name, column in self.columns.items())
        )

    @staticmethod
    def of(cycles: Sequence[int] | np.ndarray, ports: Sequence[Port], columns: Sequence[np.ndarray]) -> Track:
        """A track whose columns are called as the last part of their ports' paths."""
        names = [str(port.path[-1]) for port in ports]
        return Track(np.asarray(cycles, dtype=np.int64), dict(zip(names, columns, strict=True)))

    def rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each cycle with its payloads."""
        payloads = zip(*(c.tolist() for c in self.columns.values()), strict=True) if self.columns else None
        for cycle in self.cycles.tolist():
            yield cycle, next(payloads) if payloads else ()


@dataclass(frozen=True)
class Log:
    """What happened in a run of cycles 0 to `cycles - 1`."""

    cycles: int
    probes: Mapping[str, Track]
    streams: Mapping[str, Track]  # the words that passed, at inputs and outputs; their column is 'payload'
    results: Mapping[str, int]  # the other outputs, in the last cycle

    def events(self) -> list[tuple[int, str, tuple[int, ...]]]:
        """Every probe's events (cycle, probe, payloads): by cycle, and within one in the order of the manifest."""
        return list(merge(*(_named(name, track) for name, track in self.probes.items()), key=lambda event: event[0]))

    def words(self, stream: str) -> list[int]:
        """The words that passed at a stream."""
        return list(self.streams[stream].columns["payload"].tolist())

    def last(self) -> str:
        """The last thing that happened, in words."""
        tracks = {**{f"a word at '{name}'": t for name, t in self.streams.items()},
                  **{f"'{name}'": t for name, t in self.probes.items()}}  # fmt: skip
        cycles = {name: int(track.cycles[-1]) for name, track in tracks.items() if len(track)}
        if not cycles:
            return "nothing happened at all"
        name = max(cycles, key=lambda each: cycles[each])
        values = ", ".join(f"{column} {values[-1]}" for column, values in tracks[name].columns.items())
        return f"the last event is {name} in cycle {cycles[name]:,}" + (f" ({values})" if values else "")


def run(component: Component, stimulus: Stimulus, simulator: str = "amaranth") -> Log:
    """Run a component and log what happens.

    Raises `SpecError` for a stimulus that does not fit the component, `LimitReached`, `RunFailed`, and with Verilator
    `ToolMissing`.

    >>> from amaranth.hdl import Module
    >>> from amaranth.lib import stream, wiring
    >>> from amaranth.lib.wiring import In, Out
    >>> class Register(wiring.Component):
    ...     def __init__(self):
    ...         super().__init__({"input": In(stream.Signature(8)), "output": Out(stream.Signature(8))})
    ...     def elaborate(self, platform):
    ...         m = Module()
    ...         m.d.comb += self.input.ready.eq(self.output.ready | ~self.output.valid)
    ...         with m.If(self.input.ready):
    ...             m.d.sync += [self.output.valid.eq(self.input.valid), self.output.payload.eq(self.input.payload)]
    ...         return m
    >>> log = run(Register(), Stimulus(100, words={"input": [5, 7]}, stalls={"output": ((1, 4),)}, until={"output": 2}))
    >>> list(log.streams["output"].rows()), log.cycles
    ([(4, (5,)), (5, (7,))], 6)
    """
    if simulator == "amaranth":
        from .harness_amaranth import run_amaranth

        return run_amaranth(component, stimulus)
    if simulator == "verilator":
        from .harness_verilator import run_verilator

        return run_verilator(component, stimulus)
    raise SpecError(unknown("simulator", simulator, SIMULATORS))


def check(manifest: Manifest, stimulus: Stimulus) -> None:
    """Raise `SpecError` with everything in a stimulus that does not fit a component."""
    inputs = {stream.name: stream.payload for stream in manifest.inputs}
    outputs = [stream.name for stream in manifest.outputs]
    settings = {port.name: port for port in manifest.settings}
    faults = [unknown("input stream", name, inputs) for name in stimulus.words if name not in inputs]
    faults += [unknown("setting", name, settings) for name in stimulus.settings if name not in settings]
    faults += [unknown("stream", n, [*inputs, *outputs]) for n in stimulus.stalls if n not in (*inputs, *outputs)]
    faults += [unknown("output stream", name, outputs) for name in stimulus.until if name not in outputs]
    probes = [probe.name for probe in manifest.probes]
    faults += [unknown("probe", name, probes) for name in stimulus.watched or () if name not in probes]
    for name, words in stimulus.words.items():
        if name in inputs:
            misfit = _misfit(inputs[name], words)
            faults += [f"input stream '{name}' {misfit[1]}; word {misfit[0]} is {words[misfit[0]]}"] if misfit else []
    for name, value in stimulus.settings.items():
        if name in settings:
            misfit = _misfit(settings[name], [value])
            faults += [f"setting '{name}' {misfit[1]}, not {value}"] if misfit else []
    for name, stretches in stimulus.stalls.items():
        ends = [-1, *(cycle for stretch in stretches for cycle in stretch)]
        if any(a >= b for a, b in pairwise(ends)):
            faults.append(f"stalls of '{name}' must be stretches [begin, end) of cycles from 0 on, in order and apart")
    for name, number in {"limit_cycles": stimulus.limit_cycles, **stimulus.until}.items():
        if number < 1:
            faults.append(f"'{name}' must be 1 or more, not {number}")
    if stimulus.extra_cycles < 0:
        faults.append(f"'extra_cycles' must be 0 or more, not {stimulus.extra_cycles}")
    if faults:
        raise SpecError([Problem(fault) for fault in faults])


def _misfit(port: Port, words: Words) -> tuple[int, str] | None:
    """Which word is the first, if any, that a port does not take, and what it takes."""
    if not len(words) or (port.lowest <= min(words) and max(words) <= port.highest):
        return None
    number = next(i for i, word in enumerate(words) if not port.lowest <= word <= port.highest)
    return number, f"takes {port.lowest} to {port.highest}"


def column(port: Port, values: Sequence[int]) -> np.ndarray:
    """The values of a port as a column of a `Track`."""
    fits = port.width <= (64 if port.signed else 63)
    return np.array(values, dtype=np.int64 if fits else object)


def _named(name: str, track: Track) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    for cycle, payload in track.rows():
        yield cycle, name, payload
