"""A processing element: one multiplier-adder, a maximum, an adder and a subtractor, told in each cycle what to do.

Scores, the exponential's series and weighted values go through the same multiplier-adder. Its operands are chosen in
the cycle of a beat; where its sum goes is chosen `latency` - 1 cycles later, so beats of different kinds follow each
other without a gap. Whatever a beat needs it reads in its own cycle, so a register may be written again from the next
cycle on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import ArrayOp, Design
from .exponential import saturated, wires
from .formats import INPUT_BITS
from .mac import MacUnit
from .manifest import Probe
from .pipeline import delayed

__all__ = ["Element", "Gathered", "gathered", "partials", "probe_of"]


@dataclass(frozen=True)
class Gathered:
    """What is gathered down a column."""

    tensor: str
    op: Any  # of ArrayOp
    latency: int
    begin: int  # what comes from above the first row


def gathered(design: Design) -> dict[str, Gathered]:
    """By the name of its port, all that is gathered down the columns."""
    return {
        "maximum": Gathered("LM", ArrayOp.MAXIMUM, design.array.max, design.formats.lowest),
        "sum": Gathered("SLD", ArrayOp.SUM, design.array.add, 0),
        "product": Gathered("SLNV", ArrayOp.PRODUCT, design.array.mac, 0),
    }


def partials(design: Design) -> data.StructLayout:
    """What one row hands to the next."""
    return data.StructLayout({name: design.formats.words[each.tensor].shape for name, each in gathered(design).items()})


def probe_of(design: Design, tensor: str) -> Probe:
    """An element of a tensor, in the cycle from which on it is there."""
    return Probe(turn=design.array_command["turn"].shape, value=design.formats.words[tensor].shape)


class Ring:
    """Registers that the turns of a tensor take one after the other; as many as its ring has places."""

    def __init__(self, design: Design, tensor: str, name: str) -> None:
        shape, self.places = design.formats.words[tensor].shape, design.places[tensor]
        self.words = Array(Signal(shape, name=f"{name}_{place}") for place in range(self.places))

    def __getitem__(self, turn: Value) -> Any:
        """The one of a turn: its number modulo the places, a power of two."""
        return self.words[turn[: self.places.bit_length() - 1]] if self.places > 1 else self.words[0]


@dataclass(frozen=True)
class Registers:
    """What an element keeps: a score and a weight for each place of their rings, a sum, and a weight in the making."""

    scores: Ring
    weights: Ring
    accumulator: Signal
    visible: Signal  # whether the weight in the making is that of a visible key
    series: dict[str, Signal]  # its `difference`, `x` and `horner`


class Element(wiring.Component):
    """Row `row` of a key tile, column `column` of a query tile.

    `left`, `top` and `above` belong to the beat of `command`, in the same cycle; `below` is shown in the cycle at whose
    end it is to be stored, each part as many cycles after its beat as its operation has, less one. With `probes` there
    are `score` and `weight`.
    """

    def __init__(self, design: Design, row: int, column: int, probes: bool = False) -> None:
        self.design, self.row, self.column, self.probes = design, row, column, probes
        words = design.formats.words
        self.exponential = design.formats.weight(design.array.mac)
        least = self.exponential.mac
        addend = max(least.addend_bits, words["QK"].bits, words["SLNV"].bits)
        self.mac = replace(least, addend_bits=addend, multiplier=design.multiplier)
        ports = {
            "command": In(design.array_command),
            "left": In(words["K"].shape),
            "top": In(words["QK"].shape),
            "above": In(partials(design)),
            "below": Out(partials(design)),
        }
        if probes:
            ports |= {"score": Out(probe_of(design, "QK")), "weight": Out(probe_of(design, "SLN"))}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        """Operands of a beat before the multiplier-adder, the registers that its sums go to behind it."""
        m, words = Module(), self.design.formats.words
        m.submodules.mac = mac = self.mac.create()
        registers, arriving = self._registers(), self._arriving(m)
        score, weight = Signal(words["QK"].shape, name="score_now"), Signal(words["SLN"].shape, name="weight_now")
        m.d.comb += [score.eq(registers.scores[self.command.turn]), weight.eq(registers.weights[self.command.turn])]
        self._choose(m, mac, registers, weight)
        self._subtract(m, registers, score)
        self._store(m, mac.next, arriving, registers)
        self._gather(m, mac.next, score, weight)
        if self.probes:
            self._show(m, arriving, registers)
        return m

    def _registers(self) -> Registers:
        series = {"difference": Signal(unsigned(self.exponential.difference_bits), name="difference")}
        for step in self.exponential.series[:-1]:
            shape = signed(step.bits) if step.signed else unsigned(step.bits)
            series.setdefault(step.into, Signal(shape, name=step.into))
        return Registers(
            scores=Ring(self.design, "QK", "score"),
            weights=Ring(self.design, "SLN", "weight"),
            accumulator=Signal(self.design.formats.words["QK"].shape, name="accumulator"),
            visible=Signal(name="visible"),
            series=series,
        )

    def _arriving(self, m: Module) -> Any:
        """What of a command is needed in the cycle at whose end its sum is stored."""
        command, names = self.command, ("op", "step", "last", "turn")
        kept = {name: self.design.array_command[name].shape for name in names}
        beat = Signal(data.StructLayout({**kept, "visible": 1}), name="beat")
        m.d.comb += [beat[name].eq(command[name]) for name in names]
        m.d.comb += beat.visible.eq((self.row < command.keys) & (self.row <= self.column + command.diagonal))
        return delayed(m, beat, self.design.array.mac - 1, "arriving")

    def _choose(self, m: Module, mac: MacUnit, registers: Registers, weight: Value) -> None:
        """The operands of the multiplier-adder."""
        command, series = self.command, self.exponential.series

        def operands(wide: Any, narrow: Any, addend: Any) -> None:
            m.d.comb += [mac.wide.eq(wide), mac.narrow.eq(narrow), mac.addend.eq(addend)]

        with m.Switch(command.op):
            with m.Case(ArrayOp.SCORE):
                operands(self.top[:INPUT_BITS].as_signed(), self.left, Mux(command.first, 0, registers.accumulator))
            with m.Case(ArrayOp.WEIGHT), m.Switch(command.step):
                for number, step in enumerate(series, 1):
                    with m.Case(number):
                        wide, narrow = (
                            wires(operand, registers.series, self.exponential.polynomial)
                            for operand in (step.wide, step.narrow)
                        )
                        operands(wide, narrow, step.addend)
            with m.Case(ArrayOp.PRODUCT):
                operands(weight, self.left, self.above.product)

    def _subtract(self, m: Module, registers: Registers, score: Value) -> None:
        """Step 0 of a weight, and whether there will be one."""
        command, cycles = self.command, self.design.array.add - 1
        difference = registers.series["difference"]
        whole = Signal(unsigned(self.exponential.score_bits))
        m.d.comb += whole.eq(self.top - score)
        begins = (command.op == ArrayOp.WEIGHT) & (command.step == 0)
        arriving, found, visible = (
            delayed(m, value, cycles, name)
            for name, value in (
                ("begins", begins),
                ("found", saturated(whole, len(difference))),
                ("found_visible", score != self.design.formats.lowest),
            )
        )
        with m.If(arriving):
            m.d.sync += [difference.eq(found), registers.visible.eq(visible)]

    def _store(self, m: Module, total: Value, arriving: Any, registers: Registers) -> None:
        """Where a sum of the multiplier-adder goes, but for that of a product."""
        lowest = Const(self.design.formats.lowest, self.top.shape())
        with m.Switch(arriving.op):
            with m.Case(ArrayOp.SCORE):
                m.d.sync += registers.accumulator.eq(total)
                with m.If(arriving.last):
                    m.d.sync += registers.scores[arriving.turn].eq(Mux(arriving.visible, total, lowest))
            with m.Case(ArrayOp.WEIGHT), m.Switch(arriving.step):
                for number, step in enumerate(self.exponential.series, 1):
                    result = total >> step.shift
                    if step.saturates:
                        # The largest x leaves nothing of a weight, and that is how a key that is not visible has none.
                        result = Mux(registers.visible, saturated(result, step.bits), (1 << step.bits) - 1)
                    into = registers.series[step.into] if step.into != "weight" else registers.weights[arriving.turn]
                    with m.Case(number):
                        m.d.sync += into.eq(result)

    def _gather(self, m: Module, total: Value, score: Value, weight: Value) -> None:
        """What goes down the column."""
        above, latencies = self.above, self.design.array
        larger = Mux(above.maximum > score, above.maximum, score)
        longer = Signal(above.sum.shape(), name="sum")
        m.d.comb += [
            longer.eq(above.sum + weight),
            self.below.maximum.eq(delayed(m, larger, latencies.max - 1, "maximum")),
            self.below.sum.eq(delayed(m, longer, latencies.add - 1, "sum")),
            self.below.product.eq(total),
        ]

    def _show(self, m: Module, arriving: Any, registers: Registers) -> None:
        """The probes, one cycle after what they show was stored."""
        final = len(self.exponential.series)
        turn = delayed(m, arriving.turn, 1, "shown_turn")
        score = (arriving.op == ArrayOp.SCORE) & arriving.last
        weight = (arriving.op == ArrayOp.WEIGHT) & (arriving.step == final)
        for probe, stored, ring in ((self.score, score, registers.scores), (self.weight, weight, registers.weights)):
            m.d.comb += [
                probe.valid.eq(delayed(m, stored, 1, "shown")),
                probe.turn.eq(turn),
                probe.value.eq(ring[turn]),
            ]
