"""How often a cascade must traverse a rank: the pass analysis of FuseMax (arXiv 2406.10491, section 3).

An Einsum that iterates over rank R can run in the same traversal as the producer of an operand that carries R, or of a
running state. A value that is only complete after a whole traversal (the result of a full reduction over R, a final
state, or anything made from one without R) forces a consumer that iterates over R into the next traversal.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cascade import Cascade, Einsum


@dataclass(frozen=True)
class PassCount:
    """The passes over one rank: `passes` and, per Einsum, the pass it belongs to and why."""

    rank: str
    passes: int
    pass_of: dict[str, int]
    reasons: tuple[str, ...]


def _summarises(einsum: Einsum, parts: tuple[str, ...]) -> bool:
    """Whether the result has left the rank: iterated over, but carried by no part of it."""
    return any(p in einsum.ranks for p in parts) and not any(p in einsum.target_ranks for p in parts)


def count_passes(cascade: Cascade, rank: str) -> PassCount:
    """The least number of traversals of a rank (a family: `m` counts m1 and m0), with reasons.

    >>> from workloads import cascade
    >>> count_passes(cascade("attention-3pass"), "m").passes, count_passes(cascade("attention-1pass"), "m").passes
    (3, 1)
    """
    parts = cascade.parts[rank]
    complete: dict[str, int] = {}  # tensor without the rank: the pass after which it is whole
    during: dict[str, int] = {}  # tensor with the rank: the pass that streams it
    pass_of: dict[str, int] = {}
    forced: dict[str, str] = {}
    for einsum in cascade.einsums:
        iterates = any(p in einsum.ranks for p in parts)
        number, cause = (1, "") if iterates else (0, "")
        for read in einsum.reads:
            name = read.tensor
            carried = any(p in cascade.tensors[name].ranks for p in parts)
            whole = read.version == "final" and cascade.tensors[name].iterated in parts
            if carried and not whole:
                needed, why = during.get(name, 1), f"it streams {name} of pass {during.get(name, 1)}"
            else:
                done = during.get(name, 1) if carried else complete.get(name, 0)
                needed = done + 1 if iterates and done else done
                why = f"it needs {name}, which is whole only after pass {done}"
            if needed > number:
                number, cause = needed, why
        pass_of[einsum.name] = number
        if iterates and number > 1:
            forced[einsum.name] = cause
        if any(p in einsum.target_ranks for p in parts):
            during[einsum.name] = number
        else:
            complete[einsum.name] = number
    innermost = parts[-1]
    numbers = sorted({pass_of[e.name] for e in cascade.einsums if innermost in e.ranks})
    reasons = []
    for number in numbers:
        members = [e.name for e in cascade.einsums if pass_of[e.name] == number and innermost in e.ranks]
        first = next((m for m in members if m in forced and "whole" in forced[m]), None)
        why = f"{first} waits: {forced[first]}" if first else "nothing it needs waits for a whole traversal"
        reasons.append(f"pass {number} over {rank}: {', '.join(members)}; {why}")
    return PassCount(rank, len(numbers), pass_of, tuple(reasons))
