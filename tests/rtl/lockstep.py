"""Running a component cycle by cycle: the ports it is given in each cycle, and those it shows in the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator


def lockstep(unit: wiring.Component, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> dict[str, Any]:
    """One array for each output port: entry t is what it shows in cycle t, with inputs up to that cycle.

    All sequences are equally long, and that is how long the run is.
    """
    seen: dict[str, list[int]] = {name: [] for name in outputs}

    async def bench(ctx: Any) -> None:
        for values in zip(*inputs.values(), strict=True):
            for name, value in zip(inputs, values, strict=True):
                ctx.set(getattr(unit, name), int(value))
            for name in outputs:
                seen[name].append(ctx.get(getattr(unit, name)))
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return {name: np.array(values, object) for name, values in seen.items()}


def with_drain(values: Any, cycles: int) -> list[int]:
    """The values, and so many zeros after them, while which the last results come out."""
    return [*(int(value) for value in values), *[0] * cycles]
