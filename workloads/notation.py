"""The notation of Einsums: text to a small syntax tree. Knows grammar, not meaning.

The grammar is `notation.lark`, one page. What a statement means within a cascade (which names are ranks, what is
defined before what) is checked in `cascade.py`; here a text either has the form of a statement or the error points at
the character where it stops having it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError


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
    """An elementwise operation on expressions: `add`, `subtract`, `multiply`, `divide`, `negate`, `exp`, `max`, ..."""

    operation: str
    arguments: tuple[Expression, ...]
    offset: int = 0


Expression = Access | Number | Apply


@dataclass(frozen=True)
class Statement:
    """`target = [reduction{ranks}] body`; offsets count characters from the start of the text."""

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
    """lark's tree to ours; each method is named after its rule."""

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
        return Number(float(token), token.start_pos or 0)

    def call(self, children: list[Any]) -> Apply:
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


@cache
def _parser() -> Lark:
    grammar = (Path(__file__).parent / "notation.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="statement", parser="lalr", maybe_placeholders=False)


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
    workloads.notation.NotationError: found '=', expected '+' or ',' or ']'
    """
    if not text.isascii():
        offset = next(i for i, c in enumerate(text) if not c.isascii())
        raise NotationError(f"found {text[offset]!r}, expected plain ASCII", offset)
    try:
        target, right = _ToStatement().transform(_parser().parse(text))
    except UnexpectedInput as error:
        offset = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
        token = getattr(error, "token", None)
        if token is not None and token.type == "$END":
            found, offset = "the end", len(text)
        else:
            found = repr(str(token) if token is not None else text[offset : offset + 1])
        expected = getattr(error, "accepts", None) or getattr(error, "expected", None)
        expected = expected or getattr(error, "allowed", None) or set()
        legal = " or ".join(sorted(_READABLE.get(e, e) for e in expected))
        raise NotationError(f"found {found}, expected {legal or 'something else'}", offset) from None
    except (VisitError, RecursionError):
        raise NotationError("the expression is nested too deeply", 0) from None
    if isinstance(right, tuple):
        name, reduced, body = right
        return Statement(text, target, body, str(name), reduced, name.start_pos)
    return Statement(text, target, right)


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
