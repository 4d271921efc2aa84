"""The whole array: streams of Q, K and V in, AV out, and what is between them.

The controller says which line begins when; sequencers turn that into commands of beats for the array and for the lanes,
transfers into words of the streams. Nothing else decides anything: operands are read where a command of the wavefront
is, and values land where it says.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .array import Array
from .beats import Work, array_works, lane_works
from .channel import Transfer
from .control import IDLE_BITS, Control
from .design import ArrayOp, Design
from .element import probe_of
from .lanes import Lanes, lanes_probes
from .manifest import Probe
from .operand_buffer import OperandBuffer
from .pipeline import delayed
from .plan import Plan
from .result_buffer import ResultBuffer
from .sequencer import Sequencer
from .walk import Extent

__all__ = ["ARRAY", "BUFFERED", "LANES", "STREAMS", "Top", "plain", "shows_elements"]

ELEMENT_PROBES = {"score": "QK", "weight": "SLN"}
STREAMS = {"Q": "q", "K": "k", "V": "v", "AV": "av"}
BUFFERED = {"K": "QK", "V": "SLNV", "AV": "AV"}  # tensors with copies of tiles, and the lines that use these
ARRAY, LANES = "array_2d", "array_1d"  # resources of a plan
MOST_SHOWN = 64  # elements of an array that are shown one by one: each is a port, and compilers take their time


def plain(line: str) -> str:
    """A line's name as part of a port's.

    >>> plain("SPNV+RNV")
    'SPNV_RNV'
    """
    return line.replace("+", "_").replace(" ", "_")


def shows_elements(design: Design) -> bool:
    """Whether probes of the whole are of each element as well."""
    return design.rows * design.columns <= MOST_SHOWN


class Top(wiring.Component):
    """`start` begins a run of the loops that the other inputs describe; `done` is high when nothing more will begin.

    Streams carry words of `design.word_bytes`: tiles in the order of the plan, each element after element, all lanes of
    one index first. `idle_<unit>_<cause>` count the cycles in which a unit stood still.

    With `probes`, `first_<line>` and `last_<line>` are the beats of a line's tile at element (0, 0) or lane 0,
    `stall_<unit>` tells of a unit that begins something after it stood still, and everything that the lanes, and the
    elements of a small array, show is shown.
    """

    def __init__(self, design: Design, plan: Plan, extent: Extent, probes: bool = False) -> None:
        self.design, self.plan, self.extent, self.probes = design, plan, extent, probes
        self.elements = probes and shows_elements(design)
        self.works = {ARRAY: dict(array_works(design)), LANES: dict(lane_works(design))}
        word = stream.Signature(8 * design.word_bytes)
        ports: dict[str, Any] = {
            "start": In(1),
            **{name: In(shape) for name, shape in extent.loops.members.items()},
            **{port: Out(word) if tensor == "AV" else In(word) for tensor, port in STREAMS.items()},
            "done": Out(1),
        }
        for unit in self.works:
            ports |= {_counter(unit, cause): Out(IDLE_BITS) for cause in plan.causes(unit)}
        if probes:
            ports |= self._probes()
        super().__init__(ports)

    def _probes(self) -> dict[str, Any]:
        design, number = self.design, self.extent.tile_bits
        found: dict[str, Any] = {}
        for unit, works in self.works.items():
            for line in works:
                found |= {f"{end}_{plain(line)}": Out(Probe(number=number)) for end in ("first", "last")}
            causes = range(max(2, len(self.plan.causes(unit))))
            found[f"stall_{unit}"] = Out(Probe(cycles=IDLE_BITS, cause=causes, number=number))
        shape = (design.rows, design.columns)
        found |= {name: Out(probe).array(design.columns) for name, probe in lanes_probes(design).items()}
        if self.elements:
            found |= {name: Out(probe_of(design, tensor)).array(*shape) for name, tensor in ELEMENT_PROBES.items()}
        return found

    def elaborate(self, platform: object) -> Module:
        m, design = Module(), self.design
        control = m.submodules.control = Control(self.plan, self.extent)
        array = m.submodules.array = Array(design, self.elements)
        lanes = m.submodules.lanes = Lanes(design, self.probes)
        m.d.comb += [control.start.eq(self.start), self.done.eq(control.done)]
        m.d.comb += [control.loops[name].eq(getattr(self, name)) for name in self.extent.loops.members]
        copy = self._copies(m, control)
        for unit, component in ((ARRAY, array), (LANES, lanes)):
            sequencer = m.submodules[f"{unit}_sequencer"] = self._sequencer(component.command.shape(), self.works[unit])
            m.d.comb += component.command.eq(sequencer.command)
            self._begin(m, control, sequencer, copy)
        self._between(m, array, lanes)
        self._fetch(m, control, array, lanes)
        self._give(m, control, lanes, copy)
        self._stalls(m, control)
        if self.probes:
            shown = [(lanes, name) for name in lanes_probes(design)]
            shown += [(array, name) for name in ELEMENT_PROBES if self.elements]
            for owner, name in shown:
                _show(m, getattr(owner, name), getattr(self, name))
        return m

    # -------------------------------------------------------------------------------------------------- lines and tiles

    def _number(self, line: str) -> int:
        return next(i for i, each in enumerate(self.plan.lines) if each.name == line)

    def _sequencer(self, command: Any, works: dict[str, Work]) -> Sequencer:
        """What goes along with all beats of a tile are the fields of a command that do not follow from the beat."""
        of_beats = ("op", "step", "index", "first", "last")
        shown = {name: shape for name, shape in command.members.items() if name not in of_beats}
        return Sequencer(works, command, data.StructLayout({**shown, "number": self.extent.tile_bits}))

    def _copies(self, m: Module, control: Control) -> dict[str, Value]:
        """The copy of each line that has them: of results, by its own starts; of K and V, by rows."""
        found: dict[str, Value] = {}
        tensors = {line: tensor for tensor, line in BUFFERED.items()}
        for line in self.plan.lines:
            i = self._number(line.name)
            tensor = tensors.get(line.name, line.name.split()[-1])
            if self.design.copies.get(tensor) != 2:
                continue
            if tensor != "AV":
                found[line.name] = control.shown[i].copy
                continue
            turn = Signal(name=f"turn_{plain(line.name)}")
            m.d.sync += turn.eq(turn ^ control.go[i])
            with m.If(self.start):
                m.d.sync += turn.eq(0)
            found[line.name] = turn
        return found

    def _begin(self, m: Module, control: Control, sequencer: Sequencer, copy: dict[str, Value]) -> None:
        """Lines of a unit begin when the controller says so, each for the tile that it shows."""
        for k, line in enumerate(sequencer.works):
            i = self._number(line)
            shown: Any = control.shown[i]
            fields = {"turn": shown.number, "query": shown.slot, "copy": copy.get(line, 0)}
            given: Any = sequencer.shown[k]
            m.d.comb += sequencer.go[k].eq(control.go[i])
            m.d.comb += [
                given[name].eq(fields[name] if name in fields else shown[name])
                for name in sequencer.shown_layout.members
            ]
            if self.probes:
                self._show_beats(m, sequencer, k, line, shown.number)

    def _show_beats(self, m: Module, sequencer: Sequencer, k: int, line: str, number: Value) -> None:
        first, last = getattr(self, f"first_{plain(line)}"), getattr(self, f"last_{plain(line)}")
        kept = Signal.like(number, name=f"number_{plain(line)}")
        with m.If(sequencer.go[k]):
            m.d.sync += kept.eq(number)
        m.d.comb += [
            first.valid.eq(sequencer.go[k]),
            first.number.eq(number),
            last.valid.eq(sequencer.last[k]),
            last.number.eq(Mux(sequencer.go[k], number, kept)),
        ]

    # ------------------------------------------------------------------------------------------------------- operands

    def _between(self, m: Module, array: Array, lanes: Lanes) -> None:
        """What leaves a column comes to its lane; the way back is asked by the command at the top of the column."""
        for c in range(self.design.columns):
            m.d.comb += [getattr(lanes, name)[c].eq(getattr(array, name)[c]) for name in ("maximum", "sum", "product")]
            m.d.comb += lanes.asked[c].eq(array.heads[c].turn)

    def _fetch(self, m: Module, control: Control, array: Array, lanes: Lanes) -> None:
        """Q, K and V come into their buffers, and from there to the edges of the array."""
        design, buffers = self.design, {}
        for tensor, slots in (("Q", design.query_slots), ("K", design.copies["K"]), ("V", design.copies["V"])):
            tile = design.tile(tensor)
            buffer = buffers[tensor] = OperandBuffer(tile.lanes, tile.depth, slots, design.word_bytes)
            m.submodules[f"buffer_{STREAMS[tensor]}"] = buffer
            self._fill(m, control, tensor, buffer)
        command = array.command
        for tensor, buffer in buffers.items():
            for address in buffer.address:
                slot = command.query if tensor == "Q" else command.copy
                m.d.comb += [address.slot.eq(slot), address.index.eq(command.index)]
        # Read at the pace of element (0, 0), so that a tile is free when that is through; registers keep the pace of
        # the others.
        for c, head in enumerate(array.heads[: design.tile_queries]):
            query = delayed(m, buffers["Q"].data[c], c, f"query_{c}")
            m.d.comb += array.top[c].eq(Mux(head.op == ArrayOp.SCORE, query, lanes.returned[c]))
        for r in range(design.tile_keys):
            word = Mux(command.op == ArrayOp.SCORE, buffers["K"].data[r], buffers["V"].data[r])
            m.d.comb += array.left[r].eq(delayed(m, word, r * design.hop, f"word_{r}"))

    def _transfer(self, m: Module, control: Control, line: str, place: Value) -> tuple[Transfer, Value]:
        """The transfers of a line, and where the tile of the one under way lies."""
        i = self._number(line)
        transfer = Transfer(self.plan.lines[i].cycles)
        m.submodules[plain(line)] = transfer
        kept, where = Signal.like(place, name="kept"), Signal.like(place, name="where")
        with m.If(control.go[i]):
            m.d.sync += kept.eq(place)
        m.d.comb += [
            transfer.go.eq(control.go[i]),
            control.ended[i].eq(transfer.ended),
            where.eq(Mux(control.go[i], place, kept)),
        ]
        return transfer, where

    def _fill(self, m: Module, control: Control, tensor: str, buffer: OperandBuffer) -> None:
        shown: Any = control.shown[self._number(f"fill {tensor}")]
        place = Signal.like(buffer.write.slot, name=f"place_{STREAMS[tensor]}")
        two = self.design.copies.get(tensor) == 2
        m.d.comb += place.eq(shown.slot if tensor == "Q" else shown.copy if two else 0)
        transfer, where = self._transfer(m, control, f"fill {tensor}", place)
        port = getattr(self, STREAMS[tensor])
        m.d.comb += [
            port.ready.eq(transfer.active),
            transfer.passes.eq(transfer.active & port.valid),
            buffer.write.valid.eq(transfer.passes),
            buffer.write.first.eq(transfer.first),
            buffer.write.slot.eq(where),
            buffer.write.word.eq(port.payload),
        ]

    def _give(self, m: Module, control: Control, lanes: Lanes, copy: dict[str, Value]) -> None:
        """AV from the lanes into its buffer, and out."""
        design = self.design
        buffer = ResultBuffer(design.tile_queries, design.formats.value_dim, design.copies["AV"], design.word_bytes)
        m.submodules.buffer_av = buffer
        for c, result in enumerate(lanes.result[: design.tile_queries]):
            write = buffer.write[c]
            m.d.comb += [
                write.valid.eq(result.valid),
                write.copy.eq(result.copy),
                write.index.eq(result.index),
                write.value.eq(result.value),
            ]
        place = Signal.like(buffer.read.copy, name="place_av")
        m.d.comb += place.eq(copy.get("drain AV", 0))
        transfer, where = self._transfer(m, control, "drain AV", place)
        m.d.comb += [
            self.av.valid.eq(transfer.active),
            self.av.payload.eq(buffer.word),
            transfer.passes.eq(transfer.active & self.av.ready),
            buffer.read.take.eq(transfer.passes),
            buffer.read.first.eq(transfer.first),
            buffer.read.copy.eq(where),
        ]

    # --------------------------------------------------------------------------------------------------------- stalls

    def _stalls(self, m: Module, control: Control) -> None:
        """Cycles in which units stood still, by cause."""
        for u, unit in enumerate(self.plan.resources):
            if unit not in self.works:
                continue
            for k, cause in enumerate(self.plan.causes(unit)):
                counter = getattr(self, _counter(unit, cause))
                with m.If(self.start):
                    m.d.sync += counter.eq(0)
                with m.Elif(control.stalled[u] & (control.cause[u] == k)):
                    m.d.sync += counter.eq(counter + control.idle[u])
            if self.probes:
                probe = getattr(self, f"stall_{unit}")
                m.d.comb += [
                    probe.valid.eq(control.stalled[u]),
                    probe.cycles.eq(control.idle[u]),
                    probe.cause.eq(control.cause[u]),
                ]
                for i, line in enumerate(self.plan.lines):
                    if line.resource == unit:
                        with m.If(control.go[i]):
                            m.d.comb += probe.number.eq(control.shown[i].number)


def _counter(unit: str, cause: str) -> str:
    return f"idle_{unit}_{plain(cause)}"


def _show(m: Module, inner: Any, outer: Any) -> None:
    """Probes of a part, all of an array of them, as the whole's own."""
    if isinstance(inner, (list, tuple)):
        for one, other in zip(inner, outer, strict=True):
            _show(m, one, other)
        return
    wiring.connect(m, inner, wiring.flipped(outer))
