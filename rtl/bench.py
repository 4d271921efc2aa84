"""A recorded run as a test bench in Verilog-2005, which any simulator runs without einfuse.

The bench plays the stimulus with the harness's cycles (`harness.py`), holds every word that passes at a stream, in and
out, to the log, with the cycle in which it does, and the results to those of the last cycle. Its verdict is one line:
`PASS: <words> words in <cycles> cycles`, or `FAIL: ` and the first difference. It has as many cycles as the log and no
more, so it ends where nothing comes.

Vectors are for `$readmemh`. A row of `words_<stream>.hex` is a cycle of 32 bits and the word that passes in it; words
that an input has left at the end have the cycle `NEVER`, and so has one more row, behind the last word. Row c of
`stalls.hex` is cycle c: a bit for each stream, inputs first, the first one lowest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from .harness import Log, Stimulus, check
from .manifest import Manifest, Port, StreamPort, manifest
from .stalls import Stretches
from .templating import filled
from .verilog import bits

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

__all__ = ["bench_files"]

NEVER = (1 << 32) - 1
STALLS = "stalls.hex"


def bench_files(component: Component, stimulus: Stimulus, log: Log, top: str) -> dict[str, str]:
    """The bench of a component whose Verilog has the uppermost module `top`: each file's name and text.

    `log` is what the harness saw with `stimulus`, in either simulator. Raises `SpecError` for a stimulus that does not
    fit the component, `ValueError` for a log of another one, and for a `top` whose file would be the bench's own.
    """
    if top == "bench":
        raise ValueError("the module must not be called 'bench': bench.v is the test bench")
    ports = manifest(component)
    check(ports, stimulus)
    words = {}
    for stream in ports.streams:
        words[stream.name] = passed = log.words(stream.name)
        if stream in ports.inputs:
            words[stream.name] = given = [int(word) for word in stimulus.words.get(stream.name, ())]
            if passed != given[: len(passed)]:
                raise ValueError(f"the log is not of this stimulus: other words have passed at '{stream.name}'")
    stalls = [stimulus.stalls.get(stream.name, ()) for stream in ports.streams]
    counts = {name: len(listed) for name, listed in words.items()}
    return {
        "bench.v": filled("bench.v", top=top, stalls=STALLS, **_described(ports, stimulus, log, counts)),
        STALLS: _hex("for each cycle, a bit for each stream, the first lowest", _stalls(stalls, log.cycles)),
        **{_file(s): _hex(f"cycle_word: {s.name}", _rows(s, words[s.name], log)) for s in ports.streams},
    }


def _described(ports: Manifest, stimulus: Stimulus, log: Log, counts: Mapping[str, int]) -> dict[str, Any]:
    """What the template asks for; `counts` are the words in each stream's file."""
    streams = [_side(i, stream, stream in ports.inputs, counts[stream.name]) for i, stream in enumerate(ports.streams)]
    results = [_constant(port, log.results[port.name]) for port in ports.results if port.width]
    held = [f"stream '{each['name']}'" for each in streams] + [f"result '{each['name']}'" for each in results]
    return {
        "cycles": log.cycles,
        "start": ports.start.verilog if ports.start else None,
        "settings": [_constant(port, stimulus.settings.get(port.name, 0)) for port in ports.settings if port.width],
        "streams": streams,
        "results": results,
        "widest": max([1, *(each["width"] for each in (*streams, *results))]),
        "longest": max(map(len, held), default=1),
    }


def _side(number: int, stream: StreamPort, gives: bool, rows: int) -> dict[str, Any]:
    """A stream as the template sees it; `ours` is the outside's end of the handshake."""
    ours, theirs = (stream.valid, stream.ready) if gives else (stream.ready, stream.valid)
    payload = stream.payload
    return {
        "number": number,
        "name": stream.name,
        "gives": gives,
        "rows": rows,
        "file": _file(stream),
        "ours": ours.verilog,
        "theirs": theirs.verilog,
        "payload": payload.verilog if payload.width else None,
        "width": max(1, payload.width),  # one bit, 0, stands for a payload without any
        "word": 4 * _digits(payload.width),
        "bits": bits(payload),
    }


def _file(stream: StreamPort) -> str:
    return f"words_{stream.payload.verilog.removesuffix('__payload')}.hex"


def _rows(stream: StreamPort, words: Iterable[int], log: Log) -> Iterator[str]:
    """The rows of a stream's file."""
    digits = _digits(stream.payload.width)
    mask = (1 << stream.payload.width) - 1
    cycles = log.streams[stream.name].cycles.tolist()
    for cycle, word in zip_longest(cycles, chain(words, [0]), fillvalue=NEVER):
        yield f"{cycle:08x}_{word & mask:0{digits}x}"


def _stalls(stalls: list[Stretches], cycles: int) -> Iterator[str]:
    """For each cycle, a bit for each stream."""
    digits = _digits(len(stalls))
    rows = [0] * cycles
    for number, stretches in enumerate(stalls):
        for begin, end in stretches:
            for cycle in range(begin, min(end, cycles)):
                rows[cycle] |= 1 << number
    return (f"{row:0{digits}x}" for row in rows)


def _constant(port: Port, value: int) -> dict[str, Any]:
    """A setting or a result as the template sees it."""
    literal = f"{port.width}'h{value & ((1 << port.width) - 1):x}"
    return {"name": port.name, "verilog": port.verilog, "width": port.width, "value": literal}


def _digits(width: int) -> int:
    """Hexadecimal digits of a number of so many bits."""
    return -(-max(1, width) // 4)


def _hex(about: str, rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in chain([f"// {about}"], rows))
