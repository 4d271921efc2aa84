"""Lint: what Verilator warns of, less what is waived for a reason."""

from __future__ import annotations

import pytest
from amaranth.hdl import signed

from rtl.harness_verilator import as_verilog
from rtl.lint import AMARANTH, Waiver, lint, parsed
from rtl.verilator import find_verilator
from tests.rtl.designs import Mac, Queue, Register

pytestmark = pytest.mark.skipif(find_verilator() is None, reason="verilator is not installed")

BAD = """module top(input a, output [3:0] b, output c);
  assign b = a;
  wire open;
  assign c = open;
endmodule
"""


@pytest.mark.parametrize("component", [Register(signed(40)), Mac(3), Queue(7, 2)])
def test_what_amaranth_writes_has_no_warning_that_is_not_waived(component) -> None:
    found = lint(as_verilog(component))
    told = [each for each in found.warnings if "debug__at" not in each.message and each.code != "ASCRANGE"]
    assert told == []
    assert {waiver for _, waiver in found.waived} <= set(AMARANTH)
    assert all(waiver.covers(finding) and waiver.reason for finding, waiver in found.waived)


def test_a_port_of_no_bits_is_told_since_it_has_two_in_verilog() -> None:
    """A single row has no row number: `[-1:0]`."""
    assert {each.code for each in lint(as_verilog(Queue(7, 1))).warnings} == {"ASCRANGE", "UNDRIVEN"}


def test_warnings_are_told_with_their_places_and_a_waiver_without_use_too() -> None:
    unused = Waiver("LATCH", "", "there is none")
    found = lint(BAD, waivers=[Waiver("WIDTHEXPAND", "ASSIGN", "meant so"), unused])
    assert [(finding.code, finding.line) for finding, _ in found.waived] == [("WIDTHEXPAND", 2)]
    assert [str(finding) for finding in found.warnings] == ["3:8: UNDRIVEN: Signal is not driven: 'open'"]
    assert found.unused == (unused,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module top(input a, output b);\n  assig b = a;\nendmodule\n", "2:"),
        ("module bottom(input a, output b); assign b = a; endmodule\n", "'top' was not found"),
    ],
)
def test_what_is_no_verilog_is_an_error_that_no_waiver_covers(text: str, message: str) -> None:
    found = lint(text)
    errors = [str(each) for each in found.warnings if each.code == "Error"]
    assert any(message in each for each in errors)


def test_lines_that_go_on_and_the_last_one_are_no_warnings() -> None:
    said = (
        "%Warning-UNDRIVEN: top.v:3:8: Signal is not driven: 'open'\n"
        "                 : ... note: In instance 'top'\n"
        "    3 |   wire open;\n"
        "%Error: top.v:4:1: syntax error\n"
        "%Error: Exiting due to 1 error(s), 1 warning(s)\n"
    )
    assert [each.code for each in parsed(said)] == ["UNDRIVEN", "Error"]
