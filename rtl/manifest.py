"""What the ports of a component are for: streams, settings, probes and results, read off its signature.

A harness drives and watches a component through this list alone. The signature says everything: an input or output
`stream.Signature` is a stream, an output `Probe` is a probe, another input is a setting, another output a result.
Signatures within signatures, and arrays of them, are walked; zero bits are allowed (a single row has no row number).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

Path = tuple[str | int, ...]
START = "start"  # the input whose pulse begins a run


class Probe(wiring.Signature):
    """Outputs that say: in each cycle in which `valid` is high, this event happens, with these payloads.

    >>> sorted(Probe(index=8, value=16).members)
    ['index', 'valid', 'value']
    """

    def __init__(self, **fields: Any) -> None:
        if "valid" in fields:
            raise ValueError("a field of a Probe must not be called 'valid': that is what says when it happens")
        super().__init__({"valid": Out(1), **{name: Out(shape) for name, shape in fields.items()}})
        self._fields = fields

    def __eq__(self, other: object) -> bool:
        return type(other) is Probe and list(self._fields.items()) == list(other._fields.items())

    def __repr__(self) -> str:
        return f"Probe({', '.join(f'{name}={shape!r}' for name, shape in self._fields.items())})"


@dataclass(frozen=True)
class Port:
    """One port: how people call it, where it is in the component, and what numbers it takes."""

    name: str
    path: Path
    width: int
    signed: bool

    @property
    def verilog(self) -> str:
        """Its name in Amaranth's Verilog."""
        return "__".join(map(str, self.path))

    @property
    def lowest(self) -> int:
        """The lowest number that it takes."""
        return -(1 << self.width - 1) if self.signed and self.width else 0

    @property
    def highest(self) -> int:
        """The highest number that it takes."""
        return self.lowest + (1 << self.width) - 1


@dataclass(frozen=True)
class StreamPort:
    """A stream of words: its payload, and the two ports of its handshake."""

    name: str
    valid: Port
    ready: Port
    payload: Port


@dataclass(frozen=True)
class ProbePort:
    """A probe: the port that says when its event happens, and its payloads."""

    name: str
    valid: Port
    fields: tuple[Port, ...]


@dataclass(frozen=True)
class Manifest:
    """All ports of a component by their use, in the order of its signature (no `start`: None)."""

    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]
    probes: tuple[ProbePort, ...]
    settings: tuple[Port, ...]
    results: tuple[Port, ...]
    start: Port | None

    @property
    def streams(self) -> tuple[StreamPort, ...]:
        """Inputs, then outputs."""
        return self.inputs + self.outputs


def manifest(component: wiring.Component) -> Manifest:
    """The ports of a component, or of its signature, by their use.

    Raises `ValueError` for what a harness cannot drive: a stream without back-pressure, a probe that is an input.

    >>> from amaranth.hdl import signed
    >>> signature = wiring.Signature({
    ...     "start": In(1), "tiles": In(16), "key": In(stream.Signature(signed(8))),
    ...     "pe": Out(Probe(sum=signed(32))).array(2, 1)})
    >>> found = manifest(signature)
    >>> [port.name for port in found.inputs], [port.name for port in found.settings]
    (['key'], ['tiles'])
    >>> [probe.name for probe in found.probes], found.probes[1].fields[0].verilog
    (['pe[0][0]', 'pe[1][0]'], 'pe__1__0__sum')
    """
    signature = component if isinstance(component, wiring.Signature) else component.signature
    inputs: list[StreamPort] = []
    outputs: list[StreamPort] = []
    probes: list[ProbePort] = []
    settings: list[Port] = []
    results: list[Port] = []
    start = None
    for path, flow, what in _walk(signature, (), False):
        if isinstance(what, stream.Signature):
            (inputs if flow == In else outputs).append(_stream(path, what))
        elif isinstance(what, Probe):
            if flow == In:
                raise ValueError(f"probe '{_called(path)}' must be an output of the component, not an input")
            valid, *fields = (_port((*path, name), what.members[name].shape) for name in ("valid", *what._fields))
            probes.append(ProbePort(_called(path), valid, tuple(fields)))
        else:
            port = _port(path, what)
            if path == (START,) and flow == In:
                if port.width != 1:
                    raise ValueError(f"input '{START}' must have one bit, a pulse that begins a run, not {port.width}")
                start = port
            else:
                (settings if flow == In else results).append(port)
    return Manifest(tuple(inputs), tuple(outputs), tuple(probes), tuple(settings), tuple(results), start)


def _walk(signature: Any, path: Path, flipped: bool) -> Iterator[tuple[Path, Any, Any]]:
    """Every stream, probe and other port below a signature, with its place and its direction."""
    for name, member in signature.members.items():
        flow = member.flow.flip() if flipped else member.flow
        for place in product(*map(range, member.dimensions)):
            where = (*path, name, *place)
            if member.is_port:
                yield where, flow, member.shape
                continue
            inner = member.signature if member.flow == Out else member.signature.flip()  # as it was written
            if isinstance(inner, (stream.Signature, Probe)):
                yield where, flow, inner
            else:
                yield from _walk(inner, where, flow == In)


def _stream(path: Path, signature: stream.Signature) -> StreamPort:
    name = _called(path)
    if signature.always_valid or signature.always_ready:
        raise ValueError(f"stream '{name}' must have both valid and ready: a harness stalls either side")
    valid, ready, payload = (
        _port((*path, part), signature.members[part].shape) for part in ("valid", "ready", "payload")
    )
    return StreamPort(name, valid, ready, payload)


def _port(path: Path, shape: Any) -> Port:
    cast = Shape.cast(shape)
    return Port(_called(path), path, cast.width, cast.signed)


def _called(path: Path) -> str:
    """The name that people read.

    >>> _called(("array", "pe", 3, 0, "sum"))
    'array.pe[3][0].sum'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
