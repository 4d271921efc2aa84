"""Recorded stalls of the outside streams: cycles in which the outermost memory takes or gives nothing of a tensor.

The same recording drives the cycle engine and generated hardware. A transfer begins in a cycle that is not stalled, and
makes no progress in those that are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from specs import Problem, SpecError, unknown

Stops = Mapping[str, tuple[tuple[int, int], ...]]  # tensor: [from, to) in cycles, in order and apart

HORIZON = 10_000  # cycles for which a seed draws stalls
READY, STALLED = 20, 5  # mean lengths of what it draws
LATEST = 1 << 40
LARGEST_BYTES = 16 << 20


def stops_of(text: str, tensors: Iterable[str]) -> Stops:
    """The stalls that `--stalls` names: a seed, or a JSON file `{"Q": [[10, 20], ...], ...}`.

    Raises `SpecError` for what is neither, for unknown tensors, and for stretches that are not in order.

    >>> stops_of("7", ["Q"]) == drawn(7, ["Q"])
    True
    """
    names = list(tensors)
    if re.fullmatch(r"\s*[0-9]{1,18}\s*", text):
        return drawn(int(text), names)
    path = Path(text)
    if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
        wrong = "is larger" if path.is_file() else "is no file" if path.exists() else "does not exist"
        takes = f"--stalls takes a seed (a whole number from 0 on) or a JSON file of at most {LARGEST_BYTES >> 20} MiB"
        raise SpecError([Problem(f"{takes}; '{text}' {wrong}")])
    try:
        data = json.loads(path.read_text(), object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:
        raise SpecError([Problem(f"--stalls: '{text}' is no JSON: {error}")]) from None
    if not isinstance(data, dict):
        raise SpecError([Problem(f"--stalls: '{text}' must hold an object such as {{\"{names[0]}\": [[10, 20]]}}")])
    problems = [Problem(f"--stalls: {unknown('stream', name, names)}") for name in data if name not in names]
    for name, stretches in data.items():
        problems += [Problem(f"--stalls: stream '{name}': {fault}") for fault in _faults(stretches)]
    if problems:
        raise SpecError(problems)
    return {name: tuple((int(a), int(b)) for a, b in stretches) for name, stretches in data.items() if stretches}


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose streams are named once."""
    names = [name for name, _ in pairs]
    again = sorted({name for name in names if names.count(name) > 1})
    if again:
        raise SpecError(
            [Problem(f"--stalls: stream '{name}' is named twice; give all its stretches at once") for name in again]
        )
    return dict(pairs)


def _faults(stretches: Any) -> list[str]:
    wanted = f"stretches [from, to) of cycles up to {LATEST:,}, in order, such as [[10, 20], [30, 31]]"
    if not isinstance(stretches, list):
        return [f"found {stretches!r}; give {wanted}"]
    before = -1
    for pair in stretches:
        whole = isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
        if not whole or not before < pair[0] < pair[1] <= LATEST:
            return [f"found {pair!r}; give {wanted}"]
        before = pair[1]
    return []


def drawn(seed: int, tensors: Iterable[str]) -> Stops:
    """Stalls drawn from a seed: ready and stalled stretches of geometric lengths, up to a horizon."""
    rng = np.random.default_rng(seed)
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for tensor in tensors:
        stretches, cycle = [], 0
        while cycle < HORIZON:
            begin = cycle + int(rng.geometric(1 / READY))
            cycle = begin + int(rng.geometric(1 / STALLED))
            stretches.append((begin, cycle))
        found[tensor] = tuple(stretches)
    return found
