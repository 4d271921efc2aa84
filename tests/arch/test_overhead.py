"""What a machine takes beside its actions: laws of the five, values by hand, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import Cost, Machine, Table, machine, machine_area_um2, machine_names, table, table_names, total
from arch.overhead import background_w, clock_pj, control_share, leakage_w, wire_pj

SPATIAL = [name for name in machine_names() if machine(name).kind == "spatial"]
CLOUD, SMALL = machine("fusemax-cloud"), machine("systolic:buffer.size=1MiB,dram.bandwidth=10GB/s")
HOROWITZ, TPU = table("horowitz-45nm"), table("tpu-7nm")
SECTIONS = ("control", "clock", "leakage", "wires")


def costs(one: Machine, prices: Table) -> dict[str, Cost]:
    areas = machine_area_um2(one, prices)
    return {
        "control": control_share(prices),
        "clock": clock_pj(one, prices),
        "leakage": total(leakage_w(one, prices, areas).values()),
        "wires": wire_pj(one, prices, areas),
        "background": background_w(one, prices),
    }


def without(prices: Table, section: str) -> Table:
    if section == "background":
        assert prices.spec.dram is not None
        return Table(
            "mine", prices.spec.model_copy(update={"dram": prices.spec.dram.model_copy(update={section: None})})
        )
    return Table("mine", prices.spec.model_copy(update={section: None}))


@pytest.mark.parametrize("name", table_names())
@pytest.mark.parametrize("one", [CLOUD, SMALL], ids=lambda each: each.name)
def test_every_table_of_the_library_says_something_of_all_five(name: str, one: Machine) -> None:
    for found in costs(one, table(name)).values():
        assert found.value is not None and found.value >= 0
        assert found.source


@pytest.mark.parametrize("name", SPATIAL)
def test_the_authors_charge_none_on_any_machine(name: str) -> None:
    for found in costs(machine(name), table("fusemax-45nm")).values():
        assert (found.value, found.how) == (0.0, "table")
        assert found.source == "arXiv 2406.10491, artifact (the authors charge none)"


@pytest.mark.parametrize(
    ("section", "name"),
    [*((each, each) for each in SECTIONS), ("background", "dram.background")],
)
def test_of_what_a_table_does_not_mention_the_cost_is_missing(section: str, name: str) -> None:
    found = costs(CLOUD, without(TPU, section))
    assert found[section].value is None
    assert f"missing: table 'mine' has no '{name}', and only a table may say that it is 0" in found[section].how
    assert all(cost.value is not None for other, cost in found.items() if other != section)


def test_values_by_hand() -> None:
    """A systolic array of 32 × 32 with 16 registers, 1 MiB and 10 GB/s, at 45 nm."""
    found = costs(SMALL, HOROWITZ)
    assert found["control"].value == 0.22
    assert found["clock"].value == pytest.approx(3 * 16 * 0.017622)
    array_um2 = machine_area_um2(SMALL, HOROWITZ)["array"].value
    assert found["leakage"].value == pytest.approx(256 * 0.797666e-3 + array_um2 * 0.01739336e-6 / 0.798)
    assert found["wires"].value == pytest.approx(array_um2**0.5 / 1000 * 310 / 256 / 10)
    assert found["background"].value == pytest.approx(10 / 3.2 * 1.35 * (47e-3 + 188e-3 * 208 / 6240))


def test_the_clocked_words_are_of_the_type_that_the_machine_fixes() -> None:
    from dataclasses import replace

    assert clock_pj(replace(CLOUD, types={"*": "int8"}), TPU).value == clock_pj(CLOUD, TPU).value / 2
    assert clock_pj(replace(CLOUD, types={"Q": "int8"}), TPU) == clock_pj(CLOUD, TPU)


@pytest.mark.parametrize(
    ("reference", "section", "how"),
    [
        ("systolic:dram.bandwidth=1GB/s", "leakage", "missing: memory 'buffer' has no size"),
        (
            "systolic:buffer.size=1MiB",
            "background",
            "missing: memory 'dram' states no bandwidth, which its background goes with",
        ),
        ("systolic:registers=null", "wires", "missing: the registers of the unit are not stated"),
    ],
)
def test_what_a_machine_does_not_state_is_missing_with_the_reason(reference: str, section: str, how: str) -> None:
    found = costs(machine(reference), TPU)[section]
    assert (found.value, found.how) == (None, how)


@given(
    sides=st.lists(st.sampled_from([16, 32, 64, 128, 256, 512]), min_size=1, max_size=6),
    size=st.integers(1 << 16, 1 << 26),
)
def test_an_array_of_machines_has_the_costs_of_each(sides: list[int], size: int) -> None:
    def made(side: Any) -> Machine:
        return CLOUD.with_values(
            {"array_2d.rows": side, "array_2d.cols": side, "buffer.size": size, "dram.bandwidth": side * 10**9}
        )

    together = costs(made(np.array(sides)), HOROWITZ)
    for index, side in enumerate(sides):
        for name, cost in costs(made(side), HOROWITZ).items():
            value = np.broadcast_to(together[name].value, (len(sides),))[index]
            assert value == pytest.approx(cost.value, rel=1e-12), name


def test_more_of_a_thing_takes_more_of_it() -> None:
    """Twice the buffer leaks twice as much, twice the bandwidth stands by for twice, four arrays have wires twice as long."""

    def leaks(one: Machine) -> Any:
        return leakage_w(one, TPU, machine_area_um2(one, TPU))["buffer"].value

    def wires(one: Machine) -> Any:
        return wire_pj(one, TPU, machine_area_um2(one, TPU)).value

    large = SMALL.with_values({"buffer.size": 2 << 20, "dram.bandwidth": 20 * 10**9, "rows": 64, "cols": 64})
    assert leaks(large) == pytest.approx(2 * leaks(SMALL))
    assert background_w(large, TPU).value == pytest.approx(2 * background_w(SMALL, TPU).value)
    assert wires(large) == pytest.approx(2 * wires(SMALL), rel=1e-4)


def test_an_area_names_its_own_source() -> None:
    assert TPU.energy_pj("mac", "compute").how == "table"
    assert TPU.area_um2("mac").how == "assumption: 45 nm area of arXiv 2302.14017 figure 15, times 0.078"
