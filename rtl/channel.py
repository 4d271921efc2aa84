"""The channel to memory: words of one transfer at a time, from and to streams."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Transfer"]


class Transfer(wiring.Component):
    """One kind of transfers, each of `words`: from the cycle of `go` on words pass, at most one a cycle.

    The channel is ready for a word while it is `active`; `passes` says that one does. `first` is high until the first
    word has passed, `ended` in the cycle in which the last one does.
    """

    def __init__(self, words: int) -> None:
        self.words = words
        super().__init__(
            {"go": In(1), "passes": In(1), "active": Out(1), "first": Out(1), "ended": Out(1)}
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, now = Signal(range(self.words + 1)), Signal(range(self.words + 1))
        m.d.comb += [
            now.eq(Mux(self.go, self.words, left)),
            self.active.eq(now != 0),
            self.first.eq(now == self.words),
            self.ended.eq(self.passes & (now == 1)),
        ]
        m.d.sync += left.eq(now - self.passes)
        return m
