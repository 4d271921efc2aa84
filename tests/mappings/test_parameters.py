"""The design facts of a schedule: values by hand, what they depend on, and a digest that tells designs apart."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import machine
from mappings import Native, Parameters, mapping, schedule
from specs import SpecError
from workloads import number_type, workload
from workloads.types import TensorType

WORK = "attention:queries=8,keys=32,head_dim=8,value_dim=8"
ARRAY = "fusemax-fpga:rows=4,cols=4"


def made(on: str = ARRAY, work: str = WORK, by: str = "fusemax-binding") -> Parameters:
    return schedule(workload(work), machine(on), mapping(by))[1].parameters


def test_the_parameters_of_a_four_by_four_array() -> None:
    found = made()
    once = Native(1, 1)
    array, lanes = found.units["array_2d"], found.units["array_1d"]
    assert (array.axes, lanes.axes) == ({"rows": 4, "cols": 4}, {"lanes": 4})
    assert array.natives == {"mac": once, "add": once, "max": once}
    assert array.sequences == {"mul": {"mac": 1}, "exp": {"mac": 5}}
    assert lanes.natives == {"mac": once, "add": once, "max": once, "divide": Native(26, 27)}
    assert lanes.sequences == {"mul": {"mac": 1}, "exp": {"mac": 6}}
    assert (found.hop("array_2d"), array.return_cycles) == (1, 1)
    assert found.extents == {"e": 8, "m0": 4, "p0": 4, "f": 8}
    assert found.interleave == 2
    assert {name: kind.storage.name for name, kind in found.types.items()} == {
        **dict.fromkeys(("Q", "K", "V"), "int8"),
        **dict.fromkeys(("QK", "LM", "RM"), "int32"),
        **dict.fromkeys(("SLN", "PRM"), "fix32.26"),
        **dict.fromkeys(("SLD", "SPD", "RD", "SLNV", "SPNV", "RNV"), "fix64.26"),
        "AV": "fix32.16",
    }
    assert [name for name, each in found.operations.items() if each.gathers] == ["LM", "SLD", "SLNV"]
    assert found.natives("SLN") == (once,) * 6 and found.natives("PRM") == (once,) * 7
    assert found.natives("AV") == (Native(26, 27),)
    assert found.hardware is not None and found.hardware.max_keys == 4096


def test_the_plain_form_is_what_json_has_and_says_it_all() -> None:
    found = made("fusemax-fpga:rows=4,cols=2,return_path=wrap,array_2d.operations.mac.latency=3").as_dict()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {field.name for field in fields(Parameters)}
    assert found["units"]["array_2d"] == {
        "axes": {"rows": 4, "cols": 2},
        "natives": {
            "mac": {"interval": 1, "latency": 3},
            "add": {"interval": 1, "latency": 1},
            "max": {"interval": 1, "latency": 1},
        },
        "sequences": {"mul": [["mac", 1]], "exp": [["mac", 5]]},
        "hop": 3,  # of the products that are summed down the rows
        "return_cycles": 4,
        "handover": "wavefront",
    }
    assert set(found["units"]["array_1d"]) == {"axes", "natives", "sequences", "handover"}
    assert found["operations"]["SLN"] == {
        "unit": "array_2d",
        "actions": [["add", 1], ["mac", 5]],
        "slots": 6,
        "pipelined": False,
        "spatial": {"rows": "m0", "cols": "p0"},
        "steps": [],
        "gathers": False,
    }
    assert found["types"]["SLN"] == {"storage": "fix32.26", "accumulation": "fix64.26"}
    assert found["hardware"] == {"head_dim": 64, "value_dim": 64, "max_keys": 4096, "multiplier": "dsp"}


@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4),
    st.sampled_from([None, 1, 2, 4, 9]), st.sampled_from(["broadcast", "wrap"]),
)  # fmt: skip
def test_ways_between_rows_and_lanes(
    rows: int, cols: int, mac: int, add: int, largest: int, hop: int | None, path: str
) -> None:
    timing = f"array_2d.operations.mac.latency={mac},array_2d.operations.add.latency={add}"
    on = f"fusemax-fpga:rows={rows},cols={cols},{timing},array_2d.operations.max.latency={largest},return_path={path}"
    needed = max(mac, add, largest)  # products, weights and maxima all go down the rows
    if hop is not None and hop < needed:
        with pytest.raises(SpecError, match=rf"hop {hop} of 'array_2d' is shorter than the \d+ cycles after which"):
            made(f"{on},hop={hop}")
        return
    found = made(on if hop is None else f"{on},hop={hop}")
    assert found.hop("array_2d") == (hop or needed)
    assert found.immediate().hop("array_2d") == (hop or 1)
    assert found.units["array_2d"].return_cycles == (rows if path == "wrap" else 1)


def test_a_short_hop_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(SpecError) as caught:
        made(f"{ARRAY},hop=2,array_2d.operations.max.latency=3")
    assert str(caught.value) == (
        "hop 2 of 'array_2d' is shorter than the 3 cycles after which 'LM' has a partial result for the next row; "
        "give a hop of at least 3"
    )


def test_immediate_results_are_there_when_their_operation_is_over() -> None:
    found = made("fusemax-fpga:rows=4,cols=4,array_2d.operations.mac.latency=4")
    assert found.natives("SLN") == (Native(1, 1), *(Native(1, 4),) * 5)
    assert found.immediate().natives("SLN") == (Native(1, 1),) * 6
    assert found.immediate().natives("AV") == (Native(26, 26),)
    assert replace(found.immediate(), units=found.units) == found


def test_what_is_pipelined_is_one_operation_as_slow_as_the_slowest() -> None:
    found = made("fusemax-fpga:array_2d.operations.mac.latency=4")
    weight = found.operations["SLN"]
    piped = replace(found, operations={**found.operations, "SLN": replace(weight, pipelined=True, slots=1)})
    assert piped.natives("SLN") == (Native(1, 1 + 5 * 4),)


@given(
    st.integers(1, 40), st.integers(1, 100), st.integers(1, 3), st.integers(1, 2), st.booleans(), st.integers(0, 2)
)  # fmt: skip
def test_the_amount_of_work_is_no_part_of_a_design(
    queries: int, keys: int, heads: int, batch: int, causal: bool, slack: int
) -> None:
    work = f"queries={queries},keys={max(keys, queries)},heads={heads},batch={batch},causal={str(causal).lower()}"
    found = made(f"{ARRAY},buffer.size={256 + slack}KiB", f"attention:{work},head_dim=8,value_dim=8")
    assert found == made() and found.digest == made().digest


@pytest.mark.parametrize(
    "change",
    [
        "rows=5", "cols=5", "lanes=9", "array_2d.operations.mac.latency=2", "divide.interval=25", "divide.latency=28",
        "array_2d.operations.exp.as.mac=6", "array_1d.operations.exp.as.mac=7", "hop=2", "return_path=wrap", "array_1d.handover=wavefront",
        "types.Q=int16", "types.RD=fix64.20", "head_dim=32", "value_dim=32", "max_keys=1Ki", "multiplier=logic",
    ],
)  # fmt: skip
def test_whatever_of_the_machine_is_in_the_hardware_is_in_the_digest(change: str) -> None:
    assert made(f"fusemax-fpga:{change}").digest != made("fusemax-fpga").digest


def test_so_is_what_is_of_the_workload_and_the_mapping() -> None:
    others = [
        made(work=WORK.replace("head_dim=8", "head_dim=4")),
        made(work=WORK.replace("value_dim=8", "value_dim=4")),
        made(by="fusemax-binding:interleave=3"),
        made(by="fusemax-architecture"),
        made(),
    ]
    assert len({each.digest for each in others}) == len(others)


CHANGES: dict[str, Any] = {
    "cascade": "another",
    "units": {},
    "operations": {},
    "extents": {"m0": 4},
    "types": {"Q": TensorType(number_type("int8"), number_type("int16"))},
    "interleave": 7,
    "hardware": None,
}


@pytest.mark.parametrize("field", [field.name for field in fields(Parameters)])
def test_every_field_is_in_the_digest(field: str) -> None:
    bare = replace(made(), operations={})  # a unit may then lack what an operation needs
    base = made() if field == "operations" else bare
    assert replace(base, **{field: CHANGES[field]}).digest != base.digest


@pytest.mark.parametrize("field", ["unit", "actions", "slots", "pipelined", "spatial", "steps", "gathers"])
def test_every_field_of_an_operation_is_in_the_digest(field: str) -> None:
    found = made()
    changes: dict[str, Any] = {
        "unit": "array_1d", "actions": {"mac": 5, "add": 1}, "slots": 7, "pipelined": True,
        "spatial": {"rows": "p0", "cols": "m0"}, "steps": ("f",), "gathers": True,
    }  # fmt: skip
    weight = replace(found.operations["SLN"], **{field: changes[field]})
    assert replace(found, operations={**found.operations, "SLN": weight}).digest != found.digest


def test_a_digest_is_the_same_in_every_run() -> None:
    """Of the sorted text of the plain form, and so free of the order in which mappings were made."""
    found = made()
    turned = replace(
        found, types=dict(reversed(list(found.types.items()))), extents=dict(reversed(list(found.extents.items())))
    )
    assert found.digest == turned.digest == made().digest
    assert len(found.digest) == 64 and set(found.digest) <= set("0123456789abcdef")


def test_numbers_may_be_of_several_design_points() -> None:
    rows, hop = np.array([4, 8]), np.array([1, 3])
    host = machine(ARRAY).with_values({"array_2d.rows": rows, "hop": hop})
    found = schedule(workload(WORK), host, mapping("fusemax-binding"))[1].parameters
    np.testing.assert_array_equal(found.extents["m0"], rows)
    np.testing.assert_array_equal(found.hop("array_2d"), hop)
    with pytest.raises(ValueError, match="several design points"):
        found.as_dict()
    with pytest.raises(ValueError, match="several design points"):
        _ = found.digest
