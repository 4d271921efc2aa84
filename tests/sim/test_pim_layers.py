"""Linear layers in DRAM banks: several vectors, several matrices, all blocks of a model, and one refresh for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import mapping, schedule, schedules
from sim import analyse, simulate
from sim.dram.channel import run, trace
from sim.dram.checker import check_trace
from sim.pim.lowering import lower
from sim.pim.product import matrix_of
from sim.pim.whole import whole
from sim.simulate import Analysis, analyse_all
from specs import Infeasible, SpecError
from tests.sim.dram_reference import Reference, steps
from workloads import Repeated, workload

AIM = "gddr6-aim:channels=8,refresh=off"
LAYERS = "bank-parallel-layers:io=excluded"
ROW = 226  # ticks from one row of 64 MACs to the next
BLOCK = {"Q": 1300, "K": 1300, "V": 1300, "Z": 1300, "FFN1": 5000, "FFN2": 5200}  # MACs of a channel, by hand


def tasks(work: str, arch: str, mapped: str) -> tuple[Any, ...]:
    return lower(*schedules(workload(work), machine(arch), mapping(mapped))[1])


def commands(record: Any, channels: int = 8) -> Mapping[str, int]:
    """Commands of one channel."""
    return {name: number // channels for name, number in record.actions["dram"].items()}


def test_a_block_by_hand() -> None:
    """1600 results over 128 banks are 13 a bank, of 100 columns; 6400 are 50; of 6400 terms, 400 columns."""
    made = tasks("gpt2-xl", AIM, LAYERS)
    macs = {task.operation: task.chunks[0].outputs * task.chunks[0].columns for task in made}
    assert macs == BLOCK
    assert [task.rows for task in made] == [21, 21, 21, 21, 79, 82]
    assert [task.chunks[0].first_row for task in made] == [0, 21, 42, 63, 84, 163]


def test_all_blocks_by_hand() -> None:
    record = simulate("gpt2-xl", AIM, LAYERS)
    assert commands(record)["MAC"] == 48 * sum(BLOCK.values()) == 48 * 15_400
    assert commands(record)["ACT16"] == 48 * 245
    # All rows take a full one's time, but those that a matrix ends in: 20, 8 and 16 columns.
    last = {20: 4 * 48, 8: 48, 16: 48}  # columns: rows
    short = sum(rows * (max(89, max(54, 56 + (k - 1) * 2 + 12) + 32)) for k, rows in last.items())
    ticks = (48 * 245 - sum(last.values())) * ROW + short - (max(89, 56 + 15 * 2 + 12 + 32) - (56 + 16 * 2))
    assert record.cycles == ticks
    weights = 4 * 1600 * 1600 + 2 * 1600 * 6400
    moved = record.traffic_by_tensor_bytes["dram"]
    assert sum(moved[name]["read"] for name in ("WQ", "WK", "WV", "WZ", "W1", "W2")) == 48 * weights * 2
    assert "48 blocks, one after the other, each as large as the others" in record.assumptions


def test_refresh_between_rows_costs_a_fifteenth_and_in_mid_row_more() -> None:
    ticks = {
        settings: simulate("gpt2-xl", f"gddr6-aim:channels=8,{settings}", LAYERS).cycles
        for settings in ("refresh=off", "refresh=all-bank", "refresh=all-bank,postponed=false", "refresh=per-bank")
    }
    off, between, within, single = (each / ticks["refresh=off"] for each in ticks.values())
    assert off == 1
    assert between == pytest.approx(1 / (1 - 210 / 3333), abs=0.001) and abs(between - 1.067) < 0.01
    assert between < within < 1.11
    assert single > within


def test_refreshes_go_on_from_one_matrix_to_the_next() -> None:
    """Each product of 1600 x 1600 takes less than 1.4 refresh intervals: alone it has one refresh, or none."""
    arch = "gddr6-aim:channels=8"
    _, made = schedules(workload("gpt2-xl"), machine(arch), mapping(LAYERS))

    def refreshes(found: Analysis) -> int:
        assert found.latency.commands is not None
        return found.latency.commands.issued.get("REFab", 0)

    alone, together = sum(refreshes(analyse(each)) for each in made), refreshes(analyse_all(made))
    assert together > alone
    assert together // 8 == analyse_all(made).latency.cycles // 3333


@pytest.mark.parametrize("refresh", ["all-bank", "all-bank,postponed=false", "per-bank"])
def test_two_blocks_break_no_constraint_and_are_those_of_the_reference(refresh: str) -> None:
    work = "gpt2-xl:batch=2,d_model=160,heads=2,d_ff=400"
    made = tasks(work, f"gddr6-aim:channels=2,refresh={refresh}", "bank-parallel-layers")
    device, program = made[0].device, whole(made, Repeated(blocks=2)).program
    found = trace(run(device, program, expand=True).issued)
    assert check_trace(device, found) == []
    plain = Reference(device)
    plain.run(program)
    assert found == plain.issued


def test_four_banks_at_a_time_stretch_a_row() -> None:
    for policy, period in (("none", 226), ("stretched-ccd", 289), ("tfaw-act4", 352)):
        arch = f"{AIM},activation={policy}"
        one, two = (simulate(f"gemv:M={rows * 128},N=1024", arch, "bank-parallel:io=excluded") for rows in (2, 3))
        assert two.cycles - one.cycles == period


def test_one_matrix_instead_of_three() -> None:
    apart = commands(simulate("gemv:M=1600,N=1600", AIM, "bank-parallel:io=excluded"))
    together = commands(simulate("gemv:M=4800,N=1600", AIM, "bank-parallel:io=excluded"))
    assert (3 * apart["ACT16"], 3 * apart["MAC"]) == (63, 3900)
    assert (together["ACT16"], together["MAC"]) == (60, 3800)


sizes = st.integers(1, 300)


@settings(max_examples=40, deadline=None)
@given(sizes, sizes, st.integers(1, 5), st.sampled_from(["packed", "padded"]), st.sampled_from(["off", "all-bank"]))
def test_several_vectors_are_the_matrix_several_times(m: int, k: int, n: int, rows: str, refresh: str) -> None:
    arch = f"gddr6-aim:channels=2,refresh={refresh}"
    (one,) = tasks(f"gemv:M={m},N={k}", arch, f"bank-parallel:rows={rows}")
    (many,) = tasks(f"gemm:M={m},K={k},N={n}", arch, f"bank-parallel-gemm:rows={rows}")
    switch, *work, back = one.program
    assert run(many.device, many.program) == run(many.device, [switch, *(work * n), back])
    record = simulate(f"gemm:M={m},K={k},N={n}", arch, f"bank-parallel-gemm:rows={rows},io=excluded")
    assert commands(record, many.channels)["MAC"] == n * -(-m // (16 * min(m, 2))) * -(-k // 16)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 6),
    st.sampled_from(["off", "all-bank", "per-bank"]),
    st.booleans(),
    st.sampled_from(["included", "excluded"]),
    st.integers(1, 200),
    st.integers(1, 200),
)
def test_blocks_are_the_program_over_and_over_in_other_rows(
    blocks: int, refresh: str, postponed: bool, io: str, width: int, hidden: int
) -> None:
    work = f"attention:queries=1,keys=1,part=linear,d_model={width},d_ff={hidden},blocks={blocks}"
    arch = f"gddr6-aim:channels=2,refresh={refresh},postponed={str(postponed).lower()}"
    record = simulate(work, arch, f"bank-parallel-layers:io={io}")
    made = tasks(work, arch, f"bank-parallel-layers:io={io}")
    rows = sum(task.rows for task in made)
    stretched = [each for n in range(blocks) for task in made for each in steps(task.program, n * rows)]
    plain = run(made[0].device, stretched, jump=False)
    assert record.cycles == (plain.ticks if io == "included" else plain.mac_ticks)
    assert record.actions["dram"] == {name.name: n * record_channels(made) for name, n in plain.counts.items()}
    once = simulate(work.replace(f"blocks={blocks}", "blocks=1"), arch, f"bank-parallel-layers:io={io}")
    assert record.traffic_bytes["dram"]["read"] == blocks * once.traffic_bytes["dram"]["read"]
    assert record.cycles_by_einsum["banks"] == {n: blocks * c for n, c in once.cycles_by_einsum["banks"].items()}


def record_channels(made: tuple[Any, ...]) -> int:
    return max(task.channels for task in made)


def test_blocks_of_any_machine_take_so_many_times_as_long() -> None:
    """By the analytic model; tests/sim/test_cycle.py has the same of the cycle model, whose engine it compiles anyway."""
    one = simulate("bert:seq_len=1Ki,part=end-to-end", "fusemax-cloud", "fusemax-binding")
    many = simulate("bert:seq_len=1Ki,part=end-to-end,blocks=12", "fusemax-cloud", "fusemax-binding")
    assert many.cycles == 12 * one.cycles
    assert many.latency_s == pytest.approx(12 * one.latency_s)
    assert many.energy_j == pytest.approx(12 * one.energy_j)  # type: ignore[operator]
    assert many.traffic_bytes["dram"]["read"] == 12 * one.traffic_bytes["dram"]["read"]
    assert many.utilization == pytest.approx(one.utilization)
    assert many.provenance["specs"]["workload"] != one.provenance["specs"]["workload"]


def test_another_table_prices_all_blocks() -> None:
    from sim import priced, simulation

    one = simulation("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding").analysis
    many = simulation("bert:seq_len=1Ki,blocks=3", "fusemax-cloud", "fusemax-binding").analysis
    assert priced(many, "tpu-7nm").total_j == pytest.approx(3 * priced(one, "tpu-7nm").total_j)
    found = simulation("gpt2-xl", AIM, LAYERS).analysis
    assert priced(found, "cent").total_j == found.energy.total_j
    with pytest.raises(SpecError, match="unknown energy table of DRAM commands 'tpu-7nm'"):
        priced(found, "tpu-7nm")


def test_the_matrix_is_what_channels_and_banks_index() -> None:
    assert matrix_of(schedule_of("gemm:M=64,K=32,N=3", "bank-parallel-gemm").operations["C"]) == "A"
    text = mapping("bank-parallel-gemm").model.model_dump()
    text |= {
        "partition": {
            "n": {"n1": "rest", "nb": "= banks.banks", "nc": "= banks.channels"},
            "k": {"k1": "rest", "k0": "= banks.lanes"},
        },
        "loops": ["m", "n1"],
        "choices": {},  # they are of the other matrix
    }
    text["bind"] = [{"unit": "banks", "einsums": ["C"], "spatial": {"channels": "nc", "banks": "nb", "lanes": "k0"}}]
    loaded = mapping("bank-parallel-gemm")
    other = replace(loaded, model=type(loaded.model).model_validate(text))
    _, made = schedule(workload("gemm:M=3,K=32,N=64"), machine(AIM), other)
    assert matrix_of(made.operations["C"]) == "B"
    same = simulate("gemm:M=64,K=32,N=3", AIM, "bank-parallel-gemm:choose.vectors=in-turn")
    assert simulate("gemm:M=3,K=32,N=64", AIM, other).cycles == same.cycles


def schedule_of(work: str, mapped: str) -> Any:
    return schedule(workload(work), machine(AIM), mapping(mapped))[1]


def test_what_does_not_fit_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(Infeasible) as caught:
        simulate("gpt2-xl:blocks=67", AIM, LAYERS)
    parts = "21 of 'Q' + 21 of 'K' + 21 of 'V' + 21 of 'Z' + 79 of 'FFN1' + 82 of 'FFN2'"
    assert str(caught.value) == (
        f"67 blocks of 245 rows in each bank ({parts}) take 16415 rows, and a bank has 16384; "
        "give more channels, or a smaller workload"
    )
    assert simulate("gpt2-xl:blocks=66", AIM, LAYERS).cycles > 0
