"""Tables of sweeps: chunks, ties, constraints, models and kinds of machines in one sweep, and what they depend on."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.paper import paper
from sim import simulate
from sim.explore import identity, readers
from sim.explore.evaluate import Evaluator
from sim.explore.sweep import sweep
from specs import SpecError
from tests.explore.rows import expected, table_of, written

EXAMPLE = "examples/area_latency.yaml"
WIDER = [
    "arch.buffer.size={from: 64KiB, to: 64MiB, times: 2}",
    "arch.dram.bandwidth={from: 50GiB/s, to: 3200GiB/s, steps: 7}",
    "workload.batch=[1, 8, 64]",
    "columns=all",
]


@settings(max_examples=8, deadline=None)
@given(st.integers(30, 2000))
def test_chunks_of_any_size_give_the_same_rows(chunk: int) -> None:
    whole = table_of(sweep(EXAMPLE, WIDER))
    cut = table_of(sweep(EXAMPLE, WIDER, chunk=chunk))
    assert cut.to_pylist() == whole.to_pylist()


def test_what_the_arch_file_ties_goes_with_an_axis(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: bert:seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\n"
        "columns: all\naxes: {arch.array_2d.cols: [64, 128]}\n"
    )
    rows = table_of(sweep(written(tmp_path, text))).to_pylist()
    for row, cols in zip(rows, (64, 128), strict=True):
        free = f"fusemax-cloud:array_2d.cols={cols}"
        bound = f"{free},array_1d.lanes={cols},buffer.row={cols * 16} b"
        for arch in (free, bound):
            record = simulate("bert:seq_len=1Ki", arch, "fusemax-binding")
            assert (row["cycles"], row["energy_j"], row["area_mm2"]) == (
                record.cycles,
                record.energy_j,
                record.area_mm2,
            )


def test_a_tied_axis_follows_its_axis(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: bert:seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\naxes:\n"
        "  arch.buffer.size: = rows * 64 KiB / batch\n  arch.array_2d.rows: [64, 128]\n"
        "  workload.batch: {from: 1, to: 4, times: 2}\n"
    )
    made = sweep(written(tmp_path, text))
    table = table_of(made)
    assert table["arch.buffer.size"].to_pylist() == [n << 20 for n in (4, 2, 1, 8, 4, 2)]
    assert str(made.references(made.grid.place(4))) == (
        "-w bert:seq_len=1Ki,batch=2 -a fusemax-cloud:buffer.size=4194304 B,array_2d.rows=128 -m fusemax-binding"
    )


def test_ranges_hold_both_ends(tmp_path: Path) -> None:
    made = sweep(EXAMPLE, [*WIDER, "arch.clock={from: 0.1 GHz, to: 0.3 GHz, steps: 3}"])
    values = {axis.path: axis.values.tolist() for axis in made.axes}
    assert values["arch.buffer.size"] == [2**n for n in range(16, 27)]
    assert values["arch.dram.bandwidth"] == [(50 + 525 * i) * 2**30 for i in range(7)]
    assert values["arch.clock"] == [100_000_000, 200_000_000, 300_000_000]


def test_constraints_keep_the_numbers_of_what_they_exclude(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: bert:seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\naxes:\n"
        "  arch.buffer.size: [64 KiB, 16 MiB, 512 MiB]\n  arch.array_2d.rows: [64, 256]\n"
        "constraints: [area_mm2 <= 1262.5, arch.array_2d.rows > 64]\n"
    )
    rows = table_of(sweep(written(tmp_path, text))).to_pylist()
    small = "mapping 'fusemax-binding' on 'fusemax-cloud': 'buffer' needs 132096 B, 66560 B over its 65536 B"
    assert rows[1]["reason"].startswith(small) and rows[1]["area_mm2"] is None and rows[1]["bound_by"] is None
    reasons = [row["reason"] for row in rows[2:]]
    assert reasons == [
        "constraint: arch.array_2d.rows > 64",
        None,
        "constraint: area_mm2 <= 1262.5",
        "constraint: area_mm2 <= 1262.5",
    ]
    assert [row["feasible"] for row in rows[2:]] == [False, True, False, False]
    assert all(row["area_mm2"] > 300 for row in rows[2:])


def test_a_number_that_is_not_known_meets_no_constraint(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: gemm:M=64,N=64,K=64\narch: systolic\nmapping: output-stationary\n"
        "axes: {arch.array.rows: [16, 32]}\nconstraints: [area_mm2 <= 4]\n"
    )
    rows = table_of(sweep(written(tmp_path, text))).to_pylist()
    assert {row["reason"] for row in rows} == {"constraint: area_mm2 <= 4 (not known)"}
    assert all(row["area_mm2"] is None and row["latency_s"] > 0 for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        "workload: gemm\narch: systolic\nmapping: [output-stationary, weight-stationary]\nmodel: [analytic, cycle]\n"
        "axes: {workload.M: [16, 33], workload.N: [8], workload.K: [8, 40], arch.rows: [8, 16]}\n",
        "workload: attention:queries=40,keys=64,head_dim=16\nmodel: cycle\n"
        "designs: [{arch: 'fusemax-edge:array_2d.rows=8,array_2d.cols=8', mapping: fusemax-binding}]\n"
        "axes: {mapping.interleave: [1, 3], arch.array_2d.operations.mac.latency: [1, 4]}\n",
        "workload: gemm:M=64,N=64,K=64\n"
        "designs: [{arch: systolic, mapping: output-stationary}, {arch: gddr6-aim, mapping: bank-parallel-gemm}]\n"
        "axes: {arch.clock: [1 GHz]}\n",
        "workload: gemv:N=256\narch: gddr6-aim\nmapping: bank-parallel\n"
        "axes: {arch.channels: [1, 2], workload.M: [64, 512], mapping.io: [included, excluded]}\n",
        "workload: bert:part=end-to-end,batch=2,seq_len=256\narch: fusemax-cloud\nmapping: fusemax-binding\n"
        "axes: {arch.buffer.size: [1 KiB, 64 KiB, 256 KiB, 16 MiB], workload.d_ff: [64, 3072], workload.blocks: [1, 2]}\n",
        "workload: bert:seq_len=256Ki\narch: flat-cloud\nmapping: [unfused, flat]\n"
        "axes: {arch.dram.bandwidth: [50 GiB/s, 400 GiB/s], workload.batch: [1, 64]}\n",
        "workload: attention:head_dim=16\narch: fusemax-cloud\nmapping: fusemax-binding\n"
        "axes: {workload.causal: [false, true], workload.precision: [bf16, int8], workload.context: [64, 100], "
        "workload.seq_len: [512], arch.energy: [tpu-7nm, fusemax-45nm]}\n",
    ],
    ids=["models", "cycle", "kinds", "pim", "layers", "choices", "texts"],
)  # fmt: skip
def test_models_and_kinds_of_machines_are_as_simulated(tmp_path: Path, text: str) -> None:
    try:
        made = sweep(written(tmp_path, "sweep: s\ncolumns: all\n" + text), chunk=5)
    except SpecError as error:
        pytest.fail(str(error))
    for point, row in enumerate(table_of(made).to_pylist()):
        want = expected(made, point)
        for name in [name for name in want if name.startswith("unit_cycles")]:
            if made.references(made.grid.place(point)).model == "cycle" or "gddr6" in str(want):
                want.pop(name)  # no field of the record
        assert {name: row[name] for name in want} == want


@pytest.mark.parametrize("model", ["analytic", "cycle"])
@pytest.mark.parametrize("seed", range(3))
def test_what_cannot_be_counted_is_a_row_with_the_reason(tmp_path: Path, seed: int, model: str) -> None:
    """Counts of some points are beyond 64 bits: they are refused as alone, and the others are as alone."""
    draw = random.Random(seed)
    lengths = sorted(
        draw.sample([*(2**n for n in range(11, 36)), *(draw.randrange(2**30, 2**34) for _ in range(8))], 5)
    )
    text = (
        f"sweep: s\nworkload: bert\narch: fusemax-cloud\nmapping: fusemax-binding\nmodel: {model}\ncolumns: all\n"
        f"axes: {{workload.seq_len: {[1024, 2**40, *lengths]}, arch.array_2d.rows: [64, 256], workload.batch: [1, 64]}}\n"
    )
    made = sweep(written(tmp_path, text))
    rows = table_of(made).to_pylist()
    for point, row in enumerate(rows):
        try:
            want = expected(made, point)
        except SpecError as error:
            assert "beyond 2^63 - 1 = 9223372036854775807" in str(error)
            assert "beyond 2^63 - 1 = 9223372036854775807" in row["reason"]
            assert (row["feasible"], row["latency_s"], row["energy_j"]) == (False, None, None)
        else:
            assert {name: row[name] for name in ("latency_s", "energy_j", "area_mm2")} == pytest.approx(
                {name: want[name] for name in ("latency_s", "energy_j", "area_mm2")}, rel=1e-15
            )
    assert {row["feasible"] for row in rows} == {True, False}


@pytest.mark.parametrize("model", ["analytic", "cycle"])
def test_a_constraint_without_a_value_excludes_its_points_only(tmp_path: Path, model: str) -> None:
    """1 / (batch - 2) is -1, nothing and 1; 512 / (batch - 2) is beyond what is allowed for 3."""
    text = (
        "sweep: s\nworkload: bert:seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\n"
        f"model: {model}\naxes: {{workload.batch: [1, 2, 3], arch.buffer.size: [64 KiB, 16 MiB, 32 MiB]}}\n"
        "constraints: [512 / (workload.batch - 2) <= 100, latency_s <= 1e9]\n"
    )
    rows = table_of(sweep(written(tmp_path, text))).to_pylist()
    said = "constraint: 512 / (workload.batch - 2) <= 100"
    assert [row["reason"] for row in rows if row["arch.buffer.size"] > 1 << 16] == [
        *[None] * 2,
        *[f"{said} (division by zero)"] * 2,
        *[said] * 2,
    ]
    assert all("'buffer' needs" in row["reason"] for row in rows if row["arch.buffer.size"] == 1 << 16)
    assert all(row["feasible"] == (row["reason"] is None) for row in rows)


def test_another_source_is_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "made_up_package"
    package.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    (package / "__init__.py").write_text("")
    seen = set()
    for name, text in (("a.py", "x = 1"), ("a.py", "x = 2"), ("b.py", "x = 2")):
        (package / name).write_text(text)
        seen.add(identity.sources(["made_up_package"]))
    assert len(seen) == 3
    assert Evaluator(sweep(EXAMPLE)).identity["models"] == identity.sources(identity.PACKAGES)


def test_files_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    files = [tmp_path / folder / "mine.yaml" for folder in ("one", "two")]
    own = Path("arch/library/fusemax-cloud.yaml").read_text().replace("fusemax-cloud", "mine")
    for file in files:
        file.parent.mkdir()
        file.write_text(own)
    designs = ", ".join(f"{{arch: {file}, mapping: fusemax-binding}}" for file in files)
    text = f"sweep: s\nworkload: bert:seq_len=1Ki\ndesigns: [{designs}]\naxes: {{workload.batch: [1]}}\n"
    readers.machine_of.cache_clear()
    seen = {Evaluator(sweep(written(tmp_path, text))).identity["arch mine"]}
    for file, clock in zip(files, ("941 MHz", "942 MHz"), strict=True):
        file.write_text(own.replace("940 MHz", clock))
        readers.machine_of.cache_clear()
        seen.add(Evaluator(sweep(written(tmp_path, text))).identity["arch mine"])
    assert len(seen) == 3


def test_an_evaluator_goes_to_other_processes() -> None:
    evaluator = Evaluator(sweep(EXAMPLE, WIDER))
    copied = pickle.loads(pickle.dumps(evaluator))
    assert copied.table(0).equals(evaluator.table(0)) and copied.identity == evaluator.identity


def test_identity_does_not_change_with_words() -> None:
    plain = Evaluator(sweep(EXAMPLE)).identity
    assert plain == Evaluator(sweep(EXAMPLE, ["summary=another", "source=[a book]"])).identity
    assert plain["sweep"] != Evaluator(sweep(EXAMPLE, ["sweep=another"])).identity["sweep"]


def test_identity_changes_with_what_the_numbers_depend_on(tmp_path: Path) -> None:
    plain = Evaluator(sweep(EXAMPLE)).identity
    assert Evaluator(sweep(EXAMPLE, ["keep=front"])).identity["sweep"] != plain["sweep"]
    file = tmp_path / "mine.yaml"
    own = Path("arch/library/fusemax-cloud.yaml").read_text().replace("fusemax-cloud", "mine")
    file.write_text(own)
    one = Evaluator(sweep(EXAMPLE, [f"arch={file}"])).identity["arch mine"]
    file.write_text(own.replace("940 MHz", "941 MHz"))
    assert Evaluator(sweep(EXAMPLE, [f"arch={file}"])).identity["arch mine"] != one


def test_the_example_is_the_papers_area_sweep() -> None:
    rows = table_of(sweep(EXAMPLE)).to_pylist()
    swept = paper("fusemax").beside["arrays of other sizes"]
    for row, number in zip(rows, swept.numbers, strict=True):
        host = swept.machine(number, {"head_dim": 64})
        record = simulate("bert:seq_len=256Ki", host, "fusemax-binding")
        assert (row["latency_s"], row["energy_j"], row["area_mm2"]) == (
            record.latency_s,
            record.energy_j,
            record.area_mm2,
        )


def test_the_example_has_the_published_areas_and_latencies(shared_dir: Path) -> None:
    """Latencies to the last digits; areas to those of the published parts, which are rounded."""
    published = pd.read_csv(shared_dir / "reference" / "fusemax" / "published.csv")
    published = published[(published["source_csv"] == "pareto.csv") & (published["model"] == "BERT")]
    known = dict(zip(published["metric"], published["value"], strict=True))
    for row in table_of(sweep(EXAMPLE)).to_pylist():
        side = row["arch.array_2d.rows"]
        assert row["latency_s"] == pytest.approx(known[f"latency@PE{side}"], rel=1e-15)
        assert row["area_mm2"] == pytest.approx(known[f"area@PE{side}"] * 1e-6, rel=1e-7)


def test_memory_is_that_of_a_chunk() -> None:
    made = sweep(EXAMPLE, [*WIDER[:2], "workload.batch={from: 1, to: 10000, steps: 10000}"], chunk=4096)
    evaluator = Evaluator(made)
    assert made.grid.points == 6 * 11 * 7 * 10_000
    table = evaluator.table(evaluator.chunks - 1)
    assert table.num_rows <= 4096 and table.nbytes < 4096 * 200
    assert np.isfinite(table["latency_s"].to_numpy()[-1])
