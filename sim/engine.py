"""The cycle engine's kernel: in-order programs over loops of tiles, a max-plus recurrence, and the jump over periods.

A *sweep* is a loop nest with one program: a list of entries that is gone through for every group of tiles. Several
sweeps may follow each other inside of common outer loops. An entry starts as soon as its resources are free, in the
order of the program, and what it waits for is there:

    start(entry, tile) = max over its waits of start(producer, earlier tile) + lead(producer) - lag(entry), at least 0

An entry may be several groups *old*: software pipelining, so that later operations belong to earlier tiles. A wait
refers to a number of groups before, or to whoever last touched a slot (running state of the same query tile, the buffer
space of a tile that is to be overwritten).

Such a system is linear in (max, +), and the jump is exact. At every loop whose inner iterations are alike, the state
after an iteration is held against the one c iterations before. If every value that was written in these c iterations
has grown by the same λ, and each maximum was attained by a value that they or the c iterations before them had written,
then the next c iterations do the same, λ later, for ever: values that nobody writes any more cannot come to bind again.
The jump adds multiples of λ and goes on with the last iteration, which may be different. First iterations, last ones
and masked loops are stepped. Nothing here knows what an entry computes.

Kernels and their helpers stand in this one file, since numba's cache does not see edits elsewhere. A program is one
array of whole numbers, `c`, that begins with where its tables lie; a run under way is another, `s`, of which a snapshot
is one copy. Arrays passed one by one, or in tuples, would take numba most of a minute to compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

Array = Any

NEVER = -(1 << 62)  # the start of what has not happened
FAR = 1 << 62
LONGEST_PERIOD = 6  # iterations; longer ones are stepped
SNAPSHOTS = 2 * LONGEST_PERIOD + 1
OLDEST_AGE = 64
MEASURED = 16  # groups over which the pace of an order is measured
SAME_GROUP, RING, SLOT = 0, 1, 2  # kinds of waits

# The tables of a program, by the place in `c` that tells where each begins, and their columns:
# LOOPS [loop: family, elements that one iteration covers], FAMILIES [family: size, its loops, outermost first, or -1],
# SWEEPS [sweep: see below, then its loops below the common ones], PREFIX [common loops],
# ENTRIES [entry: see below], HOLDS [hold: resource, then cycles by tiles], CAUSES [resource: cause of waiting for it],
# WAITS [wait: see below, then strides by loop, leads by the producer's tiles, lags by the consumer's],
# HEARD [slot waits by producer], EDGES [edge: entry before, reach, cycles between],
# CYCLES [entry: by tiles, to the end of its last element; then by cause and tiles, those held beyond its slots],
# BAND [row and column family or -1, whether column - row has a least value, it, whether it has a greatest, it],
# STOPS [stretch in which an outside stream stands still: from, to].
LOOPS, FAMILIES, SWEEPS, PREFIX, ENTRIES, HOLDS, CAUSES, WAITS, HEARD, EDGES, CYCLES, BAND, STOPS = range(13)
TABLES = 13
# Then how many there are of each, the columns of tables that vary, and columns by tiles.
(
    LOOP_COUNT, FAMILY_COUNT, FAMILY_COLUMNS, SWEEP_COUNT, SWEEP_COLUMNS, PREFIX_COUNT, ENTRY_COUNT, RESOURCE_COUNT,
    CAUSE_COUNT, WAIT_COUNT, WAIT_COLUMNS, TILES, CALM,  # the cycle from which on no outside stream stands still
) = range(TABLES, TABLES + 13)  # fmt: skip
HEADER = TABLES + 13

FAMILY, CHUNK, LOOP_COLUMNS = range(3)
SIZE, OWN_LOOPS = range(2)
MASKED, FIRST_ENTRY, END_ENTRY, DEPTH, GROUP, FLIGHTS, OWN = range(7)
# Bits of the loops that must be at their first or last iteration for a tile to have the entry, the unit whose idle time
# is accounted for (-1: none), the rows of the entry in other tables, whether it holds its unit beyond its slots.
(
    FIRST, LAST, UNIT, HOLD, HOLD_END, WAIT, WAIT_END, HEAR, HEAR_END, EDGE, EDGE_END, STOP, STOP_END, EXTRA,
    ENTRY_COLUMNS,
) = range(15)  # fmt: skip
# TURN: the fill whose turn among the copies of its tile chooses the slot; -1: none. GIVEN, TAKES: cycles from one tile
# of a group to the next, of the producer and of the consumer.
KIND, PRODUCER, CAUSE, TURN, COPIES, SLOTS, GIVEN, TAKES, STRIDES = range(9)
# REACH: how many tiles before, at least.
BEFORE, REACH, DELAY, EDGE_COLUMNS = range(4)

# Where things lie in the state, by the place in `s` that tells. Rings hold the last groups of an entry or sweep.
(
    RING_SIZE, VALUES, END,  # of the rings; how many times there are; the part that changes
    TIMES,  # resources, ends of entries, slots
    WRITTEN,  # the step that wrote each time
    START, TAKEN, BEGIN, PLACE_TURN,  # [entry, ring] starts, tiles taken, the first of them, turns
    NOW_TURN,  # [entry]
    TILE,  # [sweep, ring] the first tile of each group
    GROUPS, TILES_PUSHED,  # [sweep]
    COUNTS,  # [entry] tiles taken
    STALLS,  # [resource, cause]
    STEP, STEPPED, KEPT,  # steps, entries evaluated, records kept
    INDEX,  # [loop]
    INDEX_OF,  # [sweep, ring, loop]
    OFFSET,  # [wait] where its slots begin among the times
    ALIKE,  # [loop] 0: its iterations differ, 1: all but the first and the last are alike, 2: all are
    AGE, ORDER,  # [entry]
    OLDEST,  # [level] the least step that attained a maximum in this iteration
    DONE,  # [level] iterations; below 0: no more tries
    ENTERED,  # [level] the step at which it was entered
    ATTAINED,  # [entry] the wait that its last start came from; -1: a resource, or none
    SHADE,  # [resource, cause] the stalls before the last group
    FROM, TO,  # starts that are recorded
) = range(31)  # fmt: skip

# helpers are called from kernels only: without entry points for Python they compile in a fraction of the time
_inner = numba.njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]


class Outcome(NamedTuple):
    """What a run gives: cycles, tiles of each entry, idle cycles by resource and cause, ages, and what was stepped."""

    cycles: Array  # [point]
    tiles: Array  # [point, entry]
    stalls: Array  # [point, resource, cause]
    ages: Array  # [point, entry]
    places: Array  # [point, entry] place of each entry in the program of its sweep
    stepped: Array  # [point] entries that were evaluated


@numba.njit(cache=True, nogil=True)
def run_points(programs, begin, end, jump, records, start, stop, outcome):  # type: ignore[no-untyped-def]
    """Runs the design points from `begin` to `end`; fills their rows of `outcome`; the number of records kept."""
    kept = 0
    for point in range(begin, end):
        c = programs[point]
        s = _state(c)
        s[s[FROM]], s[s[TO]] = start, stop
        snapshots = np.empty(
            (c[PREFIX_COUNT] + c[SWEEP_COLUMNS] - OWN + 1, SNAPSHOTS if jump else 0, s[END] + 1), np.int64
        )
        _walk(c, s, snapshots, records, jump)
        total = np.int64(0)
        for entry in range(c[ENTRY_COUNT]):
            total = max(total, s[s[TIMES] + c[RESOURCE_COUNT] + entry])
            outcome.tiles[point, entry] = s[s[COUNTS] + entry]
            outcome.ages[point, entry] = s[s[AGE] + entry]
            outcome.places[point, s[s[ORDER] + entry]] = entry
        outcome.cycles[point] = total
        causes = c[CAUSE_COUNT]
        for resource in range(c[RESOURCE_COUNT]):
            for cause in range(causes):
                outcome.stalls[point, resource, cause] = s[s[STALLS] + resource * causes + cause]
            outcome.stalls[point, resource, causes - 1] += total - s[s[TIMES] + resource]  # after its last entry
        outcome.stepped[point] = s[s[STEPPED]]
        kept = s[s[KEPT]]
    return kept


@_inner
def _state(c):  # type: ignore[no-untyped-def]
    """The state before the first cycle, with the software pipeline that the program's order follows."""
    entries, sweeps, loops = c[ENTRY_COUNT], c[SWEEP_COUNT], c[LOOP_COUNT]
    program = _pipeline(c)
    ring = 8
    while ring < program[0].max() + 6:
        ring *= 2
    offset = np.zeros(c[WAIT_COUNT], np.int64)
    values = c[RESOURCE_COUNT] + entries
    for wait in range(c[WAIT_COUNT]):
        row = c[WAITS] + wait * c[WAIT_COLUMNS]
        offset[wait] = values
        if c[row + KIND] == SLOT:
            values += c[row + SLOTS] * c[row + COPIES]
    levels = c[PREFIX_COUNT] + c[SWEEP_COLUMNS] - OWN + 1
    sizes = np.zeros(31, np.int64)
    sizes[TIMES], sizes[WRITTEN] = values, values
    for what in (START, TAKEN, BEGIN, PLACE_TURN):
        sizes[what] = entries * ring
    sizes[NOW_TURN], sizes[COUNTS], sizes[AGE], sizes[ORDER] = entries, entries, entries, entries
    sizes[TILE], sizes[GROUPS], sizes[TILES_PUSHED] = sweeps * ring, sweeps, sweeps
    sizes[STALLS] = sizes[SHADE] = c[RESOURCE_COUNT] * c[CAUSE_COUNT]
    sizes[ATTAINED] = entries
    sizes[STEP], sizes[STEPPED], sizes[KEPT], sizes[FROM], sizes[TO] = 1, 1, 1, 1, 1
    sizes[INDEX], sizes[ALIKE], sizes[INDEX_OF] = loops, loops, sweeps * ring * loops
    sizes[OFFSET], sizes[OLDEST], sizes[DONE], sizes[ENTERED] = c[WAIT_COUNT], levels, levels, levels
    total = 31 + sizes.sum()
    s = np.zeros(total, np.int64)
    at = np.int64(31)
    for what in range(TIMES, TO + 1):
        if what == INDEX:
            s[END] = at
        s[what] = at
        at += sizes[what]
    s[RING_SIZE], s[VALUES] = ring, values
    for k in range(values):
        s[s[TIMES] + k] = 0 if k < c[RESOURCE_COUNT] else NEVER
        s[s[WRITTEN] + k] = -1
    for k in range(entries * ring):
        s[s[START] + k] = NEVER
    for wait in range(c[WAIT_COUNT]):
        s[s[OFFSET] + wait] = s[TIMES] + offset[wait]
    for entry in range(entries):
        s[s[AGE] + entry], s[s[ORDER] + entry] = program[0, entry], program[1, entry]
    for loop in range(loops):
        family = c[c[LOOPS] + loop * LOOP_COLUMNS + FAMILY]
        chunk = c[c[LOOPS] + loop * LOOP_COLUMNS + CHUNK]
        s[s[ALIKE] + loop] = 2 if c[c[FAMILIES] + family * c[FAMILY_COLUMNS] + SIZE] % chunk == 0 else 1
        for entry in range(entries):
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            if ((c[me + FIRST] | c[me + LAST]) >> loop) & 1:
                s[s[ALIKE] + loop] = 1
        if c[c[BAND]] >= 0 and (family == c[c[BAND]] or family == c[c[BAND] + 1]):
            s[s[ALIKE] + loop] = 0
        for wait in range(c[WAIT_COUNT]):
            row = c[WAITS] + wait * c[WAIT_COLUMNS]
            if c[row + KIND] == SLOT and c[row + STRIDES + loop]:
                s[s[ALIKE] + loop] = 0
    return s


# ------------------------------------------------------------------------------------------------------------ loops


@_inner
def _walk(c, s, snapshots, records, jump):  # type: ignore[no-untyped-def]
    """All iterations of the common loops, outermost first, and in each the sweeps in turn.

    One sweep ends before the program of the next begins; their operations still overlap in time.
    """
    base, sweeps = c[PREFIX_COUNT], c[SWEEP_COUNT]
    levels = base + c[SWEEP_COLUMNS] - OWN + 1
    path, edges = np.zeros(levels, np.int64), np.zeros((2, levels), np.int64)
    for k in range(base):
        path[k] = c[c[PREFIX] + k]
    index = s[INDEX]
    fixed = np.int64(0)
    d = np.int64(0)
    if base > 0:
        _enter(c, s, path, edges, d, fixed, True)
    while d >= 0:
        if d < base and s[index + path[d]] < edges[1, d]:
            fixed |= 1 << path[d]
            d += 1
            if d < base:
                _enter(c, s, path, edges, d, fixed, True)
                continue
        if d == base:
            for sweep in range(sweeps):
                _walk_sweep(c, s, snapshots, records, sweep, path, edges, fixed, jump)
                if sweeps > 1:
                    _flush(c, s, records, sweep, path, edges)
        d -= 1
        if d >= 0:
            fixed &= ~(1 << path[d])
            _leave(c, s, snapshots, records, d, path[d], edges[1, d], jump)
    if sweeps == 1:
        _flush(c, s, records, 0, path, edges)


@_inner
def _walk_sweep(c, s, snapshots, records, sweep, path, edges, fixed, jump):  # type: ignore[no-untyped-def]
    """All iterations of a sweep's own loops, down to the rows of its innermost one."""
    row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
    base, own, masked = c[PREFIX_COUNT], c[row + DEPTH], c[row + MASKED] > 0
    for k in range(own):
        path[base + k] = c[row + OWN + k]
    if own == 0:
        _push(c, s, records, sweep, -1, 1, fixed, path, edges, base)
        return
    index = s[INDEX]
    d = base
    _enter(c, s, path, edges, d, fixed, masked)
    while d >= base:
        loop = path[d]
        if d == base + own - 1:
            _row(c, s, snapshots, records, sweep, fixed | (1 << loop), path, edges, d, jump)
        elif s[index + loop] < edges[1, d]:
            fixed |= 1 << loop
            d += 1
            _enter(c, s, path, edges, d, fixed, masked)
            continue
        d -= 1
        if d >= base:
            fixed &= ~(1 << path[d])
            _leave(c, s, snapshots, records, d, path[d], edges[1, d], jump)


@_inner
def _row(c, s, snapshots, records, sweep, fixed, path, edges, d, jump):  # type: ignore[no-untyped-def]
    """All groups of the innermost loop of a sweep."""
    row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
    loop, group = path[d], c[row + GROUP]
    at = s[INDEX] + loop
    tries = jump and group == 1 and s[s[ALIKE] + loop] > 0
    banded = c[row + MASKED] > 0 and c[c[BAND]] >= 0
    ahead = jump and group == 1 and not tries and not banded and s[s[TO]] < s[s[FROM]] and c[CALM] == 0
    settled = np.int64(4)  # groups after which no entry of the row's first tile is under way
    for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
        settled = max(settled, s[s[AGE] + entry] + 5)
    next_try = s[at] + settled
    while s[at] < edges[1, d]:
        if ahead and s[at] + 1 == next_try:
            for k in range(s[STEP] - s[STALLS]):
                s[s[SHADE] + k] = s[s[STALLS] + k]
        tiles = min(group, edges[1, d] - s[at])
        _push(c, s, records, sweep, loop, tiles, fixed, path, edges, d + 1)
        s[at] += tiles - 1
        if tries and s[s[DONE] + d] >= 0:
            _leave(c, s, snapshots, records, d, loop, edges[1, d], jump)
        else:
            s[at] += 1
        if ahead and s[at] == next_try:
            skipped = _run_ahead(c, s, sweep, loop, edges[1, d])
            next_try = s[at] + (settled if skipped > 0 else 2 * settled)


@_inner
def _enter(c, s, path, edges, d, fixed, masked):  # type: ignore[no-untyped-def]
    """A loop begins."""
    edges[0, d], edges[1, d] = _range(c, s, path[d], fixed, masked)
    s[s[INDEX] + path[d]] = edges[0, d]
    s[s[OLDEST] + d] = FAR
    s[s[DONE] + d] = 0
    s[s[ENTERED] + d] = s[s[STEP]]


@_inner
def _span(c, s, family, fixed):  # type: ignore[no-untyped-def]
    """Elements of a family that the fixed loops leave: its outermost loops, as far as they are fixed."""
    row = c[FAMILIES] + family * c[FAMILY_COLUMNS]
    low = np.int64(0)
    high = c[row + SIZE]
    for place in range(c[FAMILY_COLUMNS] - OWN_LOOPS):
        loop = c[row + OWN_LOOPS + place]
        if loop < 0 or not (fixed >> loop) & 1:
            break
        chunk = c[c[LOOPS] + loop * LOOP_COLUMNS + CHUNK]
        low += s[s[INDEX] + loop] * chunk
        high = min(high, low + chunk)
    return low, high


@_inner
def _range(c, s, loop, fixed, masked):  # type: ignore[no-untyped-def]
    """The iterations of a loop that are visited, given the fixed ones: a range, since a band is convex."""
    family = c[c[LOOPS] + loop * LOOP_COLUMNS + FAMILY]
    chunk = c[c[LOOPS] + loop * LOOP_COLUMNS + CHUNK]
    begin, end = _span(c, s, family, fixed)
    low, high = begin, end
    band = c[BAND]
    rows, columns = c[band], c[band + 1]
    if masked and rows >= 0 and family in (rows, columns):
        other = _span(c, s, rows if family == columns else columns, fixed)
        if other[0] >= other[1]:
            return np.int64(0), np.int64(0)
        if family == columns:
            if c[band + 2]:
                low = max(low, other[0] + c[band + 3])
            if c[band + 4]:
                high = min(high, other[1] + c[band + 5])
        else:
            if c[band + 4]:
                low = max(low, other[0] - c[band + 5])
            if c[band + 2]:
                high = min(high, other[1] - c[band + 3])
    if low >= high:
        return np.int64(0), np.int64(0)
    return (low - begin) // chunk, (high - 1 - begin) // chunk + 1


@_inner
def _at_edge(c, s, path, wanted, last):  # type: ignore[no-untyped-def]
    """Whether the wanted loops are all at their first (last) visited iteration, the other ones being as they are."""
    fixed = path & ~wanted
    for family in range(c[FAMILY_COUNT]):  # a family's loops outermost first
        row = c[FAMILIES] + family * c[FAMILY_COLUMNS] + OWN_LOOPS
        for place in range(c[FAMILY_COLUMNS] - OWN_LOOPS):
            loop = c[row + place]
            if loop < 0:
                break
            if (wanted >> loop) & 1:
                low, high = _range(c, s, loop, fixed, True)
                if s[s[INDEX] + loop] != (high - 1 if last else low):
                    return False
                fixed |= 1 << loop
    return True


# ----------------------------------------------------------------------------------------------------------- groups


@_inner
def _flush(c, s, records, sweep, path, edges):  # type: ignore[no-untyped-def]
    """Groups of no tiles, until the last one's oldest entries are through."""
    row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
    oldest = np.int64(0)
    for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
        oldest = max(oldest, s[s[AGE] + entry])
    for _ in range(oldest):
        _push(c, s, records, sweep, -1, 0, 0, path, edges, 0)


@_inner
def _admit(c, s, sweep, innermost, tiles, fixed, path, edges, depth):  # type: ignore[no-untyped-def]
    """A group enters the pipeline: which of its tiles each entry takes."""
    row, ring, loops = c[SWEEPS] + sweep * c[SWEEP_COLUMNS], s[RING_SIZE], c[LOOP_COUNT]
    index = s[INDEX]
    place = s[s[GROUPS] + sweep] & (ring - 1)
    for loop in range(loops):
        s[s[INDEX_OF] + (sweep * ring + place) * loops + loop] = s[index + loop]
    s[s[TILE] + sweep * ring + place] = s[s[TILES_PUSHED] + sweep]
    banded = c[row + MASKED] > 0 and c[c[BAND]] >= 0
    at_first = at_last = np.int64(0)  # loops around the innermost one
    for d in range(depth):
        loop = path[d]
        if loop != innermost:
            at_first |= np.int64(s[index + loop] == edges[0, d]) << loop
            at_last |= np.int64(s[index + loop] == edges[1, d] - 1) << loop
    for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
        mine = c[ENTRIES] + entry * ENTRY_COLUMNS
        begin, taken = np.int64(0), np.int64(tiles)
        first, last = c[mine + FIRST], c[mine + LAST]
        if tiles > 0 and (first or last):
            if banded:
                begin, taken = _at_edges(c, s, innermost, tiles, fixed, first, last)
            else:
                inner = 1 << innermost if innermost >= 0 else 0
                if first & ~at_first & ~inner or last & ~at_last & ~inner:
                    taken = np.int64(0)
                if first & inner:
                    taken = min(taken, np.int64(s[index + innermost] == edges[0, depth - 1]))
                if last & inner and taken > 0:
                    taken = min(taken, np.int64(s[index + innermost] + tiles == edges[1, depth - 1]))
                    begin = np.int64(tiles - 1)
        at = entry * ring + place
        s[s[TAKEN] + at] = taken
        s[s[BEGIN] + at] = begin
        s[s[START] + at] = NEVER
        if c[mine + UNIT] < 0:
            if taken > 0:
                s[s[NOW_TURN] + entry] ^= 1
            s[s[PLACE_TURN] + at] = s[s[NOW_TURN] + entry]
    s[s[GROUPS] + sweep] += 1
    s[s[TILES_PUSHED] + sweep] += tiles
    s[s[STEP]] += 1


@_inner
def _at_edges(c, s, innermost, tiles, fixed, first, last):  # type: ignore[no-untyped-def]
    """The first of a group's tiles that are at the edges of loops under a mask, and how many there are."""
    begin, taken = np.int64(0), np.int64(0)
    at = s[INDEX] + innermost
    for tile in range(tiles):
        if innermost >= 0:
            s[at] += tile
        here = first == 0 or _at_edge(c, s, fixed, first, False)
        if here and last:
            here = _at_edge(c, s, fixed, last, True)
        if innermost >= 0:
            s[at] -= tile
        if here:
            if taken == 0:
                begin = np.int64(tile)
            taken += 1
    return begin, taken


@_inner
def _push(c, s, records, sweep, innermost, tiles, fixed, path, edges, depth):  # type: ignore[no-untyped-def]
    """A group enters; every entry of the sweep does the group that is as old as it is.

    An entry's start is the maximum over its resources and waits; everything that follows from it is written.
    """
    row, ring, columns = c[SWEEPS] + sweep * c[SWEEP_COLUMNS], s[RING_SIZE], c[TILES]
    group = s[s[GROUPS] + sweep]
    _admit(c, s, sweep, innermost, tiles, fixed, path, edges, depth)
    own = c[row + DEPTH]
    inner = c[row + OWN + own - 1] if own > 0 else np.int64(-1)
    step, times, stamps = s[s[STEP]], s[TIMES], s[WRITTEN] - s[TIMES]
    starts, takens, ages = s[START], s[TAKEN], s[AGE]
    waits, wide, lead = c[WAITS], c[WAIT_COLUMNS], STRIDES + c[LOOP_COUNT]
    oldest = np.int64(FAR)
    for each in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
        entry = s[s[ORDER] + each]
        age = s[ages + entry]
        mine = group - age
        if mine < 0:
            continue
        place = mine & (ring - 1)
        at = entry * ring + place
        taken = s[takens + at]
        if taken == 0:
            continue
        first = s[s[BEGIN] + at]
        me = c[ENTRIES] + entry * ENTRY_COLUMNS
        start, attained, cause, by = np.int64(0), np.int64(-1), np.int64(0), -1
        for hold in range(c[me + HOLD], c[me + HOLD_END]):
            resource = c[c[HOLDS] + hold * (1 + columns)]
            value, written = s[times + resource], s[stamps + times + resource]
            if value > start:
                start, attained, cause = value, written, c[c[CAUSES] + resource]
            elif value == start and written > attained:
                attained = written
        for wait in range(c[me + WAIT], c[me + WAIT_END]):
            this = waits + wait * wide
            kind = c[this + KIND]
            if kind == SLOT:
                for tile in range(first, first + taken):
                    slot = _slot(c, s, this, wait, sweep, place, inner, tile)
                    lag = c[this + lead + columns + taken] + (tile - first) * c[this + TAKES]
                    value, written = s[slot] - lag, s[stamps + slot]
                    if value > start:
                        start, attained, cause, by = value, written, c[this + CAUSE], wait
                    elif value == start and written > attained:
                        attained = written
            else:
                producer = c[this + PRODUCER]
                back, early = mine, np.int64(0)
                if kind == RING:
                    # A value that lands long after it is begun would be let in before its reader begins: a place more.
                    early = np.int64(c[this + lead + 1] < c[this + lead + columns + 1])
                    back -= s[ages + producer] - age + 1 + early
                if back >= 0:
                    there = producer * ring + (back & (ring - 1))
                    value = s[starts + there]
                    if value != NEVER:
                        between = _between(c, this, s[takens + there], taken, first - s[s[BEGIN] + there])
                        if early:
                            between = max(between, np.int64(0))
                        value += between
                        if value > start:
                            start, attained, cause, by = value, step, c[this + CAUSE], wait
                        elif value == start:
                            attained = step
        late = np.int64(0)
        if c[me + STOP] < c[me + STOP_END]:
            start, late = _through_stops(c, me, start, taken)
        oldest = min(oldest, attained)
        s[s[ATTAINED] + entry] = by
        cycles = c[CYCLES] + entry * (1 + c[CAUSE_COUNT]) * columns + taken
        unit = c[me + UNIT]
        if unit >= 0:
            stall = s[STALLS] + unit * c[CAUSE_COUNT]
            s[stall + cause] += start - s[times + unit]
            if c[me + EXTRA]:
                for reason in range(c[CAUSE_COUNT]):
                    s[stall + reason] += c[cycles + (1 + reason) * columns]
        s[starts + at] = start
        for hold in range(c[me + HOLD], c[me + HOLD_END]):
            held = c[HOLDS] + hold * (1 + columns)
            s[times + c[held]] = start + c[held + 1 + taken] + late
            s[stamps + times + c[held]] = step
        end = times + c[RESOURCE_COUNT] + entry
        s[end] = max(s[end], start + c[cycles] + late)  # a group of fewer tiles may end before the one ahead of it
        s[stamps + end] = step
        for which in range(c[me + HEAR], c[me + HEAR_END]):
            wait = c[c[HEARD] + which]
            this = waits + wait * wide
            value = start + c[this + lead + taken] + late
            for tile in range(first, first + taken):
                slot = _slot(c, s, this, wait, sweep, place, inner, tile)
                s[slot] = value + (tile - first) * c[this + GIVEN]
                s[stamps + slot] = step
        s[s[COUNTS] + entry] += taken
        s[s[STEPPED]] += 1
        if s[s[FROM]] <= start <= s[s[TO]] and s[s[KEPT]] < records.shape[0]:
            record = s[s[KEPT]]
            records[record, 0] = entry
            records[record, 1] = s[s[TILE] + sweep * ring + place] + first
            records[record, 2] = taken
            records[record, 3] = start
            records[record, 4] = cause
            records[record, 5] = late
            s[s[KEPT]] += 1
    for level in range(s[DONE] - s[OLDEST]):
        s[s[OLDEST] + level] = min(s[s[OLDEST] + level], oldest)


@_inner
def _between(c, this, given, taken, ahead):  # type: ignore[no-untyped-def]
    """Cycles from a producer's start to its consumer's, for groups of so many tiles.

    The consumer's first tile is the producer's tile number `ahead`. Tiles come, and are taken, at even paces, so only
    the first and the last one can bind.
    """
    lead = this + STRIDES + c[LOOP_COUNT]
    cycles = c[lead + given] - c[lead + c[TILES] + taken] + ahead * c[this + GIVEN]
    return cycles + max(np.int64(0), (taken - 1) * (c[this + GIVEN] - c[this + TAKES]))


@_inner
def _through_stops(c, me, start, taken):  # type: ignore[no-untyped-def]
    """When a transfer begins that may not begin while its stream stands still, and by how much its stream delays it."""
    length = np.int64(0)
    for hold in range(c[me + HOLD], c[me + HOLD_END]):
        length = max(length, c[c[HOLDS] + hold * (1 + c[TILES]) + 1 + taken])
    late = np.int64(0)
    for stop in range(c[me + STOP], c[me + STOP_END]):
        begin, end = c[c[STOPS] + 2 * stop], c[c[STOPS] + 2 * stop + 1]
        if begin <= start < end:
            start = end
        elif start < begin < start + length + late:
            late += end - begin
    return start, late


@_inner
def _slot(c, s, this, wait, sweep, place, inner, tile):  # type: ignore[no-untyped-def]
    """Where the slot of a tile of a group lies."""
    slot, ring = np.int64(0), s[RING_SIZE]
    if c[this + SLOTS] > 1:
        index = s[INDEX_OF] + (sweep * ring + place) * c[LOOP_COUNT]
        for loop in range(c[LOOP_COUNT]):
            stride = c[this + STRIDES + loop]
            if stride:
                slot += stride * (s[index + loop] + (tile if loop == inner else 0))
    if c[this + COPIES] > 1:
        slot = 2 * slot + s[s[PLACE_TURN] + c[this + TURN] * ring + place]
    return s[s[OFFSET] + wait] + slot


# --------------------------------------------------------------------------------------------------------- the jump


@_inner
def _leave(c, s, snapshots, records, level, loop, high, jump):  # type: ignore[no-untyped-def]
    """An iteration ends: keep the state, jump if it has a period, go on to the next iteration."""
    at, tries = s[INDEX] + loop, s[DONE] + level
    done = s[tries]
    if jump and done >= 0 and s[s[ALIKE] + loop]:
        plain = s[s[ALIKE] + loop] == 2
        left = high - (1 if plain else 2) - s[at]  # iterations to come that are like the present one
        near = done if done < 64 else done % 256  # later on, tries become rare
        if done == 0 and left < 2:
            s[tries] = -2
        elif done < 64 or near < 2 * SNAPSHOTS:
            snapshots[level, done % SNAPSHOTS, : s[END]] = s[: s[END]]
            snapshots[level, done % SNAPSHOTS, s[END]] = s[s[OLDEST] + level]
            for period in range(1, LONGEST_PERIOD + 1):
                if left < period or (near < 2 * period and not (plain and near + 1 == 2 * period and done < 64)):
                    break
                if snapshots[level, (done - period) % SNAPSHOTS, s[STEP]] - s[s[ENTERED] + level] < _oldest(c, s):
                    continue  # groups of another iteration of the loops around this one are still under way
                earlier = (
                    s[s[ENTERED] + level]
                    if done < 2 * period
                    else snapshots[level, (done - 2 * period) % SNAPSHOTS, s[STEP]]
                )
                growth = _growth(c, s, snapshots[level], done, period, earlier)
                times = left // period
                if c[CALM] > 0 and not _calm(c, s, snapshots[level, (done - period) % SNAPSHOTS]):
                    times = np.int64(0)
                if growth >= 0 and s[s[FROM]] <= s[s[TO]] < FAR:
                    times = min(times, _outside(c, s, snapshots[level, (done - period) % SNAPSHOTS, s[STEP]], growth))
                if growth >= 0 and times > 0:
                    _skip(c, s, snapshots[level, (done - period) % SNAPSHOTS], records, growth, times)
                    s[at] += period * times
                    s[tries] = -2
                    break
        s[s[OLDEST] + level] = FAR
        s[tries] += 1
    s[at] += 1


@_inner
def _oldest(c, s):  # type: ignore[no-untyped-def]
    """The age of the oldest entry."""
    oldest = np.int64(0)
    for entry in range(c[ENTRY_COUNT]):
        oldest = max(oldest, s[s[AGE] + entry])
    return oldest


@_inner
def _calm(c, s, before):  # type: ignore[no-untyped-def]
    """Whether whatever has started since a snapshot did so after the last recorded stall."""
    for k in range(s[TIMES], s[TIMES] + c[RESOURCE_COUNT]):
        if s[s[WRITTEN] - s[TIMES] + k] > before[s[STEP]] and before[k] < c[CALM]:
            return False
    return True


@_inner
def _outside(c, s, since, growth):  # type: ignore[no-untyped-def]
    """How many periods may be skipped without a start inside of the recorded window."""
    earliest, latest = np.int64(FAR), np.int64(0)
    for k in range(s[TIMES], s[TIMES] + c[RESOURCE_COUNT]):
        latest = max(latest, s[k])
        if s[s[WRITTEN] - s[TIMES] + k] > since:
            earliest = min(earliest, s[k])
    if earliest > s[s[TO]] or (growth == 0 and latest < s[s[FROM]]):
        return np.int64(FAR)
    return max(np.int64(0), s[s[FROM]] - 1 - latest) // growth if growth > 0 else np.int64(0)


@_inner
def _growth(c, s, snapshots, done, period, earlier):  # type: ignore[no-untyped-def]
    """By how much the state has grown in the last iterations, if it will for ever; else -1."""
    before = snapshots[(done - period) % SNAPSHOTS]
    since = before[s[STEP]]
    for k in range(period):
        if snapshots[(done - k) % SNAPSHOTS, s[END]] <= earlier:
            return np.int64(-1)
    growth = np.int64(-1)
    times, stamps = s[TIMES], s[WRITTEN] - s[TIMES]
    for k in range(times, times + c[RESOURCE_COUNT] + c[ENTRY_COUNT]):
        if s[stamps + k] > since:
            grown = s[k] - before[k]
            if growth < 0:
                growth = grown
            if grown != growth:
                return np.int64(-1)
    for wait in range(c[WAIT_COUNT]):
        this = c[WAITS] + wait * c[WAIT_COLUMNS]
        if c[this + KIND] != SLOT:
            continue
        copies = c[this + COPIES]
        here = there = np.int64(0)
        if copies > 1:  # copies by their turn, seen from the present one
            here = s[s[NOW_TURN] + c[this + TURN]]
            there = before[s[NOW_TURN] + c[this + TURN]]
        for slot in range(c[this + SLOTS]):
            for copy in range(copies):
                mine = s[s[OFFSET] + wait] + copies * slot + (copy ^ here)
                theirs = s[s[OFFSET] + wait] + copies * slot + (copy ^ there)
                if s[mine] - before[theirs] != (growth if s[stamps + mine] > since else 0):
                    return np.int64(-1)
    return growth if _same_pipeline(c, s, before, growth) else np.int64(-1)


@_inner
def _same_pipeline(c, s, before, growth):  # type: ignore[no-untyped-def]
    """Whether the groups under way are what those of a snapshot were, their starts later by `growth`."""
    ring = s[RING_SIZE]
    for sweep in range(c[SWEEP_COUNT]):
        mine, theirs = s[s[GROUPS] + sweep], before[s[GROUPS] + sweep]
        if mine == theirs:
            continue
        row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
        oldest = np.int64(0)
        for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
            oldest = max(oldest, s[s[AGE] + entry])
        if theirs < oldest + 3:
            return False
        for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
            turn = s[s[NOW_TURN] + entry] ^ before[s[NOW_TURN] + entry]
            for back in range(1, oldest + 4):
                a = entry * ring + ((mine - back) & (ring - 1))
                b = entry * ring + ((theirs - back) & (ring - 1))
                if s[s[TAKEN] + a] != before[s[TAKEN] + b]:
                    return False
                if s[s[PLACE_TURN] + a] ^ before[s[PLACE_TURN] + b] != turn:
                    return False
                start, earlier = s[s[START] + a], before[s[START] + b]
                if (start == NEVER) != (earlier == NEVER) or (start != NEVER and start - earlier != growth):
                    return False
    return True


@_inner
def _skip(c, s, before, records, growth, times):  # type: ignore[no-untyped-def]
    """What `times` periods more would have done to the state."""
    since, shift, ring = before[s[STEP]], growth * times, s[RING_SIZE]
    _repeat_records(c, s, before, records, growth, times)
    for k in range(s[VALUES]):
        if s[s[WRITTEN] + k] > since:
            s[s[TIMES] + k] += shift
    for sweep in range(c[SWEEP_COUNT]):
        if s[s[GROUPS] + sweep] == before[s[GROUPS] + sweep]:
            continue
        row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
        more = times * (s[s[TILES_PUSHED] + sweep] - before[s[TILES_PUSHED] + sweep])
        s[s[TILES_PUSHED] + sweep] += more
        for place in range(ring):
            s[s[TILE] + sweep * ring + place] += more
        for at in range(c[row + FIRST_ENTRY] * ring, c[row + END_ENTRY] * ring):
            if s[s[START] + at] != NEVER:
                s[s[START] + at] += shift
    for k in range(s[COUNTS], s[STEP]):  # tiles of entries, stalls
        s[k] += times * (s[k] - before[k])


@_inner
def _repeat_records(c, s, before, records, growth, times):  # type: ignore[no-untyped-def]
    """The records of the skipped iterations, where all are wanted."""
    first, end = before[s[KEPT]], s[s[KEPT]]
    if s[s[TO]] < FAR:
        return
    tiles = np.zeros(c[ENTRY_COUNT], np.int64)
    for sweep in range(c[SWEEP_COUNT]):
        row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
        for entry in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
            tiles[entry] = s[s[TILES_PUSHED] + sweep] - before[s[TILES_PUSHED] + sweep]
    for time in range(1, times + 1):
        for record in range(first, end):
            new = s[s[KEPT]]
            if new < records.shape[0]:
                entry = records[record, 0]
                records[new, 0] = entry
                records[new, 1] = records[record, 1] + time * tiles[entry]
                records[new, 2] = records[record, 2]
                records[new, 3] = records[record, 3] + time * growth
                records[new, 4] = records[record, 4]
                s[s[KEPT]] += 1


@_inner
def _run_ahead(c, s, sweep, loop, high):  # type: ignore[no-untyped-def]
    """Jumps within a row, where slots are numbered by its loop; how many tiles are skipped.

    Each entry's start grows by a rate of its own. It does so for ever, if what it came from grows at that rate and
    nothing that it waits for at a greater one; what earlier rows left in the slots of tiles to come is looked up. The
    number of tiles is a multiple of the ring's size, so that groups keep their places.
    """
    row, ring = c[SWEEPS] + sweep * c[SWEEP_COLUMNS], s[RING_SIZE]
    first, end = c[row + FIRST_ENTRY], c[row + END_ENTRY]
    last = s[s[INDEX] + loop] - 1
    skipped = high - 2 - last
    skipped -= skipped % ring
    if skipped <= 0:
        return np.int64(0)
    rate, flow = np.full(c[ENTRY_COUNT], -1, np.int64), np.full(c[RESOURCE_COUNT], -1, np.int64)
    if not _rates(c, s, sweep, loop, first, end, rate, flow):
        return np.int64(0)
    stamp = np.int64(FAR)
    for entry in range(first, end):
        if rate[entry] >= 0:
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            for wait in range(c[me + WAIT], c[me + WAIT_END]):
                reached, written = _lasting(c, s, sweep, loop, entry, wait, first, end, rate, skipped)
                skipped, stamp = min(skipped, reached), min(stamp, written)
    skipped -= skipped % ring
    if skipped > 0:
        _move_on(c, s, sweep, loop, first, end, rate, flow, skipped, last)
        for level in range(s[DONE] - s[OLDEST]):
            s[s[OLDEST] + level] = min(s[s[OLDEST] + level], stamp)
    return skipped


@_inner
def _rates(c, s, sweep, loop, first, end, rate, flow):  # type: ignore[no-untyped-def]
    """By how much each entry's start, and with it its resources, grows with each tile.

    False if one of the starts that may still be read is out of line, or if copies that take turns with each tile are
    numbered by this row's loop as well.
    """
    ring, newest = s[RING_SIZE], s[s[GROUPS] + sweep] - 1
    oldest = np.int64(0)
    for entry in range(first, end):
        oldest = max(oldest, s[s[AGE] + entry])
    for wait in range(c[WAIT_COUNT]):
        this = c[WAITS] + wait * c[WAIT_COLUMNS]
        turn = c[this + TURN]
        numbered = c[this + COPIES] > 1 and c[this + STRIDES + loop] > 0
        if numbered and first <= turn < end and s[s[TAKEN] + turn * ring + (newest & (ring - 1))] > 0:
            return False
    for entry in range(first, end):
        taken = s[s[TAKEN] + entry * ring + (newest & (ring - 1))]
        for back in range(1, oldest + 4):
            if s[s[TAKEN] + entry * ring + ((newest - back) & (ring - 1))] != taken:
                return False
        if taken == 0:
            continue
        mine = newest - s[s[AGE] + entry]
        one = s[s[START] + entry * ring + (mine & (ring - 1))]
        rate[entry] = one - s[s[START] + entry * ring + ((mine - 1) & (ring - 1))]
        for back in range(2, oldest - s[s[AGE] + entry] + 4):  # whatever older entries have yet to read
            if s[s[START] + entry * ring + ((mine - back) & (ring - 1))] != one - back * rate[entry]:
                return False
        me = c[ENTRIES] + entry * ENTRY_COLUMNS
        for hold in range(c[me + HOLD], c[me + HOLD_END]):
            resource = c[c[HOLDS] + hold * (1 + c[TILES])]
            if flow[resource] >= 0 and flow[resource] != rate[entry]:
                return False
            flow[resource] = rate[entry]
    return True


@_inner
def _lasting(c, s, sweep, loop, entry, wait, first, end, rate, most):  # type: ignore[no-untyped-def]
    """For how many more tiles a wait binds as it did for the last one, and the least step that wrote what it reads."""
    this = c[WAITS] + wait * c[WAIT_COLUMNS]
    producer, bound = c[this + PRODUCER], s[s[ATTAINED] + entry] == wait
    running = first <= producer < end and rate[producer] >= 0
    stride = c[this + STRIDES + loop] if c[this + KIND] == SLOT else np.int64(0)
    if running and stride > 0:  # what this row writes before it is read, or what another row has left there?
        older, younger = s[s[AGE] + producer], s[s[AGE] + entry]
        ahead = older == younger and producer != entry and _before(c, s, sweep, producer, entry)
        running = older < younger or ahead
    if running or stride == 0:
        growth = rate[producer] if running else np.int64(0)
        lasts = growth == rate[entry] if bound else growth <= rate[entry]
        if c[this + KIND] != SLOT and not running:
            lasts = True
        return most if lasts else np.int64(0), np.int64(FAR)
    ring = s[RING_SIZE]
    mine = s[s[GROUPS] + sweep] - 1 - s[s[AGE] + entry]
    place = mine & (ring - 1)
    slot = _slot(c, s, this, wait, sweep, place, loop, 0)
    start = s[s[START] + entry * ring + place] + c[this + STRIDES + c[LOOP_COUNT] + c[TILES] + 1]
    step, stamp = stride * c[this + COPIES], np.int64(FAR)
    for k in range(1, most + 1):
        value, due = s[slot + k * step], start + k * rate[entry]
        if value > due or (value == due) != bound:
            return np.int64(k - 1), stamp
        if bound:
            stamp = min(stamp, s[s[WRITTEN] - s[TIMES] + slot + k * step])
    return most, stamp


@_inner
def _before(c, s, sweep, one, other):  # type: ignore[no-untyped-def]
    """Whether an entry comes before another one in the program of their sweep."""
    row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
    for place in range(c[row + FIRST_ENTRY], c[row + END_ENTRY]):
        if s[s[ORDER] + place] == one:
            return True
        if s[s[ORDER] + place] == other:
            return False
    return False


@_inner
def _move_on(c, s, sweep, loop, first, end, rate, flow, skipped, last):  # type: ignore[no-untyped-def]
    """What the skipped tiles of a row would have done to the state."""
    ring, step, loops = s[RING_SIZE], s[s[STEP]], c[LOOP_COUNT]
    newest = s[s[GROUPS] + sweep] - 1
    stamps = s[WRITTEN] - s[TIMES]
    for entry in range(first, end):
        if rate[entry] < 0:
            for place in range(ring):
                s[s[TAKEN] + entry * ring + place] = 0
                s[s[START] + entry * ring + place] = NEVER
                s[s[PLACE_TURN] + entry * ring + place] = s[s[NOW_TURN] + entry]
            continue
        age = s[s[AGE] + entry]
        mine = newest - age
        start = s[s[START] + entry * ring + (mine & (ring - 1))]
        me = c[ENTRIES] + entry * ENTRY_COLUMNS
        for which in range(c[me + HEAR], c[me + HEAR_END]):
            wait = c[c[HEARD] + which]
            this = c[WAITS] + wait * c[WAIT_COLUMNS]
            lead = c[this + STRIDES + loops + 1]
            slot = _slot(c, s, this, wait, sweep, mine & (ring - 1), loop, 0)
            apart = c[this + STRIDES + loop] * c[this + COPIES]
            for k in range(1 if apart > 0 else skipped, skipped + 1):
                s[slot + k * apart] = start + k * rate[entry] + lead
                s[stamps + slot + k * apart] = step
            if c[this + COPIES] > 1 and first <= c[this + TURN] < end and rate[c[this + TURN]] >= 0:
                turn = s[s[PLACE_TURN] + c[this + TURN] * ring + (mine & (ring - 1))]
                s[slot + 1 - 2 * turn] = start + (skipped - 1) * rate[entry] + lead
                s[stamps + slot + 1 - 2 * turn] = step
        turns = c[me + UNIT] < 0
        for back in range(ring):
            place = entry * ring + ((newest - back) & (ring - 1))
            s[s[TAKEN] + place] = 1
            s[s[BEGIN] + place] = 0
            s[s[PLACE_TURN] + place] = s[s[NOW_TURN] + entry] ^ (back & 1 if turns else 0)
            if back >= age:
                s[s[START] + place] = start + (skipped - back + age) * rate[entry]
        s[s[TIMES] + c[RESOURCE_COUNT] + entry] += skipped * rate[entry]
        s[s[COUNTS] + entry] += skipped
    for resource in range(c[RESOURCE_COUNT]):
        if flow[resource] >= 0:
            s[s[TIMES] + resource] += skipped * flow[resource]
    for k in range(s[STEP] - s[STALLS]):
        s[s[STALLS] + k] += skipped * (s[s[STALLS] + k] - s[s[SHADE] + k])
    for back in range(ring):
        place = sweep * ring + ((newest - back) & (ring - 1))
        for other in range(loops):
            s[s[INDEX_OF] + place * loops + other] = s[s[INDEX] + other]
        s[s[INDEX_OF] + place * loops + loop] = last + skipped - back
        s[s[TILE] + place] = s[s[TILES_PUSHED] + sweep] - 1 - back + skipped
    s[s[GROUPS] + sweep] += skipped
    s[s[TILES_PUSHED] + sweep] += skipped
    s[s[INDEX] + loop] += skipped


# -------------------------------------------------------------------------------------------------- software pipeline


@_inner
def _pipeline(c):  # type: ignore[no-untyped-def]
    """Ages of the entries and their order: a modulo schedule of each sweep (docs/cycle.md).

    Of all intervals in which a group takes at most as many of them as groups are in flight, the one whose order goes
    through groups at the quickest pace, the smallest of equals.
    """
    entries, columns = c[ENTRY_COUNT], c[TILES]
    program = np.zeros((2, entries), np.int64)
    for entry in range(entries):
        program[1, entry] = entry
    at = np.zeros(entries, np.int64)
    for sweep in range(c[SWEEP_COUNT]):
        row = c[SWEEPS] + sweep * c[SWEEP_COLUMNS]
        first, end, tiles = c[row + FIRST_ENTRY], c[row + END_ENTRY], c[row + GROUP]
        if c[row + FLIGHTS] <= 1:
            continue
        load = np.zeros(c[RESOURCE_COUNT] + 1, np.int64)
        load[c[RESOURCE_COUNT]] = 1
        longest = np.int64(1)
        for entry in range(first, end):
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            for hold in range(c[me + HOLD], c[me + HOLD_END]):
                held = c[HOLDS] + hold * (1 + columns)
                longest += c[held + 1 + tiles]
                if not c[me + FIRST] and not c[me + LAST]:
                    load[c[held]] += c[held + 1 + tiles]
            for edge in range(c[me + EDGE], c[me + EDGE_END]):
                longest += max(np.int64(0), c[c[EDGES] + edge * EDGE_COLUMNS + DELAY])
        least = load.max()
        best = _pace(c, first, end, tiles, program)
        trial = program.copy()
        for tight in (True, False):  # with a place in the interval for each port, or with ports that follow the units
            interval = least
            while best > least * MEASURED and interval < min(longest, 2 * best // MEASURED):
                found = _place(c, first, end, tiles, interval, at, tight)
                for lagging in (True, False):
                    if found and _sort(c, trial, at, first, end, interval, c[row + FLIGHTS], lagging):
                        pace = _pace(c, first, end, tiles, trial)
                        if pace < best:
                            best = pace
                            program[:, first:end] = trial[:, first:end]
                interval += max(np.int64(1), interval // 32)
    return program


@_inner
def _pace(c, first, end, tiles, program):  # type: ignore[no-untyped-def]
    """Cycles that an order takes for `MEASURED` groups, once it runs evenly and as long as nothing else holds it up."""
    columns = c[TILES]
    groups = MEASURED + 8 + 2 * program[0, first:end].max()
    starts = np.zeros((end - first, groups), np.int64)
    free = np.zeros(c[RESOURCE_COUNT], np.int64)
    pace = np.int64(0)
    for turn in range(groups + program[0, first:end].max()):
        for each in range(first, end):
            entry = program[1, each]
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            mine = turn - program[0, entry]
            if not 0 <= mine < groups or c[me + FIRST] or c[me + LAST]:
                continue
            start = np.int64(0)
            for hold in range(c[me + HOLD], c[me + HOLD_END]):
                start = max(start, free[c[c[HOLDS] + hold * (1 + columns)]])
            for wait in range(c[me + WAIT], c[me + WAIT_END]):
                this = c[WAITS] + wait * c[WAIT_COLUMNS]
                producer = c[this + PRODUCER]
                its = c[ENTRIES] + producer * ENTRY_COLUMNS
                if c[this + KIND] == SLOT or c[its + FIRST] or c[its + LAST]:
                    continue
                back = mine
                if c[this + KIND] == RING:
                    back -= program[0, producer] - program[0, entry] + 1
                if back >= 0:
                    ready = starts[producer - first, back] + _between(c, this, tiles, tiles, 0)
                    start = max(start, ready)
            starts[entry - first, mine] = start
            if mine == groups - 1:
                pace = max(pace, start - starts[entry - first, mine - MEASURED])
            for hold in range(c[me + HOLD], c[me + HOLD_END]):
                held = c[HOLDS] + hold * (1 + columns)
                free[c[held]] = start + c[held + 1 + tiles]
    return pace


@_inner
def _sort(c, program, at, first, end, interval, flights, lagging):  # type: ignore[no-untyped-def]
    """Ages of the entries, and their order within a round; whether no unit has more groups in flight than it may.

    Ages count whole intervals from the first entry on: of all, or, `lagging`, of each unit and channel. These may then
    lag behind each other by more than an interval: what matters is that nobody is younger than what it waits for, so
    each begins as young as it can. Groups in flight are those between the entries of one unit.
    """
    age, unit_of = program[0], np.zeros(end - first, np.int64)
    for entry in range(first, end):
        me = c[ENTRIES] + entry * ENTRY_COLUMNS
        unit_of[entry - first] = c[me + UNIT]
        if c[me + UNIT] < 0:
            unit_of[entry - first] = -1 - c[c[HOLDS] + c[me + HOLD] * (1 + c[TILES])]
    for entry in range(first, end):
        begin = at[entry] if lagging else np.int64(0)
        for other in range(first, end):
            if unit_of[other - first] == unit_of[entry - first]:
                begin = min(begin, at[other])
        age[entry] = (at[entry] - begin) // interval
    raised = True
    while raised:
        raised = False
        for entry in range(first, end):
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            for edge in range(c[me + EDGE], c[me + EDGE_END]):
                this = c[EDGES] + edge * EDGE_COLUMNS
                late = age[c[this + BEFORE]] - c[this + REACH] - age[entry]
                if late <= 0:
                    continue
                raised = True
                for other in range(first, end):
                    if unit_of[other - first] == unit_of[entry - first]:
                        age[other] += late
                        if age[other] > OLDEST_AGE:
                            return False
    for entry in range(first, end):
        place, mine = entry, at[entry] - age[entry] * interval
        while place > first and at[program[1, place - 1]] - age[program[1, place - 1]] * interval > mine:
            program[1, place] = program[1, place - 1]
            place -= 1
        program[1, place] = entry
        for other in range(first, end):
            same = unit_of[other - first] == unit_of[entry - first] >= 0
            if same and age[entry] - age[other] >= flights:
                return False
    return True


@_inner
def _place(c, first, end, tiles, interval, at, tight):  # type: ignore[no-untyped-def]
    """Times of the entries of one group when another group begins every `interval` cycles; whether there are any."""
    floor = np.zeros(end - first, np.int64)
    for _ in range(16):
        for entry in range(first, end):
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            earliest = floor[entry - first]
            for edge in range(c[me + EDGE], c[me + EDGE_END]):
                this = c[EDGES] + edge * EDGE_COLUMNS
                if c[this + REACH] == 0:
                    earliest = max(earliest, at[c[this + BEFORE]] + max(np.int64(0), c[this + DELAY]))
            at[entry] = _free_from(c, first, entry, tiles, interval, at, earliest, tight)
            if at[entry] < 0:
                return False
        raised = False
        for entry in range(first, end):
            me = c[ENTRIES] + entry * ENTRY_COLUMNS
            for edge in range(c[me + EDGE], c[me + EDGE_END]):
                this = c[EDGES] + edge * EDGE_COLUMNS
                before = c[this + BEFORE]
                needed = at[before] + 1 - c[this + REACH] * interval
                if c[this + REACH] > 0 and at[entry] < needed:
                    its = c[ENTRIES] + before * ENTRY_COLUMNS
                    if (c[me + FIRST] or c[me + LAST]) and (c[its + FIRST] or c[its + LAST]):
                        at[before] -= needed - at[entry]  # neither takes a place in the interval
                        continue
                    floor[entry - first] = max(floor[entry - first], needed)
                    raised = True
        if not raised:
            return True
    return False


@_inner
def _free_from(c, first, entry, tiles, interval, at, earliest, tight):  # type: ignore[no-untyped-def]
    """The first time from `earliest` on at which an entry's resources are free, modulo the interval; -1: none.

    Without `tight` only its unit counts.
    """
    me, columns = c[ENTRIES] + entry * ENTRY_COLUMNS, c[TILES]
    if c[me + FIRST] or c[me + LAST]:
        return earliest
    time = earliest
    moved = True
    while moved and time < earliest + 2 * interval:
        moved = False
        for hold in range(c[me + HOLD], c[me + HOLD_END]):
            mine = c[HOLDS] + hold * (1 + columns)
            for other in range(first, entry):
                its = c[ENTRIES] + other * ENTRY_COLUMNS
                if c[its + FIRST] or c[its + LAST]:
                    continue
                for held in range(c[its + HOLD], c[its + HOLD_END]):
                    theirs = c[HOLDS] + held * (1 + columns)
                    if c[mine] != c[theirs] or not (tight or c[mine] == c[me + UNIT]):
                        continue
                    since = (time - at[other]) % interval  # how long ago the other one began
                    if since < c[theirs + 1 + tiles]:
                        time += c[theirs + 1 + tiles] - since
                        moved = True
                    elif interval - since < c[mine + 1 + tiles]:
                        time += interval - since + c[theirs + 1 + tiles]
                        moved = True
    return time if time < earliest + 2 * interval else np.int64(-1)
