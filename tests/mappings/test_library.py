"""The published mappings against the closed forms of the paper's facts, on drawn sizes that divide evenly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arch import machine
from mappings import MAPPINGS, Counts, Schedule, count, mapping, schedule
from mappings.extents import largest_divisor
from workloads import workload


def counted(name: str, on: str, work: str) -> tuple[Schedule, Counts]:
    _, made = schedule(workload(work), machine(on), mapping(name))
    return made, count(made)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 5),
    st.sampled_from([32, 64, 128]),
    st.sampled_from([32, 64]),
    st.sampled_from(["fusemax-binding", "fusemax-architecture", "fusemax-cascade"]),
    st.sampled_from([1, 2, 4, 16]),
)
def test_traffic_and_loads_follow_the_published_closed_forms(
    key_tiles: int, query_tiles: int, heads: int, e: int, f: int, name: str, size_mib: int
) -> None:
    side = 256
    on = f"{'flat-cloud' if name == 'fusemax-cascade' else 'fusemax-cloud'}:buffer.size={size_mib}MiB"
    work = f"attention:heads={heads},queries={query_tiles * side},keys={key_tiles * side},head_dim={e},value_dim={f}"
    made, counts = counted(name, on, work)
    cascade_only = name == "fusemax-cascade"
    per_query = e + f + 2 + (2 * side + 1 if cascade_only else 0)  # ours keeps one more word: the correction factor
    room = (size_mib * 2**20 - 2 * side * (e + f)) // (2 * side * per_query)
    p1 = max(d for d in range(1, query_tiles + 1) if query_tiles % d == 0 and d <= room)
    p2 = query_tiles // p1
    assert made.families["p"].extent("p2") == p2
    queries, keys = query_tiles * side, key_tiles * side
    words = heads * (queries * (e + f) + p2 * keys * (e + f))
    assert counts.level_bytes("dram", "read") + counts.level_bytes("dram", "write") == 2 * words
    tiles = heads * key_tiles * query_tiles
    cycles = {n: o.cycles for n, o in counts.operations.items()}
    assert cycles["QK"] == tiles * e and cycles["SLNV"] == cycles["RNV"] == cycles["SPNV"] == tiles * f
    assert cycles["RM"] == cycles["SPD"] == cycles["RD"] == tiles
    assert cycles["AV"] == heads * query_tiles * f
    expected = (side, 2 * side, side, 2) if cascade_only else (1, 7, 1, 7)
    assert tuple(cycles[n] // tiles for n in ("LM", "SLN", "SLD", "PRM")) == expected


def test_one_tile_of_the_binding_touches_the_rows_that_the_paper_counts() -> None:
    """2E + 3F rows of the buffer a tile, and what the running maximum and denominator add."""
    _, counts = counted("fusemax-binding", "fusemax-cloud", "attention:queries=256,keys=2560,head_dim=64")
    operands = [a for a in counts.accesses if a.access.level == "buffer" and a.access.cause in ("operand", "result")]
    rows: dict[str, int] = {}
    for each in operands:
        rows[each.access.tensor] = rows.get(each.access.tensor, 0) + each.rows
    assert {name: n / 10 for name, n in rows.items()} == {
        "Q": 64.0,
        "K": 64.0,
        "V": 64.0,
        "RNV": 128.0 + 6.4,  # read and write a tile, and the final read of the division
        "RM": 3.0,  # the previous maximum twice, the next once
        "RD": 2.0 + 0.1,
    }


@pytest.mark.parametrize(
    ("name", "cycles"),
    [
        ("output-stationary", 32 * 32 * 64),
        ("weight-stationary", 2 * 32 * 1024),
        ("input-stationary", 2 * 32 * 1024),
    ],
)
def test_stationary_mappings_of_a_matrix_product(name: str, cycles: int) -> None:
    _, counts = counted(name, "systolic:rows=32,cols=32", "gemm:M=1024,N=1024,K=64")
    assert counts.unit_cycles("array") == cycles
    assert counts.operations["C"].points == 1024 * 1024 * 64
    assert counts.level_bytes("dram", "read") == 2 * (1024 * 64 * 2)
    partial = sum(a.words for a in counts.accesses if a.access.cause == "partial sum")
    assert partial == (0 if name == "output-stationary" else 1024 * 1024)  # two folds along k: one read back


def test_decode_uses_every_column_and_reads_each_key_once_for_its_group() -> None:
    work = "attention:heads=8,kv_heads=2,seq_len=64Ki,phase=decode"
    _, counts = counted("fusemax-decode", "fusemax-cloud", work)
    scores = counts.operations["QK"]
    assert scores.slots / (scores.cycles * 256 * 256) == 1.0
    keys_and_values = 2 * 2 * 64 * 1024 * 64 * 2
    assert counts.level_bytes("dram", "read") == keys_and_values + 8 * 64 * 2


@pytest.mark.parametrize("keys", [256, 1000, 1024, 8192])
def test_decode_of_short_contexts_spreads_its_keys_over_the_columns(keys: int) -> None:
    made, _ = counted("fusemax-decode", "fusemax-cloud", f"attention:heads=8,seq_len={keys},phase=decode")
    tile = made.part("m0").extent
    assert tile is not None and -(-keys // tile) > 256 / 2  # splits that have a key, each on a column of its own


def test_a_group_of_query_heads_shares_the_keys_that_it_reads() -> None:
    """Four query heads a group: the keys' traffic is a quarter of that of as many heads with keys of their own."""
    _, own = counted("fusemax-binding", "fusemax-cloud", "attention:heads=8,seq_len=2Ki")
    _, shared = counted("fusemax-binding", "fusemax-cloud", "attention:heads=8,kv_heads=2,seq_len=2Ki")
    assert own.moved["dram", "K", "read"] == 4 * shared.moved["dram", "K", "read"]
    assert own.moved["dram", "Q", "read"] == shared.moved["dram", "Q", "read"]
    assert own.operations["QK"].cycles == shared.operations["QK"].cycles


def test_causal_halves_the_work_and_costs_diagonal_tiles_whole() -> None:
    _, full = counted("fusemax-binding", "fusemax-cloud", "attention:queries=1024,keys=1024")
    _, causal = counted("fusemax-binding", "fusemax-cloud", "attention:queries=1024,keys=1024,causal=true")
    assert full.operations["QK"].cycles == 16 * 64 and causal.operations["QK"].cycles == 10 * 64
    assert causal.operations["QK"].points == 1024 * 1025 // 2 * 64


def test_every_mapping_of_the_library_says_what_it_is() -> None:
    for name in MAPPINGS.names():
        spec = mapping(name).model
        assert spec.mapping == name and spec.summary.endswith(".")


@given(st.integers(1, 5000), st.integers(0, 6000))
def test_largest_divisor_is_the_largest(n: int, limit: int) -> None:
    import numpy as np

    expected = max((d for d in range(1, n + 1) if n % d == 0 and d <= limit), default=1)
    assert largest_divisor(n, limit) == expected
    assert largest_divisor(np.array([n, n]), np.array([limit, n]))[0] == expected
