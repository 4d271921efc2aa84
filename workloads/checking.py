"""From the spec of a cascade to a checked `Cascade`.

Every fault of a file is collected and reported at once, each at the character where it stands. A statement that
is faulty itself makes no further faults where its tensor is used.
"""

from __future__ import annotations

import re

from specs import Expression as SizeExpression
from specs import ExpressionError, Loaded, SpecError, parse_expression, unknown

from .cascade import FUNCTIONS, OPERATION_OF, REDUCTIONS, Cascade
from .definitions import Definitions
from .masks import mask_clauses
from .notation import LONGEST, NotationError, Statement, accesses, applications, parse_statement
from .spec import CascadeSpec, Faults, plain_pins
from .types import check_pins, unknown_type

MOST_EINSUMS = 1000  # some checks take the square of their number

_RANK_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_TENSOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=\s*\[)")


def check_cascade(loaded: Loaded[CascadeSpec]) -> Cascade:
    """Builds the cascade of a spec, or raises `SpecError` with every fault found."""
    faults, spec = Faults(loaded), loaded.model
    if len(spec.einsums) > MOST_EINSUMS:
        faults.report(
            f"found {len(spec.einsums)} statements, a cascade has at most {MOST_EINSUMS}", "einsums", key=True
        )
        raise SpecError(faults.problems)
    parts = _parts(faults)
    sizes = _sizes(faults)
    statements, broken, named = _statements(faults)
    tensors, einsums = Definitions(faults, parts, statements, broken).build()
    mask = mask_clauses(faults)
    _check_names(faults, [s.target.tensor for _, s in statements], broken)
    _check_use(faults, statements, named)
    if faults.problems:
        raise SpecError(faults.problems)
    return Cascade(
        spec.cascade, spec.summary, tuple(spec.source), sizes, parts, tuple(spec.each), tensors, einsums,
        spec.outputs, mask, plain_pins(spec.types),
    )  # fmt: skip


def _parts(faults: Faults) -> dict[str, tuple[str, ...]]:
    """Each rank's parts, outermost first."""
    spec = faults.spec
    parts: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for rank in spec.ranks:
        names = spec.partition.get(rank, [rank])
        if not _RANK_NAME.match(rank):
            faults.report(f"rank '{rank}' is not a lower-case name such as 'm'", "ranks", rank, key=True)
        for i, name in enumerate(names):
            divided = rank in spec.partition
            where: tuple[str | int, ...] = ("partition", rank, i) if divided else ("ranks", rank)
            if divided and not _RANK_NAME.match(name):
                faults.report(f"part '{name}' is not a lower-case name such as 'm0'", *where)
            elif divided and (name in seen or (name != rank and name in spec.ranks)):
                faults.report(f"rank '{name}' stands twice", *where)
            seen.add(name)
        if not names:
            faults.report(f"rank '{rank}' is divided into no parts", "partition", rank)
        parts[rank] = tuple(names) or (rank,)
    for rank in spec.partition:
        if rank not in spec.ranks:
            faults.report(unknown("rank", rank, spec.ranks), "partition", rank, key=True)
    for i, rank in enumerate(spec.each):
        if rank not in spec.ranks:
            faults.report(unknown("rank", rank, spec.ranks), "each", i)
        elif rank in spec.partition:
            faults.report(f"rank '{rank}' is carried by every tensor and cannot be divided", "each", i)
        elif rank in spec.each[:i]:
            faults.report(f"rank '{rank}' stands twice", "each", i)
    return parts


def _sizes(faults: Faults) -> dict[str, SizeExpression]:
    sizes = {}
    for rank, text in faults.spec.ranks.items():
        try:
            sizes[rank] = parse_expression(text)
        except ExpressionError as error:
            faults.report(f"size of rank '{rank}': {error}", "ranks", rank, offset=error.offset)
            continue
        if sizes[rank].is_condition:
            faults.report(f"size of rank '{rank}': found a condition, expected a number", "ranks", rank)
    return sizes


def _statements(faults: Faults) -> tuple[list[tuple[int, Statement]], set[str], set[str]]:
    """The statements that are well-formed; of the others, what they would make, and all tensors that they name."""
    good, broken, named = [], set(), set()
    for i, text in enumerate(faults.spec.einsums):
        try:
            statement = parse_statement(text)
        except NotationError as error:
            faults.report(str(error), "einsums", i, offset=error.offset)
            names = _TENSOR_NAME.findall(text[:LONGEST])
            broken |= set(names[:1])
            named |= set(names)
            continue
        if _check_functions(faults, statement, i):
            good.append((i, statement))
        else:
            broken.add(statement.target.tensor)
            named |= {statement.target.tensor, *(a.tensor for a in accesses(statement.body))}
    return good, broken, named


def _check_functions(faults: Faults, statement: Statement, i: int) -> bool:
    before = len(faults.problems)
    for apply in applications(statement.body):
        operation, found = apply.operation, len(apply.arguments)
        if operation in FUNCTIONS:
            wanted = FUNCTIONS[operation]
            if found != wanted:
                message = f"{operation} takes {wanted} argument{'s' * (wanted > 1)}, found {found}"
                faults.report(message, "einsums", i, offset=apply.offset)
        elif operation not in OPERATION_OF:
            faults.report(unknown("function", operation, FUNCTIONS), "einsums", i, offset=apply.offset)
    if statement.reduction and statement.reduction not in REDUCTIONS:
        message = unknown("reduction", statement.reduction, REDUCTIONS)
        faults.report(message, "einsums", i, offset=statement.offset)
    return len(faults.problems) == before


def _check_names(faults: Faults, targets: list[str], broken: set[str]) -> None:
    """The names under `output` and `types`."""
    spec, made = faults.spec, list(dict.fromkeys(targets))
    known = {*spec.inputs, *made, *broken}
    for i, name in enumerate(spec.outputs):
        path: tuple[str | int, ...] = ("output",) if isinstance(spec.output, str) else ("output", i)
        if name in spec.inputs:
            faults.report(f"output '{name}' is an input", *path)
        elif name not in known:
            faults.report(unknown("output", name, made), *path)
        elif name in spec.outputs[:i]:
            faults.report(f"output '{name}' stands twice", *path)
    if not spec.outputs:
        faults.report("a cascade has at least one output", "output")
    pins = plain_pins(spec.types)
    for name in pins:
        if name not in known and name != "*":
            faults.report(unknown("tensor", name, [*spec.inputs, *made, "*"]), "types", name, key=True)
    for where, found, _ in check_pins(pins):
        faults.report(unknown_type(found), "types", *where)


def _check_use(faults: Faults, statements: list[tuple[int, Statement]], named: set[str]) -> None:
    """Every tensor is read by another Einsum, or is an output."""
    spec = faults.spec
    used = named | {
        access.tensor
        for _, statement in statements
        for access in accesses(statement.body)
        if access.tensor != statement.target.tensor
    }
    reported = set()
    for i, statement in statements:
        name = statement.target.tensor
        is_initial = any(index.name is None for index in statement.target.indices)
        if name in used or name in spec.outputs or name in reported or is_initial:
            continue
        reported.add(name)
        faults.report(f"tensor '{name}' is made, but nothing uses it and it is not the output", "einsums", i)
    for i, name in enumerate(spec.inputs):
        if name in spec.inputs[:i]:
            faults.report(f"input '{name}' stands twice", "inputs", i)
        elif name not in used:
            faults.report(f"input '{name}' is never used", "inputs", i)
