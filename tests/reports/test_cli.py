"""The command line: every command, its exit codes, and whole messages for what a user gets wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from specs import read_file
from tests.conftest import ROOT, Golden

from .conftest import Run

BINDING = ("-w", "bert:seq_len=1Ki", "-a", "fusemax-cloud", "-m", "fusemax-binding")


def shell(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, started in the repository."""
    command = [sys.executable, "-m", "reports", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **settings)  # type: ignore[call-overload]


# -------------------------------------------------------------------------------------------------- what exists


def test_help_is_on_stdout_and_offers_what_exists() -> None:
    run = shell("--help")
    assert (run.returncode, run.stderr) == (0, "")
    commands = run.stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in commands] == [
        "list",
        "show",
        "check",
        "passes",
        "schema",
        "doctor",
        "simulate",
        "compare",
        "report",
    ]
    assert max(map(len, run.stdout.splitlines())) <= 80 and not any(line.endswith("...") for line in commands)


def test_no_command_prints_the_help(einfuse: Callable[..., Run]) -> None:
    run = einfuse()
    assert run.code == 2 and "Commands:" in run.out + run.err


def test_version(einfuse: Callable[..., Run]) -> None:
    assert einfuse("--version").out.startswith("einfuse ")


@pytest.mark.parametrize("what", ["cascades", "workloads", "archs", "mappings"])
def test_list_names_every_spec_of_a_library(einfuse: Callable[..., Run], what: str) -> None:
    folder = {"cascades": "workloads/library/cascades", "workloads": "workloads/library/workloads"}
    folder |= {"archs": "arch/library", "mappings": "mappings/library"}
    names = sorted(path.stem for path in (ROOT / folder[what]).glob("*.yaml"))
    run = einfuse("list", what, "--json")
    assert run.code == 0 and run.json["schema"] == "einfuse.list/1"
    assert [entry["name"] for entry in run.json["entries"]] == names
    shown = einfuse("list", what).out
    assert all(name in shown for name in names)


@pytest.mark.parametrize("kind", ["arch", "cascade", "workload", "mapping"])
def test_schema_accepts_the_library(einfuse: Callable[..., Run], kind: str) -> None:
    schema = einfuse("schema", kind).json
    jsonschema.Draft202012Validator.check_schema(schema)
    folder = {"arch": "arch/library", "mapping": "mappings/library"}.get(kind, f"workloads/library/{kind}s")
    for path in (ROOT / folder).glob("*.yaml"):
        jsonschema.validate(read_file(path).value, schema)


def test_doctor_finds_this_installation_whole(einfuse: Callable[..., Run]) -> None:
    run = einfuse("doctor", "--json")
    assert run.code == 0 and run.json["ok"] and run.json["schema"] == "einfuse.doctor/1"
    assert {"python", "numpy", "temporary files"} <= {each["name"] for each in run.json["findings"]}


def test_doctor_fails_where_a_cache_cannot_be_written(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    run = einfuse("doctor")
    assert run.code == 5 and f"notwritable:{blocked}" in "".join(run.out.split())


# ------------------------------------------------------------------------------------------------------- passes


@pytest.mark.parametrize(
    ("cascade", "passes"),
    [
        ("attention-3pass", {"m": 3}),
        ("attention-deferred-division", {"m": 2}),
        ("attention-2pass", {"m": 2}),
        ("attention-1pass", {"m": 1}),
        ("attention-1pass-decode", {"m": 1}),
        ("softmax", {"n": 3}),
        ("gemm", {"m": 1}),
        ("examples/attention-reciprocal.yaml", {"m": 3}),
    ],
)
def test_passes(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, cascade: str, passes: dict[str, int]
) -> None:
    monkeypatch.chdir(ROOT)
    run = einfuse("passes", cascade, "--json")
    assert run.code == 0
    assert (run.json["schema"], run.json["passes"]) == ("einfuse.passes/1", passes)
    assert run.json["cascade"] == Path(cascade).stem
    assert len(run.json["reasons"]) == sum(passes.values())
    assert set(run.json) == {"schema", "cascade", "passes", "reasons"}


def test_passes_over_a_named_rank(einfuse: Callable[..., Run]) -> None:
    assert einfuse("passes", "attention-3pass", "--rank", "e", "--json").json["passes"] == {"e": 1}
    run = einfuse("passes", "attention-3pass", "--rank", "q")
    allowed = "b, n, g, p, m, e, f"
    assert run == Run(2, "", f"unknown rank 'q' of cascade 'attention-3pass'; allowed: {allowed}\n")


# ----------------------------------------------------------------------------------------------------- simulate


def test_simulate_gives_the_published_numbers(einfuse: Callable[..., Run]) -> None:
    run = einfuse("simulate", *BINDING, "--json")
    record = run.json
    assert run.code == 0 and run.err == "" and record["schema"] == "einfuse.result/1"
    assert record["utilization"]["array_2d"] == pytest.approx(0.8896104, abs=5e-8)
    assert record["utilization"]["array_1d"] == pytest.approx(1.0)
    assert record["busy"]["array_1d"] == pytest.approx(1.0)
    assert record["latency_s"] == pytest.approx(2.013140e-3, abs=5e-10)
    assert sum(record["traffic_bytes"]["dram"].values()) == 402653184
    assert record["bound_by"] == "array_1d"
    assert record["feasible"] == {"ok": True, "reason": None}
    assert record["accounting"] == "hardware"


def test_accounting_is_a_key_of_the_mapping(einfuse: Callable[..., Run]) -> None:
    *others, mapping = BINDING
    theirs = einfuse("simulate", *others, f"{mapping}:accounting=fusemax-artifact", "--json").json
    ours = einfuse("simulate", *BINDING, "--json").json
    assert theirs["accounting"] == "fusemax-artifact"
    assert 1.5 < ours["energy_j"] / theirs["energy_j"] < 1.8
    assert ours["latency_s"] == theirs["latency_s"]


def test_simulate_shows_it_all_at_80_columns(einfuse: Callable[..., Run], golden: Golden) -> None:
    run = einfuse("simulate", *BINDING)
    assert run.code == 0 and "\x1b" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


# --------------------------------------------------------------------------------------------------------- show


@pytest.mark.parametrize("name", ["attention-1pass", "bert", "fusemax-cloud", "fusemax-cascade"])
def test_show_a_spec(einfuse: Callable[..., Run], golden: Golden, name: str) -> None:
    run = einfuse("show", name)
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


def test_show_takes_overrides(einfuse: Callable[..., Run]) -> None:
    assert "32 MiB" in einfuse("show", "fusemax-cloud:buffer.size=32MiB").out


def test_show_a_schedule(einfuse: Callable[..., Run], golden: Golden) -> None:
    run = einfuse("show", *BINDING)
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_show_draws_a_cascade(einfuse: Callable[..., Run], tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"graph.{suffix}"
    run = einfuse("show", "attention-1pass", "--graph", str(picture))
    assert run.code == 0 and run.err == f"drawn: {picture}\n"
    assert picture.read_bytes()[:5] == {"svg": b"<?xml", "png": b"\x89PNG\r"}[suffix]


def test_show_draws_only_cascades_and_only_pictures(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    run = einfuse("show", "bert", "--graph", str(tmp_path / "a.svg"))
    assert (run.code, run.err) == (2, "--graph draws a cascade, and 'bert' is none\n")
    run = einfuse("show", "gemm", "--graph", str(tmp_path / "a.txt"))
    assert (run.code, run.err) == (2, "unknown kind of picture '.txt' of 'a.txt'; allowed: .svg, .png, .pdf\n")


def test_show_needs_a_name_or_a_whole_schedule(einfuse: Callable[..., Run]) -> None:
    message = "give a NAME to show a spec, or all of -w, -a and -m to show a schedule"
    for arguments in ([], ["-w", "bert"], ["bert", "-a", "fusemax-cloud"]):
        run = einfuse("show", *arguments)
        assert run == Run(2, "", f"einfuse show: invalid value: {message}; see 'einfuse show --help'\n")


# -------------------------------------------------------------------------------------------------------- check


def test_check_accepts_the_examples(einfuse: Callable[..., Run]) -> None:
    files = sorted(str(path) for path in (ROOT / "examples").glob("*.yaml"))
    assert files and einfuse("check", *files).code == 0


def test_check_reports_every_fault_of_every_file(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    cascade, arch = tmp_path / "c.yaml", tmp_path / "a.yaml"
    cascade.write_text(
        "cascade: c\nsummry: x\nranks: {m: keys}\ninputs: [A]\neinsums:\n  - B[q] = sum{m} A[m]\noutput: B\n"
    )
    text = (ROOT / "examples" / "small-array.yaml").read_text()
    arch.write_text(text.replace("500 MHz", "500").replace("16 × 16", "").replace("rows: 16", "rows: -16"))
    run = einfuse("check", str(cascade), str(arch))
    assert run.code == 2 and run.out == ""
    lines = run.err.splitlines()
    places = [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in lines]
    assert places == [
        "a.yaml:7:8",
        "a.yaml:13:11",
        "c.yaml:2:1",
    ]  # a cascade's meaning is checked once its keys are right
    assert "missing unit: found '500'" in lines[0] and "did you mean 'summary'?" in lines[2]


def test_check_tells_kinds_apart_by_the_first_key(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("archs: x\n")
    run = einfuse("check", str(file))
    message = (
        f"{file}:1:1: unknown kind of spec 'archs'; did you mean 'arch'? allowed: cascade, workload, arch, mapping; "
        "the first key of a spec names its kind, as in 'arch: my-machine'\n"
    )
    assert run == Run(2, "", message)


# ------------------------------------------------------------------------------------------------- what goes wrong


def simulated(
    workload: str = "bert:seq_len=1Ki", arch: str = "fusemax-cloud", mapping: str = "fusemax-binding"
) -> list:
    return ["simulate", "-w", workload, "-a", arch, "-m", mapping]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            simulated(workload="brt:seq_len=1Ki"),
            "unknown workload 'brt'; did you mean 'bert'? allowed: attention, bert, t5, trxl, xlm",
        ),
        (
            simulated(workload="bert:seqlen=1Ki"),
            "workload argument 'bert:seqlen=1Ki': unknown key 'seqlen' in workload; did you mean 'seq_len'? allowed: ",
        ),
        (
            simulated(arch="fusemax-cloud:clock=940"),
            "arch argument 'fusemax-cloud:clock=940': clock: missing unit: found '940'",
        ),
        (simulated(workload="bert:seq_len=0"), "workload argument 'bert:seq_len=0': seq_len: "),
        ([*simulated(), "--model", "cycles"], "unknown model 'cycles'; did you mean 'cycle'? allowed: analytic, cycle"),
        (["show", "fusemax"], "unknown name 'fusemax'; did you mean 'fusemax-edge'? allowed: "),
        (["compare", "flash"], "unknown paper 'flash'; allowed: fusemax (or a path to a .yaml file)"),
        (["check", "nowhere.yaml"], "nowhere.yaml: "),
    ],
)
def test_bad_input_is_told_in_one_line(einfuse: Callable[..., Run], arguments: list[str], message: str) -> None:
    run = einfuse(*arguments)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert run.err.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep"], "einfuse: no such command 'sweep'; see 'einfuse --help'"),
        (
            ["simulate", "-w", "bert"],
            "einfuse simulate: missing option '--arch' / '-a'; see 'einfuse simulate --help'",
        ),
        (
            ["list", "arches"],
            "unknown library 'arches'; did you mean 'archs'? allowed: cascades, workloads, archs, mappings",
        ),
        (
            ["schema", "archs"],
            "unknown kind of spec 'archs'; did you mean 'arch'? allowed: cascade, workload, arch, mapping",
        ),
    ],
)
def test_wrong_use_is_told_in_one_line(einfuse: Callable[..., Run], arguments: list[str], message: str) -> None:
    assert einfuse(*arguments) == Run(2, "", message + "\n")


def test_a_design_that_does_not_fit_says_why(einfuse: Callable[..., Run]) -> None:
    run = einfuse(*simulated(arch="fusemax-cloud:buffer.size=64KiB"), "--json")
    message = (
        "infeasible: mapping 'fusemax-binding' on 'fusemax-cloud': 'buffer' needs 132096 B, 66560 B over its 65536 B; "
        "tensor 'Q', kept for one iteration of 'p2', takes 32768 B; what would fit is a 'buffer' of 129 KiB\n"
    )
    assert run == Run(3, "", message)


def test_interrupted(einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.simulate", interrupt)
    assert einfuse(*simulated()).code == 130


def test_a_full_disk_is_a_failure_at_run_time() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "reports", "schema", "arch"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (run.returncode, run.stderr) == (5, "no space left on device\n")


def test_a_reader_that_leaves_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [sys.executable, "-m", "reports", "schema", "arch"], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (0, "")


def test_an_old_terminal_shows_a_question_mark_instead() -> None:
    run = shell("show", "fusemax-cloud", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (run.returncode, run.stderr) == (0, "") and "256 ? 256" in run.stdout


def test_json_of_every_command_is_one_object() -> None:
    for arguments in (["doctor"], ["passes", "gemm"], ["list", "archs"], ["simulate", *BINDING]):
        run = shell(*arguments, "--json")
        assert run.stderr == "" and json.loads(run.stdout)["schema"].startswith("einfuse.")
