"""The notation of Einsums: text to a small syntax tree. Knows grammar, not meaning.

The grammar is `notation.lark`, one page. What a statement means within a cascade (which names are ranks, what
is defined before what) is checked in `checking.py`; here a text either has the form of a statement or the
error points at the character where it stops having it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

LONGEST = 1000  # characters of a statement
DEEPEST = 60  # operations within operations; readers of an expression may recurse


@dataclass(frozen=True)
class Index:
    """One index of an access: `m1`, `m1+1` (shift 1), `M1` (a size, read as the final value) or `0` (start)."""

    name: str | None
    shift: int = 0
    offset: int = 0

    def __str__(self) -> str:
        if self.name is None:
            return str(self.shift)
        return self.name + (f"+{self.shift}" if self.shift else "")


@dataclass(frozen=True)
class Access:
    """A tensor with its indices: `Q[e,p]`."""

    tensor: str
    indices: tuple[Index, ...]
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.tensor}[{','.join(map(str, self.indices))}]"


@dataclass(frozen=True)
class Number:
    """A constant of an expression; `inf` is one."""

    value: float
    offset: int = 0


@dataclass(frozen=True)
class Apply:
    """An elementwise operation on expressions: `add`, `subtract`, `multiply`, `divide`, `negate`, `exp`, ...

    `offset` is that of the function's name, or of the first operand of an infix operation.
    """

    operation: str
    arguments: tuple[Expression, ...]
    offset: int = 0


Expression = Access | Number | Apply


@dataclass(frozen=True)
class Statement:
    """`target = [reduction{ranks}] body`; `offset` is that of the reduction's name."""

    text: str
    target: Access
    body: Expression
    reduction: str | None = None
    reduced: tuple[Index, ...] = ()
    offset: int = 0


class NotationError(ValueError):
    """A text that is not a statement; `offset` is the 0-based character where it goes wrong."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def accesses(expression: Expression) -> Iterator[Access]:
    """Every access of an expression, left to right.

    >>> [str(a) for a in accesses(parse_statement("C[m] = sum{k} A[m,k] * B[k]").body)]
    ['A[m,k]', 'B[k]']
    """
    if isinstance(expression, Access):
        yield expression
    elif isinstance(expression, Apply):
        for argument in expression.arguments:
            yield from accesses(argument)


def applications(expression: Expression) -> Iterator[Apply]:
    """Every operation of an expression, innermost first."""
    if isinstance(expression, Apply):
        for argument in expression.arguments:
            yield from applications(argument)
        yield expression


class _ToStatement(Transformer[Token, Any]):
    """Builds our tree while lark parses, so that depth costs no recursion; a method is named after its rule."""

    @v_args(inline=True)
    def index(self, name: Token, shift: Token | None = None) -> Index:
        return Index(str(name), int(shift) if shift is not None else 0, name.start_pos or 0)

    @v_args(inline=True)
    def start(self, integer: Token) -> Index:
        return Index(None, int(integer), integer.start_pos or 0)

    def access(self, children: list[Any]) -> Access:
        name = children[0]
        return Access(str(name), tuple(c for c in children[1:] if c is not None), name.start_pos)

    @v_args(inline=True)
    def number(self, token: Token) -> Number:
        value = float(token)
        if math.isinf(value) and token != "inf":
            raise NotationError(f"the number {token} is too large; the largest is about 1.8e308", token.start_pos or 0)
        return Number(value, token.start_pos or 0)

    def call(self, children: list[Any]) -> Apply:
        if sign := _INFIX.get(str(children[0])):
            raise NotationError(f"'{children[0]}' is not a function; write '{sign}'", children[0].start_pos)
        return Apply(str(children[0]), tuple(children[1:]), children[0].start_pos)

    @v_args(inline=True)
    def negate(self, argument: Expression) -> Expression:
        if isinstance(argument, Number):
            return Number(-argument.value, argument.offset)
        return Apply("negate", (argument,), argument.offset)

    def reduction(self, children: list[Any]) -> tuple[Token, tuple[Index, ...], Expression]:
        name, *ranks = children[:-1]
        return name, tuple(Index(str(r), 0, r.start_pos) for r in ranks), children[-1]

    def statement(self, children: list[Any]) -> tuple[Access, Any]:
        return children[0], children[1]


def _binary(operation: str) -> Any:
    def build(self: _ToStatement, children: list[Any]) -> Apply:
        return Apply(operation, tuple(children), children[0].offset)

    return build


for _operation in ("add", "subtract", "multiply", "divide"):
    setattr(_ToStatement, _operation, _binary(_operation))

_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "negate": "-"}


@cache
def _parser() -> Any:
    grammar = (Path(__file__).parent / "notation.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="statement", parser="lalr", maybe_placeholders=False, transformer=_ToStatement())


_READABLE = {
    "NAME": "a name",
    "INTEGER": "a whole number",
    "NUMBER": "a number",
    "EQUAL": "'='",
    "LSQB": "'['",
    "RSQB": "']'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "PLUS": "'+'",
    "MINUS": "'-'",
    "STAR": "'*'",
    "SLASH": "'/'",
    "$END": "the end",
}


def parse_statement(text: str) -> Statement:
    """Parses one statement of a cascade.

    Raises `NotationError` with the offset of the first character that does not fit.

    >>> s = parse_statement("QK[m,p] = sum{e} Q[e,p] * K[e,m]")
    >>> str(s.target), s.reduction, s.reduced[0].name
    ('QK[m,p]', 'sum', 'e')
    >>> parse_statement("QK[m,p = Q[p]")
    Traceback (most recent call last):
    workloads.notation.NotationError: found '=', expected ']' or ',' or '+'
    """
    if len(text) > LONGEST:
        raise NotationError(f"the statement is longer than {LONGEST} characters", LONGEST)
    if not text.isascii():
        offset = next(i for i, c in enumerate(text) if not c.isascii())
        raise NotationError(f"found {text[offset]!r}, expected plain ASCII", offset)
    try:
        target, right = _parser().parse(text)
    except UnexpectedInput as error:
        raise _refusal(text, error) from None
    except VisitError as error:
        raise error.orig_exc from None
    statement = Statement(text, target, right)
    if isinstance(right, tuple):
        name, reduced, body = right
        statement = Statement(text, target, body, str(name), reduced, name.start_pos)
    _check_depth(statement.body)
    return statement


def _refusal(text: str, error: UnexpectedInput) -> NotationError:
    """What was found and what could have stood there instead."""
    found, offset, expected = "the end", len(text.rstrip()), set[str]()
    if isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        if error.token.type != "$END":
            found, offset = f"'{str(error.token)[:20]}'", error.token.start_pos or 0
    elif isinstance(error, UnexpectedCharacters):
        expected, offset = set(error.allowed or ()), error.pos_in_stream or 0
        found = repr(text[offset])
        before = text[:offset]  # the lexer, unlike the parser, does not know what is open
        expected -= {"EQUAL"} if "=" in before else set()
        expected -= {"RPAR"} if before.count("(") == before.count(")") else set()
        expected -= {"COMMA"} if not any(before.count(a) > before.count(b) for a, b in ("()", "[]", "{}")) else set()
    legal = [_READABLE.get(e, e) for e in sorted(expected, key=list(_READABLE).index)]
    return NotationError(f"found {found}, expected {' or '.join(legal) or 'the end'}", offset)


def _check_depth(body: Expression) -> None:
    level, depth = [body], 0
    while level := [a for e in level if isinstance(e, Apply) for a in e.arguments]:
        depth += 1
        if depth > DEEPEST:
            message = f"operations are nested more than {DEEPEST} deep; name a part of the expression as an Einsum"
            raise NotationError(message, min(e.offset for e in level))


def constant(expression: Expression) -> float | None:
    """The value of an expression without tensors, or None if it has one.

    >>> constant(parse_statement("RM[0,p] = -inf").body)
    -inf
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Apply) and expression.operation == "negate":
        value = constant(expression.arguments[0])
        return None if value is None else math.copysign(value, -value)
    return None
