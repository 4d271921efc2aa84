"""Readers of published tables: every row is taken, with its number, or refused with file, row and column."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gpu.physics import sieve
from sim.gpu.reading import collect, read
from sim.gpu.run import Measurements
from sim.gpu.tables import read_measurements
from specs import SpecError

from .gpu_cases import row, run_file, written

FLASH = "source,gpu,direction,head_dim,causal,impl,seqlen,batch,heads,dtype,tflops\n"
DECODING = "batch,seqlen,pytorch_eager_us,fa2_v2.0.9_us,flash_decoding_us,gpu,q_heads,kv_heads,head_dim,dtype,source\n"


@pytest.fixture(scope="module")
def gpu_dir(shared_dir: Path) -> Path:
    return shared_dir / "reference" / "gpu"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_attention_runs_is_taken(gpu_dir: Path) -> None:
    path = gpu_dir / "attention_runs.csv"
    found, expected = read_measurements(path), rows_of(path)
    assert (found.kind, found.rows, len(found.runs), len(expected)) == ("attention runs", 157, 157, 157)
    for run, cells in zip(found.runs, expected, strict=True):
        assert run.seconds * 1e6 == pytest.approx(float(cells["latency_us"]), rel=1e-12)
        # the table's own columns, rounded to a tenth as times are to 10 ns: our FLOPs and bytes are theirs
        slack = 0.00501e-6 / run.seconds
        assert run.tflop_per_s == pytest.approx(float(cells["tflops"]), abs=0.0501 + slack * run.tflop_per_s)
        assert run.gb_per_s == pytest.approx(float(cells["gbps"]), abs=0.0501 + slack * run.gb_per_s)
        assert (run.chip, run.kernel, run.source) == (cells["chip"], cells["kernel"], cells["source"])
        assert run.point.causal == (cells["phase"] == "prefill_causal") == (run.point.phase == "prefill")
    assert sum(run.seconds for run in found.runs) * 1e6 == pytest.approx(sum(float(x["latency_us"]) for x in expected))


def test_every_label_of_flash_attention_is_taken(gpu_dir: Path) -> None:
    path = gpu_dir / "flash_attention_tflops.csv"
    found, expected = read_measurements(path), rows_of(path)
    assert (found.kind, found.rows, len(found.runs), len(expected)) == ("FlashAttention", 185, 185, 185)
    for run, cells in zip(found.runs, expected, strict=True):
        assert run.tflop_per_s == pytest.approx(float(cells["tflops"]), rel=1e-12)
        assert run.point.tokens == 16384  # at 16Ki tokens in all
        assert run.point.direction == cells["direction"]
    total = sum(run.tflop_per_s for run in found.runs)
    assert total == pytest.approx(sum(float(cells["tflops"]) for cells in expected))


def test_every_row_of_flash_decoding_is_taken_three_kernels_each(gpu_dir: Path) -> None:
    path = gpu_dir / "flash_decoding_table.csv"
    found, expected = read_measurements(path), rows_of(path)
    assert (found.kind, found.rows, len(found.runs), len(expected)) == ("Flash-Decoding", 10, 30, 10)
    total = sum(float(cells[name]) for cells in expected for name in cells if name.endswith("_us"))
    assert sum(run.seconds for run in found.runs) * 1e6 == pytest.approx(total)
    assert {run.point.q_len for run in found.runs} == {1} and {run.point.phase for run in found.runs} == {"decode"}


def test_a_folder_is_read_whole_and_what_else_lies_in_it_is_named(gpu_dir: Path) -> None:
    found = collect(gpu_dir)
    assert [file.rows for file in found.files] == [157, 185, 10]
    assert found.others == ("chip_constants.csv", "claims.csv", "serving_vectors.csv")
    judged = sieve(run for file in found.files for run in file.runs)
    assert (len(judged.kept), judged.rejected, judged.unjudged) == (157 + 185 + 30, (), ())


@given(st.floats(0.1, 1e6), st.integers(1, 64), st.integers(1, 1 << 17))
def test_microseconds_come_back(tmp_path_factory: pytest.TempPathFactory, us: float, batch: int, length: int) -> None:
    path = tmp_path_factory.mktemp("drawn") / "decoding.csv"
    path.write_text(f"{DECODING}{batch},{length},{us},{2 * us},{3 * us},A100,16,2,128,fp16,drawn\n", encoding="utf-8")
    found = read_measurements(path)
    assert [run.seconds * 1e6 for run in found.runs] == pytest.approx([us, 2 * us, 3 * us], rel=1e-12)
    assert {(run.point.batch, run.point.kv_len) for run in found.runs} == {(batch, length)}


CONFIGURATOR = {
    "framework": "VLLM", "version": "0.24.0", "device": "NVIDIA H200", "op_name": "context_attention",
    "kernel_source": "vllm_flash_attn_fa3", "batch_size": 4, "isl": 4096, "num_heads": 64, "num_key_value_heads": 8,
    "head_dim": 128, "window_size": 0, "beam_width": 1, "attn_dtype": "bfloat16", "kv_cache_dtype": "bfloat16",
    "step": 0, "latency": 2.5, "power": 650.0,
}  # fmt: skip
GENERATION = CONFIGURATOR | {
    "op_name": "generation_attention", "isl": 1, "step": 1023, "kv_cache_dtype": "fp8", "window_size": 128,
    "latency": 0.01,
}  # fmt: skip


def parquet(folder: Path, *rows: dict[str, Any]) -> Path:
    import pyarrow
    import pyarrow.parquet

    path = folder / "attention_perf.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def test_the_parquet_of_aiconfigurator(tmp_path: Path) -> None:
    found = read(parquet(tmp_path, CONFIGURATOR, GENERATION))
    prefill, decode = found.runs
    assert (found.kind, found.rows, prefill.row) == ("aiconfigurator", 2, "row 1")
    assert (prefill.seconds, decode.seconds) == (2.5e-3, 1e-5)
    assert prefill.source == "attention_perf.parquet (VLLM 0.24.0)"
    point = prefill.point
    assert (point.phase, point.batch, point.q_len, point.kv_len, point.causal, point.window) == (
        "prefill", 4, 4096, 4096, True, None,
    )  # fmt: skip
    assert (point.q_heads, point.kv_heads, point.head_dim, point.dtype) == (64, 8, 128, "bf16")
    point = decode.point  # a step of 1023 keys, and the new token's own
    assert (point.phase, point.q_len, point.kv_len, point.window, point.kv_dtype) == ("decode", 1, 1024, 128, "fp8")
    assert sieve(found.runs).kept[0].run is prefill


def test_the_same_as_a_table_of_text(tmp_path: Path) -> None:
    path = tmp_path / "context_attention_perf.txt"
    cells = {key: value for key, value in CONFIGURATOR.items() if key not in ("window_size", "beam_width")}
    path.write_text(f"{','.join(cells)}\n{','.join(map(str, cells.values()))}\n", encoding="utf-8")
    (run,) = read(path).runs
    (same,) = read(parquet(tmp_path, CONFIGURATOR)).runs
    assert (run.point, run.times, run.chip) == (same.point, same.times, same.chip)


def faults(path: Path) -> list[str]:
    with pytest.raises(SpecError) as refused:
        collect(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in refused.value.problems]


def test_all_faults_of_a_table_come_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    good = "s,H100,fwd,128,0,fa3,512,32,16,fp16,74\n"
    bad = "s,H100,bwd,128,2,fa3,5.5,32,16,int4,-1\n"
    path.write_text(FLASH + good + bad + ",H100,fwd,128,0,fa3,512,32,16,fp16,nan\n", encoding="utf-8")
    assert faults(path) == [
        "labels.csv:3: direction: found 'bwd', expected one of: fwd, fwd+bwd",
        "labels.csv:3: causal: found '2', expected one of: 0, 1",
        "labels.csv:3: seqlen: found '5.5', expected a whole number of at least 1",
        "labels.csv:3: dtype: found 'int4', expected one of: bf16, bfloat16, fp16, float16, fp8",
        "labels.csv:3: tflops: found '-1', expected a number greater than 0",
        "labels.csv:4: source: found '', expected a text",
        "labels.csv:4: tflops: found 'nan', expected a number greater than 0",
    ]


def test_faults_of_a_parquet_and_of_a_shape(tmp_path: Path) -> None:
    path = parquet(tmp_path, CONFIGURATOR, CONFIGURATOR | {"num_key_value_heads": 7}, CONFIGURATOR | {"latency": None})
    assert faults(path) == [
        "attention_perf.parquet:2: q_heads: found 64 heads of queries to 7 of keys, expected a multiple",
        "attention_perf.parquet:3: latency: found '', expected a number greater than 0",
    ]
    path = parquet(tmp_path, CONFIGURATOR | {"op_name": "context_mla", "beam_width": 4})
    assert faults(path) == [
        "attention_perf.parquet:1: op_name: found 'context_mla', expected one of: context_attention, generation_attention",
        "attention_perf.parquet:1: beam_width: found '4', expected one of: 1",
    ]


def test_what_is_no_table_of_measurements_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(FLASH.replace(",tflops", ""), encoding="utf-8")
    assert faults(path) == [
        "labels.csv:1: no table of measurements that is known here: found the columns source, gpu, direction, head_dim, "
        "causal, impl, seqlen, batch, heads, dtype; nearest is FlashAttention, of which 'tflops' is missing; allowed: "
        "attention runs, FlashAttention, Flash-Decoding, aiconfigurator"
    ]
    path.write_text(FLASH + "s,H100\n", encoding="utf-8")
    assert faults(path)[0].startswith("labels.csv:2: found 2 cells, expected 11: source, gpu")
    (tmp_path / "x.parquet").write_bytes(b"no")
    assert faults(tmp_path / "x.parquet")[0].startswith("x.parquet: not a Parquet file: ")
    (tmp_path / "x.xlsx").write_bytes(b"no")
    assert faults(tmp_path / "x.xlsx")[0].endswith("x.xlsx' ends in none of: .json, .csv, .txt, .parquet")
    assert faults(tmp_path / "nothing")[0].endswith("give measurements: a run file, CSV or Parquet")


GOOD = FLASH + "s,H100,fwd,128,0,fa3,512,32,16,fp16,74\n"
LATIN = GOOD.replace("s,H100", "Universit\u00e9,H100").encode("latin-1")
DAMAGED = {
    "a short row": ((GOOD + "s,H100\n").encode(), "labels.csv:3: found 2 cells, expected 11"),
    "a long row": ((GOOD + 12 * "1," + "1\n").encode(), "labels.csv:3: found 13 cells, expected 11"),
    "UTF-16": (GOOD.encode("utf-16"), "labels.csv:1: not a CSV text: "),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "labels.csv:1: not a CSV text: found zero bytes"),
    "Latin-1": (LATIN, "labels.csv: not a CSV text: "),
    "a quote in a row": ((GOOD + '"s,H100\n').encode(), "labels.csv: not a CSV text: unexpected end of data"),
    "a quote in the header": (('"' + GOOD).encode(), "labels.csv: not a CSV text: unexpected end of data"),
    "another name of a column": (GOOD.replace("tflops", "tflop/s").encode(), "'tflops' is missing"),
    "names in capitals": (GOOD.replace("impl,seqlen", "Impl,Seqlen").encode(), "'impl', 'seqlen' is missing"),
    "semicolons": (GOOD.replace(",", ";").encode(), "nearest is "),
    "no row": (FLASH.encode(), "labels.csv:1: there is no row below the names of the columns"),
    "a column twice": (GOOD.replace("heads,", "heads,batch,").encode(), "labels.csv:1: the column 'batch' is there twice"),
    "a row twice": ((GOOD + GOOD.splitlines()[1]).encode(), "labels.csv:3: every cell is that of row 2; remove one of both"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_table_in_a_folder_is_refused_and_not_passed_over(tmp_path: Path, name: str) -> None:
    data, fault = DAMAGED[name]
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(SpecError) as refused:
        collect(tmp_path)
    assert fault in str(refused.value).replace(f"{tmp_path}/", "")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(GOOD.encode("utf-8-sig"))
    assert [file.rows for file in collect(tmp_path).files] == [1]


@given(st.data())
def test_a_parquet_that_is_cut_off_or_changed_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = parquet(tmp_path_factory.mktemp("drawn"), CONFIGURATOR, GENERATION)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:place])
    else:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
    try:
        found = collect(path.parent)
    except SpecError as error:
        assert str(error).startswith(str(path))
    else:
        assert len(found.files) + len(found.others) == 1


@pytest.mark.parametrize("found", ["1_024", "\uff11\uff12\uff18", "0x80", "infinity", "1e999", "\u0661", " "])
def test_digits_that_only_python_takes_are_no_number(tmp_path: Path, found: str) -> None:
    path = tmp_path / "labels.csv"
    for column in (",512,", ",74\n"):
        path.write_text(GOOD.replace(column, column.replace(column.strip(",\n"), found)), encoding="utf-8")
        assert len(faults(path)) == 1


RUNS = "chip,phase,batch,q_len,kv_len,q_heads,kv_heads,head_dim,dtype,latency_us,tflops,gbps,kernel,source\n"
PREFILL = "H200-SXM,prefill_causal,1,16384,16384,64,8,64,bf16,4346.52,505.9,69.5,fa3,s\n"


@pytest.mark.parametrize(
    ("given", "wrong", "fault"),
    [
        ("4346.52", "4.34652", "tflops: found 505.9, but 4.34652 µs come to 5.059e+05: check the units"),
        ("69.5", "0.0695", "gbps: found 0.0695, but 4346.52 µs come to 69.48: check the units"),
        ("505.9", "1011.8", "tflops: found 1011.8, but 4346.52 µs come to 505.9: check the units"),
        (
            "prefill_causal,1,16384",
            "decode,1,4",
            "q_len: found 4 in decoding, expected 1: which keys they see is not stated",
        ),
    ],
)
def test_rates_that_a_table_states_are_those_of_its_times(tmp_path: Path, given: str, wrong: str, fault: str) -> None:
    path = tmp_path / "attention_runs.csv"
    path.write_text(RUNS + PREFILL, encoding="utf-8")
    assert len(read(path).runs) == 1
    path.write_text(RUNS + PREFILL.replace(given, wrong), encoding="utf-8")
    assert faults(path) == [f"attention_runs.csv:2: {fault}"]


def test_a_folder_with_runs_of_ours(tmp_path: Path) -> None:
    written(tmp_path, run_file(row()))
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    found = collect(tmp_path)
    assert [file.kind for file in found.files] == ["run file"] and found.others == ("notes.csv",)
    assert isinstance(found.files[0], Measurements)


@given(
    st.sampled_from(("512", "H100", "fp16", "74")), st.text(max_size=8) | st.from_regex(r"-?[0-9]{1,400}(e[0-9]{1,3})?")
)
def test_no_cell_makes_anything_but_a_run_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, cell: str, found: str
) -> None:
    path = tmp_path_factory.mktemp("drawn") / "labels.csv"
    line = ["s", "H100", "fwd", "128", "0", "fa3", "512", "32", "16", "fp16", "74"]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(FLASH)
        csv.writer(file).writerow([found if each == cell else each for each in line])
    try:
        (run,) = collect(path).files[0].runs
    except SpecError as error:
        assert all(str(problem).startswith(str(path)) for problem in error.problems)
    else:
        assert 0 < run.tflop_per_s < float("inf") and 0 < run.gb_per_s < float("inf")
        assert sieve([run])
