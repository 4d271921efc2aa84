"""From the spec of a cascade to a checked `Cascade`.

Every fault of a file is collected and reported at once, each at the character where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from specs import Loaded, Problem, SpecError, parse_expression, unknown
from specs import Expression as SizeExpression

from .cascade import FUNCTIONS, REDUCTIONS, Cascade, Einsum, MaskClause, Read, Tensor
from .notation import Access, NotationError, Statement, accesses, applications, constant, parse_statement
from .types import TYPES, TypePin, check_pins


class TypeSpec(BaseModel):
    """Storage and accumulation type of a tensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storage: str
    accumulation: str = "fp32"


def plain_pins(types: Mapping[str, str | TypeSpec]) -> dict[str, TypePin]:
    """Type pins as plain values."""
    return {name: pin if isinstance(pin, str) else pin.model_dump() for name, pin in types.items()}


class CascadeSpec(BaseModel):
    """The file of a cascade."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    cascade: str
    summary: str = ""
    source: list[str] = []
    ranks: dict[str, str]
    each: list[str] = []
    share: dict[str, list[str]] = {}
    partition: dict[str, list[str]] = {}
    inputs: list[str]
    mask: dict[str, str] = {}
    types: dict[str, str | TypeSpec] = {}
    einsums: list[str]
    output: str | list[str]


_CLAUSE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(<=|>=|<|>)(.*)", re.DOTALL)
_RANK_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass
class _Checker:
    """Collects problems while it walks the spec; one instance a file."""

    loaded: Loaded[CascadeSpec]
    problems: list[Problem] = field(default_factory=list)

    @property
    def spec(self) -> CascadeSpec:
        return self.loaded.model

    def report(self, message: str, *path: str | int, offset: int = 0, key: bool = False) -> None:
        self.problems.append(Problem(message, self.loaded.place(path, offset=offset, key=key)))

    # ------------------------------------------------------------------ ranks

    def parts(self) -> dict[str, tuple[str, ...]]:
        """Each rank's parts, outermost first."""
        spec, parts, seen = self.spec, {}, {}
        for rank in spec.ranks:
            names = spec.partition.get(rank, [rank])
            if not _RANK_NAME.match(rank):
                self.report(f"rank '{rank}' is not a lower-case name such as 'm'", "ranks", rank, key=True)
            for i, name in enumerate(names):
                where = ("partition", rank, i) if rank in spec.partition else ("ranks", rank)
                if not _RANK_NAME.match(name):
                    self.report(f"part '{name}' is not a lower-case name such as 'm0'", *where)
                elif name in seen and seen[name] != rank or name in names[:i]:
                    self.report(f"rank '{name}' stands twice", *where)
                seen[name] = rank
            if not names:
                self.report(f"rank '{rank}' is divided into no parts", "partition", rank)
            parts[rank] = tuple(names) or (rank,)
        for rank in spec.partition:
            if rank not in spec.ranks:
                self.report(unknown("rank", rank, spec.ranks), "partition", rank, key=True)
        for i, rank in enumerate(spec.each):
            if rank not in spec.ranks:
                self.report(unknown("rank", rank, spec.ranks), "each", i)
            elif rank in spec.partition:
                self.report(f"rank '{rank}' is carried by every tensor and cannot be divided", "each", i)
        return parts

    def sizes(self) -> dict[str, SizeExpression]:
        sizes = {}
        for rank, text in self.spec.ranks.items():
            try:
                sizes[rank] = parse_expression(text)
            except ValueError as error:
                offset = getattr(error, "offset", 0)
                self.report(f"size of rank '{rank}': {error}", "ranks", rank, offset=offset)
        return sizes

    # --------------------------------------------------------------- Einsums

    def statements(self) -> Iterator[tuple[int, Statement]]:
        for i, text in enumerate(self.spec.einsums):
            try:
                yield i, parse_statement(text)
            except NotationError as error:
                self.report(str(error), "einsums", i, offset=error.offset)

    def index_names(self, access: Access, i: int, parts: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
        """The part behind each index; None and a problem if one is not declared."""
        names = [p for group in parts.values() for p in group]
        result = []
        for index in access.indices:
            name = index.name
            if name is None:
                result.append("")
            elif name in names:
                result.append(name)
            elif name.lower() in names and name == name.upper():
                result.append(name.lower())
            else:
                divided = parts.get(name)
                hint = f"; rank '{name}' is divided into {', '.join(divided)}" if divided else ""
                self.report(unknown("rank", name, names) + hint, "einsums", i, offset=index.offset)
                return None
        return tuple(result)

    def functions(self, statement: Statement, i: int) -> bool:
        good = True
        for apply in applications(statement.body):
            operation = apply.operation
            if operation in ("add", "subtract", "multiply", "divide", "negate"):
                continue
            if operation not in FUNCTIONS:
                self.report(unknown("function", operation, FUNCTIONS), "einsums", i, offset=apply.offset)
                good = False
            elif len(apply.arguments) != FUNCTIONS[operation]:
                found, wanted = len(apply.arguments), FUNCTIONS[operation]
                message = f"{operation} takes {wanted} argument{'s' * (wanted > 1)}, found {found}"
                self.report(message, "einsums", i, offset=apply.offset)
                good = False
        if statement.reduction and statement.reduction not in REDUCTIONS:
            self.report(unknown("reduction", statement.reduction, REDUCTIONS), "einsums", i, offset=statement.offset)
            good = False
        return good

    # --------------------------------------------------------------- the mask

    def mask(self) -> tuple[MaskClause, ...]:
        clauses: list[MaskClause] = []
        for key, text in self.spec.mask.items():
            match = _CLAUSE.match(text)
            if not match or match[1] not in self.spec.ranks:
                self.report("a mask reads 'm <= p + bound' or '>=', '<', '>', with ranks m and p", "mask", key)
                continue
            column, sign, right = match.groups()
            try:
                bound = parse_expression(right)
            except ValueError as error:
                offset = match.start(3) + getattr(error, "offset", 0)
                self.report(f"mask '{key}': {error}", "mask", key, offset=offset)
                continue
            rows = [n for n in bound.names() if n in self.spec.ranks and n != column]
            legal = {*self.spec.ranks, *(r.upper() for r in self.spec.ranks), key}
            strange = sorted(n for n in bound.names() if n not in legal)
            if strange:
                self.report(unknown("name", strange[0], legal), "mask", key)
                continue
            if len(rows) != 1 or _slope(bound, rows[0]) != 1:
                self.report(f"mask '{key}' must bound {column} by one other rank plus a constant", "mask", key)
                continue
            if clauses and (clauses[0].row, clauses[0].column) != (rows[0], column):
                pair = f"{clauses[0].column} and {clauses[0].row}"
                self.report(f"mask '{key}' is over other ranks than the first ({pair})", "mask", key)
                continue
            clauses.append(MaskClause(key, rows[0], column, "high" if "<" in sign else "low", bound, "=" in sign))
        return tuple(clauses)


def _slope(bound: SizeExpression, row: str) -> object:
    values = [bound.evaluate(lambda name, r=r: r if name == row else 7) for r in (0, 1, 5)]  # type: ignore[misc]
    return 1 if values[1] - values[0] == 1 and values[2] - values[0] == 5 else None


def check_cascade(loaded: Loaded[CascadeSpec]) -> Cascade:
    """Builds the cascade of a spec, or raises `SpecError` with every fault found."""
    checker = _Checker(loaded)
    spec = loaded.model
    parts = checker.parts()
    sizes = checker.sizes()
    statements = [(i, s) for i, s in checker.statements() if checker.functions(s, i)]
    if checker.problems:
        raise SpecError(checker.problems)
    tensors, einsums = _Builder(checker, parts, statements).build()
    mask = checker.mask()
    outputs = (spec.output,) if isinstance(spec.output, str) else tuple(spec.output)
    for i, name in enumerate(outputs):
        if name not in tensors or tensors[name].role == "input":
            path = ("output",) if isinstance(spec.output, str) else ("output", i)
            checker.report(unknown("output", name, [e.name for e in einsums]), *path)
    types = plain_pins(spec.types)
    for name in types:
        if name not in tensors and name != "*":
            checker.report(unknown("tensor", name, tensors), "types", name, key=True)
    for path, found, _ in check_pins(types):
        checker.report(unknown("type", found, TYPES), "types", *path)
    used = {r.tensor for e in einsums for r in e.reads}
    for i, statement in statements:
        name = statement.target.tensor
        if name in tensors and name not in used and name not in outputs and constant(statement.body) is None:
            checker.report(f"tensor '{name}' is defined, but nothing uses it and it is not the output", "einsums", i)
    for i, name in enumerate(spec.inputs):
        if name not in used:
            checker.report(f"input '{name}' is never used", "inputs", i)
    if checker.problems:
        raise SpecError(checker.problems)
    return Cascade(
        spec.cascade, spec.summary, tuple(spec.source), sizes, parts, tuple(spec.each), tensors, einsums, outputs,
        mask, types,
    )  # fmt: skip


class _Builder:
    """Tensors and Einsums from parsed statements; relies on ranks and functions being known good."""

    def __init__(self, checker: _Checker, parts: dict[str, tuple[str, ...]], statements: list) -> None:
        self.checker, self.parts = checker, parts
        self.statements: list[tuple[int, Statement]] = statements
        self.spec = checker.spec
        self.family_of = {p: rank for rank, group in parts.items() for p in group}
        self.initial: dict[str, float] = {}
        self.iterated: dict[str, str] = {}
        self.ranks: dict[str, tuple[str, ...]] = {}
        self.defined_at: dict[str, int] = {}
        self.iterated_parts = {
            index.name for _, s in statements for index in s.target.indices if index.name and index.shift
        }

    def build(self) -> tuple[dict[str, Tensor], tuple[Einsum, ...]]:
        definitions = []
        for i, statement in self.statements:
            if self._is_initial(i, statement):
                continue
            self._define(i, statement)
            definitions.append((i, statement))
        inputs = set(self.spec.inputs)
        einsums = []
        for i, statement in definitions:
            einsum = self._einsum(i, statement, inputs)
            if einsum:
                einsums.append(einsum)
        for name, part in self.iterated.items():
            if name not in self.initial:
                zero = ",".join("0" if r == part else r for r in self.ranks[name])
                message = f"'{name}' iterates over '{part}' but has no initial value; add '{name}[{zero}] = ...'"
                self.checker.report(message, "einsums", self.defined_at[name])
        outputs = {self.spec.output} if isinstance(self.spec.output, str) else set(self.spec.output)
        tensors = {}
        for name, ranks in self.ranks.items():
            shared = self.spec.share.get(name, [])
            each = tuple(r for r in self.spec.each if r not in shared)
            role = "input" if name in inputs else "output" if name in outputs else "intermediate"
            iterated = self.iterated.get(name)
            tensors[name] = Tensor(name, each + ranks, role, iterated, self.initial.get(name))
        for name, ranks in self.spec.share.items():
            if name not in tensors:
                self.checker.report(unknown("tensor", name, tensors), "share", name, key=True)
            for k, rank in enumerate(ranks):
                if rank not in self.spec.each:
                    self.checker.report(unknown("rank", rank, self.spec.each), "share", name, k)
        return tensors, tuple(einsums)

    def _is_initial(self, i: int, statement: Statement) -> bool:
        if not any(index.name is None for index in statement.target.indices):
            return False
        name, value = statement.target.tensor, constant(statement.body)
        if value is None or statement.reduction:
            self.checker.report("an initial value must be a constant such as 0 or -inf", "einsums", i)
        elif any(index.name is None and index.shift != 0 for index in statement.target.indices):
            self.checker.report("an initial value stands at index 0", "einsums", i)
        else:
            self.checker.index_names(statement.target, i, self.parts)
            self.initial[name] = value
        return True

    def _define(self, i: int, statement: Statement) -> None:
        target, checker = statement.target, self.checker
        names = checker.index_names(target, i, self.parts)
        if target.tensor in self.defined_at:
            line = checker.loaded.place(("einsums", self.defined_at[target.tensor])).line
            checker.report(f"tensor '{target.tensor}' is defined twice, first on line {line}", "einsums", i)
            return
        if target.tensor in self.spec.inputs:
            checker.report(f"tensor '{target.tensor}' is an input and cannot be defined", "einsums", i)
            return
        self.defined_at[target.tensor] = i
        if names is None:
            return
        self._check_ranks(target, names, i)
        self.ranks[target.tensor] = names
        for index, name in zip(target.indices, names, strict=True):
            if index.shift:
                if index.shift != 1 or target.tensor in self.iterated:
                    checker.report(f"a state iterates over one rank by +1, found '{index}'", "einsums", i,
                                   offset=index.offset)  # fmt: skip
                self.iterated[target.tensor] = name

    def _check_ranks(self, access: Access, names: tuple[str, ...], i: int) -> None:
        for index, name in zip(access.indices, names, strict=True):
            if name and names.count(name) > 1:
                self.checker.report(f"rank '{name}' stands twice in {access}", "einsums", i, offset=index.offset)
                return
            if name in self.spec.each:
                message = f"rank '{name}' is carried by every tensor ('each') and is not written"
                self.checker.report(message, "einsums", i, offset=index.offset)
        for family, group in self.parts.items():
            carried = [p for p in group if p in names]
            inner = [p for p in group if p not in self.iterated_parts]
            if carried and carried not in (list(group[: len(carried)]), inner[: len(carried)]):
                missing = next(p for p in group if p not in names)
                message = f"{access} carries '{carried[-1]}' without '{missing}', the part of '{family}' outside of it"
                self.checker.report(message, "einsums", i, offset=access.offset)

    def _einsum(self, i: int, statement: Statement, inputs: set[str]) -> Einsum | None:
        checker, target = self.checker, statement.target
        if target.tensor not in self.ranks or self.defined_at[target.tensor] != i:
            return None
        reads, good, present = [], True, set()
        for access in accesses(statement.body):
            read = self._read(i, statement, access, inputs)
            good = good and read is not None
            if read:
                reads.append(read)
                present |= {n for n, ix in zip(self._names(access), access.indices, strict=True) if ix.name in (n,)}
        reduced = []
        for index in statement.reduced:
            if index.name not in self.family_of:
                checker.report(unknown("rank", str(index.name), self.family_of), "einsums", i, offset=index.offset)
                good = False
            elif good and index.name not in present:
                message = f"reduction over rank '{index.name}', which no operand has"
                checker.report(message, "einsums", i, offset=index.offset)
                good = False
            reduced.append(str(index.name))
        if not good:
            return None
        kept = self.ranks[target.tensor]
        for name, index in zip(kept, target.indices, strict=True):
            if name not in present:
                checker.report(f"rank '{name}' of the result is in no operand", "einsums", i, offset=index.offset)
            if name in reduced:
                checker.report(f"rank '{name}' is both kept and reduced", "einsums", i, offset=index.offset)
        for access in accesses(statement.body):
            for name, index in zip(self._names(access), access.indices, strict=True):
                if index.name == name and name not in kept and name not in reduced:
                    message = f"rank '{name}' is neither kept in the result nor reduced"
                    checker.report(message, "einsums", i, offset=index.offset)
        each = tuple(self.spec.each)
        return Einsum(
            target.tensor, statement, each + kept, tuple(reduced), statement.reduction, tuple(reads),
            self.iterated.get(target.tensor),
        )  # fmt: skip

    def _names(self, access: Access) -> tuple[str, ...]:
        return tuple((index.name or "").lower() for index in access.indices)

    def _read(self, i: int, statement: Statement, access: Access, inputs: set[str]) -> Read | None:
        checker, name = self.checker, access.tensor
        names = checker.index_names(access, i, self.parts)
        if names is None:
            return None
        if name not in inputs and name not in self.defined_at:
            legal = [*self.spec.inputs, *self.defined_at]
            checker.report(unknown("tensor", name, legal), "einsums", i, offset=access.offset)
            return None
        if name not in self.ranks:
            if name not in inputs:
                return None
            self._check_ranks(access, names, i)
            self.ranks[name] = names
        if names != self.ranks[name]:
            first = f"{name}[{','.join(self.ranks[name])}]"
            checker.report(f"{access} does not match {first}, as it stands elsewhere", "einsums", i,
                           offset=access.offset)  # fmt: skip
            return None
        version = self._version(access, names, i)
        if version in ("plain", "current", "final") and self.defined_at.get(name, -1) >= i:
            self._report_order(i, statement, access)
            return None
        return Read(name, version, access) if version else None

    def _version(self, access: Access, names: tuple[str, ...], i: int) -> str | None:
        part = self.iterated.get(access.tensor)
        version = "plain"
        for index, name in zip(access.indices, names, strict=True):
            final = index.name is not None and index.name != name
            if name == part and part is not None:
                version = "final" if final else "current" if index.shift == 1 else "previous"
                legal = index.shift in (0, 1) and index.name is not None
            else:
                legal = not final and index.shift == 0 and index.name is not None
            if not legal:
                message = f"index '{index}' needs a state that iterates over '{name or 'a rank'}'"
                self.checker.report(message, "einsums", i, offset=index.offset)
                return None
        return version

    def _report_order(self, i: int, statement: Statement, access: Access) -> None:
        """A tensor that is defined later: a cycle if it needs this one, else an order to mend."""
        needs = {s.target.tensor: {a.tensor for a in accesses(s.body)} for _, s in self.statements}
        path = _path(needs, access.tensor, statement.target.tensor)
        line = self.checker.loaded.place(("einsums", self.defined_at[access.tensor])).line
        if path:
            message = f"a cycle: {' needs '.join([statement.target.tensor, *path])}"
        else:
            message = f"tensor '{access.tensor}' is used before it is defined on line {line}"
        self.checker.report(message, "einsums", i, offset=access.offset)


def _path(needs: dict[str, set[str]], start: str, goal: str) -> list[str] | None:
    """A shortest chain of needs from start to goal, both included."""
    frontier, seen = [[start]], {start}
    while frontier:
        chain = frontier.pop(0)
        if chain[-1] == goal:
            return chain
        for name in sorted(needs.get(chain[-1], ())):
            if name not in seen:
                seen.add(name)
                frontier.append([*chain, name])
    return None

