"""The harness on Amaranth's own simulator: one process that drives, looks at what has settled, and ticks.

It needs nothing but Python, and makes some thousand cycles a second at best. `harness.py` says what a cycle is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from amaranth.hdl import Cat, Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from .failures import NO_CLOCK, LimitReached
from .harness import Log, Stimulus, Track, check, column
from .manifest import Manifest, Path, Port, StreamPort, manifest
from .stalls import Stretches

PERIOD_S = 1e-6  # of no consequence: results count cycles


def run_amaranth(component: wiring.Component, stimulus: Stimulus) -> Log:
    """Run a component in Amaranth's simulator. Raises `SpecError` and `LimitReached`."""
    ports = manifest(component)
    check(ports, stimulus)
    bench = _Bench(component, ports, stimulus)
    simulator = Simulator(component)
    try:
        simulator.add_clock(PERIOD_S)
    except NameError:  # there is no such domain
        raise ValueError(NO_CLOCK) from None
    simulator.add_testbench(bench.run)
    simulator.run()
    log = bench.log()
    if not bench.ended:
        raise LimitReached(stimulus, log)
    return log


class _Bench:
    """The outside of a component for one run."""

    def __init__(self, component: wiring.Component, ports: Manifest, stimulus: Stimulus) -> None:
        self.component, self.ports, self.stimulus = component, ports, stimulus
        self.probes = [p for p in ports.probes if stimulus.watched is None or p.name in stimulus.watched]
        self.sides = [_Side(self._signal, stream, stimulus, stream in ports.inputs) for stream in ports.streams]
        self.probed = [_Rows(probe.fields) for probe in self.probes]
        self.results: dict[str, int] = {}
        self.cycles = 0
        self.ended = not stimulus.until

    async def run(self, context: Any) -> None:
        """Settings and start, then cycle after cycle."""
        for port in self.ports.settings:
            context.set(self._signal(port), self.stimulus.settings.get(port.name, 0))
        for side in self.sides:
            if side.gives:
                context.set(side.payload, 0)
        if self.ports.start:
            start = self._signal(self.ports.start)
            context.set(start, 1)
            await context.tick()
            context.set(start, 0)
        happens = Cat(self._signal(probe.valid) for probe in self.probes)
        fields = [[self._signal(port) for port in probe.fields] for probe in self.probes]
        last = self.stimulus.limit_cycles - 1
        wanted = self.stimulus.until
        while True:
            cycle = self.cycles
            for side in self.sides:
                side.drive(context, cycle)
            for side in self.sides:  # all are driven by now: what is settled is what the edge will see
                side.look(context, cycle)
            bits = context.get(happens)
            while bits:
                number = (bits & -bits).bit_length() - 1
                self.probed[number].add(cycle, tuple(context.get(signal) for signal in fields[number]))
                bits &= bits - 1
            if not self.ended and all(len(s.words) >= wanted.get(s.stream.name, 0) for s in self.sides):
                last, self.ended = cycle + self.stimulus.extra_cycles, True
            self.cycles += 1
            if cycle == last:
                break
            await context.tick()
        self.results = {port.name: context.get(self._signal(port)) for port in self.ports.results}

    def log(self) -> Log:
        """What the run has seen."""
        probes = {probe.name: rows.track() for probe, rows in zip(self.probes, self.probed, strict=True)}
        streams = {side.stream.name: side.words.track() for side in self.sides}
        return Log(self.cycles, probes, streams, self.results)

    def _signal(self, port: Port) -> Value:
        return Value.cast(_follow(self.component, port.path))


class _Rows:
    """A track as it grows."""

    def __init__(self, ports: tuple[Port, ...]) -> None:
        self.ports = ports
        self.cycles: list[int] = []
        self.rows: list[tuple[int, ...]] = []

    def __len__(self) -> int:
        return len(self.cycles)

    def add(self, cycle: int, row: tuple[int, ...]) -> None:
        self.cycles.append(cycle)
        self.rows.append(row)

    def track(self) -> Track:
        columns = [column(port, [row[i] for row in self.rows]) for i, port in enumerate(self.ports)]
        return Track.of(self.cycles, self.ports, columns)


class _Side:
    """The outside's end of a stream."""

    def __init__(self, signal: Callable[[Port], Value], stream: StreamPort, stimulus: Stimulus, gives: bool) -> None:
        self.stream, self.gives = stream, gives
        self.valid, self.ready, self.payload = (signal(p) for p in (stream.valid, stream.ready, stream.payload))
        self.left = iter([int(word) for word in stimulus.words.get(stream.name, ())])
        self.stretches: Stretches = stimulus.stalls.get(stream.name, ())
        self.stretch = 0
        self.words = _Rows((stream.payload,))
        self.next = next(self.left, None)
        self.shown = 0
        self.on = False

    def drive(self, context: Any, cycle: int) -> None:
        """Offer the next word, or take one, unless the cycle is stalled."""
        while self.stretch < len(self.stretches) and self.stretches[self.stretch][1] <= cycle:
            self.stretch += 1
        stalled = self.stretch < len(self.stretches) and self.stretches[self.stretch][0] <= cycle
        on = not stalled and (not self.gives or self.next is not None)
        if self.gives and on and self.next is not None and self.next != self.shown:
            context.set(self.payload, self.next)
            self.shown = self.next
        if on != self.on:
            context.set(self.valid if self.gives else self.ready, int(on))
            self.on = on

    def look(self, context: Any, cycle: int) -> None:
        """Note the word that passes in this cycle."""
        if self.on and context.get(self.ready if self.gives else self.valid):
            self.words.add(cycle, (context.get(self.payload),))
            if self.gives:
                self.next = next(self.left, None)


def _follow(component: wiring.Component, path: Path) -> Any:
    """What lies at a path of attributes and indices."""
    return reduce(lambda at, part: at[part] if isinstance(part, int) else getattr(at, part), path, component)
