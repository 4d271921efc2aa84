"""What elements and lanes do for the Einsums that attention in one pass has in prefill and in decode."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from .array_elements import NEVER, Elements, Now, difference


@dataclass
class OnePass(Elements):
    """Scores, their running maximum, and sums that are scaled by what it does."""

    @cached_property
    def does(self) -> Mapping[str, Callable[[Now], float]]:
        return {
            "QK": self.scores,
            "LM": self.local_maximum,
            "RM": self.running_maximum,
            "SLN": self.weights,
            "PRM": self.scales,
            "SLD": self.local_denominator,
            "SLNV": self.local_numerator,
            "SPNV+RNV": self.running_numerator,
        }

    # ------------------------------------------------------------------------------------- what a cascade has to say

    @abstractmethod
    def query(self, now: Now) -> float:
        """The word of a query."""

    @abstractmethod
    def streamed(self, now: Now, tensor: str) -> float:
        """A word of a key or value."""

    @abstractmethod
    def seen(self, now: Now) -> bool:
        """Whether a key exists and is visible to a query."""

    # --------------------------------------------------------------------------------------------------- the 2D array

    def scores(self, now: Now) -> float:
        value = now.value + self.query(now) * self.streamed(now, "K")
        if now.first and not now.last:
            self.spoil(now)
        if now.last:
            self.register(now, value if self.seen(now) else NEVER)
        return value

    def local_maximum(self, now: Now) -> float:
        self.gather(now, max, NEVER, self.registered(now, "QK"))
        return 0.0

    def weights(self, now: Now) -> float:
        value = now.value
        if now.first:
            value = difference(self.registered(now, "QK"), self.registered(now, "RM"))
        if now.last:
            self.register(now, math.exp(value))
        return value

    def local_denominator(self, now: Now) -> float:
        self.gather(now, plus, 0.0, self.registered(now, "SLN"))
        return 0.0

    def local_numerator(self, now: Now) -> float:
        self.gather(now, plus, 0.0, self.registered(now, "SLN") * self.streamed(now, "V"))
        return 0.0

    # --------------------------------------------------------------------------------------------------- the 1D array

    def running_maximum(self, now: Now) -> float:
        above, before = self.registered(now, "LM"), self.state(now, "RM", NEVER)
        value = max(before, above)
        self.keep(now, value)
        self.register(now, value, difference(before, value))
        return value

    def scales(self, now: Now) -> float:
        value = self.registered(now, "RM") if now.first else now.value
        if now.last:
            self.register(now, math.exp(value))
        return value

    def running_numerator(self, now: Now) -> float:
        value = now.value
        if now.first:
            value = self.registered(now, "PRM") * self.state(now, "SPNV+RNV", 0.0)
        if now.last:
            value += self.registered(now, "SLNV")
            self.keep(now, value)
        return value


def plus(one: float, other: float) -> float:
    return one + other
