"""`einfuse show`: specs, schedules and drawings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Golden

from .conftest import BINDING, Run

SHOWN = ["attention-1pass", "bert", "fusemax-cloud", "fusemax-cascade", "gddr6-aim", "bank-parallel-attention"]


@pytest.mark.parametrize("name", SHOWN)
def test_show_a_spec(einfuse: Callable[..., Run], golden: Golden, name: str) -> None:
    run = einfuse("show", name)
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= 80
    golden.check(run.out)


def test_show_takes_overrides(einfuse: Callable[..., Run]) -> None:
    assert "timing.RP is 31; the file states 32" in einfuse("show", "gddr6-aim:RP=31").out
    assert "32 MiB" in einfuse("show", "fusemax-cloud:buffer.size=32MiB").out


def test_show_says_how_a_matrix_lies_in_banks_and_what_is_timed(einfuse: Callable[..., Run]) -> None:
    for mapping, rows, io in (
        ("bank-parallel", "packed", "included"),
        ("bank-parallel-layers:rows=padded", "padded", "included"),
    ):
        pairs = [line.split() for line in einfuse("show", mapping).out.splitlines()]
        assert ["rows", rows] in pairs and ["io", io] in pairs
    assert not any(line.split()[:1] == ["io"] for line in einfuse("show", "output-stationary").out.splitlines())


def test_show_a_unit_outside_of_the_banks(einfuse: Callable[..., Run]) -> None:
    shown = einfuse("show", "gddr6-aim:array_1d.lanes=32").out
    assert "unit array_1d: 32 lanes\n" in shown
    assert "units.array_1d.lanes is 32; the file states 16" in shown


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


def test_show_says_whether_folds_overlap(einfuse: Callable[..., Run]) -> None:
    for value in ("off", "on"):
        mapping = f"weight-stationary:fold_overlap={value}"
        assert f"  fold overlap  {value}\n" in einfuse("show", mapping).out
        shown = einfuse("show", "-w", "gemm:M=64,N=64,K=64", "-a", "systolic", "-m", mapping).out
        assert f"interleave 1, fold overlap {value}, accounting hardware\n" in shown


def test_a_mapping_shows_what_grows_in_banks(einfuse: Callable[..., Run]) -> None:
    lines = einfuse("show", "bank-parallel-attention:append=16,room=2Ki").out.splitlines()
    for line in ("grows       m, with each token", "append      16 tokens at once", "room        2Ki"):
        assert f"  {line}" in lines
    assert "  append      nothing" in einfuse("show", "bank-parallel-attention:append=0").out.splitlines()
    assert "grows" not in einfuse("show", "bank-parallel").out


def test_a_mapping_shows_its_choices_and_what_is_published(einfuse: Callable[..., Run]) -> None:
    lines = einfuse("show", "flat").out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "  choice stationarity  output or weight" in lines
    assert "  array_1d  GM SN SD A  p1 p0     lanes: m0                  scores: dram" in lines
    assert "  buffer  Q       one p2, 2 copies  queries: buffer" in lines
    assert "    256Ki        64   4  weight        dram    buffer   stream  stream  buffer" in lines
