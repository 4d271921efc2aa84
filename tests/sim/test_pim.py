"""Matrix-vector products in DRAM banks: published counts and times, closed forms, coverage, laws and energy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine, table
from mappings import check_mapping, schedules
from mappings import mapping as mapping_of
from sim import Record, simulate, simulation
from sim.dram import Command, check_trace
from sim.dram.channel import run, trace
from sim.energy import Energy
from sim.pim.assumed import OF_COMMANDS, OF_NO_DEVICE, assumed
from sim.pim.commands import Commands
from sim.pim.energy import command_energy
from sim.pim.lowering import lower
from sim.sequence import add_latencies, repeat_latency
from sim.simulate import bound
from specs import Infeasible, SpecError
from tests.sim.pim_cases import QUIET, Case, cases, columns_of_a_read, laid, macs, pace, phases, widths
from workloads import workload

PICO = 1e-12
AIM = f"gddr6-aim:channels=8,{QUIET}"


def excluded(m: int, n: int, arch: str = AIM, rows: str = "packed") -> Record:
    return simulate(f"gemv:M={m},N={n}", arch, f"bank-parallel:io=excluded,rows={rows}")


# ------------------------------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("m", "n", "rows", "cycles", "activations", "macs"),
    [
        (6400, 1600, "packed", 17_700, 79, 5000),
        (6400, 1600, "padded", 19_758, 100, 5000),
        (1600, 6400, "packed", 18_394, 82, 5200),
        (2304, 768, "packed", 3_058, 14, 864),
    ],
)
def test_layers_of_gpt_2(m: int, n: int, rows: str, cycles: int, activations: int, macs: int) -> None:
    record = excluded(m, n, rows=rows)
    assert (record.cycles, record.model) == (cycles, "cycle")
    assert record.clock == {"name": "command clock of gddr6-aim", "hz": 2e9}
    assert record.latency_s == pytest.approx(cycles * 0.5e-9)
    issued = record.actions["dram"]
    assert issued == {"ACT16": 8 * activations, "PREA": 8 * (activations - 1), "MAC": 8 * macs}
    assert record.cycles_by_phase == {"compute": cycles}


def test_what_comes_and_goes_by_hand() -> None:
    """64 and 36 columns of the vector, 50 results of each; a row of each result: P(64) = 226, and of 36 MACs 170."""
    record = simulate("gemv:M=6400,N=1600", AIM, "bank-parallel:rows=padded")
    assert record.cycles_by_phase == {
        "mode switch": 32 + (32 + 1 - 2),  # the second comes a tick after the last read, which takes two
        "buffer write": 64 * 2 + (50 - 2) + 36 * 2,  # RTW = 50 after the last read
        "accumulator read": 2 * 50 * 2,
        # opens a tick after the last column is sent; rows; the last row of each part, and from the first part to the
        # second, of which the row is open until the last column is sent: RP from then on
        "compute": -1 + 49 * 226 + (56 + 64 * 2) + (-1 + 32) + 49 * 170 + (56 + 36 * 2) - 49 * 2 * 2,
    }
    assert sum(record.cycles_by_phase.values()) == record.cycles
    assert record.actions["dram"] == {
        "MODE": 8 * 2, "WRGB": 8 * 100, "ACT16": 8 * 100, "PREA": 8 * 99, "MAC": 8 * 5000, "RDMAC": 8 * 100
    }  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "cycles"),
    [
        ("none", 21 * 170 + 19 + 28 * 4),
        ("stretched-ccd", 21 * 232 + 19 + 28 * 6),
        ("tfaw-act4", 21 * (170 + 7 * 39) + 7 * 39 + 19 + 28 * 4),
    ],
)
def test_three_ways_to_activate_hbm3(activation: str, cycles: int) -> None:
    """7 results of 100 columns a bank: 21 rows of 32 MACs and one of 28. Eight ACT4 open 32 banks, FAW = 39 apart."""
    assert excluded(6400, 1600, f"hbm3-pim:refresh=off,activation={activation}").cycles == cycles


def test_hbm3_is_stretched_unless_told_otherwise() -> None:
    stated, given = (excluded(640, 160, f"hbm3-pim{keys}").cycles for keys in ("", ":activation=stretched-ccd"))
    assert stated == given > excluded(640, 160, "hbm3-pim:activation=none").cycles


# -------------------------------------------------------------------------------------------------------- closed forms


@settings(max_examples=60, deadline=None)
@given(cases())
def test_every_phase_takes_its_closed_form(case: Case) -> None:
    record, task = simulate(*case.references), case.task()
    if "included" in case.mapping:
        assert record.cycles_by_phase == phases(case, task)
    assert record.cycles_by_phase is not None and sum(record.cycles_by_phase.values()) == record.cycles


@settings(max_examples=60, deadline=None)
@given(cases())
def test_time_of_macs_alone_takes_its_closed_form(case: Case) -> None:
    """From the first activation to the end of the last MAC: the sum of row periods (docs/pim.md)."""
    case = Case(case.m, case.n, case.arch, case.mapping.replace("included", "excluded"))
    task, ticks = case.task(), 0
    timing = task.device.timing
    by_row = list(Counter(row for row, _ in laid(case, task)).values())
    for number in by_row[:-1]:
        open_until = max(timing.ras, timing.rcd_mac + (number - 1) * pace(task) + timing.rtp)
        ticks += max(timing.rc, open_until + timing.rp)
    assert simulate(*case.references).cycles == ticks + timing.rcd_mac + by_row[-1] * pace(task)


# ------------------------------------------------------------------------------------------------------------ coverage


@settings(max_examples=60, deadline=None)
@given(cases(refresh=True))
def test_every_column_of_every_output_once_and_in_order(case: Case) -> None:
    task = case.task()
    found = macs(task)
    assert found == list(laid(case, task)) and len(set(found)) == len(found)
    assert max(row for row, _ in found) < task.rows


@settings(max_examples=60, deadline=None)
@given(cases(refresh=True))
def test_a_channel_keeps_every_constraint(case: Case) -> None:
    task = case.task()
    done = run(task.device, task.program, expand=True)
    assert check_trace(task.device, trace(done.issued)) == []
    issued = {command.name: number * task.channels for command, number in done.counts.items()}
    assert simulate(*case.references).actions["dram"] == issued


@settings(max_examples=60, deadline=None)
@given(cases())
def test_vectors_come_and_results_go_once_a_chunk(case: Case) -> None:
    case = Case(case.m, case.n, case.arch, case.mapping.replace("excluded", "included"))
    task, parts = case.task(), widths(case, case.task())
    issued = run(task.device, task.program).counts
    assert issued[Command.WRGB] == sum(parts) == -(-case.n // 16)
    assert issued[Command.RDMAC] == issued[Command.MAC] // sum(parts) * len(parts) * columns_of_a_read(task)
    told = "sums of the" in " ".join(simulate(*case.references).assumptions)
    assert told == (len(parts) > 1)


# ---------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=30, deadline=None)
@given(cases())
def test_packed_rows_take_no_more_activations(case: Case) -> None:
    packed, padded = (
        simulate(case.workload, case.arch, re.sub("packed|padded", rows, case.mapping)).actions["dram"]
        for rows in ("packed", "padded")
    )
    assert packed["ACT16"] <= padded["ACT16"] and packed["MAC"] == padded["MAC"]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 2000), st.sampled_from([1, 2, 4]))
def test_twice_the_channels_halve_what_each_does(half: int, n: int, channels: int) -> None:
    m = 2 * channels * 16 * half
    one, two = (excluded(m, n, f"gddr6-aim:channels={number},{QUIET}") for number in (channels, 2 * channels))
    assert one.actions["dram"]["MAC"] == two.actions["dram"]["MAC"]  # in all, so half in each
    assert two.cycles < one.cycles


@settings(max_examples=30, deadline=None)
@given(cases())
def test_bytes_of_macs_are_weights_over_their_use(case: Case) -> None:
    record, task = simulate(*case.references), case.task()
    organisation = task.device.organisation
    of_all_banks = record.actions["dram"]["MAC"] * organisation.banks * organisation.column_bytes
    used = record.utilization["banks"] / record.busy["banks"] * organisation.channels / task.channels
    assert of_all_banks == pytest.approx(case.m * case.n * 2 / used)


@settings(max_examples=30, deadline=None)
@given(cases(refresh=True))
def test_every_tick_of_every_channel_is_active_or_precharged(case: Case) -> None:
    """Channels of the machine that have nothing to do, for want of results, stand by too."""
    record = simulate(*case.references)
    assert record.idle_actions is not None
    channels = case.task().device.organisation.channels
    assert sum(record.idle_actions["dram"].values()) == record.cycles * channels


@pytest.mark.parametrize("key", ["RCD_mac", "RP", "RTP", "CCD_mac", "CCD_short", "RTW", "mode_switch", "RC"])
def test_no_longer_time_makes_a_product_faster(key: str) -> None:
    stated = {"RCD_mac": 56, "RP": 32, "RTP": 12, "CCD_mac": 2, "CCD_short": 2, "RTW": 50, "mode_switch": 32, "RC": 89}
    more = {"RP": ",RC=200", "CCD_short": ",CCD_long=9", "CCD_mac": ",CCD_mac_stretched=9"}.get(key, "")
    found = [
        simulate("gemv:M=700,N=1700", f"{AIM}{more},{key}={stated[key] + longer}", "bank-parallel").cycles
        for longer in (0, 1, 3, 7)
    ]
    assert found == sorted(found) and (found[0] < found[-1] or key == "RC")


def test_more_accumulators_read_as_often_and_take_no_longer() -> None:
    found = [simulate("gemv:M=6400,N=160", f"{AIM},accumulators={number}", "bank-parallel") for number in (1, 2, 4)]
    assert len({record.actions["dram"]["RDMAC"] for record in found}) == 1
    assert [record.cycles for record in found] == sorted((record.cycles for record in found), reverse=True)


@pytest.mark.parametrize(("buffer", "chunks"), [("32B", 100), ("1KiB", 4), ("2KiB", 2), ("4KiB", 1)])
def test_buffers_of_a_column_half_a_row_a_row_and_everything(buffer: str, chunks: int) -> None:
    record = simulate("gemv:M=6400,N=1600", f"{AIM},buffer={buffer}", "bank-parallel")
    assert record.actions["dram"]["WRGB"] == 8 * 100
    assert record.actions["dram"]["RDMAC"] == 8 * 50 * chunks


# -------------------------------------------------------------------------------------------------------------- energy


def priced(table: str, arch: str = AIM) -> dict[str, float | None]:
    return dict(simulate("gemv:M=6400,N=1600", f"{arch},energy={table}", "bank-parallel").energy_by_component_j)


def test_energy_by_hand_as_cent_charges() -> None:
    """632 activations of 16 banks, 40000 MACs of 512 B, 800 columns in and 800 out, 18095 ticks of 8 channels.

    The vector comes in two parts: 6400 sums of them are added outside, in 800 ticks of the MACs' 10,000.
    """
    record = simulate("gemv:M=6400,N=1600", AIM, "bank-parallel")
    assert record.actions["dram"]["ACT16"] == 632 and record.cycles == 18_095
    assert record.idle_actions == {"dram": {"active tick": 123_520, "precharged tick": 8 * 18_095 - 123_520}}
    expected = {
        "dram": (632 * 16 * 2950.35 + 800 * 0.16274422875 + 800 * 547.6875) * PICO,
        "banks": 40_000 * 1314.45 * PICO,
        "dram.pins": 1600 * 256 * 5.5 * PICO,
        "dram.background": (123_520 * 0.26375 + 21_240 * 0.18315) * 0.5e-9,
        "array_1d": 6400 * 10.549533309 / 32 * PICO,
    }
    assert record.energy_by_component_j == pytest.approx(expected)
    assert record.energy_j == pytest.approx(sum(expected.values()))


def test_energy_by_hand_of_currents() -> None:
    """A MAC of 16 banks is three RD, a RDMAC one; the pins and what the global buffer takes are CENT's."""
    found = priced("iddx16")
    tick_v = 0.66e-9 * 1.35
    assert found["banks"] == pytest.approx(40_000 * 3 * (0.248 - 0.061) * 2 * tick_v)
    assert found["dram.background"] == pytest.approx(1.35 * (123_520 * 0.061 + 21_240 * 0.060) * 0.5e-9)
    opened = 632 * 16 * (0.071 * 78 - 0.061 * 54 - 0.060 * 24) * tick_v
    moved = 800 * 0.16274422875 * PICO + 800 * (0.248 - 0.061) * 2 * tick_v
    assert found["dram"] == pytest.approx(opened + moved)
    assert found["dram.pins"] == pytest.approx(1600 * 256 * 5.5 * PICO)
    assert excluded(6400, 1600, f"{AIM},energy=iddx16").energy_by_component_j["dram"] == pytest.approx(opened)


@pytest.mark.parametrize("prices", ["cent", "iddx16", "fgdram"])
def test_every_table_gives_a_total_with_what_comes_and_goes(prices: str) -> None:
    record = simulate("gemv:M=6400,N=1600", f"gddr6-aim:channels=8,energy={prices}", "bank-parallel")
    assert record.energy_j is not None and record.energy_j > 0


def test_energy_by_hand_of_bits() -> None:
    """Bits of all banks at 0.55 pJ: of 32 banks of HBM3 twice as many a MAC as of 16; an activation is in them."""
    for arch, banks in (("gddr6-aim:channels=8,energy=fgdram", 16), ("hbm3-pim", 32)):
        record = excluded(6400, 1600, f"{arch}{',' if ':' in arch else ':'}refresh=off")
        energy = record.energy_by_component_j
        assert energy["banks"] == pytest.approx(record.actions["dram"]["MAC"] * banks * 256 * 0.55 * PICO)
        ticks = (record.idle_actions or {})["dram"]
        standing = ticks["active tick"] * 0.066 + ticks["precharged tick"] * 0.048
        assert energy["dram.background"] == pytest.approx(standing / record.clock["hz"])
        assert energy["dram"] == energy["dram.pins"] == 0
        assert record.energy_j == pytest.approx(sum(joules or 0 for joules in energy.values()))


@pytest.mark.parametrize(("refresh", "command", "share"), [("all-bank", "REFab", 1), ("per-bank", "REFpb", 1 / 16)])
@pytest.mark.parametrize(("arch", "refresh_pj"), [("gddr6-aim", 25_259.85), ("hbm3-pim", 60_840)])
def test_refresh_has_a_price_and_the_record_says_what_it_rests_on(
    arch: str, refresh_pj: float, refresh: str, command: str, share: float
) -> None:
    """What is issued beside refresh, by its own prices, and 26 or 61 nJ for each of all banks."""
    record = simulate("gemv:M=6400,N=1600", f"{arch}:channels=8,refresh={refresh}", "bank-parallel")
    banks = 1 / 32 if (arch, refresh) == ("hbm3-pim", "per-bank") else share
    issued = record.actions["dram"]
    others = {"gddr6-aim": (2950.35, 0.16274422875, 547.6875), "hbm3-pim": (0, 701.44, 701.44)}[arch]
    opened = issued["ACT16"] * (16 if arch == "gddr6-aim" else 32)
    expected = opened * others[0] + issued["WRGB"] * others[1] + issued["RDMAC"] * others[2]
    expected += issued[command] * refresh_pj * banks
    assert issued[command] > 0 and record.energy_by_component_j["dram"] == pytest.approx(expected * PICO)
    assert record.energy_j is not None
    told = "; ".join(record.provenance["interpolated"])
    assert "DRAMsim3" in told if refresh == "all-bank" else "energy of dram: assumption: of one of" in told


EXPONENTIALS = {"array_1d": {"exp": 3200, "add": 6400}}


def spent(operations: dict[str, dict[str, int]], table_name: str = "cent") -> Energy:
    schedule = Case(64, 64, AIM).schedule()
    return command_energy(schedule, Commands({"MAC": 1}, 10, 20, 32, operations), table(table_name))


def test_energy_of_a_unit_outside_of_the_banks_by_hand() -> None:
    """3200 exponentials of 0.2361 pJ and 6400 additions of 0.3297 pJ are a component of their own, and actions."""
    found, without = spent(EXPONENTIALS), spent({})
    of_unit = (3200 * 7.55524454 / 32 + 6400 * 10.549533309 / 32) * PICO
    assert found.by_component_j["array_1d"] == pytest.approx(of_unit)
    assert found.total_j == pytest.approx(without.total_j + of_unit)
    assert found.actions == {"dram": {"MAC": 1}, **EXPONENTIALS}
    assert "array_1d" not in without.by_component_j and without.actions == {"dram": {"MAC": 1}}
    assert found.notes == without.notes


@pytest.mark.parametrize("prices", ["cent", "iddx16", "fgdram"])
def test_an_operation_without_a_price_leaves_its_unit_without_a_number(prices: str) -> None:
    found = spent({"array_1d": {"exp": 1, "tanh": 2}, "sums": {"add": 0}}, prices)
    assert found.by_component_j["array_1d"] is None and found.total_j is None
    assert found.by_component_j["sums"] == 0
    assert f"array_1d: missing: 'tanh' is not in the table '{prices}'" in found.notes
    assert spent({"array_1d": {"tanh": 0}}, prices).by_component_j["array_1d"] == 0


COUNTS = st.dictionaries(st.sampled_from(["exp", "add", "max", "mul", "mac", "divide"]), st.integers(0, 1 << 40))


@given(COUNTS, COUNTS, st.integers(1, 50))
def test_energy_of_units_adds_up(one: dict[str, int], other: dict[str, int], times: int) -> None:
    both = {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
    parts, whole = (spent({"array_1d": each}) for each in (one, other)), spent({"array_1d": both})
    joules = [each.by_component_j["array_1d"] for each in parts]
    assert whole.by_component_j["array_1d"] == pytest.approx(sum(joules))
    many = spent({"array_1d": {name: number * times for name, number in one.items()}})
    assert many.by_component_j["array_1d"] == pytest.approx(times * joules[0])


def test_operations_of_units_go_with_parts_and_repetitions() -> None:
    """Of two parts, and of three times one: what their units do is added as what their channels issue is."""
    latency = simulation("gemv:M=64,N=64", AIM, "bank-parallel").analysis.latency
    assert latency.commands is not None
    part = replace(latency, commands=replace(latency.commands, operations=EXPONENTIALS))
    for whole, times in ((add_latencies([part, part]), 2), (repeat_latency(part, 3), 3)):
        assert whole.commands is not None
        assert whole.commands.operations == {"array_1d": {"exp": times * 3200, "add": times * 6400}}


# --------------------------------------------------------------------------------------------------------------- types


@pytest.mark.parametrize(("arch", "operands"), [("gddr6-aim", "bf16"), ("hbm3-pim", "fp16")])
@pytest.mark.parametrize(
    ("work", "mapping", "result"),
    [("gemv:M=640,N=160", "bank-parallel", "y"), ("gemm:M=640,N=4,K=160", "bank-parallel-gemm", "C")],
)
def test_operands_are_what_the_banks_multiply_and_results_what_the_mapping_says(
    arch: str, operands: str, work: str, mapping: str, result: str
) -> None:
    schedule = bound(work, arch, mapping)
    stored = {name: kind.storage.name for name, kind in schedule.types.items()}
    assert stored.pop(result) == "fp32" and set(stored.values()) == {operands}


@settings(max_examples=20, deadline=None)
@given(cases())
def test_results_move_four_bytes_and_operands_two(case: Case) -> None:
    moved = simulate(*case.references).traffic_by_tensor_bytes["dram"]
    assert moved["y"]["write"] == 4 * case.m and moved["W"]["read"] == 2 * case.m * case.n


def test_layers_of_one_sequence_agree_on_what_goes_from_one_to_the_next() -> None:
    """A result that a later nest multiplies has that type where it is made; others are in 16 bits of any kind."""
    found: dict[str, set[str]] = {}
    work, arch = workload("gpt2-xl:part=linear"), machine("hbm3-pim")
    _, made = schedules(work, arch, mapping_of("bank-parallel-layers"))
    for schedule in made:
        for name, kind in schedule.types.items():
            found.setdefault(name, set()).add(kind.storage.name)
    assert all(len(kinds) == 1 for kinds in found.values())
    read = {each.tensor for schedule in made for o in schedule.operations.values() for each in o.einsum.reads}
    assert {kind for name in read for kind in found[name]} == {"fp16"}


@pytest.mark.parametrize(
    ("work", "found"),
    [
        (lambda: simulate("gemv:M=64,N=64,precision=fp32", "hbm3-pim", "bank-parallel"), "'W' as fp32 and 'x' as fp32"),
        (lambda: simulate("gemv:M=64,N=64", "hbm3-pim", "bank-parallel:types.y=bf16"), None),
        (lambda: simulate("gemv:M=64,N=64,precision=bf16", "hbm3-pim", "bank-parallel"), "'W' as bf16 and 'x' as bf16"),
        (lambda: simulate("gemv:M=64,N=64,precision=fp16", "hbm3-pim", "bank-parallel"), None),
    ],
)
def test_operands_of_another_type_are_refused(work: Callable[[], Record], found: str | None) -> None:
    if found is None:
        assert work().cycles > 0
        return
    with pytest.raises(SpecError) as caught:
        work()
    assert str(caught.value) == (
        f"'y' reads {found}, and the multipliers of 'hbm3-pim' take fp16; leave these types out of 'precision' and "
        "'types', or make them fp16"
    )


def test_a_mapping_that_pins_another_operand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING.format(spatial="banks: m0, lanes: n0") + "types: {W: fp16}\n")
    assert simulate("gemv:M=64,N=64", "hbm3-pim", str(path)).cycles > 0
    with pytest.raises(SpecError, match="'y' reads 'W' as fp16, and the multipliers of 'gddr6-aim' take bf16; "):
        simulate("gemv:M=64,N=64", "gddr6-aim", str(path))


@settings(max_examples=30, deadline=None)
@given(cases())
def test_twice_the_channels_at_twice_the_work_take_twice_the_energy(case: Case) -> None:
    """And as long, but for sums of parts: there is one adder for all channels, and they stand by while it goes on."""
    channels = case.task().device.organisation.channels
    more = case.arch.replace(f"channels={channels}", f"channels={2 * channels}")
    m = case.m // channels * channels or channels
    one, two = (
        simulate(f"gemv:M={times * m},N={case.n}", arch, case.mapping) for times, arch in ((1, case.arch), (2, more))
    )
    waited, longer = ((each.cycles_by_phase or {}).get("other units", 0) for each in (one, two))
    assert one.cycles - waited == two.cycles - longer and waited <= longer
    for name, joules in one.energy_by_component_j.items():
        other = two.energy_by_component_j[name]
        if joules is None or name != "dram.background" or waited == longer:
            assert other == (None if joules is None else pytest.approx(2 * joules))
        else:
            assert other is not None and other > 2 * joules


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("work", "error", "text"),
    [
        (
            lambda: simulate("gemv:M=640000,N=16000", "gddr6-aim:channels=1", "bank-parallel:io=excluded"),
            Infeasible,
            "'y' on 'gddr6-aim': 40000 results of 1000 columns in each bank take 625000 rows of 64 columns, and a bank "
            "has 16384; give more channels, or a smaller workload",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "gddr6", "bank-parallel"),
            SpecError,
            "machine 'gddr6' has no units in its banks; take one with MAC among its commands: gddr6-aim, hbm3-pim",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "hbm3", "bank-parallel"),
            SpecError,
            "machine 'hbm3' has no units in its banks; take one with MAC among its commands: gddr6-aim, hbm3-pim",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "systolic", "bank-parallel"),
            SpecError,
            "'y': bound to unit 'banks', and machine 'systolic' has none (it has array); machines of the library with "
            "one: gddr6-aim, hbm3-pim",
        ),
        (
            lambda: simulate("gemm:M=64,N=64,K=64", "gddr6-aim", "output-stationary"),
            SpecError,
            "'C': bound to unit 'array', and machine 'gddr6-aim' has none (it has banks, array_1d); machines of the "
            "library with one: systolic",
        ),
        (
            lambda: simulate("gemm:M=64,N=64,K=64", "systolic", "output-stationary:rows=padded"),
            SpecError,
            "'rows', 'io', 'grows', 'append' and 'room' are of machines of kind 'pim'; 'systolic' is of kind 'spatial'",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "gddr6-aim", "bank-parallel:rows=loose"),
            SpecError,
            "rows: unknown value 'loose'; allowed: packed, padded",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "gddr6-aim", "bank-parallel:io=some"),
            SpecError,
            "io: unknown value 'some'; allowed: included, excluded",
        ),
        (
            lambda: simulate("gemv:M=0,N=64", "gddr6-aim", "bank-parallel"),
            SpecError,
            "'M' must be a whole number of at least 1, found '0'",
        ),
        (
            lambda: simulate("gemv:M=64,N=64", "gddr6-aim", "bank-parallel", model="analytic"),
            SpecError,
            "machines of kind 'pim' have no model 'analytic'; allowed: cycle",
        ),
    ],
)
def test_what_banks_do_not_do_is_refused(work: Callable[[], Record], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        work()
    assert text in str(caught.value)


WITHOUT_MAC = "gddr6-aim:commands=[ACT4,WRGB]"


@pytest.mark.parametrize(
    ("arch", "mapped", "work", "text"),
    [
        ("fusemax-cloud", "bank-parallel", "gemv:M=64,N=16", "10:12: 'y': bound to unit 'banks', and machine "
         "'fusemax-cloud' has none (it has array_2d, array_1d); machines of the library with one: gddr6-aim, hbm3-pim"),
        ("fusemax-cloud", "bank-parallel-layers", "gpt2-xl", "11:19: 'Q': bound to unit 'banks', and machine "
         "'fusemax-cloud' has none (it has array_2d, array_1d); machines of the library with one: gddr6-aim, hbm3-pim"),
        (WITHOUT_MAC, "bank-parallel", "gemv:M=64,N=16", "10:12: 'y': bound to unit 'banks', and machine 'gddr6-aim' has "
         "none (it has array_1d), for MAC is missing among its 'commands'; machines of the library with one: gddr6-aim, "
         "hbm3-pim"),
    ],
)  # fmt: skip
def test_a_machine_without_the_unit_of_a_mapping_is_told_so_in_one_sentence(
    arch: str, mapped: str, work: str, text: str
) -> None:
    with pytest.raises(SpecError) as caught:
        simulate(work, arch, mapped)
    assert str(caught.value) == f"mappings/library/{mapped}.yaml:{text}"
    with pytest.raises(SpecError, match="bound to unit 'banks', and machine"):
        check_mapping(mapping_of(mapped), machine(arch))


def test_what_is_assumed_of_a_command_is_said_where_it_is_issued() -> None:
    """The MACs alone assume nothing of others; what no device has is not modelled of any."""
    alone, whole = (simulate("gemv:M=64,N=64", AIM, f"bank-parallel:io={io}") for io in ("excluded", "included"))
    said = [
        "an accumulator of every bank is read as 16 bits each, a column of the bus in all",
        "WRGB, RDMAC: column commands that follow each other at CCD short",
    ]
    assert [each for each in whole.assumptions if each not in alone.assumptions] == said
    assert alone.not_modelled == whole.not_modelled == OF_NO_DEVICE
    other = simulate("gemv:M=64,N=64", "hbm3-pim", "bank-parallel")
    assert other.not_modelled == ("mode_switch", *OF_NO_DEVICE)


def test_every_command_of_a_sentence_is_one_of_the_engine() -> None:
    names = {name for commands, _ in OF_COMMANDS for name in commands}
    assert names == {"WRGB", "RDMAC", "AF", "COPY_OUT", "COPY_IN", "EWMUL"} <= set(Command.__members__)
    assert len(assumed(names)) == len(OF_COMMANDS) and assumed(()) == ()


MAPPING = """
mapping: mine
cascade: gemv
partition:
  m: {{m1: rest, m0: = banks.banks}}
  n: {{n1: rest, n0: = banks.lanes}}
loops: [m1]
bind:
  - {{unit: banks, einsums: [y], spatial: {{{spatial}}}}}
keep: {{}}
"""
ONLY = "banks sum products over their lanes, and each bank has results of its own"


@pytest.mark.parametrize(
    ("spatial", "fault"),
    [
        (
            "banks: n0, lanes: m0",
            "'y' has 'n0', which is summed, on banks and has 'm0', a part of its result, on lanes; ",
        ),
        ("banks: m0", "'y' has nothing on lanes; "),
    ],
)
def test_other_ways_to_lay_a_product_are_refused(tmp_path: Path, spatial: str, fault: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING.format(spatial=spatial))
    with pytest.raises(SpecError) as caught:
        simulate("gemv:M=64,N=64", "gddr6-aim", str(path))
    assert str(caught.value) == fault + ONLY


def test_what_is_no_product_is_refused() -> None:
    schedule = Case(64, 64, AIM).schedule()
    largest = replace(schedule.operations["y"], actions={"max": 1})
    with pytest.raises(SpecError) as caught:
        lower(replace(schedule, operations={"y": largest}))
    assert str(caught.value) == "'y' does max; " + ONLY


def test_a_refresh_without_a_price_leaves_no_total(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    row = "{energy: 1 pJ, source: measured}"
    priced = "".join(f"  {name}: {row}\n" for name in ("ACT", "MAC", "WRGB", "RDMAC"))
    path.write_text(f"table: prices\ncommands:\n{priced}pins: {row}\n")
    record = simulate("gemv:M=6400,N=1600", f"gddr6-aim:channels=8,energy={path}", "bank-parallel")
    assert record.actions["dram"]["REFab"] > 0 and record.energy_j is None
    assert record.energy_by_component_j["dram"] is None and record.energy_by_component_j["banks"] is not None
    told = record.provenance["interpolated"]
    assert any(each.startswith("energy of dram: missing: 'REFab' is not in the table") for each in told)
