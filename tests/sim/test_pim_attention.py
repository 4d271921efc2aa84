"""Attention over keys and values in DRAM banks: counts by hand, where everything lies, appends, time and energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sim import Record, simulate
from sim.dram import Command, Segment, Wait, check_trace
from sim.dram.channel import run, trace
from sim.pim.latency import quickest
from sim.pim.lowering import Task
from sim.pim.whole import whole
from sim.simulate import Engine, bound_in_turn
from tests.sim.dram_reference import steps
from tests.sim.pim_attention_cases import AIM, BY_ROW, GPT2, KEYS, LANES, VALUES, Attention, attentions
from tests.sim.pim_cases import macs, pace


def issued(task: Task) -> Mapping[Command, int]:
    """Commands of one channel, without what it appends."""
    return run(task.device, task.program).counts


# ------------------------------------------------------------------------------------------------------------- by hand


def test_keys_and_values_of_gpt_2_by_hand() -> None:
    """8 keys a bank of 25 · 4 columns, in tiles of 64 and 36; values of 25 heads in 4 rounds, 4 features of 64 columns.

    25 heads are 4 rounds on each of 8 channels, done as if all 32 were there.
    """
    keys, values = GPT2.products()
    assert [(tile.outputs * tile.columns, tile.rows) for tile in keys.chunks] == [(8 * 64, 8), (8 * 36, 5)]
    assert [(tile.batches * tile.outputs * tile.columns, tile.rows) for tile in values.chunks] == [(256, 4)] * 4
    of_keys, of_values = issued(keys), issued(values)
    assert [of_keys[each] for each in (Command.MAC, Command.ACT16, Command.RDMAC, Command.WRGB)] == [800, 13, 200, 100]
    assert [of_values[each] for each in (Command.MAC, Command.ACT16, Command.RDMAC)] == [1024, 16, 16]
    record = simulate(*GPT2.references)
    assert record.actions["dram"] == {
        "MAC": 8 * (800 + 1024),
        "WR": 100 + 8 * 256,
        "ACT": 3,
        "ACT16": 8 * (13 + 16 + 16),
        "WRGB": 8 * (100 + 4 * 64),
        "RDMAC": 8 * (200 + 16),
        "MODE": 8 * 4,
        "PRE": 2,
        "PREA": 8 * 45 - 7,  # where no new key was written all banks are closed before the first row
    }
    assert simulate("gpt2-xl:part=attention,blocks=1", AIM, GPT2.mapping).actions == record.actions


def test_softmax_of_gpt_2_by_hand() -> None:
    """25 · 64 words of scores: a maximum, a difference and a sum of 2 ticks each, an exponential of 1; 100 divisions."""
    record = simulate(*GPT2.references)
    assert record.cycles_by_phase is not None
    assert record.cycles_by_phase["other units"] == 25 * 64 * (2 + 2 + 2 + 1) + 100 * 18 == 13_000
    scores = 25 * 1024
    assert record.actions["array_1d"] == {"max": scores, "add": 2 * scores, "exp": scores, "divide": 25 * 64}
    prices = {"max": 10.549533309, "add": 10.549533309, "exp": 7.55524454}
    known = sum(record.actions["array_1d"][name] * each / 32 for name, each in prices.items()) * 1e-12
    assert record.energy_by_component_j["array_1d"] is not None
    assert record.energy_by_component_j["array_1d"] > known


def test_sums_over_channels_by_hand() -> None:
    """1600 results in 8 parts: 7 · 100 words of 2 ticks, less the 25 · 4 · 8 MACs of 2 ticks meanwhile: none is left."""
    record = simulate(*replace(GPT2, of_values="keys-over-channels", append=0).references)
    assert record.cycles_by_phase is not None and record.cycles_by_phase["other units"] == 13_000
    assert record.actions["array_1d"]["add"] == 2 * 25 * 1024 + 7 * 1600


@pytest.mark.parametrize(("options", "between"), [("", 2), (",activation=stretched-ccd", 3), (",CCD_long=9", 9)])
def test_sums_that_outlast_the_macs_by_hand(options: str, between: int) -> None:
    """Of 128 keys each of 8 channels has a column for a feature: 100 MACs, and 700 words of sums."""
    case = replace(GPT2, of_values="keys-over-channels", append=0, keys=128, arch=AIM + options)
    phases = simulate(*case.references).cycles_by_phase
    assert phases is not None
    assert phases["other units"] == 25 * 8 * 7 + 100 * 18 + 700 * 2 - 100 * between


def test_sums_and_new_keys_share_a_unit_by_hand() -> None:
    """Of 8 tokens number t = 1 to 7 has sums, 1400 ticks, and t products with a key, 200 each, in 1600 ticks of MACs."""
    case = replace(GPT2, of_values="keys-over-channels", append=8, tokens=8)
    phases = simulate(*case.references).cycles_by_phase
    assert phases is not None
    assert phases["other units"] == 8 * 13_000 + sum(1400 + 200 * t - 1600 for t in range(1, 8))


@settings(max_examples=30, deadline=None)
@given(attentions(repeated=True))
def test_rows_are_closed_as_often_as_they_are_opened(case: Attention) -> None:
    """Of each channel, but for those that are open at the end; a PREA closes whatever is open."""
    for task in case.products():
        for program in {task.program, *((*each, *task.program) for each in _appends(task))}:
            counts = run(case.device, program).counts
            opened = counts.get(Command.ACT16, 0) + counts.get(Command.ACT4, 0) // 4
            assert 0 <= opened - counts.get(Command.PREA, 0) <= 1 + (case.device.organisation.banks + 3) // 4
    record = simulate(*case.references)
    dram = record.actions["dram"]
    assert dram["PREA"] <= dram.get("ACT16", 0) + dram.get("ACT4", 0)


def _appends(task: Task) -> set[tuple[Segment, ...]]:
    return set() if task.append is None else set(task.append.channels.values())


# ---------------------------------------------------------------------------------------------------- where all of it lies


@settings(max_examples=60, deadline=None)
@given(attentions(refresh=True), st.sampled_from(["included", "excluded"]))
@example(BY_ROW, "included")
@example(BY_ROW, "excluded")
def test_every_column_is_gone_through_once_for_every_vector(case: Attention, io: str) -> None:
    """In the order of the layout, in rows that nothing else has; and these are the columns that hold the keys."""
    case = replace(case, io=io)
    rows: set[int] = set()
    for task, walk in zip(case.products(), case.walks(), strict=True):
        found = macs(task)
        assert found == list(walk.macs())
        assert set(Counter(found).values()) == {case.group}
        assert set(found) == {(row, place) for _, bank, row, place in walk.contents(case.keys) if bank == 0}
        own = range(task.placement.stretches[0].tiles[0].layout.first_row, walk.taken)
        assert task.rows == len(own) and rows.isdisjoint(own)
        rows.update(own)


@settings(max_examples=60, deadline=None)
@given(attentions())
def test_macs_of_a_channel_are_their_closed_form(case: Attention) -> None:
    channels, banks = case.device.organisation.channels, case.device.organisation.banks

    def over(number: int, by: int) -> int:
        return -(-number // by)

    vectors = case.batch * case.group
    heads = {False: case.kv_heads, True: over(case.kv_heads, channels)}
    own = case.of_keys == "head-per-channel"
    of_keys = heads[own] * over(case.keys, banks * (1 if own else channels)) * over(case.head_dim, LANES)
    own = case.of_values != "keys-over-channels"
    of_values = heads[own] * over(case.value_dim, banks) * over(case.keys, LANES * (1 if own else channels))
    found = [issued(task)[Command.MAC] for task in case.products()]
    assert found == [vectors * of_keys, vectors * of_values]


@settings(max_examples=40, deadline=None)
@given(attentions(), st.integers(1, 300))
def test_what_lies_there_stays_where_it_is(case: Attention, fewer: int) -> None:
    """With the same room fewer keys lie in the same columns."""
    full = replace(case, room=max(case.room, case.keys), append=0, tokens=1)
    less = replace(full, keys=min(fewer, case.keys))
    for some, all_of_it in zip(less.products(), full.products(), strict=True):
        assert some.rows == all_of_it.rows
        assert set(macs(some)) <= set(macs(all_of_it))


# ---------------------------------------------------------------------------------------------------------------- time


@settings(max_examples=25, deadline=None)
@given(attentions(refresh=True), st.integers(0, 2), st.integers(1, 2))
def test_a_channel_keeps_every_constraint(case: Attention, append: int, blocks: int) -> None:
    case = replace(case, append=min(append, case.keys), tokens=max(min(append, case.keys), 1), blocks=blocks)
    tasks = case.tasks()
    done = run(case.device, whole(tasks, case.repeated).program, expand=True)
    assert check_trace(case.device, trace(done.issued)) == []


@settings(max_examples=40, deadline=None)
@given(attentions(refresh=True, repeated=True), st.sampled_from(["included", "excluded"]))
def test_phases_add_up_to_the_time_with_and_without_jumps(case: Attention, io: str) -> None:
    case = replace(case, io=io)
    record, stepped = (simulate(*case.references, engine=Engine(jump=jump)) for jump in (True, False))
    assert record.cycles_by_phase is not None and sum(record.cycles_by_phase.values()) == record.cycles
    assert (record.cycles, record.cycles_by_phase) == (stepped.cycles, stepped.cycles_by_phase)
    assert (record.actions, record.idle_actions) == (stepped.actions, stepped.idle_actions)
    assert record.idle_actions is not None  # every tick of every channel is active or precharged
    assert sum(record.idle_actions["dram"].values()) == record.cycles * case.device.organisation.channels


@settings(max_examples=40, deadline=None)
@given(attentions(refresh=True, repeated=True))
def test_blocks_and_tokens_are_the_program_over_and_over(case: Attention) -> None:
    """Of the tokens that append at once the last one writes; the others wait for what is multiplied outside."""
    tasks = case.tasks()
    rows = sum(task.rows for task in tasks)
    program: list[Segment] = []
    for token, block in product(range(case.tokens), range(case.blocks)):
        number = token % max(case.append, 1) + 1
        for task in tasks:
            if task.append and number == case.append:
                program += steps(task.append.program, block * rows)
            waiting = task.append and number < case.append
            ticks = task.outside.ticks + (task.before[number - 1].ticks if waiting else 0)
            program += [*steps(task.in_banks, block * rows), Wait(max(ticks - task.busy, 0))]
    plain = run(case.device, program, jump=False)
    record = simulate(*case.references)
    assert record.cycles == plain.ticks
    channels = max(task.channels for task in tasks)
    fixed = ("MAC", "WRGB", "RDMAC", "MODE", "REFab", "REFpb")
    found = {name: number for name, number in record.actions["dram"].items() if name in fixed}
    assert found == {c.name: number * channels for c, number in plain.counts.items() if c.name in fixed}


@settings(max_examples=40, deadline=None)
@given(attentions(repeated=True))
def test_time_of_macs_alone_is_that_of_their_rows(case: Attention) -> None:
    """The sum of row periods but for the last row, which is over with its last MAC (docs/pim.md)."""
    case = replace(case, io="excluded")
    keys, values = case.walks()
    a_block = [*keys.macs(), *values.macs()]
    order = [(block, row) for _, block in product(range(case.tokens), range(case.blocks)) for row, _ in a_block]
    opened = [len(list(each)) for _, each in groupby(order)]
    timing, between = case.device.timing, pace(case.products()[0])
    ticks = timing.rcd_mac + opened[-1] * between
    for number in opened[:-1]:
        open_until = max(timing.ras, timing.rcd_mac + (number - 1) * between + timing.rtp)
        ticks += max(timing.rc, open_until + timing.rp)
    record = simulate(*case.references)
    assert record.cycles == ticks
    assert record.actions["dram"]["ACT16"] == len(opened) * max(task.channels for task in case.products())


# -------------------------------------------------------------------------------------------------------------- layouts


@settings(max_examples=25, deadline=None)
@given(attentions())
def test_what_is_taken_is_never_slower_than_another_layout(case: Attention) -> None:
    """Each nest by itself, as it is chosen; and without refresh, which may fall better or worse."""
    work, arch, mapping = case.references
    options = mapping.split(",", 2)[2]
    taken, _ = bound_in_turn(work, arch, f"bank-parallel-attention:{options}")
    keys, values = (quickest(each) for each in (taken[0], taken[2]))
    for of_keys, of_values in product(KEYS, VALUES):
        other = replace(case, of_keys=of_keys, of_values=of_values)
        if (
            of_values == "key-by-key"
            and -(-case.value_dim // case.device.organisation.banks) > case.device.accumulators
        ):
            continue
        made = other.schedules()
        assert keys <= quickest(made[0]) and values <= quickest(made[2])


@settings(max_examples=40, deadline=None)
@given(attentions(repeated=True))
def test_padded_rows_take_no_fewer_activations(case: Attention) -> None:
    """For one vector: several go through an output in turn, and open two rows each time if it lies in two."""
    case = replace(case, group=1, append=0)
    packed, padded = (simulate(*replace(case, rows=rows).references).actions["dram"] for rows in ("packed", "padded"))
    assert packed["ACT16"] <= padded["ACT16"] and packed["MAC"] == padded["MAC"]


def test_an_output_in_two_rows_opens_both_for_each_vector_together() -> None:
    """8 features of 63 columns in rows of 64: but for the first each lies in two, of which one is open: 1 + 7 · (2 · 4 - 1)."""
    case = Attention(1, 1, 4, 64, 128, 1000, "gddr6-aim:channels=1,refresh=off,buffer=8KiB", append=0)
    packed, padded = (issued(replace(case, rows=rows).products()[1]) for rows in ("packed", "padded"))
    assert (packed[Command.ACT16], padded[Command.ACT16]) == (50, 8)


# --------------------------------------------------------------------------------------------------------------- energy


@pytest.mark.parametrize("arch", ["gddr6-aim", "hbm3-pim"])
@pytest.mark.parametrize("tokens", [1, 16])
def test_nothing_is_without_a_price(arch: str, tokens: int) -> None:
    record = simulate(f"gpt2-xl:part=attention,tokens={tokens}", arch, f"bank-parallel-attention:append={tokens}")
    assert None not in record.energy_by_component_j.values()
    assert set(record.energy_by_component_j) == {"dram", "banks", "dram.pins", "dram.background", "array_1d"}


@settings(max_examples=30, deadline=None)
@given(attentions(refresh=True, repeated=True))
def test_energy_is_that_of_its_components(case: Attention) -> None:
    record = simulate(*case.references)
    of_components = record.energy_by_component_j
    assert record.energy_j is not None and record.energy_j == pytest.approx(_sum(record))
    assert set(of_components) >= {"dram", "banks", "dram.pins", "dram.background", "array_1d"}


def _sum(record: Record) -> float:
    return sum(joules or 0 for joules in record.energy_by_component_j.values())
