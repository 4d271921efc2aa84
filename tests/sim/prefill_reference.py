"""Prefill attention on FuseMax's arrays, element by element and cycle by cycle, to hold the cycle engine against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mappings import Schedule

from .array_einsums import OnePass
from .array_elements import Key, Now, Reference, reference
from .array_lines import Order
from .array_machine import Tile
from .prefill_control import PrefillControllers, PrefillHost


@dataclass
class Prefill(OnePass):
    """Queries come from above, keys and values from the left."""

    host: PrefillHost
    control: PrefillControllers

    @cached_property
    def does(self) -> Mapping[str, Callable[[Now], float]]:
        own = {"SPD": self.scaled_denominator, "RD": self.running_denominator, "AV": self.division}
        return {**super().does, **own}

    # ------------------------------------------------------------------------------------------------------- memories

    def words(self, tensor: str, tile: Tile) -> list[tuple[Key, Any, float, int]]:
        host, control = self.host, self.control
        if tensor == "Q":
            queries, tag = host.queries(tile), tile.query_tile
            own = self.inputs["Q"][tile.batch, tile.head, tile.member]
            return [
                (("Q", tile.slot, c, e), tag, float(own[e, queries[c]]) if c < len(queries) else 0.0, c)
                for c in range(host.cols)
                for e in range(host.sizes["e"])
            ]
        fetch = control.fetch_of[tensor, tile]
        copy, keys = fetch % host.copies[tensor], host.keys(tile)
        values = self.inputs[tensor][tile.batch, tile.head]
        return [
            ((tensor, copy, r, i), fetch, float(values[i, keys[r]]) if r < len(keys) else 0.0, r * host.hop)
            for r in range(host.rows)
            for i in range(values.shape[0])
        ]

    def read(self, cycle: int, tensor: str, tile: Tile, at: int, word: int) -> float:
        """A word of a fetched tile, from the buffer; of memories that take no time it is always there."""
        if tensor == "Q":
            key: Key = ("Q", tile.slot, at, word)
            tag: Any = tile.query_tile
        else:
            tag = self.control.fetch_of[tensor, tile]
            key = (tensor, tag % self.host.copies[tensor], at, word)
        if not self.host.moves[0]:
            return next(v for k, _, v, _ in self.words(tensor, tile) if k == key)
        return self.take(cycle, key, tag)

    def store(self, tile: Tile, c: int, chain: int, value: float) -> None:
        queries = self.host.queries(tile)
        if c < len(queries):
            self.output[tile.batch, tile.head, tile.member, chain, queries[c]] = value

    # ---------------------------------------------------------------------------------------------------------- wires

    def query(self, now: Now) -> float:
        """A query comes from above and goes on to the row below."""
        tag = (now.line.group, now.beat.tile, now.beat.round)
        if now.r == 0:
            value = self.read(now.cycle, "Q", now.tile, now.c, now.beat.round)
        else:
            value = self.take(now.cycle, ("query", now.r, now.c), (*tag, now.cycle))
        arrival = now.cycle + self.host.hop
        self.send(arrival, ("query", now.r + 1, now.c), (*tag, arrival), value)
        return value

    def streamed(self, now: Now, tensor: str) -> float:
        """A key or value comes from the left and goes on to the right."""
        tag = (now.line.group, now.beat.tile, now.beat.chain, now.beat.round)
        if now.c == 0:
            value = self.read(now.cycle, tensor, now.tile, now.r, now.beat.round if tensor == "K" else now.beat.chain)
        else:
            value = self.take(now.cycle, (f"{tensor} wire", now.r, now.c), (*tag, now.cycle))
        self.send(now.cycle + 1, (f"{tensor} wire", now.r, now.c + 1), (*tag, now.cycle + 1), value)
        return value

    def seen(self, now: Now) -> bool:
        """Queries beyond the last see what they like."""
        keys, queries = self.host.keys(now.tile), self.host.queries(now.tile)
        return now.r < len(keys) and (now.c >= len(queries) or self.host.visible(queries[now.c], keys[now.r]))

    # ---------------------------------------------------------------------------------------------------------- lanes

    def scaled_denominator(self, now: Now) -> float:
        value = self.registered(now, "PRM") * self.state(now, "RD", 0.0)
        self.register(now, value)
        return value

    def running_denominator(self, now: Now) -> float:
        value = self.registered(now, "SPD") + self.registered(now, "SLD")
        self.keep(now, value)
        return value

    def division(self, now: Now) -> float:
        above, below = self.final(now, "SPNV+RNV", now.c, now.beat.chain), self.final(now, "RD", now.c, 0)
        value = 0.0 if above == below == 0 else above / below
        self.result(now, value)
        return value


def attention(
    schedule: Schedule,
    order: Order,
    inputs: Mapping[str, np.ndarray],
    starts: Mapping[tuple[str, int], int] | None = None,
    skewed_fills: bool = True,
    skewed_returns: bool = True,
) -> Reference:
    """Runs attention in one pass on both arrays; with `starts` (by entry and first tile) given by someone else."""
    host = PrefillHost(schedule)
    control = PrefillControllers(host, order, starts)
    return reference(Prefill(host, control, inputs, skewed_fills, skewed_returns))
