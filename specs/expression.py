"""Arithmetic in specs: values tied to others (`= 2 * array_2d.rows`) and conditions (`area_mm2 <= 400`).

The grammar, on half a page:

    condition  := sum [("<=" | "<" | ">=" | ">" | "==" | "!=") sum]
    sum        := product (("+" | "-") product)*
    product    := factor (("*" | "/" | "//" | "%") factor)*
    factor     := ["-" | "+"] factor | atom
    atom       := number [unit] | name | function "(" sum ("," sum)* ")" | "(" sum ")"
    function   := ceil | floor (one value) | min | max (one or more)
    name       := word ("." word)*             such as array_2d.cols

`//` and `%` are floor division and its remainder. A number with a unit (`32 MiB`, `1 GHz`) is its value in
the base unit of its dimension. Amounts of data, `16 b` included, are bytes; with `bits=True` they are bits.
A whole expression is at most 400 characters. What it evaluates to is the matter of `specs.terms`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from specs import arithmetic
from specs.problems import nearest, shorten, unknown
from specs.terms import COMPARISONS, FUNCTIONS, ROUNDINGS, Call, ExpressionError, Lookup, Name, Node, Number, Rounding
from specs.units import DIMENSIONS, NUMBER_PATTERN, exact_number

LONGEST = 400  # characters; bounds the depth of the tree as well

_UNSIGNED = NUMBER_PATTERN.removeprefix("[+-]?")
_UNIT_FACTORS = {
    unit: (factor, dimension.name in ("size", "bandwidth"))
    for dimension in DIMENSIONS.values()
    if dimension.name not in ("width", "fraction")
    for unit, factor in dimension.units.items()
}
_UNIT_PATTERN = "|".join(unit.replace("/", r"\/") for unit in sorted(_UNIT_FACTORS, key=len, reverse=True))

_GRAMMAR = rf"""
?start: sum
    | sum COMPARISON sum            -> condition
?sum: product
    | sum SIGN product              -> binary
?product: factor
    | product TIMES factor          -> binary
?factor: SIGN factor                -> signed
    | atom
?atom: QUANTITY                     -> quantity
    | NUMBER                        -> number
    | NAME "(" sum ("," sum)* ")"   -> call
    | NAME                          -> name
    | "(" sum ")"
COMPARISON: "<=" | ">=" | "==" | "!=" | "<" | ">"
SIGN: "+" | "-"
TIMES: "*" | "//" | "/" | "%"
QUANTITY.2: /(?:{_UNSIGNED})\s*(?:{_UNIT_PATTERN})(?![A-Za-z0-9_.])/
NUMBER: /{_UNSIGNED}/
NAME: /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*/
%ignore /[ \t\r\n]+/
"""


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    >>> expression = parse_expression("= ceil(keys / (rows * cols))")
    >>> sorted(expression.names())
    ['cols', 'keys', 'rows']
    >>> expression.evaluate({"keys": 1000, "rows": 8, "cols": 16}.__getitem__)
    8
    """

    text: str
    root: Node

    def names(self) -> frozenset[str]:
        """The names that a lookup must know."""
        return self.root.names()

    @property
    def is_condition(self) -> bool:
        """Whether the expression compares, and so evaluates to true or false."""
        return isinstance(self.root, Call) and self.root.operation in COMPARISONS

    def evaluate(self, lookup: Lookup, bits: bool = False) -> Any:
        """The value, with each name looked up: int where whole and exact, float, bool, or an array of these.

        Names may be NumPy arrays; the expression then holds elementwise, with the values it has on single
        numbers. Amounts of data are bytes, or bits with `bits=True`. Raises ExpressionError.

        >>> parse_expression("area_mm2 <= 400").evaluate(lambda name: 400.5)
        False
        >>> parse_expression("= cols * 16 b").evaluate(lambda name: 3, bits=True)
        48
        """
        value = self.root.value(lookup, bits)
        try:
            return value if self.is_condition else arithmetic.leave(value)
        except OverflowError:
            raise ExpressionError("the result is too large for a number", 0) from None


def is_expression(value: object) -> bool:
    """Whether a value of a spec is an expression: a text that starts with `= `.

    >>> is_expression("= 2 * rows"), is_expression("2 * rows"), is_expression(3)
    (True, False, False)
    """
    return isinstance(value, str) and value.lstrip().startswith("= ")


def parse_expression(text: str) -> Expression:
    """Parse an expression, with or without the leading `= `.

    Raises ExpressionError (a ValueError) with the offset into `text`.

    >>> parse_expression("= 2 * (rows + ")
    Traceback (most recent call last):
    ...
    specs.terms.ExpressionError: the expression ends early: expected a number, a name or '('
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters", LONGEST)
    body = text
    equals = text.find("=")
    if not text[: max(equals, 0)].strip() and text[equals : equals + 2] != "==":
        body = text[:equals] + " " + text[equals + 1 :] if equals >= 0 else text  # offsets stay those of `text`
    if not body.strip():
        raise ExpressionError(f"the expression is empty: expected {_OPERAND}", len(text))
    return Expression(text, _parse(body))


_OPERAND = "a number, a name or '('"


@functools.lru_cache(maxsize=1024)  # a sweep binds the same few expressions again and again; nodes are values
def _parse(body: str) -> Node:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

    try:
        return _parser().parse(body)
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        accepted = set(error.allowed or ())
        if body.count("(", 0, at) == body.count(")", 0, at):  # the lexer's guess knows no brackets
            accepted -= {"COMMA", "RPAR"}
        message = f"found '{shorten(body[at])}', expected {_expected(accepted)}"
        raise ExpressionError(message, at) from None
    except UnexpectedToken as error:
        raise _refusal(body, error.token, error.accepts or error.expected) from None


def _refusal(body: str, token: Any, accepted: Iterable[str]) -> ExpressionError:
    """The error for a token that cannot stand where it is."""
    if token.type == "$END":
        return ExpressionError(f"the expression ends early: expected {_expected(accepted)}", len(body.rstrip()))
    before = body[: token.start_pos]
    if token.type == "NAME" and re.search(rf"(?<![A-Za-z0-9_.])(?:{_UNSIGNED})\s*$", before):
        unit = str(token)
        guess = nearest(unit, _UNIT_FACTORS)
        hint = f"; did you mean '{guess}'?" if guess else ", expected an operator"
        return ExpressionError(f"unknown unit '{shorten(unit)}'{hint}", token.start_pos)
    message = f"found '{shorten(str(token))}', expected {_expected(accepted)}"
    return ExpressionError(message, token.start_pos)


def _expected(accepted: Iterable[str]) -> str:
    """The terminals that may follow, in words."""
    terminals = set(accepted)
    if terminals & {"NAME", "NUMBER", "QUANTITY"}:
        return _OPERAND
    words = ["an operator"]
    words += ["a comparison"] * ("COMPARISON" in terminals)
    words += ["','"] * ("COMMA" in terminals) + ["')'"] * ("RPAR" in terminals)
    words += ["the end"] * ("$END" in terminals)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


@functools.cache
def _parser() -> Any:
    from lark import Lark, Transformer, v_args

    @v_args(inline=True)
    class Build(Transformer):
        """Builds nodes while parsing, so a deep expression costs no recursion."""

        def number(self, token: Any) -> Node:
            return Number(_amount(str(token), token.start_pos))

        def quantity(self, token: Any) -> Node:
            text = str(token)
            match = re.match(_UNSIGNED, text)
            assert match is not None
            factor, data = _UNIT_FACTORS[text[match.end() :].strip()]
            return Number(_whole(_amount(match.group(), token.start_pos) * factor), data)

        def name(self, token: Any) -> Node:
            return Name(str(token), token.start_pos)

        def signed(self, sign: Any, part: Node) -> Node:
            return part if sign == "+" else Call("-", (Number(0), part), sign.start_pos)

        def binary(self, left: Node, sign: Any, right: Node) -> Node:
            return Call(str(sign), (left, right), sign.start_pos)

        condition = binary

        def call(self, name: Any, *parts: Node) -> Node:
            word, at = str(name), name.start_pos
            if word not in FUNCTIONS:
                raise ExpressionError(unknown("function", word, FUNCTIONS), at)
            if word not in ROUNDINGS:
                return Call(word, parts, at)
            if len(parts) != 1:
                raise ExpressionError(f"'{word}' takes one value, found {len(parts)}", at)
            return Rounding(word, parts[0], at)

    return Lark(_GRAMMAR, parser="lalr", transformer=Build(), propagate_positions=False)


def _amount(text: str, offset: int) -> int | Fraction:
    try:
        return _whole(exact_number(text))
    except ValueError as error:
        raise ExpressionError(str(error), offset) from None


def _whole(value: Fraction | int) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
