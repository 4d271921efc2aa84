"""The lanes below an array: one command wanders over them, and each sends its maxima back to the top of its column."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from specs import SpecError

from .design import Design
from .lane import Lane, lane_probes
from .manifest import Probe
from .pipeline import delayed
from .places import Places

__all__ = ["Lanes", "lanes_probes"]


def lanes_probes(design: Design) -> dict[str, Probe]:
    """By port, what lanes show: what each shows, and the running maximum where it is back at the top of its column."""
    return {**lane_probes(design), "returned_maximum": Probe(value=design.formats.words["RM"].shape)}


class Lanes(wiring.Component):
    """Lane c does in each cycle what `command` was c cycles before.

    `maximum`, `sum` and `product` are what leaves each column. `returned` is the running maximum of the turn `asked`
    for, as it lies at the top of a column: `return_cycles` after the lane has it. `result` is what leaves each lane.
    With `probes` there is an array of each of `lanes_probes`.
    """

    def __init__(self, design: Design, probes: bool = False) -> None:
        if design.return_cycles < 1:
            raise SpecError(f"return_cycles {design.return_cycles}: allowed: 1 or more; a place is a register")
        self.design, self.probes = design, lanes_probes(design) if probes else {}
        columns = design.columns
        super().__init__(
            {
                "command": In(design.lane_command),
                "maximum": In(design.arrival("LM")).array(columns),
                "sum": In(design.arrival("SLD")).array(columns),
                "product": In(design.arrival("SLNV")).array(columns),
                "asked": In(design.lane_command["turn"].shape).array(columns),
                "returned": Out(design.formats.words["RM"].shape).array(columns),
                "result": Out(design.output).array(columns),
                **{name: Out(probe).array(columns) for name, probe in self.probes.items()},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Lanes in a row, with a register of the command between neighbours."""
        m = Module()
        command: Any = self.command
        for column in range(self.design.columns):
            command = delayed(m, command, min(column, 1), f"command_{column}")
            lane = m.submodules[f"lane_{column}"] = Lane(self.design, bool(self.probes))
            m.d.comb += [
                lane.command.eq(command),
                lane.maximum.eq(self.maximum[column]),
                lane.sum.eq(self.sum[column]),
                lane.product.eq(self.product[column]),
                self.result[column].eq(lane.result),
                self.returned[column].eq(self._returned(m, lane, column)),
            ]
            for name in lane_probes(self.design) if self.probes else ():
                wiring.connect(m, getattr(lane, name), wiring.flipped(getattr(self, name)[column]))
        return m

    def _returned(self, m: Module, lane: Lane, column: int) -> Value:
        """A column's way up: registers, the last of them a place by turn."""
        top = m.submodules[f"top_{column}"] = Places(lane.risen.value.shape(), self.design.places["RM"])
        risen = delayed(m, lane.risen, self.design.return_cycles - 1, f"risen_{column}")
        top.store(m, risen.valid, risen.value, risen.turn, risen.index)
        if self.probes:
            back = delayed(m, risen, 1, f"back_{column}")
            m.d.comb += [
                self.returned_maximum[column].valid.eq(back.valid),
                self.returned_maximum[column].value.eq(back.value),
            ]
        asked = self.asked[column]
        value: Value = top.read(m, asked, risen.index)
        return value
