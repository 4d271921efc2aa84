"""Verilator's lint over a file of Verilog: what it warns of, and what of that is waived, with the reason.

A waiver names a kind of warning, what its message must hold, and why it is no fault here. One that waives nothing is
told too, since its reason is gone.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .failures import RunFailed
from .verilator import shown, verilator

TOLD = re.compile(
    r"^%(?P<kind>Error|Warning)(?:-(?P<code>\w+))?: (?:(?P<line>[^:\s]+:\d+:\d+): )?(?P<message>.*)$", re.M
)
SUMMARY = "Exiting due to"
ARGUMENTS = ("--lint-only", "--language", "1364-2005", "-Wall", "-Wno-fatal")


@dataclass(frozen=True)
class Waiver:
    """Warnings that are none: their code fits one pattern whole, their message has the other in it, for a reason."""

    code: str
    pattern: str
    reason: str

    def covers(self, found: Finding) -> bool:
        """Whether it waives a warning."""
        return re.fullmatch(self.code, found.code) is not None and re.search(self.pattern, found.message) is not None


@dataclass(frozen=True)
class Finding:
    """Something that lint tells of a line; an error has the code 'Error', or one of its own."""

    code: str
    line: int | None
    column: int | None
    message: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"{self.line}:{self.column}: "
        return f"{place}{self.code}: {self.message}"


@dataclass(frozen=True)
class Lint:
    """What lint tells of a file: warnings, those that are waived with their waiver, and waivers without a use."""

    warnings: tuple[Finding, ...]
    waived: tuple[tuple[Finding, Waiver], ...]
    unused: tuple[Waiver, ...]


# Of every component that Amaranth and Yosys write. Up to version 5.14 Verilator has one code for both widths.
AMARANTH = (
    Waiver("PROCASSINIT", "", "a register has its initial value, which an FPGA loads, beside its reset"),
    Waiver(
        "WIDTHEXPAND", "^Operator (ADD|SUB|N?EQ|LTE?S?|GTE?S?)", "Verilog extends the shorter side as Amaranth does"
    ),
    Waiver("WIDTH(TRUNC)?", "^Logical operator LOGNOT", "Yosys writes a comparison with 0 as a logical not"),
    Waiver("CASEINCOMPLETE", "", "Yosys gives a signal its value before the case, or the case has all that can be"),
    Waiver("DECLFILENAME", "", "all modules of a component are in one file"),
    Waiver("UNUSEDSIGNAL", "", "Yosys names parts of signals that nobody reads, such as a sum's carry"),
)


def lint(text: str, top: str = "top", waivers: Iterable[Waiver] = AMARANTH) -> Lint:
    """Lint Verilog-2005 whose uppermost module is `top`. Raises `ToolMissing` where there is no Verilator."""
    tool = verilator()
    with tempfile.TemporaryDirectory(prefix="einfuse-") as folder:
        Path(folder, f"{top}.v").write_text(text, encoding="utf-8")
        done = tool.run([*ARGUMENTS, "--top-module", top, f"{top}.v"], Path(folder))
    told = parsed(done.stderr)
    if done.returncode != 0 and not told:
        raise RunFailed(f"Verilator failed:\n{shown(done.stderr)}")
    listed = tuple(waivers)
    waived = tuple(
        (warning, waiver)
        for warning in told
        if (waiver := next((w for w in listed if w.covers(warning)), None)) is not None
    )
    covered = {warning for warning, _ in waived}
    used = {waiver for _, waiver in waived}
    return Lint(
        tuple(warning for warning in told if warning not in covered),
        waived,
        tuple(waiver for waiver in listed if waiver not in used),
    )


def parsed(said: str) -> list[Finding]:
    """The warnings in what Verilator says, in its order.

    >>> said = "%Warning-WIDTHEXPAND: top.v:9:4: Operator ADD expects 9 bits\\n  : ... In instance 'top'"
    >>> print(*parsed(said))
    9:4: WIDTHEXPAND: Operator ADD expects 9 bits
    """
    found = []
    for each in TOLD.finditer(said):
        if each["message"].startswith(SUMMARY):
            continue
        place = each["line"].split(":")[-2:] if each["line"] else (None, None)
        line, column = (None if part is None else int(part) for part in place)
        found.append(Finding(each["code"] or each["kind"], line, column, each["message"]))
    return found
