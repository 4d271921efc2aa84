"""A data sheet that cannot be is refused with the arithmetic, at its place, and never with a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from arch import machine
from arch.machine import BUILDERS
from arch.pimspec import TimingSpec
from arch.spec import ArchSpec
from arch.ticks import MOST_TICKS
from specs import SpecError, read_text, validate

GOOD = """\
arch: toy
kind: pim
clock: 1 GHz
channels: 2
organisation: {bank_groups: 2, banks_per_group: 4, rows: 1Ki, row: 256 B, column: 32 B}
timing:
  RCD_read: 18
  RCD_write: 14
  RCD_mac: 28
  RP: 30
  RAS: 62
  RC: 92
  CCD_short: 2
  CCD_long: 3
  CCD_mac: 4
  CCD_mac_stretched: 6
  RTP: 12
  RRD_short: 6
  RRD_long: 7
  FAW: 30
  RFC: 350 ns
  RFC_bank: 105
  REFI: 3.9 us
commands: [ACT4, ACT16, MAC]
refresh: all-bank
postponed: true
activation: none
accumulators: 1
buffer: 256 B
multipliers: 16
multiplier_type: bf16
energy: cent
"""


LAST, ADD = "energy: cent\n", "operations: {add: {}}"


def messages(folder, text, argument=""):
    """What a file is told, without its path."""
    path = folder / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        machine(str(path) + argument)
    return str(caught.value).replace(f"arch argument '{path}", "arch argument 'toy.yaml").replace(f"{path}:", "")


KEYS = ", ".join(TimingSpec.model_fields)
COMMANDS = "ACT4, ACT16, MAC, MAC_same, MAC_one, WRGB, RDMAC, AF, EWMUL, COPY, TMOD"
REFUSED = [
    ("RC: 92", "RC: 60", "12:7: RC = 60 is less than RAS + RP = 62 + 30 = 92: a row is opened before the last is closed"),
    ("RAS: 62", "RAS: 16", "11:8: RAS = 16 is less than RCD_read = 18: a row may be closed before it is open"),
    ("RCD_write: 14", "RCD_write: 63", "11:8: RAS = 62 is less than RCD_write = 63: a row may be closed before it is open"),
    ("CCD_long: 3", "CCD_long: 1", "14:13: CCD_long = 1 is less than CCD_short = 2: commands of one bank group are no closer than those of two"),
    ("RRD_long: 7", "RRD_long: 5", "19:13: RRD_long = 5 is less than RRD_short = 6: activations in one bank group are no closer than those in two"),
    ("CCD_mac_stretched: 6", "CCD_mac_stretched: 3", "16:22: CCD_mac_stretched = 3 is less than CCD_mac = 4: stretching makes it longer"),
    ("FAW: 30", "FAW: 3", "20:8: FAW = 3 ticks do not hold four activations, which take 4"),
    ("REFI: 3.9 us", "REFI: 350", "23:9: REFI = 350 is not more than RFC = 350: refreshing leaves no time for anything else"),
    ("REFI: 3.9 us", "REFI: 3 s", f"23:9: REFI is 3000000000 ticks at this clock; at most {MOST_TICKS} are taken"),
    ("  REFI: 3.9 us\n", "", "24:10: refresh is all-bank, which needs REFI and RFC; state REFI in 'timing', or say 'refresh: off'"),
    ("  RFC: 350 ns\n", "", "24:10: refresh is all-bank, which needs REFI and RFC; state RFC in 'timing', or say 'refresh: off'"),
    ("row: 256 B", "row: 240 B", "5:68: a row of 240 B is 7 columns of 32 B and 16 B more"),
    (
        "column: 32 B",
        "column: 512 B",
        "5:83: a column of 512 B is larger than a row of 256 B\n"
        "29:9: a buffer of 256 B does not hold a column of 512 B\n"
        "30:14: the multipliers of a bank take 16 × 16 b = 256 b of bf16 at once, and a column has 4096 b",
    ),
    ("channels: 2", "channels: 0", "4:11: channels: must be greater than zero: found 0"),
    ("channels: 2", "channels: 1Mi", "4:11: channels: must be at most 4096: found '1Mi'"),
    ("bank_groups: 2", "bank_groups: 0", "5:29: organisation.bank_groups: must be greater than zero: found 0"),
    ("banks_per_group: 4", "banks_per_group: 0", "5:49: organisation.banks_per_group: must be greater than zero: found 0"),
    ("bank_groups: 2", "bank_groups: 16", "5:29: 16 × 4 = 64 banks in a channel; the engine holds at most 62; state fewer of them, in more channels"),
    ("buffer: 256 B", "buffer: 16 B", "29:9: a buffer of 16 B does not hold a column of 32 B"),
    ("buffer: 256 B\n", "", "24:11: MAC needs 'buffer'"),
    ("multipliers: 16", "multipliers: 8", "30:14: the multipliers of a bank take 8 × 16 b = 128 b of bf16 at once, and a column has 256 b"),
    (
        "multiplier_type: bf16",
        "multiplier_type: bf17",
        "31:18: multiplier_type: unknown number type 'bf17'; did you mean 'bf16'? "
        "allowed: fp64, fp32, fp16, bf16, fp8, int32, int16, int8",
    ),
    ("[ACT4, ACT16, MAC]", "[ACT4, MACC]", f"24:18: commands.1: unknown command 'MACC'; did you mean 'MAC'? allowed: {COMMANDS}"),
    ("[ACT4, ACT16, MAC]", "[ACT4, MAC, ACT4]", "24:23: commands.2: 'ACT4' is given twice; leave one of them out"),
    (LAST, f"{LAST}units: {{banks: {{lanes: 4, {ADD}}}}}\n", "33:9: 'banks' is the unit of the banks themselves; choose another name"),
    (LAST, f"{LAST}units: {{dram: {{lanes: 4, {ADD}}}}}\n", "33:9: 'dram' is a memory and a unit; give them different names"),
    (LAST, f"{LAST}units: {{clock: {{lanes: 4, {ADD}}}}}\n", "33:9: 'clock' is what results call another component of their own; choose another name"),
    (LAST, f"{LAST}units: {{sums: {{rows: 4, cols: 4, {ADD}}}}}\n", "33:9: a unit outside of the banks has 'lanes'; found 'rows' and 'cols'"),
    (LAST, f"{LAST}units: {{sums: {{lanes: 4, operations: {{mul: {{as: {{mac: 1}}}}}}}}}}\n", "33:50: 'mul' uses 'mac', which is not native on unit 'sums'; native: none"),
    ("refresh: all-bank", "refresh: all", "25:10: refresh: unknown value 'all'; allowed: all-bank, per-bank, off"),
    ("postponed: true", "postponed: 8", "26:12: postponed: found 8, expected true or false"),
    ("activation: none", "most_postponed: 0", "27:17: most_postponed: must be greater than zero: found 0"),
    ("activation: none", "most_postponed: 2Mi", "27:17: most_postponed: must be at most 1048576: found '2Mi'"),
    ("  RTP: 12\n", "", "6:1: missing key 'RTP' in 'timing'"),
    ("  RTP: 12", "  RTP: 12\n  RPT: 12", f"18:3: unknown key 'RPT' in 'timing'; did you mean 'RP'? allowed: {KEYS}"),
    ("RP: 30", "RP: 30 GHz", "10:7: timing.RP: expected whole ticks such as 54, or a time such as '350 ns', found '30 GHz'"),
    ("energy: cent", "energy: tpu-7nm", "32:9: energy: unknown energy table of DRAM commands 'tpu-7nm'; allowed: cent, fgdram, iddx16"),
]  # fmt: skip
REFUSED_ARGUMENTS = [
    ("RP=31", "RC = 92 is less than RAS + RP = 62 + 31 = 93: a row is opened before the last is closed"),
    ("refresh=per-bank,RFC_bank=null", "refresh is per-bank, which needs REFI and RFC_bank; state RFC_bank in 'timing', or say 'refresh: off'"),
    ("refresh=per-bank,RFC_bank=5000", "REFI = 3900 is not more than RFC_bank = 5000: refreshing leaves no time for anything else"),
    ("banks_per_group=64", "2 × 64 = 128 banks in a channel; the engine holds at most 62; state fewer of them, in more channels"),
    ("activation=tfaw-act4,FAW=null", "activation tfaw-act4 opens four banks within each FAW; state timing.FAW"),
    ("activation=tfaw-act4,commands=[MAC]", "activation tfaw-act4 needs the command ACT4"),
    ("activation=tfaw-act4,banks_per_group=3", "activation tfaw-act4 opens four banks at once, and 2 × 3 = 6 is no multiple of 4"),
    ("activation=stretched-ccd,CCD_mac_stretched=null", "activation stretched-ccd needs timing.CCD_mac_stretched"),
]  # fmt: skip


def test_the_data_sheet_that_is_broken_here_is_whole(tmp_path):
    (tmp_path / "toy.yaml").write_text(GOOD, encoding="utf-8")
    assert machine(str(tmp_path / "toy.yaml")).kind == "pim"


@pytest.mark.parametrize(("old", "new", "expected"), REFUSED)
def test_a_wrong_data_sheet_is_told_what_and_where(tmp_path, old, new, expected):
    assert old in GOOD
    assert messages(tmp_path, GOOD.replace(old, new, 1)) == expected


@pytest.mark.parametrize(("argument", "expected"), REFUSED_ARGUMENTS)
def test_a_wrong_argument_is_named_as_the_place(tmp_path, argument, expected):
    assert messages(tmp_path, GOOD, f":{argument}") == f"arch argument 'toy.yaml:{argument}': {expected}"


def built(text):
    """The device of a text, by the way of any file."""
    loaded = validate(read_text(text, "toy.yaml"), ArchSpec, "arch")
    return BUILDERS[loaded.model.kind](loaded).device


SCRAPS: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        "",
        "x",
        "= 1/0",
        "= timing.RC",
        "= timing.RAS + timing.RP",
        "350 ns",
        "1e400 ns",
        "-1 ns",
        [],
        {},
        2.5,
    ]
)
VALUES = st.integers(-3, 120) | st.integers(-(10**30), 10**30) | st.floats() | SCRAPS
PLACES = (
    [("timing", key) for key in TimingSpec.model_fields]
    + [("organisation", key) for key in ("bank_groups", "banks_per_group", "rows", "row", "column")]
    + [(key,) for key in ("channels", "clock", "commands", "refresh", "postponed", "activation", "accumulators")]
    + [(key,) for key in ("buffer", "multipliers", "multiplier_type", "energy", "types", "timing", "organisation")]
    + [("units",)]
)


@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4))
def test_a_broken_table_is_refused_or_holds_together(changes):
    data = YAML(typ="safe").load(GOOD)
    for path, value in changes:
        node = data if len(path) == 1 else data.get(path[0])
        if isinstance(node, dict):
            node[path[-1]] = value
    try:
        device = built(_yaml(data))
    except SpecError as error:
        assert error.problems and all(each.message for each in error.problems)
        return
    timing, shape = device.timing, device.organisation
    assert timing.rc >= timing.ras + timing.rp and timing.ras >= max(timing.rcd_read, timing.rcd_write)
    assert timing.ccd_short <= timing.ccd_long and timing.ccd_mac <= timing.ccd_mac_stretched
    assert timing.rfc is None or timing.refi is None or timing.rfc < timing.refi
    assert min(shape.channels, shape.banks, shape.rows, shape.columns) > 0
    assert shape.columns * shape.column_bytes == shape.row_bytes
    ticks = [each for each in vars(timing).values() if each is not None]
    assert all(type(each) is int and 0 < each <= MOST_TICKS for each in ticks)


near = st.integers(1, 8)


@given(ras=near, rp=near, rc=near, read=near, write=near, short=near, long=near, faw=near)
def test_a_table_is_taken_exactly_if_its_times_are_possible(ras, rp, rc, read, write, short, long, faw):
    times = {"RAS": ras, "RP": rp, "RC": rc, "RCD_read": read, "RCD_write": write, "FAW": faw}
    times |= {"CCD_short": short, "CCD_long": long}
    data = YAML(typ="safe").load(GOOD)
    data["timing"] |= times
    wrong = [rc < ras + rp, ras < read, ras < write, long < short, faw < 4]
    try:
        built(_yaml(data))
    except SpecError as error:
        assert len(error.problems) == sum(wrong)
    else:
        assert not any(wrong)


@given(st.data())
def test_a_text_with_injuries_is_refused_or_read(data):
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        scrap = data.draw(st.sampled_from(["", " ", ": ", "9", "-", "{", "]", "null", "ns", "= RC", "&a", "'"]))
        lines[at] = lines[at][:cut] + scrap + lines[at][cut + data.draw(st.integers(0, 6)) :]
    try:
        built("\n".join(lines) + "\n")
    except SpecError as error:
        assert error.problems


def _yaml(data):
    """A text that reads back as the data, with quotes around all texts."""

    def flow(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(flow, value)) + "]"
        if isinstance(value, bool) or value is None:
            return {True: "true", False: "false", None: "null"}[value]
        if isinstance(value, str):
            return f"'{value}'"
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))

    return "".join(f"{key}: {flow(value)}\n" for key, value in data.items())
