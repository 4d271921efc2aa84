"""From a file to a checked model: all problems at once, short keys, unions, libraries, JSON Schema."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from specs import Count, Library, Place, Spec, SpecError, read_text, schema, validate

from .machine import MACHINE, Machine


def load(text, *overrides):
    return validate(read_text(text, "toy.yaml"), Machine, "arch", overrides, "toy:...")


def problems(text, *overrides):
    with pytest.raises(SpecError) as caught:
        load(text, *overrides)
    return str(caught.value).splitlines()


def replaced(*pairs):
    text = MACHINE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_good_spec_is_numbers_in_base_units():
    loaded = load(MACHINE)
    machine = loaded.model
    assert loaded.name == "toy"
    assert machine.clock == 940_000_000
    assert machine.memories["dram"].bandwidth == 400 << 30
    assert machine.memories["buffer"].size == 16 << 20
    assert machine.memories["buffer"].width == 256 * 16
    assert machine.units["vector"].lanes == 256
    assert machine.energies == (1.5e-12, 3e-12)


def test_all_faults_of_a_file_come_together():
    text = replaced(
        ("clock:", "clokc:"),
        ("16 MiB", "16"),
        ("lru", "lur"),
        ("kind: vector", "kind: vectr"),
        ("[1.5 pJ", "[1.5 MHz"),
        ("read[p]", "readp]"),
        ("write[q]", "writeq]"),
        ("rows: 256", "rwos: 256"),
    )
    assert problems(text) == [
        "toy.yaml:1:1: missing key 'clock' in arch",
        "toy.yaml:2:1: unknown key 'clokc' in arch; did you mean 'clock'? "
        "allowed: arch, clock, memories, units, cache, energies, limit, notes",
        "toy.yaml:7:11: memories.buffer.size: missing unit: found '16', expected a size such as '16 MiB'",
        "toy.yaml:9:13: memories.buffer.policy: unknown value 'lur'; did you mean 'lru'? allowed: lru, fifo, random",
        "toy.yaml:11:3: missing key 'rows' in 'units.array'",
        "toy.yaml:11:27: unknown key 'rwos' in 'units.array'; did you mean 'rows'? allowed: kind, rows, cols, skew",
        "toy.yaml:13:11: unknown kind 'vectr' in 'units.vector'; did you mean 'vector'? allowed: systolic, vector",
        "toy.yaml:15:12: energies.0: wrong unit: 'MHz' is a frequency, expected an energy such as '1.2 pJ'",
        "toy.yaml:17:11: notes.0: found ']' without '['",
    ]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("cache: 3", "toy.yaml:18:8: cache: found 3, expected a mapping"),
        ("cache: {ways: 99}", "toy.yaml:18:15: cache.ways: found 99, expected a number of at most 64"),
        ("cache: {ways: 0}", "toy.yaml:18:15: cache.ways: found 0, expected a number of at least 1"),
        ("cache: {ways: 1.5}", "toy.yaml:18:15: cache.ways: found 1.5, expected a whole number"),
        ("cache: {ways: [1]}", "toy.yaml:18:15: cache.ways: found a list, expected a whole number"),
        ("cache: {hashed: 3}", "toy.yaml:18:17: cache.hashed: found 3, expected true or false"),
        ("cache: {scale: x}", "toy.yaml:18:16: cache.scale: found 'x', expected a number"),
        ("cache: {scale: .nan}", "toy.yaml:18:16: cache.scale: found nan, expected a finite number"),
        (
            "cache: {wayz: 1}",
            "toy.yaml:18:9: unknown key 'wayz' in 'cache'; did you mean 'ways'? allowed: ways, hashed, scale",
        ),
        ("limit: some", "toy.yaml:18:8: limit: found 'some', expected a count such as '16Ki'; or 'none'"),
        ("limit: []", "toy.yaml:18:8: limit: found a list, expected a count such as '16Ki'; or 'none'"),
    ],
)
def test_every_kind_of_wrong_value(extra, message):
    assert problems(MACHINE + extra + "\n") == [message]


def test_tags_of_unions():
    text = replaced(("kind: systolic, ", ""), ("kind: vector", "kind: 3"))
    assert problems(text) == [
        "toy.yaml:11:3: missing key 'kind' in 'units.array'; allowed: systolic, vector",
        "toy.yaml:13:11: units.vector.kind: found 3, expected one of: systolic, vector",
    ]


def test_wrong_shapes_at_the_top():
    assert problems("memories: 3\nunits: [1]\n") == [
        "toy.yaml:1:1: missing key 'arch' in arch",
        "toy.yaml:1:1: missing key 'clock' in arch",
        "toy.yaml:1:11: memories: found 3, expected a mapping",
        "toy.yaml:2:8: units: found a list, expected a mapping",
    ]


def test_nothing_of_the_validator_leaks():
    text = replaced(("16 MiB", "{}"), ("lru", "[1]"), ('- "read[p] + write[q]"', "- {a: 1}"))
    for line in problems(text):
        assert "pydantic" not in line and "http" not in line and "Input should" not in line


class TestOverrides:
    def test_short_keys_reach_the_only_place(self):
        loaded = load(MACHINE, ("rows", "32"), ("buffer.size", "32MiB"), ("busy", "50%"), ("cache.ways", "8"))
        assert loaded.model.units["array"].rows == 32
        assert loaded.model.memories["buffer"].size == 32 << 20
        assert loaded.model.units["vector"].busy == 0.5
        assert loaded.model.cache.ways == 8
        assert loaded.overrides == {
            "units.array.rows": 32,
            "memories.buffer.size": "32MiB",
            "units.vector.busy": "50%",
            "cache.ways": 8,
        }

    def test_ties_follow(self):
        machine = load(MACHINE, ("cols", "128")).model
        assert machine.units["vector"].lanes == 128
        assert machine.memories["buffer"].width == 128 * 16

    def test_flow_values(self):
        machine = load(MACHINE, ("energies", "[1 pJ, 2 pJ]"), ("cache", "{ways: 2}")).model
        assert machine.energies == (1e-12, 2e-12) and machine.cache.ways == 2

    def test_places(self):
        loaded = load(MACHINE, ("cols", "128"))
        assert loaded.place(("units", "array", "cols")) == Place("arch argument 'toy:...'")
        assert loaded.place(("units", "array", "rows")) == Place("toy.yaml", 11, 33)
        assert loaded.place(("clock",), key=True) == Place("toy.yaml", 2, 1)
        assert loaded.place(("notes", 0), 4) == Place("toy.yaml", 17, 10)

    def test_the_file_is_left_as_it_was(self, machine):
        validate(machine, Machine, "arch", [("rows", "1")], "toy:rows=1")
        assert machine.value["units"]["array"]["rows"] == 256

    def test_wrong_overrides(self):
        found = problems(
            MACHINE,
            ("size", "1 MiB"),
            ("bufer.size", "1 MiB"),
            ("rows", "-1"),
            ("cols", "[1"),
            ("clock", "3"),
            ("clock.x", "3"),
        )
        leaves = (
            "arch, clock, memories.dram.size, memories.dram.bandwidth, memories.dram.width, "
            "memories.dram.policy, memories.buffer.size, memories.buffer.bandwidth, memories.buffer.width, "
            "memories.buffer.policy, units.array.kind, units.array.rows, units.array.cols, "
            "units.array.skew, units.vector.kind, units.vector.lanes, units.vector.busy, cache.ways, "
            "cache.hashed, cache.scale, energies, limit, notes"
        )
        assert found == [
            "arch argument 'toy:...': ambiguous key 'size'; candidates: memories.dram.size, memories.buffer.size",
            "arch argument 'toy:...': unknown key 'bufer.size' in arch; "
            f"did you mean 'memories.buffer.size'? allowed: {leaves}",
            "arch argument 'toy:...': cols: not YAML: the text ends inside a list or mapping; a bracket is missing",
            f"arch argument 'toy:...': unknown key 'clock.x' in arch; did you mean 'clock'? allowed: {leaves}",
            "arch argument 'toy:...': clock: missing unit: found '3', expected a frequency such as '940 MHz'",
            "arch argument 'toy:...': units.array.rows: must be greater than zero: found -1",
        ]

    def test_a_key_inside_a_plain_value(self):
        assert problems(MACHINE, ("cache", "3"), ("cache.ways", "2")) == [
            "arch argument 'toy:...': cannot set 'cache.ways': 'cache' is not a mapping or list",
            "arch argument 'toy:...': cache: found 3, expected a mapping",
        ]

    def test_a_model_may_name_its_own_keys(self):
        class Own(Spec):
            sizes: dict[str, Count]

            @classmethod
            def legal_paths(cls, data):
                return ["sizes.M", "sizes.N"]

        document = read_text("sizes: {}\n", "own.yaml")
        assert validate(document, Own, "workload", [("M", "4")], "own:M=4").model.sizes == {"M": 4}
        with pytest.raises(SpecError) as caught:
            validate(document, Own, "workload", [("K", "4")], "own:K=4")
        assert str(caught.value) == (
            "workload argument 'own:K=4': unknown key 'K' in workload; allowed: sizes.M, sizes.N"
        )


class Cat(Spec):
    kind: Literal["cat"]
    name: str
    lives: Count = 9


class Dog(Spec):
    kind: Literal["dog"]
    name: str


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class TestLibrary:
    @pytest.fixture
    def pets(self, tmp_path: Path) -> Library:
        (tmp_path / "tom.yaml").write_text("kind: cat\nname: tom\n")
        (tmp_path / "rex.yaml").write_text("kind: dog\nname: rex\n")
        (tmp_path / "odd.yaml").write_text("kind: dog\nname: even\nlives: 3\n")
        return Library("pet", tmp_path, Pet)

    def test_names_and_loading(self, pets):
        assert pets.names() == ("odd", "rex", "tom")
        assert pets.load("tom:lives=3").model == Cat(kind="cat", name="tom", lives=3)
        assert pets.load(f"{pets.folder}/rex.yaml").model == Dog(kind="dog", name="rex")

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            (
                "tomm",
                "unknown pet 'tomm'; did you mean 'tom'? allowed: odd, rex, tom (or a path to a .yaml file)",
            ),
            (
                "rex:lives=3",
                "pet argument 'rex:lives=3': unknown key 'lives' in pet; allowed: kind, name",
            ),
            (
                "FOLDER/tim.yaml",
                "unknown pet file 'tim.yaml' in 'FOLDER'; did you mean 'tom.yaml'? "
                "allowed: odd.yaml, rex.yaml, tom.yaml",
            ),
            (
                "odd",
                "FOLDER/odd.yaml:2:7: the file 'odd.yaml' names the pet 'even'; it must be 'odd'\n"
                "FOLDER/odd.yaml:3:1: unknown key 'lives' in pet; allowed: kind, name",
            ),
        ],
    )
    def test_what_cannot_be_loaded(self, pets, reference, message):
        with pytest.raises(SpecError) as caught:
            pets.load(reference.replace("FOLDER", str(pets.folder)))
        assert str(caught.value) == message.replace("FOLDER", str(pets.folder))

    def test_a_name_in_two_folders(self, pets, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        (other / "tom.yaml").write_text("kind: cat\nname: tom\n")
        both = Library("pet", (tmp_path, other), Pet)
        with pytest.raises(SpecError) as caught:
            both.load("tom")
        assert str(caught.value) == f"pet 'tom' is in two files: {tmp_path}/tom.yaml and {other}/tom.yaml"


def test_the_json_schema_names_its_dialect_and_the_keys():
    described = schema(Machine)
    assert described["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert described["title"] == "Machine"
    assert "dotted path" in described["$comment"]
    assert described["properties"]["clock"]["type"] == "string"
    assert schema(Pet)["discriminator"]["propertyName"] == "kind"


def test_the_json_schema_is_valid_and_accepts_the_file(machine):
    jsonschema = pytest.importorskip("jsonschema")
    described = schema(Machine)
    jsonschema.Draft202012Validator.check_schema(described)
    validator = jsonschema.Draft202012Validator(described)
    assert list(validator.iter_errors(machine.value)) == []
    wrong = {**machine.value, "clock": "940"}
    assert [list(error.path) for error in validator.iter_errors(wrong)] == [["clock"]]
