"""What a machine says about time beside its clock: latencies, ports and banks, hops and the way back to the rows."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch import machine
from arch.machine import Memory, Unit, UnitOperation, machine_names
from arch.ports import KINDS, MOST_PORTS, read_ports
from arch.spec import ArchSpec
from specs import SpecError, schema

SPATIAL = [name for name in machine_names() if machine(name).kind == "spatial"]
GOOD = """\
arch: toy
kind: spatial
clock: 1 GHz
memories:
  dram: {row: 64 b, latency: 100 ns}
  buffer: {row: 64 b, ports: 2R1W, banks: 4}
units:
  array:
    rows: 4
    cols: 8
    return_path: wrap
    hop: 2
    operations:
      mac: {interval: 3, latency: 5}
      max: {interval: 2}
      add: {}
      mul: {as: {mac: 1}}
  vector: {lanes: 8, operations: {add: {}}}
energy: fusemax-45nm
"""


@pytest.fixture
def file_of(tmp_path):
    """A function that writes a machine's text and gives its path."""

    def write(text):
        path = tmp_path / "toy.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def messages(file_of):
    """A function that gives what a wrong text is told, without the path."""

    def read(text):
        path = file_of(text)
        with pytest.raises(SpecError) as caught:
            machine(path)
        return str(caught.value).replace(f"{path}:", "").splitlines()

    return read


@given(counts=st.fixed_dictionaries({kind: st.integers(0, 20) for kind in KINDS}))
def test_ports_are_as_many_of_each_kind_as_the_text_counts_in_any_order(counts):
    counts = {kind: count for kind, count in counts.items() if count}
    writings = ["".join(f"{counts[kind]}{kind}" for kind in order) for order in permutations(counts)]
    if counts.keys() & {"R", "RW"} and counts.keys() & {"W", "RW"}:
        expected = tuple(kind for kind in KINDS for _ in range(counts.get(kind, 0)))
        assert {read_ports(text) for text in writings} == {expected}
    else:
        for text in writings:
            with pytest.raises(ValueError):
                read_ports(text)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("1RW", ("RW",)),
        ("1R1W", ("R", "W")),
        ("2RW", ("RW", "RW")),
        ("2R1W", ("R", "R", "W")),
        ("1RW1R", ("R", "RW")),
        ("64RW", ("RW",) * MOST_PORTS),
    ],
)
def test_ports_by_hand(text, ports):
    assert read_ports(text) == ports
    assert machine(f"fusemax-cloud:buffer.ports={text}").memories["buffer"].ports == ports


_EXPECTED = "expected counts of ports that read (R), write (W) or do either (RW), such as '1RW' or '2R1W'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RW", f"found 'RW', {_EXPECTED}"),
        ("1X", f"found '1X', {_EXPECTED}"),
        ("1rw", f"found '1rw', {_EXPECTED}"),
        ("1R 1W", f"found '1R 1W', {_EXPECTED}"),
        ("2", f"found 2, {_EXPECTED}"),
        ("1" * 5000 + "RW", f"found '{'1' * 57}...', {_EXPECTED}"),
        ("0RW", "found '0RW', which counts no RW port; give at least 1 of a kind, or leave the kind out"),
        ("1R1W0RW", "found '1R1W0RW', which counts no RW port; give at least 1 of a kind, or leave the kind out"),
        ("1R1W1R", "found '1R1W1R', which counts R ports more than once; give each kind one count"),
        ("60R5W", "found '60R5W', which is 65 ports; give at most 64 in all"),
        ("2R", "found '2R', which has no port that writes; add a W or an RW port, as in '1R1W'"),
        ("1W", "found '1W', which has no port that reads; add an R or an RW port, as in '1R1W'"),
    ],
)
def test_wrong_ports_are_told_what_and_where(messages, text, message):
    assert messages(GOOD.replace("2R1W", text)) == [f"6:30: memories.buffer.ports: {message}"]


def test_ports_of_nothing():
    with pytest.raises(ValueError) as caught:
        read_ports("")
    assert str(caught.value) == f"found '', {_EXPECTED}"


def test_the_machine_of_the_file(file_of):
    toy = machine(file_of(GOOD))
    assert toy.memories == {
        "dram": Memory("dram", None, None, 64, latency_s=100e-9),
        "buffer": Memory("buffer", None, None, 64, ports=("R", "R", "W"), banks=4),
    }
    operations = {
        "mac": UnitOperation("mac", {"mac": 1}, 3, 5),
        "max": UnitOperation("max", {"max": 1}, 2, 2),  # a latency left out is the interval
        "add": UnitOperation("add", {"add": 1}, 1, 1),
        "mul": UnitOperation("mul", {"mac": 1}),
    }
    assert toy.units == {
        "array": Unit("array", {"rows": 4, "cols": 8}, operations, None, "wrap", 2),
        "vector": Unit("vector", {"lanes": 8}, {"add": operations["add"]}, None),
    }


@pytest.mark.parametrize("name", SPATIAL)
def test_what_no_source_states_is_not_stated_in_the_library(name):
    toy = machine(name)
    ours = {("fusemax-fpga", "dram"): 0}  # the outside stream of our own hardware
    for memory in toy.memories.values():
        latency = ours.get((name, memory.name))
        assert (memory.latency_s, memory.ports, memory.banks) == (latency, None, 1)
    for unit in toy.units.values():
        assert (unit.return_path, unit.hop) == ("broadcast", None)


@pytest.mark.parametrize(
    ("reference", "path", "expected"),
    [
        ("fusemax-cloud:dram.latency=100ns", "dram.latency", 1e-7),
        ("fusemax-cloud:memories.dram.latency=0.5us", "memories.dram.latency", 5e-7),
        ("fusemax-cloud:dram.latency=0ns", "dram.latency", 0),
        ("fusemax-cloud:dram.latency=null", "dram.latency", None),
        ("fusemax-cloud:buffer.ports=1RW,buffer.banks=8", "buffer.banks", 8),
        ("fusemax-cloud:array_2d.hop=4", "hop", 4),
        ("fusemax-cloud:hop=4", "units.array_2d.hop", 4),
        ("fusemax-cloud:array_2d.operations.mac.latency=4", "array_2d.operations.mac.latency", 4),
        ("fusemax-cloud:array_2d.operations.mac.interval=4", "array_2d.operations.mac.latency", 4),
        ("systolic:mac.latency=4", "mac.latency", 4),
        ("systolic:operations.mac.interval=4", "array.operations.mac.interval", 4),
    ],
)
def test_arguments_reach_the_numbers(reference, path, expected):
    assert machine(reference).value(path) == expected


def test_arguments_reach_the_return_path():
    assert machine("fusemax-cloud:array_2d.return_path=wrap").units["array_2d"].return_path == "wrap"
    assert machine("fusemax-cloud:return_path=wrap").units["array_2d"].return_path == "wrap"


def test_ties_follow_timing(file_of):
    path = file_of(GOOD.replace("hop: 2", "hop: = operations.mac.latency - 1"))
    assert machine(path).value("hop") == 4
    assert machine(f"{path}:array.operations.mac.latency=9").value("hop") == 8


def test_paths_of_timing(file_of):
    paths = machine(file_of(GOOD)).paths()
    assert [path for path in paths if path.startswith("buffer")] == [
        "buffer.size", "buffer.bandwidth", "buffer.row", "buffer.latency", "buffer.banks"
    ]  # fmt: skip
    assert [path for path in paths if path.startswith("vector")] == [
        "vector.lanes", "vector.registers", "vector.operations.add.interval", "vector.operations.add.latency"
    ]  # fmt: skip
    assert not any("mul" in path for path in paths)  # what is spelled in steps has no timing of its own


def test_arrays_of_design_points_go_through(file_of):
    points = np.array([3, 6], dtype=np.int64)
    values = {"dram.latency": points, "buffer.banks": points, "hop": points, "mac.interval": points}
    swept = machine(file_of(GOOD)).with_values(values)
    np.testing.assert_array_equal(swept.memories["dram"].latency_s, points)
    np.testing.assert_array_equal(swept.memories["buffer"].banks, points)
    np.testing.assert_array_equal(swept.units["array"].hop, points)
    np.testing.assert_array_equal(swept.units["array"].slots("mul"), points)
    assert swept.value("mac.latency") == 5


@pytest.mark.parametrize(
    ("path", "candidates"),
    [
        ("add.latency", "array.operations.add.latency, vector.operations.add.latency"),
        ("banks", "dram.banks, buffer.banks"),
    ],
)
def test_an_ambiguous_path_names_its_candidates(file_of, path, candidates):
    with pytest.raises(KeyError) as caught:
        machine(file_of(GOOD)).value(path)
    assert caught.value.args[0] == f"ambiguous path '{path}' in arch 'toy': it may be {candidates}"


_BANKS = (
    "memories.buffer.banks: banks multiply ports, and a memory without 'ports' serves all that is asked for; "
    "give 'ports', such as '1RW', or leave out 'banks'"
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ports: 2R1W, ", "", [f"6:23: {_BANKS}"]),
        ("ports: 2R1W", "ports: null", [f"6:36: {_BANKS}"]),
        ("banks: 4", "banks: 0", ["6:43: memories.buffer.banks: must be greater than zero: found 0"]),
        (
            "100 ns",
            "100",
            ["5:30: memories.dram.latency: missing unit: found '100', expected a time such as '12.5 ns'"],
        ),
        ("100 ns", "-1 ns", ["5:30: memories.dram.latency: must not be negative: found '-1 ns'"]),
        (
            "100 ns",
            "2e9 s",
            ["5:30: memories.dram.latency: number out of range: found '2e9 s'; a time is from 1e-6 ps to 1e9 s"],
        ),
        (
            "wrap",
            "wrapp",
            ["11:18: units.array.return_path: unknown value 'wrapp'; did you mean 'wrap'? allowed: broadcast, wrap"],
        ),
        ("hop: 2", "hop: 0", ["12:10: units.array.hop: must be greater than zero: found 0"]),
        (
            "lanes: 8,",
            "lanes: 8, return_path: broadcast, hop: 1,",
            [
                "18:22: units.vector.return_path: only a unit with 'rows' and 'cols' has 'return_path'; "
                "found 'lanes': leave 'return_path' out",
                "18:46: units.vector.hop: only a unit with 'rows' and 'cols' has 'hop'; found 'lanes': leave 'hop' out",
            ],
        ),
        (
            "interval: 3, latency: 5",
            "interval: 3, latency: 2",
            [
                "14:35: units.array.operations.mac.latency: a latency of 2 cycles is shorter than the interval of 3: "
                "a result cannot be there before its operation is over; give a latency of at least 3"
            ],
        ),
        (
            "interval: 2",
            "latency: 1, interval: 2",
            [
                "15:22: units.array.operations.max.latency: a latency of 1 cycle is shorter than the interval of 2: "
                "a result cannot be there before its operation is over; give a latency of at least 2"
            ],
        ),
        (
            "as: {mac: 1}",
            "as: {mac: 1}, interval: 3, latency: 2",
            [
                "17:27: units.array.operations.mul.interval: a sequence takes the interval of its steps; "
                "leave out 'interval' or 'as'"
            ],
        ),
    ],
)
def test_wrong_timing_is_told_what_and_where(messages, old, new, expected):
    assert old in GOOD
    assert messages(GOOD.replace(old, new)) == expected


def test_faults_of_timing_come_together(messages):
    text = GOOD.replace("ports: 2R1W, ", "").replace("latency: 5", "latency: 1").replace("lanes: 8", "lanes: 8, hop: 1")
    assert [message.split(":")[0] for message in messages(text)] == ["6", "14", "18"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("buffer.banks=4", _BANKS),
        (
            "ports=1RW",
            "ambiguous key 'ports'; candidates: memories.dram.ports, memories.buffer.ports",
        ),
        (
            "array_2d.operations.mac.interval=3,array_2d.operations.mac.latency=2",
            "units.array_2d.operations.mac.latency: a latency of 2 cycles is shorter than the interval of 3: "
            "a result cannot be there before its operation is over; give a latency of at least 3",
        ),
    ],
)
def test_arguments_are_told_too(values, message):
    with pytest.raises(SpecError) as caught:
        machine(f"fusemax-cloud:{values}")
    assert str(caught.value) == f"arch argument 'fusemax-cloud:{values}': {message}"


def test_a_vector_does_not_take_an_array_s_keys_by_argument():
    with pytest.raises(SpecError, match=r"unknown key 'array_1d\.hop' in arch; did you mean 'units\.array_2d\.hop'\?"):
        machine("fusemax-cloud:array_1d.hop=1")


def test_the_schema_says_what_ports_look_like():
    memory = schema(ArchSpec)["$defs"]["MemorySpec"]["properties"]["ports"]
    pattern = "^(?:[0-9]+(?:RW|R|W))+$"
    assert memory["anyOf"] == [
        {"type": "string", "pattern": pattern, "examples": ["1RW", "2R1W"]},
        {"type": "null"},
    ]
