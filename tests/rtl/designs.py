"""Small components that a harness is held against; each is written so that a person can say what it does.

No postponed annotations here or in a component: Amaranth reads a class's annotations as members.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.manifest import Probe


class Register(wiring.Component):
    """A stream register: one word, taken when it is empty or being emptied."""

    def __init__(self, shape: Any) -> None:
        super().__init__({"input": In(stream.Signature(shape)), "output": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.input.ready.eq(self.output.ready | ~self.output.valid)
        with m.If(self.input.ready):
            m.d.sync += [self.output.valid.eq(self.input.valid), self.output.payload.eq(self.input.payload)]
        return m


class Mac(wiring.Component):
    """The sum of `length` products of two streams, given out when there is room; it works between start and stop.

    It takes nothing while a sum waits to be taken. `beat` happens with each product, `sum_done` with each sum.
    """

    def __init__(self, width: int) -> None:
        number = signed(width)
        super().__init__(
            {
                "start": In(1),
                "length": In(4),
                "sums": In(8),
                "a": In(stream.Signature(number)),
                "b": In(stream.Signature(number)),
                "output": Out(stream.Signature(signed(2 * width + 4))),
                "beat": Out(Probe(index=4, product=signed(2 * width))),
                "sum_done": Out(Probe()),
                "stalled_cycles": Out(16),
                "debug": Out(wiring.Signature({"busy": Out(1), "at": Out(range(1))})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        busy, index, done = Signal(), Signal(4), Signal(8)
        total, product = Signal.like(self.output.payload), Signal.like(self.beat.product)
        go, last = Signal(), Signal()
        m.d.comb += [
            go.eq(busy & self.a.valid & self.b.valid & ~self.output.valid),
            self.a.ready.eq(go),
            self.b.ready.eq(go),
            product.eq(self.a.payload * self.b.payload),
            last.eq(index + 1 == self.length),
            self.beat.valid.eq(go),
            self.beat.index.eq(index),
            self.beat.product.eq(product),
            self.sum_done.valid.eq(go & last),
            self.debug.busy.eq(busy),
        ]
        with m.If(self.start):
            m.d.sync += busy.eq(1)
        with m.If(busy & ~go):
            m.d.sync += self.stalled_cycles.eq(self.stalled_cycles + 1)
        with m.If(self.output.ready):
            m.d.sync += self.output.valid.eq(0)
        with m.If(go):
            m.d.sync += [index.eq(Mux(last, 0, index + 1)), total.eq(Mux(last, 0, total + product))]
            with m.If(last):
                m.d.sync += [self.output.valid.eq(1), self.output.payload.eq(total + product), done.eq(done + 1)]
                m.d.sync += busy.eq(done + 1 != self.sums)
        return m


class Queue(wiring.Component):
    """Rows of two-deep FIFOs, one behind the other; `place[row][slot]` happens when a slot takes a word."""

    def __init__(self, width: int, rows: int = 1) -> None:
        self.rows = rows
        place = Probe(row=range(rows), word=unsigned(width))
        word = stream.Signature(width)
        super().__init__({"outside": In(wiring.Signature({"to": Out(word), "back": In(word)})),
                          "place": Out(place).array(rows, 2), "level": Out(range(3)).array(rows)})  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before = self.outside.to
        for row in range(self.rows):
            last = row == self.rows - 1
            after = self.outside.back if last else stream.Signature(self.outside.to.payload.shape()).create()
            words = [Signal.like(before.payload, name=f"word{slot}") for slot in range(2)]
            level, take, give = self.level[row], Signal(), Signal()
            m.d.comb += [
                before.ready.eq(level != 2),
                after.valid.eq(level != 0),
                after.payload.eq(words[0]),
                take.eq(before.valid & before.ready),
                give.eq(after.valid & after.ready),
            ]
            m.d.sync += level.eq(level + take - give)
            with m.If(give):
                m.d.sync += words[0].eq(words[1])
            for slot in range(2):
                probe = self.place[row][slot]
                lands = take & (level - give == slot)
                m.d.comb += [probe.valid.eq(lands), probe.row.eq(row), probe.word.eq(before.payload)]
                with m.If(lands):
                    m.d.sync += words[slot].eq(before.payload)
            before = after
        return m


class Mode(enum.Enum, shape=2):  # type: ignore[call-arg]
    """A setting with names."""

    IDLE = 0
    READ = 1
    WRITE = 2


class Words(wiring.Component):
    """A memory behind ports that are called as C++ and Verilog call other things; it writes, or reads, or neither."""

    def __init__(self) -> None:
        request = data.StructLayout({"auto": signed(5), "reg": 3})
        super().__init__(
            {
                "int": In(stream.Signature(request)),
                "double": Out(stream.Signature(signed(5))),
                "mode": In(Mode),
                "class_": Out(Probe(wire=Mode, operator=request)),
                "module": Out(signed(70)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        request = self.int.payload
        m.submodules.memory = memory = Memory(shape=signed(5), depth=8, init=[9, -8, 7])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            self.int.ready.eq((self.mode == Mode.WRITE) | self.double.ready),
            write.addr.eq(request.reg),
            write.data.eq(request.auto),
            write.en.eq(self.int.valid & (self.mode == Mode.WRITE)),
            read.addr.eq(request.reg),
            self.double.valid.eq(self.int.valid & (self.mode == Mode.READ)),
            self.double.payload.eq(read.data),
            self.class_.valid.eq(self.int.valid & self.int.ready),
            self.class_.wire.eq(self.mode),
            self.class_.operator.eq(request),
            self.module.eq(read.data - (1 << 68)),
        ]
        return m
