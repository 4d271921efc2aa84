"""A DRAM device with processing in it, in the words of its datasheet: organisation, timing in ticks, what it does how.

A *tick* is a cycle of the command clock. A time that is not stated is None: then nothing waits for it, and results list
the constraint as not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["MOST_BANKS", "MOST_POSTPONED", "Activation", "Device", "DramTiming", "Organisation", "Refresh"]

# What DDR4 allows (Intel, External Memory Interfaces Agilex 7 FPGA IP User Guide, 10.4.13); of others an assumption.
MOST_POSTPONED = 8
MOST_BANKS = 62  # of a channel: the engine has a bit for each in one word


class Refresh(Enum):
    """Which banks a refresh command is for."""

    OFF = "off"
    ALL_BANK = "all-bank"
    PER_BANK = "per-bank"


class Activation(Enum):
    """What is done about the current that activations draw: four banks at a time within FAW (Newton), fewer column
    commands of all banks (AttAcc), or nothing (CENT)."""

    FOUR_BANKS = "tfaw-act4"
    STRETCHED_CCD = "stretched-ccd"
    NONE = "none"


@dataclass(frozen=True)
class Organisation:
    """What there is of everything; a channel has `bank_groups` of `banks_per_group`."""

    channels: int
    bank_groups: int
    banks_per_group: int
    rows: int  # of a bank
    row_bytes: int
    column_bytes: int  # of one column command

    @property
    def banks(self) -> int:
        """Banks of a channel."""
        return self.bank_groups * self.banks_per_group

    @property
    def columns(self) -> int:
        """Column commands that read a row."""
        return self.row_bytes // self.column_bytes


@dataclass(frozen=True)
class DramTiming:
    """Ticks between commands. `short`: between bank groups, `long`: within one; all others: of one bank, or of all."""

    rcd_read: int  # ACT to RD
    rcd_write: int  # ACT to WR
    rcd_mac: int  # ACT to MAC
    rp: int  # PRE to ACT
    ras: int  # ACT to PRE
    rc: int  # ACT to ACT of the same bank
    ccd_short: int  # column command to column command
    ccd_long: int
    ccd_mac: int  # MAC of all banks to the next
    ccd_mac_stretched: int  # the same where that limits the current
    rtp: int  # RD or MAC to PRE
    rrd_short: int  # ACT to ACT of another bank
    rrd_long: int
    faw: int | None  # no more than four activations within
    write_latency: int | None = None  # WR to its data
    burst: int | None = None  # ticks of data of a column command
    wr: int | None = None  # end of write data to PRE
    wtr: int | None = None  # end of write data to RD
    rtw: int | None = None  # RD to WR
    rfc: int | None = None  # REFab to ACT
    rfc_bank: int | None = None  # REFpb to ACT of that bank
    refi: int | None = None  # between refresh commands, on average
    mode_switch: int | None = None  # between a memory's work and processing in it


@dataclass(frozen=True)
class Device:
    """A device and how it is run. `postponed`: a refresh that is due waits for the end of a row."""

    organisation: Organisation
    timing: DramTiming
    refresh: Refresh = Refresh.ALL_BANK
    postponed: bool = True
    activation: Activation = Activation.NONE
    most_postponed: int = MOST_POSTPONED  # refresh commands that may be late
    accumulators: int = 1  # results that a bank keeps
    buffer_bytes: int = 2048  # of the global buffer of a channel
    multipliers: int = 16  # of a bank
    commands: tuple[str, ...] = ()  # of processing in memory
