"""The YAML reader takes plain data, says where everything stands, and refuses the rest by name."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import Place, SpecError, read_file, read_text, read_value

REFUSED = [
    ("", "a.yaml:1:1: the document is empty: expected a mapping of keys to values"),
    ("# only a comment\n", "a.yaml:1:1: the document is empty: expected a mapping of keys to values"),
    ("3", "a.yaml:1:1: found 3, expected a mapping of keys to values"),
    ("- 1", "a.yaml:1:1: found a list, expected a mapping of keys to values"),
    ("a: 1\na: 2\n", "a.yaml:2:1: duplicate key 'a': first on line 1, again on line 2"),
    ("a: {b: 1, b: 2}", "a.yaml:1:11: duplicate key 'b': first on line 1, again on line 1"),
    ("a: !!python/object x", "a.yaml:1:4: tag '!!python/object' is not allowed: write plain data"),
    ("a: !foo x", "a.yaml:1:4: tag '!foo' is not allowed: write plain data"),
    ("a: &x 1", "a.yaml:1:4: anchor '&x' is not allowed: aliases are not read"),
    ("a: *x", "a.yaml:1:4: alias '*x' is not allowed: repeat the value"),
    ("1: a", "a.yaml:1:1: key 1 is not text: put it in quotes"),
    ("null: a", "a.yaml:1:1: key null is not text: put it in quotes"),
    ("[a]: b", "a.yaml:1:1: found a mapping or list as a key, expected text"),
    ("a: 1\n---\nb: 1\n", "a.yaml:2:1: a second document starts here: a file holds one"),
    ("%YAML 1.1\n---\na: 1\n", "a.yaml:2:1: found a YAML version other than 1.2"),
    ("a: " + "[" * 40, "a.yaml:1:35: nested deeper than 32 levels"),
    ("a: " + "9" * 500, "a.yaml:1:4: number too long: found 500 characters, at most 400 are read"),
    ("a: 1e999", "a.yaml:1:4: number out of range: found '1e999', the largest is about 1.8e308"),
    ("a: 1\n\tb: 2\n", "a.yaml:2:1: not YAML: found a tab; indent with spaces"),
    (
        "a: [1,",
        "a.yaml:1:7: not YAML: the text ends inside a list or mapping; a bracket is missing",
    ),
    (
        "a: b: c",
        "a.yaml:1:5: not YAML: found ':' where no key can be; check the indentation, or quote the text",
    ),
    ("a: @x", "a.yaml:1:4: not YAML: found '@'; text that starts with it needs quotes"),
    ("a: 'x", "a.yaml:1:6: not YAML: a quoted text does not end"),
    ('a: "\\q"', "a.yaml:1:6: not YAML: unknown escape 'q' in a double-quoted text"),
    ("a:\n  - b\n c: 1", "a.yaml:3:2: not YAML: the indentation does not match the lines above"),
    ("a\x00b: 1", "a.yaml:1:2: not YAML: the character U+0000 is not allowed"),
    ("a: " + "x" * (1 << 20), "a.yaml: the file is larger than 1 MiB"),
]


def refusal(text):
    """What is wrong with a text, whether it can be read on or not."""
    try:
        return str(SpecError(read_text(text, "a.yaml").problems))
    except SpecError as error:
        return str(error)


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused_is_named_with_its_place(text, message):
    assert refusal(text) == message


def test_several_problems_come_together():
    document = read_text("a: &x [*x, !!int 3]\n2: b\na: 1e999\n", "a.yaml")
    assert document.value == {"a": [None, 3]}
    assert [str(problem.place) for problem in SpecError(document.problems).problems] == [
        "a.yaml:1:4",
        "a.yaml:1:8",
        "a.yaml:1:12",
        "a.yaml:2:1",
        "a.yaml:3:1",
        "a.yaml:3:4",
    ]


def test_an_alias_bomb_is_refused_before_it_grows():
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 30)]
    assert str(read_text("\n".join(lines), "bomb.yaml").problems[0]) == (
        "bomb.yaml:1:5: anchor '&a0' is not allowed: aliases are not read"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-0", 0),
        ("0x10", 16),
        ("0o17", 15),
        ("017", 17),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("yes", "yes"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("16 MiB", "16 MiB"),
        ("= 2 * rows", "= 2 * rows"),
        ("'12'", "12"),
        ('"a\\tb"', "a\tb"),
        ("[1, 2Ki, {a: b}]", [1, "2Ki", {"a": "b"}]),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    assert read_text(f"key: {text}\n", "a.yaml").value == {"key": value}
    if text:
        assert read_value(text, "argument") == value


TEXTS = """\
plain: abc + d
single: 'it''s x'
double: "a\\tb \\u00e9x"
literal: |  # why
   abc
     def
folded: >
   abc
   def
wrapped: abc
   def
flow: {inner: [1, two]}
"""


@pytest.mark.parametrize("key", ["plain", "single", "double", "literal", "folded", "wrapped"])
def test_an_offset_points_at_its_character(key):
    document = read_text(TEXTS, "a.yaml")
    lines = TEXTS.splitlines()
    for offset, letter in enumerate(document.value[key]):
        if letter.isalpha() and letter.isascii():
            place = document.place((key,), offset)
            assert place.line is not None and place.column is not None
            assert lines[place.line - 1][place.column - 1] == letter


def test_places_of_keys_values_and_what_is_not_there():
    document = read_text(TEXTS, "a.yaml")
    assert document.place(("flow", "inner", 1)) == Place("a.yaml", 12, 19)
    assert document.place(("flow", "inner"), key=True) == Place("a.yaml", 12, 8)
    assert document.place(("flow", "absent")) == Place("a.yaml", 12, 1)
    assert document.place(("absent",)) == Place("a.yaml", 1, 1)
    assert document.at(("flow", "inner", 1)) == "two"
    assert document.at(("flow", "inner", 9)) is None


@given(st.dictionaries(st.text("abcxyz", min_size=1), st.integers() | st.booleans() | st.none()))
def test_what_json_writes_is_read_back(data):
    if data:
        assert read_text(json.dumps(data), "a.yaml").value == data


def test_a_file_below_the_current_directory_is_called_from_there(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "a.yaml"
    file.write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)
    assert read_file(file).source == "sub/a.yaml"
    assert read_file("./sub/a.yaml").source == "./sub/a.yaml"
    monkeypatch.chdir(tmp_path / "sub")
    assert read_file("../sub/a.yaml").source == "../sub/a.yaml"
    monkeypatch.chdir(tmp_path.parent)
    assert read_file(file, "b.yaml").source == "b.yaml"


def test_files(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [2]\r\n")
    document = read_file(good)
    assert document.value == {"a": 1, "b": [2]}
    assert document.place(("b", 0)) == Place(str(good), 2, 5)
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(SpecError) as caught:
        read_file(bad)
    assert str(caught.value) == f"{bad}:2:4: not a text file: byte 0xff is not UTF-8"
    with pytest.raises(SpecError) as caught:
        read_file(tmp_path / "none.yaml")
    assert str(caught.value) == f"{tmp_path / 'none.yaml'}: cannot read the file: no such file or directory"
    large = tmp_path / "large.yaml"
    large.write_bytes(b"a: " + b"x" * (1 << 20))
    with pytest.raises(SpecError) as caught:
        read_file(large)
    assert str(caught.value) == f"{large}: the file is larger than 1 MiB"
