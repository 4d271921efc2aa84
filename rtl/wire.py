"""The files between Python and a compiled harness: the stimulus that it reads, the log that it writes.

Both are 32-bit words, least significant first; a port of w bits takes ⌈w / 32⌉ of them, none if it has no bits. A
*number* takes two words.

Stimulus: limit, extra cycles and whether anything is awaited (numbers); the settings; a word for each probe, not 0 if
it is watched; then for each stream, inputs first: the number of its stalls, begin and end of each, the words awaited,
the words given (numbers), and these words.

Log: chunks of a track's number, a count of rows, and the rows: the cycle (a number) and the ports. Tracks are streams,
then probes. The last chunk has the track `LAST`, whether the run came to its end, the cycles (a number), the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .failures import RunFailed
from .harness import Log, Stimulus, Track, Words, column
from .manifest import Manifest, Port

LAST = 0xFFFF_FFFF
WORD = np.dtype("<u4")


def words_of(port: Port) -> int:
    """How many words a value of a port takes."""
    return -(-port.width // 32)


def encoded(manifest: Manifest, stimulus: Stimulus) -> bytes:
    """The stimulus file. The stimulus has been checked."""
    parts = [_numbers([stimulus.limit_cycles, stimulus.extra_cycles, bool(stimulus.until)])]
    parts += [to_words(port, [stimulus.settings.get(port.name, 0)]) for port in manifest.settings]
    chosen = stimulus.watched
    parts.append(np.array([chosen is None or probe.name in chosen for probe in manifest.probes], dtype=WORD))
    for stream in manifest.streams:
        stretches = stimulus.stalls.get(stream.name, ())
        words = stimulus.words.get(stream.name, ())
        flat = [cycle for stretch in stretches for cycle in stretch]
        parts.append(_numbers([len(stretches), *flat, stimulus.until.get(stream.name, 0), len(words)]))
        parts.append(to_words(stream.payload, words))
    return b"".join(part.tobytes() for part in parts)


def decoded(manifest: Manifest, stimulus: Stimulus, content: bytes) -> tuple[Log, bool]:
    """The log of a file, and whether the run came to its end. Raises `RunFailed` for a file that is cut."""
    words = np.frombuffer(content[: len(content) // 4 * 4], dtype=WORD)
    layouts = [(s.payload,) for s in manifest.streams] + [probe.fields for probe in manifest.probes]
    widths = [2 + sum(map(words_of, layout)) for layout in layouts]
    chunks: list[list[np.ndarray]] = [[] for _ in layouts]
    at = 0
    while at + 2 <= len(words) and words[at] != LAST:
        track, rows = int(words[at]), int(words[at + 1])
        end = at + 2 + rows * widths[track]
        chunks[track].append(words[at + 2 : end].reshape(-1, widths[track]))
        at = end
    tail = words[at:]
    if len(tail) != 4 + sum(map(words_of, manifest.results)):
        raise RunFailed("the log of the run is cut")
    tracks = [
        _track(layout, np.concatenate(found) if found else np.empty((0, width), dtype=WORD))
        for layout, found, width in zip(layouts, chunks, widths, strict=True)
    ]
    results = {port.name: int(found[0]) for port, found in _columns(manifest.results, tail[4:].reshape(1, -1))}
    probes = zip(manifest.probes, tracks[len(manifest.streams) :], strict=True)
    chosen = stimulus.watched
    log = Log(
        int(tail[2]) | int(tail[3]) << 32,
        {probe.name: track for probe, track in probes if chosen is None or probe.name in chosen},
        {stream.name: track for stream, track in zip(manifest.streams, tracks, strict=False)},
        results,
    )
    return log, bool(tail[1])


def to_words(port: Port, values: Words) -> np.ndarray:
    """Values of a port as words, one value after the other.

    >>> to_words(Port("x", ("x",), 40, True), [-1, 2]).tolist()
    [4294967295, 255, 2, 0]
    """
    count, mask = words_of(port), (1 << port.width) - 1
    if port.width <= 64:
        whole = np.asarray(values, dtype=np.int64 if port.signed else np.uint64).astype(np.uint64) & np.uint64(mask)
        return whole.view(WORD).reshape(-1, 2)[:, :count].ravel()
    return np.frombuffer(b"".join((int(v) & mask).to_bytes(4 * count, "little") for v in values), dtype=WORD)


def from_words(port: Port, words: np.ndarray) -> np.ndarray:
    """The column of a port, of an array of one row of words a value.

    >>> port = Port("x", ("x",), 40, True)
    >>> from_words(port, to_words(port, [-1, 2]).reshape(-1, 2)).tolist()
    [-1, 2]
    """
    if port.width <= 64:
        raw = np.zeros(len(words), dtype=np.uint64)
        for i in range(words.shape[1]):
            raw |= words[:, i].astype(np.uint64) << np.uint64(32 * i)
        if port.width == 64 and not port.signed:
            return raw.astype(object)
        spare = 64 - port.width if port.signed and port.width else 0
        return (raw << np.uint64(spare)).view(np.int64) >> np.int64(spare)
    sign = 1 << port.width if port.signed else 0
    raw_values = (int.from_bytes(row.tobytes(), "little") for row in np.ascontiguousarray(words))
    return column(port, [value - sign if sign and value >> (port.width - 1) else value for value in raw_values])


def _columns(ports: Sequence[Port], rows: np.ndarray) -> Iterable[tuple[Port, np.ndarray]]:
    at = 0
    for port in ports:
        yield port, from_words(port, rows[:, at : at + words_of(port)])
        at += words_of(port)


def _track(ports: tuple[Port, ...], rows: np.ndarray) -> Track:
    cycles = from_words(Port("cycle", ("cycle",), 63, False), rows[:, :2])
    return Track.of(cycles, ports, [found for _, found in _columns(ports, rows[:, 2:])])


def _numbers(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype="<u8").view(WORD)
