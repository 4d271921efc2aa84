"""Beats for the array that its contract allows, and what has to come of them: the model's numbers, in which cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from rtl.array import Array
from rtl.design import ArrayOp, Design
from rtl.model import Attention, attention

GATHERED = ("maximum", "sum", "product")
PROBES = ("score", "weight")


class Beat(NamedTuple):
    """A beat of a tile: number `number` of those that an operation has there (a feature, or a step)."""

    op: str
    tile: int
    number: int


class Event(NamedTuple):
    """Something that a port shows in a cycle."""

    cycle: int
    port: str
    place: tuple[int, ...]
    turn: int
    feature: int
    value: int


@dataclass(frozen=True)
class Work:
    """The inputs of one query tile, and the cycle of element (0, 0) in which each of its beats comes."""

    design: Design
    q: Any
    k: Any
    v: Any
    causal: bool
    seed: int  # of pauses and of what is not to matter

    @cached_property
    def model(self) -> Attention:
        return attention(self.design.formats, self.q, self.k, self.v, causal=self.causal)

    @property
    def tiles(self) -> int:
        return -(-len(self.k) // self.design.rows)

    @property
    def beats_of_tile(self) -> list[tuple[str, int]]:
        design = self.design
        return [
            *(("SCORE", number) for number in range(design.formats.head_dim)),
            ("MAXIMUM", 0),
            *(("WEIGHT", number) for number in range(design.weight_steps)),
            ("SUM", 0),
            *(("PRODUCT", number) for number in range(design.formats.value_dim)),
        ]

    def waits(self, beat: Beat) -> Iterator[tuple[Beat, int]]:
        """The beats that one comes after, with the least cycles between; none for tiles that there are not."""
        design, (op, tile, number) = self.design, beat
        mac, last, final = design.array.mac, design.formats.head_dim - 1, design.weight_steps - 1
        if op == "SCORE":
            yield (Beat(op, tile, number - 1), mac) if number else (Beat(op, tile - 1, last), 1)
            if number == last:  # it may take its place at the end of the cycle in which that is read
                before = tile - design.places["QK"]
                yield from ((Beat(reader, before, 0), 1 - mac) for reader in ("MAXIMUM", "WEIGHT"))
        elif op == "MAXIMUM" or (op == "WEIGHT" and number == 0):
            yield Beat("SCORE", tile, last), mac
            yield Beat("WEIGHT", tile - 1, final), 1
        elif op == "WEIGHT":
            yield Beat(op, tile, number - 1), mac if number > 1 else design.array.add
            if number == final:
                before = tile - design.places["SLN"]
                yield Beat("SUM", before, 0), 1 - mac
                yield from ((Beat("PRODUCT", before, each), 1 - mac) for each in range(design.formats.value_dim))
        else:
            yield Beat("WEIGHT", tile, final), mac

    @cached_property
    def cycles(self) -> Mapping[int, Beat]:
        """Tile after tile, each beat in a free cycle: mostly the first one that is allowed, also between others."""
        random, found, taken = np.random.default_rng(self.seed), dict[Beat, int](), dict[int, Beat]()
        for tile in range(self.tiles):
            for op, number in self.beats_of_tile:
                beat = Beat(op, tile, number)
                waits = [found[other] + cycles for other, cycles in self.waits(beat) if other in found]
                cycle = max(waits, default=0) + int(random.choice([0, 0, 0, 0, 1, 3]))
                while cycle in taken:
                    cycle += 1
                found[beat], taken[cycle] = cycle, beat
        return taken

    def command(self, beat: Beat | None, random: Any) -> dict[str, Any]:
        """The command of a beat; what does not belong to it is drawn."""
        design = self.design
        drawn = {
            "op": ArrayOp.IDLE, "step": random.integers(design.weight_steps), "first": random.integers(2),
            "last": random.integers(2), "turn": random.integers(design.turns), "index": 0,
            "query": random.integers(design.query_slots), "copy": random.integers(2),
            "keys": random.integers(design.rows + 1), "diagonal": random.integers(-design.columns, design.rows),
        }  # fmt: skip
        command = {name: value if name == "op" else int(value) for name, value in drawn.items()}
        if beat is None:
            return command
        command |= {"op": getattr(ArrayOp, beat.op), "turn": beat.tile % design.turns}
        if beat.op == "WEIGHT":
            return {**command, "step": beat.number}
        if beat.op == "SCORE":
            first = beat.tile * design.rows
            diagonal = len(self.k) - len(self.q) - first if self.causal else design.rows
            command |= {
                "first": beat.number == 0,
                "last": beat.number == design.formats.head_dim - 1,
                "keys": min(design.rows, len(self.k) - first),
                "diagonal": min(max(diagonal, -design.columns), design.rows - 1),
            }
        return {**command, "index": beat.number}

    def left(self, beat: Beat | None, row: int, random: Any) -> int:
        """The byte for a row."""
        if beat is not None and (key := beat.tile * self.design.rows + row) < len(self.k):
            if beat.op == "SCORE":
                return int(self.k[key, beat.number])
            if beat.op == "PRODUCT":
                return int(self.v[key, beat.number])
        return int(random.integers(-128, 128))

    def top(self, beat: Beat | None, column: int, random: Any) -> int:
        """Q or the running maximum for a column."""
        if beat is not None and beat.op == "SCORE":
            return int(self.q[column, beat.number])
        if beat is not None and beat.op == "WEIGHT" and beat.number == 0:
            return int(self.model["RM"][beat.tile + 1, column])
        return int(random.integers(self.design.formats.lowest, -self.design.formats.lowest))


def expected(work: Work) -> list[Event]:
    """All that the ports have to show, by the formula of their cycles."""
    design, model, found = work.design, work.model, list[Event]()
    rows, hop, latency = design.rows, design.hop, design.array
    for cycle, (op, tile, number) in work.cycles.items():
        turn = tile % design.turns
        for c in range(design.columns):
            leaves = cycle + c + (rows - 1) * hop
            if op == "MAXIMUM":
                found.append(Event(leaves + latency.max - 1, "maximum", (c,), turn, 0, model["LM"][tile, c]))
            if op == "SUM":
                found.append(Event(leaves + latency.add - 1, "sum", (c,), turn, 0, model["SLD"][tile, c]))
            if op == "PRODUCT":
                value = model["SLNV"][tile, number, c]
                found.append(Event(leaves + latency.mac - 1, "product", (c,), turn, number, value))
            for r in range(rows):
                there = cycle + r * hop + c + latency.mac
                if op == "SCORE" and number == design.formats.head_dim - 1:
                    found.append(Event(there, "score", (r, c), turn, 0, model["QK"][tile, r, c]))
                if op == "WEIGHT" and number == design.weight_steps - 1:
                    found.append(Event(there, "weight", (r, c), turn, 0, model["SLN"][tile, r, c]))
    return sorted(found)


def observed(array: Array, work: Work) -> list[Event]:
    """What the ports show, with the operands in the cycles of `work`, which may be of another design.

    The commands that leave for the operand memories are held to their cycles too.
    """
    design, found = work.design, list[Event]()
    cycles = max(work.cycles) + (design.rows + 3) * (design.hop + 1) + design.columns + 8
    random = np.random.default_rng(work.seed)
    commands = [work.command(work.cycles.get(cycle), random) for cycle in range(cycles)]
    bits = [design.array_command.const(command).as_bits() for command in commands]

    def shows(context: Any, cycle: int, name: str, place: tuple[int, ...]) -> None:
        port = getattr(array, name)
        for number in place:
            port = port[number]
        if context.get(port.valid):
            feature = context.get(port.index) if name in GATHERED else 0
            found.append(Event(cycle, name, place, context.get(port.turn), feature, context.get(port.value)))

    async def bench(context: Any) -> None:
        for cycle in range(cycles):
            context.set(array.command, commands[cycle])
            for r in range(design.rows):
                at = cycle - r * design.hop
                context.set(array.left[r], work.left(work.cycles.get(at), r, random))
                assert at < 0 or array.design.hop != design.hop or context.get(Value.cast(array.rows[r])) == bits[at]
            for c in range(design.columns):
                context.set(array.top[c], work.top(work.cycles.get(cycle - c), c, random))
                assert cycle < c or context.get(Value.cast(array.heads[c])) == bits[cycle - c]
                for name in GATHERED:
                    shows(context, cycle, name, (c,))
                for r in range(design.rows):
                    for name in PROBES:
                        shows(context, cycle, name, (r, c))
            await context.tick()

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return sorted(found)
