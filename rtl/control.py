"""The controller: starts every line of a plan in the cycle in which all that it waits for is there.

Nothing in it is scheduled ahead. Each line walks over its tiles; each resource lets the line begin that is next in
round and place; each token is a delay line behind its producer's start and a balance of the starts that came out of it.
So the starts are those of any model that follows the same rules, and a delay more or less shows in them.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .plan import Ahead, Line, Plan, Token
from .walk import COUNT_BITS, Extent, Walk

__all__ = ["Control"]

IDLE_BITS = 32  # of a count of cycles in which a unit stood still


class Control(wiring.Component):
    """`start` begins a run of `loops`; line number i begins tile `shown[i]` in the cycle in which `go[i]` is high.

    A transfer is over in the cycle in which `ended` is high, which may be that of its start. `stalled[u]` is high where
    resource number u begins something after it stood still: for `idle[u]` cycles, and at last for the plan's cause
    number `cause[u]`. `done`: every line has begun its last tile.
    """

    def __init__(self, plan: Plan, extent: Extent) -> None:
        self.plan, self.extent = plan, extent
        count, resources = len(plan.lines), len(plan.resources)
        self.shown_layout = data.StructLayout(
            {
                "number": extent.tile_bits,
                "slot": COUNT_BITS,
                "copy": 1,
                "fresh": 1,
                "keys": range(extent.rows + 1),
                "diagonal": range(-extent.columns, extent.rows),
            }
        )
        most = max((len(plan.causes(resource)) for resource in plan.resources), default=1)
        super().__init__(
            {
                "start": In(1),
                "loops": In(extent.loops),
                "ended": In(1).array(count),
                "go": Out(1).array(count),
                "shown": Out(self.shown_layout).array(count),
                "stalled": Out(1).array(resources),
                "idle": Out(IDLE_BITS).array(resources),
                "cause": Out(range(max(most, 2))).array(resources),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, plan = Module(), self.plan
        running = Signal()
        walks = [self._walk(m, i, line) for i, line in enumerate(plan.lines)]
        over = Signal()
        m.d.comb += [over.eq(Cat(walk.over for walk in walks).all()), self.done.eq(running & over)]
        with m.If(self.start):
            m.d.sync += running.eq(1)
        busy = [self._busy(m, i, line) for i, line in enumerate(plan.lines)]
        tokens = [self._token(m, token, walks) for token in plan.tokens]
        for i, line in enumerate(plan.lines):
            mine = [ready for token, ready in zip(plan.tokens, tokens, strict=True) if token.consumer == line.name]
            turn = self._turn(i, busy, walks)
            may = [running, ~self.start, walks[i].there, *turn, *mine]
            m.d.comb += self.go[i].eq(Cat(may).all())
        for u, resource in enumerate(plan.resources):
            self._stall(m, u, resource, busy, tokens, running, over)
        return m

    def _number(self, name: str) -> int:
        return next(i for i, line in enumerate(self.plan.lines) if line.name == name)

    def _walk(self, m: Module, i: int, line: Line) -> Walk:
        """The tiles of a line."""
        walk = Walk(self.extent, line.tiles)
        m.submodules[f"walk_{i}"] = walk
        shown = self.shown[i]
        m.d.comb += [
            walk.loops.eq(self.loops),
            walk.load.eq(self.start),
            walk.step.eq(self.go[i]),
            shown.number.eq(walk.number),
            shown.slot.eq(walk.slot),
            shown.copy.eq(walk.copy),
            shown.fresh.eq(walk.first),
            shown.keys.eq(walk.keys),
            shown.diagonal.eq(walk.diagonal),
        ]
        return walk

    def _busy(self, m: Module, i: int, line: Line) -> Signal:
        """Whether a line that began in an earlier cycle still holds its resource."""
        held = Signal(name=f"held_{i}")
        if line.transfer:
            with m.If(self.ended[i]):
                m.d.sync += held.eq(0)
            with m.Elif(self.go[i]):
                m.d.sync += held.eq(1)
            return held
        left = Signal(range(line.cycles + 1), name=f"left_{i}")
        m.d.comb += held.eq(left != 0)
        with m.If(self.go[i]):
            m.d.sync += left.eq(line.cycles - 1)
        with m.Elif(held):
            m.d.sync += left.eq(left - 1)
        return held

    def _turn(self, i: int, busy: list[Signal], walks: list[Walk]) -> list[Value]:
        """The resource is free, and no line of an earlier round, or earlier in this one, has yet to begin."""
        line, found = self.plan.lines[i], list[Value]()
        for k, other in enumerate(self.plan.lines):
            if other.resource != line.resource:
                continue
            found.append(~busy[k])
            if k != i:
                mine, its = walks[i].number + line.age, walks[k].number + other.age
                found.append(walks[k].over | (mine <= its if line.place < other.place else mine < its))
        return found

    def _token(self, m: Module, token: Token, walks: list[Walk]) -> Signal:
        """Whether enough of a producer's starts have come out of the delay line, this cycle's among them."""
        consumer, producer = self._number(token.consumer), self._number(token.producer)
        line, walk = self.plan.lines[producer], walks[producer]
        given, taken, arrived, ready = Signal(), Signal(), Signal(), Signal()
        if line.transfer:
            m.d.comb += given.eq(self.ended[producer])
        else:
            m.d.comb += given.eq(self.go[producer] & walk.is_kind(token.given))
        m.d.comb += arrived.eq(given)
        if token.cycles:
            delay = Signal(token.cycles, name="delay")
            m.d.sync += delay.eq(Cat(given, delay)[: token.cycles])
            m.d.comb += arrived.eq(delay[-1])
        mine = walks[consumer]
        balance = Signal(signed(COUNT_BITS + 2))
        m.d.comb += taken.eq(self.go[consumer] & mine.is_kind(token.counted))
        m.d.sync += balance.eq(balance + arrived - taken)
        ahead = {Ahead.SLOTS: self.loops.slots, Ahead.ROW: mine.row_tiles}
        allowed = ahead[token.ahead] if isinstance(token.ahead, Ahead) else Const(token.ahead, COUNT_BITS)
        m.d.comb += ready.eq(~mine.is_kind(token.asked) | (balance + arrived + allowed >= 1))
        return ready

    def _stall(
        self, m: Module, u: int, resource: str, busy: list[Signal], tokens: list[Signal], running: Signal, over: Signal
    ) -> None:
        """How long a resource has stood still, and what it waited for at last: the first that came in this cycle."""
        mine = [i for i, line in enumerate(self.plan.lines) if line.resource == resource]
        begins, held = Cat(self.go[i] for i in mine).any(), Cat(busy[i] for i in mine).any()
        idle = Signal(IDLE_BITS, name=f"idle_{u}")
        with m.If(self.start):
            m.d.sync += idle.eq(0)
        with m.Elif(running & ~over):
            m.d.sync += idle.eq(Mux(begins | held, 0, idle + 1))
        m.d.comb += [self.idle[u].eq(idle), self.stalled[u].eq(begins & (idle != 0))]
        causes = self.plan.causes(resource)
        for i in mine:
            name = self.plan.lines[i].name
            waited = [(t.cause, r) for t, r in zip(self.plan.tokens, tokens, strict=True) if t.consumer == name]
            for cause, ready in reversed(waited):
                before = Signal(name="before")
                m.d.sync += before.eq(ready)
                with m.If(self.go[i] & ~before):
                    m.d.comb += self.cause[u].eq(causes.index(cause))
