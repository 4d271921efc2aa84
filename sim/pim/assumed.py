"""What is assumed of commands, and what is modelled of no device: sentences and short names for records.

docs/pim.md says the same of the engine. What a device does not state is `lowering.not_modelled`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable

# By the names of commands; {} stands for those of them that are issued.
OF_COMMANDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("WRGB", "RDMAC", "AF"), "{}: column commands that follow each other at CCD short"),
    (("COPY_OUT", "COPY_IN"), "{}: timed as RD and WR without outside data"),
    (("EWMUL",), "{}: timed as a MAC; its write-back is not sourced"),
)

OF_NO_DEVICE = (
    "MAC to RDMAC",  # until accumulators can be read
    "data on the bus after a read",
    "commands of two bus cycles",
    "RREFD",  # a REFpb beside activations of other banks
    "power down",
    "refresh ahead of time",
    "refresh of idle channels",
)


def assumed(issued: Iterable[str]) -> tuple[str, ...]:
    """What is assumed of the commands that are issued, given by their names; the same of several in one sentence.

    >>> assumed(["ACT16", "MAC", "PREA"]), assumed(["MAC", "EWMUL"])
    ((), ('EWMUL: timed as a MAC; its write-back is not sourced',))
    >>> assumed(["RDMAC", "WRGB"])[0]
    'WRGB, RDMAC: column commands that follow each other at CCD short'
    """
    found = set(issued)
    said = ((", ".join(name for name in names if name in found), sentence) for names, sentence in OF_COMMANDS)
    return tuple(sentence.format(names) for names, sentence in said if names)
