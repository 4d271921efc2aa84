"""What the cycle model says of FLAT's nests: what spills is refused, parts that share a place take turns."""

from __future__ import annotations

import pytest

from sim import simulate
from specs import SpecError


def test_what_stays_outside_is_not_timed() -> None:
    with pytest.raises(SpecError) as caught:
        simulate("bert:seq_len=4Ki", "flat-cloud", "flat", model="cycle")
    assert str(caught.value) == (
        "model 'cycle' does not time what does not fit into 'buffer' and stays in 'dram' (262144 of 33816576 B); use "
        "model 'analytic', or a larger 'buffer'"
    )
    fits = simulate("bert:seq_len=4Ki,batch=1", "flat-cloud:buffer.size=34MiB", "flat:split=search", model="cycle")
    assert fits.cycles >= max(fits.cycles_by_einsum["array_1d"].values())


@pytest.mark.parametrize("length", ["1Ki", "256Ki"])
def test_no_unit_and_no_memory_is_faster_than_its_load(length: str) -> None:
    analytic, cycle = (simulate(f"bert:seq_len={length}", "flat-cloud", "flat", model=m) for m in ("analytic", "cycle"))
    assert cycle.traffic_bytes == analytic.traffic_bytes and cycle.actions == analytic.actions
    loads = [sum(each.values()) for each in cycle.cycles_by_einsum.values()]
    assert cycle.cycles >= max(*loads, cycle.memory_s["dram"] * 940e6)
    assert cycle.gap_cycles is not None and sum(cycle.gap_cycles.values()) == cycle.cycles - analytic.cycles


def test_parts_that_share_a_place_take_turns() -> None:
    """One granule's scores at a time: products, softmax and products again follow one after the other."""
    record = simulate("bert:seq_len=1Ki", "flat-cloud", "flat", model="cycle")
    busy = sum(sum(each.values()) for each in record.cycles_by_einsum.values())
    assert busy <= record.cycles <= 1.1 * busy
