"""The examples of docs/machines.md are files that work, and what it says of them holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arch import command_pj, machine, machine_area_um2, operation_pj, pin_pj, standby_w, table, total
from arch.commandspec import CommandRow, CurrentsRow
from arch.pimspec import OrganisationSpec, PimSpec, TimingSpec
from arch.spec import SpatialSpec
from arch.tablespec import TableSpec

PAGE = (Path(__file__).parents[2] / "docs" / "machines.md").read_text(encoding="utf-8")
EXAMPLES = {block.split()[1]: block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def written(tmp_path):
    """The page's examples as files."""
    paths = {}
    for name, text in EXAMPLES.items():
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(text, encoding="utf-8")
    return paths


def test_the_machine_of_the_page(written):
    found = machine(str(written["my-machine"]))
    assert found.units["vector"].axes == {"lanes": 32}
    assert found.memories["buffer"].row_bits == 32 * 8
    assert found.units["array"].slots("exp") == 6
    assert found.units["vector"].slots("divide") == 4
    assert found.types == {"*": "int8"}
    assert found.memories["dram"].latency_s == 100e-9
    assert (found.memories["buffer"].ports, found.memories["buffer"].banks) == (("R", "W"), 4)
    assert (found.units["array"].return_path, found.units["array"].hop) == ("wrap", 1)
    assert found.value("divide.latency") == 12
    wide = machine(f"{written['my-machine']}:array.cols=64")
    assert wide.units["vector"].axes == {"lanes": 64} and wide.memories["buffer"].row_bits == 512
    area = total(machine_area_um2(found, table(found.energy)).values())
    assert area.value > 0 and "assumption: divide in int8" in area.how


def test_the_table_of_the_page(written):
    prices = table(str(written["my-table"]))
    assert prices.energy_pj("mac", "compute").value == 0.2
    assert prices.energy_pj("mac", "compute", type="bf16").value == 0.9
    assert prices.area_um2("add", beside=("mac",)).value == 0
    mine = machine(f"{written['my-machine']}:energy={written['my-table']}")
    assert mine.energy == str(written["my-table"])


def test_the_device_of_the_page(written):
    found = machine(str(written["my-dram"]))
    assert found.device is not None
    assert (found.device.timing.rfc, found.device.timing.rc) == (350, 92)
    assert found.memories["dram"].size_bytes == 8 << 30
    assert found.units["banks"].axes == {"channels": 16, "banks": 16, "lanes": 16}
    assert (found.units["array_1d"].axes, found.value("exp.latency")) == ({"lanes": 16}, 13)


def test_the_commands_of_the_page(written):
    prices = table(str(written["my-commands"]))
    assert (command_pj(prices, "RD").value, command_pj(prices, "MAC").value) == (600, 1800)
    assert (pin_pj(prices).value, standby_w(prices, active=False).value) == (5, 0.18)
    assert command_pj(prices, "ACT").value == pytest.approx(716.4, abs=0.1)
    assert operation_pj(prices, "exp").value == pytest.approx(0.2)
    mine = machine(f"{written['my-dram']}:energy={written['my-commands']}")
    assert mine.energy == str(written["my-commands"])


def test_every_key_of_a_machine_and_of_a_table_is_on_the_page():
    keys = set(SpatialSpec.model_fields) | {
        "size",
        "bandwidth",
        "row",
        "rows",
        "cols",
        "lanes",
        "registers",
        "operations",
    }
    keys |= {"ports", "banks", "return_path", "hop", "handover"}
    keys |= {"as", "interval", "latency"} | set(TableSpec.model_fields) | {"inside", "types", "side"}
    for model in (PimSpec, OrganisationSpec, TimingSpec, CommandRow, CurrentsRow):
        keys |= {field.alias or name for name, field in model.model_fields.items()}
    for key in keys:
        assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`|^\s*-? ?\{{?{key}:|[{{ ]{key}:", PAGE, re.MULTILINE), key
