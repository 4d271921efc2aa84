"""Exit codes, and whole messages for what a user gets wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.failures import guarded
from rtl.failures import RunFailed
from specs import ToolMissing
from tests.conftest import ROOT

from .conftest import BINDING, Run, shell


def simulated(
    workload: str = "bert:seq_len=1Ki", arch: str = "fusemax-cloud", mapping: str = "fusemax-binding"
) -> list:
    return ["simulate", "-w", workload, "-a", arch, "-m", mapping]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            simulated(workload="brt:seq_len=1Ki"),
            "unknown workload 'brt'; did you mean 'bert'? allowed: attention, bert, gpt2-xl, t5, trxl, xlm",
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
        (["show", "fusemax"], "unknown name 'fusemax'; did you mean 'fusemax-fpga'? allowed: "),
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
        (["explore"], "einfuse: no such command 'explore'; see 'einfuse --help'"),
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
            "unknown kind of spec 'archs'; did you mean 'arch'? allowed: cascade, workload, arch, mapping, sweep, "
            "search, cluster",
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
    run = einfuse(*simulated())
    assert (run.code, run.out, run.err.strip()) == (130, "", "interrupted")


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


@pytest.mark.parametrize(
    ("error", "code"), [(ToolMissing("verilator is not installed"), 4), (RunFailed("Verilator failed:\n%Error"), 5)]
)
def test_what_hardware_runs_into_is_told_without_a_traceback(
    capfd: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def command() -> int:
        raise error

    assert guarded(command) == code
    assert capfd.readouterr().err.startswith(str(error))


@pytest.mark.parametrize(
    ("number", "code", "message"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")]
)
@pytest.mark.parametrize("becomes", [None, ImportError])
def test_a_signal_is_told_as_one_whatever_a_library_makes_of_it(
    capfd: pytest.CaptureFixture[str], number: int, code: int, message: str, becomes: type[Exception] | None
) -> None:
    def command() -> int:
        try:
            signal.raise_signal(number)
        except BaseException as error:
            if becomes is None:
                raise
            raise becomes("KeyboardInterrupt: ") from error
        return 0

    before = signal.signal(number, signal.default_int_handler)  # whoever runs the tests may ignore it
    try:
        assert guarded(command) == code
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert capfd.readouterr().err == message
    with pytest.raises(ImportError):
        guarded(_fails)


def _fails() -> int:
    raise ImportError("a fault of our own is not hidden")
