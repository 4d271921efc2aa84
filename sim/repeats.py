"""Outer loops that only repeat are one loop: the jump then has one period to find instead of one for each of them.

A loop only repeats if no entry asks for its first or last iteration, no slot is numbered by it, no mask runs over it
and each of its iterations has the same inner ones. Tiles keep their order.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from .program import Program

REPEAT = "repeat"


def merge(program: Program) -> Program:
    """The same program, its outermost loops that only repeat made into one."""
    alone = len(program.sweeps) == 1
    path = (*program.prefix, *program.sweeps[0].loops) if alone else program.prefix
    grouped = alone and np.any(np.asarray(program.sweeps[0].group) > 1)  # groups end with the innermost loop
    run: list[str] = []
    for loop in path[:-1] if grouped else path:
        if not _plain(program, loop):
            break
        run.append(loop)
    while run and not _even(program, run):
        run.pop()
    if len(run) < 2:
        return program
    sizes, loops = dict(program.sizes), dict(program.loops)
    counts = []
    for family in dict.fromkeys(program.family_of[loop] for loop in run):
        own = [loop for loop in run if program.family_of[loop] == family]
        counts.append(-(-np.asarray(program.sizes[family]) // program.chunks[own[-1]]))
        loops[family] = tuple(loop for loop in program.loops[family] if loop not in own)
        sizes[family] = program.chunks[own[-1]]
        if not loops[family]:
            del loops[family], sizes[family]
    left = tuple(loop for loop in path if loop not in run)
    sweeps = (replace(program.sweeps[0], loops=(REPEAT, *left)),) if alone else program.sweeps
    return replace(
        program,
        chunks={REPEAT: 1, **{name: chunk for name, chunk in program.chunks.items() if name not in run}},
        family_of={REPEAT: REPEAT, **{name: f for name, f in program.family_of.items() if name not in run}},
        sizes={REPEAT: prod(counts), **sizes},
        loops={REPEAT: (REPEAT,), **loops},
        prefix=() if alone else (REPEAT, *left),
        sweeps=sweeps,
    )


def _plain(program: Program, loop: str) -> bool:
    """Whether nothing in the program refers to the loop."""
    if program.band is not None and program.family_of[loop] in program.band[:2]:
        return False
    if any(loop in entry.first | entry.last for entry in program.entries):
        return False
    return not any(np.any(np.asarray(wait.strides.get(loop, 0))) for wait in program.waits)


def _even(program: Program, run: list[str]) -> bool:
    """Whether each iteration of these loops has as many inner ones as any other, at every design point."""
    for loop in run:
        family = program.family_of[loop]
        inner = [name for name in program.loops[family] if name not in run]
        if not inner:
            continue
        own = [name for name in run if program.family_of[name] == family]
        chunk = np.asarray(program.chunks[inner[0]])
        tiles: Any = -(-np.asarray(program.sizes[family]) // chunk)
        if np.any(tiles % (np.asarray(program.chunks[own[-1]]) // chunk)):
            return False
    return True
