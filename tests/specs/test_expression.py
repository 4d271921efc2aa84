"""Expressions: exact on whole numbers, the same on arrays as on numbers, and errors at a character."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import ExpressionError, is_expression, parse_expression

small = st.integers(-1000, 1000)
huge = st.integers(1, 10**40)
FORMULAS = (
    "a + b * c",
    "a - b - c",
    "a / c",
    "ceil(a / c)",
    "floor(a / c)",
    "ceil(a / c + b / 7)",
    "a // c",
    "a % c",
    "min(a, b, c)",
    "max(a / c, b / 3)",
    "-a * (b + 0.5)",
    "ceil(1.25 * a)",
    "2 * a / 2",
)
CONDITIONS = ("a <= b", "a / c < b", "a == b", "a != b", "a * 2 >= b / c", "a > b")


def evaluate(text, bits=False, **names):
    return parse_expression(text).evaluate(names.__getitem__, bits)


@given(
    st.sampled_from(FORMULAS + CONDITIONS),
    st.lists(st.tuples(small, small, st.integers(1, 50)), min_size=1, max_size=8),
)
def test_an_array_gives_what_its_numbers_give(text, rows):
    columns = dict(zip("abc", (np.array(column) for column in zip(*rows, strict=True)), strict=True))
    together = evaluate(text, **columns)
    alone = [evaluate(text, **dict(zip("abc", row, strict=True))) for row in rows]
    assert together.tolist() == alone


@given(huge, huge)
def test_division_is_exact_at_any_size(a, b):
    assert evaluate("ceil(a / b)", a=a, b=b) == -(-a // b)
    assert evaluate("floor(a / b)", a=a, b=b) == a // b
    assert evaluate("a * b / b", a=a, b=b) == a


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5), st.integers(1, 2**63 - 1))
def test_integer_arrays_never_wrap(values, factor):
    array = np.array(values, dtype=np.int64)
    assert evaluate("a * f + a", a=array, f=factor).tolist() == [v * factor + v for v in values]
    assert evaluate("ceil(a / f)", a=array, f=factor).tolist() == [-(-v // factor) for v in values]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("= 6 / 3", 2),
        ("= 1 / 4", 0.25),
        ("= 0.1 * 30", 3),
        ("= -7 // 2", -4),
        ("= -7 % 4", 1),
        ("= 2 + 3 * 4", 14),
        ("= (2 + 3) * 4", 20),
        ("= - - 3", 3),
        ("= 16Ki", 16384),
        ("= 32 MiB", 32 << 20),
        ("= 16 b", 2),
        ("= 1 GHz", 10**9),
        ("= 400 GiB/s / 1 GHz", (400 << 30) / 1e9),
        ("3 <= 4", True),
        ("= ceil(10000000000000000000000001 / 10)", 10**24 + 1),
    ],
)
def test_values_by_hand(text, value):
    result = evaluate(text)
    assert result == value and type(result) is type(value)


def test_amounts_of_data_are_bytes_or_bits_throughout():
    assert evaluate("= n * 16 b", n=3) == 6
    assert evaluate("= n * 16 b", bits=True, n=3) == 48
    assert evaluate("= 1 KiB / 16 b") == evaluate("= 1 KiB / 16 b", bits=True) == 512


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("= ", 2, "the expression is empty: expected a number, a name or '('"),
        ("= 2 * (a + ", 10, "the expression ends early: expected a number, a name or '('"),
        ("= (a", 4, "the expression ends early: expected an operator or ')'"),
        ("= 1 +* 2", 5, "found '*', expected a number, a name or '('"),
        ("= a b", 4, "found 'b', expected an operator, a comparison or the end"),
        ("= a)", 3, "found ')', expected an operator, a comparison or the end"),
        ("= a < b < c", 8, "found '<', expected an operator or the end"),
        ("= a $ b", 4, "found '$', expected an operator or a comparison"),
        ("= 16 MHzz", 5, "unknown unit 'MHzz'; did you mean 'MHz'?"),
        ("= 3 rows", 4, "unknown unit 'rows', expected an operator"),
        ("= cel(1)", 2, "unknown function 'cel'; did you mean 'ceil'? allowed: ceil, floor, min, max"),
        ("= ceil(1, 2)", 2, "'ceil' takes one value, found 2"),
        ("= 1e999", 2, "number out of range: found '1e999'"),
        ("1" * 401, 400, "the expression is longer than 400 characters"),
    ],
)
def test_a_syntax_error_points_at_its_character(text, offset, message):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("= a + zz", 6, "unknown name 'zz'"),
        ("= a / (a - a)", 4, "division by zero"),
        ("= v / (v - v)", 4, "division by zero"),
        ("= a + s", 6, "'s': expected a number, found str"),
        ("= a * 1e300 * f", 0, None),
    ],
)
def test_an_evaluation_error_points_at_its_character(text, offset, message):
    names = {"a": 3, "s": "text", "v": np.array([1, 2]), "f": 1e300}
    if message is None:
        assert parse_expression(text).evaluate(names.__getitem__) == math.inf
        return
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text).evaluate(names.__getitem__)
    assert (str(caught.value), caught.value.offset) == (message, offset)


def test_names_and_kinds():
    expression = parse_expression("array_2d.cols * 2 <= max(x, levels.0.size)")
    assert expression.names() == {"array_2d.cols", "x", "levels.0.size"}
    assert expression.is_condition
    assert not parse_expression("= x").is_condition
    assert is_expression("= x") and not is_expression("=x") and not is_expression(None)


def test_fractions_and_floats_may_be_looked_up():
    assert evaluate("ceil(a * 3)", a=Fraction(1, 3)) == 1
    assert evaluate("a * 2", a=0.25) == 0.5
    assert evaluate("a > 1", a=np.array([0.5, 1.5])).tolist() == [False, True]
    assert evaluate("ceil(a)", a=np.array([0.5, 1.5])).tolist() == [1, 2]


@given(st.text(alphabet="ab12. +-*/%()<=>,'MiBceilmin\n", max_size=40))
def test_any_text_parses_or_is_refused_inside_itself(text):
    try:
        expression = parse_expression(text)
        expression.evaluate(lambda name: 3)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)


def test_reading_specs_imports_no_heavy_library():
    code = "import specs, sys; print({'numpy', 'numba', 'pandas', 'lark'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
