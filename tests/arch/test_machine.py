"""Machines: what the library holds, what overrides and ties do, and what a wrong file is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch.machine import Hardware, Machine, machine, machine_names
from arch.operations import OPERATIONS
from arch.spec import ArchSpec
from specs import SpecError, schema

GOOD = """\
arch: toy
kind: spatial
clock: 1 GHz
memories:
  dram: {row: 64 b}
  buffer: {size: 1 KiB, row: 64 b}
units:
  vector:
    lanes: 4
    operations:
      mac: {interval: 2, latency: 5}
      add: {}
      exp: {as: {mac: 6, add: 1}}
energy: fusemax-45nm
"""


def file_of(folder, text, name="toy.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def messages(folder, text):
    path = file_of(folder, text)
    with pytest.raises(SpecError) as caught:
        machine(path)
    return str(caught.value).replace(f"{path}:", "").splitlines()


@pytest.mark.parametrize("name", machine_names())
def test_every_machine_of_the_library_has_a_value_at_each_of_its_paths(name):
    toy = machine(name)
    assert toy.name == name
    assert toy.summary
    assert toy.source or toy.assumptions
    for path in toy.paths():
        value = toy.value(path)
        assert value is None or value > 0 or (path.endswith("latency") and value == 0), path


@pytest.mark.parametrize("name", machine_names())
def test_putting_every_value_back_changes_nothing(name):
    toy = machine(name)
    assert toy.with_values({path: toy.value(path) for path in toy.paths()}) == toy


@pytest.mark.parametrize("name", machine_names())
def test_operations_are_native_or_made_of_native_ones(name):
    for unit in machine(name).units.values():
        for operation in unit.operations:
            assert operation in OPERATIONS
            assert set(unit.cost(operation)) <= set(unit.native_operations)


@given(path=st.sampled_from(machine("fusemax-cloud").paths()), number=st.integers(1, 1 << 40))
def test_a_value_set_is_the_value_read_and_no_other_changes(path, number):
    cloud = machine("fusemax-cloud")
    changed = cloud.with_values({path: number})
    assert changed.value(path) == number
    assert all(changed.value(other) == cloud.value(other) for other in cloud.paths() if other != path)


def test_the_cloud_machine_is_the_paper_s():
    cloud = machine("fusemax-cloud")
    assert cloud.clock_hz == 940_000_000
    assert list(cloud.memories) == ["dram", "buffer"]
    assert cloud.value("dram.bandwidth") == 400 * 2**30
    assert cloud.value("buffer.size") == 16 * 2**20
    assert cloud.value("buffer.row") == 256 * 16
    assert cloud.units["array_2d"].axes == {"rows": 256, "cols": 256}
    assert cloud.units["array_2d"].elements == 65536
    assert cloud.units["array_1d"].axes == {"lanes": 256}


def test_flat_s_vector_unit_has_an_exponential_of_its_own():
    vector, array = (machine("flat-cloud").units[name] for name in ("array_1d", "array_2d"))
    assert (vector.cost("exp"), vector.slots("exp")) == ({"exp": 1}, 1)
    assert array.native_operations == ("mac",)
    assert array.cost("mul") == {"mac": 1}


def test_slots_are_counts_times_intervals(tmp_path):
    vector = machine(file_of(tmp_path, GOOD)).units["vector"]
    assert vector.slots("exp") == 6 * 2 + 1
    assert vector.slots("mac") == 2


def test_ties_follow_an_override():
    narrow = machine("fusemax-cloud:array_2d.cols=128")
    assert narrow.units["array_1d"].axes == {"lanes": 128}
    assert narrow.value("buffer.row") == 128 * 16
    assert narrow.value("array_2d.rows") == 256


def test_an_override_breaks_a_tie():
    assert machine("fusemax-cloud:array_1d.lanes=512").value("array_1d.lanes") == 512


@pytest.mark.parametrize(
    ("reference", "path", "expected"),
    [
        ("fusemax-cloud:buffer.size=32MiB", "buffer.size", 32 << 20),
        ("fusemax-cloud:lanes=64", "array_1d.lanes", 64),
        ("fusemax-cloud:cols=64", "array_2d.cols", 64),
        ("fusemax-edge:clock=1.5GHz", "clock", 1_500_000_000),
        ("systolic:rows=16,cols=1Ki", "array.cols", 1024),
        ("systolic", "buffer.size", None),
        ("systolic:dram.bandwidth=1GB/s", "dram.bandwidth", 10**9),
    ],
)
def test_overrides_reach_the_only_component_that_has_the_key(reference, path, expected):
    assert machine(reference).value(path) == expected


def test_arrays_of_design_points_go_through():
    rows = np.array([16, 32], dtype=np.int64)
    swept = machine("systolic").with_values({"array.rows": rows, "buffer.size": rows * 1024})
    assert swept.units["array"].elements.tolist() == [512, 1024]
    np.testing.assert_array_equal(swept.value("buffer.size"), rows * 1024)
    assert swept.value("cols") == 32


@pytest.mark.parametrize("spelling", ["array.rows", "units.array.rows", "rows"])
def test_a_path_may_be_short_or_whole(spelling):
    assert machine("systolic:rows=8").value(spelling) == 8


def test_an_unknown_path_names_the_legal_ones():
    with pytest.raises(KeyError) as caught:
        machine("systolic").value("array.row")
    assert caught.value.args[0] == (
        "unknown path 'array.row' in arch 'systolic'; did you mean 'array.rows'? allowed: clock, dram.size, "
        "dram.bandwidth, dram.row, dram.latency, dram.banks, buffer.size, buffer.bandwidth, buffer.row, "
        "buffer.latency, buffer.banks, array.rows, array.cols, array.registers, array.hop, "
        "array.operations.mac.interval, array.operations.mac.latency, array.operations.add.interval, "
        "array.operations.add.latency"
    )


def test_an_ambiguous_path_names_its_candidates():
    with pytest.raises(KeyError) as caught:
        machine("fusemax-cloud").with_values({"registers": 4})
    message = "ambiguous path 'registers' in arch 'fusemax-cloud': it may be array_2d.registers, array_1d.registers"
    assert caught.value.args[0] == message


def test_an_operation_that_a_unit_lacks():
    with pytest.raises(KeyError) as caught:
        machine("systolic").units["array"].slots("exp")
    assert caught.value.args[0] == "unknown operation 'exp' on unit 'array'; allowed: mac, add, mul"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "exp: {as: {mac: 6, add: 1}}",
            "exp: {as: {mac: 6, max: 1}}",
            ["13:26: 'exp' uses 'max', which is not native on unit 'vector'; native: mac, add"],
        ),
        (
            "exp: {as: {mac: 6, add: 1}}",
            "exp: {as: {exp: 6}}",
            ["13:18: 'exp' uses 'exp', which is not native on unit 'vector'; native: mac, add"],
        ),
        (
            "add: {}",
            "sub: {}",
            [
                "12:7: units.vector.operations.sub: unknown operation 'sub'; allowed: mac, mul, add, max, "
                "min, exp, divide, sqrt, tanh, log"
            ],
        ),
        (
            "exp: {as: {mac: 6, add: 1}}",
            "exp: {as: {mac: 6}, interval: 1}",
            [
                "13:27: units.vector.operations.exp.interval: a sequence takes the interval of its steps; "
                "leave out 'interval' or 'as'"
            ],
        ),
        (
            "energy: fusemax-45nm",
            "energy: fusemax-45",
            [
                "14:9: energy: unknown energy table 'fusemax-45'; did you mean 'fusemax-45nm'? "
                "allowed: fusemax-45nm, horowitz-45nm, tpu-7nm"
            ],
        ),
        (
            "lanes: 4",
            "rows: 4",
            [
                "8:3: units.vector: a unit has 'rows' and 'cols', or 'lanes'; found 'rows'",
            ],
        ),
        (
            "lanes: 4",
            "lanes: 4\n    cols: 4",
            ["8:3: units.vector: a unit has 'rows' and 'cols', or 'lanes'; found 'cols' and 'lanes'"],
        ),
        ("  vector:", "  dram:", ["8:3: 'dram' is a memory and a unit; give them different names"]),
        (
            "  vector:",
            "  clock:",
            ["8:3: 'clock' is what results call another component of their own; choose another name"],
        ),
        (
            "clock: 1 GHz",
            "clock: 1",
            ["3:8: clock: missing unit: found '1', expected a frequency such as '940 MHz'"],
        ),
        ("kind: spatial", "kind: pin", ["2:7: unknown kind 'pin' in arch; did you mean 'pim'? allowed: spatial, pim"]),
    ],
)
def test_a_wrong_machine_is_told_what_and_where(tmp_path, old, new, expected):
    assert old in GOOD
    assert messages(tmp_path, GOOD.replace(old, new)) == expected


def test_a_machine_without_units(tmp_path):
    text = GOOD[: GOOD.index("  buffer:")] + "units: {}\nenergy: fusemax-45nm\n"
    assert messages(tmp_path, text) == ["6:8: units: found 0 entries, expected at least 1 entries"]


def test_faults_of_all_parts_come_together(tmp_path):
    text = GOOD.replace("1 GHz", "1").replace("fusemax-45nm", "none").replace("add: {}", "sub: {}")
    lines = [int(message.split(":")[0]) for message in messages(tmp_path, text)]
    assert lines == [3, 12, 14]


def test_a_table_of_the_user_s_may_be_named_by_its_file(tmp_path):
    energy = file_of(tmp_path, "table: mine\noperations:\n  mac: [{energy: 1 pJ, source: measured}]\n", "mine.yaml")
    assert machine(file_of(tmp_path, GOOD.replace("fusemax-45nm", energy))).energy == energy


def test_values_do_not_change_in_place():
    cloud = machine("fusemax-cloud")
    before = replace(cloud)
    cloud.with_values({"array_2d.rows": 3, "clock": 5})
    assert cloud == before


def test_the_schema_lists_the_operations():
    text = str(schema(ArchSpec))
    assert "divide" in text
    assert "'as'" in text


def test_reading_a_machine_imports_no_numpy():
    code = "import sys, arch; arch.machine('fusemax-cloud'); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_machine_is_a_value():
    assert isinstance(machine("systolic"), Machine)
    assert machine("systolic") == machine("systolic")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("clock=1e308MHz", "clock: number out of range: found '1e308MHz'; a frequency is from 1 Hz to 1000 GHz"),
        (
            "clock=1e401MHz",
            "clock: number out of range: found '1e401'; a frequency is from 1 Hz to 1000 GHz",
        ),
        ("clock=1e-300MHz", "clock: number out of range: found '1e-300MHz'; a frequency is from 1 Hz to 1000 GHz"),
        (
            "buffer.size=1e400MiB",
            "memories.buffer.size: number out of range: found '1e400MiB'; "
            "a size is from 1 b to 9223372036854775807 B (2^63 - 1)",
        ),
        (
            "dram.bandwidth=2e18B/s",
            "memories.dram.bandwidth: number out of range: found '2e18B/s'; a bandwidth is from 1 B/s to 1000000 TB/s",
        ),
        ("rows=9e18", "units.array_2d.rows: must be at most 1048576: found 9e+18"),
        ("array_1d.registers=2Mi", "units.array_1d.registers: must be at most 1048576: found '2Mi'"),
    ],
)
def test_numbers_beyond_what_is_physical_are_refused(values, message):
    with pytest.raises(SpecError) as caught:
        machine(f"fusemax-cloud:{values}")
    assert str(caught.value) == f"arch argument 'fusemax-cloud:{values}': {message}"


def test_a_count_of_400_digits_in_a_tie_is_refused():
    with pytest.raises(SpecError, match=r"array_2d\.cols: number out of range"):
        machine("fusemax-cloud:array_2d.cols=" + "9" * 400)


def test_a_duplicate_key_hides_no_other_fault(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "arch: mine\n"
        "kind: spatial\n"
        "clock: 1 GHz\n"
        "clock: 2 GHz\n"
        "memories:\n"
        "  dram: {row: 64}\n"
        "units:\n"
        "  array: {rows: 4, cols: 1e999, lames: 3, operations: {mac: {}}}\n"
        "  vector: {lanes: = 2 * array.cols, operations: {mac: {}}}\n"
        "energy: fusemax-45nm\n"
    )
    with pytest.raises(SpecError) as caught:
        machine(str(path))
    assert str(caught.value).replace(f"{path}:", "").splitlines() == [
        "4:1: duplicate key 'clock': first on line 3, again on line 4",
        "6:15: memories.dram.row: missing unit: found '64', expected a width such as '16 b'",
        "8:26: number out of range: found '1e999', the largest is about 1.8e308",
        "8:33: unknown key 'lames' in 'units.array'; did you mean 'lanes'? allowed: rows, cols, lanes, registers, "
        "return_path, hop, handover, operations",
    ]


def test_a_file_of_the_library_is_called_by_its_folder_and_name():
    place = machine("systolic").place
    assert place is not None and place.source == "arch/library/systolic.yaml"


def test_what_hardware_is_generated_for_is_stated_or_not():
    assert machine("fusemax-cloud").hardware is None
    assert machine("fusemax-fpga").hardware == Hardware(64, 64, 4096, "dsp")
    changed = machine("fusemax-fpga:head_dim=32,value_dim=16,max_keys=1Ki,multiplier=logic")
    assert changed.hardware == Hardware(32, 16, 1024, "logic")
    assert machine("fusemax-edge:max_keys=1Ki").hardware == Hardware(64, 64, 1024, "dsp")
    assert not any("head_dim" in path for path in changed.paths())  # no model has a number that depends on it


def test_the_generated_array_is_of_any_rows_and_columns():
    found = machine("fusemax-fpga:rows=4,cols=2")
    assert found.units["array_2d"].axes == {"rows": 4, "cols": 2}
    assert found.units["array_1d"].axes == {"lanes": 2}
    assert found.value("buffer.row") == 16


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("rows=0", "units.array_2d.rows: must be greater than zero: found 0"),
        ("head_dim=0", "hardware.head_dim: must be greater than zero: found 0"),
        ("value_dim=0", "hardware.value_dim: must be greater than zero: found 0"),
        ("max_keys=0", "hardware.max_keys: must be greater than zero: found 0"),
        ("max_keys=1.5", "hardware.max_keys: expected a whole number such as '16Ki', found 1.5"),
        ("multiplier=lut", "hardware.multiplier: unknown value 'lut'; allowed: dsp, logic"),
    ],
)
def test_hardware_that_cannot_be_is_refused(values, message):
    with pytest.raises(SpecError) as caught:
        machine(f"fusemax-fpga:{values}")
    assert str(caught.value) == f"arch argument 'fusemax-fpga:{values}': {message}"
