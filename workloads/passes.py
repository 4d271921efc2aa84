"""How often a cascade must traverse a rank: the pass analysis of FuseMax (arXiv 2406.10491, section 3).

An Einsum that iterates over rank R can run in the same traversal as the producer of an operand that carries R, or of
a running state. A value that is only complete after a whole traversal (the result of a full reduction over R, a
final state, or anything made from one without R) forces a consumer that iterates over R into the next traversal.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cascade import Cascade, Einsum, Read
from .recurrence import reachable


@dataclass(frozen=True)
class PassCount:
    """The passes over one rank: `passes`, the pass of each Einsum, and one sentence per pass that says why."""

    rank: str
    passes: int
    pass_of: dict[str, int]
    reasons: tuple[str, ...]


def count_passes(cascade: Cascade, rank: str) -> PassCount:
    """The least number of traversals of a rank (a family: `m` counts m1 and m0), with reasons.

    An Einsum that does not iterate over the rank belongs to the pass after which it can run, 0 if that is none.

    >>> from workloads import cascade
    >>> count_passes(cascade("attention-3pass"), "m").passes, count_passes(cascade("attention-1pass"), "m").passes
    (3, 1)
    >>> print(count_passes(cascade("attention-deferred-division"), "m").reasons[1])
    Pass 2 over m makes SN, SD and SNV: SN needs GM, which is complete only after pass 1.
    """
    parts = cascade.parts[rank]
    pass_of = {e.name: int(any(p in e.ranks for p in parts)) for e in cascade.einsums}
    waits_for: dict[str, Read] = {}  # the operand that put an Einsum into its pass
    changed = True
    while changed:  # a state is read before the text defines it, so once through is not always enough
        changed = False
        for einsum in cascade.einsums:
            for read in einsum.reads:
                needed = _earliest(cascade, einsum, read, parts, pass_of)
                if needed > pass_of[einsum.name]:
                    pass_of[einsum.name], waits_for[einsum.name], changed = needed, read, True
    innermost = [e for e in cascade.einsums if parts[-1] in e.ranks]
    numbers = sorted({pass_of[e.name] for e in innermost})
    reasons = []
    for number in numbers:
        members = [e.name for e in innermost if pass_of[e.name] == number]
        why = _why(cascade, members, parts, pass_of, waits_for)
        reasons.append(f"Pass {number} over {rank} makes {_listed(members)}: {why}.")
    return PassCount(rank, len(numbers), pass_of, tuple(reasons))


def _earliest(cascade: Cascade, einsum: Einsum, read: Read, parts: tuple[str, ...], pass_of: dict[str, int]) -> int:
    """The first pass in which an Einsum can run, as far as one operand is concerned."""
    state = cascade.tensors[read.tensor].iterated
    looped = read.version == "previous" and state not in parts
    if looped and einsum.name in reachable(cascade.by_name, read.tensor):
        return 0  # a loop over another rank: the value is there before this traversal begins
    made = pass_of.get(read.tensor, 0)
    waits = made > 0 and any(p in einsum.ranks for p in parts) and not _streams(cascade, read, parts)
    return made + 1 if waits else made


def _streams(cascade: Cascade, read: Read, parts: tuple[str, ...]) -> bool:
    """Whether an operand can be consumed while it is made: it carries the rank, and not as a final value."""
    tensor = cascade.tensors[read.tensor]
    final = read.version == "final" and tensor.iterated in parts
    return not final and any(p in tensor.ranks for p in parts)


def _why(
    cascade: Cascade,
    members: list[str],
    parts: tuple[str, ...],
    pass_of: dict[str, int],
    waits_for: dict[str, Read],
) -> str:
    """What keeps the Einsums of a pass out of the pass before."""
    chain = [members[0]]
    while chain[-1] in waits_for:
        read = waits_for[chain[-1]]
        if not _streams(cascade, read, parts) and pass_of[read.tensor] < pass_of[chain[-1]]:
            steps = [f"{a} needs {b}" for a, b in zip(chain, [*chain[1:], str(read.tensor)], strict=True)]
            return f"{', '.join(steps)}, which is complete only after pass {pass_of[read.tensor]}"
        chain.append(read.tensor)
    return "nothing that they need waits for a whole traversal"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
