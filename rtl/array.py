"""The array: rows × columns of elements, and the registers between them.

A beat of element (0, 0) is one of element (r, c) r · hop + c cycles later. Everything keeps that pace: commands and the
bytes of K and V go right, one column a cycle; Q, running maxima and partial results go down, one row every `hop`
cycles. A partial result is as many of them in its operation as that has, and the rest in registers.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from specs import Problem, SpecError

from .design import Design
from .element import Element, Gathered, gathered, probe_of
from .pipeline import delayed

__all__ = ["Array"]


class Array(wiring.Component):
    """Ports, for a beat whose command is at element (0, 0) in cycle t:

    - `command`: what element (0, 0) does in cycle t;
    - `heads[c]`, `rows[r]`: the same, c cycles later for element (0, c) and r · hop cycles later for element (r, 0);
    - `left[r]`, `top[c]`: the operands of these elements, in the cycles of `rows[r]` and `heads[c]`: a byte of K or V;
      Q, or the running maximum;
    - `maximum[c]`, `sum[c]`, `product[c]`: what leaves column c, in cycle t + c + (rows - 1) · hop + latency - 1, at
      whose end it is stored;
    - with `probes`, `score[r][c]` and `weight[r][c]`: those of element (r, c), in the first cycle they are there,
      t + r · hop + c + latency for a last beat in cycle t.

    SpecError if a row comes before the partial result that it is to add to.
    """

    def __init__(self, design: Design, probes: bool = False) -> None:
        self.design, self.probes = design, probes
        rows, columns, words = design.rows, design.columns, design.formats.words
        slowest = max(each.latency for each in gathered(design).values())
        if rows > 1 and design.hop < slowest:
            raise SpecError(
                [Problem(f"hop {design.hop}: a partial result takes {slowest} cycles; allowed: hop from {slowest}")]
            )
        ports = {
            "command": In(design.array_command),
            "heads": Out(design.array_command).array(columns),
            "rows": Out(design.array_command).array(rows),
            "left": In(words["K"].shape).array(rows),
            "top": In(words["QK"].shape).array(columns),
            **{name: Out(design.arrival(each.tensor)).array(columns) for name, each in gathered(design).items()},
        }
        if probes:
            ports["score"] = Out(probe_of(design, "QK")).array(rows, columns)
            ports["weight"] = Out(probe_of(design, "SLN")).array(rows, columns)
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        design = self.design
        elements: dict[tuple[int, int], Element] = {}
        for row in range(design.rows):
            for column in range(design.columns):
                element = elements[row, column] = Element(design, row, column, self.probes)
                m.submodules[f"element_{row}_{column}"] = element
                self._from_left(m, element, elements)
                self._from_above(m, element, elements)
                if self.probes:
                    wiring.connect(m, element.score, wiring.flipped(self.score[row][column]))
                    wiring.connect(m, element.weight, wiring.flipped(self.weight[row][column]))
        m.d.comb += [self.heads[column].eq(elements[0, column].command) for column in range(design.columns)]
        m.d.comb += [self.rows[row].eq(elements[row, 0].command) for row in range(design.rows)]
        for column in range(design.columns):
            self._leave(m, column, elements[design.rows - 1, column])
        return m

    def _from_left(self, m: Module, element: Element, elements: dict[tuple[int, int], Element]) -> None:
        """The command and the byte of K or V; the first column has its commands from above."""
        row, column = element.row, element.column
        if column:
            before = elements[row, column - 1]
            command = delayed(m, before.command, 1, f"command_{row}_{column}")
            left = delayed(m, before.left, 1, f"left_{row}_{column}")
        else:
            left = self.left[row]
            command = self.command
            if row:
                command = delayed(m, elements[row - 1, 0].command, self.design.hop, f"command_{row}")
        m.d.comb += [element.command.eq(command), element.left.eq(left)]

    def _from_above(self, m: Module, element: Element, elements: dict[tuple[int, int], Element]) -> None:
        """Q or the running maximum, and the partial results."""
        row, column, hop = element.row, element.column, self.design.hop
        if row == 0:
            m.d.comb += element.top.eq(self.top[column])
            m.d.comb += [element.above[name].eq(each.begin) for name, each in gathered(self.design).items()]
            return
        upper = elements[row - 1, column]
        m.d.comb += element.top.eq(delayed(m, upper.top, hop, f"top_{row}_{column}"))
        for name, each in gathered(self.design).items():
            partial = delayed(m, upper.below[name], hop - each.latency + 1, f"{name}_{row}_{column}")
            m.d.comb += element.above[name].eq(partial)

    def _leave(self, m: Module, column: int, bottom: Element) -> None:
        """The results of a column, with the turn and the index of the command that they are of."""

        def arrive(name: str, each: Gathered) -> None:
            arrival, command = getattr(self, name)[column], ages[each.latency - 1]
            m.d.comb += [
                arrival.valid.eq(command.op == each.op),
                arrival.turn.eq(command.turn),
                arrival.index.eq(command.index),
                arrival.value.eq(bottom.below[name]),
            ]

        found = gathered(self.design)
        ages = [bottom.command]  # by cycles since the beat
        for age in range(1, max(each.latency for each in found.values())):
            ages.append(delayed(m, ages[-1], 1, f"leaving_{column}_{age}"))
        for name, each in found.items():
            arrive(name, each)
