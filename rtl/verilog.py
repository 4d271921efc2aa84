"""A component as one file of Verilog-2005 that others can take: its ports by their use, then its modules.

The file depends on the component alone: it names no path and no time, and two runs give the same bytes. The names of
all its modules are plain and begin with that of the uppermost, so that it can stand beside other files; and nothing in
it says that it is the top of a design.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from specs import Problem, SpecError, unknown
from specs.version import version

from .manifest import Manifest, Port, StreamPort, manifest

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

__all__ = ["RESERVED", "verilog_file"]

PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
BELOW = re.compile(r"^(module |  )\\(\w+\.\S+) ", re.M)  # where a module below the top is declared, or used
NO_BITS = re.compile(r"^(?:  \(\*.*\*\)\n)*  (input|output|wire|reg) \[-1:0\] ([^\s;]+)[^;\n]*;\n", re.M)
WORDS = """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam
    design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
    endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout
    input instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_onevent pulsestyle_ondetect rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
    scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0
    tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor
    xor
"""
RESERVED = frozenset(WORDS.split())  # IEEE 1364-2005, annex B
CONVENTIONS = """\
Every register changes with the rising edge of clk and has its initial value from the beginning. rst sets it again at
an edge; it may be tied to 0. A word of a stream passes at an edge where valid and ready are both high."""

Row = tuple[str, str, str, str]  # a port, its direction, its bits, its meaning


def verilog_file(
    component: Component, top: str, header: Mapping[str, str] | None = None, meanings: Mapping[str, str] | None = None
) -> str:
    """The file of a component whose uppermost module is `top`.

    `header` are lines for its first comment, such as a hash of the parameters; `meanings` says in words what a stream,
    setting, probe or result is. Raises `SpecError` for a meaning of what is not there, `ValueError` for a `top` that is
    no plain name. Ports of no bits, which Verilog does not have, are left out.
    """
    from amaranth.back import verilog

    if not PLAIN.fullmatch(top):
        raise ValueError(f"a module's name must be letters, digits and underscores, and begin with no digit: '{top}'")
    comment = _comment(manifest(component), top, header or {}, meanings or {})
    text = str(verilog.convert(component, name=top, emit_src=False, strip_internal_attrs=True))
    modules = re.split(r"(?<=^endmodule\n)", text, flags=re.M)
    return comment + _with_plain_names("".join(map(_without_nothing, modules)))


def bits(port: Port) -> str:
    """What a port holds, for people.

    >>> bits(Port("sum", ("sum",), 22, signed=True))
    's22'
    """
    return f"{'s' if port.signed else 'u'}{port.width}"


def _comment(ports: Manifest, top: str, header: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    """The comment at the beginning: what this is, and a table of the ports."""
    known = [s.name for s in ports.streams] + [p.name for p in ports.probes]
    known += [port.name for port in (*ports.settings, *ports.results)]
    faults = [unknown("stream, setting, probe or result", name, known) for name in meanings if name not in known]
    if faults:
        raise SpecError([Problem(fault) for fault in faults])
    lines = [top, "", *(f"{name}: {value}" for name, value in {"einfuse": version(), **header}.items()), ""]
    lines += [*CONVENTIONS.splitlines(), "s8 is a signed number of 8 bits, u8 an unsigned one.", ""]
    lines += _table([("port", "direction", "bits", "meaning"), *_rows(ports, meanings)])
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"


def _rows(ports: Manifest, meanings: Mapping[str, str]) -> Iterator[Row]:
    """The table of the ports, by their use."""
    yield "clk", "input", "u1", "clock"
    yield "rst", "input", "u1", "reset, high"
    if ports.start:
        yield ports.start.verilog, "input", "u1", "high for one edge: a run begins"
    for stream in ports.inputs:
        yield from _stream_rows(stream, "input", meanings.get(stream.name, "words in"))
    for stream in ports.outputs:
        yield from _stream_rows(stream, "output", meanings.get(stream.name, "words out"))
    for port in _with_bits(ports.settings):
        yield port.verilog, "input", bits(port), meanings.get(port.name, "setting, constant in a run")
    for port in _with_bits(ports.results):
        yield port.verilog, "output", bits(port), meanings.get(port.name, "result")
    for probe in ports.probes:
        yield probe.valid.verilog, "output", "u1", meanings.get(probe.name, "event, to be watched; may stay open")
        for port in _with_bits(probe.fields):
            yield port.verilog, "output", bits(port), "its payload"


def _stream_rows(stream: StreamPort, direction: str, meaning: str) -> Iterator[Row]:
    other = "output" if direction == "input" else "input"
    yield stream.valid.verilog, direction, "u1", meaning
    yield stream.ready.verilog, other, "u1", ""
    if stream.payload.width:
        yield stream.payload.verilog, direction, bits(stream.payload), ""


def _with_bits(ports: Iterable[Port]) -> list[Port]:
    return [port for port in ports if port.width]


def _table(rows: list[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _without_nothing(module: str) -> str:
    """A module without the ports and wires of no bits: as Amaranth writes them, `[-1:0]`, they have two.

    >>> print(_without_nothing("module top(a, none, b);\\n  input [-1:0] none;\\n  wire [-1:0] none;\\n"), end="")
    module top(a, b);
    """
    gone = {found[2] for found in NO_BITS.finditer(module) if found[1] in ("input", "output")}
    module = NO_BITS.sub("", module)
    if not gone:
        return module

    def kept(found: re.Match[str]) -> str:
        return found[1] + ", ".join(name for name in found[2].split(", ") if name.strip() not in gone) + ")"

    return re.sub(r"^(module [^(]*\()([^)]*)\)", kept, module, flags=re.M)


def _with_plain_names(text: str) -> str:
    """Modules below the top with names that need no backslash: `\\top.lane.mac` is `top__lane__mac`.

    >>> print(_with_plain_names("module top(a);\\n  \\\\top.x.y  y (\\nmodule \\\\top.x.y (a);"))
    module top(a);
      top__x__y y (
    module top__x__y(a);
    """
    plain: dict[str, str] = {}
    for before, name in BELOW.findall(text):
        if before != "  ":
            chosen = re.sub(r"\W", "_", name.replace(".", "__"), flags=re.ASCII)
            while chosen in plain.values():
                chosen += "_"
            plain[name] = chosen
    return BELOW.sub(lambda found: found[1] + plain.get(found[2], f"\\{found[2]} "), text)
