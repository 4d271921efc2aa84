"""The machine `fusemax-fpga` is the generated hardware: its timing is the blocks', its types hold their words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import machine
from rtl.formats import Formats
from workloads import number_type

FPGA = machine("fusemax-fpga")


@given(st.integers(1, 1024), st.integers(1, 256), st.integers(1, 1 << 26), st.integers(1, 256))
def test_its_types_hold_every_word(head_dim: int, value_dim: int, max_keys: int, rows: int) -> None:
    words = Formats(head_dim, value_dim, rows, max_keys).words
    assert set(words) == set(FPGA.types)
    for tensor, word in words.items():
        stored = number_type(FPGA.types[tensor])
        assert stored.is_integer and stored.fraction_bits == word.fraction_bits
        assert word.bits + (not word.signed) <= stored.bits, tensor  # what is stored has a sign


def test_its_latencies_are_those_of_the_blocks() -> None:
    formats = Formats(head_dim=64, value_dim=64, key_tile=8, max_keys=4096)
    array, lanes = FPGA.units["array_2d"], FPGA.units["array_1d"]
    assert array.cost("exp") == {"mac": len(formats.weight().series)}
    assert lanes.cost("exp") == {"mac": len(formats.factor().series)}
    divide = lanes.operations["divide"]
    assert divide.interval == formats.division.latency  # the next one begins with the quotient
    assert divide.latency == formats.division.latency + 1  # and it lies in the buffer a cycle later
    assert array.operations["mac"].latency == formats.correction().latency == 1


@pytest.mark.parametrize("clock", ["100MHz", "37.5MHz"])
def test_its_stream_brings_a_word_of_eight_bytes_a_cycle(clock: str) -> None:
    host = machine(f"fusemax-fpga:clock={clock}")
    assert host.value("dram.bandwidth") == 8 * host.clock_hz
    assert host.value("dram.latency") == 0
