"""What attention in DRAM banks is refused for, and what is said then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import arch
from arch import machine
from mappings import mapping
from sim import simulate
from sim.pim.lowering import lower
from sim.simulate import bound_in_turn, simulation
from specs import Infeasible, SpecError

AIM = "gddr6-aim:channels=8"
WORK = "attention:phase=decode,heads=6,kv_heads=2,head_dim=20,value_dim=33,keys=37"
ATTENTION = "bank-parallel-attention"
SEVERAL = "attention:queries=3,heads=6,kv_heads=2,head_dim=20,value_dim=33,keys=37"
MASKED = (
    "'QK' is under a mask, and banks go through all of a matrix; leave the mask out, or give the workload only the "
    "keys that are seen"
)


def refused(error: type[Exception], work: str, arch: str, mapped: Any) -> str:
    with pytest.raises(error) as caught:
        simulate(work, arch, mapped)
    return str(caught.value)


@pytest.mark.parametrize("work", [f"{WORK},window=36", f"{SEVERAL},causal=true"])
def test_a_mask_that_hides_something(work: str) -> None:
    assert refused(SpecError, work, AIM, ATTENTION) == MASKED


@pytest.mark.parametrize("work", [f"{WORK},window=37", f"{WORK},causal=true"])
def test_a_mask_that_hides_nothing_is_none(work: str) -> None:
    found, plain = (simulate(each, AIM, ATTENTION) for each in (work, WORK))
    assert (found.cycles, found.actions) == (plain.cycles, plain.actions)


@pytest.mark.parametrize(
    ("work", "options", "message"),
    [
        (WORK, "append=38", "'m' has 37 indices, and append=38 writes more than that at once"),
        (
            f"{WORK},tokens=3",
            "append=2",
            "append=2 writes the keys and values of 2 tokens at once, found 3 in the workload; give a multiple, such as "
            "tokens=2",
        ),
        (
            WORK,
            "append=16",
            "append=16 writes the keys and values of 16 tokens at once, found 1 in the workload; give a multiple, such "
            "as tokens=16",
        ),
        (
            WORK,
            "grows=q",
            f"mapping argument '{ATTENTION}:grows=q': unknown rank 'q'; allowed: b, n, g, p, m, e, f",
        ),
        (
            WORK,
            "append=-1",
            f"mapping argument '{ATTENTION}:append=-1': append: found -1, expected a number of at least 0",
        ),
    ],
)
def test_appends_that_make_no_sense(work: str, options: str, message: str) -> None:
    assert refused(SpecError, work, AIM, f"{ATTENTION}:{options}") == message


def test_tokens_of_a_prefill() -> None:
    work = WORK.replace("phase=decode,", "queries=1,") + ",tokens=3"
    message = refused(SpecError, work, AIM, ATTENTION)
    assert message == f"workload argument '{work}': tokens come one after the other in phase=decode only"


@pytest.mark.parametrize("options", ["grows=m", "append=2", "append=0", "room=64", "rows=padded", "io=excluded"])
def test_what_is_of_banks_on_a_spatial_machine(options: str) -> None:
    message = refused(SpecError, "bert:seq_len=1Ki", "fusemax-cloud", f"fusemax-binding:{options}")
    assert message.endswith(
        "'rows', 'io', 'grows', 'append' and 'room' are of machines of kind 'pim'; 'fusemax-cloud' is of kind 'spatial'"
    )


@pytest.mark.parametrize("arch", ["hbm3", "gddr6"])
def test_a_memory_without_units(arch: str) -> None:
    message = refused(SpecError, WORK, arch, ATTENTION)
    assert message.endswith(
        f"machine '{arch}' has no units in its banks; take one with MAC among its commands: gddr6-aim, hbm3-pim"
    )


# ------------------------------------------------------------------------------------------------------ what is too large


def test_features_side_by_side_in_too_few_accumulators() -> None:
    """33 features are three of a bank."""
    mapped = f"{ATTENTION}:choose.values=key-by-key"
    assert refused(Infeasible, WORK, f"{AIM},accumulators=2", mapped) == (
        "3 results in a bank are summed at once, and it has 2 accumulators; take their loop outside of the sum, or give "
        "accumulators=3"
    )
    assert simulate(WORK, f"{AIM},accumulators=3", mapped).cycles > 0
    assert simulate(WORK, f"{AIM},accumulators=1", f"{mapped},io=excluded").cycles > 0


def test_keys_that_do_not_fit() -> None:
    """128 · 1024 keys are 1024 a bank, of 25 · 4 columns: 1600 rows a batch; 11 batches do not fit.

    Of values with nothing settled the first layout's reason is given: 4 · 8192 columns in each of 4 · 11 rounds.
    """
    work = "attention:phase=decode,heads=25,head_dim=64,keys=128Ki,batch=11"
    open_ones = refused(Infeasible, work, AIM, ATTENTION)
    assert open_ones.startswith("'QK' on 'gddr6-aim': 1024 results of 4 columns in each bank for each of 275 matrices ")
    mapped = f"{ATTENTION}:choose.keys=by-head,choose.values=head-per-channel"
    assert refused(Infeasible, work, f"{AIM},buffer=64KiB", mapped) == (
        "'QK' on 'gddr6-aim': 1024 results of 4 columns in each bank for each of 275 matrices take 17600 rows of 64 "
        "columns, and a bank has 16384; give more channels, or a smaller workload"
    )
    there_is_room = f"{mapped},room=128Ki"
    assert "1024 results of 4 columns" in refused(Infeasible, work.replace("128Ki", "1Ki"), AIM, there_is_room)


def test_caches_of_all_blocks_that_do_not_fit() -> None:
    """As by hand: 13 rows of keys and 16 of values a block, of 16384."""
    mapped = f"{ATTENTION}:choose.keys=concatenated,choose.values=head-per-channel"
    assert refused(Infeasible, "gpt2-xl:part=attention,blocks=565", AIM, mapped) == (
        "565 blocks of 29 rows in each bank (13 of 'QK' + 16 of 'SNV') take 16385 rows, and a bank has 16384; give more "
        "channels, or a smaller workload"
    )
    assert simulate("gpt2-xl:part=attention,blocks=564", AIM, mapped).cycles > 0


def test_vectors_of_a_group_that_do_not_fit_into_the_buffer() -> None:
    message = refused(Infeasible, WORK, f"{AIM},buffer=64B", ATTENTION)
    assert message == (
        "3 vectors at once, of a column each at least, do not fit into a global buffer of 2 columns; take them in turn, "
        "with their loop outside of those of the matrix, or give a larger buffer"
    )


# ------------------------------------------------------------------------------------------------- what banks do not do


def test_tokens_at_once_without_a_unit_that_multiplies() -> None:
    aim = machine(AIM)
    unit = aim.units["array_1d"]
    without = replace(unit, operations={name: each for name, each in unit.operations.items() if name != "mac"})
    other = replace(aim, units={**aim.units, "array_1d": without})
    with pytest.raises(SpecError) as caught:
        simulation(f"{WORK},tokens=2", other, f"{ATTENTION}:append=2")
    assert str(caught.value) == (
        "append=2: keys that the banks do not have yet are multiplied outside of them, and 'gddr6-aim' has no unit there "
        "with mac; give append=1"
    )
    assert simulate(f"{WORK},tokens=2", other, f"{ATTENTION}:append=1").cycles > 0


def test_a_nest_of_banks_and_other_units() -> None:
    keys, softmax, *_ = bound_in_turn(WORK, AIM, ATTENTION)[0]
    mixed = replace(keys, operations={**keys.operations, **softmax.operations})
    with pytest.raises(SpecError) as caught:
        lower(mixed)
    assert str(caught.value) == (
        "QK GM SN SD: one nest on the banks and on other units; give them nests of their own in a sequence"
    )


KEYS = {
    "e": {"e1": "rest", "e0": "= banks.lanes"},
    "m": {"m1": "rest", "mb": "= banks.banks", "mc": "= banks.channels"},
}
IN_PAIRS = KEYS | {"m": {"m2": "rest", "m1": 2, "mb": "= banks.banks", "mc": "= banks.channels"}}
VALUES = {"f": {"f1": "rest", "fb": "= banks.banks"}, "m": {"m1": "rest", "m0": "= banks.lanes"}}


@pytest.mark.parametrize(
    ("nest", "einsum", "changed", "message"),
    [
        (
            0,
            "QK",
            {"partition": KEYS, "loops": ["b", "m1", "g", "n", "p"]},
            "'QK' takes vectors, 'g', in between loops of the matrix, which go inside or outside",
        ),
        (
            0,
            "QK",
            {"partition": IN_PAIRS, "loops": ["b", "n", "m2", "m1", "g", "p"]},
            "'QK' goes through 'm', which grows, in several loops; give it one",
        ),
        (
            2,
            "SNV",
            {"partition": VALUES, "loops": ["b", "n", "p"], "steps": ["m1", "g", "f1"]},
            "'SNV' takes 'g', of which each has a vector of its own, inside of a sum",
        ),
    ],
)
def test_loops_that_banks_do_not_go_through(
    tmp_path: Path, nest: int, einsum: str, changed: Mapping[str, Any], message: str
) -> None:
    spatial = {"channels": "mc", "banks": "mb", "lanes": "e0"} if einsum == "QK" else {"banks": "fb", "lanes": "m0"}
    steps = {"steps": changed["steps"]} if "steps" in changed else {}
    given = {name: each for name, each in changed.items() if name != "steps"}
    bind = [{"unit": "banks", "einsums": [einsum], "spatial": spatial, **steps}]
    path = tmp_path / "mapping.yaml"
    path.write_text(json.dumps(with_nest(nest, {"einsums": [einsum], "bind": bind, **given})))
    work = WORK.replace("keys=37", "keys=1Ki")
    assert refused(SpecError, work, "gddr6-aim:channels=2,accumulators=4", str(path)) == message


def with_nest(at: int, nest: Mapping[str, Any]) -> dict[str, Any]:
    """The file of the mapping of attention with another nest in its place."""
    found = mapping(ATTENTION).model.model_dump(exclude_unset=True)
    found["sequence"][at] = nest
    return {**found, "mapping": "mine"}


def test_a_rank_that_grows_inside_of_one_that_lies_further_apart() -> None:
    """Key by key a bank's features are next to each other; there is no room for more of them in between."""
    mapped = f"{ATTENTION}:choose.values=key-by-key,grows=f,room=64"
    message = refused(SpecError, WORK, f"{AIM},accumulators=4", mapped)
    assert message == "'SNV' has 'f1', which grows, inside of loops that lie closer together"


@pytest.mark.parametrize("key", ["append=4", "append=0", "room=64"])
def test_what_grows_is_named_first(key: str) -> None:
    message = refused(SpecError, "gemv:M=64,N=64", AIM, f"bank-parallel:{key}")
    assert message.endswith("'append' and 'room' are of mappings with matrices that grow; name their rank in 'grows'")


@pytest.mark.parametrize(
    "work", ["gpt2-xl:part=attention,phase=prefill,seq_len=64", "gpt2-xl:part=attention,queries=64"]
)
def test_a_token_is_one_query(work: str) -> None:
    assert refused(SpecError, work, AIM, ATTENTION) == (
        f"workload argument '{work}': with each token one query comes and one key is appended, found 64 queries; give "
        "queries=1, or append=0 to write no keys"
    )


@pytest.mark.parametrize(
    ("commands", "missing", "advice"),
    [
        ("[MAC]", "ACT16, WRGB, RDMAC", ""),
        ("[ACT4, MAC, WRGB, RDMAC]", "ACT16", "; or give activation=tfaw-act4"),
        ("[ACT4, ACT16, MAC, WRGB]", "RDMAC", ""),
    ],
)
def test_a_device_does_what_its_commands_say(tmp_path: Path, commands: str, missing: str, advice: str) -> None:
    library = Path(arch.__file__).parent / "library" / "gddr6-aim.yaml"
    lines = library.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "mine.yaml"
    path.write_text("".join(f"commands: {commands}\n" if line.startswith("commands:") else line for line in lines))
    names = commands.strip("[]")
    assert refused(SpecError, "gemv:M=64,N=64", str(path), "bank-parallel").endswith(
        f"takes {missing}, which its commands ({names}) do not have; add them{advice}"
    )
