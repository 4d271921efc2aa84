"""The channel's kernel: runs of a program, a few operations each however long, and the jump over repetitions.

Every constraint of docs/pim.md is a time before which some command may not be issued: of a bank, a bank group or the
channel. A command is issued at the latest of those that concern it, and moves others. Commands of a run follow each
other at an even pace until it ends or a refresh has to go first, so that a run is no loop over its commands.

What can still bind is how far these times lie in the future, which rows are open, and how far away the next refresh
is. If that, relative to now and to the rows of the iteration, is at the end of an iteration what it was at the end of
an earlier one, then whatever happened between them happens again, for ever. The jump adds it as often as it fits.

Kernels and their helpers stand in this one file, since numba's cache does not see edits elsewhere. The device is one
array, `c`; times and open rows are another, `s`; what is counted a third, `a`.
"""

from __future__ import annotations

import numba
import numpy as np

# Commands, as in commands.py.
(
    ACT, ACT4, ACT16, PRE, PREA, RD, COPY_OUT, MAC_ONE, MAC_SAME, MAC, EWMUL, WR, COPY_IN, WRGB, RDMAC, AF, MODE, REFab,
    REFpb, COMMANDS,
) = range(20)  # fmt: skip

# The columns of a program, as in program.py.
REPEAT, WAIT, DEEPEST = -1, -2, 8
COMMAND, BANK, ROW, COLUMN, COUNT = range(5)

# The device, in ticks but for the first three and PER_BANK.
(
    BANKS, PER_GROUP, FOUR, RCD_READ, RCD_WRITE, RCD_MAC, RP, RAS, RC, CCD_SHORT, CCD_LONG, CCD_ALL, RTP, RRD_SHORT,
    RRD_LONG, FAW, WRITE_TO_PRE, WRITE_TO_READ, RTW, RFC, RFC_BANK, REFI, LATE, PER_BANK, MODE_SWITCH, DEVICE,
) = range(26)  # fmt: skip

# Times of the channel: the first tick at which the command bus is free, a column command may follow any other, one of
# all banks another, a bank may be read after a write, data may come in after data went out, a row may be opened after
# any other; of the last four activations, when they leave the window; when refreshes and the program's commands and
# waits end.
NOW, COLUMN_AT, ALL_AT, READ_AT, WRITE_AT, ACT_AT, WINDOW, REFRESHED, END, SCALARS = 0, 1, 2, 3, 4, 5, 6, 10, 11, 12
# Then in blocks of as many as there are banks: of groups, and of banks. ROWS: the open row, or -1.
GROUP_ACT, GROUP_COLUMN, BANK_ACT, BANK_PRE, BANK_READ, BANK_WRITE, BANK_MAC, ROWS, BLOCKS = range(9)

# What is counted: banks that are open, up to when ticks are accounted for, refreshes, ..., ticks in which a bank is
# open, all are closed, all are closed and some refreshed, ticks of waits; then by command how many, and ticks up to
# their ends.
OPEN, SEEN, REFRESHES, FIRST_ACT, LAST_MAC, KEPT, ACTIVE, PRECHARGED, REFRESHING, WAITED, COUNTS = range(11)
TICKS = COUNTS + COMMANDS
COUNTED = TICKS + COMMANDS

# helpers are called from the kernel only: without entry points for Python they compile in a fraction of the time
_inner = numba.njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]


@numba.njit(cache=True, nogil=True)
def run_program(c, program, jump, records):  # type: ignore[no-untyped-def]
    """Runs a program from tick 0 on; what was counted. Keeps as many commands as `records` [command, 4] has rows."""
    banks = c[BANKS]
    s, a = np.zeros(SCALARS + BLOCKS * banks, np.int64), np.zeros(COUNTED, np.int64)
    for bank in range(banks):
        s[SCALARS + ROWS * banks + bank] = -1
    a[FIRST_ACT] = a[LAST_MAC] = -1
    old_s, old_a = np.zeros((DEEPEST, len(s)), np.int64), np.zeros((DEEPEST, COUNTED), np.int64)
    head, times, since, reach = (
        np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64),
        np.zeros(DEEPEST, np.int64),
    )  # fmt: skip
    place, depth, shift = 0, 0, np.int64(0)  # shift: of the rows
    while True:
        while depth > 0 and place == head[depth - 1] + 1 + program[head[depth - 1], COLUMN]:
            level = depth - 1
            this = program[head[level]]
            times[level] += 1
            shift += this[ROW]
            if jump and reach[level] > 0:
                skipped = _repeat(c, s, a, old_s[level], old_a[level], this, level, times, since, reach)
                times[level] += skipped
                shift += skipped * this[ROW]
            if times[level] < this[COUNT]:
                place = head[level] + 1
            else:
                shift -= this[COUNT] * this[ROW]
                depth -= 1
        if place == len(program):
            break
        this = program[place]
        if this[COMMAND] == REPEAT:
            head[depth], times[depth], since[depth], reach[depth] = place, 0, 0, 1
            if jump:
                _account(s, a, s[NOW])
                old_s[depth], old_a[depth] = s, a
            depth += 1
        elif this[COMMAND] == WAIT:
            _wait(c, s, a, records, this[COUNT])
        else:
            _run(c, s, a, records, this[COMMAND], this[BANK], this[ROW] + shift, this[COLUMN], this[COUNT])
        place += 1
    beyond = max(s[NOW] - s[END], 0)  # of an opening, or of a refresh that began in a wait
    a[WAITED] += beyond
    _account(s, a, s[END] + beyond)
    return a


# ------------------------------------------------------------------------------------------------------------- the jump


@_inner
def _repeat(c, s, a, old_s, old_a, this, level, times, since, reach):  # type: ignore[no-untyped-def]
    """After an iteration: how many more are like what came before, and are done at once.

    The state is held against that of the iteration `since`, which moves on by powers of two (Brent).
    """
    _account(s, a, s[NOW])
    period = times[level] - since[level]
    if not _alike(c, s, a, old_s, old_a, this[BANK], period * this[ROW]):
        if period == reach[level]:
            old_s[:], old_a[:] = s, a
            since[level] = times[level]
            reach[level] *= 2
        return np.int64(0)
    again = (this[COUNT] - times[level]) // period
    later = again * (s[NOW] - old_s[NOW])
    last_mac = a[LAST_MAC] + (later if a[LAST_MAC] != old_a[LAST_MAC] else 0)
    first_act = a[FIRST_ACT]
    for k in range(COUNTED):
        a[k] += again * (a[k] - old_a[k])
    a[LAST_MAC], a[FIRST_ACT] = last_mac, first_act
    rows = SCALARS + ROWS * c[BANKS]
    for k in range(rows):
        s[k] += later
    for bank in range(c[BANKS]):
        if s[rows + bank] >= 0 and (this[BANK] >> bank) & 1:
            s[rows + bank] += again * period * this[ROW]
    reach[level] = 0
    return again * period


@_inner
def _alike(c, s, a, old_s, old_a, used, climbed):  # type: ignore[no-untyped-def]
    """Whether what can still bind is the same as it was, with the rows of the banks that are used `climbed` higher."""
    now, old_now = s[NOW], old_s[NOW]
    if c[REFI]:
        if _due(c, a[REFRESHES] + 1) - now != _due(c, old_a[REFRESHES] + 1) - old_now:
            return False
        if c[PER_BANK] and (a[REFRESHES] - old_a[REFRESHES]) % c[BANKS]:
            return False
    rows = SCALARS + ROWS * c[BANKS]
    for bank in range(c[BANKS]):
        row, old = s[rows + bank], old_s[rows + bank]
        if row != old + (climbed if old >= 0 and (used >> bank) & 1 else 0) or (row < 0) != (old < 0):
            return False
    same = s[END] - now == old_s[END] - old_now  # where the next wait begins, if it has passed too
    for k in range(rows):  # what lies in the past binds nothing
        same = same and max(s[k] - now, 0) == max(old_s[k] - old_now, 0)
    return same


# ----------------------------------------------------------------------------------------------------------------- runs


@_inner
def _run(c, s, a, records, command, bank, row, column, count):  # type: ignore[no-untyped-def]
    """All commands of a segment, with what has to come before them."""
    uses_row = RD <= command <= COPY_IN
    pace = _pace(c, command)
    if uses_row:
        _open(c, s, a, records, command, bank, row, True)
    left = count
    while left > 0:
        tick = _column_at(c, s, command, bank)
        number = left
        if c[REFI]:
            last_moment = _due(c, a[REFRESHES] + 1) + c[LATE]
            if last_moment <= tick:
                s[NOW] = max(s[NOW], last_moment)
                _refresh(c, s, a, records)
                if uses_row:
                    _open(c, s, a, records, command, bank, row, False)
                tick = _column_at(c, s, command, bank)
                last_moment = _due(c, a[REFRESHES] + 1) + c[LATE]
            number = min(left, max(1, -((tick - last_moment) // pace)))
        for k in range(number if len(records) else 0):
            _keep(a, records, tick + k * pace, command, bank, column + k if uses_row else -1)
        _use(c, s, a, command, bank, tick, number, pace)
        if uses_row:
            column += number
        left -= number


@_inner
def _wait(c, s, a, records, ticks):  # type: ignore[no-untyped-def]
    """Nothing of the program for so many ticks from the end of what is before; refreshes at their last moments."""
    s[END] += ticks
    a[WAITED] += ticks
    while c[REFI]:
        tick = max(s[NOW], _due(c, a[REFRESHES] + 1) + c[LATE])
        if tick >= s[END]:
            break
        s[NOW] = tick
        _refresh(c, s, a, records)
    s[NOW] = max(s[NOW], s[END])


@_inner
def _banks(c, command, bank):  # type: ignore[no-untyped-def]
    """First, last and step of the banks in which a command uses a row."""
    if command in (MAC, EWMUL):
        return np.int64(0), c[BANKS], np.int64(1)
    if command == MAC_SAME:
        return bank, c[BANKS], c[PER_GROUP]
    return bank, bank + (1 if bank >= 0 else 0), np.int64(1)


@_inner
def _pace(c, command):  # type: ignore[no-untyped-def]
    """Ticks from a command to another like it."""
    if command == MODE:
        return max(c[MODE_SWITCH], 1)
    pace = max(c[CCD_SHORT], 1)
    if RD <= command <= COPY_IN:
        pace = max(pace, c[CCD_LONG])
    return max(pace, c[CCD_ALL]) if command in (MAC, EWMUL) else pace


@_inner
def _column_at(c, s, command, bank):  # type: ignore[no-untyped-def]
    """The first tick at which a command of the program may be issued, its row being open."""
    tick = s[NOW]
    if command == MODE:
        return tick
    tick = max(tick, s[COLUMN_AT])
    if command in (MAC, EWMUL):
        tick = max(tick, s[ALL_AT])
    if RD <= command <= EWMUL:
        tick = max(tick, s[READ_AT])
    if command in (WR, WRGB):
        tick = max(tick, s[WRITE_AT])
    if RD <= command <= COPY_IN:
        block = BANK_READ if command < MAC_ONE else BANK_MAC if command < WR else BANK_WRITE
        group_at, bank_at = SCALARS + GROUP_COLUMN * c[BANKS], SCALARS + block * c[BANKS]
        first, last, step = _banks(c, command, bank)
        for each in range(first, last, step):
            tick = max(tick, s[group_at + each // c[PER_GROUP]], s[bank_at + each])
    return tick


@_inner
def _use(c, s, a, command, bank, first_tick, number, pace):  # type: ignore[no-untyped-def]
    """`number` commands of the program are issued, the first at `first_tick`: what later ones have to wait for."""
    tick = first_tick + (number - 1) * pace
    end = max(s[END], tick + pace)
    a[COUNTS + command] += number
    a[TICKS + command] += end - s[END]
    s[END] = end
    s[NOW] = tick + (pace if command == MODE else 1)
    if command == MODE:
        return
    s[COLUMN_AT] = tick + c[CCD_SHORT]
    if command in (MAC, EWMUL):
        s[ALL_AT] = tick + c[CCD_ALL]
    if MAC_ONE <= command <= MAC:
        a[LAST_MAC] = tick + pace
    if command in (RD, RDMAC):
        s[WRITE_AT] = tick + c[RTW]
    writes = command in (WR, COPY_IN)
    if writes:
        s[READ_AT] = tick + c[WRITE_TO_READ]
    if RD <= command <= COPY_IN:
        group_at, pre_at = SCALARS + GROUP_COLUMN * c[BANKS], SCALARS + BANK_PRE * c[BANKS]
        until_pre = tick + (c[WRITE_TO_PRE] if writes else c[RTP])
        first, last, step = _banks(c, command, bank)
        for each in range(first, last, step):
            s[group_at + each // c[PER_GROUP]] = tick + c[CCD_LONG]
            s[pre_at + each] = max(s[pre_at + each], until_pre)


# ----------------------------------------------------------------------------------------------------------------- rows


@_inner
def _open(c, s, a, records, command, bank, row, boundary):  # type: ignore[no-untyped-def]
    """Opens a row in the banks of a command, if it is not open. A refresh that is due goes first at a row's `boundary`.

    Without a boundary the row was open: what a refresh has closed is opened again.
    """
    first, last, step = _banks(c, command, bank)
    rows = SCALARS + ROWS * c[BANKS]
    whole = command in (MAC, EWMUL)
    there = True
    for each in range(first, last, step):
        there = there and s[rows + each] == row
    if there:
        return
    if boundary:
        if whole and a[OPEN] > 0:
            _close(c, s, a, records, -1)
        for each in range(first, last, step):
            if s[rows + each] >= 0 and s[rows + each] != row:
                _close(c, s, a, records, each)
        if c[REFI]:
            due = _due(c, a[REFRESHES] + 1)
            if due <= _next_activation(c, s, first, last, step, whole):
                s[NOW] = max(s[NOW], due)
                _refresh(c, s, a, records)
    if whole and a[OPEN] == 0:
        size = np.int64(4) if c[FOUR] else c[BANKS]
        for each in range(0, c[BANKS], size):
            _activate(c, s, a, records, ACT4 if c[FOUR] else ACT16, each, each + size, row)
        return
    for each in range(first, last, step):
        if s[rows + each] < 0:
            _activate(c, s, a, records, ACT, each, each + 1, row)


@_inner
def _next_activation(c, s, first, last, step, whole):  # type: ignore[no-untyped-def]
    """The first tick at which the first activation of a row may be issued."""
    if whole:
        return _activate_at(c, s, ACT4 if c[FOUR] else ACT16, 0, 4 if c[FOUR] else c[BANKS])
    for each in range(first, last, step):
        if s[SCALARS + ROWS * c[BANKS] + each] < 0:
            return _activate_at(c, s, ACT, each, each + 1)
    return s[NOW]


@_inner
def _activate_at(c, s, command, first, last):  # type: ignore[no-untyped-def]
    """The first tick at which a row may be opened in banks `first` to before `last`."""
    group_at, bank_at = SCALARS + GROUP_ACT * c[BANKS], SCALARS + BANK_ACT * c[BANKS]
    tick = max(s[NOW], s[ACT_AT])
    if command != ACT16:
        tick = max(tick, s[WINDOW + (3 if command == ACT4 else 0)])
    for each in range(first, last):
        tick = max(tick, s[group_at + each // c[PER_GROUP]], s[bank_at + each])
    return tick


@_inner
def _activate(c, s, a, records, command, first, last, row):  # type: ignore[no-untyped-def]
    """Opens a row in banks `first` to before `last`, which are closed."""
    banks = c[BANKS]
    tick = _activate_at(c, s, command, first, last)
    _account(s, a, tick)
    s[NOW] = tick + 1
    s[ACT_AT] = tick + c[RRD_SHORT]
    for _ in range(0 if command == ACT16 else last - first):
        for k in range(3):
            s[WINDOW + k] = s[WINDOW + k + 1]
        s[WINDOW + 3] = tick + c[FAW]
    for each in range(first, last):
        s[SCALARS + GROUP_ACT * banks + each // c[PER_GROUP]] = tick + c[RRD_LONG]
        s[SCALARS + BANK_ACT * banks + each] = tick + c[RC]
        s[SCALARS + BANK_PRE * banks + each] = tick + c[RAS]
        s[SCALARS + BANK_READ * banks + each] = tick + c[RCD_READ]
        s[SCALARS + BANK_WRITE * banks + each] = tick + c[RCD_WRITE]
        s[SCALARS + BANK_MAC * banks + each] = tick + c[RCD_MAC]
        s[SCALARS + ROWS * banks + each] = row
    a[OPEN] += last - first
    a[COUNTS + command] += 1
    if a[FIRST_ACT] < 0:
        a[FIRST_ACT] = tick
    _keep(a, records, tick, command, -1 if command == ACT16 else first, row)


@_inner
def _close(c, s, a, records, bank):  # type: ignore[no-untyped-def]
    """Closes a bank, or all: -1."""
    banks = c[BANKS]
    first, last = (0, banks) if bank < 0 else (bank, bank + 1)
    tick = s[NOW]
    for each in range(first, last):
        tick = max(tick, s[SCALARS + BANK_PRE * banks + each])
    _account(s, a, tick)
    s[NOW] = tick + 1
    for each in range(first, last):
        act_at, row = SCALARS + BANK_ACT * banks + each, SCALARS + ROWS * banks + each
        s[act_at] = max(s[act_at], tick + c[RP])
        a[OPEN] -= s[row] >= 0
        s[row] = -1
    command = PREA if bank < 0 else PRE
    a[COUNTS + command] += 1
    _keep(a, records, tick, command, bank, -1)


# -------------------------------------------------------------------------------------------------------------- refresh


@_inner
def _due(c, number):  # type: ignore[no-untyped-def]
    """When a refresh is due; the first has number 1."""
    return number * c[REFI] // c[BANKS] if c[PER_BANK] else number * c[REFI]


@_inner
def _refresh(c, s, a, records):  # type: ignore[no-untyped-def]
    """The next refresh, and those that are due when it is issued."""
    while True:
        if c[PER_BANK]:
            first = a[REFRESHES] % c[BANKS]
            last, command, bank, busy = first + 1, REFpb, first, c[RFC_BANK]
            if s[SCALARS + ROWS * c[BANKS] + first] >= 0:
                _close(c, s, a, records, first)
        else:
            first, last, command, bank, busy = np.int64(0), c[BANKS], REFab, np.int64(-1), c[RFC]
            if a[OPEN] > 0:
                _close(c, s, a, records, np.int64(-1))
        tick = s[NOW]
        for each in range(first, last):
            tick = max(tick, s[SCALARS + BANK_ACT * c[BANKS] + each])
        _account(s, a, tick)
        s[NOW] = tick + 1
        s[REFRESHED] = max(s[REFRESHED], tick + busy)
        for each in range(first, last):
            s[SCALARS + BANK_ACT * c[BANKS] + each] = tick + busy
        a[REFRESHES] += 1
        a[COUNTS + command] += 1
        _keep(a, records, tick, command, bank, -1)
        if _due(c, a[REFRESHES] + 1) > tick:
            return


# ------------------------------------------------------------------------------------------------------------- accounts


@_inner
def _account(s, a, tick):  # type: ignore[no-untyped-def]
    """Ticks up to `tick`, by what the banks were in."""
    passed = tick - a[SEEN]
    if a[OPEN] > 0:
        a[ACTIVE] += passed
    else:
        refreshing = max(min(tick, s[REFRESHED]) - a[SEEN], 0)
        a[REFRESHING] += refreshing
        a[PRECHARGED] += passed - refreshing
    a[SEEN] = tick


@_inner
def _keep(a, records, tick, command, bank, place):  # type: ignore[no-untyped-def]
    """A row of the trace."""
    if a[KEPT] < len(records):
        records[a[KEPT], 0], records[a[KEPT], 1], records[a[KEPT], 2], records[a[KEPT], 3] = tick, command, bank, place
        a[KEPT] += 1
