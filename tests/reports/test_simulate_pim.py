"""`einfuse simulate` on machines of kind `pim`: the page, traces of commands, and what does not apply."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from arch import machine
from sim.dram import Command, check_trace
from sim.dram.text import read_text
from sim.pim.assumed import OF_NO_DEVICE
from sim.pim.trace import MOST_COMMANDS
from tests.conftest import ROOT, Golden

from .conftest import Run

ARCH = "gddr6-aim:channels=8,refresh=off,activation=none"
PRODUCT = ("simulate", "-w", "gemv:M=6400,N=1600", "-a", ARCH, "-m", "bank-parallel")
SMALL = ("simulate", "-w", "gemv:M=256,N=1600", "-a", "gddr6-aim:channels=1", "-m", "bank-parallel")
SCHEMA = json.loads((ROOT / "tests" / "sim" / "trace_event_schema.json").read_text(encoding="utf-8"))
Einfuse = Callable[..., Run]


def test_the_numbers_of_the_command(einfuse: Einfuse) -> None:
    run = einfuse(*PRODUCT[:-1], "bank-parallel:io=excluded", "--json")
    record = run.json
    assert (run.code, run.err) == (0, "")
    assert record["cycles"] == 17_700 and record["model"] == "cycle"
    assert record["clock"] == {"name": "command clock of gddr6-aim", "hz": 2_000_000_000}
    assert (record["actions"]["dram"]["ACT16"], record["actions"]["dram"]["MAC"]) == (632, 40_000)
    assert record["overrides"]["channels"] == {"given": 8, "stated": 32}
    assert record["not_modelled"] == list(OF_NO_DEVICE)
    assert einfuse(*PRODUCT[:-1], "bank-parallel:io=excluded", "--no-jump", "--json").json == record


@pytest.mark.parametrize("arch", [ARCH, "hbm3-pim:REFI=6000"])
def test_the_page_shows_it_all_at_80_columns(einfuse: Einfuse, golden: Golden, arch: str) -> None:
    run = einfuse("simulate", "-w", "gemv:M=6400,N=1600", "-a", arch, "-m", "bank-parallel")
    assert (run.code, run.err) == (0, "")
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


@pytest.mark.parametrize("part", ["attention", "end-to-end"])
def test_the_page_of_attention(einfuse: Einfuse, golden: Golden, part: str) -> None:
    """What is said of several Einsums in the same words stands once; other units have a table of their own."""
    work = ("-w", f"gpt2-xl:part={part}", "-a", "gddr6-aim:channels=8", "-m", "bank-parallel-attention")
    run = einfuse("simulate", *work)
    assert (run.code, run.err) == (0, "")
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


@pytest.mark.parametrize(
    ("context", "lanes", "found"), [(1024, 16, "array_1d"), (256, 64, "append"), (1024, 64, "column commands")]
)
def test_what_bounds_attention(einfuse: Einfuse, context: int, lanes: int, found: str) -> None:
    """A unit outside of the banks by its name; a phase; or the MACs."""
    work = ("-w", f"gpt2-xl:part=attention,context={context}", "-m", "bank-parallel-attention")
    record = einfuse("simulate", *work, "-a", f"gddr6-aim:channels=8,array_1d.lanes={lanes}", "--json").json
    assert record["bound_by"] == found
    if found in record["cycles_by_phase"]:
        assert record["cycles_by_phase"][found] == max(
            ticks for name, ticks in record["cycles_by_phase"].items() if name != "compute"
        )


def test_a_trace_as_text_is_that_of_a_channel(einfuse: Einfuse, tmp_path: Path, golden: Golden) -> None:
    path = tmp_path / "trace.txt"
    run = einfuse(*SMALL, "--trace", str(path), "--json")
    assert run.code == 0 and run.err == f"{path}: ticks 0 to {run.json['cycles']:,} of {run.json['cycles']:,}\n"
    found = list(read_text(path.read_text().splitlines()))
    assert Counter(each.command.name for each in found) == run.json["actions"]["dram"]
    device = machine("gddr6-aim:channels=1").device
    assert device is not None and check_trace(device, found) == []
    golden.check(
        "".join(
            line for line in path.read_text().splitlines(keepends=True) if " MAC" not in line and " WRGB" not in line
        )
    )


def test_a_window_cuts_rows(einfuse: Einfuse, tmp_path: Path) -> None:
    """All banks are open on row 0 from tick 159 on, and all of the commands in the window are MACs."""
    text, view = tmp_path / "trace.txt", tmp_path / "trace.json"
    for path in (text, view):
        assert einfuse(*SMALL, "--trace", str(path), "--window", "220:300").code == 0
    found = list(read_text(text.read_text().splitlines()))
    assert [each.tick for each in found] == list(range(221, 300, 2))
    assert {each.command for each in found} == {Command.MAC}
    events = json.loads(view.read_text())
    jsonschema.validate(events, SCHEMA, jsonschema.Draft202012Validator)
    rows = [each for each in events["traceEvents"] if each["ph"] == "X"]
    assert [(each["name"], each["ts"], each["dur"]) for each in rows] == [("row 0", 220, 80)] * 16
    tracks = [each["args"]["name"] for each in events["traceEvents"] if each["name"] == "thread_name"]
    assert tracks == [*(f"bank {number}" for number in range(16)), "channel"]
    macs = [each["ts"] for each in events["traceEvents"] if each["ph"] == "i"]
    assert macs == [each.tick for each in found]


def test_a_trace_for_a_waveform_viewer(einfuse: Einfuse, tmp_path: Path) -> None:
    path = tmp_path / "trace.vcd"
    assert einfuse(*SMALL, "--trace", str(path)).code == 0
    text = path.read_text()
    assert text.count("$scope") == 18 and "one cycle of a 2 GHz clock, not 1 ns" in text
    assert re.findall(r"\$var event \S+ \S+ (\w+)", text) == ["MODE", "WRGB", "MAC", "RDMAC"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--model", "analytic"), 2, "machines of kind 'pim' have no model 'analytic'; allowed: cycle"),
        (("--model", "cycles"), 2, "unknown model 'cycles'; did you mean 'cycle'? allowed: cycle"),
        (("--stalls", "3"), 2, "stalls are of the streams of arrays; machines of kind 'pim' have none"),
        (("--window", "0:9"), 2, "--window says which cycles are traced; give --trace FILE with it"),
        (("--trace", "x.csv"), 2, "a trace is a .txt, .json or .vcd file, found 'x.csv'"),
        (
            ("--trace", "x.txt", "--window", "30000:30001"),
            2,
            "nothing is issued between ticks 30,000 and 30,001; the run has 18,095 ticks",
        ),
    ],
)
def test_what_does_not_apply(einfuse: Einfuse, arguments: tuple[str, ...], code: int, message: str) -> None:
    assert einfuse(*PRODUCT, *arguments) == Run(code, "", message + "\n")


@pytest.mark.parametrize(
    ("workload", "arch", "code", "message"),
    [
        ("gemv:M=0,N=64", ARCH, 2, "workload argument 'gemv:M=0,N=64': 'M' must be a whole number of at least 1, "),
        ("gemv:M=64,N=64", "gddr6", 2, "arch/library/gddr6.yaml:1:1: machine 'gddr6' has no units in its banks; "),
        (
            "gemv:M=64000,N=64000",
            "gddr6-aim:channels=1",
            3,
            "infeasible: 'y' on 'gddr6-aim': 4000 results of 4000 columns in each bank take 250000 rows of 64 columns, "
            "and a bank has 16384; give more channels, or a smaller workload\n",
        ),
    ],
)
def test_refusals(einfuse: Einfuse, workload: str, arch: str, code: int, message: str) -> None:
    run = einfuse("simulate", "-w", workload, "-a", arch, "-m", "bank-parallel")
    assert (run.code, run.out) == (code, "") and message in run.err


def test_too_many_commands_for_a_trace(einfuse: Einfuse, tmp_path: Path) -> None:
    work = ("simulate", "-w", "gemv:M=64Ki,N=4Ki", "-a", "gddr6-aim:channels=1,buffer=32B", "-m", "bank-parallel")
    run = einfuse(*work, "--trace", str(tmp_path / "trace.txt"), "--window", "0:99999999")
    assert run.code == 2 and f"and it holds {MOST_COMMANDS:,}; let the window end sooner, such as" in run.err
    assert einfuse(*work, "--trace", str(tmp_path / "trace.txt")).code == 0


def test_a_spatial_machine_has_no_trace_of_commands(einfuse: Einfuse) -> None:
    work = ("simulate", "-w", "gemm:M=8,N=8,K=8", "-a", "systolic", "-m", "output-stationary")
    run = einfuse(*work, "--model", "cycle", "--trace", "x.txt")
    assert run == Run(2, "", "a trace is a .json or .vcd file, found 'x.txt'\n")
