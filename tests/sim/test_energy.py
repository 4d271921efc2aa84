"""Energy by hand on one tile, its accountings, and its laws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mappings import MAPPINGS
from sim import Record, simulate
from workloads import CASCADES

PICO = 1e-12


def joules(record: Record, component: str | None = None) -> float:
    found = record.energy_by_component_j[component] if component else record.energy_j
    assert found is not None
    return found


def test_operations_of_one_tile_by_hand() -> None:
    record = simulate("attention:queries=256,keys=256", "fusemax-cloud", "fusemax-binding")
    points = 256 * 256
    assert record.actions["array_2d"] == {"mac": points * (64 + 6 + 64), "max": points, "add": 2 * points}
    expected = points * (134 * 17.1645 + 0.028036 + 2 * 8.3395) * PICO
    assert joules(record, "array_2d") == pytest.approx(expected, rel=1e-12)


def test_registers_of_one_tile_by_hand() -> None:
    """A mac of QK: two operands arrive, are read, and the sum is read (but the first) and written."""
    record = simulate("gemm:M=4,N=4,K=8", "systolic:rows=4,cols=4,registers=16,buffer.size=1MiB", "output-stationary")
    macs = 4 * 4 * 8
    assert record.actions["array.registers"] == {"read": 3 * macs - 16, "write": macs + 2 * macs}


def test_true_registers_add_about_two_thirds_as_the_facts_say() -> None:
    ours = simulate("bert:seq_len=64Ki", "fusemax-cloud", "fusemax-binding")
    theirs = simulate("bert:seq_len=64Ki", "fusemax-cloud", "fusemax-binding:accounting=fusemax-artifact")
    assert joules(ours) / joules(theirs) == pytest.approx(1.65, rel=0.02)
    share = joules(theirs, "array_2d") / joules(theirs)
    assert share == pytest.approx(0.972, abs=0.003)  # mac 96.4 % and add 0.8 %


def test_the_accounting_of_the_authors_drops_the_pipelined_exponential() -> None:
    ours = simulate("bert:seq_len=1Ki", "flat-cloud", "fusemax-cascade")
    theirs = simulate("bert:seq_len=1Ki", "flat-cloud", "fusemax-cascade", accounting="fusemax-artifact")
    exps = ours.actions["array_1d"]["exp"]
    assert theirs.actions["array_1d"]["exp"] == exps == 64 * 12 * (1024 * 1024 + 4 * 1024)
    missing = joules(ours, "array_1d") - joules(theirs, "array_1d")
    assert missing == pytest.approx(exps * 94.6475 * PICO, rel=1e-9)


def test_accounting_changes_no_count_and_no_time() -> None:
    ours = simulate("xlm:seq_len=4Ki", "fusemax-cloud", "fusemax-architecture")
    theirs = simulate("xlm:seq_len=4Ki", "fusemax-cloud", "fusemax-architecture", accounting="fusemax-artifact")
    assert (ours.cycles, ours.traffic_bytes, ours.utilization) == (
        theirs.cycles,
        theirs.traffic_bytes,
        theirs.utilization,
    )


def test_another_table_is_chosen_by_name_and_named_in_the_provenance() -> None:
    record = simulate("bert:seq_len=1Ki", "fusemax-cloud:energy=horowitz-45nm", "fusemax-binding")
    assert record.provenance["tables"] == ["horowitz-45nm"]
    assert joules(record) < joules(simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding"))
    assert any("assumption" in note for note in record.provenance["interpolated"])


def test_a_record_is_plain_json_with_its_schema() -> None:
    record = simulate("bert:seq_len=1Ki,causal=true", "fusemax-edge", "fusemax-binding")
    again = json.loads(json.dumps(record.as_dict()))
    assert again["schema"] == "einfuse.result/1"
    assert again["cycles"] == record.cycles and isinstance(again["cycles"], int)
    assert set(again["provenance"]) == {"version", "specs", "tables", "interpolated"}
    assert again["idle_actions"]["leakage"] == {"second": record.latency_s} and again["stall_cycles"] is None


def test_precision_of_the_workload_wins_over_the_mapping() -> None:
    narrow = simulate("bert:seq_len=1Ki,precision=fp8", "fusemax-cloud", "fusemax-binding")
    wide = simulate("bert:seq_len=1Ki", "fusemax-cloud", "fusemax-binding")
    assert 2 * narrow.traffic_bytes["dram"]["read"] == wide.traffic_bytes["dram"]["read"]


def test_a_memory_without_a_size_has_no_energy_and_so_the_whole_has_none() -> None:
    record = simulate("gemm:M=64,N=64,K=64", "systolic", "output-stationary")
    assert record.energy_j is None and record.area_mm2 is None
    assert record.energy_by_component_j["buffer"] is None
    assert joules(record, "array") > 0
    assert "energy of buffer: missing: memory 'buffer' has no size" in record.provenance["interpolated"]
    sized = simulate("gemm:M=64,N=64,K=64", "systolic:buffer.size=1MiB", "output-stationary")
    assert joules(sized) > 0


def test_energy_follows_the_number_types() -> None:
    spent = {}
    for precision in ("int8", "bf16", "fp32"):
        record = simulate(
            f"bert:seq_len=1Ki,precision={precision}", "fusemax-cloud:energy=horowitz-45nm", "fusemax-binding"
        )
        spent[precision] = (joules(record, "array_2d"), joules(record, "array_2d.registers"))
    assert spent["int8"] < spent["bf16"] < spent["fp32"]
    assert spent["fp32"][1] == pytest.approx(2 * spent["bf16"][1], rel=0.01)


def test_the_provenance_knows_every_file_that_a_number_rests_on(tmp_path: Path) -> None:
    plain = simulate("attention:queries=64,keys=64", "fusemax-cloud", "fusemax-binding").provenance["specs"]
    assert set(plain) == {"workload", "arch", "mapping", "cascade", "table", "accounting"}
    other = simulate(
        "attention:queries=64,keys=64", "fusemax-cloud:energy=horowitz-45nm", "fusemax-binding"
    ).provenance["specs"]
    assert {k for k in plain if plain[k] != other[k]} == {"arch", "table"}
    text = CASCADES.path("attention-1pass").read_text().replace("share: {K: [g], V: [g]}", "share: {K: [g]}")
    (tmp_path / "attention-1pass.yaml").write_text(text)
    mapping_text = MAPPINGS.path("fusemax-binding").read_text()
    own = mapping_text.replace("cascade: attention-1pass", f"cascade: {tmp_path}/attention-1pass.yaml")
    (tmp_path / "fusemax-binding.yaml").write_text(own)
    changed = simulate("attention:queries=64,keys=64", "fusemax-cloud", f"{tmp_path}/fusemax-binding.yaml")
    assert changed.provenance["specs"]["cascade"] != plain["cascade"]
