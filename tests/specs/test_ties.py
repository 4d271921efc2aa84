"""Values tied to others by arithmetic: resolved after overrides, in any order, and never in a circle."""

from typing import ClassVar

import pytest

from specs import Count, Size, Spec, SpecError, Width, read_text, validate


class Tied(Spec):
    ties: ClassVar[bool] = True
    a: Count = 1
    b: Count = 2
    c: Count = 3
    size: Size = 64
    width: Width = 8
    plain: int = 0
    text: str = ""


class Untied(Spec):
    text: str = ""


def load(text, *overrides):
    return validate(read_text(text, "t.yaml"), Tied, "arch", overrides, "t:...").model


def problems(text, *overrides):
    with pytest.raises(SpecError) as caught:
        load(text, *overrides)
    return str(caught.value).splitlines()


def test_ties_follow_ties_in_any_order():
    model = load("a: = b + 1\nb: = 2 * c\nc: 10\n")
    assert (model.a, model.b) == (21, 20)


def test_an_override_changes_what_is_tied_to_it():
    assert load("a: = 2 * b\nb: 4\n", ("b", "1Ki")).a == 2048
    assert load("a: 1\nb: 4\n", ("a", "= b * b")).a == 16


def test_defaults_can_be_named():
    assert load("a: = b + c\n").a == 5


def test_sizes_and_widths_agree_about_bits():
    model = load("size: = b * 16 b\nwidth: = b * 16 b\nb: 4\n")
    assert (model.size, model.width) == (8, 64)
    assert load("size: 4 B\nwidth: = size\n").width == 32
    assert load("width: 16 b\nsize: = width\n").size == 2
    assert load("size: 1 KiB\nwidth: 32 b\na: = size / width\n").a == 256


def test_text_fields_and_other_models_are_left_alone():
    assert load("text: = a\n").text == "= a"
    loaded = validate(read_text("text: = a\n", "t.yaml"), Untied, "mapping")
    assert loaded.model.text == "= a"


def test_plain_numbers_may_be_tied():
    assert load("plain: = a - 5\n").plain == -4


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("a: = a\n", ["t.yaml:1:4: values tied in a circle: a -> a"]),
        (
            "c: = a\na: = b\nb: = c\n",
            ["t.yaml:1:4: values tied in a circle: c -> a -> b -> c"],
        ),
        (  # what needs a circle is not blamed again
            "c: = a\na: = b\nb: = a\n",
            ["t.yaml:2:4: values tied in a circle: a -> b -> a"],
        ),
        (
            "a: = bb + 1\n",
            ["t.yaml:1:6: a: unknown key 'bb'; did you mean 'b'? allowed: a, b, c, size, width, plain, text"],
        ),
        ("a: = b +\n", ["t.yaml:1:9: a: the expression ends early: expected a number, a name or '('"]),
        ("a: = b / 0\n", ["t.yaml:1:8: a: division by zero"]),
        ("a: = text\n", ["t.yaml:1:6: a: 'text' is not a number: it is ''"]),
        ("a: = b < c\n", ["t.yaml:1:4: a: a comparison is not a number"]),
        ("a: = b / 3\n", ["t.yaml:1:4: a: expected a whole number such as '16Ki', found 0.666667"]),
        ("a: = b - 2\n", ["t.yaml:1:4: a: must be greater than zero: found 0"]),
        (
            # a number without a unit is wrong where it stands, not where it is used
            "a: = size\nsize: 3\n",
            ["t.yaml:2:7: size: missing unit: found '3', expected a size such as '16 MiB'"],
        ),
        (
            "a: = b\nb: 3k\n",
            [
                "t.yaml:1:6: a: 'b': unknown unit 'k'; did you mean 'Ki'? expected a count such as '16Ki'",
                "t.yaml:2:4: b: unknown unit 'k'; did you mean 'Ki'? expected a count such as '16Ki'",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_tie(text, messages):
    assert problems(text) == messages


def test_a_wrong_tie_of_an_argument_is_placed_there():
    assert problems("b: 1\n", ("a", "= b +")) == [
        "arch argument 't:...': a: the expression ends early: expected a number, a name or '('"
    ]


def test_a_long_chain_of_ties():
    class Chain(Spec):
        ties: ClassVar[bool] = True
        links: dict[str, Count]

    lines = ["links:", "  n0: 7"] + [f"  n{i}: = links.n{i - 1}" for i in range(1, 300)]
    loaded = validate(read_text("\n".join(lines), "t.yaml"), Chain, "arch")
    assert loaded.model.links["n299"] == 7
