"""The controller: starts every line of a plan in the cycle in which all that it waits for is there.

Nothing in it is scheduled ahead. Each line has counters for its loops; each resource lets the line begin that is next
in round and place; each token is a delay line behind its producer's start and a counter of the starts that came out of
it. So the starts are those of any model that follows the same rules, and a delay more or less shows in them.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .plan import Line, Plan, Token


class Control(wiring.Component):
    """Ports: `run` lets lines begin; for line number i, `go[i]` is high in the cycle in which it begins tile `tile[i]`.

    `done` is high when every line has begun its last tile.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.width = max(1, (2 * plan.tiles + max((line.age for line in plan.lines), default=0)).bit_length())
        count = len(plan.lines)
        super().__init__(
            {
                "run": In(1),
                "go": Out(1).array(count),
                "tile": Out(self.width).array(count),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, plan = Module(), self.plan
        number = {line.name: i for i, line in enumerate(plan.lines)}
        indices = [self._indices(line) for line in plan.lines]
        over = [Signal(name=f"over_{i}") for i in range(len(plan.lines))]
        rounds = []
        for i, line in enumerate(plan.lines):
            strides = plan.strides
            m.d.comb += self.tile[i].eq(sum((indices[i][name] * strides[name] for name in plan.loops), Const(0)))
            rounds.append(self.tile[i] + line.age)
            self._advance(m, line, indices[i], self.go[i], over[i])
        left = [self._hold(m, line, self.go[i], i) for i, line in enumerate(plan.lines)]
        ready: list[list[Value]] = [self._turn(i, left, rounds, over) for i in range(len(plan.lines))]
        for token in plan.tokens:
            consumer, producer = number[token.consumer], number[token.producer]
            ready[consumer].append(self._token(m, token, indices[consumer], self.go[producer]))
        for i, conditions in enumerate(ready):
            m.d.comb += self.go[i].eq(self.run & ~over[i] & Cat(conditions).all())
        m.d.comb += self.done.eq(Cat(over).all())
        return m

    def _indices(self, line: Line) -> dict[str, Value]:
        """A counter for each loop of a line; those of its other loops stand still."""
        found: dict[str, Value] = {}
        for name, count in self.plan.loops.items():
            if name in line.first:
                found[name] = Const(0, self.width)
            elif name in line.last:
                found[name] = Const(count - 1, self.width)
            else:
                found[name] = Signal(self.width, name=f"index_{name}")
        return found

    def _advance(self, m: Module, line: Line, index: dict[str, Value], go: Value, over: Signal) -> None:
        """To the next tile of a line when it begins one."""
        carry: Value = Const(1)
        with m.If(go):
            for name in reversed(self.plan.free(line)):
                counter = index[name]
                at_end = counter == self.plan.loops[name] - 1
                with m.If(carry):
                    m.d.sync += counter.eq(Mux(at_end, 0, counter + 1))
                carry = carry & at_end
            with m.If(carry):
                m.d.sync += over.eq(1)

    def _hold(self, m: Module, line: Line, go: Value, i: int) -> Signal:
        """Cycles that a line still holds its resource."""
        left = Signal(range(line.cycles + 1), name=f"left_{i}")
        with m.If(go):
            m.d.sync += left.eq(line.cycles - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return left

    def _turn(self, i: int, left: list[Signal], rounds: list[Value], over: list[Signal]) -> list[Value]:
        """The resource is free, and no line of an earlier round, or earlier in this one, has yet to begin."""
        line, found = self.plan.lines[i], list[Value]()
        for k, other in enumerate(self.plan.lines):
            if other.resource != line.resource:
                continue
            found.append(left[k] == 0)
            if k != i:
                mine = rounds[i] <= rounds[k] if line.place < other.place else rounds[i] < rounds[k]
                found.append(over[k] | mine)
        return found

    def _token(self, m: Module, token: Token, index: dict[str, Value], go: Value) -> Value:
        """Whether enough of a producer's starts have come out of the delay line, this cycle's among them."""
        arrived = go
        if token.cycles:
            delay = Signal(token.cycles)
            m.d.sync += delay.eq(Cat(go, delay)[: token.cycles])
            arrived = delay[-1]
        seen = Signal(self.width)
        m.d.sync += seen.eq(seen + arrived)
        wanted = Signal(signed(self.width + 2))
        m.d.comb += wanted.eq(
            sum((index[name] * factor for name, factor in token.factors.items()), Const(token.offset))
        )
        return wanted <= (seen + arrived)
