"""From the start of a line to the commands of its beats: what a unit is told in each cycle."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .beats import Beat, Work, beats
from .design import ArrayOp

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """The beats of the lines of one unit, of which one is at work at a time.

    In a cycle with `go[i]` line number i has its first beat, for the tile that `shown[i]` describes; what of it the
    command has as a field too goes along with all beats. `last[i]` is high at the last one.
    """

    def __init__(self, works: Mapping[str, Work], command: data.StructLayout, shown: data.StructLayout) -> None:
        self.works, self.layout, self.shown_layout = dict(works), command, shown
        count = len(self.works)
        super().__init__(
            {
                "go": In(1).array(count),
                "shown": In(shown).array(count),
                "command": Out(command),
                "last": Out(1).array(count),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command: Any = self.command
        for i, work in enumerate(self.works.values()):
            self._line(m, i, beats(work), work, command)
        return m

    def _line(self, m: Module, i: int, line: tuple[Beat, ...], work: Work, command: Any) -> None:
        """One line: a counter of its beats, and of the cycles to the next one."""
        gaps = [after.cycle - before.cycle for before, after in pairwise(line)]
        at, wait = Signal(range(len(line) + 1), name=f"at_{i}"), Signal(range(max([1, *gaps])), name=f"wait_{i}")
        kept = Signal(self.shown_layout, name=f"kept_{i}")
        now, beat = Signal(name=f"now_{i}"), Signal.like(at, name=f"beat_{i}")
        m.d.comb += [
            now.eq(self.go[i] | ((at != 0) & (wait == 0))),
            beat.eq(Mux(self.go[i], 0, at)),
            self.last[i].eq(now & (beat == len(line) - 1)),
        ]
        with m.If(self.go[i]):
            m.d.sync += kept.eq(self.shown[i])
        with m.If(now):
            m.d.sync += at.eq(Mux(beat == len(line) - 1, 0, beat + 1))
            m.d.sync += wait.eq(_choose(beat, [*(gap - 1 for gap in gaps), 0]))
            for name, value in self._fields(line, work, beat).items():
                m.d.comb += command[name].eq(value)
            described = Signal(self.shown_layout, name=f"described_{i}")
            m.d.comb += described.eq(Mux(self.go[i], self.shown[i], kept))
            for name in self.layout.members:
                if name in self.shown_layout.members:
                    m.d.comb += command[name].eq(described[name])
        with m.Elif(at != 0):
            m.d.sync += wait.eq(wait - 1)

    def _fields(self, line: tuple[Beat, ...], work: Work, beat: Value) -> dict[str, Value]:
        """What of a command follows from the beat alone."""
        sums = work.rounds > 1 or line[0].native.op is ArrayOp.SCORE
        found = {
            "op": _choose(beat, [each.native.op.value for each in line]),
            "step": _choose(beat, [each.native.step for each in line]),
            "index": _choose(beat, [each.round if sums else each.chain for each in line]),
        }
        if "first" in self.layout.members:
            found["first"] = _choose(beat, [sums and each.round == 0 for each in line])
            found["last"] = _choose(beat, [sums and each.round == work.rounds - 1 for each in line])
        return found


def _choose(at: Value, numbers: list[Any]) -> Value:
    """A number of a list: itself where the list is 0, 1, 2, ..., a constant where all are alike."""
    numbers = [int(number) for number in numbers]
    if len(set(numbers)) == 1:
        return Const(numbers[0])
    if numbers == list(range(len(numbers))):
        return at
    choice: Value = Array(Const(number, max(numbers).bit_length() or 1) for number in numbers)[at]
    return choice
