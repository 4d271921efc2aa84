"""Tables of DRAM commands: energies by hand, what follows from currents, and what is not in a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import (
    Cost,
    command_pj,
    command_table_names,
    machine,
    operation_pj,
    pin_pj,
    standby_w,
    table,
    table_names,
)
from arch.commands import PRICED_COMMANDS
from arch.pimfaults import NEEDED_BY
from arch.table import Table
from specs import SpecError

CENT, IDD, FGDRAM = table("cent"), table("iddx16"), table("fgdram")
TABLES = [table(name) for name in command_table_names()]

CURRENTS = """\
table: mine
currents:
  {voltage: 2 V, tick: 1 ns, RC: 10, RAS: 6, RFC: 100, burst: 4, row: 1 KiB, column: 32 B, IDD0: 100 mA, IDD2N: 40 mA,
   IDD3N: 50 mA, IDD4R: 250 mA, IDD4W: 200 mA, IDD5AB: 300 mA, source: data sheet}
commands:
  WR: {energy: 7 pJ, source: measured}
  MAC: {as: {RD: 3, WR: 0.5}, bytes: 128 B, source: "assumption: three reads"}
"""


def of_text(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return table(str(path))


def test_cent_by_hand():
    """Powers of the artifact in mW, half of what it states, times its times in ns."""
    assert command_pj(CENT, "ACT").value == pytest.approx(132.6 / 2 * 44.5)
    assert command_pj(CENT, "RD").value == pytest.approx(876.3 / 2 * 1.25)
    assert command_pj(CENT, "WR").value == pytest.approx(1106.3 / 2 * 1.25)
    assert command_pj(CENT, "MAC").value == pytest.approx(3 * 876.3 / 2 * 1.0)
    assert command_pj(CENT, "AF").value == pytest.approx(16 * command_pj(CENT, "RD").value)
    assert command_pj(CENT, "EWMUL").value == pytest.approx(command_pj(CENT, "MAC").value / 4)
    assert pin_pj(CENT).value == 5.5
    assert (standby_w(CENT, active=True).value, standby_w(CENT, active=False).value) == (0.26375, 0.18315)


@pytest.mark.parametrize(("command", "pj"), [("ACT", 716), ("RD", 333), ("WR", 303)])
def test_the_currents_of_gddr6_give_what_is_known(command, pj):
    assert command_pj(IDD, command).value == pytest.approx(pj, rel=0.01)


def test_what_follows_from_the_currents_in_the_file():
    row = IDD.spec.currents
    assert row is not None
    expected = row.voltage * (row.IDD0 * 78 - (row.IDD3N * 54 + row.IDD2N * 24)) * 0.66e-9
    assert command_pj(IDD, "ACT").value == pytest.approx(expected * 1e12)
    assert command_pj(IDD, "REFab").value == pytest.approx(1.35 * (286 - 61) * 126 * 0.66)
    assert standby_w(IDD, active=True).value == pytest.approx(1.35 * 0.061)
    assert command_pj(CENT, "ACT").value / command_pj(IDD, "ACT").value == pytest.approx(4.1, abs=0.05)


def test_a_table_of_currents_by_hand(tmp_path):
    """2 V and ticks of 1 ns: 2 · (100 · 10 − (50 · 6 + 40 · 4)) pJ to open a row, and so on."""
    mine = of_text(tmp_path, CURRENTS)
    assert command_pj(mine, "ACT").value == pytest.approx(2 * (1000 - (300 + 160)))
    assert command_pj(mine, "RD").value == pytest.approx(2 * 200 * 4)
    assert command_pj(mine, "REFab").value == pytest.approx(2 * 250 * 100)
    assert command_pj(mine, "WR") == Cost(pytest.approx(7.0), "table", "measured")  # what is stated comes first
    assert command_pj(mine, "MAC").value == pytest.approx(3 * 1600 + 0.5 * 7)
    assert command_pj(mine, "MAC").how == "assumption: three reads"
    assert [standby_w(mine, active=each).value for each in (True, False)] == pytest.approx([0.1, 0.08])


@pytest.mark.parametrize(("component", "pj_per_bit"), [("MAC", 0.55), ("RD", 3.29), ("WR", 3.29)])
def test_a_bit_of_hbm_by_place(component, pj_per_bit):
    assert command_pj(FGDRAM, component).value == pytest.approx(256 * pj_per_bit)
    assert command_pj(FGDRAM, "RD").value + 256 * pin_pj(FGDRAM).value == pytest.approx(256 * 3.59)
    assert command_pj(FGDRAM, "ACT").value == 0 and command_pj(FGDRAM, "ACT").source


def test_a_refresh_by_hand():
    """V · (IDD5AB − IDD3N) · RFC of DRAMsim3's GDDR6 and HBM2; of one bank its share, by the bytes that it holds."""
    assert command_pj(CENT, "REFab").value == pytest.approx(1.35 * (286 - 61) * 126 * 0.66)
    assert command_pj(CENT, "REFab").value == pytest.approx(command_pj(IDD, "REFab").value)
    assert command_pj(FGDRAM, "REFab").value == pytest.approx(1.2 * (250 - 55) * 260 * 1)
    assert [standby_w(FGDRAM, active=each).value for each in (True, False)] == pytest.approx([1.2 * 0.055, 1.2 * 0.040])
    for prices in (CENT, IDD, FGDRAM):
        one, all_banks = command_pj(prices, "REFpb", 32 << 20), command_pj(prices, "REFab", 512 << 20)
        assert 16 * one.value == pytest.approx(all_banks.value)
        assert one.how.startswith("extrapolated") == (prices is FGDRAM) and "assumption: of one of" in one.how
    assert all(command_pj(each, "REFab").how.startswith("assumption: ") for each in (CENT, FGDRAM))


def test_operations_outside_of_the_banks_by_hand():
    """Powers in mW at 2 GHz and for 16 lanes, and words of a buffer: 3.207 mW to read one, 3.754 mW to write one."""
    read, write, lanes_ghz = 3.207188769, 3.754155771, 2 * 16
    by_hand = {
        "exp": 3.39e-2 + 5.60e-1 + read + write,
        "add": 1.33e-1 + 2.48e-1 + 2 * read + write,
        "divide": 19 * 3.96 + 2 * read + write,
    }
    for name, milliwatts in by_hand.items():
        assert operation_pj(CENT, name).value == pytest.approx(milliwatts / lanes_ghz)
    assert (0.5939 / lanes_ghz, 0.381 / lanes_ghz) == pytest.approx((0.01856, 0.01191), abs=1e-5)  # without the buffer
    assert [operation_pj(CENT, name).how for name in ("exp", "add")] == ["table", "table"]
    for name in ("max", "mul", "mac"):
        assert operation_pj(CENT, name).value == operation_pj(CENT, "add").value
        assert operation_pj(CENT, name).how.startswith("assumption: an addition")


@pytest.mark.parametrize("prices", [IDD, FGDRAM], ids=lambda each: each.name)
def test_operations_cost_the_same_beside_any_dram_and_say_that_it_is_an_assumption(prices):
    for name in ("exp", "add", "max", "mul", "mac", "divide"):
        assert operation_pj(prices, name).value == operation_pj(CENT, name).value
        assert operation_pj(prices, name).how == "assumption: what CENT charges, whose logic is not that of the DRAM"


@given(bytes=st.integers(1, 1 << 20))
def test_other_bytes_are_in_proportion_and_say_so(bytes):
    found = command_pj(CENT, "MAC", bytes)
    assert found.value == pytest.approx(1314.45 * bytes / 512)
    assert (found.how == "table") == (bytes == 512)
    assert bytes == 512 or found.how == "extrapolated: MAC in proportion to bytes from 512 B"
    many = command_pj(CENT, "ACT", np.array([1024, 2048]))
    assert many.value == pytest.approx([1475.175, 2950.35]) and many.how.startswith("extrapolated")


@pytest.mark.parametrize(
    ("prices", "absent"),
    [(CENT, ("COPY",)), (IDD, ("EWMUL", "AF", "COPY")), (FGDRAM, ("AF", "COPY", "EWMUL"))],
)
def test_what_is_not_in_a_table_is_missing_and_not_nothing(prices: Table, absent):
    for command in absent:
        found = command_pj(prices, command)
        assert found == Cost(None, f"missing: '{command}' is not in the table '{prices.name}'", "")
    assert pin_pj(table("tpu-7nm")).how == "missing: 'pins' is not in the table 'tpu-7nm'"
    assert standby_w(table("tpu-7nm"), active=True).how == "missing: 'standby' is not in the table 'tpu-7nm'"
    assert operation_pj(prices, "tanh") == Cost(None, f"missing: 'tanh' is not in the table '{prices.name}'", "")
    assert command_pj(table("tpu-7nm"), "ACT").value is None


def test_what_currents_do_not_say_is_what_cent_charges_and_called_an_assumption():
    assert command_pj(IDD, "RDMAC").value == command_pj(IDD, "RD").value
    for ours, theirs in ((command_pj(IDD, "WRGB"), command_pj(CENT, "WRGB")), (pin_pj(IDD), pin_pj(CENT))):
        assert ours.value == theirs.value and ours.source.startswith("assumption: what CENT charges")


@pytest.mark.parametrize("prices", TABLES, ids=lambda each: each.name)
def test_every_price_has_a_source_and_more_bytes_cost_more(prices):
    for command in PRICED_COMMANDS:
        one, two = command_pj(prices, command, 1 << 10), command_pj(prices, command, 1 << 11)
        assert one.value is None or (one.source and one.value <= two.value)


def test_spatial_machines_and_devices_name_tables_of_their_own():
    assert not set(table_names()) & set(command_table_names())
    with pytest.raises(SpecError, match="unknown energy table 'cent'"):
        machine("systolic:energy=cent")
    assert machine("gddr6-aim:energy=iddx16").energy == "iddx16"


def test_a_command_that_is_none_is_named():
    with pytest.raises(ValueError, match="unknown command 'ACTS'; did you mean 'ACT'"):
        command_pj(CENT, "ACTS")
    assert {command for commands in NEEDED_BY.values() for command in commands} & set(PRICED_COMMANDS)


REFUSED = [
    ("IDD0: 100 mA", "IDD0: 40 mA", "3:98: currents.IDD0: IDD0 · RC is less than IDD3N · RAS + IDD2N · (RC - RAS), what standby takes in that time"),
    ("IDD4R: 250 mA", "IDD4R: 25 mA", "4:25: currents.IDD4R: IDD4R is less than IDD3N, which flows while nothing is done with open rows"),
    ("voltage: 2 V", "voltage: 2", "3:13: currents.voltage: missing unit: found '2', expected a voltage such as '1.35 V'"),
    ("RC: 10", "RC: 5", "3:34: currents.RC: RC = 5 is less than RAS = 6"),
    ("{RD: 3, WR: 0.5}", "{RD: 3, MAC: 1}", "7:21: commands.MAC.as.MAC: 'MAC' is made of 'MAC', which has no energy of its own; those that have: ACT, RD, REFab, WR"),
    ("{RD: 3, WR: 0.5}", "{REFpb: 3}", "7:14: commands.MAC.as.REFpb: 'MAC' is made of 'REFpb', which has no energy of its own; those that have: ACT, RD, REFab, WR"),
    ("{energy: 7 pJ,", "{", "6:3: commands.WR: a command has either 'energy' or 'as'"),
    ("  WR: {", "  ACT16: {", "6:3: commands.ACT16: unknown command 'ACT16'; did you mean 'ACT'? allowed: ACT, RD, WR, MAC, WRGB, RDMAC, AF, EWMUL, COPY, REFab, REFpb"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), REFUSED)
def test_a_wrong_table_is_told_what_and_where(tmp_path, old, new, expected):
    assert old in CURRENTS
    with pytest.raises(SpecError) as caught:
        of_text(tmp_path, CURRENTS.replace(old, new, 1))
    assert str(caught.value).replace(f"{tmp_path}/mine.yaml:", "") == expected


def test_a_table_of_nothing_is_refused(tmp_path):
    with pytest.raises(SpecError, match="missing key 'operations' in table; a table of DRAM commands has 'commands'"):
        of_text(tmp_path, "table: mine\n")
