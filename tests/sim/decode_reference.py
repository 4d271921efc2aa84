"""Decode on FuseMax's arrays, element by element and cycle by cycle, to hold the cycle engine against.

Keys and values come from the outermost memory while the operation runs. Each element has a register for a word of
them, and words come in order and once: when the first query of the group needs the next word, as much of the transfer
as lies before it has to be over, and the word before is gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mappings import Schedule

from .array_einsums import OnePass
from .array_elements import NEVER, Key, Now, Reference, difference, reference
from .array_issue import Work
from .array_lines import Order
from .array_machine import Tile
from .decode_control import ON_LANES, DecodeControllers, DecodeHost


@dataclass
class Decode(OnePass):
    """Queries go through the array; every element has keys of its own."""

    host: DecodeHost
    control: DecodeControllers

    @cached_property
    def does(self) -> Mapping[str, Callable[[Now], float]]:
        own = {
            "SPD+RD": self.running_denominator,
            "GM": self.global_maximum,
            "CM": self.split_scales,
            "CD": self.denominator,
            "CN": self.numerator,
            "AV": self.division,
        }
        return {**super().does, **own}

    def idle(self, work: Work, c: int) -> bool:
        lanes = self.host.cols if work.name not in ON_LANES else self.host.counts[ON_LANES[work.name]]
        return c >= lanes

    @property
    def result_lanes(self) -> int:
        return self.host.counts["l"]

    # ------------------------------------------------------------------------------------------------------- memories

    def words(self, tensor: str, tile: Tile) -> list[tuple[Key, Any, float, int]]:
        host, head = self.host, self.control.head(tile)
        found = []
        for chain in range(host.chains("QK")):
            at = host.indices("QK", chain)
            for e in range(host.sizes["e"]):
                value = float(self.inputs["Q"][tile.batch, tile.head, at["g"], e, at["p"]])
                found.append((("Q", head % self.control.copies, e, chain), head, value, 0))
        return found

    def store(self, tile: Tile, c: int, chain: int, value: float) -> None:
        at = self.host.indices("AV", chain)
        f = at["h"] * self.host.counts["l"] + c
        if f < self.host.sizes["f"]:
            self.output[tile.batch, tile.head, at["g"], f, at["p"]] = value

    # ---------------------------------------------------------------------------------------------------------- wires

    def query(self, now: Now) -> float:
        """A word of a query comes into the first element, and goes to the right, in the first column down as well."""
        tag = (now.line.group, now.beat.chain, now.beat.round)
        if now.r == now.c == 0:
            head = self.control.head(now.tile)
            value = self.take(now.cycle, ("Q", head % self.control.copies, now.beat.round, now.beat.chain), head)
        else:
            value = self.take(now.cycle, ("query", now.r, now.c), (*tag, now.cycle))
        self.send(now.cycle + 1, ("query", now.r, now.c + 1), (*tag, now.cycle + 1), value)
        if now.c == 0:
            below = now.cycle + self.host.hop
            self.send(below, ("query", now.r + 1, 0), (*tag, below), value)
        return value

    def streamed(self, now: Now, tensor: str) -> float:
        host, group = self.host, now.line.group
        if tensor == "K":
            word, words = now.beat.round, host.sizes["e"]
        else:
            at = host.indices("SLNV", now.beat.chain)
            word, words = at["h"] * host.counts["l"] + at["l"], host.counts["h"] * host.counts["l"]
        key = (tensor, now.r, now.c)
        found, value = self.places.get(key, (None, math.nan))
        if found == (group, word):
            return value
        follows = found == (group, word - 1) if word else found is None or found[0] != group
        assert follows, f"cycle {now.cycle}: {key} has {found}, not {(group, word)}"
        cycles = host.streamed(now.line.name, 1)["dram"]
        there = now.begun.start + cycles * word // words + now.r * host.hop + now.c
        assert there <= now.cycle, f"cycle {now.cycle}: {key} has {(group, word)} in cycle {there}"
        place, values = host.key(now.tile, now.r, now.c), self.inputs[tensor][now.tile.batch, now.tile.head]
        value = 0.0 if place is None or word >= len(values) else float(values[word, place])
        self.places[key] = ((group, word), value)
        return value

    def seen(self, now: Now) -> bool:
        return self.host.key(now.tile, now.r, now.c) is not None

    # ---------------------------------------------------------------------------------------------------------- lanes

    def running_denominator(self, now: Now) -> float:
        value = now.value
        if now.first:
            value = self.registered(now, "PRM") * self.state(now, "SPD+RD", 0.0)
        if now.last:
            value += self.registered(now, "SLD")
            self.keep(now, value)
        return value

    def global_maximum(self, now: Now) -> float:
        """A lane is a query head; each round takes a split."""
        word = self.host.number("RM", {"g": now.c, "p": now.beat.chain})
        split = self.final(now, "RM", now.beat.round, word)
        value = max(NEVER if now.first else now.value, split)
        if now.last:
            self.register(now, value)
        return value

    def split_scales(self, now: Now) -> float:
        value = now.value
        if now.first:
            head = self.host.indices("CM", now.beat.chain)["g"]
            value = difference(self.final(now, "RM", now.c, now.beat.chain), self.registered(now, "GM", lane=head))
        if now.last:
            self.register(now, math.exp(value))
        return value

    def denominator(self, now: Now) -> float:
        """A lane is a query head; each round takes a split."""
        word = self.host.number("CM", {"g": now.c, "p": now.beat.chain})
        split = self.final(now, "SPD+RD", now.beat.round, word)
        value = now.value + self.registered(now, "CM", lane=now.beat.round, word=word) * split
        if now.last:
            self.register(now, value)
        return value

    def numerator(self, now: Now) -> float:
        """A lane is a word of the value; each round takes a split."""
        word = self.host.number("SPNV+RNV", {"l": now.c, **self.host.indices("CN", now.beat.chain)})
        split = self.final(now, "SPNV+RNV", now.beat.round, word)
        value = now.value + self.registered(now, "CM", lane=now.beat.round) * split
        if now.last:
            self.register(now, value)
        return value

    def division(self, now: Now) -> float:
        head = self.host.indices("AV", now.beat.chain)["g"]
        above, below = self.registered(now, "CN"), self.registered(now, "CD", lane=head)
        value = 0.0 if above == below == 0 else above / below
        self.result(now, value)
        return value


def decode(
    schedule: Schedule,
    order: Order,
    inputs: Mapping[str, np.ndarray],
    starts: Mapping[tuple[str, int], int] | None = None,
    skewed_returns: bool = True,
) -> Reference:
    """Runs decode on both arrays; with `starts` (by entry and first tile) given by someone else."""
    host = DecodeHost(schedule)
    return reference(Decode(host, DecodeControllers(host, order, starts), inputs, True, skewed_returns))
