"""Floors: what a nest takes at least is never more than what a schedule of it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arch import machine, table
from mappings import MappingSpec, Schedule, bind, count, mapping
from mappings.floor import Floor, floor
from mappings.sequence import nests_of, workload_of
from sim.accounting import accounting
from sim.analytic import latency
from sim.energy import energy
from specs import Loaded, read_text, validate
from tests.mappings.drawing import Drawn, triples
from workloads import Workload, cascade


def loaded_of(drawn: Drawn) -> Loaded[MappingSpec]:
    return validate(read_text(drawn.mapping, "drawn.yaml"), MappingSpec, "mapping")


def assert_below(least: Floor, schedule: Schedule) -> None:
    """Every count, time and energy of the floor is at most the schedule's."""
    low, high = count(least), count(schedule)
    for name, counted in low.operations.items():
        other = high.operations[name]
        pairs = [(counted.points, other.points), (counted.slots, other.slots), (counted.cycles, other.cycles)]
        pairs += [(counted.actions[native], other.actions[native]) for native in counted.actions]
        pairs += [(counted.arrivals, other.arrivals), (counted.accumulations, other.accumulations)]
        assert all(np.all(one <= two) for one, two in pairs), name
    for level in schedule.machine.memories:
        for action in ("read", "write"):
            assert np.all(low.level_bytes(level, action) <= high.level_bytes(level, action))
    assert np.all(latency(least, low).latency_s <= latency(schedule, high).latency_s)
    prices = table("horowitz-45nm")
    one, two = (
        energy(s, c, prices, accounting("hardware")).by_component_j for s, c in ((least, low), (schedule, high))
    )
    for name, joules in one.items():
        assert joules is None or np.all(joules <= two[name] * (1 + 1e-12))


@settings(max_examples=150, deadline=None)
@given(triples(), st.sampled_from(["none", "units"]))
def test_a_floor_is_below_every_schedule(drawn: Drawn, overlap: Any) -> None:
    """Whatever the cascade, the machine, loops, keeps and masks."""
    loaded = loaded_of(drawn)
    spec = loaded.model.model_copy(update={"overlap": overlap})
    loaded = Loaded(spec, loaded.document, loaded.name)
    schedule = bind(drawn.cascade, drawn.workload, drawn.machine, loaded)
    assert_below(floor(drawn.cascade, drawn.workload, drawn.machine, loaded), schedule)


@settings(max_examples=60, deadline=None)
@given(triples(), st.data())
def test_a_floor_without_some_einsums_is_below_that_with_them(drawn: Drawn, data: Any) -> None:
    """What may yet go elsewhere adds to it, never takes away."""
    free = frozenset(data.draw(st.sets(st.sampled_from(sorted(drawn.cascade.by_name)))))
    loaded = loaded_of(drawn)
    made = (drawn.cascade, drawn.workload, drawn.machine, loaded)
    one, two = floor(*made, free), floor(*made)
    assert latency(one, count(one)).latency_s <= latency(two, count(two)).latency_s
    assert set(one.operations) == set(two.operations) - free


@settings(max_examples=60, deadline=None)
@given(triples(), st.data())
def test_a_floor_of_a_fitted_part_is_below_that_of_each_extent(drawn: Drawn, data: Any) -> None:
    """The part that `fit` settles may have any extent, and the floor is below all of them."""
    loaded = loaded_of(drawn)
    parts = [(rank, part) for rank, parts in loaded.model.partition.items() for part in list(parts)[1:]]
    assume(parts)
    rank, part = data.draw(st.sampled_from(parts))
    partition = loaded.model.partition
    opened = partition | {rank: partition[rank] | {part: "fit"}}
    spec = loaded.model.model_copy(update={"partition": opened})
    least = floor(drawn.cascade, drawn.workload, drawn.machine, Loaded(spec, loaded.document, loaded.name))
    largest = max(drawn.sizes[rank], 1)
    for extent in range(1, largest + 1):
        divided = partition | {rank: partition[rank] | {part: extent}}
        member = Loaded(loaded.model.model_copy(update={"partition": divided}), loaded.document, loaded.name)
        if largest % extent == 0:
            assert_no_more(least, floor(drawn.cascade, drawn.workload, drawn.machine, member))


def assert_no_more(one: Floor, two: Floor) -> None:
    """No operation of the first does more than in the second, and no memory moves more."""
    low, high = count(one), count(two)
    for name, counted in low.operations.items():
        assert counted.points <= high.operations[name].points
        assert counted.cycles <= high.operations[name].cycles
    for level in one.machine.memories:
        for action in ("read", "write"):
            assert low.level_bytes(level, action) <= high.level_bytes(level, action)


def test_the_floor_of_a_product_by_hand() -> None:
    """8 × 6 × 4 on 2 × 2 elements: 48 tiles of one slot each; 32 + 24 operands in, 48 results out, of two bytes."""
    work = Workload("hand", {"M": 8, "N": 6, "K": 4}, {})
    how: Loaded[Any] = mapping("output-stationary")
    found = floor(cascade("gemm"), work, machine("systolic:rows=2,cols=2"), how)
    counts = count(found)
    assert counts.operations["C"].points == 192
    assert counts.operations["C"].cycles == 48
    assert counts.level_bytes("dram", "read") == 2 * (32 + 24)
    assert counts.level_bytes("dram", "write") == 48 * found.types["C"].storage.bits // 8


def test_what_a_fitted_part_leaves_to_be_read_by_hand() -> None:
    """Of 12 keys in tiles of m0 the second pass reads a maximum and a sum of each tile: of all, if m0 is 12, two."""
    loaded = mapping("tests/explore/two-passes.yaml")
    whole, host = cascade("attention-2pass"), machine("fusemax-edge")
    work = Workload("hand", {"batch": 1, "heads": 1, "kv_heads": 1, "queries": 1, "keys": 12, "head_dim": 2}, {})
    part, nest = nests_of(loaded, whole)[1]
    for extent, words in ((12, 2), (1, 24), ("fit", 2)):
        partition = nest.model.partition | {"m": {"m1": "rest", "m0": extent}}
        own = replace(nest, model=nest.model.model_copy(update={"partition": partition}))
        found = floor(part, workload_of(work, part, whole), host, own)
        assert count(found).level_bytes("dram", "read") == words * found.types["LM"].storage.bits // 8


def test_what_a_mask_leaves_to_be_moved_by_hand() -> None:
    """With 8 queries and keys of 2 features, causal, all inputs are read; with 4 queries of a window of 3, not all keys."""
    how: Loaded[Any] = mapping("fusemax-binding")
    sizes = {"batch": 1, "heads": 1, "kv_heads": 1, "keys": 8, "head_dim": 2, "value_dim": 2}
    for queries, settings_, words in ((8, {"causal": True}, 48), (4, {"causal": True, "window": 3}, 0)):
        work = Workload("hand", sizes | {"queries": queries}, settings_)
        counts = count(floor(cascade("attention-1pass"), work, machine("fusemax-edge"), how))
        assert counts.level_bytes("dram", "read") == 2 * words


@given(st.integers(1, 1 << 12), st.integers(1, 1 << 12), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_what_spills_is_moved_elsewhere_and_not_lost(outer: int, inner: int, m: int, n: int, k: int) -> None:
    """Whatever part of two memories fits: each input is read from DRAM once at least, each result written there."""
    host = machine(f"tests/explore/three-memories.yaml:outer.size={outer}B,buffer.size={inner}B")
    loaded: Loaded[Any] = mapping("tests/explore/spilling-product.yaml")
    both = replace(loaded, model=loaded.model.model_copy(update={"spill": ["outer", "buffer"]}))
    found = count(bind(cascade("gemm"), Workload("drawn", {"M": m, "N": n, "K": k}, {}), host, both))
    assert found.level_bytes("dram", "read") >= 2 * (m * k + k * n)
    assert found.level_bytes("dram", "write") >= 2 * m * n
