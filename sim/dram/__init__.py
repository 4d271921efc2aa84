"""Commands of a DRAM channel with processing in it, to the tick: docs/pim.md.

Knows devices and programs of row runs, nothing of mappings and workloads.
"""

from .channel import Outcome, run, run_packed, trace
from .checker import Violation, check_trace
from .commands import Command, Issued
from .program import BusRun, Repeat, RowRun, Segment, Wait, commands_of, pack
from .text import read_text, slices, write_text
from .timing import pack_device

__all__ = [
    "BusRun", "Command", "Issued", "Outcome", "Repeat", "RowRun", "Segment", "Violation", "Wait", "check_trace",
    "commands_of", "pack", "pack_device", "read_text", "run", "run_packed", "slices", "trace", "write_text",
]  # fmt: skip
