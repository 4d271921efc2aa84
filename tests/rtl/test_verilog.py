"""One file of Verilog-2005: the same bytes each time, what its first comment says, and that tools take it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.exponential import Exponential
from rtl.lint import lint
from rtl.verilator import ICARUS
from rtl.verilog import verilog_file
from specs import SpecError
from tests.rtl.designs import Mac, Queue, Register, Words
from tests.rtl.tools import needs_icarus, needs_verilator

ROOT = Path(__file__).resolve().parents[2]
TEXT_OF_A_TREE = """
from rtl.exponential import Exponential
from rtl.verilog import verilog_file
print(verilog_file(Exponential.of(20, 1 / 256).create(), "unit", {"parameters": "0123"}))
"""


class Pair(wiring.Component):
    """Two queues one behind the other, whose names differ only before they are plain."""

    def __init__(self) -> None:
        super().__init__({"q": In(stream.Signature(7)), "p": Out(stream.Signature(7)), "none": Out(0)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules["a.b"] = first = Queue(7, 1)
        m.submodules["a__b"] = second = Queue(7, 1)
        wiring.connect(m, wiring.flipped(self.q), first.outside.to)
        wiring.connect(m, first.outside.back, second.outside.to)
        wiring.connect(m, second.outside.back, wiring.flipped(self.p))
        m.d.comb += self.none.eq(first.place[0][0].row)
        return m


COMPONENTS = [
    pytest.param(make, id=name)
    for name, make in {
        "signed": lambda: Register(signed(40)),
        "nothing": lambda: Register(0),
        "mac": lambda: Mac(3),
        "queue": lambda: Queue(7, 1),
        "queues": lambda: Queue(7, 2),
        "pair": Pair,
        "tree": lambda: Exponential.of(20, 1 / 256).create(),
    }.items()
]


def test_the_header_of_a_register_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtl.verilog.version", lambda: "1.2.3")
    text = verilog_file(Register(signed(4)), "store", {"parameters": "0123abcd"}, {"input": "nibbles"})
    assert text.split("\n\n")[0].splitlines() == [
        "// store",
        "//",
        "// einfuse: 1.2.3",
        "// parameters: 0123abcd",
        "//",
        "// Every register changes with the rising edge of clk and has its initial value from the beginning. rst sets it again at",
        "// an edge; it may be tied to 0. A word of a stream passes at an edge where valid and ready are both high.",
        "// s8 is a signed number of 8 bits, u8 an unsigned one.",
        "//",
        "// port             direction  bits  meaning",
        "// clk              input      u1    clock",
        "// rst              input      u1    reset, high",
        "// input__valid     input      u1    nibbles",
        "// input__ready     output     u1",
        "// input__payload   input      s4",
        "// output__valid    output     u1    words out",
        "// output__ready    input      u1",
        "// output__payload  output     s4",
    ]


def test_the_header_has_every_port_and_no_other() -> None:
    for component in (Mac(8), Queue(7, 1), Words()):
        text = verilog_file(component, "unit")
        table = re.findall(r"^// (\w+) +(input|output) +[us]\d+", text, re.M)
        ports = re.findall(r"^  (input|output) (?:\[.*\] )?\\?(\w+) ?;", text, re.M)
        assert sorted(table) == sorted((name, direction) for direction, name in ports)


def test_settings_probes_and_results_have_meanings_too() -> None:
    meanings = {"length": "products of a sum", "sum_done": "a sum is whole", "debug.busy": "between start and stop"}
    lines = verilog_file(Mac(8), "unit", meanings=meanings).splitlines()
    assert "// length           input      u4    products of a sum" in lines
    assert "// sum_done__valid  output     u1    a sum is whole" in lines
    assert "// debug__busy      output     u1    between start and stop" in lines


def test_a_meaning_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown stream, setting, probe or result 'lenght'; did you mean 'length'"):
        verilog_file(Mac(8), "unit", meanings={"lenght": "products of a sum"})


@pytest.mark.parametrize("top", ["", "8x8", "a.b", "a b", "größe"])
def test_a_module_needs_a_plain_name(top: str) -> None:
    with pytest.raises(ValueError, match="must be letters, digits and underscores"):
        verilog_file(Register(8), top)


def test_two_processes_write_the_same_bytes_and_no_path() -> None:
    def written(seed: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", TEXT_OF_A_TREE]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    text = written("1")
    assert text == written("2")
    assert str(ROOT) not in text and ".py" not in text and re.search(r"""[\s"'(]/\w""", text) is None


def test_modules_have_plain_names_that_begin_with_the_tops() -> None:
    text = verilog_file(Pair(), "unit")
    assert re.findall(r"^module (.*?) ?\(", text, re.M) == ["unit", "unit__a__b", "unit__a__b_"]
    assert re.findall(r"^  (unit\S*) ", text, re.M) == ["unit__a__b", "unit__a__b_"]


def test_nothing_says_that_this_is_the_top_of_a_design_or_has_no_bits() -> None:
    text = verilog_file(Pair(), "unit")
    assert "(* top" not in text and "-1:0" not in text and "none" not in text


@needs_verilator
@pytest.mark.parametrize("make", COMPONENTS)
def test_verilator_takes_it_as_verilog_2005_without_a_warning_that_is_not_waived(make) -> None:
    assert lint(verilog_file(make(), "unit"), "unit").warnings == ()


@needs_icarus
@pytest.mark.parametrize("make", [*COMPONENTS, pytest.param(Words, id="words")])
def test_icarus_takes_it_as_verilog_2005_without_a_warning(make, tmp_path: Path) -> None:
    (tmp_path / "unit.v").write_text(verilog_file(make(), "unit"))
    command = [ICARUS, "-g2005", "-Wall", "-o", "unit.vvp", "unit.v"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
