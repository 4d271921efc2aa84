"""New keys and values in DRAM banks: which columns they are written to, of how many tokens at once, and what that takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import simulate
from sim.dram import RowRun
from tests.sim.pim_attention_cases import AIM, GPT2, KEYS, Attention, attentions


def appended(case: Attention) -> Mapping[str, int]:
    """Commands of all channels that a record has more with what is appended than without."""
    some, none = (simulate(*each.references).actions["dram"] for each in (case, replace(case, append=0)))
    return {name: some.get(name, 0) - none.get(name, 0) for name in ("WR", "ACT", "ACT16")}


@pytest.mark.parametrize(
    ("of_keys", "writes", "rows"),
    [
        ("concatenated", 25 * 4, 3),  # a row of the first tile; of the second columns 252 to 287, which lie in two
        ("by-head", 25 * 4, 8 + 5),  # a head's 8 keys are half a row
        ("head-per-channel", 8 * 4 * 4, 8 * 4),  # a head's 64 keys of a bank are four rows
    ],
)
def test_a_new_key_by_hand(of_keys: str, writes: int, rows: int) -> None:
    with_values, values = (appended(replace(GPT2, of_keys=each)) for each in (of_keys, KEYS[0]))
    assert values["WR"] - 25 * 4 == 8 * 256
    assert with_values == {"WR": 8 * 256 + writes, "ACT": rows, "ACT16": 8 * 16}


@pytest.mark.parametrize(
    ("of_values", "writes", "rows"),
    [
        ("head-per-channel", 8 * 16 * 4 * 4, 8 * 16),  # 16 banks, four rounds, four features: each in a row of its own
        ("keys-over-channels", 16 * 25 * 4, 13),  # one channel; 8 columns a feature, 32 a head: half a row
        ("key-by-key", 8 * 16 * 4 * 4, 8 * 4),  # four features next to each other
    ],
)
def test_a_new_value_by_hand(of_values: str, writes: int, rows: int) -> None:
    found = appended(replace(GPT2, of_values=of_values, arch=f"{AIM},accumulators=4"))
    assert found == {"WR": 100 + writes, "ACT": 3, "ACT16": rows}


@settings(max_examples=60, deadline=None)
@given(attentions(repeated=True).filter(lambda case: case.append))
def test_written_are_the_columns_that_differ(case: Attention) -> None:
    in_all = 0
    for task, walk in zip(case.products(), case.walks(), strict=True):
        changed: dict[int, set[tuple[int, int, int]]] = {}
        for channel, bank, row, place in walk.changed():
            changed.setdefault(channel, set()).add((bank, row, place))
        assert task.append is not None
        found: Counter[frozenset[tuple[int, int, int]]] = Counter()
        for program in task.append.channels.values():
            runs = [each for each in program if isinstance(each, RowRun) and each.count]
            columns = [(each.bank, each.row, each.column + i) for each in runs for i in range(each.count)]
            assert len(columns) == len(set(columns))
            found[frozenset(columns)] += 1
        assert found == Counter(frozenset(each) for each in changed.values())
        in_all += sum(map(len, changed.values()))
    times = case.blocks * case.tokens // case.append
    assert simulate(*case.references).actions["dram"]["WR"] == times * in_all


@settings(max_examples=30, deadline=None)
@given(attentions(), st.sampled_from([1, 2, 4, 8, 16]), st.integers(1, 18))
def test_more_tokens_at_once_write_no_more_for_each(case: Attention, most: int, sixteens: int) -> None:
    """Where they divide the keys and the lanes; a key's columns are its own, a value shares one with up to 15 others."""
    case = replace(case, keys=16 * sixteens, room=0, tokens=16)
    one, more = (simulate(*replace(case, append=number).references).actions["dram"] for number in (1, most))
    assert more["WR"] <= one["WR"] and more["MAC"] == one["MAC"]
    written = [len(walk.changed()) for walk in replace(case, append=1).walks()]
    assert more["WR"] * most == 16 * (written[0] * most + written[1])


@settings(max_examples=30, deadline=None)
@given(attentions(repeated=True))
def test_of_tokens_that_append_at_once_all_but_the_last_multiply_their_keys_outside(case: Attention) -> None:
    """The first of them one key, the second two, and so on; all of them the whole cache in the banks."""
    actions = simulate(*case.references).actions
    once = replace(case, append=0, tokens=1, blocks=1)
    assert actions["dram"]["MAC"] == case.blocks * case.tokens * simulate(*once.references).actions["dram"]["MAC"]
    turns = case.tokens // max(case.append, 1)
    outside = turns * sum(range(1, case.append))
    a_key = case.batch * case.kv_heads * case.group * (case.head_dim + case.value_dim)
    assert actions["array_1d"].get("mac", 0) == case.blocks * outside * a_key


@settings(max_examples=30, deadline=None)
@given(attentions())
def test_nothing_appended_takes_no_longer(case: Attention) -> None:
    """Without refresh, which may come at a better moment for what takes longer."""
    none, one = (simulate(*replace(case, append=number, tokens=1).references) for number in (0, 1))
    assert none.cycles < one.cycles
    assert "append" not in (none.cycles_by_phase or {}) and "append" in (one.cycles_by_phase or {})
    assert none.actions["dram"].get("WR", 0) == 0
