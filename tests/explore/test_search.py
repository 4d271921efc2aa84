"""Searches: what is found is what enumerating finds, bounds are below all that they bound, and bad specs are refused."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import simulate
from sim.explore.columns import measured
from sim.explore.search.bounds import Frame, bounds
from sim.explore.search.exhaustive import exhaustive
from sim.explore.search.found import Found
from sim.explore.search.judge import judged
from sim.explore.search.space import Search, search
from sim.simulate import simulation
from specs import Infeasible, SpecError
from tests.explore.spaces import BYTES, KEEPS, KINDS, drawn

SEEDS = range(48)
KEPT = range(20)  # of spaces whose keeps and loops are open
FIRST = ("energy_j", "latency_s", *BYTES)
PLAIN = {"workload": "gemm:M=48,N=32,K=24", "arch": "systolic:rows=8,cols=8", "mapping": "output-stationary"}

LAYERS = {"workload": "gpt2-xl:d_model=128,d_ff=300,heads=2,part=linear,blocks=1"}


def written(folder: Path, **spec: Any) -> str:
    path = folder / "search.yaml"
    path.write_text(json.dumps({"search": "tried", **PLAIN, **spec}))
    return str(path)


def enumerated(made: Search) -> dict[tuple[int, int], tuple[float, ...]]:
    """The objectives of every member that is feasible, from one simulation of each mapping."""
    found = {}
    for site in made.sites():
        for index, member in enumerate(site.space.members()):
            try:
                analysis = simulation(site.workload, site.machine, member, site.model).analysis
            except (Infeasible, SpecError):
                continue
            values = tuple(measured(analysis, name) for name in made.objectives)
            if None not in values:
                found[site.number, index] = tuple(map(float, values))
    return found


def front_of(values: set[tuple[float, ...]]) -> set[tuple[float, ...]]:
    """The values that no others are as good as, by comparing all of them."""
    return {v for v in values if not any(o != v and all(a <= b for a, b in zip(o, v, strict=True)) for o in values)}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pruned_search_finds_what_enumerating_finds(seed: int, tmp_path: Path) -> None:
    """On drawn spaces: spatial and in DRAM banks, masked or not, choices, axes, one objective and two."""
    made = drawn(tmp_path, seed)
    everything = enumerated(made)
    found = exhaustive(made)
    assert {hit.values for hit in found.hits} == front_of(set(everything.values()))
    assert found.proven and found.seen + found.pruned == found.size == made.size
    if found.hits:
        assert found.verdict == "optimal"
        for hit in found.hits:
            assert everything[hit.site, made.site(hit.site).space.index(hit.place)] == hit.values
    refused = found.refusals.illegal + sum(each.count for each in found.refusals.by_limit.values())
    assert refused <= found.size - len(everything)


def test_most_drawn_searches_rule_something_out(tmp_path: Path) -> None:
    """Bounds bite: members are ruled out unseen in more than half of the spaces."""
    found = [exhaustive(drawn(tmp_path, seed)) for seed in SEEDS]
    assert sum(each.pruned > 0 for each in found) > len(found) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bound_holds_for_every_completion(seed: int, tmp_path: Path) -> None:
    """Whatever is fixed of a member: no member that has it is better than its bound."""
    made, source = drawn(tmp_path, seed), random.Random(seed)
    everything = enumerated(made)
    for site in made.sites():
        space = site.space
        low_of: dict[tuple[int, ...], Any] = {}
        for number, index in everything:
            place = space.place(index)
            if number != site.number or source.random() > 0.3:
                continue
            cell = index % space.cells if space.structures < len(space.shape) else 0
            for depth in range(space.structures + 1):
                fixed = place[:depth]
                if fixed not in low_of:
                    low_of[fixed] = bounds(made, site, fixed, np.arange(space.cells))
                assert (low_of[fixed][cell] <= everything[number, index]).all()


@pytest.mark.parametrize("seed", KEPT)
def test_bounds_that_read_loops_and_keeps_hold_and_lose_nothing(seed: int, tmp_path: Path) -> None:
    """By energy, bytes and latency: each bound is below its completions, and the front that of enumerating."""
    made, source = drawn(tmp_path, seed, KEEPS, FIRST[seed % len(FIRST)]), random.Random(seed)
    everything, found = enumerated(made), exhaustive(made)
    assert {hit.values for hit in found.hits} == front_of(set(everything.values()))
    assert found.proven and found.seen + found.pruned == found.size
    for site in made.sites():
        low_of: dict[tuple[int, ...], Any] = {}
        for number, index in everything:
            if number != site.number or source.random() > 0.2:
                continue
            place, cell = site.space.place(index), index % site.space.cells
            for depth in range(site.space.structures + 1):
                fixed = place[:depth]
                if fixed not in low_of:
                    low_of[fixed] = bounds(made, site, fixed, np.arange(site.space.cells))
                assert (low_of[fixed][cell] <= everything[number, index]).all()


@pytest.mark.parametrize("seed", range(0, 16, 2))
def test_the_front_by_energy_is_that_of_enumerating(seed: int, tmp_path: Path) -> None:
    """Of the other kinds of spaces too, whether or not bounds read their keeps."""
    made = drawn(tmp_path, 100 + seed // 2, KINDS, "energy_j")
    found = exhaustive(made)
    assert {hit.values for hit in found.hits} == front_of(set(enumerated(made).values()))


def test_where_keeps_decide_most_is_ruled_out(tmp_path: Path) -> None:
    """By energy, and where a memory bounds the latency: more than half of all members of small spaces."""
    for first in ("energy_j", "latency_s"):
        found = [exhaustive(drawn(tmp_path, seed, KEEPS, first)) for seed in KEPT]
        assert sum(each.pruned for each in found) > 0.5 * sum(each.size for each in found)


def test_with_all_keeps_fixed_the_bound_is_what_a_member_takes(tmp_path: Path) -> None:
    """Loops and keeps of a product: nothing is lost but what sums may differ by in their last bits."""
    made = drawn(tmp_path, 0, KEEPS, "energy_j")
    site = made.site(0)
    structure = (0,) * site.space.structures
    cells = np.arange(site.space.cells)
    values = judged(made, site, structure, cells).values
    fits = np.isfinite(values[:, 0])
    assert bounds(made, site, structure, cells)[fits] == pytest.approx(values[fits], rel=1e-8)


@pytest.mark.parametrize("seed", range(0, 12))
def test_members_that_are_put_together_are_those_that_are_bound(seed: int, tmp_path: Path) -> None:
    """Values to the last bit, and as many that do not fit or make no sense."""
    made = drawn(tmp_path, seed, KEEPS)
    for site in made.sites():
        space, cells = site.space, np.arange(site.space.cells)
        frames: dict[tuple[int, ...], Frame] = {}
        for structure in itertools.product(*(range(n) for n in space.shape[: space.structures])):
            fixed = structure[: space.framed]
            frame = frames.setdefault(fixed, Frame(made, site, fixed, cells))
            one, two = judged(made, site, structure, cells), judged(made, site, structure, cells, frame.nests)
            assert (one.values == two.values).all()
            assert one.refusals.illegal == two.refusals.illegal
            assert {k: v.count for k, v in one.refusals.by_limit.items()} == {
                k: v.count for k, v in two.refusals.by_limit.items()
            }


def test_a_product_by_energy_is_found_after_few(tmp_path: Path) -> None:
    """Loops, keeps in two memories and extents: of 144,060 members ten or so are seen."""
    opened = {
        "loops": "any",
        "keep": {"buffer": {"A": "any", "B": "any", "C": "any"}, "outer": {"A": "any"}},
        "partition": {"m": {"m0": [2, 4]}},
    }
    spec = {"arch": "tests/explore/three-memories.yaml", "mapping": "tests/explore/two-level-product.yaml"}
    found = exhaustive(search(written(tmp_path, **spec, open=opened, objectives=["energy_j"])))
    assert found.verdict == "optimal" and found.size == 144060 and found.seen < 30


@pytest.mark.parametrize("seed", range(0, 48, 2))
def test_many_extents_at_once_are_the_members_one_by_one(seed: int, tmp_path: Path) -> None:
    """What is judged as arrays is what single mappings give, feasible or not."""
    made = drawn(tmp_path, seed)
    everything = enumerated(made)
    for site in made.sites():
        space = site.space
        for structure in itertools.product(*(range(n) for n in space.shape[: space.structures])):
            result = judged(made, site, structure, np.arange(space.cells))
            for cell, values in enumerate(result.values.tolist()):
                rest = np.unravel_index(cell, space.shape[space.structures :]) if space.cells > 1 else ()
                place = (*structure, *(int(each) for each in rest))
                place += (0,) * (len(space.shape) - len(place))
                expected = everything.get((site.number, space.index(place)))
                assert (None if np.isinf(values[0]) else tuple(values)) == expected


def test_where_time_is_that_of_the_macs_other_units_take_none(tmp_path: Path) -> None:
    """Nests outside of the banks bound nothing with `io: excluded`, whatever they choose; with it they do."""
    opened = {"sequence": [{}, {}, {}, {"partition": {"f": {"f0": [2, "any"]}}}]}
    lows, times = [], []
    for io in ("excluded", "included"):
        spec = {
            "workload": "attention:queries=1,keys=100,head_dim=64,heads=3",
            "arch": "gddr6-aim",
            "mapping": f"bank-parallel-attention:choose.keys=by-head,choose.values=head-per-channel,io={io}",
        }
        made = search(written(tmp_path, **spec, open=opened))
        lows.append(bounds(made, made.site(0), (), np.arange(1))[0, 0])
        times.append(exhaustive(made).best.values[0])
        assert lows[-1] <= times[-1]
    assert lows[0] < lows[1]


def test_macs_in_banks_bound_their_energy(tmp_path: Path) -> None:
    """All channels go through their part of a matrix: as many MACs are issued as the bound has."""
    spec = {"workload": "gemv:M=300,N=96", "arch": "gddr6-aim", "mapping": "bank-parallel"}
    opened = {"partition": {"m": {"mb": [2, 16], "mc": [1, 3, 8]}}}
    made = search(written(tmp_path, **spec, open=opened, objectives=["energy_j.banks", "energy_j"]))
    low = bounds(made, made.site(0), (), np.arange(6))
    values = judged(made, made.site(0), (), np.arange(6)).values
    assert low[:, 0] == pytest.approx(values[:, 0], rel=1e-6)
    assert (values[:, 1] / 5 < low[:, 1]).all() and (low[:, 1] <= values[:, 1]).all()
    assert exhaustive(made).pruned > 0


def test_a_choice_that_floors_do_not_read_bounds_as_well(tmp_path: Path) -> None:
    """Vectors in turn or together are as many MACs; what changes the partition is bounded when it is chosen."""
    spec = {"workload": "gemm:M=300,N=5,K=70", "arch": "gddr6-aim", "mapping": "bank-parallel-gemm"}
    opened = {"choose": {"vectors": ["in-turn", "together"]}}
    for cascade_nest, known in ((spec, False), (spec | {"mapping": "bank-parallel-layers", **LAYERS}, True)):
        own = opened if not known else {"choose": {"tokens": "any"}}
        made = search(written(tmp_path, **cascade_nest, open=own))
        assert (bounds(made, made.site(0), (), np.arange(1))[0, 0] > 0) == known
        assert (bounds(made, made.site(0), (0,), np.arange(1))[0, 0] > 0) is np.True_


def test_around_a_poor_mapping_it_finds_the_published_latency() -> None:
    """From 10^10 mappings around one made by hand: FuseMax's +Binding, and nothing is faster."""
    found = exhaustive(search("examples/search_fusemax.yaml"))
    best = simulate("bert:seq_len=256Ki", "fusemax-cloud", "fusemax-binding").latency_s
    by_hand = simulate("bert:seq_len=256Ki", "fusemax-cloud", "examples/attention-by-hand.yaml").latency_s
    assert found.verdict == "optimal" and found.best.values[0] <= best < by_hand
    assert found.seen < 1000 < 10**9 < found.size


def test_the_example_by_energy_ends_with_a_proof() -> None:
    """Here with two orders of loops, one that is slower; no member of the space takes less than its best."""
    made = search("examples/search_energy.yaml")
    orders = [["b", "n", "g", "p2", "m1", "p1"], ["b", "n", "p2", "m1", "g", "p1"]]
    few = made.spec.open.model_copy(update={"loops": orders})
    found = exhaustive(Search(replace(made.loaded, model=made.spec.model_copy(update={"open": few})), made.sweep))
    by_hand = simulate("bert:seq_len=256Ki", "fusemax-cloud", "examples/attention-by-hand.yaml").energy_j
    assert found.verdict == "optimal" and found.seen < 100 < found.size == made.size // 180
    assert by_hand is not None and found.best.values[0] < 0.91 * by_hand


def test_it_finds_a_split_better_than_the_published_one() -> None:
    """At 256Ki tokens tiles of 512 instead of 128 for queries; +0.05 % on the 32 MiB machine."""
    found = exhaustive(search("examples/search_split.yaml"))
    published = simulate("bert:seq_len=256Ki", "flat-cloud", "unfused")
    fitted = simulate("bert:seq_len=256Ki", "flat-cloud", "unfused:split=search")
    assert found.verdict == "optimal"
    assert found.best.values[0] <= fitted.latency_s < published.latency_s


def test_a_budget_ends_it_and_it_says_so(tmp_path: Path) -> None:
    """With fewer than all it is the best of those seen."""
    made = search(written(tmp_path, open={"partition": {"m": {"m0": [1, 2, 4, 8]}, "n": {"n0": [1, 2, 4, 8]}}}))
    assert exhaustive(made).verdict == "optimal"
    few: Found = exhaustive(made, budget=3, prune=False)
    assert few.seen == 3 and not few.proven and few.verdict == "best of 3 seen"


def test_by_hand(tmp_path: Path) -> None:
    """48 × 32 results in tiles of m0 × n0, 24 steps each: 24 tiles of 8 × 8, 576 cycles, are the fewest."""
    opened = {"partition": {"m": {"m0": [1, 2, 4, 8, 16]}, "n": {"n0": [1, 2, 4, 8]}}}
    found = exhaustive(search(written(tmp_path, open=opened, objectives=["cycles"])), prune=False)
    assert found.best.values == (576.0,)
    refused = found.refusals.by_limit["axis 'rows' of 'array'"]
    assert (found.size, found.seen, refused.count, refused.over) == (20, 20, 4, 2.0)


def test_nothing_feasible_names_the_tightest_limit(tmp_path: Path) -> None:
    """How many it refuses, and the arithmetic of the nearest."""
    opened = {"partition": {"m": {"m0": [16, 32]}, "n": {"n0": [4, 8]}}}
    found = exhaustive(search(written(tmp_path, open=opened)))
    assert not found.hits and found.proven and found.verdict == "no mapping is feasible"
    assert found.refusals.tightest.startswith("axis 'rows' of 'array' refuses 4 mappings; the nearest, 2 times what")
    assert "part 'm0' has 16 indices, but axis 'rows' of 'array' has 8" in found.refusals.tightest
    limited = written(tmp_path, open={"partition": {"m": {"m0": [4, 8]}}}, constraints=["cycles <= 10"])
    tight = exhaustive(search(limited)).refusals.tightest
    assert tight.startswith("constraint cycles <= 10 refuses 2 mappings")
    assert "found 576 against 10" in tight


def test_a_constraint_without_a_value_refuses_its_members_only(tmp_path: Path) -> None:
    """Tiles of 8 rows take 576 cycles, for which 1000 / (cycles - 576) is nothing; tiles of 4 take twice as many."""
    opened = {"partition": {"m": {"m0": [4, 8]}}}
    limited = written(tmp_path, open=opened, objectives=["cycles"], constraints=["1000 / (cycles - 576) >= 0"])
    found = exhaustive(search(limited))
    (limit,) = found.refusals.by_limit.values()
    assert (found.best.values, limit.count) == ((1152.0,), 1)
    assert limit.why.endswith("1000 / (cycles - 576) >= 0: division by zero")


def test_all_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    """Each with its place and the nearest legal name."""
    opened = {
        "partition": {"q": {"m0": "any"}, "m": {"m9": "any"}},
        "bind": {"D": "any", "C": ["arrays"]},
        "keep": {"buffers": {"A": "any"}, "buffer": {"E": "any", "A": ["m2"]}},
        "choose": {"side": "any"},
    }
    with pytest.raises(SpecError) as refused:
        search(written(tmp_path, open=opened))
    messages = [problem.message for problem in refused.value.problems]
    for text in ("'q'", "'m9'", "'D'", "'arrays'", "'buffers'", "'E'", "'m2'", "'side'"):
        assert any(text in message for message in messages), text
    assert all(problem.place is not None and problem.place.line == 1 for problem in refused.value.problems)


def test_members_are_numbered_drawn_and_next_to_one_another(tmp_path: Path) -> None:
    """An index is a place and back; neighbours differ in one opening; the base's own comes first."""
    made = search(written(tmp_path, open={"partition": {"m": {"m0": [1, 2, 4, 8]}}, "loops": "any"}))
    space = made.site(0).space
    assert [space.index(space.place(i)) for i in range(space.size)] == list(range(8))
    assert sorted(space.neighbours((0, 1))) == [(0, 0), (0, 2), (0, 3), (1, 1)]
    assert space.member((0, 3)).model.loops == ["m1", "n1"] and space.member((1, 3)).model.loops == ["n1", "m1"]
    source = random.Random(1)
    assert {space.drawn(source) for _ in range(200)} == {space.place(i) for i in range(8)}


@pytest.mark.parametrize("seed", [0, 4, 15, 19, 24])
def test_extents_without_room_are_tried_singly(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same front, with bounds as good."""
    expected = exhaustive(drawn(tmp_path, seed))
    monkeypatch.setattr("mappings.options.MOST_CELLS", 3)
    found = exhaustive(drawn(tmp_path, seed))
    assert {hit.values for hit in found.hits} == {hit.values for hit in expected.hits}
    assert found.proven and found.size == expected.size and found.seen <= expected.size


def test_counts_that_64_bits_do_not_hold_are_not_taken_as_arrays(tmp_path: Path) -> None:
    """2^62 points: bytes of some members are beyond 2^63, where arrays would wrap around and seem less."""
    opened = {
        "partition": {"m": {"m0": [1, 4]}, "n": {"n0": [1, 4]}},
        "keep": {"buffer": {"A": ["k1", "none"], "C": ["n2", "none"]}},
    }
    spec = {"arch": "tests/explore/three-memories.yaml", "mapping": "tests/explore/two-level-product.yaml"}
    spec |= {"workload": "gemm:M=2Mi,N=2Mi,K=1Mi"}
    made = search(written(tmp_path, **spec, open=opened, objectives=["read_bytes.buffer", "latency_s"]))
    found = exhaustive(made)
    assert {hit.values for hit in found.hits} == front_of(set(enumerated(made).values()))
    assert found.seen + found.pruned == found.size
