"""A lane: what happens to a query below its column, tile after tile, and the states that are kept of it.

A command is a beat of one native operation: a comparison, an addition, or the multiplier-adder that a lane has one of.
Its operands are read in its cycle, and the result is stored a latency later, where a copy of the command that went
beside it says. So any operation but a division may begin every cycle, and several are in flight. That what is read is
there, and what is overwritten no longer needed, is the controller's care. The factor of a correction has one set of
registers between its steps: the next one begins when it has had its last step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .correction import HALF
from .design import Design, LaneOp
from .exponential import WEIGHT_FRACTION_BITS, saturated, wires
from .mac import Mac, MacUnit
from .manifest import Probe
from .pipeline import delayed
from .places import Places

__all__ = ["PROBES", "Lane", "lane_mac", "lane_probes"]

PROBES = {  # and the tensors that they show
    "running_maximum": "RM",
    "factor": "PRM",
    "decayed": "SPD",
    "denominator": "RD",
    "scaled": "SPNV",
    "numerator": "RNV",
    "output": "AV",
    "arrived_maximum": "LM",
    "arrived_sum": "SLD",
    "arrived_product": "SLNV",
}
BY_FEATURE = ("SLNV", "SPNV", "RNV", "AV")
BEFORE, DIFFERENCE = "RM before", "RM - RM before"  # the running maximum that a tile finds, and how far it moves


def lane_mac(design: Design) -> Mac:
    """The multiplier-adder of a lane: wide enough for the states' corrections and for the factor's series.

    >>> from .formats import Formats
    >>> lane_mac(Design(Formats(head_dim=8, value_dim=8, key_tile=4, max_keys=64), rows=4, columns=4))
    Mac(wide_bits=40, narrow_bits=28, addend_bits=50, latency=1, multiplier='dsp')
    """
    latency = design.lanes.mac
    correction, factor = design.formats.correction(latency).mac, design.formats.factor(latency).mac
    return Mac(
        max(correction.wide_bits, factor.wide_bits),
        max(correction.narrow_bits, factor.narrow_bits),
        max(HALF.bit_length() + 1, factor.addend_bits),
        latency,
        design.multiplier,
    )


def lane_probes(design: Design) -> dict[str, Probe]:
    """By port, what a lane shows: a value in the first cycle in which it may be read, with its feature if any."""
    index = {"index": design.lane_command["index"].shape}
    return {
        name: Probe(**(index if tensor in BY_FEATURE else {}), value=design.formats.words[tensor].shape)
        for name, tensor in PROBES.items()
    }


@dataclass(frozen=True)
class Landing:
    """A value in the cycle at whose end it is stored if `valid`, and the command or arrival that says where."""

    valid: Value
    value: Value
    place: Any


class Lane(wiring.Component):
    """`command` is done in its cycle; `maximum`, `sum` and `product` are what leaves the column above.

    `result` is an element of AV. `risen` is a new running maximum on its way up, in the first cycle in which it may be
    read. With `probes` there is a port for each of `lane_probes`.
    """

    def __init__(self, design: Design, probes: bool = False) -> None:
        self.design, self.probes = design, probes
        super().__init__(
            {
                "command": In(design.lane_command),
                "maximum": In(design.arrival("LM")),
                "sum": In(design.arrival("SLD")),
                "product": In(design.arrival("SLNV")),
                "risen": Out(design.arrival("RM")),
                "result": Out(design.output),
                **({name: Out(probe) for name, probe in lane_probes(design).items()} if probes else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Everything is read at the places of the command; every operation says where its results land."""
        m = Module()
        command, rings, states = self.command, self._rings(m), self._states(m)
        read = {tensor: ring.read(m, command.turn, command.index) for tensor, ring in rings.items()}
        state = {tensor: each.read(m, command.query, command.index) for tensor, each in states.items()}
        landings = {
            **self._arrived(),
            **self._compare(m, read["LM"], state["RM"]),
            **self._add(m, read),
            **self._divide(m, state),
        }
        landings |= self._multiply(m, landings[DIFFERENCE], read["PRM"], state)
        for tensor, ring in rings.items():
            landed = landings[tensor]
            ring.store(m, landed.valid, landed.value, landed.place.turn, landed.place.index)
        for tensor, each in states.items():
            landed = landings[tensor]
            each.store(m, landed.valid, landed.value, landed.place.query, landed.place.index)
        new = landings["RM"]
        m.d.sync += [self.risen.valid.eq(new.valid), self.risen.turn.eq(new.place.turn), self.risen.value.eq(new.value)]
        if self.probes:
            self._show(m, landings)
        return m

    def _rings(self, m: Module) -> dict[str, Places]:
        """Places by turn; scaled numerators, which wait for no more than a window, have places by feature alone."""
        design, words = self.design, self.design.formats.words
        window = max(design.lanes.mac, design.lanes.add)
        rings = {tensor: Places(words[tensor].shape, design.places[tensor]) for tensor in ("LM", "PRM", "SLD", "SPD")}
        rings["RM"], rings[BEFORE] = (Places(words["RM"].shape, design.places["RM"]) for _ in range(2))
        rings["SLNV"] = Places(words["SLNV"].shape, design.places["SLNV"], design.formats.value_dim)
        rings["SPNV"] = Places(words["SPNV"].shape, 1, 1 << (window - 1).bit_length())
        for tensor, ring in rings.items():
            m.submodules[f"ring_{tensor.replace(' ', '_')}"] = ring
        return rings

    def _states(self, m: Module) -> dict[str, Places]:
        """Places by query."""
        formats, slots = self.design.formats, self.design.query_slots
        states = {
            tensor: Places(formats.words[tensor].shape, slots, formats.value_dim if tensor in BY_FEATURE else 1)
            for tensor in ("RM", "RD", "RNV")
        }
        for tensor, state in states.items():
            m.submodules[f"state_{tensor}"] = state
        return states

    def _arrived(self) -> dict[str, Landing]:
        """LM, SLD and SLNV, from the column."""
        ports = {"LM": self.maximum, "SLD": self.sum, "SLNV": self.product}
        return {tensor: Landing(port.valid, port.value, port) for tensor, port in ports.items()}

    def _compare(self, m: Module, maximum: Value, state: Value) -> dict[str, Landing]:
        """RM, and what it was before."""
        old = Mux(self.command.fresh, self.design.formats.lowest, state)
        new = Mux(maximum > old, maximum, old)
        wait = self.design.lanes.max - 1
        done = delayed(m, self.command, wait, "compared")
        valid = done.op == LaneOp.MAXIMUM
        return {
            tensor: Landing(valid, delayed(m, value, wait, name), done)
            for tensor, value, name in (("RM", new, "new_maximum"), (BEFORE, old, "old_maximum"))
        }

    def _add(self, m: Module, read: dict[str, Value]) -> dict[str, Landing]:
        """The difference of a factor, RD and RNV."""
        words, wait = self.design.formats.words, self.design.lanes.add - 1
        done = delayed(m, self.command, wait, "added")
        difference, denominator, numerator = (
            delayed(m, total, wait, name)
            for name, total in {
                "difference": (read["RM"] - read[BEFORE])[: words["RM"].bits],
                "denominator": (read["SPD"] + read["SLD"])[: words["RD"].bits],
                "numerator": (read["SPNV"] + read["SLNV"])[: words["RNV"].bits].as_signed(),
            }.items()
        )
        return {
            DIFFERENCE: Landing((done.op == LaneOp.FACTOR) & (done.step == 0), difference, done),
            "RD": Landing(done.op == LaneOp.DENOMINATOR, denominator, done),
            "RNV": Landing(done.op == LaneOp.NUMERATOR, numerator, done),
        }

    def _multiply(self, m: Module, difference: Landing, factor: Value, state: dict[str, Value]) -> dict[str, Landing]:
        """PRM after the last step of the series, SPD and SPNV."""
        command = self.command
        mac = m.submodules.mac = lane_mac(self.design).create()
        done = delayed(m, command, self.design.lanes.mac - 1, "multiplied")
        self._series(m, mac, difference, done)
        for op, tensor in ((LaneOp.DECAY, "RD"), (LaneOp.SCALE, "RNV")):
            with m.If(command.op == op):
                old = Mux(command.fresh, 0, state[tensor])
                m.d.comb += [mac.wide.eq(old), mac.narrow.eq(factor), mac.addend.eq(HALF)]
        last = self.design.formats.factor().series[-1]
        corrected = mac.next >> WEIGHT_FRACTION_BITS
        return {
            "PRM": Landing(
                (done.op == LaneOp.FACTOR) & (done.step == self.design.factor_steps - 1), mac.next >> last.shift, done
            ),
            "SPD": Landing(done.op == LaneOp.DECAY, corrected, done),
            "SPNV": Landing(done.op == LaneOp.SCALE, corrected, done),
        }

    def _series(self, m: Module, mac: MacUnit, difference: Landing, done: Any) -> None:
        """The operands of each step of a factor, and the registers between steps."""
        series = self.design.formats.factor()
        registers: dict[str, Value] = {"difference": Signal(series.difference_bits, name="difference")}
        for step in series.series[:-1]:
            registers.setdefault(step.into, Signal(Shape(step.bits, step.signed), name=step.into))
        with m.If(difference.valid):
            m.d.sync += registers["difference"].eq(saturated(difference.value, series.difference_bits))
        for number, step in enumerate(series.series, 1):
            with m.If((self.command.op == LaneOp.FACTOR) & (self.command.step == number)):
                m.d.comb += [
                    mac.wide.eq(wires(step.wide, registers, series.polynomial)),
                    mac.narrow.eq(wires(step.narrow, registers, series.polynomial)),
                    mac.addend.eq(step.addend),
                ]
            if step.into in registers:
                total = mac.next >> step.shift
                with m.If((done.op == LaneOp.FACTOR) & (done.step == number)):
                    m.d.sync += registers[step.into].eq(saturated(total, step.bits) if step.saturates else total)

    def _divide(self, m: Module, state: dict[str, Value]) -> dict[str, Landing]:
        """AV, to the port `result`."""
        command, result = self.command, self.result
        divider = m.submodules.divider = self.design.formats.division.create()
        destination = Signal(self.design.output)
        m.d.comb += [
            divider.start.eq(command.op == LaneOp.DIVIDE),
            divider.numerator.eq(state["RNV"]),
            divider.denominator.eq(state["RD"]),
            result.valid.eq(divider.done),
            result.copy.eq(destination.copy),
            result.index.eq(destination.index),
            result.value.eq(divider.quotient),
        ]
        with m.If(divider.start):
            m.d.sync += [destination.copy.eq(command.copy), destination.index.eq(command.index)]
        return {"AV": Landing(result.valid, result.value, result)}

    def _show(self, m: Module, landings: dict[str, Landing]) -> None:
        """Probes are a cycle behind the landings: then the value may be read."""
        for name, tensor in PROBES.items():
            port, landed = getattr(self, name), landings[tensor]
            m.d.sync += [port.valid.eq(landed.valid), port.value.eq(landed.value)]
            if tensor in BY_FEATURE:
                m.d.sync += port.index.eq(landed.place.index)
