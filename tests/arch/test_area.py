"""The area of whole machines: the published sweep, sums, and what has no area."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from arch.area import machine_area_um2
from arch.cost import total
from arch.machine import machine, machine_names
from arch.table import table, table_names

SPATIAL = [name for name in machine_names() if machine(name).kind == "spatial"]
FUSEMAX = table("fusemax-45nm")
HEAD_DIM = 64  # of BERT and TrXL
SIDES = np.array([16, 32, 64, 128, 256, 512])


def swept(sides):
    """FuseMax's machine with arrays of that side, sized as in the published sweep for a head of 64."""
    in_flight = 2 * np.maximum(1, sides // HEAD_DIM)
    buffer_bytes = sides * HEAD_DIM * 16 * np.where(sides == 512, 2, 1)
    return machine("fusemax-cloud").with_values(
        {
            "array_2d.rows": sides,
            "array_2d.cols": sides,
            "array_2d.registers": 2 * in_flight,
            "array_1d.lanes": sides,
            "array_1d.registers": 8 * in_flight,
            "buffer.size": buffer_bytes,
            "buffer.row": sides * 16,
        }
    )


def test_a_machine_of_side_256_by_hand():
    parts = machine_area_um2(swept(256), FUSEMAX)
    element_2d = (71 * 64 + 32 * 64 * 5.98 + 2 * 5.81742 * 4) + 49.29 + 1545
    element_1d = (71 * 64 + 32 * 64 * 5.98 + 2 * 5.81742 * 6) + 49.29 + 1545 + 23740.94
    assert parts["array_2d"].value == pytest.approx(256 * 256 * element_2d + 256, rel=1e-12)
    assert parts["array_1d"].value == pytest.approx(256 * element_1d, rel=1e-12)
    assert parts["buffer"].value == 2141035
    assert parts["machine"].value == 2
    assert {part.how for part in parts.values()} == {"table"}


def test_the_published_sweep(shared_dir):
    published: dict[tuple[str, int], list[float]] = {}
    with open(shared_dir / "reference" / "fusemax" / "published.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            match = re.fullmatch(r"(area|array_2d_area)@PE(\d+)", row["metric"])
            if row["source_csv"] == "pareto.csv" and match:
                published.setdefault((match[1], int(match[2])), []).append(float(row["value"]))
    assert len(published) == 2 * len(SIDES)
    for side in SIDES.tolist():
        parts = machine_area_um2(swept(side), FUSEMAX)
        whole = total(parts.values())
        for value in published["array_2d_area", side]:
            assert parts["array_2d"].value == pytest.approx(value, rel=1e-6)
        for value in published["area", side]:
            assert whole.value == pytest.approx(value, rel=1e-4), side


def test_an_array_of_machines_has_the_areas_of_each():
    together = machine_area_um2(swept(SIDES), FUSEMAX)
    for index, side in enumerate(SIDES.tolist()):
        for name, part in machine_area_um2(swept(side), FUSEMAX).items():
            value = np.broadcast_to(together[name].value, SIDES.shape)[index]
            assert value == pytest.approx(part.value, rel=1e-13), (name, side)


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize("costs", table_names())
def test_every_machine_has_an_area_or_a_reason(name, costs):
    area = total(machine_area_um2(machine(name), table(costs)).values())
    assert area.value is None or area.value > 0
    assert area.value is not None or area.how.startswith("missing: ")


def test_a_memory_without_a_size_has_no_area():
    parts = machine_area_um2(machine("systolic"), FUSEMAX)
    assert parts["array"].value > 0
    assert (parts["buffer"].value, parts["buffer"].how) == (None, "missing: memory 'buffer' has no size")
    assert total(parts.values()).value is None
    assert total(parts.values()).how == "missing: memory 'buffer' has no size"
    assert total(machine_area_um2(machine("systolic:buffer.size=1MiB"), FUSEMAX).values()).value > 0


def test_registers_that_are_not_stated_have_no_area():
    parts = machine_area_um2(machine("systolic:registers=null"), FUSEMAX)
    assert parts["array"].how == "missing: the registers of the unit are not stated"


def test_a_larger_machine_is_larger():
    areas = total(machine_area_um2(swept(SIDES), FUSEMAX).values()).value
    assert (np.diff(areas) > 0).all()


def test_a_machine_that_fixes_a_type_has_the_hardware_of_that_type():
    """An int8 array by hand: macs a quarter as large, half the bits of a word, buffer rows of 8-bit words."""
    whole = machine("fusemax-cloud")
    narrow = replace(whole, types={"*": "int8"}).with_values({"buffer.row": 256 * 8})
    parts, before = machine_area_um2(narrow, FUSEMAX), machine_area_um2(whole, FUSEMAX)
    element = (71 * 64 + 16 * 64 * 5.98 + 2 * 5.81742 * 4) + 49.29 / 2 + 1545 / 4
    assert parts["array_2d"].value == pytest.approx(256 * 256 * element + 256, rel=1e-12)
    assert "assumption: mac in int8 from fp16, by the square of the width" in parts["array_2d"].how
    assert parts["buffer"] == before["buffer"]
    same = machine_area_um2(replace(whole, types={"*": "bf16"}), FUSEMAX)
    assert same == before
    assert machine_area_um2(replace(whole, types={"Q": "int8"}), FUSEMAX) == before


@pytest.mark.parametrize(("ports", "times"), [("1RW", 1), ("1R1W", 2), ("2RW", 2), ("2R1W", 3), ("3R2W", 5)])
@pytest.mark.parametrize("prices", table_names())
def test_each_further_port_adds_the_area_of_one(ports: str, times: int, prices: str) -> None:
    one = machine_area_um2(machine(f"fusemax-cloud:energy={prices}"), table(prices))["buffer"]
    found = machine_area_um2(machine(f"fusemax-cloud:energy={prices},buffer.ports={ports}"), table(prices))["buffer"]
    assert found.value == times * one.value
    assert ("a two-port array holds about half the bits" in found.how) == (times > 1)
