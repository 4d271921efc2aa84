"""`einfuse rtl`: what it prints, its exit codes, and what it says of a wrong request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reports.hardware import verification
from reports.hardware.expected import engine_events
from reports.hardware.generation import Hardware
from reports.hardware.limits import announce
from rtl.compare import Event
from rtl.design import Design
from rtl.formats import Formats
from specs import SpecError

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


def test_a_long_run_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    """64 elements: 125,000 cycles are 1,600 s. From two minutes on a run is announced, beyond an hour refused."""
    design = Design(Formats(8, 8, 8), rows=8, columns=8)
    told = "125,000 cycles of 8 × 8 elements take about 27 minutes in Amaranth's simulator"
    announce(design, 125_000, "amaranth")
    assert capsys.readouterr().err == f"{told}; --simulator verilator is faster\n"
    announce(design, 9_000, "amaranth")
    announce(design, 20_000_000, "verilator")
    assert capsys.readouterr().err == ""
    with pytest.raises(
        SpecError, match="about 64 minutes in Amaranth's simulator; allowed: up to 60; give --simulator"
    ):
        announce(design, 300_000, "amaranth")


def test_stalls_without_an_end_in_sight_are_refused(einfuse: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "stalls.json").write_text('{"AV": [[10, 1099511627770]]}')
    run = einfuse("rtl", "verify", *WORK, *SMALL, "--stalls", str(tmp_path / "stalls.json"))
    assert run.code == 2 and "generated hardware would run for 1,099,511,62" in run.err
    assert "cycles; allowed: up to 20,000,000; give a smaller workload, or stalls that end earlier" in run.err


VERIFY, EMIT = ("rtl", "verify", *WORK), ("rtl", "emit")
FPGA = ("-a", "fusemax-fpga", "-m", "fusemax-binding")
TYPES = {  # six keys, and features of 4: 4 · 2^14 = 2^16 and its sign; a weight of 1 is 2^26, and types have a sign
    "QK=int16": "18 bits in 'QK'; its type int16 stores 16; give types.QK=int32",
    "Q=fp16": "8 bits in 'Q'; its type fp16 stores floating point; give types.Q=int8",
    "V=int16": "8 bits in 'V'; its type int16 stores 16; give types.V=int8",
    "SLN=fix16.14": (
        "28 bits in units of 2^-26 in 'SLN'; its type fix16.14 stores 16 in units of 2^-14; give types.SLN=fix32.26"
    ),
    "RD=fix64.20": (
        "30 bits in units of 2^-26 in 'RD'; its type fix64.20 stores 64 in units of 2^-20; give types.RD=fix32.26"
    ),
    "AV=fix64.16": (
        "32 bits in units of 2^-16 in 'AV'; its type fix64.16 stores 64 in units of 2^-16; give types.AV=fix32.16"
    ),
}
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
        "generated hardware does causal masks only; give a workload without a window",
    ),
    "Amaranth": (
        ("rtl", "verify", "-w", "attention:queries=2Ki,keys=256,head_dim=64,value_dim=64", *FPGA), 2,
        "minutes in Amaranth's simulator; allowed: up to 60; give --simulator verilator, or less work",
    ),
    "cycles": (
        ("rtl", "verify", "-w", "attention:queries=1Mi,keys=1Mi,head_dim=8,value_dim=8", *FPGA), 2,
        "cycles; allowed: up to 20,000,000; give a smaller workload",
    ),
    "starts": (
        ("rtl", "verify", "-w", "attention:queries=4Ki,keys=1Ki,head_dim=1,value_dim=1", *SMALL), 2,
        "operations and transfers; allowed: up to 4,194,304; give a smaller workload",
    ),
    "heads": (
        ("rtl", "verify", "-w", "attention:queries=1,keys=1,head_dim=1,value_dim=1,heads=70000", *SMALL), 2,
        "counts up to 65,535 heads and blocks of queries in a run; found 70,000; give fewer heads or queries",
    ),
    "scores before buffers": (
        ("rtl", "verify", "-w", "attention:queries=1,keys=1,head_dim=131072,value_dim=4", *SMALL), 2,
        "a score may reach 131072 · 128 · 128 = 2147483648, more than int32's 2147483647; allowed: head_dim 1 to 131071",
    ),
    **{
        f"type {type_pin}": (
            (*VERIFY, "-a", f"fusemax-fpga:rows=2,cols=2,types.{type_pin}", "-m", "fusemax-binding"), 2,
            f"generated hardware has integers of {told}",
        )
        for type_pin, told in TYPES.items()
    },
    "emitted type": (
        (*EMIT, "-a", "fusemax-fpga:types.QK=int16", "-m", "fusemax-binding"), 2,
        "has integers of 22 bits in 'QK'; its type int16 stores 16; give types.QK=int32",
    ),
    "causal window": (
        ("rtl", "verify", "-w", "attention:queries=8,keys=16,head_dim=4,value_dim=4,window=4,causal=true", *SMALL), 2,
        "generated hardware does causal masks only; give a workload without a window",
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
    run = einfuse(*EMIT, *FPGA, "-o", str(tmp_path / "file"))
    assert (run.code, run.out) == (2, "")
    assert run.err == f"'{tmp_path / 'file'}' is not a folder; -o takes the folder that the hardware is written to\n"
