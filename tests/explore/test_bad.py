"""Bad sweeps are refused before anything runs, with all their faults, each at its line and column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from sim.explore.fronts.pareto import MOST_OBJECTIVES
from sim.explore.spec import Objectives
from sim.explore.sweep import sweep
from specs import SpecError
from tests.explore.rows import written

HEAD = "sweep: s\nworkload: bert:seq_len=1Ki\narch: fusemax-cloud\nmapping: fusemax-binding\n"


def faults(folder: Path, text: str, changes: Sequence[str] = ()) -> list[str]:
    """Line, column and message of everything that is wrong."""
    with pytest.raises(SpecError) as caught:
        sweep(written(folder, text), changes)
    return [str(each).removeprefix(f"{folder}/swept.yaml:") for each in caught.value.problems]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = HEAD + (
        "axes:\n"
        "  arch.bufer.size: [1 MiB]\n"
        "  arch.array_2d.rows: = arch.array_2d.cols\n"
        "  arch.array_2d.cols: = arch.array_2d.rows\n"
        "  workload.batch: []\n"
        "  arch.array_1d.lanes: [1, 2]\n"
        "  arch.dram.bandwidth: {from: 50 GiB/s, to: 30 GiB/s, steps: 64}\n"
        "  arch.clock: {from: 1 MHz, to: 3 MHz, times: 2}\n"
        "  memory.x: [1]\n"
        "  arch.buffer.banks: [0, 1.5, 3]\n"
        "constraints: [area_mm <= 400, latency_s + 1]\n"
        "objectives: [latency]\n"
    )
    starts = [
        "6:3: unknown key 'bufer.size' in arch 'fusemax-cloud'; did you mean 'memories.buffer.size'?",
        "7:23: axes tied in a circle: arch.array_2d.rows -> arch.array_2d.cols -> arch.array_2d.rows",
        "9:19: workload.batch: an axis without values; give at least one",
        "10:3: 'array_1d.lanes' is tied in the file of arch 'fusemax-cloud'; sweep what it is tied to, or set it in the",
        "11:31: arch.dram.bandwidth: 'from' (50 GiB/s) must be less than 'to' (30 GiB/s)",
        "12:33: arch.clock: no power of 2 leads from 1 MHz to 3 MHz; 2000000 Hz and 4000000 Hz are next to it",
        "13:3: unknown axis 'memory.x'; an axis is workload.KEY, arch.KEY or mapping.KEY",
        "14:23: arch.buffer.banks: must be greater than zero: found 0",
        "14:26: arch.buffer.banks: expected a whole number such as '16Ki', found 1.5",
        "15:15: unknown column 'area_mm'; did you mean 'area_mm2'?",
        "15:31: expected a condition such as area_mm2 <= 400, found 'latency_s + 1'",
        "16:14: unknown objective 'latency'; did you mean 'latency_s'?",
    ]
    found = faults(tmp_path, text)
    assert len(found) == len(starts)
    assert [each[: len(start)] for each, start in zip(found, starts, strict=True)] == starts


def test_a_front_has_four_objectives_at_most(tmp_path: Path) -> None:
    assert get_args(Objectives)[1].metadata[1].max_length == MOST_OBJECTIVES
    text = HEAD + "axes: {}\nobjectives: [latency_s, energy_j, area_mm2, cycles, utilization.array_2d]\n"
    (fault,) = faults(tmp_path, text)
    assert "at most 4 entries" in fault


def test_ranges_and_choices_are_checked_with_the_file(tmp_path: Path) -> None:
    text = HEAD + (
        "axes:\n"
        "  arch.array_2d.rows: {from: 16, to: 64, steps: 1}\n"
        "  arch.array_2d.cols: {from: 16, to: 64, times: 1}\n"
        "  arch.buffer.size: {from: 16 B, to: 64 B, times: 2, steps: 3}\n"
        "  arch.dram.bandwidth: {from: 16 GiB/s}\n"
        "  workload.batch: 3\n"
        "keep: some\n"
    )
    assert faults(tmp_path, text) == [
        "6:49: axes.arch.array_2d.rows.steps: both ends are included: expected at least 2 steps, found 1",
        "7:49: axes.arch.array_2d.cols.times: expected a factor of more than 1, found 1",
        "8:3: axes.arch.buffer.size: a range has 'times' (a factor) or 'steps' (a number of values); found both",
        "9:3: missing key 'to' in 'axes.arch.dram.bandwidth'",
        "10:19: axes.workload.batch: found 3, expected a list such as [1, 2], a range {from: 1, to: 8, times: 2} or "
        "'= expression'",
        "11:7: keep: found 'some', expected all, front, or a number of the best such as top-100",
    ]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("  workload.batch: [1, 1]\n", "6:23: workload.batch: 1 is given twice"),
        ("  workload.batch: {from: 1, to: 4, steps: 3}\n", "6:43: workload.batch: expected a whole number such as"),
        ("  rows: [1]\n", "6:3: unknown axis 'rows'; an axis is"),
        ("  arch.rows: [8]\n  arch.array_2d.rows: [8]\n", "7:3: 'arch.array_2d.rows' is the same key as axis 'arch.rows'"),
        ("  arch.rows: = arch.colls\n  arch.cols: [8]\n", "6:16: arch.rows: unknown key 'arch.colls' among the axes; did you"),
        ("  arch.rows: = 3 -\n", "6:19: arch.rows: the expression ends early"),
        ("  arch.rows: = arch.cols / 3\n  arch.cols: [8]\n", "6:14: arch.rows: expected a whole number"),
        ("  workload.heads: [4, 6]\n  workload.kv_heads: [2, 4]\n", "6:3: heads (6) must be a multiple of kv_heads (4)"),
        ("  arch.energy: [fusemax-45nm, tpu-7nn]\n", "6:31: energy: unknown energy table 'tpu-7nn'; did you mean"),
        ("  mapping.interleave: [= 1 / 0, 2]\n", "4:10: "),
        ("  arch.clock: {from: 1 GHz, to: 2 GHz, times: 1.0000000001}\n", "6:47: arch.clock: no power of 1.0000000001 leads from"),
        ("  workload.precision: [bf16]\nconstraints: [workload.precision > 3]\n", "7:15: 'workload.precision' is not a number"),
        ("  {}\nmodel: [cycle, analytic, cycle]\n", "7:26: model.2: 'cycle' is given twice"),
        ("  {}\nobjectives: [cycles, cycles]\n", "7:22: objectives.1: 'cycles' is given twice"),
        ("  arch.rows: [1, 3]\n  arch.cols: = 1Mi // (4 - arch.rows) * 2\n", "7:14: arch.cols: must be at most 1048576"),
    ],
)  # fmt: skip
def test_one_fault(tmp_path: Path, axes: str, message: str) -> None:
    found = faults(tmp_path, HEAD + "axes:\n" + axes)
    assert [each[: len(message)] for each in found] == [message]


def test_more_points_than_can_be_kept_need_a_front(tmp_path: Path) -> None:
    steps = "{from: 1, to: 1000000, steps: 1000000}"
    text = HEAD + f"axes:\n  arch.array_2d.registers: {steps}\n  workload.batch: {steps}\n"
    message = "5:1: 1000000000000 points are more than can be kept (10000000000); say keep: front, or top-1000"
    assert faults(tmp_path, text) == [message]
    assert sweep(written(tmp_path, text + "keep: front\n")).grid.points == 10**12


def test_an_axis_is_a_key_of_every_machine(tmp_path: Path) -> None:
    text = (
        "sweep: s\nworkload: bert:seq_len=1Ki\ndesigns:\n"
        "  - {arch: fusemax-cloud, mapping: fusemax-binding}\n  - {arch: gddr6-aim, mapping: bank-parallel}\n"
        "axes: {arch.array_2d.rows: [16, 32]}\n"
    )
    assert faults(tmp_path, text)[0].startswith("6:8: unknown key 'array_2d.rows' in arch 'gddr6-aim'")


def test_what_is_swept_must_exist_and_go_together(tmp_path: Path) -> None:
    text = HEAD.replace("cloud", "clod").replace("bert:seq_len=1Ki", "brt") + "axes: {}\n"
    assert [each.split(";")[0] for each in faults(tmp_path, text)] == [
        "2:11: unknown workload 'brt'",
        "3:7: unknown arch 'fusemax-clod'",
    ]
    text = HEAD.replace("fusemax-cloud", "flat-cloud") + "axes: {}\n"
    assert "Einsum 'LM' needs max, which unit 'array_2d' does not have" in faults(tmp_path, text)[0]
    text = HEAD.replace("fusemax-cloud", "gddr6-aim").replace("fusemax-binding", "bank-parallel") + "model: analytic\n"
    assert faults(tmp_path, text + "axes: {}\n")[0].startswith("5:8: machines of kind 'pim' have no model 'analytic'")


def test_a_change_is_checked_like_the_file(tmp_path: Path) -> None:
    text = HEAD + "axes: {workload.batch: [1]}\n"
    made = sweep(written(tmp_path, text), ["workload.batch=[1, 2, 4]", "arch.buffer.size=[1 MiB, 2 MiB]", "keep=front"])
    assert made.grid.sizes == (1, 1, 3, 2) and made.spec.keep == "front"
    assert "found 'x'" in faults(tmp_path, text, ["workload.batch=[x]"])[0]
    assert "unknown key 'objectivs'" in faults(tmp_path, text, ["objectivs=[cycles]"])[0]
    assert faults(tmp_path, text, ["keep"]) == [
        "expected KEY=VALUE such as arch.buffer.size=[1MiB, 2MiB], found 'keep'"
    ]
