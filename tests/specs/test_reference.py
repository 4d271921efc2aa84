"""References: `NAME[:key=value,...]` or a file path with the same tail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import Reference, SpecError, parse_reference

keys = st.from_regex(r"[a-z][a-z0-9_]{0,5}(\.[a-z0-9_]{1,5})?", fullmatch=True)
values = st.from_regex(r"[A-Za-z0-9 .=]{0,4}[A-Za-z0-9]|\[[a-z0-9]{1,3},[a-z0-9]{1,3}\]", fullmatch=True)


@given(
    st.sampled_from(["bert", "fusemax-cloud", "./x.yaml", "dir/x", "x.yml"]),
    st.dictionaries(keys, values.map(str.strip), max_size=4),
)
def test_a_written_reference_is_read_back(name, overrides):
    reference = Reference(name, tuple(overrides.items()))
    assert parse_reference(str(reference)) == reference


def test_brackets_hold_commas_together():
    parsed = parse_reference("x:a=[1,[2,3]],b={c: 1, d: 2},e=f(1,2)")
    assert parsed.overrides == (("a", "[1,[2,3]]"), ("b", "{c: 1, d: 2}"), ("e", "f(1,2)"))


def test_paths_are_told_from_names():
    assert parse_reference("./x").is_path and parse_reference("x.yaml:a=1").is_path
    assert not parse_reference("x.v2:a=1").is_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1:1: missing name: expected NAME[:key=value,...] or a file path"),
        (
            "a b",
            "a b:1:2: found ' ' in a name; allowed: letters, digits and _ . + - (a path holds a '/')",
        ),
        ("x:", "x::1:3: expected key=value after ':'"),
        ("x:y", "x:y:1:3: expected key=value, found 'y'"),
        ("x:a=1,", "x:a=1,:1:7: expected key=value, found ''"),
        ("x:=3", "x:=3:1:3: expected a key such as 'buffer.size' before '=', found ''"),
        ("x:a=", "x:a=:1:5: missing value after 'a=' (write null for none)"),
        ("x:a=1,a=2", "x:a=1,a=2:1:7: duplicate key 'a': it is set to '1' before"),
        ("x:a=[1,2", "x:a=[1,2:1:5: '[' is not closed: expected ']'"),
        ("x:a=1],b=2", "x:a=1],b=2:1:6: found ']' without its opening bracket"),
    ],
)
def test_what_is_refused_points_at_its_column(text, message):
    with pytest.raises(SpecError) as caught:
        parse_reference(text)
    assert str(caught.value) == message


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        parse_reference(text)
    except SpecError as error:
        assert error.problems
