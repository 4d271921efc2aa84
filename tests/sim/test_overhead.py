"""Control, clock, leakage, wires and DRAM background of a schedule: laws, values by hand, other tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import Table, machine, table, table_names
from mappings import mapping, schedule
from sim import Analysis, analyse, priced, simulate, simulation
from sim.pricing import spent
from specs import SpecError
from tests.sim.test_energy import joules
from workloads import workload

OVERHEAD = ("control", "clock", "leakage", "wires", "dram.background")
IDLE = ("clock", "leakage", "dram.background")
CASES = [("fusemax-cloud", "fusemax-binding"), ("flat-cloud", "fusemax-cascade"), ("flat-cloud", "unfused")]
TPU = table("tpu-7nm")


def case(arch: str, name: str, length: str = "1Ki") -> Analysis:
    return simulation(f"bert:seq_len={length}", arch, name).analysis


def with_row(prices: Table, section: str, key: str, factor: float) -> Table:
    """The table with one number of a section times a factor."""
    row = getattr(prices.spec, section)
    return Table(
        "mine", prices.spec.model_copy(update={section: row.model_copy(update={key: getattr(row, key) * factor})})
    )


def test_values_by_hand_of_one_tile() -> None:
    """Two lines of 256 elements and an array of 256 × 256, for 154 cycles of 1 / 940 MHz and what follows them."""
    record = simulate("attention:queries=256,keys=256", "fusemax-cloud:energy=tpu-7nm", "fusemax-binding")
    elements = 256 * 256 + 256
    assert record.idle_actions == {
        "clock": {"element_cycle": elements * record.cycles},
        "leakage": {"second": record.latency_s},
        "dram.background": {"second": record.latency_s},
    }
    assert joules(record, "clock") == pytest.approx(elements * record.cycles * 48 * 1.63e-15)
    assert joules(record, "control") == pytest.approx(0.067 * (joules(record, "array_2d") + joules(record, "array_1d")))
    assert joules(record, "dram.background") == pytest.approx(400 * 2**30 / 32e9 * 81.6e-3 * record.latency_s)
    moved = record.traffic_bytes["buffer"]["read"] + record.traffic_bytes["buffer"]["write"]
    side_mm = sum(record.area_by_component_mm2[unit] or 0.0 for unit in ("array_2d", "array_1d")) ** 0.5
    assert record.actions["wires"] == {"byte": moved}
    assert joules(record, "wires") == pytest.approx(8 * moved * side_mm * 0.078125e-12)
    done = sum(sum(record.actions[unit].values()) for unit in ("array_2d", "array_1d"))
    assert record.actions["control"] == {"operation": done}


@pytest.mark.parametrize("prices", table_names())
@pytest.mark.parametrize(("arch", "name"), CASES)
def test_energy_is_the_sum_of_its_components(prices: str, arch: str, name: str) -> None:
    record = simulate("bert:seq_len=1Ki", f"{arch}:energy={prices}", name)
    assert set(OVERHEAD) < set(record.energy_by_component_j)
    assert joules(record) == pytest.approx(sum(joules(record, each) for each in record.energy_by_component_j))


@pytest.mark.parametrize("length", ["1Ki", "64Ki"])
@pytest.mark.parametrize(("arch", "name"), CASES)
def test_what_the_authors_charge_is_what_it_was(arch: str, name: str, length: str) -> None:
    record = simulate(f"bert:seq_len={length}", arch, name, accounting="fusemax-artifact")
    assert [joules(record, each) for each in OVERHEAD] == [0.0] * 5
    others = [each for each in record.energy_by_component_j if each not in OVERHEAD]
    assert joules(record) == sum(joules(record, each) for each in others)


@given(factor=st.integers(1, 1000))
def test_idle_energy_is_proportional_to_latency(factor: int) -> None:
    one = case(*CASES[0])
    slower = replace(one.latency, latency_s=one.latency.latency_s * factor, cycles=one.latency.cycles * factor)
    before = spent(one.schedule, one.counts, one.latency, TPU).by_component_j
    after = spent(one.schedule, one.counts, slower, TPU).by_component_j
    for name in before:
        assert after[name] == pytest.approx(before[name] * (factor if name in IDLE else 1)), name


@pytest.mark.parametrize(
    ("section", "key", "component"),
    [
        ("control", "share", "control"),
        ("clock", "energy", "clock"),
        ("clock", "words", "clock"),
        ("wires", "energy", "wires"),
    ],
)
@given(factor=st.integers(0, 50))
def test_a_rows_number_scales_its_component_alone(section: str, key: str, component: str, factor: int) -> None:
    one = case(*CASES[0])
    before = priced(one, "tpu-7nm").by_component_j
    after = spent(one.schedule, one.counts, one.latency, with_row(TPU, section, key, factor)).by_component_j
    for name in before:
        assert after[name] == pytest.approx(before[name] * (factor if name == component else 1)), name


@given(factor=st.integers(0, 50))
def test_powers_of_a_table_scale_leakage_and_background(factor: int) -> None:
    one, spec = case(*CASES[0]), TPU.spec
    assert spec.leakage is not None and spec.dram is not None and spec.dram.background is not None
    rows = {key: getattr(spec.leakage, key) for key in ("sram", "logic")}
    scaled = {key: row.model_copy(update={"power": row.power * factor}) for key, row in rows.items()}
    background = spec.dram.background.model_copy(update={"power": spec.dram.background.power * factor})
    changes = {
        "leakage": spec.leakage.model_copy(update=scaled),
        "dram": spec.dram.model_copy(update={"background": background}),
    }
    before = priced(one, "tpu-7nm").by_component_j
    mine = Table("mine", spec.model_copy(update=changes))
    after = spent(one.schedule, one.counts, one.latency, mine).by_component_j
    for name in before:
        scale = factor if name in ("leakage", "dram.background") else 1
        assert after[name] == pytest.approx(before[name] * scale), name


def test_nests_in_turn_take_the_overhead_of_their_whole_time() -> None:
    whole = case("flat-cloud:energy=tpu-7nm", "unfused")
    assert len(whole.schedules) > 1
    parts = [analyse(each) for each in whole.schedules]
    for name in OVERHEAD:
        assert whole.energy.by_component_j[name] == pytest.approx(
            sum(part.energy.by_component_j[name] for part in parts)
        )
    seconds = whole.latency.latency_s
    assert whole.energy.idle_actions["leakage"]["second"] == seconds
    elements = 256 * 256 + 256
    assert whole.energy.idle_actions["clock"]["element_cycle"] == elements * whole.latency.cycles
    assert priced(whole, "tpu-7nm").by_component_j == pytest.approx(whole.energy.by_component_j)


def test_the_cycle_models_time_is_what_the_overhead_goes_with() -> None:
    closed = simulate("bert:seq_len=1Ki", "fusemax-cloud:energy=tpu-7nm", "fusemax-binding")
    cycles = simulate("bert:seq_len=1Ki", "fusemax-cloud:energy=tpu-7nm", "fusemax-binding", model="cycle")
    assert cycles.latency_s > closed.latency_s
    for name in closed.energy_by_component_j:
        ratio = cycles.latency_s / closed.latency_s if name in IDLE else 1
        assert joules(cycles, name) == pytest.approx(ratio * joules(closed, name)), name


@pytest.mark.parametrize("name", table_names())
def test_points_of_an_array_take_what_each_takes(name: str) -> None:
    sides = [64, 128, 256]

    def at(side: Any) -> Any:
        values = {"array_2d.rows": side, "array_2d.cols": side, "array_1d.lanes": side, "buffer.row": side * 16}
        one = machine(f"fusemax-cloud:energy={name}").with_values(values)
        return analyse(schedule(workload("bert:seq_len=4Ki"), one, mapping("fusemax-binding"))[1]).energy

    together = at(np.array(sides))
    for index, side in enumerate(sides):
        alone = at(side)
        for component, value in alone.by_component_j.items():
            found = np.broadcast_to(together.by_component_j[component], (3,))[index]
            assert found == pytest.approx(value, rel=1e-9), component
        found = np.broadcast_to(together.idle_actions["clock"]["element_cycle"], (3,))[index]
        assert found == alone.idle_actions["clock"]["element_cycle"]


def test_a_table_that_says_nothing_of_the_clock_has_no_total(tmp_path: Any) -> None:
    text = (table_file("tpu-7nm")).replace("table: tpu-7nm", "table: mine")
    start, end = text.index("clock:\n"), text.index("leakage:\n")
    (tmp_path / "mine.yaml").write_text(text[:start] + text[end:])
    record = simulate("bert:seq_len=1Ki", f"fusemax-cloud:energy={tmp_path}/mine.yaml", "fusemax-binding")
    assert record.energy_j is None and record.energy_by_component_j["clock"] is None
    assert joules(record, "leakage") > 0
    reason = "energy of clock: missing: table 'mine' has no 'clock', and only a table may say that it is 0"
    assert reason in record.provenance["interpolated"]


def table_file(name: str) -> str:
    from arch import TABLES

    return TABLES.path(name).read_text()


@pytest.mark.parametrize("accounting", ["hardware", "fusemax-artifact"])
@pytest.mark.parametrize(("arch", "name", "model"), [*((*each, "analytic") for each in CASES), (*CASES[0], "cycle")])
def test_pricing_anew_gives_what_a_new_simulation_gives(arch: str, name: str, accounting: str, model: str) -> None:
    found = simulation("bert:seq_len=1Ki", arch, name, model).analysis
    for prices in table_names():
        record = simulate("bert:seq_len=1Ki", f"{arch}:energy={prices}", name, model, accounting=accounting)
        again = priced(found, prices, accounting)
        assert again.by_component_j == pytest.approx(record.energy_by_component_j)
        assert again.actions == record.actions and again.idle_actions == record.idle_actions


def test_a_table_that_there_is_not_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        priced(case(*CASES[0]), "tpu-7mm")
    assert str(caught.value) == (
        "unknown energy table 'tpu-7mm'; did you mean 'tpu-7nm'? allowed: fusemax-45nm, horowitz-45nm, tpu-7nm"
    )


def test_the_faster_of_two_gains_more_where_time_costs() -> None:
    """By the authors' table both take about as much; where clock and leakage cost, the one that waits takes more."""
    ratios = {}
    for name in table_names():
        slow, fast = (priced(case(arch, each, "4Ki"), name).total_j for arch, each in (CASES[1], CASES[0]))
        ratios[name] = slow / fast
    assert min(ratios, key=lambda each: ratios[each]) == "fusemax-45nm"
