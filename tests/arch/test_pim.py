"""Machines of kind `pim`: what the library holds, ticks from times, overrides, and the unit of its banks."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import Override, machine, machine_names
from arch.commands import PIM_COMMANDS
from arch.dram import Activation, Refresh
from arch.ticks import MOST_TICKS, in_ticks, read_ticks

DEVICES = [name for name in machine_names() if machine(name).kind == "pim"]


def device(reference):
    found = machine(reference).device
    assert found is not None
    return found


def test_the_aim_like_device_is_its_simulator_s():
    found = device("gddr6-aim")
    shape, timing = found.organisation, found.timing
    assert (shape.channels, shape.banks, shape.rows, shape.row_bytes, shape.columns) == (32, 16, 16384, 2048, 64)
    assert (timing.rcd_read, timing.rcd_mac, timing.rp, timing.ras, timing.rc) == (36, 56, 32, 54, 89)
    assert (timing.ccd_short, timing.ccd_long, timing.ccd_mac, timing.rtp) == (2, 2, 2, 12)
    assert (timing.rrd_short, timing.rrd_long, timing.faw, timing.refi, timing.rfc) == (11, 11, 42, 3333, 210)
    assert (found.refresh, found.postponed, found.activation) == (Refresh.ALL_BANK, True, Activation.NONE)
    assert machine("gddr6-aim").clock_hz == 2e9


def test_the_row_period_of_the_aim_like_device_by_hand():
    """A row of 64 MACs: opened after 56 ticks, 63 further MACs of 2, 12 to the closing and 32 for it."""
    timing = device("gddr6-aim").timing
    period = timing.rcd_mac + 63 * timing.ccd_mac + timing.rtp + timing.rp
    assert period == 56 + 126 + 12 + 32 == 226 and period > timing.rc


def test_the_hbm3_like_device_is_attacc_s():
    found = device("hbm3-pim")
    shape, timing = found.organisation, found.timing
    assert (shape.channels, shape.banks, shape.row_bytes, shape.columns) == (32, 32, 1024, 32)
    assert (timing.rcd_read, timing.rp, timing.ras, timing.rc) == (19, 19, 45, 45 + 19)
    assert (timing.ccd_short, timing.ccd_long, timing.ccd_mac, timing.ccd_mac_stretched) == (2, 4, 4, 6)
    assert (timing.faw, timing.refi, timing.rfc) == (39, 5070, 455)
    assert found.activation is Activation.STRETCHED_CCD


def test_sizes_and_bandwidths_are_those_of_the_parts():
    """16 GiB of 32 channels with 16 pins of 16 Gb/s each; 1024 pins of 5.2 Gb/s; 8 Gb."""
    aim, hbm, plain = (machine(name).memories["dram"] for name in ("gddr6-aim", "hbm3", "gddr6"))
    assert (aim.size_bytes, aim.bandwidth_bytes_per_s) == (16 << 30, 32 * 16 * 16e9 / 8)
    assert (hbm.size_bytes, hbm.bandwidth_bytes_per_s) == (16 << 30, 1024 * 5.2e9 / 8)
    assert plain.size_bytes == 1 << 30
    assert (aim.row_bits, aim.banks) == (256, 32 * 16)


@pytest.mark.parametrize(("plain", "processing"), [("hbm3", "hbm3-pim")])
def test_a_plain_memory_differs_by_its_processing_only(plain, processing):
    left, right = asdict(device(plain).timing), asdict(device(processing).timing)
    different = {key for key in left if left[key] != right[key]}
    assert different <= {"ccd_mac_stretched"}
    assert device(plain).commands == () and machine(plain).units == {}


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_of_the_library_has_sources_and_says_what_it_assumes(name):
    found = machine(name)
    assert found.source and found.assumptions and found.overrides == ()
    assert set(device(name).commands) <= set(PIM_COMMANDS)
    for mode in ("off", "all-bank", "per-bank"):
        assert device(f"{name}:refresh={mode}").refresh.value == mode


@pytest.mark.parametrize("name", DEVICES)
def test_how_late_refreshes_may_be_is_of_the_file_and_an_assumption(name):
    assert device(name).most_postponed == 8
    assert any(
        each.startswith("eight refreshes may be late, as DDR4 allows (Intel") for each in machine(name).assumptions
    )
    changed = machine(f"{name}:most_postponed=3")
    assert changed.device is not None and changed.device.most_postponed == 3
    assert changed.overrides == (Override("most_postponed", 3, 8),)


@pytest.mark.parametrize("name", ["gddr6-aim", "hbm3-pim"])
@pytest.mark.parametrize("policy", ["tfaw-act4", "stretched-ccd", "none"])
def test_all_three_policies_of_activation_can_be_asked_for(name, policy):
    assert device(f"{name}:activation={policy}").activation.value == policy


def test_the_banks_are_a_unit_that_a_mapping_can_be_bound_to():
    banks = machine("gddr6-aim:channels=8").units["banks"]
    assert banks.axes == {"channels": 8, "banks": 16, "lanes": 16}
    assert banks.elements == 8 * 16 * 16
    assert {name: operation.interval for name, operation in banks.operations.items()} == {"mac": 2, "mul": 2, "max": 2}
    assert machine("gddr6-aim:activation=stretched-ccd").value("banks.operations.mac.interval") == 3
    assert list(machine("hbm3-pim").units["banks"].operations) == ["mac"]


@pytest.mark.parametrize(("name", "operand"), [("gddr6-aim", "bf16"), ("hbm3-pim", "fp16")])
def test_a_machine_says_what_its_multipliers_take_and_fixes_no_other_type(name, operand):
    found = machine(name)
    assert found.types == {}
    assert {unit: each.operand_type for unit, each in found.units.items()} == {"banks": operand, "array_1d": None}


@pytest.mark.parametrize("name", ["gddr6-aim", "hbm3-pim"])
def test_a_batch_on_the_vector_unit_takes_what_cent_s_artifact_says(name):
    """32 words of 16 elements: 32 + 11 + 1 ticks for exponentials, 2 · 32 + 1 + 1 for additions."""
    unit = machine(name).units["array_1d"]
    assert unit.axes == {"lanes": 16} and unit.native_operations == ("exp", "add", "max", "mul", "mac", "divide")
    taken = {
        each: 31 * unit.operations[each].interval + unit.operations[each].latency for each in unit.native_operations
    }
    assert (taken["exp"], taken["add"]) == (32 + 11 + 1, 2 * 32 + 1 + 1)
    assert taken["max"] == taken["mul"] == taken["mac"] == taken["add"]
    assert unit.slots("divide") == ceil(16 + 2 / 8 + 1)  # a head, pipelined over 8 cores


def test_the_vector_unit_does_all_of_a_softmax_that_banks_do_not():
    from workloads import cascade

    steps = cascade("attention-deferred-division").einsums
    banks, outside = machine("gddr6-aim").units.values()
    products = [each.name for each in steps if set(each.operations) == {"mac"}]
    assert products == ["QK", "SNV"] and "mac" in banks.operations
    needed = {operation for each in steps if each.name not in products for operation in each.operations}
    assert needed == {"max", "add", "exp", "divide"} and needed <= set(outside.operations)


def test_numbers_of_the_vector_unit_are_set_by_path_and_stay_visible():
    found = machine("gddr6-aim:array_1d.lanes=32,rows=8Ki,units.array_1d.operations.exp.latency=20")
    assert found.overrides == (
        Override("units.array_1d.lanes", 32, 16),
        Override("organisation.rows", "8Ki", "16Ki"),
        Override("units.array_1d.operations.exp.latency", 20, 13),
    )
    assert (found.value("array_1d.lanes"), found.value("array_1d.operations.exp.latency")) == (32, 20)
    assert machine("gddr6-aim:lanes=64").units["array_1d"].elements == 64
    with pytest.raises(ValueError, match="the numbers of a device are set in its reference"):
        found.with_values({"array_1d.lanes": 8})


@given(lanes=st.integers(1, 1 << 20), interval=st.integers(1, 100), more=st.integers(0, 100))
def test_a_vector_unit_changes_nothing_of_the_device(lanes, interval, more):
    timing = f"operations.add.interval={interval},array_1d.operations.add.latency={interval + more}"
    found = machine(f"hbm3-pim:array_1d.lanes={lanes},array_1d.{timing}")
    assert found.device == device("hbm3-pim") and found.memories == machine("hbm3-pim").memories
    assert found.units["banks"] == machine("hbm3-pim").units["banks"]
    assert found.units["array_1d"].elements == lanes and found.units["array_1d"].slots("add") == interval


@pytest.mark.parametrize("name", ["gddr6", "hbm3"])
def test_a_plain_memory_computes_nothing(name):
    assert machine(name).units == {}


def test_a_matrix_times_a_vector_is_bound_and_counted(tmp_path):
    """M=6400, N=1600 on 8 × 16 banks: 50 rows a bank of 100 columns, 5000 MACs of 2 ticks."""
    from mappings import count, mapping, schedules
    from workloads import workload

    path = tmp_path / "rows.yaml"
    path.write_text(
        "mapping: rows\ncascade: gemv\n"
        "partition:\n"
        "  m: {m2: rest, m1: = banks.banks, m0: = banks.channels}\n"
        "  n: {n1: rest, n0: = banks.lanes}\n"
        "loops: [m2]\n"
        "bind:\n"
        "  - {unit: banks, einsums: [y], spatial: {channels: m0, banks: m1, lanes: n0}, steps: [n1]}\n"
        "keep:\n  dram: {W: '*', x: '*', y: '*'}\n"
        "overlap: units\n"
    )
    _, (made,) = schedules(workload("gemv:M=6400,N=1600"), machine("gddr6-aim:channels=8"), mapping(str(path)))
    counted = count(made)
    assert counted.operations["y"].cycles == 5000 * 2
    assert counted.operations["y"].actions == {"mac": 6400 * 1600}


def test_what_an_argument_sets_stays_visible():
    found = machine("gddr6-aim:channels=8,RP=40,RC=94,timing.REFI=2us,refresh=off")
    assert found.overrides == (
        Override("channels", 8, 32),
        Override("timing.RP", 40, 32),
        Override("timing.RC", 94, 89),
        Override("timing.REFI", "2us", 3333),
        Override("refresh", "off", "all-bank"),
    )
    assert (device("gddr6-aim:RP=40,RC=94").timing.rp, device("gddr6-aim:REFI=2us").timing.refi) == (40, 4000)
    assert machine("gddr6:mode_switch=5").overrides == (Override("timing.mode_switch", 5, None),)


def test_ties_follow_an_override():
    assert device("hbm3:RAS=50").timing.rc == 50 + 19
    assert device("hbm3:RAS=50,RC=80").timing.rc == 80


def test_numbers_of_a_device_are_not_changed_behind_its_back():
    found = machine("gddr6-aim")
    assert found.with_values({"clock": found.clock_hz, "channels": 32}) == found
    with pytest.raises(ValueError, match="the numbers of a device are set in its reference, as in 'gddr6-aim:channels"):
        found.with_values({"channels": 8})


@pytest.mark.parametrize(
    ("found", "clock_hz", "ticks"),
    [
        (54, 2e9, 54),
        ("54", 2e9, 54),
        ("350 ns", 1.3e9, 455),
        ("350 ns", 1_300_000_000, 455),
        ("350 ns", 1.301e9, 456),
        ("0.1 ps", 1e9, 1),
        ("6.6 ns", 1 / 0.66e-9, 10),
        ("6.61 ns", 1 / 0.66e-9, 11),
    ],
)
def test_a_time_becomes_ticks_by_rounding_up(found, clock_hz, ticks):
    assert in_ticks(read_ticks(found), clock_hz) == ticks


@given(picoseconds=st.integers(1, 10**9), megahertz=st.integers(1, 10**4))
def test_ticks_last_no_less_than_the_time(picoseconds, megahertz):
    exact = Fraction(picoseconds * megahertz, 10**6)
    assert in_ticks(read_ticks(f"{picoseconds} ps"), megahertz * 10**6) in (ceil(exact), max(1, ceil(exact) - 1))
    if exact.denominator < 10**6:
        assert in_ticks(read_ticks(f"{picoseconds} ps"), megahertz * 10**6) == max(1, ceil(exact))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (2.5, "expected whole ticks such as 54, or a time such as '350 ns', found 2.5"),
        (True, "expected whole ticks such as 54, or a time such as '350 ns', found true"),
        ("350", None),
        ("350 GHz", "expected whole ticks such as 54, or a time such as '350 ns', found '350 GHz'"),
        (0, "must be greater than zero: found 0"),
        (-3, "must be greater than zero: found -3"),
        ("0 ns", "must be greater than zero: found '0 ns'"),
        (MOST_TICKS + 1, f"must be at most {MOST_TICKS} ticks: found {MOST_TICKS + 1}"),
        ("1e400 ns", "number out of range: found '1e400 ns'; a time is from 1e-6 ps to 1e9 s"),
    ],
)
def test_what_is_neither_ticks_nor_a_time_is_refused(found, message):
    if message is None:
        assert read_ticks(found) == 350
        return
    with pytest.raises(ValueError) as caught:
        read_ticks(found)
    assert str(caught.value) == message
