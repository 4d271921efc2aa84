"""`einfuse rtl`: what it prints, its exit codes, and what it says of a wrong request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reports.hardware import verification
from reports.hardware.expected import engine_events
from reports.hardware.generation import Hardware
from rtl.compare import Event

from .conftest import Run

SMALL = ("-a", "fusemax-fpga:rows=2,cols=2", "-m", "fusemax-binding")
WORK = ("-w", "attention:queries=4,keys=6,head_dim=4,value_dim=4")
KEYS = [
    "schema", "events", "mismatches", "payloads", "payload_mismatches", "sim_cycles", "rtl_cycles", "first_mismatch",
    "simulator", "seed", "rows", "columns", "parameters",
]  # fmt: skip


def test_help_offers_both(einfuse: Callable[..., Run]) -> None:
    run = einfuse("rtl", "--help")
    commands = run.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in commands] == ["emit", "verify"]
    assert max(map(len, run.out.splitlines())) <= 80 and not any(line.endswith("...") for line in commands)
    assert einfuse("rtl") == run
    assert "--simulator" in einfuse("rtl", "emit", "--help").out


def test_verify_says_that_all_is_equal(einfuse: Callable[..., Run]) -> None:
    run = einfuse("rtl", "verify", *WORK, *SMALL, "--stalls", "3")
    assert (run.code, run.err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in run.out.splitlines() if line.startswith("  ")}
    assert rows["events"][-1] == rows["payloads"][-1] == rows["cycles"][-1] == "0"
    assert rows["cycles"][0] == rows["cycles"][1]
    assert run.out.splitlines()[-1].startswith("passed: ")
    assert max(map(len, run.out.splitlines())) <= 80


def test_verify_as_json(einfuse: Callable[..., Run]) -> None:
    run = einfuse("rtl", "verify", *WORK, *SMALL, "--seed", "5", "--json")
    found = run.json
    assert run.code == 0 and list(found) == KEYS
    assert found["schema"] == "einfuse.rtl-verify/1" and found["seed"] == 5
    assert found["mismatches"] == found["payload_mismatches"] == 0 and found["first_mismatch"] is None
    assert found["sim_cycles"] == found["rtl_cycles"] > 0 and found["events"] > 0 and found["payloads"] > 0


def test_a_difference_is_shown_and_has_exit_code_1(
    einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_one_more(hardware: Hardware) -> list[Event]:
        return [*engine_events(hardware), Event(7, "first beat: QK", "array_2d", 99)]

    monkeypatch.setattr(verification, "engine_events", with_one_more)
    run = einfuse("rtl", "verify", *WORK, *SMALL)
    assert run.code == 1 and "first: cycle 7\n" in run.out and run.out.splitlines()[-1].startswith("failed: ")
    found = einfuse("rtl", "verify", *WORK, *SMALL, "--json")
    assert (found.code, found.json["mismatches"]) == (1, 1)
    assert found.json["first_mismatch"]["cycle"] == 7


def test_a_long_run_is_announced(einfuse: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "LONG_CYCLES", 100)
    run = einfuse("rtl", "verify", *WORK, *SMALL, "--json")
    assert run.code == 0 and "take Amaranth's simulator a while; --simulator verilator is much faster\n" in run.err


VERIFY, EMIT = ("rtl", "verify", *WORK), ("rtl", "emit")
FPGA = ("-a", "fusemax-fpga", "-m", "fusemax-binding")
REFUSED = {
    "simulator": (
        (*VERIFY, *SMALL, "--simulator", "verilate"), 2,
        "unknown simulator 'verilate'; did you mean 'verilator'? allowed: amaranth, verilator",
    ),
    "stalls": ((*VERIFY, *SMALL, "--stalls", "none.json"), 2, "--stalls takes a seed"),
    "seed": ((*VERIFY, *SMALL, "--seed", "-1"), 2, "invalid value for '--seed': Input should be greater than or equal to 0"),
    "mapping": (
        (*VERIFY, "-a", "fusemax-fpga", "-m", "flat"), 2,
        "generated hardware does the cascade attention-1pass; found attention-3pass",
    ),
    "machine": (
        (*VERIFY, "-a", "fusemax-cloud", "-m", "fusemax-binding"), 2,
        "generated hardware makes an exponential of 5 mac on 'array_2d'; found 6 mac",
    ),
    "no sizes": (
        (*EMIT, "-a", "fusemax-cloud", "-m", "fusemax-binding"), 2,
        "arch 'fusemax-cloud' does not say for which sizes hardware is generated; give it a section such as "
        "'hardware: {head_dim: 64, value_dim: 64, max_keys: 4096}', or take fusemax-fpga",
    ),
    "no rows": ((*EMIT, "-a", "fusemax-fpga:rows=0", "-m", "fusemax-binding"), 2, "must be greater than zero: found 0"),
    "scores": (
        (*EMIT, "-a", "fusemax-fpga:hardware.head_dim=200000", "-m", "fusemax-binding"), 2,
        "head_dim 200000: a score may reach 200000 · 128 · 128 = 3276800000, more than int32's 2147483647; "
        "allowed: head_dim 1 to 131071",
    ),
    "state": (
        (*EMIT, "-a", "fusemax-fpga:types.RNV=fix32.26", "-m", "fusemax-binding"), 2,
        "max_keys 4096: a numerator needs 26 (weight) + 7 (value) + 12 (keys) + 1 (sign) = 46 bits, and a state has 32; "
        "allowed: state_bits from 46\nstate_bits is what types.RNV stores: fix32.26, 32 bits",
    ),
    "keys": ((*EMIT, "-a", "fusemax-fpga:hardware.max_keys=1Gi", "-m", "fusemax-binding"), 2, "max_keys 1 to 67108864"),
    "buffer": (
        (*EMIT, "-a", "fusemax-fpga:buffer.size=2KiB", "-m", "fusemax-binding"), 3,
        "'buffer' needs 5728 B, 3680 B over its 2048 B",
    ),
    "bandwidth": (
        (*EMIT, "-a", "fusemax-fpga:dram.bandwidth=500MB/s", "-m", "fusemax-binding"), 2,
        "generated hardware takes whole words of 4 bytes in a cycle; 'dram' brings 5 bytes in one; "
        "give dram.bandwidth as a multiple of 4 B times the clock",
    ),
    **{
        f"words for {command[1]}": (
            (*command, "-a", "fusemax-fpga:dram.bandwidth=1TB/s", "-m", "fusemax-binding"), 2,
            "generated hardware takes words of up to 512 bytes in a cycle; 'dram' brings 1e+12 B/s / 1e+08 Hz = "
            "10,000 bytes in one; give dram.bandwidth of up to 5.12e+10 B/s",
        )
        for command in (VERIFY, EMIT)
    },
    "window": (
        ("rtl", "verify", "-w", "attention:queries=8,keys=16,head_dim=4,value_dim=4,window=4", *SMALL), 2,
        "generated control does causal masks only; give a workload without a window",
    ),
    "causal window": (
        ("rtl", "verify", "-w", "attention:queries=8,keys=16,head_dim=4,value_dim=4,window=4,causal=true", *SMALL), 2,
        "generated control does causal masks only; give a workload without a window",
    ),
    "top": ((*EMIT, *FPGA, "--top", "8x8"), 2, "--top takes letters, digits and underscores, no digit first"),
    "word": ((*EMIT, *FPGA, "--top", "module"), 2, "--top must not be 'module': it is a word of Verilog"),
    "bench": ((*EMIT, *FPGA, "--top", "bench"), 2, "--top must not be 'bench': bench.v is the test bench"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_made(
    einfuse: Callable[..., Run], tmp_path: Path, name: str
) -> None:
    arguments, code, message = REFUSED[name]
    place = ("-o", str(tmp_path / "new")) if "emit" in arguments else ()
    run = einfuse(*arguments, *place)
    assert (run.code, run.out) == (code, "") and message in run.err and "Traceback" not in run.err
    assert list(tmp_path.iterdir()) == []


def test_emit_needs_a_folder(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    run = einfuse(*EMIT, *FPGA, "-o", " ")
    assert run.code == 2 and "-o takes the folder that the hardware is written to; write -o . for this one" in run.err
    (tmp_path / "file").write_text("")
    assert einfuse(*EMIT, *FPGA, "-o", str(tmp_path / "file")).code == 2
